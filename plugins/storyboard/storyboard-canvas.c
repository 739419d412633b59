/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storyboard-canvas.h"

#include "storyboard-background.h"

#include <math.h>
#include <medley/medley-error.h>
#include <pango/pangocairo.h>
#include <string.h>

/* Typography, as parts of the frame's shorter side (at 1280x720: 54, 24, 61, 36 pixels) ... */
#define FONT_LARGEST 0.075
#define FONT_SMALLEST 0.034
#define TITLE_LARGEST 0.085
#define TITLE_SMALLEST 0.05
#define PANEL_PADDING 0.04
#define PANEL_RADIUS 0.028
#define RULE_HEIGHT 0.007
#define RULE_WIDTH 0.11
/* ... of its width and height ... */
#define MARGIN_X 0.07
#define MARGIN_Y 0.075
/* ... and of the font's size. */
#define LINE_LONGEST 34.0 /* about 65 letters */
#define PILL_OVERHANG 0.14

#define FONT_LEGIBLE 11    /* pixels: a small frame does not shrink its font below this */
#define LINE_SPACING 1.12f /* times the font's own line height */
#define PIECE_BYTES 2000   /* the most that is laid out at a time: it bounds time and memory */
#define BALANCED_LINES 12  /* a caption of at most so many lines gets lines of equal length */
#define TITLE_LINES 2
#define DEFAULT_FONT "Noto Sans, DejaVu Sans, sans-serif"

typedef struct {
  int x, y, width, height;
} Box;

struct _StoryboardCanvas {
  int width, height;
  int shorter; /* of the two */
  const StoryboardPalette *palette;
  gboolean foreign; /* the background is not the theme's: text gets a scrim */
  gboolean pans;
  cairo_surface_t *background;
  cairo_surface_t *surface;
  cairo_t *cr;
  Box dirty; /* what is not plain background on the surface */
  PangoContext *context;
  PangoFontDescription *font;
  PangoLayout *layout; /* of the page drawn last: word by word it is the same */
  const StoryboardPage *laid_page;
  const StoryboardText *laid_text;
  PangoLayout *title; /* nullable */
};

static int
share (const StoryboardCanvas *self, double part)
{
  return (int) lround (self->shorter * part);
}

static int
smallest_font (const StoryboardCanvas *self)
{
  return MAX (2, MAX (share (self, FONT_SMALLEST), MIN (share (self, FONT_LARGEST), FONT_LEGIBLE)));
}

static PangoLayout *
new_layout (StoryboardCanvas *self)
{
  PangoLayout *layout = pango_layout_new (self->context);

  pango_layout_set_wrap (layout, PANGO_WRAP_WORD_CHAR);
  pango_layout_set_line_spacing (layout, LINE_SPACING);
  return layout;
}

static void
set_size (StoryboardCanvas *self, PangoLayout *layout, int size, int width)
{
  pango_font_description_set_absolute_size (self->font, (double) size * PANGO_SCALE);
  pango_layout_set_font_description (layout, self->font);
  pango_layout_set_width (layout, width * PANGO_SCALE);
}

static int
layout_height (PangoLayout *layout)
{
  int height;

  pango_layout_get_pixel_size (layout, NULL, &height);
  return height;
}

/* The least width that does not take more lines than @width does: they are then about equally long,
 * and no word stands alone below. */
static int
balanced_width (PangoLayout *layout, int width)
{
  int lines = pango_layout_get_line_count (layout), narrow = width / lines, wide = width;

  if (lines < 2 || lines > BALANCED_LINES)
    return width;
  while (wide - narrow > 8) {
    int middle = (wide + narrow) / 2;

    pango_layout_set_width (layout, middle * PANGO_SCALE);
    if (pango_layout_get_line_count (layout) > lines)
      narrow = middle;
    else
      wide = middle;
  }
  return wide;
}

static void
make_title (StoryboardCanvas *self, const char *title)
{
  g_auto (StoryboardText) text = { NULL, NULL };
  int size = share (self, TITLE_LARGEST), smallest = share (self, TITLE_SMALLEST);
  int width = MAX (1, (int) (self->width * (1 - 2 * MARGIN_X)));

  storyboard_text_init_plain (&text, title, MIN (strlen (title), PIECE_BYTES), NULL);
  if (text.text->len == 0)
    return;
  self->title = new_layout (self);
  pango_layout_set_text (self->title, text.text->str, (int) text.text->len);
  pango_layout_set_alignment (self->title, PANGO_ALIGN_CENTER);
  pango_font_description_set_weight (self->font, PANGO_WEIGHT_BOLD);
  do
    set_size (self, self->title, MAX (size, 2), width);
  while (pango_layout_get_line_count (self->title) > TITLE_LINES
         && (size = size * 7 / 8) >= smallest);
  pango_font_description_set_weight (self->font, PANGO_WEIGHT_NORMAL);
  pango_layout_set_width (self->title, balanced_width (self->title, width) * PANGO_SCALE);
  pango_layout_set_height (self->title, -TITLE_LINES);
  pango_layout_set_ellipsize (self->title, PANGO_ELLIPSIZE_END);
}

static gboolean
make_surface (StoryboardCanvas *self, GError **error)
{
  self->surface = cairo_image_surface_create (CAIRO_FORMAT_RGB24, self->width, self->height);
  self->cr = cairo_create (self->surface);
  if (cairo_status (self->cr) == CAIRO_STATUS_SUCCESS)
    return TRUE;
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_FAILED, "a %d x %d frame cannot be drawn: %s",
               self->width, self->height, cairo_status_to_string (cairo_status (self->cr)));
  return FALSE;
}

static void
make_context (StoryboardCanvas *self, PangoFontMap *font_map, const StoryboardDesign *design)
{
  cairo_font_options_t *options = cairo_font_options_create ();

  /* The picture is scaled and compressed later on: no subpixels, and the same metrics at any size.
   */
  cairo_font_options_set_antialias (options, CAIRO_ANTIALIAS_GRAY);
  cairo_font_options_set_hint_style (options, CAIRO_HINT_STYLE_SLIGHT);
  cairo_font_options_set_hint_metrics (options, CAIRO_HINT_METRICS_OFF);
  self->context = pango_font_map_create_context (font_map);
  pango_cairo_context_set_font_options (self->context, options);
  cairo_font_options_destroy (options);
  pango_context_set_round_glyph_positions (self->context, FALSE);
  pango_context_set_language (self->context, pango_language_from_string (
                                                 design->language ? design->language : "en"));
  self->font = pango_font_description_new ();
  pango_font_description_set_family (self->font, design->font ? design->font : DEFAULT_FONT);
}

StoryboardCanvas *
storyboard_canvas_new (PangoFontMap *font_map, const StoryboardDesign *design, GError **error)
{
  g_autoptr (StoryboardCanvas) self = g_new0 (StoryboardCanvas, 1);

  self->width = design->width;
  self->height = design->height;
  self->shorter = MIN (design->width, design->height);
  self->palette = storyboard_theme_palette (design->theme);
  self->pans = design->image && design->pan;
  self->dirty = (Box){ 0, 0, self->width, self->height };
  self->background = storyboard_background_new (design, &self->foreign, error);
  if (!self->background || !make_surface (self, error))
    return NULL;
  make_context (self, font_map, design);
  if (design->title)
    make_title (self, design->title);
  return g_steal_pointer (&self);
}

void
storyboard_canvas_free (StoryboardCanvas *self)
{
  g_clear_object (&self->layout);
  g_clear_object (&self->title);
  g_clear_object (&self->context);
  g_clear_pointer (&self->font, pango_font_description_free);
  g_clear_pointer (&self->cr, cairo_destroy);
  g_clear_pointer (&self->surface, cairo_surface_destroy);
  g_clear_pointer (&self->background, cairo_surface_destroy);
  g_free (self);
}

gboolean
storyboard_canvas_pans (StoryboardCanvas *self)
{
  return self->pans;
}

void
storyboard_canvas_get_margins (StoryboardCanvas *self, int *horizontal, int *vertical)
{
  *horizontal = (int) lround (self->width * MARGIN_X);
  *vertical = (int) lround (self->height * MARGIN_Y);
}

/* The title with the rule below it; over a caption it stands at the top, alone in the middle. */
static Box
title_box (StoryboardCanvas *self, gboolean with_caption)
{
  int margin_x, margin_y, width, height;

  storyboard_canvas_get_margins (self, &margin_x, &margin_y);
  width = pango_layout_get_width (self->title) / PANGO_SCALE;
  height = layout_height (self->title) + 4 * share (self, RULE_HEIGHT);
  return (Box){ (self->width - width) / 2, with_caption ? margin_y : (self->height - height) / 2,
                width, height };
}

/* Where the text of captions may stand: the safe area without title and padding. */
static Box
caption_area (StoryboardCanvas *self, gboolean with_title)
{
  int padding = share (self, PANEL_PADDING), margin_x, margin_y, top;

  storyboard_canvas_get_margins (self, &margin_x, &margin_y);
  top = margin_y;
  if (with_title && self->title) {
    Box title = title_box (self, TRUE);

    top = title.y + title.height + (self->foreign ? 2 : 1) * padding; /* its own panel */
  }
  return (Box){ margin_x + padding, top + padding, MAX (1, self->width - 2 * (margin_x + padding)),
                MAX (1, self->height - margin_y - top - 2 * padding) };
}

static PangoLayout *
lay_out (StoryboardCanvas *self, const StoryboardText *text, guint offset, guint length)
{
  PangoLayout *layout = new_layout (self);

  pango_layout_set_text (layout, text->text->str + offset, (int) length);
  if (text->attrs) {
    PangoAttrList *attrs = pango_attr_list_copy (text->attrs);

    if (offset > 0)
      pango_attr_list_update (attrs, 0, (int) offset, 0);
    pango_layout_set_attributes (layout, attrs);
    pango_attr_list_unref (attrs);
  }
  return layout;
}

/* Finds the largest font at which the layout fits the area; FALSE when not even the smallest does,
 * which is then set. */
static gboolean
fit (StoryboardCanvas *self, PangoLayout *layout, const Box *area, StoryboardPage *page)
{
  int smallest = smallest_font (self);

  page->size = MAX (share (self, FONT_LARGEST), smallest);
  for (;;) {
    int height, guess;

    page->width = area->width;
    if (page->size > smallest)
      page->width = MIN (area->width, (int) (page->size * LINE_LONGEST));
    set_size (self, layout, page->size, page->width);
    height = layout_height (layout);
    if (height <= area->height)
      return TRUE;
    if (page->size <= smallest)
      return FALSE;
    /* the area of a text goes with the square of its font's size */
    guess = (int) (page->size * sqrt ((double) area->height / height)) + 1;
    page->size = CLAMP (guess, smallest, page->size - 1);
  }
}

static void
trim (const char *text, guint *offset, guint *length)
{
  while (*length > 0 && g_ascii_isspace (text[*offset])) {
    (*offset)++;
    (*length)--;
  }
  while (*length > 0 && g_ascii_isspace (text[*offset + *length - 1]))
    (*length)--;
}

/* How much of a text is laid out at once: all, or up to the last space within the limit. */
static guint
piece_length (const char *text, guint length)
{
  guint cut = PIECE_BYTES;

  if (length <= PIECE_BYTES)
    return length;
  while (cut > PIECE_BYTES / 2 && !g_ascii_isspace (text[cut]))
    cut--;
  if (cut > PIECE_BYTES / 2)
    return cut;
  for (cut = PIECE_BYTES; (text[cut] & 0xc0) == 0x80;)
    cut--;
  return cut;
}

/* Where to cut a piece that takes several screens: after its fair share of lines. */
static guint
cut_length (PangoLayout *layout, int area_height)
{
  int lines = pango_layout_get_line_count (layout);
  int pages = (layout_height (layout) + area_height - 1) / area_height;
  int keep = MAX (1, lines / MAX (pages, 1));

  return keep < lines ? (guint) pango_layout_get_line_readonly (layout, keep)->start_index
                      : G_MAXUINT;
}

GArray *
storyboard_canvas_paginate (StoryboardCanvas *self, const StoryboardText *text, gboolean with_title,
                            guint max_pages, GCancellable *cancellable)
{
  GArray *pages = g_array_new (FALSE, FALSE, sizeof (StoryboardPage));
  Box area = caption_area (self, with_title);
  guint offset = 0, length = (guint) MIN (text->text->len, G_MAXUINT / 2);

  self->laid_page = NULL;
  while (pages->len < max_pages && !g_cancellable_is_cancelled (cancellable)) {
    StoryboardPage page;
    g_autoptr (PangoLayout) layout = NULL;
    guint consumed;

    trim (text->text->str, &offset, &length);
    if (length == 0)
      break;
    consumed = piece_length (text->text->str + offset, length);
    page = (StoryboardPage){ .offset = offset, .length = consumed };
    layout = lay_out (self, text, offset, consumed);
    if (!fit (self, layout, &area, &page)) {
      consumed = MIN (consumed, cut_length (layout, area.height));
      page.length = consumed;
      g_object_unref (layout);
      layout = lay_out (self, text, offset, consumed);
      fit (self, layout, &area, &page);
    }
    page.width = balanced_width (layout, page.width);
    g_array_append_val (pages, page);
    offset += consumed;
    length -= consumed;
  }
  return pages;
}

static void
set_color (cairo_t *cr, const StoryboardColor *color)
{
  cairo_set_source_rgba (cr, color->red, color->green, color->blue, color->alpha);
}

static void
rounded_box (cairo_t *cr, double x, double y, double width, double height, double radius)
{
  radius = MIN (radius, MIN (width, height) / 2);
  cairo_new_sub_path (cr);
  cairo_arc (cr, x + width - radius, y + radius, radius, -G_PI_2, 0);
  cairo_arc (cr, x + width - radius, y + height - radius, radius, 0, G_PI_2);
  cairo_arc (cr, x + radius, y + height - radius, radius, G_PI_2, G_PI);
  cairo_arc (cr, x + radius, y + radius, radius, G_PI, G_PI + G_PI_2);
  cairo_close_path (cr);
}

static void
add_dirty (StoryboardCanvas *self, const Box *box)
{
  Box *d = &self->dirty;
  int right, bottom;

  if (d->width == 0) {
    *d = *box;
    return;
  }
  right = MAX (d->x + d->width, box->x + box->width);
  bottom = MAX (d->y + d->height, box->y + box->height);
  d->x = MIN (d->x, box->x);
  d->y = MIN (d->y, box->y);
  d->width = right - d->x;
  d->height = bottom - d->y;
}

/* Draws a panel behind a box, as far out as the padding. */
static void
draw_panel (StoryboardCanvas *self, const Box *box)
{
  int padding = share (self, PANEL_PADDING);
  Box panel
      = { box->x - padding, box->y - padding, box->width + 2 * padding, box->height + 2 * padding };

  set_color (self->cr, self->foreign ? &self->palette->scrim : &self->palette->panel);
  rounded_box (self->cr, panel.x, panel.y, panel.width, panel.height, share (self, PANEL_RADIUS));
  cairo_fill (self->cr);
  add_dirty (self, &panel);
}

static void
draw_background (StoryboardCanvas *self, double pan)
{
  cairo_t *cr = self->cr;

  if (self->pans) {
    double excess_x = cairo_image_surface_get_width (self->background) - self->width;
    double excess_y = cairo_image_surface_get_height (self->background) - self->height;

    self->dirty = (Box){ 0, 0, self->width, self->height };
    cairo_set_source_surface (cr, self->background, -excess_x * pan, -excess_y * pan);
    cairo_pattern_set_filter (cairo_get_source (cr), CAIRO_FILTER_BILINEAR);
  } else {
    cairo_set_source_surface (cr, self->background, 0, 0);
  }
  cairo_rectangle (cr, self->dirty.x, self->dirty.y, self->dirty.width, self->dirty.height);
  cairo_fill (cr);
  self->dirty = (Box){ 0, 0, 0, 0 };
}

static void
draw_title (StoryboardCanvas *self, gboolean with_caption)
{
  Box box = title_box (self, with_caption);
  int rule_height = MAX (1, share (self, RULE_HEIGHT)), rule_width = share (self, RULE_WIDTH);
  PangoRectangle logical;

  if (self->foreign) {
    Box text;

    pango_layout_get_pixel_extents (self->title, NULL, &logical);
    text = (Box){ box.x + logical.x, box.y, logical.width, box.height };
    draw_panel (self, &text);
  }
  set_color (self->cr, &self->palette->title);
  cairo_move_to (self->cr, box.x, box.y);
  pango_cairo_show_layout (self->cr, self->title);
  set_color (self->cr, &self->palette->accent);
  cairo_rectangle (self->cr, (self->width - rule_width) / 2.0, box.y + box.height - rule_height,
                   rule_width, rule_height);
  cairo_fill (self->cr);
  add_dirty (self, &box);
}

/* The pills behind a word: one, or one per line where it is hyphenated or cut. */
static void
word_pills (StoryboardCanvas *self, const StoryboardPage *page, const StoryboardRange *word,
            const Box *box)
{
  PangoLayoutIter *iter = pango_layout_get_iter (self->layout);
  int start = (int) (word->offset - page->offset), end = start + (int) word->length;
  double overhang = page->size * PILL_OVERHANG;

  do {
    PangoLayoutLine *line = pango_layout_iter_get_line_readonly (iter);
    PangoRectangle logical;
    int *ranges, n;

    if (line->start_index >= end || line->start_index + line->length <= start)
      continue;
    pango_layout_iter_get_line_extents (iter, NULL, &logical);
    pango_layout_line_get_x_ranges (line, MAX (start, line->start_index),
                                    MIN (end, line->start_index + line->length), &ranges, &n);
    for (int i = 0; i < n; i++)
      rounded_box (self->cr, box->x + ranges[2 * i] / (double) PANGO_SCALE - overhang,
                   box->y + logical.y / (double) PANGO_SCALE,
                   (ranges[2 * i + 1] - ranges[2 * i]) / (double) PANGO_SCALE + 2 * overhang,
                   logical.height / (double) PANGO_SCALE, 2 * overhang);
    g_free (ranges);
  } while (pango_layout_iter_next_line (iter));
  pango_layout_iter_free (iter);
}

static void
draw_caption (StoryboardCanvas *self, const StoryboardScene *scene)
{
  const StoryboardPage *page = scene->page;
  gboolean under_title = scene->with_title && self->title;
  Box area = caption_area (self, under_title), box;
  PangoRectangle logical;
  cairo_t *cr = self->cr;

  if (self->laid_page != page || self->laid_text != scene->text) {
    g_clear_object (&self->layout);
    self->layout = lay_out (self, scene->text, page->offset, page->length);
    set_size (self, self->layout, page->size, page->width);
    /* two lines read well from the middle, a paragraph from its edge */
    if (pango_layout_get_line_count (self->layout) <= 2)
      pango_layout_set_alignment (self->layout, PANGO_ALIGN_CENTER);
    self->laid_page = page;
    self->laid_text = scene->text;
  }
  pango_layout_get_pixel_extents (self->layout, NULL, &logical);
  logical.height = MIN (logical.height, area.height);
  box = (Box){ area.x + (area.width - logical.width) / 2,
               area.y + (area.height - logical.height) / 2, logical.width, logical.height };
  draw_panel (self, &box);
  box.x -= logical.x; /* from the text's edge to the layout's */

  cairo_save (cr);
  /* piled-up marks may leave their line, not the caption */
  cairo_rectangle (cr, area.x, area.y, area.width, area.height);
  cairo_clip (cr);
  add_dirty (self, &area);
  set_color (cr, &self->palette->text);
  cairo_move_to (cr, box.x, box.y);
  pango_cairo_show_layout (cr, self->layout);
  if (scene->spoken.length > 0) {
    word_pills (self, page, &scene->spoken, &box);
    set_color (cr, &self->palette->accent);
    cairo_fill_preserve (cr);
    cairo_clip (cr);
    set_color (cr, &self->palette->accent_text);
    cairo_move_to (cr, box.x, box.y);
    pango_cairo_show_layout (cr, self->layout);
  }
  cairo_restore (cr);
}

const guint8 *
storyboard_canvas_draw (StoryboardCanvas *self, const StoryboardScene *scene, gsize *stride)
{
  gboolean caption = scene->text && scene->page;

  draw_background (self, scene->pan);
  if (scene->with_title && self->title)
    draw_title (self, caption);
  if (caption)
    draw_caption (self, scene);
  cairo_surface_flush (self->surface);
  *stride = cairo_image_surface_get_stride (self->surface);
  return cairo_image_surface_get_data (self->surface);
}
