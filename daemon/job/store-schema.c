/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The database: its tables, their versions, and how it is opened. */

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "job/store-private.h"

/* "Mdly", in the header of the file. */
#define APPLICATION_ID 0x4d646c79
#define BUSY_MS 10000

/* Each entry brings the schema to the next version; entries are never changed once released. Blobs
 * are GVariants in this machine's byte order, which "byte-order" in meta tells. */
static const char *const migrations[] = {
  "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
  "CREATE TABLE plans (digest TEXT PRIMARY KEY, plan BLOB NOT NULL) WITHOUT ROWID;"
  "CREATE TABLE jobs (id TEXT PRIMARY KEY, state INTEGER NOT NULL, pipeline TEXT NOT NULL,"
  " client TEXT NOT NULL, priority INTEGER NOT NULL, created INTEGER NOT NULL,"
  " finished INTEGER NOT NULL, bytes INTEGER NOT NULL, plan TEXT NOT NULL, status BLOB NOT NULL)"
  " WITHOUT ROWID;"
  "CREATE INDEX jobs_unfinished ON jobs (id) WHERE finished = 0;"
  "CREATE INDEX jobs_finished ON jobs (finished) WHERE finished > 0;"
  "CREATE INDEX jobs_state ON jobs (state, id);"
  "CREATE INDEX jobs_plan ON jobs (plan);"
  "CREATE TABLE inputs (job TEXT, n INTEGER, name TEXT NOT NULL, type TEXT NOT NULL,"
  " file TEXT NOT NULL, state INTEGER NOT NULL, flags INTEGER NOT NULL, size INTEGER NOT NULL,"
  " digest TEXT, content BLOB, PRIMARY KEY (job, n)) WITHOUT ROWID;"
  "CREATE TABLE outputs (job TEXT, n INTEGER, name TEXT NOT NULL, type TEXT NOT NULL,"
  " file TEXT NOT NULL, state INTEGER NOT NULL, flags INTEGER NOT NULL, size INTEGER NOT NULL,"
  " digest TEXT, content BLOB, PRIMARY KEY (job, n)) WITHOUT ROWID;"
  "CREATE TABLE attempts (job TEXT, number INTEGER, details BLOB NOT NULL,"
  " PRIMARY KEY (job, number)) WITHOUT ROWID;"
  "CREATE TABLE events (job TEXT, first INTEGER, events BLOB NOT NULL,"
  " PRIMARY KEY (job, first)) WITHOUT ROWID;"
  "CREATE TABLE keys (owner TEXT, key TEXT, digest TEXT NOT NULL, job TEXT NOT NULL,"
  " created INTEGER NOT NULL, PRIMARY KEY (owner, key)) WITHOUT ROWID;"
  "CREATE INDEX keys_created ON keys (created);",
  "CREATE INDEX jobs_pipeline ON jobs (pipeline, id);"
  "CREATE INDEX jobs_client ON jobs (client, id);",
};

/* The filter with most to leave out has an index, and the others are looked at row by row. */
#define LIST(Index, State, Pipeline, Client)                                                       \
  "SELECT id FROM jobs " Index " WHERE id < ?1 AND id >= ?4 AND " State " AND " Pipeline           \
  " AND " Client " AND created >= ?7 AND created < ?8 ORDER BY id DESC LIMIT ?3"
#define ANY_STATE "(?2 < 0 OR state = ?2)"
#define ANY_PIPELINE "(?5 IS NULL OR pipeline = ?5)"
#define ANY_CLIENT "(?6 IS NULL OR client = ?6)"

#define VERSION ((int) G_N_ELEMENTS (migrations))

static const char *const sqls[MEDLEY_N_SQL] = {
  [MEDLEY_SQL_INSERT_JOB] = "INSERT INTO jobs VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
  [MEDLEY_SQL_UPDATE_JOB]
  = "UPDATE jobs SET state = ?2, priority = ?3, finished = ?4, bytes = ?5, status = ?6"
    " WHERE id = ?1",
  [MEDLEY_SQL_INSERT_PLAN] = "INSERT OR IGNORE INTO plans VALUES (?1, ?2)",
  [MEDLEY_SQL_SAVE_INPUT]
  = "INSERT OR REPLACE INTO inputs VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
  [MEDLEY_SQL_SAVE_OUTPUT]
  = "INSERT OR REPLACE INTO outputs VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
  [MEDLEY_SQL_SAVE_ATTEMPT] = "INSERT OR REPLACE INTO attempts VALUES (?1, ?2, ?3)",
  [MEDLEY_SQL_SAVE_EVENTS] = "INSERT OR REPLACE INTO events VALUES (?1, ?2, ?3)",
  [MEDLEY_SQL_INSERT_KEY] = "INSERT INTO keys VALUES (?1, ?2, ?3, ?4, ?5)",
  [MEDLEY_SQL_REMOVE_JOB] = "DELETE FROM jobs WHERE id = ?1",
  [MEDLEY_SQL_REMOVE_INPUTS] = "DELETE FROM inputs WHERE job = ?1",
  [MEDLEY_SQL_REMOVE_OUTPUTS] = "DELETE FROM outputs WHERE job = ?1",
  [MEDLEY_SQL_REMOVE_ATTEMPTS] = "DELETE FROM attempts WHERE job = ?1",
  [MEDLEY_SQL_REMOVE_EVENTS] = "DELETE FROM events WHERE job = ?1",
  [MEDLEY_SQL_PRUNE_KEYS] = "DELETE FROM keys WHERE created < ?1"
                            " AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = keys.job)",
  [MEDLEY_SQL_PRUNE_PLANS]
  = "DELETE FROM plans WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.plan = plans.digest)",
  [MEDLEY_SQL_GET_JOB] = "SELECT id, state, pipeline, client, priority, created, finished, bytes,"
                         " plan, status FROM jobs WHERE id = ?1",
  [MEDLEY_SQL_GET_PLAN] = "SELECT plan FROM plans WHERE digest = ?1",
  [MEDLEY_SQL_GET_INPUTS] = "SELECT name, type, file, state, flags, size, digest FROM inputs"
                            " WHERE job = ?1 ORDER BY n",
  [MEDLEY_SQL_GET_OUTPUTS] = "SELECT name, type, file, state, flags, size, digest FROM outputs"
                             " WHERE job = ?1 ORDER BY n",
  [MEDLEY_SQL_GET_ATTEMPTS] = "SELECT details FROM attempts WHERE job = ?1 ORDER BY number",
  [MEDLEY_SQL_GET_EVENTS] = "SELECT events FROM events WHERE job = ?1 ORDER BY first",
  [MEDLEY_SQL_GET_INPUT_CONTENT] = "SELECT content FROM inputs WHERE job = ?1 AND file = ?2",
  [MEDLEY_SQL_GET_OUTPUT_CONTENT] = "SELECT content FROM outputs WHERE job = ?1 AND file = ?2",
  [MEDLEY_SQL_LIST] = LIST ("", ANY_STATE, ANY_PIPELINE, ANY_CLIENT),
  [MEDLEY_SQL_LIST_STATE] = LIST ("INDEXED BY jobs_state", "state = ?2", ANY_PIPELINE, ANY_CLIENT),
  [MEDLEY_SQL_LIST_PIPELINE]
  = LIST ("INDEXED BY jobs_pipeline", ANY_STATE, "pipeline = ?5", ANY_CLIENT),
  [MEDLEY_SQL_LIST_CLIENT]
  = LIST ("INDEXED BY jobs_client", ANY_STATE, ANY_PIPELINE, "client = ?6"),
  [MEDLEY_SQL_LIST_UNFINISHED] = "SELECT id FROM jobs WHERE finished = 0 ORDER BY id",
  [MEDLEY_SQL_LIST_IDS] = "SELECT id FROM jobs",
  [MEDLEY_SQL_FIND_OLDEST] = "SELECT id FROM jobs WHERE finished > 0 AND (?1 = 0 OR finished < ?1)"
                             " ORDER BY finished LIMIT ?2",
  [MEDLEY_SQL_FIND_KEY] = "SELECT job, digest FROM keys WHERE owner = ?1 AND key = ?2",
  [MEDLEY_SQL_COUNT] = "SELECT state, count(*), sum(bytes) FROM jobs GROUP BY state",
};

void
medley_db_set_error (MedleyDb *self, const char *what, GError **error)
{
  int code = sqlite3_extended_errcode (self->db);
  int system = sqlite3_system_errno (self->db);
  MedleyError ours;

  switch (code & 0xff) {
  case SQLITE_FULL:
    ours = MEDLEY_ERROR_NO_SPACE;
    break;
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
    ours = MEDLEY_ERROR_BAD_STORE;
    break;
  default:
    ours = (code & 0xff) == SQLITE_IOERR && (system == ENOSPC || system == EDQUOT)
               ? MEDLEY_ERROR_NO_SPACE
               : MEDLEY_ERROR_IO;
  }
  g_set_error (error, MEDLEY_ERROR, ours, "%s: %s%s%s", what, sqlite3_errmsg (self->db),
               (code & 0xff) == SQLITE_IOERR && system != 0 ? ": " : "",
               (code & 0xff) == SQLITE_IOERR && system != 0 ? g_strerror (system) : "");
}

gboolean
medley_db_exec (MedleyDb *self, const char *sql, GError **error)
{
  if (sqlite3_exec (self->db, sql, NULL, NULL, NULL) == SQLITE_OK)
    return TRUE;
  medley_db_set_error (self, "the store of jobs cannot be used", error);
  return FALSE;
}

sqlite3_stmt *
medley_db_get (MedleyDb *self, MedleySql sql, GError **error)
{
  sqlite3_stmt *statement = self->statements[sql];

  if (statement != NULL) {
    sqlite3_reset (statement);
    sqlite3_clear_bindings (statement);
    return statement;
  }
  if (sqlite3_prepare_v3 (self->db, sqls[sql], -1, SQLITE_PREPARE_PERSISTENT,
                          &self->statements[sql], NULL)
      != SQLITE_OK) {
    medley_db_set_error (self, "the store of jobs cannot be used", error);
    return NULL;
  }
  return self->statements[sql];
}

guint
medley_db_version (void)
{
  return VERSION;
}

void
medley_db_close (MedleyDb *self)
{
  for (guint i = 0; i < MEDLEY_N_SQL; i++)
    sqlite3_finalize (self->statements[i]);
  sqlite3_close (self->db);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyDb, medley_db_close)

/* The first row of a PRAGMA or a SELECT. */
static char *
query_text (MedleyDb *self, const char *sql, GError **error)
{
  sqlite3_stmt *statement = NULL;
  char *text = NULL;

  if (sqlite3_prepare_v2 (self->db, sql, -1, &statement, NULL) == SQLITE_OK) {
    int code = sqlite3_step (statement);

    if (code == SQLITE_ROW)
      text = g_strdup ((const char *) sqlite3_column_text (statement, 0));
    else if (code == SQLITE_DONE)
      text = g_strdup ("");
  }
  if (text == NULL)
    medley_db_set_error (self, "the store of jobs cannot be read", error);
  sqlite3_finalize (statement);
  return text;
}

static gboolean
query_number (MedleyDb *self, const char *sql, gint64 *number, GError **error)
{
  g_autofree char *text = query_text (self, sql, error);

  if (text != NULL)
    *number = g_ascii_strtoll (text, NULL, 10);
  return text != NULL;
}

static MedleyDb *
connect_to (const char *file, GError **error)
{
  g_autoptr (MedleyDb) self = g_new0 (MedleyDb, 1);

  if (sqlite3_open_v2 (file, &self->db,
                       SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
                           | SQLITE_OPEN_EXRESCODE,
                       NULL)
      != SQLITE_OK) {
    medley_db_set_error (self, "the store of jobs cannot be opened", error);
    return NULL;
  }
  sqlite3_busy_timeout (self->db, BUSY_MS);
  /* What a damaged file says of itself is not to be believed. */
  sqlite3_db_config (self->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  sqlite3_db_config (self->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
  return g_steal_pointer (&self);
}

static gboolean
check (MedleyDb *self, GError **error)
{
  g_autofree char *verdict = NULL;
  g_autofree char *order = NULL;
  gint64 id, version, tables;

  if (!query_number (self, "PRAGMA application_id", &id, error)
      || !query_number (self, "PRAGMA user_version", &version, error)
      || !query_number (self, "SELECT count(*) FROM sqlite_schema", &tables, error))
    return FALSE;
  if (tables == 0 && id == 0)
    return TRUE; /* new, or cut off while it was made */
  if (id != APPLICATION_ID) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_BAD_STORE, "it is a database of something else");
    return FALSE;
  }
  if (version > VERSION) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_BAD_STORE,
                 "it was written by a newer Medley (its version is %d, this one reads up to %d)",
                 (int) version, VERSION);
    return FALSE;
  }
  verdict = query_text (self, "PRAGMA quick_check(1)", error);
  if (verdict == NULL)
    return FALSE;
  if (!g_str_equal (verdict, "ok")) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_BAD_STORE, "it is damaged: %s", verdict);
    return FALSE;
  }
  if (version == 0)
    return TRUE;
  order = query_text (self, "SELECT value FROM meta WHERE name = 'byte-order'", error);
  if (order == NULL)
    return FALSE;
  if (!g_str_equal (order, G_STRINGIFY (G_BYTE_ORDER))) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_BAD_STORE,
                 "it was written on a machine of another byte order");
    return FALSE;
  }
  return TRUE;
}

static gboolean
migrate (MedleyDb *self, GError **error)
{
  gint64 version;

  if (!query_number (self, "PRAGMA user_version", &version, error))
    return FALSE;
  for (; version < VERSION; version++) {
    g_autofree char *mark
        = g_strdup_printf ("PRAGMA application_id = %d; PRAGMA user_version = %d;"
                           "INSERT OR REPLACE INTO meta VALUES ('byte-order', '" G_STRINGIFY (
                               G_BYTE_ORDER) "');"
                                             "COMMIT",
                           APPLICATION_ID, (int) version + 1);

    if (!medley_db_exec (self, "BEGIN IMMEDIATE", error)
        || !medley_db_exec (self, migrations[version], error)
        || !medley_db_exec (self, mark, error)) {
      sqlite3_exec (self->db, "ROLLBACK", NULL, NULL, NULL);
      return FALSE;
    }
  }
  return TRUE;
}

MedleyDb *
medley_db_open (const char *file, gboolean durable, GError **error)
{
  g_autoptr (MedleyDb) self = connect_to (file, error);

  if (self == NULL || !check (self, error))
    return NULL;
  /* The wal stays when the last connection closes no differently than otherwise: a later start
   * reads it. */
  if (!medley_db_exec (self, "PRAGMA journal_mode = WAL", error)
      || !medley_db_exec (self, durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = OFF",
                          error)
      || !migrate (self, error))
    return NULL;
  return g_steal_pointer (&self);
}

MedleyDb *
medley_db_open_reader (const char *file, GError **error)
{
  g_autoptr (MedleyDb) self = connect_to (file, error);

  if (self == NULL || !medley_db_exec (self, "PRAGMA query_only = 1", error))
    return NULL;
  return g_steal_pointer (&self);
}
