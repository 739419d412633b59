/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <medley/medley-error.h>
#include <string.h>

#include "http/download.h"
#include "http/form.h"
#include "http/job-answers.h"
#include "http/problem.h"
#include "http/routes.h"
#include "http/run-request.h"
#include "http/upload.h"

/* POST /run/{pipeline}: the body goes into an input while an output comes back. */
typedef struct {
  MedleyHttp *http;
  MedleyHttpExchange *exchange;
  char *name;        /* of the pipeline */
  char *input;       /* NULL for the only one */
  char *output;      /* NULL for the default one */
  gboolean has_form; /* the inputs came in a form, whole */
  gboolean detach;
  gboolean has_key;     /* the client may come back for it */
  gboolean is_replayed; /* the job is that of an earlier request */
  MedleyJob *job;
  MedleyHttpUpload *upload;
  MedleyHttpDownload *download;
} Run;

static void
run_free (Run *self)
{
  g_clear_pointer (&self->upload, medley_http_upload_free);
  g_clear_pointer (&self->download, medley_http_download_free);
  g_clear_object (&self->job);
  g_object_unref (self->http);
  medley_http_exchange_unref (self->exchange);
  g_free (self->name);
  g_free (self->input);
  g_free (self->output);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Run, run_free)

/* Running */

static void
on_gone (MedleyHttpExchange *exchange, gpointer data)
{
  g_autoptr (Run) self = data;

  if (!self->detach && !self->has_key && self->job != NULL)
    medley_job_manager_cancel (medley_http_get_manager (self->http), self->job, NULL);
}

static void
on_download_end (gpointer data)
{
  Run *self = data;

  medley_http_exchange_set_gone_func (self->exchange, NULL, NULL);
  run_free (self);
}

static void
on_upload_end (const GError *error, gpointer data)
{
  Run *self = data;

  /* Without detach the answer tells what came of it: the job knows the error as well. */
  if (!self->detach)
    return;
  medley_http_exchange_set_gone_func (self->exchange, NULL, NULL);
  if (error != NULL)
    medley_http_exchange_abort (self->exchange);
  run_free (self);
}

static void
respond_detached (Run *self)
{
  g_autofree char *location = g_strconcat ("/api/v1/jobs/", medley_job_get_id (self->job), NULL);
  SoupMessageHeaders *headers = medley_http_exchange_get_headers (self->exchange);

  soup_message_headers_replace (headers, "Location", location);
  soup_message_headers_replace (headers, "Medley-Job", medley_job_get_id (self->job));
  medley_http_respond_json (self->exchange, 202, medley_job_describe (self->job));
}

/* Returns: whether the job can be fed and read; else it is answered and freed */
static gboolean
open_ends (Run *self, MedleyInputWriter **writer, MedleyOutputReader **reader)
{
  MedleyJobManager *manager = medley_http_get_manager (self->http);
  g_autoptr (GError) error = NULL;

  if (!self->has_form)
    *writer = medley_job_manager_open_input (manager, self->job, self->input, &error);
  /* It is sent by the earlier request, or was. */
  if (self->is_replayed && g_error_matches (error, MEDLEY_ERROR, MEDLEY_ERROR_WRONG_STATE))
    g_clear_error (&error);
  if (error == NULL && !self->detach)
    *reader = medley_output_reader_new (self->job, self->output, 0, &error);
  if (error == NULL)
    return TRUE;
  g_clear_object (writer);
  if (!self->is_replayed)
    medley_job_manager_cancel (manager, self->job, NULL);
  medley_http_exchange_set_gone_func (self->exchange, NULL, NULL);
  medley_http_respond_problem (self->exchange, error, 0, NULL);
  run_free (self);
  return FALSE;
}

/* A client that is still sending may not read before it is done. */
static void
discard (MedleyHttpExchange *exchange, GBytes *bytes, const GError *error, gpointer data)
{
  if (error == NULL && g_bytes_get_size (bytes) > 0)
    medley_http_exchange_read (exchange, discard, NULL);
}

static void
start (Run *self)
{
  g_autoptr (MedleyHttpExchange) exchange = medley_http_exchange_ref (self->exchange);
  gboolean has_form = self->has_form;
  gboolean detach = self->detach;
  MedleyInputWriter *writer = NULL;
  MedleyOutputReader *reader = NULL;

  if (!open_ends (self, &writer, &reader))
    return;
  if (self->is_replayed)
    soup_message_headers_replace (medley_http_exchange_get_headers (exchange),
                                  "Idempotency-Replayed", "true");
  if (writer != NULL)
    /* Who detaches wants to be gone. */
    self->upload = medley_http_upload_new (
        exchange, writer,
        detach ? 0
               : medley_config_get_number (medley_http_get_config (self->http), "http.ahead-bytes"),
        TRUE, on_upload_end, self);
  if (!detach) {
    self->download = medley_http_download_new (exchange, self->job, self->output, reader,
                                               on_download_end, self);
    medley_http_download_begin (self->download);
  } else {
    if (!has_form)
      medley_http_exchange_keep_reading (exchange);
    if (writer == NULL)
      medley_http_exchange_set_gone_func (exchange, NULL, NULL);
    respond_detached (self);
  }
  /* Last: at its end nothing of this may be left. */
  if (writer == NULL && detach)
    run_free (self);
  if (writer == NULL && !has_form && !medley_http_exchange_is_over (exchange))
    medley_http_exchange_read (exchange, discard, NULL);
  else if (writer != NULL && !medley_http_exchange_is_over (exchange))
    medley_http_upload_begin (self->upload);
}

static void
on_created (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Run) self = data;
  g_autoptr (GVariant) faults = NULL;
  g_autoptr (GError) error = NULL;
  MedleyJobManager *manager = MEDLEY_JOB_MANAGER (source);

  self->job = medley_job_manager_create_finish (manager, result, &faults, &error);
  if (self->job == NULL) {
    medley_http_respond_refused (self->exchange, error, faults);
  } else if (medley_http_exchange_is_over (self->exchange)) {
    if (!self->has_key)
      medley_job_manager_cancel (manager, self->job, NULL);
  } else {
    self->is_replayed = medley_job_manager_create_was_replayed (result);
    medley_http_exchange_set_gone_func (self->exchange, on_gone, self);
    start (g_steal_pointer (&self));
  }
}

static void
create (Run *self, MedleyHttpForm *form)
{
  g_autoptr (GError) error = NULL;
  MedleyJobRequest *request
      = medley_http_read_run_request (self->http, self->exchange, self->name, form, TRUE,
                                      &self->input, &self->output, &error);
  guint status = 0;

  self->detach
      = medley_http_request_has_flag (medley_http_exchange_get_request (self->exchange), "detach");
  self->has_key = medley_http_request_get_header (medley_http_exchange_get_request (self->exchange),
                                                  "Idempotency-Key")
                  != NULL;
  if (request != NULL) {
    if (!self->detach)
      medley_job_request_set_attached (request);
    medley_job_manager_create_async (medley_http_get_manager (self->http), request, on_created,
                                     self);
    return;
  }
  /* What the client accepts is no fault of what it sent. */
  if (g_error_matches (error, MEDLEY_ERROR, MEDLEY_ERROR_UNSUPPORTED_TYPE))
    status = 406;
  medley_http_respond_problem (self->exchange, error, status, NULL);
  run_free (self);
}

static void
on_form (MedleyHttpForm *form, const GError *error, gpointer data)
{
  Run *self = data;

  if (form != NULL) {
    create (self, form);
    return;
  }
  if (error != NULL)
    medley_http_respond_problem (self->exchange, error, 0, NULL);
  run_free (self);
}

void
medley_http_run (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params)
{
  const MedleyHttpRequest *request = medley_http_exchange_get_request (exchange);
  const char *type = soup_message_headers_get_content_type (request->headers, NULL);
  Run *self = g_new0 (Run, 1);

  self->http = g_object_ref (http);
  self->exchange = medley_http_exchange_ref (exchange);
  self->name = g_strdup (params[0]);
  self->has_form = type != NULL && g_ascii_strcasecmp (type, "multipart/form-data") == 0;
  if (self->has_form)
    medley_http_form_read (exchange, medley_http_get_config (http), on_form, self);
  else
    create (self, NULL);
}
