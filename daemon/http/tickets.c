/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/tickets.h"

#include <medley/medley-error.h>
#include <string.h>
#include <sys/random.h>

#define PREFIX "ticket."
#define MAX_TICKETS 256

typedef struct {
  char *client;
  MedleyHttpGrant grant;
  gint64 expires; /* monotonic */
} Ticket;

struct _MedleyHttpTickets {
  GHashTable *by_hash;
};

static void
ticket_free (gpointer data)
{
  Ticket *ticket = data;

  g_free (ticket->client);
  g_free (ticket);
}

MedleyHttpTickets *
medley_http_tickets_new (void)
{
  MedleyHttpTickets *self = g_new0 (MedleyHttpTickets, 1);

  self->by_hash = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, ticket_free);
  return self;
}

void
medley_http_tickets_free (MedleyHttpTickets *self)
{
  g_hash_table_unref (self->by_hash);
  g_free (self);
}

static gboolean
is_expired (gpointer key, gpointer value, gpointer data)
{
  return ((Ticket *) value)->expires <= g_get_monotonic_time ();
}

static char *
hash (const char *text)
{
  return g_compute_checksum_for_string (G_CHECKSUM_SHA256, text, -1);
}

char *
medley_http_tickets_issue (MedleyHttpTickets *self, const char *client,
                           const MedleyHttpGrant *grant, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);
  guint8 random[24];
  Ticket *ticket;

  g_hash_table_foreach_remove (self->by_hash, is_expired, NULL);
  if (g_hash_table_size (self->by_hash) >= MAX_TICKETS) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
                 "%d tickets are out already; use one, or wait until they expire", MAX_TICKETS);
    return NULL;
  }
  if (getrandom (random, sizeof random, 0) != sizeof random)
    g_error ("the kernel gives no random bytes");
  for (guint i = 0; i < sizeof random; i++)
    g_string_append_printf (text, "%02x", random[i]);
  ticket = g_new0 (Ticket, 1);
  ticket->client = g_strdup (client);
  ticket->grant = *grant;
  ticket->expires = g_get_monotonic_time () + (gint64) MEDLEY_HTTP_TICKET_SECONDS * G_USEC_PER_SEC;
  g_hash_table_insert (self->by_hash, hash (text->str), ticket);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* (transfer full) (nullable): the ticket among the subprotocols */
static char *
find_shown (const MedleyHttpRequest *request)
{
  const char *protocols = medley_http_request_get_header (request, "Sec-WebSocket-Protocol");
  const char *upgrade = medley_http_request_get_header (request, "Upgrade");
  g_auto (GStrv) list = NULL;

  if (!g_str_equal (request->method, "GET") || !g_str_equal (request->path, "/api/v1/sessions")
      || protocols == NULL || upgrade == NULL || g_ascii_strcasecmp (upgrade, "websocket") != 0)
    return NULL;
  list = g_strsplit (protocols, ",", -1);
  for (guint i = 0; list[i] != NULL; i++) {
    g_strstrip (list[i]);
    if (g_str_has_prefix (list[i], PREFIX))
      return g_strdup (list[i] + strlen (PREFIX));
  }
  return NULL;
}

gboolean
medley_http_tickets_are_shown (const MedleyHttpRequest *request)
{
  g_autofree char *shown = find_shown (request);

  return shown != NULL;
}

char *
medley_http_tickets_redeem (MedleyHttpTickets *self, const MedleyHttpRequest *request,
                            MedleyHttpGrant *grant, GError **error)
{
  g_autofree char *shown = find_shown (request);
  g_autofree char *key = hash (shown != NULL ? shown : "");
  g_autofree char *owned = NULL;
  gpointer found_key = NULL, found = NULL;
  char *client = NULL;

  if (shown != NULL && g_hash_table_steal_extended (self->by_hash, key, &found_key, &found)) {
    owned = found_key;
    if (!is_expired (NULL, found, NULL)) {
      client = g_strdup (((Ticket *) found)->client);
      *grant = ((Ticket *) found)->grant;
    }
    ticket_free (found);
  }
  if (client == NULL)
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAUTHORIZED,
                 "the ticket is not valid: each opens one session, within %d seconds",
                 MEDLEY_HTTP_TICKET_SECONDS);
  return client;
}
