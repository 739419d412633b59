/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * MedleyJobState:
 *
 * The states of a job. A `waiting` stage waits for a person; the other names speak for themselves.
 */
typedef enum {
  MEDLEY_JOB_QUEUED,
  MEDLEY_JOB_STARTING,
  MEDLEY_JOB_RUNNING,
  MEDLEY_JOB_PAUSED,
  MEDLEY_JOB_WAITING,
  MEDLEY_JOB_DONE,
  MEDLEY_JOB_FAILED,
  MEDLEY_JOB_CANCELLED,
  MEDLEY_JOB_N_STATES,
} MedleyJobState;

/* "queued", "starting", "running", "paused", "waiting", "done", "failed", "cancelled" */
const char *
medley_job_state_to_string (MedleyJobState state);
gboolean
medley_job_state_from_string (const char *name, MedleyJobState *state);

/* whether the table of transitions has an arrow */
gboolean
medley_job_state_can_change (MedleyJobState from, MedleyJobState to);

/* done, failed or cancelled */
gboolean
medley_job_state_is_final (MedleyJobState state);

G_END_DECLS
