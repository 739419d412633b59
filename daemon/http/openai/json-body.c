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
  MedleyConfig *config = medley_http_get_config (self->http);
  MedleyJsonLimits limits = MEDLEY_JSON_LIMITS_DEFAULT;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) text = medley_openai_attachments_get_text (self->attachments, &error);
  g_autoptr (GVariant) value = NULL;
  const char *json;
  gsize length;

  limits.max_bytes = self->limit;
  limits.max_depth = (guint) medley_config_get_number (config, "limits.json-depth");
  if (text != NULL) {
    json = g_bytes_get_data (text, &length);
    value = medley_json_parse (json != NULL ? json : "", length, &limits, NULL, &error);
  }
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

static gboolean
check_head (const MedleyHttpRequest *request, MedleyConfig *config, GError **error)
{
  const char *type = soup_message_headers_get_content_type (request->headers, NULL);
  guint64 text = medley_config_get_number (config, "http.json-bytes");
  guint64 files = medley_config_get_number (config, "limits.input-bytes");

  /* As everywhere: a form of a foreign page cannot send JSON. */
  if (type == NULL || g_ascii_strcasecmp (type, "application/json") != 0) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNSUPPORTED_TYPE,
                 "this takes \"Content-Type: application/json\", not %s",
                 type != NULL ? type : "a body without a type");
    return FALSE;
  }
  /* How much of it is files is not known yet. In it they are less than three times as long, even if
   * their base64 is nothing but slashes that are escaped. */
  if (request->framing == MEDLEY_HTTP_BODY_LENGTH && request->length > text
      && (request->length - text) / 3 > files) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_TOO_LARGE,
                 "the request body has %" G_GUINT64_FORMAT " bytes, more than "
                 "limits.input-bytes and http.json-bytes allow",
                 request->length);
    return FALSE;
  }
  return TRUE;
}

void
medley_openai_read_json (MedleyHttp *http, MedleyHttpExchange *exchange, MedleyOpenaiBodyFunc func)
{
  const MedleyHttpRequest *request = medley_http_exchange_get_request (exchange);
  MedleyConfig *config = medley_http_get_config (http);
  g_autoptr (GError) error = NULL;
  Reading *self;

  if (!check_head (request, config, &error)) {
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
