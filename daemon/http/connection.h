/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "http/request.h"

G_BEGIN_DECLS

typedef struct _MedleyHttpExchange MedleyHttpExchange;
typedef struct _MedleyHttpConnection MedleyHttpConnection;

/**
 * MedleyHttpTraits:
 * @header_bytes: longest head of a request
 * @header_fields: most header fields
 * @handshake_timeout: longest time for a TLS handshake, in seconds
 * @header_timeout: longest time for a head, and longest idleness between requests, in seconds
 * @idle_timeout: longest pause within a body, and longest time without any progress while a client
 * should read, in seconds
 * @dispatch: called with each request; must answer it, now or later
 * @refuse: called to answer a request whose head could not be understood
 * @wait: called when a connection's next request has come already: medley_http_connection_go_on()
 * shall be called soon, unless it is closed before
 * @closed: called once, when the connection is gone
 * @answered: (nullable): called after each request, when nothing of it is left to do, whatever
 * became of it
 * @data: for the four
 *
 * What the connections of one server share. Outlives them.
 */
typedef struct {
  gsize header_bytes;
  guint header_fields;
  guint handshake_timeout;
  guint header_timeout;
  guint idle_timeout;
  void (*dispatch) (MedleyHttpExchange *exchange, gpointer data);
  void (*refuse) (MedleyHttpExchange *exchange, guint status, const GError *error, gpointer data);
  void (*wait) (MedleyHttpConnection *connection, gpointer data);
  void (*closed) (MedleyHttpConnection *connection, gpointer data);
  void (*answered) (MedleyHttpExchange *exchange, gpointer data);
  gpointer data;
} MedleyHttpTraits;

/**
 * MedleyHttpConnection:
 *
 * One client's connection: reads request heads, keeps time, and hands each request over as a
 * #MedleyHttpExchange. SoupServer is not used for this because it reads a whole request body before
 * it answers, knows no time-outs and does not notice a client that leaves while it waits; parsing
 * and header fields are libsoup's all the same. Main thread only.
 */

/**
 * medley_http_connection_start:
 * @stream: an accepted connection that does not block: a #GSocketConnection, or a
 * #MedleyTlsStream whose handshake is still to come
 * @is_local: it came over the Unix socket
 * @client: identifies the caller for fairness ("uid:1000")
 * @traits: what to do with it
 *
 * Returns: (transfer none): a connection that lives until `closed` was called
 */
MedleyHttpConnection *
medley_http_connection_start (GIOStream *stream, gboolean is_local, const char *client,
                              const MedleyHttpTraits *traits);

/* Answers the request for which it waited. */
void
medley_http_connection_go_on (MedleyHttpConnection *self);

/* Closes at once; a running exchange learns that its client is gone. */
void
medley_http_connection_close (MedleyHttpConnection *self);

/* When it is given up unless a request comes first (or the client's end, after an answer), in
 * monotonic time; 0 while it is at work. */
gint64
medley_http_connection_get_patience (MedleyHttpConnection *self);

/* For the exchange only. */

enum { MEDLEY_HTTP_READ_DEADLINE, MEDLEY_HTTP_WRITE_DEADLINE };

GPollableInputStream *
medley_http_connection_get_input (MedleyHttpConnection *self);
GPollableOutputStream *
medley_http_connection_get_output (MedleyHttpConnection *self);
/* the descriptor of its socket, which bytes may be written to as they are; -1 under TLS */
int
medley_http_connection_get_socket (MedleyHttpConnection *self);
const MedleyHttpTraits *
medley_http_connection_get_traits (MedleyHttpConnection *self);
/* whether it is under TLS */
gboolean
medley_http_connection_is_encrypted (MedleyHttpConnection *self);
gboolean
medley_http_connection_is_local (MedleyHttpConnection *self);
const char *
medley_http_connection_get_client (MedleyHttpConnection *self);
/* (transfer none) (nullable): what is being answered */
MedleyHttpExchange *
medley_http_connection_get_exchange (MedleyHttpConnection *self);
/* Bytes that were received beyond what was used; use them by removing them from the front. */
GByteArray *
medley_http_connection_get_received (MedleyHttpConnection *self);
/* (Re)considers whether to wait for something to read. */
void
medley_http_connection_update (MedleyHttpConnection *self);
/* @func: called once when the output can take more */
void
medley_http_connection_wait_writable (MedleyHttpConnection *self);
/* @seconds: from now; 0 for none */
void
medley_http_connection_set_deadline (MedleyHttpConnection *self, int which, guint seconds);
/* The exchange is over. @keep: the next request may follow; else it is closed, @linger: reading
 * what still comes, so that the client gets to read the answer. */
void
medley_http_connection_exchange_done (MedleyHttpConnection *self, gboolean keep, gboolean linger);
/* Closes so that the client cannot take what it has for whole. */
void
medley_http_connection_reset (MedleyHttpConnection *self);

G_END_DECLS
