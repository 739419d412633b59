/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/download.h"

#include <medley/medley-error.h>

#include "http/output-headers.h"
#include "http/problem.h"

#define PIECE (64 * 1024)
#define PIECE_OF_COMPLETE (64 * 1024)
#define PIECE_OF_FILE (1024 * 1024)

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
  gboolean only_growing;
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

static void
begin_answer (MedleyHttpDownload *self)
{
  guint64 size;

  if (medley_http_exchange_has_begun (self->exchange))
    return;
  medley_http_output_set_headers (self->exchange, self->job, self->output, self->reader,
                                  self->was_final);
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
  if (bytes == NULL || (self->only_growing && medley_output_reader_is_final (self->reader, NULL))) {
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

/* What is complete and in memory goes from the file to the socket. Returns whether there was some.
 */
static gboolean
send_file (MedleyHttpDownload *self)
{
  guint64 offset, length;
  int fd;

  if (!self->was_final || self->only_growing
      || !medley_http_exchange_can_send_file (self->exchange))
    return FALSE;
  fd = medley_output_reader_take_range (self->reader, MIN (self->left, PIECE_OF_FILE), &offset,
                                        &length);
  if (fd < 0)
    return FALSE;
  begin_answer (self);
  self->left -= length;
  medley_http_exchange_send_file (self->exchange, fd, offset, length, on_wrote, self);
  return TRUE;
}

static void
read_more (MedleyHttpDownload *self)
{
  guint64 most;

  self->was_final = medley_output_reader_is_final (self->reader, NULL);
  if (send_file (self))
    return;
  most = MIN (self->left, self->was_final ? PIECE_OF_COMPLETE : PIECE);
  g_ref_count_inc (&self->ref_count);
  medley_output_reader_read_async (self->reader, most, self->cancellable, on_read, self);
}

void
medley_http_download_begin (MedleyHttpDownload *self)
{
  read_more (self);
}

static void
on_served_gone (MedleyHttpExchange *exchange, gpointer data)
{
  medley_http_download_free (*(MedleyHttpDownload **) data);
  g_free (data);
}

static void
on_served (gpointer data)
{
  on_served_gone (NULL, data);
}

void
medley_http_download_serve (MedleyHttpExchange *exchange, MedleyJob *job, const char *output,
                            MedleyOutputReader *reader, guint64 length, gboolean only_growing)
{
  MedleyHttpDownload **slot = g_new0 (MedleyHttpDownload *, 1);

  *slot = medley_http_download_new (exchange, job, output, g_object_ref (reader), on_served, slot);
  (*slot)->left = length;
  (*slot)->only_growing = only_growing;
  medley_http_exchange_set_gone_func (exchange, on_served_gone, slot);
  medley_http_download_begin (*slot);
}
