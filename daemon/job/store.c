/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job/store.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/folders.h"
#include "job/store-private.h"

#define FILE_NAME "jobs.db"
/* More in one transaction would only make the first of them wait longer. */
#define MAX_BATCH 1000

typedef struct {
  MedleyJobRecord *record; /* to save */
  char *id;                /* else to remove */
  gint64 prune;            /* else to prune */
  gboolean sync;
  MedleyJobStoreDone done;
  gpointer data;
  GError *error;
  gint64 commit_time;  /* of the transaction that ends with it, µs */
  guint commit_writes; /* 0 for one in the midst of others */
} Op;

struct _MedleyJobStore {
  char *file;
  gboolean durable;
  MedleyDb *reader; /* the main thread's */
  GMainContext *context;
  GThread *thread;
  guint answer_source; /* pending, under the mutex */
  MedleyJobStoreCommitted committed;
  gpointer committed_data;

  GMutex mutex;
  GCond cond;
  GQueue todo;    /* Op; under the mutex, as all that follows */
  GQueue answers; /* Op */
  gboolean closing;
  guint64 n_commits;
  guint64 n_writes;
  guint64 n_failures;
  char *last_error;

  MedleyDb *writer; /* the thread's */
  gboolean is_full_sync;
};

static void
op_free (Op *op)
{
  g_clear_pointer (&op->record, medley_job_record_free);
  g_clear_error (&op->error);
  g_free (op->id);
  g_free (op);
}

static gboolean
give_answers (gpointer data)
{
  MedleyJobStore *self = data;
  GQueue answers;
  Op *op;

  g_mutex_lock (&self->mutex);
  answers = self->answers;
  g_queue_init (&self->answers);
  self->answer_source = 0;
  g_mutex_unlock (&self->mutex);
  while ((op = g_queue_pop_head (&answers)) != NULL) {
    if (op->commit_writes > 0 && self->committed != NULL)
      self->committed (op->commit_time, op->commit_writes, self->committed_data);
    if (op->done != NULL)
      op->done (op->error, op->data);
    op_free (op);
  }
  return G_SOURCE_REMOVE;
}

/* ---- the thread ---- */

static gboolean
apply (MedleyJobStore *self, Op *op, GError **error)
{
  if (op->record != NULL)
    return medley_db_save (self->writer, op->record, error);
  if (op->id != NULL)
    return medley_db_remove (self->writer, op->id, error);
  return medley_db_prune (self->writer, op->prune, error);
}

static gboolean
set_sync (MedleyJobStore *self, gboolean full, GError **error)
{
  if (!self->durable || self->is_full_sync == full)
    return TRUE;
  if (!medley_db_exec (self->writer,
                       full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", error))
    return FALSE;
  self->is_full_sync = full;
  return TRUE;
}

static gboolean
commit_batch (MedleyJobStore *self, GQueue *batch, GError **error)
{
  gboolean sync = FALSE, ok;

  for (GList *l = batch->head; l != NULL; l = l->next)
    sync = sync || ((Op *) l->data)->sync;
  ok = set_sync (self, sync, error) && medley_db_exec (self->writer, "BEGIN IMMEDIATE", error);
  for (GList *l = batch->head; ok && l != NULL; l = l->next)
    ok = apply (self, l->data, error);
  ok = ok && medley_db_exec (self->writer, "COMMIT", error);
  if (!ok && !sqlite3_get_autocommit (self->writer->db))
    sqlite3_exec (self->writer->db, "ROLLBACK", NULL, NULL, NULL);
  return ok;
}

static void
commit_each (MedleyJobStore *self, GQueue *batch)
{
  for (GList *l = batch->head; l != NULL; l = l->next) {
    GQueue one = G_QUEUE_INIT;

    g_queue_push_tail (&one, l->data);
    commit_batch (self, &one, &((Op *) l->data)->error);
    g_queue_clear (&one);
  }
}

static void
note (MedleyJobStore *self, GQueue *batch)
{
  self->n_commits++;
  for (GList *l = batch->head; l != NULL; l = l->next) {
    Op *op = l->data;

    self->n_writes++;
    if (op->error == NULL)
      continue;
    self->n_failures++;
    g_free (self->last_error);
    self->last_error = g_strdup (op->error->message);
  }
}

static void
hand_back (MedleyJobStore *self, GQueue *batch, gint64 time)
{
  Op *op = batch->tail->data;

  op->commit_time = time;
  op->commit_writes = g_queue_get_length (batch);
  note (self, batch);
  while ((op = g_queue_pop_head (batch)) != NULL)
    g_queue_push_tail (&self->answers, op);
  if (self->answer_source == 0) {
    GSource *source = g_idle_source_new ();

    g_source_set_priority (source, G_PRIORITY_DEFAULT);
    g_source_set_callback (source, give_answers, self, NULL);
    self->answer_source = g_source_attach (source, self->context);
    g_source_unref (source);
  }
}

static gpointer
write_in_thread (gpointer data)
{
  MedleyJobStore *self = data;
  GQueue batch = G_QUEUE_INIT;

  g_mutex_lock (&self->mutex);
  for (;;) {
    g_autoptr (GError) error = NULL;
    gint64 began;

    while (g_queue_is_empty (&self->todo) && !self->closing)
      g_cond_wait (&self->cond, &self->mutex);
    if (g_queue_is_empty (&self->todo))
      break;
    while (!g_queue_is_empty (&self->todo) && g_queue_get_length (&batch) < MAX_BATCH)
      g_queue_push_tail (&batch, g_queue_pop_head (&self->todo));
    g_mutex_unlock (&self->mutex);
    began = g_get_monotonic_time ();
    /* One that cannot be written must not take the others with it. */
    if (!commit_batch (self, &batch, &error)) {
      if (g_queue_get_length (&batch) > 1)
        commit_each (self, &batch);
      else
        ((Op *) batch.head->data)->error = g_steal_pointer (&error);
    }
    g_mutex_lock (&self->mutex);
    hand_back (self, &batch, g_get_monotonic_time () - began);
  }
  g_mutex_unlock (&self->mutex);
  return NULL;
}

/* ---- the main thread ---- */

static void
enqueue (MedleyJobStore *self, Op *op)
{
  g_mutex_lock (&self->mutex);
  g_queue_push_tail (&self->todo, op);
  g_cond_signal (&self->cond);
  g_mutex_unlock (&self->mutex);
}

void
medley_job_store_set_committed_func (MedleyJobStore *self, MedleyJobStoreCommitted func,
                                     gpointer data)
{
  self->committed = func;
  self->committed_data = data;
}

void
medley_job_store_save (MedleyJobStore *self, MedleyJobRecord *record, gboolean sync,
                       MedleyJobStoreDone done, gpointer data)
{
  Op *op = g_new0 (Op, 1);

  medley_job_record_detach (record);
  op->record = record;
  op->sync = sync;
  op->done = done;
  op->data = data;
  enqueue (self, op);
}

void
medley_job_store_remove (MedleyJobStore *self, const char *id, MedleyJobStoreDone done,
                         gpointer data)
{
  Op *op = g_new0 (Op, 1);

  op->id = g_strdup (id);
  op->sync = TRUE;
  op->done = done;
  op->data = data;
  enqueue (self, op);
}

void
medley_job_store_prune (MedleyJobStore *self, gint64 time)
{
  Op *op = g_new0 (Op, 1);

  op->prune = time;
  enqueue (self, op);
}

MedleyDb *
medley_job_store_get_reader (MedleyJobStore *self)
{
  return self->reader;
}

gboolean
medley_job_store_exists (const char *folder)
{
  g_autofree char *file = g_build_filename (folder, FILE_NAME, NULL);
  GStatBuf info;

  return g_stat (file, &info) == 0 && info.st_size > 0;
}

GVariant *
medley_job_store_describe (MedleyJobStore *self)
{
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  GStatBuf info;
  guint64 bytes = 0;
  g_autofree char *log = g_strconcat (self->file, "-wal", NULL);

  if (g_stat (self->file, &info) == 0)
    bytes += (guint64) info.st_size;
  if (g_stat (log, &info) == 0)
    bytes += (guint64) info.st_size;
  g_variant_dict_insert (&dict, "file", "s", self->file);
  g_variant_dict_insert (&dict, "durable", "b", self->durable);
  g_variant_dict_insert (&dict, "version", "u", (guint32) medley_db_version ());
  g_variant_dict_insert (&dict, "bytes", "t", bytes);
  g_mutex_lock (&self->mutex);
  g_variant_dict_insert (&dict, "commits", "t", self->n_commits);
  g_variant_dict_insert (&dict, "writes", "t", self->n_writes);
  g_variant_dict_insert (&dict, "failures", "t", self->n_failures);
  if (self->last_error != NULL)
    g_variant_dict_insert (&dict, "lastError", "s", self->last_error);
  g_mutex_unlock (&self->mutex);
  return g_variant_dict_end (&dict);
}

static void
remove_files (const char *file)
{
  static const char *const endings[] = { "", "-wal", "-shm", "-journal" };

  for (guint i = 0; i < G_N_ELEMENTS (endings); i++) {
    g_autofree char *name = g_strconcat (file, endings[i], NULL);

    g_unlink (name);
  }
}

/* A new database is there for good only when its folder is. */
static gboolean
sync_folder (const char *folder, GError **error)
{
  int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  gboolean ok = fd >= 0 && fsync (fd) == 0;

  if (!ok)
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_IO,
                 "cannot write the folder of the store, %s: %m", folder);
  if (fd >= 0)
    close (fd);
  return ok;
}

static gboolean
open_database (MedleyJobStore *self, const char *folder, GError **error)
{
  g_autoptr (GError) local = NULL;

  self->writer = medley_db_open (self->file, self->durable, &local);
  if (self->writer != NULL)
    self->reader = medley_db_open_reader (self->file, &local);
  if (self->reader != NULL)
    return !self->durable || sync_folder (folder, error);
  g_set_error (error, local->domain, local->code,
               "%s: %s. It was left as it is: put a copy of it back, or move it away to begin with "
               "an empty store",
               self->file, local->message);
  return FALSE;
}

MedleyJobStore *
medley_job_store_open (const char *folder, gboolean durable, GError **error)
{
  g_autoptr (MedleyJobStore) self = g_new0 (MedleyJobStore, 1);

  g_mutex_init (&self->mutex);
  g_cond_init (&self->cond);
  self->file = g_build_filename (folder, FILE_NAME, NULL);
  self->durable = durable;
  self->is_full_sync = durable;
  self->context = g_main_context_ref_thread_default ();
  if (!medley_folder_make_private (folder, error))
    return NULL;
  if (!durable)
    remove_files (self->file);
  if (!open_database (self, folder, error))
    return NULL;
  self->thread = g_thread_new ("store", write_in_thread, self);
  return g_steal_pointer (&self);
}

void
medley_job_store_free (MedleyJobStore *self)
{
  if (self->thread != NULL) {
    g_mutex_lock (&self->mutex);
    self->closing = TRUE;
    g_cond_signal (&self->cond);
    g_mutex_unlock (&self->mutex);
    g_thread_join (self->thread);
  }
  if (self->answer_source != 0) {
    GSource *source = g_main_context_find_source_by_id (self->context, self->answer_source);

    if (source != NULL)
      g_source_destroy (source);
  }
  g_queue_clear_full (&self->answers, (GDestroyNotify) op_free);
  g_clear_pointer (&self->reader, medley_db_close);
  g_clear_pointer (&self->writer, medley_db_close);
  g_clear_pointer (&self->context, g_main_context_unref);
  if (!self->durable)
    remove_files (self->file);
  g_mutex_clear (&self->mutex);
  g_cond_clear (&self->cond);
  g_free (self->last_error);
  g_free (self->file);
  g_free (self);
}
