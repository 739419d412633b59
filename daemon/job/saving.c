/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What goes to the disk: the files that have become whole first, then the store. */

#include <errno.h>
#include <unistd.h>

#include "base/error.h"
#include "job/manager-private.h"

#define SOON_MS 100
/* After a write that failed; a full disk is seldom empty again at once. */
#define AGAIN_MS 1000

typedef struct {
  MedleyJobManager *manager; /* not owned */
  MedleyJob *job;
  GArray *fds;      /* of files to be synced, and the spool's folder */
  GPtrArray *saved; /* gboolean of the job's files: TRUE once they are synced */
  gboolean sync;
  gboolean is_syncing;
  gboolean ends; /* the job's end was known already, and its outputs are among the files */
  gboolean removes;
  MedleySaved done;
  gpointer data;
  guint64 number;
} MedleySave;

typedef struct {
  guint64 number; /* of the last save that it waits for */
  MedleyJob *job; /* whose saves alone may fail it, NULL for all */
  GTask *task;
  GError *error;
} MedleyFlush;

static void
save_unsaved (MedleyJobManager *self, guint delay);

static void
close_fds (GArray *fds)
{
  for (guint i = 0; i < fds->len; i++)
    close (g_array_index (fds, int, i));
  g_array_set_size (fds, 0);
}

static void
save_free (MedleySave *save)
{
  close_fds (save->fds);
  g_array_unref (save->fds);
  g_ptr_array_unref (save->saved);
  g_object_unref (save->job);
  g_free (save);
}

static void
flush_free (MedleyFlush *flush)
{
  g_clear_object (&flush->task);
  g_clear_object (&flush->job);
  g_clear_error (&flush->error);
  g_free (flush);
}

/* Answers those who wait for nothing that is under way any more. */
static void
answer_flushes (MedleyJobManager *self)
{
  MedleySave *oldest = g_queue_peek_head (&self->saves);

  for (;;) {
    MedleyFlush *flush = g_queue_peek_head (&self->flushes);

    if (flush == NULL || (oldest != NULL && oldest->number <= flush->number))
      return;
    g_queue_pop_head (&self->flushes);
    if (flush->error != NULL)
      g_task_return_error (flush->task, g_steal_pointer (&flush->error));
    else
      g_task_return_boolean (flush->task, TRUE);
    flush_free (flush);
    oldest = g_queue_peek_head (&self->saves);
  }
}

static void
finish (MedleySave *save, const GError *error)
{
  MedleyJobManager *self = save->manager;

  g_queue_remove (&self->saves, save);
  g_clear_error (&self->save_error);
  if (error != NULL)
    self->save_error = g_error_copy (error);
  if (error != NULL) {
    medley_job_mark_unsaved (save->job);
    for (GList *l = self->flushes.head; l != NULL; l = l->next) {
      MedleyFlush *flush = l->data;

      if (flush->error == NULL && save->number <= flush->number
          && (flush->job == NULL || flush->job == save->job))
        flush->error = g_error_copy (error);
    }
  }
  if (save->done != NULL)
    save->done (self, save->job, error, save->data);
  if (error != NULL && !medley_job_is_removed (save->job)) {
    g_hash_table_add (self->unsaved, g_object_ref (save->job));
    save_unsaved (self, AGAIN_MS);
  }
  save_free (save);
  answer_flushes (self);
}

static void
stored (const GError *error, gpointer data)
{
  finish (data, error);
}

static void
store (MedleySave *save)
{
  if (save->removes) {
    medley_job_store_remove (save->manager->store, medley_job_get_id (save->job), stored, save);
    return;
  }
  if (medley_job_is_removed (save->job)) {
    finish (save, NULL);
    return;
  }
  medley_job_store_save (save->manager->store, medley_job_make_record (save->job, save->ends),
                         save->sync, stored, save);
}

static void
sync_in_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  MedleySave *save = task_data;

  for (guint i = 0; i < save->fds->len; i++) {
    if (fsync (g_array_index (save->fds, int, i)) < 0) {
      g_task_return_new_error (task, MEDLEY_ERROR,
                               errno == ENOSPC || errno == EDQUOT ? MEDLEY_ERROR_NO_SPACE
                                                                  : MEDLEY_ERROR_IO,
                               "the disk does not take the job's files: %s", g_strerror (errno));
      return;
    }
  }
  g_task_return_boolean (task, TRUE);
}

/* Those that were synced, and no others: more may have become whole meanwhile. */
static void
mark_saved (MedleySave *save)
{
  for (guint i = 0; i < save->saved->len; i++)
    *(gboolean *) save->saved->pdata[i] = TRUE;
  if (save->saved->len > 0)
    medley_job_note_input (save->job);
}

static void
synced (GObject *source, GAsyncResult *result, gpointer data)
{
  MedleySave *save = g_task_get_task_data (G_TASK (result));
  g_autoptr (GError) error = NULL;

  save->is_syncing = FALSE;
  close_fds (save->fds);
  /* The manager is gone, and with it whom this would be told. */
  if (save->manager == NULL) {
    save_free (save);
    return;
  }
  if (!g_task_propagate_boolean (G_TASK (result), &error)) {
    finish (save, error);
    return;
  }
  mark_saved (save);
  store (save);
}

/* Large files that are whole; small ones lie in the store. */
static gboolean
collect (MedleySave *save, const char *file, guint64 size, gboolean *saved, GError **error)
{
  int fd;

  if (*saved || size <= MEDLEY_RECORD_INLINE_BYTES)
    return TRUE;
  if (medley_config_get_boolean (save->manager->config, "jobs.durable")) {
    fd = medley_spool_open (medley_job_get_spool (save->job), file, error);
    if (fd < 0)
      return FALSE;
    g_array_append_val (save->fds, fd);
  }
  g_ptr_array_add (save->saved, saved);
  return TRUE;
}

/* Fails for an output that cannot be read; an input that cannot is not whole. */
static gboolean
collect_all (MedleySave *save, GError **error)
{
  GPtrArray *inputs = medley_job_list_inputs (save->job);
  GPtrArray *outputs = medley_job_list_outputs (save->job);
  gboolean ok = TRUE;
  int folder;

  for (guint i = 0; i < inputs->len; i++) {
    MedleyInput *input = inputs->pdata[i];

    if (input->state == MEDLEY_INPUT_READY)
      collect (save, input->file, input->size, &input->saved, NULL);
  }
  for (guint i = 0; ok && medley_job_will_be_done (save->job) && i < outputs->len; i++) {
    MedleyOutput *output = outputs->pdata[i];

    ok = collect (save, output->file, output->size, &output->saved, error);
  }
  /* Their names have to be there as well. */
  folder = save->fds->len > 0 ? medley_spool_dup_folder (medley_job_get_spool (save->job)) : -1;
  if (folder >= 0)
    g_array_append_val (save->fds, folder);
  return ok;
}

static MedleySave *
begin (MedleyJobManager *self, MedleyJob *job, gboolean sync, MedleySaved done, gpointer data)
{
  MedleySave *save = g_new0 (MedleySave, 1);

  save->manager = self;
  save->job = g_object_ref (job);
  save->fds = g_array_new (FALSE, FALSE, sizeof (int));
  save->saved = g_ptr_array_new ();
  save->ends = medley_job_is_ending (job);
  save->sync = sync;
  save->done = done;
  save->data = data;
  save->number = ++self->last_save;
  g_queue_push_tail (&self->saves, save);
  g_hash_table_remove (self->unsaved, job);
  return save;
}

static void
removed (MedleyJobManager *self, MedleyJob *job, const GError *error, gpointer data)
{
  /* The files come last, so that no job is seen without them; but on a full disk they come first,
   * since the store needs space to forget something. */
  if (error == NULL || g_error_matches (error, MEDLEY_ERROR, MEDLEY_ERROR_NO_SPACE))
    medley_job_delete_files (job);
  if (error == NULL) {
    g_hash_table_remove (self->removing, medley_job_get_id (job));
  } else {
    g_hash_table_add (self->unsaved, g_object_ref (job));
    save_unsaved (self, AGAIN_MS);
  }
}

void
medley_job_manager_save_removal (MedleyJobManager *self, MedleyJob *job)
{
  MedleySave *save = begin (self, job, TRUE, removed, NULL);

  save->removes = TRUE;
  store (save);
}

void
medley_job_manager_save (MedleyJobManager *self, MedleyJob *job, gboolean sync, MedleySaved done,
                         gpointer data)
{
  MedleySave *save = begin (self, job, sync, done, data);
  g_autoptr (GTask) task = NULL;
  g_autoptr (GError) error = NULL;

  if ((!sync || collect_all (save, &error)) && save->fds->len == 0) {
    mark_saved (save);
    store (save);
    return;
  }
  save->is_syncing = TRUE;
  task = g_task_new (NULL, NULL, synced, NULL);
  g_task_set_task_data (task, save, NULL);
  if (error != NULL)
    g_task_return_error (task, g_steal_pointer (&error));
  else
    g_task_run_in_thread (task, sync_in_thread);
}

static void
saved_again (MedleyJobManager *self, MedleyJob *job, const GError *error, gpointer data)
{
  if (error == NULL && medley_job_state_is_final (medley_job_get_state (job)))
    medley_job_manager_settle (self, job);
}

static void
save_all_unsaved (MedleyJobManager *self, gboolean sync)
{
  g_autoptr (GPtrArray) jobs = g_ptr_array_new_with_free_func (g_object_unref);
  GHashTableIter iter;
  gpointer job;

  g_clear_handle_id (&self->unsaved_source, g_source_remove);
  g_hash_table_iter_init (&iter, self->unsaved);
  while (g_hash_table_iter_next (&iter, &job, NULL))
    g_ptr_array_add (jobs, g_object_ref (job));
  for (guint i = 0; i < jobs->len; i++) {
    if (medley_job_is_removed (jobs->pdata[i]))
      medley_job_manager_save_removal (self, jobs->pdata[i]);
    /* An end is saved by whoever concludes. */
    else if (medley_job_is_ending (jobs->pdata[i]))
      g_hash_table_remove (self->unsaved, jobs->pdata[i]);
    else
      medley_job_manager_save (self, jobs->pdata[i],
                               sync
                                   || medley_job_state_is_final (
                                       medley_job_get_state (jobs->pdata[i])),
                               saved_again, NULL);
  }
}

void
medley_job_manager_save_unsaved (MedleyJobManager *self)
{
  save_all_unsaved (self, FALSE);
}

static gboolean
save_unsaved_now (gpointer data)
{
  MedleyJobManager *self = data;

  self->unsaved_source = 0;
  medley_job_manager_save_unsaved (self);
  return G_SOURCE_REMOVE;
}

static void
save_unsaved (MedleyJobManager *self, guint delay)
{
  if (self->unsaved_source == 0)
    self->unsaved_source = g_timeout_add (delay, save_unsaved_now, self);
}

void
medley_job_manager_save_soon (MedleyJobManager *self, MedleyJob *job)
{
  if (medley_job_is_removed (job) || g_hash_table_contains (self->unsaved, job))
    return;
  g_hash_table_add (self->unsaved, g_object_ref (job));
  save_unsaved (self, SOON_MS);
}

void
medley_job_manager_drop_saves (MedleyJobManager *self)
{
  MedleySave *save;

  while ((save = g_queue_pop_head (&self->saves)) != NULL) {
    /* A thread that is still syncing answers once more. */
    if (save->is_syncing)
      save->manager = NULL;
    else
      save_free (save);
  }
  g_queue_clear_full (&self->flushes, (GDestroyNotify) flush_free);
}

void
medley_job_manager_flush_async (MedleyJobManager *self, MedleyJob *job,
                                GAsyncReadyCallback callback, gpointer data)
{
  MedleyFlush *flush = g_new0 (MedleyFlush, 1);

  save_all_unsaved (self, TRUE);
  flush->task = g_task_new (self, NULL, callback, data);
  flush->number = self->last_save;
  g_set_object (&flush->job, job);
  g_queue_push_tail (&self->flushes, flush);
  answer_flushes (self);
}

gboolean
medley_job_manager_flush_finish (MedleyJobManager *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
