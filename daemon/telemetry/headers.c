/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "telemetry/headers.h"

#include <string.h>

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

GPtrArray *
medley_otlp_headers_read (const char *path, GError **error)
{
  g_autoptr (GPtrArray) headers = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *file = *path != '\0' ? g_strdup (path) : find_credential ();
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  g_autoptr (GError) local = NULL;
  gsize length;

  if (file == NULL)
    return g_steal_pointer (&headers);
  if (!g_file_get_contents (file, &text, &length, &local)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG, "telemetry.otlp-headers: %s",
                 local->message);
    return NULL;
  }
  if (length > MAX_FILE || strlen (text) != length) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG,
                 "telemetry.otlp-headers: %s is no text of at most %d KiB", file, MAX_FILE / 1024);
    return NULL;
  }
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
