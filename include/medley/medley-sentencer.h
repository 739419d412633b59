/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * MEDLEY_SENTENCE_MAX_BYTES:
 *
 * A run of text without a sentence boundary is cut, at a word boundary where there is one, when it
 * exceeds this many bytes: it bounds memory, latency and the cost of looking for boundaries.
 */
#define MEDLEY_SENTENCE_MAX_BYTES 2000

/**
 * MedleySentencer:
 *
 * Cuts a stream of text into sentences by Unicode's rules (UAX #29, through ICU, with the locale's
 * list of abbreviations that end no sentence). A blank line ends a sentence as well: headings and
 * list items have no full stop. The result does not depend on how the text was divided into pieces,
 * except that medley_sentencer_idle() may end a sentence early. Not thread-safe; cost is linear in
 * the text.
 */
typedef struct _MedleySentencer MedleySentencer;

/**
 * medley_sentencer_new:
 * @locale: (nullable): BCP 47 or POSIX locale, %NULL for English
 *
 * Returns: (transfer full): a new sentencer
 */
MedleySentencer *
medley_sentencer_new (const char *locale);

/**
 * medley_sentencer_free:
 * @self: (transfer full): a sentencer
 */
void
medley_sentencer_free (MedleySentencer *self);

/**
 * medley_sentencer_feed:
 * @self: a sentencer
 * @text: valid UTF-8, without NUL
 * @length: its length in bytes
 *
 * Adds text. Whole characters only: #MedleyConverter with `text_input` delivers those.
 */
void
medley_sentencer_feed (MedleySentencer *self, const char *text, gsize length);

/**
 * medley_sentencer_next:
 * @self: a sentencer
 * @offset: (out) (optional): where the sentence begins, in bytes from the start of the stream
 *
 * Takes the next complete sentence, without white space around it; line breaks inside it are kept.
 * A sentence is complete when the text after it shows that it ended.
 *
 * Returns: (transfer full) (nullable): the sentence, or %NULL when none is complete
 */
char *
medley_sentencer_next (MedleySentencer *self, guint64 *offset);

/**
 * medley_sentencer_idle:
 * @self: a sentencer
 *
 * Says that the input has paused: pending text that ends like a sentence (a terminator, closing
 * punctuation, white space) or with a line break is complete now. Call medley_sentencer_next()
 * after it.
 */
void
medley_sentencer_idle (MedleySentencer *self);

/**
 * medley_sentencer_drain:
 * @self: a sentencer
 *
 * Says that the input has ended: all pending text is complete. Call medley_sentencer_next() until
 * it returns %NULL; after that the sentencer can be fed anew.
 */
void
medley_sentencer_drain (MedleySentencer *self);

/**
 * medley_sentencer_reset:
 * @self: a sentencer
 *
 * Forgets pending text and counts offsets from 0 again.
 */
void
medley_sentencer_reset (MedleySentencer *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleySentencer, medley_sentencer_free)

G_END_DECLS
