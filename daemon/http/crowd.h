/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/connection.h"

G_BEGIN_DECLS

/**
 * MedleyHttpCrowd:
 *
 * All connections of the face, by who is at their other end, so that nobody takes the places of
 * others. Main thread only.
 */
typedef struct _MedleyHttpCrowd MedleyHttpCrowd;

/* @most: connections in all; @most_per_peer: of one peer */
MedleyHttpCrowd *
medley_http_crowd_new (guint most, guint most_per_peer);
/* There are no connections any more. */
void
medley_http_crowd_free (MedleyHttpCrowd *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyHttpCrowd, medley_http_crowd_free)

/**
 * medley_http_peer_name:
 * @connection: an accepted connection
 *
 * Returns: (transfer full): who is at its other end: "uid:1000" for a Unix socket; the address for
 * TCP, where all of this machine's are one ("loopback") and of IPv6 the first 64 bits count, since
 * everybody has at least the others to choose from
 */
char *
medley_http_peer_name (GSocketConnection *connection);

/**
 * medley_http_crowd_make_room:
 * @self: the connections
 * @peer: who comes
 *
 * Where there is no place left, closes the connection that waits longest for a request: one of the
 * peer's own when it has as many as it may.
 *
 * Returns: whether there is a place
 */
gboolean
medley_http_crowd_make_room (MedleyHttpCrowd *self, const char *peer);

void
medley_http_crowd_add (MedleyHttpCrowd *self, MedleyHttpConnection *connection, const char *peer);
void
medley_http_crowd_remove (MedleyHttpCrowd *self, MedleyHttpConnection *connection);

/* Lets a connection go on when it is its turn: one in each round of the main loop, so that clients
 * that send many requests ahead do not keep those waiting that send one. */
void
medley_http_crowd_wait (MedleyHttpCrowd *self, MedleyHttpConnection *connection);

/* how many connections there are */
guint
medley_http_crowd_count (MedleyHttpCrowd *self);
/* whether any of them is at work on a request */
gboolean
medley_http_crowd_is_busy (MedleyHttpCrowd *self);

/* Closes those that @func picks; all of them without it. */
void
medley_http_crowd_close (MedleyHttpCrowd *self,
                         gboolean (*func) (MedleyHttpConnection *connection, gpointer data),
                         gpointer data);

G_END_DECLS
