/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "job/manager.h"

G_BEGIN_DECLS

/**
 * MedleyNotify:
 *
 * What the service manager (systemd) is told of the daemon: that it is ready, that it stops, what
 * it does, and that its main loop turns. Without a service manager that listens, or in a build
 * without libsystemd, nothing is told and nothing costs anything. Main thread only.
 */
#define MEDLEY_TYPE_NOTIFY (medley_notify_get_type ())
G_DECLARE_FINAL_TYPE (MedleyNotify, medley_notify, MEDLEY, NOTIFY, GObject)

/**
 * medley_notify_new:
 *
 * Finds out whether somebody listens. From here on the watchdog is answered from the main loop,
 * where one is set, twice as often as it asks for.
 *
 * Returns: (transfer full): the notifier
 */
MedleyNotify *
medley_notify_new (void);

/**
 * medley_notify_ready:
 * @self: the notifier
 * @jobs: whose work the status line tells from now on, at most once a second
 *
 * Tells that the faces are open.
 */
void
medley_notify_ready (MedleyNotify *self, MedleyJobManager *jobs);

/**
 * medley_notify_stopping:
 * @self: the notifier
 * @seconds: how long that may take at most
 *
 * Tells that the daemon ends, and asks for the time it needs where the unit grants less.
 */
void
medley_notify_stopping (MedleyNotify *self, guint64 seconds);

G_END_DECLS
