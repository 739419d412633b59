/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/run-job.h"

#include <unistd.h>

#include <medley/medley-error.h>

#include "base/error.h"
#include "cli/event-text.h"
#include "cli/reply.h"
#include "cli/run-job-private.h"

/* How long the rest of a stream may take to arrive once the job has failed. */
#define REST_SECONDS 5
/* A job that waits for longer than this is worth a word. */
#define WAIT_ON_TERMINAL 0.3
#define WAIT_ELSEWHERE 5.0

void
medley_run_job_take_failure (MedleyRunJob *job, GError *error)
{
  if (job->failure == NULL)
    job->failure = error;
  else
    g_error_free (error);
}

void
medley_run_job_note (MedleyRunJob *job, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list arguments;

  if (job->progress == NULL)
    return;
  va_start (arguments, format);
  text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  medley_progress_note (job->progress, text);
}

/* Asking for the end of the job */

static void
on_cancel_sent (GObject *source, GAsyncResult *result, gpointer data)
{
  medley_client_post_finish (MEDLEY_CLIENT (source), result, NULL, NULL);
}

void
medley_run_job_cancel (MedleyRunJob *job)
{
  g_autofree char *path = medley_client_path ("jobs", job->id, "cancel", NULL);

  medley_client_post_async (job->cli->client, path, NULL, on_cancel_sent, NULL);
}

static gboolean
on_interrupt (GCancellable *cancellable, gpointer data)
{
  MedleyRunJob *job = data;

  if (job->state != NULL) {
    g_cancellable_cancel (job->streams);
    return G_SOURCE_REMOVE;
  }
  if (job->is_lost) {
    medley_run_job_note (job, "the daemon is away: the job %s may go on when it comes back",
                         job->id);
    g_cancellable_cancel (job->following);
    return G_SOURCE_REMOVE;
  }
  if (isatty (STDERR_FILENO))
    medley_run_job_note (job, "cancelling; press Ctrl-C again to leave at once");
  medley_run_job_cancel (job);
  return G_SOURCE_REMOVE;
}

/* Following */

/* Whether outputs are begun anew with it. */
static gboolean
is_new_attempt (GVariant *event)
{
  static const char *const kinds[] = { "retry", "interrupted", NULL };

  return g_strv_contains (kinds, medley_reply_string (event, "kind", ""));
}

static void
on_event (GVariant *event, gpointer data)
{
  MedleyRunJob *job = data;

  if (job->has_followed)
    return;
  job->may_differ = job->may_differ || is_new_attempt (event);
  if (job->cli->is_json)
    medley_cli_print_json (event);
  if (job->waiting != NULL)
    medley_waiting_event (job->waiting, event);
  if (job->progress == NULL)
    return;
  medley_progress_event (job->progress, event);
  if (medley_event_is_notable (event)) {
    g_autofree char *text = medley_event_text (event);

    medley_run_job_note (job, "%s", text);
  }
}

static void
on_connection (MedleyConnection connection, gpointer data)
{
  MedleyRunJob *job = data;

  job->is_lost = connection != MEDLEY_CONNECTION_BACK;
  job->may_differ = TRUE;
  if (connection == MEDLEY_CONNECTION_AWAY) {
    job->was_away = TRUE;
    medley_run_job_note (job, "the daemon is away; waiting for it to come back");
  } else if (connection == MEDLEY_CONNECTION_BACK) {
    if (job->was_away)
      medley_run_job_note (job, "the daemon is back");
    medley_run_inputs_start_again (job, job->was_away);
    job->was_away = FALSE;
  }
}

static void
on_waiting (const char *text, gpointer data)
{
  MedleyRunJob *job = data;

  if (job->progress == NULL)
    return;
  medley_progress_set_waiting (job->progress, text);
  if (text != NULL && !isatty (STDERR_FILENO))
    medley_run_job_note (job, "%s", text);
}

static void
on_followed (GObject *source, GAsyncResult *result, gpointer data)
{
  MedleyRunJob *job = data;
  GError *error = NULL;

  job->is_following = FALSE;
  job->has_followed = TRUE;
  g_free (job->state);
  job->state = medley_follow_finish (result, &error);
  if (error != NULL)
    medley_run_job_take_failure (job, error);
  medley_run_inputs_stop (job);
  if (job->state == NULL)
    g_cancellable_cancel (job->streams);
}

void
medley_run_job_iterate (MedleyRunJob *job)
{
  while (job->is_following || job->n_uploads > 0 || job->n_streams > 0)
    g_main_context_iteration (NULL, TRUE);
}

void
medley_run_job_follow (MedleyRunJob *job)
{
  static const MedleyFollowFuncs funcs = { on_event, on_connection };

  job->is_following = TRUE;
  medley_follow_async (job->cli->client, job->id, &funcs, job, job->following, on_followed, job);
  while (job->is_following)
    g_main_context_iteration (NULL, TRUE);
}

static void
run_to_end (MedleyRunJob *job)
{
  guint guard = 0;

  medley_run_outputs_start (job);
  medley_run_job_follow (job);
  if (g_strcmp0 (job->state, "done") != 0)
    guard = g_timeout_add_once (REST_SECONDS * 1000, (GSourceOnceFunc) g_cancellable_cancel,
                                job->streams);
  medley_run_job_iterate (job);
  if (guard != 0 && !g_cancellable_is_cancelled (job->streams))
    g_source_remove (guard);
}

static int
tell_end (MedleyRunJob *job)
{
  g_autofree char *path = medley_client_path ("jobs", job->id, NULL);
  g_autoptr (GVariant) described = NULL;
  g_autoptr (GVariant) details = NULL;
  g_autoptr (GError) error = NULL;

  if (job->failure != NULL && job->state == NULL)
    return medley_cli_fail (job->cli, job->failure, NULL, NULL);
  described = medley_client_call_json (job->cli->client, "GET", path, NULL, NULL, NULL, NULL);
  if (job->cli->is_json && described != NULL)
    medley_cli_print_json (described);
  /* What went wrong here comes before what the daemon then made of it (a cancelled job). */
  if (job->failure == NULL && !g_str_equal (job->state, "failed"))
    job->failure = g_steal_pointer (&job->upload_failure);
  if (job->failure != NULL)
    return medley_cli_fail (job->cli, job->failure, NULL, NULL);
  if (g_str_equal (job->state, "done")) {
    medley_run_outputs_tell (job);
    return 0;
  }
  /* As programs do that end by SIGPIPE: without a word. */
  if (job->is_unread && g_str_equal (job->state, "cancelled"))
    return MEDLEY_EXIT_CANCELLED;
  details = medley_reply_object (described, "error");
  if (details != NULL)
    error = medley_error_from_variant (details);
  else if (g_str_equal (job->state, "cancelled"))
    error = g_error_new_literal (MEDLEY_ERROR, MEDLEY_ERROR_CANCELLED, "the job was cancelled");
  else
    error = g_error_new_literal (MEDLEY_ERROR, MEDLEY_ERROR_FAILED, "the job failed");
  return medley_cli_fail (job->cli, error, details, NULL);
}

static int
leave_running (MedleyRunJob *job)
{
  medley_run_job_iterate (job);
  if (job->upload_failure != NULL)
    return medley_cli_fail (job->cli, job->upload_failure, NULL, NULL);
  if (job->cli->is_json) {
    g_autofree char *path = medley_client_path ("jobs", job->id, NULL);
    g_autoptr (GVariant) described
        = medley_client_call_json (job->cli->client, "GET", path, NULL, NULL, NULL, NULL);

    if (described != NULL)
      medley_cli_print_json (described);
  } else {
    g_print ("%s\n", job->id);
  }
  return 0;
}

/* The second Ctrl-C: nothing is left lying about. */
static void
on_kill (gpointer data)
{
  MedleyRunJob *job = data;

  g_clear_pointer (&job->progress, medley_progress_free);
  if (job->transfers != NULL)
    g_ptr_array_set_size (job->transfers, 0);
}

/* Returns: FALSE with the exit status when there is no job */
static gboolean
create (MedleyRunJob *job, GVariant *request, int *status)
{
  g_autoptr (GVariant) problem = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply
      = medley_cli_send (job->cli, "POST", "jobs", request, &problem, &error);

  if (reply == NULL) {
    *status = medley_cli_fail (job->cli, error, problem, NULL);
    return FALSE;
  }
  job->id = g_strdup (medley_reply_string (reply, "id", ""));
  return TRUE;
}

static GVariant *
make_request (MedleyRunJob *job, GVariant *pipeline)
{
  g_autoptr (GVariant) whole
      = g_variant_ref_sink (medley_run_spec_to_request (job->spec, pipeline));
  GVariantDict dict;
  GVariantIter iter;
  const char *name;
  GVariant *value;

  g_variant_dict_init (&dict, whole);
  g_variant_iter_init (&iter, job->options->job);
  while (g_variant_iter_loop (&iter, "{&sv}", &name, &value))
    g_variant_dict_insert_value (&dict, name, value);
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

static int
follow_and_fetch (MedleyRunJob *job, const char *title)
{
  if (!job->cli->is_quiet)
    job->progress = medley_progress_new (title);
  if (!job->cli->is_quiet && !job->cli->is_json)
    job->waiting = medley_waiting_new (job->cli->client, job->id,
                                       isatty (STDERR_FILENO) ? WAIT_ON_TERMINAL : WAIT_ELSEWHERE,
                                       on_waiting, job);
  run_to_end (job);
  g_clear_pointer (&job->waiting, medley_waiting_free);
  if (g_strcmp0 (job->state, "done") == 0 && job->failure == NULL)
    medley_run_outputs_finish (job);
  if (job->player != NULL && g_strcmp0 (job->state, "done") == 0)
    g_subprocess_wait (job->player, job->cli->cancellable, NULL);
  g_clear_pointer (&job->progress, medley_progress_free);
  return tell_end (job);
}

static int
run (MedleyRunJob *job, GVariant *pipeline, const char *title)
{
  g_autoptr (GVariant) request = make_request (job, pipeline);
  g_autoptr (GError) error = NULL;
  GSource *interrupt;
  int status;

  if (!medley_run_inputs_open (job, &error) || !medley_run_outputs_prepare (job, &error))
    return medley_cli_fail (job->cli, error, NULL, NULL);
  if (!create (job, request, &status))
    return status;

  interrupt = g_cancellable_source_new (job->cli->cancellable);
  g_source_set_callback (interrupt, G_SOURCE_FUNC (on_interrupt), job, NULL);
  g_source_attach (interrupt, NULL);
  medley_run_inputs_start (job, request);
  status = job->options->is_detached ? leave_running (job) : follow_and_fetch (job, title);
  g_source_destroy (interrupt);
  g_source_unref (interrupt);
  return status;
}

int
medley_run_job (MedleyCli *cli, GVariant *pipeline, const char *title, MedleyRunSpec *spec,
                const MedleyRunOptions *options)
{
  MedleyRunJob job = { .cli = cli, .spec = spec, .options = options };
  int status;

  job.streams = g_cancellable_new ();
  job.following = g_cancellable_new ();
  cli->on_kill = on_kill;
  cli->on_kill_data = &job;
  status = run (&job, pipeline, title);
  cli->on_kill = NULL;
  g_clear_handle_id (&job.upload_timer, g_source_remove);
  if (job.player != NULL)
    g_subprocess_force_exit (job.player);
  g_clear_pointer (&job.uploads, g_ptr_array_unref);
  g_clear_pointer (&job.transfers, g_ptr_array_unref);
  g_clear_object (&job.player);
  g_object_unref (job.streams);
  g_object_unref (job.following);
  g_clear_error (&job.failure);
  g_clear_error (&job.upload_failure);
  g_free (job.id);
  g_free (job.state);
  return status;
}
