/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

/* Colours and backgrounds: names and "#rrggbb" in, numbers out. No drawing here. */

typedef struct {
  double red, green, blue, alpha; /* 0 to 1, alpha not premultiplied */
} StoryboardColor;

typedef enum {
  STORYBOARD_THEME_MIDNIGHT,
  STORYBOARD_THEME_PAPER,
  STORYBOARD_THEME_CONTRAST,
} StoryboardTheme;

#define STORYBOARD_TYPE_THEME (storyboard_theme_get_type ())
GType
storyboard_theme_get_type (void);

typedef struct {
  StoryboardColor top, bottom; /* the theme's own background, from above to below */
  StoryboardColor panel;       /* behind a caption on the theme's own background */
  StoryboardColor scrim;       /* behind text on any other background: text stays readable on it */
  StoryboardColor text;
  StoryboardColor title;
  StoryboardColor accent;      /* rules and the pill behind the spoken word */
  StoryboardColor accent_text; /* text on the accent */
} StoryboardPalette;

/* The colours of a theme; constant. */
const StoryboardPalette *
storyboard_theme_palette (StoryboardTheme theme);

/* Reads "#rrggbb" (a plain background) or "#rrggbb-#rrggbb" (from above to below). FALSE with
 * MEDLEY_ERROR_INVALID_PROPERTY for anything else. */
gboolean
storyboard_parse_background (const char *spec, StoryboardColor *top, StoryboardColor *bottom,
                             GError **error);

G_END_DECLS
