/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gio/gio.h>
#include <medley/medley-error.h>
#include <string.h>
#include <sys/socket.h>

#include "http/exchange.h"

/* A server's end and a client's end of one connection, and a server that answers as the test says.
 */
typedef struct {
  GSocket *client;
  MedleyHttpTraits traits;
  GString *got;    /* what the client has received */
  GString *body;   /* what the server has received as bodies */
  gboolean ended;  /* the client saw the end of the connection */
  gboolean closed; /* the server's connection is gone */
  gboolean body_end;
  gboolean is_gone;
  char *read_error;
  guint requests;
  MedleyHttpExchange *held;
  MedleyHttpConnection *waiting; /* for its turn */
  guint turn;
} Fixture;

static void
on_closed (MedleyHttpConnection *connection, gpointer data)
{
  Fixture *self = data;

  self->closed = TRUE;
  g_clear_handle_id (&self->turn, g_source_remove);
}

static gboolean
go_on (gpointer data)
{
  Fixture *self = data;

  self->turn = 0;
  medley_http_connection_go_on (self->waiting);
  return G_SOURCE_REMOVE;
}

static void
on_wait (MedleyHttpConnection *connection, gpointer data)
{
  Fixture *self = data;

  self->waiting = connection;
  self->turn = g_idle_add (go_on, self);
}

static void
on_refuse (MedleyHttpExchange *exchange, guint status, const GError *error, gpointer data)
{
  g_autoptr (GBytes) body = g_bytes_new (error->message, strlen (error->message));

  medley_http_exchange_respond (exchange, status, "text/plain", body);
}

static void
set_up (Fixture *self, gconstpointer dispatch)
{
  g_autoptr (GSocket) server = NULL;
  g_autoptr (GSocketConnection) stream = NULL;
  int pair[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
  server = g_socket_new_from_fd (pair[0], NULL);
  self->client = g_socket_new_from_fd (pair[1], NULL);
  g_socket_set_blocking (server, FALSE);
  g_socket_set_blocking (self->client, FALSE);
  self->got = g_string_new (NULL);
  self->body = g_string_new (NULL);
  self->traits = (MedleyHttpTraits){ .header_bytes = 4096,
                                     .header_fields = 20,
                                     .header_timeout = 30,
                                     .idle_timeout = 30,
                                     .dispatch = (gpointer) dispatch,
                                     .refuse = on_refuse,
                                     .wait = on_wait,
                                     .closed = on_closed,
                                     .data = self };
  stream = g_socket_connection_factory_create_connection (server);
  medley_http_connection_start (G_IO_STREAM (stream), TRUE, "uid:0", &self->traits);
}

static void
tear_down (Fixture *self, gconstpointer unused)
{
  g_socket_close (self->client, NULL);
  while (!self->closed)
    g_main_context_iteration (NULL, TRUE);
  g_clear_pointer (&self->held, medley_http_exchange_unref);
  g_object_unref (self->client);
  g_string_free (self->got, TRUE);
  g_string_free (self->body, TRUE);
  g_free (self->read_error);
}

static void
receive (Fixture *self)
{
  char buffer[65536];
  gssize n;

  while ((n = g_socket_receive (self->client, buffer, sizeof buffer, NULL, NULL)) > 0)
    g_string_append_len (self->got, buffer, n);
  if (n == 0)
    self->ended = TRUE;
}

static void
send_text (Fixture *self, const char *text)
{
  g_assert_cmpint (g_socket_send (self->client, text, strlen (text), NULL, NULL), ==,
                   (gssize) strlen (text));
}

static gboolean
on_tick (gpointer data)
{
  return G_SOURCE_CONTINUE;
}

/* Turns the loop until the client has got a text, or @flag is set. */
static void
wait_for (Fixture *self, const char *text, const gboolean *flag)
{
  guint tick = g_timeout_add (5, on_tick, NULL);
  gint64 deadline = g_get_monotonic_time () + 20 * G_USEC_PER_SEC;

  while (!(text != NULL && strstr (self->got->str, text) != NULL) && !(flag != NULL && *flag)) {
    g_main_context_iteration (NULL, TRUE);
    receive (self);
    if (g_get_monotonic_time () > deadline)
      g_error ("waited in vain for \"%s\"; got: %s", text, self->got->str);
  }
  g_source_remove (tick);
}

/* Answers each piece of the body at once. */

static void
on_echo (MedleyHttpExchange *exchange, GBytes *bytes, const GError *error, gpointer data);

static void
on_echo_wrote (MedleyHttpExchange *exchange, gpointer data)
{
  medley_http_exchange_read (exchange, on_echo, data);
}

static void
on_echo (MedleyHttpExchange *exchange, GBytes *bytes, const GError *error, gpointer data)
{
  Fixture *self = data;

  if (error != NULL) {
    self->read_error = g_strdup (error->message);
    medley_http_exchange_abort (exchange);
    return;
  }
  if (g_bytes_get_size (bytes) == 0) {
    if (!medley_http_exchange_has_begun (exchange))
      medley_http_exchange_begin (exchange, 200, 0);
    medley_http_exchange_finish (exchange);
    return;
  }
  if (!medley_http_exchange_has_begun (exchange))
    medley_http_exchange_begin (exchange, 200, -1);
  medley_http_exchange_write (exchange, bytes, on_echo_wrote, data);
}

static void
on_gone (MedleyHttpExchange *exchange, gpointer data)
{
  ((Fixture *) data)->is_gone = TRUE;
}

static void
echo (MedleyHttpExchange *exchange, gpointer data)
{
  ((Fixture *) data)->requests++;
  medley_http_exchange_set_gone_func (exchange, on_gone, data);
  medley_http_exchange_read (exchange, on_echo, data);
}

/* Answers with the path, without looking at a body. */
static void
tell_path (MedleyHttpExchange *exchange, gpointer data)
{
  Fixture *self = data;
  const char *path = medley_http_exchange_get_request (exchange)->path;
  g_autoptr (GBytes) body = g_bytes_new (path, strlen (path));

  self->requests++;
  medley_http_exchange_respond (exchange, g_str_has_prefix (path, "/bad") ? 413 : 200, "text/plain",
                                body);
}

/* Answers when the test wants. */
static void
hold (MedleyHttpExchange *exchange, gpointer data)
{
  Fixture *self = data;

  self->requests++;
  self->held = medley_http_exchange_ref (exchange);
  medley_http_exchange_set_gone_func (exchange, on_gone, data);
}

static void
test_answers_while_uploading (Fixture *self, gconstpointer unused)
{
  /* Head and first piece in one packet; the second only after the first was answered. */
  send_text (self, "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
  wait_for (self, "\r\n\r\n3\r\none\r\n", NULL);
  g_assert_nonnull (strstr (self->got->str, "HTTP/1.1 200 OK\r\n"));
  g_assert_nonnull (strstr (self->got->str, "Transfer-Encoding: chunked\r\n"));
  send_text (self, "3\r\ntwo\r\n");
  wait_for (self, "3\r\ntwo\r\n", NULL);
  send_text (self, "0\r\n\r\n");
  wait_for (self, "\r\n0\r\n\r\n", NULL);
  /* The connection serves again. */
  g_string_truncate (self->got, 0);
  send_text (self, "POST /y HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
  wait_for (self, "\r\n0\r\n\r\n", NULL);
  g_assert_nonnull (strstr (self->got->str, "5\r\nhello\r\n"));
  g_assert_cmpuint (self->requests, ==, 2);
  g_assert_false (self->is_gone);
}

static void
test_continue (Fixture *self, gconstpointer unused)
{
  send_text (self,
             "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  wait_for (self, "HTTP/1.1 100 Continue\r\n\r\n", NULL);
  send_text (self, "one");
  wait_for (self, "3\r\none\r\n0\r\n\r\n", NULL);
}

static void
test_old_client (Fixture *self, gconstpointer unused)
{
  send_text (self, "POST /x HTTP/1.0\r\nContent-Length: 3\r\n\r\none");
  wait_for (self, NULL, &self->ended);
  g_assert_null (strstr (self->got->str, "chunked"));
  g_assert_true (g_str_has_suffix (self->got->str, "\r\n\r\none"));
}

static void
test_malformed_chunk (Fixture *self, gconstpointer unused)
{
  send_text (
      self, "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\nzzz\r\n");
  wait_for (self, NULL, &self->ended);
  g_assert_nonnull (strstr (self->read_error, "chunk size"));
  g_assert_null (strstr (self->got->str, "\r\n0\r\n\r\n"));
}

static void
test_client_leaves_in_body (Fixture *self, gconstpointer unused)
{
  send_text (self, "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
  wait_for (self, "one", NULL);
  g_socket_close (self->client, NULL);
  wait_for (self, NULL, &self->closed);
  g_assert_true (self->is_gone);
}

static void
test_client_leaves_in_silence (Fixture *self, gconstpointer unused)
{
  send_text (self, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  while (self->held == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_false (self->is_gone);
  g_socket_close (self->client, NULL);
  wait_for (self, NULL, &self->is_gone);
  g_assert_true (medley_http_exchange_is_over (self->held));
  /* An answer that comes too late hurts nobody. */
  medley_http_exchange_respond (self->held, 200, NULL, NULL);
}

static void
test_pipelining (Fixture *self, gconstpointer unused)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < 500; i++)
    g_string_append_printf (text, "GET /r%u HTTP/1.1\r\nHost: a\r\n\r\n", i);
  send_text (self, text->str);
  wait_for (self, "/r499", NULL);
  g_assert_cmpuint (self->requests, ==, 500);
  g_assert_true (strstr (self->got->str, "/r17HTTP/") < strstr (self->got->str, "/r18HTTP/"));
}

static void
test_refused_upload (Fixture *self, gconstpointer unused)
{
  g_autofree char *junk = g_strnfill (100000, 'x');
  guint sent = 0;
  gint64 deadline = g_get_monotonic_time () + 20 * G_USEC_PER_SEC;

  /* The server answers without reading; a client that only reads after it has sent must get there.
   */
  send_text (self, "POST /bad HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\n");
  while (sent < 20000000 && g_get_monotonic_time () < deadline) {
    gssize n = g_socket_send (self->client, junk, MIN (100000, 20000000 - sent), NULL, NULL);

    if (n > 0)
      sent += (guint) n;
    g_main_context_iteration (NULL, FALSE);
  }
  g_assert_cmpuint (sent, ==, 20000000);
  wait_for (self, "/bad", NULL);
  g_assert_nonnull (strstr (self->got->str, "HTTP/1.1 413 "));
  g_assert_nonnull (strstr (self->got->str, "Connection: close\r\n"));
  wait_for (self, NULL, &self->ended);
}

static void
test_unwanted_short_body (Fixture *self, gconstpointer unused)
{
  send_text (self, "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /b "
                   "HTTP/1.1\r\nHost: a\r\n\r\n");
  wait_for (self, "/b", NULL);
  g_assert_cmpuint (self->requests, ==, 2);
}

static void
test_bad_heads (Fixture *self, gconstpointer text)
{
  self->traits.dispatch = tell_path;
  send_text (self, text);
  wait_for (self, NULL, &self->ended);
  g_assert_cmpuint (self->requests, ==, 0);
  g_assert_true (g_str_has_prefix (self->got->str, "HTTP/1.1 400 "));
}

static void
test_long_head (Fixture *self, gconstpointer unused)
{
  g_autofree char *junk = g_strnfill (5000, 'x');
  g_autofree char *text = g_strconcat ("GET / HTTP/1.1\r\nX: ", junk, NULL);

  send_text (self, text);
  wait_for (self, NULL, &self->ended);
  g_assert_true (g_str_has_prefix (self->got->str, "HTTP/1.1 431 "));
}

static void
test_head_has_no_body (Fixture *self, gconstpointer unused)
{
  send_text (self, "HEAD /path HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  wait_for (self, NULL, &self->ended);
  g_assert_nonnull (strstr (self->got->str, "Content-Length: 5\r\n"));
  g_assert_true (g_str_has_suffix (self->got->str, "\r\n\r\n"));
}

/* A client that does not read stops the server from writing, and costs no memory. */
static void
on_flood_wrote (MedleyHttpExchange *exchange, gpointer data)
{
  Fixture *self = data;
  g_autofree char *junk = g_strnfill (65536, 'y');
  g_autoptr (GBytes) bytes = g_bytes_new (junk, 65536);

  if (self->requests++ < 1000)
    medley_http_exchange_write (exchange, bytes, on_flood_wrote, data);
  else
    medley_http_exchange_finish (exchange);
}

static void
flood (MedleyHttpExchange *exchange, gpointer data)
{
  medley_http_exchange_begin (exchange, 200, 1000 * 65536);
  on_flood_wrote (exchange, data);
}

static void
test_back_pressure (Fixture *self, gconstpointer unused)
{
  guint before;

  send_text (self, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  for (guint i = 0; i < 100; i++)
    g_main_context_iteration (NULL, FALSE);
  before = self->requests;
  g_assert_cmpuint (before, >, 0);
  g_assert_cmpuint (before, <, 100);
  while (self->got->len < 1000 * 65536)
    wait_for (self, NULL, (const gboolean[]){ TRUE }), g_main_context_iteration (NULL, FALSE),
        receive (self);
  g_assert_cmpuint (self->requests, ==, 1001);
}

#define ADD(Name, Dispatch, Test)                                                                  \
  g_test_add ("/http/exchange/" Name, Fixture, Dispatch, set_up, Test, tear_down)

static void
set_up_for_bad_head (Fixture *self, gconstpointer unused)
{
  set_up (self, tell_path);
}

int
main (int argc, char **argv)
{
  static const char *const bad[] = { "GET / HTTP/1.1\nHost: a\n\n", "\n", "GET / HTTP/1.1\r\n\r\n",
                                     "hello\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n" };

  g_test_init (&argc, &argv, NULL);
  ADD ("answers-while-the-body-is-sent", echo, test_answers_while_uploading);
  ADD ("continues-on-request", echo, test_continue);
  ADD ("http-1.0-ends-by-closing", echo, test_old_client);
  ADD ("malformed-chunk", echo, test_malformed_chunk);
  ADD ("client-leaves-in-the-body", echo, test_client_leaves_in_body);
  ADD ("client-leaves-in-silence", hold, test_client_leaves_in_silence);
  ADD ("pipelining", tell_path, test_pipelining);
  ADD ("refused-upload-gets-its-answer", tell_path, test_refused_upload);
  ADD ("unwanted-short-body", tell_path, test_unwanted_short_body);
  ADD ("long-head", tell_path, test_long_head);
  ADD ("head-has-no-body", tell_path, test_head_has_no_body);
  ADD ("slow-reader-stops-the-writer", flood, test_back_pressure);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autofree char *name = g_strdup_printf ("/http/exchange/bad-head/%u", i);

    g_test_add (name, Fixture, bad[i], set_up_for_bad_head, test_bad_heads, tear_down);
  }
  return g_test_run ();
}
