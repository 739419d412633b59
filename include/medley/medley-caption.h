/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * MedleyWord:
 * @offset: where the word begins in the caption's text, in bytes
 * @length: the word's length, in bytes
 * @time: when the word begins, in nanoseconds on the stream's timeline (as the buffer's PTS)
 *
 * A word mark of a caption. Words are in order of time and do not overlap. A word lasts until the
 * next begins.
 */
typedef struct {
  guint offset;
  guint length;
  GstClockTime time;
} MedleyWord;

/**
 * medley_caption_new:
 * @text: UTF-8 text of what is said or shown
 * @pts: when it begins, in nanoseconds
 * @duration: how long it lasts, in nanoseconds
 * @words: (array length=n_words) (nullable): word marks
 * @n_words: how many
 *
 * Makes a caption: a buffer of `text/x-raw,format=utf8` that holds the text without a terminating
 * NUL, with its time and, where the engine knows them, the words.
 *
 * Returns: (transfer full): a new buffer
 */
GstBuffer *
medley_caption_new (const char *text, GstClockTime pts, GstClockTime duration,
                    const MedleyWord *words, guint n_words);

/**
 * medley_caption_get_words:
 * @caption: a caption
 *
 * Returns: (transfer full) (element-type MedleyWord): the word marks, empty when it has none
 */
GArray *
medley_caption_get_words (GstBuffer *caption);

G_END_DECLS
