/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "base/config.h"

G_BEGIN_DECLS

/**
 * MedleyHttpListener:
 *
 * Where the HTTP face listens: the Unix socket, with a lock, so that two daemons do not share it,
 * and TCP. Main thread only.
 */
typedef struct _MedleyHttpListener MedleyHttpListener;

/* @connection: (transfer none): a new one, whose socket does not block */
typedef void (*MedleyHttpAcceptFunc) (GSocketConnection *connection, gboolean is_local,
                                      gpointer data);

/* Listens nowhere yet. @func: called with each connection */
MedleyHttpListener *
medley_http_listener_new (MedleyConfig *config, MedleyHttpAcceptFunc func, gpointer data);

/* Accepts from now on: once all places are open. Who comes before waits. */
void
medley_http_listener_begin (MedleyHttpListener *self);

/* Closes and removes the socket. */
void
medley_http_listener_free (MedleyHttpListener *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyHttpListener, medley_http_listener_free)

/**
 * medley_http_listener_open_socket:
 * @self: a listener
 * @error: %MEDLEY_ERROR_UNAVAILABLE when another daemon has the socket,
 * %MEDLEY_ERROR_INVALID_CONFIG, %MEDLEY_ERROR_IO
 *
 * Listens on http.socket, if there is any, with mode 0600.
 *
 * Returns: whether it is well
 */
gboolean
medley_http_listener_open_socket (MedleyHttpListener *self, GError **error);

/**
 * medley_http_listener_open_tcp:
 * @self: a listener
 * @is_guarded: connections are under TLS, and clients are asked for a token
 * @error: %MEDLEY_ERROR_INVALID_CONFIG for an address that is none, or not loopback and not
 * guarded; %MEDLEY_ERROR_UNAVAILABLE when the port is taken
 *
 * Listens on http.address and http.port.
 *
 * Returns: whether it is well
 */
gboolean
medley_http_listener_open_tcp (MedleyHttpListener *self, gboolean is_guarded, GError **error);

/* The TCP port in use, 0 without TCP. */
guint16
medley_http_listener_get_port (MedleyHttpListener *self);

/* (transfer full): "unix:/run/…, https://127.0.0.1:8490", or why there is nothing */
char *
medley_http_listener_describe (MedleyHttpListener *self, gboolean is_tls);

G_END_DECLS
