/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "espeak-text.h"

#include <medley/medley-error.h>
#include <string.h>

/* The library keeps open elements in a fixed table of 20. */
#define MAX_DEPTH 16

static gboolean
is_command (gunichar c)
{
  if (c < 0x20)
    return c != '\t' && c != '\n' && c != '\r';
  return (c >= 0x7f && c < 0xa0) || (c >= 0xe000 && c <= 0xf8ff);
}

char *
espeak_text_clean (const char *text, gsize length)
{
  GString *clean = g_string_sized_new (length + 1);
  const char *end = text + length;

  for (const char *p = text; p < end; p = g_utf8_next_char (p)) {
    if (is_command (g_utf8_get_char (p)))
      g_string_append_c (clean, ' ');
    else
      g_string_append_len (clean, p, g_utf8_next_char (p) - p);
  }
  return g_string_free (clean, FALSE);
}

static gboolean
is_letter (gunichar c)
{
  return g_unichar_isalnum (c) || g_unichar_ismark (c);
}

/* Past the rest of a word, with apostrophes inside it: the library splits "don't" and cuts long
 * words. */
static const char *
skip_letters (const char *p)
{
  while (*p != '\0') {
    gunichar c = g_utf8_get_char (p);
    const char *next = g_utf8_next_char (p);
    gboolean apostrophe = c == '\'' || c == 0x2019;
    if (!is_letter (c) && !(apostrophe && is_letter (g_utf8_get_char (next))))
      break;
    p = next;
  }
  return p;
}

void
espeak_words_add (GArray *words, const char *text, gsize offset, guint chars, guint64 sample)
{
  gsize free_from = 0;
  const char *start = text + offset;
  const char *end = start;

  if (words->len > 0) {
    const EspeakWord *last = &g_array_index (words, EspeakWord, words->len - 1);
    free_from = last->offset + last->length;
    sample = MAX (sample, last->sample);
  }
  if (offset < free_from || *start == '\0' || g_unichar_isspace (g_utf8_get_char (start)))
    return;

  for (guint i = 0; i < chars && *end != '\0'; i++)
    end = g_utf8_next_char (end);
  if (end == start || is_letter (g_utf8_get_char (g_utf8_prev_char (end))))
    end = skip_letters (end);
  while (end > start && g_unichar_isspace (g_utf8_get_char (g_utf8_prev_char (end))))
    end = g_utf8_prev_char (end);
  if (end == start)
    return;

  EspeakWord word = { .offset = offset, .length = end - start, .sample = sample };
  g_array_append_val (words, word);
}

typedef struct {
  guint depth;
} Nesting;

static void
on_element_start (GMarkupParseContext *context, const char *name, const char **attributes,
                  const char **values, gpointer user_data, GError **error)
{
  Nesting *nesting = user_data;

  if (++nesting->depth > MAX_DEPTH) {
    int line, column;
    g_markup_parse_context_get_position (context, &line, &column);
    g_set_error (error, G_MARKUP_ERROR, G_MARKUP_ERROR_INVALID_CONTENT,
                 "line %d nests more than %d elements", line, MAX_DEPTH);
  }
}

static void
on_element_end (GMarkupParseContext *context, const char *name, gpointer user_data, GError **error)
{
  Nesting *nesting = user_data;
  nesting->depth--;
}

/* The value of the reference at @p ("&#65;", "&#x41;") and its length in bytes, which is 0 for
 * none. */
static gunichar
read_reference (const char *p, gsize *length)
{
  *length = 0;
  if (p[0] != '&' || p[1] != '#')
    return 0;
  gboolean hex = p[2] == 'x';
  const char *digits = p + (hex ? 3 : 2);
  char *end = NULL;
  if (!(hex ? g_ascii_isxdigit (*digits) : g_ascii_isdigit (*digits)))
    return 0;
  guint64 value = g_ascii_strtoull (digits, &end, hex ? 16 : 10);
  if (*end != ';')
    return 0;
  *length = end + 1 - p;
  return MIN (value, G_MAXUINT32);
}

char *
espeak_ssml_clean (const char *document, gsize length, GError **error)
{
  const GMarkupParser parser = { .start_element = on_element_start, .end_element = on_element_end };
  g_autoptr (GError) fault = NULL;
  Nesting nesting = { 0 };

  g_autoptr (GMarkupParseContext) context
      = g_markup_parse_context_new (&parser, G_MARKUP_DEFAULT_FLAGS, &nesting, NULL);
  if (!g_markup_parse_context_parse (context, document, length, &fault)
      || !g_markup_parse_context_end_parse (context, &fault)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_BAD_INPUT,
                 "the SSML document is not well-formed XML: %s; set ssml=false for plain text",
                 fault->message);
    return NULL;
  }

  char *clean = espeak_text_clean (document, length);
  for (char *p = strstr (clean, "&#"); p != NULL; p = strstr (p + 1, "&#")) {
    gsize n;
    gunichar c = read_reference (p, &n);
    if (n > 0 && (is_command (c) || !g_unichar_validate (c)))
      memset (p, ' ', n);
  }
  return clean;
}

static gunichar
read_entity (const char *p, gsize *length)
{
  static const struct {
    const char *name;
    gunichar value;
  } entities[] = {
    { "&amp;", '&' }, { "&lt;", '<' }, { "&gt;", '>' }, { "&quot;", '"' }, { "&apos;", '\'' }
  };

  for (guint i = 0; i < G_N_ELEMENTS (entities); i++)
    if (g_str_has_prefix (p, entities[i].name)) {
      *length = strlen (entities[i].name);
      return entities[i].value;
    }
  gunichar c = read_reference (p, length);
  return g_unichar_validate (c) ? c : ' ';
}

char *
espeak_ssml_text (const char *markup, gsize chars, GArray **offsets)
{
  GString *text = g_string_new (NULL);
  gsize skip = 0; /* bytes of an entity that was decoded at its first one */
  gboolean in_tag = FALSE;

  *offsets = g_array_new (FALSE, FALSE, sizeof (guint));
  for (const char *p = markup; chars > 0 && *p != '\0'; p = g_utf8_next_char (p), chars--) {
    guint at = text->len;
    gunichar c = g_utf8_get_char (p);
    g_array_append_val (*offsets, at);

    if (skip > 0) {
      skip--;
      continue;
    }
    if (in_tag) {
      in_tag = c != '>';
      continue;
    }
    if (c == '<') {
      in_tag = TRUE;
      continue;
    }
    if (c == '&') {
      gsize length;
      gunichar decoded = read_entity (p, &length);
      if (length > 0) {
        c = decoded;
        skip = length - 1;
      }
    }
    if (!g_unichar_isspace (c))
      g_string_append_unichar (text, c);
    else if (text->len > 0 && text->str[text->len - 1] != ' ')
      g_string_append_c (text, ' ');
  }
  if (text->len > 0 && text->str[text->len - 1] == ' ')
    g_string_truncate (text, text->len - 1);
  guint at = text->len;
  g_array_append_val (*offsets, at);
  /* A trailing space that went away may be pointed at. */
  for (guint i = 0; i < (*offsets)->len; i++) {
    guint *offset = &g_array_index (*offsets, guint, i);
    *offset = MIN (*offset, at);
  }
  return g_string_free (text, FALSE);
}
