/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <medley/medley-error.h>

#define BACKLOG 512
/* What the kernel holds of an answer that has not left yet; else it would take megabytes for each
 * client that reads slowly. What is on its way does not count: fast clients far away lose nothing.
 */
#define MAX_UNSENT (256 * 1024)

struct _MedleyHttpListener {
  MedleyConfig *config;
  GSocketService *service;
  MedleyHttpAcceptFunc func;
  gpointer data;
  char *socket_path;
  gboolean has_socket; /* the file is ours */
  int lock;
  guint16 port;
};

static gboolean
on_incoming (GSocketService *service, GSocketConnection *connection, GObject *source,
             MedleyHttpListener *self)
{
  GSocket *socket = g_socket_connection_get_socket (connection);
  gboolean is_local = g_socket_get_family (socket) == G_SOCKET_FAMILY_UNIX;

  g_socket_set_blocking (socket, FALSE);
  /* What is written is written whole: waiting for more would only delay the first bytes. */
  if (!is_local) {
    g_socket_set_option (socket, IPPROTO_TCP, TCP_NODELAY, 1, NULL);
    g_socket_set_option (socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, MAX_UNSENT, NULL);
  }
  self->func (connection, is_local, self->data);
  return TRUE;
}

MedleyHttpListener *
medley_http_listener_new (MedleyConfig *config, MedleyHttpAcceptFunc func, gpointer data)
{
  MedleyHttpListener *self = g_new0 (MedleyHttpListener, 1);

  self->config = g_object_ref (config);
  self->func = func;
  self->data = data;
  self->lock = -1;
  self->service = g_socket_service_new ();
  /* A place that is added while it accepts has it drop who was just accepted elsewhere. */
  g_socket_service_stop (self->service);
  /* Before any socket is added: those that listen already cannot be told. */
  g_socket_listener_set_backlog (G_SOCKET_LISTENER (self->service), BACKLOG);
  g_signal_connect (self->service, "incoming", G_CALLBACK (on_incoming), self);
  return self;
}

void
medley_http_listener_begin (MedleyHttpListener *self)
{
  g_socket_service_start (self->service);
}

void
medley_http_listener_free (MedleyHttpListener *self)
{
  g_signal_handlers_disconnect_by_data (self->service, self);
  g_socket_service_stop (self->service);
  g_socket_listener_close (G_SOCKET_LISTENER (self->service));
  g_object_unref (self->service);
  if (self->has_socket)
    g_unlink (self->socket_path);
  if (self->lock >= 0)
    g_close (self->lock, NULL);
  g_free (self->socket_path);
  g_object_unref (self->config);
  g_free (self);
}

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
lock_socket (MedleyHttpListener *self, GError **error)
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

gboolean
medley_http_listener_open_socket (MedleyHttpListener *self, GError **error)
{
  const char *path = medley_config_get_path (self->config, "http.socket");
  g_autofree char *folder = g_path_get_dirname (path);
  g_autoptr (GSocketAddress) address = NULL;
  g_autoptr (GSocket) socket = NULL;

  if (*path == '\0')
    return TRUE;
  self->socket_path = g_strdup (path);
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
check_address (GInetAddress *address, const char *name, gboolean is_guarded, GError **error)
{
  if (address == NULL)
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG,
                 "http.address: \"%s\" is no address, such as 127.0.0.1, ::1 or 0.0.0.0", name);
  else if (!g_inet_address_get_is_loopback (address) && !is_guarded)
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG,
                 "http.address: %s can be reached from other machines, which needs TLS "
                 "(http.tls-certificate and http.tls-key) and tokens (http.authentication=token); "
                 "127.0.0.1 and ::1 cannot",
                 name);
  else
    return TRUE;
  return FALSE;
}

gboolean
medley_http_listener_open_tcp (MedleyHttpListener *self, gboolean is_guarded, GError **error)
{
  const char *name = medley_config_get_string (self->config, "http.address");
  guint16 port = (guint16) medley_config_get_number (self->config, "http.port");
  g_autoptr (GInetAddress) inet
      = g_inet_address_new_from_string (g_str_equal (name, "localhost") ? "127.0.0.1" : name);
  g_autoptr (GSocketAddress) address = NULL;
  g_autoptr (GSocketAddress) effective = NULL;
  g_autoptr (GError) failure = NULL;

  if (!check_address (inet, name, is_guarded, error))
    return FALSE;
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

guint16
medley_http_listener_get_port (MedleyHttpListener *self)
{
  return self->port;
}

char *
medley_http_listener_describe (MedleyHttpListener *self, gboolean is_tls)
{
  const char *name = medley_config_get_string (self->config, "http.address");
  gboolean is_v6 = strchr (name, ':') != NULL;
  g_autoptr (GString) where = g_string_new (NULL);

  if (self->socket_path != NULL)
    g_string_append_printf (where, "unix:%s", self->socket_path);
  if (self->port != 0)
    g_string_append_printf (where, "%s%s://%s%s%s:%u", where->len > 0 ? ", " : "",
                            is_tls ? "https" : "http", is_v6 ? "[" : "", name, is_v6 ? "]" : "",
                            self->port);
  if (where->len == 0)
    g_string_append (where, "off: http.socket is empty and http.tcp is false");
  return g_string_free (g_steal_pointer (&where), FALSE);
}
