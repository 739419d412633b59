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
 *   MEDLEY_FAIL_IO_REFUSE  while this file exists, syncs of such files fail, also those that waited
 *   MEDLEY_FAIL_IO_SHADOW  a folder that gets what a disk without power would have: files as of
 *                          their last fsync, names as of their folder's
 */
#undef _FORTIFY_SOURCE
#undef _FILE_OFFSET_BITS

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fail-io-judge.h"
#include "fail-io-shadow.h"

#define EXPORT __attribute__ ((visibility ("default")))

#define REAL(name) ((__typeof__ (&name)) find_real (#name))

static void *
find_real (const char *name)
{
  return dlsym (RTLD_NEXT, name);
}

#define WRITE_BODY(call, name, real, offset)                                                       \
  char path[PATH_MAX];                                                                             \
  Verdict verdict = VERDICT_PASS;                                                                  \
  ssize_t done;                                                                                    \
                                                                                                   \
  if (medley_fail_find_fd (fd, path)) {                                                            \
    verdict = medley_fail_judge (name, path, true);                                                \
    if (verdict == VERDICT_FAIL)                                                                   \
      return -1;                                                                                   \
    if (length > 0 && (length = medley_fail_clip (fd, length, offset)) == 0)                       \
      return -1;                                                                                   \
    if (verdict != VERDICT_PASS)                                                                   \
      length = (length + 1) / 2;                                                                   \
  }                                                                                                \
  done = real;                                                                                     \
  if (verdict == VERDICT_HALVE_AND_KILL)                                                           \
    medley_fail_die ();                                                                            \
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
  Verdict verdict = VERDICT_PASS;
  size_t length = 0, room;
  ssize_t done;

  for (int i = 0; i < n; i++)
    length += blocks[i].iov_len;
  room = length;
  if (medley_fail_find_fd (fd, path)) {
    verdict = medley_fail_judge (name, path, true);
    if (verdict == VERDICT_FAIL)
      return -1;
    if (length > 0 && (room = medley_fail_clip (fd, length, offset)) == 0)
      return -1;
    if (verdict != VERDICT_PASS)
      room = (room + 1) / 2;
  }
  if (room == length) {
    done = offset >= 0 ? REAL (pwritev64) (fd, blocks, n, offset) : REAL (writev) (fd, blocks, n);
  } else {
    size_t first = blocks[0].iov_len < room ? blocks[0].iov_len : room;

    done = offset >= 0 ? REAL (pwrite64) (fd, blocks[0].iov_base, first, offset)
                       : REAL (write) (fd, blocks[0].iov_base, first);
  }
  if (verdict == VERDICT_HALVE_AND_KILL)
    medley_fail_die ();
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
    bool ours = medley_fail_find_fd (fd, path);                                                    \
    int result;                                                                                    \
                                                                                                   \
    if (ours && strstr (#name, "sync") != NULL && !medley_fail_may_sync (path))                    \
      return -1;                                                                                   \
    if (ours && medley_fail_judge (#name, path, false) == VERDICT_FAIL)                            \
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
    if (medley_fail_find_fd (fd, path) && medley_fail_judge (#name, path, false) == VERDICT_FAIL)  \
      return errno;                                                                                \
    return REAL (name) (fd, offset, length);                                                       \
  }

POSIX_FALLOCATE (posix_fallocate, off_t)
POSIX_FALLOCATE (posix_fallocate64, off64_t)

static int
open_file (int folder, const char *name, int flags, mode_t mode, const char *call)
{
  char path[PATH_MAX];

  if ((flags & (O_CREAT | O_TRUNC)) != 0 && medley_fail_find_path (folder, name, path)) {
    if (medley_fail_judge (call, path, false) == VERDICT_FAIL)
      return -1;
    if ((flags & O_CREAT) != 0 && medley_fail_has_small_disk () && access (path, F_OK) != 0
        && medley_fail_free_bytes () == 0) {
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
  bool ours = medley_fail_find_path (folder, name, path);
  int result;

  if (ours && medley_fail_judge (call, path, false) == VERDICT_FAIL)
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
  bool ours = medley_fail_find_path (new_folder, new, to)
              && medley_fail_find_path (old_folder, old, from);
  int result;

  if (ours && medley_fail_judge (call, to, false) == VERDICT_FAIL)
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

  if (medley_fail_find_path (folder, name, path) && access (path, F_OK) != 0
      && medley_fail_judge ("mkdir", path, false) == VERDICT_FAIL)
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
    if (result == 0 && find && medley_fail_has_small_disk ()) {                                    \
      info->f_bfree = info->f_bavail = medley_fail_free_bytes () / (unsigned long) info->f_bsize;  \
      info->f_blocks = medley_fail_disk_bytes () / (unsigned long) info->f_bsize;                  \
    }                                                                                              \
    return result;                                                                                 \
  }
#define BY_NAME(name, Info)                                                                        \
  SPACE_CALL (name, const char *file, file, medley_fail_find_path (AT_FDCWD, file, path), Info)
#define BY_FD(name, Info) SPACE_CALL (name, int fd, fd, medley_fail_find_fd (fd, path), Info)

BY_NAME (statvfs, statvfs)
BY_NAME (statvfs64, statvfs64)
BY_FD (fstatvfs, statvfs)
BY_FD (fstatvfs64, statvfs64)
BY_NAME (statfs, statfs)
BY_NAME (statfs64, statfs64)
BY_FD (fstatfs, statfs)
BY_FD (fstatfs64, statfs64)
