/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/folders.h"
#include "job/manager-private.h"

/* A manager without workers, which finds a job that an earlier daemon left. */

typedef struct {
  char *folder;
  MedleyConfig *config;
  MedleyLibrary *library;
  MedleyCatalog *catalog;
  MedleyPool *pool;
  MedleyJobManager *manager;
} Fixture;

static void
grew (const char *name, gpointer data)
{
}

static void
saved (const GError *error, gpointer data)
{
  g_assert_no_error (error);
  *(gboolean *) data = TRUE;
}

/* It runs, in its last attempt. */
static void
leave_job (const char *folder)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *file = g_build_filename (folder, MEDLEY_SPOOL_STORE, NULL);
  MedleyJobOptions options = { .attempts = 1 };
  g_autoptr (MedleySpool) spool = NULL;
  g_autoptr (MedleyJobStore) store = NULL;
  g_autoptr (MedleyJob) job = NULL;
  gboolean done = FALSE;
  GVariantDict plan;

  spool = medley_spool_new (folder, grew, NULL, &error);
  g_assert_no_error (error);
  store = medley_job_store_open (file, TRUE, &error);
  g_assert_no_error (error);
  g_variant_dict_init (&plan, NULL);
  job = medley_job_new ("a", "uid:1", g_variant_dict_end (&plan), "plan", NULL, &options, spool,
                        store, 100);
  medley_job_push_created (job);
  medley_job_begin_attempt (job);
  g_assert_true (medley_job_set_state (job, MEDLEY_JOB_STARTING));
  medley_job_store_save (store, medley_job_make_record (job, FALSE), TRUE, saved, &done);
  while (!done)
    g_main_context_iteration (NULL, TRUE);
  g_object_run_dispose (G_OBJECT (spool));
}

static void
set_up (Fixture *f, gconstpointer data)
{
  static const char *const nowhere[] = { NULL };
  g_autoptr (GError) error = NULL;
  g_autofree char *setting = NULL;
  const char *settings[] = { NULL, "cache.bytes=0", NULL };

  f->folder = g_dir_make_tmp ("medley-manager-XXXXXX", NULL);
  leave_job (f->folder);
  settings[0] = setting = g_strconcat ("paths.spool=", f->folder, NULL);
  f->config = medley_config_load (NULL, settings, &error);
  g_assert_no_error (error);
  f->catalog = medley_catalog_new ();
  f->library = medley_library_new (nowhere, f->catalog, NULL);
  f->pool = medley_pool_new (f->config);
  f->manager = medley_job_manager_new (f->config, f->library, f->catalog, f->pool, &error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_object_run_dispose (G_OBJECT (f->manager));
  g_object_unref (f->manager);
  g_object_run_dispose (G_OBJECT (f->pool));
  g_object_unref (f->pool);
  g_object_unref (f->library);
  g_object_unref (f->catalog);
  g_object_unref (f->config);
  medley_folder_remove (f->folder);
  g_free (f->folder);
}

static guint
count_failed (MedleyJobManager *manager)
{
  g_autoptr (GVariant) status = g_variant_ref_sink (medley_job_manager_status (manager));
  g_autoptr (GVariant) jobs = g_variant_lookup_value (status, "jobs", G_VARIANT_TYPE_VARDICT);
  guint n = G_MAXUINT;

  g_assert_true (g_variant_lookup (jobs, "failed", "u", &n));
  return n;
}

typedef struct {
  Fixture *fixture;
  gboolean removes;
  guint counted;
  gboolean told;
} Watch;

static void
changed (MedleyJob *job, gpointer data)
{
  Watch *watch = data;
  g_autoptr (GError) error = NULL;

  if (watch->told || medley_job_get_state (job) != MEDLEY_JOB_FAILED)
    return;
  watch->told = TRUE;
  watch->counted = count_failed (watch->fixture->manager);
  if (watch->removes)
    medley_job_manager_remove (watch->fixture->manager, job, &error);
  g_assert_no_error (error);
}

/* Who is told that a job has ended may look, or remove it at once. */
static void
test_counts (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyJob) job = medley_job_manager_get (f->manager, "a", &error);
  Watch watch = { f, GPOINTER_TO_INT (data), 0, FALSE };
  gulong handler;

  g_assert_no_error (error);
  g_assert_cmpuint (count_failed (f->manager), ==, 0);
  handler = g_signal_connect (job, "changed", G_CALLBACK (changed), &watch);
  while (!watch.told)
    g_main_context_iteration (NULL, TRUE);
  g_signal_handler_disconnect (job, handler);
  g_assert_cmpuint (watch.counted, ==, 1);
  g_assert_cmpuint (count_failed (f->manager), ==, watch.removes ? 0 : 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/manager/counts", Fixture, GINT_TO_POINTER (FALSE), set_up, test_counts, tear_down);
  g_test_add ("/manager/counts-of-a-removed-job", Fixture, GINT_TO_POINTER (TRUE), set_up,
              test_counts, tear_down);
  return g_test_run ();
}
