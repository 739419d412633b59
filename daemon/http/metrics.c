/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/metrics.h"

/* A path that is in no row of the table, or a request that could not be understood. */
#define NO_ROUTE "none"

enum {
  REQUESTS,
  SECONDS,
  IN_FLIGHT,
  RECEIVED,
  SENT,
  CONNECTIONS,
  CONNECTIONS_TOTAL,
  TURNED_AWAY,
  N_METRICS
};

struct _MedleyHttpMetrics {
  MedleyMetric *metrics[N_METRICS];
};

MedleyHttpMetrics *
medley_http_metrics_new (MedleyMetrics *registry)
{
  static const MedleyMetricInfo infos[N_METRICS] = {
    [REQUESTS] = { "medley_http_requests_total", MEDLEY_METRIC_COUNTER, "route method status", NULL,
                   "HTTP requests that ended, by class of the answer's status (none: the client "
                   "left before)" },
    [SECONDS]
    = { "medley_http_request_seconds", MEDLEY_METRIC_HISTOGRAM, "route", medley_metric_time_bounds,
        "Time from the head of a request until nothing of its answer was left to be sent" },
    [IN_FLIGHT] = { "medley_http_requests_in_flight", MEDLEY_METRIC_GAUGE, "route", NULL,
                    "HTTP requests that are being answered: uploads, downloads, streams and others "
                    "by their routes" },
    [RECEIVED] = { "medley_http_received_bytes_total", MEDLEY_METRIC_COUNTER, "route", NULL,
                   "Bytes of the bodies of requests that ended" },
    [SENT] = { "medley_http_sent_bytes_total", MEDLEY_METRIC_COUNTER, "route", NULL,
               "Bytes of answers that ended, heads included" },
    [CONNECTIONS] = { "medley_http_connections", MEDLEY_METRIC_GAUGE, NULL, NULL,
                      "Open connections of HTTP clients" },
    [CONNECTIONS_TOTAL] = { "medley_http_connections_accepted_total", MEDLEY_METRIC_COUNTER, NULL,
                            NULL, "Connections of HTTP clients that were accepted" },
    [TURNED_AWAY] = { "medley_http_connections_turned_away_total", MEDLEY_METRIC_COUNTER, NULL,
                      NULL, "Connections that were turned away as there were too many" },
  };
  MedleyHttpMetrics *self = g_new0 (MedleyHttpMetrics, 1);

  medley_metrics_register (registry, infos, N_METRICS, self->metrics);
  return self;
}

void
medley_http_metrics_free (MedleyHttpMetrics *self)
{
  g_free (self);
}

const char *
medley_http_metrics_method (const MedleyHttpRequest *request)
{
  static const char *const known[]
      = { "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", NULL };

  for (guint i = 0; request != NULL && known[i] != NULL; i++) {
    if (g_str_equal (known[i], request->method))
      return known[i];
  }
  return "other";
}

void
medley_http_metrics_begin (MedleyHttpMetrics *self, MedleyHttpExchange *exchange, const char *route)
{
  MedleyHttpNotes *notes = medley_http_exchange_get_notes (exchange);

  notes->route = route != NULL ? route : NO_ROUTE;
  medley_metric_add (self->metrics[IN_FLIGHT], 1, &notes->route);
}

void
medley_http_metrics_end (MedleyHttpMetrics *self, MedleyHttpExchange *exchange)
{
  static const char *const classes[] = { "none", "1xx", "2xx", "3xx", "4xx", "5xx" };
  MedleyHttpNotes *notes = medley_http_exchange_get_notes (exchange);
  const char *method = medley_http_metrics_method (medley_http_exchange_get_request (exchange));
  const char *status = classes[MIN (notes->status / 100, 5)];

  if (notes->route == NULL)
    return;
  medley_metric_add (self->metrics[IN_FLIGHT], -1, &notes->route);
  medley_metric_add (self->metrics[REQUESTS], 1, MEDLEY_LABELS (notes->route, method, status));
  medley_metric_observe (self->metrics[SECONDS],
                         (double) (g_get_monotonic_time () - notes->began_at) / G_USEC_PER_SEC,
                         &notes->route);
  medley_metric_add (self->metrics[RECEIVED], (double) notes->bytes_in, &notes->route);
  medley_metric_add (self->metrics[SENT], (double) notes->bytes_out, &notes->route);
}

void
medley_http_metrics_connection (MedleyHttpMetrics *self, int difference)
{
  medley_metric_add (self->metrics[CONNECTIONS], difference, NULL);
  if (difference > 0)
    medley_metric_add (self->metrics[CONNECTIONS_TOTAL], difference, NULL);
}

void
medley_http_metrics_turned_away (MedleyHttpMetrics *self)
{
  medley_metric_add (self->metrics[TURNED_AWAY], 1, NULL);
}
