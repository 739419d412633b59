/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "base/config.h"
#include "base/metrics.h"
#include "telemetry/span.h"

G_BEGIN_DECLS

/**
 * MedleyTelemetry:
 *
 * Sends spans to an OpenTelemetry collector, by OTLP over HTTP as JSON, in batches and in the
 * background. What waits is bounded: a collector that is slow or away costs spans, which are
 * counted, and nothing else. Main thread only; nothing blocks.
 */
#define MEDLEY_TYPE_TELEMETRY (medley_telemetry_get_type ())
G_DECLARE_FINAL_TYPE (MedleyTelemetry, medley_telemetry, MEDLEY, TELEMETRY, GObject)

/**
 * medley_telemetry_new:
 * @config: `telemetry.*`
 * @registry: counts what becomes of the spans; used until dispose
 * @error: %MEDLEY_ERROR_INVALID_CONFIG for an endpoint or a file of header fields that is of no use
 *
 * Returns: (transfer full) (nullable): takes spans; sends them where an endpoint is configured
 */
MedleyTelemetry *
medley_telemetry_new (MedleyConfig *config, MedleyMetrics *registry, GError **error);

/* whether spans are sent at all; without, nobody need make them */
gboolean
medley_telemetry_is_on (MedleyTelemetry *self);

/* @span: (transfer full): to be sent when its turn comes */
void
medley_telemetry_add (MedleyTelemetry *self, MedleySpan *span);

/**
 * medley_telemetry_drain:
 * @self: telemetry
 * @seconds: how long it may take
 * @drained: called from the main context, once, when all is sent or the time is over
 * @data: for @drained
 *
 * Sends what waits now, without trying anything a second time.
 */
void
medley_telemetry_drain (MedleyTelemetry *self, guint seconds, GSourceOnceFunc drained,
                        gpointer data);

G_END_DECLS
