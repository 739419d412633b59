/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storyboard-settings.h"

#include <medley/medley-error.h>

#define DEFAULT_WIDTH 1280
#define DEFAULT_HEIGHT 720
#define DEFAULT_BEAT GST_SECOND
#define DEFAULT_BACKGROUND "theme"
#define SIZE_MIN 16
#define SIZE_MAX 7680
#define PIXELS_MAX (7680 * 4320)
#define BEAT_MIN (10 * GST_MSECOND) /* a shorter one is a frame rate */
#define RATE_MAX 240                /* frames a second */

enum {
  PROP_TITLE = 1,
  PROP_THEME,
  PROP_BACKGROUND,
  PROP_BACKGROUND_IMAGE,
  PROP_PAN,
  PROP_WIDTH,
  PROP_HEIGHT,
  PROP_FRAME_RATE,
  PROP_BEAT,
  PROP_HIGHLIGHT_WORDS,
  PROP_FONT,
  PROP_LANGUAGE,
};

void
storyboard_settings_init (StoryboardSettings *self)
{
  *self = (StoryboardSettings){
    .background = g_strdup (DEFAULT_BACKGROUND),
    .width = DEFAULT_WIDTH,
    .height = DEFAULT_HEIGHT,
    .rate_d = 1,
    .beat = DEFAULT_BEAT,
  };
}

void
storyboard_settings_copy (StoryboardSettings *to, const StoryboardSettings *from)
{
  *to = *from;
  to->title = g_strdup (from->title);
  to->background = g_strdup (from->background);
  to->image = g_strdup (from->image);
  to->font = g_strdup (from->font);
  to->language = g_strdup (from->language);
}

void
storyboard_settings_clear (StoryboardSettings *self)
{
  g_clear_pointer (&self->title, g_free);
  g_clear_pointer (&self->background, g_free);
  g_clear_pointer (&self->image, g_free);
  g_clear_pointer (&self->font, g_free);
  g_clear_pointer (&self->language, g_free);
}

static gboolean
invalid (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
invalid (GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  if (error)
    *error = g_error_new_valist (MEDLEY_ERROR, MEDLEY_ERROR_INVALID_PROPERTY, format, args);
  va_end (args);
  return FALSE;
}

gboolean
storyboard_settings_check (const StoryboardSettings *self, GError **error)
{
  if (self->width % 2 != 0)
    return invalid (error, "width: %d is odd, and video needs an even width", self->width);
  if (self->height % 2 != 0)
    return invalid (error, "height: %d is odd, and video needs an even height", self->height);
  if ((gint64) self->width * self->height > PIXELS_MAX)
    return invalid (error, "width, height: %d x %d is more than 7680 x 4320 pixels", self->width,
                    self->height);
  if (self->beat > 0 && self->beat < BEAT_MIN)
    return invalid (error,
                    "beat: %" G_GUINT64_FORMAT " ns is less than 10 ms: set frame-rate instead",
                    self->beat);
  if (self->rate_n > (gint64) RATE_MAX * self->rate_d)
    return invalid (error, "frame-rate: %d/%d is more than %d frames a second", self->rate_n,
                    self->rate_d, RATE_MAX);
  return TRUE;
}

static void
set_string (char **field, const GValue *value)
{
  const char *string = g_value_get_string (value);

  g_free (*field);
  *field = string && *string ? g_strdup (string) : NULL;
}

gboolean
storyboard_settings_set (StoryboardSettings *self, guint id, const GValue *value)
{
  switch (id) {
  case PROP_TITLE:
    set_string (&self->title, value);
    break;
  case PROP_THEME:
    self->theme = g_value_get_enum (value);
    break;
  case PROP_BACKGROUND:
    set_string (&self->background, value);
    if (!self->background)
      self->background = g_strdup (DEFAULT_BACKGROUND);
    break;
  case PROP_BACKGROUND_IMAGE:
    set_string (&self->image, value);
    break;
  case PROP_PAN:
    self->pan = g_value_get_boolean (value);
    break;
  case PROP_WIDTH:
    self->width = g_value_get_int (value);
    break;
  case PROP_HEIGHT:
    self->height = g_value_get_int (value);
    break;
  case PROP_FRAME_RATE:
    self->rate_n = gst_value_get_fraction_numerator (value);
    self->rate_d = gst_value_get_fraction_denominator (value);
    break;
  case PROP_BEAT:
    self->beat = g_value_get_uint64 (value);
    break;
  case PROP_HIGHLIGHT_WORDS:
    self->highlight = g_value_get_boolean (value);
    break;
  case PROP_FONT:
    set_string (&self->font, value);
    break;
  case PROP_LANGUAGE:
    set_string (&self->language, value);
    break;
  default:
    return FALSE;
  }
  return TRUE;
}

gboolean
storyboard_settings_get (const StoryboardSettings *self, guint id, GValue *value)
{
  switch (id) {
  case PROP_TITLE:
    g_value_set_string (value, self->title);
    break;
  case PROP_THEME:
    g_value_set_enum (value, self->theme);
    break;
  case PROP_BACKGROUND:
    g_value_set_string (value, self->background);
    break;
  case PROP_BACKGROUND_IMAGE:
    g_value_set_string (value, self->image);
    break;
  case PROP_PAN:
    g_value_set_boolean (value, self->pan);
    break;
  case PROP_WIDTH:
    g_value_set_int (value, self->width);
    break;
  case PROP_HEIGHT:
    g_value_set_int (value, self->height);
    break;
  case PROP_FRAME_RATE:
    gst_value_set_fraction (value, self->rate_n, self->rate_d);
    break;
  case PROP_BEAT:
    g_value_set_uint64 (value, self->beat);
    break;
  case PROP_HIGHLIGHT_WORDS:
    g_value_set_boolean (value, self->highlight);
    break;
  case PROP_FONT:
    g_value_set_string (value, self->font);
    break;
  case PROP_LANGUAGE:
    g_value_set_string (value, self->language);
    break;
  default:
    return FALSE;
  }
  return TRUE;
}

void
storyboard_settings_install (GObjectClass *klass)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

  g_object_class_install_property (
      klass, PROP_TITLE,
      g_param_spec_string (
          "title", "Title",
          "Title over the first caption, and alone before it begins; none when empty", NULL,
          flags));
  g_object_class_install_property (klass, PROP_THEME,
                                   g_param_spec_enum ("theme", "Theme",
                                                      "Colours of text, panels and background",
                                                      STORYBOARD_TYPE_THEME,
                                                      STORYBOARD_THEME_MIDNIGHT, flags));
  g_object_class_install_property (
      klass, PROP_BACKGROUND,
      g_param_spec_string ("background", "Background",
                           "\"theme\", a colour \"#rrggbb\", or a gradient from above to below "
                           "\"#rrggbb-#rrggbb\"",
                           DEFAULT_BACKGROUND, flags));
  g_object_class_install_property (
      klass, PROP_BACKGROUND_IMAGE,
      g_param_spec_string (
          "background-image", "Background image",
          "Path of a PNG file of at most 100 megapixels that covers the background; "
          "none when empty",
          NULL, flags));
  g_object_class_install_property (
      klass, PROP_PAN,
      g_param_spec_boolean (
          "pan", "Pan",
          "Move the background image slowly; every frame is then drawn (24 a second "
          "unless frame-rate is set)",
          FALSE, flags));
  g_object_class_install_property (klass, PROP_WIDTH,
                                   g_param_spec_int ("width", "Width",
                                                     "Width of the video in pixels; an even number",
                                                     SIZE_MIN, SIZE_MAX, DEFAULT_WIDTH, flags));
  g_object_class_install_property (
      klass, PROP_HEIGHT,
      g_param_spec_int ("height", "Height", "Height of the video in pixels; an even number",
                        SIZE_MIN, SIZE_MAX, DEFAULT_HEIGHT, flags));
  g_object_class_install_property (
      klass, PROP_FRAME_RATE,
      gst_param_spec_fraction (
          "frame-rate", "Frame rate",
          "Frames a second, at most 240; 0/1 for a frame at each change and beat", 0, 1, RATE_MAX,
          1, 0, 1, flags));
  g_object_class_install_property (
      klass, PROP_BEAT,
      g_param_spec_uint64 (
          "beat", "Beat",
          "At a variable frame rate, push an unchanged frame again after this time, "
          "in nanoseconds, at least 10 ms; 0 for never",
          0, G_MAXUINT64, DEFAULT_BEAT, flags));
  g_object_class_install_property (
      klass, PROP_HIGHLIGHT_WORDS,
      g_param_spec_boolean (
          "highlight-words", "Highlight words",
          "Mark each word while it is spoken, where captions carry word marks; one "
          "more frame per word",
          FALSE, flags));
  g_object_class_install_property (
      klass, PROP_FONT,
      g_param_spec_string (
          "font", "Font",
          "Font families in order of preference, separated by commas; Noto Sans, else "
          "DejaVu Sans, when empty",
          NULL, flags));
  g_object_class_install_property (
      klass, PROP_LANGUAGE,
      g_param_spec_string ("language", "Language",
                           "Language of the text (BCP 47), which chooses among regional glyphs and "
                           "finds sentences in text without times; English when empty",
                           NULL, flags));
}
