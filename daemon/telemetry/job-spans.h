/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "job/manager.h"
#include "telemetry/telemetry.h"

G_BEGIN_DECLS

/**
 * MedleyJobSpans:
 *
 * Tells of jobs that belong to a sampled trace: a span for the job, and below it one for each wait
 * in the queue and each attempt, below which are the stages. Main thread only.
 */
typedef struct _MedleyJobSpans MedleyJobSpans;

/* Before the manager is started, so that jobs of an earlier daemon are seen from the beginning. */
MedleyJobSpans *
medley_job_spans_new (MedleyJobManager *manager, MedleyTelemetry *telemetry);
void
medley_job_spans_free (MedleyJobSpans *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyJobSpans, medley_job_spans_free)

G_END_DECLS
