/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/http.h"

#include "base/error.h"
#include "http/access.h"
#include "http/crowd.h"
#include "http/exchange.h"
#include "http/listener.h"
#include "http/observer.h"
#include "http/openai/problem.h"
#include "http/problem.h"
#include "http/routes.h"
#include "http/session/sessions.h"
#include "http/tls.h"

struct _MedleyHttp {
  GObject parent;
  MedleyJobManager *manager;
  MedleyConfig *config;
  MedleyHls *hls;
  MedleyHttpListener *listener;
  MedleyHttpAccess *access;
  MedleyHttpObserver *observer;
  MedleyHttpTls *tls; /* NULL for TCP without */
  MedleyHttpCrowd *crowd;
  MedleySessions *sessions;
  MedleyHttpTraits traits;
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

MedleyHls *
medley_http_get_hls (MedleyHttp *self)
{
  return self->hls;
}

MedleyHttpAccess *
medley_http_get_access (MedleyHttp *self)
{
  return self->access;
}

MedleySessions *
medley_http_get_sessions (MedleyHttp *self)
{
  return self->sessions;
}

guint16
medley_http_get_port (MedleyHttp *self)
{
  return medley_http_listener_get_port (self->listener);
}

GVariant *
medley_http_describe (MedleyHttp *self)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "connections", "u", medley_http_crowd_count (self->crowd));
  if (medley_http_get_port (self) != 0) {
    g_variant_dict_insert (&dict, "address", "s",
                           medley_config_get_string (self->config, "http.address"));
    g_variant_dict_insert (&dict, "encrypted", "b", self->tls != NULL);
    medley_http_access_describe (self->access, &dict);
    if (self->tls != NULL)
      medley_http_tls_describe (self->tls, &dict);
  }
  return g_variant_dict_end (&dict);
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
  MedleyScope scope = route != NULL ? (MedleyScope) route->scope : MEDLEY_SCOPE_READ;

  medley_http_observer_begin (self->observer, exchange, route != NULL ? route->path : NULL);
  soup_message_headers_replace (medley_http_exchange_get_headers (exchange), "Server",
                                "medley/" MEDLEY_VERSION);
  if (medley_openai_owns (request))
    medley_openai_tell_time (exchange);
  if (!medley_http_access_check (self->access, exchange, scope, &error)) {
    medley_http_respond_problem (exchange, error, 0, NULL);
    return;
  }
  /* Those that ask for no token let everybody in. */
  if (route != NULL && scope != MEDLEY_SCOPE_NONE)
    medley_http_observer_admit (self->observer, exchange);
  if (route != NULL && !medley_http_route_check_query (route, request, &error))
    medley_http_respond_problem (exchange, error, 0, NULL);
  else if (route == NULL)
    answer_without_route (exchange, allow);
  else
    route->handler (self, exchange, (const char *const *) params);
}

static void
refuse (MedleyHttpExchange *exchange, guint status, const GError *error, gpointer data)
{
  MedleyHttp *self = data;

  medley_http_observer_begin (self->observer, exchange, NULL);
  soup_message_headers_replace (medley_http_exchange_get_headers (exchange), "Server",
                                "medley/" MEDLEY_VERSION);
  medley_http_respond_problem (exchange, error, status, NULL);
}

/* Connections */

static void
on_wait (MedleyHttpConnection *connection, gpointer data)
{
  MedleyHttp *self = data;

  medley_http_crowd_wait (self->crowd, connection);
}

static void
on_closed (MedleyHttpConnection *connection, gpointer data)
{
  MedleyHttp *self = data;

  medley_http_crowd_remove (self->crowd, connection);
  medley_http_metrics_connection (medley_http_observer_get_metrics (self->observer), -1);
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
  if (!medley_http_crowd_is_busy (self->crowd))
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
look_soon (MedleyHttp *self)
{
  if (self->settled != NULL && self->settle_source == 0)
    self->settle_source = g_idle_add_full (G_PRIORITY_DEFAULT, look_whether_settled, self, NULL);
}

static void
on_answered (MedleyHttpExchange *exchange, gpointer data)
{
  MedleyHttp *self = data;

  medley_http_observer_end (self->observer, exchange);
  look_soon (self);
}

void
medley_http_settle (MedleyHttp *self, guint seconds, GSourceOnceFunc settled, gpointer data)
{
  g_return_if_fail (self->settled == NULL);
  self->settled = settled;
  self->settled_data = data;
  self->settle_limit = g_timeout_add_seconds (seconds, give_up_settling, self);
  medley_sessions_settle (self->sessions);
  look_soon (self);
}

static gboolean
has_lost_token (MedleyHttpConnection *connection, gpointer data)
{
  MedleyHttp *self = data;
  MedleyHttpExchange *exchange = medley_http_connection_get_exchange (connection);

  return exchange != NULL
         && !medley_http_access_is_valid (self->access, medley_http_exchange_get_grant (exchange));
}

/* Who has lost a token keeps nothing that it opened, such as a stream of events. */
static void
on_access_changed (gpointer data)
{
  MedleyHttp *self = data;

  medley_http_crowd_close (self->crowd, has_lost_token, self);
}

static void
turn_away (GSocketConnection *connection, gboolean is_tls)
{
  static const char full[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n"
                             "Content-Length: 0\r\nConnection: close\r\n\r\n";

  /* Under TLS nothing can be said before a handshake. */
  if (!is_tls)
    g_socket_send (g_socket_connection_get_socket (connection), full, sizeof full - 1, NULL, NULL);
  g_io_stream_close (G_IO_STREAM (connection), NULL, NULL);
}

static void
on_accept (GSocketConnection *connection, gboolean is_local, gpointer data)
{
  MedleyHttp *self = data;
  MedleyHttpMetrics *metrics = medley_http_observer_get_metrics (self->observer);
  gboolean is_tls = !is_local && self->tls != NULL;
  g_autofree char *peer = medley_http_peer_name (connection);
  g_autoptr (GIOStream) stream = NULL;

  if (!medley_http_crowd_make_room (self->crowd, peer)) {
    medley_http_metrics_turned_away (metrics);
    turn_away (connection, is_tls);
    return;
  }
  if (is_tls) {
    medley_http_tls_refresh (self->tls);
    stream = G_IO_STREAM (medley_tls_stream_new (self->tls, connection));
  } else {
    stream = G_IO_STREAM (g_object_ref (connection));
  }
  medley_http_metrics_connection (metrics, 1);
  medley_http_crowd_add (self->crowd,
                         medley_http_connection_start (stream, is_local, is_local ? peer : "tcp",
                                                       &self->traits),
                         peer);
}

/* Beginning and end */

static gboolean
read_certificate (MedleyHttp *self, GError **error)
{
  const char *certificate = medley_config_get_path (self->config, "http.tls-certificate");
  const char *key = medley_config_get_path (self->config, "http.tls-key");

  if (*certificate == '\0' && *key == '\0')
    return TRUE;
  if (*certificate == '\0' || *key == '\0') {
    g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG,
                         "http.tls-certificate and http.tls-key belong together: only one is set");
    return FALSE;
  }
  self->tls = medley_http_tls_new (certificate, key, error);
  return self->tls != NULL;
}

static gboolean
open_tcp (MedleyHttp *self, GError **error)
{
  gboolean asks
      = g_str_equal (medley_config_get_string (self->config, "http.authentication"), "token");

  return read_certificate (self, error)
         && medley_http_listener_open_tcp (self->listener, self->tls != NULL && asks, error);
}

static gboolean
start (MedleyHttp *self, GError **error)
{
  g_autofree char *where = NULL;

  self->traits = (MedleyHttpTraits){
    .header_bytes = medley_config_get_number (self->config, "http.header-bytes"),
    .header_fields = (guint) medley_config_get_number (self->config, "http.header-fields"),
    .handshake_timeout = (guint) medley_config_get_number (self->config, "http.handshake-timeout"),
    .header_timeout = (guint) medley_config_get_number (self->config, "http.header-timeout"),
    .idle_timeout = (guint) medley_config_get_number (self->config, "http.idle-timeout"),
    .dispatch = dispatch,
    .refuse = refuse,
    .wait = on_wait,
    .closed = on_closed,
    .answered = on_answered,
    .data = self,
  };
  self->sessions = medley_sessions_new (self);
  self->crowd
      = medley_http_crowd_new ((guint) medley_config_get_number (self->config, "http.connections"),
                               (guint) medley_config_get_number (self->config,
                                                                 "http.connections-per-peer"));
  self->listener = medley_http_listener_new (self->config, on_accept, self);
  if (!medley_http_listener_open_socket (self->listener, error))
    return FALSE;
  /* Not before the socket is ours: another daemon may have its token there. */
  self->access = medley_http_access_new (self->config, error);
  if (self->access == NULL)
    return FALSE;
  medley_http_access_set_changed_func (self->access, on_access_changed, self);
  if (medley_config_get_boolean (self->config, "http.tcp") && !open_tcp (self, error))
    return FALSE;
  medley_http_listener_begin (self->listener);
  where = medley_http_listener_describe (self->listener, self->tls != NULL);
  medley_job_manager_set_face (self->manager, "http", where);
  return TRUE;
}

static void
medley_http_dispose (GObject *object)
{
  MedleyHttp *self = MEDLEY_HTTP (object);

  g_clear_pointer (&self->listener, medley_http_listener_free);
  g_clear_pointer (&self->sessions, medley_sessions_free);
  if (self->crowd != NULL)
    medley_http_crowd_close (self->crowd, NULL, NULL);
  g_clear_pointer (&self->crowd, medley_http_crowd_free);
  self->settled = NULL;
  g_clear_handle_id (&self->settle_source, g_source_remove);
  g_clear_handle_id (&self->settle_limit, g_source_remove);
  g_clear_pointer (&self->access, medley_http_access_free);
  g_clear_pointer (&self->tls, medley_http_tls_free);
  g_clear_pointer (&self->hls, medley_hls_free);
  g_clear_object (&self->manager);
  g_clear_object (&self->config);
  G_OBJECT_CLASS (medley_http_parent_class)->dispose (object);
}

static void
medley_http_finalize (GObject *object)
{
  medley_http_observer_free (MEDLEY_HTTP (object)->observer);
  G_OBJECT_CLASS (medley_http_parent_class)->finalize (object);
}

static void
medley_http_class_init (MedleyHttpClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = medley_http_dispose;
  G_OBJECT_CLASS (klass)->finalize = medley_http_finalize;
}

static void
medley_http_init (MedleyHttp *self)
{
  self->hls = medley_hls_new ();
}

MedleyHttp *
medley_http_new (MedleyJobManager *manager, MedleyTelemetry *telemetry, GError **error)
{
  g_autoptr (MedleyHttp) self = g_object_new (MEDLEY_TYPE_HTTP, NULL);

  self->manager = g_object_ref (manager);
  self->config = g_object_ref (medley_job_manager_get_config (manager));
  self->observer = medley_http_observer_new (manager, telemetry);
  if (!start (self, error))
    return NULL;
  return g_steal_pointer (&self);
}
