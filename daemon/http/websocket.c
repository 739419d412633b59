/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/websocket.h"

#include <medley/medley-error.h>
#include <string.h>

#define VERSION "13"
#define PING_SECONDS 20
/* Pings without an answer after which the other side is taken for gone. */
#define LOST_PINGS 3
/* For the other side's close frame. */
#define CLOSE_SECONDS 5
/* More is not read while so much waits to be sent: who asks has to listen. */
#define MAX_WAITING (64 * 1024)

struct _MedleyWebsocket {
  MedleyHttpExchange *exchange;
  MedleyWebsocketReader *reader;
  const MedleyWebsocketFuncs *funcs;
  gpointer data;

  gboolean wants_input;
  gboolean reading; /* a read is under way */
  gboolean taking;  /* what was received is being worked off */
  GByteArray *received;
  guint idle; /* source that goes on with it */

  GByteArray *waiting; /* frames to be sent */
  gboolean has_pong;   /* the newest ping wins: they cost no memory */
  guint8 pong[125];
  gsize n_pong;
  gboolean writing;
  gboolean wrote; /* since the owner was last told */
  gboolean pumping;

  gboolean gone;
  gboolean close_sent;
  gboolean close_received;
  guint close_code; /* what the end is told with */
  guint close_source;
  guint ping_source;
  guint pings;
  gint64 last_heard;
};

static void
pump (MedleyWebsocket *self);
static void
take (MedleyWebsocket *self);

/* Calls the owner for the last time, who frees it: from sources of our own only, so that nothing up
 * the stack still needs it. */
static void
end (MedleyWebsocket *self)
{
  self->funcs->closed (self->close_code, self->data);
}

static void
go_on_later (MedleyWebsocket *self);

void
medley_websocket_free (MedleyWebsocket *self)
{
  medley_http_exchange_set_gone_func (self->exchange, NULL, NULL);
  if (!medley_http_exchange_is_over (self->exchange))
    medley_http_exchange_abort (self->exchange);
  medley_http_exchange_unref (self->exchange);
  medley_websocket_reader_free (self->reader);
  g_byte_array_unref (self->received);
  g_byte_array_unref (self->waiting);
  g_clear_handle_id (&self->idle, g_source_remove);
  g_clear_handle_id (&self->close_source, g_source_remove);
  g_clear_handle_id (&self->ping_source, g_source_remove);
  g_free (self);
}

static void
finish (MedleyWebsocket *self)
{
  medley_http_exchange_set_gone_func (self->exchange, NULL, NULL);
  medley_http_exchange_finish (self->exchange);
  end (self);
}

static void
break_off (MedleyWebsocket *self)
{
  medley_http_exchange_set_gone_func (self->exchange, NULL, NULL);
  medley_http_exchange_abort (self->exchange);
  self->gone = TRUE;
  go_on_later (self);
}

static gboolean
on_close_timeout (gpointer data)
{
  MedleyWebsocket *self = data;

  self->close_source = 0;
  if (self->writing)
    break_off (self);
  else
    finish (self);
  return G_SOURCE_REMOVE;
}

static void
on_gone (MedleyHttpExchange *exchange, gpointer data)
{
  MedleyWebsocket *self = data;

  self->gone = TRUE;
  go_on_later (self);
}

/* Writing */

static void
on_wrote (MedleyHttpExchange *exchange, gpointer data)
{
  MedleyWebsocket *self = data;

  self->writing = FALSE;
  self->wrote = TRUE;
  if (!self->pumping)
    pump (self);
}

static gboolean
on_idle (gpointer data)
{
  MedleyWebsocket *self = data;

  self->idle = 0;
  if (self->gone)
    end (self);
  else if (self->close_sent && self->close_received && !self->writing && self->waiting->len == 0)
    finish (self);
  else
    take (self);
  return G_SOURCE_REMOVE;
}

static void
go_on_later (MedleyWebsocket *self)
{
  if (self->idle == 0)
    self->idle = g_idle_add_full (G_PRIORITY_DEFAULT, on_idle, self, NULL);
}

static void
pump (MedleyWebsocket *self)
{
  if (self->pumping)
    return;
  self->pumping = TRUE;
  while (!self->writing && !self->gone) {
    g_autoptr (GBytes) bytes = NULL;

    if (self->has_pong)
      medley_websocket_append (self->waiting, MEDLEY_WEBSOCKET_PONG, self->pong, self->n_pong);
    self->has_pong = FALSE;
    if (self->waiting->len == 0) {
      if (!self->wrote || self->close_sent)
        break;
      self->wrote = FALSE;
      self->funcs->writable (self->data);
      continue;
    }
    bytes = g_byte_array_free_to_bytes (g_steal_pointer (&self->waiting));
    self->waiting = g_byte_array_new ();
    self->writing = TRUE;
    medley_http_exchange_write (self->exchange, bytes, on_wrote, self);
  }
  self->pumping = FALSE;
  /* Reading may have waited for this, and so does the end. */
  if (!self->reading || self->close_sent)
    go_on_later (self);
}

void
medley_websocket_send_text (MedleyWebsocket *self, const char *text)
{
  if (self->close_sent)
    return;
  medley_websocket_append (self->waiting, MEDLEY_WEBSOCKET_TEXT, text, strlen (text));
  pump (self);
}

void
medley_websocket_send_binary (MedleyWebsocket *self, GBytes *bytes)
{
  gsize size;
  const void *data = g_bytes_get_data (bytes, &size);

  if (self->close_sent)
    return;
  medley_websocket_append (self->waiting, MEDLEY_WEBSOCKET_BINARY, data, size);
  pump (self);
}

gboolean
medley_websocket_is_idle (MedleyWebsocket *self)
{
  return !self->writing && self->waiting->len == 0 && !self->close_sent;
}

void
medley_websocket_close (MedleyWebsocket *self, guint code, const char *reason)
{
  if (self->close_sent)
    return;
  self->close_sent = TRUE;
  if (!self->close_received)
    self->close_code = code;
  medley_websocket_append_close (self->waiting, code, reason);
  self->close_source = g_timeout_add_seconds (CLOSE_SECONDS, on_close_timeout, self);
  pump (self);
}

gboolean
medley_websocket_is_closing (MedleyWebsocket *self)
{
  return self->close_sent || self->close_received;
}

/* Reading */

static void
handle (MedleyWebsocket *self, const MedleyWebsocketEvent *event)
{
  switch (event->opcode) {
  case MEDLEY_WEBSOCKET_TEXT:
    if (!self->close_sent)
      self->funcs->text ((const char *) event->data, event->length, self->data);
    break;
  case MEDLEY_WEBSOCKET_BINARY:
    if (!self->close_sent)
      self->funcs->binary (event->data, event->length, event->is_end, self->data);
    break;
  case MEDLEY_WEBSOCKET_PING:
    if (self->close_sent)
      break;
    self->has_pong = TRUE;
    self->n_pong = event->length;
    memcpy (self->pong, event->data, event->length);
    pump (self);
    break;
  case MEDLEY_WEBSOCKET_CLOSE:
    self->close_received = TRUE;
    if (!self->close_sent)
      self->close_code = event->code;
    /* The answer has the same status (RFC 6455, 5.5.1). */
    medley_websocket_close (self, event->code, NULL);
    break;
  case MEDLEY_WEBSOCKET_PONG:
    break;
  }
}

static gboolean
may_take (MedleyWebsocket *self)
{
  return (self->wants_input || self->close_sent) && !self->close_received
         && self->waiting->len < MAX_WAITING;
}

static void
on_read (MedleyHttpExchange *exchange, GBytes *bytes, const GError *error, gpointer data)
{
  MedleyWebsocket *self = data;
  gsize size = bytes != NULL ? g_bytes_get_size (bytes) : 0;

  self->reading = FALSE;
  self->last_heard = g_get_monotonic_time ();
  self->pings = 0;
  if (size == 0) {
    break_off (self);
    return;
  }
  g_byte_array_append (self->received, g_bytes_get_data (bytes, NULL), (guint) size);
  if (!self->taking)
    take (self);
}

/* Works off what was received, then reads more. */
static void
take (MedleyWebsocket *self)
{
  guint at = 0;

  if (self->taking || self->gone)
    return;
  self->taking = TRUE;
  while (at < self->received->len && may_take (self)) {
    g_autoptr (GError) error = NULL;
    MedleyWebsocketEvent event;
    guint code;
    gssize used = medley_websocket_reader_feed (self->reader, self->received->data + at,
                                                self->received->len - at, &event, &code, &error);

    if (used < 0) {
      /* Nothing that follows can be understood. */
      self->close_received = TRUE;
      self->close_code = code;
      medley_websocket_close (self, code, error->message);
      break;
    }
    at += (guint) used;
    if (event.opcode != 0)
      handle (self, &event);
  }
  g_byte_array_remove_range (self->received, 0, at);
  self->taking = FALSE;
  medley_http_exchange_hold (self->exchange, !may_take (self) && !self->close_received);
  if (!self->reading && self->received->len == 0 && may_take (self) && !self->gone) {
    self->reading = TRUE;
    medley_http_exchange_read (self->exchange, on_read, self);
  }
}

void
medley_websocket_set_reading (MedleyWebsocket *self, gboolean reading)
{
  if (self->wants_input == reading)
    return;
  self->wants_input = reading;
  if (reading)
    go_on_later (self);
}

gint64
medley_websocket_get_last_heard (MedleyWebsocket *self)
{
  return self->last_heard;
}

static gboolean
on_ping (gpointer data)
{
  MedleyWebsocket *self = data;

  if (self->close_sent)
    return G_SOURCE_CONTINUE;
  /* While we do not read we do not hear either. */
  if (self->reading && ++self->pings > LOST_PINGS) {
    self->ping_source = 0;
    break_off (self);
    return G_SOURCE_REMOVE;
  }
  if (self->waiting->len == 0) {
    medley_websocket_append (self->waiting, MEDLEY_WEBSOCKET_PING, NULL, 0);
    pump (self);
  }
  return G_SOURCE_CONTINUE;
}

static void
on_answered (MedleyHttpExchange *exchange, gpointer data)
{
  MedleyWebsocket *self = data;

  self->writing = FALSE;
  go_on_later (self);
}

MedleyWebsocket *
medley_websocket_open (MedleyHttpExchange *exchange, gsize max_text, guint64 max_binary,
                       const MedleyWebsocketFuncs *funcs, gpointer data)
{
  MedleyWebsocket *self = g_new0 (MedleyWebsocket, 1);

  self->exchange = medley_http_exchange_ref (exchange);
  self->reader = medley_websocket_reader_new (max_text, max_binary);
  self->funcs = funcs;
  self->data = data;
  self->received = g_byte_array_new ();
  self->waiting = g_byte_array_new ();
  self->wants_input = TRUE;
  self->close_code = MEDLEY_WEBSOCKET_NO_STATUS;
  self->last_heard = g_get_monotonic_time ();
  self->ping_source = g_timeout_add_seconds (PING_SECONDS, on_ping, self);
  self->writing = TRUE;
  medley_http_exchange_set_gone_func (exchange, on_gone, self);
  medley_http_exchange_upgrade (exchange, on_answered, self);
  return self;
}

/* Handshake */

static gboolean
lists (const char *header, const char *wanted)
{
  return header != NULL && soup_header_contains (header, wanted);
}

guint
medley_websocket_handshake (MedleyHttpExchange *exchange, const char *protocol, GError **error)
{
  const MedleyHttpRequest *request = medley_http_exchange_get_request (exchange);
  SoupMessageHeaders *headers = medley_http_exchange_get_headers (exchange);
  const char *version = medley_http_request_get_header (request, "Sec-WebSocket-Version");
  const char *protocols = medley_http_request_get_header (request, "Sec-WebSocket-Protocol");
  g_autofree char *accept
      = medley_websocket_accept_key (medley_http_request_get_header (request, "Sec-WebSocket-Key"));
  const char *fault = NULL;
  guint status = 400;

  if (!g_str_equal (request->method, "GET") || request->is_http_1_0
      || request->framing != MEDLEY_HTTP_BODY_NONE
      || !lists (medley_http_request_get_header (request, "Upgrade"), "websocket")
      || !lists (medley_http_request_get_header (request, "Connection"), "upgrade")) {
    status = 426;
    fault = "this is a WebSocket: send GET over HTTP/1.1 with \"Connection: Upgrade\" and "
            "\"Upgrade: websocket\"";
  } else if (g_strcmp0 (version, VERSION) != 0) {
    status = 426;
    fault = "Sec-WebSocket-Version has to be " VERSION;
  } else if (accept == NULL) {
    fault = "Sec-WebSocket-Key is not 16 bytes in base64";
  } else if (protocols != NULL && !lists (protocols, protocol)) {
    fault = "none of the subprotocols in Sec-WebSocket-Protocol is spoken here";
  }
  if (fault != NULL) {
    if (status == 426) {
      soup_message_headers_replace (headers, "Upgrade", "websocket");
      soup_message_headers_replace (headers, "Sec-WebSocket-Version", VERSION);
    }
    g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT, fault);
    return status;
  }
  soup_message_headers_replace (headers, "Upgrade", "websocket");
  soup_message_headers_replace (headers, "Connection", "Upgrade");
  soup_message_headers_replace (headers, "Sec-WebSocket-Accept", accept);
  if (protocols != NULL)
    soup_message_headers_replace (headers, "Sec-WebSocket-Protocol", protocol);
  return SOUP_STATUS_SWITCHING_PROTOCOLS;
}
