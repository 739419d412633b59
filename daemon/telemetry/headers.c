/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "telemetry/headers.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

#define CREDENTIAL "otlp-headers"
#define MAX_FILE (64 * 1024)
#define TOKEN G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "!#$%&'*+-.^_`|~"

/* Those that a request has of its own, or that would break it. */
static const char *const ours[]
    = { "content-type", "content-length", "transfer-encoding", "connection", "host", NULL };

static gboolean
take_line (char *line, GPtrArray *headers)
{
  char *colon = strchr (line, ':');
  gsize length = strspn (line, TOKEN);
  g_autofree char *name = NULL;
  char *value;

  if (colon == NULL || length == 0 || line + length != colon)
    return FALSE;
  name = g_ascii_strdown (line, (gssize) length);
  if (g_strv_contains (ours, name))
    return FALSE;
  value = g_strstrip (colon + 1);
  for (const char *c = value; *c != '\0'; c++) {
    if ((guchar) *c < ' ' || (guchar) *c > '~')
      return FALSE;
  }
  g_ptr_array_add (headers, g_strndup (line, length));
  g_ptr_array_add (headers, g_strdup (value));
  return TRUE;
}

static char *
find_credential (void)
{
  const char *folder = g_getenv ("CREDENTIALS_DIRECTORY");
  g_autofree char *path = folder != NULL ? g_build_filename (folder, CREDENTIAL, NULL) : NULL;

  return path != NULL && g_file_test (path, G_FILE_TEST_EXISTS) ? g_steal_pointer (&path) : NULL;
}

static gboolean
check_file (const char *path, const struct stat *st, GError **error)
{
  if (!S_ISREG (st->st_mode) || st->st_size > MAX_FILE) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG,
                 "telemetry.otlp-headers: %s is no file of at most %d KiB", path, MAX_FILE / 1024);
    return FALSE;
  }
  /* A group may have it: that is how machines share keys between their services. */
  if ((st->st_mode & (S_IRWXO | S_IWGRP)) != 0) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_ALLOWED,
                 "telemetry.otlp-headers: %s is open to other users (mode %04o); run: chmod 600 %s",
                 path, (guint) (st->st_mode & 07777), path);
    return FALSE;
  }
  return TRUE;
}

/* Without waiting for anybody: a FIFO would hold up the start. Returns: (nullable) */
static char *
read_file (const char *path, GError **error)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  g_autofree char *text = NULL;
  struct stat st;
  gsize size = 0;
  gssize n;

  if (fd < 0 || fstat (fd, &st) != 0) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG,
                 "telemetry.otlp-headers: cannot open %s: %s", path, g_strerror (errno));
    if (fd >= 0)
      close (fd);
    return NULL;
  }
  if (!check_file (path, &st, error)) {
    close (fd);
    return NULL;
  }
  text = g_malloc0 ((gsize) st.st_size + 1);
  do {
    n = read (fd, text + size, (gsize) st.st_size - size);
    size += (gsize) MAX (n, 0);
  } while (n > 0 || (n < 0 && errno == EINTR));
  if (n < 0 || strlen (text) != size) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG,
                 "telemetry.otlp-headers: %s is no text: %s", path,
                 n < 0 ? g_strerror (errno) : "it has NUL bytes");
    close (fd);
    return NULL;
  }
  close (fd);
  return g_steal_pointer (&text);
}

GPtrArray *
medley_otlp_headers_read (const char *path, GError **error)
{
  g_autoptr (GPtrArray) headers = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *file = *path != '\0' ? g_strdup (path) : find_credential ();
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  if (file == NULL)
    return g_steal_pointer (&headers);
  text = read_file (file, error);
  if (text == NULL)
    return NULL;
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++) {
    g_strchomp (lines[i]);
    if (lines[i][0] == '\0' || lines[i][0] == '#')
      continue;
    if (!take_line (lines[i], headers)) {
      g_set_error (
          error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG,
          "telemetry.otlp-headers: %s:%u: this is no header field \"Name: value\" that may "
          "be set",
          file, i + 1);
      return NULL;
    }
  }
  return g_steal_pointer (&headers);
}
