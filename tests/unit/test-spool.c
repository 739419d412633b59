/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "job/input-writer-private.h"
#include "job/job-private.h"
#include "job/output-reader.h"
#include "job/spool.h"

typedef struct {
  char *folder;
  MedleySpool *spool;
  MedleyJob *job;
  char *grown;
} Fixture;

static void
grew (const char *name, gpointer data)
{
  Fixture *f = data;

  g_free (f->grown);
  f->grown = g_strdup (name);
  if (f->job != NULL)
    medley_job_output_grew (f->job, medley_job_find_output (f->job, NULL));
}

static void
set_up (Fixture *f, gconstpointer data)
{
  const MedleyJobOptions options = { 0 };
  g_autoptr (GError) error = NULL;

  f->folder = g_dir_make_tmp ("medley-spool-XXXXXX", &error);
  g_assert_no_error (error);
  f->spool = medley_spool_new (f->folder, grew, f, &error);
  g_assert_no_error (error);
  f->job = medley_job_new ("abc", "test", g_variant_new ("a{sv}", NULL), "", NULL, &options,
                           f->spool, NULL, 100);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_autofree char *lock = g_build_filename (f->folder, ".lock", NULL);

  if (f->job != NULL)
    medley_job_delete_files (f->job);
  g_clear_object (&f->job);
  g_clear_object (&f->spool);
  g_unlink (lock);
  g_assert_cmpint (g_rmdir (f->folder), ==, 0); /* nothing was left */
  g_free (f->folder);
  g_free (f->grown);
}

static guint
sweep_all (MedleySpool *spool)
{
  g_autoptr (GHashTable) nobody = g_hash_table_new (g_str_hash, g_str_equal);

  return medley_spool_sweep (spool, nobody);
}

static void
test_one_daemon_only (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (medley_spool_new (f->folder, grew, f, &error));
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE);
}

static void
test_links_are_not_followed (Fixture *f, gconstpointer data)
{
  static const char name[] = "0123456789abcdef-0.out";
  g_autofree char *link = g_build_filename (f->folder, name, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (symlink ("/etc/passwd", link), ==, 0);
  g_assert_cmpint (medley_spool_open (f->spool, name, &error), ==, -1);
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_IO);
  g_clear_error (&error);
  g_assert_cmpint (medley_spool_create (f->spool, name, &error), ==, -1);
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_IO);
  g_assert_cmpuint (sweep_all (f->spool), ==, 1);
  g_assert_true (g_file_test ("/etc/passwd", G_FILE_TEST_EXISTS));
}

static void
test_files_of_others_stay (Fixture *f, gconstpointer data)
{
  static const char *const others[]
      = { "configure.in",          "a.out", "0123456789abcdef-.out", "0123456789abcdef-0.output",
          "0123456789abcdeF-0.in", "-0.in", "0123456789abcdefg-1.in" };
  static const char ours[] = "0123456789abcdef-12.in";
  g_autofree char *our_path = g_build_filename (f->folder, ours, NULL);
  g_autofree char *lock = g_build_filename (f->folder, ".lock", NULL);

  for (guint i = 0; i < G_N_ELEMENTS (others); i++) {
    g_autofree char *path = g_build_filename (f->folder, others[i], NULL);

    g_assert_true (g_file_set_contents (path, "x", 1, NULL));
  }
  g_assert_true (g_file_set_contents (our_path, "x", 1, NULL));
  medley_spool_erase (f->folder);
  g_assert_true (g_file_test (our_path, G_FILE_TEST_EXISTS)); /* a spool uses it */
  g_assert_cmpuint (sweep_all (f->spool), ==, 1);
  g_assert_false (g_file_test (our_path, G_FILE_TEST_EXISTS));
  g_clear_object (&f->job);
  g_clear_object (&f->spool);
  g_assert_true (g_file_set_contents (our_path, "x", 1, NULL));
  medley_spool_erase (f->folder);
  g_assert_false (g_file_test (our_path, G_FILE_TEST_EXISTS));
  g_assert_false (g_file_test (lock, G_FILE_TEST_EXISTS));
  for (guint i = 0; i < G_N_ELEMENTS (others); i++) {
    g_autofree char *path = g_build_filename (f->folder, others[i], NULL);

    g_assert_cmpint (g_unlink (path), ==, 0);
  }
}

typedef struct {
  GBytes *bytes;
  GError *error;
  gboolean done;
} Read;

static void
read_done (GObject *source, GAsyncResult *result, gpointer data)
{
  Read *read = data;

  read->bytes
      = medley_output_reader_read_finish (MEDLEY_OUTPUT_READER (source), result, &read->error);
  read->done = TRUE;
}

static void
start_read (MedleyOutputReader *reader, Read *read, GCancellable *cancellable)
{
  memset (read, 0, sizeof *read);
  medley_output_reader_read_async (reader, 1000, cancellable, read_done, read);
}

static void
finish_read (Read *read)
{
  while (!read->done)
    g_main_context_iteration (NULL, TRUE);
}

static int
open_output (Fixture *f, const char *name)
{
  MedleyOutput *output = medley_job_find_output (f->job, name);

  return medley_spool_open_empty (f->spool, output->file, NULL);
}

static void
test_a_growing_output_is_read_as_it_grows (Fixture *f, gconstpointer data)
{
  g_autoptr (MedleyOutputReader) reader = NULL;
  MedleyOutput *output = medley_job_add_output (f->job, "out", "text/plain", NULL);
  Read read;
  int fd;

  reader = medley_output_reader_new (f->job, NULL, 0, NULL);
  start_read (reader, &read, NULL);
  for (int i = 0; i < 10; i++)
    g_main_context_iteration (NULL, FALSE);
  g_assert_false (read.done);

  fd = open_output (f, "out");
  g_assert_cmpint (write (fd, "one", 3), ==, 3);
  finish_read (&read);
  g_assert_no_error (read.error);
  g_assert_cmpmem (g_bytes_get_data (read.bytes, NULL), g_bytes_get_size (read.bytes), "one", 3);
  g_bytes_unref (read.bytes);

  /* What was written just before the end is read before the end is told. */
  g_assert_cmpint (write (fd, "two", 3), ==, 3);
  close (fd);
  medley_job_set_output_state (f->job, output, MEDLEY_OUTPUT_COMPLETE);
  start_read (reader, &read, NULL);
  finish_read (&read);
  g_assert_cmpmem (g_bytes_get_data (read.bytes, NULL), g_bytes_get_size (read.bytes), "two", 3);
  g_bytes_unref (read.bytes);
  start_read (reader, &read, NULL);
  finish_read (&read);
  g_assert_no_error (read.error);
  g_assert_cmpuint (g_bytes_get_size (read.bytes), ==, 0);
  g_bytes_unref (read.bytes);
}

typedef struct {
  GString *text;
  gboolean done;
} Chain;

static void
chain_read (GObject *source, GAsyncResult *result, gpointer data)
{
  Chain *chain = data;
  g_autoptr (GBytes) bytes
      = medley_output_reader_read_finish (MEDLEY_OUTPUT_READER (source), result, NULL);

  g_assert_nonnull (bytes);
  if (g_bytes_get_size (bytes) == 0) {
    chain->done = TRUE;
    return;
  }
  g_string_append_len (chain->text, g_bytes_get_data (bytes, NULL),
                       (gssize) g_bytes_get_size (bytes));
  medley_output_reader_read_async (MEDLEY_OUTPUT_READER (source), 2, NULL, chain_read, chain);
}

/* A read that waited calls back from within the signal of growth; the next read then begins inside
 * it. */
static void
test_the_next_read_may_begin_in_the_callback (Fixture *f, gconstpointer data)
{
  g_autoptr (MedleyOutputReader) reader = NULL;
  MedleyOutput *output = medley_job_add_output (f->job, "out", "text/plain", NULL);
  Chain chain = { g_string_new (NULL), FALSE };
  int fd = open_output (f, "out");

  reader = medley_output_reader_new (f->job, NULL, 0, NULL);
  medley_output_reader_read_async (reader, 2, NULL, chain_read, &chain);
  for (int i = 0; i < 20; i++) {
    g_assert_cmpint (write (fd, "abcde", 5), ==, 5);
    while (chain.text->len < (gsize) (i + 1) * 5)
      g_main_context_iteration (NULL, TRUE);
  }
  close (fd);
  medley_job_set_output_state (f->job, output, MEDLEY_OUTPUT_COMPLETE);
  while (!chain.done)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (chain.text->len, ==, 100);
  g_string_free (chain.text, TRUE);
}

static void
test_a_failed_output_tells_the_jobs_error (Fixture *f, gconstpointer data)
{
  g_autoptr (MedleyOutputReader) reader = NULL;
  g_autoptr (GError) reason = g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_TOO_LARGE, "it is too long");
  Read read;

  medley_job_add_output (f->job, "out", "text/plain", NULL);
  reader = medley_output_reader_new (f->job, "out", 0, NULL);
  start_read (reader, &read, NULL);
  medley_job_prepare_end (f->job, MEDLEY_JOB_FAILED, medley_error_to_variant (reason, NULL, NULL));
  medley_job_end (f->job);
  finish_read (&read);
  g_assert_error (read.error, MEDLEY_ERROR, MEDLEY_ERROR_TOO_LARGE);
  g_error_free (read.error);
}

static void
test_a_reader_can_be_cancelled (Fixture *f, gconstpointer data)
{
  g_autoptr (MedleyOutputReader) reader = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Read read;

  medley_job_add_output (f->job, "out", "text/plain", NULL);
  reader = medley_output_reader_new (f->job, "out", 0, NULL);
  start_read (reader, &read, cancellable);
  g_cancellable_cancel (cancellable);
  finish_read (&read);
  g_assert_error (read.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_error_free (read.error);
}

static void
test_an_unknown_output_names_the_known_ones (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  medley_job_add_output (f->job, "speech", "audio/ogg", NULL);
  g_assert_null (medley_output_reader_new (f->job, "video", 0, &error));
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, "speech"));
}

static void
input_done (MedleyJob *job, MedleyInput *input, const GError *error, gpointer data)
{
  GError **told = data;

  if (error != NULL)
    *told = g_error_copy (error);
  else
    medley_input_complete (input);
}

static void
test_inputs_have_a_limit (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) told = NULL;
  MedleyInput *input
      = medley_job_add_input (f->job, "text", "text/plain", MEDLEY_INPUT_AWAITED, 10, &error);
  g_autoptr (MedleyInputWriter) writer = medley_input_writer_new (f->job, input, input_done, &told);

  g_assert_true (medley_input_writer_write (writer, "0123456789", 10, &error));
  g_assert_no_error (error);
  g_assert_false (medley_input_writer_write (writer, "x", 1, &error));
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_TOO_LARGE);
  g_assert_error (told, MEDLEY_ERROR, MEDLEY_ERROR_TOO_LARGE);
}

static void
test_an_upload_that_breaks_off_is_told (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) told = NULL;
  MedleyInput *input
      = medley_job_add_input (f->job, "text", "text/plain", MEDLEY_INPUT_AWAITED, 10, NULL);
  MedleyInputWriter *writer = medley_input_writer_new (f->job, input, input_done, &told);

  g_assert_true (medley_input_writer_write (writer, "012", 3, NULL));
  g_object_unref (writer);
  g_assert_error (told, MEDLEY_ERROR, MEDLEY_ERROR_BAD_INPUT);
}

static void
test_events_are_bounded_and_progress_is_folded (Fixture *f, gconstpointer data)
{
  g_autoptr (GPtrArray) events = NULL;
  guint64 seq = 0;

  for (int i = 0; i < 500; i++)
    medley_job_add_event (f->job, "progress", NULL);
  events = medley_job_get_events (f->job, 0);
  g_assert_cmpuint (events->len, ==, 1);
  g_assert_true (g_variant_lookup (events->pdata[0], "seq", "t", &seq));
  g_assert_cmpuint (seq, ==, 500);
  g_clear_pointer (&events, g_ptr_array_unref);

  for (int i = 0; i < 500; i++)
    medley_job_add_event (f->job, "warning", NULL);
  events = medley_job_get_events (f->job, 0);
  g_assert_cmpuint (events->len, ==, 100);
  g_clear_pointer (&events, g_ptr_array_unref);
  events = medley_job_get_events (f->job, 998);
  g_assert_cmpuint (events->len, ==, 2);
}

#define ADD(path, func) g_test_add ("/spool/" path, Fixture, NULL, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("one-daemon-only", test_one_daemon_only);
  ADD ("files-of-others", test_files_of_others_stay);
  ADD ("links-are-not-followed", test_links_are_not_followed);
  ADD ("output/grows", test_a_growing_output_is_read_as_it_grows);
  ADD ("output/read-in-callback", test_the_next_read_may_begin_in_the_callback);
  ADD ("output/fails", test_a_failed_output_tells_the_jobs_error);
  ADD ("output/cancelled", test_a_reader_can_be_cancelled);
  ADD ("output/unknown", test_an_unknown_output_names_the_known_ones);
  ADD ("input/limit", test_inputs_have_a_limit);
  ADD ("input/breaks-off", test_an_upload_that_breaks_off_is_told);
  ADD ("events", test_events_are_bounded_and_progress_is_folded);
  return g_test_run ();
}
