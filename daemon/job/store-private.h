/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sqlite3.h>

#include "job/store.h"

G_BEGIN_DECLS

/* What the files of the store share: store.c (thread and life), store-schema.c (opening, versions),
 * store-write.c and store-read.c. */

/* The statements of one connection are prepared once. */
typedef enum {
  MEDLEY_SQL_INSERT_JOB,
  MEDLEY_SQL_UPDATE_JOB,
  MEDLEY_SQL_INSERT_PLAN,
  MEDLEY_SQL_SAVE_INPUT,
  MEDLEY_SQL_SAVE_OUTPUT,
  MEDLEY_SQL_SAVE_ATTEMPT,
  MEDLEY_SQL_SAVE_EVENTS,
  MEDLEY_SQL_INSERT_KEY,
  MEDLEY_SQL_REMOVE_JOB,
  MEDLEY_SQL_REMOVE_INPUTS,
  MEDLEY_SQL_REMOVE_OUTPUTS,
  MEDLEY_SQL_REMOVE_ATTEMPTS,
  MEDLEY_SQL_REMOVE_EVENTS,
  MEDLEY_SQL_PRUNE_KEYS,
  MEDLEY_SQL_PRUNE_PLANS,
  MEDLEY_SQL_GET_JOB,
  MEDLEY_SQL_GET_PLAN,
  MEDLEY_SQL_GET_INPUTS,
  MEDLEY_SQL_GET_OUTPUTS,
  MEDLEY_SQL_GET_ATTEMPTS,
  MEDLEY_SQL_GET_EVENTS,
  MEDLEY_SQL_GET_INPUT_CONTENT,
  MEDLEY_SQL_GET_OUTPUT_CONTENT,
  MEDLEY_SQL_LIST,
  MEDLEY_SQL_LIST_STATE,
  MEDLEY_SQL_LIST_PIPELINE,
  MEDLEY_SQL_LIST_CLIENT,
  MEDLEY_SQL_LIST_UNFINISHED,
  MEDLEY_SQL_LIST_IDS,
  MEDLEY_SQL_FIND_OLDEST,
  MEDLEY_SQL_FIND_KEY,
  MEDLEY_SQL_COUNT,
  MEDLEY_N_SQL,
} MedleySql;

/* One connection and its statements; used by one thread at a time. */
typedef struct {
  sqlite3 *db;
  sqlite3_stmt *statements[MEDLEY_N_SQL];
} MedleyDb;

/* Opens @file, makes or migrates the schema and checks it; NULL with MEDLEY_ERROR_BAD_STORE ... */
MedleyDb *
medley_db_open (const char *file, gboolean durable, GError **error);
/* A further connection to a store that is open already, for reading. */
MedleyDb *
medley_db_open_reader (const char *file, GError **error);
/* of the schema */
guint
medley_db_version (void);
void
medley_db_close (MedleyDb *self);
/* (transfer none): reset, without bindings; NULL with an error */
sqlite3_stmt *
medley_db_get (MedleyDb *self, MedleySql sql, GError **error);
gboolean
medley_db_exec (MedleyDb *self, const char *sql, GError **error);
/* Says what the connection last failed with. */
void
medley_db_set_error (MedleyDb *self, const char *what, GError **error);

/* Both inside a transaction. */
gboolean
medley_db_save (MedleyDb *self, const MedleyJobRecord *record, GError **error);
gboolean
medley_db_remove (MedleyDb *self, const char *id, GError **error);
gboolean
medley_db_prune (MedleyDb *self, gint64 time, GError **error);

/* (transfer none): the connection that the main thread reads through */
MedleyDb *
medley_job_store_get_reader (MedleyJobStore *self);

G_END_DECLS
