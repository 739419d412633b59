/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "job/store-private.h"

static gboolean
step (MedleyDb *self, sqlite3_stmt *statement, GError **error)
{
  int code = sqlite3_step (statement);

  if (code != SQLITE_DONE && code != SQLITE_ROW) {
    medley_db_set_error (self, "the store of jobs cannot be written", error);
    sqlite3_reset (statement);
    return FALSE;
  }
  sqlite3_reset (statement);
  return TRUE;
}

static void
bind_text (sqlite3_stmt *statement, int n, const char *text)
{
  if (text != NULL)
    sqlite3_bind_text (statement, n, text, -1, SQLITE_STATIC);
}

static void
bind_variant (sqlite3_stmt *statement, int n, GVariant *variant)
{
  sqlite3_bind_blob64 (statement, n, g_variant_get_data (variant), g_variant_get_size (variant),
                       SQLITE_STATIC);
}

static gboolean
save_job (MedleyDb *self, const MedleyJobRecord *record, GError **error)
{
  sqlite3_stmt *statement
      = medley_db_get (self, record->is_new ? MEDLEY_SQL_INSERT_JOB : MEDLEY_SQL_UPDATE_JOB, error);

  if (statement == NULL)
    return FALSE;
  bind_text (statement, 1, record->id);
  sqlite3_bind_int (statement, 2, record->state);
  if (record->is_new) {
    bind_text (statement, 3, record->pipeline);
    bind_text (statement, 4, record->client);
    sqlite3_bind_int (statement, 5, record->priority);
    sqlite3_bind_int64 (statement, 6, record->created);
    sqlite3_bind_int64 (statement, 7, record->finished);
    sqlite3_bind_int64 (statement, 8, (sqlite3_int64) record->bytes);
    bind_text (statement, 9, record->plan_digest);
    bind_variant (statement, 10, record->status);
  } else {
    sqlite3_bind_int (statement, 3, record->priority);
    sqlite3_bind_int64 (statement, 4, record->finished);
    sqlite3_bind_int64 (statement, 5, (sqlite3_int64) record->bytes);
    bind_variant (statement, 6, record->status);
  }
  return step (self, statement, error);
}

static gboolean
save_plan (MedleyDb *self, const MedleyJobRecord *record, GError **error)
{
  sqlite3_stmt *statement = medley_db_get (self, MEDLEY_SQL_INSERT_PLAN, error);

  if (statement == NULL)
    return FALSE;
  bind_text (statement, 1, record->plan_digest);
  bind_variant (statement, 2, record->plan);
  return step (self, statement, error);
}

static gboolean
save_files (MedleyDb *self, MedleySql sql, const char *id, GPtrArray *files, GError **error)
{
  for (guint i = 0; files != NULL && i < files->len; i++) {
    const MedleyFileRecord *file = files->pdata[i];
    sqlite3_stmt *statement = medley_db_get (self, sql, error);

    if (statement == NULL)
      return FALSE;
    bind_text (statement, 1, id);
    sqlite3_bind_int (statement, 2, (int) i);
    bind_text (statement, 3, file->name);
    bind_text (statement, 4, file->type);
    bind_text (statement, 5, file->file);
    sqlite3_bind_int (statement, 6, file->state);
    sqlite3_bind_int (statement, 7, (int) file->flags);
    sqlite3_bind_int64 (statement, 8, (sqlite3_int64) file->size);
    bind_text (statement, 9, file->digest);
    if (file->content != NULL) {
      gsize length;
      const void *data = g_bytes_get_data (file->content, &length);

      /* A null pointer would be stored as NULL, which means that the content is elsewhere. */
      sqlite3_bind_blob64 (statement, 10, length > 0 ? data : "", length, SQLITE_STATIC);
    }
    if (!step (self, statement, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
save_attempts (MedleyDb *self, const MedleyJobRecord *record, GError **error)
{
  for (guint i = 0; record->attempts != NULL && i < record->attempts->len; i++) {
    GVariant *attempt = record->attempts->pdata[i];
    sqlite3_stmt *statement = medley_db_get (self, MEDLEY_SQL_SAVE_ATTEMPT, error);
    guint32 number = 0;

    if (statement == NULL)
      return FALSE;
    g_variant_lookup (attempt, "number", "u", &number);
    bind_text (statement, 1, record->id);
    sqlite3_bind_int64 (statement, 2, number);
    bind_variant (statement, 3, attempt);
    if (!step (self, statement, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
remove_from (MedleyDb *self, MedleySql sql, const char *id, GError **error)
{
  sqlite3_stmt *statement = medley_db_get (self, sql, error);

  if (statement == NULL)
    return FALSE;
  bind_text (statement, 1, id);
  return step (self, statement, error);
}

static gboolean
save_events (MedleyDb *self, const MedleyJobRecord *record, GError **error)
{
  g_autoptr (GVariant) all = NULL;
  sqlite3_stmt *statement;
  guint64 first = 0;

  if (record->events == NULL || record->events->len == 0)
    return TRUE;
  if (record->replaces_events && !remove_from (self, MEDLEY_SQL_REMOVE_EVENTS, record->id, error))
    return FALSE;
  statement = medley_db_get (self, MEDLEY_SQL_SAVE_EVENTS, error);
  if (statement == NULL)
    return FALSE;
  all = g_variant_ref_sink (g_variant_new_array (G_VARIANT_TYPE_VARDICT,
                                                 (GVariant *const *) record->events->pdata,
                                                 record->events->len));
  g_variant_lookup (record->events->pdata[0], "seq", "t", &first);
  bind_text (statement, 1, record->id);
  sqlite3_bind_int64 (statement, 2, (sqlite3_int64) first);
  bind_variant (statement, 3, all);
  return step (self, statement, error);
}

static gboolean
save_key (MedleyDb *self, const MedleyJobRecord *record, GError **error)
{
  sqlite3_stmt *statement = medley_db_get (self, MEDLEY_SQL_INSERT_KEY, error);

  if (statement == NULL)
    return FALSE;
  bind_text (statement, 1, record->key_owner);
  bind_text (statement, 2, record->key);
  bind_text (statement, 3, record->key_digest);
  bind_text (statement, 4, record->id);
  sqlite3_bind_int64 (statement, 5, record->created);
  return step (self, statement, error);
}

gboolean
medley_db_save (MedleyDb *self, const MedleyJobRecord *record, GError **error)
{
  return save_job (self, record, error) && (record->plan == NULL || save_plan (self, record, error))
         && save_files (self, MEDLEY_SQL_SAVE_INPUT, record->id, record->inputs, error)
         && save_files (self, MEDLEY_SQL_SAVE_OUTPUT, record->id, record->outputs, error)
         && save_attempts (self, record, error) && save_events (self, record, error)
         && (record->key == NULL || save_key (self, record, error));
}

gboolean
medley_db_remove (MedleyDb *self, const char *id, GError **error)
{
  static const MedleySql all[]
      = { MEDLEY_SQL_REMOVE_EVENTS, MEDLEY_SQL_REMOVE_ATTEMPTS, MEDLEY_SQL_REMOVE_INPUTS,
          MEDLEY_SQL_REMOVE_OUTPUTS, MEDLEY_SQL_REMOVE_JOB };

  for (guint i = 0; i < G_N_ELEMENTS (all); i++) {
    if (!remove_from (self, all[i], id, error))
      return FALSE;
  }
  return TRUE;
}

gboolean
medley_db_prune (MedleyDb *self, gint64 time, GError **error)
{
  sqlite3_stmt *keys = medley_db_get (self, MEDLEY_SQL_PRUNE_KEYS, error);
  sqlite3_stmt *plans = keys != NULL ? medley_db_get (self, MEDLEY_SQL_PRUNE_PLANS, error) : NULL;

  if (plans == NULL)
    return FALSE;
  sqlite3_bind_int64 (keys, 1, time);
  return step (self, keys, error) && step (self, plans, error);
}
