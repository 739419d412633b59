/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/observer.h"

#include "base/log.h"

struct _MedleyHttpObserver {
  MedleyHttpMetrics *metrics;
  GLogLevelFlags log_level; /* of requests, 0 for not at all */
};

MedleyHttpObserver *
medley_http_observer_new (MedleyJobManager *manager)
{
  MedleyConfig *config = medley_job_manager_get_config (manager);
  const char *level = medley_config_get_string (config, "log.requests");
  MedleyHttpObserver *self = g_new0 (MedleyHttpObserver, 1);

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
  g_free (self);
}

MedleyHttpMetrics *
medley_http_observer_get_metrics (MedleyHttpObserver *self)
{
  return self->metrics;
}

void
medley_http_observer_begin (MedleyHttpObserver *self, MedleyHttpExchange *exchange,
                            const char *route)
{
  medley_http_metrics_begin (self->metrics, exchange, route);
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

void
medley_http_observer_end (MedleyHttpObserver *self, MedleyHttpExchange *exchange)
{
  medley_http_metrics_end (self->metrics, exchange);
  if (self->log_level != 0)
    log_request (self, exchange);
}
