/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/json-map-private.h"

static void
duplicate_free (gpointer data)
{
  MedleyJsonKept *duplicate = data;

  g_free (duplicate->told.pointer);
  g_free (duplicate);
}

MedleyJsonMap *
medley_json_map_new (void)
{
  MedleyJsonMap *map = g_new0 (MedleyJsonMap, 1);

  map->nodes = g_array_new (FALSE, FALSE, sizeof (MedleyJsonNode));
  map->keys = g_string_chunk_new (4096);
  map->duplicates = g_ptr_array_new_with_free_func (duplicate_free);
  return map;
}

GPtrArray *
medley_json_map_get_duplicates (MedleyJsonMap *map)
{
  return map->duplicates;
}

void
medley_json_map_blank_duplicates (MedleyJsonMap *map, char *text)
{
  for (guint i = 0; i < map->duplicates->len; i++) {
    const MedleyJsonKept *duplicate = map->duplicates->pdata[i];

    memset (text + duplicate->begin, ' ', duplicate->end - duplicate->begin);
  }
}

static guint
find_child (MedleyJsonMap *map, const MedleyJsonNode *parent, const char *token)
{
  guint64 wanted = 0;
  guint i = parent->first_child;

  if (!parent->is_object) {
    if (!g_ascii_string_to_unsigned (token, 10, 0, G_MAXUINT, &wanted, NULL)
        || wanted >= parent->n_children || (token[0] == '0' && token[1] != '\0'))
      return 0;
    while (wanted-- > 0)
      i = MEDLEY_JSON_NODE (map, i)->next;
    return i;
  }
  while (i != 0 && strcmp (MEDLEY_JSON_NODE (map, i)->key, token) != 0)
    i = MEDLEY_JSON_NODE (map, i)->next;
  return i;
}

static char *
unescape_token (const char *token, gsize length)
{
  GString *plain = g_string_new_len (token, (gssize) length);

  /* In this order, so that "~01" becomes "~1". */
  g_string_replace (plain, "~1", "/", 0);
  g_string_replace (plain, "~0", "~", 0);
  return g_string_free (plain, FALSE);
}

gboolean
medley_json_map_locate (MedleyJsonMap *map, const char *pointer, guint *line, guint *column)
{
  const MedleyJsonNode *node = MEDLEY_JSON_NODE (map, 0);
  gboolean found = *pointer == '\0' || *pointer == '/';

  while (*pointer == '/') {
    gsize length = strcspn (++pointer, "/");
    g_autofree char *token = unescape_token (pointer, length);
    guint child = find_child (map, node, token);

    if (child == 0) {
      found = FALSE;
      break;
    }
    node = MEDLEY_JSON_NODE (map, child);
    pointer += length;
  }
  if (line != NULL)
    *line = node->place.line;
  if (column != NULL)
    *column = node->place.column;
  return found;
}

void
medley_json_map_free (MedleyJsonMap *map)
{
  g_array_unref (map->nodes);
  g_string_chunk_free (map->keys);
  g_ptr_array_unref (map->duplicates);
  g_free (map);
}

char *
medley_json_pointer_append (const char *pointer, const char *token)
{
  GString *longer = g_string_new (pointer);

  g_string_append_c (longer, '/');
  for (; *token != '\0'; token++) {
    if (*token == '~')
      g_string_append (longer, "~0");
    else if (*token == '/')
      g_string_append (longer, "~1");
    else
      g_string_append_c (longer, *token);
  }
  return g_string_free (longer, FALSE);
}
