/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sys/sendfile.h>

#include "base/fd.h"
#include "http/exchange-private.h"

void
medley_http_exchange_drop_parts (MedleyHttpExchange *self)
{
  for (guint i = 0; i < self->n_parts; i++)
    g_clear_pointer (&self->parts[i], g_bytes_unref);
  self->n_parts = self->part = 0;
  self->offset = 0;
  medley_clear_fd (&self->file);
}

gint64
medley_http_exchange_get_start (MedleyHttpExchange *self)
{
  return self->start;
}

void
medley_http_exchange_set_begin_func (MedleyHttpExchange *self, MedleyHttpBeginFunc func)
{
  self->begin_func = func;
}

SoupMessageHeaders *
medley_http_exchange_get_headers (MedleyHttpExchange *self)
{
  return self->headers;
}

gboolean
medley_http_exchange_has_begun (MedleyHttpExchange *self)
{
  return self->begun;
}

static gboolean
is_head_request (MedleyHttpExchange *self)
{
  return self->request != NULL && g_str_equal (self->request->method, "HEAD");
}

static const char *
find_phrase (guint status)
{
  /* libsoup does not know them. */
  switch (status) {
  case 429:
    return "Too Many Requests";
  case 431:
    return "Request Header Fields Too Large";
  default:
    return soup_status_get_phrase (status);
  }
}

/* The head, with the header fields as they are, and the request's id. */
static void
make_head (MedleyHttpExchange *self, guint status)
{
  GString *head = g_string_new (NULL);
  SoupMessageHeadersIter iter;
  const char *name;
  const char *value;

  self->notes.status = status;
  soup_message_headers_replace (self->headers, MEDLEY_HTTP_REQUEST_ID, self->notes.id);
  g_string_append_printf (head, "HTTP/1.1 %u %s\r\n", status, find_phrase (status));
  soup_message_headers_iter_init (&iter, self->headers);
  while (soup_message_headers_iter_next (&iter, &name, &value))
    g_string_append_printf (head, "%s: %s\r\n", name, value);
  g_string_append (head, "\r\n");
  self->head = g_string_free_to_bytes (head);
}

static void
choose_framing (MedleyHttpExchange *self, guint status, gint64 length)
{
  gboolean is_old = self->request != NULL && self->request->is_http_1_0;

  if (length >= 0 && status != 204 && status != 304) {
    g_autofree char *text = g_strdup_printf ("%" G_GINT64_FORMAT, length);

    soup_message_headers_replace (self->headers, "Content-Length", text);
  }
  if (is_head_request (self) || status == 204 || status == 304) {
    self->framing = OUT_NOTHING;
  } else if (length >= 0) {
    self->framing = OUT_LENGTH;
    self->out_left = (guint64) length;
  } else {
    self->framing = is_old ? OUT_UNTIL_CLOSE : OUT_CHUNKED;
    if (!is_old)
      soup_message_headers_replace (self->headers, "Transfer-Encoding", "chunked");
  }
}

void
medley_http_exchange_begin (MedleyHttpExchange *self, guint status, gint64 length)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree char *date = soup_date_time_to_string (now, SOUP_DATE_HTTP);

  g_return_if_fail (!self->begun);
  self->begun = TRUE;
  if (self->begin_func != NULL)
    self->begin_func (self, status);
  choose_framing (self, status, length);
  /* After an error the rest of a long body is not worth reading. */
  self->keep = self->request != NULL && self->request->keep_alive
               && self->framing != OUT_UNTIL_CLOSE && (self->body_done || status < 400);
  soup_message_headers_replace (self->headers, "Date", date);
  if (!self->keep)
    soup_message_headers_replace (self->headers, "Connection", "close");
  else if (self->request->is_http_1_0)
    soup_message_headers_replace (self->headers, "Connection", "keep-alive");
  make_head (self, status);
}

static void
add_part (MedleyHttpExchange *self, GBytes *bytes)
{
  g_assert (self->n_parts < G_N_ELEMENTS (self->parts));
  self->parts[self->n_parts++] = bytes;
}

static void
wait_writable (MedleyHttpExchange *self)
{
  medley_http_connection_set_deadline (
      self->connection, MEDLEY_HTTP_WRITE_DEADLINE,
      medley_http_connection_get_traits (self->connection)->idle_timeout);
  medley_http_connection_wait_writable (self->connection);
}

/* Returns: whether all parts were written; else it goes on when there is room, or the connection is
 * gone. */
static gboolean
write_parts (MedleyHttpExchange *self)
{
  GPollableOutputStream *output = medley_http_connection_get_output (self->connection);

  while (self->part < self->n_parts) {
    GOutputVector vectors[G_N_ELEMENTS (self->parts)];
    gsize n = 0;
    gsize written = 0;

    for (guint i = self->part; i < self->n_parts; i++, n++) {
      gsize size;
      const guint8 *data = g_bytes_get_data (self->parts[i], &size);
      gsize skip = i == self->part ? self->offset : 0;

      vectors[n] = (GOutputVector){ data + skip, size - skip };
    }
    switch (
        g_pollable_output_stream_writev_nonblocking (output, vectors, n, &written, NULL, NULL)) {
    case G_POLLABLE_RETURN_OK:
      break;
    case G_POLLABLE_RETURN_WOULD_BLOCK:
      wait_writable (self);
      return FALSE;
    default:
      medley_http_connection_close (self->connection);
      return FALSE;
    }
    self->notes.bytes_out += written;
    for (written += self->offset; self->part < self->n_parts; self->part++) {
      gsize size = g_bytes_get_size (self->parts[self->part]);

      if (written < size)
        break;
      written -= size;
    }
    self->offset = written;
  }
  return TRUE;
}

/* The kernel takes it from the page cache: nothing is copied, and nothing kept here. */
static gboolean
write_file (MedleyHttpExchange *self)
{
  int socket = self->file_left > 0 ? medley_http_connection_get_socket (self->connection) : -1;

  while (self->file_left > 0) {
    off_t at = (off_t) self->file_at;
    gssize n = sendfile (socket, self->file, &at, self->file_left);

    if (n > 0) {
      self->notes.bytes_out += (guint64) n;
      self->file_at += (guint64) n;
      self->file_left -= (guint64) n;
    } else if (n < 0 && errno == EAGAIN) {
      wait_writable (self);
      return FALSE;
    } else if (n == 0 || errno != EINTR) {
      medley_http_connection_close (self->connection);
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean
write_all (MedleyHttpExchange *self)
{
  if (!write_parts (self) || !write_file (self))
    return FALSE;
  medley_http_connection_set_deadline (self->connection, MEDLEY_HTTP_WRITE_DEADLINE, 0);
  medley_http_exchange_drop_parts (self);
  return TRUE;
}

static gboolean
is_writing (MedleyHttpExchange *self)
{
  return self->n_parts > 0 || self->file >= 0;
}

static void
queue_end (MedleyHttpExchange *self)
{
  if (self->head != NULL)
    add_part (self, g_steal_pointer (&self->head));
  if (self->framing == OUT_CHUNKED)
    add_part (self, g_bytes_new_static ("0\r\n\r\n", 5));
}

static void
go_on (MedleyHttpExchange *self)
{
  MedleyHttpWroteFunc func;

  medley_http_exchange_ref (self);
  if (write_all (self)) {
    func = g_steal_pointer (&self->wrote_func);
    if (func != NULL)
      func (self, self->wrote_data);
    if (self->connection != NULL && self->finishing && !is_writing (self) && !self->finished) {
      queue_end (self);
      self->framing = OUT_NOTHING;
      if (write_all (self))
        medley_http_exchange_complete (self);
    }
  }
  medley_http_exchange_unref (self);
}

void
medley_http_exchange_on_writable (MedleyHttpExchange *self)
{
  go_on (self);
}

void
medley_http_exchange_write (MedleyHttpExchange *self, GBytes *bytes, MedleyHttpWroteFunc func,
                            gpointer data)
{
  gsize size = g_bytes_get_size (bytes);

  if (self->connection == NULL)
    return;
  g_return_if_fail (self->begun && !self->finishing && !is_writing (self) && size > 0);
  self->wrote_func = func;
  self->wrote_data = data;
  if (self->head != NULL)
    add_part (self, g_steal_pointer (&self->head));
  if (self->framing == OUT_CHUNKED) {
    g_autofree char *text = g_strdup_printf ("%" G_GSIZE_MODIFIER "x\r\n", size);

    add_part (self, g_bytes_new (text, strlen (text)));
    add_part (self, g_bytes_ref (bytes));
    add_part (self, g_bytes_new_static ("\r\n", 2));
  } else if (self->framing != OUT_NOTHING) {
    if (self->framing == OUT_LENGTH) {
      g_return_if_fail (size <= self->out_left);
      self->out_left -= size;
    }
    add_part (self, g_bytes_ref (bytes));
  }
  go_on (self);
}

gboolean
medley_http_exchange_can_send_file (MedleyHttpExchange *self)
{
  return self->connection != NULL && medley_http_connection_get_socket (self->connection) >= 0
         && (self->begun ? self->framing == OUT_LENGTH : !is_head_request (self));
}

void
medley_http_exchange_send_file (MedleyHttpExchange *self, int fd, guint64 offset, guint64 length,
                                MedleyHttpWroteFunc func, gpointer data)
{
  if (self->connection == NULL)
    return;
  g_return_if_fail (self->framing == OUT_LENGTH && !self->finishing && !is_writing (self));
  g_return_if_fail (length > 0 && length <= self->out_left);
  self->file = fcntl (fd, F_DUPFD_CLOEXEC, 3);
  if (self->file < 0) {
    medley_http_connection_close (self->connection);
    return;
  }
  self->file_at = offset;
  self->file_left = length;
  self->out_left -= length;
  self->wrote_func = func;
  self->wrote_data = data;
  if (self->head != NULL) {
    add_part (self, g_steal_pointer (&self->head));
    go_on (self);
  } else {
    /* Not right here: others have their turn between two pieces. */
    wait_writable (self);
  }
}

void
medley_http_exchange_upgrade (MedleyHttpExchange *self, MedleyHttpWroteFunc func, gpointer data)
{
  if (self->connection == NULL)
    return;
  g_return_if_fail (!self->begun && self->body_done);
  self->begun = TRUE;
  self->upgraded = TRUE;
  self->keep = FALSE;
  self->body_done = FALSE;
  self->framing = OUT_UNTIL_CLOSE;
  make_head (self, SOUP_STATUS_SWITCHING_PROTOCOLS);
  add_part (self, g_steal_pointer (&self->head));
  self->wrote_func = func;
  self->wrote_data = data;
  go_on (self);
}

void
medley_http_exchange_finish (MedleyHttpExchange *self)
{
  if (self->connection == NULL || self->finishing)
    return;
  g_return_if_fail (self->begun);
  if (self->framing == OUT_LENGTH && self->out_left > 0) {
    medley_http_exchange_abort (self);
    return;
  }
  self->finishing = TRUE;
  if (!is_writing (self))
    go_on (self);
}

void
medley_http_exchange_abort (MedleyHttpExchange *self)
{
  if (self->connection == NULL)
    return;
  self->gone_func = NULL;
  if (self->framing == OUT_UNTIL_CLOSE)
    medley_http_connection_reset (self->connection);
  else if (!self->body_done)
    /* Closing on what the client still sends would take back what it has not read yet. */
    medley_http_connection_exchange_done (medley_http_exchange_leave (self), FALSE, TRUE);
  else
    medley_http_connection_close (self->connection);
}

void
medley_http_exchange_respond (MedleyHttpExchange *self, guint status, const char *type,
                              GBytes *body)
{
  gsize size = body != NULL ? g_bytes_get_size (body) : 0;

  if (self->connection == NULL)
    return;
  medley_http_exchange_ref (self);
  if (type != NULL)
    soup_message_headers_replace (self->headers, "Content-Type", type);
  medley_http_exchange_begin (self, status, (gint64) size);
  if (size > 0)
    medley_http_exchange_write (self, body, NULL, NULL);
  medley_http_exchange_finish (self);
  medley_http_exchange_unref (self);
}
