/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/http.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/error.h"
#include "http/access.h"
#include "http/exchange.h"
#include "http/openai/problem.h"
#include "http/problem.h"
#include "http/routes.h"

#define BACKLOG 512

struct _MedleyHttp {
  GObject parent;
  MedleyJobManager *manager;
  MedleyConfig *config;
  GSocketService *service;
  MedleyHttpTraits traits;
  GHashTable *connections;
  guint max_connections;
  char *socket_path;
  gboolean has_socket; /* the file is ours */
  int lock;
  guint16 port;
  MedleyHttpAccess *access;
  GSourceOnceFunc settled; /* NULL unless somebody waits for the last answer */
  gpointer settled_data;
  guint settle_source;
  guint settle_limit;
};

G_DEFINE_FINAL_TYPE (MedleyHttp, medley_http, G_TYPE_OBJECT)

MedleyJobManager *
medley_http_get_manager (MedleyHttp *self)
{
  return self->manager;
}

MedleyConfig *
medley_http_get_config (MedleyHttp *self)
{
  return self->config;
}

guint16
medley_http_get_port (MedleyHttp *self)
{
  return self->port;
}

/* Requests */

static void
answer_without_route (MedleyHttpExchange *exchange, const char *allow)
{
  const MedleyHttpRequest *request = medley_http_exchange_get_request (exchange);
  g_autoptr (GError) error = NULL;

  if (allow != NULL)
    soup_message_headers_replace (medley_http_exchange_get_headers (exchange), "Allow", allow);
  if (allow != NULL && g_str_equal (request->method, "OPTIONS")) {
    medley_http_exchange_respond (exchange, 204, NULL, NULL);
  } else if (allow != NULL) {
    g_set_error (&error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT, "%s does not take %s, but %s",
                 request->path, request->method, allow);
    medley_http_respond_problem (exchange, error, 405, NULL);
  } else {
    g_set_error (&error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_FOUND, "there is no route %s",
                 request->path);
    medley_http_respond_problem (exchange, error, 0, NULL);
  }
}

static void
dispatch (MedleyHttpExchange *exchange, gpointer data)
{
  MedleyHttp *self = data;
  const MedleyHttpRequest *request = medley_http_exchange_get_request (exchange);
  g_auto (GStrv) params = NULL;
  g_autofree char *allow = NULL;
  g_autoptr (GError) error = NULL;
  const MedleyHttpRoute *route
      = medley_http_route_find (request->method, request->segments, &params, &allow);

  soup_message_headers_replace (medley_http_exchange_get_headers (exchange), "Server",
                                "medley/" MEDLEY_VERSION);
  if (medley_openai_owns (request))
    medley_openai_tell_time (exchange);
  if (!medley_http_access_check (self->access, exchange,
                                 route != NULL ? (MedleyScope) route->scope : MEDLEY_SCOPE_READ,
                                 &error)
      || (route != NULL && !medley_http_route_check_query (route, request, &error)))
    medley_http_respond_problem (exchange, error, 0, NULL);
  else if (route == NULL)
    answer_without_route (exchange, allow);
  else
    route->handler (self, exchange, (const char *const *) params);
}

static void
refuse (MedleyHttpExchange *exchange, guint status, const GError *error, gpointer data)
{
  soup_message_headers_replace (medley_http_exchange_get_headers (exchange), "Server",
                                "medley/" MEDLEY_VERSION);
  medley_http_respond_problem (exchange, error, status, NULL);
}

/* Connections */

static void
on_closed (MedleyHttpConnection *connection, gpointer data)
{
  MedleyHttp *self = data;

  g_hash_table_remove (self->connections, connection);
}

static gboolean
is_busy (MedleyHttp *self)
{
  GHashTableIter iter;
  gpointer connection;

  g_hash_table_iter_init (&iter, self->connections);
  while (g_hash_table_iter_next (&iter, &connection, NULL)) {
    if (medley_http_connection_get_patience (connection) == 0)
      return TRUE;
  }
  return FALSE;
}

static void
settle (MedleyHttp *self)
{
  GSourceOnceFunc settled = g_steal_pointer (&self->settled);

  g_clear_handle_id (&self->settle_source, g_source_remove);
  g_clear_handle_id (&self->settle_limit, g_source_remove);
  settled (self->settled_data);
}

static gboolean
look_whether_settled (gpointer data)
{
  MedleyHttp *self = data;

  self->settle_source = 0;
  if (!is_busy (self))
    settle (self);
  return G_SOURCE_REMOVE;
}

static gboolean
give_up_settling (gpointer data)
{
  MedleyHttp *self = data;

  self->settle_limit = 0;
  settle (self);
  return G_SOURCE_REMOVE;
}

/* From an idle source: whoever waits will drop the face, and with it the connection that tells. */
static void
on_answered (gpointer data)
{
  MedleyHttp *self = data;

  if (self->settled != NULL && self->settle_source == 0)
    self->settle_source = g_idle_add_full (G_PRIORITY_DEFAULT, look_whether_settled, self, NULL);
}

void
medley_http_settle (MedleyHttp *self, guint seconds, GSourceOnceFunc settled, gpointer data)
{
  g_return_if_fail (self->settled == NULL);
  self->settled = settled;
  self->settled_data = data;
  self->settle_limit = g_timeout_add_seconds (seconds, give_up_settling, self);
  on_answered (self);
}

static char *
name_client (GSocketConnection *stream, gboolean is_local)
{
  g_autoptr (GCredentials) credentials = NULL;

  if (is_local)
    credentials = g_socket_get_credentials (g_socket_connection_get_socket (stream), NULL);
  if (credentials == NULL)
    return g_strdup ("tcp");
  return g_strdup_printf ("uid:%d", (int) g_credentials_get_unix_user (credentials, NULL));
}

/* Who has lost a token keeps nothing that it opened, such as a stream of events. */
static void
on_access_changed (gpointer data)
{
  MedleyHttp *self = data;
  g_autoptr (GList) all = g_hash_table_get_keys (self->connections);

  for (GList *l = all; l != NULL; l = l->next) {
    if (g_hash_table_contains (self->connections, l->data)
        && !medley_http_access_is_valid (self->access, medley_http_connection_get_user (l->data)))
      medley_http_connection_close (l->data);
  }
}

/* Who only holds a place gives it to who comes: the one that waits longest. */
static gboolean
make_room (MedleyHttp *self)
{
  MedleyHttpConnection *oldest = NULL;
  gint64 first = G_MAXINT64;
  GHashTableIter iter;
  gpointer connection;

  if (g_hash_table_size (self->connections) < self->max_connections)
    return TRUE;
  g_hash_table_iter_init (&iter, self->connections);
  while (g_hash_table_iter_next (&iter, &connection, NULL)) {
    gint64 patience = medley_http_connection_get_patience (connection);

    if (patience > 0 && patience < first) {
      first = patience;
      oldest = connection;
    }
  }
  if (oldest != NULL)
    medley_http_connection_close (oldest);
  return oldest != NULL;
}

static gboolean
on_incoming (GSocketService *service, GSocketConnection *stream, GObject *source, MedleyHttp *self)
{
  static const char full[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n"
                             "Content-Length: 0\r\nConnection: close\r\n\r\n";
  GSocket *socket = g_socket_connection_get_socket (stream);
  gboolean is_local = g_socket_get_family (socket) == G_SOCKET_FAMILY_UNIX;
  g_autofree char *client = NULL;

  g_socket_set_blocking (socket, FALSE);
  if (!make_room (self)) {
    g_socket_send (socket, full, sizeof full - 1, NULL, NULL);
    g_io_stream_close (G_IO_STREAM (stream), NULL, NULL);
    return TRUE;
  }
  /* What is written is written whole: waiting for more would only delay the first bytes. */
  if (!is_local)
    g_socket_set_option (socket, IPPROTO_TCP, TCP_NODELAY, 1, NULL);
  client = name_client (stream, is_local);
  g_hash_table_add (self->connections, medley_http_connection_start (G_IO_STREAM (stream), is_local,
                                                                     client, &self->traits));
  return TRUE;
}

/* Listening */

static gboolean
fail_errno (GError **error, const char *what, const char *path)
{
  int code = errno;

  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_IO, "%s %s: %s", what, path, g_strerror (code));
  return FALSE;
}

static gboolean
make_folder (const char *path, GError **error)
{
  return g_mkdir_with_parents (path, 0700) == 0
         || fail_errno (error, "cannot make the folder", path);
}

/* Whoever holds the lock owns the socket: what stands in its place is stale. */
static gboolean
lock_socket (MedleyHttp *self, GError **error)
{
  g_autofree char *path = g_strconcat (self->socket_path, ".lock", NULL);

  self->lock = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (self->lock < 0)
    return fail_errno (error, "cannot open", path);
  if (flock (self->lock, LOCK_EX | LOCK_NB) == 0)
    return TRUE;
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
               "another daemon listens on %s; stop it, or set http.socket", self->socket_path);
  return FALSE;
}

static gboolean
remove_stale (const char *path, GError **error)
{
  struct stat status;

  if (lstat (path, &status) != 0)
    return errno == ENOENT || fail_errno (error, "cannot look at", path);
  if (!S_ISSOCK (status.st_mode)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG,
                 "http.socket: %s is there already and is no socket", path);
    return FALSE;
  }
  return unlink (path) == 0 || fail_errno (error, "cannot remove the stale socket", path);
}

static gboolean
listen_unix (MedleyHttp *self, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (self->socket_path);
  g_autoptr (GSocketAddress) address = NULL;
  g_autoptr (GSocket) socket = NULL;

  if (!make_folder (folder, error) || !lock_socket (self, error)
      || !remove_stale (self->socket_path, error))
    return FALSE;
  socket
      = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, error);
  if (socket == NULL)
    return FALSE;
  address = g_unix_socket_address_new (self->socket_path);
  g_socket_set_listen_backlog (socket, BACKLOG);
  /* Linux makes the socket's file with this mode: there is no moment at which others could connect.
   */
  if (fchmod (g_socket_get_fd (socket), 0600) != 0)
    return fail_errno (error, "cannot restrict", self->socket_path);
  self->has_socket = g_socket_bind (socket, address, FALSE, error);
  if (!self->has_socket || !g_socket_listen (socket, error)
      || !g_socket_listener_add_socket (G_SOCKET_LISTENER (self->service), socket, NULL, error)) {
    g_prefix_error (error, "http.socket %s: ", self->socket_path);
    return FALSE;
  }
  return TRUE;
}

static gboolean
listen_tcp (MedleyHttp *self, GError **error)
{
  const char *name = medley_config_get_string (self->config, "http.address");
  guint16 port = (guint16) medley_config_get_number (self->config, "http.port");
  g_autoptr (GInetAddress) inet
      = g_inet_address_new_from_string (g_str_equal (name, "localhost") ? "127.0.0.1" : name);
  g_autoptr (GSocketAddress) address = NULL;
  g_autoptr (GSocketAddress) effective = NULL;
  g_autoptr (GError) failure = NULL;

  if (inet == NULL || !g_inet_address_get_is_loopback (inet)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG,
                 "http.address: \"%s\" is no loopback address; 127.0.0.1 and ::1 are", name);
    return FALSE;
  }
  address = g_inet_socket_address_new (inet, port);
  if (!g_socket_listener_add_address (G_SOCKET_LISTENER (self->service), address,
                                      G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, NULL,
                                      &effective, &failure)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
                 "cannot listen on http.address %s, http.port %u: %s", name, port,
                 failure->message);
    return FALSE;
  }
  self->port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (effective));
  return TRUE;
}

static void
tell_face (MedleyHttp *self)
{
  const char *name = medley_config_get_string (self->config, "http.address");
  g_autoptr (GString) where = g_string_new (NULL);

  if (self->socket_path != NULL)
    g_string_append_printf (where, "unix:%s", self->socket_path);
  if (self->port != 0)
    g_string_append_printf (where,
                            strchr (name, ':') != NULL ? "%shttp://[%s]:%u" : "%shttp://%s:%u",
                            where->len > 0 ? ", " : "", name, self->port);
  medley_job_manager_set_face (self->manager, "http",
                               where->len > 0 ? where->str
                                              : "off: http.socket is empty and http.tcp is false");
}

static gboolean
start (MedleyHttp *self, GError **error)
{
  const char *path = medley_config_get_path (self->config, "http.socket");

  self->traits = (MedleyHttpTraits){
    .header_bytes = medley_config_get_number (self->config, "http.header-bytes"),
    .header_timeout = (guint) medley_config_get_number (self->config, "http.header-timeout"),
    .idle_timeout = (guint) medley_config_get_number (self->config, "http.idle-timeout"),
    .dispatch = dispatch,
    .refuse = refuse,
    .closed = on_closed,
    .answered = on_answered,
    .data = self,
  };
  self->max_connections = (guint) medley_config_get_number (self->config, "http.connections");
  self->service = g_socket_service_new ();
  /* Before any socket is added: those that listen already cannot be told. */
  g_socket_listener_set_backlog (G_SOCKET_LISTENER (self->service), BACKLOG);
  g_signal_connect (self->service, "incoming", G_CALLBACK (on_incoming), self);
  if (*path != '\0') {
    self->socket_path = g_strdup (path);
    if (!listen_unix (self, error))
      return FALSE;
  }
  /* Not before the socket is ours: another daemon may have its token there. */
  self->access = medley_http_access_new (self->config, error);
  if (self->access == NULL)
    return FALSE;
  medley_http_access_set_changed_func (self->access, on_access_changed, self);
  if (medley_config_get_boolean (self->config, "http.tcp") && !listen_tcp (self, error))
    return FALSE;
  tell_face (self);
  return TRUE;
}

static void
medley_http_dispose (GObject *object)
{
  MedleyHttp *self = MEDLEY_HTTP (object);

  if (self->service != NULL) {
    g_signal_handlers_disconnect_by_data (self->service, self);
    g_socket_service_stop (self->service);
    g_socket_listener_close (G_SOCKET_LISTENER (self->service));
    g_clear_object (&self->service);
  }
  if (self->connections != NULL) {
    g_autoptr (GList) all = g_hash_table_get_keys (self->connections);

    for (GList *l = all; l != NULL; l = l->next)
      medley_http_connection_close (l->data);
    g_clear_pointer (&self->connections, g_hash_table_unref);
  }
  self->settled = NULL;
  g_clear_handle_id (&self->settle_source, g_source_remove);
  g_clear_handle_id (&self->settle_limit, g_source_remove);
  if (self->has_socket)
    g_unlink (self->socket_path);
  self->has_socket = FALSE;
  g_clear_pointer (&self->socket_path, g_free);
  g_clear_pointer (&self->access, medley_http_access_free);
  if (self->lock >= 0)
    g_close (self->lock, NULL);
  self->lock = -1;
  g_clear_object (&self->manager);
  g_clear_object (&self->config);
  G_OBJECT_CLASS (medley_http_parent_class)->dispose (object);
}

static void
medley_http_class_init (MedleyHttpClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = medley_http_dispose;
}

static void
medley_http_init (MedleyHttp *self)
{
  self->lock = -1;
  self->connections = g_hash_table_new (NULL, NULL);
}

MedleyHttp *
medley_http_new (MedleyJobManager *manager, GError **error)
{
  g_autoptr (MedleyHttp) self = g_object_new (MEDLEY_TYPE_HTTP, NULL);

  self->manager = g_object_ref (manager);
  self->config = g_object_ref (medley_job_manager_get_config (manager));
  if (!start (self, error))
    return NULL;
  return g_steal_pointer (&self);
}
