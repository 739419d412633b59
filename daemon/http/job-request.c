/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/job-request.h"

#include <medley/medley-error.h>
#include <string.h>

#include "base/json.h"
#include "base/nearest.h"
#include "job/options.h"

static gboolean
fail (GError **error, const char *pointer, const char *what)
{
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT, "%s: %s",
               *pointer != '\0' ? pointer : "the body", what);
  return FALSE;
}

static gboolean
fail_key (GError **error, const char *pointer, const char *key, const char *const *known)
{
  g_autofree char *list = g_strjoinv (", ", (char **) known);
  const char *near = medley_nearest (key, known);

  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
               "%s: unknown key \"%s\"%s%s%s; the keys are %s",
               *pointer != '\0' ? pointer : "the body", key,
               near != NULL ? ", did you mean \"" : "", near != NULL ? near : "",
               near != NULL ? "\"?" : "", list);
  return FALSE;
}

static gboolean
is_object (GVariant *value)
{
  return g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT);
}

static gboolean
is_string (GVariant *value)
{
  return g_variant_is_of_type (value, G_VARIANT_TYPE_STRING);
}

/* GLib's decoder skips whatever is not base64; a client's mistake should not become silence. */
static GBytes *
decode_base64 (const char *text)
{
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  gsize digits = strspn (text, alphabet);
  gsize padding = strspn (text + digits, "=");
  guchar *data;
  gsize length;

  if (text[digits + padding] != '\0' || (digits + padding) % 4 != 0 || padding > 2)
    return NULL;
  data = g_base64_decode (text, &length);
  return g_bytes_new_take (data, length);
}

static gboolean
take_input (MedleyJobRequest *request, const char *name, GVariant *input, GError **error)
{
  static const char *const known[] = { "text", "base64", "upload", NULL };
  g_autofree char *pointer = medley_json_pointer_append ("/inputs", name);
  g_autoptr (GVariant) value = NULL;
  g_autofree char *key = NULL;
  g_autoptr (GBytes) bytes = NULL;

  if (!is_object (input) || g_variant_n_children (input) != 1)
    return fail (error, pointer,
                 "an input is an object with one of \"text\", \"base64\" and \"upload\"");
  g_variant_get_child (input, 0, "{sv}", &key, &value);
  if (!g_strv_contains (known, key))
    return fail_key (error, pointer, key, known);
  if (g_str_equal (key, "upload")) {
    if (!g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN) || !g_variant_get_boolean (value))
      return fail (error, pointer, "\"upload\" can only be true");
    medley_job_request_add_input_upload (request, name);
    return TRUE;
  }
  if (!is_string (value))
    return fail (error, pointer, "\"text\" and \"base64\" are strings");
  if (g_str_equal (key, "text")) {
    gsize length;
    const char *text = g_variant_get_string (value, &length);

    bytes = g_bytes_new (text, length);
  } else {
    bytes = decode_base64 (g_variant_get_string (value, NULL));
    if (bytes == NULL)
      return fail (error, pointer,
                   "\"base64\" is not proper base64 (RFC 4648, with padding, without line breaks)");
  }
  medley_job_request_add_input_bytes (request, name, bytes);
  return TRUE;
}

static gboolean
take_inputs (MedleyJobRequest *request, GVariant *inputs, GError **error)
{
  GVariantIter iter;
  const char *name;
  GVariant *child;

  if (!is_object (inputs))
    return fail (error, "/inputs", "this is an object: name of the input to its content");
  g_variant_iter_init (&iter, inputs);
  while (g_variant_iter_next (&iter, "{&sv}", &name, &child)) {
    g_autoptr (GVariant) input = child;

    if (!take_input (request, name, input, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
take_parameters (MedleyJobRequest *request, GVariant *parameters, GError **error)
{
  GVariantIter iter;
  const char *name;
  GVariant *child;

  if (!is_object (parameters))
    return fail (error, "/parameters", "this is an object: name of the parameter to its value");
  g_variant_iter_init (&iter, parameters);
  while (g_variant_iter_next (&iter, "{&sv}", &name, &child)) {
    g_autoptr (GVariant) value = child;

    if (strchr ("sbxd", g_variant_get_type_string (value)[0]) == NULL) {
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_PARAMETER,
                   "parameter \"%s\" is a string, a number or a boolean", name);
      return FALSE;
    }
    medley_job_request_set_parameter (request, name, value);
  }
  return TRUE;
}

static gboolean
take_output_types (MedleyJobRequest *request, GVariant *outputs, GError **error)
{
  static const char *const known[] = { "type", NULL };
  GVariantIter iter;
  const char *name;
  GVariant *child;

  g_variant_iter_init (&iter, outputs);
  while (g_variant_iter_next (&iter, "{&sv}", &name, &child)) {
    g_autoptr (GVariant) output = child;
    g_autofree char *pointer = medley_json_pointer_append ("/outputs", name);
    g_autoptr (GVariant) value = NULL;
    g_autofree char *key = NULL;

    if (!is_object (output) || g_variant_n_children (output) > 1)
      return fail (error, pointer, "an output is an object with an optional \"type\"");
    if (g_variant_n_children (output) == 1)
      g_variant_get_child (output, 0, "{sv}", &key, &value);
    if (key != NULL && !g_str_equal (key, "type"))
      return fail_key (error, pointer, key, known);
    if (value != NULL && !is_string (value))
      return fail (error, pointer, "\"type\" is a media type");
    medley_job_request_add_output (request, name,
                                   value != NULL ? g_variant_get_string (value, NULL) : NULL);
  }
  return TRUE;
}

static gboolean
take_outputs (MedleyJobRequest *request, GVariant *outputs, GError **error)
{
  if (is_object (outputs))
    return take_output_types (request, outputs, error);
  if (!g_variant_is_of_type (outputs, G_VARIANT_TYPE ("av")))
    return fail (error, "/outputs",
                 "this is an array of names, or an object: name to {\"type\": ...}");
  for (gsize i = 0; i < g_variant_n_children (outputs); i++) {
    g_autoptr (GVariant) name = NULL;

    g_variant_get_child (outputs, i, "v", &name);
    if (!is_string (name))
      return fail (error, "/outputs", "an output is named by a string");
    medley_job_request_add_output (request, g_variant_get_string (name, NULL), NULL);
  }
  return TRUE;
}

static gboolean
take_pipeline (MedleyJobRequest *request, GVariant *pipeline, GError **error)
{
  if (is_string (pipeline)) {
    medley_job_request_set_pipeline (request, g_variant_get_string (pipeline, NULL));
  } else if (is_object (pipeline)) {
    g_autofree char *text = medley_json_print (pipeline, TRUE);

    medley_job_request_set_pipeline_text (request, text, strlen (text));
  } else {
    return fail (error, "/pipeline", "this is the name of a pipeline, or a pipeline as an object");
  }
  return TRUE;
}

static gboolean
is_option (const char *key)
{
  return g_strv_contains (medley_job_option_names (), key);
}

static gboolean
take_option (MedleyJobRequest *request, const char *key, GVariant *value, guint max_key,
             GError **error)
{
  g_autofree char *pointer = medley_json_pointer_append ("", key);

  return medley_job_request_set_option (request, key, pointer, value, FALSE, max_key, error);
}

static gboolean
fill (MedleyJobRequest *request, GVariant *value, guint max_key, GError **error)
{
  static const char *const known[] = { "pipeline", "inputs", "parameters", "outputs" };
  static gboolean (*const takers[]) (MedleyJobRequest *, GVariant *, GError **)
      = { take_pipeline, take_inputs, take_parameters, take_outputs };
  gboolean has_pipeline = FALSE;
  GVariantIter iter;
  const char *key;
  GVariant *child;

  if (!is_object (value))
    return fail (error, "",
                 "this is an object with \"pipeline\", \"inputs\", \"parameters\" and \"outputs\"");
  g_variant_iter_init (&iter, value);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &child)) {
    g_autoptr (GVariant) member = child;
    guint i = 0;

    while (i < G_N_ELEMENTS (known) && !g_str_equal (known[i], key))
      i++;
    if (i == G_N_ELEMENTS (known) && !is_option (key)) {
      g_autoptr (GStrvBuilder) all = g_strv_builder_new ();
      g_auto (GStrv) keys = NULL;

      for (i = 0; i < G_N_ELEMENTS (known); i++)
        g_strv_builder_add (all, known[i]);
      g_strv_builder_addv (all, (const char **) medley_job_option_names ());
      keys = g_strv_builder_end (all);
      return fail_key (error, "", key, (const char *const *) keys);
    }
    if (i == G_N_ELEMENTS (known) ? !take_option (request, key, member, max_key, error)
                                  : !takers[i](request, member, error))
      return FALSE;
    has_pipeline = has_pipeline || i == 0;
  }
  return has_pipeline || fail (error, "", "\"pipeline\" is missing");
}

MedleyJobRequest *
medley_http_job_request_from_json (GVariant *value, const char *client, guint max_key,
                                   GError **error)
{
  g_autoptr (MedleyJobRequest) request = medley_job_request_new (client);

  if (!fill (request, value, max_key, error))
    return NULL;
  return g_steal_pointer (&request);
}

void
medley_http_job_request_set_origin (MedleyJobRequest *request, MedleyHttpExchange *exchange)
{
  const MedleyHttpNotes *notes = medley_http_exchange_get_notes (exchange);

  medley_job_request_set_request_id (request, notes->id);
  medley_job_request_set_trace (request, &notes->trace, notes->tracestate);
}
