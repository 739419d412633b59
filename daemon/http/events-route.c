/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <medley/medley-error.h>

#include "base/json.h"
#include "http/problem.h"
#include "http/routes.h"

#define HEARTBEAT_SECONDS 15
/* Of one write, unless an event alone is longer: it is held until a client has read it. */
#define PIECE (16 * 1024)

/* A client that follows a job's events. What it has not got yet is in the job's own log: nothing is
 * queued here. */
typedef struct {
  MedleyHttpExchange *exchange;
  MedleyJob *job;
  guint64 after;
  gboolean writing;
  gulong event_handler;
  gulong changed_handler;
  guint heartbeat;
  guint idle;
} Stream;

static void
stream_free (Stream *self)
{
  g_signal_handler_disconnect (self->job, self->event_handler);
  g_signal_handler_disconnect (self->job, self->changed_handler);
  g_source_remove (self->heartbeat);
  if (self->idle != 0)
    g_source_remove (self->idle);
  g_object_unref (self->job);
  medley_http_exchange_unref (self->exchange);
  g_free (self);
}

static void
on_wrote (MedleyHttpExchange *exchange, gpointer data);

static void
write_text (Stream *self, const char *text, gsize length)
{
  g_autoptr (GBytes) bytes = g_bytes_new (text, length);

  self->writing = TRUE;
  medley_http_exchange_write (self->exchange, bytes, on_wrote, self);
}

static void
append_event (GString *text, GVariant *event)
{
  const char *kind = "message";
  guint64 seq = 0;
  g_autofree char *json = medley_json_print (event, FALSE);

  g_variant_lookup (event, "seq", "t", &seq);
  g_variant_lookup (event, "kind", "&s", &kind);
  g_string_append_printf (text, "id: %" G_GUINT64_FORMAT "\nevent: %s\ndata: %s\n\n", seq, kind,
                          json);
}

static void
send_news (Stream *self)
{
  g_autoptr (GPtrArray) events = NULL;
  g_autoptr (GString) text = NULL;
  guint n = 0;

  if (self->writing)
    return;
  events = medley_job_get_events (self->job, self->after);
  if (events->len > 0) {
    text = g_string_new (NULL);
    while (n < events->len && text->len < PIECE)
      append_event (text, g_ptr_array_index (events, n++));
    g_variant_lookup (g_ptr_array_index (events, n - 1), "seq", "t", &self->after);
    write_text (self, text->str, text->len);
  } else if (medley_job_state_is_final (medley_job_get_state (self->job))
             || medley_job_is_adjourned (self->job)) {
    g_autoptr (MedleyHttpExchange) exchange = medley_http_exchange_ref (self->exchange);

    medley_http_exchange_set_gone_func (exchange, NULL, NULL);
    stream_free (self);
    medley_http_exchange_finish (exchange);
  }
}

static void
on_wrote (MedleyHttpExchange *exchange, gpointer data)
{
  Stream *self = data;

  self->writing = FALSE;
  send_news (self);
}

static gboolean
on_idle (gpointer data)
{
  Stream *self = data;

  self->idle = 0;
  send_news (self);
  return G_SOURCE_REMOVE;
}

/* Not at once: what belongs together is still being changed, and comes in one write. */
static void
on_news (Stream *self)
{
  if (self->idle == 0)
    self->idle = g_idle_add_full (G_PRIORITY_DEFAULT, on_idle, self, NULL);
}

static gboolean
on_heartbeat (gpointer data)
{
  Stream *self = data;

  if (!self->writing)
    write_text (self, ":\n\n", 3);
  return G_SOURCE_CONTINUE;
}

static void
on_gone (MedleyHttpExchange *exchange, gpointer data)
{
  stream_free (data);
}

static void
start_stream (MedleyHttpExchange *exchange, MedleyJob *job, guint64 after)
{
  SoupMessageHeaders *headers = medley_http_exchange_get_headers (exchange);
  Stream *self;

  soup_message_headers_replace (headers, "Content-Type", "text/event-stream; charset=utf-8");
  soup_message_headers_replace (headers, "Cache-Control", "no-store");
  soup_message_headers_replace (headers, "X-Content-Type-Options", "nosniff");
  medley_http_exchange_begin (exchange, 200, -1);
  if (g_str_equal (medley_http_exchange_get_request (exchange)->method, "HEAD")) {
    medley_http_exchange_finish (exchange);
    return;
  }
  self = g_new0 (Stream, 1);
  self->exchange = medley_http_exchange_ref (exchange);
  self->job = g_object_ref (job);
  self->after = after;
  self->event_handler = g_signal_connect_swapped (job, "event", G_CALLBACK (on_news), self);
  self->changed_handler = g_signal_connect_swapped (job, "changed", G_CALLBACK (on_news), self);
  self->heartbeat = g_timeout_add_seconds (HEARTBEAT_SECONDS, on_heartbeat, self);
  medley_http_exchange_set_gone_func (exchange, on_gone, self);
  /* A comment, so that the head leaves now also when there is no event yet. */
  write_text (self, ":\n\n", 3);
}

static void
respond_list (MedleyHttpExchange *exchange, MedleyJob *job, guint64 after)
{
  g_autoptr (GPtrArray) events = medley_job_get_events (job, after);
  GVariantBuilder builder;
  GVariantDict dict;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < events->len; i++)
    g_variant_builder_add_value (&builder, g_ptr_array_index (events, i));
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert_value (&dict, "events", g_variant_builder_end (&builder));
  g_variant_dict_insert (&dict, "last", "t", medley_job_get_last_event (job));
  medley_http_respond_json (exchange, 200, g_variant_dict_end (&dict));
}

static gboolean
prefers_json (const MedleyHttpRequest *request)
{
  const char *accept = medley_http_request_get_header (request, "Accept");
  GSList *types;
  gboolean is_json = FALSE;

  if (accept == NULL)
    return FALSE;
  types = soup_header_parse_quality_list (accept, NULL);
  for (GSList *l = types; l != NULL; l = l->next) {
    is_json = g_ascii_strcasecmp (l->data, "application/json") == 0;
    if (is_json || g_ascii_strcasecmp (l->data, "text/event-stream") == 0)
      break;
  }
  soup_header_free_list (types);
  return is_json;
}

void
medley_http_follow_events (MedleyHttp *http, MedleyHttpExchange *exchange,
                           const char *const *params)
{
  const MedleyHttpRequest *request = medley_http_exchange_get_request (exchange);
  /* A browser that connects again sends the header with the same address as before. */
  const char *text = medley_http_request_get_header (request, "Last-Event-ID");
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyJob) job
      = medley_job_manager_get (medley_http_get_manager (http), params[0], &error);
  guint64 after = 0;

  if (text == NULL)
    text = medley_http_request_get_query (request, "after");
  if (job != NULL && text != NULL && *text != '\0'
      && !g_ascii_string_to_unsigned (text, 10, 0, G_MAXUINT64, &after, NULL)) {
    g_set_error (&error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "\"%s\" is no sequence number of an event", text);
    g_clear_object (&job);
  }
  if (job == NULL)
    medley_http_respond_problem (exchange, error, 0, NULL);
  else if (prefers_json (request))
    respond_list (exchange, job, after);
  else
    start_stream (exchange, job, after);
}
