/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What clients ask of jobs that exist. */

#include "base/error.h"
#include "job/input-writer-private.h"
#include "job/manager-private.h"

static gboolean
refuse_state (MedleyJob *job, const char *what, GError **error)
{
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_WRONG_STATE, "job %s cannot be %s: it is %s",
               medley_job_get_id (job), what,
               medley_job_state_to_string (medley_job_get_end_state (job)));
  return FALSE;
}

/* An upload that broke off cannot be worked on again. */
static gboolean
has_inputs (MedleyJob *job, GError **error)
{
  GPtrArray *inputs = medley_job_list_inputs (job);

  for (guint i = 0; i < inputs->len; i++) {
    MedleyInput *input = inputs->pdata[i];

    if (input->state == MEDLEY_INPUT_READY)
      continue;
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_WRONG_STATE,
                 "job %s cannot be retried: its input \"%s\" never came whole; create it anew",
                 medley_job_get_id (job), input->name);
    return FALSE;
  }
  return TRUE;
}

gboolean
medley_job_manager_cancel (MedleyJobManager *self, MedleyJob *job, GError **error)
{
  MedleyJobState state = medley_job_get_end_state (job);
  g_autoptr (GError) reason = NULL;

  if (state == MEDLEY_JOB_CANCELLED)
    return TRUE;
  if (medley_job_state_is_final (state))
    return refuse_state (job, "cancelled", error);
  /* Nobody asks for that any more: whoever waits for the job is being sent away with the daemon. */
  if (medley_job_is_adjourned (job))
    return medley_job_manager_may_take_jobs (self, error);
  reason = g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_CANCELLED, "the job was cancelled");
  medley_job_manager_stop (self, job, reason);
  return TRUE;
}

gboolean
medley_job_manager_pause (MedleyJobManager *self, MedleyJob *job, GError **error)
{
  if (medley_job_get_state (job) == MEDLEY_JOB_PAUSED)
    return TRUE;
  /* It has no worker to pause yet. */
  if (medley_job_get_state (job) == MEDLEY_JOB_STARTING && medley_job_get_stopping (job) == NULL) {
    medley_job_set_pause_at_start (job, TRUE);
    medley_job_manager_save (self, job, TRUE, NULL, NULL);
    return TRUE;
  }
  if (medley_job_get_stopping (job) != NULL || !medley_job_set_state (job, MEDLEY_JOB_PAUSED))
    return refuse_state (job, "paused", error);
  medley_run_pause (g_hash_table_lookup (self->runs, job));
  medley_job_manager_look_at_drain (self);
  medley_job_manager_save (self, job, TRUE, NULL, NULL);
  return TRUE;
}

gboolean
medley_job_manager_resume (MedleyJobManager *self, MedleyJob *job, GError **error)
{
  /* One that was paused when an earlier daemon ended, and has not run again yet. */
  if (medley_job_get_pause_at_start (job)
      && !medley_job_state_is_final (medley_job_get_state (job))) {
    medley_job_set_pause_at_start (job, FALSE);
    if (medley_job_get_state (job) != MEDLEY_JOB_PAUSED) {
      medley_job_manager_save (self, job, TRUE, NULL, NULL);
      return TRUE;
    }
  }
  if (medley_job_get_state (job) == MEDLEY_JOB_RUNNING)
    return TRUE;
  if (medley_job_get_state (job) != MEDLEY_JOB_PAUSED
      || !medley_job_set_state (job, MEDLEY_JOB_RUNNING))
    return refuse_state (job, "resumed", error);
  medley_run_resume (g_hash_table_lookup (self->runs, job));
  medley_job_manager_save (self, job, TRUE, NULL, NULL);
  return TRUE;
}

gboolean
medley_job_manager_retry (MedleyJobManager *self, MedleyJob *job, GError **error)
{
  if (medley_job_get_state (job) != MEDLEY_JOB_FAILED)
    return refuse_state (job, "retried", error);
  if (medley_job_is_removed (job)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_FOUND, "job %s was removed",
                 medley_job_get_id (job));
    return FALSE;
  }
  if (!medley_job_manager_has_queue_room (self, medley_job_get_client (job), error))
    return FALSE;
  if (!has_inputs (job, error))
    return FALSE;
  self->ended[MEDLEY_JOB_FAILED]--;
  self->ended_bytes -= MIN (medley_job_get_bytes (job), self->ended_bytes);
  medley_job_manager_revive (self, job);
  medley_job_reset_attempts (job);
  medley_job_reopen (job);
  medley_job_manager_save (self, job, TRUE, NULL, NULL);
  medley_job_manager_enqueue (self, job);
  g_signal_emit_by_name (self, "job-added", job);
  return TRUE;
}

gboolean
medley_job_manager_remove (MedleyJobManager *self, MedleyJob *job, GError **error)
{
  g_autoptr (MedleyJob) keep = g_object_ref (job);
  MedleyJobState state = medley_job_get_state (job);

  if (!medley_job_state_is_final (state))
    return refuse_state (job, "removed before it has ended", error);
  if (medley_job_is_removed (job))
    return TRUE;
  self->ended[state]--;
  self->ended_bytes -= MIN (medley_job_get_bytes (job), self->ended_bytes);
  medley_job_manager_drop (self, job);
  medley_job_manager_save_removal (self, job);
  g_signal_emit_by_name (self, "job-removed", job);
  return TRUE;
}

MedleyInputWriter *
medley_job_manager_open_input (MedleyJobManager *self, MedleyJob *job, const char *name,
                               GError **error)
{
  MedleyInput *input = medley_job_find_input (job, name);
  MedleyInputWriter *writer;

  if (input == NULL) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_FOUND, "job %s has no input \"%s\"",
                 medley_job_get_id (job), name != NULL ? name : "");
    return NULL;
  }
  if (input->state != MEDLEY_INPUT_AWAITED
      || medley_job_state_is_final (medley_job_get_end_state (job))) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_WRONG_STATE,
                 "input \"%s\" of job %s awaits no upload", input->name, medley_job_get_id (job));
    return NULL;
  }
  writer = medley_input_writer_new (job, input, medley_job_manager_input_done, self);
  if (!medley_job_has_input_in (job, MEDLEY_INPUT_AWAITED))
    medley_job_manager_enqueue (self, job);
  return writer;
}
