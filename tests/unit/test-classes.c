/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job/classes.h"

#include "job/queue.h"

static const char *const limits[] = { "gpu=1", "net=2", NULL };
static const char *const cpu[] = { "cpu", NULL };
static const char *const gpu[] = { "gpu", NULL };
static const char *const net[] = { "net", NULL };
static const char *const both[] = { "gpu", "net", NULL };

static void
test_limits (void)
{
  g_autoptr (MedleyClasses) classes = medley_classes_new (limits, 0);
  g_autofree char *reason = NULL;

  for (guint i = 0; i < 100; i++) {
    g_assert_true (medley_classes_can_start ("a", cpu, classes));
    medley_classes_start (classes, "a", cpu);
  }
  medley_classes_start (classes, "a", both);
  g_assert_cmpuint (medley_classes_get_running (classes, "cpu"), ==, 100);
  g_assert_cmpuint (medley_classes_get_running (classes, "gpu"), ==, 1);
  g_assert_cmpuint (medley_classes_get_running (classes, "net"), ==, 1);
  g_assert_cmpuint (medley_classes_get_client_running (classes, "a"), ==, 101);
  g_assert_false (medley_classes_can_start ("b", gpu, classes));
  g_assert_false (medley_classes_can_start ("b", both, classes));
  g_assert_true (medley_classes_can_start ("b", net, classes));
  g_assert_null (medley_classes_explain (classes, "b", net));
  reason = medley_classes_explain (classes, "b", both);
  g_assert_cmpstr (reason, ==, "waits for class \"gpu\": 1 of 1 jobs run (jobs.classes)");

  medley_classes_end (classes, "a", both);
  g_assert_true (medley_classes_can_start ("b", both, classes));
  g_assert_cmpuint (medley_classes_get_running (classes, "gpu"), ==, 0);
}

static void
test_clients (void)
{
  g_autoptr (MedleyClasses) classes = medley_classes_new (limits, 2);
  g_autofree char *reason = NULL;

  medley_classes_start (classes, "a", cpu);
  g_assert_true (medley_classes_can_start ("a", cpu, classes));
  medley_classes_start (classes, "a", gpu);
  g_assert_false (medley_classes_can_start ("a", cpu, classes));
  g_assert_true (medley_classes_can_start ("b", cpu, classes));
  reason = medley_classes_explain (classes, "a", cpu);
  g_assert_cmpstr (reason, ==, "2 of 2 jobs of this client run (limits.running-per-client)");
  medley_classes_end (classes, "a", gpu);
  g_assert_true (medley_classes_can_start ("a", gpu, classes));
  medley_classes_end (classes, "a", cpu);
  g_assert_cmpuint (medley_classes_get_client_running (classes, "a"), ==, 0);
}

/* A started job may be over the limit: a job that runs when the limit is lowered. */
static void
test_more_than_the_limit (void)
{
  g_autoptr (MedleyClasses) classes = medley_classes_new (limits, 0);

  medley_classes_start (classes, "a", gpu);
  medley_classes_start (classes, "a", gpu);
  medley_classes_end (classes, "a", gpu);
  g_assert_false (medley_classes_can_start ("a", gpu, classes));
  medley_classes_end (classes, "a", gpu);
  g_assert_true (medley_classes_can_start ("a", gpu, classes));
}

static void
test_describe (void)
{
  g_autoptr (MedleyClasses) classes = medley_classes_new (limits, 0);
  g_autoptr (GVariant) described = NULL;
  g_autoptr (GVariant) expected = g_variant_ref_sink (
      g_variant_new_parsed ("[{'class': <'cpu'>, 'running': <@u 1>},"
                            " {'class': <'gpu'>, 'running': <@u 0>, 'limit': <@t 1>},"
                            " {'class': <'net'>, 'running': <@u 1>, 'limit': <@t 2>}]"));

  medley_classes_start (classes, "a", cpu);
  medley_classes_start (classes, "a", net);
  described = g_variant_ref_sink (medley_classes_describe (classes));
  g_assert_cmpvariant (described, expected);
}

static void
test_with_a_queue (void)
{
  g_autoptr (MedleyClasses) classes = medley_classes_new (limits, 0);
  g_autoptr (MedleyQueue) queue = medley_queue_new ();

  for (guint i = 1; i <= 4; i++)
    medley_queue_push (queue, GUINT_TO_POINTER (i), i, 0, "a", i < 4 ? gpu : cpu);
  g_assert_true (medley_queue_pop (queue, medley_classes_can_start, classes)
                 == GUINT_TO_POINTER (1));
  medley_classes_start (classes, "a", gpu);
  g_assert_true (medley_queue_pop (queue, medley_classes_can_start, classes)
                 == GUINT_TO_POINTER (4));
  g_assert_null (medley_queue_pop (queue, medley_classes_can_start, classes));
  medley_classes_end (classes, "a", gpu);
  g_assert_true (medley_queue_pop (queue, medley_classes_can_start, classes)
                 == GUINT_TO_POINTER (2));
}

static void
assert_of_plan (MedleyCatalog *catalog, const char *plan, const char *expected)
{
  g_autoptr (GVariant) parsed = g_variant_ref_sink (g_variant_new_parsed (plan));
  g_auto (GStrv) classes = medley_classes_of_plan (parsed, catalog);
  g_autofree char *joined = g_strjoinv (" ", classes);

  g_assert_cmpstr (joined, ==, expected);
}

static void
test_of_plan (void)
{
  g_autoptr (MedleyCatalog) catalog = medley_catalog_new ();

  medley_catalog_set (catalog,
                      g_variant_new_parsed ("[{'name': <'kokoro'>, 'class': <'gpu'>},"
                                            " {'name': <'espeak'>, 'class': <'cpu'>},"
                                            " {'name': <'openai'>, 'class': <'net'>},"
                                            " {'name': <'plain'>}]"),
                      "1");
  assert_of_plan (catalog, "{'pipeline': <'x'>}", "cpu");
  assert_of_plan (catalog, "{'stages': <@aa{sv} []>}", "cpu");
  assert_of_plan (catalog, "{'stages': <[{'element': <'audioecho'>}]>}", "cpu");
  assert_of_plan (catalog, "{'stages': <[{'engines': <['kokoro', 'espeak']>}]>}", "gpu");
  assert_of_plan (catalog, "{'stages': <[{'engines': <['espeak', 'kokoro']>}]>}", "cpu");
  assert_of_plan (catalog, "{'stages': <[{'engines': <['gone']>}, {'engines': <['plain']>}]>}",
                  "cpu");
  assert_of_plan (catalog,
                  "{'stages': <[{'engines': <['openai']>}, {'engines': <['kokoro']>},"
                  " {'engines': <['openai']>}]>}",
                  "gpu net");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/classes/limits", test_limits);
  g_test_add_func ("/classes/clients", test_clients);
  g_test_add_func ("/classes/more-than-the-limit", test_more_than_the_limit);
  g_test_add_func ("/classes/describe", test_describe);
  g_test_add_func ("/classes/with-a-queue", test_with_a_queue);
  g_test_add_func ("/classes/of-plan", test_of_plan);
  return g_test_run ();
}
