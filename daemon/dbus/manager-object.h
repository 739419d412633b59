/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "job/manager.h"
#include "medley-bus.h"

G_BEGIN_DECLS

/**
 * medley_dbus_manager_new:
 * @jobs: the core
 *
 * Returns: (transfer full): org.medley.Manager1, not exported yet
 */
MedleyBusManager1 *
medley_dbus_manager_new (MedleyJobManager *jobs);

G_END_DECLS
