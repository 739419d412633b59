/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "base/config.h"
#include "job/manager.h"

G_BEGIN_DECLS

/**
 * MedleyDaemon:
 *
 * Builds and owns everything else: pool, catalogue, library, jobs and faces. Main thread only.
 *
 * Signals:
 * - `ready ()`: the engines are known and the faces listen
 * - `failed (GError *error)`: a face could not be set up; the daemon is of no use
 */
#define MEDLEY_TYPE_DAEMON (medley_daemon_get_type ())
G_DECLARE_FINAL_TYPE (MedleyDaemon, medley_daemon, MEDLEY, DAEMON, GObject)

/**
 * medley_daemon_new:
 * @config: the configuration
 * @error: what keeps it from starting
 *
 * Returns: (transfer full) (nullable): a daemon, not started
 */
MedleyDaemon *
medley_daemon_new (MedleyConfig *config, GError **error);

/* Starts the workers, asks them what engines there are, and opens the faces when they have
 * answered. */
void
medley_daemon_start (MedleyDaemon *self);

/**
 * medley_daemon_drain:
 * @self: a daemon
 * @drained: called from the main context, once, when it may be dropped
 * @data: for @drained
 *
 * Brings the daemon to rest: no job is taken or started any more, those that run get jobs.drain to
 * finish, those that do not are left to the next daemon, and clients get a moment to read what was
 * made. The faces stay open meanwhile.
 */
void
medley_daemon_drain (MedleyDaemon *self, GSourceOnceFunc drained, gpointer data);

/* The jobs' time is over now, whether or not the daemon drains already: what runs is left to the
 * next daemon. It is done when this returns, and @drained of the above is not called any more. */
void
medley_daemon_drop_jobs (MedleyDaemon *self);

/* how long medley_daemon_drain() may take, in seconds */
guint64
medley_daemon_get_drain_time (MedleyDaemon *self);

/* (transfer none) */
MedleyJobManager *
medley_daemon_get_jobs (MedleyDaemon *self);

G_END_DECLS
