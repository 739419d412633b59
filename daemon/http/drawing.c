/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/drawing.h"

#include <medley/medley-error.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define PIECE (64 * 1024)
/* A graph of a pipeline takes some megabytes. */
#define MEMORY (1024ull * 1024 * 1024)

typedef struct {
  GSubprocess *process;
  GByteArray *picture;
  guint64 limit;
  guint seconds;
  guint timer;
  char *dot;
  gsize length;
  GError *reason; /* why it was ended */
} Drawing;

static void
drawing_free (gpointer data)
{
  Drawing *self = data;

  g_clear_handle_id (&self->timer, g_source_remove);
  g_clear_object (&self->process);
  g_byte_array_unref (self->picture);
  g_clear_error (&self->reason);
  g_free (self->dot);
  g_free (self);
}

/* In the child, between fork and exec. */
static void
set_limits (gpointer data)
{
  const struct rlimit memory = { MEMORY, MEMORY };
  const struct rlimit no_core = { 0, 0 };

  prctl (PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  setrlimit (RLIMIT_AS, &memory);
  setrlimit (RLIMIT_CORE, &no_core);
}

/* The end of its output is what is waited for, and comes soon after. */
static void
give_up (Drawing *self, GError *reason)
{
  if (self->reason == NULL)
    self->reason = reason;
  else
    g_error_free (reason);
  g_subprocess_force_exit (self->process);
}

static gboolean
on_late (gpointer data)
{
  Drawing *self = data;

  self->timer = 0;
  give_up (self, g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_TIME_LIMIT,
                              "Graphviz took longer than %u s to draw this (limits.drawing-time)",
                              self->seconds));
  return G_SOURCE_REMOVE;
}

static void
on_ended (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Drawing *self = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  g_subprocess_wait_check_finish (self->process, result, &error);
  if (self->reason != NULL)
    g_task_return_error (task, g_steal_pointer (&self->reason));
  else if (error != NULL)
    g_task_return_new_error (task, MEDLEY_ERROR, MEDLEY_ERROR_FAILED,
                             "Graphviz could not draw this: %s", error->message);
  else
    g_task_return_pointer (task, g_byte_array_free_to_bytes (g_byte_array_ref (self->picture)),
                           (GDestroyNotify) g_bytes_unref);
}

static void
on_read (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Drawing *self = g_task_get_task_data (task);
  g_autoptr (GBytes) bytes
      = g_input_stream_read_bytes_finish (G_INPUT_STREAM (source), result, NULL);
  gsize length = bytes != NULL ? g_bytes_get_size (bytes) : 0;

  if (length == 0) {
    g_subprocess_wait_check_async (self->process, NULL, on_ended, task);
    return;
  }
  if (self->picture->len + length > self->limit)
    give_up (self, g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_OUTPUT_TOO_LARGE,
                                "the picture has more than %" G_GUINT64_FORMAT
                                " bytes (limits.drawing-bytes)",
                                self->limit));
  else
    g_byte_array_append (self->picture, g_bytes_get_data (bytes, NULL), (guint) length);
  g_input_stream_read_bytes_async (G_INPUT_STREAM (source), PIECE, G_PRIORITY_DEFAULT, NULL,
                                   on_read, task);
}

static void
on_written (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;

  /* If it does not want it all, its exit status says why. */
  g_output_stream_write_all_finish (G_OUTPUT_STREAM (source), result, NULL, NULL);
  g_output_stream_close_async (G_OUTPUT_STREAM (source), G_PRIORITY_DEFAULT, NULL, NULL, NULL);
}

static GSubprocess *
start (const char *program, GError **error)
{
  const char *const command[] = { program, "-Tsvg", NULL };
  g_autofree char *path = program[0] != '\0' ? g_find_program_in_path (program) : NULL;
  g_autoptr (GSubprocessLauncher) launcher
      = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE
                                   | G_SUBPROCESS_FLAGS_STDERR_SILENCE);

  if (path == NULL) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNSUPPORTED_TYPE,
                 "a picture needs Graphviz, whose \"%s\" is not here (paths.dot): install the "
                 "package graphviz, or ask for the graph as text/vnd.graphviz",
                 program);
    return NULL;
  }
  g_subprocess_launcher_set_child_setup (launcher, set_limits, NULL, NULL);
  return g_subprocess_launcher_spawnv (launcher, command, error);
}

void
medley_http_draw_async (MedleyConfig *config, const char *dot, GAsyncReadyCallback callback,
                        gpointer data)
{
  GTask *task = g_task_new (config, NULL, callback, data);
  Drawing *self = g_new0 (Drawing, 1);
  GError *error = NULL;

  self->picture = g_byte_array_new ();
  self->limit = medley_config_get_number (config, "limits.drawing-bytes");
  self->seconds = (guint) medley_config_get_number (config, "limits.drawing-time");
  self->dot = g_strdup (dot);
  self->length = strlen (dot);
  g_task_set_task_data (task, self, drawing_free);
  self->process = start (medley_config_get_string (config, "paths.dot"), &error);
  if (self->process == NULL) {
    g_task_return_error (task, error);
    g_object_unref (task);
    return;
  }
  self->timer = g_timeout_add_seconds (self->seconds, on_late, self);
  g_output_stream_write_all_async (g_subprocess_get_stdin_pipe (self->process), self->dot,
                                   self->length, G_PRIORITY_DEFAULT, NULL, on_written,
                                   g_object_ref (task));
  g_input_stream_read_bytes_async (g_subprocess_get_stdout_pipe (self->process), PIECE,
                                   G_PRIORITY_DEFAULT, NULL, on_read, task);
}

GBytes *
medley_http_draw_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
