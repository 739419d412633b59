/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * EspeakVoice:
 * @name: what a user writes ("en-gb")
 * @identifier: what the library takes ("gmw/en")
 * @label: a human-readable name ("English (Great Britain)")
 * @languages: (array zero-terminated=1): BCP 47 tags, the voice's own first
 * @priorities: for each language, how well the voice suits it: lower is better
 * @gender: "male", "female" or %NULL
 */
typedef struct {
  char *name;
  char *identifier;
  char *label;
  char **languages;
  guint8 *priorities;
  const char *gender;
} EspeakVoice;

/**
 * espeak_voices_load:
 * @error: return location: %MEDLEY_ERROR_ENGINE_FAILED when there are none
 *
 * Reads the voices from the library's data; for espeak_core_open() only.
 *
 * Returns: whether there are any
 */
gboolean
espeak_voices_load (GError **error);

/**
 * espeak_voices_list:
 *
 * Returns: (transfer none) (element-type EspeakVoice): all voices; they do not change after
 *   espeak_core_open(). Any thread
 */
GPtrArray *
espeak_voices_list (void);

/**
 * espeak_voices_resolve:
 * @voice: a voice's name, identifier, label or language, in any case, with an optional variant
 *   ("en-gb+f3")
 * @language: (nullable): BCP 47 tag, %NULL or empty to go by @voice alone. A voice that does not
 * speak it gives way to the best one that does; the variant stays
 * @tag: (out) (transfer full) (optional): the language that will be spoken
 * @error: return location: %MEDLEY_ERROR_UNKNOWN_VOICE or %MEDLEY_ERROR_UNKNOWN_LANGUAGE
 *
 * Finds a voice. Only names from the library's own lists pass: it would open a path as a file.
 *
 * Returns: (transfer full) (nullable): what #EspeakSettings takes
 */
char *
espeak_voices_resolve (const char *voice, const char *language, char **tag, GError **error);

G_END_DECLS
