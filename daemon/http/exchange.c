/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/exchange.h"

#include <medley/medley-error.h>

#include "http/exchange-private.h"

#define READ_SIZE (64 * 1024)

MedleyHttpExchange *
medley_http_exchange_new (MedleyHttpConnection *connection, MedleyHttpRequest *request)
{
  MedleyHttpExchange *self = g_new0 (MedleyHttpExchange, 1);

  g_ref_count_init (&self->ref_count);
  self->connection = connection;
  self->request = request;
  self->start = g_get_monotonic_time ();
  self->file = -1;
  self->headers = soup_message_headers_new (SOUP_MESSAGE_HEADERS_RESPONSE);
  medley_http_chunked_init (&self->chunked);
  medley_http_notes_init (&self->notes, request);
  if (request != NULL) {
    self->body_left = request->length;
    self->body_done = request->framing == MEDLEY_HTTP_BODY_NONE;
  }
  return self;
}

MedleyHttpExchange *
medley_http_exchange_ref (MedleyHttpExchange *self)
{
  g_ref_count_inc (&self->ref_count);
  return self;
}

void
medley_http_exchange_unref (MedleyHttpExchange *self)
{
  if (!g_ref_count_dec (&self->ref_count))
    return;
  g_clear_pointer (&self->request, medley_http_request_free);
  medley_http_notes_clear (&self->notes);
  soup_message_headers_unref (self->headers);
  g_free (self->client);
  g_clear_pointer (&self->head, g_bytes_unref);
  medley_http_exchange_drop_parts (self);
  g_free (self);
}

const MedleyHttpRequest *
medley_http_exchange_get_request (MedleyHttpExchange *self)
{
  return self->request;
}

MedleyHttpNotes *
medley_http_exchange_get_notes (MedleyHttpExchange *self)
{
  return &self->notes;
}

gboolean
medley_http_exchange_is_local (MedleyHttpExchange *self)
{
  return self->connection != NULL && medley_http_connection_is_local (self->connection);
}

gboolean
medley_http_exchange_is_encrypted (MedleyHttpExchange *self)
{
  return self->connection != NULL && medley_http_connection_is_encrypted (self->connection);
}

const char *
medley_http_exchange_get_client (MedleyHttpExchange *self)
{
  if (self->client != NULL)
    return self->client;
  return self->connection != NULL ? medley_http_connection_get_client (self->connection) : "";
}

void
medley_http_exchange_set_client (MedleyHttpExchange *self, const char *client)
{
  g_free (self->client);
  self->client = g_strdup (client);
}

const MedleyHttpGrant *
medley_http_exchange_get_grant (MedleyHttpExchange *self)
{
  return &self->grant;
}

void
medley_http_exchange_set_grant (MedleyHttpExchange *self, const MedleyHttpGrant *grant)
{
  self->grant = *grant;
}

gboolean
medley_http_exchange_is_over (MedleyHttpExchange *self)
{
  return self->connection == NULL;
}

void
medley_http_exchange_set_gone_func (MedleyHttpExchange *self, MedleyHttpGoneFunc func,
                                    gpointer data)
{
  self->gone_func = func;
  self->gone_data = data;
}

MedleyHttpConnection *
medley_http_exchange_leave (MedleyHttpExchange *self)
{
  self->read_func = NULL;
  self->wrote_func = NULL;
  self->gone_func = NULL;
  medley_http_exchange_drop_parts (self);
  return g_steal_pointer (&self->connection);
}

void
medley_http_exchange_on_gone (MedleyHttpExchange *self)
{
  MedleyHttpGoneFunc func = self->gone_func;

  medley_http_exchange_leave (self);
  if (func != NULL)
    func (self, self->gone_data);
}

void
medley_http_exchange_complete (MedleyHttpExchange *self)
{
  GByteArray *received = medley_http_connection_get_received (self->connection);
  gboolean keep;

  self->finished = TRUE;
  if (self->keep_reading && !self->end_told)
    return;
  /* A short body that nobody wanted is no reason to close. */
  if (!self->body_done && self->request != NULL && self->request->framing == MEDLEY_HTTP_BODY_LENGTH
      && self->body_left <= received->len) {
    g_byte_array_remove_range (received, 0, (guint) self->body_left);
    self->body_done = TRUE;
  }
  keep = self->keep && self->body_done;
  medley_http_connection_exchange_done (medley_http_exchange_leave (self), keep, !self->body_done);
}

/* Reading */

static void
deliver (MedleyHttpExchange *self, GBytes *bytes, const GError *error)
{
  MedleyHttpReadFunc func = g_steal_pointer (&self->read_func);

  medley_http_connection_set_deadline (self->connection, MEDLEY_HTTP_READ_DEADLINE, 0);
  medley_http_exchange_ref (self);
  if (error != NULL || g_bytes_get_size (bytes) == 0)
    self->end_told = TRUE;
  if (error == NULL)
    self->notes.bytes_in += g_bytes_get_size (bytes);
  func (self, bytes, error, self->read_data);
  if (self->connection != NULL && self->finished && self->end_told)
    medley_http_exchange_complete (self);
  else if (self->connection != NULL)
    medley_http_connection_update (self->connection);
  medley_http_exchange_unref (self);
}

/* Decodes what came in chunks. Returns: how much of it was used, -1 when it was delivered as an
 * error. */
static gssize
take_chunked (MedleyHttpExchange *self, const guint8 *data, gsize length, GByteArray *body)
{
  g_autoptr (GError) error = NULL;
  gssize used = medley_http_chunked_feed (&self->chunked, data, length, body, &error);

  if (used < 0) {
    self->keep = FALSE;
    deliver (self, NULL, error);
    return -1;
  }
  self->body_done = medley_http_chunked_is_done (&self->chunked);
  return used;
}

/* Delivers from the bytes that came with the head. Returns: whether something was delivered */
static gboolean
read_received (MedleyHttpExchange *self)
{
  GByteArray *received = medley_http_connection_get_received (self->connection);
  g_autoptr (GByteArray) body = g_byte_array_new ();
  g_autoptr (GBytes) bytes = NULL;

  if (self->body_done) {
    /* nothing more to take */
  } else if (received->len == 0) {
    return FALSE;
  } else if (self->upgraded) {
    g_byte_array_append (body, received->data, received->len);
    g_byte_array_set_size (received, 0);
  } else if (self->request->framing == MEDLEY_HTTP_BODY_LENGTH) {
    guint n = (guint) MIN (received->len, self->body_left);

    g_byte_array_append (body, received->data, n);
    g_byte_array_remove_range (received, 0, n);
    self->body_left -= n;
    self->body_done = self->body_left == 0;
  } else {
    gssize used = take_chunked (self, received->data, received->len, body);

    if (used < 0)
      return TRUE;
    g_byte_array_remove_range (received, 0, (guint) used);
    if (body->len == 0 && !self->body_done)
      return FALSE;
  }
  bytes = g_byte_array_free_to_bytes (g_steal_pointer (&body));
  deliver (self, bytes, NULL);
  return TRUE;
}

void
medley_http_exchange_read (MedleyHttpExchange *self, MedleyHttpReadFunc func, gpointer data)
{
  if (self->connection == NULL)
    return;
  g_return_if_fail (self->read_func == NULL);
  self->read_func = func;
  self->read_data = data;
  if (read_received (self))
    return;
  if (self->request->expects_continue && !self->continue_sent && !self->begun) {
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";

    /* Nothing else was written yet: it fits into the socket. */
    self->continue_sent = TRUE;
    g_pollable_output_stream_write_nonblocking (medley_http_connection_get_output (
                                                    self->connection),
                                                text, sizeof text - 1, NULL, NULL);
  }
  if (!self->upgraded)
    medley_http_connection_set_deadline (
        self->connection, MEDLEY_HTTP_READ_DEADLINE,
        medley_http_connection_get_traits (self->connection)->idle_timeout);
  medley_http_connection_update (self->connection);
}

void
medley_http_exchange_on_readable (MedleyHttpExchange *self)
{
  gboolean chunked = self->request->framing == MEDLEY_HTTP_BODY_CHUNKED;
  gsize size = chunked || self->upgraded ? READ_SIZE : MIN (READ_SIZE, self->body_left);
  g_autofree guint8 *buffer = g_malloc (size);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = NULL;
  gssize n;

  n = g_pollable_input_stream_read_nonblocking (medley_http_connection_get_input (self->connection),
                                                buffer, size, NULL, &error);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    return;
  if (n < 0 || (n == 0 && !self->upgraded)) {
    medley_http_connection_close (self->connection);
    return;
  }
  if (self->upgraded) {
    self->body_done = n == 0;
    bytes = g_bytes_new_take (g_steal_pointer (&buffer), (gsize) n);
  } else if (chunked) {
    g_autoptr (GByteArray) body = g_byte_array_sized_new ((guint) n);
    gssize used = take_chunked (self, buffer, (gsize) n, body);

    if (used < 0)
      return;
    g_byte_array_append (medley_http_connection_get_received (self->connection), buffer + used,
                         (guint) (n - used));
    if (body->len == 0 && !self->body_done)
      return;
    bytes = g_byte_array_free_to_bytes (g_steal_pointer (&body));
  } else {
    self->body_left -= (guint64) n;
    self->body_done = self->body_left == 0;
    bytes = g_bytes_new_take (g_steal_pointer (&buffer), (gsize) n);
  }
  deliver (self, bytes, NULL);
}

void
medley_http_exchange_on_read_deadline (MedleyHttpExchange *self)
{
  g_autoptr (GError) error = NULL;

  if (self->read_func == NULL)
    return;
  error = g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_TIMED_OUT,
                       "the request body paused for longer than %u seconds (http.idle-timeout)",
                       medley_http_connection_get_traits (self->connection)->idle_timeout);
  self->keep = FALSE;
  deliver (self, NULL, error);
}

gboolean
medley_http_exchange_wants_input (MedleyHttpExchange *self)
{
  return self->read_func != NULL;
}

void
medley_http_exchange_hold (MedleyHttpExchange *self, gboolean held)
{
  if (self->held == held || self->connection == NULL)
    return;
  self->held = held;
  medley_http_connection_update (self->connection);
}

gboolean
medley_http_exchange_is_held (MedleyHttpExchange *self)
{
  return self->held;
}

gboolean
medley_http_exchange_body_is_done (MedleyHttpExchange *self)
{
  return self->body_done;
}

void
medley_http_exchange_keep_reading (MedleyHttpExchange *self)
{
  self->keep_reading = TRUE;
}
