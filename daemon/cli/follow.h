/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/client.h"

G_BEGIN_DECLS

/**
 * MedleyFollowFunc:
 * @event: `a{sv}`
 * @data: as given
 *
 * Called for each event of a job.
 */
typedef void (*MedleyFollowFunc) (GVariant *event, gpointer data);

/**
 * medley_follow_async:
 * @client: the daemon
 * @job: id of a job
 * @func: called for each event, those of the past first
 * @func_data: for @func
 * @cancellable: (nullable): gives up
 * @callback: called when the job has ended
 * @data: for @callback
 *
 * Follows a job to its end. A connection that breaks is taken up again where it broke.
 */
void
medley_follow_async (MedleyClient *client, const char *job, MedleyFollowFunc func,
                     gpointer func_data, GCancellable *cancellable, GAsyncReadyCallback callback,
                     gpointer data);

/* (transfer full) (nullable): the job's last state, "done", "failed" or "cancelled" */
char *
medley_follow_finish (GAsyncResult *result, GError **error);

/* whether a job in this state has ended */
gboolean
medley_follow_is_final (const char *state);

G_END_DECLS
