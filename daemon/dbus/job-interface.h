/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "job/job.h"
#include "medley-bus.h"

G_BEGIN_DECLS

/**
 * MedleyDBusJobInterface:
 *
 * The skeleton of org.medley.Job1 whose Reason and Position are computed when they are asked for: a
 * place in the queue changes with every job that comes and goes, and is not announced.
 */
#define MEDLEY_TYPE_DBUS_JOB_INTERFACE (medley_dbus_job_interface_get_type ())
G_DECLARE_FINAL_TYPE (MedleyDBusJobInterface, medley_dbus_job_interface, MEDLEY, DBUS_JOB_INTERFACE,
                      MedleyBusJob1Skeleton)

MedleyBusJob1 *
medley_dbus_job_interface_new (MedleyJob *job);

G_END_DECLS
