/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* JSON in and out, as GVariant: what the daemon computes with is the same on D-Bus, on HTTP, in the
 * store and towards a worker. An object is `a{sv}` (in the file's order), an array `av`, a string
 * `s`, a whole number `x`, any other number `d`, a boolean `b`, null `mv` without a value.
 * json-glib is not safe on hostile input by itself (80,000 brackets crash it): a scanner of our own
 * holds a text against the grammar and the limits first, json.c alone includes json-glib. */

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
 * Parses strict JSON (RFC 8259): no comments, no trailing commas, no duplicate keys, UTF-8 without
 * NUL (also none as `\u0000`), one value, whole numbers of at most 64 bits, finite numbers, objects
 * of at most 1,024 members. Cost is linear; never recurses deeper than the limit.
 *
 * Returns: (transfer full) (nullable): a value, not floating
 */
GVariant *
medley_json_parse (const char *text, gsize length, const MedleyJsonLimits *limits,
                   MedleyJsonMap **map, GError **error);

/**
 * medley_json_parse_located:
 * @text: what to parse; need not end in NUL
 * @length: its length in bytes
 * @limits: (nullable): as for medley_json_parse()
 * @map: (out) (optional) (transfer full): as for medley_json_parse()
 * @line: (out) (optional): on error, the line of the fault, from 1
 * @column: (out) (optional): on error, its column, from 1, in characters
 * @error: as for medley_json_parse(), but the message does not begin with the place
 *
 * As medley_json_parse(), for callers that show the place in a way of their own.
 *
 * Returns: (transfer full) (nullable): a value, not floating
 */
GVariant *
medley_json_parse_located (const char *text, gsize length, const MedleyJsonLimits *limits,
                           MedleyJsonMap **map, guint *line, guint *column, GError **error);

/**
 * MedleyJsonDuplicate:
 * @pointer: JSON Pointer of the key
 * @line: where it stands again
 * @column: likewise
 *
 * A key that stands a second time, or oftener, in one object.
 */
typedef struct {
  char *pointer;
  guint line;
  guint column;
} MedleyJsonDuplicate;

/**
 * medley_json_parse_first:
 * @text: what to parse; need not end in NUL
 * @length: its length in bytes
 * @limits: (nullable): as for medley_json_parse()
 * @map: (out) (transfer full): as for medley_json_parse()
 * @line: (out): on error, the line of the fault, from 1
 * @column: (out): on error, its column, from 1, in characters
 * @error: as for medley_json_parse_located()
 *
 * As medley_json_parse_located(), but where a key stands twice in an object the first value counts,
 * and the map tells of the others: for callers that tell all faults at once.
 *
 * Returns: (transfer full) (nullable): a value, not floating
 */
GVariant *
medley_json_parse_first (const char *text, gsize length, const MedleyJsonLimits *limits,
                         MedleyJsonMap **map, guint *line, guint *column, GError **error);

/* (transfer none) (element-type MedleyJsonDuplicate): in no order; beyond some hundreds they are
 * not listed */
GPtrArray *
medley_json_map_get_duplicates (MedleyJsonMap *map);

/**
 * medley_json_number_to_string:
 * @number: a finite number
 *
 * Returns: (transfer full): the number with the fewest digits that read back as the same
 */
char *
medley_json_number_to_string (double number);

/**
 * medley_json_print:
 * @value: a value built of a{sv}, av, and any basic types; arrays of basic types are allowed
 * @pretty: whether to indent, and to end with a line break
 *
 * Returns: (transfer full): JSON text; numbers that JSON cannot hold become null
 */
char *
medley_json_print (GVariant *value, gboolean pretty);

/**
 * medley_json_map_locate:
 * @map: a map
 * @pointer: a JSON Pointer (RFC 6901), "" for the whole text
 * @line: (out) (optional): line from 1
 * @column: (out) (optional): column from 1, in characters
 *
 * For a member of an object the place is that of its key. When nothing stands at the pointer, the
 * place of its nearest ancestor is given.
 *
 * Returns: whether something stands right there
 */
gboolean
medley_json_map_locate (MedleyJsonMap *map, const char *pointer, guint *line, guint *column);

/**
 * medley_json_map_free:
 * @map: (transfer full): a map
 */
void
medley_json_map_free (MedleyJsonMap *map);

/**
 * medley_json_pointer_append:
 * @pointer: a JSON Pointer
 * @token: a key or an index, not yet escaped
 *
 * Returns: (transfer full): the longer pointer
 */
char *
medley_json_pointer_append (const char *pointer, const char *token);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyJsonMap, medley_json_map_free)

G_END_DECLS
