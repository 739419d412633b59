/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/session/sessions.h"

#include <medley/medley-error.h>

#include "http/access.h"
#include "http/problem.h"
#include "http/routes.h"
#include "http/session/session.h"
#include "http/tickets.h"

#define PROTOCOL "medley.v1"

struct _MedleySessions {
  MedleyHttp *http;
  GHashTable *open; /* Entry */
};

typedef struct {
  MedleySessions *sessions;
  MedleySession *session;
} Entry;

MedleySessions *
medley_sessions_new (MedleyHttp *http)
{
  MedleySessions *self = g_new0 (MedleySessions, 1);

  self->http = http;
  self->open = g_hash_table_new (NULL, NULL);
  return self;
}

static void
entry_free (Entry *entry)
{
  g_hash_table_remove (entry->sessions->open, entry);
  medley_session_free (entry->session);
  g_free (entry);
}

void
medley_sessions_free (MedleySessions *self)
{
  g_autoptr (GList) all = g_hash_table_get_keys (self->open);

  for (GList *l = all; l != NULL; l = l->next)
    entry_free (l->data);
  g_hash_table_unref (self->open);
  g_free (self);
}

void
medley_sessions_settle (MedleySessions *self)
{
  g_autoptr (GList) all = g_hash_table_get_keys (self->open);

  for (GList *l = all; l != NULL; l = l->next)
    medley_session_settle (((Entry *) l->data)->session);
}

guint
medley_sessions_count (MedleySessions *self)
{
  return g_hash_table_size (self->open);
}

static void
on_ended (gpointer data)
{
  entry_free (data);
}

static gboolean
may_open (MedleyHttp *http, GError **error)
{
  guint64 most = medley_config_get_number (medley_http_get_config (http), "http.sessions");

  if (!medley_job_manager_may_take_jobs (medley_http_get_manager (http), error))
    return FALSE;
  if (medley_sessions_count (medley_http_get_sessions (http)) < most)
    return TRUE;
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
               "%" G_GUINT64_FORMAT " sessions are open already (http.sessions)", most);
  return FALSE;
}

void
medley_http_open_session (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params)
{
  MedleySessions *self = medley_http_get_sessions (http);
  g_autoptr (GError) error = NULL;
  guint status = 0;
  Entry *entry;

  if (may_open (http, &error))
    status = medley_websocket_handshake (exchange, PROTOCOL, &error);
  if (error != NULL) {
    medley_http_respond_problem (exchange, error, status, NULL);
    return;
  }
  entry = g_new0 (Entry, 1);
  entry->sessions = self;
  entry->session = medley_session_new (http, exchange, on_ended, entry);
  g_hash_table_add (self->open, entry);
}

void
medley_http_issue_ticket (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *ticket
      = medley_http_access_issue_ticket (medley_http_get_access (http), exchange, &error);
  GVariantDict dict;

  if (ticket == NULL) {
    medley_http_respond_problem (exchange, error, 0, NULL);
    return;
  }
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "ticket", "s", ticket);
  g_variant_dict_insert (&dict, "seconds", "u", MEDLEY_HTTP_TICKET_SECONDS);
  medley_http_respond_json (exchange, 201, g_variant_dict_end (&dict));
}
