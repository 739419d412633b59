/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the shim was told to do, and to which calls. */

#undef _FORTIFY_SOURCE
#undef _FILE_OFFSET_BITS

#include "fail-io-judge.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fail-io-shadow.h"

enum { MODE_ERROR, MODE_KILL, MODE_SHORT, MODE_TORN };

static struct {
  pid_t pid; /* 0: not a process to be disturbed */
  char folder[PATH_MAX];
  const char *relief;
  const char *report;
  const char *trace;
  const char *hold;
  const char *refuse;
  unsigned long at, duration, bytes;
  int mode, error;
} settings;

static unsigned long n_calls;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static unsigned long
read_number (const char *name)
{
  const char *text = getenv (name);

  return text != NULL ? strtoul (text, NULL, 10) : 0;
}

static const char *
read_text (const char *name)
{
  const char *text = getenv (name);

  return text != NULL ? strdup (text) : NULL;
}

__attribute__ ((constructor)) static void
begin (void)
{
  const char *folder = getenv ("MEDLEY_FAIL_IO");
  const char *shadow = getenv ("MEDLEY_FAIL_IO_SHADOW");
  const char *mode = getenv ("MEDLEY_FAIL_IO_MODE");

  unsetenv ("LD_PRELOAD");
  if (folder == NULL || strcmp (program_invocation_short_name, "medleyd") != 0)
    return;
  snprintf (settings.folder, sizeof settings.folder, "%s", folder);
  medley_shadow_begin (folder, shadow);
  settings.relief = read_text ("MEDLEY_FAIL_IO_RELIEF");
  settings.report = read_text ("MEDLEY_FAIL_IO_REPORT");
  settings.trace = read_text ("MEDLEY_FAIL_IO_TRACE");
  settings.hold = read_text ("MEDLEY_FAIL_IO_HOLD");
  settings.refuse = read_text ("MEDLEY_FAIL_IO_REFUSE");
  settings.at = read_number ("MEDLEY_FAIL_IO_AT");
  settings.duration
      = getenv ("MEDLEY_FAIL_IO_FOR") != NULL ? read_number ("MEDLEY_FAIL_IO_FOR") : 1;
  settings.bytes = read_number ("MEDLEY_FAIL_IO_BYTES");
  settings.error = (int) read_number ("MEDLEY_FAIL_IO_ERRNO");
  if (settings.error == 0)
    settings.error = EIO;
  if (mode != NULL)
    settings.mode = strcmp (mode, "kill") == 0    ? MODE_KILL
                    : strcmp (mode, "short") == 0 ? MODE_SHORT
                    : strcmp (mode, "torn") == 0  ? MODE_TORN
                                                  : MODE_ERROR;
  settings.pid = getpid ();
}

/* ---- what a call is about ---- */

static bool
is_beneath (const char *path)
{
  size_t length = strlen (settings.folder);

  return strncmp (path, settings.folder, length) == 0
         && (path[length] == '/' || path[length] == '\0');
}

/* Whether calls of this process are looked at: not those of a child before it executes. */
static bool
is_on (void)
{
  return settings.pid != 0 && getpid () == settings.pid;
}

bool
medley_fail_find_fd (int fd, char *path)
{
  char link[64];
  ssize_t n;

  if (!is_on () || fd < 0)
    return false;
  snprintf (link, sizeof link, "/proc/self/fd/%d", fd);
  n = readlink (link, path, PATH_MAX - 1);
  if (n <= 0)
    return false;
  path[n] = '\0';
  return is_beneath (path);
}

bool
medley_fail_find_path (int folder, const char *name, char *path)
{
  char base[PATH_MAX];

  if (!is_on ())
    return false;
  if (name[0] == '/') {
    snprintf (path, PATH_MAX, "%s", name);
    return is_beneath (path);
  }
  if (folder == AT_FDCWD ? getcwd (base, sizeof base) == NULL : !medley_fail_find_fd (folder, base))
    return false;
  return snprintf (path, PATH_MAX, "%s/%s", base, name) < PATH_MAX && is_beneath (path);
}

static void
note (const char *file, const char *call, const char *path)
{
  char line[PATH_MAX + 64];
  int n = snprintf (line, sizeof line, "%lu %s %s\n", n_calls, call, path);
  int fd = file != NULL ? (int) syscall (SYS_openat, AT_FDCWD, file,
                                         O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)
                        : -1;

  if (fd >= 0) {
    (void) !syscall (SYS_write, fd, line, (size_t) n);
    syscall (SYS_close, fd);
  }
}

/* ---- a disk of a certain size ---- */

static unsigned long used_bytes;

static int
add_size (const char *path, const struct stat *info, int flag)
{
  if (flag == FTW_F)
    used_bytes += (unsigned long) info->st_size;
  return 0;
}

static bool
is_relieved (void)
{
  return settings.relief != NULL && access (settings.relief, F_OK) == 0;
}

unsigned long
medley_fail_free_bytes (void)
{
  unsigned long left;

  pthread_mutex_lock (&lock);
  used_bytes = 0;
  ftw (settings.folder, add_size, 8);
  left = used_bytes < settings.bytes ? settings.bytes - used_bytes : 0;
  pthread_mutex_unlock (&lock);
  return left;
}

unsigned long
medley_fail_disk_bytes (void)
{
  return settings.bytes;
}

bool
medley_fail_has_small_disk (void)
{
  return settings.bytes > 0 && !is_relieved ();
}

/* ---- what becomes of a call ---- */

void
medley_fail_die (void)
{
  kill (getpid (), SIGKILL);
  for (;;)
    pause ();
}

/* Whether @file is there and the text in it is in @path. */
static bool
is_named (const char *file, const char *path)
{
  char text[64] = "";
  int fd = file != NULL ? (int) syscall (SYS_openat, AT_FDCWD, file, O_RDONLY | O_CLOEXEC, 0) : -1;
  ssize_t n = fd >= 0 ? read (fd, text, sizeof text - 1) : 0;

  if (fd >= 0)
    syscall (SYS_close, fd);
  return n > 0 && strstr (path, text) != NULL;
}

bool
medley_fail_may_sync (const char *path)
{
  if (is_named (settings.hold, path)) {
    note (settings.report, "held", path);
    while (is_named (settings.hold, path))
      usleep (5000);
  }
  if (!is_named (settings.refuse, path))
    return true;
  note (settings.report, "refused", path);
  errno = settings.error;
  return false;
}

Verdict
medley_fail_judge (const char *call, const char *path, bool is_write)
{
  unsigned long n;
  Verdict verdict = VERDICT_PASS;

  pthread_mutex_lock (&lock);
  n = ++n_calls;
  note (settings.trace, call, path);
  if (settings.at > 0 && n >= settings.at
      && (settings.duration == 0 || n < settings.at + settings.duration) && !is_relieved ()) {
    if (settings.mode <= MODE_KILL || is_write) {
      verdict = settings.mode == MODE_SHORT  ? VERDICT_HALVE
                : settings.mode == MODE_TORN ? VERDICT_HALVE_AND_KILL
                                             : VERDICT_FAIL;
      note (settings.report, call, path);
    } else {
      note (settings.report, "passed", path);
    }
    if (verdict == VERDICT_FAIL && settings.mode == MODE_KILL)
      medley_fail_die ();
  }
  pthread_mutex_unlock (&lock);
  if (verdict == VERDICT_FAIL)
    errno = settings.error;
  return verdict;
}

/* How many of @length bytes may be written at @offset (-1: where the descriptor stands): 0 for
 * none. */
size_t
medley_fail_clip (int fd, size_t length, off_t offset)
{
  struct stat info;
  unsigned long left;
  off_t end;

  if (!medley_fail_has_small_disk () || fstat (fd, &info) < 0)
    return length;
  if (offset < 0)
    offset = lseek (fd, 0, SEEK_CUR);
  if (fcntl (fd, F_GETFL) & O_APPEND)
    offset = info.st_size;
  end = offset + (off_t) length;
  left = medley_fail_free_bytes ();
  if (end <= info.st_size || (unsigned long) (end - info.st_size) <= left)
    return length;
  end = info.st_size + (off_t) left;
  if (end > offset)
    return (size_t) (end - offset);
  note (settings.report, "full", settings.folder);
  errno = ENOSPC;
  return 0;
}
