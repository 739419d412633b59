/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/error.h"
#include "job/store-private.h"

/* A clock that is set back further than this hides jobs of that time from a filter by time. */
#define CLOCK_SLACK (G_GINT64_CONSTANT (24) * 3600 * G_USEC_PER_SEC)

/* A read that fails finds nothing, except where that would have something done: the store's check
 * at the start, and its writer, tell of a broken disk. */

static char *
dup_text (sqlite3_stmt *statement, int column)
{
  return g_strdup ((const char *) sqlite3_column_text (statement, column));
}

static const char *
get_text (sqlite3_stmt *statement, int column)
{
  const char *text = (const char *) sqlite3_column_text (statement, column);

  return text != NULL ? text : "";
}

static GBytes *
get_bytes (sqlite3_stmt *statement, int column)
{
  return g_bytes_new (sqlite3_column_blob (statement, column),
                      (gsize) sqlite3_column_bytes (statement, column));
}

static GVariant *
get_variant (sqlite3_stmt *statement, int column, const GVariantType *type)
{
  g_autoptr (GBytes) bytes = get_bytes (statement, column);
  g_autoptr (GVariant) raw = g_variant_ref_sink (g_variant_new_from_bytes (type, bytes, FALSE));

  return g_variant_get_normal_form (raw);
}

static sqlite3_stmt *
query (MedleyJobStore *self, MedleySql sql, const char *id)
{
  sqlite3_stmt *statement = medley_db_get (medley_job_store_get_reader (self), sql, NULL);

  if (statement != NULL && id != NULL)
    sqlite3_bind_text (statement, 1, id, -1, SQLITE_STATIC);
  return statement;
}

static gboolean
next_row (sqlite3_stmt *statement)
{
  if (statement == NULL)
    return FALSE;
  if (sqlite3_step (statement) == SQLITE_ROW)
    return TRUE;
  /* A statement that stands on a row would keep the log from being written back. */
  sqlite3_reset (statement);
  return FALSE;
}

static GPtrArray *
read_files (MedleyJobStore *self, MedleySql sql, const char *id)
{
  GPtrArray *files = g_ptr_array_new_with_free_func ((GDestroyNotify) medley_file_record_free);
  sqlite3_stmt *statement = query (self, sql, id);

  while (next_row (statement)) {
    MedleyFileRecord *file = g_new0 (MedleyFileRecord, 1);

    file->name = g_strdup (get_text (statement, 0));
    file->type = g_strdup (get_text (statement, 1));
    file->file = g_strdup (get_text (statement, 2));
    file->state = sqlite3_column_int (statement, 3);
    file->flags = (guint) sqlite3_column_int (statement, 4);
    file->size = (guint64) sqlite3_column_int64 (statement, 5);
    file->digest = dup_text (statement, 6);
    g_ptr_array_add (files, file);
  }
  return files;
}

MedleyJobRecord *
medley_job_store_get (MedleyJobStore *self, const char *id)
{
  g_autoptr (MedleyJobRecord) record = NULL;
  sqlite3_stmt *statement = query (self, MEDLEY_SQL_GET_JOB, id);

  if (!next_row (statement))
    return NULL;
  record = medley_job_record_new (id);
  record->state = (MedleyJobState) sqlite3_column_int (statement, 1);
  record->pipeline = g_strdup (get_text (statement, 2));
  record->client = g_strdup (get_text (statement, 3));
  record->priority = sqlite3_column_int (statement, 4);
  record->created = sqlite3_column_int64 (statement, 5);
  record->finished = sqlite3_column_int64 (statement, 6);
  record->bytes = (guint64) sqlite3_column_int64 (statement, 7);
  record->plan_digest = g_strdup (get_text (statement, 8));
  record->status = get_variant (statement, 9, G_VARIANT_TYPE_VARDICT);
  sqlite3_reset (statement);
  if (record->state >= MEDLEY_JOB_N_STATES)
    return NULL;
  record->inputs = read_files (self, MEDLEY_SQL_GET_INPUTS, id);
  record->outputs = read_files (self, MEDLEY_SQL_GET_OUTPUTS, id);
  record->attempts = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  statement = query (self, MEDLEY_SQL_GET_ATTEMPTS, id);
  while (next_row (statement))
    g_ptr_array_add (record->attempts, get_variant (statement, 0, G_VARIANT_TYPE_VARDICT));
  return g_steal_pointer (&record);
}

GVariant *
medley_job_store_get_plan (MedleyJobStore *self, const char *digest)
{
  sqlite3_stmt *statement = query (self, MEDLEY_SQL_GET_PLAN, digest);
  GVariant *plan = NULL;

  if (next_row (statement)) {
    plan = get_variant (statement, 0, G_VARIANT_TYPE_VARDICT);
    sqlite3_reset (statement);
  }
  return plan;
}

GPtrArray *
medley_job_store_get_events (MedleyJobStore *self, const char *id, guint64 after)
{
  GPtrArray *events = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  sqlite3_stmt *statement = query (self, MEDLEY_SQL_GET_EVENTS, id);

  while (next_row (statement)) {
    g_autoptr (GVariant) some = get_variant (statement, 0, G_VARIANT_TYPE ("aa{sv}"));

    for (gsize i = 0; i < g_variant_n_children (some); i++) {
      g_autoptr (GVariant) event = g_variant_get_child_value (some, i);
      guint64 seq = 0;

      g_variant_lookup (event, "seq", "t", &seq);
      /* What could not be written the first time was written again, with others. */
      if (seq > after) {
        g_ptr_array_add (events, g_steal_pointer (&event));
        after = seq;
      }
    }
  }
  return events;
}

GBytes *
medley_job_store_get_content (MedleyJobStore *self, const char *id, const char *file)
{
  static const MedleySql both[] = { MEDLEY_SQL_GET_OUTPUT_CONTENT, MEDLEY_SQL_GET_INPUT_CONTENT };

  for (guint i = 0; i < G_N_ELEMENTS (both); i++) {
    sqlite3_stmt *statement = query (self, both[i], id);

    if (statement == NULL)
      return NULL;
    sqlite3_bind_text (statement, 2, file, -1, SQLITE_STATIC);
    if (next_row (statement)) {
      GBytes *bytes
          = sqlite3_column_type (statement, 0) != SQLITE_NULL ? get_bytes (statement, 0) : NULL;

      sqlite3_reset (statement);
      return bytes;
    }
  }
  return NULL;
}

/* NULL only with @error */
static char **
read_ids (MedleyJobStore *self, sqlite3_stmt *statement, GError **error)
{
  g_autoptr (GStrvBuilder) ids = g_strv_builder_new ();
  int code = SQLITE_ERROR;

  while (statement != NULL && (code = sqlite3_step (statement)) == SQLITE_ROW)
    g_strv_builder_add (ids, get_text (statement, 0));
  if (code != SQLITE_DONE && error != NULL) {
    medley_db_set_error (medley_job_store_get_reader (self), "the store of jobs cannot be read",
                         error);
    sqlite3_reset (statement);
    return NULL;
  }
  sqlite3_reset (statement);
  return g_strv_builder_end (ids);
}

/* An id begins with the time at which it was made, which is that of the job but for what a clock is
 * set back by. */
static char *
make_bound (gint64 time)
{
  char id[MEDLEY_JOB_ID_TIME_DIGITS + 1];

  medley_job_id_write_time (id, (guint64) CLAMP (time, 0, MEDLEY_JOB_ID_TIME_MAX));
  return g_strdup (id);
}

char **
medley_job_store_list (MedleyJobStore *self, const MedleyJobFilter *filter, const char *cursor,
                       guint limit)
{
  MedleySql sql = filter->client != NULL     ? MEDLEY_SQL_LIST_CLIENT
                  : filter->pipeline != NULL ? MEDLEY_SQL_LIST_PIPELINE
                  : filter->state >= 0       ? MEDLEY_SQL_LIST_STATE
                                             : MEDLEY_SQL_LIST;
  g_autofree char *first
      = filter->from != 0 ? make_bound (filter->from - CLOCK_SLACK) : g_strdup ("");
  /* Ids hold lower-case letters and digits. */
  g_autofree char *last
      = filter->before != 0 ? make_bound (filter->before + CLOCK_SLACK) : g_strdup ("~");
  sqlite3_stmt *statement
      = query (self, sql, cursor != NULL && strcmp (cursor, last) < 0 ? cursor : last);

  if (statement != NULL) {
    sqlite3_bind_int (statement, 2, filter->state);
    sqlite3_bind_int64 (statement, 3, limit);
    sqlite3_bind_text (statement, 4, first, -1, SQLITE_STATIC);
    if (filter->pipeline != NULL)
      sqlite3_bind_text (statement, 5, filter->pipeline, -1, SQLITE_STATIC);
    if (filter->client != NULL)
      sqlite3_bind_text (statement, 6, filter->client, -1, SQLITE_STATIC);
    sqlite3_bind_int64 (statement, 7, filter->from);
    sqlite3_bind_int64 (statement, 8, filter->before != 0 ? filter->before : G_MAXINT64);
  }
  return read_ids (self, statement, NULL);
}

GPtrArray *
medley_job_store_load_unfinished (MedleyJobStore *self, GError **error)
{
  g_autoptr (GPtrArray) records
      = g_ptr_array_new_with_free_func ((GDestroyNotify) medley_job_record_free);
  g_auto (GStrv) ids = read_ids (self, query (self, MEDLEY_SQL_LIST_UNFINISHED, NULL), error);

  for (guint i = 0; ids != NULL && ids[i] != NULL; i++) {
    MedleyJobRecord *record = medley_job_store_get (self, ids[i]);

    if (record == NULL) {
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_BAD_STORE,
                   "the store of jobs cannot be read: job %s is damaged", ids[i]);
      return NULL;
    }
    record->plan = medley_job_store_get_plan (self, record->plan_digest);
    g_ptr_array_add (records, record);
  }
  return ids != NULL ? g_steal_pointer (&records) : NULL;
}

char **
medley_job_store_find_oldest (MedleyJobStore *self, gint64 before, guint limit)
{
  sqlite3_stmt *statement = query (self, MEDLEY_SQL_FIND_OLDEST, NULL);

  if (statement != NULL) {
    sqlite3_bind_int64 (statement, 1, before);
    sqlite3_bind_int64 (statement, 2, limit);
  }
  return read_ids (self, statement, NULL);
}

void
medley_job_store_count (MedleyJobStore *self, guint counts[MEDLEY_JOB_N_STATES], guint64 *bytes)
{
  sqlite3_stmt *statement = query (self, MEDLEY_SQL_COUNT, NULL);

  *bytes = 0;
  while (next_row (statement)) {
    int state = sqlite3_column_int (statement, 0);

    if (state < 0 || state >= MEDLEY_JOB_N_STATES)
      continue;
    counts[state] = (guint) sqlite3_column_int64 (statement, 1);
    if (medley_job_state_is_final ((MedleyJobState) state))
      *bytes += (guint64) sqlite3_column_int64 (statement, 2);
  }
}

GHashTable *
medley_job_store_list_ids (MedleyJobStore *self, GError **error)
{
  g_autofree char **ids = read_ids (self, query (self, MEDLEY_SQL_LIST_IDS, NULL), error);
  GHashTable *set = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  if (ids == NULL) {
    g_hash_table_unref (set);
    return NULL;
  }
  for (guint i = 0; ids[i] != NULL; i++)
    g_hash_table_add (set, ids[i]);
  return set;
}

gboolean
medley_job_store_find_key (MedleyJobStore *self, const char *owner, const char *key, char **digest,
                           char **id, GError **error)
{
  sqlite3_stmt *statement = query (self, MEDLEY_SQL_FIND_KEY, owner);
  int code = SQLITE_ERROR;

  *id = *digest = NULL;
  if (statement != NULL) {
    sqlite3_bind_text (statement, 2, key, -1, SQLITE_STATIC);
    code = sqlite3_step (statement);
  }
  if (code == SQLITE_ROW) {
    *id = dup_text (statement, 0);
    *digest = dup_text (statement, 1);
  } else if (code != SQLITE_DONE) {
    medley_db_set_error (medley_job_store_get_reader (self), "the store of jobs cannot be read",
                         error);
  }
  sqlite3_reset (statement);
  return code == SQLITE_ROW || code == SQLITE_DONE;
}
