/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/run-job.h"

#include <gio/gunixinputstream.h>
#include <gio/gunixoutputstream.h>
#include <string.h>
#include <unistd.h>

#include <medley/medley-error.h>

#include "base/error.h"
#include "base/media.h"
#include "cli/event-text.h"
#include "cli/follow.h"
#include "cli/format.h"
#include "cli/output-file.h"
#include "cli/player.h"
#include "cli/progress.h"
#include "cli/pump.h"
#include "cli/reply.h"

/* How long a job may take to notice that its input broke off. */
#define NOTICE_SECONDS 3
/* How long the rest of a stream may take to arrive once the job has failed. */
#define REST_SECONDS 5

typedef struct {
  MedleyCli *cli;
  MedleyRunSpec *spec;
  const MedleyRunOptions *options;
  char *id;
  MedleyProgress *progress;
  GPtrArray *transfers; /* of Transfer */
  GSubprocess *player;
  GCancellable *uploads; /* cancelled when the job has ended */
  GCancellable *streams;
  guint n_uploads;
  guint n_streams;
  gboolean is_following;
  char *state;
  gboolean is_unread;     /* who read standard output has left */
  GError *failure;        /* the first thing that went wrong on this side */
  GError *upload_failure; /* only matters when the job does not say itself what was wrong with its
                             input */
  guint upload_timer;
} RunJob;

/* One output on its way to where it goes. */
typedef struct {
  RunJob *job;
  const MedleyRunOutput *output;
  MedleyOutputFile *file; /* NULL for standard output and the player */
  GOutputStream *target;
  gboolean is_live; /* streams while it is being made */
  gboolean is_player;
  gssize bytes;
} Transfer;

static void
transfer_free (gpointer data)
{
  Transfer *transfer = data;

  g_clear_pointer (&transfer->file, medley_output_file_free);
  g_clear_object (&transfer->target);
  g_free (transfer);
}

static void
take_failure (RunJob *job, GError *error)
{
  if (job->failure == NULL)
    job->failure = error;
  else
    g_error_free (error);
}

/* Asking for the end of the job */

static void
on_cancel_sent (GObject *source, GAsyncResult *result, gpointer data)
{
  medley_client_post_finish (MEDLEY_CLIENT (source), result, NULL, NULL);
}

static void
cancel_job (RunJob *job)
{
  g_autofree char *path = medley_client_path ("jobs", job->id, "cancel", NULL);

  medley_client_post_async (job->cli->client, path, NULL, on_cancel_sent, NULL);
}

static gboolean
on_interrupt (GCancellable *cancellable, gpointer data)
{
  RunJob *job = data;

  if (job->state != NULL) {
    g_cancellable_cancel (job->streams);
    return G_SOURCE_REMOVE;
  }
  if (job->progress != NULL && isatty (STDERR_FILENO))
    medley_progress_note (job->progress, "cancelling; press Ctrl-C again to leave at once");
  cancel_job (job);
  return G_SOURCE_REMOVE;
}

/* Inputs */

static void
on_upload_not_noticed (gpointer data)
{
  RunJob *job = data;

  job->upload_timer = 0;
  cancel_job (job);
}

static void
on_uploaded (GObject *source, GAsyncResult *result, gpointer data)
{
  RunJob *job = data;
  g_autoptr (GError) error = NULL;

  job->n_uploads--;
  if (medley_client_upload_finish (MEDLEY_CLIENT (source), result, NULL, &error)
      || g_cancellable_is_cancelled (job->uploads) || job->upload_failure != NULL)
    return;
  job->upload_failure = g_steal_pointer (&error);
  job->upload_timer = g_timeout_add_once (NOTICE_SECONDS * 1000, on_upload_not_noticed, job);
}

static GInputStream *
open_input (const MedleyRunInput *input, GError **error)
{
  g_autoptr (GFile) file = NULL;
  g_autoptr (GError) failure = NULL;
  GFileInputStream *stream;

  if (input->kind == MEDLEY_RUN_STDIN)
    return g_unix_input_stream_new (STDIN_FILENO, FALSE);
  if (input->kind == MEDLEY_RUN_TEXT)
    return g_memory_input_stream_new_from_data (g_strdup (input->value),
                                                (gssize) strlen (input->value), g_free);
  file = g_file_new_for_commandline_arg (input->value);
  stream = g_file_read (file, NULL, &failure);
  if (stream == NULL)
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT, "cannot read %s: %s",
                 input->value, failure->message);
  return G_INPUT_STREAM (stream);
}

/* Opened before the job is made, so that nothing is left behind by a file that cannot be read. */
static GPtrArray *
open_inputs (MedleyRunSpec *spec, GError **error)
{
  g_autoptr (GPtrArray) streams = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < spec->inputs->len; i++) {
    GInputStream *stream = open_input (g_ptr_array_index (spec->inputs, i), error);

    if (stream == NULL)
      return NULL;
    g_ptr_array_add (streams, stream);
  }
  return g_steal_pointer (&streams);
}

static void
start_uploads (RunJob *job, GPtrArray *streams, GVariant *request)
{
  g_autoptr (GVariant) inputs = medley_reply_object (request, "inputs");

  for (guint i = 0; i < job->spec->inputs->len; i++) {
    const MedleyRunInput *input = g_ptr_array_index (job->spec->inputs, i);
    g_autoptr (GVariant) sent = medley_reply_object (inputs, input->name);
    g_autofree char *path = medley_client_path ("jobs", job->id, "inputs", input->name, NULL);

    if (!medley_reply_boolean (sent, "upload", FALSE))
      continue;
    job->n_uploads++;
    medley_client_upload_async (job->cli->client, path, g_ptr_array_index (streams, i),
                                job->uploads, on_uploaded, job);
  }
}

/* Outputs */

static void
finish_stream (Transfer *transfer, GError *error, gboolean is_write)
{
  RunJob *job = transfer->job;

  job->n_streams--;
  if (error == NULL)
    return;
  if (is_write && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE)) {
    /* Who reads has seen enough: a player that was closed, or head(1). */
    if (!transfer->is_player) {
      job->is_unread = TRUE;
      cancel_job (job);
    }
  } else if (is_write || medley_follow_is_final (job->state)) {
    take_failure (job, g_steal_pointer (&error));
    cancel_job (job);
  }
  /* Else the daemon ended the stream early: the job's end says why. */
  g_clear_error (&error);
}

static void
on_pumped (GObject *source, GAsyncResult *result, gpointer data)
{
  Transfer *transfer = data;
  gboolean is_write;
  GError *error = NULL;

  transfer->bytes = medley_pump_finish (result, &is_write, &error);
  if (transfer->is_player)
    g_output_stream_close (transfer->target, NULL, NULL);
  finish_stream (transfer, error, is_write);
}

static void
on_output_opened (GObject *source, GAsyncResult *result, gpointer data)
{
  Transfer *transfer = data;
  GError *error = NULL;
  g_autoptr (GInputStream) stream
      = medley_client_open_finish (MEDLEY_CLIENT (source), result, NULL, &error);

  if (stream == NULL)
    finish_stream (transfer, error, FALSE);
  else
    medley_pump_async (stream, transfer->target, transfer->job->streams, on_pumped, transfer);
}

static void
start_transfer (Transfer *transfer)
{
  RunJob *job = transfer->job;
  g_autofree char *path
      = medley_client_path ("jobs", job->id, "outputs", transfer->output->name, NULL);

  job->n_streams++;
  medley_client_open_async (job->cli->client, path, NULL, NULL, job->streams, on_output_opened,
                            transfer);
}

static gboolean
is_binary (const MedleyRunOutput *output)
{
  return medley_media_modality (output->type) != MEDLEY_MODALITY_TEXT
         && !g_str_equal (output->type, "application/json");
}

static gboolean
prepare_transfer (RunJob *job, const MedleyRunOutput *output, GError **error)
{
  Transfer *transfer = g_new0 (Transfer, 1);

  transfer->job = job;
  transfer->output = output;
  g_ptr_array_add (job->transfers, transfer);
  if (g_str_equal (output->file, "-")) {
    if (is_binary (output) && isatty (STDOUT_FILENO) && !job->options->is_forced) {
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                   "will not write %s to a terminal; use -o FILE, a pipe, or --force",
                   output->type);
      return FALSE;
    }
    transfer->target = g_unix_output_stream_new (STDOUT_FILENO, FALSE);
    transfer->is_live = TRUE;
    return TRUE;
  }
  transfer->file
      = medley_output_file_open (output->file, output->is_chosen || job->options->is_forced, error);
  if (transfer->file == NULL)
    return FALSE;
  transfer->target = g_object_ref (medley_output_file_get_stream (transfer->file));
  transfer->is_live = medley_output_file_is_special (transfer->file);
  return TRUE;
}

static gboolean
prepare_player (RunJob *job, GError **error)
{
  const MedleyRunOutput *output = g_ptr_array_index (job->spec->outputs, 0);
  Transfer *transfer;

  for (guint i = 0; i < job->spec->outputs->len; i++) {
    const MedleyRunOutput *candidate = g_ptr_array_index (job->spec->outputs, i);
    MedleyModality modality = medley_media_modality (candidate->type);

    if (modality == MEDLEY_MODALITY_AUDIO || modality == MEDLEY_MODALITY_VIDEO) {
      output = candidate;
      break;
    }
  }
  job->player = medley_player_start (output->type, error);
  if (job->player == NULL)
    return FALSE;
  transfer = g_new0 (Transfer, 1);
  transfer->job = job;
  transfer->output = output;
  transfer->target = g_object_ref (g_subprocess_get_stdin_pipe (job->player));
  transfer->is_live = TRUE;
  transfer->is_player = TRUE;
  g_ptr_array_add (job->transfers, transfer);
  return TRUE;
}

static gboolean
prepare_outputs (RunJob *job, GError **error)
{
  if (job->options->is_detached)
    return TRUE;
  for (guint i = 0; i < job->spec->outputs->len; i++) {
    const MedleyRunOutput *output = g_ptr_array_index (job->spec->outputs, i);

    if (output->file != NULL && !prepare_transfer (job, output, error))
      return FALSE;
  }
  return !job->options->is_played || prepare_player (job, error);
}

/* Following */

static void
on_event (GVariant *event, gpointer data)
{
  RunJob *job = data;

  if (job->cli->is_json)
    medley_cli_print_json (event);
  if (job->progress == NULL)
    return;
  medley_progress_event (job->progress, event);
  if (medley_event_is_notable (event)) {
    g_autofree char *text = medley_event_text (event);

    medley_progress_note (job->progress, text);
  }
}

static void
on_followed (GObject *source, GAsyncResult *result, gpointer data)
{
  RunJob *job = data;
  GError *error = NULL;

  job->is_following = FALSE;
  job->state = medley_follow_finish (result, &error);
  if (error != NULL)
    take_failure (job, error);
  g_cancellable_cancel (job->uploads);
  if (job->state == NULL)
    g_cancellable_cancel (job->streams);
}

static void
iterate_until_idle (RunJob *job)
{
  while (job->is_following || job->n_uploads > 0 || job->n_streams > 0)
    g_main_context_iteration (NULL, TRUE);
}

static void
run_to_end (RunJob *job)
{
  guint guard = 0;

  job->is_following = TRUE;
  medley_follow_async (job->cli->client, job->id, on_event, job, NULL, on_followed, job);
  for (guint i = 0; i < job->transfers->len; i++) {
    Transfer *transfer = g_ptr_array_index (job->transfers, i);

    if (transfer->is_live)
      start_transfer (transfer);
  }
  while (job->is_following)
    g_main_context_iteration (NULL, TRUE);
  if (g_strcmp0 (job->state, "done") != 0)
    guard = g_timeout_add_once (REST_SECONDS * 1000, (GSourceOnceFunc) g_cancellable_cancel,
                                job->streams);
  iterate_until_idle (job);
  if (guard != 0 && !g_cancellable_is_cancelled (job->streams))
    g_source_remove (guard);
}

/* Files are fetched at the end: the headers of most formats are only then what they shall be. */
static void
fetch_files (RunJob *job)
{
  for (guint i = 0; i < job->transfers->len; i++) {
    Transfer *transfer = g_ptr_array_index (job->transfers, i);

    if (!transfer->is_live)
      start_transfer (transfer);
  }
  iterate_until_idle (job);
  for (guint i = 0; job->failure == NULL && i < job->transfers->len; i++) {
    Transfer *transfer = g_ptr_array_index (job->transfers, i);

    if (transfer->file != NULL)
      medley_output_file_commit (transfer->file, &job->failure);
  }
}

static void
tell_files (RunJob *job)
{
  if (job->cli->is_quiet || !isatty (STDERR_FILENO))
    return;
  for (guint i = 0; i < job->transfers->len; i++) {
    Transfer *transfer = g_ptr_array_index (job->transfers, i);
    g_autofree char *size
        = medley_format_size (transfer->bytes > 0 ? (guint64) transfer->bytes : 0);

    if (transfer->file != NULL)
      g_printerr ("%s: %s, %s\n", transfer->output->file, transfer->output->type, size);
  }
}

static int
tell_end (RunJob *job)
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
    tell_files (job);
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
leave_running (RunJob *job)
{
  iterate_until_idle (job);
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
  RunJob *job = data;

  g_clear_pointer (&job->progress, medley_progress_free);
  g_ptr_array_set_size (job->transfers, 0);
}

/* Returns: FALSE with the exit status when there is no job */
static gboolean
create (RunJob *job, GVariant *request, int *status)
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
make_request (RunJob *job, GVariant *pipeline)
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
run (RunJob *job, GVariant *pipeline, const char *title)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) streams = open_inputs (job->spec, &error);
  g_autoptr (GVariant) request = make_request (job, pipeline);
  GSource *interrupt;
  int status;

  if (streams == NULL || !prepare_outputs (job, &error))
    return medley_cli_fail (job->cli, error, NULL, NULL);
  if (!create (job, request, &status))
    return status;

  interrupt = g_cancellable_source_new (job->cli->cancellable);
  g_source_set_callback (interrupt, G_SOURCE_FUNC (on_interrupt), job, NULL);
  g_source_attach (interrupt, NULL);
  start_uploads (job, streams, request);
  if (job->options->is_detached) {
    status = leave_running (job);
  } else {
    if (!job->cli->is_quiet)
      job->progress = medley_progress_new (title);
    run_to_end (job);
    if (g_strcmp0 (job->state, "done") == 0 && job->failure == NULL)
      fetch_files (job);
    if (job->player != NULL && g_strcmp0 (job->state, "done") == 0)
      g_subprocess_wait (job->player, job->cli->cancellable, NULL);
    g_clear_pointer (&job->progress, medley_progress_free);
    status = tell_end (job);
  }
  g_source_destroy (interrupt);
  g_source_unref (interrupt);
  return status;
}

int
medley_run_job (MedleyCli *cli, GVariant *pipeline, const char *title, MedleyRunSpec *spec,
                const MedleyRunOptions *options)
{
  RunJob job = { .cli = cli, .spec = spec, .options = options };
  int status;

  job.transfers = g_ptr_array_new_with_free_func (transfer_free);
  job.uploads = g_cancellable_new ();
  job.streams = g_cancellable_new ();
  cli->on_kill = on_kill;
  cli->on_kill_data = &job;
  status = run (&job, pipeline, title);
  cli->on_kill = NULL;
  g_clear_handle_id (&job.upload_timer, g_source_remove);
  if (job.player != NULL)
    g_subprocess_force_exit (job.player);
  g_ptr_array_unref (job.transfers);
  g_clear_object (&job.player);
  g_object_unref (job.uploads);
  g_object_unref (job.streams);
  g_clear_error (&job.failure);
  g_clear_error (&job.upload_failure);
  g_free (job.id);
  g_free (job.state);
  return status;
}
