/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * ESPEAK_SSML_MAX_BYTES:
 *
 * A longer SSML document is refused: it is spoken as a whole, unlike text.
 */
#define ESPEAK_SSML_MAX_BYTES (1024 * 1024)

/**
 * EspeakWord:
 * @offset: where the word begins in its sentence, in bytes
 * @length: the word's length in bytes
 * @sample: when it begins, in samples
 */
typedef struct {
  guint offset;
  guint length;
  guint64 sample;
} EspeakWord;

/**
 * espeak_text_clean:
 * @text: valid UTF-8
 * @length: its length in bytes
 *
 * Replaces what the library takes for commands (control characters and the private use area, in
 * which it marks up text of its own) by spaces, one for one, so that positions in characters stay.
 *
 * Returns: (transfer full): the text to speak
 */
char *
espeak_text_clean (const char *text, gsize length);

/**
 * espeak_words_add:
 * @words: (element-type EspeakWord): the words so far
 * @text: the sentence
 * @offset: where the library says that a word begins, in bytes
 * @chars: its length in characters, 0 when the library does not know it
 * @sample: when it begins
 *
 * Adds a word, whole and in order. The library also reports the end of a clause, each part of a
 * long number and each letter of a word it spells: those are left out.
 */
void
espeak_words_add (GArray *words, const char *text, gsize offset, guint chars, guint64 sample);

/**
 * espeak_ssml_clean:
 * @document: valid UTF-8
 * @length: its length in bytes
 * @error: return location: %MEDLEY_ERROR_BAD_INPUT with the line when it is not well-formed XML,
 *   or is nested too deep for the library
 *
 * As espeak_text_clean(), for a document; character references are cleaned as well.
 *
 * Returns: (transfer full) (nullable): the document to speak
 */
char *
espeak_ssml_clean (const char *document, gsize length, GError **error);

/**
 * espeak_ssml_text:
 * @markup: part of a document, from the start of an element or between tags
 * @chars: how many characters of it
 * @offsets: (out) (transfer full) (element-type guint): for each of these characters, and for the
 * end, where it stands in the result, in bytes
 *
 * Returns: (transfer full): the text without tags, comments and runs of white space, entities
 * decoded
 */
char *
espeak_ssml_text (const char *markup, gsize chars, GArray **offsets);

G_END_DECLS
