/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/client.h"

#include <gio/gunixsocketaddress.h>
#include <libsoup/soup.h>
#include <string.h>
#include <sys/stat.h>

#include <medley/medley-error.h>

#include "base/error.h"
#include "base/json.h"
#include "base/trace.h"
#include "cli/reply.h"

#define API "/api/v1"
/* Some answers exist as a stream as well. */
#define JSON "application/json"
/* Longest JSON answer that is taken; a list of voices has some hundred kilobytes. */
#define MAX_ANSWER (64u * 1024 * 1024)
#define PATIENCE_SECONDS 60

struct _MedleyClient {
  GObject parent_instance;
  SoupSession *session;
  char *base;        /* "http://localhost" */
  char *target;      /* for messages */
  char *traceparent; /* NULL for none */
  char *tracestate;
  char *token;
  guint patience; /* seconds */
};

G_DEFINE_FINAL_TYPE (MedleyClient, medley_client, G_TYPE_OBJECT)

static void
medley_client_finalize (GObject *object)
{
  MedleyClient *self = MEDLEY_CLIENT (object);

  g_clear_object (&self->session);
  g_free (self->base);
  g_free (self->target);
  g_free (self->token);
  g_free (self->traceparent);
  g_free (self->tracestate);
  G_OBJECT_CLASS (medley_client_parent_class)->finalize (object);
}

static void
medley_client_class_init (MedleyClientClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = medley_client_finalize;
}

static void
medley_client_init (MedleyClient *self)
{
  self->patience = PATIENCE_SECONDS;
}

static gboolean
is_loopback (const char *host)
{
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (host);

  return g_ascii_strcasecmp (host, "localhost") == 0
         || (address != NULL && g_inet_address_get_is_loopback (address));
}

/* @is_here: whether the daemon is on this machine */
static SoupSession *
new_session (GSocketConnectable *connectable, gboolean is_here)
{
  /* Events, outputs and uploads of one job each keep a connection busy: the usual two would
   * deadlock. */
  SoupSession *session
      = g_object_new (SOUP_TYPE_SESSION, "remote-connectable", connectable, "max-conns", 256,
                      "max-conns-per-host", 256, "timeout", 0, "user-agent", "medley", NULL);

  soup_session_remove_feature_by_type (session, SOUP_TYPE_CONTENT_DECODER);
  /* No proxy stands between; and asking for one loads a desktop's settings first. */
  if (is_here)
    soup_session_set_proxy_resolver (session, NULL);
  return session;
}

MedleyClient *
medley_client_new_for_socket (const char *path)
{
  MedleyClient *self = g_object_new (MEDLEY_TYPE_CLIENT, NULL);
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);

  self->session = new_session (G_SOCKET_CONNECTABLE (address), TRUE);
  self->base = g_strdup ("http://localhost");
  self->target = g_strdup (path);
  return self;
}

MedleyClient *
medley_client_new_for_url (const char *url, const char *token, GError **error)
{
  g_autofree char *full
      = strstr (url, "://") != NULL ? g_strdup (url) : g_strconcat ("http://", url, NULL);
  g_autoptr (GUri) uri = g_uri_parse (full, SOUP_HTTP_URI_FLAGS, NULL);
  const char *scheme = uri != NULL ? g_uri_get_scheme (uri) : "";
  const char *host = uri != NULL ? g_uri_get_host (uri) : NULL;
  MedleyClient *self;

  if ((!g_str_equal (scheme, "http") && !g_str_equal (scheme, "https")) || host == NULL
      || host[0] == '\0') {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "\"%s\" is not the address of a daemon; write http://HOST:PORT", url);
    return NULL;
  }
  if (token != NULL && g_str_equal (scheme, "http") && !is_loopback (host)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_ALLOWED,
                 "a token would go to %s for everybody on the way to read; write "
                 "https://HOST:PORT, or give no token (--token, MEDLEY_TOKEN)",
                 host);
    return NULL;
  }
  self = g_object_new (MEDLEY_TYPE_CLIENT, NULL);
  self->session = new_session (NULL, is_loopback (host));
  while (g_str_has_suffix (full, "/"))
    full[strlen (full) - 1] = '\0';
  self->base = g_strdup (full);
  self->target = g_steal_pointer (&full);
  self->token = g_strdup (token);
  return self;
}

gboolean
medley_client_set_authorities (MedleyClient *self, const char *file, GError **error)
{
  g_autofree char *path = g_canonicalize_filename (file, NULL);
  g_autoptr (GError) failure = NULL;
  g_autoptr (GTlsDatabase) database = g_tls_file_database_new (path, &failure);

  if (database == NULL) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "cannot take certificates from %s: %s", file, failure->message);
    return FALSE;
  }
  soup_session_set_tls_database (self->session, database);
  return TRUE;
}

void
medley_client_set_patience (MedleyClient *self, guint seconds)
{
  self->patience = seconds;
}

guint
medley_client_get_patience (MedleyClient *self)
{
  return self->patience;
}

const char *
medley_client_get_target (MedleyClient *self)
{
  return self->target;
}

char *
medley_client_path (const char *first, ...)
{
  g_autoptr (GString) path = g_string_new (NULL);
  va_list arguments;

  va_start (arguments, first);
  for (const char *segment = first; segment != NULL; segment = va_arg (arguments, const char *)) {
    if (path->len > 0)
      g_string_append_c (path, '/');
    g_string_append_uri_escaped (path, segment, NULL, FALSE);
  }
  va_end (arguments);
  return g_string_free (g_steal_pointer (&path), FALSE);
}

void
medley_client_set_trace (MedleyClient *self, const char *traceparent, const char *tracestate)
{
  MedleyTrace trace;

  g_clear_pointer (&self->traceparent, g_free);
  g_clear_pointer (&self->tracestate, g_free);
  if (!medley_trace_parse (traceparent, &trace))
    return;
  self->traceparent = g_strdup (traceparent);
  if (medley_tracestate_is_valid (tracestate))
    self->tracestate = g_strdup (tracestate);
}

static void
add_trace (MedleyClient *self, SoupMessageHeaders *headers)
{
  if (self->traceparent != NULL)
    soup_message_headers_replace (headers, "traceparent", self->traceparent);
  if (self->tracestate != NULL)
    soup_message_headers_replace (headers, "tracestate", self->tracestate);
}

static SoupMessage *
new_message (MedleyClient *self, const char *method, const char *path)
{
  g_autofree char *url = g_strconcat (self->base, API, path[0] != '\0' ? "/" : "", path, NULL);
  SoupMessage *message = soup_message_new (method, url);

  /* The base was checked, and paths are escaped. */
  g_assert (message != NULL);
  if (self->token != NULL) {
    g_autofree char *bearer = g_strconcat ("Bearer ", self->token, NULL);

    soup_message_headers_replace (soup_message_get_request_headers (message), "Authorization",
                                  bearer);
  }
  if (g_str_equal (method, "POST"))
    add_trace (self, soup_message_get_request_headers (message));
  return message;
}

static GVariant *
parse_json (GBytes *bytes, GError **error)
{
  const MedleyJsonLimits limits = { MAX_ANSWER, 256, 10000000 };
  gsize length;
  const char *text = g_bytes_get_data (bytes, &length);
  GVariant *value;

  if (length == 0) {
    value = g_variant_ref_sink (g_variant_new ("a{sv}", NULL));
  } else {
    value = medley_json_parse (text, length, &limits, NULL, error);
    if (value == NULL) {
      g_prefix_error (error, "the daemon's answer is not understood: ");
      return NULL;
    }
  }
  /* Serialised at once, pointers into it stay good for as long as it lives. */
  g_variant_get_data (value);
  return value;
}

/* Turns an answer that is no success into an error. */
static void
take_problem (SoupMessage *message, GBytes *body, GVariant **problem, GError **error)
{
  g_autoptr (GVariant) document = body != NULL ? parse_json (body, NULL) : NULL;
  const char *name = medley_reply_string (document, "code", NULL);
  const char *detail = medley_reply_string (document, "detail", NULL);
  guint status = soup_message_get_status (message);
  MedleyError code = MEDLEY_ERROR_FAILED;

  if (name == NULL || !medley_error_code_from_name (name, &code)) {
    code = status == 401   ? MEDLEY_ERROR_UNAUTHORIZED
           : status == 404 ? MEDLEY_ERROR_NOT_FOUND
           : status == 503 ? MEDLEY_ERROR_UNAVAILABLE
                           : MEDLEY_ERROR_FAILED;
  }
  if (detail == NULL)
    detail = medley_reply_string (document, "title", NULL);
  if (detail != NULL)
    g_set_error_literal (error, MEDLEY_ERROR, (int) code, detail);
  else
    g_set_error (error, MEDLEY_ERROR, (int) code, "the daemon answered %u %s", status,
                 soup_message_get_reason_phrase (message));
  if (problem != NULL && document != NULL)
    *problem = g_steal_pointer (&document);
}

/* Errors of the connection become errors of Medley. */
static void
take_connection_error (MedleyClient *self, GError *failure, GError **error)
{
  if (failure->domain == MEDLEY_ERROR) {
    g_propagate_error (error, failure);
    return;
  }
  if (g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_CANCELLED, "cancelled");
  else if (g_error_matches (failure, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE))
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
                 "the certificate of %s is not trusted; name who vouches for it with --ca FILE",
                 self->target);
  else
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
                 "no answer from the daemon at %s: %s", self->target, failure->message);
  g_error_free (failure);
}

static void
on_answered (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  MedleyClient *self = g_task_get_source_object (task);
  GError *failure = NULL;
  GError *error = NULL;
  GBytes *answer = soup_session_send_and_read_finish (SOUP_SESSION (source), result, &failure);

  if (answer != NULL) {
    g_task_return_pointer (task, answer, (GDestroyNotify) g_bytes_unref);
    return;
  }
  take_connection_error (self, failure, &error);
  g_task_return_error (task, error);
}

static void
call_async (MedleyClient *self, const char *method, const char *path, const char *accept,
            const char *type, GBytes *body, GCancellable *cancellable, GAsyncReadyCallback callback,
            gpointer data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, data);
  SoupMessage *message = new_message (self, method, path);

  soup_message_headers_replace (soup_message_get_request_headers (message), "Accept", accept);
  if (body != NULL)
    soup_message_set_request_body_from_bytes (message, type, body);
  g_task_set_task_data (task, message, g_object_unref);
  g_task_set_check_cancellable (task, FALSE);
  soup_session_send_and_read_async (self->session, message, G_PRIORITY_DEFAULT, cancellable,
                                    on_answered, g_object_ref (task));
}

static GBytes *
fetch_finish (GAsyncResult *result, GVariant **problem, GError **error)
{
  SoupMessage *message = g_task_get_task_data (G_TASK (result));
  g_autoptr (GBytes) answer = g_task_propagate_pointer (G_TASK (result), error);

  if (answer != NULL && !SOUP_STATUS_IS_SUCCESSFUL (soup_message_get_status (message))) {
    take_problem (message, answer, problem, error);
    return NULL;
  }
  return g_steal_pointer (&answer);
}

static GVariant *
call_finish (GAsyncResult *result, GVariant **problem, GError **error)
{
  g_autoptr (GBytes) answer = fetch_finish (result, problem, error);

  return answer != NULL ? parse_json (answer, error) : NULL;
}

static void
on_result (GObject *object, GAsyncResult *result, gpointer data)
{
  *(GAsyncResult **) data = g_object_ref (result);
}

GVariant *
medley_client_call (MedleyClient *self, const char *method, const char *path, const char *type,
                    GBytes *body, GVariant **problem, GCancellable *cancellable, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  call_async (self, method, path, JSON, type, body, cancellable, on_result, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  return call_finish (result, problem, error);
}

GBytes *
medley_client_fetch (MedleyClient *self, const char *path, const char *accept, GVariant **problem,
                     GCancellable *cancellable, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  call_async (self, "GET", path, accept, NULL, NULL, cancellable, on_result, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  return fetch_finish (result, problem, error);
}

void
medley_client_get_async (MedleyClient *self, const char *path, GCancellable *cancellable,
                         GAsyncReadyCallback callback, gpointer data)
{
  call_async (self, "GET", path, JSON, NULL, NULL, cancellable, callback, data);
}

GVariant *
medley_client_get_finish (MedleyClient *self, GAsyncResult *result, GVariant **problem,
                          GError **error)
{
  return call_finish (result, problem, error);
}

GVariant *
medley_client_call_json (MedleyClient *self, const char *method, const char *path, GVariant *body,
                         GVariant **problem, GCancellable *cancellable, GError **error)
{
  g_autoptr (GVariant) value = body != NULL ? g_variant_ref_sink (body) : NULL;
  g_autoptr (GBytes) bytes = NULL;

  if (value != NULL) {
    char *text = medley_json_print (value, FALSE);

    bytes = g_bytes_new_take (text, strlen (text));
  }
  return medley_client_call (self, method, path, "application/json", bytes, problem, cancellable,
                             error);
}

typedef struct {
  SoupMessage *message;
  GInputStream *stream;
  GVariant *problem;
  GError *error; /* of the daemon */
} Exchange;

static void
exchange_free (Exchange *exchange)
{
  g_clear_object (&exchange->message);
  g_clear_object (&exchange->stream);
  g_clear_pointer (&exchange->problem, g_variant_unref);
  g_clear_error (&exchange->error);
  g_free (exchange);
}

static void
on_problem_read (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Exchange *exchange = g_task_get_task_data (task);
  GOutputStream *memory = G_OUTPUT_STREAM (source);
  g_autoptr (GBytes) body = NULL;

  if (g_output_stream_splice_finish (memory, result, NULL) >= 0)
    body = g_memory_output_stream_steal_as_bytes (G_MEMORY_OUTPUT_STREAM (memory));
  take_problem (exchange->message, body, &exchange->problem, &exchange->error);
  g_task_return_boolean (task, FALSE);
}

static void
on_sent (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  MedleyClient *self = g_task_get_source_object (task);
  Exchange *exchange = g_task_get_task_data (task);
  GError *failure = NULL;

  exchange->stream = soup_session_send_finish (SOUP_SESSION (source), result, &failure);
  if (exchange->stream == NULL) {
    take_connection_error (self, failure, &exchange->error);
    g_task_return_boolean (task, FALSE);
  } else if (!SOUP_STATUS_IS_SUCCESSFUL (soup_message_get_status (exchange->message))) {
    g_autoptr (GOutputStream) memory = g_memory_output_stream_new_resizable ();

    g_output_stream_splice_async (memory, exchange->stream, G_OUTPUT_STREAM_SPLICE_CLOSE_TARGET,
                                  G_PRIORITY_DEFAULT, g_task_get_cancellable (task),
                                  on_problem_read, g_object_ref (task));
  } else {
    g_task_return_boolean (task, TRUE);
  }
}

static void
exchange_start (MedleyClient *self, SoupMessage *message, GCancellable *cancellable,
                GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, data);
  Exchange *exchange = g_new0 (Exchange, 1);

  exchange->message = message;
  g_task_set_task_data (task, exchange, (GDestroyNotify) exchange_free);
  g_task_set_check_cancellable (task, FALSE);
  soup_session_send_async (self->session, message, G_PRIORITY_DEFAULT, cancellable, on_sent,
                           g_object_ref (task));
}

static Exchange *
exchange_finish (GAsyncResult *result, GVariant **problem, GError **error)
{
  Exchange *exchange = g_task_get_task_data (G_TASK (result));

  g_task_propagate_boolean (G_TASK (result), NULL);
  if (exchange->error == NULL)
    return exchange;
  if (problem != NULL)
    *problem = g_steal_pointer (&exchange->problem);
  g_propagate_error (error, g_steal_pointer (&exchange->error));
  return NULL;
}

void
medley_client_open_async (MedleyClient *self, const char *path, const char *accept,
                          const char *last_event, GCancellable *cancellable,
                          GAsyncReadyCallback callback, gpointer data)
{
  SoupMessage *message = new_message (self, "GET", path);
  SoupMessageHeaders *headers = soup_message_get_request_headers (message);

  if (accept != NULL)
    soup_message_headers_replace (headers, "Accept", accept);
  if (last_event != NULL)
    soup_message_headers_replace (headers, "Last-Event-ID", last_event);
  exchange_start (self, message, cancellable, callback, data);
}

GInputStream *
medley_client_open_finish (MedleyClient *self, GAsyncResult *result, GVariant **problem,
                           GError **error)
{
  Exchange *exchange = exchange_finish (result, problem, error);

  return exchange != NULL ? g_steal_pointer (&exchange->stream) : NULL;
}

/* Of a file that is whole, or -1: the daemon takes what has a length without waiting for the job.
 */
static goffset
find_length (GInputStream *content)
{
  g_autoptr (GFileInfo) info = NULL;

  if (G_IS_FILE_INPUT_STREAM (content))
    info = g_file_input_stream_query_info (G_FILE_INPUT_STREAM (content),
                                           G_FILE_ATTRIBUTE_STANDARD_SIZE
                                           "," G_FILE_ATTRIBUTE_UNIX_MODE,
                                           NULL, NULL);
  if (info == NULL || g_file_info_get_size (info) == 0
      || !S_ISREG (g_file_info_get_attribute_uint32 (info, G_FILE_ATTRIBUTE_UNIX_MODE)))
    return -1;
  return g_file_info_get_size (info);
}

void
medley_client_upload_async (MedleyClient *self, const char *path, GInputStream *content,
                            GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  SoupMessage *message = new_message (self, "PUT", path);

  /* On a connection that was used before, libsoup would send the rest of a stream that broke off as
   * if it were the whole. */
  soup_message_add_flags (message, SOUP_MESSAGE_NEW_CONNECTION);
  /* Length -1 makes it chunked. */
  soup_message_set_request_body (message, "application/octet-stream", content,
                                 find_length (content));
  exchange_start (self, message, cancellable, callback, data);
}

gboolean
medley_client_upload_finish (MedleyClient *self, GAsyncResult *result, GVariant **problem,
                             GError **error)
{
  return exchange_finish (result, problem, error) != NULL;
}

void
medley_client_post_async (MedleyClient *self, const char *path, GCancellable *cancellable,
                          GAsyncReadyCallback callback, gpointer data)
{
  exchange_start (self, new_message (self, "POST", path), cancellable, callback, data);
}

gboolean
medley_client_post_finish (MedleyClient *self, GAsyncResult *result, GVariant **problem,
                           GError **error)
{
  return exchange_finish (result, problem, error) != NULL;
}
