/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * MedleyMetrics:
 *
 * Counters, gauges and histograms, as Prometheus reads them. Counting one event costs a look-up in
 * a hash table, however many there were. One thread only.
 */
typedef struct _MedleyMetrics MedleyMetrics;

/* One of them, with a series for each combination of its labels' values. */
typedef struct _MedleyMetric MedleyMetric;

typedef enum {
  MEDLEY_METRIC_COUNTER,   /* only grows; its name ends in "_total" */
  MEDLEY_METRIC_GAUGE,     /* goes up and down */
  MEDLEY_METRIC_HISTOGRAM, /* how often values were within bounds, and their sum */
} MedleyMetricKind;

/**
 * MedleyMetricInfo:
 * @name: letters, digits and "_"; with the unit, in seconds or bytes
 * @kind: what it is
 * @labels: (nullable): the labels' names, separated by spaces
 * @bounds: (nullable) (array zero-terminated=1): of a histogram: upper bounds, ascending, above 0
 * @help: one line
 *
 * What a metric is. Not copied.
 */
typedef struct {
  const char *name;
  MedleyMetricKind kind;
  const char *labels;
  const double *bounds;
  const char *help;
} MedleyMetricInfo;

/* Bounds for times in seconds, from a millisecond to four hours. */
extern const double medley_metric_time_bounds[];
/* The values of a metric's labels, in order. */
#define MEDLEY_LABELS(...) ((const char *const[]){ __VA_ARGS__ })

MedleyMetrics *
medley_metrics_new (void);
void
medley_metrics_free (MedleyMetrics *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyMetrics, medley_metrics_free)

/**
 * medley_metrics_register:
 * @self: a registry
 * @infos: (array length=n_infos): what is to be counted; outlives @self
 * @n_infos: how many
 * @metrics: (out caller-allocates) (array length=n_infos): the metrics, which live as long as @self
 *
 * Those without labels are 0 from here on; the others are when they were counted first.
 */
void
medley_metrics_register (MedleyMetrics *self, const MedleyMetricInfo *infos, guint n_infos,
                         MedleyMetric **metrics);

/* Called before the metrics are printed, to set those that are known elsewhere. */
typedef void (*MedleyMetricsCollector) (gpointer data);

/* @free_data: (nullable): called with @data when the collector is dropped */
void
medley_metrics_add_collector (MedleyMetrics *self, MedleyMetricsCollector func, gpointer data,
                              GDestroyNotify free_data);
/* those that were added with @data */
void
medley_metrics_remove_collector (MedleyMetrics *self, gpointer data);

/* All three: @labels: (nullable) (array): as many values as the metric has labels. More than a
 * thousand series of one metric share one more, whose labels are all "other". */

/* @amount: not negative for a counter */
void
medley_metric_add (MedleyMetric *self, double amount, const char *const *labels);
/* For a counter: its value as counted elsewhere. */
void
medley_metric_set (MedleyMetric *self, double value, const char *const *labels);
/* of a histogram */
void
medley_metric_observe (MedleyMetric *self, double value, const char *const *labels);
/* Forgets all series: for a collector that sets those that there are. */
void
medley_metric_clear (MedleyMetric *self);

#define MEDLEY_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define MEDLEY_METRICS_OPEN_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

/**
 * medley_metrics_print:
 * @self: a registry
 * @open: whether as OpenMetrics 1.0, else in Prometheus' text format 0.0.4
 *
 * Returns: (transfer full): all metrics, also those without a series
 */
char *
medley_metrics_print (MedleyMetrics *self, gboolean open);

G_END_DECLS
