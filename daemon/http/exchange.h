/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "base/tokens.h"
#include "http/connection.h"
#include "http/notes.h"
#include "http/request.h"

G_BEGIN_DECLS

/**
 * MedleyHttpExchange:
 *
 * A request and its answer, both as streams: the body can be read while the answer is being
 * written. Reference-counted; main thread only. Once it is over (finished, aborted, or its client
 * is gone) its functions do nothing and call nothing back.
 */
MedleyHttpExchange *
medley_http_exchange_ref (MedleyHttpExchange *self);
void
medley_http_exchange_unref (MedleyHttpExchange *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyHttpExchange, medley_http_exchange_unref)

/* (transfer none): the request */
const MedleyHttpRequest *
medley_http_exchange_get_request (MedleyHttpExchange *self);
/* (transfer none): what is told of it afterwards */
MedleyHttpNotes *
medley_http_exchange_get_notes (MedleyHttpExchange *self);
gboolean
medley_http_exchange_is_local (MedleyHttpExchange *self);
/* whether it came under TLS */
gboolean
medley_http_exchange_is_encrypted (MedleyHttpExchange *self);
const char *
medley_http_exchange_get_client (MedleyHttpExchange *self);
/* Whom the request's token names, instead of whom the connection does. */
void
medley_http_exchange_set_client (MedleyHttpExchange *self, const char *client);
/**
 * MedleyHttpGrant:
 * @hash: of the token that was shown; "" where none of the file of tokens was, nor had to be
 * @scope: what had to be allowed
 *
 * Why a request was let in. A token's name does not tell: another of the same name may have taken
 * its place, or the same may allow less by now.
 */
typedef struct {
  char hash[MEDLEY_TOKEN_HASH_LENGTH + 1];
  MedleyScope scope;
} MedleyHttpGrant;

/* (transfer none): holds as long as the exchange */
const MedleyHttpGrant *
medley_http_exchange_get_grant (MedleyHttpExchange *self);
void
medley_http_exchange_set_grant (MedleyHttpExchange *self, const MedleyHttpGrant *grant);
/* whether it is over */
gboolean
medley_http_exchange_is_over (MedleyHttpExchange *self);

/**
 * MedleyHttpGoneFunc:
 * @self: an exchange that is over
 * @data: as given
 *
 * The client left, or its connection failed or stood still, before the exchange was over.
 */
typedef void (*MedleyHttpGoneFunc) (MedleyHttpExchange *self, gpointer data);

/* At most one function. It is noticed also while no bytes flow, from the end of the request's body
 * on. */
void
medley_http_exchange_set_gone_func (MedleyHttpExchange *self, MedleyHttpGoneFunc func,
                                    gpointer data);

/**
 * MedleyHttpReadFunc:
 * @self: an exchange
 * @bytes: (nullable): some of the body; empty at its end; %NULL with @error
 * @error: (nullable): %MEDLEY_ERROR_INVALID_ARGUMENT for a malformed or stalled body; it can still
 * be answered
 * @data: as given
 */
typedef void (*MedleyHttpReadFunc) (MedleyHttpExchange *self, GBytes *bytes, const GError *error,
                                    gpointer data);

/* Reads more of the request's body; one read at a time. May call back before it returns. */
void
medley_http_exchange_read (MedleyHttpExchange *self, MedleyHttpReadFunc func, gpointer data);
/* Says whether nothing is read for a while because the reader has enough: that a client has broken
 * off is noticed all the same, where the system tells. */
void
medley_http_exchange_hold (MedleyHttpExchange *self, gboolean held);
/* Says that the body will be read to its end even if the answer is finished before. */
void
medley_http_exchange_keep_reading (MedleyHttpExchange *self);
gboolean
medley_http_exchange_body_is_done (MedleyHttpExchange *self);

/* when its request's head was whole, in monotonic time */
gint64
medley_http_exchange_get_start (MedleyHttpExchange *self);

/* Called when the answer begins: the last moment for header fields. */
typedef void (*MedleyHttpBeginFunc) (MedleyHttpExchange *self, guint status);

/* At most one function. */
void
medley_http_exchange_set_begin_func (MedleyHttpExchange *self, MedleyHttpBeginFunc func);

/* (transfer none): the answer's header fields, until it has begun */
SoupMessageHeaders *
medley_http_exchange_get_headers (MedleyHttpExchange *self);

/**
 * medley_http_exchange_begin:
 * @self: an exchange
 * @status: a status of 200 or above
 * @length: of the body in bytes, or -1 when it is not known: then it is chunked, or ended by
 * closing for HTTP/1.0
 *
 * Begins the answer. Its head is sent with the first write or by medley_http_exchange_finish().
 */
void
medley_http_exchange_begin (MedleyHttpExchange *self, guint status, gint64 length);
gboolean
medley_http_exchange_has_begun (MedleyHttpExchange *self);

/* Called when what was written has left for the socket: time for more. */
typedef void (*MedleyHttpWroteFunc) (MedleyHttpExchange *self, gpointer data);

/**
 * medley_http_exchange_write:
 * @self: an exchange that has begun
 * @bytes: not empty
 * @func: (nullable): called when more can be written; maybe before this returns
 * @data: for @func
 *
 * Writes some of the body; one write at a time.
 */
void
medley_http_exchange_write (MedleyHttpExchange *self, GBytes *bytes, MedleyHttpWroteFunc func,
                            gpointer data);

/**
 * medley_http_exchange_can_send_file:
 * @self: an exchange
 *
 * Returns: whether a body whose length is told can be sent from a file: not under TLS, nor in
 * chunks
 */
gboolean
medley_http_exchange_can_send_file (MedleyHttpExchange *self);

/**
 * medley_http_exchange_send_file:
 * @self: an exchange that has begun, with the length of its body
 * @fd: a file; a copy of the descriptor is kept until it is sent
 * @offset: where in it
 * @length: how many bytes, which should be in memory: the caller waits where they are not
 * @func: called when more can be written
 * @data: for @func
 *
 * Writes some of the body, as medley_http_exchange_write() does, without copying it.
 */
void
medley_http_exchange_send_file (MedleyHttpExchange *self, int fd, guint64 offset, guint64 length,
                                MedleyHttpWroteFunc func, gpointer data);

/**
 * medley_http_exchange_upgrade:
 * @self: an exchange that has not begun, of a request without a body
 * @func: called when the answer has left
 * @data: for @func
 *
 * Answers 101 with the header fields as they are. From then on the exchange carries bytes of
 * another protocol both ways, at the same time and as they are: medley_http_exchange_read() gives
 * what the client sends until it ends its stream (there is no limit on its pauses), and
 * medley_http_exchange_write() writes until medley_http_exchange_finish() closes. It stays one of
 * the daemon's connections, with the limits of these.
 */
void
medley_http_exchange_upgrade (MedleyHttpExchange *self, MedleyHttpWroteFunc func, gpointer data);

/* Ends the answer properly, after what was written. */
void
medley_http_exchange_finish (MedleyHttpExchange *self);
/* Ends it so that the client sees that it is not whole. */
void
medley_http_exchange_abort (MedleyHttpExchange *self);

/**
 * medley_http_exchange_respond:
 * @self: an exchange that has not begun
 * @status: a status
 * @type: (nullable): media type of the body
 * @body: (nullable): the body
 *
 * The whole answer.
 */
void
medley_http_exchange_respond (MedleyHttpExchange *self, guint status, const char *type,
                              GBytes *body);

/* For the connection only. */

/* @request: (transfer full) (nullable): NULL for a request that could not be understood */
MedleyHttpExchange *
medley_http_exchange_new (MedleyHttpConnection *connection, MedleyHttpRequest *request);
/* whether it is held, see above */
gboolean
medley_http_exchange_is_held (MedleyHttpExchange *self);
/* whether it wants to read now */
gboolean
medley_http_exchange_wants_input (MedleyHttpExchange *self);
void
medley_http_exchange_on_readable (MedleyHttpExchange *self);
void
medley_http_exchange_on_writable (MedleyHttpExchange *self);
void
medley_http_exchange_on_read_deadline (MedleyHttpExchange *self);
void
medley_http_exchange_on_gone (MedleyHttpExchange *self);

G_END_DECLS
