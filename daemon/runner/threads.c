/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/threads.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KNOWN_MOST 16

/* What may run at a fork, and why it is not missed in it. */
static const struct {
  const char *who;
  guint most;
} expected[] = {
  /* espeak_Initialize starts one for asynchronous playing; synthesis into a buffer does not use it.
   */
  { "espeak", 1 },
  /* Runs beside every program of a build with it, and starts its own in a fork. */
  { "thread-sanitizer", 1 },
};

static pid_t known[KNOWN_MOST];
static guint n_known;

static gboolean
is_known (pid_t tid)
{
  if (tid == getpid ())
    return TRUE;
  for (guint i = 0; i < n_known; i++)
    if (known[i] == tid)
      return TRUE;
  return FALSE;
}

static char *
thread_name (pid_t tid)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/task/%d/comm", (int) tid);
  char *name = NULL;

  if (!g_file_get_contents (path, &name, NULL, NULL))
    return g_strdup_printf ("%d", (int) tid);
  return g_strstrip (name);
}

/* The next thread that is not known, 0 for none. */
static pid_t
next_stranger (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/task", 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    pid_t tid = (pid_t) atoi (name);

    if (!is_known (tid))
      return tid;
  }
  return 0;
}

char *
medley_threads_accept (const char *who)
{
  guint left = 0;
  pid_t tid;

  for (guint i = 0; i < G_N_ELEMENTS (expected); i++)
    if (g_str_equal (expected[i].who, who))
      left = expected[i].most;
  while ((tid = next_stranger ()) != 0) {
    if (left == 0 || n_known == KNOWN_MOST)
      return thread_name (tid);
    left--;
    known[n_known++] = tid;
  }
  return NULL;
}

char *
medley_threads_find_stranger (void)
{
  pid_t tid = next_stranger ();

  return tid != 0 ? thread_name (tid) : NULL;
}
