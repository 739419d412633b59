/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/observer.h"

#include "base/log.h"

struct _MedleyHttpObserver {
  MedleyJobManager *manager; /* not owned */
  MedleyTelemetry *telemetry;
  MedleyHttpMetrics *metrics;
  GLogLevelFlags log_level; /* of requests, 0 for not at all */
};

MedleyHttpObserver *
medley_http_observer_new (MedleyJobManager *manager, MedleyTelemetry *telemetry)
{
  MedleyConfig *config = medley_job_manager_get_config (manager);
  const char *level = medley_config_get_string (config, "log.requests");
  MedleyHttpObserver *self = g_new0 (MedleyHttpObserver, 1);

  self->manager = manager;
  self->telemetry = g_object_ref (telemetry);
  self->metrics = medley_http_metrics_new (medley_job_manager_get_metrics (manager));
  if (g_str_equal (level, "debug"))
    self->log_level = G_LOG_LEVEL_DEBUG;
  else if (g_str_equal (level, "info"))
    self->log_level = G_LOG_LEVEL_INFO;
  if (!medley_log_is_wanted (config, self->log_level))
    self->log_level = 0;
  return self;
}

void
medley_http_observer_free (MedleyHttpObserver *self)
{
  medley_http_metrics_free (self->metrics);
  g_object_unref (self->telemetry);
  g_free (self);
}

MedleyHttpMetrics *
medley_http_observer_get_metrics (MedleyHttpObserver *self)
{
  return self->metrics;
}

/* Who watches the daemon would fill the traces. */
static gboolean
begins_trace (const char *route)
{
  static const char *const quiet[] = { "/healthz", "/readyz", "/metrics", NULL };

  return !g_strv_contains (quiet, route);
}

static void
begin_span (MedleyHttpObserver *self, MedleyHttpNotes *notes)
{
  if (!medley_trace_is_empty (&notes->parent)) {
    medley_span_id_make (notes->trace.span_id);
    notes->has_span = TRUE;
  } else if (begins_trace (notes->route)) {
    notes->has_span = medley_job_manager_begin_trace (self->manager, &notes->trace);
  }
}

void
medley_http_observer_begin (MedleyHttpObserver *self, MedleyHttpExchange *exchange,
                            const char *route)
{
  medley_http_metrics_begin (self->metrics, exchange, route);
  /* The connection may be gone when all is told. */
  medley_http_exchange_get_notes (exchange)->is_encrypted
      = medley_http_exchange_is_encrypted (exchange);
}

void
medley_http_observer_admit (MedleyHttpObserver *self, MedleyHttpExchange *exchange)
{
  if (medley_telemetry_is_on (self->telemetry))
    begin_span (self, medley_http_exchange_get_notes (exchange));
}

/* The path without the query, and no header: those may hold what is nobody else's business. */
static void
log_request (MedleyHttpObserver *self, MedleyHttpExchange *exchange)
{
  const MedleyHttpNotes *notes = medley_http_exchange_get_notes (exchange);
  const MedleyHttpRequest *request = medley_http_exchange_get_request (exchange);
  g_autofree char *status = g_strdup_printf ("%u", notes->status);

  medley_log (self->log_level,
              (const char *const[]){ "MEDLEY_REQUEST", notes->id, "MEDLEY_ROUTE", notes->route,
                                     "MEDLEY_STATUS", status, NULL },
              "%s %.500s %s, %" G_GUINT64_FORMAT " bytes in, %" G_GUINT64_FORMAT
              " bytes out, %.1f ms",
              medley_http_metrics_method (request), request != NULL ? request->path : "-",
              notes->status != 0 ? status : "the client left", notes->bytes_in, notes->bytes_out,
              (double) (g_get_monotonic_time () - notes->began_at) / 1000);
}

/* By OpenTelemetry's conventions for HTTP servers, but for what a client may have secrets in. */
static void
add_span (MedleyHttpObserver *self, MedleyHttpExchange *exchange)
{
  const MedleyHttpNotes *notes = medley_http_exchange_get_notes (exchange);
  const MedleyHttpRequest *request = medley_http_exchange_get_request (exchange);
  const char *method = medley_http_metrics_method (request);
  gint64 took = g_get_monotonic_time () - notes->began_at;
  g_autofree char *title = g_strdup_printf ("%s %s", method, notes->route);
  MedleySpan *span = medley_span_new (title, MEDLEY_SPAN_SERVER, &notes->trace,
                                      notes->parent.span_id, notes->began, notes->began + took);
  g_autofree char *status = g_strdup_printf ("%u", notes->status);

  medley_span_set_tracestate (span, notes->tracestate);
  medley_span_set_string (span, "http.request.method",
                          g_str_equal (method, "other") ? "_OTHER" : method);
  medley_span_set_string (span, "http.route", notes->route);
  medley_span_set_string (span, "url.path", request != NULL ? request->path : NULL);
  medley_span_set_string (span, "url.scheme", notes->is_encrypted ? "https" : "http");
  medley_span_set_string (span, "medley.request.id", notes->id);
  medley_span_set_integer (span, "http.request.body.size", (gint64) notes->bytes_in);
  if (notes->status != 0)
    medley_span_set_integer (span, "http.response.status_code", notes->status);
  if (notes->status >= 500)
    medley_span_set_error (span, status, NULL);
  medley_telemetry_add (self->telemetry, span);
}

void
medley_http_observer_end (MedleyHttpObserver *self, MedleyHttpExchange *exchange)
{
  const MedleyHttpNotes *notes;

  medley_http_metrics_end (self->metrics, exchange);
  if (self->log_level != 0)
    log_request (self, exchange);
  notes = medley_http_exchange_get_notes (exchange);
  if (notes->has_span && medley_trace_is_sampled (&notes->trace))
    add_span (self, exchange);
}
