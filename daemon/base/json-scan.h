/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/json.h"

G_BEGIN_DECLS

/* Most members of one object: json-glib keeps them in a table with a guessable hash, which hostile
 * keys make quadratic. */
#define MEDLEY_JSON_MAX_MEMBERS 1024

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
                  MedleyJsonPlace *place, GError **error);

G_END_DECLS
