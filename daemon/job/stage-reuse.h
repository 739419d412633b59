/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gunixfdlist.h>

#include "catalog/catalog.h"
#include "job/job-private.h"
#include "job/stage-cache.h"

G_BEGIN_DECLS

/**
 * MedleyStageReuse:
 *
 * What one attempt of a job has to do with the stage cache: which stages are given again instead of
 * being run, and which are recorded. Main thread only; what blocks is done in others.
 */
typedef struct _MedleyStageReuse MedleyStageReuse;

/* @reuse: (transfer full) (nullable): NULL when there is nothing to reuse or to record */
typedef void (*MedleyStageReuseReady) (MedleyJob *job, MedleyStageReuse *reuse, gpointer data);

/**
 * medley_stage_reuse_prepare:
 * @cache: a cache
 * @catalog: tells which engines are deterministic, and their builds
 * @job: a job that is about to start
 * @ready: called once, from the main context; at once when no stage may be kept
 * @data: for @ready
 *
 * Looks up what is there, in a thread: it reads inputs and entries.
 */
void
medley_stage_reuse_prepare (MedleyStageCache *cache, MedleyCatalog *catalog, MedleyJob *job,
                            MedleyStageReuseReady ready, gpointer data);
/* Gives up whatever is not recorded by now. @error: (nullable): how the run failed: what was given
 * again in the stage that it names is no good */
void
medley_stage_reuse_end (MedleyStageReuse *self, GVariant *error);

/**
 * medley_stage_reuse_make_call:
 * @self: (nullable): what is reused; %NULL for nothing
 * @fds: the descriptors of the call, added to
 * @plan: (inout) (transfer none): the job's plan, and what of it is left to be done
 * @stages: (out) (transfer full): `a{sa{sv}}` as of Run in org.medley.Worker1
 * @error: %MEDLEY_ERROR_UNAVAILABLE
 *
 * Returns: whether the descriptors could be added
 */
gboolean
medley_stage_reuse_make_call (MedleyStageReuse *self, GUnixFDList *fds, GVariant **plan,
                              GVariant **stages, GError **error);
/* Tells what is reused, as events of the job. @self: (nullable) */
void
medley_stage_reuse_tell (MedleyStageReuse *self, MedleyJob *job);
/* The worker has recorded a stage as a whole: its event's details. */
void
medley_stage_reuse_recorded (MedleyStageReuse *self, MedleyJob *job, GVariant *details);

G_END_DECLS
