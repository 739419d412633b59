/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "storyboard-text.h"
#include "storyboard-theme.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/* Draws the frames: layout, typography, backgrounds. Knows neither GStreamer nor time. */

typedef struct {
  int width, height; /* pixels, 16 to 7680 */
  StoryboardTheme theme;
  const char *background; /* "theme", "#rrggbb" or "#rrggbb-#rrggbb" */
  const char *image;      /* nullable: path of a PNG file that covers the background */
  gboolean pan;           /* the image is made larger than the frame, so that it can move */
  const char *title;      /* nullable */
  const char *font;       /* nullable: families in order, separated by commas */
  const char *language;   /* nullable: BCP 47, chooses between glyphs of one character */
} StoryboardDesign;

/* What fits on one screen, at which size. */
typedef struct {
  guint offset, length; /* bytes of the text */
  int size;             /* of the font, in pixels */
  int width;            /* at which lines are wrapped, in pixels */
} StoryboardPage;

typedef struct {
  const StoryboardText *text; /* nullable: no caption */
  const StoryboardPage *page;
  StoryboardRange spoken; /* in bytes of the text; length 0 for none */
  gboolean with_title;
  double pan; /* where the image stands, 0 to 1 */
} StoryboardScene;

typedef struct _StoryboardCanvas StoryboardCanvas;

/* NULL with @error when the design cannot be drawn. @font_map has to be made in this process: one
 * that is older than a fork hangs. */
StoryboardCanvas *
storyboard_canvas_new (PangoFontMap *font_map, const StoryboardDesign *design, GError **error);
void
storyboard_canvas_free (StoryboardCanvas *self);

/* Divides a text into screens, the fewest that are readable, @max_pages at most; what does not fit
 * on these is left out. @with_title: leave room for the title. Returns an array of StoryboardPage.
 */
GArray *
storyboard_canvas_paginate (StoryboardCanvas *self, const StoryboardText *text, gboolean with_title,
                            guint max_pages, GCancellable *cancellable);

/* Draws a frame. Its pixels (32 bits, native-endian xRGB: BGRx in memory on little-endian machines)
 * belong to the canvas and stand until the next call. */
const guint8 *
storyboard_canvas_draw (StoryboardCanvas *self, const StoryboardScene *scene, gsize *stride);

/* Whether the picture depends on StoryboardScene.pan. */
gboolean
storyboard_canvas_pans (StoryboardCanvas *self);

/* The distance that text keeps from the edges, in pixels. */
void
storyboard_canvas_get_margins (StoryboardCanvas *self, int *horizontal, int *vertical);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (StoryboardCanvas, storyboard_canvas_free)

G_END_DECLS
