/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/crowd.h"

#include <string.h>

typedef struct {
  char *name;
  guint n_connections;
} Peer;

struct _MedleyHttpCrowd {
  GHashTable *connections; /* connection → Peer */
  GHashTable *peers;       /* name → Peer, as long as it has connections */
  GQueue waiting;          /* connections whose next request is there */
  guint turn;              /* source */
  guint most;
  guint most_per_peer;
};

static void
peer_free (gpointer data)
{
  Peer *peer = data;

  g_free (peer->name);
  g_free (peer);
}

MedleyHttpCrowd *
medley_http_crowd_new (guint most, guint most_per_peer)
{
  MedleyHttpCrowd *self = g_new0 (MedleyHttpCrowd, 1);

  self->connections = g_hash_table_new (NULL, NULL);
  self->peers = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, peer_free);
  self->most = most;
  self->most_per_peer = most_per_peer;
  return self;
}

void
medley_http_crowd_free (MedleyHttpCrowd *self)
{
  g_clear_handle_id (&self->turn, g_source_remove);
  g_queue_clear (&self->waiting);
  g_hash_table_unref (self->connections);
  g_hash_table_unref (self->peers);
  g_free (self);
}

static char *
name_address (GInetAddress *address)
{
  static const guint8 mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
  const guint8 *bytes = g_inet_address_to_bytes (address);
  gboolean is_v6 = g_inet_address_get_family (address) == G_SOCKET_FAMILY_IPV6;

  if (is_v6 && memcmp (bytes, mapped, sizeof mapped) == 0) {
    bytes += sizeof mapped;
    is_v6 = FALSE;
  }
  if (g_inet_address_get_is_loopback (address) || (!is_v6 && bytes[0] == 127))
    return g_strdup ("loopback");
  if (!is_v6)
    return g_strdup_printf ("%u.%u.%u.%u", bytes[0], bytes[1], bytes[2], bytes[3]);
  return g_strdup_printf ("%02x%02x:%02x%02x:%02x%02x:%02x%02x::/64", bytes[0], bytes[1], bytes[2],
                          bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]);
}

char *
medley_http_peer_name (GSocketConnection *connection)
{
  GSocket *socket = g_socket_connection_get_socket (connection);
  g_autoptr (GCredentials) credentials = NULL;
  g_autoptr (GSocketAddress) address = NULL;

  if (g_socket_get_family (socket) == G_SOCKET_FAMILY_UNIX) {
    credentials = g_socket_get_credentials (socket, NULL);
    if (credentials == NULL)
      return g_strdup ("unknown");
    return g_strdup_printf ("uid:%d", (int) g_credentials_get_unix_user (credentials, NULL));
  }
  address = g_socket_connection_get_remote_address (connection, NULL);
  if (!G_IS_INET_SOCKET_ADDRESS (address))
    return g_strdup ("unknown");
  return name_address (g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (address)));
}

/* @peer: (nullable): whose; NULL for anybody's */
static MedleyHttpConnection *
find_idlest (MedleyHttpCrowd *self, Peer *peer)
{
  MedleyHttpConnection *idlest = NULL;
  gint64 first = G_MAXINT64;
  GHashTableIter iter;
  gpointer connection;
  gpointer its_peer;

  g_hash_table_iter_init (&iter, self->connections);
  while (g_hash_table_iter_next (&iter, &connection, &its_peer)) {
    gint64 patience = medley_http_connection_get_patience (connection);

    if (patience > 0 && patience < first && (peer == NULL || its_peer == peer)) {
      first = patience;
      idlest = connection;
    }
  }
  return idlest;
}

gboolean
medley_http_crowd_make_room (MedleyHttpCrowd *self, const char *name)
{
  Peer *peer = g_hash_table_lookup (self->peers, name);
  gboolean has_its_share = peer != NULL && peer->n_connections >= self->most_per_peer;
  MedleyHttpConnection *idlest;

  if (!has_its_share && g_hash_table_size (self->connections) < self->most)
    return TRUE;
  idlest = find_idlest (self, has_its_share ? peer : NULL);
  if (idlest != NULL)
    medley_http_connection_close (idlest);
  return idlest != NULL;
}

void
medley_http_crowd_add (MedleyHttpCrowd *self, MedleyHttpConnection *connection, const char *name)
{
  Peer *peer = g_hash_table_lookup (self->peers, name);

  if (peer == NULL) {
    peer = g_new0 (Peer, 1);
    peer->name = g_strdup (name);
    g_hash_table_insert (self->peers, peer->name, peer);
  }
  peer->n_connections++;
  g_hash_table_insert (self->connections, connection, peer);
}

void
medley_http_crowd_remove (MedleyHttpCrowd *self, MedleyHttpConnection *connection)
{
  Peer *peer = g_hash_table_lookup (self->connections, connection);

  g_hash_table_remove (self->connections, connection);
  g_queue_remove (&self->waiting, connection);
  if (peer != NULL && --peer->n_connections == 0)
    g_hash_table_remove (self->peers, peer->name);
}

static gboolean
on_turn (gpointer data)
{
  MedleyHttpCrowd *self = data;
  MedleyHttpConnection *connection = g_queue_pop_head (&self->waiting);

  if (connection != NULL)
    medley_http_connection_go_on (connection);
  if (!g_queue_is_empty (&self->waiting))
    return G_SOURCE_CONTINUE;
  self->turn = 0;
  return G_SOURCE_REMOVE;
}

void
medley_http_crowd_wait (MedleyHttpCrowd *self, MedleyHttpConnection *connection)
{
  g_queue_push_tail (&self->waiting, connection);
  if (self->turn == 0)
    self->turn = g_idle_add_full (G_PRIORITY_DEFAULT, on_turn, self, NULL);
}

guint
medley_http_crowd_count (MedleyHttpCrowd *self)
{
  return g_hash_table_size (self->connections);
}

gboolean
medley_http_crowd_is_busy (MedleyHttpCrowd *self)
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

void
medley_http_crowd_close (MedleyHttpCrowd *self,
                         gboolean (*func) (MedleyHttpConnection *connection, gpointer data),
                         gpointer data)
{
  g_autoptr (GList) all = g_hash_table_get_keys (self->connections);

  for (GList *l = all; l != NULL; l = l->next) {
    /* Closing one may close others. */
    if (g_hash_table_contains (self->connections, l->data)
        && (func == NULL || func (l->data, data)))
      medley_http_connection_close (l->data);
  }
}
