/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/client.h"

G_BEGIN_DECLS

/**
 * MedleyWaitingFunc:
 * @text: (nullable): why the job waits, and its place in the queue, in words; %NULL when it does
 * not wait any more
 * @data: as given
 */
typedef void (*MedleyWaitingFunc) (const char *text, gpointer data);

/**
 * MedleyWaiting:
 *
 * Asks from time to time why a job waits, for as long as it does. The events do not tell: a place
 * in the queue changes without the job's doing.
 */
typedef struct _MedleyWaiting MedleyWaiting;

/**
 * medley_waiting_new:
 * @client: the daemon
 * @job: id of a job
 * @delay: seconds that it has to wait before it is asked for the first time
 * @func: called when there is something new to say
 * @data: for @func
 *
 * Returns: (transfer full): to be told of the job's events
 */
MedleyWaiting *
medley_waiting_new (MedleyClient *client, const char *job, double delay, MedleyWaitingFunc func,
                    gpointer data);
void
medley_waiting_free (MedleyWaiting *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyWaiting, medley_waiting_free)

/* Takes an event of the job into account. */
void
medley_waiting_event (MedleyWaiting *self, GVariant *event);

/* (transfer full) (nullable): "waits for a free worker (place 3)"; NULL for a @job that does not
 * wait */
char *
medley_waiting_text (GVariant *job);

G_END_DECLS
