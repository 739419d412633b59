/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SPEAKABLE_PIECE_BYTES:
 *
 * speakable_take() cuts a paragraph that is longer, between words where it can.
 */
#define SPEAKABLE_PIECE_BYTES (16 * 1024)

/**
 * Speakable:
 *
 * Makes a stream of text fit to be spoken; README.md has the rules. A character is put out as soon
 * as nothing that follows can change it: what is held back is the beginning of a line (a word
 * at most), a hyphen and white space, whatever the text. The result does not depend on how the text
 * was divided into pieces, except for speakable_idle(). Not thread-safe; cost is linear in the
 * text.
 */
typedef struct _Speakable Speakable;

/**
 * speakable_new:
 *
 * Returns: (transfer full): a new one, at the start of a text
 */
Speakable *
speakable_new (void);

/**
 * speakable_free:
 * @self: (transfer full): the text
 */
void
speakable_free (Speakable *self);

/**
 * speakable_feed:
 * @self: the text
 * @text: valid UTF-8, without NUL, in whole characters
 * @length: its length in bytes
 *
 * Adds text. Take what became ready before feeding more: it is kept in memory until then.
 */
void
speakable_feed (Speakable *self, const char *text, gsize length);

/**
 * speakable_idle:
 * @self: the text
 *
 * Says that the input has paused. A line that is complete is ended by a line break, so that a
 * reader takes it for a sentence; text that goes on later is a further line of the same paragraph.
 */
void
speakable_idle (Speakable *self);

/**
 * speakable_drain:
 * @self: the text
 *
 * Says that the input has ended: all of it becomes ready. It ends with one line break if the input
 * ends with any, and with none otherwise.
 */
void
speakable_drain (Speakable *self);

/**
 * speakable_take:
 * @self: the text
 * @length: (out): its length in bytes, at most %SPEAKABLE_PIECE_BYTES
 *
 * Takes the next piece of what is ready: a paragraph with the blank line after it, or as much of it
 * as there is.
 *
 * Returns: (transfer none) (nullable): not terminated, valid until the next call of any function,
 * or %NULL when nothing is ready
 */
const char *
speakable_take (Speakable *self, gsize *length);

/**
 * speakable_reset:
 * @self: the text
 *
 * Forgets all text: what is fed next is the start of another.
 */
void
speakable_reset (Speakable *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Speakable, speakable_free)

G_END_DECLS
