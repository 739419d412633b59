/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/exchange.h"
#include "http/metrics.h"
#include "job/manager.h"
#include "telemetry/telemetry.h"

G_BEGIN_DECLS

/**
 * MedleyHttpObserver:
 *
 * Tells of each request afterwards what it was, what came of it and how long it took: to the
 * metrics, to the log and to traces. Main thread only.
 */
typedef struct _MedleyHttpObserver MedleyHttpObserver;

/* @manager outlives it */
MedleyHttpObserver *
medley_http_observer_new (MedleyJobManager *manager, MedleyTelemetry *telemetry);
void
medley_http_observer_free (MedleyHttpObserver *self);
MedleyHttpMetrics *
medley_http_observer_get_metrics (MedleyHttpObserver *self);

/* A request has come. @route: (nullable): its path in the table */
void
medley_http_observer_begin (MedleyHttpObserver *self, MedleyHttpExchange *exchange,
                            const char *route);
/* It has a route, and its client may use it: only then can it have a span, or whoever reaches the
 * port could fill the queue of them. */
void
medley_http_observer_admit (MedleyHttpObserver *self, MedleyHttpExchange *exchange);
/* Nothing of it is left to do. */
void
medley_http_observer_end (MedleyHttpObserver *self, MedleyHttpExchange *exchange);

G_END_DECLS
