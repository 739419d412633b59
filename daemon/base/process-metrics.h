/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/metrics.h"

G_BEGIN_DECLS

/* Shows this process's memory, processor time, descriptors and start among the metrics, under the
 * names that Prometheus's own libraries use. */
void
medley_process_metrics_register (MedleyMetrics *registry);

G_END_DECLS
