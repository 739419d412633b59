/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/body.h"

#include <medley/medley-error.h>

#include "http/problem.h"
#include "http/spill.h"

typedef struct {
  MedleyHttp *http;
  MedleyHttpExchange *exchange;
  MedleyHttpSpill *body;
  gsize limit;
  MedleyHttpTextFunc text_func;
  MedleyHttpJsonFunc json_func;
} Reading;

static void
reading_free (Reading *self)
{
  g_object_unref (self->http);
  medley_http_exchange_unref (self->exchange);
  medley_http_spill_free (self->body);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Reading, reading_free)

static void
on_gone (MedleyHttpExchange *exchange, gpointer data)
{
  reading_free (data);
}

static void
parse (Reading *self, GBytes *bytes)
{
  MedleyConfig *config = medley_http_get_config (self->http);
  MedleyJsonLimits limits = MEDLEY_JSON_LIMITS_DEFAULT;
  g_autoptr (MedleyJsonMap) map = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = NULL;
  gsize length;
  const char *text = g_bytes_get_data (bytes, &length);

  limits.max_bytes = self->limit;
  limits.max_depth = (guint) medley_config_get_number (config, "limits.json-depth");
  value = medley_json_parse (text != NULL ? text : "", length, &limits, &map, &error);
  if (value == NULL)
    medley_http_respond_problem (self->exchange, error, 0, NULL);
  else
    self->json_func (self->http, self->exchange, bytes, value, map);
}

static gboolean
take (Reading *self, GBytes *bytes, GError **error)
{
  gsize length = g_bytes_get_size (bytes);

  if (length > self->limit - medley_http_spill_get_length (self->body)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_TOO_LARGE,
                 "the request body is longer than %" G_GSIZE_FORMAT " bytes", self->limit);
    return FALSE;
  }
  return medley_http_spill_append (self->body, g_bytes_get_data (bytes, NULL), length, error);
}

static void
on_read (MedleyHttpExchange *exchange, GBytes *bytes, const GError *error, gpointer data)
{
  g_autoptr (Reading) self = data;
  g_autoptr (GError) failure = error != NULL ? g_error_copy (error) : NULL;
  g_autoptr (GBytes) text = NULL;

  if (failure == NULL && g_bytes_get_size (bytes) > 0 && take (self, bytes, &failure)) {
    medley_http_exchange_read (exchange, on_read, g_steal_pointer (&self));
    return;
  }
  if (failure == NULL)
    text = medley_http_spill_get_bytes (self->body, &failure);
  medley_http_exchange_set_gone_func (exchange, NULL, NULL);
  if (text == NULL)
    medley_http_respond_problem (exchange, failure, 0, NULL);
  else if (self->json_func != NULL)
    parse (self, text);
  else
    self->text_func (self->http, exchange, text);
}

/* A form of a foreign page can send text/plain without asking first, JSON it cannot. */
static gboolean
check_type (MedleyHttpExchange *exchange, gsize limit, GError **error)
{
  const MedleyHttpRequest *request = medley_http_exchange_get_request (exchange);
  const char *type = soup_message_headers_get_content_type (request->headers, NULL);

  if (type == NULL || g_ascii_strcasecmp (type, "application/json") != 0) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNSUPPORTED_TYPE,
                 "this takes \"Content-Type: application/json\", not %s",
                 type != NULL ? type : "a body without a type");
    return FALSE;
  }
  if (request->framing == MEDLEY_HTTP_BODY_LENGTH && request->length > limit) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_TOO_LARGE,
                 "the request body has %" G_GUINT64_FORMAT " bytes, at most %" G_GSIZE_FORMAT
                 " are taken",
                 request->length, limit);
    return FALSE;
  }
  return TRUE;
}

static void
start (MedleyHttp *http, MedleyHttpExchange *exchange, gsize limit, MedleyHttpTextFunc text_func,
       MedleyHttpJsonFunc json_func)
{
  g_autoptr (GError) error = NULL;
  Reading *self;

  if (!check_type (exchange, limit, &error)) {
    medley_http_respond_problem (exchange, error, 0, NULL);
    return;
  }
  self = g_new0 (Reading, 1);
  self->http = g_object_ref (http);
  self->exchange = medley_http_exchange_ref (exchange);
  self->body = medley_http_spill_new (medley_config_get_path (medley_http_get_config (http),
                                                              "paths.spool"),
                                      MEDLEY_HTTP_SPILL_MEMORY);
  self->limit = limit;
  self->text_func = text_func;
  self->json_func = json_func;
  medley_http_exchange_set_gone_func (exchange, on_gone, self);
  medley_http_exchange_read (exchange, on_read, self);
}

void
medley_http_read_json (MedleyHttp *http, MedleyHttpExchange *exchange, MedleyHttpJsonFunc func)
{
  gsize limit = medley_config_get_number (medley_http_get_config (http), "http.json-bytes");

  start (http, exchange, limit, NULL, func);
}

void
medley_http_read_json_text (MedleyHttp *http, MedleyHttpExchange *exchange, gsize limit,
                            MedleyHttpTextFunc func)
{
  start (http, exchange, limit, func, NULL);
}
