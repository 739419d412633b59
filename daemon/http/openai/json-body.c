/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/openai/json-body.h"

#include <medley/medley-error.h>

#include "base/json.h"
#include "http/openai/problem.h"

typedef struct {
  MedleyHttp *http;
  MedleyHttpExchange *exchange;
  MedleyOpenaiAttachments *attachments;
  gsize limit;
  MedleyOpenaiBodyFunc func;
} Reading;

static void
reading_free (Reading *self)
{
  g_object_unref (self->http);
  medley_http_exchange_unref (self->exchange);
  medley_openai_attachments_free (self->attachments);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Reading, reading_free)

static void
on_gone (MedleyHttpExchange *exchange, gpointer data)
{
  reading_free (data);
}

static void
parse (Reading *self)
{
  const GString *text = medley_openai_attachments_get_text (self->attachments);
  MedleyConfig *config = medley_http_get_config (self->http);
  MedleyJsonLimits limits = MEDLEY_JSON_LIMITS_DEFAULT;
  g_autoptr (GError) error = NULL;
  GVariant *value;

  limits.max_bytes = self->limit;
  limits.max_depth = (guint) medley_config_get_number (config, "limits.json-depth");
  value = medley_json_parse (text->str, text->len, &limits, NULL, &error);
  if (value == NULL)
    medley_openai_respond_error (self->exchange, error, 0, NULL, NULL);
  else
    self->func (self->http, self->exchange, medley_openai_fields_new (value), self->attachments);
}

static void
on_read (MedleyHttpExchange *exchange, GBytes *bytes, const GError *error, gpointer data)
{
  g_autoptr (Reading) self = data;
  g_autoptr (GError) failure = error != NULL ? g_error_copy (error) : NULL;
  gsize length = 0;
  const void *text = bytes != NULL ? g_bytes_get_data (bytes, &length) : NULL;

  if (failure == NULL && length > 0
      && medley_openai_attachments_feed (self->attachments, text, length, &failure)) {
    medley_http_exchange_read (exchange, on_read, g_steal_pointer (&self));
    return;
  }
  medley_http_exchange_set_gone_func (exchange, NULL, NULL);
  if (failure != NULL)
    medley_openai_respond_error (exchange, failure, 0, NULL, NULL);
  else
    parse (self);
}

void
medley_openai_read_json (MedleyHttp *http, MedleyHttpExchange *exchange, MedleyOpenaiBodyFunc func)
{
  const MedleyHttpRequest *request = medley_http_exchange_get_request (exchange);
  const char *type = soup_message_headers_get_content_type (request->headers, NULL);
  MedleyConfig *config = medley_http_get_config (http);
  g_autoptr (GError) error = NULL;
  Reading *self;

  /* As everywhere: a form of a foreign page cannot send JSON. */
  if (type == NULL || g_ascii_strcasecmp (type, "application/json") != 0) {
    g_set_error (&error, MEDLEY_ERROR, MEDLEY_ERROR_UNSUPPORTED_TYPE,
                 "this takes \"Content-Type: application/json\", not %s",
                 type != NULL ? type : "a body without a type");
    medley_openai_respond_error (exchange, error, 0, NULL, NULL);
    return;
  }
  self = g_new0 (Reading, 1);
  self->http = g_object_ref (http);
  self->exchange = medley_http_exchange_ref (exchange);
  self->limit = medley_config_get_number (config, "http.json-bytes");
  self->attachments
      = medley_openai_attachments_new (medley_config_get_path (config, "paths.spool"), self->limit,
                                       medley_config_get_number (config, "limits.input-bytes"));
  self->func = func;
  medley_http_exchange_set_gone_func (exchange, on_gone, self);
  medley_http_exchange_read (exchange, on_read, self);
}
