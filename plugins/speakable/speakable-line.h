/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SpeakableLine:
 * @SPEAKABLE_LINE_UNKNOWN: more of the line is needed to tell
 * @SPEAKABLE_LINE_TEXT: goes on with the paragraph
 * @SPEAKABLE_LINE_ITEM: begins anew: an item of a list
 * @SPEAKABLE_LINE_RULE: nothing to speak: dashes, stars or a lone bullet
 *
 * What a line is, by how it begins.
 */
typedef enum {
  SPEAKABLE_LINE_UNKNOWN,
  SPEAKABLE_LINE_TEXT,
  SPEAKABLE_LINE_ITEM,
  SPEAKABLE_LINE_RULE,
} SpeakableLine;

/**
 * speakable_line_classify:
 * @head: the line's beginning, without white space before it and with single spaces in it; not
 * empty
 * @complete: the line has no more than that
 * @fresh: an item may begin here by its number or a dash alone: the text before ends a sentence, is
 * a paragraph's end or an item itself
 * @skip: (out): bytes of a bullet that are not to be spoken
 *
 * Tells what a line is. Never %SPEAKABLE_LINE_UNKNOWN when @complete.
 *
 * Returns: what it is
 */
SpeakableLine
speakable_line_classify (const char *head, gboolean complete, gboolean fresh, gsize *skip);

/**
 * SpeakableJoin:
 * @SPEAKABLE_JOIN_UNKNOWN: more of the line is needed to tell
 * @SPEAKABLE_JOIN_WORD: one word: the hyphen goes
 * @SPEAKABLE_JOIN_COMPOUND: one word with a hyphen
 * @SPEAKABLE_JOIN_SPACE: two words: the hyphen stays, and a space follows
 *
 * How a line with a hyphen at its end and the next one make one.
 */
typedef enum {
  SPEAKABLE_JOIN_UNKNOWN,
  SPEAKABLE_JOIN_WORD,
  SPEAKABLE_JOIN_COMPOUND,
  SPEAKABLE_JOIN_SPACE,
} SpeakableJoin;

/**
 * speakable_join_classify:
 * @divided: what stands before the hyphen may be the first part of a divided word
 * @before: the character before the hyphen
 * @head: the next line's beginning
 * @complete: the line has no more than that
 *
 * Tells how to join lines at a hyphen.
 *
 * Returns: how
 */
SpeakableJoin
speakable_join_classify (gboolean divided, gunichar before, const char *head, gboolean complete);

/**
 * speakable_joins_unspaced:
 * @last: a line's last character
 * @first: the next line's first
 *
 * Returns: whether these lines join without a space, as in Chinese, Japanese or Thai
 */
gboolean
speakable_joins_unspaced (gunichar last, gunichar first);

/* Whether a character divides words at the end of a line. */
gboolean
speakable_is_hyphen (gunichar c);

/**
 * speakable_is_rule_mark:
 * @c: a character
 *
 * Returns: whether a line of such characters alone separates paragraphs
 */
gboolean
speakable_is_rule_mark (gunichar c);

G_END_DECLS
