/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "job/job-private.h"

G_BEGIN_DECLS

/* Copies a client's descriptor into an input, as it comes. Files are copied by a thread, pipes and
 * sockets from the main loop whenever they have something. */

/* @error NULL: the input is whole now */
typedef void (*MedleyFeederDone) (MedleyJob *job, MedleyInput *input, const GError *error,
                                  gpointer data);

/* takes @fd over; @callback may be called before this returns; it is not called any more once the
 * job has ended */
void
medley_feeder_start (MedleyJob *job, MedleyInput *input, int fd, MedleyFeederDone callback,
                     gpointer data);

/* stops all feeding of a job */
void
medley_feeder_stop (MedleyJob *job);

G_END_DECLS
