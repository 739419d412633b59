/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pipelines that are saved and removed while the daemon runs. One change is made after the other,
 * so that what its condition saw is still so when the file is written. */

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "job/manager-private.h"
#include "pipeline/plan.h"

#define MAX_NAME 128

typedef struct {
  char *name;
  GBytes *text;             /* NULL to remove it */
  MedleyPipeline *pipeline; /* of the text */
  char *path;
  MedleyPipelineCondition condition;
  gpointer condition_data;
  GVariant *faults; /* NULL unless it is refused for them */
  gboolean is_new;
} Change;

static void
change_free (gpointer data)
{
  Change *change = data;

  g_free (change->name);
  g_clear_pointer (&change->text, g_bytes_unref);
  g_clear_pointer (&change->pipeline, medley_pipeline_unref);
  g_free (change->path);
  g_clear_pointer (&change->faults, g_variant_unref);
  g_free (change);
}

static void
write_file (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  const Change *change = data;
  g_autofree char *folder = g_path_get_dirname (change->path);
  g_autoptr (GError) error = NULL;
  gsize length;
  const char *text = g_bytes_get_data (change->text, &length);
  int code = 0;

  if (g_mkdir_with_parents (folder, 0700) != 0)
    code = errno;
  else if (!g_file_set_contents_full (change->path, text, (gssize) length,
                                      G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
                                      0644, &error))
    code = errno != 0 ? errno : EIO;
  if (code == 0)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_new_error (task, MEDLEY_ERROR,
                             code == ENOSPC || code == EDQUOT ? MEDLEY_ERROR_NO_SPACE
                                                              : MEDLEY_ERROR_IO,
                             "cannot save %s: %s", change->path,
                             error != NULL ? error->message : g_strerror (code));
}

static void
remove_file (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  const Change *change = data;

  if (g_unlink (change->path) == 0 || errno == ENOENT)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_new_error (task, MEDLEY_ERROR, MEDLEY_ERROR_IO, "cannot remove %s: %s",
                             change->path, g_strerror (errno));
}

static void
begin_next (MedleyJobManager *self);

/* Takes over @task. */
static void
end (MedleyJobManager *self, GTask *task, GError *error)
{
  Change *change = g_task_get_task_data (task);
  g_autoptr (GTask) owned = task;

  self->is_changing_pipelines = FALSE;
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, change->is_new);
  begin_next (self);
}

static void
file_changed (GObject *source, GAsyncResult *result, gpointer data)
{
  MedleyJobManager *self = MEDLEY_JOB_MANAGER (source);
  GError *error = NULL;

  if (g_task_propagate_boolean (G_TASK (result), &error))
    medley_library_reload (self->library);
  end (self, data, error);
}

static gboolean
may_change (MedleyJobManager *self, Change *change, GError **error)
{
  MedleyPipeline *current = medley_library_lookup (self->library, change->name);

  change->is_new = current == NULL;
  if (change->condition != NULL
      && !change->condition (current, medley_library_get_text (self->library, change->name),
                             change->condition_data, error))
    return FALSE;
  if (change->text != NULL || medley_library_is_saved (self->library, change->name))
    return TRUE;
  if (current == NULL)
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_FOUND, "there is no pipeline \"%s\"",
                 change->name);
  else
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_ALLOWED,
                 "pipeline \"%s\" is not one of those in %s: it was installed, and goes with its "
                 "package",
                 change->name, medley_library_get_folder (self->library));
  return FALSE;
}

static void
begin_next (MedleyJobManager *self)
{
  GError *error = NULL;
  GTask *task;
  Change *change;
  g_autoptr (GTask) work = NULL;

  if (self->is_changing_pipelines || (task = g_queue_pop_head (&self->pipeline_changes)) == NULL)
    return;
  self->is_changing_pipelines = TRUE;
  change = g_task_get_task_data (task);
  if (!may_change (self, change, &error)) {
    end (self, task, error);
    return;
  }
  work = g_task_new (self, NULL, file_changed, task);
  g_task_set_task_data (work, change, NULL);
  g_task_run_in_thread (work, change->text != NULL ? write_file : remove_file);
}

/* Takes over @task. */
static void
enqueue (MedleyJobManager *self, GTask *task)
{
  g_queue_push_tail (&self->pipeline_changes, task);
  begin_next (self);
}

/* Takes over @task. */
static void
refuse (GTask *task, GPtrArray *faults)
{
  Change *change = g_task_get_task_data (task);
  g_autoptr (GTask) owned = task;
  const MedleyFault *first = NULL;
  guint n = 0;

  for (guint i = 0; i < faults->len; i++) {
    const MedleyFault *fault = faults->pdata[i];

    if (!fault->is_warning && n++ == 0)
      first = fault;
  }
  change->faults = g_variant_ref_sink (medley_faults_to_variant (faults));
  g_task_return_new_error (task, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_PIPELINE,
                           "the pipeline has %u fault%s; the first: %s", n, n == 1 ? "" : "s",
                           first != NULL ? first->message : "?");
}

static void
checked (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  MedleyJobManager *self = g_task_get_source_object (task);
  Change *change = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (GVariant) reply = medley_pool_ask_finish (MEDLEY_POOL (source), result, &error);
  g_autoptr (GVariant) found = NULL;
  g_autoptr (GPtrArray) faults = NULL;

  if (reply == NULL) {
    g_task_return_error (task, error);
    g_object_unref (task);
    return;
  }
  found = g_variant_get_child_value (reply, 0);
  faults = medley_pipeline_add_worker_faults (change->pipeline, found);
  if (medley_faults_have_errors (faults))
    refuse (task, faults);
  else
    enqueue (self, task);
}

/* It becomes a part of a path. */
static gboolean
is_name (const char *name)
{
  gsize n = strspn (name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

  return n > 0 && n <= MAX_NAME && name[n] == '\0';
}

static GTask *
new_change (MedleyJobManager *self, const char *name, GBytes *text,
            MedleyPipelineCondition condition, gpointer condition_data,
            GAsyncReadyCallback callback, gpointer data)
{
  GTask *task = g_task_new (self, NULL, callback, data);
  Change *change = g_new0 (Change, 1);

  change->name = g_strdup (name);
  change->text = text != NULL ? g_bytes_ref (text) : NULL;
  change->condition = condition;
  change->condition_data = condition_data;
  g_task_set_task_data (task, change, change_free);
  if (!is_name (name)) {
    g_task_return_new_error (task, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                             "a pipeline's name is 1 to %d letters, digits, \"_\" and \"-\"",
                             MAX_NAME);
    g_clear_object (&task);
    return NULL;
  }
  if (medley_library_get_folder (self->library) != NULL)
    change->path = medley_library_make_path (self->library, name);
  if (change->path == NULL) {
    g_task_return_new_error (task, MEDLEY_ERROR, MEDLEY_ERROR_NOT_ALLOWED,
                             "there is no folder for pipelines (paths.pipelines)");
    g_clear_object (&task);
  }
  return task;
}

void
medley_job_manager_save_pipeline_async (MedleyJobManager *self, const char *name, GBytes *text,
                                        MedleyPipelineCondition condition, gpointer condition_data,
                                        GAsyncReadyCallback callback, gpointer data)
{
  GTask *task = new_change (self, name, text, condition, condition_data, callback, data);
  g_autoptr (GVariant) plan = NULL;
  Change *change;

  if (task == NULL)
    return;
  change = g_task_get_task_data (task);
  change->pipeline = medley_library_parse (self->library, name, text);
  plan = medley_plan_make_partial (change->pipeline, medley_library_context (self->library));
  if (plan != NULL)
    medley_pool_ask_async (self->pool, "Check", g_variant_new ("(@a{sv})", plan), checked, task);
  else
    refuse (task, medley_pipeline_get_faults (change->pipeline));
}

gboolean
medley_job_manager_save_pipeline_finish (MedleyJobManager *self, GAsyncResult *result,
                                         gboolean *is_new, GVariant **faults, GError **error)
{
  Change *change = g_task_get_task_data (G_TASK (result));
  g_autoptr (GError) failure = NULL;

  *is_new = g_task_propagate_boolean (G_TASK (result), &failure);
  if (faults != NULL)
    *faults = change->faults != NULL ? g_variant_ref (change->faults) : NULL;
  if (failure == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

void
medley_job_manager_remove_pipeline_async (MedleyJobManager *self, const char *name,
                                          MedleyPipelineCondition condition,
                                          gpointer condition_data, GAsyncReadyCallback callback,
                                          gpointer data)
{
  GTask *task = new_change (self, name, NULL, condition, condition_data, callback, data);

  if (task != NULL)
    enqueue (self, task);
}

gboolean
medley_job_manager_remove_pipeline_finish (MedleyJobManager *self, GAsyncResult *result,
                                           GError **error)
{
  gboolean is_new;

  return medley_job_manager_save_pipeline_finish (self, result, &is_new, NULL, error);
}
