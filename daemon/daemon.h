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

/* (transfer none) */
MedleyJobManager *
medley_daemon_get_jobs (MedleyDaemon *self);

G_END_DECLS
