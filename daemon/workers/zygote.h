/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The daemon's side of the zygote: a prepared process that forks workers. It speaks over a
 * SOCK_SEQPACKET socket in text, one message per packet; descriptors travel with SCM_RIGHTS:
 *
 *   daemon → zygote  "fork"               with the worker's end of its socket
 *   zygote → daemon  "forked PID"         with a pidfd of it; answers come in the order of the
 * requests "failed MESSAGE"     instead of "forked" "exited PID STATUS"  a worker has ended, STATUS
 * as of waitpid(2)
 */
typedef struct _MedleyZygote MedleyZygote;

/* @error is set, or @pid and @pidfd (to be closed by the callee) are */
typedef void (*MedleyZygoteForked) (GPid pid, int pidfd, const GError *error, gpointer data);
typedef void (*MedleyZygoteExited) (GPid pid, int status, gpointer data);
/* the zygote itself is gone; medley_zygote_free() may be called from here */
typedef void (*MedleyZygoteEnded) (MedleyZygote *zygote, gpointer data);

/* takes @socket and @pidfd over; @pid is this process's child */
MedleyZygote *
medley_zygote_new (int socket, GPid pid, int pidfd, MedleyZygoteExited exited,
                   MedleyZygoteEnded ended, gpointer data);
/* kills the zygote, and with it its workers; pending forks fail */
void
medley_zygote_free (MedleyZygote *self);

/* takes @worker_socket over; @callback is always called */
void
medley_zygote_fork (MedleyZygote *self, int worker_socket, MedleyZygoteForked callback,
                    gpointer data);
GPid
medley_zygote_get_pid (MedleyZygote *self);
/* workers that were forked or asked for, and have not ended */
guint
medley_zygote_count_children (MedleyZygote *self);

G_END_DECLS
