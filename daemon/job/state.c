/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job/state.h"

static const char *const names[MEDLEY_JOB_N_STATES] = {
  [MEDLEY_JOB_QUEUED] = "queued",   [MEDLEY_JOB_STARTING] = "starting",
  [MEDLEY_JOB_RUNNING] = "running", [MEDLEY_JOB_PAUSED] = "paused",
  [MEDLEY_JOB_WAITING] = "waiting", [MEDLEY_JOB_DONE] = "done",
  [MEDLEY_JOB_FAILED] = "failed",   [MEDLEY_JOB_CANCELLED] = "cancelled",
};

#define TO(State) (1u << MEDLEY_JOB_##State)

/* Back to queued: a retry of a failed job, or the recovery of an interrupted one. Queued to failed:
 * a deadline, or an input that never came. */
static const guint transitions[MEDLEY_JOB_N_STATES] = {
  [MEDLEY_JOB_QUEUED] = TO (STARTING) | TO (FAILED) | TO (CANCELLED),
  [MEDLEY_JOB_STARTING] = TO (RUNNING) | TO (QUEUED) | TO (FAILED) | TO (CANCELLED),
  [MEDLEY_JOB_RUNNING]
  = TO (PAUSED) | TO (WAITING) | TO (DONE) | TO (FAILED) | TO (CANCELLED) | TO (QUEUED),
  [MEDLEY_JOB_PAUSED] = TO (RUNNING) | TO (FAILED) | TO (CANCELLED) | TO (QUEUED),
  [MEDLEY_JOB_WAITING] = TO (RUNNING) | TO (FAILED) | TO (CANCELLED) | TO (QUEUED),
  [MEDLEY_JOB_DONE] = 0,
  [MEDLEY_JOB_FAILED] = TO (QUEUED),
  [MEDLEY_JOB_CANCELLED] = 0,
};

const char *
medley_job_state_to_string (MedleyJobState state)
{
  return names[state];
}

gboolean
medley_job_state_from_string (const char *name, MedleyJobState *state)
{
  for (guint i = 0; i < MEDLEY_JOB_N_STATES; i++) {
    if (g_str_equal (names[i], name)) {
      *state = (MedleyJobState) i;
      return TRUE;
    }
  }
  return FALSE;
}

gboolean
medley_job_state_can_change (MedleyJobState from, MedleyJobState to)
{
  return (transitions[from] & (1u << to)) != 0;
}

gboolean
medley_job_state_is_final (MedleyJobState state)
{
  return state == MEDLEY_JOB_DONE || state == MEDLEY_JOB_FAILED || state == MEDLEY_JOB_CANCELLED;
}
