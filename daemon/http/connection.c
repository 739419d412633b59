/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/connection.h"

#include <glib-unix.h>
#include <medley/medley-error.h>
#include <sys/socket.h>

#include "http/exchange.h"
#include "http/tls.h"

#define READ_SIZE (16 * 1024)
/* A pipelining client's next requests; more stays in the socket. */
#define MAX_AHEAD (16 * 1024)
/* How long a client may go on sending after we have answered: closing earlier would reset the
 * connection, and the answer could be lost with it. */
#define LINGER_SECONDS 10

typedef enum {
  PHASE_HANDSHAKE, /* of TLS */
  PHASE_HEAD,      /* between requests, or within a head */
  PHASE_EXCHANGE,  /* the exchange has the word */
  PHASE_LINGER,    /* answered; reads and drops what still comes */
  PHASE_CLOSED,
} Phase;

struct _MedleyHttpConnection {
  grefcount ref_count;
  GIOStream *stream;
  GSocket *socket; /* the stream's */
  GPollableInputStream *input;
  GPollableOutputStream *output;
  const MedleyHttpTraits *traits;
  char *client;
  gboolean is_local;

  Phase phase;
  GByteArray *received;
  gboolean waits; /* for its turn, with a request that came ahead of time */
  gsize checked;  /* of the received bytes: seen while looking for the head's end */
  MedleyHttpExchange *exchange;

  GSource *readable;
  GSource *broken; /* while nothing is to be read */
  GSource *writable;
  GSource *timer;
  gint64 deadlines[2];
};

static void
process_head (MedleyHttpConnection *self);

static void
shake_hands (MedleyHttpConnection *self);

static void
connection_unref (MedleyHttpConnection *self)
{
  if (!g_ref_count_dec (&self->ref_count))
    return;
  g_object_unref (self->stream);
  g_byte_array_unref (self->received);
  g_free (self->client);
  g_free (self);
}

static void
clear_source (GSource **source)
{
  if (*source == NULL)
    return;
  g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

static void
tell_answered (MedleyHttpConnection *self, MedleyHttpExchange *exchange)
{
  if (self->traits->answered != NULL)
    self->traits->answered (exchange, self->traits->data);
}

void
medley_http_connection_close (MedleyHttpConnection *self)
{
  g_autoptr (MedleyHttpExchange) exchange = g_steal_pointer (&self->exchange);

  if (self->phase == PHASE_CLOSED)
    return;
  self->phase = PHASE_CLOSED;
  clear_source (&self->readable);
  clear_source (&self->broken);
  clear_source (&self->writable);
  clear_source (&self->timer);
  /* Neither closing a socket nor what TLS says before it waits for anything. */
  g_io_stream_close (self->stream, NULL, NULL);
  if (exchange != NULL)
    medley_http_exchange_on_gone (exchange);
  self->traits->closed (self, self->traits->data);
  if (exchange != NULL)
    tell_answered (self, exchange);
  connection_unref (self);
}

void
medley_http_connection_reset (MedleyHttpConnection *self)
{
  const struct linger linger = { .l_onoff = 1, .l_linger = 0 };

  if (self->socket != NULL && self->phase != PHASE_CLOSED)
    setsockopt (g_socket_get_fd (self->socket), SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  if (MEDLEY_IS_TLS_STREAM (self->stream))
    medley_tls_stream_abandon (MEDLEY_TLS_STREAM (self->stream));
  medley_http_connection_close (self);
}

/* Reads what is there. Returns: FALSE at the end or when the connection failed. */
static gboolean
fill (MedleyHttpConnection *self, gboolean drop)
{
  g_autoptr (GError) error = NULL;
  /* Not right into the array: one that waits for a little would hold memory for much. */
  guint8 buffer[READ_SIZE];
  gssize n
      = g_pollable_input_stream_read_nonblocking (self->input, buffer, sizeof buffer, NULL, &error);

  if (n > 0 && !drop)
    g_byte_array_append (self->received, buffer, (guint) n);
  if (n < 0)
    return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  return n > 0;
}

static gboolean
on_readable (GObject *stream, gpointer data)
{
  MedleyHttpConnection *self = data;

  g_ref_count_inc (&self->ref_count);
  if (self->phase == PHASE_HANDSHAKE) {
    shake_hands (self);
  } else if (self->phase == PHASE_EXCHANGE && medley_http_exchange_wants_input (self->exchange)) {
    medley_http_exchange_on_readable (self->exchange);
  } else if (!fill (self, self->phase == PHASE_LINGER)) {
    medley_http_connection_close (self);
  } else if (self->phase == PHASE_HEAD) {
    process_head (self);
  }
  medley_http_connection_update (self);
  connection_unref (self);
  /* Without effect where the source was destroyed above. */
  return G_SOURCE_CONTINUE;
}

static gboolean
on_broken (int fd, GIOCondition condition, gpointer data)
{
  medley_http_connection_close (data);
  return G_SOURCE_REMOVE;
}

/* A client that shuts down its sending side may still wait for the answer; one that has closed both
 * does not. */
static void
watch_for_break (MedleyHttpConnection *self, gboolean wanted)
{
  if (!wanted) {
    clear_source (&self->broken);
    return;
  }
  if (self->broken != NULL || self->socket == NULL)
    return;
  self->broken = g_unix_fd_source_new (g_socket_get_fd (self->socket), G_IO_HUP | G_IO_ERR);
  g_source_set_callback (self->broken, G_SOURCE_FUNC (on_broken), self, NULL);
  g_source_attach (self->broken, NULL);
}

void
medley_http_connection_update (MedleyHttpConnection *self)
{
  gboolean wanted = FALSE;

  switch (self->phase) {
  case PHASE_HANDSHAKE:
    wanted = self->writable == NULL;
    break;
  case PHASE_HEAD:
    wanted = !self->waits;
    break;
  case PHASE_LINGER:
    wanted = TRUE;
    break;
  case PHASE_EXCHANGE:
    /* Once the body is read, readable means: gone, or the next request ahead of time. */
    wanted = medley_http_exchange_wants_input (self->exchange)
             || (medley_http_exchange_body_is_done (self->exchange)
                 && self->received->len < MAX_AHEAD);
    break;
  case PHASE_CLOSED:
    return;
  }
  watch_for_break (self, !wanted && self->phase == PHASE_EXCHANGE
                             && medley_http_exchange_is_held (self->exchange));
  if (!wanted) {
    clear_source (&self->readable);
  } else if (self->readable == NULL) {
    self->readable = g_pollable_input_stream_create_source (self->input, NULL);
    g_source_set_callback (self->readable, G_SOURCE_FUNC (on_readable), self, NULL);
    g_source_attach (self->readable, NULL);
  }
}

static gboolean
on_writable (GObject *stream, gpointer data)
{
  MedleyHttpConnection *self = data;

  g_clear_pointer (&self->writable, g_source_unref);
  g_ref_count_inc (&self->ref_count);
  if (self->phase == PHASE_HANDSHAKE) {
    shake_hands (self);
    medley_http_connection_update (self);
  } else {
    medley_http_exchange_on_writable (self->exchange);
  }
  connection_unref (self);
  return G_SOURCE_REMOVE;
}

void
medley_http_connection_wait_writable (MedleyHttpConnection *self)
{
  if (self->writable != NULL || self->phase == PHASE_CLOSED)
    return;
  self->writable = g_pollable_output_stream_create_source (self->output, NULL);
  g_source_set_callback (self->writable, G_SOURCE_FUNC (on_writable), self, NULL);
  g_source_attach (self->writable, NULL);
}

static void
arm_timer (MedleyHttpConnection *self)
{
  gint64 first = -1;

  for (guint i = 0; i < G_N_ELEMENTS (self->deadlines); i++) {
    if (self->deadlines[i] != 0 && (first < 0 || self->deadlines[i] < first))
      first = self->deadlines[i];
  }
  if (self->timer != NULL)
    g_source_set_ready_time (self->timer, first);
}

void
medley_http_connection_set_deadline (MedleyHttpConnection *self, int which, guint seconds)
{
  self->deadlines[which]
      = seconds == 0 ? 0 : g_get_monotonic_time () + (gint64) seconds * G_USEC_PER_SEC;
  arm_timer (self);
}

static void
expire (MedleyHttpConnection *self)
{
  gint64 now = g_get_monotonic_time ();
  gint64 reading = self->deadlines[MEDLEY_HTTP_READ_DEADLINE];
  gint64 writing = self->deadlines[MEDLEY_HTTP_WRITE_DEADLINE];

  if (writing != 0 && writing <= now) {
    medley_http_connection_close (self);
  } else if (reading != 0 && reading <= now) {
    self->deadlines[MEDLEY_HTTP_READ_DEADLINE] = 0;
    if (self->phase == PHASE_EXCHANGE)
      medley_http_exchange_on_read_deadline (self->exchange);
    else
      medley_http_connection_close (self);
  }
  arm_timer (self);
}

static gboolean
on_timer (gpointer data)
{
  MedleyHttpConnection *self = data;

  g_ref_count_inc (&self->ref_count);
  expire (self);
  connection_unref (self);
  return G_SOURCE_CONTINUE;
}

static gboolean
dispatch_timer (GSource *source, GSourceFunc callback, gpointer data)
{
  g_source_set_ready_time (source, -1);
  return callback (data);
}

static GSourceFuncs timer_funcs = { NULL, NULL, dispatch_timer, NULL };

static void
begin_exchange (MedleyHttpConnection *self, MedleyHttpRequest *request)
{
  self->phase = PHASE_EXCHANGE;
  self->checked = 0;
  medley_http_connection_set_deadline (self, MEDLEY_HTTP_READ_DEADLINE, 0);
  self->exchange = medley_http_exchange_new (self, request);
}

static void
refuse (MedleyHttpConnection *self, guint status, const GError *error)
{
  g_autoptr (MedleyHttpExchange) exchange = NULL;

  begin_exchange (self, NULL);
  exchange = medley_http_exchange_ref (self->exchange);
  self->traits->refuse (exchange, status, error, self->traits->data);
}

static void
take_stream (MedleyHttpConnection *self, GIOStream *stream)
{
  GSocketConnection *base = NULL;

  if (MEDLEY_IS_TLS_STREAM (stream))
    base = medley_tls_stream_get_base (MEDLEY_TLS_STREAM (stream));
  else if (G_IS_SOCKET_CONNECTION (stream))
    base = G_SOCKET_CONNECTION (stream);
  clear_source (&self->readable);
  g_set_object (&self->stream, stream);
  self->socket = base != NULL ? g_socket_connection_get_socket (base) : NULL;
  self->input = G_POLLABLE_INPUT_STREAM (g_io_stream_get_input_stream (stream));
  self->output = G_POLLABLE_OUTPUT_STREAM (g_io_stream_get_output_stream (stream));
}

/* In plain words, since it speaks them. */
static void
refuse_plain (MedleyHttpConnection *self)
{
  MedleyTlsStream *tls = MEDLEY_TLS_STREAM (self->stream);
  g_autoptr (GIOStream) base = G_IO_STREAM (g_object_ref (medley_tls_stream_get_base (tls)));
  g_autoptr (GError) error
      = g_error_new_literal (MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                             "this port speaks TLS; the address begins with https://");

  take_stream (self, base);
  refuse (self, 400, error);
}

static void
shake_hands (MedleyHttpConnection *self)
{
  switch (medley_tls_stream_handshake (MEDLEY_TLS_STREAM (self->stream))) {
  case MEDLEY_TLS_DONE:
    self->phase = PHASE_HEAD;
    medley_http_connection_set_deadline (self, MEDLEY_HTTP_READ_DEADLINE,
                                         self->traits->header_timeout);
    break;
  case MEDLEY_TLS_WANTS_WRITE:
    clear_source (&self->readable);
    medley_http_connection_wait_writable (self);
    break;
  case MEDLEY_TLS_IS_PLAIN:
    refuse_plain (self);
    break;
  case MEDLEY_TLS_FAILED:
    medley_http_connection_close (self);
    break;
  case MEDLEY_TLS_WANTS_READ:
  default:
    break;
  }
}

static gboolean
has_too_many_fields (MedleyHttpConnection *self, gsize length)
{
  guint n = 0;

  for (gsize i = 0; i < length; i++)
    n += self->received->data[i] == '\n' ? 1 : 0;
  /* The request line and the empty one are none. */
  return n > self->traits->header_fields + 2;
}

static void
process_head (MedleyHttpConnection *self)
{
  g_autoptr (MedleyHttpExchange) exchange = NULL;
  g_autoptr (GError) error = NULL;
  MedleyHttpRequest *request;
  gboolean malformed;
  gsize length;
  guint status;

  /* A line end or two before a request are to be forgiven (RFC 9112, 2.2). */
  while (self->received->len >= 2 && self->received->data[0] == '\r'
         && self->received->data[1] == '\n') {
    g_byte_array_remove_range (self->received, 0, 2);
    self->checked = 0;
  }
  length = medley_http_head_length (self->received->data, self->received->len, &self->checked,
                                    &malformed);
  if (malformed) {
    g_set_error (&error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "a line of the request does not end in CRLF, or it has a NUL");
    refuse (self, 400, error);
    return;
  }
  if (MAX (length, length == 0 ? self->received->len : 0) > self->traits->header_bytes) {
    g_set_error (&error, MEDLEY_ERROR, MEDLEY_ERROR_TOO_LARGE,
                 "the request's header is longer than %" G_GSIZE_FORMAT
                 " bytes (http.header-bytes)",
                 self->traits->header_bytes);
    refuse (self, 431, error);
    return;
  }
  if (length == 0)
    return;
  if (has_too_many_fields (self, length)) {
    g_set_error (&error, MEDLEY_ERROR, MEDLEY_ERROR_TOO_LARGE,
                 "the request's header has more than %u fields (http.header-fields)",
                 self->traits->header_fields);
    refuse (self, 431, error);
    return;
  }
  request
      = medley_http_request_parse ((const char *) self->received->data, length, &status, &error);
  if (request == NULL) {
    refuse (self, status, error);
    return;
  }
  g_byte_array_remove_range (self->received, 0, (guint) length);
  if (self->received->len == 0) {
    /* It would keep the size of the longest head. */
    g_byte_array_unref (self->received);
    self->received = g_byte_array_new ();
  }
  begin_exchange (self, request);
  exchange = medley_http_exchange_ref (self->exchange);
  self->traits->dispatch (exchange, self->traits->data);
}

void
medley_http_connection_go_on (MedleyHttpConnection *self)
{
  g_ref_count_inc (&self->ref_count);
  self->waits = FALSE;
  if (self->phase == PHASE_HEAD && self->received->len > 0)
    process_head (self);
  medley_http_connection_update (self);
  connection_unref (self);
}

static void
linger (MedleyHttpConnection *self)
{
  self->phase = PHASE_LINGER;
  if (MEDLEY_IS_TLS_STREAM (self->stream))
    medley_tls_stream_shutdown (MEDLEY_TLS_STREAM (self->stream));
  else if (self->socket != NULL)
    g_socket_shutdown (self->socket, FALSE, TRUE, NULL);
  g_byte_array_set_size (self->received, 0);
  medley_http_connection_set_deadline (self, MEDLEY_HTTP_READ_DEADLINE, LINGER_SECONDS);
  medley_http_connection_update (self);
}

void
medley_http_connection_exchange_done (MedleyHttpConnection *self, gboolean keep, gboolean lingering)
{
  g_autoptr (MedleyHttpExchange) exchange = g_steal_pointer (&self->exchange);

  g_ref_count_inc (&self->ref_count);
  clear_source (&self->writable);
  medley_http_connection_set_deadline (self, MEDLEY_HTTP_WRITE_DEADLINE, 0);
  if (keep) {
    self->phase = PHASE_HEAD;
    medley_http_connection_set_deadline (self, MEDLEY_HTTP_READ_DEADLINE,
                                         self->traits->header_timeout);
    /* Not right here: a client that pipelines thousands of requests would grow our stack, and
     * keep others waiting. */
    self->waits = self->received->len > 0;
    medley_http_connection_update (self);
    if (self->waits)
      self->traits->wait (self, self->traits->data);
  } else if (lingering) {
    linger (self);
  } else {
    medley_http_connection_close (self);
  }
  tell_answered (self, exchange);
  connection_unref (self);
}

MedleyHttpConnection *
medley_http_connection_start (GIOStream *stream, gboolean is_local, const char *client,
                              const MedleyHttpTraits *traits)
{
  MedleyHttpConnection *self = g_new0 (MedleyHttpConnection, 1);

  g_ref_count_init (&self->ref_count);
  take_stream (self, stream);
  self->phase = MEDLEY_IS_TLS_STREAM (stream) ? PHASE_HANDSHAKE : PHASE_HEAD;
  self->traits = traits;
  self->client = g_strdup (client);
  self->is_local = is_local;
  self->received = g_byte_array_new ();
  self->timer = g_source_new (&timer_funcs, sizeof (GSource));
  g_source_set_callback (self->timer, on_timer, self, NULL);
  g_source_attach (self->timer, NULL);
  medley_http_connection_set_deadline (self, MEDLEY_HTTP_READ_DEADLINE,
                                       self->phase == PHASE_HANDSHAKE ? traits->handshake_timeout
                                                                      : traits->header_timeout);
  medley_http_connection_update (self);
  return self;
}

gint64
medley_http_connection_get_patience (MedleyHttpConnection *self)
{
  return self->phase != PHASE_EXCHANGE ? self->deadlines[MEDLEY_HTTP_READ_DEADLINE] : 0;
}

GPollableInputStream *
medley_http_connection_get_input (MedleyHttpConnection *self)
{
  return self->input;
}

GPollableOutputStream *
medley_http_connection_get_output (MedleyHttpConnection *self)
{
  return self->output;
}

int
medley_http_connection_get_socket (MedleyHttpConnection *self)
{
  return self->socket != NULL && !MEDLEY_IS_TLS_STREAM (self->stream)
             ? g_socket_get_fd (self->socket)
             : -1;
}

const MedleyHttpTraits *
medley_http_connection_get_traits (MedleyHttpConnection *self)
{
  return self->traits;
}

gboolean
medley_http_connection_is_encrypted (MedleyHttpConnection *self)
{
  return MEDLEY_IS_TLS_STREAM (self->stream);
}

gboolean
medley_http_connection_is_local (MedleyHttpConnection *self)
{
  return self->is_local;
}

const char *
medley_http_connection_get_client (MedleyHttpConnection *self)
{
  return self->client;
}

MedleyHttpExchange *
medley_http_connection_get_exchange (MedleyHttpConnection *self)
{
  return self->exchange;
}

GByteArray *
medley_http_connection_get_received (MedleyHttpConnection *self)
{
  return self->received;
}
