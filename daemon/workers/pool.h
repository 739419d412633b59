/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "base/config.h"
#include "workers/worker.h"

G_BEGIN_DECLS

/**
 * MedleyPool:
 *
 * The worker processes: it keeps some warm, hands them out one job each, and makes new ones for
 * those that end. One more worker answers questions (what engines there are, whether a plan can be
 * built), so that these never wait for a job. Main thread only.
 *
 * Signals:
 * - `free ()`: a worker became idle: a job that waits may be started
 * - `lost (const char *cause)`: a worker's process has ended, though not because it was let go: the
 * name of an error's code ("worker-crashed", "worker-hung", "memory-limit", "time-limit",
 * "cancelled", ...), "stopped" with its job when the daemon ends, or "released" after a job that
 * had a worker of its own
 * - `log (int pid, const char *line)`: a worker printed a line
 */
#define MEDLEY_TYPE_POOL (medley_pool_get_type ())
G_DECLARE_FINAL_TYPE (MedleyPool, medley_pool, MEDLEY, POOL, GObject)

MedleyPool *
medley_pool_new (MedleyConfig *config);

/* Makes the warm workers now. */
void
medley_pool_warm (MedleyPool *self);

/* whether medley_pool_acquire_async() would find or make a worker without waiting for another job
 * to end */
gboolean
medley_pool_has_room (MedleyPool *self);

/**
 * medley_pool_acquire_async:
 * @self: a pool
 * @exec_only: whether the job needs a worker that was not forked
 * @callback: called when a worker is ready
 * @data: for @callback
 *
 * Takes a worker. While it is taken it is the caller's to watch; when it has not exited, give it
 * back.
 */
void
medley_pool_acquire_async (MedleyPool *self, gboolean exec_only, GAsyncReadyCallback callback,
                           gpointer data);
/* (transfer full) (nullable); @error: MEDLEY_ERROR_UNAVAILABLE when workers cannot be made,
 * MEDLEY_ERROR_SANDBOX_MISSING when they refuse to start */
MedleyWorker *
medley_pool_acquire_finish (MedleyPool *self, GAsyncResult *result, GError **error);
void
medley_pool_release (MedleyPool *self, MedleyWorker *worker);

/**
 * medley_pool_ask_async:
 * @self: a pool
 * @method: "Describe", "Inspect" or "Check"
 * @parameters: (nullable): arguments; a floating reference is sunk
 * @callback: called from the main context
 * @data: for @callback
 *
 * Calls the worker that answers questions.
 */
void
medley_pool_ask_async (MedleyPool *self, const char *method, GVariant *parameters,
                       GAsyncReadyCallback callback, gpointer data);
/* (transfer full) (nullable): the reply's tuple */
GVariant *
medley_pool_ask_finish (MedleyPool *self, GAsyncResult *result, GError **error);

/* Ends idle workers, the one for questions and the zygote, so that changed plugins are seen. */
void
medley_pool_refresh (MedleyPool *self);

/**
 * medley_pool_describe:
 * @self: a pool
 *
 * Returns: (transfer floating): `a{sv}`: "mode" s, "maximum" u, "busy" u, "idle" u, "starting" u,
 * "pids" ai, "zygote" i (0 for none), "started" t (processes made so far), "lost" t (processes that
 * ended unasked), "memoryLimit" s ("cgroup" when the kernel limits the workers' memory, else
 * "watched", with the reason in "noCgroup" s), and after processes that ended before they had a job
 * "failures" u (in a row) and "lastFailure" s
 */
GVariant *
medley_pool_describe (MedleyPool *self);

/**
 * medley_pool_get_sandbox:
 * @self: a pool
 *
 * Returns: (transfer none): `a{sv}`, what workers said of what they are confined to: see
 * medley_sandbox_describe() of daemon/runner; "mode" alone before the first one said it. When they
 * refuse to start: "mode" s, "refused" b and "missing" as
 */
GVariant *
medley_pool_get_sandbox (MedleyPool *self);

/* (transfer none) (nullable): MEDLEY_ERROR_SANDBOX_MISSING when workers refuse to start on this
 * system */
const GError *
medley_pool_get_refusal (MedleyPool *self);

G_END_DECLS
