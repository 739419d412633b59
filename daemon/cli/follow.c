/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/follow.h"

#include <string.h>

#include <medley/medley-error.h>

#include "base/json.h"
#include "cli/reply.h"
#include "cli/sse.h"

#define PIECE 65536u
#define MAX_ATTEMPTS 5
#define RETRY_MS 500

typedef struct {
  MedleyClient *client;
  char *path;
  MedleyFollowFunc func;
  gpointer func_data;
  MedleySse *sse;
  GInputStream *stream;
  char *state;
  char *last_id;
  guint attempts; /* since the last event */
} Follow;

static void
follow_free (gpointer data)
{
  Follow *follow = data;

  g_object_unref (follow->client);
  g_clear_object (&follow->stream);
  g_clear_pointer (&follow->sse, medley_sse_free);
  g_free (follow->path);
  g_free (follow->state);
  g_free (follow->last_id);
  g_free (follow);
}

static void
open_stream (GTask *task);

gboolean
medley_follow_is_final (const char *state)
{
  static const char *const finals[] = { "done", "failed", "cancelled", NULL };

  return state != NULL && g_strv_contains (finals, state);
}

static void
on_event (const char *id, const char *type, const char *data, gpointer user_data)
{
  Follow *follow = user_data;
  g_autoptr (GVariant) event = medley_json_parse (data, strlen (data), NULL, NULL, NULL);

  if (event == NULL || !g_variant_is_of_type (event, G_VARIANT_TYPE_VARDICT))
    return;
  g_variant_get_data (event);
  follow->attempts = 0;
  if (id != NULL) {
    g_free (follow->last_id);
    follow->last_id = g_strdup (id);
  }
  if (g_str_equal (medley_reply_string (event, "kind", ""), "state")) {
    g_free (follow->state);
    follow->state = g_strdup (medley_reply_string (event, "state", ""));
  }
  follow->func (event, follow->func_data);
}

static gboolean
on_retry (gpointer data)
{
  open_stream (data);
  return G_SOURCE_REMOVE;
}

/* The stream has ended: well, when the job has; else it is opened again. Takes @error over. */
static void
end_stream (GTask *task, GError *error)
{
  Follow *follow = g_task_get_task_data (task);
  GCancellable *cancellable = g_task_get_cancellable (task);

  g_clear_object (&follow->stream);
  if (medley_follow_is_final (follow->state)) {
    g_clear_error (&error);
    g_task_return_pointer (task, g_strdup (follow->state), g_free);
  } else if (follow->attempts++ < MAX_ATTEMPTS && !g_cancellable_is_cancelled (cancellable)
             && (error == NULL || error->domain != MEDLEY_ERROR
                 || error->code == MEDLEY_ERROR_UNAVAILABLE)) {
    g_clear_error (&error);
    g_timeout_add (RETRY_MS, on_retry, task);
    return;
  } else if (error != NULL) {
    g_task_return_error (task, error);
  } else {
    g_task_return_new_error (task, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
                             "the daemon stopped telling about the job before its end");
  }
  g_object_unref (task);
}

static void
on_read (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Follow *follow = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (GBytes) bytes
      = g_input_stream_read_bytes_finish (G_INPUT_STREAM (source), result, &error);
  gsize length;
  const char *text = bytes != NULL ? g_bytes_get_data (bytes, &length) : NULL;

  if (bytes == NULL || length == 0 || !medley_sse_feed (follow->sse, text, length)
      || medley_follow_is_final (follow->state)) {
    end_stream (task, error);
    return;
  }
  g_input_stream_read_bytes_async (follow->stream, PIECE, G_PRIORITY_DEFAULT,
                                   g_task_get_cancellable (task), on_read, task);
}

static void
on_opened (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Follow *follow = g_task_get_task_data (task);
  GError *error = NULL;

  follow->stream = medley_client_open_finish (follow->client, result, NULL, &error);
  if (follow->stream == NULL) {
    end_stream (task, error);
    return;
  }
  g_input_stream_read_bytes_async (follow->stream, PIECE, G_PRIORITY_DEFAULT,
                                   g_task_get_cancellable (task), on_read, task);
}

static void
open_stream (GTask *task)
{
  Follow *follow = g_task_get_task_data (task);

  g_clear_pointer (&follow->sse, medley_sse_free);
  follow->sse = medley_sse_new (on_event, follow);
  medley_client_open_async (follow->client, follow->path, "text/event-stream", follow->last_id,
                            g_task_get_cancellable (task), on_opened, task);
}

void
medley_follow_async (MedleyClient *client, const char *job, MedleyFollowFunc func,
                     gpointer func_data, GCancellable *cancellable, GAsyncReadyCallback callback,
                     gpointer data)
{
  GTask *task = g_task_new (client, cancellable, callback, data);
  Follow *follow = g_new0 (Follow, 1);

  follow->client = g_object_ref (client);
  follow->path = medley_client_path ("jobs", job, "events", NULL);
  follow->func = func;
  follow->func_data = func_data;
  g_task_set_task_data (task, follow, follow_free);
  open_stream (task);
}

char *
medley_follow_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
