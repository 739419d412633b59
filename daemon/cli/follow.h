/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/client.h"

G_BEGIN_DECLS

typedef enum {
  MEDLEY_CONNECTION_BROKEN, /* it is taken up again */
  MEDLEY_CONNECTION_AWAY,   /* there is no daemon; it is waited for */
  MEDLEY_CONNECTION_BACK,   /* the daemon answers again, and knows the job */
} MedleyConnection;

/**
 * MedleyFollowFuncs:
 * @event: called for each event of the job, `a{sv}`, those of the past first
 * @connection: (nullable): called when the connection to the daemon changes
 */
typedef struct {
  void (*event) (GVariant *event, gpointer data);
  void (*connection) (MedleyConnection connection, gpointer data);
} MedleyFollowFuncs;

/**
 * medley_follow_async:
 * @client: the daemon
 * @job: id of a job
 * @funcs: what to call
 * @funcs_data: for @funcs
 * @cancellable: (nullable): gives up
 * @callback: called when the job has ended
 * @data: for @callback
 *
 * Follows a job to its end. A connection that breaks is taken up again where it broke: jobs outlive
 * the daemon, which may take medley_client_get_patience() to come back. No event is told twice.
 */
void
medley_follow_async (MedleyClient *client, const char *job, const MedleyFollowFuncs *funcs,
                     gpointer funcs_data, GCancellable *cancellable, GAsyncReadyCallback callback,
                     gpointer data);

/* (transfer full) (nullable): the job's last state, "done", "failed" or "cancelled" */
char *
medley_follow_finish (GAsyncResult *result, GError **error);

/* whether a job in this state has ended */
gboolean
medley_follow_is_final (const char *state);

G_END_DECLS
