/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storyboard-theme.h"

#include <medley/medley-error.h>
#include <string.h>

#define HEX(rgb, opacity)                                                                          \
  {                                                                                                \
    (((rgb) >> 16) & 0xff) / 255.0, (((rgb) >> 8) & 0xff) / 255.0, ((rgb) &0xff) / 255.0, opacity  \
  }

static const StoryboardPalette palettes[] = {
  [STORYBOARD_THEME_MIDNIGHT] = {
    .top = HEX (0x10162f, 1), .bottom = HEX (0x1d2a52, 1),
    .panel = HEX (0x0a0f22, 0.55), .scrim = HEX (0x0a0f22, 0.84),
    .text = HEX (0xf4f6ff, 1), .title = HEX (0xffffff, 1),
    .accent = HEX (0xffbe5c, 1), .accent_text = HEX (0x161a2e, 1),
  },
  [STORYBOARD_THEME_PAPER] = {
    .top = HEX (0xfbf7ef, 1), .bottom = HEX (0xefe6d6, 1),
    .panel = HEX (0xffffff, 0.78), .scrim = HEX (0xfffdf8, 0.9),
    .text = HEX (0x26221d, 1), .title = HEX (0x1a1713, 1),
    .accent = HEX (0xa63d2f, 1), .accent_text = HEX (0xffffff, 1),
  },
  [STORYBOARD_THEME_CONTRAST] = {
    .top = HEX (0x000000, 1), .bottom = HEX (0x000000, 1),
    .panel = HEX (0x000000, 1), .scrim = HEX (0x000000, 1),
    .text = HEX (0xffffff, 1), .title = HEX (0xffff00, 1),
    .accent = HEX (0xffff00, 1), .accent_text = HEX (0x000000, 1),
  },
};

GType
storyboard_theme_get_type (void)
{
  static const GEnumValue values[] = {
    { STORYBOARD_THEME_MIDNIGHT, "Light text on a night-blue background", "midnight" },
    { STORYBOARD_THEME_PAPER, "Dark text on a warm, light background", "paper" },
    { STORYBOARD_THEME_CONTRAST, "White and yellow text on black", "contrast" },
    { 0, NULL, NULL },
  };
  static gsize type = 0;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("MedleyStoryboardTheme", values));
  return type;
}

const StoryboardPalette *
storyboard_theme_palette (StoryboardTheme theme)
{
  g_return_val_if_fail (theme < G_N_ELEMENTS (palettes), &palettes[0]);
  return &palettes[theme];
}

static gboolean
parse_color (const char *spec, StoryboardColor *color)
{
  int digit[6];

  if (spec[0] != '#')
    return FALSE;
  for (guint i = 0; i < 6; i++) {
    digit[i] = g_ascii_xdigit_value (spec[i + 1]);
    if (digit[i] < 0)
      return FALSE;
  }
  color->red = (digit[0] * 16 + digit[1]) / 255.0;
  color->green = (digit[2] * 16 + digit[3]) / 255.0;
  color->blue = (digit[4] * 16 + digit[5]) / 255.0;
  color->alpha = 1;
  return TRUE;
}

gboolean
storyboard_parse_background (const char *spec, StoryboardColor *top, StoryboardColor *bottom,
                             GError **error)
{
  gsize length = strlen (spec);

  if (length == 7 && parse_color (spec, top)) {
    *bottom = *top;
    return TRUE;
  }
  if (length == 15 && spec[7] == '-' && parse_color (spec, top) && parse_color (spec + 8, bottom))
    return TRUE;
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_PROPERTY,
               "background: \"%.32s\" is no colour: give \"theme\", \"#rrggbb\" or "
               "\"#rrggbb-#rrggbb\"",
               spec);
  return FALSE;
}
