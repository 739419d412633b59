/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/config-file.h"

#include <string.h>

typedef struct {
  const char *file;
  GString *faults;
  GPtrArray *entries;
  GHashTable *seen; /* "group.key" → line */
  char *group;
} Scan;

void
medley_config_entry_free (MedleyConfigEntry *entry)
{
  g_free (entry->group);
  g_free (entry->key);
  g_free (entry->value);
  g_free (entry);
}

/* The value goes through GKeyFile itself, so that escapes mean exactly what they mean there. */
static char *
unescape (const char *value, GError **error)
{
  g_autoptr (GKeyFile) keys = g_key_file_new ();
  g_autofree char *text = g_strdup_printf ("[x]\nx=%s\n", value);

  if (!g_key_file_load_from_data (keys, text, (gsize) -1, G_KEY_FILE_NONE, error))
    return NULL;
  return g_key_file_get_string (keys, "x", "x", error);
}

static void
scan_group (Scan *scan, char *line, guint number)
{
  gsize length = strlen (line);

  if (length < 3 || line[length - 1] != ']' || strpbrk (line + 1, "[]") != line + length - 1) {
    g_string_append_printf (scan->faults, "%s:%u: bad group \"%s\": expected [name]\n", scan->file,
                            number, line);
    return;
  }
  g_free (scan->group);
  scan->group = g_strndup (line + 1, length - 2);
}

static void
scan_key (Scan *scan, const char *line, guint number)
{
  const char *equals = strchr (line, '=');
  g_autofree char *key = NULL;
  g_autofree char *value = NULL;
  g_autofree char *name = NULL;
  g_autoptr (GError) error = NULL;
  MedleyConfigEntry *entry;
  gpointer first;

  if (equals == NULL || equals == line) {
    g_string_append_printf (scan->faults,
                            "%s:%u: \"%s\" is neither [group], key=value nor a # comment\n",
                            scan->file, number, line);
    return;
  }
  key = g_strstrip (g_strndup (line, equals - line));
  if (scan->group == NULL) {
    g_string_append_printf (scan->faults, "%s:%u: key \"%s\" stands before the first [group]\n",
                            scan->file, number, key);
    return;
  }
  name = g_strdup_printf ("%s.%s", scan->group, key);
  if (g_hash_table_lookup_extended (scan->seen, name, NULL, &first)) {
    g_string_append_printf (scan->faults,
                            "%s:%u: key \"%s\" is set a second time (first on line %u)\n",
                            scan->file, number, key, GPOINTER_TO_UINT (first));
    return;
  }
  value = unescape (equals + 1, &error);
  /* With a bad escape GKeyFile gives both a value and an error. */
  if (value == NULL || error != NULL) {
    g_string_append_printf (scan->faults, "%s:%u: bad value of \"%s\": %s\n", scan->file, number,
                            key, error != NULL ? error->message : "it cannot be read");
    return;
  }
  g_hash_table_insert (scan->seen, g_steal_pointer (&name), GUINT_TO_POINTER (number));
  entry = g_new0 (MedleyConfigEntry, 1);
  entry->group = g_strdup (scan->group);
  entry->key = g_steal_pointer (&key);
  entry->value = g_steal_pointer (&value);
  entry->line = number;
  g_ptr_array_add (scan->entries, entry);
}

GPtrArray *
medley_config_file_parse (const char *text, gsize length, const char *file, GString *faults)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  Scan scan
      = { file, faults, g_ptr_array_new_with_free_func ((GDestroyNotify) medley_config_entry_free),
          seen, NULL };
  const char *end = text + length;
  guint number = 0;

  for (const char *start = text; start < end;) {
    const char *newline = memchr (start, '\n', end - start);
    const char *stop = newline != NULL ? newline : end;
    g_autofree char *line = g_strndup (start, stop - start);

    number++;
    if (memchr (start, '\0', stop - start) != NULL || !g_utf8_validate (line, -1, NULL)) {
      g_string_append_printf (faults, "%s:%u: this line is not UTF-8 text\n", file, number);
    } else {
      g_strstrip (line);
      if (line[0] == '[')
        scan_group (&scan, line, number);
      else if (line[0] != '\0' && line[0] != '#')
        scan_key (&scan, line, number);
    }
    start = newline != NULL ? newline + 1 : end;
  }
  g_free (scan.group);
  return scan.entries;
}
