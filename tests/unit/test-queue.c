/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "job/queue.h"

static const char *const none[] = { NULL };
static const char *const gpu[] = { "gpu", NULL };
static const char *const net[] = { "net", NULL };

/* Jobs are numbers from 1. */
#define JOB(Number) GUINT_TO_POINTER (Number)

static void
push (MedleyQueue *queue, guint job, int priority, const char *client, const char *const *classes)
{
  medley_queue_push (queue, JOB (job), job, priority, client, classes);
}

/* Pops all that can start and holds the order against @expected, such as "1 3 2". */
static void
assert_pops (MedleyQueue *queue, MedleyQueueCanStart can_start, gpointer data, const char *expected)
{
  g_autoptr (GString) got = g_string_new (NULL);
  gpointer job;

  while ((job = medley_queue_pop (queue, can_start, data)) != NULL)
    g_string_append_printf (got, got->len > 0 ? " %u" : "%u", GPOINTER_TO_UINT (job));
  g_assert_cmpstr (got->str, ==, expected);
}

static gboolean
needs_not (const char *client, const char *const *classes, gpointer full)
{
  return !g_strv_contains (classes, full);
}

static void
test_empty (void)
{
  g_autoptr (MedleyQueue) queue = medley_queue_new ();

  g_assert_null (medley_queue_pop (queue, NULL, NULL));
  g_assert_false (medley_queue_remove (queue, JOB (1)));
  g_assert_false (medley_queue_contains (queue, JOB (1)));
  g_assert_cmpuint (medley_queue_get_position (queue, JOB (1)), ==, 0);
  g_assert_null (medley_queue_get_classes (queue, JOB (1)));
  g_assert_cmpuint (medley_queue_get_length (queue), ==, 0);
  g_assert_cmpuint (medley_queue_get_client_length (queue, "a"), ==, 0);
  g_assert_cmpuint (medley_queue_get_n_clients (queue), ==, 0);
}

static void
test_order_and_priority (void)
{
  g_autoptr (MedleyQueue) queue = medley_queue_new ();

  push (queue, 1, 0, "a", NULL);
  push (queue, 2, -100, "a", none);
  push (queue, 3, 0, "a", NULL);
  push (queue, 4, 100, "a", NULL);
  g_assert_cmpuint (medley_queue_get_client_length (queue, "a"), ==, 4);
  assert_pops (queue, NULL, NULL, "4 1 3 2");
  g_assert_cmpuint (medley_queue_get_client_length (queue, "a"), ==, 0);

  /* The same order: as they came. */
  for (guint i = 1; i <= 5; i++)
    medley_queue_push (queue, JOB (i), 7, 0, "a", NULL);
  assert_pops (queue, NULL, NULL, "1 2 3 4 5");
}

static void
test_retry_keeps_its_place (void)
{
  g_autoptr (MedleyQueue) queue = medley_queue_new ();

  for (guint i = 1; i <= 3; i++)
    push (queue, i, 0, "a", NULL);
  g_assert_true (medley_queue_pop (queue, NULL, NULL) == JOB (1));
  push (queue, 4, 0, "a", NULL);
  push (queue, 1, 0, "a", NULL);
  g_assert_cmpuint (medley_queue_get_position (queue, JOB (1)), ==, 1);
  assert_pops (queue, NULL, NULL, "1 2 3 4");
}

static void
test_clients_in_turn (void)
{
  g_autoptr (MedleyQueue) queue = medley_queue_new ();

  for (guint i = 1; i <= 4; i++)
    push (queue, i, 0, "big", NULL);
  push (queue, 5, 0, "small", NULL);
  push (queue, 6, 0, "middle", NULL);
  push (queue, 7, 0, "middle", NULL);
  g_assert_cmpuint (medley_queue_get_n_clients (queue), ==, 3);
  assert_pops (queue, NULL, NULL, "1 5 6 2 7 3 4");
  g_assert_cmpuint (medley_queue_get_n_clients (queue), ==, 0);
}

/* One that always has a single job waiting gets its share, not more. */
static void
test_refilling_client_does_not_jump (void)
{
  g_autoptr (MedleyQueue) queue = medley_queue_new ();
  guint next = 1000;
  guint refills = 0;

  for (guint i = 1; i <= 100; i++)
    push (queue, i, 0, i % 2 == 0 ? "even" : "odd", NULL);
  push (queue, next, 0, "quick", NULL);
  for (guint i = 0; i < 90; i++) {
    guint job = GPOINTER_TO_UINT (medley_queue_pop (queue, NULL, NULL));

    if (job >= 1000) {
      refills++;
      push (queue, ++next, 0, "quick", NULL);
      g_assert_cmpuint (medley_queue_get_position (queue, JOB (next)), ==, 3);
    }
  }
  g_assert_cmpuint (refills, ==, 30);
}

static void
test_removal_keeps_the_turns (void)
{
  g_autoptr (MedleyQueue) queue = medley_queue_new ();

  push (queue, 1, 0, "a", NULL);
  push (queue, 2, 0, "b", NULL);
  push (queue, 3, 0, "a", NULL);
  push (queue, 4, 0, "b", NULL);
  g_assert_true (medley_queue_remove (queue, JOB (1)));
  g_assert_false (medley_queue_remove (queue, JOB (1)));
  assert_pops (queue, NULL, NULL, "3 2 4");
}

static void
test_full_classes_are_passed_over (void)
{
  static const char *const both[] = { "net", "gpu", "net", NULL };
  g_autoptr (MedleyQueue) queue = medley_queue_new ();

  push (queue, 1, 0, "a", gpu);
  push (queue, 2, 0, "b", both);
  push (queue, 3, 0, "a", net);
  push (queue, 4, 0, "b", none);
  push (queue, 5, 9, "c", gpu);
  g_assert_cmpstr (medley_queue_get_classes (queue, JOB (2))[0], ==, "gpu");
  g_assert_cmpstr (medley_queue_get_classes (queue, JOB (2))[1], ==, "net");
  g_assert_null (medley_queue_get_classes (queue, JOB (2))[2]);
  assert_pops (queue, needs_not, (gpointer) "gpu", "3 4");
  g_assert_cmpuint (medley_queue_get_length (queue), ==, 3);
  assert_pops (queue, NULL, NULL, "5 1 2");
}

/* A client that was passed over is the first once it can start. */
static void
test_passed_over_keeps_its_turn (void)
{
  g_autoptr (MedleyQueue) queue = medley_queue_new ();

  push (queue, 1, 0, "a", gpu);
  for (guint i = 2; i <= 5; i++)
    push (queue, i, 0, i % 2 == 0 ? "b" : "c", none);
  g_assert_true (medley_queue_pop (queue, needs_not, (gpointer) "gpu") == JOB (2));
  g_assert_true (medley_queue_pop (queue, needs_not, (gpointer) "gpu") == JOB (3));
  assert_pops (queue, NULL, NULL, "1 4 5");
}

static gboolean
count_and_refuse (const char *client, const char *const *classes, gpointer data)
{
  (*(guint *) data)++;
  return FALSE;
}

static void
test_blocked_jobs_are_not_walked (void)
{
  g_autoptr (MedleyQueue) queue = medley_queue_new ();
  guint asked = 0;

  for (guint i = 1; i <= 10000; i++)
    push (queue, i, 0, i % 2 == 0 ? "a" : "b", i % 3 == 0 ? gpu : net);
  g_assert_null (medley_queue_pop (queue, count_and_refuse, &asked));
  g_assert_cmpuint (asked, ==, 4);
}

static void
add_job (gpointer job, gpointer sum)
{
  *(guint *) sum += GPOINTER_TO_UINT (job);
}

static void
test_foreach (void)
{
  g_autoptr (MedleyQueue) queue = medley_queue_new ();
  guint sum = 0;

  for (guint i = 1; i <= 100; i++)
    push (queue, i, (int) i % 5, i % 2 == 0 ? "a" : "b", NULL);
  medley_queue_foreach (queue, add_job, &sum);
  g_assert_cmpuint (sum, ==, 5050);
}

/* ---- against a model: a list that is searched for everything ---- */

typedef struct {
  guint job;
  guint64 order;
  guint64 serial;
  int priority;
  guint client;
  guint classes; /* a bit per class */
} ModelJob;

typedef struct {
  int priority;
  guint client;
  guint64 since; /* when it was served last, or came */
} ModelTurn;

typedef struct {
  GArray *jobs;  /* ModelJob */
  GArray *turns; /* ModelTurn */
  guint64 clock;
} Model;

static const char *const class_names[] = { "cpu", "gpu", "net" };

static guint
class_bits (const char *const *classes)
{
  guint bits = 0;

  for (guint i = 0; i < G_N_ELEMENTS (class_names); i++)
    bits |= (guint) g_strv_contains (classes, class_names[i]) << i;
  return bits;
}

typedef struct {
  guint full;         /* classes */
  guint full_clients; /* a bit per client */
} Limits;

static gboolean
limits_allow (const Limits *limits, guint client, guint classes)
{
  return (limits->full & classes) == 0 && (limits->full_clients & (1u << client)) == 0;
}

static gboolean
can_start_within (const char *client, const char *const *classes, gpointer data)
{
  return limits_allow (data, (guint) (client[0] - 'a'), class_bits (classes));
}

static ModelTurn *
model_find_turn (Model *model, const ModelJob *job)
{
  for (guint i = 0; i < model->turns->len; i++) {
    ModelTurn *turn = &g_array_index (model->turns, ModelTurn, i);

    if (turn->client == job->client && turn->priority == job->priority)
      return turn;
  }
  return NULL;
}

static void
model_push (Model *model, const ModelJob *job)
{
  g_array_append_vals (model->jobs, job, 1);
  if (model_find_turn (model, job) == NULL) {
    ModelTurn turn = { job->priority, job->client, model->clock++ };

    g_array_append_val (model->turns, turn);
  }
}

static void
model_remove (Model *model, guint index)
{
  ModelJob gone = g_array_index (model->jobs, ModelJob, index);

  g_array_remove_index (model->jobs, index);
  for (guint i = 0; i < model->jobs->len; i++) {
    const ModelJob *job = &g_array_index (model->jobs, ModelJob, i);

    if (job->client == gone.client && job->priority == gone.priority)
      return;
  }
  for (guint i = 0; i < model->turns->len; i++) {
    const ModelTurn *turn = &g_array_index (model->turns, ModelTurn, i);

    if (turn->client == gone.client && turn->priority == gone.priority) {
      g_array_remove_index (model->turns, i);
      return;
    }
  }
}

static gboolean
model_is_before (Model *model, const ModelJob *a, const ModelJob *b)
{
  if (a->priority != b->priority)
    return a->priority > b->priority;
  if (a->client != b->client)
    return model_find_turn (model, a)->since < model_find_turn (model, b)->since;
  return a->order != b->order ? a->order < b->order : a->serial < b->serial;
}

static guint
model_pop (Model *model, const Limits *limits)
{
  const ModelJob *best = NULL;
  guint index = 0;
  guint job;

  for (guint i = 0; i < model->jobs->len; i++) {
    const ModelJob *candidate = &g_array_index (model->jobs, ModelJob, i);

    if (limits_allow (limits, candidate->client, candidate->classes)
        && (best == NULL || model_is_before (model, candidate, best))) {
      best = candidate;
      index = i;
    }
  }
  if (best == NULL)
    return 0;
  job = best->job;
  model_find_turn (model, best)->since = model->clock++;
  model_remove (model, index);
  return job;
}

/* Lets a copy of the model run empty. */
static void
assert_positions (MedleyQueue *queue, Model *model)
{
  static const Limits free_limits;
  Model copy = { g_array_copy (model->jobs), g_array_copy (model->turns), model->clock };
  guint job;

  for (guint position = 1; (job = model_pop (&copy, &free_limits)) != 0; position++)
    g_assert_cmpuint (medley_queue_get_position (queue, JOB (job)), ==, position);
  g_array_unref (copy.jobs);
  g_array_unref (copy.turns);
}

static ModelJob
random_job (GRand *random, guint number)
{
  ModelJob job = { .job = number,
                   .order = (guint64) g_rand_int_range (random, 0, 50),
                   .serial = number,
                   .priority = g_rand_int_range (random, -2, 3),
                   .client = (guint) g_rand_int_range (random, 0, 6),
                   .classes = (guint) g_rand_int_range (random, 0, 8) };

  return job;
}

static void
push_model_job (MedleyQueue *queue, const ModelJob *job)
{
  const char client[] = { (char) ('a' + job->client), '\0' };
  const char *classes[G_N_ELEMENTS (class_names) + 1] = { NULL };
  guint n = 0;

  for (guint i = 0; i < G_N_ELEMENTS (class_names); i++) {
    if ((job->classes & (1u << i)) != 0)
      classes[n++] = class_names[i];
  }
  medley_queue_push (queue, JOB (job->job), job->order, job->priority, client, classes);
}

static void
run_against_model (guint32 seed)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (seed);
  g_autoptr (MedleyQueue) queue = medley_queue_new ();
  Model model = { g_array_new (FALSE, FALSE, sizeof (ModelJob)),
                  g_array_new (FALSE, FALSE, sizeof (ModelTurn)), 0 };
  guint number = 0;

  for (guint step = 0; step < 400; step++) {
    int action = g_rand_int_range (random, 0, 10);

    if (action < 5) {
      ModelJob job = random_job (random, ++number);

      model_push (&model, &job);
      push_model_job (queue, &job);
    } else if (action < 9) {
      Limits limits
          = { (guint) g_rand_int_range (random, 0, 8), (guint) g_rand_int_range (random, 0, 64) };
      guint expected;

      if (action == 8)
        limits = (Limits){ 0 };
      expected = model_pop (&model, &limits);
      g_assert_true (medley_queue_pop (queue, can_start_within, &limits) == JOB (expected));
    } else if (model.jobs->len > 0) {
      guint index = (guint) g_rand_int_range (random, 0, (int) model.jobs->len);

      g_assert_true (
          medley_queue_remove (queue, JOB (g_array_index (model.jobs, ModelJob, index).job)));
      model_remove (&model, index);
    }
    g_assert_cmpuint (medley_queue_get_length (queue), ==, model.jobs->len);
    if (step % 20 == 0)
      assert_positions (queue, &model);
  }
  g_array_unref (model.jobs);
  g_array_unref (model.turns);
}

static void
test_model (void)
{
  for (guint32 seed = 1; seed <= 60; seed++)
    run_against_model (seed);
}

static void
test_many (void)
{
  g_autoptr (MedleyQueue) queue = medley_queue_new ();
  g_auto (GStrv) names = g_new0 (char *, 101);
  gint64 started, pushed, placed, popped;
  guint job;

  for (guint i = 0; i < 100; i++)
    names[i] = g_strdup_printf ("client-%u", i);
  started = g_get_monotonic_time ();
  for (guint i = 1; i <= 10000; i++)
    push (queue, i, (int) (i / 5000), names[(i * 7) % 100], i % 4 == 0 ? gpu : none);
  pushed = g_get_monotonic_time ();
  for (guint i = 1; i <= 10000; i += 10)
    g_assert_cmpuint (medley_queue_get_position (queue, JOB (i)), >, 0);
  placed = g_get_monotonic_time ();
  for (guint i = 1; (job = GPOINTER_TO_UINT (medley_queue_pop (queue, NULL, NULL))) != 0; i++)
    g_assert_cmpuint (medley_queue_get_position (queue, JOB (job)), ==, 0);
  popped = g_get_monotonic_time ();
  g_assert_cmpuint (medley_queue_get_n_clients (queue), ==, 0);
  g_test_message ("10,000 jobs of 100 clients: push %.1f ms, 1,000 positions %.1f ms, pop %.1f ms",
                  (double) (pushed - started) / 1000, (double) (placed - pushed) / 1000,
                  (double) (popped - placed) / 1000);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/queue/empty", test_empty);
  g_test_add_func ("/queue/order-and-priority", test_order_and_priority);
  g_test_add_func ("/queue/retry-keeps-its-place", test_retry_keeps_its_place);
  g_test_add_func ("/queue/clients-in-turn", test_clients_in_turn);
  g_test_add_func ("/queue/refilling-client-does-not-jump", test_refilling_client_does_not_jump);
  g_test_add_func ("/queue/removal-keeps-the-turns", test_removal_keeps_the_turns);
  g_test_add_func ("/queue/full-classes-are-passed-over", test_full_classes_are_passed_over);
  g_test_add_func ("/queue/passed-over-keeps-its-turn", test_passed_over_keeps_its_turn);
  g_test_add_func ("/queue/blocked-jobs-are-not-walked", test_blocked_jobs_are_not_walked);
  g_test_add_func ("/queue/foreach", test_foreach);
  g_test_add_func ("/queue/model", test_model);
  g_test_add_func ("/queue/many", test_many);
  return g_test_run ();
}
