/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/metrics.h"

#include <math.h>
#include <string.h>

/* A guard: labels are to be bounded by what they name. */
#define MAX_SERIES 1000
#define SEPARATOR '\x1f'
#define MAX_LABELS 8

typedef struct {
  char **values;
  double value;    /* the sum, of a histogram */
  guint64 *counts; /* by bucket; the last one is above all bounds */
} Series;

struct _MedleyMetric {
  const MedleyMetricInfo *info;
  char **labels;
  guint n_labels;
  guint n_bounds;
  GHashTable *by_key; /* the values, joined → Series */
  GPtrArray *series;  /* Series, in the order in which they came */
  GString *key;       /* of the look-up */
};

typedef struct {
  MedleyMetricsCollector func;
  gpointer data;
  GDestroyNotify free_data;
} Collector;

struct _MedleyMetrics {
  GPtrArray *metrics;
  GArray *collectors;
};

const double medley_metric_time_bounds[]
    = { 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,   1,
        2.5,   5,      10,    30,   60,    300,  900, 3600, 14400, 0 };

static void
series_free (gpointer data)
{
  Series *series = data;

  g_strfreev (series->values);
  g_free (series->counts);
  g_free (series);
}

static void
metric_free (gpointer data)
{
  MedleyMetric *self = data;

  g_hash_table_unref (self->by_key);
  g_ptr_array_unref (self->series);
  g_string_free (self->key, TRUE);
  g_strfreev (self->labels);
  g_free (self);
}

static void
collector_clear (gpointer data)
{
  Collector *collector = data;

  if (collector->free_data != NULL)
    collector->free_data (collector->data);
}

MedleyMetrics *
medley_metrics_new (void)
{
  MedleyMetrics *self = g_new0 (MedleyMetrics, 1);

  self->metrics = g_ptr_array_new_with_free_func (metric_free);
  self->collectors = g_array_new (FALSE, FALSE, sizeof (Collector));
  g_array_set_clear_func (self->collectors, collector_clear);
  return self;
}

void
medley_metrics_free (MedleyMetrics *self)
{
  g_ptr_array_unref (self->metrics);
  g_array_unref (self->collectors);
  g_free (self);
}

static Series *
add_series (MedleyMetric *self, const char *const *values)
{
  Series *series = g_new0 (Series, 1);

  series->values = g_new0 (char *, self->n_labels + 1);
  for (guint i = 0; i < self->n_labels; i++)
    series->values[i] = g_strdup (values[i]);
  if (self->info->kind == MEDLEY_METRIC_HISTOGRAM)
    series->counts = g_new0 (guint64, self->n_bounds + 1);
  g_ptr_array_add (self->series, series);
  g_hash_table_insert (self->by_key, g_strdup (self->key->str), series);
  return series;
}

static Series *
look_up (MedleyMetric *self, const char *const *values)
{
  g_string_truncate (self->key, 0);
  for (guint i = 0; i < self->n_labels; i++) {
    g_string_append (self->key, values[i]);
    g_string_append_c (self->key, SEPARATOR);
  }
  return g_hash_table_lookup (self->by_key, self->key->str);
}

static Series *
find_series (MedleyMetric *self, const char *const *values)
{
  static const char *const other[MAX_LABELS]
      = { "other", "other", "other", "other", "other", "other", "other", "other" };
  Series *series;

  g_return_val_if_fail (self->n_labels == 0 || values != NULL, NULL);
  series = look_up (self, values);
  if (series == NULL && self->series->len >= MAX_SERIES)
    series = look_up (self, values = other);
  return series != NULL ? series : add_series (self, values);
}

static MedleyMetric *
metric_new (const MedleyMetricInfo *info)
{
  MedleyMetric *self = g_new0 (MedleyMetric, 1);

  self->info = info;
  self->labels = g_strsplit (info->labels != NULL ? info->labels : "", " ", -1);
  self->n_labels = g_strv_length (self->labels);
  g_assert (self->n_labels <= MAX_LABELS);
  while (info->bounds != NULL && info->bounds[self->n_bounds] > 0)
    self->n_bounds++;
  self->by_key = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->series = g_ptr_array_new_with_free_func (series_free);
  self->key = g_string_new (NULL);
  if (self->n_labels == 0)
    find_series (self, NULL);
  return self;
}

void
medley_metrics_register (MedleyMetrics *self, const MedleyMetricInfo *infos, guint n_infos,
                         MedleyMetric **metrics)
{
  for (guint i = 0; i < n_infos; i++) {
    metrics[i] = metric_new (&infos[i]);
    g_ptr_array_add (self->metrics, metrics[i]);
  }
}

void
medley_metrics_add_collector (MedleyMetrics *self, MedleyMetricsCollector func, gpointer data,
                              GDestroyNotify free_data)
{
  const Collector collector = { func, data, free_data };

  g_array_append_val (self->collectors, collector);
}

void
medley_metrics_remove_collector (MedleyMetrics *self, gpointer data)
{
  for (guint i = self->collectors->len; i > 0; i--) {
    if (g_array_index (self->collectors, Collector, i - 1).data == data)
      g_array_remove_index (self->collectors, i - 1);
  }
}

void
medley_metric_add (MedleyMetric *self, double amount, const char *const *labels)
{
  g_return_if_fail (amount >= 0 || self->info->kind == MEDLEY_METRIC_GAUGE);
  find_series (self, labels)->value += amount;
}

void
medley_metric_set (MedleyMetric *self, double value, const char *const *labels)
{
  find_series (self, labels)->value = value;
}

void
medley_metric_observe (MedleyMetric *self, double value, const char *const *labels)
{
  Series *series = find_series (self, labels);
  guint bucket = 0;

  while (bucket < self->n_bounds && value > self->info->bounds[bucket])
    bucket++;
  series->counts[bucket]++;
  series->value += value;
}

void
medley_metric_clear (MedleyMetric *self)
{
  g_hash_table_remove_all (self->by_key);
  g_ptr_array_set_size (self->series, 0);
}

/* ---- printing ---- */

static void
append_number (GString *text, double value)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];

  if (isinf (value))
    g_string_append (text, value > 0 ? "+Inf" : "-Inf");
  else if (fabs (value) < 9e15 && trunc (value) == value)
    g_string_append_printf (text, "%" G_GINT64_FORMAT, (gint64) value);
  else
    g_string_append (text, g_ascii_formatd (number, sizeof number, "%.15g", value));
}

/* As OpenMetrics writes them: "0.5", "1.0". */
static char *
print_bound (double bound)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];

  g_ascii_formatd (number, sizeof number, "%.12g", bound);
  return g_strconcat (number, strpbrk (number, ".e") == NULL ? ".0" : "", NULL);
}

static void
append_escaped (GString *text, const char *value, gboolean quotes)
{
  for (; *value != '\0'; value++) {
    if (*value == '\n')
      g_string_append (text, "\\n");
    else if (*value == '\\' || (quotes && *value == '"'))
      g_string_append_printf (text, "\\%c", *value);
    else
      g_string_append_c (text, *value);
  }
}

static void
append_sample (GString *text, MedleyMetric *metric, Series *series, const char *ending,
               const char *bound, double value)
{
  const char *separator = "{";

  g_string_append (text, metric->info->name);
  g_string_append (text, ending);
  for (guint i = 0; i < metric->n_labels; i++) {
    g_string_append_printf (text, "%s%s=\"", separator, metric->labels[i]);
    append_escaped (text, series->values[i], TRUE);
    g_string_append_c (text, '"');
    separator = ",";
  }
  if (bound != NULL) {
    g_string_append_printf (text, "%sle=\"%s\"", separator, bound);
    separator = ",";
  }
  g_string_append (text, *separator == ',' ? "} " : " ");
  append_number (text, value);
  g_string_append_c (text, '\n');
}

static void
append_histogram (GString *text, MedleyMetric *metric, Series *series, char **bounds)
{
  guint64 count = 0;

  for (guint i = 0; i <= metric->n_bounds; i++) {
    count += series->counts[i];
    append_sample (text, metric, series, "_bucket", i < metric->n_bounds ? bounds[i] : "+Inf",
                   (double) count);
  }
  append_sample (text, metric, series, "_sum", NULL, series->value);
  append_sample (text, metric, series, "_count", NULL, (double) count);
}

static void
append_metric (GString *text, MedleyMetric *metric, gboolean open)
{
  static const char *const kinds[] = { "counter", "gauge", "histogram" };
  const char *name = metric->info->name;
  /* To OpenMetrics the ending belongs to the sample only. */
  int length = open && g_str_has_suffix (name, "_total") ? (int) (strlen (name) - strlen ("_total"))
                                                         : (int) strlen (name);
  g_auto (GStrv) bounds = g_new0 (char *, metric->n_bounds + 1);

  for (guint i = 0; i < metric->n_bounds; i++)
    bounds[i] = print_bound (metric->info->bounds[i]);
  g_string_append_printf (text, "# HELP %.*s ", length, name);
  append_escaped (text, metric->info->help, open);
  g_string_append_printf (text, "\n# TYPE %.*s %s\n", length, name, kinds[metric->info->kind]);
  for (guint i = 0; i < metric->series->len; i++) {
    Series *series = metric->series->pdata[i];

    if (metric->info->kind == MEDLEY_METRIC_HISTOGRAM)
      append_histogram (text, metric, series, bounds);
    else
      append_sample (text, metric, series, "", NULL, series->value);
  }
}

char *
medley_metrics_print (MedleyMetrics *self, gboolean open)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < self->collectors->len; i++) {
    Collector *collector = &g_array_index (self->collectors, Collector, i);

    collector->func (collector->data);
  }
  for (guint i = 0; i < self->metrics->len; i++)
    append_metric (text, self->metrics->pdata[i], open);
  if (open)
    g_string_append (text, "# EOF\n");
  return g_string_free (text, FALSE);
}
