/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/upload.h"

#include <medley/medley-error.h>

#include "http/problem.h"
#include "http/routes.h"

struct _MedleyHttpUpload {
  MedleyHttpExchange *exchange;
  MedleyInputWriter *writer;
  guint64 ahead; /* the limit */
  gboolean from_start;
  gboolean held; /* what comes next waits */
  gboolean ended;
  MedleyHttpUploadFunc func;
  gpointer data;
};

static void
end (MedleyHttpUpload *self, const GError *error)
{
  self->ended = TRUE;
  self->func (error, self->data);
}

static void
read_more (MedleyHttpUpload *self);

static void
on_read (MedleyHttpExchange *exchange, GBytes *bytes, const GError *error, gpointer data)
{
  MedleyHttpUpload *self = data;
  g_autoptr (GError) failure = NULL;
  gsize length = 0;
  const void *body = bytes != NULL ? g_bytes_get_data (bytes, &length) : NULL;

  if (error != NULL) {
    medley_input_writer_abort (self->writer, error);
    end (self, error);
  } else if (length == 0) {
    medley_input_writer_complete (self->writer, &failure);
    end (self, failure);
  } else if (!medley_input_writer_write (self->writer, body, length, &failure)) {
    end (self, failure);
  } else {
    read_more (self);
  }
}

static void
read_more (MedleyHttpUpload *self)
{
  self->held = self->ahead > 0 && (self->from_start || medley_input_writer_is_read (self->writer))
               && medley_input_writer_get_ahead (self->writer) > self->ahead;
  medley_http_exchange_hold (self->exchange, self->held);
  if (!self->held)
    medley_http_exchange_read (self->exchange, on_read, self);
}

static void
on_moved (gpointer data)
{
  MedleyHttpUpload *self = data;

  if (self->held && !self->ended)
    read_more (self);
}

MedleyHttpUpload *
medley_http_upload_new (MedleyHttpExchange *exchange, MedleyInputWriter *writer, guint64 ahead,
                        gboolean from_start, MedleyHttpUploadFunc func, gpointer data)
{
  const MedleyHttpRequest *request = medley_http_exchange_get_request (exchange);
  MedleyHttpUpload *self = g_new0 (MedleyHttpUpload, 1);

  self->exchange = medley_http_exchange_ref (exchange);
  self->writer = writer;
  if (request->framing == MEDLEY_HTTP_BODY_CHUNKED)
    self->ahead = ahead;
  self->from_start = from_start;
  medley_input_writer_set_moved_func (writer, on_moved, self);
  self->func = func;
  self->data = data;
  return self;
}

void
medley_http_upload_begin (MedleyHttpUpload *self)
{
  medley_http_exchange_read (self->exchange, on_read, self);
}

void
medley_http_upload_free (MedleyHttpUpload *self)
{
  medley_input_writer_set_moved_func (self->writer, NULL, NULL);
  if (!self->ended) {
    g_autoptr (GError) error
        = g_error_new_literal (MEDLEY_ERROR, MEDLEY_ERROR_BAD_INPUT,
                               "the upload broke off before the input was whole");

    medley_input_writer_abort (self->writer, error);
  }
  medley_http_exchange_unref (self->exchange);
  g_object_unref (self->writer);
  g_free (self);
}

gboolean
medley_http_upload_fits (const MedleyHttpRequest *request, MedleyConfig *config, const char *type,
                         GError **error)
{
  const char *key = g_str_has_prefix (type, "text/") ? "limits.text-bytes" : "limits.input-bytes";
  guint64 limit = medley_config_get_number (config, key);

  if (request->framing != MEDLEY_HTTP_BODY_LENGTH || request->length <= limit)
    return TRUE;
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_TOO_LARGE,
               "the input has %" G_GUINT64_FORMAT " bytes, the limit is %" G_GUINT64_FORMAT
               " (%s in the configuration)",
               request->length, limit, key);
  return FALSE;
}

/* PUT /api/v1/jobs/{id}/inputs/{name} */

typedef struct {
  MedleyJobManager *manager; /* not owned: it outlives the connections */
  MedleyHttpExchange *exchange;
  MedleyHttpUpload *upload;
  MedleyJob *job;
} Put;

static void
put_free (Put *self)
{
  g_clear_pointer (&self->upload, medley_http_upload_free);
  medley_http_exchange_unref (self->exchange);
  g_object_unref (self->job);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Put, put_free)

static void
on_put_gone (MedleyHttpExchange *exchange, gpointer data)
{
  put_free (data);
}

static void
on_put_saved (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (MedleyHttpExchange) exchange = data;
  g_autoptr (GError) error = NULL;

  if (medley_job_manager_flush_finish (MEDLEY_JOB_MANAGER (source), result, &error))
    medley_http_exchange_respond (exchange, 204, NULL, NULL);
  else
    medley_http_respond_problem (exchange, error, 0, NULL);
}

static void
on_put_end (const GError *error, gpointer data)
{
  g_autoptr (Put) self = data;

  medley_http_exchange_set_gone_func (self->exchange, NULL, NULL);
  if (error != NULL)
    medley_http_respond_problem (self->exchange, error, 0, NULL);
  else
    medley_job_manager_flush_async (self->manager, self->job, on_put_saved,
                                    medley_http_exchange_ref (self->exchange));
}

static gboolean
check_size (MedleyHttp *http, MedleyHttpExchange *exchange, MedleyJob *job, const char *input,
            GError **error)
{
  g_autoptr (GVariant) description = g_variant_ref_sink (medley_job_describe (job));
  g_autoptr (GVariant) inputs
      = g_variant_lookup_value (description, "inputs", G_VARIANT_TYPE_VARDICT);
  g_autoptr (GVariant) one = NULL;
  const char *type = "";

  if (inputs != NULL)
    one = g_variant_lookup_value (inputs, input, G_VARIANT_TYPE_VARDICT);
  if (one != NULL)
    g_variant_lookup (one, "type", "&s", &type);
  return medley_http_upload_fits (medley_http_exchange_get_request (exchange),
                                  medley_http_get_config (http), type, error);
}

void
medley_http_put_input (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params)
{
  MedleyJobManager *manager = medley_http_get_manager (http);
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyJob) job = medley_job_manager_get (manager, params[0], &error);
  MedleyInputWriter *writer = NULL;
  Put *self;

  if (job != NULL)
    writer = medley_job_manager_open_input (manager, job, params[1], &error);
  if (writer != NULL && !check_size (http, exchange, job, params[1], &error)) {
    medley_input_writer_abort (writer, error);
    g_clear_object (&writer);
  }
  if (writer == NULL) {
    medley_http_respond_problem (exchange, error, 0, NULL);
    return;
  }
  self = g_new0 (Put, 1);
  self->manager = manager;
  self->exchange = medley_http_exchange_ref (exchange);
  self->job = g_steal_pointer (&job);
  self->upload = medley_http_upload_new (exchange, writer,
                                         medley_config_get_number (medley_http_get_config (http),
                                                                   "http.ahead-bytes"),
                                         FALSE, on_put_end, self);
  medley_http_exchange_set_gone_func (exchange, on_put_gone, self);
  medley_http_upload_begin (self->upload);
}
