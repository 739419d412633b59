/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/follow.h"

#include <string.h>

#include <medley/medley-error.h>

#include "base/json.h"
#include "cli/reply.h"
#include "cli/sse.h"

#define PIECE 65536u
/* The wait before a connection is tried again, doubled each time up to the longest. */
#define FIRST_RETRY_MS 100u
#define LONGEST_RETRY_MS 1000u
#define MIN_ATTEMPTS 3

typedef struct {
  MedleyClient *client;
  char *job_path;
  char *path;
  MedleyFollowFuncs funcs;
  gpointer funcs_data;
  MedleySse *sse;
  GInputStream *stream;
  char *state;
  char *last_id;
  gint64 last_time;  /* of the last event, µs since 1970 */
  gint64 skip_until; /* events up to this time are known */
  guint attempts;    /* since the last event */
  gint64 lost_since; /* monotonic, 0 while connected */
  gboolean is_away;
} Follow;

static void
follow_free (gpointer data)
{
  Follow *follow = data;

  g_object_unref (follow->client);
  g_clear_object (&follow->stream);
  g_clear_pointer (&follow->sse, medley_sse_free);
  g_free (follow->job_path);
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
tell (Follow *follow, MedleyConnection connection)
{
  if (follow->funcs.connection != NULL)
    follow->funcs.connection (connection, follow->funcs_data);
}

static void
on_event (const char *id, const char *type, const char *data, gpointer user_data)
{
  Follow *follow = user_data;
  g_autoptr (GVariant) event = medley_json_parse (data, strlen (data), NULL, NULL, NULL);
  gint64 time;

  if (event == NULL || !g_variant_is_of_type (event, G_VARIANT_TYPE_VARDICT))
    return;
  g_variant_get_data (event);
  follow->attempts = 0;
  if (id != NULL) {
    g_free (follow->last_id);
    follow->last_id = g_strdup (id);
  }
  time = medley_reply_integer (event, "time", 0);
  if (time != 0 && time <= follow->skip_until)
    return;
  follow->last_time = MAX (follow->last_time, time);
  if (g_str_equal (medley_reply_string (event, "kind", ""), "state")) {
    g_free (follow->state);
    follow->state = g_strdup (medley_reply_string (event, "state", ""));
  }
  follow->funcs.event (event, follow->funcs_data);
}

static void
give_up (GTask *task, GError *error)
{
  Follow *follow = g_task_get_task_data (task);

  if (error == NULL)
    error = g_error_new_literal (MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
                                 "the daemon stopped telling about the job before its end");
  if (follow->is_away && g_error_matches (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_FOUND)) {
    g_clear_error (&error);
    error = g_error_new_literal (
        MEDLEY_ERROR, MEDLEY_ERROR_NOT_FOUND,
        "the daemon came back without the job: it was removed, or not kept on disk (jobs.durable)");
  }
  g_task_return_error (task, error);
  g_object_unref (task);
}

static void
lose (GTask *task, GError *error);

/* The daemon answers: does it know the job, and has that ended meanwhile? */
static void
on_job (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Follow *follow = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (GVariant) job = medley_client_get_finish (follow->client, result, NULL, &error);
  const char *state = medley_reply_string (job, "state", NULL);
  gint64 newest = medley_reply_integer (job, "lastEvent", G_MAXINT64);
  gint64 seen = follow->last_id != NULL ? g_ascii_strtoll (follow->last_id, NULL, 10) : 0;

  if (job == NULL) {
    lose (task, error);
    return;
  }
  tell (follow, MEDLEY_CONNECTION_BACK);
  if (medley_follow_is_final (state) && newest == seen && !follow->is_away) {
    g_task_return_pointer (task, g_strdup (state), g_free);
    g_object_unref (task);
    return;
  }
  /* What a daemon had not written down when it died is gone, and its numbers are used anew: then
   * the time tells what is known already. */
  if (follow->is_away || newest < seen) {
    g_clear_pointer (&follow->last_id, g_free);
    follow->skip_until = follow->last_time;
  }
  follow->is_away = FALSE;
  open_stream (task);
}

static gboolean
on_retry (gpointer data)
{
  GTask *task = data;
  Follow *follow = g_task_get_task_data (task);

  medley_client_get_async (follow->client, follow->job_path, g_task_get_cancellable (task), on_job,
                           task);
  return G_SOURCE_REMOVE;
}

static gboolean
dispatch (GSource *source, GSourceFunc callback, gpointer data)
{
  return callback (data);
}

/* A timer that a cancellable ends before its time. */
static void
wait_and_retry (GTask *task, guint ms)
{
  static GSourceFuncs funcs = { .dispatch = dispatch };
  GSource *source = g_source_new (&funcs, sizeof (GSource));
  GCancellable *cancellable = g_task_get_cancellable (task);

  g_source_set_ready_time (source, g_get_monotonic_time () + (gint64) ms * 1000);
  g_source_set_callback (source, on_retry, task, NULL);
  if (cancellable != NULL) {
    GSource *cancelled = g_cancellable_source_new (cancellable);

    g_source_set_dummy_callback (cancelled);
    g_source_add_child_source (source, cancelled);
    g_source_unref (cancelled);
  }
  g_source_attach (source, NULL);
  g_source_unref (source);
}

/* Takes @error over. */
static void
lose (GTask *task, GError *error)
{
  Follow *follow = g_task_get_task_data (task);
  gint64 now = g_get_monotonic_time ();
  gint64 patience = (gint64) medley_client_get_patience (follow->client) * G_USEC_PER_SEC;
  gboolean is_away = g_error_matches (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE);

  if (g_cancellable_is_cancelled (g_task_get_cancellable (task))
      || (error != NULL && error->domain == MEDLEY_ERROR && !is_away)) {
    give_up (task, error);
    return;
  }
  if (follow->lost_since == 0) {
    follow->lost_since = now;
    tell (follow, MEDLEY_CONNECTION_BROKEN);
  } else if (is_away && !follow->is_away) {
    follow->is_away = TRUE;
    tell (follow, MEDLEY_CONNECTION_AWAY);
  }
  if (now >= follow->lost_since + patience && follow->attempts >= MIN_ATTEMPTS) {
    give_up (task, error);
    return;
  }
  g_clear_error (&error);
  wait_and_retry (task, MIN (FIRST_RETRY_MS << MIN (follow->attempts, 10), LONGEST_RETRY_MS));
  follow->attempts++;
}

/* The stream has ended: well, when the job has; else it is opened again. Takes @error over. */
static void
end_stream (GTask *task, GError *error)
{
  Follow *follow = g_task_get_task_data (task);

  g_clear_object (&follow->stream);
  if (!medley_follow_is_final (follow->state)) {
    lose (task, error);
    return;
  }
  g_clear_error (&error);
  g_task_return_pointer (task, g_strdup (follow->state), g_free);
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

  if (bytes != NULL && length > 0)
    follow->lost_since = 0;
  /* Not at the first end that is told of: a job that was retried has ended before. */
  if (bytes == NULL || length == 0 || !medley_sse_feed (follow->sse, text, length)) {
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
medley_follow_async (MedleyClient *client, const char *job, const MedleyFollowFuncs *funcs,
                     gpointer funcs_data, GCancellable *cancellable, GAsyncReadyCallback callback,
                     gpointer data)
{
  GTask *task = g_task_new (client, cancellable, callback, data);
  Follow *follow = g_new0 (Follow, 1);

  follow->client = g_object_ref (client);
  follow->job_path = medley_client_path ("jobs", job, NULL);
  follow->path = medley_client_path ("jobs", job, "events", NULL);
  follow->funcs = *funcs;
  follow->funcs_data = funcs_data;
  g_task_set_task_data (task, follow, follow_free);
  open_stream (task);
}

char *
medley_follow_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
