/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/json.h"

#include <json-glib/json-glib.h>

#include "base/error.h"
#include "base/json-scan.h"

GVariant *
medley_json_parse_located (const char *text, gsize length, const MedleyJsonLimits *limits,
                           MedleyJsonMap **map, guint *line, guint *column, GError **error)
{
  g_autoptr (MedleyJsonMap) found = NULL;
  g_autoptr (JsonParser) parser = json_parser_new_immutable ();
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GError) inner = NULL;
  const MedleyJsonLimits defaults = MEDLEY_JSON_LIMITS_DEFAULT;
  MedleyJsonPlace place = { 1, 1 };

  if (limits == NULL)
    limits = &defaults;
  found = medley_json_scan (text, length, limits, &place, &inner);
  if (line != NULL)
    *line = place.line;
  if (column != NULL)
    *column = place.column;
  if (found == NULL) {
    g_propagate_error (error, g_steal_pointer (&inner));
    return NULL;
  }
  /* The scanner has seen to it that this cannot fail; should json-glib think otherwise, it is an
   * error still. */
  if (!json_parser_load_from_data (parser, text, (gssize) length, &inner)
      || (value = json_gvariant_deserialize (json_parser_get_root (parser), NULL, &inner))
             == NULL) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_JSON,
                 "the JSON library refuses the text: %s",
                 inner != NULL ? inner->message : "no reason was given");
    return NULL;
  }
  if (map != NULL)
    *map = g_steal_pointer (&found);
  return g_variant_take_ref (g_steal_pointer (&value));
}

GVariant *
medley_json_parse (const char *text, gsize length, const MedleyJsonLimits *limits,
                   MedleyJsonMap **map, GError **error)
{
  guint line;
  guint column;
  GVariant *value = medley_json_parse_located (text, length, limits, map, &line, &column, error);

  if (value == NULL)
    g_prefix_error (error, "line %u, column %u: ", line, column);
  return value;
}
