/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/session/ends.h"

#include <medley/medley-error.h>

#include "base/media.h"
#include "http/routes.h"

#define CAPTIONS "text/vtt"
#define LINES "application/x-ndjson"

/* A pipeline as a start has it: by its name, or as an object that is not checked yet. */
typedef struct {
  MedleyPipeline *named; /* NULL for the other */
  GVariant *sent;
} Pipeline;

static void
output_free (gpointer data)
{
  MedleySessionOutput *output = data;

  g_free (output->name);
  g_free (output->type);
  g_free (output);
}

void
medley_session_ends_free (MedleySessionEnds *self)
{
  g_clear_pointer (&self->request, g_variant_unref);
  g_clear_pointer (&self->outputs, g_ptr_array_unref);
  g_free (self->input);
  g_free (self);
}

/* (transfer full): names of the members of an object */
static char **
list_keys (GVariant *object)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  GVariantIter iter;
  const char *key;

  if (object != NULL) {
    g_variant_iter_init (&iter, object);
    while (g_variant_iter_loop (&iter, "{&sv}", &key, NULL))
      g_strv_builder_add (builder, key);
  }
  return g_strv_builder_end (builder);
}

static GVariant *
look_up_object (GVariant *object, const char *key)
{
  return object != NULL ? g_variant_lookup_value (object, key, G_VARIANT_TYPE_VARDICT) : NULL;
}

/* @ends: "inputs" or "outputs" */
static char **
list_ends (Pipeline *pipeline, const char *ends)
{
  g_autoptr (GVariant) object = NULL;

  if (pipeline->named != NULL)
    return g_strdupv ((char **) (*ends == 'i' ? medley_pipeline_get_inputs (pipeline->named)
                                              : medley_pipeline_get_outputs (pipeline->named)));
  object = look_up_object (pipeline->sent, ends);
  return list_keys (object);
}

/* (transfer full): "" when it is not known */
static char *
find_type (Pipeline *pipeline, const char *ends, const char *name)
{
  g_autoptr (GVariant) object = NULL;
  g_autoptr (GVariant) one = NULL;
  const char *type = NULL;

  if (pipeline->named != NULL) {
    type = *ends == 'i' ? medley_pipeline_get_input_type (pipeline->named, name)
                        : medley_pipeline_get_output_type (pipeline->named, name);
  } else {
    object = look_up_object (pipeline->sent, ends);
    one = look_up_object (object, name);
    if (one != NULL)
      g_variant_lookup (one, "type", "&s", &type);
  }
  return g_strdup (type != NULL ? type : "");
}

/* The one that is named, or the only one that is not given otherwise. */
static gboolean
choose_input (MedleySessionEnds *self, Pipeline *pipeline, GVariant *request, const char *input,
              GError **error)
{
  g_auto (GStrv) all = list_ends (pipeline, "inputs");
  g_autofree char *list = g_strjoinv (", ", all);
  g_autoptr (GVariant) given = look_up_object (request, "inputs");
  g_autofree char *type = NULL;

  if (input != NULL && !g_strv_contains ((const char *const *) all, input)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNKNOWN_INPUT,
                 "the pipeline has no input \"%s\"; it has: %s", input, list);
    return FALSE;
  }
  for (guint i = 0; input == NULL && all[i] != NULL; i++) {
    g_autoptr (GVariant) value
        = given != NULL ? g_variant_lookup_value (given, all[i], NULL) : NULL;

    if (value != NULL)
      continue;
    if (self->input != NULL) {
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_MISSING_INPUT,
                   "say in \"input\" which input is sent, and give the others in \"inputs\": %s",
                   list);
      return FALSE;
    }
    self->input = g_strdup (all[i]);
  }
  if (input != NULL)
    self->input = g_strdup (input);
  if (self->input == NULL) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_MISSING_INPUT,
                 "no input is left to be sent in this session");
    return FALSE;
  }
  type = find_type (pipeline, "inputs", self->input);
  self->is_text = medley_media_modality (type) == MEDLEY_MODALITY_TEXT;
  return TRUE;
}

static void
add_output (MedleySessionEnds *self, const char *name, const char *own, const char *wanted,
            gboolean is_hidden)
{
  MedleySessionOutput *output = g_new0 (MedleySessionOutput, 1);
  const char *type = wanted != NULL ? wanted : own;

  output->name = g_strdup (name);
  output->type = g_strdup (wanted);
  output->is_hidden = is_hidden;
  if (wanted == NULL && g_str_equal (own, CAPTIONS))
    output->type = g_strdup (LINES);
  if (g_strcmp0 (output->type, LINES) == 0)
    output->form = MEDLEY_SESSION_CAPTIONS;
  else if (medley_media_modality (type) == MEDLEY_MODALITY_TEXT
           || g_str_equal (type, "application/json"))
    output->form = MEDLEY_SESSION_TEXTUAL;
  g_ptr_array_add (self->outputs, output);
}

/* (transfer full) (nullable): name → `a{sv}` of what the start says of outputs; NULL for all */
static GVariant *
read_wanted (GVariant *request, GError **error)
{
  g_autoptr (GVariant) outputs = g_variant_lookup_value (request, "outputs", NULL);
  GVariantBuilder builder;

  if (outputs == NULL || g_variant_is_of_type (outputs, G_VARIANT_TYPE_VARDICT))
    return g_steal_pointer (&outputs);
  if (g_variant_is_of_type (outputs, G_VARIANT_TYPE ("av"))) {
    g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
    for (gsize i = 0; i < g_variant_n_children (outputs); i++) {
      g_autoptr (GVariant) name = NULL;

      g_variant_get_child (outputs, i, "v", &name);
      if (g_variant_is_of_type (name, G_VARIANT_TYPE_STRING))
        g_variant_builder_add (&builder, "{sv}", g_variant_get_string (name, NULL),
                               g_variant_new_array (G_VARIANT_TYPE ("{sv}"), NULL, 0));
    }
    return g_variant_ref_sink (g_variant_builder_end (&builder));
  }
  g_set_error_literal (
      error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
      "/outputs: this is an array of names, or an object: name to {\"type\": ...}");
  return NULL;
}

static gboolean
choose_outputs (MedleySessionEnds *self, Pipeline *pipeline, GVariant *request, GError **error)
{
  g_auto (GStrv) all = list_ends (pipeline, "outputs");
  g_autofree char *list = g_strjoinv (", ", all);
  g_autoptr (GError) failure = NULL;
  g_autoptr (GVariant) wanted = read_wanted (request, &failure);
  g_auto (GStrv) names = list_keys (wanted);
  const char *marks = NULL;
  gboolean has_captions = FALSE;

  if (failure != NULL) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return FALSE;
  }
  for (guint i = 0; names[i] != NULL; i++) {
    if (g_strv_contains ((const char *const *) all, names[i]))
      continue;
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNKNOWN_OUTPUT,
                 "the pipeline has no output \"%s\"; it has: %s", names[i], list);
    return FALSE;
  }
  for (guint i = 0; all[i] != NULL; i++) {
    g_autofree char *own = find_type (pipeline, "outputs", all[i]);
    g_autoptr (GVariant) one = look_up_object (wanted, all[i]);
    const char *type = NULL;

    if (one != NULL)
      g_variant_lookup (one, "type", "&s", &type);
    if (wanted == NULL || one != NULL)
      add_output (self, all[i], own, type, FALSE);
    else if (marks == NULL && g_str_equal (own, CAPTIONS))
      marks = all[i];
  }
  for (guint i = 0; i < self->outputs->len; i++)
    has_captions
        |= ((MedleySessionOutput *) self->outputs->pdata[i])->form == MEDLEY_SESSION_CAPTIONS;
  if (!has_captions && marks != NULL)
    add_output (self, marks, CAPTIONS, NULL, TRUE);
  return TRUE;
}

/* The request with our outputs instead of the client's. */
static GVariant *
make_request (MedleySessionEnds *self, GVariant *request)
{
  GVariantDict dict;
  GVariantBuilder outputs;

  g_variant_builder_init (&outputs, G_VARIANT_TYPE_VARDICT);
  for (guint i = 0; i < self->outputs->len; i++) {
    const MedleySessionOutput *output = self->outputs->pdata[i];
    GVariantDict one;

    g_variant_dict_init (&one, NULL);
    if (output->type != NULL)
      g_variant_dict_insert (&one, "type", "s", output->type);
    g_variant_builder_add (&outputs, "{sv}", output->name, g_variant_dict_end (&one));
  }
  g_variant_dict_init (&dict, request);
  g_variant_dict_insert_value (&dict, "outputs", g_variant_builder_end (&outputs));
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

MedleySessionEnds *
medley_session_ends_new (MedleyHttp *http, GVariant *request, const char *input, GError **error)
{
  g_autoptr (MedleySessionEnds) self = g_new0 (MedleySessionEnds, 1);
  g_autoptr (GVariant) value = g_variant_lookup_value (request, "pipeline", NULL);
  Pipeline pipeline = { NULL, NULL };

  self->outputs = g_ptr_array_new_with_free_func (output_free);
  if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_STRING)) {
    pipeline.named = medley_http_find_pipeline (http, g_variant_get_string (value, NULL), error);
    if (pipeline.named == NULL)
      return NULL;
  } else if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT)) {
    pipeline.sent = value;
  } else {
    g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                         "/pipeline: this is the name of a pipeline, or a pipeline as an object");
    return NULL;
  }
  if (!choose_input (self, &pipeline, request, input, error)
      || !choose_outputs (self, &pipeline, request, error))
    return NULL;
  self->request = make_request (self, request);
  return g_steal_pointer (&self);
}
