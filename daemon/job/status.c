/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the manager tells of the daemon as a whole. */

#include <medley/medley-error.h>

#include "job/manager-private.h"

static GVariant *
count_jobs (MedleyJobManager *self)
{
  g_auto (GVariantDict) jobs = G_VARIANT_DICT_INIT (NULL);
  guint counts[MEDLEY_JOB_N_STATES];
  GHashTableIter iter;
  gpointer job;

  memcpy (counts, self->ended, sizeof counts);
  g_hash_table_iter_init (&iter, self->live);
  while (g_hash_table_iter_next (&iter, NULL, &job)) {
    MedleyJobState state = medley_job_get_state (job);

    if (!medley_job_state_is_final (state))
      counts[state]++;
  }
  for (guint i = 0; i < MEDLEY_JOB_N_STATES; i++)
    g_variant_dict_insert (&jobs, medley_job_state_to_string ((MedleyJobState) i), "u", counts[i]);
  return g_variant_dict_end (&jobs);
}

static GVariant *
describe_store (MedleyJobManager *self)
{
  g_auto (GVariantDict) store = G_VARIANT_DICT_INIT (NULL);
  g_autoptr (GVariant) base = g_variant_ref_sink (medley_job_store_describe (self->store));

  g_variant_dict_init (&store, base);
  g_variant_dict_insert (&store, "endedBytes", "t", self->ended_bytes);
  g_variant_dict_insert (&store, "freeBytes", "t", medley_spool_get_free (self->spool));
  g_variant_dict_insert (&store, "unsaved", "u", g_hash_table_size (self->unsaved));
  return g_variant_dict_end (&store);
}

GVariant *
medley_job_manager_status (MedleyJobManager *self)
{
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  g_autoptr (GPtrArray) engines = medley_catalog_list (self->catalog);
  g_autoptr (GPtrArray) pipelines = medley_library_list (self->library);
  GVariant *faces = g_variant_ref_sink (g_variant_dict_end (self->faces));

  /* Ending a dictionary empties it. */
  g_variant_dict_unref (self->faces);
  self->faces = g_variant_dict_new (faces);
  g_variant_dict_insert (&dict, "version", "s", MEDLEY_VERSION);
  g_variant_dict_insert (&dict, "draining", "b", medley_job_manager_is_draining (self));
  g_variant_dict_insert_value (&dict, "jobs", count_jobs (self));
  g_variant_dict_insert_value (&dict, "store", describe_store (self));
  g_variant_dict_insert_value (&dict, "classes", medley_classes_describe (self->classes));
  g_variant_dict_insert_value (&dict, "circuits",
                               medley_circuits_describe (self->circuits, g_get_monotonic_time (),
                                                         g_get_real_time ()));
  g_variant_dict_insert_value (&dict, "workers", medley_pool_describe (self->pool));
  g_variant_dict_insert_value (&dict, "sandbox", medley_pool_get_sandbox (self->pool));
  g_variant_dict_insert_value (&dict, "configuration", medley_config_describe (self->config));
  g_variant_dict_insert (&dict, "engines", "u", engines->len);
  g_variant_dict_insert_value (&dict, "brokenPlugins", medley_catalog_get_broken (self->catalog));
  g_variant_dict_insert (&dict, "pipelines", "u", pipelines->len);
  g_variant_dict_insert (&dict, "uptime", "d",
                         (double) (g_get_monotonic_time () - self->started) / G_USEC_PER_SEC);
  g_variant_dict_insert_value (&dict, "cache", medley_job_manager_describe_cache (self));
  g_variant_dict_insert_value (&dict, "faces", faces);
  g_variant_unref (faces);
  return g_variant_dict_end (&dict);
}

static gboolean
has_engines (MedleyJobManager *self, GError **error)
{
  g_autoptr (GPtrArray) engines = medley_catalog_list (self->catalog);
  g_autoptr (GVariant) pool = g_variant_ref_sink (medley_pool_describe (self->pool));
  const char *failure = NULL;

  if (engines->len > 0)
    return TRUE;
  g_variant_lookup (pool, "lastFailure", "&s", &failure);
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
               "no engine is known: no worker has described them%s%s", failure != NULL ? "; " : "",
               failure != NULL ? failure : " yet");
  return FALSE;
}

gboolean
medley_job_manager_is_ready (MedleyJobManager *self, const char **check, GError **error)
{
  const GError *refusal = medley_pool_get_refusal (self->pool);

  *check = "drain";
  if (!medley_job_manager_may_take_jobs (self, error))
    return FALSE;
  *check = "sandbox";
  if (refusal != NULL) {
    g_propagate_error (error, g_error_copy (refusal));
    return FALSE;
  }
  *check = "engines";
  if (!has_engines (self, error))
    return FALSE;
  *check = "store";
  if (self->save_error != NULL) {
    g_propagate_error (error, g_error_copy (self->save_error));
    return FALSE;
  }
  *check = "disk";
  return medley_job_manager_has_space (self, error);
}

void
medley_job_manager_set_face (MedleyJobManager *self, const char *face, const char *where)
{
  g_variant_dict_insert (self->faces, face, "s", where);
}

MedleyLibrary *
medley_job_manager_get_library (MedleyJobManager *self)
{
  return self->library;
}

MedleyCatalog *
medley_job_manager_get_catalog (MedleyJobManager *self)
{
  return self->catalog;
}

MedleyConfig *
medley_job_manager_get_config (MedleyJobManager *self)
{
  return self->config;
}

MedleyMetrics *
medley_job_manager_get_metrics (MedleyJobManager *self)
{
  return self->registry;
}
