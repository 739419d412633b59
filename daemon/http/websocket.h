/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/exchange.h"
#include "http/websocket-frame.h"

G_BEGIN_DECLS

/**
 * MedleyWebsocket:
 *
 * A WebSocket over an exchange: reads when told to, and tells when what was sent has left, so that
 * neither side's haste becomes the daemon's memory. Answers pings, sends them, and does the closing
 * handshake. Main thread only.
 */
typedef struct _MedleyWebsocket MedleyWebsocket;

/**
 * MedleyWebsocketFuncs:
 * @text: a whole text message; @text ends in NUL and has none before
 * @binary: some of a binary message, @is_end where it ends
 * @writable: nothing is waiting to be sent
 * @closed: the last call: the other side has closed or gone, or was closed; @code as of a close
 * frame, %MEDLEY_WEBSOCKET_NO_STATUS for a connection that broke
 *
 * All may send and close; none may free the socket but @closed.
 */
typedef struct {
  void (*text) (const char *text, gsize length, gpointer data);
  void (*binary) (const guint8 *bytes, gsize length, gboolean is_end, gpointer data);
  void (*writable) (gpointer data);
  void (*closed) (guint code, gpointer data);
} MedleyWebsocketFuncs;

/**
 * medley_websocket_handshake:
 * @exchange: a request
 * @protocol: the subprotocol that is spoken: a client that names others only is refused
 * @error: %MEDLEY_ERROR_INVALID_ARGUMENT
 *
 * Checks what RFC 6455, 4.2.1, asks of a request, and sets the header fields of the answer.
 *
 * Returns: the status to refuse it with (400, 426), or 101
 */
guint
medley_websocket_handshake (MedleyHttpExchange *exchange, const char *protocol, GError **error);

/**
 * medley_websocket_open:
 * @exchange: an exchange after a good handshake
 * @max_text: longest text message in bytes
 * @max_binary: longest frame of a binary message in bytes
 * @funcs: (transfer none): what to call; outlives the socket
 * @data: for @funcs
 *
 * Answers, and reads from now on.
 *
 * Returns: (transfer full): a socket
 */
MedleyWebsocket *
medley_websocket_open (MedleyHttpExchange *exchange, gsize max_text, guint64 max_binary,
                       const MedleyWebsocketFuncs *funcs, gpointer data);

/* Breaks off what is not closed. Nothing is called any more. */
void
medley_websocket_free (MedleyWebsocket *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyWebsocket, medley_websocket_free)

/* Whether to read; TRUE at first. What was received already is kept until then. */
void
medley_websocket_set_reading (MedleyWebsocket *self, gboolean reading);

/* Both do nothing once it is closing. Longer ones wait for medley_websocket_is_idle(). */
void
medley_websocket_send_text (MedleyWebsocket *self, const char *text);
void
medley_websocket_send_binary (MedleyWebsocket *self, GBytes *bytes);
/* whether nothing waits to be sent, and it is not closing */
gboolean
medley_websocket_is_idle (MedleyWebsocket *self);

/* Sends what waits, then a close frame, and waits for the other side's, a while. */
void
medley_websocket_close (MedleyWebsocket *self, guint code, const char *reason);
gboolean
medley_websocket_is_closing (MedleyWebsocket *self);

/* when the other side last sent anything, in monotonic time */
gint64
medley_websocket_get_last_heard (MedleyWebsocket *self);

G_END_DECLS
