/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef _FORTIFY_SOURCE
#undef _FILE_OFFSET_BITS

#include "fail-io-shadow.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_PENDING 256

static char real_folder[PATH_MAX];
static char shadow_folder[PATH_MAX]; /* empty: none is kept */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Names that have changed since their folder was synced. */
static struct {
  char from[PATH_MAX];
  char to[PATH_MAX]; /* empty: removed */
} pending[MAX_PENDING];
static unsigned n_pending;

void
medley_shadow_begin (const char *folder, const char *shadow)
{
  snprintf (real_folder, sizeof real_folder, "%s", folder);
  snprintf (shadow_folder, sizeof shadow_folder, "%s", shadow != NULL ? shadow : "");
}

static bool
map_path (const char *path, char *shadow)
{
  return snprintf (shadow, PATH_MAX, "%s%s", shadow_folder, path + strlen (real_folder)) < PATH_MAX;
}

static void
make_parents (char *path)
{
  for (char *slash = strchr (path + 1, '/'); slash != NULL; slash = strchr (slash + 1, '/')) {
    *slash = '\0';
    syscall (SYS_mkdirat, AT_FDCWD, path, 0700);
    *slash = '/';
  }
}

static void
copy_file (const char *from, const char *to)
{
  char buffer[65536];
  int in = (int) syscall (SYS_openat, AT_FDCWD, from, O_RDONLY | O_CLOEXEC, 0);
  int out
      = (int) syscall (SYS_openat, AT_FDCWD, to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  ssize_t n;

  while (in >= 0 && out >= 0 && (n = read (in, buffer, sizeof buffer)) > 0)
    (void) !syscall (SYS_write, out, buffer, (size_t) n);
  if (in >= 0)
    syscall (SYS_close, in);
  if (out >= 0)
    syscall (SYS_close, out);
}

static void
settle_names (const char *folder)
{
  size_t length = strlen (folder);
  unsigned kept = 0;

  for (unsigned i = 0; i < n_pending; i++) {
    const char *name = pending[i].to[0] != '\0' ? pending[i].to : pending[i].from;
    char from[PATH_MAX], to[PATH_MAX];

    if (strncmp (name, folder, length) != 0 || name[length] != '/'
        || strchr (name + length + 1, '/') != NULL) {
      pending[kept++] = pending[i];
      continue;
    }
    map_path (pending[i].from, from);
    if (pending[i].to[0] != '\0' && map_path (pending[i].to, to))
      syscall (SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    else
      syscall (SYS_unlinkat, AT_FDCWD, from, 0);
  }
  n_pending = kept;
}

void
medley_shadow_synced (const char *path)
{
  char shadow[PATH_MAX];
  struct stat info;

  if (shadow_folder[0] == '\0' || stat (path, &info) < 0 || !map_path (path, shadow))
    return;
  pthread_mutex_lock (&lock);
  make_parents (shadow);
  if (S_ISDIR (info.st_mode)) {
    syscall (SYS_mkdirat, AT_FDCWD, shadow, 0700);
    settle_names (path);
  } else {
    copy_file (path, shadow);
  }
  pthread_mutex_unlock (&lock);
}

void
medley_shadow_rename (const char *from, const char *to)
{
  if (shadow_folder[0] == '\0')
    return;
  pthread_mutex_lock (&lock);
  if (n_pending < MAX_PENDING) {
    snprintf (pending[n_pending].from, PATH_MAX, "%s", from);
    snprintf (pending[n_pending].to, PATH_MAX, "%s", to);
    n_pending++;
  }
  pthread_mutex_unlock (&lock);
}
