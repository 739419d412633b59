/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <pango/pango.h>

G_BEGIN_DECLS

/* What a caption says, made safe to lay out: no control characters, no pile of combining marks, no
 * markup that changes sizes or fonts. */

typedef struct {
  GString *text;
  PangoAttrList
      *attrs; /* nullable: weight, style, underline and strike-through of marked-up text */
} StoryboardText;

/* A stretch of text, in bytes. */
typedef struct {
  guint offset;
  guint length;
} StoryboardRange;

/* Plain text: white space is folded to single spaces, so that the text is wrapped anew. @ranges
 * (nullable, of StoryboardRange, in order) are moved along with the text that they mark. */
void
storyboard_text_init_plain (StoryboardText *self, const char *input, gsize length, GArray *ranges);

/* Pango markup, as subtitle parsers give it: line breaks are kept. What is no valid markup is shown
 * without its tags. */
void
storyboard_text_init_markup (StoryboardText *self, const char *input, gsize length);

void
storyboard_text_clear (StoryboardText *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (StoryboardText, storyboard_text_clear)

/* How long a reader needs, in nanoseconds: 15 characters a second (5 of a wide script), 1.5 s at
 * least. */
guint64
storyboard_reading_time (const char *text, gsize length);

G_END_DECLS
