/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/download.h"

#include <medley/medley-error.h>
#include <string.h>

#include "base/media.h"
#include "http/problem.h"
#include "http/routes.h"

#define PIECE (64 * 1024)
#define PIECE_OF_COMPLETE (256 * 1024)

struct _MedleyHttpDownload {
  grefcount ref_count; /* a read that was cancelled still calls back */
  MedleyHttpExchange *exchange;
  MedleyJob *job;
  char *output;
  MedleyOutputReader *reader;
  GCancellable *cancellable;
  gboolean was_final; /* before the read: a file is rewritten at its end, what was read before is
                         not part of it */
  guint64 left;       /* G_MAXUINT64 when the size is not known */
  MedleyHttpDownloadFunc func;
  gpointer data;
};

static void
read_more (MedleyHttpDownload *self);

static void
download_unref (MedleyHttpDownload *self)
{
  if (!g_ref_count_dec (&self->ref_count))
    return;
  medley_http_exchange_unref (self->exchange);
  g_object_unref (self->job);
  g_object_unref (self->reader);
  g_object_unref (self->cancellable);
  g_free (self->output);
  g_free (self);
}

MedleyHttpDownload *
medley_http_download_new (MedleyHttpExchange *exchange, MedleyJob *job, const char *output,
                          MedleyOutputReader *reader, MedleyHttpDownloadFunc func, gpointer data)
{
  MedleyHttpDownload *self = g_new0 (MedleyHttpDownload, 1);

  g_ref_count_init (&self->ref_count);
  self->exchange = medley_http_exchange_ref (exchange);
  self->job = g_object_ref (job);
  self->output = g_strdup (output != NULL ? output : medley_job_get_outputs (job)[0]);
  self->reader = reader;
  self->cancellable = g_cancellable_new ();
  self->left = G_MAXUINT64;
  self->func = func;
  self->data = data;
  return self;
}

void
medley_http_download_free (MedleyHttpDownload *self)
{
  self->func = NULL;
  g_cancellable_cancel (self->cancellable);
  download_unref (self);
}

static void
end (MedleyHttpDownload *self)
{
  MedleyHttpDownloadFunc func = g_steal_pointer (&self->func);

  if (func != NULL)
    func (self->data);
}

/* A complete output never changes: its name and size identify it. */
static char *
make_etag (MedleyJob *job, const char *output, guint64 size)
{
  return g_strdup_printf ("\"%s.%s.%" G_GINT64_MODIFIER "x\"", medley_job_get_id (job), output,
                          size);
}

static void
set_headers (MedleyHttpExchange *exchange, MedleyJob *job, const char *output,
             MedleyOutputReader *reader, gboolean is_final)
{
  SoupMessageHeaders *headers = medley_http_exchange_get_headers (exchange);
  const char *type = medley_output_reader_get_media_type (reader);
  const MedleyMediaType *media = medley_media_lookup (type);
  gsize first = media != NULL ? strcspn (media->extensions, " ") : 0;
  g_autofree char *disposition
      = g_strdup_printf ("inline; filename=\"%s-%s%s%.*s\"", medley_job_get_pipeline (job), output,
                         first > 0 ? "." : "", (int) first, first > 0 ? media->extensions : "");
  g_autofree char *full = NULL;
  guint64 size;

  if (g_str_has_prefix (type, "text/"))
    full = g_strconcat (type, "; charset=utf-8", NULL);
  soup_message_headers_replace (headers, "Content-Type", full != NULL ? full : type);
  soup_message_headers_replace (headers, "Content-Disposition", disposition);
  soup_message_headers_replace (headers, "X-Content-Type-Options", "nosniff");
  soup_message_headers_replace (headers, "Medley-Job", medley_job_get_id (job));
  if (is_final) {
    g_autofree char *etag = NULL;

    medley_output_reader_is_final (reader, &size);
    etag = make_etag (job, output, size);
    soup_message_headers_replace (headers, "Medley-Output-State", "complete");
    soup_message_headers_replace (headers, "ETag", etag);
    soup_message_headers_replace (headers, "Accept-Ranges", "bytes");
    soup_message_headers_replace (headers, "Cache-Control", "private, no-cache");
  } else {
    soup_message_headers_replace (headers, "Medley-Output-State", "growing");
    soup_message_headers_replace (headers, "Cache-Control", "no-store");
  }
}

static void
begin_answer (MedleyHttpDownload *self)
{
  guint64 size;

  if (medley_http_exchange_has_begun (self->exchange))
    return;
  set_headers (self->exchange, self->job, self->output, self->reader, self->was_final);
  if (self->was_final) {
    medley_output_reader_is_final (self->reader, &size);
    self->left = size;
    medley_http_exchange_begin (self->exchange, 200, (gint64) size);
  } else {
    medley_http_exchange_begin (self->exchange, 200, -1);
  }
}

static void
fail (MedleyHttpDownload *self, const GError *error)
{
  GVariantDict dict;

  if (medley_http_exchange_has_begun (self->exchange)) {
    medley_http_exchange_abort (self->exchange);
    return;
  }
  g_variant_dict_init (&dict, medley_job_get_error_variant (self->job));
  g_variant_dict_insert (&dict, "job", "s", medley_job_get_id (self->job));
  g_variant_dict_remove (&dict, "message");
  soup_message_headers_replace (medley_http_exchange_get_headers (self->exchange), "Medley-Job",
                                medley_job_get_id (self->job));
  medley_http_respond_problem (self->exchange, error, 0, g_variant_dict_end (&dict));
}

static void
on_wrote (MedleyHttpExchange *exchange, gpointer data)
{
  MedleyHttpDownload *self = data;

  if (self->left > 0) {
    read_more (self);
    return;
  }
  medley_http_exchange_finish (exchange);
  end (self);
}

static void
on_read (GObject *source, GAsyncResult *result, gpointer data)
{
  MedleyHttpDownload *self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes
      = medley_output_reader_read_finish (MEDLEY_OUTPUT_READER (source), result, &error);

  if (self->func == NULL || medley_http_exchange_is_over (self->exchange)) {
    download_unref (self);
    return;
  }
  if (bytes == NULL) {
    fail (self, error);
    end (self);
  } else if (g_bytes_get_size (bytes) == 0) {
    begin_answer (self);
    medley_http_exchange_finish (self->exchange);
    end (self);
  } else {
    begin_answer (self);
    if (self->left != G_MAXUINT64)
      self->left -= g_bytes_get_size (bytes);
    medley_http_exchange_write (self->exchange, bytes, on_wrote, self);
  }
  download_unref (self);
}

static void
read_more (MedleyHttpDownload *self)
{
  guint64 most;

  self->was_final = medley_output_reader_is_final (self->reader, NULL);
  most = MIN (self->left, self->was_final ? PIECE_OF_COMPLETE : PIECE);
  g_ref_count_inc (&self->ref_count);
  medley_output_reader_read_async (self->reader, most, self->cancellable, on_read, self);
}

void
medley_http_download_begin (MedleyHttpDownload *self)
{
  read_more (self);
}

/* GET /api/v1/jobs/{id}/outputs/{name} */

static void
on_get_gone (MedleyHttpExchange *exchange, gpointer data)
{
  medley_http_download_free (*(MedleyHttpDownload **) data);
  g_free (data);
}

static void
on_get_end (gpointer data)
{
  on_get_gone (NULL, data);
}

static void
start_get (MedleyHttpExchange *exchange, MedleyJob *job, const char *output,
           MedleyOutputReader *reader, guint64 left)
{
  MedleyHttpDownload **slot = g_new0 (MedleyHttpDownload *, 1);

  *slot = medley_http_download_new (exchange, job, output, g_object_ref (reader), on_get_end, slot);
  (*slot)->left = left;
  medley_http_exchange_set_gone_func (exchange, on_get_gone, slot);
  medley_http_download_begin (*slot);
}

static gboolean
lists_etag (const char *header, const char *etag)
{
  g_autofree char *weak = g_strconcat ("W/", etag, NULL);
  g_auto (GStrv) tags = NULL;

  if (header == NULL)
    return FALSE;
  tags = g_strsplit (header, ",", -1);
  for (guint i = 0; tags[i] != NULL; i++) {
    g_strstrip (tags[i]);
    if (g_str_equal (tags[i], etag) || g_str_equal (tags[i], weak) || g_str_equal (tags[i], "*"))
      return TRUE;
  }
  return FALSE;
}

static void
refuse_range (MedleyHttpExchange *exchange, guint64 size)
{
  g_autofree char *text = g_strdup_printf ("bytes */%" G_GUINT64_FORMAT, size);
  g_autoptr (GError) error
      = g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                     "the range begins past the end: the output has %" G_GUINT64_FORMAT " bytes",
                     size);

  soup_message_headers_replace (medley_http_exchange_get_headers (exchange), "Content-Range", text);
  medley_http_respond_problem (exchange, error, 416, NULL);
}

static void
get_complete (MedleyHttpExchange *exchange, MedleyJob *job, const char *output,
              MedleyOutputReader *reader, guint64 size)
{
  const MedleyHttpRequest *request = medley_http_exchange_get_request (exchange);
  SoupMessageHeaders *headers = medley_http_exchange_get_headers (exchange);
  const char *if_range = medley_http_request_get_header (request, "If-Range");
  g_autofree char *etag = make_etag (job, output, size);
  g_autoptr (MedleyOutputReader) part = NULL;
  MedleyHttpRange range = MEDLEY_HTTP_RANGE_NONE;
  guint64 first = 0;
  guint64 last = size - 1;
  guint64 length;

  set_headers (exchange, job, output, reader, TRUE);
  if (lists_etag (medley_http_request_get_header (request, "If-None-Match"), etag)) {
    medley_http_exchange_respond (exchange, 304, NULL, NULL);
    return;
  }
  /* A part of what was growing does not fit to the whole: with another tag the client gets all of
   * it. */
  if (if_range == NULL || g_str_equal (if_range, etag))
    range = medley_http_range_parse (medley_http_request_get_header (request, "Range"), size,
                                     &first, &last);
  if (range == MEDLEY_HTTP_RANGE_UNSATISFIABLE) {
    refuse_range (exchange, size);
    return;
  }
  if (range == MEDLEY_HTTP_RANGE_PART) {
    g_autofree char *text
        = g_strdup_printf ("bytes %" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT,
                           first, last, size);

    soup_message_headers_replace (headers, "Content-Range", text);
  }
  length = range == MEDLEY_HTTP_RANGE_PART ? last - first + 1 : size;
  medley_http_exchange_begin (exchange, range == MEDLEY_HTTP_RANGE_PART ? 206 : 200,
                              (gint64) length);
  if (length == 0 || g_str_equal (request->method, "HEAD")) {
    medley_http_exchange_finish (exchange);
    return;
  }
  part = medley_output_reader_new (job, output, first, NULL);
  if (part == NULL)
    medley_http_exchange_abort (exchange);
  else
    start_get (exchange, job, output, part, length);
}

void
medley_http_get_output (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params)
{
  const MedleyHttpRequest *request = medley_http_exchange_get_request (exchange);
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyOutputReader) reader = NULL;
  g_autoptr (MedleyJob) job
      = medley_job_manager_get (medley_http_get_manager (http), params[0], &error);
  guint64 size;

  if (job != NULL)
    reader = medley_output_reader_new (job, params[1], 0, &error);
  if (reader == NULL) {
    medley_http_respond_problem (exchange, error, 0, NULL);
  } else if (medley_output_reader_is_final (reader, &size)) {
    get_complete (exchange, job, params[1], reader, size);
  } else if (g_str_equal (request->method, "HEAD")) {
    set_headers (exchange, job, params[1], reader, FALSE);
    medley_http_exchange_begin (exchange, 200, -1);
    medley_http_exchange_finish (exchange);
  } else {
    start_get (exchange, job, params[1], reader, G_MAXUINT64);
  }
}
