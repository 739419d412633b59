/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Data of a connection that users of several kinds share: the system bus. */
#define MEDLEY_DBUS_SHARED "medley-shared"

/**
 * medley_dbus_find_caller_async:
 * @invocation: a call
 * @callback: called from the main context, perhaps before this returns
 * @data: for @callback
 *
 * Finds out who calls. On a session bus that is the user whose bus it is; on the system bus the bus
 * is asked, once for each connection.
 */
void
medley_dbus_find_caller_async (GDBusMethodInvocation *invocation, GAsyncReadyCallback callback,
                               gpointer data);
/* (transfer full) (nullable): "uid:1000/:1.42", as medley_job_request_new() wants it; @error:
 * MEDLEY_ERROR_UNAVAILABLE when the caller has left */
char *
medley_dbus_find_caller_finish (GAsyncResult *result, GError **error);

G_END_DECLS
