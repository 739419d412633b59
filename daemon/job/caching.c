/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The manager's stage cache. */

#include "base/error.h"
#include "job/manager-private.h"

void
medley_job_manager_open_cache (MedleyJobManager *self)
{
  g_autoptr (GError) error = NULL;

  self->cache = medley_stage_cache_new_from_config (self->config, &error);
  if (self->cache != NULL)
    return;
  self->cache_off = g_strdup (error->message);
  if (!g_error_matches (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE))
    g_warning ("no stage cache: %s", error->message);
}

GVariant *
medley_job_manager_describe_cache (MedleyJobManager *self)
{
  return self->cache != NULL ? medley_stage_cache_describe (self->cache)
                             : g_variant_new_parsed ("{'off': <%s>}", self->cache_off);
}

static void
clear (GTask *task, gpointer source, gpointer cache, GCancellable *cancellable)
{
  g_task_return_int (task, (gssize) medley_stage_cache_clear (cache));
}

void
medley_job_manager_clear_cache_async (MedleyJobManager *self, GAsyncReadyCallback callback,
                                      gpointer data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, data);

  if (self->cache == NULL) {
    g_task_return_new_error (task, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
                             "there is no stage cache: %s", self->cache_off);
    return;
  }
  g_task_set_task_data (task, g_object_ref (self->cache), g_object_unref);
  g_task_run_in_thread (task, clear);
}

gboolean
medley_job_manager_clear_cache_finish (MedleyJobManager *self, GAsyncResult *result,
                                       guint64 *removed, GError **error)
{
  gssize n = g_task_propagate_int (G_TASK (result), error);

  *removed = (guint64) MAX (n, 0);
  return n >= 0;
}
