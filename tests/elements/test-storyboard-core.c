/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The parts of the storyboard engine that know no element: when frames come, what is cleaned from a
 * text, what is drawn. */

#include "storyboard-background.h"
#include "storyboard-canvas.h"
#include "storyboard-clock.h"
#include "storyboard-support.h"

#include <medley/medley-error.h>
#include <pango/pangocairo.h>
#include <string.h>
#include <glib/gstdio.h>
#include <unistd.h>

#define SECOND G_GUINT64_CONSTANT (1000000000)

static PangoFontMap *font_map;

/* --- time --- */

static void
test_beat_leaves_no_gap_and_no_sliver (void)
{
  const guint64 ends[] = { 400000000, 3 * SECOND, 3 * SECOND + 100, 7 * SECOND + 400000000 };
  StoryboardClock clock;
  guint64 pts, duration, expected = 0;

  storyboard_clock_init (&clock, SECOND, 0, 1);
  for (guint i = 0; i < G_N_ELEMENTS (ends); i++) {
    while (storyboard_clock_next (&clock, ends[i], &pts, &duration)) {
      g_assert_cmpuint (pts, ==, expected);
      g_assert_cmpuint (duration, >, 0);
      g_assert_cmpuint (duration, <=, SECOND + SECOND / 2);
      expected = pts + duration;
    }
    g_assert_cmpuint (expected, ==, ends[i]);
  }
  /* 0.35 0.4 | 1.4 2.4 2.95 3.0 | 3.0000001 | 4.0 5.0 6.0 7.35 7.4: a rest below half a beat joins
   * its frame, and the last frame of what stands long enough is a short one */
  g_assert_cmpuint (clock.count, ==, 2 + 4 + 1 + 5);
}

/* Whoever asks for the middle of a picture and is given the next frame gets that picture. */
static void
test_a_frame_begins_after_the_middle (void)
{
  for (guint64 length = SECOND / 5; length < 5 * SECOND; length += SECOND / 50) {
    StoryboardClock clock;
    guint64 pts, duration;

    storyboard_clock_init (&clock, SECOND, 0, 1);
    while (storyboard_clock_next (&clock, length, &pts, &duration))
      continue;
    g_assert_cmpuint (pts, >, length / 2 + length / 8);
    g_assert_cmpuint (pts + duration, ==, length);
    g_assert_cmpuint (duration, <=, SECOND / 20);
  }
}

static void
test_no_beat_is_one_frame_a_change (void)
{
  StoryboardClock clock;
  guint64 pts, duration;

  storyboard_clock_init (&clock, 0, 0, 1);
  g_assert_true (storyboard_clock_next (&clock, 3600 * SECOND, &pts, &duration));
  g_assert_cmpuint (duration, ==, 3600 * SECOND);
  g_assert_false (storyboard_clock_next (&clock, 3600 * SECOND, &pts, &duration));
}

static void
test_fixed_rate_does_not_drift (void)
{
  StoryboardClock clock;
  guint64 pts, duration, expected = 0;

  storyboard_clock_init (&clock, SECOND, 30000, 1001);
  while (storyboard_clock_next (&clock, 6 * 3600 * SECOND, &pts, &duration)) {
    g_assert_cmpuint (pts, ==, expected);
    expected = pts + duration;
  }
  g_assert_cmpuint (clock.count, ==, 647353); /* 6 h of 30000/1001, rounded up */
  g_assert_cmpuint (expected - 6 * 3600 * SECOND, <, SECOND / 29);
}

/* --- text --- */

static void
test_plain_text_is_folded_and_marks_move_along (void)
{
  const char *input = "  one\n\ttwo\x01\x02three \xef\xbb\xbf four";
  StoryboardRange marks[] = { { 2, 3 }, { 7, 3 }, { 12, 5 }, { 22, 4 } };
  g_autoptr (GArray) ranges = g_array_new (FALSE, FALSE, sizeof (StoryboardRange));
  g_auto (StoryboardText) text = { NULL, NULL };
  const char *words[] = { "one", "two", "three", "four" };

  g_array_append_vals (ranges, marks, G_N_ELEMENTS (marks));
  storyboard_text_init_plain (&text, input, strlen (input), ranges);
  g_assert_cmpstr (text.text->str, ==, "one two three four");
  for (guint i = 0; i < ranges->len; i++) {
    StoryboardRange *range = &g_array_index (ranges, StoryboardRange, i);

    g_assert_cmpuint (range->length, ==, strlen (words[i]));
    g_assert_true (g_str_has_prefix (text.text->str + range->offset, words[i]));
  }
}

static void
test_marks_beyond_the_text_are_harmless (void)
{
  StoryboardRange marks[] = { { 0, 4000000000u }, { 4000000000u, 5 } };
  g_autoptr (GArray) ranges = g_array_new (FALSE, FALSE, sizeof (StoryboardRange));
  g_auto (StoryboardText) text = { NULL, NULL };

  g_array_append_vals (ranges, marks, 2);
  storyboard_text_init_plain (&text, "word", 4, ranges);
  g_assert_cmpuint (g_array_index (ranges, StoryboardRange, 0).length, ==, 4);
  g_assert_cmpuint (g_array_index (ranges, StoryboardRange, 1).length, ==, 0);
  g_assert_cmpuint (g_array_index (ranges, StoryboardRange, 1).offset, ==, 4);
}

static void
test_wrapped_cjk_lines_join_without_a_space (void)
{
  g_auto (StoryboardText) text = { NULL, NULL };
  const char *input = "吾輩は\n猫である\nand more";

  storyboard_text_init_plain (&text, input, strlen (input), NULL);
  g_assert_cmpstr (text.text->str, ==, "吾輩は猫である and more");
}

static void
test_piled_marks_are_cut (void)
{
  g_autoptr (GString) input = g_string_new ("e");
  g_auto (StoryboardText) text = { NULL, NULL };

  for (guint i = 0; i < 5000; i++)
    g_string_append (input, "\u0301");
  g_string_append (input, "x");
  storyboard_text_init_plain (&text, input->str, input->len, NULL);
  g_assert_cmpuint (g_utf8_strlen (text.text->str, -1), <, 12);
  g_assert_true (g_str_has_suffix (text.text->str, "x"));
}

static void
test_endless_words_can_be_broken (void)
{
  g_autofree char *input = g_strnfill (1000, 'x');
  g_auto (StoryboardText) text = { NULL, NULL };
  g_auto (GStrv) parts = NULL;

  storyboard_text_init_plain (&text, input, 1000, NULL);
  parts = g_strsplit (text.text->str, "\u200b", -1);
  g_assert_cmpuint (g_strv_length (parts), ==, 13);
  for (guint i = 0; parts[i]; i++)
    g_assert_cmpuint (strlen (parts[i]), <=, 81);
}

static gboolean
is_harmless (PangoAttribute *attribute, gpointer data)
{
  return attribute->klass->type != PANGO_ATTR_STYLE && attribute->klass->type != PANGO_ATTR_WEIGHT;
}

static void
test_markup_keeps_weight_and_refuses_sizes (void)
{
  const char *input
      = "<span size='999999' face='Symbol' rise='90000'>big</span> <i>x</i> <b>y</b>\n";
  g_auto (StoryboardText) text = { NULL, NULL };
  PangoAttrList *others;

  storyboard_text_init_markup (&text, input, strlen (input));
  g_assert_cmpstr (text.text->str, ==, "big x y");
  others = pango_attr_list_filter (text.attrs, is_harmless, NULL);
  g_assert_null (others);
  g_assert_nonnull (text.attrs);
}

static void
test_broken_markup_is_shown_without_tags (void)
{
  g_auto (StoryboardText) text = { NULL, NULL };
  const char *input = "<i>never closed & <b>so</i> 1 &lt; 2";

  storyboard_text_init_markup (&text, input, strlen (input));
  g_assert_cmpstr (text.text->str, ==, "never closed & so 1 < 2");
}

static void
test_reading_time (void)
{
  g_assert_cmpuint (storyboard_reading_time ("Hi", 2), ==, 3 * SECOND / 2);
  g_assert_cmpuint (storyboard_reading_time (LONG_SENTENCE, 150) / 1000000, ==, 10000);
  g_assert_cmpuint (storyboard_reading_time ("猫猫猫猫猫猫猫猫猫猫", 30) / 1000000, ==, 2000);
}

/* --- drawing --- */

typedef struct {
  StoryboardDesign design;
  StoryboardCanvas *canvas;
  StoryboardText text;
  GArray *pages;
  const guint8 *pixels;
  gsize stride;
} Drawing;

static const guint8 *
draw_page (Drawing *self, guint number, gboolean with_title)
{
  StoryboardScene scene = { .text = &self->text, .with_title = with_title };

  if (self->pages->len > 0)
    scene.page = &g_array_index (self->pages, StoryboardPage, number);
  self->pixels = storyboard_canvas_draw (self->canvas, &scene, &self->stride);
  return self->pixels;
}

static void
drawing_init (Drawing *self, int width, int height, const char *title, const char *text)
{
  g_autoptr (GError) error = NULL;

  *self
      = (Drawing){ .design
                   = { .width = width, .height = height, .background = "theme", .title = title } };
  self->canvas = storyboard_canvas_new (font_map, &self->design, &error);
  g_assert_no_error (error);
  storyboard_text_init_plain (&self->text, text, strlen (text), NULL);
  self->pages = storyboard_canvas_paginate (self->canvas, &self->text, title != NULL, 1000, NULL);
  draw_page (self, 0, title != NULL);
}

static void
drawing_clear (Drawing *self)
{
  storyboard_canvas_free (self->canvas);
  storyboard_text_clear (&self->text);
  g_array_unref (self->pages);
}

/* Text is far lighter than anything else that "midnight" draws. */
static gboolean
is_text (const Drawing *self, int x, int y)
{
  const guint8 *pixel = self->pixels + y * self->stride + 4 * x;

  return pixel[0] > 120 && pixel[1] > 120 && pixel[2] > 120;
}

/* Counts text pixels and asserts that all are within the margins. */
static guint
count_text_in_safe_area (const Drawing *self)
{
  int margin_x, margin_y;
  guint count = 0;

  storyboard_canvas_get_margins (self->canvas, &margin_x, &margin_y);
  for (int y = 0; y < self->design.height; y++)
    for (int x = 0; x < self->design.width; x++)
      if (is_text (self, x, y)) {
        count++;
        g_assert_cmpint (x, >=, margin_x);
        g_assert_cmpint (x, <, self->design.width - margin_x);
        g_assert_cmpint (y, >=, margin_y);
        g_assert_cmpint (y, <, self->design.height - margin_y);
      }
  return count;
}

static void
test_every_shape_and_script_stays_in_the_safe_area (void)
{
  static const int sizes[][2]
      = { { 1280, 720 }, { 720, 1280 }, { 1080, 1080 }, { 320, 180 }, { 64, 48 } };
  static const char *const texts[] = {
    "Short.",
    LONG_SENTENCE,
    "كان يا مكان في قديم الزمان ملك عظيم يحكم بلادا واسعة، وكان له ثلاث بنات جميلات (2024).",
    "שלום עולם, זה משפט קצר בעברית עם english באמצע.",
    "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。何でも薄暗いじめじめした所で"
    "泣いていた。",
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaftsgebäude",
    "Emoji 😀👨‍👩‍👧🇩🇪 \u200b\u200d\u202e reversed \u2066 isolates",
  };

  for (guint s = 0; s < G_N_ELEMENTS (sizes); s++)
    for (guint t = 0; t < G_N_ELEMENTS (texts); t++) {
      Drawing drawing;

      drawing_init (&drawing, sizes[s][0], sizes[s][1], NULL, texts[t]);
      g_assert_cmpuint (drawing.pages->len, >=, 1);
      g_assert_cmpuint (count_text_in_safe_area (&drawing), >, sizes[s][1] < 100 ? 0 : 20);
      drawing_clear (&drawing);
    }
}

static void
test_title_stands_above_the_caption (void)
{
  Drawing with, without;
  int first_with = -1, first_without = -1;

  drawing_init (&with, 1280, 720, "A Title", LONG_SENTENCE);
  drawing_init (&without, 1280, 720, NULL, LONG_SENTENCE);
  g_assert_cmpuint (count_text_in_safe_area (&with), >, 1000);
  for (int y = 0; y < 720; y++)
    for (int x = 0; x < 1280; x++) {
      if (first_with < 0 && is_text (&with, x, y))
        first_with = y;
      if (first_without < 0 && is_text (&without, x, y))
        first_without = y;
    }
  g_assert_cmpint (first_with, <, first_without);
  g_assert_cmpint (g_array_index (with.pages, StoryboardPage, 0).size, <,
                   g_array_index (without.pages, StoryboardPage, 0).size);
  drawing_clear (&with);
  drawing_clear (&without);
}

/* How far apart the lines' left and right ends are, in pixels. */
static guint
measure_edges (const Drawing *self, int *left_spread, int *right_spread)
{
  int left_min = G_MAXINT, left_max = 0, right_min = G_MAXINT, right_max = 0;
  int left = G_MAXINT, right = -1;
  guint lines = 0;

  for (int y = 0; y < self->design.height; y++) {
    gboolean blank = TRUE;

    for (int x = 0; x < self->design.width; x++)
      if (is_text (self, x, y)) {
        blank = FALSE;
        left = MIN (left, x);
        right = MAX (right, x);
      }
    if (!blank || right < 0)
      continue;
    lines++;
    left_min = MIN (left_min, left);
    left_max = MAX (left_max, left);
    right_min = MIN (right_min, right);
    right_max = MAX (right_max, right);
    left = G_MAXINT;
    right = -1;
  }
  *left_spread = left_max - left_min;
  *right_spread = right_max - right_min;
  return lines;
}

static void
test_paragraphs_begin_at_their_scripts_edge (void)
{
  Drawing drawing;
  int left, right;

  drawing_init (&drawing, 720, 720, NULL,
                "one two three four five six seven eight nine ten eleven twelve thirteen fourteen");
  g_assert_cmpuint (measure_edges (&drawing, &left, &right), >=, 3);
  g_assert_cmpint (left, <, 10);
  g_assert_cmpint (right, >, 20);
  drawing_clear (&drawing);

  drawing_init (
      &drawing, 720, 720, NULL,
      "בוקר טוב לכולם אנחנו הולכים היום לטייל ביער הגדול ליד הנהר ואחר כך נחזור הביתה מהר");
  g_assert_cmpuint (measure_edges (&drawing, &left, &right), >=, 3);
  g_assert_cmpint (right, <, 10);
  g_assert_cmpint (left, >, 20);
  drawing_clear (&drawing);
}

static void
test_long_text_is_divided_without_loss (void)
{
  g_autoptr (GString) input = g_string_new (NULL);
  g_autoptr (GString) shown = g_string_new (NULL);
  Drawing drawing;

  for (guint i = 0; i < 2000; i++)
    g_string_append_printf (input, "%sword%u", i ? " " : "", i);
  drawing_init (&drawing, 1280, 720, NULL, input->str);
  g_assert_cmpuint (drawing.pages->len, >, 5);
  for (guint i = 0; i < drawing.pages->len; i++) {
    StoryboardPage *page = &g_array_index (drawing.pages, StoryboardPage, i);

    draw_page (&drawing, i, FALSE);
    g_assert_cmpuint (count_text_in_safe_area (&drawing), >, 1000);
    g_string_append_printf (shown, "%s%.*s", i ? " " : "", (int) page->length,
                            drawing.text.text->str + page->offset);
    g_strchomp (shown->str);
    shown->len = strlen (shown->str);
  }
  g_assert_cmpstr (shown->str, ==, input->str);
  drawing_clear (&drawing);
}

static void
test_hostile_text_is_bounded (void)
{
  g_autoptr (GString) lines = g_string_new (NULL);
  g_autoptr (GString) unbroken = g_string_new (NULL);
  StoryboardText text;
  Drawing drawing;
  GArray *pages;

  for (guint i = 0; i < 10000; i++) {
    g_string_append (lines, "line\n");
    g_string_append (unbroken, "\u200b\u0301é");
  }
  drawing_init (&drawing, 640, 360, NULL, unbroken->str);
  g_assert_cmpuint (drawing.pages->len, >, 1);

  storyboard_text_init_markup (&text, lines->str, lines->len);
  pages = storyboard_canvas_paginate (drawing.canvas, &text, FALSE, 7, NULL);
  g_assert_cmpuint (pages->len, ==, 7);
  g_array_unref (pages);
  storyboard_text_clear (&text);
  drawing_clear (&drawing);

  drawing_init (&drawing, 640, 360, NULL, " \n\t\x01 ");
  g_assert_cmpuint (drawing.pages->len, ==, 0);
  drawing_clear (&drawing);
}

static void
test_only_the_spoken_word_changes (void)
{
  StoryboardScene scene = { NULL };
  Drawing drawing;
  g_autofree guint8 *plain = NULL;
  const guint8 *spoken;
  guint changed = 0;
  gsize size;

  drawing_init (&drawing, 1280, 720, NULL, "one two three");
  size = drawing.stride * 720;
  plain = g_memdup2 (drawing.pixels, size);
  scene = (StoryboardScene){ .text = &drawing.text,
                             .page = &g_array_index (drawing.pages, StoryboardPage, 0),
                             .spoken = { 4, 3 } };
  spoken = storyboard_canvas_draw (drawing.canvas, &scene, &drawing.stride);
  for (gsize i = 0; i < size; i++)
    changed += spoken[i] != plain[i];
  g_assert_cmpuint (changed, >, 5000);
  g_assert_cmpuint (changed, <, 60000);
  /* and back: the picture does not depend on what was drawn before */
  g_assert_cmpmem (draw_page (&drawing, 0, FALSE), size, plain, size);
  drawing_clear (&drawing);
}

static void
test_sentences_are_read_back (void)
{
  static const char *const texts[] = {
    "The keeper climbed the stairs every evening before dusk to light the lamp.",
    LONG_SENTENCE,
  };
  static const StoryboardTheme themes[]
      = { STORYBOARD_THEME_MIDNIGHT, STORYBOARD_THEME_PAPER, STORYBOARD_THEME_CONTRAST };
  static const int sizes[][2] = { { 1280, 720 }, { 720, 1280 } };

  for (guint t = 0; t < G_N_ELEMENTS (texts); t++)
    for (guint m = 0; m < G_N_ELEMENTS (themes); m++) {
      const int *size = sizes[m % 2];
      Drawing drawing;

      drawing_init (&drawing, size[0], size[1], NULL, texts[t]);
      storyboard_canvas_free (drawing.canvas);
      drawing.design.theme = themes[m];
      drawing.canvas = storyboard_canvas_new (font_map, &drawing.design, NULL);
      g_assert_cmpuint (drawing.pages->len, ==, 1);
      draw_page (&drawing, 0, FALSE);
      g_assert_cmpfloat (storyboard_read_back (drawing.pixels, size[0], size[1], drawing.stride,
                                               texts[t]),
                         >=, 0.97);
      drawing_clear (&drawing);
    }
}

/* --- backgrounds --- */

static void
assert_background (const char *background, const char *image, int code)
{
  StoryboardDesign design = { .width = 64, .height = 64, .background = background, .image = image };
  g_autoptr (GError) error = NULL;
  gboolean foreign;
  cairo_surface_t *surface = storyboard_background_new (&design, &foreign, &error);

  if (code < 0) {
    g_assert_no_error (error);
    cairo_surface_destroy (surface);
  } else {
    g_assert_null (surface);
    g_assert_error (error, MEDLEY_ERROR, code);
  }
}

static void
test_background_colours (void)
{
  static const char *const wrong[]
      = { "",         "red",         "#fff",           "#12345g",
          "#123456-", "#123456-red", "#123456-#65432", "#123456#654321" };

  assert_background ("theme", NULL, -1);
  assert_background ("#a0B1c2", NULL, -1);
  assert_background ("#000000-#FFFFFF", NULL, -1);
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    assert_background (wrong[i], NULL, MEDLEY_ERROR_INVALID_PROPERTY);
}

static void
test_background_images (void)
{
  static const guint8 huge[]
      = { 0x89, 'P', 'N', 'G',  '\r', '\n', 0x1a, '\n', 0,    0, 0, 13, 'I', 'H', 'D',
          'R',  0,   1,   0x86, 0xa0, 0,    1,    0x86, 0xa0, 8, 2, 0,  0,   0 };
  g_autofree char *folder = g_dir_make_tmp ("storyboard-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "image.png", NULL);
  cairo_surface_t *surface = cairo_image_surface_create (CAIRO_FORMAT_ARGB32, 3, 200);

  assert_background ("theme", path, MEDLEY_ERROR_INVALID_PROPERTY);
  assert_background ("theme", folder, MEDLEY_ERROR_INVALID_PROPERTY);
  g_assert_cmpint (cairo_surface_write_to_png (surface, path), ==, CAIRO_STATUS_SUCCESS);
  cairo_surface_destroy (surface);
  assert_background ("theme", path, -1);
  g_assert_cmpint (truncate (path, 60), ==, 0);
  assert_background ("theme", path, MEDLEY_ERROR_BAD_INPUT);
  g_assert_true (g_file_set_contents (path, (const char *) huge, sizeof huge, NULL));
  assert_background ("theme", path, MEDLEY_ERROR_IMAGE_TOO_LARGE);
  g_assert_true (g_file_set_contents (path, "JFIF is what this is not, nor PNG", -1, NULL));
  assert_background ("theme", path, MEDLEY_ERROR_UNSUPPORTED_TYPE);
  g_unlink (path);
  g_rmdir (folder);
}

int
main (int argc, char **argv)
{
  int result;

  g_test_init (&argc, &argv, NULL);
  font_map = pango_cairo_font_map_new_for_font_type (CAIRO_FONT_TYPE_FT);
#define ADD(name) g_test_add_func ("/storyboard/core/" #name, test_##name)
  ADD (beat_leaves_no_gap_and_no_sliver);
  ADD (a_frame_begins_after_the_middle);
  ADD (no_beat_is_one_frame_a_change);
  ADD (fixed_rate_does_not_drift);
  ADD (plain_text_is_folded_and_marks_move_along);
  ADD (marks_beyond_the_text_are_harmless);
  ADD (wrapped_cjk_lines_join_without_a_space);
  ADD (piled_marks_are_cut);
  ADD (endless_words_can_be_broken);
  ADD (markup_keeps_weight_and_refuses_sizes);
  ADD (broken_markup_is_shown_without_tags);
  ADD (reading_time);
  ADD (every_shape_and_script_stays_in_the_safe_area);
  ADD (title_stands_above_the_caption);
  ADD (paragraphs_begin_at_their_scripts_edge);
  ADD (long_text_is_divided_without_loss);
  ADD (hostile_text_is_bounded);
  ADD (only_the_spoken_word_changes);
  ADD (sentences_are_read_back);
  ADD (background_colours);
  ADD (background_images);
  result = g_test_run ();
  g_object_unref (font_map);
  return result;
}
