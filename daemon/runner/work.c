/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/work.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/names.h"

#define N_WORKS 512

/* Fixed places that are never freed: a signal handler may look at any of them at any time. */
struct _MedleyWork {
  gint used;
  gint64 since; /* monotonic, microseconds; 0 while nobody is inside */
  char stage[128];
  char engine[64];
};

static MedleyWork works[N_WORKS];
/* While a place is given to another stage nobody copies its names. Signal handlers do not ask: the
 * names end somewhere in any case. */
static GMutex naming;
static __thread MedleyWork *current;

MedleyWork *
medley_work_new (const char *stage, const char *engine)
{
  for (guint i = 0; i < N_WORKS; i++) {
    MedleyWork *work = &works[i];

    if (g_atomic_int_compare_and_exchange (&work->used, 0, 1)) {
      g_mutex_lock (&naming);
      __atomic_store_n (&work->since, 0, __ATOMIC_RELEASE);
      g_strlcpy (work->stage, stage, sizeof work->stage);
      g_strlcpy (work->engine, engine != NULL ? engine : "", sizeof work->engine);
      g_mutex_unlock (&naming);
      return work;
    }
  }
  return NULL;
}

void
medley_work_free (MedleyWork *work)
{
  if (work == NULL)
    return;
  __atomic_store_n (&work->since, 0, __ATOMIC_RELEASE);
  g_atomic_int_set (&work->used, 0);
}

MedleyWork *
medley_work_enter (MedleyWork *work)
{
  MedleyWork *before = current;

  if (before != NULL)
    __atomic_store_n (&before->since, 0, __ATOMIC_RELEASE);
  if (work != NULL)
    __atomic_store_n (&work->since, g_get_monotonic_time (), __ATOMIC_RELEASE);
  current = work;
  return before;
}

static MedleyWork *
find_longest (void)
{
  MedleyWork *longest = NULL;
  gint64 earliest = G_MAXINT64;

  for (guint i = 0; i < N_WORKS; i++) {
    gint64 since = __atomic_load_n (&works[i].since, __ATOMIC_ACQUIRE);

    if (since != 0 && since < earliest) {
      earliest = since;
      longest = &works[i];
    }
  }
  return longest;
}

void
medley_work_longest (char **stage, char **engine)
{
  const MedleyWork *work;

  g_mutex_lock (&naming);
  work = find_longest ();
  *stage = g_strdup (work != NULL ? work->stage : "");
  *engine = g_strdup (work != NULL ? work->engine : "");
  g_mutex_unlock (&naming);
}

/* Only what is safe in a signal handler: no allocation, no locks, no stdio. */
static char *
put_string (char *to, const char *end, const char *text)
{
  while (*text != '\0' && to < end)
    *to++ = *text++;
  return to;
}

static char *
put_number (char *to, const char *end, unsigned number)
{
  char digits[12];
  char *at = digits + sizeof digits - 1;

  *at = '\0';
  do {
    *--at = (char) ('0' + number % 10);
    number /= 10;
  } while (number > 0);
  return put_string (to, end, at);
}

static void
tell_place (int number)
{
  const MedleyWork *work = current != NULL ? current : find_longest ();
  char line[320];
  const char *end = line + sizeof line - 1;
  char *to = line;

  to = put_string (to, end, "medley-worker[");
  to = put_number (to, end, (unsigned) getpid ());
  to = put_string (to, end, "]: crash signal=");
  to = put_number (to, end, (unsigned) number);
  to = put_string (to, end, " stage=");
  to = put_string (to, end, work != NULL ? work->stage : "");
  to = put_string (to, end, " engine=");
  to = put_string (to, end, work != NULL ? work->engine : "");
  *to++ = '\n';
  if (write (STDERR_FILENO, line, (size_t) (to - line)) < 0) {
    /* Nobody is left to tell. */
  }
}

static void
asked_to_end (int number)
{
  tell_place (number);
  _exit (128 + number);
}

/* What else was registered might hang: some libraries' clean-up does in a fork. */
static void
somebody_exits (int status, void *data)
{
  tell_place (0);
  _exit (status);
}

static void
crashed (int number)
{
  tell_place (number);
  /* SA_RESETHAND put the default back: returning repeats a fault, and an abort goes on by itself.
   */
  raise (number);
}

void
medley_work_install_crash_handler (void)
{
  static const int numbers[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS };
  struct sigaction action;
  stack_t stack;

  /* A stack overflow can be told only from another stack. It is the main thread's; others use their
   * own. */
  memset (&stack, 0, sizeof stack);
  stack.ss_size = 64 * 1024;
  stack.ss_sp
      = mmap (NULL, stack.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (stack.ss_sp != MAP_FAILED)
    sigaltstack (&stack, NULL);

  memset (&action, 0, sizeof action);
  action.sa_handler = crashed;
  action.sa_flags = SA_RESETHAND | SA_ONSTACK | SA_NODEFER;
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    sigaction (numbers[i], &action, NULL);
  action.sa_handler = asked_to_end;
  action.sa_flags = SA_ONSTACK;
  sigaction (MEDLEY_WORKER_TELL_SIGNAL, &action, NULL);
  on_exit (somebody_exits, NULL);
}
