/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "job/record.h"

G_BEGIN_DECLS

/**
 * MedleyJobStore:
 *
 * Where jobs are kept: a SQLite database in WAL mode. Writes are done by a thread of its own; those
 * that wait when it comes to them share one transaction and one sync. Reads see what has been
 * committed, are indexed and few, and are done where they are asked for. All functions are for the
 * main thread, and callbacks come there.
 */
typedef struct _MedleyJobStore MedleyJobStore;

/**
 * medley_job_store_open:
 * @folder: where the database lies; made with mode 0700 where it is missing
 * @durable: whether it outlives the process. A store that does not is emptied, and never waits for
 * the disk
 * @error: %MEDLEY_ERROR_BAD_STORE for one that is damaged, of a newer version or not a store: it is
 * left as it is; %MEDLEY_ERROR_NO_SPACE, %MEDLEY_ERROR_IO
 *
 * Opens the store, checks its integrity and brings an older one up to this version. Blocks.
 *
 * Returns: (transfer full) (nullable): the store
 */
MedleyJobStore *
medley_job_store_open (const char *folder, gboolean durable, GError **error);
/* whether a folder has a store that is not empty */
gboolean
medley_job_store_exists (const char *folder);
/* Writes what waits, calls nobody back any more, and closes. Blocks. */
void
medley_job_store_free (MedleyJobStore *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyJobStore, medley_job_store_free)

/* @error: (nullable): MEDLEY_ERROR_NO_SPACE or MEDLEY_ERROR_IO: nothing of it was written */
typedef void (*MedleyJobStoreDone) (const GError *error, gpointer data);

/* Called for each transaction, from the main context: its time in µs, with the sync, and how many
 * writes it had. */
typedef void (*MedleyJobStoreCommitted) (gint64 time, guint writes, gpointer data);

void
medley_job_store_set_committed_func (MedleyJobStore *self, MedleyJobStoreCommitted func,
                                     gpointer data);

/**
 * medley_job_store_save:
 * @self: a store
 * @record: (transfer full): what to write
 * @sync: whether @done waits until it would survive the loss of power
 * @done: (nullable): called when it is committed, or when that failed
 * @data: for @done
 *
 * Writes happen in the order of the calls.
 */
void
medley_job_store_save (MedleyJobStore *self, MedleyJobRecord *record, gboolean sync,
                       MedleyJobStoreDone done, gpointer data);
/* Forgets a job; its idempotency key stays until it has aged. */
void
medley_job_store_remove (MedleyJobStore *self, const char *id, MedleyJobStoreDone done,
                         gpointer data);
/* Forgets idempotency keys that were used before @time (µs since 1970) and whose job is gone, and
 * plans that no job has. */
void
medley_job_store_prune (MedleyJobStore *self, gint64 time);

/* (transfer full) (nullable): a job with its files and attempts, without plan, events and contents
 */
MedleyJobRecord *
medley_job_store_get (MedleyJobStore *self, const char *id);
/* (transfer full) (nullable): `a{sv}` */
GVariant *
medley_job_store_get_plan (MedleyJobStore *self, const char *digest);
/* (transfer full) (element-type GVariant): a job's events after a number, in order */
GPtrArray *
medley_job_store_get_events (MedleyJobStore *self, const char *id, guint64 after);
/* (transfer full) (nullable): the bytes of a small input or output */
GBytes *
medley_job_store_get_content (MedleyJobStore *self, const char *id, const char *file);

/**
 * medley_job_store_list:
 * @self: a store
 * @filter: which jobs
 * @cursor: (nullable): only jobs older than this one
 * @limit: most ids to return
 *
 * Returns: (transfer full) (array zero-terminated=1): ids, the newest first
 */
char **
medley_job_store_list (MedleyJobStore *self, const MedleyJobFilter *filter, const char *cursor,
                       guint limit);
/* (transfer full) (nullable) (element-type MedleyJobRecord): jobs that have not ended, the oldest
 * first, each with its plan; NULL with MEDLEY_ERROR_BAD_STORE or MEDLEY_ERROR_IO */
GPtrArray *
medley_job_store_load_unfinished (MedleyJobStore *self, GError **error);
/* (transfer full) (array zero-terminated=1): the ids of ended jobs, those that ended first at the
 * beginning; @before: only those that ended before that time (µs since 1970), 0 for all */
char **
medley_job_store_find_oldest (MedleyJobStore *self, gint64 before, guint limit);
/* how many jobs are in each state, and the bytes of all that have ended */
void
medley_job_store_count (MedleyJobStore *self, guint counts[MEDLEY_JOB_N_STATES], guint64 *bytes);
/* (transfer full) (nullable): the ids of all jobs, as a set; NULL as before */
GHashTable *
medley_job_store_list_ids (MedleyJobStore *self, GError **error);

/**
 * medley_job_store_find_key:
 * @self: a store
 * @owner: whose key it is
 * @key: an idempotency key
 * @digest: (out) (transfer full) (nullable): what the request was
 * @id: (out) (transfer full) (nullable): the job that it made, %NULL for none
 * @error: as with a broken disk; a key that cannot be read is not one that is new
 *
 * Returns: whether it could be looked up
 */
gboolean
medley_job_store_find_key (MedleyJobStore *self, const char *owner, const char *key, char **digest,
                           char **id, GError **error);

/* `a{sv}`: "file" s, "durable" b, "bytes" t, "version" u, "commits" t, "writes" t, "failures" t,
 * "lastError" s (absent when there was none) */
GVariant *
medley_job_store_describe (MedleyJobStore *self);

G_END_DECLS
