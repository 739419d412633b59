/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <medley/medley-error.h>

#include "http/problem.h"
#include "http/routes.h"

/* An answer that waits for a worker. */
typedef struct {
  MedleyHttp *http;
  MedleyHttpExchange *exchange;
  char *engine;
  gboolean voices_only;
} Waiting;

static Waiting *
waiting_new (MedleyHttp *http, MedleyHttpExchange *exchange)
{
  Waiting *self = g_new0 (Waiting, 1);

  self->http = g_object_ref (http);
  self->exchange = medley_http_exchange_ref (exchange);
  return self;
}

static void
waiting_free (Waiting *self)
{
  g_object_unref (self->http);
  medley_http_exchange_unref (self->exchange);
  g_free (self->engine);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Waiting, waiting_free)

static void
respond_list (MedleyHttpExchange *exchange, const char *name, GVariant *list)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert_value (&dict, name, list);
  medley_http_respond_json (exchange, 200, g_variant_dict_end (&dict));
}

void
medley_http_list_engines (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params)
{
  MedleyJobManager *manager = medley_http_get_manager (http);
  MedleyCatalog *catalog = medley_job_manager_get_catalog (manager);
  g_autoptr (GPtrArray) engines = medley_catalog_list (catalog);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < engines->len; i++)
    g_variant_builder_add_value (
        &builder, medley_job_manager_describe_engine (manager, g_ptr_array_index (engines, i)));
  respond_list (exchange, "engines", g_variant_builder_end (&builder));
}

static void
on_inspected (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Waiting) self = data;
  MedleyJobManager *manager = MEDLEY_JOB_MANAGER (source);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) details = medley_job_manager_inspect_finish (manager, result, &error);
  const MedleyEngine *engine
      = medley_catalog_get (medley_job_manager_get_catalog (manager), self->engine);
  g_autoptr (GVariant) voices = NULL;
  g_autoptr (GVariant) described = NULL;
  GVariantDict dict;
  GVariantIter iter;
  const char *key;
  GVariant *value;

  if (details == NULL) {
    medley_http_respond_problem (self->exchange, error, 0, NULL);
    return;
  }
  if (self->voices_only) {
    voices = g_variant_lookup_value (details, "voices", G_VARIANT_TYPE ("aa{sv}"));
    respond_list (self->exchange, "voices",
                  voices != NULL ? voices : g_variant_new_array (G_VARIANT_TYPE_VARDICT, NULL, 0));
    return;
  }
  if (engine != NULL)
    described = g_variant_ref_sink (medley_job_manager_describe_engine (manager, engine));
  g_variant_dict_init (&dict, described);
  g_variant_iter_init (&iter, details);
  while (g_variant_iter_loop (&iter, "{&sv}", &key, &value))
    g_variant_dict_insert_value (&dict, key, value);
  medley_http_respond_json (self->exchange, 200, g_variant_dict_end (&dict));
}

static void
inspect (MedleyHttp *http, MedleyHttpExchange *exchange, const char *engine, gboolean voices_only)
{
  Waiting *waiting = waiting_new (http, exchange);

  waiting->engine = g_strdup (engine);
  waiting->voices_only = voices_only;
  medley_job_manager_inspect_async (medley_http_get_manager (http), engine, on_inspected, waiting);
}

void
medley_http_show_engine (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params)
{
  inspect (http, exchange, params[0], FALSE);
}

void
medley_http_list_voices (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params)
{
  inspect (http, exchange, params[0], TRUE);
}
