/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <medley/medley-error.h>

#include "base/fd.h"
#include "base/tokens.h"

#define MAX_BYTES (1024 * 1024)

static gboolean
fail_errno (GError **error, const char *what, const char *path)
{
  int code = errno;

  g_set_error (error, MEDLEY_ERROR, code == ENOSPC ? MEDLEY_ERROR_NO_SPACE : MEDLEY_ERROR_IO,
               "cannot %s %s: %s", what, path, g_strerror (code));
  return FALSE;
}

static gboolean
check_file (int fd, const char *path, GError **error)
{
  struct stat st;

  if (fstat (fd, &st) != 0)
    return fail_errno (error, "look at", path);
  if (!S_ISREG (st.st_mode) || st.st_size > MAX_BYTES) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG,
                 "%s is no file of tokens (http.tokens)", path);
    return FALSE;
  }
  if (st.st_uid != geteuid () && st.st_uid != 0 && geteuid () != 0) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_ALLOWED,
                 "%s belongs to another user (uid %u)", path, (guint) st.st_uid);
    return FALSE;
  }
  if ((st.st_mode & 0077) != 0) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_ALLOWED,
                 "%s is open to other users (mode %04o); run: chmod 600 %s", path,
                 (guint) (st.st_mode & 07777), path);
    return FALSE;
  }
  return TRUE;
}

static gboolean
read_all (int fd, GByteArray *text)
{
  for (;;) {
    guint8 buffer[4096];
    gssize n = read (fd, buffer, sizeof buffer);

    if (n < 0 && errno == EINTR)
      continue;
    if (n > 0)
      g_byte_array_append (text, buffer, (guint) n);
    if (n <= 0 || text->len > MAX_BYTES)
      return n >= 0;
  }
}

MedleyTokens *
medley_tokens_load (const char *path, GError **error)
{
  /* Non-blocking: a FIFO in its place must not hold anybody up. */
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  g_autoptr (GByteArray) text = g_byte_array_new ();
  MedleyTokens *self = NULL;

  if (fd < 0 && errno == ENOENT)
    return medley_tokens_new ();
  if (fd < 0) {
    fail_errno (error, "open", path);
    return NULL;
  }
  if (check_file (fd, path, error)) {
    if (!read_all (fd, text))
      fail_errno (error, "read", path);
    else if ((self = medley_tokens_parse ((const char *) text->data, text->len, error)) == NULL)
      g_prefix_error (error, "%s: ", path);
  }
  g_close (fd, NULL);
  return self;
}

int
medley_tokens_lock (const char *path, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path);
  int fd;

  if (g_mkdir_with_parents (folder, 0700) != 0) {
    fail_errno (error, "make the folder", folder);
    return -1;
  }
  fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  /* The folder itself: a lock file would be left behind. */
  if (fd < 0 || flock (fd, LOCK_EX) != 0) {
    fail_errno (error, "lock the folder", folder);
    medley_clear_fd (&fd);
  }
  return fd;
}

static gboolean
write_all (int fd, const char *text)
{
  gsize length = strlen (text);

  while (length > 0) {
    gssize n = write (fd, text, length);

    if (n < 0 && errno != EINTR)
      return FALSE;
    text += MAX (n, 0);
    length -= (gsize) MAX (n, 0);
  }
  return TRUE;
}

/* Root may be asked to write into a folder of somebody who would like it to write elsewhere: all is
 * done below the descriptor, and follows no link. */
gboolean
medley_tokens_save (MedleyTokens *self, const char *path, int folder, GError **error)
{
  g_autofree char *text = medley_tokens_print (self);
  g_autofree char *name = g_path_get_basename (path);
  g_autofree char *temporary = g_strdup_printf (".%s.%d", name, (int) getpid ());
  struct stat st;
  int fd;
  gboolean good;

  /* What a killed process of the same number left. */
  unlinkat (folder, temporary, 0);
  fd = openat (folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  good = fd >= 0 && fstat (folder, &st) == 0 && fchmod (fd, 0600) == 0
         && (geteuid () != 0 || fchown (fd, st.st_uid, st.st_gid) == 0) && write_all (fd, text)
         && fsync (fd) == 0 && renameat (folder, temporary, folder, name) == 0
         && fsync (folder) == 0;
  if (!good) {
    fail_errno (error, "write", path);
    unlinkat (folder, temporary, 0);
  }
  medley_clear_fd (&fd);
  return good;
}
