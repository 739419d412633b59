/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/json.h"

#include <json-glib/json-glib.h>

#include "base/error.h"
#include "base/json-scan.h"

static GVariant *
parse (const char *text, gsize length, const MedleyJsonLimits *limits, gboolean keep_duplicates,
       MedleyJsonMap **map, MedleyJsonPlace *place, GError **error)
{
  g_autoptr (MedleyJsonMap) found = NULL;
  g_autoptr (JsonParser) parser = json_parser_new_immutable ();
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GError) inner = NULL;
  g_autofree char *plain = NULL;
  const MedleyJsonLimits defaults = MEDLEY_JSON_LIMITS_DEFAULT;

  found = medley_json_scan (text, length, limits != NULL ? limits : &defaults, keep_duplicates,
                            place, error);
  if (found == NULL)
    return NULL;
  if (medley_json_map_get_duplicates (found)->len > 0) {
    plain = g_memdup2 (text, length);
    medley_json_map_blank_duplicates (found, plain);
    text = plain;
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
medley_json_parse_located (const char *text, gsize length, const MedleyJsonLimits *limits,
                           MedleyJsonMap **map, guint *line, guint *column, GError **error)
{
  MedleyJsonPlace place = { 1, 1 };
  GVariant *value = parse (text, length, limits, FALSE, map, &place, error);

  if (line != NULL)
    *line = place.line;
  if (column != NULL)
    *column = place.column;
  return value;
}

GVariant *
medley_json_parse_first (const char *text, gsize length, const MedleyJsonLimits *limits,
                         MedleyJsonMap **map, guint *line, guint *column, GError **error)
{
  MedleyJsonPlace place = { 1, 1 };
  GVariant *value = parse (text, length, limits, TRUE, map, &place, error);

  *line = place.line;
  *column = place.column;
  return value;
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
