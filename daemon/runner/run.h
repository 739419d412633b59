/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "runner/graph.h"

G_BEGIN_DECLS

/**
 * MedleyRunFinished:
 * @ok: whether all outputs are whole
 * @error: (transfer none): `a{sv}` as in the Finished signal of org.medley.Worker1; empty when @ok
 * @data: user data
 *
 * Told once, in the main context that started the run, after everything of the run has stopped.
 */
typedef void (*MedleyRunFinished) (gboolean ok, GVariant *error, gpointer data);

/**
 * MedleyRun:
 *
 * A running job. A thread of its own builds and drives the pipeline, because a change of state may
 * block as long as an engine does; all functions here return at once.
 */
typedef struct _MedleyRun MedleyRun;

/**
 * medley_run_start:
 * @plan: (transfer full): what to run
 * @inputs: (transfer full) (element-type utf8 MedleyJobFile): files by name
 * @outputs: (transfer full) (element-type utf8 MedleyJobFile): files by name
 * @stages: (transfer full) (element-type utf8 MedleyStageFiles): what is recorded and replayed
 * @cache: engines; used under @cache_lock only
 * @cache_lock: held while the job runs
 * @event: what happens; from any thread
 * @finished: how it ended
 * @data: for both
 *
 * Returns: (transfer full): a run, to be freed in or after @finished
 */
MedleyRun *
medley_run_start (MedleyRunPlan *plan, GHashTable *inputs, GHashTable *outputs, GHashTable *stages,
                  MedleyEngineCache *cache, GMutex *cache_lock, MedleyEventFunc event,
                  MedleyRunFinished finished, gpointer data);
void
medley_run_free (MedleyRun *self);

void
medley_run_cancel (MedleyRun *self);
void
medley_run_set_paused (MedleyRun *self, gboolean paused);
guint64
medley_run_get_activity (MedleyRun *self);

G_END_DECLS
