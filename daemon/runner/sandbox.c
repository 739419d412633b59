/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/sandbox.h"

#include <errno.h>
#include <linux/close_range.h>
#include <medley/medley-error.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

void
medley_sandbox_adopt (pid_t parent)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  /* It may have died before that. */
  if (parent != 0 && getppid () != parent)
    _exit (0);
  setpgid (0, 0);
}

void
medley_sandbox_close_others (int keep)
{
  if (keep > 3)
    close_range (3, (unsigned) keep - 1, 0);
  close_range ((unsigned) MAX (keep + 1, 3), ~0u, 0);
}

static gboolean
limit (int resource, rlim_t value, GError **error)
{
  struct rlimit now;

  if (getrlimit (resource, &now) == 0 && now.rlim_max != RLIM_INFINITY && value > now.rlim_max)
    value = now.rlim_max;
  if (setrlimit (resource, &(struct rlimit){ value, value }) == 0)
    return TRUE;
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_FAILED, "a resource limit cannot be set: %s",
               g_strerror (errno));
  return FALSE;
}

gboolean
medley_sandbox_enter (const MedleySandbox *sandbox, GError **error)
{
  medley_sandbox_adopt (0);
  if (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_FAILED, "privileges cannot be given up: %s",
                 g_strerror (errno));
    return FALSE;
  }
  umask (0077);
  /* A client's text and pictures do not belong into a core file. */
  if (!limit (RLIMIT_CORE, 0, error))
    return FALSE;
  if (sandbox->fds > 0 && !limit (RLIMIT_NOFILE, sandbox->fds, error))
    return FALSE;
  if (sandbox->threads > 0) {
    g_autofree char *threads = g_strdup_printf ("%u", sandbox->threads);

    /* libgomp reads it when a plugin loads it. */
    g_setenv ("OMP_THREAD_LIMIT", threads, TRUE);
  }
  return TRUE;
}
