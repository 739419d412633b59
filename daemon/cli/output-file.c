/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/output-file.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixoutputstream.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <medley/medley-error.h>

#include "base/error.h"

struct _MedleyOutputFile {
  char *path;
  char *temporary; /* NULL for what is no regular file, and once it has its name */
  gboolean is_nameless;
  int fd;
  GOutputStream *stream;
};

static gboolean
set_error (GError **error, const char *what, const char *path)
{
  int code = errno == EACCES || errno == EPERM || errno == EROFS ? MEDLEY_ERROR_NOT_ALLOWED
             : errno == ENOSPC || errno == EDQUOT                ? MEDLEY_ERROR_NO_SPACE
                                                                 : MEDLEY_ERROR_IO;

  g_set_error (error, MEDLEY_ERROR, code, "cannot %s %s: %s", what, path, g_strerror (errno));
  return FALSE;
}

static char *
temporary_name (MedleyOutputFile *self)
{
  g_autofree char *folder = g_path_get_dirname (self->path);
  g_autofree char *name = g_path_get_basename (self->path);
  g_autofree char *hidden = g_strdup_printf (".%.200s.XXXXXX", name);

  return g_build_filename (folder, hidden, NULL);
}

static gboolean
open_regular (MedleyOutputFile *self, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (self->path);
  struct stat st;

  /* Without a name at first, so that not even SIGKILL leaves anything behind; 0666 and the umask as
   * for any file. */
  self->fd = open (folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
  self->is_nameless = self->fd >= 0;
  if (self->fd < 0) {
    self->temporary = temporary_name (self);
    self->fd = g_mkstemp_full (self->temporary, O_RDWR | O_CLOEXEC, 0666);
  }
  if (self->fd < 0) {
    g_clear_pointer (&self->temporary, g_free);
    return set_error (error, "write", self->path);
  }
  /* A file that is replaced keeps its permissions. */
  if (stat (self->path, &st) == 0)
    fchmod (self->fd, st.st_mode & 0777);
  return TRUE;
}

/* A file cannot be linked over another one, so it gets a temporary name on the way. */
static gboolean
give_name (MedleyOutputFile *self)
{
  g_autofree char *descriptor = g_strdup_printf ("/proc/self/fd/%d", self->fd);

  for (guint i = 0; i < 100; i++) {
    g_autofree char *name = temporary_name (self);

    g_snprintf (name + strlen (name) - 6, 7, "%06x", g_random_int () & 0xffffff);
    if (linkat (AT_FDCWD, descriptor, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0) {
      self->temporary = g_steal_pointer (&name);
      self->is_nameless = FALSE;
      return TRUE;
    }
    if (errno != EEXIST)
      return FALSE;
  }
  return FALSE;
}

MedleyOutputFile *
medley_output_file_open (const char *path, gboolean may_replace, GError **error)
{
  g_autoptr (MedleyOutputFile) self = g_new0 (MedleyOutputFile, 1);
  g_autofree char *real = realpath (path, NULL);
  struct stat st;

  self->fd = -1;
  /* Through a link the file behind it is replaced, not the link. */
  self->path = g_strdup (real != NULL ? real : path);
  if (stat (path, &st) == 0) {
    if (S_ISDIR (st.st_mode)) {
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                   "%s is a folder; name a file in it", path);
      return NULL;
    }
    if (!may_replace) {
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                   "%s is there already; choose a name with -o, or add --force", path);
      return NULL;
    }
  }
  if (real != NULL && !S_ISREG (st.st_mode)) {
    self->fd = g_open (path, O_WRONLY | O_CLOEXEC, 0);
    if (self->fd < 0) {
      set_error (error, "write", path);
      return NULL;
    }
  } else if (!open_regular (self, error)) {
    return NULL;
  }
  self->stream = g_unix_output_stream_new (self->fd, FALSE);
  return g_steal_pointer (&self);
}

GOutputStream *
medley_output_file_get_stream (MedleyOutputFile *self)
{
  return self->stream;
}

gboolean
medley_output_file_is_special (MedleyOutputFile *self)
{
  return self->temporary == NULL && !self->is_nameless;
}

gboolean
medley_output_file_commit (MedleyOutputFile *self, GError **error)
{
  int fd = self->fd;

  if (self->is_nameless && !give_name (self))
    return set_error (error, "write", self->path);
  self->fd = -1;
  if (close (fd) != 0)
    return set_error (error, "write", self->path);
  if (self->temporary != NULL && g_rename (self->temporary, self->path) != 0)
    return set_error (error, "write", self->path);
  g_clear_pointer (&self->temporary, g_free);
  return TRUE;
}

void
medley_output_file_free (MedleyOutputFile *self)
{
  g_clear_object (&self->stream);
  if (self->fd >= 0)
    close (self->fd);
  if (self->temporary != NULL)
    g_unlink (self->temporary);
  g_free (self->temporary);
  g_free (self->path);
  g_free (self);
}
