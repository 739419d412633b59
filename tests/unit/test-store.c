/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>

#include "base/error.h"
#include "base/folders.h"
#include "job/store.h"

typedef struct {
  char *folder;
  char *file;
  MedleyJobStore *store;
} Fixture;

static void
reopen (Fixture *f)
{
  g_autoptr (GError) error = NULL;

  g_clear_pointer (&f->store, medley_job_store_free);
  f->store = medley_job_store_open (f->folder, TRUE, &error);
  g_assert_no_error (error);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  f->folder = g_dir_make_tmp ("medley-store-XXXXXX", NULL);
  f->file = g_build_filename (f->folder, "jobs.db", NULL);
  reopen (f);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_clear_pointer (&f->store, medley_job_store_free);
  medley_folder_remove (f->folder);
  g_free (f->folder);
  g_free (f->file);
}

static GVariant *
make_event (guint64 seq, const char *kind)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "seq", "t", seq);
  g_variant_dict_insert (&dict, "kind", "s", kind);
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

static GVariant *
make_dict (const char *name, const char *value)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, name, "s", value);
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

static GPtrArray *
make_files (const char *id, const char *ending, const char *content)
{
  GPtrArray *files = g_ptr_array_new_with_free_func ((GDestroyNotify) medley_file_record_free);
  MedleyFileRecord *file = g_new0 (MedleyFileRecord, 1);

  file->name = g_strdup ("text");
  file->type = g_strdup ("text/plain");
  file->file = g_strconcat (id, ending, NULL);
  file->state = 1;
  file->flags = 2;
  file->size = content != NULL ? strlen (content) : 0;
  file->digest = g_strdup ("0123");
  file->content = content != NULL ? g_bytes_new (content, strlen (content)) : NULL;
  g_ptr_array_add (files, file);
  return files;
}

static MedleyJobRecord *
make_record (const char *id, MedleyJobState state)
{
  MedleyJobRecord *record = medley_job_record_new (id);

  record->is_new = TRUE;
  record->client = g_strdup ("uid:1");
  record->pipeline = g_strdup ("speak");
  record->state = state;
  record->priority = -7;
  record->created = 1000;
  record->finished = medley_job_state_is_final (state) ? 2000 : 0;
  record->bytes = 10;
  record->plan_digest = g_strdup ("plan-1");
  record->plan = make_dict ("pipeline", "speak");
  record->status = make_dict ("what", "ever");
  record->inputs = make_files (id, "-0.in", "in");
  record->outputs = make_files (id, "-0.out", "out");
  record->events = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  g_ptr_array_add (record->events, make_event (1, "state"));
  return record;
}

typedef struct {
  guint left;
  guint failed;
  MedleyError code;
} Wait;

static void
written (const GError *error, gpointer data)
{
  Wait *wait = data;

  wait->left--;
  if (error != NULL) {
    wait->failed++;
    wait->code = (MedleyError) error->code;
  }
}

static void
wait_for (Wait *wait)
{
  while (wait->left > 0)
    g_main_context_iteration (NULL, TRUE);
}

static void
save (Fixture *f, MedleyJobRecord *record)
{
  Wait wait = { .left = 1 };

  medley_job_store_save (f->store, record, TRUE, written, &wait);
  wait_for (&wait);
  g_assert_cmpuint (wait.failed, ==, 0);
}

static void
test_a_job_comes_back_whole (Fixture *f, gconstpointer data)
{
  g_autoptr (MedleyJobRecord) got = NULL;
  g_autoptr (GVariant) plan = NULL;
  g_autoptr (GBytes) content = NULL;
  MedleyFileRecord *input;
  const char *text;

  save (f, make_record ("a", MEDLEY_JOB_QUEUED));
  reopen (f);
  got = medley_job_store_get (f->store, "a");
  g_assert_nonnull (got);
  g_assert_cmpint (got->state, ==, MEDLEY_JOB_QUEUED);
  g_assert_cmpint (got->priority, ==, -7);
  g_assert_cmpstr (got->client, ==, "uid:1");
  g_assert_cmpint (got->created, ==, 1000);
  g_assert_true (g_variant_lookup (got->status, "what", "&s", &text));
  g_assert_cmpstr (text, ==, "ever");
  input = got->inputs->pdata[0];
  g_assert_cmpstr (input->file, ==, "a-0.in");
  g_assert_cmpuint (input->size, ==, 2);
  g_assert_cmpuint (input->flags, ==, 2);
  g_assert_cmpstr (input->digest, ==, "0123");
  plan = medley_job_store_get_plan (f->store, got->plan_digest);
  g_assert_true (g_variant_lookup (plan, "pipeline", "&s", &text));
  content = medley_job_store_get_content (f->store, "a", "a-0.out");
  g_assert_cmpmem (g_bytes_get_data (content, NULL), g_bytes_get_size (content), "out", 3);
  g_assert_null (medley_job_store_get (f->store, "b"));
}

static void
test_records_of_one_job_add_up (Fixture *f, gconstpointer data)
{
  MedleyJobRecord *record = medley_job_record_new ("a");
  g_autoptr (GPtrArray) events = NULL;
  g_autoptr (MedleyJobRecord) got = NULL;

  save (f, make_record ("a", MEDLEY_JOB_QUEUED));
  record->state = MEDLEY_JOB_DONE;
  record->finished = 5000;
  record->status = make_dict ("what", "else");
  record->events = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  g_ptr_array_add (record->events, make_event (1, "again"));
  g_ptr_array_add (record->events, make_event (2, "state"));
  g_ptr_array_add (record->events, make_event (5, "state"));
  save (f, record);
  got = medley_job_store_get (f->store, "a");
  g_assert_cmpint (got->state, ==, MEDLEY_JOB_DONE);
  g_assert_cmpstr (got->pipeline, ==, "speak");
  g_assert_cmpuint (got->outputs->len, ==, 1);
  events = medley_job_store_get_events (f->store, "a", 0);
  g_assert_cmpuint (events->len, ==, 3); /* 1 once, 2, 5 */
  g_clear_pointer (&events, g_ptr_array_unref);
  events = medley_job_store_get_events (f->store, "a", 2);
  g_assert_cmpuint (events->len, ==, 1);
}

/* Clients are told of events while these are written; the thread sanitizer looks on. */
static void
test_events_are_read_while_they_are_written (Fixture *f, gconstpointer data)
{
  save (f, make_record ("a", MEDLEY_JOB_RUNNING));
  for (guint64 i = 2; i <= 50; i++) {
    MedleyJobRecord *record = medley_job_record_new ("a");
    g_autoptr (GVariant) event = make_event (i, "state");
    Wait wait = { .left = 1 };

    record->state = MEDLEY_JOB_RUNNING;
    record->status = make_dict ("what", "ever");
    record->events = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
    g_ptr_array_add (record->events, g_variant_ref (event));
    medley_job_store_save (f->store, record, FALSE, written, &wait);
    while (wait.left > 0) {
      guint64 seq = 0;

      g_assert_true (g_variant_lookup (event, "seq", "t", &seq));
      g_assert_cmpuint (seq, ==, i);
      g_main_context_iteration (NULL, FALSE);
    }
    g_assert_cmpuint (wait.failed, ==, 0);
  }
}

static void
test_a_log_can_be_replaced (Fixture *f, gconstpointer data)
{
  MedleyJobRecord *record = medley_job_record_new ("a");
  g_autoptr (GPtrArray) events = NULL;

  save (f, make_record ("a", MEDLEY_JOB_RUNNING));
  record->state = MEDLEY_JOB_RUNNING;
  record->status = make_dict ("what", "else");
  record->replaces_events = TRUE;
  record->events = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  g_ptr_array_add (record->events, make_event (7, "state"));
  save (f, record);
  events = medley_job_store_get_events (f->store, "a", 0);
  g_assert_cmpuint (events->len, ==, 1);
}

static char **
list (Fixture *f, int state, const char *pipeline, const char *cursor, guint limit)
{
  const MedleyJobFilter filter = { .state = state, .pipeline = pipeline };

  return medley_job_store_list (f->store, &filter, cursor, limit);
}

static void
test_lists_are_newest_first_and_filtered (Fixture *f, gconstpointer data)
{
  static const char *const ids[] = { "a", "b", "c", "d" };
  g_auto (GStrv) all = NULL, done = NULL, page = NULL, none = NULL, oldest = NULL;
  g_autoptr (GPtrArray) unfinished = NULL;
  g_autoptr (GHashTable) set = NULL;
  guint counts[MEDLEY_JOB_N_STATES] = { 0 };
  guint64 bytes;

  for (guint i = 0; i < G_N_ELEMENTS (ids); i++) {
    MedleyJobRecord *record
        = make_record (ids[i], i % 2 == 0 ? MEDLEY_JOB_DONE : MEDLEY_JOB_QUEUED);

    if (i % 2 == 0)
      record->finished = 9000 - i; /* the one that began later ended first */
    save (f, record);
  }
  all = list (f, -1, NULL, NULL, 10);
  g_assert_cmpstrv (all, ((const char *[]){ "d", "c", "b", "a", NULL }));
  done = list (f, MEDLEY_JOB_DONE, "speak", NULL, 10);
  g_assert_cmpstrv (done, ((const char *[]){ "c", "a", NULL }));
  page = list (f, -1, NULL, "c", 1);
  g_assert_cmpstrv (page, ((const char *[]){ "b", NULL }));
  none = list (f, -1, "other", NULL, 10);
  g_assert_cmpstrv (none, ((const char *[]){ NULL }));
  oldest = medley_job_store_find_oldest (f->store, 0, 10);
  g_assert_cmpstrv (oldest, ((const char *[]){ "c", "a", NULL }));
  unfinished = medley_job_store_load_unfinished (f->store, NULL);
  g_assert_cmpuint (unfinished->len, ==, 2);
  g_assert_cmpstr (((MedleyJobRecord *) unfinished->pdata[0])->id, ==, "b");
  g_assert_nonnull (((MedleyJobRecord *) unfinished->pdata[0])->plan);
  medley_job_store_count (f->store, counts, &bytes);
  g_assert_cmpuint (counts[MEDLEY_JOB_DONE], ==, 2);
  g_assert_cmpuint (counts[MEDLEY_JOB_QUEUED], ==, 2);
  g_assert_cmpuint (bytes, ==, 20);
  set = medley_job_store_list_ids (f->store, NULL);
  g_assert_cmpuint (g_hash_table_size (set), ==, 4);
}

static void
execute (Fixture *f, const char *sql)
{
  sqlite3 *db;

  g_clear_pointer (&f->store, medley_job_store_free);
  g_assert_cmpint (sqlite3_open (f->file, &db), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_close (db), ==, SQLITE_OK);
}

static void
expect_key (Fixture *f, const char *owner, const char *job)
{
  g_autofree char *id = NULL, *digest = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (medley_job_store_find_key (f->store, owner, "k", &digest, &id, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (id, ==, job);
  g_assert_cmpstr (digest, ==, job != NULL ? "d" : NULL);
}

static void
test_a_removed_job_leaves_its_key (Fixture *f, gconstpointer data)
{
  MedleyJobRecord *record = make_record ("a", MEDLEY_JOB_DONE);
  Wait wait = { .left = 1 };
  g_autoptr (GPtrArray) events = NULL;

  record->key_owner = g_strdup ("uid:1");
  record->key = g_strdup ("k");
  record->key_digest = g_strdup ("d");
  save (f, record);
  medley_job_store_remove (f->store, "a", written, &wait);
  wait_for (&wait);
  g_assert_null (medley_job_store_get (f->store, "a"));
  events = medley_job_store_get_events (f->store, "a", 0);
  g_assert_cmpuint (events->len, ==, 0);
  expect_key (f, "uid:1", "a");
  expect_key (f, "uid:2", NULL);
  /* The job was created at 1000. */
  medley_job_store_prune (f->store, 999);
  reopen (f);
  expect_key (f, "uid:1", "a");
  medley_job_store_prune (f->store, 1001);
  reopen (f);
  expect_key (f, "uid:1", NULL);
}

static void
test_a_key_that_cannot_be_read_is_not_new (Fixture *f, gconstpointer data)
{
  g_autofree char *id = NULL, *digest = NULL;
  g_autoptr (GError) error = NULL;

  execute (f, "ALTER TABLE keys RENAME TO lost");
  reopen (f);
  g_assert_false (medley_job_store_find_key (f->store, "uid:1", "k", &digest, &id, &error));
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_IO);
}

static void
test_plans_live_as_long_as_a_job_has_them (Fixture *f, gconstpointer data)
{
  g_autoptr (GVariant) plan = NULL;
  Wait wait = { .left = 1 };

  save (f, make_record ("a", MEDLEY_JOB_DONE));
  save (f, make_record ("b", MEDLEY_JOB_DONE));
  medley_job_store_remove (f->store, "a", written, &wait);
  wait_for (&wait);
  medley_job_store_prune (f->store, 0);
  reopen (f);
  plan = medley_job_store_get_plan (f->store, "plan-1");
  g_assert_nonnull (plan);
  wait.left = 1;
  medley_job_store_remove (f->store, "b", written, &wait);
  wait_for (&wait);
  medley_job_store_prune (f->store, 0);
  reopen (f);
  g_assert_null (medley_job_store_get_plan (f->store, "plan-1"));
}

/* Each filter alone, and with the others. */
static void
test_lists_are_filtered_by_client_and_time (Fixture *f, gconstpointer data)
{
  const gint64 hour = G_GINT64_CONSTANT (3600) * G_USEC_PER_SEC;
  const gint64 begin = G_GINT64_CONSTANT (1795000000) * G_USEC_PER_SEC;
  static const char *const clients[] = { "uid:1", "token:ci", "uid:1/page" };
  char ids[48][MEDLEY_JOB_ID_TIME_DIGITS + 1];

  for (guint i = 0; i < G_N_ELEMENTS (ids); i++) {
    MedleyJobRecord *record;

    medley_job_id_write_time (ids[i], (guint64) (begin + i * hour));
    record = make_record (ids[i], i % 2 == 0 ? MEDLEY_JOB_DONE : MEDLEY_JOB_FAILED);
    /* Later than its id was made, or earlier where the clock was set back. */
    record->created = begin + i * hour + (i == 30 ? -2 * hour : 5);
    g_free (record->client);
    record->client = g_strdup (clients[i % 3]);
    g_free (record->pipeline);
    record->pipeline = g_strdup (i % 4 == 0 ? "speak" : "read-page");
    save (f, record);
  }
  for (guint bits = 0; bits < 32; bits++) {
    const MedleyJobFilter filter = {
      .state = (bits & 1) != 0 ? MEDLEY_JOB_DONE : -1,
      .pipeline = (bits & 2) != 0 ? "speak" : NULL,
      .client = (bits & 4) != 0 ? "token:ci" : NULL,
      .from = (bits & 8) != 0 ? begin + 10 * hour : 0,
      .before = (bits & 16) != 0 ? begin + 40 * hour + 5 : 0,
    };
    g_autoptr (GStrvBuilder) expected = g_strv_builder_new ();
    g_auto (GStrv) wanted = NULL, found = NULL, rest = NULL;

    for (guint i = G_N_ELEMENTS (ids); i-- > 0;) {
      gint64 hours = i == 30 ? 28 : i;

      if (((bits & 1) == 0 || i % 2 == 0) && ((bits & 2) == 0 || i % 4 == 0)
          && ((bits & 4) == 0 || i % 3 == 1) && ((bits & 8) == 0 || hours >= 10)
          && ((bits & 16) == 0 || hours < 40))
        g_strv_builder_add (expected, ids[i]);
    }
    wanted = g_strv_builder_end (expected);
    g_test_message ("filter %u: %u of %u", bits, g_strv_length (wanted),
                    (guint) G_N_ELEMENTS (ids));
    found = medley_job_store_list (f->store, &filter, NULL, 100);
    g_assert_cmpstrv (found, wanted);
    rest = medley_job_store_list (f->store, &filter, wanted[1], 100);
    g_assert_cmpstrv (rest, wanted + 2);
  }
}

static guint64
get_commits (Fixture *f)
{
  g_autoptr (GVariant) status = g_variant_ref_sink (medley_job_store_describe (f->store));
  guint64 commits = 0;

  g_variant_lookup (status, "commits", "t", &commits);
  return commits;
}

static void
test_many_share_a_commit (Fixture *f, gconstpointer data)
{
  Wait wait = { .left = 500 };
  guint64 before = get_commits (f);
  g_auto (GStrv) ids = NULL;

  for (guint i = 0; i < 500; i++) {
    g_autofree char *id = g_strdup_printf ("%04u", i);

    medley_job_store_save (f->store, make_record (id, MEDLEY_JOB_QUEUED), TRUE, written, &wait);
  }
  wait_for (&wait);
  g_assert_cmpuint (wait.failed, ==, 0);
  g_assert_cmpuint (get_commits (f) - before, <, 500);
  ids = list (f, -1, NULL, NULL, 1000);
  g_assert_cmpuint (g_strv_length (ids), ==, 500);
}

static void
test_one_bad_write_takes_no_other_with_it (Fixture *f, gconstpointer data)
{
  Wait bad = { .left = 1 }, good = { .left = 2 };
  g_autoptr (MedleyJobRecord) b = NULL;
  g_autoptr (MedleyJobRecord) c = NULL;

  save (f, make_record ("a", MEDLEY_JOB_QUEUED));
  medley_job_store_save (f->store, make_record ("b", MEDLEY_JOB_QUEUED), TRUE, written, &good);
  medley_job_store_save (f->store, make_record ("a", MEDLEY_JOB_QUEUED), TRUE, written, &bad);
  medley_job_store_save (f->store, make_record ("c", MEDLEY_JOB_QUEUED), TRUE, written, &good);
  wait_for (&bad);
  wait_for (&good);
  g_assert_cmpuint (bad.failed, ==, 1);
  g_assert_cmpint (bad.code, ==, MEDLEY_ERROR_IO);
  g_assert_cmpuint (good.failed, ==, 0);
  reopen (f);
  b = medley_job_store_get (f->store, "b");
  c = medley_job_store_get (f->store, "c");
  g_assert_nonnull (b);
  g_assert_nonnull (c);
}

static void
test_what_waits_is_written_at_the_end (Fixture *f, gconstpointer data)
{
  g_autoptr (MedleyJobRecord) got = NULL;

  medley_job_store_save (f->store, make_record ("a", MEDLEY_JOB_QUEUED), FALSE, NULL, NULL);
  reopen (f);
  got = medley_job_store_get (f->store, "a");
  g_assert_nonnull (got);
}

static void
expect_refusal (Fixture *f, const char *words)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *before = NULL, *after = NULL;
  gsize before_length, after_length;

  g_assert_true (g_file_get_contents (f->file, &before, &before_length, NULL));
  g_assert_null (medley_job_store_open (f->folder, TRUE, &error));
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_BAD_STORE);
  g_assert_nonnull (strstr (error->message, words));
  g_assert_nonnull (strstr (error->message, f->file));
  g_assert_true (g_file_get_contents (f->file, &after, &after_length, NULL));
  g_assert_cmpmem (before, before_length, after, after_length);
}

static void
test_a_file_that_is_no_store_is_left (Fixture *f, gconstpointer data)
{
  g_clear_pointer (&f->store, medley_job_store_free);
  g_assert_true (g_file_set_contents (f->file, "These are my notes, not a database.", -1, NULL));
  expect_refusal (f, "not a database");
}

static void
test_a_newer_store_is_left (Fixture *f, gconstpointer data)
{
  execute (f, "PRAGMA user_version = 99");
  expect_refusal (f, "newer Medley");
}

static void
test_a_database_of_something_else_is_left (Fixture *f, gconstpointer data)
{
  execute (f, "PRAGMA application_id = 7");
  expect_refusal (f, "something else");
}

static void
test_a_damaged_store_is_left (Fixture *f, gconstpointer data)
{
  g_autofree char *text = NULL;
  gsize length;

  for (guint i = 0; i < 200; i++) {
    g_autofree char *id = g_strdup_printf ("%04u", i);

    save (f, make_record (id, MEDLEY_JOB_QUEUED));
  }
  execute (f, "PRAGMA wal_checkpoint(TRUNCATE)");
  g_assert_true (g_file_get_contents (f->file, &text, &length, NULL));
  for (gsize i = 3 * 4096; i < length; i += 4096)
    memset (text + i, 0xa5, MIN (2000, length - i));
  g_assert_true (g_file_set_contents (f->file, text, (gssize) length, NULL));
  expect_refusal (f, "left as it is");
}

/* Files of jobs that are not found would be taken for nobody's. */
static void
test_a_read_that_fails_is_no_empty_store (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) no_ids = NULL, no_jobs = NULL;
  char noise[2000];
  FILE *file;

  for (guint i = 0; i < 200; i++) {
    g_autofree char *id = g_strdup_printf ("%04u", i);

    save (f, make_record (id, MEDLEY_JOB_QUEUED));
  }
  reopen (f);
  memset (noise, 0xa5, sizeof noise);
  file = g_fopen (f->file, "r+");
  fseek (file, 0, SEEK_END);
  for (long at = 3 * 4096, end = ftell (file); at < end; at += 4096) {
    fseek (file, at, SEEK_SET);
    g_assert_cmpuint (fwrite (noise, 1, sizeof noise, file), ==, sizeof noise);
  }
  fclose (file);
  g_assert_null (medley_job_store_list_ids (f->store, &no_ids));
  g_assert_error (no_ids, MEDLEY_ERROR, MEDLEY_ERROR_BAD_STORE);
  g_assert_null (medley_job_store_load_unfinished (f->store, &no_jobs));
  g_assert_error (no_jobs, MEDLEY_ERROR, MEDLEY_ERROR_BAD_STORE);
}

static void
test_a_store_cut_off_while_it_was_made_is_made (Fixture *f, gconstpointer data)
{
  g_clear_pointer (&f->store, medley_job_store_free);
  g_assert_true (g_file_set_contents (f->file, "", 0, NULL));
  reopen (f);
  save (f, make_record ("a", MEDLEY_JOB_QUEUED));
}

static void
test_a_store_for_a_moment_is_gone_afterwards (Fixture *f, gconstpointer data)
{
  Wait wait = { .left = 1 };

  save (f, make_record ("a", MEDLEY_JOB_QUEUED));
  g_clear_pointer (&f->store, medley_job_store_free);
  f->store = medley_job_store_open (f->folder, FALSE, NULL);
  g_assert_null (medley_job_store_get (f->store, "a"));
  medley_job_store_save (f->store, make_record ("b", MEDLEY_JOB_QUEUED), TRUE, written, &wait);
  wait_for (&wait);
  g_clear_pointer (&f->store, medley_job_store_free);
  g_assert_false (g_file_test (f->file, G_FILE_TEST_EXISTS));
}

static void
test_hostile_blobs_are_harmless (Fixture *f, gconstpointer data)
{
  g_autoptr (MedleyJobRecord) got = NULL;
  g_autoptr (GPtrArray) events = NULL;

  save (f, make_record ("a", MEDLEY_JOB_QUEUED));
  execute (f, "UPDATE jobs SET status = x'ffffffffffffffff00000001'; UPDATE events SET events = "
              "x'0102030405060708090a0b0c'; UPDATE plans SET plan = x'ff'");
  reopen (f);
  got = medley_job_store_get (f->store, "a");
  g_assert_nonnull (got);
  g_assert_true (g_variant_is_normal_form (got->status));
  events = medley_job_store_get_events (f->store, "a", 0);
  g_assert_cmpuint (events->len, ==, 0);
}

#define ADD(Path, Function) g_test_add ("/store/" Path, Fixture, NULL, set_up, Function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("a-job-comes-back-whole", test_a_job_comes_back_whole);
  ADD ("records-of-one-job-add-up", test_records_of_one_job_add_up);
  ADD ("a-log-can-be-replaced", test_a_log_can_be_replaced);
  ADD ("lists-are-newest-first-and-filtered", test_lists_are_newest_first_and_filtered);
  ADD ("lists-are-filtered-by-client-and-time", test_lists_are_filtered_by_client_and_time);
  ADD ("a-removed-job-leaves-its-key", test_a_removed_job_leaves_its_key);
  ADD ("a-key-that-cannot-be-read-is-not-new", test_a_key_that_cannot_be_read_is_not_new);
  ADD ("plans-live-as-long-as-a-job-has-them", test_plans_live_as_long_as_a_job_has_them);
  ADD ("many-share-a-commit", test_many_share_a_commit);
  ADD ("one-bad-write-takes-no-other-with-it", test_one_bad_write_takes_no_other_with_it);
  ADD ("what-waits-is-written-at-the-end", test_what_waits_is_written_at_the_end);
  ADD ("a-file-that-is-no-store-is-left", test_a_file_that_is_no_store_is_left);
  ADD ("a-newer-store-is-left", test_a_newer_store_is_left);
  ADD ("a-database-of-something-else-is-left", test_a_database_of_something_else_is_left);
  ADD ("events-are-read-while-they-are-written", test_events_are_read_while_they_are_written);
  ADD ("a-damaged-store-is-left", test_a_damaged_store_is_left);
  ADD ("a-read-that-fails-is-no-empty-store", test_a_read_that_fails_is_no_empty_store);
  ADD ("a-store-cut-off-while-it-was-made-is-made", test_a_store_cut_off_while_it_was_made_is_made);
  ADD ("a-store-for-a-moment-is-gone-afterwards", test_a_store_for_a_moment_is_gone_afterwards);
  ADD ("hostile-blobs-are-harmless", test_hostile_blobs_are_harmless);
  return g_test_run ();
}
