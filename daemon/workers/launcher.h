/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "base/config.h"
#include "workers/worker.h"

G_BEGIN_DECLS

/**
 * MedleyLauncher:
 *
 * Makes worker processes: forked from a zygote, or executed. It reads what workers print to
 * standard error, passes it on to the daemon's own, and finds in it where a worker crashed. Before
 * the first one starts, and again when plugins have changed, it makes sure that GStreamer's
 * registry is right. Each worker has a temporary folder in one of the launcher's own, removed when
 * the worker has ended. Main thread only.
 *
 * Signals:
 * - `log (int pid, const char *line)`: a line that a worker printed
 */
#define MEDLEY_TYPE_LAUNCHER (medley_launcher_get_type ())
G_DECLARE_FINAL_TYPE (MedleyLauncher, medley_launcher, MEDLEY, LAUNCHER, GObject)

/* @exec_only: never fork from a zygote, for engines that do not survive it */
MedleyLauncher *
medley_launcher_new (MedleyConfig *config, gboolean exec_only);

/* Workers made from now on have their memory limited by the kernel, in groups below @cgroup. */
void
medley_launcher_set_cgroup (MedleyLauncher *self, MedleyCgroup *cgroup);

/**
 * medley_launcher_launch_async:
 * @self: a launcher
 * @callback: called when the process exists; it is not ready yet
 * @data: for @callback
 */
void
medley_launcher_launch_async (MedleyLauncher *self, GAsyncReadyCallback callback, gpointer data);

/* (transfer full) (nullable); @error: MEDLEY_ERROR_UNAVAILABLE */
MedleyWorker *
medley_launcher_launch_finish (MedleyLauncher *self, GAsyncResult *result, GError **error);

/* (transfer full) (nullable): why a worker refused to start since the last call */
char *
medley_launcher_take_refusal (MedleyLauncher *self);

/* "zygote" or "exec" */
const char *
medley_launcher_get_mode (MedleyLauncher *self);
/* process id of the zygote, 0 when there is none */
GPid
medley_launcher_get_zygote (MedleyLauncher *self);

/* Ends the zygote once its workers are gone: what is launched next sees plugins as they are then.
 */
void
medley_launcher_retire_zygote (MedleyLauncher *self);

G_END_DECLS
