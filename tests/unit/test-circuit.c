/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job/circuit.h"

#define S ((gint64) G_USEC_PER_SEC)

/* Three crashes within 10 s open a circuit for 5 s, then 10, then 18 at most. */
static const MedleyCircuitPolicy policy = { 3, 10 * S, 5 * S, 18 * S };
static int jobs[8];

static gboolean
crash (MedleyCircuits *circuits, const char *engine, gconstpointer job, gint64 now)
{
  return medley_circuits_end (circuits, engine, job, MEDLEY_CIRCUIT_CRASH, "signal 11", now);
}

static gboolean
succeed (MedleyCircuits *circuits, const char *engine, gconstpointer job, gint64 now)
{
  return medley_circuits_end (circuits, engine, job, MEDLEY_CIRCUIT_SUCCESS, NULL, now);
}

static gboolean
end (MedleyCircuits *circuits, const char *engine, gconstpointer job, gint64 now)
{
  return medley_circuits_end (circuits, engine, job, MEDLEY_CIRCUIT_NEITHER, NULL, now);
}

static void
assert_state (MedleyCircuits *circuits, gint64 now, MedleyCircuitState state, gboolean can_start)
{
  g_assert_cmpint (medley_circuits_get_state (circuits, "x", now), ==, state);
  g_assert_cmpint (medley_circuits_can_start (circuits, "x", now), ==, can_start);
}

/* Opened at @now. */
static MedleyCircuits *
make_open (gint64 now)
{
  MedleyCircuits *circuits = medley_circuits_new (&policy);

  g_assert_false (crash (circuits, "x", &jobs[0], now - 2 * S));
  g_assert_false (crash (circuits, "x", &jobs[1], now - 1 * S));
  g_assert_true (crash (circuits, "x", &jobs[2], now));
  return circuits;
}

static void
test_opens (void)
{
  g_autoptr (MedleyCircuits) circuits = make_open (100 * S);

  assert_state (circuits, 100 * S, MEDLEY_CIRCUIT_OPEN, FALSE);
  assert_state (circuits, 105 * S - 1, MEDLEY_CIRCUIT_OPEN, FALSE);
  assert_state (circuits, 105 * S, MEDLEY_CIRCUIT_HALF_OPEN, TRUE);
  g_assert_true (medley_circuits_can_start (circuits, "y", 100 * S));
  g_assert_cmpint (medley_circuits_next_change (circuits, 100 * S), ==, 105 * S);
  g_assert_cmpint (medley_circuits_next_change (circuits, 105 * S), ==, -1);
}

static void
test_window (void)
{
  g_autoptr (MedleyCircuits) circuits = medley_circuits_new (&policy);

  /* Never three within 10 s. */
  for (gint64 t = 1; t < 100; t += 6)
    g_assert_false (crash (circuits, "x", NULL, t * S));
  assert_state (circuits, 100 * S, MEDLEY_CIRCUIT_CLOSED, TRUE);
  /* The window slides. */
  g_assert_false (crash (circuits, "x", NULL, 200 * S));
  g_assert_false (crash (circuits, "x", NULL, 208 * S));
  g_assert_false (crash (circuits, "x", NULL, 211 * S));
  g_assert_true (crash (circuits, "x", NULL, 215 * S));
}

static void
test_success_between (void)
{
  g_autoptr (MedleyCircuits) circuits = medley_circuits_new (&policy);

  for (gint64 t = 1; t < 100; t++) {
    g_assert_false (crash (circuits, "x", &jobs[0], t * S));
    g_assert_false (crash (circuits, "x", &jobs[1], t * S));
    g_assert_false (succeed (circuits, "x", &jobs[2], t * S));
  }
  assert_state (circuits, 100 * S, MEDLEY_CIRCUIT_CLOSED, TRUE);
  /* One that says nothing wipes out nothing. */
  g_assert_false (crash (circuits, "x", &jobs[0], 200 * S));
  g_assert_false (crash (circuits, "x", &jobs[0], 200 * S));
  g_assert_false (end (circuits, "x", &jobs[1], 200 * S));
  g_assert_true (crash (circuits, "x", &jobs[0], 200 * S));
}

static void
test_one_job_tries (void)
{
  g_autoptr (MedleyCircuits) circuits = make_open (100 * S);

  medley_circuits_start (circuits, "x", &jobs[3], 105 * S);
  assert_state (circuits, 105 * S, MEDLEY_CIRCUIT_HALF_OPEN, FALSE);
  medley_circuits_start (circuits, "x", &jobs[4], 106 * S);
  /* Not the one that tries. */
  g_assert_false (succeed (circuits, "x", &jobs[4], 107 * S));
  assert_state (circuits, 107 * S, MEDLEY_CIRCUIT_HALF_OPEN, FALSE);
  g_assert_true (succeed (circuits, "x", &jobs[3], 108 * S));
  assert_state (circuits, 108 * S, MEDLEY_CIRCUIT_CLOSED, TRUE);
  /* It starts from nothing again. */
  g_assert_false (crash (circuits, "x", &jobs[5], 108 * S));
  g_assert_false (crash (circuits, "x", &jobs[5], 108 * S));
  g_assert_true (crash (circuits, "x", &jobs[5], 108 * S));
  assert_state (circuits, 113 * S - 1, MEDLEY_CIRCUIT_OPEN, FALSE);
  assert_state (circuits, 113 * S, MEDLEY_CIRCUIT_HALF_OPEN, TRUE);
}

static void
test_times_double (void)
{
  g_autoptr (MedleyCircuits) circuits = make_open (100 * S);
  gint64 now = 105 * S;
  static const gint64 times[] = { 10, 18, 18, 18 };

  for (guint i = 0; i < G_N_ELEMENTS (times); i++) {
    medley_circuits_start (circuits, "x", &jobs[3], now);
    g_assert_false (crash (circuits, "x", &jobs[3], now));
    assert_state (circuits, now + times[i] * S - 1, MEDLEY_CIRCUIT_OPEN, FALSE);
    now += times[i] * S;
    assert_state (circuits, now, MEDLEY_CIRCUIT_HALF_OPEN, TRUE);
  }
}

/* What started before the circuit opened neither closes nor prolongs it. */
static void
test_earlier_jobs_change_nothing (void)
{
  g_autoptr (MedleyCircuits) circuits = make_open (100 * S);

  g_assert_false (succeed (circuits, "x", &jobs[6], 101 * S));
  g_assert_false (crash (circuits, "x", &jobs[7], 104 * S));
  assert_state (circuits, 105 * S - 1, MEDLEY_CIRCUIT_OPEN, FALSE);
  assert_state (circuits, 105 * S, MEDLEY_CIRCUIT_HALF_OPEN, TRUE);
  g_assert_false (succeed (circuits, "x", &jobs[6], 105 * S));
  assert_state (circuits, 105 * S, MEDLEY_CIRCUIT_HALF_OPEN, TRUE);
}

/* A trial that is cancelled leaves the try to the next one. */
static void
test_trial_without_result (void)
{
  g_autoptr (MedleyCircuits) circuits = make_open (100 * S);

  medley_circuits_start (circuits, "x", &jobs[3], 105 * S);
  g_assert_true (end (circuits, "x", &jobs[3], 106 * S));
  assert_state (circuits, 106 * S, MEDLEY_CIRCUIT_HALF_OPEN, TRUE);
  medley_circuits_start (circuits, "x", &jobs[4], 107 * S);
  g_assert_true (succeed (circuits, "x", &jobs[4], 107 * S));
  assert_state (circuits, 107 * S, MEDLEY_CIRCUIT_CLOSED, TRUE);
}

static void
test_off (void)
{
  MedleyCircuitPolicy off = policy;
  g_autoptr (MedleyCircuits) circuits = NULL;

  off.crashes = 0;
  circuits = medley_circuits_new (&off);
  for (guint i = 0; i < 100; i++)
    g_assert_false (crash (circuits, "x", NULL, 0));
  assert_state (circuits, 0, MEDLEY_CIRCUIT_CLOSED, TRUE);
}

static void
test_words (void)
{
  g_autoptr (MedleyCircuits) circuits = make_open (100 * S);
  gint64 noon = 1700000000 * S;
  g_autoptr (GDateTime) until = g_date_time_new_from_unix_local (1700000004);
  g_autofree char *time = g_date_time_format (until, "%H:%M:%S");
  g_autofree char *expected
      = g_strdup_printf ("engine \"x\" is suspended after 3 crashes until %s", time);
  g_autofree char *open = medley_circuits_explain (circuits, "x", 101 * S, noon);
  g_autofree char *tried = NULL;
  g_autoptr (GVariant) described
      = g_variant_ref_sink (medley_circuits_describe (circuits, 101 * S, noon));
  g_autoptr (GVariant) wanted = g_variant_ref_sink (g_variant_new_parsed (
      "[{'engine': <'x'>, 'state': <'open'>, 'crashes': <@u 3>, 'error': <'signal 11'>,"
      "  'until': <@x 1700000004000000>}]"));

  g_assert_cmpstr (open, ==, expected);
  g_assert_cmpvariant (described, wanted);
  g_assert_null (medley_circuits_explain (circuits, "x", 105 * S, noon));
  g_assert_null (medley_circuits_explain (circuits, "y", 101 * S, noon));
  medley_circuits_start (circuits, "x", &jobs[3], 105 * S);
  tried = medley_circuits_explain (circuits, "x", 105 * S, noon);
  g_assert_cmpstr (tried, ==, "engine \"x\" is being tried by one job after 3 crashes");
}

static void
test_describe_forgets (void)
{
  g_autoptr (MedleyCircuits) circuits = medley_circuits_new (&policy);
  g_autoptr (GVariant) two = NULL;
  g_autoptr (GVariant) one = NULL;
  g_autoptr (GVariant) expected = g_variant_ref_sink (g_variant_new_parsed (
      "[{'engine': <'a'>, 'state': <'closed'>, 'crashes': <@u 1>, 'error': <'signal 11'>}]"));

  g_assert_true (medley_circuits_are_closed (circuits));
  crash (circuits, "b", NULL, 1 * S);
  g_assert_false (medley_circuits_are_closed (circuits));
  crash (circuits, "a", NULL, 5 * S);
  two = g_variant_ref_sink (medley_circuits_describe (circuits, 6 * S, 0));
  g_assert_cmpuint (g_variant_n_children (two), ==, 2);
  one = g_variant_ref_sink (medley_circuits_describe (circuits, 12 * S, 0));
  g_assert_cmpvariant (one, expected);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/circuit/opens", test_opens);
  g_test_add_func ("/circuit/window", test_window);
  g_test_add_func ("/circuit/success-between", test_success_between);
  g_test_add_func ("/circuit/one-job-tries", test_one_job_tries);
  g_test_add_func ("/circuit/times-double", test_times_double);
  g_test_add_func ("/circuit/earlier-jobs-change-nothing", test_earlier_jobs_change_nothing);
  g_test_add_func ("/circuit/trial-without-result", test_trial_without_result);
  g_test_add_func ("/circuit/off", test_off);
  g_test_add_func ("/circuit/words", test_words);
  g_test_add_func ("/circuit/describe-forgets", test_describe_forgets);
  return g_test_run ();
}
