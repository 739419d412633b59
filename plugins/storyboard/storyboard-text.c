/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storyboard-text.h"

#include <string.h>

#define MAX_MARKS 8            /* combining marks on one letter; Vietnamese and Hebrew need 3 */
#define MAX_MARKUP (64 * 1024) /* bytes; longer markup is shown without its tags */
#define READING_UNIT 66666667  /* ns per narrow character */
#define READING_MIN 1500000000 /* ns */
#define MAX_UNBROKEN 80 /* letters; Pango's time grows with the square of what it cannot break */
#define ZERO_WIDTH_SPACE 0x200b
#define ZERO_WIDTH_JOINER 0x200d
#define NO_BREAK_SPACE 0x00a0
#define FIGURE_SPACE 0x2007
#define NARROW_NO_BREAK_SPACE 0x202f

static gboolean
is_folded_space (gunichar c)
{
  if (c == NO_BREAK_SPACE || c == FIGURE_SPACE || c == NARROW_NO_BREAK_SPACE)
    return FALSE;
  return g_unichar_isspace (c) || g_unichar_iscntrl (c) || c == 0x2028 || c == 0x2029;
}

/* Byte order marks, interlinear annotations, noncharacters, the unassigned rest of plane 14 */
static gboolean
is_dropped (gunichar c)
{
  return c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) || (c & 0xfffe) == 0xfffe
         || (c >= 0xfdd0 && c <= 0xfdef);
}

/* Whether a line may be broken here when nothing else offers itself */
static gboolean
may_break (gunichar before, gunichar after)
{
  return !g_unichar_ismark (after) && before != ZERO_WIDTH_JOINER && after != ZERO_WIDTH_JOINER;
}

/* A line break between two letters of a script without spaces is no space. */
static gboolean
joins_without_space (gunichar before, gunichar after)
{
  return g_unichar_iswide (before) && g_unichar_iswide (after);
}

void
storyboard_text_init_plain (StoryboardText *self, const char *input, gsize length, GArray *ranges)
{
  const char *end = input + length;
  gunichar last = 0;
  gboolean space = FALSE, line_break = FALSE;
  guint marks = 0, unbroken = 0, next = 0;
  StoryboardRange *open = NULL;
  gsize open_end = 0;

  self->attrs = NULL;
  self->text = g_string_sized_new (MIN (length, MAX_MARKUP));
  for (const char *p = input; p < end; p = g_utf8_next_char (p)) {
    gunichar c = g_utf8_get_char (p);
    gsize at = p - input;

    if (open && at >= open_end) {
      open->length = self->text->len - open->offset;
      open = NULL;
    }
    marks = g_unichar_ismark (c) ? marks + 1 : 0;
    if (is_dropped (c) || marks > MAX_MARKS)
      continue;
    if (is_folded_space (c)) {
      space = TRUE;
      line_break |= c == '\n';
      continue;
    }
    if (space && last && !(line_break && joins_without_space (last, c)))
      g_string_append_c (self->text, ' ');
    unbroken = space || g_unichar_iswide (c) ? 0 : unbroken + 1;
    if (unbroken > MAX_UNBROKEN && may_break (last, c)) {
      g_string_append_unichar (self->text, ZERO_WIDTH_SPACE);
      unbroken = 0;
    }
    space = line_break = FALSE;
    for (; ranges && next < ranges->len; next++) {
      StoryboardRange *range = &g_array_index (ranges, StoryboardRange, next);

      if (range->offset > at)
        break;
      open_end = (gsize) range->offset + range->length;
      range->offset = self->text->len;
      range->length = 0;
      open = open_end > at ? range : NULL;
    }
    g_string_append_unichar (self->text, c);
    last = c;
  }
  if (open)
    open->length = self->text->len - open->offset;
  for (; ranges && next < ranges->len; next++)
    g_array_index (ranges, StoryboardRange, next) = (StoryboardRange){ self->text->len, 0 };
}

static gboolean
attribute_is_refused (PangoAttribute *attribute, gpointer data)
{
  switch ((int) attribute->klass->type) {
  case PANGO_ATTR_WEIGHT:
  case PANGO_ATTR_STYLE:
  case PANGO_ATTR_UNDERLINE:
  case PANGO_ATTR_STRIKETHROUGH:
    return FALSE;
  default:
    return TRUE; /* sizes, fonts, colours, shapes and spacing are the theme's business */
  }
}

static GString *
strip_tags (const char *input, gsize length)
{
  static const struct {
    const char *name, *text;
  } entities[] = { { "&amp;", "&" },   { "&lt;", "<" },   { "&gt;", ">" },
                   { "&quot;", "\"" }, { "&apos;", "'" }, { "&#39;", "'" } };
  GString *out = g_string_sized_new (MIN (length, MAX_MARKUP));
  gsize i = 0;

  while (i < length) {
    const char *close;
    guint e;

    if (input[i] == '<' && (close = memchr (input + i, '>', MIN (length - i, 256))) != NULL) {
      i = close - input + 1;
      continue;
    }
    for (e = 0; e < G_N_ELEMENTS (entities); e++) {
      gsize size = strlen (entities[e].name);

      if (length - i >= size && memcmp (input + i, entities[e].name, size) == 0) {
        g_string_append (out, entities[e].text);
        i += size;
        break;
      }
    }
    if (e == G_N_ELEMENTS (entities))
      g_string_append_c (out, input[i++]);
  }
  return out;
}

void
storyboard_text_init_markup (StoryboardText *self, const char *input, gsize length)
{
  g_autofree char *text = NULL;

  self->attrs = NULL;
  if (length <= MAX_MARKUP
      && pango_parse_markup (input, (int) length, 0, &self->attrs, &text, NULL, NULL)) {
    PangoAttrList *refused
        = self->attrs ? pango_attr_list_filter (self->attrs, attribute_is_refused, NULL) : NULL;

    g_clear_pointer (&refused, pango_attr_list_unref);
    self->text = g_string_new (text);
  } else {
    self->text = strip_tags (input, length);
  }
  /* one byte for one byte: the attributes keep their places */
  for (gsize i = 0; i < self->text->len; i++)
    if (self->text->str[i] != '\n' && g_ascii_iscntrl (self->text->str[i]))
      self->text->str[i] = ' ';
  while (self->text->len > 0 && g_ascii_isspace (self->text->str[self->text->len - 1]))
    g_string_truncate (self->text, self->text->len - 1);
}

void
storyboard_text_clear (StoryboardText *self)
{
  g_clear_pointer (&self->attrs, pango_attr_list_unref);
  if (self->text)
    g_string_free (self->text, TRUE);
  self->text = NULL;
}

guint64
storyboard_reading_time (const char *text, gsize length)
{
  guint64 units = 0;

  for (const char *p = text; p < text + length; p = g_utf8_next_char (p))
    units += g_unichar_iswide (g_utf8_get_char (p)) ? 3 : 1;
  return MAX (units * READING_UNIT, READING_MIN);
}
