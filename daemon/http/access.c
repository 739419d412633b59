/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/access.h"

#include <glib/gstdio.h>
#include <medley/medley-error.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/names.h"
#include "http/guard.h"
#include "http/routes.h"
#include "http/tickets.h"

#define REALM "Bearer realm=\"medley\""
#define CLIENT_PREFIX "token:"
/* A timer of more would not be exact, nor does it have to be. */
#define MAX_TIMER_SECONDS 86400

G_STATIC_ASSERT ((int) MEDLEY_HTTP_SCOPE_READ == (int) MEDLEY_SCOPE_READ
                 && (int) MEDLEY_HTTP_SCOPE_ADMIN == (int) MEDLEY_SCOPE_ADMIN);

struct _MedleyHttpAccess {
  char **hosts;  /* names besides those of this machine */
  gboolean asks; /* for tokens, of who comes over TCP */
  char own_hash[MEDLEY_TOKEN_HASH_LENGTH + 1];
  char *own_path;
  char *path; /* of the tokens' file */
  MedleyTokens *tokens;
  MedleyHttpTickets *tickets;
  char *trouble; /* why there are none */
  struct stat seen;
  GFileMonitor *monitor;
  guint changed_source;
  guint expiry_timer;
  void (*changed) (gpointer data);
  gpointer data;
};

/* The file */

static gboolean
is_same (const struct stat *a, const struct stat *b)
{
  return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size
         && a->st_mode == b->st_mode && a->st_mtim.tv_sec == b->st_mtim.tv_sec
         && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec
         && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static gboolean
on_changed (gpointer data)
{
  MedleyHttpAccess *self = data;

  self->changed_source = 0;
  if (self->changed != NULL)
    self->changed (self->data);
  return G_SOURCE_REMOVE;
}

static void
tell_changed (MedleyHttpAccess *self)
{
  if (self->changed_source == 0)
    self->changed_source = g_idle_add (on_changed, self);
}

static void
arm_expiry_timer (MedleyHttpAccess *self);

static gboolean
on_expiry (gpointer data)
{
  MedleyHttpAccess *self = data;

  self->expiry_timer = 0;
  tell_changed (self);
  arm_expiry_timer (self);
  return G_SOURCE_REMOVE;
}

static void
arm_expiry_timer (MedleyHttpAccess *self)
{
  gint64 now = g_get_real_time ();
  gint64 first = G_MAXINT64;

  g_clear_handle_id (&self->expiry_timer, g_source_remove);
  for (guint i = 0; i < medley_tokens_count (self->tokens); i++) {
    gint64 expires = medley_tokens_get (self->tokens, i)->expires;

    if (expires > now && expires < first)
      first = expires;
  }
  if (first != G_MAXINT64)
    self->expiry_timer = g_timeout_add_seconds ((guint) MIN ((first - now) / G_USEC_PER_SEC + 1,
                                                             MAX_TIMER_SECONDS),
                                                on_expiry, self);
}

/* Looks at the file when a token is shown, and not only when the monitor tells: whoever revokes one
 * can rely on it at once. Where it cannot be used no token of it is valid. */
static void
refresh (MedleyHttpAccess *self)
{
  g_autoptr (MedleyTokens) tokens = NULL;
  g_autoptr (GError) error = NULL;
  struct stat st = { 0 };

  if (stat (self->path, &st) != 0)
    memset (&st, 0, sizeof st);
  if (is_same (&st, &self->seen))
    return;
  self->seen = st;
  tokens = medley_tokens_load (self->path, &error);
  g_clear_pointer (&self->trouble, g_free);
  if (tokens == NULL) {
    g_warning ("No token of http.tokens is valid until this is mended: %s", error->message);
    self->trouble = g_strdup (error->message);
    tokens = medley_tokens_new ();
  }
  medley_tokens_free (self->tokens);
  self->tokens = g_steal_pointer (&tokens);
  arm_expiry_timer (self);
  tell_changed (self);
}

static void
on_file_changed (GFileMonitor *monitor, GFile *file, GFile *other, GFileMonitorEvent event,
                 gpointer data)
{
  refresh (data);
}

static gboolean
read_tokens (MedleyHttpAccess *self, GError **error)
{
  g_autoptr (GFile) file = NULL;

  if (self->path[0] == '\0')
    return TRUE;
  if (stat (self->path, &self->seen) != 0)
    memset (&self->seen, 0, sizeof self->seen);
  medley_tokens_free (self->tokens);
  self->tokens = medley_tokens_load (self->path, error);
  if (self->tokens == NULL)
    return FALSE;
  arm_expiry_timer (self);
  file = g_file_new_for_path (self->path);
  self->monitor = g_file_monitor_file (file, G_FILE_MONITOR_WATCH_MOVES, NULL, NULL);
  if (self->monitor != NULL)
    g_signal_connect (self->monitor, "changed", G_CALLBACK (on_file_changed), self);
  return TRUE;
}

/* The token of whoever may read the daemon's files: it allows everything. */
static gboolean
write_own_token (MedleyHttpAccess *self, const char *runtime, GError **error)
{
  g_autoptr (GString) token = g_string_new (NULL);
  g_autofree char *path = g_build_filename (runtime, MEDLEY_TOKEN_NAME, NULL);
  guint8 random[32];

  if (getrandom (random, sizeof random, 0) != sizeof random)
    g_error ("the kernel gives no random bytes");
  for (guint i = 0; i < sizeof random; i++)
    g_string_append_printf (token, "%02x", random[i]);
  medley_token_hash (token->str, self->own_hash);
  g_string_append_c (token, '\n');
  if (g_mkdir_with_parents (runtime, 0700) != 0
      || !g_file_set_contents_full (path, token->str, (gssize) token->len,
                                    G_FILE_SET_CONTENTS_CONSISTENT, 0600, error)) {
    if (error != NULL && *error == NULL)
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_IO, "cannot make the folder %s", runtime);
    return FALSE;
  }
  self->own_path = g_steal_pointer (&path);
  return TRUE;
}

/* An address that is configured is a name of ours as well: no page can give it another meaning. */
static char **
list_hosts (MedleyConfig *config)
{
  const char *address = medley_config_get_string (config, "http.address");
  g_autoptr (GStrvBuilder) list = g_strv_builder_new ();

  g_strv_builder_addv (list, (const char **) medley_config_get_list (config, "http.allowed-hosts"));
  if (strchr (address, ':') != NULL) {
    g_autofree char *bracketed = g_strdup_printf ("[%s]", address);

    g_strv_builder_add (list, bracketed);
  } else {
    g_strv_builder_add (list, address);
  }
  return g_strv_builder_end (list);
}

MedleyHttpAccess *
medley_http_access_new (MedleyConfig *config, GError **error)
{
  g_autoptr (MedleyHttpAccess) self = g_new0 (MedleyHttpAccess, 1);

  self->hosts = list_hosts (config);
  self->path = g_strdup (medley_config_get_path (config, "http.tokens"));
  self->tokens = medley_tokens_new ();
  self->tickets = medley_http_tickets_new ();
  self->asks = medley_config_get_boolean (config, "http.tcp")
               && g_str_equal (medley_config_get_string (config, "http.authentication"), "token");
  if (self->asks
      && (!read_tokens (self, error)
          || !write_own_token (self, medley_config_get_path (config, "paths.runtime"), error)))
    return NULL;
  return g_steal_pointer (&self);
}

void
medley_http_access_free (MedleyHttpAccess *self)
{
  if (self->monitor != NULL) {
    g_signal_handlers_disconnect_by_data (self->monitor, self);
    g_file_monitor_cancel (self->monitor);
  }
  g_clear_object (&self->monitor);
  g_clear_handle_id (&self->changed_source, g_source_remove);
  g_clear_handle_id (&self->expiry_timer, g_source_remove);
  if (self->own_path != NULL)
    g_unlink (self->own_path);
  g_clear_pointer (&self->tokens, medley_tokens_free);
  g_clear_pointer (&self->tickets, medley_http_tickets_free);
  g_strfreev (self->hosts);
  g_free (self->own_path);
  g_free (self->path);
  g_free (self->trouble);
  g_free (self);
}

void
medley_http_access_set_changed_func (MedleyHttpAccess *self, void (*func) (gpointer data),
                                     gpointer data)
{
  self->changed = func;
  self->data = data;
}

/* Deciding */

/* Says what is missing as RFC 6750, 3 has it. @failure: (nullable): none when no token was shown */
static void
challenge (MedleyHttpExchange *exchange, const char *failure, MedleyScope scope)
{
  SoupMessageHeaders *headers = medley_http_exchange_get_headers (exchange);
  g_autofree char *text = NULL;

  if (failure == NULL)
    text = g_strdup (REALM);
  else if (scope == MEDLEY_SCOPE_NONE)
    text = g_strdup_printf (REALM ", error=\"%s\"", failure);
  else
    text = g_strdup_printf (REALM ", error=\"%s\", scope=\"%s\"", failure,
                            medley_scope_to_string (scope));
  soup_message_headers_replace (headers, "WWW-Authenticate", text);
}

static gboolean
is_expired (const MedleyToken *token)
{
  return token->expires != 0 && token->expires <= g_get_real_time ();
}

static gboolean
check_token (MedleyHttpAccess *self, MedleyHttpExchange *exchange, MedleyScope scope,
             GError **error)
{
  const char *header = medley_http_request_get_header (medley_http_exchange_get_request (exchange),
                                                       "Authorization");
  g_autofree char *secret = medley_http_guard_bearer (header, error);
  g_autofree char *client = NULL;
  char hash[MEDLEY_TOKEN_HASH_LENGTH + 1];
  MedleyHttpGrant grant = { .scope = scope };
  const MedleyToken *token;

  if (secret == NULL) {
    challenge (exchange, header != NULL ? "invalid_token" : NULL, MEDLEY_SCOPE_NONE);
    return FALSE;
  }
  medley_token_hash (secret, hash);
  if (medley_token_hash_equal (hash, self->own_hash))
    return TRUE;
  if (self->path[0] != '\0')
    refresh (self);
  token = medley_tokens_find (self->tokens, secret);
  if (token == NULL || is_expired (token)) {
    challenge (exchange, "invalid_token", MEDLEY_SCOPE_NONE);
    g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAUTHORIZED,
                         token == NULL ? "the token is not valid" : "the token has expired");
    return FALSE;
  }
  if (token->scope < scope) {
    challenge (exchange, "insufficient_scope", scope);
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_FORBIDDEN,
                 "the token \"%s\" has the scope %s; this needs %s", token->name,
                 medley_scope_to_string (token->scope), medley_scope_to_string (scope));
    return FALSE;
  }
  client = g_strconcat (CLIENT_PREFIX, token->name, NULL);
  medley_http_exchange_set_client (exchange, client);
  memcpy (grant.hash, hash, sizeof hash);
  medley_http_exchange_set_grant (exchange, &grant);
  return TRUE;
}

/* Who asked for it was allowed to run, and has to be still. */
static gboolean
check_ticket (MedleyHttpAccess *self, MedleyHttpExchange *exchange, GError **error)
{
  MedleyHttpGrant grant;
  g_autofree char *client
      = medley_http_tickets_redeem (self->tickets, medley_http_exchange_get_request (exchange),
                                    &grant, error);

  if (client != NULL && self->path[0] != '\0')
    refresh (self);
  if (client != NULL && !medley_http_access_is_valid (self, &grant)) {
    g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAUTHORIZED,
                         "the token that the ticket was issued for is not valid any more");
    g_clear_pointer (&client, g_free);
  }
  if (client == NULL) {
    challenge (exchange, "invalid_token", MEDLEY_SCOPE_NONE);
    return FALSE;
  }
  medley_http_exchange_set_client (exchange, client);
  medley_http_exchange_set_grant (exchange, &grant);
  return TRUE;
}

gboolean
medley_http_access_check (MedleyHttpAccess *self, MedleyHttpExchange *exchange, MedleyScope scope,
                          GError **error)
{
  const MedleyHttpRequest *request = medley_http_exchange_get_request (exchange);
  gboolean is_local = medley_http_exchange_is_local (exchange);
  const char *host = medley_http_request_get_header (request, "Host");
  gboolean is_safe = g_str_equal (request->method, "GET") || g_str_equal (request->method, "HEAD")
                     || g_str_equal (request->method, "OPTIONS");

  /* A WebSocket is opened with GET, by pages of any site: what goes over it changes things. */
  if (medley_http_request_get_header (request, "Upgrade") != NULL)
    is_safe = FALSE;
  if (!medley_http_guard_host (host, is_local, (const char *const *) self->hosts, error))
    return FALSE;
  if (!is_safe
      && !medley_http_guard_origin (medley_http_request_get_header (request, "Origin"),
                                    medley_http_request_get_header (request, "Sec-Fetch-Site"),
                                    host, medley_http_exchange_is_encrypted (exchange), error))
    return FALSE;
  if (is_local || !self->asks || scope == MEDLEY_SCOPE_NONE)
    return TRUE;
  if (scope == MEDLEY_SCOPE_RUN && medley_http_tickets_are_shown (request))
    return check_ticket (self, exchange, error);
  return check_token (self, exchange, scope, error);
}

char *
medley_http_access_issue_ticket (MedleyHttpAccess *self, MedleyHttpExchange *exchange,
                                 GError **error)
{
  return medley_http_tickets_issue (self->tickets, medley_http_exchange_get_client (exchange),
                                    medley_http_exchange_get_grant (exchange), error);
}

gboolean
medley_http_access_is_valid (MedleyHttpAccess *self, const MedleyHttpGrant *grant)
{
  const MedleyToken *token;

  if (grant->hash[0] == '\0')
    return TRUE;
  token = medley_tokens_find_hash (self->tokens, grant->hash);
  return token != NULL && !is_expired (token) && token->scope >= grant->scope;
}

void
medley_http_access_describe (MedleyHttpAccess *self, GVariantDict *dict)
{
  guint n_valid = 0;

  for (guint i = 0; i < medley_tokens_count (self->tokens); i++)
    n_valid += is_expired (medley_tokens_get (self->tokens, i)) ? 0 : 1;
  g_variant_dict_insert (dict, "authentication", "s", self->asks ? "token" : "none");
  if (self->asks)
    g_variant_dict_insert (dict, "tokens", "u", n_valid);
  if (self->trouble != NULL)
    g_variant_dict_insert (dict, "tokensTrouble", "s", self->trouble);
}
