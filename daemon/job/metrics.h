/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/metrics.h"
#include "job/job-private.h"
#include "job/manager.h"

G_BEGIN_DECLS

/**
 * MedleyJobMetrics:
 *
 * Counts what becomes of jobs, from their events, and shows pool, store and stage cache when the
 * metrics are read. Labels are bounded: pipelines and engines that are installed, anything else is
 * "other". Main thread only.
 */
typedef struct _MedleyJobMetrics MedleyJobMetrics;

/* @manager owns it; @registry outlives it */
MedleyJobMetrics *
medley_job_metrics_new (MedleyJobManager *manager, MedleyMetrics *registry);
void
medley_job_metrics_free (MedleyJobMetrics *self);

/* A job that has not ended is there, new or from the store; one that is watched already is not
 * counted twice. */
void
medley_job_metrics_watch (MedleyJobMetrics *self, MedleyJob *job);
/* An event of a job that is watched; its end ends that. */
void
medley_job_metrics_event (MedleyJobMetrics *self, MedleyJob *job, GVariant *event);
/* A transaction of the store took so many µs, with so many writes. */
void
medley_job_metrics_commit (gint64 time, guint writes, gpointer self);

G_END_DECLS
