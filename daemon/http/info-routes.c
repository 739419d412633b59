/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <medley/medley-error.h>
#include <string.h>

#include "http/problem.h"
#include "http/routes.h"

void
medley_http_show_status (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params)
{
  g_autoptr (GVariant) status
      = g_variant_ref_sink (medley_job_manager_status (medley_http_get_manager (http)));
  GVariantDict dict;

  g_variant_dict_init (&dict, status);
  g_variant_dict_insert_value (&dict, "http", medley_http_describe (http));
  medley_http_respond_json (exchange, 200, g_variant_dict_end (&dict));
}

static void
cache_cleared (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (MedleyHttpExchange) exchange = data;
  g_autoptr (GError) error = NULL;
  guint64 removed;

  if (medley_job_manager_clear_cache_finish (MEDLEY_JOB_MANAGER (source), result, &removed, &error))
    medley_http_respond_json (exchange, 200, g_variant_new_parsed ("{'removed': <%t>}", removed));
  else
    medley_http_respond_problem (exchange, error, 0, NULL);
}

void
medley_http_clear_cache (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params)
{
  medley_job_manager_clear_cache_async (medley_http_get_manager (http), cache_cleared,
                                        medley_http_exchange_ref (exchange));
}

void
medley_http_show_health (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "status", "s", "ok");
  medley_http_respond_json (exchange, 200, g_variant_dict_end (&dict));
}

/* Whatever is amiss, who spreads requests over daemons is to send none here: the status is the
 * same. */
void
medley_http_show_readiness (MedleyHttp *http, MedleyHttpExchange *exchange,
                            const char *const *params)
{
  MedleyJobManager *manager = medley_http_get_manager (http);
  g_autoptr (GError) error = NULL;
  const char *check;
  gboolean ready = medley_job_manager_is_ready (manager, &check, &error);
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  if (ready) {
    g_autoptr (GPtrArray) engines = medley_catalog_list (medley_job_manager_get_catalog (manager));

    g_variant_dict_insert (&dict, "status", "s", "ready");
    g_variant_dict_insert (&dict, "engines", "u", engines->len);
    medley_http_respond_json (exchange, 200, g_variant_dict_end (&dict));
  } else {
    g_variant_dict_insert (&dict, "check", "s", check);
    medley_http_respond_problem (exchange, error, 503, g_variant_dict_end (&dict));
  }
}

void
medley_http_show_metrics (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params)
{
  SoupMessageHeaders *headers = medley_http_exchange_get_headers (exchange);
  const char *accept
      = medley_http_request_get_header (medley_http_exchange_get_request (exchange), "Accept");
  gboolean open = accept != NULL && strstr (accept, "application/openmetrics-text") != NULL;
  char *text
      = medley_metrics_print (medley_job_manager_get_metrics (medley_http_get_manager (http)),
                              open);
  g_autoptr (GBytes) body = g_bytes_new_take (text, strlen (text));

  soup_message_headers_replace (headers, "Cache-Control", "no-store");
  soup_message_headers_replace (headers, "X-Content-Type-Options", "nosniff");
  medley_http_exchange_respond (exchange, 200,
                                open ? MEDLEY_METRICS_OPEN_TYPE : MEDLEY_METRICS_TYPE, body);
}
