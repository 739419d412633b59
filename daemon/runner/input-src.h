/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/base/gstbasesrc.h>

G_BEGIN_DECLS

/**
 * MedleyInputSrc:
 *
 * Reads a job's input from a regular file that may still be growing. While it grows, a doorbell
 * pipe tells of more (a byte) and of the end (end of file); when nothing more has come for a moment
 * it says so downstream with medley_event_new_idle(). A complete file knows its length and may be
 * read at random. An image goes out whole, in one buffer, with the caps that its content shows.
 *
 * Errors name the input: %MEDLEY_ERROR_EMPTY_INPUT, %MEDLEY_ERROR_TOO_LARGE,
 * %MEDLEY_ERROR_IMAGE_TOO_LARGE (by its header), %MEDLEY_ERROR_BAD_INPUT (not an image),
 * %MEDLEY_ERROR_IO.
 */
#define MEDLEY_TYPE_INPUT_SRC (medley_input_src_get_type ())
G_DECLARE_FINAL_TYPE (MedleyInputSrc, medley_input_src, MEDLEY, INPUT_SRC, GstBaseSrc)

/**
 * medley_input_src_new:
 * @name: the input's name, for messages
 * @file: descriptor of a regular file; stays the caller's, must outlive the element
 * @doorbell: read end of the doorbell, -1 for a complete file; alike
 * @caps: (nullable): caps of the content, %NULL when unknown
 * @whole: whether it is an image, to go out whole with caps that are found out
 * @max_bytes: longest input, 0 for no limit
 * @limit_name: name of the limit, for messages
 * @max_pixels: most pixels of an image, 0 for no limit
 *
 * Returns: (transfer floating): a source
 */
GstElement *
medley_input_src_new (const char *name, int file, int doorbell, GstCaps *caps, gboolean whole,
                      guint64 max_bytes, const char *limit_name, guint64 max_pixels);

/* Lets a complete input be read at random: only where one decoder reads it, as a seek moves all
 * readers. */
void
medley_input_src_allow_seeks (MedleyInputSrc *self);

/**
 * medley_input_src_get_progress:
 * @self: a source
 * @done: (out): bytes that were read
 * @total: (out): length, 0 while it is unknown
 *
 * Any thread.
 */
void
medley_input_src_get_progress (MedleyInputSrc *self, guint64 *done, guint64 *total);

G_END_DECLS
