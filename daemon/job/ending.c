/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How an attempt ends, and how a job does. */

#include "base/error.h"
#include "base/memory.h"
#include "job/feeder.h"
#include "job/manager-private.h"

/* After so many jobs in a row, memory that they used is worth to be given back. */
#define MANY_JOBS 500
#define QUIET_SECONDS 2

static gboolean
quiet (gpointer data)
{
  MedleyJobManager *self = data;

  self->quiet_source = 0;
  if (g_hash_table_size (self->live) == 0) {
    self->n_ended_busily = 0;
    medley_memory_give_back ();
  }
  return G_SOURCE_REMOVE;
}

static void
count_ended_busily (MedleyJobManager *self)
{
  self->n_ended_busily++;
  if (self->quiet_source == 0 && self->n_ended_busily >= MANY_JOBS
      && g_hash_table_size (self->live) == 0)
    self->quiet_source = g_timeout_add_seconds (QUIET_SECONDS, quiet, self);
}

static void
concluded (MedleyJobManager *self, MedleyJob *job, const GError *error, gpointer data)
{
  /* What cannot be kept is not done. */
  if (error != NULL && medley_job_will_be_done (job)) {
    medley_job_prepare_end (job, MEDLEY_JOB_FAILED, medley_error_to_variant (error, NULL, NULL));
    medley_job_manager_save (self, job, TRUE, concluded, NULL);
    return;
  }
  /* Whoever is told of the end may look at the counts, or take the job out of them. */
  self->ended[medley_job_get_end_state (job)]++;
  self->ended_bytes += medley_job_get_bytes (job);
  medley_job_end (job);
  if (error == NULL)
    medley_job_manager_settle (self, job);
  count_ended_busily (self);
  medley_job_manager_retain_soon (self);
}

void
medley_job_manager_conclude (MedleyJobManager *self, MedleyJob *job, GVariant *error)
{
  MedleyJobState state = MEDLEY_JOB_DONE;

  medley_feeder_stop (job);
  medley_agenda_remove_all (self->agenda, job);
  medley_queue_remove (self->queue, job);
  if (error != NULL) {
    const char *code = "";

    g_variant_lookup (error, "code", "&s", &code);
    state = g_str_equal (code, "cancelled") ? MEDLEY_JOB_CANCELLED : MEDLEY_JOB_FAILED;
  }
  medley_job_prepare_end (job, state, error);
  medley_job_manager_save (self, job, TRUE, concluded, NULL);
}

void
medley_job_manager_stop (MedleyJobManager *self, MedleyJob *job, const GError *error)
{
  MedleyRun *run = g_hash_table_lookup (self->runs, job);

  if (medley_job_is_ending (job) || medley_job_state_is_final (medley_job_get_state (job)))
    return;
  if (run == NULL) {
    medley_job_manager_conclude (self, job, medley_error_to_variant (error, NULL, NULL));
    return;
  }
  /* A daemon that dies before the worker has stopped must not start it again. */
  medley_job_set_stopping (job, medley_error_to_variant (error, NULL, NULL));
  medley_job_manager_save (self, job, TRUE, NULL, NULL);
  medley_run_stop (run, error);
}

static double
next_random (gpointer data)
{
  return g_random_double ();
}

static MedleyRetryVerdict
decide (MedleyJobManager *self, MedleyJob *job, const char *code, guint64 *delay)
{
  guint allowed, made = medley_job_get_attempts (job, &allowed);
  MedleyRetryPolicy policy = {
    .attempts = allowed,
    .poison = (guint) medley_config_get_number (self->config, "jobs.poison"),
    .delay = medley_config_get_number (self->config, "jobs.retry-delay") * 1000,
    .delay_maximum = medley_config_get_number (self->config, "jobs.retry-delay-maximum") * 1000,
  };

  return medley_retry_decide (&policy, code, made, medley_job_get_kills (job), next_random, NULL,
                              delay);
}

static GVariant *
make_poison_error (MedleyJob *job, GVariant *last)
{
  const char *message = "", *stage = NULL, *engine = NULL;
  g_autoptr (GError) error = NULL;

  g_variant_lookup (last, "message", "&s", &message);
  g_variant_lookup (last, "stage", "&s", &stage);
  g_variant_lookup (last, "engine", "&s", &engine);
  error = g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_POISONED,
                       "the job took %u workers with it and is not started again; its attempts "
                       "have what they printed. The last time: %s",
                       medley_job_get_kills (job), message);
  return medley_error_to_variant (error, stage, engine);
}

static void
try_again (MedleyJobManager *self, MedleyJob *job, GVariant *error, guint64 delay)
{
  GPtrArray *outputs = medley_job_list_outputs (job);
  GVariantDict details;

  g_variant_dict_init (&details, NULL);
  g_variant_dict_insert (&details, "attempt", "u", medley_job_get_attempts (job, NULL));
  g_variant_dict_insert (&details, "delay", "d", (double) delay / 1000);
  g_variant_dict_insert_value (&details, "error", error);
  for (guint i = 0; i < outputs->len; i++)
    medley_job_restart_output (job, outputs->pdata[i]);
  medley_job_set_ready_at (job, g_get_real_time () + (gint64) delay * 1000);
  medley_job_set_state (job, MEDLEY_JOB_QUEUED);
  medley_job_add_event (job, "retry", &details);
  /* Whoever heard of these may have cancelled it. */
  if (!medley_job_state_is_final (medley_job_get_end_state (job)))
    medley_job_manager_enqueue (self, job);
}

void
medley_job_manager_attempt_failed (MedleyJobManager *self, MedleyJob *job, GVariant *error,
                                   const char *const *log)
{
  const char *code = "";
  guint64 delay = 0;

  g_variant_lookup (error, "code", "&s", &code);
  if (medley_retry_is_kill (code))
    medley_job_add_kill (job);
  else
    log = NULL;
  medley_job_finish_attempt (job, error, log);
  switch (medley_job_get_stopping (job) != NULL ? MEDLEY_RETRY_GIVE_UP
                                                : decide (self, job, code, &delay)) {
  case MEDLEY_RETRY_AGAIN:
    try_again (self, job, error, delay);
    break;
  case MEDLEY_RETRY_POISONED:
    medley_job_manager_conclude (self, job, make_poison_error (job, error));
    break;
  case MEDLEY_RETRY_GIVE_UP:
    medley_job_manager_conclude (self, job, error);
    break;
  }
}
