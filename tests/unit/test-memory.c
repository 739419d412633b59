/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "workers/cgroup.h"
#include "workers/memory.h"

#define MIB (1024ull * 1024)

typedef struct {
  char *root;
  char *group; /* the daemon's own, below the root */
  char *membership;
} Fixture;

static void
put (const char *folder, const char *file, const char *text)
{
  g_autofree char *path = g_build_filename (folder, file, NULL);

  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

static void
assert_holds (const char *folder, const char *file, const char *expected)
{
  g_autofree char *path = g_build_filename (folder, file, NULL);
  g_autofree char *text = NULL;

  g_file_get_contents (path, &text, NULL, NULL);
  g_assert_cmpstr (text, ==, expected);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autofree char *own = g_strdup_printf ("%d\n", getpid ());

  fixture->root = g_dir_make_tmp ("medley-cgroup-XXXXXX", NULL);
  fixture->group = g_build_filename (fixture->root, "user.slice", "medley.service", NULL);
  fixture->membership = g_build_filename (fixture->root, "membership", NULL);
  g_assert_cmpint (g_mkdir_with_parents (fixture->group, 0700), ==, 0);
  put (fixture->root, "membership", "1:name=systemd:/elsewhere\n0::/user.slice/medley.service\n");
  put (fixture->group, "cgroup.controllers", "cpu memory pids\n");
  put (fixture->group, "cgroup.procs", own);
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);
  const char *name;

  while (folder != NULL && (name = g_dir_read_name (folder)) != NULL) {
    g_autofree char *child = g_build_filename (path, name, NULL);

    remove_tree (child);
  }
  g_remove (path);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  remove_tree (fixture->root);
  g_free (fixture->root);
  g_free (fixture->group);
  g_free (fixture->membership);
}

static void
test_takes_charge (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyCgroup) cgroup = medley_cgroup_open (fixture->root, fixture->membership, &error);
  g_autofree char *daemon = g_build_filename (fixture->group, "daemon", NULL);
  g_autofree char *worker = g_build_filename (fixture->group, "worker-4711", NULL);

  g_assert_no_error (error);
  g_assert_cmpstr (medley_cgroup_get_path (cgroup), ==, fixture->group);
  assert_holds (daemon, "cgroup.procs", "0");
  assert_holds (fixture->group, "cgroup.subtree_control", "+memory");

  g_assert_true (medley_cgroup_add (cgroup, 4711, 100 * MIB, &error));
  g_assert_no_error (error);
  assert_holds (worker, "memory.max", "104857600");
  assert_holds (worker, "memory.swap.max", "0");
  assert_holds (worker, "memory.oom.group", "1");
  assert_holds (worker, "cgroup.procs", "4711");

  g_assert_false (medley_cgroup_was_killed (cgroup, 4711));
  put (worker, "memory.events", "low 0\nhigh 0\nmax 7\noom 1\noom_kill 0\n");
  g_assert_false (medley_cgroup_was_killed (cgroup, 4711));
  put (worker, "memory.events", "low 0\nhigh 0\nmax 7\noom 1\noom_kill 1\n");
  g_assert_true (medley_cgroup_was_killed (cgroup, 4711));
}

/* In the kernel's hierarchy the folder goes although files are in it; here an empty one stands for
 * that. */
static void
test_removes_groups (Fixture *fixture, gconstpointer data)
{
  g_autoptr (MedleyCgroup) cgroup = medley_cgroup_open (fixture->root, fixture->membership, NULL);
  g_autofree char *worker = g_build_filename (fixture->group, "worker-5", NULL);

  g_assert_cmpint (g_mkdir (worker, 0700), ==, 0);
  medley_cgroup_remove (cgroup, 5);
  g_assert_false (g_file_test (worker, G_FILE_TEST_EXISTS));
}

static void
assert_refused (Fixture *fixture, const char *message)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *daemon = g_build_filename (fixture->group, "daemon", NULL);
  g_autofree char *control = g_build_filename (fixture->group, "cgroup.subtree_control", NULL);

  g_assert_null (medley_cgroup_open (fixture->root, fixture->membership, &error));
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE);
  if (strstr (error->message, message) == NULL)
    g_error ("\"%s\" is not in \"%s\"", message, error->message);
  /* Nothing was touched. */
  g_assert_false (g_file_test (daemon, G_FILE_TEST_EXISTS));
  g_assert_false (g_file_test (control, G_FILE_TEST_EXISTS));
}

static void
test_refusals (Fixture *fixture, gconstpointer data)
{
  g_autofree char *two = g_strdup_printf ("%d\n1\n", getpid ());
  g_autofree char *own = g_strdup_printf ("%d\n", getpid ());
  g_autofree char *controllers = g_build_filename (fixture->group, "cgroup.controllers", NULL);

  put (fixture->group, "cgroup.procs", two);
  assert_refused (fixture, "has other processes");
  put (fixture->group, "cgroup.procs", "1\n");
  assert_refused (fixture, "has other processes");
  put (fixture->group, "cgroup.procs", own);
  put (fixture->group, "cgroup.controllers", "cpu pids memoryless\n");
  assert_refused (fixture, "has no memory controller");
  g_assert_cmpint (g_unlink (controllers), ==, 0);
  assert_refused (fixture, "is no group of cgroup v2");
  put (fixture->root, "membership", "9:memory:/x\n1:name=systemd:/x\n");
  assert_refused (fixture, "names no group of cgroup v2");
}

/* Where limits cannot be switched on the daemon goes back to where it was. */
static void
test_goes_back (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *control = g_build_filename (fixture->group, "cgroup.subtree_control", NULL);

  g_assert_cmpint (g_mkdir (control, 0700), ==, 0);
  g_assert_null (medley_cgroup_open (fixture->root, fixture->membership, &error));
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE);
  /* Over what stood there: a file is not a command here. */
  {
    g_autofree char *path = g_build_filename (fixture->group, "cgroup.procs", NULL);
    g_autofree char *text = NULL;

    g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
    g_assert_cmpint (text[0], ==, '0');
  }
}

static void
test_reads_files (Fixture *fixture, gconstpointer data)
{
  MedleyMemory memory = { 1, 1 };

  put (fixture->group, "status",
       "Name:\tx\nVmPeak:\t 9999 kB\nVmRSS:\t    2048 kB\nRssAnon:\t 1 kB\nVmSwap:\t      10 kB\n");
  put (fixture->group, "smaps_rollup",
       "00-ff ---p 0 00:00 0 [rollup]\nRss: 9 kB\nShared_Clean: 1580 kB\nPrivate_Clean:   44 kB\n"
       "Private_Dirty:  116 kB\nPrivate_Hugetlb: 2048 kB\nSwap:   3 kB\nSwapPss: 100 kB\n");
  g_assert_true (medley_memory_read_bound (fixture->group, &memory));
  g_assert_cmpuint (memory.bound, ==, 2058 * 1024);
  g_assert_true (medley_memory_read_own (fixture->group, &memory));
  g_assert_cmpuint (memory.own, ==, (44 + 116 + 2048 + 3) * 1024);

  {
    g_autofree char *exact = g_build_filename (fixture->group, "smaps_rollup", NULL);

    g_assert_cmpint (g_unlink (exact), ==, 0);
    g_assert_true (medley_memory_read_own (fixture->group, &memory));
    g_assert_cmpuint (memory.own, ==, 11 * 1024);
  }
  g_assert_false (medley_memory_read_bound (fixture->root, &memory));
  g_assert_false (medley_memory_read_own (fixture->root, &memory));
  put (fixture->group, "status", "");
  g_assert_false (medley_memory_read_bound (fixture->group, &memory));
}

static void
test_next_look (void)
{
  MedleyMemory memory = { 0, 0 };

  g_assert_cmpuint (medley_memory_next_look (&memory, 4096 * MIB), ==, 500);
  g_assert_cmpuint (medley_memory_next_look (&memory, 1024 * MIB), ==, 256);
  memory.bound = 900 * MIB;
  g_assert_cmpuint (medley_memory_next_look (&memory, 1024 * MIB), ==, 31);
  memory.bound = 1023 * MIB;
  g_assert_cmpuint (medley_memory_next_look (&memory, 1024 * MIB), ==, 20);
  memory.bound = 9000 * MIB;
  g_assert_cmpuint (medley_memory_next_look (&memory, 1024 * MIB), ==, 20);
}

/* Makes each page its own. Not by memset: the thread sanitizer would note that in as much memory
 * again. */
__attribute__ ((no_sanitize ("thread"))) static void
fill (volatile char *to, gsize size, char with)
{
  for (gsize i = 0; i < size; i += 1024)
    to[i] = with;
}

/* A child that shares @shared bytes with this process and then writes @own bytes. */
static pid_t
fork_user (gsize shared, gsize own)
{
  char *common = mmap (NULL, shared, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  pid_t pid;

  fill (common, shared, 1);
  pid = fork ();
  if (pid == 0) {
    /* A test that fails ends without it. */
    int tied = prctl (PR_SET_PDEATHSIG, SIGKILL);
    char *more = mmap (NULL, own, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    fill (more, own, 2);
    g_assert_cmpint (tied, ==, 0);
    for (;;)
      pause ();
  }
  /* The child keeps its copy of the mapping; as long as it is this one's too, its pages are shared.
   */
  return pid;
}

static void
note (guint64 own, gpointer data)
{
  *(guint64 *) data = own;
}

static gboolean
time_is_over (gpointer data)
{
  *(gboolean *) data = TRUE;
  return G_SOURCE_REMOVE;
}

static guint64
watch_for (pid_t pid, guint64 limit, guint ms)
{
  g_autofree char *folder = g_strdup_printf ("/proc/%d", pid);
  guint64 own = 0;
  gboolean over = FALSE;
  MedleyMemoryWatch *watch = medley_memory_watch_new (folder, limit, note, &own);
  guint source = g_timeout_add (ms, time_is_over, &over);

  while (own == 0 && !over)
    g_main_context_iteration (NULL, TRUE);
  if (!over)
    g_source_remove (source);
  medley_memory_watch_free (watch);
  return own;
}

static void
test_watch (void)
{
  pid_t pid = fork_user (96 * MIB, 32 * MIB);
  guint64 own;

  /* With what it shares it is above, without it is not. */
  g_assert_cmpuint (watch_for (pid, 64 * MIB, 1500), ==, 0);
  own = watch_for (pid, 24 * MIB, 60000);
  g_assert_cmpuint (own, >=, 32 * MIB);
  g_assert_cmpuint (own, <, 64 * MIB);
  kill (pid, SIGKILL);
  waitpid (pid, NULL, 0);
  /* Nothing happens when it is gone. */
  g_assert_cmpuint (watch_for (pid, 1, 200), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(Path, Function) g_test_add (Path, Fixture, NULL, set_up, Function, tear_down)
  ADD ("/cgroup/takes-charge", test_takes_charge);
  ADD ("/cgroup/removes-groups", test_removes_groups);
  ADD ("/cgroup/refusals", test_refusals);
  ADD ("/cgroup/goes-back", test_goes_back);
  ADD ("/memory/reads-files", test_reads_files);
#undef ADD
  g_test_add_func ("/memory/next-look", test_next_look);
  g_test_add_func ("/memory/watch", test_watch);
  return g_test_run ();
}
