/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The frames of RFC 6455, both ways, as a server reads and writes them: no I/O, no memory that
 * grows with what a client sends but the text of one message, within its limit. libsoup's
 * SoupWebsocketConnection is not used: it cannot be kept from reading, and queues whatever is to be
 * written, pongs included, without limit. */

enum {
  MEDLEY_WEBSOCKET_NORMAL = 1000,
  MEDLEY_WEBSOCKET_GOING_AWAY = 1001,
  MEDLEY_WEBSOCKET_PROTOCOL_ERROR = 1002,
  MEDLEY_WEBSOCKET_UNSUPPORTED = 1003,
  MEDLEY_WEBSOCKET_NO_STATUS = 1005, /* never sent */
  MEDLEY_WEBSOCKET_BAD_DATA = 1007,
  MEDLEY_WEBSOCKET_POLICY = 1008,
  MEDLEY_WEBSOCKET_TOO_LARGE = 1009,
  MEDLEY_WEBSOCKET_INTERNAL = 1011,
  MEDLEY_WEBSOCKET_TRY_LATER = 1013,
};

typedef enum {
  MEDLEY_WEBSOCKET_TEXT = 1,
  MEDLEY_WEBSOCKET_BINARY = 2,
  MEDLEY_WEBSOCKET_CLOSE = 8,
  MEDLEY_WEBSOCKET_PING = 9,
  MEDLEY_WEBSOCKET_PONG = 10,
} MedleyWebsocketOpcode;

/**
 * MedleyWebsocketEvent:
 * @opcode: what it is: a whole text message, some of a binary one, or a control frame; 0 for
 * nothing yet
 * @data: its bytes; valid until the next call; text is UTF-8 and ends in NUL besides
 * @length: how many
 * @is_end: whether a binary message ends here
 * @code: status of a close frame, %MEDLEY_WEBSOCKET_NO_STATUS without one
 */
typedef struct {
  MedleyWebsocketOpcode opcode;
  const guint8 *data;
  gsize length;
  gboolean is_end;
  guint code;
} MedleyWebsocketEvent;

/**
 * MedleyWebsocketReader:
 *
 * What a server reads. Make it with medley_websocket_reader_new().
 */
typedef struct _MedleyWebsocketReader MedleyWebsocketReader;

/* @max_text: longest text message; @max_binary: longest frame of a binary one; both in bytes */
MedleyWebsocketReader *
medley_websocket_reader_new (gsize max_text, guint64 max_binary);
void
medley_websocket_reader_free (MedleyWebsocketReader *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyWebsocketReader, medley_websocket_reader_free)

/**
 * medley_websocket_reader_feed:
 * @self: a reader
 * @data: (inout): what was received; is unmasked where it stands
 * @length: how much
 * @event: (out): what came of it
 * @code: (out): with an error, the status to close with
 * @error: %MEDLEY_ERROR_INVALID_ARGUMENT, %MEDLEY_ERROR_TOO_LARGE, %MEDLEY_ERROR_BAD_ENCODING
 *
 * Reads up to the next event. Bytes of binary messages are not kept but given as they come. After
 * an error nothing more can be read.
 *
 * Returns: bytes that were used, at least one unless @length is 0; -1 with an error
 */
gssize
medley_websocket_reader_feed (MedleyWebsocketReader *self, guint8 *data, gsize length,
                              MedleyWebsocketEvent *event, guint *code, GError **error);

/**
 * medley_websocket_append:
 * @out: where to append the frame
 * @opcode: what it is
 * @data: (nullable): its bytes
 * @length: how many
 *
 * Appends one whole frame, not masked, as a server sends it.
 */
void
medley_websocket_append (GByteArray *out, MedleyWebsocketOpcode opcode, const void *data,
                         gsize length);

/* A close frame; @reason: (nullable): shortened to what fits */
void
medley_websocket_append_close (GByteArray *out, guint code, const char *reason);

/**
 * medley_websocket_accept_key:
 * @key: (nullable): the header Sec-WebSocket-Key
 *
 * Returns: (transfer full) (nullable): the header Sec-WebSocket-Accept; %NULL when the key is not
 * 16 bytes in base64
 */
char *
medley_websocket_accept_key (const char *key);

G_END_DECLS
