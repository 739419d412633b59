/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "job/manager.h"

G_BEGIN_DECLS

/**
 * MedleyDBus:
 *
 * The D-Bus face: org.medley.Medley1, as data/dbus/org.medley.Medley1.xml describes it. Main thread
 * only.
 */
#define MEDLEY_TYPE_DBUS (medley_dbus_get_type ())
G_DECLARE_FINAL_TYPE (MedleyDBus, medley_dbus, MEDLEY, DBUS, GObject)

/**
 * medley_dbus_new:
 * @jobs: what it is a face of; its configuration says on which bus (dbus.bus)
 *
 * Connects and takes the name, in its own time. Without a bus the face is off; this, and what else
 * becomes of it, is told by the face "dbus" in medley_job_manager_status(), and is never fatal. A
 * bus that is lost is not looked for again.
 *
 * Returns: (transfer full): the face; dropping it takes all from the bus
 */
MedleyDBus *
medley_dbus_new (MedleyJobManager *jobs);

/**
 * medley_dbus_settle:
 * @self: the face
 * @seconds: longest time to wait
 * @settled: called from the main context when all outputs that are read have ended and all that was
 * said is with the bus, or when the time is over; not if the face is dropped before
 * @data: for @settled
 *
 * Waits for the last answers before the face is dropped. It stays open meanwhile. Once only.
 */
void
medley_dbus_settle (MedleyDBus *self, guint seconds, GSourceOnceFunc settled, gpointer data);

G_END_DECLS
