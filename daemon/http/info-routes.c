/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <medley/medley-error.h>

#include "http/problem.h"
#include "http/routes.h"

void
medley_http_show_status (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params)
{
  medley_http_respond_json (exchange, 200,
                            medley_job_manager_status (medley_http_get_manager (http)));
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

static void
respond_word (MedleyHttpExchange *exchange, const char *word)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "status", "s", word);
  medley_http_respond_json (exchange, 200, g_variant_dict_end (&dict));
}

void
medley_http_show_health (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params)
{
  respond_word (exchange, "ok");
}

/* Ready means: workers have said which engines there are, and jobs are taken. */
void
medley_http_show_readiness (MedleyHttp *http, MedleyHttpExchange *exchange,
                            const char *const *params)
{
  MedleyJobManager *manager = medley_http_get_manager (http);
  MedleyCatalog *catalog = medley_job_manager_get_catalog (manager);
  g_autoptr (GPtrArray) engines = medley_catalog_list (catalog);
  g_autoptr (GError) error = NULL;

  if (engines->len == 0)
    g_set_error_literal (&error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
                         "no engine is known yet: the first worker has not described them");
  else if (medley_job_manager_may_take_jobs (manager, &error)) {
    respond_word (exchange, "ready");
    return;
  }
  medley_http_respond_problem (exchange, error, 0, NULL);
}
