/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/path.h"

char *
medley_dbus_path (const char *prefix, const char *name)
{
  GString *path = g_string_new (prefix);

  for (const char *c = name; *c != '\0'; c++) {
    if (g_ascii_isalnum (*c))
      g_string_append_c (path, *c);
    else
      g_string_append_printf (path, "_%02x", (guint) (guchar) *c);
  }
  if (*name == '\0')
    g_string_append_c (path, '_');
  return g_string_free (path, FALSE);
}
