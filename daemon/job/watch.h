/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/config.h"
#include "job/job.h"
#include "workers/worker.h"

G_BEGIN_DECLS

/**
 * MedleyWatch:
 *
 * Watches a worker while it runs a job: that it shows life (`workers.heartbeat`), that something
 * moves (`workers.stall`, or the limit of the stage at work), and that it keeps to its memory and
 * time. Main thread only.
 */
typedef struct _MedleyWatch MedleyWatch;

/**
 * MedleyWatchFunc:
 * @error: (transfer full): which limit was passed: %MEDLEY_ERROR_MEMORY_LIMIT,
 * %MEDLEY_ERROR_TIME_LIMIT or %MEDLEY_ERROR_WORKER_HUNG
 * @data: as given to medley_watch_new()
 *
 * Called once; it may free the watch.
 */
typedef void (*MedleyWatchFunc) (GError *error, gpointer data);

/**
 * medley_watch_new:
 * @job: a job with its plan
 * @worker: a worker that is about to run it
 * @config: the limits
 * @run_time: longest run, seconds
 * @func: called when a limit is passed
 * @data: for @func
 *
 * Returns: (transfer full): a watch, until it is freed
 */
MedleyWatch *
medley_watch_new (MedleyJob *job, MedleyWorker *worker, MedleyConfig *config, guint64 run_time,
                  MedleyWatchFunc func, gpointer data);
void
medley_watch_free (MedleyWatch *self);

/* (transfer none) (nullable): the stage that has been at work the longest, and its engine, as the
 * worker said last; %NULL when none was */
const char *
medley_watch_get_stage (MedleyWatch *self);
const char *
medley_watch_get_engine (MedleyWatch *self);

G_END_DECLS
