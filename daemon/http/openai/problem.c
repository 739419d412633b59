/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/openai/problem.h"

#include <medley/medley-error.h>

#include "base/error.h"
#include "base/json.h"
#include "http/problem.h"

#define RETRY_SECONDS 5

gboolean
medley_openai_owns (const MedleyHttpRequest *request)
{
  return request != NULL && request->segments[0] != NULL
         && g_str_equal (request->segments[0], "v1");
}

guint
medley_openai_status (const GError *error)
{
  guint status = medley_error_info (error)->http_status;

  return status == 422 ? 400 : status;
}

static const char *
type_of_status (guint status)
{
  switch (status) {
  case 401:
    return "authentication_error";
  case 403:
    return "permission_error";
  case 404:
    return "not_found_error";
  case 429:
    return "rate_limit_error";
  default:
    return status >= 500 ? "server_error" : "invalid_request_error";
  }
}

/* What OpenAI has a code of its own for has that; clients look for it. */
static char *
code_of (const GError *error, guint status)
{
  if (g_error_matches (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAUTHORIZED))
    return g_strdup ("invalid_api_key");
  if (g_error_matches (error, MEDLEY_ERROR, MEDLEY_ERROR_QUEUE_FULL))
    return g_strdup ("rate_limit_exceeded");
  if (status == 404 && g_error_matches (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_FOUND))
    return g_strdup ("not_found");
  return g_strdelimit (g_strdup (medley_error_info (error)->name), "-", '_');
}

/* Errors of a job that can only come from one field. */
static const char *
param_of (const GError *error)
{
  if (g_error_matches (error, MEDLEY_ERROR, MEDLEY_ERROR_UNKNOWN_VOICE))
    return "voice";
  if (g_error_matches (error, MEDLEY_ERROR, MEDLEY_ERROR_UNKNOWN_LANGUAGE))
    return "language";
  return NULL;
}

static GVariant *
nullable_string (const char *text)
{
  return text != NULL ? g_variant_new_string (text)
                      : g_variant_new_maybe (G_VARIANT_TYPE_VARIANT, NULL);
}

GVariant *
medley_openai_error (const GError *error, guint status, const char *param, const char *code)
{
  g_autofree char *own = NULL;
  GVariantBuilder builder;
  GVariantBuilder outer;

  if (status == 0)
    status = medley_openai_status (error);
  own = code_of (error, status);
  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  /* It may show what a client sent, cut within a character. */
  g_variant_builder_add (&builder, "{sv}", "message",
                         g_variant_new_take_string (g_utf8_make_valid (error->message, -1)));
  g_variant_builder_add (&builder, "{sv}", "type", g_variant_new_string (type_of_status (status)));
  g_variant_builder_add (&builder, "{sv}", "param",
                         nullable_string (param != NULL ? param : param_of (error)));
  g_variant_builder_add (&builder, "{sv}", "code",
                         g_variant_new_string (code != NULL ? code : own));
  g_variant_builder_init (&outer, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&outer, "{sv}", "error", g_variant_builder_end (&builder));
  return g_variant_builder_end (&outer);
}

/* The official clients try 408, 409, 429 and all of 5xx again unless they are told not to. */
static void
tell_whether_to_retry (SoupMessageHeaders *headers, const GError *error, guint status)
{
  gboolean again = status == 408 || status == 429 || status == 503
                   || (status >= 500 && medley_error_info (error)->transient);

  if (status != 408 && status != 409 && status != 429 && status < 500)
    return;
  soup_message_headers_replace (headers, "x-should-retry", again ? "true" : "false");
  if (status == 429 || status == 503) {
    soup_message_headers_replace (headers, "Retry-After", G_STRINGIFY (RETRY_SECONDS));
    soup_message_headers_replace (headers, "retry-after-ms", G_STRINGIFY (RETRY_SECONDS) "000");
  }
}

void
medley_openai_respond_error (MedleyHttpExchange *exchange, const GError *error, guint status,
                             const char *param, const char *code)
{
  SoupMessageHeaders *headers = medley_http_exchange_get_headers (exchange);

  if (status == 0 || status == 422)
    status = medley_openai_status (error);
  /* Who checked a token has said more. */
  if (status == 401 && soup_message_headers_get_one (headers, "WWW-Authenticate") == NULL)
    soup_message_headers_replace (headers, "WWW-Authenticate", "Bearer realm=\"medley\"");
  soup_message_headers_replace (headers, "Medley-Error", medley_error_info (error)->name);
  tell_whether_to_retry (headers, error, status);
  medley_http_respond_json (exchange, status, medley_openai_error (error, status, param, code));
}

static void
on_begin (MedleyHttpExchange *exchange, guint status)
{
  gint64 spent = g_get_monotonic_time () - medley_http_exchange_get_start (exchange);
  g_autofree char *text = g_strdup_printf ("%" G_GINT64_FORMAT, spent / G_TIME_SPAN_MILLISECOND);

  soup_message_headers_replace (medley_http_exchange_get_headers (exchange), "openai-processing-ms",
                                text);
}

void
medley_openai_tell_time (MedleyHttpExchange *exchange)
{
  medley_http_exchange_set_begin_func (exchange, on_begin);
}
