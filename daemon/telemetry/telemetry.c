/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "telemetry/telemetry.h"

#include <libsoup/soup.h>
#include <string.h>

#include "base/error.h"
#include "telemetry/headers.h"

#define DEFAULT_PATH "/v1/traces"
/* Spans of one request. */
#define BATCH 512
/* No byte comes or goes for so long, or all of a request takes so long. */
#define IDLE_SECONDS 10
#define REQUEST_SECONDS 30
#define MAX_TRIES 5
#define FIRST_DELAY_MS 1000
#define LONGEST_DELAY_MS (60 * 1000)
/* Of an answer that nobody reads; with more the connection is not used again. */
#define MAX_ANSWER (64 * 1024)

enum { SPANS, WAITING, REQUESTS, N_METRICS };

static const MedleyMetricInfo infos[N_METRICS] = {
  [SPANS] = { "medley_telemetry_spans_total", MEDLEY_METRIC_COUNTER, "outcome", NULL,
              "Spans that were sent, dropped as too many waited, or failed to be sent" },
  [WAITING] = { "medley_telemetry_waiting_spans", MEDLEY_METRIC_GAUGE, NULL, NULL,
                "Spans that wait to be sent, or are being sent" },
  [REQUESTS] = { "medley_telemetry_requests_total", MEDLEY_METRIC_COUNTER, "outcome", NULL,
                 "Requests to the collector that were answered well (ok), or not (failed)" },
};

struct _MedleyTelemetry {
  GObject parent_instance;

  char *url; /* NULL when it is off */
  char *service;
  GPtrArray *headers; /* names and values in turn */
  guint interval;
  guint most;
  SoupSession *session;
  MedleyMetric *metrics[N_METRICS]; /* NULL once disposed of */

  GQueue waiting; /* char *: JSON */
  GBytes *batch;  /* what is being sent, or tried again; NULL for none */
  guint n_batch;  /* spans in it */
  guint tries;
  SoupMessage *message;  /* while it is being sent */
  GInputStream *answer;  /* while it is being read */
  GCancellable *request; /* of the request under way */
  guint send_source;     /* sends in a moment, for the first time or again */
  guint limit_source;    /* of the request under way */
  gboolean is_failing;

  GSourceOnceFunc drained; /* NULL unless it drains */
  gpointer drained_data;
  guint drain_source;
  gboolean is_draining;
};

G_DEFINE_FINAL_TYPE (MedleyTelemetry, medley_telemetry, G_TYPE_OBJECT)

static void
send_batch (MedleyTelemetry *self);

static void
count (MedleyTelemetry *self, const char *outcome, guint n)
{
  if (self->metrics[SPANS] != NULL)
    medley_metric_add (self->metrics[SPANS], n, &outcome);
}

static void
show_waiting (MedleyTelemetry *self)
{
  if (self->metrics[WAITING] != NULL)
    medley_metric_set (self->metrics[WAITING], g_queue_get_length (&self->waiting) + self->n_batch,
                       NULL);
}

static gboolean
time_to_send (gpointer data)
{
  MedleyTelemetry *self = data;

  self->send_source = 0;
  send_batch (self);
  return G_SOURCE_REMOVE;
}

static void
send_later (MedleyTelemetry *self, guint ms)
{
  g_clear_handle_id (&self->send_source, g_source_remove);
  self->send_source = g_timeout_add (ms, time_to_send, self);
}

static gboolean
end_drain (gpointer data)
{
  MedleyTelemetry *self = data;
  GSourceOnceFunc drained = g_steal_pointer (&self->drained);

  self->drain_source = 0;
  if (drained != NULL)
    drained (self->drained_data);
  return G_SOURCE_REMOVE;
}

/* The batch is gone, one way or the other. */
static void
next (MedleyTelemetry *self, const char *outcome)
{
  count (self, outcome, self->n_batch);
  g_clear_pointer (&self->batch, g_bytes_unref);
  self->n_batch = self->tries = 0;
  show_waiting (self);
  if (!g_queue_is_empty (&self->waiting)) {
    if (self->is_draining || g_queue_get_length (&self->waiting) >= BATCH)
      send_later (self, 0);
    else
      send_later (self, self->interval * 1000);
  } else if (self->drained != NULL) {
    g_clear_handle_id (&self->drain_source, g_source_remove);
    end_drain (self);
  }
}

static gboolean
may_pass (guint status)
{
  return status == 429 || status == 502 || status == 503 || status == 504;
}

/* In ms; 0 for none. A date is as good as none. */
static guint
get_retry_after (SoupMessage *message)
{
  const char *text
      = soup_message_headers_get_one (soup_message_get_response_headers (message), "Retry-After");
  guint64 seconds;

  if (text == NULL || !g_ascii_string_to_unsigned (text, 10, 0, 86400, &seconds, NULL))
    return 0;
  return (guint) MIN (seconds * 1000, 5 * LONGEST_DELAY_MS);
}

static void
failed (MedleyTelemetry *self, gboolean may_be_repeated, guint delay, const char *why)
{
  const char *outcome = "failed";
  guint wait = MIN (FIRST_DELAY_MS << self->tries, LONGEST_DELAY_MS);

  if (self->metrics[REQUESTS] != NULL)
    medley_metric_add (self->metrics[REQUESTS], 1, &outcome);
  if (!self->is_failing)
    g_warning ("Traces cannot be sent to telemetry.otlp-endpoint: %s", why);
  self->is_failing = TRUE;
  if (!may_be_repeated || self->is_draining || ++self->tries >= MAX_TRIES) {
    next (self, "failed");
    return;
  }
  /* Not all daemons at once. */
  wait = wait / 2 + (guint) g_random_int_range (0, (gint32) (wait / 2 + 1));
  send_later (self, MAX (wait, delay));
}

static void
end_request (MedleyTelemetry *self)
{
  g_clear_handle_id (&self->limit_source, g_source_remove);
  g_clear_object (&self->message);
  g_clear_object (&self->request);
  g_clear_object (&self->answer);
}

static void
answered (MedleyTelemetry *self)
{
  guint status = soup_message_get_status (self->message);
  guint delay = get_retry_after (self->message);
  const char *outcome = "ok";

  end_request (self);
  if (status < 200 || status >= 300) {
    g_autofree char *why = g_strdup_printf ("it answers with the status %u", status);

    failed (self, may_pass (status), delay, why);
    return;
  }
  if (self->is_failing)
    g_message ("Traces are sent again");
  self->is_failing = FALSE;
  if (self->metrics[REQUESTS] != NULL)
    medley_metric_add (self->metrics[REQUESTS], 1, &outcome);
  next (self, "sent");
}

static void
answer_skipped (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (MedleyTelemetry) self = data;
  g_autoptr (GError) error = NULL;

  g_input_stream_skip_finish (G_INPUT_STREAM (source), result, &error);
  g_input_stream_close_async (G_INPUT_STREAM (source), G_PRIORITY_DEFAULT, NULL, NULL, NULL);
  /* The status is what counts, but somebody may have given up meanwhile. */
  if (self->answer == G_INPUT_STREAM (source))
    answered (self);
}

static void
sent (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (MedleyTelemetry) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GInputStream) answer
      = soup_session_send_finish (SOUP_SESSION (source), result, &error);

  if (self->message == NULL)
    return;
  if (answer == NULL) {
    end_request (self);
    failed (self, TRUE, 0, error->message);
    return;
  }
  self->answer = g_object_ref (answer);
  g_input_stream_skip_async (answer, MAX_ANSWER, G_PRIORITY_DEFAULT, self->request, answer_skipped,
                             g_object_ref (self));
}

static gboolean
request_takes_too_long (gpointer data)
{
  MedleyTelemetry *self = data;

  self->limit_source = 0;
  g_cancellable_cancel (self->request);
  return G_SOURCE_REMOVE;
}

static void
take_batch (MedleyTelemetry *self)
{
  g_autoptr (GPtrArray) spans = g_ptr_array_new_with_free_func (g_free);
  char *body;

  while (spans->len < BATCH && !g_queue_is_empty (&self->waiting))
    g_ptr_array_add (spans, g_queue_pop_head (&self->waiting));
  body
      = medley_otlp_print (self->service, MEDLEY_VERSION, (char *const *) spans->pdata, spans->len);
  self->batch = g_bytes_new_take (body, strlen (body));
  self->n_batch = spans->len;
}

static void
send_batch (MedleyTelemetry *self)
{
  SoupMessageHeaders *headers;

  if (self->message != NULL || self->session == NULL)
    return;
  if (self->batch == NULL && g_queue_is_empty (&self->waiting))
    return;
  if (self->batch == NULL)
    take_batch (self);
  g_clear_handle_id (&self->send_source, g_source_remove);
  self->message = soup_message_new ("POST", self->url);
  self->request = g_cancellable_new ();
  /* A key belongs to the place that was configured. */
  soup_message_add_flags (self->message, SOUP_MESSAGE_NO_REDIRECT);
  headers = soup_message_get_request_headers (self->message);
  for (guint i = 0; i < self->headers->len; i += 2)
    soup_message_headers_append (headers, self->headers->pdata[i], self->headers->pdata[i + 1]);
  soup_message_set_request_body_from_bytes (self->message, "application/json", self->batch);
  self->limit_source = g_timeout_add_seconds (REQUEST_SECONDS, request_takes_too_long, self);
  soup_session_send_async (self->session, self->message, G_PRIORITY_LOW, self->request, sent,
                           g_object_ref (self));
}

gboolean
medley_telemetry_is_on (MedleyTelemetry *self)
{
  return self->url != NULL;
}

void
medley_telemetry_add (MedleyTelemetry *self, MedleySpan *span)
{
  g_autoptr (MedleySpan) owned = span;

  if (self->session == NULL)
    return;
  if (g_queue_get_length (&self->waiting) + self->n_batch >= self->most) {
    count (self, "dropped", 1);
    return;
  }
  g_queue_push_tail (&self->waiting, medley_span_print (owned));
  show_waiting (self);
  if (self->message != NULL || self->batch != NULL)
    return;
  if (g_queue_get_length (&self->waiting) >= BATCH)
    send_batch (self);
  else if (self->send_source == 0)
    send_later (self, self->interval * 1000);
}

void
medley_telemetry_drain (MedleyTelemetry *self, guint seconds, GSourceOnceFunc drained,
                        gpointer data)
{
  g_return_if_fail (self->drained == NULL);
  self->is_draining = TRUE;
  self->drained = drained;
  self->drained_data = data;
  if (self->session == NULL || (self->batch == NULL && g_queue_is_empty (&self->waiting))) {
    self->drain_source = g_idle_add_full (G_PRIORITY_DEFAULT, end_drain, self, NULL);
    return;
  }
  self->drain_source = g_timeout_add_seconds (seconds, end_drain, self);
  send_batch (self);
}

static gboolean
take_endpoint (MedleyTelemetry *self, const char *text, GError **error)
{
  g_autoptr (GUri) uri = g_uri_parse (text, SOUP_HTTP_URI_FLAGS, NULL);
  const char *path = uri != NULL ? g_uri_get_path (uri) : "";
  gboolean is_http = uri != NULL
                     && (g_str_equal (g_uri_get_scheme (uri), "http")
                         || g_str_equal (g_uri_get_scheme (uri), "https"));

  if (!is_http || g_uri_get_host (uri) == NULL || *g_uri_get_host (uri) == '\0') {
    g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG,
                         "telemetry.otlp-endpoint is no address such as http://localhost:4318");
    return FALSE;
  }
  if (g_uri_get_userinfo (uri) != NULL) {
    g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG,
                         "telemetry.otlp-endpoint has a user or password, which everybody would "
                         "see: put an Authorization field into the file of telemetry.otlp-headers");
    return FALSE;
  }
  if (g_uri_get_query (uri) != NULL || g_uri_get_fragment (uri) != NULL) {
    g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG,
                         "telemetry.otlp-endpoint has a query or fragment, which everybody would "
                         "see: put a key into the file of telemetry.otlp-headers");
    return FALSE;
  }
  self->url
      = *path == '\0' || g_str_equal (path, "/")
            ? g_uri_join (SOUP_HTTP_URI_FLAGS, g_uri_get_scheme (uri), NULL, g_uri_get_host (uri),
                          g_uri_get_port (uri), DEFAULT_PATH, NULL, NULL)
            : g_strdup (text);
  return TRUE;
}

MedleyTelemetry *
medley_telemetry_new (MedleyConfig *config, MedleyMetrics *registry, GError **error)
{
  g_autoptr (MedleyTelemetry) self = g_object_new (MEDLEY_TYPE_TELEMETRY, NULL);
  const char *endpoint = medley_config_get_string (config, "telemetry.otlp-endpoint");

  medley_metrics_register (registry, infos, N_METRICS, self->metrics);
  if (*endpoint == '\0')
    return g_steal_pointer (&self);
  self->service = g_strdup (medley_config_get_string (config, "telemetry.service-name"));
  self->interval = (guint) medley_config_get_number (config, "telemetry.interval");
  self->most = (guint) medley_config_get_number (config, "telemetry.queue");
  self->headers
      = medley_otlp_headers_read (medley_config_get_path (config, "telemetry.otlp-headers"), error);
  if (self->headers == NULL || !take_endpoint (self, endpoint, error))
    return NULL;
  self->session = soup_session_new_with_options ("timeout", IDLE_SECONDS, "max-conns", 1,
                                                 "user-agent", "medley/" MEDLEY_VERSION, NULL);
  return g_steal_pointer (&self);
}

static void
medley_telemetry_dispose (GObject *object)
{
  MedleyTelemetry *self = MEDLEY_TELEMETRY (object);

  memset (self->metrics, 0, sizeof self->metrics);
  self->drained = NULL;
  g_clear_handle_id (&self->drain_source, g_source_remove);
  g_clear_handle_id (&self->send_source, g_source_remove);
  if (self->request != NULL)
    g_cancellable_cancel (self->request);
  end_request (self);
  g_clear_pointer (&self->batch, g_bytes_unref);
  g_queue_clear_full (&self->waiting, g_free);
  g_clear_object (&self->session);
  G_OBJECT_CLASS (medley_telemetry_parent_class)->dispose (object);
}

static void
medley_telemetry_finalize (GObject *object)
{
  MedleyTelemetry *self = MEDLEY_TELEMETRY (object);

  g_free (self->url);
  g_free (self->service);
  g_clear_pointer (&self->headers, g_ptr_array_unref);
  G_OBJECT_CLASS (medley_telemetry_parent_class)->finalize (object);
}

static void
medley_telemetry_class_init (MedleyTelemetryClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = medley_telemetry_dispose;
  G_OBJECT_CLASS (klass)->finalize = medley_telemetry_finalize;
}

static void
medley_telemetry_init (MedleyTelemetry *self)
{
  g_queue_init (&self->waiting);
}
