/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What an earlier daemon left: its jobs go on, and what belongs to none of them goes. */

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "job/manager-private.h"

/* Returns the error to fail with, NULL when the input is there or will be. */
static GError *
recover_input (MedleyJobManager *self, MedleyJob *job, MedleyInput *input)
{
  GError *error = NULL;
  int fd;

  input->limit = medley_config_get_number (self->config, g_str_has_prefix (input->type, "text/")
                                                             ? "limits.text-bytes"
                                                             : "limits.input-bytes");
  if (input->state == MEDLEY_INPUT_READY) {
    fd = medley_job_open_file (job, input->file, input->size, &error);
    medley_clear_fd (&fd);
    return error;
  }
  if (!input->is_upload)
    return g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_BAD_INPUT,
                        "input \"%s\" broke off when the daemon ended: run it again", input->name);
  /* The client may send it once more. */
  medley_spool_remove (self->spool, input->file);
  input->fd = medley_spool_create (self->spool, input->file, &error);
  input->state = MEDLEY_INPUT_AWAITED;
  input->size = 0;
  return error;
}

static GError *
recover_files (MedleyJobManager *self, MedleyJob *job)
{
  GPtrArray *inputs = medley_job_list_inputs (job);
  GPtrArray *outputs = medley_job_list_outputs (job);
  GError *error = NULL;

  for (guint i = 0; i < inputs->len && error == NULL; i++)
    error = recover_input (self, job, inputs->pdata[i]);
  for (guint i = 0; i < outputs->len && error == NULL; i++) {
    MedleyOutput *output = outputs->pdata[i];
    int fd = medley_spool_open (self->spool, output->file, NULL);
    struct stat info;

    /* By an earlier daemon, which may not have come to write down that it grew. */
    output->begun = fd >= 0 && fstat (fd, &info) == 0 && info.st_size > 0;
    medley_job_restart_output (job, output);
    if (fd < 0)
      fd = medley_spool_create (self->spool, output->file, &error);
    medley_clear_fd (&fd);
  }
  return error;
}

/* Returns the error to fail with, NULL when the job can be queued. */
static GError *
interrupt (MedleyJob *job)
{
  guint allowed, made = medley_job_get_attempts (job, &allowed);
  g_autoptr (GError) error
      = g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_INTERRUPTED,
                     "the daemon ended while the job ran, in attempt %u of %u", made, allowed);

  medley_job_interrupt (job, error, "the daemon ended while the job ran");
  if (made >= allowed)
    return g_steal_pointer (&error);
  medley_job_set_state (job, MEDLEY_JOB_QUEUED);
  return NULL;
}

static void
recover_job (MedleyJobManager *self, MedleyJobRecord *record)
{
  g_autoptr (MedleyJob) job
      = medley_job_new_from_record (record, self->spool, self->store,
                                    (guint) medley_config_get_number (self->config,
                                                                      "limits.events"));
  g_autoptr (GError) error = NULL;
  GVariant *failure = NULL;

  medley_job_manager_take_live (self, job);
  medley_job_manager_show_place (self, job);
  error = recover_files (self, job);
  if (medley_job_get_stopping (job) != NULL)
    failure = medley_job_get_stopping (job);
  else if (error != NULL)
    failure = medley_error_to_variant (error, NULL, NULL);
  if (medley_job_get_state (job) != MEDLEY_JOB_QUEUED) {
    g_autoptr (GError) spent = interrupt (job);

    if (spent != NULL && failure == NULL)
      failure = medley_error_to_variant (spent, NULL, NULL);
  }
  if (failure != NULL) {
    medley_job_manager_conclude (self, job, failure);
    return;
  }
  medley_job_manager_save_soon (self, job);
  g_ptr_array_add (self->recovered, g_object_ref (job));
}

void
medley_job_manager_start (MedleyJobManager *self)
{
  g_autoptr (GPtrArray) jobs = g_steal_pointer (&self->recovered);

  for (guint i = 0; jobs != NULL && i < jobs->len; i++) {
    /* Somebody may have cancelled it meanwhile. */
    if (medley_job_get_state (jobs->pdata[i]) == MEDLEY_JOB_QUEUED
        && !medley_job_is_ending (jobs->pdata[i]))
      medley_job_manager_enqueue (self, jobs->pdata[i]);
  }
}

gboolean
medley_job_manager_recover (MedleyJobManager *self, GError **error)
{
  g_autoptr (GPtrArray) records = medley_job_store_load_unfinished (self->store, error);
  g_autoptr (GHashTable) ids
      = records != NULL ? medley_job_store_list_ids (self->store, error) : NULL;
  guint counts[MEDLEY_JOB_N_STATES] = { 0 };
  guint swept;

  /* Without all of its jobs, their files would look as if they belonged to none. */
  if (ids == NULL)
    return FALSE;
  swept = medley_spool_sweep (self->spool, ids);
  medley_job_store_count (self->store, counts, &self->ended_bytes);
  for (guint i = 0; i < MEDLEY_JOB_N_STATES; i++)
    self->ended[i] = medley_job_state_is_final ((MedleyJobState) i) ? counts[i] : 0;
  for (guint i = 0; i < records->len; i++)
    recover_job (self, records->pdata[i]);
  if (records->len > 0 || swept > 0)
    g_message ("%u jobs of an earlier daemon go on; %u files that belong to no job were removed",
               records->len, swept);
  return TRUE;
}
