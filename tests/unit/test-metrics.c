/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/metrics.h"
#include "base/process-metrics.h"

enum { COUNTER, GAUGE, HISTOGRAM, PLAIN, N_METRICS };

static const double bounds[] = { 0.5, 1, 10, 0 };
static const MedleyMetricInfo infos[N_METRICS] = {
  { "t_things_total", MEDLEY_METRIC_COUNTER, "kind size", NULL, "Things \\ in\nall" },
  { "t_level", MEDLEY_METRIC_GAUGE, "where", NULL, "A level" },
  { "t_seconds", MEDLEY_METRIC_HISTOGRAM, "what", bounds, "Times" },
  { "t_plain_total", MEDLEY_METRIC_COUNTER, NULL, NULL, "Without labels" },
};

typedef struct {
  MedleyMetrics *registry;
  MedleyMetric *metrics[N_METRICS];
} Fixture;

static void
set_up (Fixture *self, gconstpointer data)
{
  self->registry = medley_metrics_new ();
  medley_metrics_register (self->registry, infos, N_METRICS, self->metrics);
}

static void
tear_down (Fixture *self, gconstpointer data)
{
  medley_metrics_free (self->registry);
}

static void
test_empty (Fixture *self, gconstpointer data)
{
  g_autofree char *text = medley_metrics_print (self->registry, FALSE);

  g_assert_cmpstr (text, ==,
                   "# HELP t_things_total Things \\\\ in\\nall\n# TYPE t_things_total counter\n"
                   "# HELP t_level A level\n# TYPE t_level gauge\n"
                   "# HELP t_seconds Times\n# TYPE t_seconds histogram\n"
                   "# HELP t_plain_total Without labels\n# TYPE t_plain_total counter\n"
                   "t_plain_total 0\n");
}

static void
test_values (Fixture *self, gconstpointer data)
{
  g_autofree char *text = NULL;

  medley_metric_add (self->metrics[COUNTER], 1, MEDLEY_LABELS ("a\"b\\c\nd", "1"));
  medley_metric_add (self->metrics[COUNTER], 2.5, MEDLEY_LABELS ("a\"b\\c\nd", "1"));
  medley_metric_add (self->metrics[COUNTER], 1, MEDLEY_LABELS ("a", "2"));
  medley_metric_add (self->metrics[GAUGE], -3, MEDLEY_LABELS ("x"));
  medley_metric_set (self->metrics[GAUGE], 1e10, MEDLEY_LABELS ("y"));
  medley_metric_set (self->metrics[PLAIN], 7, NULL);
  text = medley_metrics_print (self->registry, FALSE);
  g_assert_nonnull (strstr (text, "\nt_things_total{kind=\"a\\\"b\\\\c\\nd\",size=\"1\"} 3.5\n"
                                  "t_things_total{kind=\"a\",size=\"2\"} 1\n"));
  g_assert_nonnull (strstr (text, "\nt_level{where=\"x\"} -3\nt_level{where=\"y\"} 10000000000\n"));
  g_assert_nonnull (strstr (text, "\nt_plain_total 7\n"));
}

static void
test_histogram (Fixture *self, gconstpointer data)
{
  static const double values[] = { 0, 0.5, 0.50001, 1, 3, 10, 10.5 };
  g_autofree char *text = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    medley_metric_observe (self->metrics[HISTOGRAM], values[i], MEDLEY_LABELS ("w"));
  text = medley_metrics_print (self->registry, FALSE);
  g_assert_nonnull (strstr (text, "\nt_seconds_bucket{what=\"w\",le=\"0.5\"} 2\n"
                                  "t_seconds_bucket{what=\"w\",le=\"1.0\"} 4\n"
                                  "t_seconds_bucket{what=\"w\",le=\"10.0\"} 6\n"
                                  "t_seconds_bucket{what=\"w\",le=\"+Inf\"} 7\n"
                                  "t_seconds_sum{what=\"w\"} 25.50001"));
  g_assert_nonnull (strstr (text, "\nt_seconds_count{what=\"w\"} 7\n"));
}

static void
test_open_metrics (Fixture *self, gconstpointer data)
{
  g_autofree char *text = NULL;

  medley_metric_add (self->metrics[COUNTER], 1, MEDLEY_LABELS ("a", "b"));
  text = medley_metrics_print (self->registry, TRUE);
  g_assert_true (g_str_has_prefix (text, "# HELP t_things Things"));
  g_assert_nonnull (strstr (text, "\n# TYPE t_things counter\nt_things_total{kind="));
  g_assert_true (g_str_has_suffix (text, "\nt_plain_total 0\n# EOF\n"));
}

static void
test_series_are_bounded (Fixture *self, gconstpointer data)
{
  g_autofree char *text = NULL;
  guint lines = 0;

  for (guint i = 0; i < 5000; i++) {
    g_autofree char *name = g_strdup_printf ("%u", i);

    medley_metric_add (self->metrics[GAUGE], 1, MEDLEY_LABELS (name));
  }
  text = medley_metrics_print (self->registry, FALSE);
  for (const char *at = text; (at = strstr (at, "\nt_level{")) != NULL; at++)
    lines++;
  g_assert_cmpuint (lines, ==, 1001);
  g_assert_nonnull (strstr (text, "\nt_level{where=\"other\"} 4000\n"));
}

static void
count_call (gpointer data)
{
  Fixture *self = data;

  medley_metric_clear (self->metrics[GAUGE]);
  medley_metric_add (self->metrics[PLAIN], 1, NULL);
}

static void
test_collectors (Fixture *self, gconstpointer data)
{
  g_autofree char *one = NULL, *two = NULL;

  medley_metric_set (self->metrics[GAUGE], 1, MEDLEY_LABELS ("gone"));
  medley_metrics_add_collector (self->registry, count_call, self, NULL);
  one = medley_metrics_print (self->registry, FALSE);
  g_assert_nonnull (strstr (one, "\nt_plain_total 1\n"));
  g_assert_null (strstr (one, "gone"));
  medley_metrics_remove_collector (self->registry, self);
  two = medley_metrics_print (self->registry, FALSE);
  g_assert_nonnull (strstr (two, "\nt_plain_total 1\n"));
}

static void
test_process (Fixture *self, gconstpointer data)
{
  static const char *const names[] = { "\nprocess_resident_memory_bytes ", "\nprocess_open_fds ",
                                       "\nprocess_max_fds ", "\nprocess_threads " };
  g_autofree char *text = NULL;
  const char *start;
  double now = (double) g_get_real_time () / G_USEC_PER_SEC;

  medley_process_metrics_register (self->registry);
  text = medley_metrics_print (self->registry, FALSE);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    const char *value = strstr (text, names[i]);

    g_assert_nonnull (value);
    g_assert_cmpfloat (g_ascii_strtod (value + strlen (names[i]), NULL), >, 0);
  }
  start = strstr (text, "\nprocess_start_time_seconds ");
  g_assert_nonnull (start);
  g_assert_cmpfloat_with_epsilon (g_ascii_strtod (start + strlen ("\nprocess_start_time_seconds "),
                                                  NULL),
                                  now, 600);
  g_assert_nonnull (strstr (text, "\nprocess_cpu_seconds_total "));
}

#define ADD(Name, Func) g_test_add (Name, Fixture, NULL, set_up, Func, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/metrics/empty", test_empty);
  ADD ("/metrics/values", test_values);
  ADD ("/metrics/histogram", test_histogram);
  ADD ("/metrics/open-metrics", test_open_metrics);
  ADD ("/metrics/series-are-bounded", test_series_are_bounded);
  ADD ("/metrics/collectors", test_collectors);
  ADD ("/metrics/process", test_process);
  return g_test_run ();
}
