/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/openai/sse.h"

#include "base/json.h"

#define HEARTBEAT_SECONDS 15

struct _MedleyOpenaiSse {
  MedleyHttpExchange *exchange;
  GString *pending;
  gboolean writing;
  gboolean finishing;
  MedleyOpenaiSseFunc func;
  gpointer data;
  guint heartbeat;
};

static void
send_pending (MedleyOpenaiSse *self);

static gboolean
beat (gpointer data)
{
  MedleyOpenaiSse *self = data;

  if (!self->writing && self->pending->len == 0) {
    g_string_append (self->pending, ":\n\n");
    send_pending (self);
  }
  return G_SOURCE_CONTINUE;
}

MedleyOpenaiSse *
medley_openai_sse_new (MedleyHttpExchange *exchange)
{
  MedleyOpenaiSse *self = g_new0 (MedleyOpenaiSse, 1);

  self->exchange = medley_http_exchange_ref (exchange);
  self->pending = g_string_new (NULL);
  return self;
}

void
medley_openai_sse_free (MedleyOpenaiSse *self)
{
  g_clear_handle_id (&self->heartbeat, g_source_remove);
  medley_http_exchange_unref (self->exchange);
  g_string_free (self->pending, TRUE);
  g_free (self);
}

void
medley_openai_sse_add (MedleyOpenaiSse *self, const char *event, GVariant *data)
{
  g_autoptr (GVariant) owned = g_variant_ref_sink (data);
  g_autofree char *text = medley_json_print (owned, FALSE);

  if (event != NULL)
    g_string_append_printf (self->pending, "event: %s\n", event);
  g_string_append_printf (self->pending, "data: %s\n\n", text);
}

gboolean
medley_openai_sse_has_pending (MedleyOpenaiSse *self)
{
  return self->pending->len > 0;
}

static void
begin (MedleyOpenaiSse *self)
{
  SoupMessageHeaders *headers = medley_http_exchange_get_headers (self->exchange);

  soup_message_headers_replace (headers, "Content-Type", "text/event-stream; charset=utf-8");
  soup_message_headers_replace (headers, "Cache-Control", "no-store");
  soup_message_headers_replace (headers, "X-Content-Type-Options", "nosniff");
  medley_http_exchange_begin (self->exchange, 200, -1);
  self->heartbeat = g_timeout_add_seconds (HEARTBEAT_SECONDS, beat, self);
}

/* The function may free the answer. */
static void
call_back (MedleyOpenaiSse *self)
{
  MedleyOpenaiSseFunc func = g_steal_pointer (&self->func);

  if (self->finishing)
    medley_http_exchange_finish (self->exchange);
  if (func != NULL)
    func (self->data);
}

static void
on_wrote (MedleyHttpExchange *exchange, gpointer data)
{
  MedleyOpenaiSse *self = data;

  self->writing = FALSE;
  if (self->pending->len > 0)
    send_pending (self);
  else
    call_back (self);
}

static void
send_pending (MedleyOpenaiSse *self)
{
  g_autoptr (GBytes) bytes = g_string_free_to_bytes (self->pending);

  self->pending = g_string_new (NULL);
  self->writing = TRUE;
  medley_http_exchange_write (self->exchange, bytes, on_wrote, self);
}

void
medley_openai_sse_flush (MedleyOpenaiSse *self, MedleyOpenaiSseFunc func, gpointer data)
{
  g_return_if_fail (self->func == NULL);
  if (medley_http_exchange_is_over (self->exchange))
    return;
  self->func = func;
  self->data = data;
  if (!medley_http_exchange_has_begun (self->exchange))
    begin (self);
  /* A heartbeat may be on its way. */
  if (self->writing)
    return;
  if (self->pending->len > 0)
    send_pending (self);
  else
    call_back (self);
}

void
medley_openai_sse_finish (MedleyOpenaiSse *self, gboolean done, MedleyOpenaiSseFunc func,
                          gpointer data)
{
  if (done)
    g_string_append (self->pending, "data: [DONE]\n\n");
  self->finishing = TRUE;
  medley_openai_sse_flush (self, func, data);
}
