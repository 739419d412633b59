/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/folders.h"
#include "job/job-private.h"

#define MOST 20

typedef struct {
  char *folder;
  MedleySpool *spool;
  MedleyJobStore *store;
  MedleyJob *job;
} Fixture;

static void
grew (const char *name, gpointer data)
{
}

static void
set_up (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *store = NULL;
  MedleyJobOptions options = { .attempts = 1 };
  GVariantDict plan;

  f->folder = g_dir_make_tmp ("medley-record-XXXXXX", NULL);
  store = g_build_filename (f->folder, MEDLEY_SPOOL_STORE, NULL);
  f->spool = medley_spool_new (f->folder, grew, NULL, &error);
  g_assert_no_error (error);
  f->store = medley_job_store_open (store, TRUE, &error);
  g_assert_no_error (error);
  g_variant_dict_init (&plan, NULL);
  f->job = medley_job_new ("a", "uid:1", g_variant_dict_end (&plan), "plan", NULL, &options,
                           f->spool, f->store, MOST);
  medley_job_push_created (f->job);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_object_unref (f->job);
  medley_job_store_free (f->store);
  g_object_run_dispose (G_OBJECT (f->spool));
  g_object_unref (f->spool);
  medley_folder_remove (f->folder);
  g_free (f->folder);
}

static void
saved (const GError *error, gpointer data)
{
  g_assert_no_error (error);
  *(gboolean *) data = TRUE;
}

static void
save (Fixture *f, gboolean with_end)
{
  gboolean done = FALSE;

  medley_job_store_save (f->store, medley_job_make_record (f->job, with_end), FALSE, saved, &done);
  while (!done)
    g_main_context_iteration (NULL, TRUE);
}

static void
add_events (Fixture *f, guint n)
{
  for (guint i = 0; i < n; i++) {
    medley_job_add_event (f->job, "message", NULL);
    save (f, FALSE);
  }
}

static guint
count_stored (Fixture *f)
{
  g_autoptr (GPtrArray) events = medley_job_store_get_events (f->store, "a", 0);

  return events->len;
}

static void
restart (Fixture *f)
{
  g_autoptr (MedleyJobRecord) record = medley_job_store_get (f->store, "a");

  g_assert_nonnull (record);
  g_object_unref (f->job);
  f->job = medley_job_new_from_record (record, f->spool, f->store, MOST);
}

static guint64
get_seq (GVariant *event)
{
  guint64 seq = 0;

  g_assert_true (g_variant_lookup (event, "seq", "t", &seq));
  return seq;
}

static void
test_bounded_log (Fixture *f, gconstpointer data)
{
  g_autoptr (GPtrArray) before = NULL;
  g_autoptr (GPtrArray) after = NULL;

  save (f, FALSE);
  for (guint i = 0; i < 10; i++) {
    add_events (f, 2 * MOST - 2);
    g_assert_cmpuint (count_stored (f), <=, 2 * MOST + 1);
    restart (f);
  }
  add_events (f, 3);
  before = medley_job_get_events (f->job, 0);
  restart (f);
  after = medley_job_get_events (f->job, 0);
  g_assert_cmpuint (after->len, ==, MOST);
  g_assert_cmpuint (before->len, ==, MOST);
  for (guint i = 0; i < MOST; i++)
    g_assert_cmpuint (get_seq (before->pdata[i]), ==, get_seq (after->pdata[i]));
}

/* What still comes of a job whose end is being written: its end is the last event for everybody. */
static void
test_events_after_the_end (Fixture *f, gconstpointer data)
{
  g_autoptr (GPtrArray) seen = NULL;
  g_autoptr (GPtrArray) stored = NULL;
  GVariantDict details;
  const char *kind = "";

  medley_job_add_event (f->job, "message", NULL);
  medley_job_prepare_end (f->job, MEDLEY_JOB_FAILED, NULL);
  g_assert_cmpuint (medley_job_get_last_event (f->job), ==, 2);
  g_variant_dict_init (&details, NULL);
  g_variant_dict_insert (&details, "text", "s", "late");
  medley_job_add_event (f->job, "message", &details);
  save (f, TRUE);
  medley_job_add_event (f->job, "message", NULL);
  medley_job_end (f->job);
  save (f, TRUE);
  seen = medley_job_get_events (f->job, 0);
  stored = medley_job_store_get_events (f->store, "a", 0);
  g_assert_cmpuint (seen->len, ==, stored->len);
  for (guint i = 0; i < seen->len; i++)
    g_assert_true (g_variant_equal (seen->pdata[i], stored->pdata[i]));
  g_assert_cmpuint (get_seq (seen->pdata[seen->len - 1]), ==, seen->len);
  g_variant_lookup (seen->pdata[seen->len - 1], "kind", "&s", &kind);
  g_assert_cmpstr (kind, ==, "state");
  g_assert_cmpuint (medley_job_get_last_event (f->job), ==, seen->len);
}

/* A job that was to be done, and of which that could not be kept. */
static void
test_another_end (Fixture *f, gconstpointer data)
{
  g_autoptr (GPtrArray) events = NULL;

  medley_job_prepare_end (f->job, MEDLEY_JOB_DONE, NULL);
  medley_job_record_free (medley_job_make_record (f->job, TRUE));
  medley_job_mark_unsaved (f->job);
  medley_job_prepare_end (f->job, MEDLEY_JOB_FAILED, NULL);
  g_assert_cmpuint (medley_job_get_last_event (f->job), ==, 1);
  medley_job_end (f->job);
  events = medley_job_get_events (f->job, 0);
  g_assert_cmpuint (events->len, ==, 2);
  g_assert_cmpuint (get_seq (events->pdata[1]), ==, 2);
}

#define ADD(Path, Function)                                                                        \
  g_test_add ("/job-record/" Path, Fixture, NULL, set_up, Function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("bounded-log", test_bounded_log);
  ADD ("events-after-the-end", test_events_after_the_end);
  ADD ("another-end", test_another_end);
  return g_test_run ();
}
