/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/run-job-private.h"

#include <gio/gunixoutputstream.h>
#include <unistd.h>

#include <medley/medley-error.h>

#include "base/media.h"
#include "cli/format.h"
#include "cli/player.h"
#include "cli/reply.h"

/* How often what is missing of an output is fetched when the daemon goes away meanwhile. */
#define MAX_FETCHES 3

/* One output on its way to where it goes. */
typedef struct {
  MedleyRunJob *job;
  const MedleyRunOutput *output;
  MedleyOutputFile *file; /* NULL for standard output and the player */
  GOutputStream *target;
  gboolean is_live; /* streams while it is being made */
  gboolean is_player;
  gboolean has_ended; /* the stream has, without an error */
  gboolean is_whole;
  MedleyPumpTally tally;
  GError *error; /* of the last try */
} Transfer;

static void
transfer_free (gpointer data)
{
  Transfer *transfer = data;

  g_clear_pointer (&transfer->file, medley_output_file_free);
  g_clear_object (&transfer->target);
  medley_pump_tally_clear (&transfer->tally);
  g_clear_error (&transfer->error);
  g_free (transfer);
}

static Transfer *
add_transfer (MedleyRunJob *job, const MedleyRunOutput *output)
{
  Transfer *transfer = g_new0 (Transfer, 1);

  transfer->job = job;
  transfer->output = output;
  g_ptr_array_add (job->transfers, transfer);
  return transfer;
}

/* Where they go */

static gboolean
is_binary (const MedleyRunOutput *output)
{
  return medley_media_modality (output->type) != MEDLEY_MODALITY_TEXT
         && !g_str_equal (output->type, "application/json");
}

static gboolean
prepare_transfer (MedleyRunJob *job, const MedleyRunOutput *output, GError **error)
{
  Transfer *transfer = add_transfer (job, output);

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
prepare_player (MedleyRunJob *job, GError **error)
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
  transfer = add_transfer (job, output);
  transfer->target = g_object_ref (g_subprocess_get_stdin_pipe (job->player));
  transfer->is_live = TRUE;
  transfer->is_player = TRUE;
  return TRUE;
}

gboolean
medley_run_outputs_prepare (MedleyRunJob *job, GError **error)
{
  job->transfers = g_ptr_array_new_with_free_func (transfer_free);
  if (job->options->is_detached)
    return TRUE;
  for (guint i = 0; i < job->spec->outputs->len; i++) {
    const MedleyRunOutput *output = g_ptr_array_index (job->spec->outputs, i);

    if (output->file != NULL && !prepare_transfer (job, output, error))
      return FALSE;
  }
  return !job->options->is_played || prepare_player (job, error);
}

/* Fetching */

static void
end_transfer (Transfer *transfer, GError *error, gboolean is_write)
{
  MedleyRunJob *job = transfer->job;

  job->n_streams--;
  transfer->has_ended = error == NULL;
  if (error == NULL)
    return;
  if (is_write && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE)) {
    g_clear_error (&error);
    transfer->has_ended = transfer->is_whole = TRUE;
    /* Who reads has seen enough: a player that was closed, or head(1). */
    if (!transfer->is_player) {
      job->is_unread = TRUE;
      medley_run_job_cancel (job);
    }
  } else if (is_write) {
    medley_run_job_take_failure (job, error);
    medley_run_job_cancel (job);
  } else {
    /* The job's end says why, or the daemon is away: then the rest is fetched at the end. */
    transfer->error = error;
  }
}

static void
on_pumped (GObject *source, GAsyncResult *result, gpointer data)
{
  gboolean is_write;
  GError *error = NULL;

  medley_pump_finish (result, &is_write, &error);
  end_transfer (data, error, is_write);
}

static void
on_output_opened (GObject *source, GAsyncResult *result, gpointer data)
{
  Transfer *transfer = data;
  GError *error = NULL;
  g_autoptr (GInputStream) stream
      = medley_client_open_finish (MEDLEY_CLIENT (source), result, NULL, &error);

  if (stream == NULL)
    end_transfer (transfer, error, FALSE);
  else
    medley_pump_async (stream, transfer->target, &transfer->tally, transfer->job->streams,
                       on_pumped, transfer);
}

static void
start_transfer (Transfer *transfer)
{
  MedleyRunJob *job = transfer->job;
  g_autofree char *path
      = medley_client_path ("jobs", job->id, "outputs", transfer->output->name, NULL);

  g_clear_error (&transfer->error);
  transfer->has_ended = FALSE;
  job->n_streams++;
  medley_client_open_async (job->cli->client, path, NULL, NULL, job->streams, on_output_opened,
                            transfer);
}

void
medley_run_outputs_start (MedleyRunJob *job)
{
  for (guint i = 0; i < job->transfers->len; i++) {
    Transfer *transfer = g_ptr_array_index (job->transfers, i);

    if (transfer->is_live)
      start_transfer (transfer);
  }
}

/* A stream that breaks off between two chunks looks like one that ends, so it is held against the
 * size of what is complete. That of a file whose end is rewritten differs from what was streamed:
 * there it has to do that neither the connection nor the job's first attempt broke off. */
static void
check_sizes (MedleyRunJob *job, GVariant *described)
{
  g_autoptr (GVariant) outputs = medley_reply_object (described, "outputs");

  for (guint i = 0; i < job->transfers->len; i++) {
    Transfer *transfer = g_ptr_array_index (job->transfers, i);
    g_autoptr (GVariant) output = medley_reply_object (outputs, transfer->output->name);
    gint64 size = medley_reply_integer (output, "size", -1);

    if (transfer->has_ended && ((gint64) transfer->tally.copied == size || !job->may_differ))
      transfer->is_whole = TRUE;
    transfer->has_ended = FALSE;
  }
}

static GError *
make_error (MedleyRunJob *job, Transfer *transfer)
{
  GError *error;

  if (transfer->error == NULL)
    return g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE, "output \"%s\" broke off",
                        transfer->output->name);
  if (transfer->error->domain != MEDLEY_ERROR)
    error = g_error_new_literal (MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE, transfer->error->message);
  else
    error = g_error_copy (transfer->error);
  g_prefix_error (&error, "output \"%s\": ", transfer->output->name);
  if (error->code == MEDLEY_ERROR_INTERRUPTED)
    medley_run_job_note (job, "\"medley output %s %s\" fetches it anew", job->id,
                         transfer->output->name);
  return error;
}

/* Fetches once what is not here. Returns: (transfer full) (nullable): why something still is not */
static GError *
fetch_missing (MedleyRunJob *job)
{
  g_autofree char *path = medley_client_path ("jobs", job->id, NULL);
  g_autoptr (GVariant) described = NULL;
  GError *error = NULL;

  for (guint i = 0; i < job->transfers->len; i++) {
    Transfer *transfer = g_ptr_array_index (job->transfers, i);

    if (!transfer->is_whole && !transfer->has_ended)
      start_transfer (transfer);
  }
  medley_run_job_iterate (job);
  described = medley_client_call_json (job->cli->client, "GET", path, NULL, NULL, NULL, &error);
  if (described == NULL)
    return error;
  check_sizes (job, described);
  for (guint i = 0; i < job->transfers->len; i++) {
    Transfer *transfer = g_ptr_array_index (job->transfers, i);

    if (!transfer->is_whole)
      return make_error (job, transfer);
  }
  return NULL;
}

/* Files are fetched only now: the headers of most formats are only at the end what they shall be.
 */
void
medley_run_outputs_finish (MedleyRunJob *job)
{
  for (guint i = 0; i < MAX_FETCHES && job->failure == NULL; i++) {
    GError *error = fetch_missing (job);

    if (error == NULL)
      break;
    if (i + 1 < MAX_FETCHES && error->code == MEDLEY_ERROR_UNAVAILABLE
        && !g_cancellable_is_cancelled (job->cli->cancellable)) {
      g_clear_error (&error);
      medley_run_job_follow (job); /* until the daemon is back */
    } else {
      medley_run_job_take_failure (job, error);
    }
  }
  for (guint i = 0; i < job->transfers->len; i++) {
    Transfer *transfer = g_ptr_array_index (job->transfers, i);

    if (transfer->is_player)
      g_output_stream_close (transfer->target, NULL, NULL);
    else if (transfer->file != NULL && job->failure == NULL)
      medley_output_file_commit (transfer->file, &job->failure);
  }
}

void
medley_run_outputs_tell (MedleyRunJob *job)
{
  if (job->cli->is_quiet || !isatty (STDERR_FILENO))
    return;
  for (guint i = 0; i < job->transfers->len; i++) {
    Transfer *transfer = g_ptr_array_index (job->transfers, i);
    g_autofree char *size = medley_format_size (transfer->tally.copied);

    if (transfer->file != NULL)
      g_printerr ("%s: %s, %s\n", transfer->output->file, transfer->output->type, size);
  }
}
