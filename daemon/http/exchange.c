/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/exchange.h"

#include <errno.h>
#include <fcntl.h>
#include <medley/medley-error.h>
#include <sys/sendfile.h>

#include "base/fd.h"
#include "http/chunked.h"

#define READ_SIZE (64 * 1024)

typedef enum { OUT_NOTHING, OUT_LENGTH, OUT_CHUNKED, OUT_UNTIL_CLOSE } OutFraming;

struct _MedleyHttpExchange {
  grefcount ref_count;
  MedleyHttpConnection *connection; /* NULL when it is over */
  MedleyHttpRequest *request;
  char *client; /* NULL for the connection's */
  gint64 start;
  MedleyHttpBeginFunc begin_func;
  MedleyHttpNotes notes;
  MedleyHttpGoneFunc gone_func;
  gpointer gone_data;

  MedleyHttpChunked chunked;
  guint64 body_left;
  gboolean body_done;
  gboolean end_told;
  gboolean continue_sent;
  gboolean keep_reading;
  gboolean held;
  gboolean upgraded;
  MedleyHttpReadFunc read_func;
  gpointer read_data;

  SoupMessageHeaders *headers;
  gboolean begun;
  gboolean keep;
  gboolean finishing;
  gboolean finished;
  OutFraming framing;
  guint64 out_left;
  GBytes *head;
  GBytes *parts[4]; /* what is being written: head, size of a chunk, data, end of a chunk */
  guint n_parts;
  guint part;
  gsize offset; /* in the current part */
  int file;     /* what is sent after the parts, -1 for none */
  guint64 file_at;
  guint64 file_left;
  MedleyHttpWroteFunc wrote_func;
  gpointer wrote_data;
};

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

static void
drop_parts (MedleyHttpExchange *self)
{
  for (guint i = 0; i < self->n_parts; i++)
    g_clear_pointer (&self->parts[i], g_bytes_unref);
  self->n_parts = self->part = 0;
  self->offset = 0;
  medley_clear_fd (&self->file);
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
  drop_parts (self);
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

/* Nothing is called back from here on. */
static MedleyHttpConnection *
leave (MedleyHttpExchange *self)
{
  self->read_func = NULL;
  self->wrote_func = NULL;
  self->gone_func = NULL;
  drop_parts (self);
  return g_steal_pointer (&self->connection);
}

void
medley_http_exchange_on_gone (MedleyHttpExchange *self)
{
  MedleyHttpGoneFunc func = self->gone_func;

  leave (self);
  if (func != NULL)
    func (self, self->gone_data);
}

static void
complete (MedleyHttpExchange *self)
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
  medley_http_connection_exchange_done (leave (self), keep, !self->body_done);
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
    complete (self);
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

/* Writing */

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

/* The head, with the header fields as they are. */
static void
make_head (MedleyHttpExchange *self, guint status)
{
  GString *head = g_string_new (NULL);
  SoupMessageHeadersIter iter;
  const char *name;
  const char *value;

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
  self->notes.status = status;
  choose_framing (self, status, length);
  /* After an error the rest of a long body is not worth reading. */
  self->keep = self->request != NULL && self->request->keep_alive
               && self->framing != OUT_UNTIL_CLOSE && (self->body_done || status < 400);
  soup_message_headers_replace (self->headers, "Date", date);
  soup_message_headers_replace (self->headers, MEDLEY_HTTP_REQUEST_ID, self->notes.id);
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
  drop_parts (self);
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
        complete (self);
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
    medley_http_connection_exchange_done (leave (self), FALSE, TRUE);
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
