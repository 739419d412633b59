/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "http/hls.h"
#include "job/manager.h"
#include "telemetry/telemetry.h"

G_BEGIN_DECLS

/**
 * MedleyHttp:
 *
 * The HTTP face: listens on a Unix socket and on loopback TCP, and turns requests into calls of the
 * job manager. Main thread only.
 */
#define MEDLEY_TYPE_HTTP (medley_http_get_type ())
G_DECLARE_FINAL_TYPE (MedleyHttp, medley_http, MEDLEY, HTTP, GObject)

/**
 * medley_http_new:
 * @manager: what it is a face of; its configuration's group "http" says where to listen
 * @telemetry: is told of requests
 * @error: %MEDLEY_ERROR_INVALID_CONFIG for an address that is not loopback,
 * %MEDLEY_ERROR_UNAVAILABLE when another daemon has the socket or the port, %MEDLEY_ERROR_IO
 *
 * Listens from now on. The Unix socket has mode 0600; for TCP a new token is written to the file
 * "token" in the runtime folder unless http.authentication is "none".
 *
 * Returns: (transfer full) (nullable): the face; dropping it closes all connections and removes
 * socket and token
 */
MedleyHttp *
medley_http_new (MedleyJobManager *manager, MedleyTelemetry *telemetry, GError **error);

/**
 * medley_http_settle:
 * @self: the face
 * @seconds: longest time to wait
 * @settled: called from the main context when nothing is being answered, or when the time is over;
 * not if the face is dropped before
 * @data: for @settled
 *
 * Waits for the last answers before the face is dropped. It stays open meanwhile. Once only.
 */
void
medley_http_settle (MedleyHttp *self, guint seconds, GSourceOnceFunc settled, gpointer data);

/* The TCP port in use, 0 without TCP. */
guint16
medley_http_get_port (MedleyHttp *self);

/* `a{sv}`, floating: how the face is guarded: "connections" u, "address" s where it listens on TCP,
 * and then "encrypted" b, with TLS "certificate" s, "expires" x (microseconds since 1970) and maybe
 * "certificateTrouble" s, "authentication" s, and with tokens "tokens" u and maybe "tokensTrouble"
 * s */
GVariant *
medley_http_describe (MedleyHttp *self);

/* For the handlers. */
MedleyJobManager *
medley_http_get_manager (MedleyHttp *self);
MedleyConfig *
medley_http_get_config (MedleyHttp *self);
MedleyHls *
medley_http_get_hls (MedleyHttp *self);
typedef struct _MedleyHttpAccess MedleyHttpAccess;
MedleyHttpAccess *
medley_http_get_access (MedleyHttp *self);
typedef struct _MedleySessions MedleySessions;
MedleySessions *
medley_http_get_sessions (MedleyHttp *self);

G_END_DECLS
