/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "job/retry.h"

static const MedleyRetryPolicy usual
    = { .attempts = 3, .poison = 3, .delay = 1000, .delay_maximum = 300000 };

static double
give (gpointer data)
{
  return *(double *) data;
}

static double
never_asked (gpointer data)
{
  g_assert_not_reached ();
  return 0;
}

static void
assert_ends (const MedleyRetryPolicy *policy, const char *code, guint attempt, guint kills,
             MedleyRetryVerdict expected)
{
  guint64 delay = 7;

  g_assert_cmpint (medley_retry_decide (policy, code, attempt, kills, never_asked, NULL, &delay),
                   ==, expected);
  g_assert_cmpuint (delay, ==, 0);
}

static guint64
delay_after (const MedleyRetryPolicy *policy, guint attempt, double random)
{
  guint64 delay;

  g_assert_cmpint (medley_retry_decide (policy, "interrupted", attempt, 0, give, &random, &delay),
                   ==, MEDLEY_RETRY_AGAIN);
  return delay;
}

/* Every code is decided: what is not named here is not repeated. */
static void
test_transient_codes (void)
{
  static const char *const transient[]
      = { "worker-crashed", "worker-hung", "unavailable", "interrupted", NULL };
  double half = 0.5;

  for (int code = 0; code <= MEDLEY_ERROR_LAST; code++) {
    const char *name = medley_error_info_for_code ((MedleyError) code)->name;
    gboolean expected = g_strv_contains (transient, name);
    guint64 delay;

    g_assert_cmpint (medley_retry_decide (&usual, name, 1, 0, give, &half, &delay), ==,
                     expected ? MEDLEY_RETRY_AGAIN : MEDLEY_RETRY_GIVE_UP);
    g_assert_cmpuint (delay, ==, expected ? 750 : 0);
  }
  assert_ends (&usual, "no-such-code", 1, 0, MEDLEY_RETRY_GIVE_UP);
}

static void
test_kills (void)
{
  static const char *const kills[] = { "worker-crashed", "worker-hung", "memory-limit", NULL };

  for (int code = 0; code <= MEDLEY_ERROR_LAST; code++) {
    const char *name = medley_error_info_for_code ((MedleyError) code)->name;

    g_assert_cmpint (medley_retry_is_kill (name), ==, g_strv_contains (kills, name));
  }
  g_assert_false (medley_retry_is_kill ("no-such-code"));
}

static void
test_attempts (void)
{
  MedleyRetryPolicy once = usual;

  once.attempts = 1;
  assert_ends (&once, "interrupted", 1, 0, MEDLEY_RETRY_GIVE_UP);
  assert_ends (&usual, "interrupted", 3, 0, MEDLEY_RETRY_GIVE_UP);
  assert_ends (&usual, "interrupted", 4, 0, MEDLEY_RETRY_GIVE_UP);
  g_assert_cmpuint (delay_after (&usual, 2, 0), ==, 1000);
}

static void
test_poison (void)
{
  MedleyRetryPolicy patient = usual;
  double zero = 0;
  guint64 delay;

  patient.attempts = 10;
  g_assert_cmpint (medley_retry_decide (&patient, "worker-crashed", 2, 2, give, &zero, &delay), ==,
                   MEDLEY_RETRY_AGAIN);
  assert_ends (&patient, "worker-crashed", 3, 3, MEDLEY_RETRY_POISONED);
  assert_ends (&patient, "worker-hung", 7, 4, MEDLEY_RETRY_POISONED);
  /* Not worth another attempt, but it is known for what it is. */
  assert_ends (&patient, "memory-limit", 3, 3, MEDLEY_RETRY_POISONED);
  /* Also when no attempt is left. */
  assert_ends (&usual, "worker-crashed", 3, 3, MEDLEY_RETRY_POISONED);
  assert_ends (&usual, "worker-crashed", 3, 2, MEDLEY_RETRY_GIVE_UP);
  /* An end that was not the job's doing. */
  g_assert_cmpint (medley_retry_decide (&patient, "interrupted", 4, 3, give, &zero, &delay), ==,
                   MEDLEY_RETRY_AGAIN);
  patient.poison = 0;
  g_assert_cmpint (medley_retry_decide (&patient, "worker-crashed", 9, 9, give, &zero, &delay), ==,
                   MEDLEY_RETRY_AGAIN);
}

static void
test_delays (void)
{
  MedleyRetryPolicy many = usual;

  many.attempts = 1000;
  g_assert_cmpuint (delay_after (&many, 1, 0), ==, 500);
  g_assert_cmpuint (delay_after (&many, 1, 0.999999), ==, 999);
  g_assert_cmpuint (delay_after (&many, 2, 0), ==, 1000);
  g_assert_cmpuint (delay_after (&many, 3, 0.5), ==, 3000);
  g_assert_cmpuint (delay_after (&many, 9, 0), ==, 128000);
  g_assert_cmpuint (delay_after (&many, 10, 0), ==, 150000);
  g_assert_cmpuint (delay_after (&many, 999, 0.5), ==, 225000);
}

static void
test_delay_extremes (void)
{
  MedleyRetryPolicy policy = { .attempts = G_MAXUINT, .poison = 0 };

  g_assert_cmpuint (delay_after (&policy, 1, 0.9), ==, 0);
  g_assert_cmpuint (delay_after (&policy, G_MAXUINT - 1, 0.9), ==, 0);
  policy.delay = 5000;
  g_assert_cmpuint (delay_after (&policy, 1, 0.9), ==, 0);
  policy.delay_maximum = 2000;
  g_assert_cmpuint (delay_after (&policy, 1, 0), ==, 1000);
  policy.delay = 1;
  policy.delay_maximum = G_MAXUINT64;
  g_assert_cmpuint (delay_after (&policy, 1000, 0), ==, G_MAXUINT64 / 2);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/retry/transient-codes", test_transient_codes);
  g_test_add_func ("/retry/kills", test_kills);
  g_test_add_func ("/retry/attempts", test_attempts);
  g_test_add_func ("/retry/poison", test_poison);
  g_test_add_func ("/retry/delays", test_delays);
  g_test_add_func ("/retry/delay-extremes", test_delay_extremes);
  return g_test_run ();
}
