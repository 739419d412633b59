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
  GCancellable *cancellable; /* while it is being sent, else NULL */
  gboolean has_failed;       /* once */
  gboolean is_sent_again;    /* as soon as what runs has stopped */
} Upload;

static void
upload_free (gpointer data)
{
  Upload *upload = data;

  g_clear_object (&upload->stream);
  g_clear_object (&upload->cancellable);
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
send (Upload *upload);

/* What standard input or a pipe had is gone. */
static gboolean
can_be_read_again (const MedleyRunInput *input)
{
  g_autoptr (GFile) file = NULL;

  if (input->kind != MEDLEY_RUN_FILE)
    return input->kind == MEDLEY_RUN_TEXT;
  file = g_file_new_for_commandline_arg (input->value);
  return g_file_query_file_type (file, G_FILE_QUERY_INFO_NONE, NULL) == G_FILE_TYPE_REGULAR;
}

static void
send_again (Upload *upload)
{
  MedleyRunJob *job = upload->job;
  GInputStream *stream
      = can_be_read_again (upload->input) ? open_input (upload->input, NULL) : NULL;

  upload->is_sent_again = FALSE;
  upload->has_failed = TRUE;
  g_clear_handle_id (&job->upload_timer, g_source_remove);
  g_clear_error (&job->upload_failure);
  if (stream == NULL) {
    job->upload_failure
        = g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
                       "input \"%s\" broke off when the daemon went away, and cannot be read again",
                       upload->input->name);
    medley_run_job_cancel (job);
    return;
  }
  g_object_unref (upload->stream);
  upload->stream = stream;
  send (upload);
}

static void
on_uploaded (GObject *source, GAsyncResult *result, gpointer data)
{
  Upload *upload = data;
  MedleyRunJob *job = upload->job;
  g_autoptr (GError) error = NULL;
  gboolean is_sent = medley_client_upload_finish (MEDLEY_CLIENT (source), result, NULL, &error);

  job->n_uploads--;
  g_clear_object (&upload->cancellable);
  if (is_sent || job->has_followed)
    return;
  if (upload->is_sent_again) {
    send_again (upload);
    return;
  }
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
  upload->cancellable = g_cancellable_new ();
  medley_client_upload_async (job->cli->client, path, upload->stream, upload->cancellable,
                              on_uploaded, upload);
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
medley_run_inputs_start_again (MedleyRunJob *job, gboolean was_away)
{
  for (guint i = 0; i < job->uploads->len; i++) {
    Upload *upload = g_ptr_array_index (job->uploads, i);

    if (upload->cancellable != NULL && was_away) {
      /* Nobody reads what is being sent; of a pause in the input nobody would notice. */
      upload->is_sent_again = TRUE;
      g_cancellable_cancel (upload->cancellable);
    } else if (upload->cancellable == NULL && upload->has_failed && job->upload_failure != NULL) {
      send_again (upload);
    }
  }
}

void
medley_run_inputs_stop (MedleyRunJob *job)
{
  for (guint i = 0; i < job->uploads->len; i++) {
    Upload *upload = g_ptr_array_index (job->uploads, i);

    if (upload->cancellable != NULL)
      g_cancellable_cancel (upload->cancellable);
  }
}
