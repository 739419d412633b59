/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/problem.h"

#include "base/error.h"
#include "base/json.h"
#include "http/openai/problem.h"

#define RETRY_SECONDS "5"

guint
medley_http_problem_status (const GError *error)
{
  return medley_error_info (error)->http_status;
}

GVariant *
medley_http_problem (const GError *error, guint status, GVariant *details)
{
  const MedleyErrorInfo *info = medley_error_info (error);
  g_autofree char *type = g_strconcat ("urn:medley:error:", info->name, NULL);
  GVariantDict dict;
  GVariantBuilder builder;
  GVariantIter iter;
  const char *key;
  GVariant *value;

  g_variant_dict_init (&dict, NULL);
  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
#define ADD(Name, Value)                                                                           \
  g_variant_dict_insert (&dict, Name, "b", TRUE);                                                  \
  g_variant_builder_add (&builder, "{sv}", Name, Value)
  ADD ("type", g_variant_new_string (type));
  ADD ("title", g_variant_new_string (info->title));
  ADD ("status", g_variant_new_uint32 (status != 0 ? status : info->http_status));
  /* It may show what a client sent, cut within a character. */
  ADD ("detail", g_variant_new_take_string (g_utf8_make_valid (error->message, -1)));
  ADD ("code", g_variant_new_string (info->name));
#undef ADD
  if (details != NULL) {
    g_variant_iter_init (&iter, details);
    while (g_variant_iter_loop (&iter, "{&sv}", &key, &value)) {
      if (!g_variant_dict_contains (&dict, key))
        g_variant_builder_add (&builder, "{sv}", key, value);
    }
  }
  g_variant_dict_clear (&dict);
  return g_variant_builder_end (&builder);
}

static void
respond (MedleyHttpExchange *exchange, guint status, const char *type, GVariant *value)
{
  g_autoptr (GVariant) owned = g_variant_ref_sink (value);
  g_autofree char *text = medley_json_print (owned, FALSE);
  g_autofree char *line = g_strconcat (text, "\n", NULL);
  g_autoptr (GBytes) body = NULL;
  SoupMessageHeaders *headers = medley_http_exchange_get_headers (exchange);
  gsize length = strlen (line);

  soup_message_headers_replace (headers, "Cache-Control", "no-store");
  soup_message_headers_replace (headers, "X-Content-Type-Options", "nosniff");
  body = g_bytes_new_take (g_steal_pointer (&line), length);
  medley_http_exchange_respond (exchange, status, type, body);
}

void
medley_http_respond_problem (MedleyHttpExchange *exchange, const GError *error, guint status,
                             GVariant *details)
{
  SoupMessageHeaders *headers = medley_http_exchange_get_headers (exchange);
  g_autoptr (GVariant) owned = details != NULL ? g_variant_ref_sink (details) : NULL;
  g_autoptr (GVariant) with_request = NULL;
  GVariantDict dict;

  if (medley_openai_owns (medley_http_exchange_get_request (exchange))) {
    medley_openai_respond_error (exchange, error, status, NULL, NULL);
    return;
  }
  if (status == 0)
    status = medley_http_problem_status (error);
  if (status == 401 && soup_message_headers_get_one (headers, "WWW-Authenticate") == NULL)
    soup_message_headers_replace (headers, "WWW-Authenticate", "Bearer realm=\"medley\"");
  if (status == 429 || status == 503)
    soup_message_headers_replace (headers, "Retry-After", RETRY_SECONDS);
  g_variant_dict_init (&dict, owned);
  g_variant_dict_insert (&dict, "request", "s", medley_http_exchange_get_notes (exchange)->id);
  with_request = g_variant_ref_sink (g_variant_dict_end (&dict));
  respond (exchange, status, "application/problem+json",
           medley_http_problem (error, status, with_request));
}

void
medley_http_respond_json (MedleyHttpExchange *exchange, guint status, GVariant *value)
{
  respond (exchange, status, "application/json", value);
}
