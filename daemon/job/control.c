/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What clients ask of jobs that exist. */

#include "base/error.h"
#include "job/input-writer-private.h"
#include "job/manager-private.h"

MedleyJob *
medley_job_manager_get (MedleyJobManager *self, const char *id, GError **error)
{
  MedleyJob *job = medley_job_store_get (self->store, id);

  if (job == NULL)
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_FOUND,
                 "there is no job \"%s\"; see `medley jobs`", id);
  return job;
}

typedef struct {
  const char *state;
  const char *pipeline;
} Filter;

static gboolean
job_matches (MedleyJob *job, gpointer data)
{
  Filter *filter = data;

  return (filter->state == NULL
          || g_str_equal (filter->state, medley_job_state_to_string (medley_job_get_state (job))))
         && (filter->pipeline == NULL
             || g_str_equal (filter->pipeline, medley_job_get_pipeline (job)));
}

GPtrArray *
medley_job_manager_list (MedleyJobManager *self, const char *state, const char *pipeline,
                         const char *cursor, guint limit)
{
  Filter filter = { state, pipeline };

  return medley_job_store_list (self->store, job_matches, &filter, cursor, limit);
}

static gboolean
refuse_state (MedleyJob *job, const char *what, GError **error)
{
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_WRONG_STATE, "job %s cannot be %s: it is %s",
               medley_job_get_id (job), what,
               medley_job_state_to_string (medley_job_get_state (job)));
  return FALSE;
}

gboolean
medley_job_manager_cancel (MedleyJobManager *self, MedleyJob *job, GError **error)
{
  MedleyJobState state = medley_job_get_state (job);
  g_autoptr (GError) reason = NULL;

  if (state == MEDLEY_JOB_CANCELLED)
    return TRUE;
  if (medley_job_state_is_final (state))
    return refuse_state (job, "cancelled", error);
  reason = g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_CANCELLED, "the job was cancelled");
  medley_job_manager_stop (self, job, reason);
  return TRUE;
}

gboolean
medley_job_manager_pause (MedleyJobManager *self, MedleyJob *job, GError **error)
{
  if (medley_job_get_state (job) == MEDLEY_JOB_PAUSED)
    return TRUE;
  if (!medley_job_set_state (job, MEDLEY_JOB_PAUSED))
    return refuse_state (job, "paused", error);
  medley_run_pause (g_hash_table_lookup (self->runs, job));
  return TRUE;
}

gboolean
medley_job_manager_resume (MedleyJobManager *self, MedleyJob *job, GError **error)
{
  if (medley_job_get_state (job) == MEDLEY_JOB_RUNNING)
    return TRUE;
  if (medley_job_get_state (job) != MEDLEY_JOB_PAUSED)
    return refuse_state (job, "resumed", error);
  medley_run_resume (g_hash_table_lookup (self->runs, job));
  medley_job_set_state (job, MEDLEY_JOB_RUNNING);
  return TRUE;
}

gboolean
medley_job_manager_retry (MedleyJobManager *self, MedleyJob *job, GError **error)
{
  if (medley_job_get_state (job) != MEDLEY_JOB_FAILED)
    return refuse_state (job, "retried", error);
  medley_job_manager_queue_again (self, job);
  return TRUE;
}

gboolean
medley_job_manager_remove (MedleyJobManager *self, MedleyJob *job, GError **error)
{
  g_autoptr (MedleyJob) keep = g_object_ref (job);

  if (!medley_job_state_is_final (medley_job_get_state (job)))
    return refuse_state (job, "removed before it has ended", error);
  medley_job_store_remove (self->store, job);
  medley_job_delete_files (job);
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
      || medley_job_state_is_final (medley_job_get_state (job))) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_WRONG_STATE,
                 "input \"%s\" of job %s awaits no upload", input->name, medley_job_get_id (job));
    return NULL;
  }
  writer = medley_input_writer_new (job, input, medley_job_manager_input_done, self);
  if (!medley_job_has_input_in (job, MEDLEY_INPUT_AWAITED))
    g_hash_table_remove (self->awaits, job);
  medley_job_manager_dispatch (self);
  return writer;
}
