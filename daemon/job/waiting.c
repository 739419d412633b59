/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a queued job waits for: an upload, a time, or its turn. */

#include "base/error.h"
#include "job/manager-private.h"

static char *
explain_time (const char *what, gint64 time)
{
  g_autoptr (GDateTime) utc = g_date_time_new_from_unix_utc (time / G_USEC_PER_SEC);
  g_autoptr (GDateTime) local = g_date_time_to_local (utc);
  g_autofree char *text = g_date_time_format (local, "%F %T");

  return g_strdup_printf ("%s %s", what, text);
}

/* A picture is of no use before it is whole: while it comes it keeps no worker from others, and
 * once it is there the stage cache can be asked for it. Text and sound are worked on as they come.
 */
static gboolean
needs_more (MedleyJob *job)
{
  GPtrArray *inputs = medley_job_list_inputs (job);

  for (guint i = 0; i < inputs->len; i++) {
    const MedleyInput *input = inputs->pdata[i];

    if (input->state == MEDLEY_INPUT_COMING && g_str_has_prefix (input->type, "image/"))
      return TRUE;
  }
  return FALSE;
}

/* A MedleyJobPlace. */
static void
explain_place (MedleyJob *job, char **reason, guint *position, gpointer data)
{
  MedleyJobManager *self = data;
  const char *const *lane = medley_queue_get_classes (self->queue, job);
  gint64 ready = medley_agenda_get (self->agenda, job, MEDLEY_AGENDA_READY);

  if (lane != NULL) {
    *position = medley_queue_get_position (self->queue, job);
    *reason = medley_job_manager_explain_wait (self, medley_job_get_client (job), lane);
    if (*reason == NULL)
      *reason = g_strdup ("waits for a free worker");
  } else if (ready != 0) {
    *reason = explain_time (medley_job_get_attempts (job, NULL) > 0 ? "waits for another attempt at"
                                                                    : "is scheduled for",
                            ready);
  } else if (medley_job_has_input_in (job, MEDLEY_INPUT_AWAITED)) {
    *reason = g_strdup ("waits for the upload of an input");
  } else if (needs_more (job)) {
    *reason = g_strdup ("waits for the rest of an input");
  } else if (self->recovered != NULL) {
    *reason = g_strdup ("waits until the engines are known");
  }
}

void
medley_job_manager_show_place (MedleyJobManager *self, MedleyJob *job)
{
  medley_job_set_place_func (job, explain_place, self);
}

void
medley_job_manager_input_came (MedleyJobManager *self, MedleyJob *job)
{
  if (medley_job_get_state (job) == MEDLEY_JOB_QUEUED && !medley_queue_contains (self->queue, job)
      && medley_agenda_get (self->agenda, job, MEDLEY_AGENDA_READY) == 0)
    medley_job_manager_enqueue (self, job);
}

void
medley_job_manager_enqueue (MedleyJobManager *self, MedleyJob *job)
{
  gint64 now = g_get_real_time (), ready = medley_job_get_ready_at (job);
  gint64 deadline = medley_job_get_options (job)->deadline;
  g_auto (GStrv) lane = NULL;

  medley_job_manager_show_place (self, job);
  if (deadline != 0 && medley_agenda_get (self->agenda, job, MEDLEY_AGENDA_DEADLINE) == 0)
    medley_agenda_set (self->agenda, job, MEDLEY_AGENDA_DEADLINE, deadline);
  if (medley_job_has_input_in (job, MEDLEY_INPUT_AWAITED)) {
    gint64 wait = (gint64) medley_config_get_number (self->config, "limits.upload-wait");

    medley_agenda_set (self->agenda, job, MEDLEY_AGENDA_UPLOAD, now + wait * G_USEC_PER_SEC);
    return;
  }
  medley_agenda_remove (self->agenda, job, MEDLEY_AGENDA_UPLOAD);
  if (ready > now) {
    medley_agenda_set (self->agenda, job, MEDLEY_AGENDA_READY, ready);
    return;
  }
  if (needs_more (job))
    return;
  lane = medley_job_manager_make_lane (self, job);
  medley_queue_push (self->queue, job, (guint64) medley_job_get_created (job),
                     medley_job_get_options (job)->priority, medley_job_get_client (job),
                     (const char *const *) lane);
  medley_job_manager_schedule (self);
}

static void
stop_with (MedleyJobManager *self, MedleyJob *job, MedleyError code, const char *message)
{
  g_autoptr (GError) error = g_error_new_literal (MEDLEY_ERROR, (gint) code, message);

  medley_job_manager_stop (self, job, error);
}

void
medley_job_manager_job_is_due (gpointer job, MedleyAgendaKind kind, gpointer data)
{
  MedleyJobManager *self = data;

  switch (kind) {
  case MEDLEY_AGENDA_READY:
    medley_job_manager_enqueue (self, job);
    break;
  case MEDLEY_AGENDA_DEADLINE:
    stop_with (self, job, MEDLEY_ERROR_DEADLINE, "the job's deadline has passed");
    break;
  case MEDLEY_AGENDA_UPLOAD:
    stop_with (self, job, MEDLEY_ERROR_EMPTY_INPUT,
               "no upload of the input began within limits.upload-wait");
    break;
  case MEDLEY_AGENDA_N_KINDS:
    break;
  }
}

gboolean
medley_job_manager_has_space (MedleyJobManager *self, GError **error)
{
  guint64 floor = medley_config_get_number (self->config, "limits.free-space");

  if (floor == 0 || medley_spool_get_free (self->spool) >= floor)
    return TRUE;
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_NO_SPACE,
               "the disk of the jobs has less than %" G_GUINT64_FORMAT
               " MiB free (limits.free-space): no new jobs until there is space; `medley rm` "
               "removes finished ones",
               floor >> 20);
  return FALSE;
}

gboolean
medley_job_manager_has_queue_room (MedleyJobManager *self, const char *client, GError **error)
{
  if (!medley_job_manager_may_take_jobs (self, error)
      || !medley_job_manager_has_space (self, error))
    return FALSE;
  if (g_hash_table_size (self->live) - g_hash_table_size (self->runs) + self->creating
      >= medley_config_get_number (self->config, "limits.queue")) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_QUEUE_FULL,
                 "the queue is full (limits.queue); try again later");
    return FALSE;
  }
  if (medley_job_manager_count_client (self, client)
          - medley_classes_get_client_running (self->classes, client)
      >= medley_config_get_number (self->config, "limits.queue-per-client")) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_QUEUE_FULL,
                 "too many of your jobs wait already (limits.queue-per-client); try again later");
    return FALSE;
  }
  return TRUE;
}
