/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* JSON in and out, as GVariant: what the daemon computes with is the same on D-Bus, on HTTP, in the store
 * and towards a worker. An object is `a{sv}` (in the file's order), an array `av`, a string `s`, a whole
 * number `x`, any other number `d`, a boolean `b`, null `mv` without a value. json-glib is not safe on
 * hostile input by itself: nothing else here includes it. */

/**
 * MedleyJsonLimits:
 * @max_bytes: longest text, in bytes
 * @max_depth: deepest nesting of arrays and objects
 * @max_values: most values in one text
 */
typedef struct {
  gsize max_bytes;
  guint max_depth;
  guint max_values;
} MedleyJsonLimits;

/**
 * MEDLEY_JSON_LIMITS_DEFAULT:
 *
 * 1 MiB, 64 levels, 100,000 values.
 */
#define MEDLEY_JSON_LIMITS_DEFAULT ((MedleyJsonLimits){ 1024 * 1024, 64, 100000 })

/**
 * MedleyJsonMap:
 *
 * Where each value of a text stands. Immutable.
 */
typedef struct _MedleyJsonMap MedleyJsonMap;

/**
 * medley_json_parse:
 * @text: what to parse; need not end in NUL
 * @length: its length in bytes
 * @limits: (nullable): limits, %NULL for %MEDLEY_JSON_LIMITS_DEFAULT
 * @map: (out) (optional) (transfer full): where each value stands
 * @error: %MEDLEY_ERROR_INVALID_JSON with line and column in the message
 *
 * Parses strict JSON (RFC 8259): no comments, no trailing commas, no duplicate keys, UTF-8 without NUL
 * (also none as `\u0000`), one value. Cost is linear; never recurses deeper than the limit.
 *
 * Returns: (transfer full) (nullable): a value, not floating
 */
GVariant *medley_json_parse (const char *text, gsize length, const MedleyJsonLimits *limits,
                             MedleyJsonMap **map, GError **error);

/**
 * medley_json_print:
 * @value: a value built of a{sv}, av, and any basic types; arrays of basic types are allowed
 * @pretty: whether to indent
 *
 * Returns: (transfer full): JSON text; numbers that JSON cannot hold become null
 */
char *medley_json_print (GVariant *value, gboolean pretty);

/**
 * medley_json_map_locate:
 * @map: a map
 * @pointer: a JSON Pointer (RFC 6901), "" for the whole text
 * @line: (out) (optional): line from 1
 * @column: (out) (optional): column from 1, in characters
 *
 * For a member of an object the place is that of its key. When nothing stands at the pointer, the place of
 * its nearest ancestor is given.
 *
 * Returns: whether something stands right there
 */
gboolean medley_json_map_locate (MedleyJsonMap *map, const char *pointer, guint *line,
                                 guint *column);

/**
 * medley_json_map_free:
 * @map: (transfer full): a map
 */
void medley_json_map_free (MedleyJsonMap *map);

/**
 * medley_json_pointer_append:
 * @pointer: a JSON Pointer
 * @token: a key or an index, not yet escaped
 *
 * Returns: (transfer full): the longer pointer
 */
char *medley_json_pointer_append (const char *pointer, const char *token);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyJsonMap, medley_json_map_free)

G_END_DECLS
