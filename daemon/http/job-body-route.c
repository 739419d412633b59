/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <medley/medley-error.h>

#include "http/form.h"
#include "http/job-answers.h"
#include "http/problem.h"
#include "http/routes.h"
#include "http/run-request.h"
#include "http/upload.h"

/* POST /api/v1/jobs?pipeline=NAME: a job whose inputs are the body. It runs while they come, and is
 * answered when they are whole and on the disk. */
typedef struct {
  MedleyHttp *http;
  MedleyHttpExchange *exchange;
  char *name;        /* of the pipeline */
  char *input;       /* NULL for the only one */
  gboolean has_form; /* the inputs came in a form, whole */
  gboolean has_key;
  gboolean is_replayed;
  MedleyJob *job;
  MedleyHttpUpload *upload;
} Making;

static void
making_free (Making *self)
{
  g_clear_pointer (&self->upload, medley_http_upload_free);
  g_clear_object (&self->job);
  g_object_unref (self->http);
  medley_http_exchange_unref (self->exchange);
  g_free (self->name);
  g_free (self->input);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Making, making_free)

/* It does not know the job, and cannot ask for it without a key. */
static void
on_gone (MedleyHttpExchange *exchange, gpointer data)
{
  g_autoptr (Making) self = data;

  if (!self->has_key && self->job != NULL)
    medley_job_manager_cancel (medley_http_get_manager (self->http), self->job, NULL);
}

static void
on_saved (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Making) self = data;
  g_autoptr (GError) error = NULL;

  if (medley_job_manager_flush_finish (MEDLEY_JOB_MANAGER (source), result, &error))
    medley_http_respond_created (self->exchange, self->job, self->is_replayed);
  else
    medley_http_respond_problem (self->exchange, error, 0, NULL);
}

static void
on_upload_end (const GError *error, gpointer data)
{
  Making *self = data;

  medley_http_exchange_set_gone_func (self->exchange, NULL, NULL);
  if (error != NULL) {
    medley_http_respond_problem (self->exchange, error, 0, NULL);
    making_free (self);
  } else {
    medley_job_manager_flush_async (medley_http_get_manager (self->http), self->job, on_saved,
                                    self);
  }
}

/* Takes over @self. */
static void
start_upload (Making *self)
{
  g_autoptr (GError) error = NULL;
  MedleyInputWriter *writer = medley_job_manager_open_input (medley_http_get_manager (self->http),
                                                             self->job, self->input, &error);

  if (writer != NULL) {
    medley_http_exchange_set_gone_func (self->exchange, on_gone, self);
    self->upload = medley_http_upload_new (self->exchange, writer, 0, FALSE, on_upload_end, self);
    medley_http_upload_begin (self->upload);
    return;
  }
  /* It is sent by the earlier request, or was. */
  if (self->is_replayed && g_error_matches (error, MEDLEY_ERROR, MEDLEY_ERROR_WRONG_STATE))
    medley_http_respond_created (self->exchange, self->job, TRUE);
  else
    medley_http_respond_problem (self->exchange, error, 0, NULL);
  making_free (self);
}

static void
on_created (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Making) self = data;
  g_autoptr (GVariant) faults = NULL;
  g_autoptr (GError) error = NULL;
  MedleyJobManager *manager = MEDLEY_JOB_MANAGER (source);

  self->job = medley_job_manager_create_finish (manager, result, &faults, &error);
  if (self->job == NULL) {
    medley_http_respond_refused (self->exchange, error, faults);
    return;
  }
  self->is_replayed = medley_job_manager_create_was_replayed (result);
  if (self->has_form)
    medley_http_respond_created (self->exchange, self->job, self->is_replayed);
  else if (!medley_http_exchange_is_over (self->exchange))
    start_upload (g_steal_pointer (&self));
  else if (!self->has_key)
    medley_job_manager_cancel (manager, self->job, NULL);
}

/* Takes over @self. */
static void
create (Making *self, MedleyHttpForm *form)
{
  g_autofree char *output = NULL;
  g_autoptr (GError) error = NULL;
  MedleyJobRequest *request
      = medley_http_read_run_request (self->http, self->exchange, self->name, form, FALSE,
                                      &self->input, &output, &error);

  self->has_key = medley_http_request_get_header (medley_http_exchange_get_request (self->exchange),
                                                  "Idempotency-Key")
                  != NULL;
  if (request != NULL) {
    medley_job_manager_create_async (medley_http_get_manager (self->http), request, on_created,
                                     self);
    return;
  }
  medley_http_respond_problem (self->exchange, error, 0, NULL);
  making_free (self);
}

static void
on_form (MedleyHttpForm *form, const GError *error, gpointer data)
{
  Making *self = data;

  if (form != NULL) {
    create (self, form);
    return;
  }
  if (error != NULL)
    medley_http_respond_problem (self->exchange, error, 0, NULL);
  making_free (self);
}

static gboolean
refuse_nothing (const MedleyHttpRequest *request, GError **error)
{
  if (request->framing == MEDLEY_HTTP_BODY_CHUNKED
      || (request->framing == MEDLEY_HTTP_BODY_LENGTH && request->length > 0))
    return FALSE;
  g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_EMPTY_INPUT,
                       "the body is empty: there is nothing to work on");
  return TRUE;
}

void
medley_http_create_job_from_body (MedleyHttp *http, MedleyHttpExchange *exchange, const char *name)
{
  const MedleyHttpRequest *request = medley_http_exchange_get_request (exchange);
  const char *type = soup_message_headers_get_content_type (request->headers, NULL);
  g_autoptr (GError) error = NULL;
  Making *self;

  if (refuse_nothing (request, &error)) {
    medley_http_respond_problem (exchange, error, 0, NULL);
    return;
  }
  self = g_new0 (Making, 1);
  self->http = g_object_ref (http);
  self->exchange = medley_http_exchange_ref (exchange);
  self->name = g_strdup (name);
  self->has_form = type != NULL && g_ascii_strcasecmp (type, "multipart/form-data") == 0;
  if (self->has_form)
    medley_http_form_read (exchange, medley_http_get_config (http), on_form, self);
  else
    create (self, NULL);
}
