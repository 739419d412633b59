/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/pump.h"

#include <medley/medley-error.h>

/* Pieces this large cost next to nothing per byte; smaller ones are not waited for. */
#define PIECE (256u * 1024)

typedef struct {
  GInputStream *from;
  GOutputStream *to;
  char *buffer;
  gssize copied;
  gboolean is_write;
  MedleyPumpTally *tally; /* NULL for none */
  GChecksum *check;       /* of what comes once more, NULL when all of it was compared */
  guint64 left;           /* to be compared */
} Pump;

void
medley_pump_tally_clear (MedleyPumpTally *tally)
{
  g_clear_pointer (&tally->sum, g_checksum_free);
  tally->copied = 0;
}

static void
pump_free (gpointer data)
{
  Pump *pump = data;

  g_object_unref (pump->from);
  g_object_unref (pump->to);
  g_clear_pointer (&pump->check, g_checksum_free);
  g_free (pump->buffer);
  g_free (pump);
}

static void
read_next (GTask *task);

static void
on_written (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Pump *pump = g_task_get_task_data (task);
  gsize written;
  GError *error = NULL;

  if (!g_output_stream_write_all_finish (pump->to, result, &written, &error)) {
    pump->is_write = TRUE;
    g_task_return_error (task, error);
    g_object_unref (task);
    return;
  }
  pump->copied += (gssize) written;
  read_next (task);
}

static void
begin_tally (Pump *pump, MedleyPumpTally *tally)
{
  pump->tally = tally;
  if (tally->sum == NULL)
    tally->sum = g_checksum_new (G_CHECKSUM_SHA256);
  pump->left = tally->copied;
  if (pump->left > 0)
    pump->check = g_checksum_new (G_CHECKSUM_SHA256);
}

/* Takes off what was written before. Returns: how much that is, -1 when it is something else */
static gssize
compare (Pump *pump, gsize length, GError **error)
{
  g_autoptr (GChecksum) written = NULL;
  gsize known = (gsize) MIN (pump->left, length);

  if (pump->check == NULL)
    return 0;
  g_checksum_update (pump->check, (const guchar *) pump->buffer, (gssize) known);
  pump->left -= known;
  if (pump->left > 0 && length > 0)
    return (gssize) known;
  written = g_checksum_copy (pump->tally->sum);
  if (pump->left > 0
      || !g_str_equal (g_checksum_get_string (written), g_checksum_get_string (pump->check))) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INTERRUPTED,
                 "it was begun anew, and is not what it was before: the first %" G_GUINT64_FORMAT
                 " bytes differ from those that were written",
                 pump->tally->copied);
    return -1;
  }
  g_clear_pointer (&pump->check, g_checksum_free);
  return (gssize) known;
}

static void
on_read (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Pump *pump = g_task_get_task_data (task);
  GError *error = NULL;
  gssize n_read = g_input_stream_read_finish (pump->from, result, &error);
  gssize known = n_read >= 0 ? compare (pump, (gsize) n_read, &error) : -1;
  const char *news = pump->buffer + MAX (known, 0);

  if (known < 0) {
    g_task_return_error (task, error);
  } else if (n_read == 0) {
    g_task_return_int (task, pump->copied);
  } else if (known == n_read) {
    read_next (task);
    return;
  } else {
    /* Counted before it is written: of a write that fails nobody knows how much arrived. */
    if (pump->tally != NULL) {
      g_checksum_update (pump->tally->sum, (const guchar *) news, n_read - known);
      pump->tally->copied += (guint64) (n_read - known);
    }
    g_output_stream_write_all_async (pump->to, news, (gsize) (n_read - known), G_PRIORITY_DEFAULT,
                                     g_task_get_cancellable (task), on_written, task);
    return;
  }
  g_object_unref (task);
}

static void
read_next (GTask *task)
{
  Pump *pump = g_task_get_task_data (task);

  g_input_stream_read_async (pump->from, pump->buffer, PIECE, G_PRIORITY_DEFAULT,
                             g_task_get_cancellable (task), on_read, task);
}

void
medley_pump_async (GInputStream *from, GOutputStream *to, MedleyPumpTally *tally,
                   GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, data);
  Pump *pump = g_new0 (Pump, 1);

  pump->from = g_object_ref (from);
  pump->to = g_object_ref (to);
  pump->buffer = g_malloc (PIECE);
  if (tally != NULL)
    begin_tally (pump, tally);
  g_task_set_task_data (task, pump, pump_free);
  read_next (task);
}

gssize
medley_pump_finish (GAsyncResult *result, gboolean *is_write, GError **error)
{
  Pump *pump = g_task_get_task_data (G_TASK (result));

  if (is_write != NULL)
    *is_write = pump->is_write;
  return g_task_propagate_int (G_TASK (result), error);
}
