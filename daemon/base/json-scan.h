/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/json.h"

G_BEGIN_DECLS

/* Most members of one object: json-glib keeps them in a table with a guessable hash, which hostile
 * keys make quadratic. */
#define MEDLEY_JSON_MAX_MEMBERS 1024

/* More keys that stand twice than this are not recorded. */
#define MEDLEY_JSON_MAX_DUPLICATES 256

/**
 * MedleyJsonPlace:
 * @line: line from 1
 * @column: column from 1, in characters
 *
 * A place in a text.
 */
typedef struct {
  guint line;
  guint column;
} MedleyJsonPlace;

/**
 * medley_json_scan:
 * @text: what to scan
 * @length: its length in bytes
 * @limits: limits
 * @keep_duplicates: whether a key that stands twice in an object is recorded in the map instead of
 * refused
 * @place: (out): where the fault is, on error
 * @error: %MEDLEY_ERROR_INVALID_JSON; the message has no place
 *
 * Holds a text against RFC 8259 and the limits, without recursion and in linear time (but for
 * sorting the keys of an object), so that what follows may trust it.
 *
 * Returns: (transfer full) (nullable): where each value stands
 */
MedleyJsonMap *
medley_json_scan (const char *text, gsize length, const MedleyJsonLimits *limits,
                  gboolean keep_duplicates, MedleyJsonPlace *place, GError **error);

/* Overwrites with spaces the recorded members of @text, which is what was scanned: of each key the
 * first stays. */
void
medley_json_map_blank_duplicates (MedleyJsonMap *map, char *text);

G_END_DECLS
