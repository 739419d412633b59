/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/metrics.h"
#include "http/exchange.h"

G_BEGIN_DECLS

/**
 * MedleyHttpMetrics:
 *
 * Counts what the HTTP face does. Requests are told apart by the routes of the table and by methods
 * that HTTP knows, never by what a client may choose.
 */
typedef struct _MedleyHttpMetrics MedleyHttpMetrics;

/* @registry outlives it */
MedleyHttpMetrics *
medley_http_metrics_new (MedleyMetrics *registry);
void
medley_http_metrics_free (MedleyHttpMetrics *self);

/* A request has come. @route: (nullable): its path in the table; kept in the exchange's notes */
void
medley_http_metrics_begin (MedleyHttpMetrics *self, MedleyHttpExchange *exchange,
                           const char *route);
/* Nothing of it is left to do. */
void
medley_http_metrics_end (MedleyHttpMetrics *self, MedleyHttpExchange *exchange);

/* A connection was opened (1) or is gone (-1). */
void
medley_http_metrics_connection (MedleyHttpMetrics *self, int difference);
/* One was turned away, as there are too many. */
void
medley_http_metrics_turned_away (MedleyHttpMetrics *self);

/* the method as a label's value */
const char *
medley_http_metrics_method (const MedleyHttpRequest *request);

G_END_DECLS
