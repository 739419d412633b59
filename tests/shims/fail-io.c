/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Preloaded into medleyd by tests: makes the n-th call fail that changes something beneath a
 * folder. Other programs that inherit it are left alone, and children do not inherit it at all.
 *
 *   MEDLEY_FAIL_IO         the folder
 *   MEDLEY_FAIL_IO_AT      n, from 1; 0 for never
 *   MEDLEY_FAIL_IO_FOR     so many calls fail one after the other (1); 0 for all from the n-th on
 *   MEDLEY_FAIL_IO_MODE    error: with MEDLEY_FAIL_IO_ERRNO; kill: the process gets SIGKILL before
 *                          the call; short: a write stops half-way; torn: so, and SIGKILL
 *   MEDLEY_FAIL_IO_ERRNO   a number
 *   MEDLEY_FAIL_IO_BYTES   the folder is a disk of so many bytes
 *   MEDLEY_FAIL_IO_RELIEF  nothing fails any more while this file exists
 *   MEDLEY_FAIL_IO_REPORT  a file that gets a line for each call that was made to fail
 *   MEDLEY_FAIL_IO_TRACE   a file that gets a line for each call
 *   MEDLEY_FAIL_IO_HOLD    while this file exists, syncs of files whose names hold its text wait
 *   MEDLEY_FAIL_IO_SHADOW  a folder that gets what a disk without power would have: files as of
 *                          their last fsync, names as of their folder's
 */
#undef _FORTIFY_SOURCE
#undef _FILE_OFFSET_BITS

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fail-io-shadow.h"

#define EXPORT __attribute__ ((visibility ("default")))

enum { MODE_ERROR, MODE_KILL, MODE_SHORT, MODE_TORN };

static struct {
  pid_t pid; /* 0: not a process to be disturbed */
  char folder[PATH_MAX];
  const char *relief;
  const char *report;
  const char *trace;
  const char *hold;
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

static bool
find_fd (int fd, char *path)
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

static bool
find_path (int folder, const char *name, char *path)
{
  char base[PATH_MAX];

  if (!is_on ())
    return false;
  if (name[0] == '/') {
    snprintf (path, PATH_MAX, "%s", name);
    return is_beneath (path);
  }
  if (folder == AT_FDCWD ? getcwd (base, sizeof base) == NULL : !find_fd (folder, base))
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

static unsigned long
free_bytes (void)
{
  unsigned long left;

  pthread_mutex_lock (&lock);
  used_bytes = 0;
  ftw (settings.folder, add_size, 8);
  left = used_bytes < settings.bytes ? settings.bytes - used_bytes : 0;
  pthread_mutex_unlock (&lock);
  return left;
}

static bool
has_small_disk (void)
{
  return settings.bytes > 0 && !is_relieved ();
}

/* ---- what becomes of a call ---- */

typedef enum { PASS, FAIL, HALVE, HALVE_AND_KILL } Verdict;

static void
die (void)
{
  kill (getpid (), SIGKILL);
  for (;;)
    pause ();
}

static bool
is_held (const char *path)
{
  char text[64] = "";
  int fd = settings.hold != NULL
               ? (int) syscall (SYS_openat, AT_FDCWD, settings.hold, O_RDONLY | O_CLOEXEC, 0)
               : -1;
  ssize_t n = fd >= 0 ? read (fd, text, sizeof text - 1) : 0;

  if (fd >= 0)
    syscall (SYS_close, fd);
  return n > 0 && strstr (path, text) != NULL;
}

static void
wait_for_release (const char *path)
{
  if (!is_held (path))
    return;
  note (settings.report, "held", path);
  while (is_held (path))
    usleep (5000);
}

static Verdict
judge (const char *call, const char *path, bool is_write)
{
  unsigned long n;
  Verdict verdict = PASS;

  pthread_mutex_lock (&lock);
  n = ++n_calls;
  note (settings.trace, call, path);
  if (settings.at > 0 && n >= settings.at
      && (settings.duration == 0 || n < settings.at + settings.duration) && !is_relieved ()) {
    if (settings.mode <= MODE_KILL || is_write) {
      verdict = settings.mode == MODE_SHORT  ? HALVE
                : settings.mode == MODE_TORN ? HALVE_AND_KILL
                                             : FAIL;
      note (settings.report, call, path);
    } else {
      note (settings.report, "passed", path);
    }
    if (verdict == FAIL && settings.mode == MODE_KILL)
      die ();
  }
  pthread_mutex_unlock (&lock);
  if (verdict == FAIL)
    errno = settings.error;
  return verdict;
}

/* How many of @length bytes may be written at @offset (-1: where the descriptor stands): 0 for
 * none. */
static size_t
clip (int fd, size_t length, off_t offset)
{
  struct stat info;
  unsigned long left;
  off_t end;

  if (!has_small_disk () || fstat (fd, &info) < 0)
    return length;
  if (offset < 0)
    offset = lseek (fd, 0, SEEK_CUR);
  if (fcntl (fd, F_GETFL) & O_APPEND)
    offset = info.st_size;
  end = offset + (off_t) length;
  left = free_bytes ();
  if (end <= info.st_size || (unsigned long) (end - info.st_size) <= left)
    return length;
  end = info.st_size + (off_t) left;
  if (end > offset)
    return (size_t) (end - offset);
  note (settings.report, "full", settings.folder);
  errno = ENOSPC;
  return 0;
}

/* ---- the calls ---- */

#define REAL(name) ((__typeof__ (&name)) find_real (#name))

static void *
find_real (const char *name)
{
  return dlsym (RTLD_NEXT, name);
}

#define WRITE_BODY(call, name, real, offset)                                                       \
  char path[PATH_MAX];                                                                             \
  Verdict verdict = PASS;                                                                          \
  ssize_t done;                                                                                    \
                                                                                                   \
  if (find_fd (fd, path)) {                                                                        \
    verdict = judge (name, path, true);                                                            \
    if (verdict == FAIL)                                                                           \
      return -1;                                                                                   \
    if (length > 0 && (length = clip (fd, length, offset)) == 0)                                   \
      return -1;                                                                                   \
    if (verdict != PASS)                                                                           \
      length = (length + 1) / 2;                                                                   \
  }                                                                                                \
  done = real;                                                                                     \
  if (verdict == HALVE_AND_KILL)                                                                   \
    die ();                                                                                        \
  return done

EXPORT ssize_t
write (int fd, const void *data, size_t length)
{
  WRITE_BODY (write, "write", REAL (write) (fd, data, length), -1);
}

EXPORT ssize_t
pwrite (int fd, const void *data, size_t length, off_t offset)
{
  WRITE_BODY (pwrite, "pwrite", REAL (pwrite) (fd, data, length, offset), offset);
}

EXPORT ssize_t
pwrite64 (int fd, const void *data, size_t length, off64_t offset)
{
  WRITE_BODY (pwrite64, "pwrite64", REAL (pwrite64) (fd, data, length, offset), offset);
}

/* A vector is written up to the block that is cut: that is short, too. */
static ssize_t
write_vector (int fd, const struct iovec *blocks, int n, off64_t offset, const char *name)
{
  char path[PATH_MAX];
  Verdict verdict = PASS;
  size_t length = 0, room;
  ssize_t done;

  for (int i = 0; i < n; i++)
    length += blocks[i].iov_len;
  room = length;
  if (find_fd (fd, path)) {
    verdict = judge (name, path, true);
    if (verdict == FAIL)
      return -1;
    if (length > 0 && (room = clip (fd, length, offset)) == 0)
      return -1;
    if (verdict != PASS)
      room = (room + 1) / 2;
  }
  if (room == length) {
    done = offset >= 0 ? REAL (pwritev64) (fd, blocks, n, offset) : REAL (writev) (fd, blocks, n);
  } else {
    size_t first = blocks[0].iov_len < room ? blocks[0].iov_len : room;

    done = offset >= 0 ? REAL (pwrite64) (fd, blocks[0].iov_base, first, offset)
                       : REAL (write) (fd, blocks[0].iov_base, first);
  }
  if (verdict == HALVE_AND_KILL)
    die ();
  return done;
}

EXPORT ssize_t
writev (int fd, const struct iovec *blocks, int n)
{
  return write_vector (fd, blocks, n, -1, "writev");
}

EXPORT ssize_t
pwritev (int fd, const struct iovec *blocks, int n, off_t offset)
{
  return write_vector (fd, blocks, n, offset, "pwritev");
}

EXPORT ssize_t
pwritev64 (int fd, const struct iovec *blocks, int n, off64_t offset)
{
  return write_vector (fd, blocks, n, offset, "pwritev64");
}

#define FD_CALL(name, parameters, arguments, after)                                                \
  EXPORT int name parameters                                                                       \
  {                                                                                                \
    char path[PATH_MAX];                                                                           \
    bool ours = find_fd (fd, path);                                                                \
    int result;                                                                                    \
                                                                                                   \
    if (ours && strstr (#name, "sync") != NULL)                                                    \
      wait_for_release (path);                                                                     \
    if (ours && judge (#name, path, false) == FAIL)                                                \
      return -1;                                                                                   \
    result = REAL (name) arguments;                                                                \
    if (ours && result == 0)                                                                       \
      after (path);                                                                                \
    return result;                                                                                 \
  }

static void
nothing (const char *path)
{
}

FD_CALL (fsync, (int fd), (fd), medley_shadow_synced)
FD_CALL (fdatasync, (int fd), (fd), medley_shadow_synced)
FD_CALL (ftruncate, (int fd, off_t length), (fd, length), nothing)
FD_CALL (ftruncate64, (int fd, off64_t length), (fd, length), nothing)
FD_CALL (fallocate, (int fd, int mode, off_t offset, off_t length), (fd, mode, offset, length),
         nothing)
FD_CALL (fallocate64, (int fd, int mode, off64_t offset, off64_t length),
         (fd, mode, offset, length), nothing)

/* Its errors are results. */
#define POSIX_FALLOCATE(name, Offset)                                                              \
  EXPORT int name (int fd, Offset offset, Offset length)                                           \
  {                                                                                                \
    char path[PATH_MAX];                                                                           \
                                                                                                   \
    if (find_fd (fd, path) && judge (#name, path, false) == FAIL)                                  \
      return settings.error;                                                                       \
    return REAL (name) (fd, offset, length);                                                       \
  }

POSIX_FALLOCATE (posix_fallocate, off_t)
POSIX_FALLOCATE (posix_fallocate64, off64_t)

static int
open_file (int folder, const char *name, int flags, mode_t mode, const char *call)
{
  char path[PATH_MAX];

  if ((flags & (O_CREAT | O_TRUNC)) != 0 && find_path (folder, name, path)) {
    if (judge (call, path, false) == FAIL)
      return -1;
    if ((flags & O_CREAT) != 0 && has_small_disk () && access (path, F_OK) != 0
        && free_bytes () == 0) {
      errno = ENOSPC;
      return -1;
    }
  }
  return (REAL (openat64)) (folder, name, flags, mode);
}

#define TAKE_MODE                                                                                  \
  mode_t mode = 0;                                                                                 \
  if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE) {                                \
    va_list list;                                                                                  \
    va_start (list, flags);                                                                        \
    mode = va_arg (list, mode_t);                                                                  \
    va_end (list);                                                                                 \
  }

#define OPEN(name)                                                                                 \
  EXPORT int name (const char *path, int flags, ...)                                               \
  {                                                                                                \
    TAKE_MODE                                                                                      \
    return open_file (AT_FDCWD, path, flags, mode, "open");                                        \
  }
#define OPENAT(name)                                                                               \
  EXPORT int name (int folder, const char *path, int flags, ...)                                   \
  {                                                                                                \
    TAKE_MODE                                                                                      \
    return open_file (folder, path, flags, mode, "openat");                                        \
  }

OPEN (open)
OPEN (open64)
OPENAT (openat)
OPENAT (openat64)

EXPORT int
creat (const char *path, mode_t mode)
{
  return open_file (AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode, "creat");
}

static int
remove_name (int folder, const char *name, int flags, const char *call)
{
  char path[PATH_MAX];
  bool ours = find_path (folder, name, path);
  int result;

  if (ours && judge (call, path, false) == FAIL)
    return -1;
  result = REAL (unlinkat) (folder, name, flags);
  if (ours && result == 0)
    medley_shadow_rename (path, "");
  return result;
}

EXPORT int
unlink (const char *name)
{
  return remove_name (AT_FDCWD, name, 0, "unlink");
}

EXPORT int
unlinkat (int folder, const char *name, int flags)
{
  return remove_name (folder, name, flags, "unlinkat");
}

static int
rename_file (int old_folder, const char *old, int new_folder, const char *new, unsigned flags,
             const char *call)
{
  char from[PATH_MAX], to[PATH_MAX];
  bool ours = find_path (new_folder, new, to) && find_path (old_folder, old, from);
  int result;

  if (ours && judge (call, to, false) == FAIL)
    return -1;
  result = REAL (renameat2) (old_folder, old, new_folder, new, flags);
  if (ours && result == 0)
    medley_shadow_rename (from, to);
  return result;
}

EXPORT int
rename (const char *old, const char *new)
{
  return rename_file (AT_FDCWD, old, AT_FDCWD, new, 0, "rename");
}

EXPORT int
renameat (int old_folder, const char *old, int new_folder, const char *new)
{
  return rename_file (old_folder, old, new_folder, new, 0, "renameat");
}

EXPORT int
renameat2 (int old_folder, const char *old, int new_folder, const char *new, unsigned flags)
{
  return rename_file (old_folder, old, new_folder, new, flags, "renameat2");
}

static int
make_folder (int folder, const char *name, mode_t mode)
{
  char path[PATH_MAX];

  if (find_path (folder, name, path) && access (path, F_OK) != 0
      && judge ("mkdir", path, false) == FAIL)
    return -1;
  return REAL (mkdirat) (folder, name, mode);
}

EXPORT int
mkdir (const char *name, mode_t mode)
{
  return make_folder (AT_FDCWD, name, mode);
}

EXPORT int
mkdirat (int folder, const char *name, mode_t mode)
{
  return make_folder (folder, name, mode);
}

/* ---- how much space there is ---- */

#define SPACE_CALL(name, Place, place, find, Info)                                                 \
  EXPORT int name (Place, struct Info *info)                                                       \
  {                                                                                                \
    char path[PATH_MAX];                                                                           \
    int result = REAL (name) (place, info);                                                        \
                                                                                                   \
    if (result == 0 && find && has_small_disk ()) {                                                \
      info->f_bfree = info->f_bavail = free_bytes () / (unsigned long) info->f_bsize;              \
      info->f_blocks = settings.bytes / (unsigned long) info->f_bsize;                             \
    }                                                                                              \
    return result;                                                                                 \
  }
#define BY_NAME(name, Info)                                                                        \
  SPACE_CALL (name, const char *file, file, find_path (AT_FDCWD, file, path), Info)
#define BY_FD(name, Info) SPACE_CALL (name, int fd, fd, find_fd (fd, path), Info)

BY_NAME (statvfs, statvfs)
BY_NAME (statvfs64, statvfs64)
BY_FD (fstatvfs, statvfs)
BY_FD (fstatvfs64, statvfs64)
BY_NAME (statfs, statfs)
BY_NAME (statfs64, statfs64)
BY_FD (fstatfs, statfs)
BY_FD (fstatfs64, statfs64)
