/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/openai/call.h"

G_BEGIN_DECLS

/* What the routes below /v1 that make chats, pictures, vectors and videos share. */

/* Characters of a text that may come in pieces, cut anywhere. They are what "tokens" are here:
 * there is no tokenizer that all pipelines share. */
gint64
medley_openai_count_characters (const void *text, gsize length);

/* (transfer floating): null */
GVariant *
medley_openai_null (void);

/* Fields that only name who asks, or what for: nothing changes with them. */
void
medley_openai_take_labels (MedleyOpenaiFields *fields);
/* The same for "metadata", an object of strings. */
void
medley_openai_take_metadata (MedleyOpenaiFields *fields);

/* Most bytes of an output that becomes part of an answer (http.answer-bytes). */
gsize
medley_openai_answer_limit (MedleyOpenaiCall *call);

/**
 * medley_openai_take_size:
 * @call: a call
 *
 * Takes the field "size", "auto" or WIDTHxHEIGHT: for the parameter "size", or else the two
 * "width" and "height".
 */
void
medley_openai_take_size (MedleyOpenaiCall *call);

/**
 * medley_openai_take_prompt:
 * @call: a call
 *
 * Takes the field "prompt", which has to be there: for an input, or else a parameter.
 *
 * Returns: its characters
 */
gint64
medley_openai_take_prompt (MedleyOpenaiCall *call);

/**
 * medley_openai_picture_size:
 * @picture: a PNG or JPEG
 * @length: its length in bytes
 * @width: (out): pixels
 * @height: (out): pixels
 *
 * Reads the head only.
 *
 * Returns: whether it is known
 */
gboolean
medley_openai_picture_size (const guint8 *picture, gsize length, guint *width, guint *height);

G_END_DECLS
