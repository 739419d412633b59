/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/run-job-private.h"

#include <gio/gunixinputstream.h>
#include <string.h>
#include <unistd.h>

#include <medley/medley-error.h>

#include "cli/reply.h"

/* How long a job may take to notice that its input broke off. */
#define NOTICE_SECONDS 3

/* One input on its way to the daemon. */
typedef struct {
  MedleyRunJob *job;
  const MedleyRunInput *input;
  GInputStream *stream;
  gboolean has_failed;
} Upload;

static void
upload_free (gpointer data)
{
  Upload *upload = data;

  g_clear_object (&upload->stream);
  g_free (upload);
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

gboolean
medley_run_inputs_open (MedleyRunJob *job, GError **error)
{
  job->uploads = g_ptr_array_new_with_free_func (upload_free);
  for (guint i = 0; i < job->spec->inputs->len; i++) {
    Upload *upload = g_new0 (Upload, 1);

    upload->job = job;
    upload->input = g_ptr_array_index (job->spec->inputs, i);
    g_ptr_array_add (job->uploads, upload);
    upload->stream = open_input (upload->input, error);
    if (upload->stream == NULL)
      return FALSE;
  }
  return TRUE;
}

/* While the daemon is away nobody can be asked to cancel, and it may come back. */
static void
on_upload_not_noticed (gpointer data)
{
  MedleyRunJob *job = data;

  job->upload_timer = 0;
  if (!job->is_lost)
    medley_run_job_cancel (job);
}

static void
on_uploaded (GObject *source, GAsyncResult *result, gpointer data)
{
  Upload *upload = data;
  MedleyRunJob *job = upload->job;
  g_autoptr (GError) error = NULL;

  job->n_uploads--;
  if (medley_client_upload_finish (MEDLEY_CLIENT (source), result, NULL, &error)
      || g_cancellable_is_cancelled (job->uploading))
    return;
  /* The input is there already: from an earlier request with this key, or from the upload whose
   * answer was lost. */
  if (g_error_matches (error, MEDLEY_ERROR, MEDLEY_ERROR_WRONG_STATE)
      && (upload->has_failed || g_variant_lookup (job->options->job, "idempotencyKey", "s", NULL)))
    return;
  upload->has_failed = TRUE;
  if (job->upload_failure != NULL)
    return;
  job->upload_failure = g_steal_pointer (&error);
  if (!job->options->is_detached)
    job->upload_timer = g_timeout_add_once (NOTICE_SECONDS * 1000, on_upload_not_noticed, job);
}

static void
send (Upload *upload)
{
  MedleyRunJob *job = upload->job;
  g_autofree char *path = medley_client_path ("jobs", job->id, "inputs", upload->input->name, NULL);

  job->n_uploads++;
  medley_client_upload_async (job->cli->client, path, upload->stream, job->uploading, on_uploaded,
                              upload);
}

void
medley_run_inputs_start (MedleyRunJob *job, GVariant *request)
{
  g_autoptr (GVariant) inputs = medley_reply_object (request, "inputs");

  for (guint i = 0; i < job->uploads->len; i++) {
    Upload *upload = g_ptr_array_index (job->uploads, i);
    g_autoptr (GVariant) sent = medley_reply_object (inputs, upload->input->name);

    if (medley_reply_boolean (sent, "upload", FALSE))
      send (upload);
  }
}

void
medley_run_inputs_start_again (MedleyRunJob *job)
{
  gboolean can_go_on = TRUE;

  if (job->upload_failure == NULL)
    return;
  g_clear_handle_id (&job->upload_timer, g_source_remove);
  for (guint i = 0; i < job->uploads->len; i++) {
    Upload *upload = g_ptr_array_index (job->uploads, i);
    GInputStream *stream;

    if (!upload->has_failed)
      continue;
    stream = upload->input->kind != MEDLEY_RUN_STDIN ? open_input (upload->input, NULL) : NULL;
    can_go_on = can_go_on && stream != NULL;
    if (stream != NULL) {
      g_object_unref (upload->stream);
      upload->stream = stream;
    }
  }
  /* What standard input had is gone. */
  if (!can_go_on) {
    medley_run_job_cancel (job);
    return;
  }
  g_clear_error (&job->upload_failure);
  for (guint i = 0; i < job->uploads->len; i++) {
    Upload *upload = g_ptr_array_index (job->uploads, i);

    if (upload->has_failed)
      send (upload);
  }
}
