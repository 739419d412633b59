/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How the manager comes to rest before the daemon ends. */

#include "base/error.h"
#include "job/manager-private.h"

struct _MedleyDrain {
  GSourceOnceFunc drained; /* NULL once it was called, or when nobody is to be told */
  gpointer data;
  guint limit_source; /* the time that running jobs have */
  guint rest_source;  /* nothing runs any more */
  gboolean is_over;   /* what runs is being left to the next daemon, or was */
};

static gboolean
is_waited_for (MedleyJob *job)
{
  MedleyJobState state = medley_job_get_state (job);

  /* What is paused, or waits for a person, may do so for days. */
  return state == MEDLEY_JOB_STARTING || state == MEDLEY_JOB_RUNNING;
}

/* Gives up what a job has done in this daemon; the next one starts it again. */
static void
leave (MedleyJobManager *self, MedleyJob *job)
{
  g_autoptr (GError) error
      = g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_INTERRUPTED,
                     "the daemon was stopped; the job starts again with the next one");

  medley_job_manager_end_run (self, job);
  if (medley_job_get_stopping (job) != NULL) {
    medley_job_manager_conclude (self, job, medley_job_get_stopping (job));
    return;
  }
  if (medley_job_get_state (job) == MEDLEY_JOB_PAUSED)
    medley_job_set_pause_at_start (job, TRUE);
  medley_job_interrupt (job, error, error->message);
  medley_job_forgive_attempt (job);
  medley_job_set_state (job, MEDLEY_JOB_QUEUED);
  medley_job_manager_save (self, job, TRUE, NULL, NULL);
}

static void
leave_all (MedleyJobManager *self)
{
  g_autoptr (GList) jobs = g_hash_table_get_keys (self->runs);

  self->drain->is_over = TRUE;
  g_clear_handle_id (&self->drain->limit_source, g_source_remove);
  g_clear_handle_id (&self->drain->rest_source, g_source_remove);
  for (GList *l = jobs; l != NULL; l = l->next) {
    g_autoptr (MedleyJob) job = g_object_ref (l->data);

    leave (self, job);
  }
}

/* Readers of outputs and events end: nothing comes any more in this daemon. */
static void
adjourn_all (MedleyJobManager *self)
{
  g_autoptr (GPtrArray) jobs = medley_job_manager_list_unfinished (self);

  for (guint i = 0; i < jobs->len; i++)
    medley_job_adjourn (jobs->pdata[i]);
}

static void
flushed (GObject *source, GAsyncResult *result, gpointer data)
{
  MedleyJobManager *self = MEDLEY_JOB_MANAGER (source);
  g_autoptr (GError) error = NULL;

  if (!medley_job_manager_flush_finish (self, result, &error))
    g_warning ("Not all could be written before the end: %s", error->message);
  adjourn_all (self);
  if (self->drain->drained != NULL)
    g_steal_pointer (&self->drain->drained) (self->drain->data);
}

/* From a source of its own: runs and jobs are in the midst of their ends. */
static gboolean
rest (gpointer data)
{
  MedleyJobManager *self = data;

  leave_all (self);
  medley_job_manager_flush_async (self, NULL, flushed, NULL);
  return G_SOURCE_REMOVE;
}

void
medley_job_manager_look_at_drain (MedleyJobManager *self)
{
  GHashTableIter iter;
  gpointer job;

  if (self->drain == NULL || self->drain->is_over || self->drain->rest_source != 0)
    return;
  g_hash_table_iter_init (&iter, self->runs);
  while (g_hash_table_iter_next (&iter, &job, NULL)) {
    if (is_waited_for (job))
      return;
  }
  self->drain->rest_source = g_idle_add_full (G_PRIORITY_DEFAULT, rest, self, NULL);
}

static MedleyDrain *
begin (MedleyJobManager *self)
{
  if (self->drain == NULL)
    self->drain = g_new0 (MedleyDrain, 1);
  return self->drain;
}

void
medley_job_manager_drain (MedleyJobManager *self, guint64 seconds, GSourceOnceFunc drained,
                          gpointer data)
{
  MedleyDrain *drain = begin (self);

  g_return_if_fail (drain->drained == NULL && !drain->is_over);
  drain->drained = drained;
  drain->data = data;
  if (seconds > 0)
    drain->limit_source = g_timeout_add_seconds ((guint) MIN (seconds, G_MAXUINT), rest, self);
  else
    drain->rest_source = g_idle_add_full (G_PRIORITY_DEFAULT, rest, self, NULL);
  medley_job_manager_look_at_drain (self);
}

void
medley_job_manager_drop_jobs (MedleyJobManager *self)
{
  begin (self)->drained = NULL;
  leave_all (self);
  adjourn_all (self);
}

gboolean
medley_job_manager_is_draining (MedleyJobManager *self)
{
  return self->drain != NULL;
}

gboolean
medley_job_manager_may_take_jobs (MedleyJobManager *self, GError **error)
{
  if (self->drain == NULL)
    return TRUE;
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
               "the daemon is stopping and takes no new jobs; try again when it has been started "
               "again");
  return FALSE;
}

void
medley_job_manager_free_drain (MedleyJobManager *self)
{
  if (self->drain == NULL)
    return;
  g_clear_handle_id (&self->drain->limit_source, g_source_remove);
  g_clear_handle_id (&self->drain->rest_source, g_source_remove);
  g_clear_pointer (&self->drain, g_free);
}
