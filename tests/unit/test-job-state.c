/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "job/state.h"

/* Every pair of states, as a picture: a row per state it is in, a column per state it might go to.
 */
static const char *const picture[MEDLEY_JOB_N_STATES] = {
  /*             QSRPWDFC */
  [MEDLEY_JOB_QUEUED] = "·x····xx",  [MEDLEY_JOB_STARTING] = "x·x···xx",
  [MEDLEY_JOB_RUNNING] = "x··xxxxx", [MEDLEY_JOB_PAUSED] = "x·x···xx",
  [MEDLEY_JOB_WAITING] = "x·x···xx", [MEDLEY_JOB_DONE] = "········",
  [MEDLEY_JOB_FAILED] = "x·······",  [MEDLEY_JOB_CANCELLED] = "········",
};

static void
test_transitions (void)
{
  for (guint from = 0; from < MEDLEY_JOB_N_STATES; from++) {
    const char *row = picture[from];

    g_assert_cmpint (g_utf8_strlen (row, -1), ==, MEDLEY_JOB_N_STATES);
    for (guint to = 0; to < MEDLEY_JOB_N_STATES; to++, row = g_utf8_next_char (row)) {
      if (medley_job_state_can_change ((MedleyJobState) from, (MedleyJobState) to) != (*row == 'x'))
        g_error ("%s → %s", medley_job_state_to_string ((MedleyJobState) from),
                 medley_job_state_to_string ((MedleyJobState) to));
    }
  }
}

static void
test_final_states (void)
{
  for (guint state = 0; state < MEDLEY_JOB_N_STATES; state++) {
    gboolean final
        = state == MEDLEY_JOB_DONE || state == MEDLEY_JOB_FAILED || state == MEDLEY_JOB_CANCELLED;

    g_assert_cmpint (medley_job_state_is_final ((MedleyJobState) state), ==, final);
    /* Whatever has not ended can be cancelled. */
    g_assert_cmpint (medley_job_state_can_change ((MedleyJobState) state, MEDLEY_JOB_CANCELLED), ==,
                     !final);
  }
}

static void
test_names (void)
{
  MedleyJobState found;

  for (guint state = 0; state < MEDLEY_JOB_N_STATES; state++) {
    g_assert_true (
        medley_job_state_from_string (medley_job_state_to_string ((MedleyJobState) state), &found));
    g_assert_cmpint (found, ==, state);
  }
  g_assert_false (medley_job_state_from_string ("finished", &found));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/job-state/every-pair", test_transitions);
  g_test_add_func ("/job-state/final", test_final_states);
  g_test_add_func ("/job-state/names", test_names);
  return g_test_run ();
}
