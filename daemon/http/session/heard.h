/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * MedleySessionWord:
 * @offset: where it begins in the caption's text, in bytes
 * @length: in bytes
 * @start: µs on the timeline
 * @end: likewise
 */
typedef struct {
  gsize offset;
  gsize length;
  gint64 start;
  gint64 end;
} MedleySessionWord;

/**
 * MedleySessionCaption:
 * @text: what is said
 * @start: µs on the timeline, -1 without a time
 * @end: likewise
 * @words: (element-type MedleySessionWord): in order; where the engine tells none they are what
 * stands between spaces, and share the caption's time by their length
 *
 * A caption as a pipeline's output of the type application/x-ndjson has it.
 */
typedef struct {
  char *text;
  gint64 start;
  gint64 end;
  GArray *words;
} MedleySessionCaption;

/* Returns: (transfer full) (nullable): NULL when the line is no caption */
MedleySessionCaption *
medley_session_caption_parse (const char *line, gsize length);
void
medley_session_caption_free (MedleySessionCaption *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleySessionCaption, medley_session_caption_free)

/**
 * MedleySessionHeard:
 *
 * Where the captions of a turn stand in the text that was sent: which part of it a listener has
 * heard at a certain time. The text is not kept, but read where it is. Words are looked for from
 * the one before on; what a pipeline has made of the text (left out, spelled out) is passed over.
 * Pure.
 */
typedef struct _MedleySessionHeard MedleySessionHeard;

/**
 * MedleySessionTextFunc:
 * @offset: in bytes
 * @buffer: where to put it
 * @length: most bytes
 * @data: as given
 *
 * Returns: bytes that were read, 0 at the end
 */
typedef gsize (*MedleySessionTextFunc) (guint64 offset, char *buffer, gsize length, gpointer data);

MedleySessionHeard *
medley_session_heard_new (MedleySessionTextFunc read, gpointer data);
void
medley_session_heard_free (MedleySessionHeard *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleySessionHeard, medley_session_heard_free)

/**
 * MedleySessionPlace:
 * @first_character: where it begins in the text, in Unicode characters
 * @characters: up to where the text is heard, likewise
 * @bytes: the same in bytes
 * @spoken: bytes of the caption's text that are heard
 */
typedef struct {
  guint64 first_character;
  guint64 characters;
  guint64 bytes;
  gsize spoken;
} MedleySessionPlace;

/**
 * medley_session_heard_add:
 * @self: what was heard so far
 * @caption: the next caption
 * @time: µs up to which it is heard; a word counts when it is over by then
 * @place: (out): where that ends in the text
 *
 * Returns: whether anything of the caption was found in the text
 */
gboolean
medley_session_heard_add (MedleySessionHeard *self, const MedleySessionCaption *caption,
                          gint64 time, MedleySessionPlace *place);

G_END_DECLS
