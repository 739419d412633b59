/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "dbus/output-pipes.h"
#include "job/manager.h"
#include "medley-bus.h"

G_BEGIN_DECLS

/**
 * MedleyDBusJob:
 *
 * The object of a job on the bus: tells what happens to it, and takes orders for it.
 */
typedef struct _MedleyDBusJob MedleyDBusJob;

/**
 * medley_dbus_job_new:
 * @jobs: the core
 * @job: a job
 * @pipes: carries its outputs
 *
 * Returns: (transfer full): an object that nobody exports yet
 */
MedleyDBusJob *
medley_dbus_job_new (MedleyJobManager *jobs, MedleyJob *job, MedleyOutputPipes *pipes);
/* Tells what was not told yet; unexport the object afterwards. */
void
medley_dbus_job_free (MedleyDBusJob *self);

MedleyJob *
medley_dbus_job_get_job (MedleyDBusJob *self);
MedleyBusObjectSkeleton *
medley_dbus_job_get_object (MedleyDBusJob *self);

G_END_DECLS
