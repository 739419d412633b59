/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/job-request.h"
#include "http/openai/call.h"

#include <glib/gstdio.h>
#include <medley/medley-error.h>
#include <string.h>

#include "http/openai/models.h"
#include "http/openai/problem.h"
#include "http/option-headers.h"
#include "http/problem.h"
#include "job/output-reader.h"

#define PIECE (64 * 1024)

struct _MedleyOpenaiCall {
  grefcount ref_count;
  MedleyHttp *http;
  MedleyHttpExchange *exchange;
  char *route;
  char *model;
  MedleyOpenaiFields *fields;
  MedleyPipeline *pipeline;   /* NULL when the model is a fault */
  const MedleyServes *serves; /* of the pipeline */
  MedleyJobRequest *request;
  char *key;     /* the client may come back for it; NULL for none */
  guint max_key; /* bytes */
  gboolean is_detached;
  gboolean is_answered;
  MedleyJob *job;
  MedleyOpenaiCallFunc func;
  gpointer data;
  GDestroyNotify destroy;

  MedleyOutputReader *reader;
  GCancellable *cancellable;
  MedleyOpenaiPieceFunc piece_func;
  char *type; /* of what is sent as it is */
  MedleyOpenaiSse *sse;

  char **roles; /* what is collected */
  guint role;
  gsize left;
  GByteArray *content;
  GPtrArray *contents;
  MedleyOpenaiContentFunc content_func;
};

static void
read_more (MedleyOpenaiCall *self);

MedleyOpenaiCall *
medley_openai_call_ref (MedleyOpenaiCall *self)
{
  g_ref_count_inc (&self->ref_count);
  return self;
}

void
medley_openai_call_unref (MedleyOpenaiCall *self)
{
  if (!g_ref_count_dec (&self->ref_count))
    return;
  g_clear_pointer (&self->sse, medley_openai_sse_free);
  g_clear_object (&self->reader);
  g_clear_object (&self->job);
  g_object_unref (self->cancellable);
  g_clear_pointer (&self->request, medley_job_request_free);
  g_clear_pointer (&self->pipeline, medley_pipeline_unref);
  medley_openai_fields_free (self->fields);
  g_clear_pointer (&self->content, g_byte_array_unref);
  g_clear_pointer (&self->contents, g_ptr_array_unref);
  if (self->destroy != NULL)
    self->destroy (self->data);
  g_strfreev (self->roles);
  g_free (self->type);
  g_free (self->key);
  g_free (self->model);
  g_free (self->route);
  medley_http_exchange_unref (self->exchange);
  g_object_unref (self->http);
  g_free (self);
}

MedleyHttp *
medley_openai_call_get_http (MedleyOpenaiCall *self)
{
  return self->http;
}

MedleyHttpExchange *
medley_openai_call_get_exchange (MedleyOpenaiCall *self)
{
  return self->exchange;
}

MedleyOpenaiFields *
medley_openai_call_get_fields (MedleyOpenaiCall *self)
{
  return self->fields;
}

MedleyPipeline *
medley_openai_call_get_pipeline (MedleyOpenaiCall *self)
{
  return self->pipeline;
}

const MedleyServes *
medley_openai_call_get_serves (MedleyOpenaiCall *self)
{
  return self->serves;
}

const char *
medley_openai_call_get_model (MedleyOpenaiCall *self)
{
  return self->model != NULL ? self->model : "";
}

MedleyJobRequest *
medley_openai_call_get_request (MedleyOpenaiCall *self)
{
  return self->request;
}

const char *
medley_openai_call_get_key (MedleyOpenaiCall *self)
{
  return self->key;
}

MedleyJobRequest *
medley_openai_call_copy_request (MedleyOpenaiCall *self, guint number, GError **error)
{
  g_autofree char *key = self->key != NULL ? g_strdup_printf ("%s/%u", self->key, number) : NULL;
  MedleyJobRequest *copy;

  if (key != NULL && strlen (key) > self->max_key) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "Idempotency-Key: with \"/%u\" for one of the jobs of this request it is longer "
                 "than %u characters (limits.request-key); use a shorter one",
                 number, self->max_key);
    return NULL;
  }
  copy = medley_job_request_copy (self->request, error);
  if (copy != NULL && key != NULL)
    medley_job_request_set_idempotency_key (copy, key);
  return copy;
}

MedleyJob *
medley_openai_call_get_job (MedleyOpenaiCall *self)
{
  return self->job;
}

/* What is to be run */

static void
find_model (MedleyOpenaiCall *self)
{
  const char *model;
  MedleyPipeline *pipeline;
  g_autoptr (GError) error = NULL;

  medley_openai_fields_require (self->fields, "model");
  model = medley_openai_fields_get_string (self->fields, "model", NULL);
  if (model == NULL)
    return;
  self->model = g_strdup (model);
  pipeline = medley_openai_find_model (self->http, model, &error);
  if (pipeline == NULL) {
    medley_openai_fields_fail (self->fields, "model", 404, "model_not_found", "%s", error->message);
    return;
  }
  self->serves = medley_pipeline_get_serves (pipeline, self->route);
  if (self->serves != NULL) {
    self->pipeline = medley_pipeline_ref (pipeline);
    medley_job_request_set_pipeline (self->request, model);
  } else {
    g_autofree char *able = medley_openai_list_able (self->http, self->route);

    medley_openai_fields_fail (self->fields, "model", 400, "unsupported_model",
                               "the model \"%s\" does not answer /v1/%s; %s%s", model, self->route,
                               *able != '\0' ? "those that do: " : "no model here does", able);
  }
}

MedleyOpenaiCall *
medley_openai_call_new (MedleyHttp *http, MedleyHttpExchange *exchange, const char *route,
                        MedleyOpenaiFields *fields)
{
  MedleyOpenaiCall *self = g_new0 (MedleyOpenaiCall, 1);
  const MedleyHttpRequest *request = medley_http_exchange_get_request (exchange);
  const char *key = medley_http_request_get_header (request, "Idempotency-Key");
  g_autoptr (GError) error = NULL;

  g_ref_count_init (&self->ref_count);
  self->http = g_object_ref (http);
  self->exchange = medley_http_exchange_ref (exchange);
  self->route = g_strdup (route);
  self->fields = fields;
  self->cancellable = g_cancellable_new ();
  self->request = medley_job_request_new (medley_http_exchange_get_client (exchange));
  medley_http_job_request_set_origin (self->request, exchange);
  self->max_key
      = (guint) medley_config_get_number (medley_http_get_config (http), "limits.request-key");
  /* A key that is none is a fault below. */
  self->key = key != NULL ? medley_http_parse_idempotency_key (key, NULL) : NULL;
  find_model (self);
  if (!medley_http_take_option_headers (request, self->request, self->max_key, &error))
    medley_openai_fields_fail_error (self->fields, NULL, error);
  return self;
}

/* The pipeline's input for a field; a fault when it has none. */
static const char *
find_input (MedleyOpenaiCall *self, const char *field)
{
  const char *input = self->serves != NULL ? medley_serves_get_input (self->serves, field) : NULL;

  if (self->serves != NULL && input == NULL)
    medley_openai_fields_fail (self->fields, field, 400, "unsupported_parameter",
                               "the model \"%s\" takes no \"%s\"", self->model, field);
  return input;
}

void
medley_openai_call_add_input (MedleyOpenaiCall *self, const char *field, GBytes *content)
{
  const char *input = find_input (self, field);

  if (input != NULL)
    medley_job_request_add_input_bytes (self->request, input, content);
}

void
medley_openai_call_add_input_fd (MedleyOpenaiCall *self, const char *field, int fd)
{
  const char *input = find_input (self, field);

  if (input != NULL)
    medley_job_request_add_input_fd (self->request, input, fd);
  else
    g_close (fd, NULL);
}

gboolean
medley_openai_call_take_file (MedleyOpenaiCall *self, MedleyHttpForm *form, const char *field)
{
  int part = medley_openai_fields_get_file (self->fields, field);
  g_autoptr (GError) error = NULL;
  int fd;

  if (part < 0)
    return FALSE;
  fd = medley_http_form_steal_fd (form, (guint) part, &error);
  if (fd >= 0)
    medley_openai_call_add_input_fd (self, field, fd);
  else
    medley_openai_fields_fail_error (self->fields, field, error);
  return TRUE;
}

void
medley_openai_call_set_parameter (MedleyOpenaiCall *self, const char *field, GVariant *value,
                                  GVariant *neutral)
{
  g_autoptr (GVariant) given = g_variant_ref_sink (value);
  g_autoptr (GVariant) without = neutral != NULL ? g_variant_ref_sink (neutral) : NULL;
  g_autoptr (GVariant) accepted = NULL;
  g_autofree char *reason = NULL;
  const char *parameter;

  if (self->serves == NULL)
    return;
  parameter = medley_serves_get_parameter (self->serves, field);
  if (parameter == NULL) {
    if (without == NULL || !medley_openai_fields_are_equal (self->fields, given, without))
      medley_openai_fields_fail (self->fields, field, 400, "unsupported_parameter",
                                 "the model \"%s\" cannot change its \"%s\": leave it out",
                                 self->model, field);
    return;
  }
  accepted = medley_serves_accept (self->serves, field, given,
                                   medley_openai_fields_are_texts (self->fields), &reason);
  if (accepted != NULL)
    medley_job_request_set_parameter (self->request, parameter, accepted);
  else
    medley_openai_fields_fail (self->fields, field, 400, "invalid_value", "\"%s\" %s", field,
                               reason);
}

void
medley_openai_call_take_parameter (MedleyOpenaiCall *self, const char *field, GVariant *neutral)
{
  g_autoptr (GVariant) value = medley_openai_fields_get (self->fields, field);
  g_autoptr (GVariant) without = neutral != NULL ? g_variant_ref_sink (neutral) : NULL;

  if (value != NULL && g_variant_type_is_basic (g_variant_get_type (value)))
    medley_openai_call_set_parameter (self, field, value, without);
  else if (value != NULL)
    medley_openai_fields_fail (self->fields, field, 400, "invalid_type",
                               "\"%s\" has to be a string, a number or a boolean", field);
}

gboolean
medley_openai_call_add_output (MedleyOpenaiCall *self, const char *role, const char *media_type)
{
  const char *output = self->serves != NULL ? medley_serves_get_output (self->serves, role) : NULL;

  if (output != NULL)
    medley_job_request_add_output (self->request, output, media_type);
  return output != NULL;
}

void
medley_openai_call_detach (MedleyOpenaiCall *self)
{
  self->is_detached = TRUE;
}

/* Running */

/* Nothing of it goes on. The caller's reference is the last but for that of a read. */
static void
end (MedleyOpenaiCall *self)
{
  if (self->is_answered)
    return;
  self->is_answered = TRUE;
  medley_http_exchange_set_gone_func (self->exchange, NULL, NULL);
  g_cancellable_cancel (self->cancellable);
  medley_openai_call_unref (self);
}

static void
on_gone (MedleyHttpExchange *exchange, gpointer data)
{
  MedleyOpenaiCall *self = data;

  if (!self->is_detached && self->key == NULL && self->job != NULL)
    medley_job_manager_cancel (medley_http_get_manager (self->http), self->job, NULL);
  end (self);
}

static void
on_created (GObject *source, GAsyncResult *result, gpointer data)
{
  MedleyOpenaiCall *self = data;
  MedleyJobManager *manager = MEDLEY_JOB_MANAGER (source);
  SoupMessageHeaders *headers = medley_http_exchange_get_headers (self->exchange);
  g_autoptr (GError) error = NULL;

  self->job = medley_job_manager_create_finish (manager, result, NULL, &error);
  if (medley_http_exchange_is_over (self->exchange)) {
    if (self->job != NULL && self->key == NULL && !self->is_detached)
      medley_job_manager_cancel (manager, self->job, NULL);
    end (self);
  } else if (self->job == NULL) {
    medley_openai_call_fail (self, error);
  } else {
    soup_message_headers_replace (headers, "Medley-Job", medley_job_get_id (self->job));
    if (medley_job_manager_create_was_replayed (result))
      soup_message_headers_replace (headers, "Idempotency-Replayed", "true");
    medley_http_exchange_set_gone_func (self->exchange, on_gone, self);
    self->func (self, self->data);
  }
}

void
medley_openai_call_run (MedleyOpenaiCall *self, MedleyOpenaiCallFunc func, gpointer data,
                        GDestroyNotify destroy)
{
  self->func = func;
  self->data = data;
  self->destroy = destroy;
  if (!self->is_detached)
    medley_job_request_set_attached (self->request);
  if (!medley_openai_fields_finish (self->fields, self->exchange))
    end (self);
  else
    medley_job_manager_create_async (medley_http_get_manager (self->http),
                                     g_steal_pointer (&self->request), on_created, self);
}

/* Voices that only this model has are not among those that the engine names. */
static GError *
add_hint (MedleyOpenaiCall *self, const GError *error)
{
  g_auto (GStrv) voices = NULL;
  g_autofree char *list = NULL;

  if (!g_error_matches (error, MEDLEY_ERROR, MEDLEY_ERROR_UNKNOWN_VOICE) || self->serves == NULL)
    return g_error_copy (error);
  voices = medley_serves_list_values (self->serves, "voice");
  if (voices[0] == NULL)
    return g_error_copy (error);
  list = g_strjoinv (", ", voices);
  return g_error_new (error->domain, error->code,
                      "%s; besides the engine's own voices, \"%s\" has: %s", error->message,
                      self->model, list);
}

static void
on_finished (gpointer data)
{
  end (data);
}

void
medley_openai_call_fail (MedleyOpenaiCall *self, const GError *error)
{
  medley_openai_call_refuse (self, error, NULL, NULL);
}

void
medley_openai_call_refuse (MedleyOpenaiCall *self, const GError *error, const char *param,
                           const char *code)
{
  g_autoptr (GError) told = add_hint (self, error);

  if (!medley_http_exchange_has_begun (self->exchange)) {
    medley_openai_respond_error (self->exchange, told, 0, param, code);
    end (self);
  } else if (self->sse != NULL) {
    medley_openai_sse_add (self->sse, NULL, medley_openai_error (told, 0, param, code));
    medley_openai_sse_finish (self->sse, FALSE, on_finished, self);
  } else {
    medley_http_exchange_abort (self->exchange);
    end (self);
  }
}

void
medley_openai_call_respond (MedleyOpenaiCall *self, GVariant *value)
{
  medley_http_respond_json (self->exchange, 200, value);
  end (self);
}

void
medley_openai_call_respond_text (MedleyOpenaiCall *self, const char *type, const char *text)
{
  g_autoptr (GBytes) body = g_bytes_new (text, strlen (text));
  SoupMessageHeaders *headers = medley_http_exchange_get_headers (self->exchange);

  soup_message_headers_replace (headers, "Cache-Control", "no-store");
  soup_message_headers_replace (headers, "X-Content-Type-Options", "nosniff");
  medley_http_exchange_respond (self->exchange, 200, type, body);
  end (self);
}

/* Reading */

static gboolean
open_reader (MedleyOpenaiCall *self, const char *role)
{
  const char *output = medley_serves_get_output (self->serves, role);
  g_autoptr (GError) error = NULL;

  g_clear_object (&self->reader);
  self->reader = medley_output_reader_new (self->job, output, 0, &error);
  if (self->reader == NULL)
    medley_openai_call_fail (self, error);
  return self->reader != NULL;
}

static void
collect (MedleyOpenaiCall *self, GBytes *bytes)
{
  gsize size = g_bytes_get_size (bytes);
  g_autoptr (GError) error = NULL;

  if (size > self->left) {
    error = g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_OUTPUT_TOO_LARGE,
                         "what the model makes is too large for one answer (http.answer-bytes)");
    medley_job_manager_cancel (medley_http_get_manager (self->http), self->job, NULL);
    medley_openai_call_fail (self, error);
    return;
  }
  self->left -= size;
  if (size > 0) {
    g_byte_array_append (self->content, g_bytes_get_data (bytes, NULL), (guint) size);
    read_more (self);
    return;
  }
  g_ptr_array_add (self->contents, g_byte_array_free_to_bytes (g_steal_pointer (&self->content)));
  self->content = g_byte_array_new ();
  if (self->roles[++self->role] == NULL)
    self->content_func (self, (GBytes *const *) self->contents->pdata, self->data);
  else if (open_reader (self, self->roles[self->role]))
    read_more (self);
}

static void
on_wrote (MedleyHttpExchange *exchange, gpointer data)
{
  read_more (data);
}

static void
pass_on (MedleyOpenaiCall *self, GBytes *bytes)
{
  SoupMessageHeaders *headers = medley_http_exchange_get_headers (self->exchange);

  if (!medley_http_exchange_has_begun (self->exchange)) {
    soup_message_headers_replace (headers, "Content-Type", self->type);
    soup_message_headers_replace (headers, "Cache-Control", "no-store");
    soup_message_headers_replace (headers, "X-Content-Type-Options", "nosniff");
    medley_http_exchange_begin (self->exchange, 200, -1);
  }
  if (g_bytes_get_size (bytes) > 0) {
    medley_http_exchange_write (self->exchange, bytes, on_wrote, self);
    return;
  }
  medley_http_exchange_finish (self->exchange);
  end (self);
}

static void
on_read (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (MedleyOpenaiCall) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes
      = medley_output_reader_read_finish (MEDLEY_OUTPUT_READER (source), result, &error);

  if (self->is_answered)
    return;
  if (bytes == NULL)
    medley_openai_call_fail (self, error);
  else if (self->content_func != NULL)
    collect (self, bytes);
  else if (self->piece_func != NULL)
    self->piece_func (self, bytes, self->data);
  else
    pass_on (self, bytes);
}

static void
read_more (MedleyOpenaiCall *self)
{
  medley_output_reader_read_async (self->reader, PIECE, self->cancellable, on_read,
                                   medley_openai_call_ref (self));
}

void
medley_openai_call_send (MedleyOpenaiCall *self, const char *role, const char *type)
{
  self->type = g_strdup (type);
  if (open_reader (self, role))
    read_more (self);
}

void
medley_openai_call_read (MedleyOpenaiCall *self, const char *role, MedleyOpenaiPieceFunc func)
{
  self->piece_func = func;
  if (open_reader (self, role))
    read_more (self);
}

void
medley_openai_call_collect (MedleyOpenaiCall *self, const char *const *roles, gsize limit,
                            MedleyOpenaiContentFunc func)
{
  self->roles = g_strdupv ((char **) roles);
  self->left = limit;
  self->content = g_byte_array_new ();
  self->contents = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  self->content_func = func;
  if (open_reader (self, self->roles[0]))
    read_more (self);
}

MedleyOpenaiSse *
medley_openai_call_get_sse (MedleyOpenaiCall *self)
{
  if (self->sse == NULL)
    self->sse = medley_openai_sse_new (self->exchange);
  return self->sse;
}

static void
on_flushed (gpointer data)
{
  read_more (data);
}

void
medley_openai_call_next (MedleyOpenaiCall *self)
{
  /* Without events there is nothing to begin the answer with. */
  if (self->sse == NULL || !medley_openai_sse_has_pending (self->sse))
    read_more (self);
  else
    medley_openai_sse_flush (self->sse, on_flushed, self);
}

void
medley_openai_call_finish (MedleyOpenaiCall *self, gboolean done)
{
  medley_openai_sse_finish (medley_openai_call_get_sse (self), done, on_finished, self);
}
