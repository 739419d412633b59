/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/config.h"
#include "catalog/catalog.h"
#include "job/job-private.h"
#include "job/stage-cache.h"
#include "workers/pool.h"

G_BEGIN_DECLS

/**
 * MedleyRun:
 *
 * One attempt of a job on one worker: it takes a worker, hands it the job, turns what the worker
 * tells into the job's events, watches its limits (stall, run time, memory), and says how it ended.
 * Main thread only.
 */
typedef struct _MedleyRun MedleyRun;

/* Called once, the worker being given back or killed by then. @error: NULL when @ok, else `a{sv}`;
 * the callee frees the run. */
typedef void (*MedleyRunEnded) (MedleyRun *run, MedleyJob *job, gboolean ok, GVariant *error,
                                gpointer data);

/* @exec_only: the job's engines do not survive a fork; @classes: (transfer full): its concurrency
 * classes, kept for the caller */
MedleyRun *
medley_run_start (MedleyJob *job, MedleyPool *pool, MedleyConfig *config, gboolean exec_only,
                  char **classes, MedleyRunEnded ended, gpointer data);
/* (transfer none) */
const char *const *
medley_run_get_classes (MedleyRun *self);
/* (transfer full): the last lines that the worker printed */
char **
medley_run_dup_log (MedleyRun *self);
/* Right after the start: stages whose results are kept are not run again, and results are kept. */
void
medley_run_use_cache (MedleyRun *self, MedleyStageCache *cache, MedleyCatalog *catalog);
/* Stops it; @error says why and becomes the job's error. The worker gets a grace time, then it is
 * killed. */
void
medley_run_stop (MedleyRun *self, const GError *error);
void
medley_run_pause (MedleyRun *self);
void
medley_run_resume (MedleyRun *self);
/* without calling back */
void
medley_run_free (MedleyRun *self);

G_END_DECLS
