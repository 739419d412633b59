/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/pump.h"

/* Pieces this large cost next to nothing per byte; smaller ones are not waited for. */
#define PIECE (256u * 1024)

typedef struct {
  GInputStream *from;
  GOutputStream *to;
  char *buffer;
  gssize copied;
  gboolean is_write;
} Pump;

static void
pump_free (gpointer data)
{
  Pump *pump = data;

  g_object_unref (pump->from);
  g_object_unref (pump->to);
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
on_read (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Pump *pump = g_task_get_task_data (task);
  GError *error = NULL;
  gssize n_read = g_input_stream_read_finish (pump->from, result, &error);

  if (n_read < 0)
    g_task_return_error (task, error);
  else if (n_read == 0)
    g_task_return_int (task, pump->copied);
  else {
    g_output_stream_write_all_async (pump->to, pump->buffer, (gsize) n_read, G_PRIORITY_DEFAULT,
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
medley_pump_async (GInputStream *from, GOutputStream *to, GCancellable *cancellable,
                   GAsyncReadyCallback callback, gpointer data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, data);
  Pump *pump = g_new0 (Pump, 1);

  pump->from = g_object_ref (from);
  pump->to = g_object_ref (to);
  pump->buffer = g_malloc (PIECE);
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
