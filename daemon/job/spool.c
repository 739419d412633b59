/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"

#define LOCK_NAME ".lock"
/* What medley_job_manager_make_id() makes. */
#define ID_LENGTH 16
#define ID_CHARACTERS "0123456789abcdefghijklmnopqrstuvwxyz"

struct _MedleySpool {
  GObject parent_instance;

  char *folder;
  int fd;
  int lock_fd;
  int inotify_fd;
  guint source;
  MedleySpoolGrew grew;
  gpointer data;
};

G_DEFINE_FINAL_TYPE (MedleySpool, medley_spool, G_TYPE_OBJECT)

static void
set_errno_error (GError **error, int code, const char *what, const char *name)
{
  g_set_error (error, MEDLEY_ERROR,
               code == ENOSPC || code == EDQUOT ? MEDLEY_ERROR_NO_SPACE : MEDLEY_ERROR_IO,
               "cannot %s %s: %s", what, name, g_strerror (code));
}

static gboolean
changed (int fd, GIOCondition condition, gpointer data)
{
  g_autoptr (MedleySpool) self = g_object_ref (data);
  _Alignas(struct inotify_event) char buffer[8192];
  gssize n;

  /* What is left comes with the next turn of the main loop. */
  if ((n = read (fd, buffer, sizeof buffer)) > 0) {
    for (char *at = buffer; at < buffer + n;) {
      const struct inotify_event *event = (const struct inotify_event *) at;

      if (event->len > 0)
        self->grew (event->name, self->data);
      else if (event->mask & IN_Q_OVERFLOW)
        self->grew (NULL, self->data);
      at += sizeof *event + event->len;
    }
  }
  return G_SOURCE_CONTINUE;
}

MedleySpool *
medley_spool_new (const char *folder, MedleySpoolGrew grew, gpointer data, GError **error)
{
  g_autoptr (MedleySpool) self = g_object_new (MEDLEY_TYPE_SPOOL, NULL);

  self->folder = g_strdup (folder);
  self->grew = grew;
  self->data = data;
  if (g_mkdir_with_parents (folder, 0700) < 0
      || (self->fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
    set_errno_error (error, errno, "open the spool folder", folder);
    return NULL;
  }
  self->lock_fd = openat (self->fd, LOCK_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (self->lock_fd < 0) {
    set_errno_error (error, errno, "write to the spool folder", folder);
    return NULL;
  }
  if (flock (self->lock_fd, LOCK_EX | LOCK_NB) < 0) {
    g_set_error (
        error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
        "another daemon uses the spool folder %s; stop it, or set paths.spool to another folder",
        folder);
    return NULL;
  }
  self->inotify_fd = inotify_init1 (IN_NONBLOCK | IN_CLOEXEC);
  if (self->inotify_fd < 0 || inotify_add_watch (self->inotify_fd, folder, IN_MODIFY) < 0) {
    set_errno_error (error, errno, "watch the spool folder", folder);
    return NULL;
  }
  self->source = g_unix_fd_add (self->inotify_fd, G_IO_IN, changed, self);
  return g_steal_pointer (&self);
}

int
medley_spool_create (MedleySpool *self, const char *name, GError **error)
{
  int fd = openat (self->fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

  if (fd < 0)
    set_errno_error (error, errno, "create the spool file", name);
  return fd;
}

int
medley_spool_open (MedleySpool *self, const char *name, GError **error)
{
  int fd = openat (self->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

  if (fd < 0)
    set_errno_error (error, errno, "open the spool file", name);
  return fd;
}

int
medley_spool_open_empty (MedleySpool *self, const char *name, GError **error)
{
  int fd = openat (self->fd, name, O_RDWR | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);

  if (fd < 0)
    set_errno_error (error, errno, "open the spool file", name);
  return fd;
}

void
medley_spool_remove (MedleySpool *self, const char *name)
{
  unlinkat (self->fd, name, 0);
}

/* "<id of a job>-<number>.in" or ".out": the folder may be one that holds other files as well. */
static gboolean
is_ours (const char *name)
{
  gsize id = strspn (name, ID_CHARACTERS);
  gsize number = name[id] == '-' ? strspn (name + id + 1, "0123456789") : 0;
  const char *ending = name + id + 1 + number;

  return id == ID_LENGTH && number > 0
         && (g_str_equal (ending, ".in") || g_str_equal (ending, ".out"));
}

static gboolean
is_known (const char *name, GHashTable *ids)
{
  char id[ID_LENGTH + 1];

  if (ids == NULL)
    return FALSE;
  memcpy (id, name, ID_LENGTH);
  id[ID_LENGTH] = '\0';
  return g_hash_table_contains (ids, id);
}

static DIR *
open_folder (int fd)
{
  int own = openat (fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *dir = own >= 0 ? fdopendir (own) : NULL;

  if (dir == NULL)
    medley_clear_fd (&own);
  return dir;
}

/* @ids: (nullable): of jobs whose files stay */
static guint
clear (int fd, GHashTable *ids)
{
  DIR *dir = open_folder (fd);
  struct dirent *entry;
  guint n = 0;

  if (dir == NULL)
    return 0;
  while ((entry = readdir (dir)) != NULL) {
    if (is_ours (entry->d_name) && !is_known (entry->d_name, ids)
        && unlinkat (fd, entry->d_name, 0) == 0)
      n++;
  }
  closedir (dir);
  return n;
}

gboolean
medley_spool_has_files (MedleySpool *self)
{
  DIR *dir = open_folder (self->fd);
  struct dirent *entry;
  gboolean found = FALSE;

  while (dir != NULL && !found && (entry = readdir (dir)) != NULL)
    found = is_ours (entry->d_name);
  if (dir != NULL)
    closedir (dir);
  return found;
}

guint
medley_spool_sweep (MedleySpool *self, GHashTable *ids)
{
  return clear (self->fd, ids);
}

int
medley_spool_dup_folder (MedleySpool *self)
{
  return fcntl (self->fd, F_DUPFD_CLOEXEC, 3);
}

guint64
medley_spool_get_free (MedleySpool *self)
{
  struct statvfs info;

  return fstatvfs (self->fd, &info) == 0 ? (guint64) info.f_bavail * info.f_frsize : G_MAXUINT64;
}

void
medley_spool_erase (const char *folder)
{
  int fd = open (folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  int lock = fd >= 0 ? openat (fd, LOCK_NAME, O_RDWR | O_NOFOLLOW | O_CLOEXEC) : -1;

  /* Without the lock it is another daemon's. */
  if (lock >= 0 && flock (lock, LOCK_EX | LOCK_NB) == 0) {
    clear (fd, NULL);
    unlinkat (fd, MEDLEY_SPOOL_STORE, AT_REMOVEDIR);
    unlinkat (fd, LOCK_NAME, 0);
  }
  medley_clear_fd (&lock);
  medley_clear_fd (&fd);
}

/* The folder is another's to take, whoever still holds a job of it. */
static void
medley_spool_dispose (GObject *object)
{
  MedleySpool *self = MEDLEY_SPOOL (object);

  g_clear_handle_id (&self->source, g_source_remove);
  medley_clear_fd (&self->inotify_fd);
  medley_clear_fd (&self->lock_fd);
  G_OBJECT_CLASS (medley_spool_parent_class)->dispose (object);
}

static void
medley_spool_finalize (GObject *object)
{
  MedleySpool *self = MEDLEY_SPOOL (object);

  medley_clear_fd (&self->fd);
  g_free (self->folder);
  G_OBJECT_CLASS (medley_spool_parent_class)->finalize (object);
}

static void
medley_spool_class_init (MedleySpoolClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = medley_spool_dispose;
  G_OBJECT_CLASS (klass)->finalize = medley_spool_finalize;
}

static void
medley_spool_init (MedleySpool *self)
{
  self->fd = self->lock_fd = self->inotify_fd = -1;
}
