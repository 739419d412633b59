/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "workers/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <medley/medley-error.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/folders.h"

/* Another process may take a new folder for a dead one's, between its making and its locking. */
#define MOST_TRIES 16

struct _MedleyScratch {
  char *path;
  int lock;
};

/* Returns a descriptor that holds the lock, -1 when another process does or it is no folder. */
static int
lock_folder (const char *path)
{
  struct stat locked, named;
  int fd = open (path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

  if (fd < 0)
    return -1;
  /* It may have been removed while the lock was waited for. */
  if (flock (fd, LOCK_EX | LOCK_NB) == 0 && fstat (fd, &locked) == 0 && lstat (path, &named) == 0
      && locked.st_ino == named.st_ino && locked.st_dev == named.st_dev)
    return fd;
  close (fd);
  return -1;
}

static void
remove_dead (const char *parent, const char *prefix)
{
  g_autoptr (GDir) dir = g_dir_open (parent, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (parent, name, NULL);
    int fd = g_str_has_prefix (name, prefix) ? lock_folder (path) : -1;

    if (fd < 0)
      continue;
    medley_folder_remove (path);
    close (fd);
  }
}

MedleyScratch *
medley_scratch_new (const char *parent, const char *prefix, GError **error)
{
  if (g_mkdir_with_parents (parent, 0700) != 0) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_IO, "cannot make the folder %s: %s", parent,
                 g_strerror (errno));
    return NULL;
  }
  remove_dead (parent, prefix);
  for (guint i = 0; i < MOST_TRIES; i++) {
    g_autofree char *name = g_strconcat (prefix, "XXXXXX", NULL);
    g_autofree char *path = g_build_filename (parent, name, NULL);
    MedleyScratch *self;
    int lock;

    if (g_mkdtemp (path) == NULL)
      break;
    lock = lock_folder (path);
    if (lock < 0)
      continue;
    self = g_new (MedleyScratch, 1);
    self->path = g_steal_pointer (&path);
    self->lock = lock;
    return self;
  }
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_IO, "cannot make a folder in %s: %s", parent,
               g_strerror (errno));
  return NULL;
}

void
medley_scratch_free (MedleyScratch *self)
{
  medley_folder_remove (self->path);
  close (self->lock);
  g_free (self->path);
  g_free (self);
}

const char *
medley_scratch_get_path (MedleyScratch *self)
{
  return self->path;
}
