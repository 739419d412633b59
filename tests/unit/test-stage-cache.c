/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The folder of results: what is committed is there, whole; what is not is not, whenever the
 * process was stopped; and it keeps within its bytes. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/folders.h"
#include "base/stage-entry.h"
#include "job/stage-cache.h"

#define MIB (1024 * 1024)

typedef struct {
  char *folder;
  MedleyStageCache *cache;
} Fixture;

static void
set_up (Fixture *self, gconstpointer data)
{
  g_autofree char *base = g_dir_make_tmp ("medley-test-XXXXXX", NULL);

  self->folder = g_build_filename (base, "stages", NULL);
}

static void
tear_down (Fixture *self, gconstpointer data)
{
  g_autofree char *base = g_path_get_dirname (self->folder);

  g_clear_object (&self->cache);
  medley_folder_remove (base);
  g_free (self->folder);
}

static MedleyStageCache *
open_cache (const char *folder, guint64 bytes)
{
  g_autoptr (GError) error = NULL;
  MedleyStageCache *cache = medley_stage_cache_new (folder, bytes, MIB, &error);

  g_assert_no_error (error);
  return cache;
}

static void
set_flag (MedleyStageCache *cache, gpointer data)
{
  g_atomic_int_set ((gint *) data, TRUE);
}

/* Until all that was pushed is done, the counting at the start included. */
static void
settle (MedleyStageCache *cache)
{
  gint done = FALSE;

  medley_stage_cache_push (cache, set_flag, &done);
  while (!g_atomic_int_get (&done))
    g_usleep (1000);
}

static char *
make_key (guint number)
{
  return g_strdup_printf ("%064x", number);
}

static void
write_records (int fd, gsize length, char fill)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree char *records = g_strnfill (length, fill);

  g_assert_true (medley_stage_entry_write (fd, records, length, MEDLEY_STAGE_ENTRY_HEADER));
  g_checksum_update (sum, (const guchar *) records, (gssize) length);
  g_assert_true (medley_stage_entry_write_trailer (fd, length, sum));
}

static gboolean
add (MedleyStageCache *cache, guint number, gsize length)
{
  g_autofree char *key = make_key (number);
  g_autofree char *name = NULL;
  int fd = medley_stage_cache_begin (cache, &name);
  gboolean ok;

  g_assert_cmpint (fd, >=, 0);
  write_records (fd, length, (char) ('a' + number % 26));
  ok = medley_stage_cache_commit (cache, name, fd, key);
  close (fd);
  return ok;
}

static gboolean
has (MedleyStageCache *cache, guint number)
{
  g_autofree char *key = make_key (number);
  int fd = medley_stage_cache_open (cache, key);

  if (fd >= 0)
    close (fd);
  return fd >= 0;
}

static guint64
count (MedleyStageCache *cache, const char *what)
{
  g_autoptr (GVariant) status = g_variant_ref_sink (medley_stage_cache_describe (cache));
  guint64 value = G_MAXUINT64;

  g_assert_true (g_variant_lookup (status, what, "t", &value));
  return value;
}

static guint
count_files (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

static void
test_kept (Fixture *self, gconstpointer data)
{
  g_autofree char *key = make_key (1);
  char first;
  int fd;

  self->cache = open_cache (self->folder, MIB);
  g_assert_false (has (self->cache, 1));
  g_assert_true (add (self->cache, 1, 1000));
  fd = medley_stage_cache_open (self->cache, key);
  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (pread (fd, &first, 1, MEDLEY_STAGE_ENTRY_HEADER), ==, 1);
  g_assert_cmpint (first, ==, 'b');
  close (fd);
  g_assert_false (has (self->cache, 2));
  g_assert_cmpuint (count_files (self->folder), ==, 1);
  g_assert_cmpuint (count (self->cache, "entries"), ==, 1);
  g_assert_cmpuint (count (self->cache, "bytes"), ==, 4096);

  /* The same again takes its place. */
  g_assert_true (add (self->cache, 1, 5000));
  g_assert_cmpuint (count (self->cache, "entries"), ==, 1);
  g_assert_cmpuint (count (self->cache, "bytes"), ==, 8192);

  g_clear_object (&self->cache);
  self->cache = open_cache (self->folder, MIB);
  settle (self->cache);
  g_assert_true (has (self->cache, 1));
  g_assert_cmpuint (count (self->cache, "entries"), ==, 1);
  g_assert_cmpuint (count (self->cache, "bytes"), ==, 8192);

  medley_stage_cache_remove (self->cache, key);
  g_assert_false (has (self->cache, 1));
  g_assert_cmpuint (count (self->cache, "entries"), ==, 0);
  g_assert_cmpuint (count (self->cache, "bytes"), ==, 0);
}

typedef enum { BEGUN, HALF_WRITTEN, WRITTEN, NAMED_HEADER, COMMITTED, N_POINTS } Point;

/* Does a part of the way, and dies of SIGKILL. */
static void
die_at (const char *folder, Point point)
{
  pid_t pid = fork ();
  int status;

  g_assert_cmpint (pid, >=, 0);
  if (pid == 0) {
    MedleyStageCache *cache = medley_stage_cache_new (folder, MIB, MIB, NULL);
    g_autofree char *key = make_key (7);
    g_autofree char *name = NULL;
    int fd = medley_stage_cache_begin (cache, &name);

    if (point == HALF_WRITTEN)
      medley_stage_entry_write (fd, "half", 4, MEDLEY_STAGE_ENTRY_HEADER);
    if (point >= WRITTEN)
      write_records (fd, 1000, 'x');
    if (point == NAMED_HEADER)
      medley_stage_entry_write_header (fd, key);
    if (point == COMMITTED)
      medley_stage_cache_commit (cache, name, fd, key);
    kill (getpid (), SIGKILL);
  }
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFSIGNALED (status) && WTERMSIG (status) == SIGKILL);
}

static void
test_crash_points (Fixture *self, gconstpointer data)
{
  for (Point point = BEGUN; point < N_POINTS; point++) {
    die_at (self->folder, point);
    g_assert_cmpuint (count_files (self->folder), ==, 1);
    self->cache = open_cache (self->folder, MIB);
    settle (self->cache);
    g_assert_true (has (self->cache, 7) == (point == COMMITTED));
    g_assert_cmpuint (count_files (self->folder), ==, point == COMMITTED);
    g_clear_object (&self->cache);
  }
}

/* What is not what it says is none, and it goes. */
static void
test_not_committed (Fixture *self, gconstpointer data)
{
  g_autofree char *key = make_key (3);
  g_autofree char *name = NULL;
  int fd;

  self->cache = open_cache (self->folder, MIB);
  settle (self->cache);

  /* Without a trailer. */
  fd = medley_stage_cache_begin (self->cache, &name);
  g_assert_true (medley_stage_entry_write (fd, "half", 4, MEDLEY_STAGE_ENTRY_HEADER));
  g_assert_false (medley_stage_cache_commit (self->cache, name, fd, key));
  close (fd);
  g_assert_cmpuint (count_files (self->folder), ==, 0);

  /* Under a name that is no key, or leads elsewhere. */
  for (guint i = 0; i < 3; i++) {
    static const char *const bad[] = { "", "../stages/x", "ABC" };

    g_clear_pointer (&name, g_free);
    fd = medley_stage_cache_begin (self->cache, &name);
    write_records (fd, 100, 'x');
    g_assert_false (medley_stage_cache_commit (self->cache, name, fd, bad[i]));
    g_assert_cmpint (medley_stage_cache_open (self->cache, bad[i]), ==, -1);
    close (fd);
  }
  g_assert_cmpuint (count_files (self->folder), ==, 0);

  /* Somebody put another file in its place. */
  g_clear_pointer (&name, g_free);
  fd = medley_stage_cache_begin (self->cache, &name);
  write_records (fd, 100, 'x');
  {
    g_autofree char *path = g_build_filename (self->folder, name, NULL);

    g_assert_true (g_file_set_contents (path, "other", -1, NULL));
  }
  g_assert_false (medley_stage_cache_commit (self->cache, name, fd, key));
  close (fd);
  g_assert_false (has (self->cache, 3));

  /* Larger than one may be, or than all of them. */
  g_assert_false (add (self->cache, 4, MIB));
  g_assert_true (add (self->cache, 4, MIB - 8192));
  g_assert_cmpuint (count_files (self->folder), ==, 1);
}

/* What another daemon still writes stays; what a dead one left goes. */
static void
test_orphans (Fixture *self, gconstpointer data)
{
  g_autoptr (MedleyStageCache) other = open_cache (self->folder, MIB);
  g_autofree char *name = NULL;
  g_autofree char *left = g_build_filename (self->folder, "new-0123456789abcdef", NULL);
  g_autofree char *strange = g_build_filename (self->folder, "new-ish", NULL);
  int fd = medley_stage_cache_begin (other, &name);

  g_assert_true (g_file_set_contents (left, "left", -1, NULL));
  g_assert_true (g_file_set_contents (strange, "not ours", -1, NULL));
  self->cache = open_cache (self->folder, MIB);
  settle (self->cache);
  g_assert_false (g_file_test (left, G_FILE_TEST_EXISTS));
  g_assert_true (g_file_test (strange, G_FILE_TEST_EXISTS));
  write_records (fd, 100, 'x');
  {
    g_autofree char *key = make_key (9);

    g_assert_true (medley_stage_cache_commit (other, name, fd, key));
  }
  close (fd);
  g_assert_true (has (self->cache, 9));
}

static void
use (MedleyStageCache *cache, guint number)
{
  /* Times of files are only as fine as the kernel's clock. */
  g_usleep (12000);
  g_assert_true (has (cache, number));
}

static void
test_least_recently_used_goes (Fixture *self, gconstpointer data)
{
  self->cache = open_cache (self->folder, 5 * 4096);
  settle (self->cache);
  for (guint i = 1; i <= 5; i++) {
    g_assert_true (add (self->cache, i, 1000));
    g_usleep (12000);
  }
  use (self->cache, 1);
  use (self->cache, 3);
  g_usleep (12000);
  g_assert_true (add (self->cache, 6, 1000));
  g_assert_false (has (self->cache, 2));
  /* Two blocks: two go. */
  g_assert_true (add (self->cache, 7, 5000));
  g_assert_false (has (self->cache, 4));
  g_assert_false (has (self->cache, 5));
  g_assert_true (has (self->cache, 1));
  g_assert_true (has (self->cache, 3));
  g_assert_true (has (self->cache, 6));
  g_assert_true (has (self->cache, 7));
  g_assert_cmpuint (count (self->cache, "entries"), ==, 4);
  g_assert_cmpuint (count (self->cache, "bytes"), ==, 5 * 4096);

  /* With less room from the next start on. */
  g_clear_object (&self->cache);
  self->cache = open_cache (self->folder, 2 * 4096);
  settle (self->cache);
  g_assert_cmpuint (count (self->cache, "bytes"), <=, 2 * 4096);
  g_assert_cmpuint (count_files (self->folder), <=, 2);
}

static void
test_clear (Fixture *self, gconstpointer data)
{
  g_autofree char *strange = g_build_filename (self->folder, "note.txt", NULL);

  self->cache = open_cache (self->folder, MIB);
  settle (self->cache);
  for (guint i = 0; i < 10; i++)
    g_assert_true (add (self->cache, i, 100));
  g_assert_true (g_file_set_contents (strange, "not ours", -1, NULL));
  g_assert_cmpuint (medley_stage_cache_clear (self->cache), ==, 10);
  g_assert_cmpuint (count (self->cache, "entries"), ==, 0);
  g_assert_cmpuint (count_files (self->folder), ==, 1);
}

static void
test_bad_folder (Fixture *self, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (g_file_set_contents (self->folder, "a file", -1, NULL));
  g_assert_null (medley_stage_cache_new (self->folder, MIB, MIB, &error));
  g_assert_nonnull (error);
  g_assert_true (error->domain == MEDLEY_ERROR);
  g_unlink (self->folder);
}

typedef struct {
  MedleyStageCache *cache;
  guint seed;
} Crowd;

static gpointer
crowd (gpointer data)
{
  Crowd *self = data;

  for (guint i = 0; i < 150; i++) {
    guint number = (self->seed + i * 7) % 40;

    if (!has (self->cache, number))
      add (self->cache, number, 100 + 400 * (number % 20));
  }
  return NULL;
}

/* Many at once, and two daemons: never more than the bytes, and the counts are right in the end. */
static void
test_crowd (Fixture *self, gconstpointer data)
{
  g_autoptr (MedleyStageCache) other = NULL;
  GThread *threads[4];
  Crowd crowds[4];

  self->cache = open_cache (self->folder, 20 * 4096);
  other = open_cache (self->folder, 20 * 4096);
  settle (self->cache);
  settle (other);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++) {
    crowds[i] = (Crowd){ i == 3 ? other : self->cache, i * 11 };
    threads[i] = g_thread_new ("crowd", crowd, &crowds[i]);
  }
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  g_clear_object (&other);
  g_clear_object (&self->cache);
  self->cache = open_cache (self->folder, 20 * 4096);
  settle (self->cache);
  g_assert_cmpuint (count (self->cache, "bytes"), <=, 20 * 4096);
  g_assert_cmpuint (count (self->cache, "entries"), ==, count_files (self->folder));
}

int
main (int argc, char *argv[])
{
  static const struct {
    const char *path;
    void (*test) (Fixture *self, gconstpointer data);
  } tests[] = {
    { "/stage-cache/kept", test_kept },
    { "/stage-cache/crash-points", test_crash_points },
    { "/stage-cache/not-committed", test_not_committed },
    { "/stage-cache/orphans", test_orphans },
    { "/stage-cache/least-recently-used", test_least_recently_used_goes },
    { "/stage-cache/clear", test_clear },
    { "/stage-cache/bad-folder", test_bad_folder },
    { "/stage-cache/crowd", test_crowd },
  };

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    g_test_add (tests[i].path, Fixture, NULL, set_up, tests[i].test, tear_down);
  return g_test_run ();
}
