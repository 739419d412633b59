/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <medley/medley-sentencer.h>

#include <string.h>
#include <unicode/ubrk.h>
#include <unicode/uchar.h>
#include <unicode/uloc.h>
#include <unicode/utext.h>
#include <unicode/utf8.h>

#include "abbreviations.h"

/*
 * Each boundary depends on nothing but the text from the sentence's start up to WINDOW bytes: that
 * makes the result independent of how the text was fed, and the cost linear.
 */
#define WINDOW (MEDLEY_SENTENCE_MAX_BYTES + 512)
/* "z. B." and "av. J.-C." are known as abbreviations only when the rest of them is there. */
#define LOOKAHEAD 8
#define NONE G_MAXSIZE
#define COMPACT_BYTES (64 * 1024)

struct _MedleySentencer {
  UBreakIterator *sentences;
  UBreakIterator *lines;
  UBreakIterator *characters;
  Abbreviations *abbreviations;

  /* Places are indices into the text. */
  GString *text;
  guint64 base;   /* the stream's offset of text[0] */
  gsize head;     /* where the next sentence begins */
  gsize complete; /* up to here the text was said to be complete, or 0 */

  gsize hard;      /* after the next blank line, or NONE */
  gsize hard_seen; /* looked for it up to here */
  gboolean newline;

  GArray *ends; /* of gsize: sentences that were found and not yet taken */
  guint next_end;

  /* When to look again at a sentence that grows in small pieces. */
  gsize term_seen;
  gboolean after_term;
  gsize covered; /* up to here the last look could decide */
  gsize looked;  /* bytes of the last look that found nothing */
  gsize work;    /* bytes of all such looks for this sentence */

  char window[WINDOW];
};

static UBreakIterator *
open_iterator (UBreakIteratorType type, const char *locale)
{
  UErrorCode status = U_ZERO_ERROR;
  UBreakIterator *iterator = ubrk_open (type, locale, NULL, 0, &status);

  if (U_FAILURE (status)) {
    status = U_ZERO_ERROR;
    iterator = ubrk_open (type, "", NULL, 0, &status);
  }
  if (U_FAILURE (status))
    g_error ("ICU's data has no break rules: %s", u_errorName (status));
  return iterator;
}

MedleySentencer *
medley_sentencer_new (const char *locale)
{
  MedleySentencer *self = g_new0 (MedleySentencer, 1);
  char id[ULOC_FULLNAME_CAPACITY] = "en", plain[ULOC_LANG_CAPACITY * 4];
  UErrorCode status = U_ZERO_ERROR;

  if (locale != NULL && *locale != '\0' && !g_str_equal (locale, "C")
      && !g_str_has_prefix (locale, "C.") && !g_str_equal (locale, "POSIX")) {
    g_strlcpy (plain, locale, sizeof plain);
    plain[strcspn (plain, ".@")] = '\0';
    uloc_canonicalize (plain, id, sizeof id, &status);
    if (U_FAILURE (status))
      g_strlcpy (id, "en", sizeof id);
  }
  self->lines = open_iterator (UBRK_LINE, id);
  self->characters = open_iterator (UBRK_CHARACTER, id);
  self->sentences = open_iterator (UBRK_SENTENCE, id);
  self->abbreviations = abbreviations_load (id);
  self->text = g_string_new (NULL);
  self->ends = g_array_new (FALSE, FALSE, sizeof (gsize));
  medley_sentencer_reset (self);
  return self;
}

void
medley_sentencer_free (MedleySentencer *self)
{
  if (self == NULL)
    return;
  ubrk_close (self->sentences);
  ubrk_close (self->lines);
  ubrk_close (self->characters);
  abbreviations_free (self->abbreviations);
  g_string_free (self->text, TRUE);
  g_array_unref (self->ends);
  g_free (self);
}

static void
begin_sentence (MedleySentencer *self, gsize at)
{
  self->head = at;
  self->term_seen = at;
  self->after_term = FALSE;
  self->covered = self->looked = self->work = 0;
}

static void
forget_text (MedleySentencer *self)
{
  if (self->text->allocated_len > COMPACT_BYTES) {
    g_string_free (self->text, TRUE);
    self->text = g_string_new (NULL);
  } else {
    g_string_truncate (self->text, 0);
  }
  g_array_set_size (self->ends, 0);
  self->next_end = 0;
  self->complete = self->hard_seen = 0;
  self->hard = NONE;
  self->newline = FALSE;
  begin_sentence (self, 0);
}

void
medley_sentencer_reset (MedleySentencer *self)
{
  g_return_if_fail (self != NULL);

  forget_text (self);
  self->base = 0;
}

/* Drops what was taken, seldom enough that the cost stays linear. */
static void
compact (MedleySentencer *self)
{
  gsize n = self->head;

  if (self->next_end < self->ends->len || n == 0)
    return;
  if (n == self->text->len) {
    self->base += n;
    forget_text (self);
    return;
  }
  if (n < COMPACT_BYTES || n < self->text->len / 2)
    return;
  g_string_erase (self->text, 0, (gssize) n);
  self->base += n;
  self->complete -= MIN (self->complete, n);
  self->hard_seen -= MIN (self->hard_seen, n);
  if (self->hard != NONE)
    self->hard -= MIN (self->hard, n);
  self->term_seen -= MIN (self->term_seen, n);
  self->covered -= MIN (self->covered, n);
  self->head = 0;
}

void
medley_sentencer_feed (MedleySentencer *self, const char *text, gsize length)
{
  g_return_if_fail (self != NULL);
  g_return_if_fail (text != NULL || length == 0);

  compact (self);
  g_string_append_len (self->text, text, (gssize) length);
}

static gsize
skip_space (const char *text, gsize at, gsize end)
{
  gsize i = at;
  UChar32 c;

  while (i < end) {
    U8_NEXT (text, i, end, c);
    if (!u_isUWhiteSpace (c))
      return at;
    at = i;
  }
  return at;
}

static gsize
previous (const char *text, gsize at, gunichar *c)
{
  const char *p = g_utf8_prev_char (text + at);

  *c = g_utf8_get_char (p);
  return (gsize) (p - text);
}

/* Finds the end of the block: a blank line, a form feed or a paragraph separator. */
static void
find_hard (MedleySentencer *self)
{
  const char *text = self->text->str;

  if (self->hard != NONE && self->hard > self->head)
    return;
  if (self->hard != NONE || self->hard_seen < self->head) {
    self->hard_seen = MAX (self->hard_seen, self->head);
    self->hard = NONE;
    self->newline = FALSE;
  }
  while (self->hard_seen < self->text->len) {
    gsize i = self->hard_seen++;

    switch ((guchar) text[i]) {
    case '\n':
      if (self->newline) {
        self->hard = self->hard_seen;
        return;
      }
      self->newline = TRUE;
      break;
    case ' ':
    case '\t':
    case '\r':
      break;
    case 0xa9:
      self->newline = FALSE;
      if (i < 2 || (guchar) text[i - 1] != 0x80 || (guchar) text[i - 2] != 0xe2)
        break;
      G_GNUC_FALLTHROUGH;
    case '\f':
      self->hard = self->hard_seen;
      return;
    default:
      self->newline = FALSE;
    }
  }
}

static gboolean
is_letter (int property)
{
  return property == U_SB_OLETTER || property == U_SB_UPPER || property == U_SB_LOWER;
}

static gboolean
is_terminator (int property)
{
  return property == U_SB_STERM || property == U_SB_ATERM;
}

/* Whether the new text may have ended the sentence: a letter came after a terminator. */
static gboolean
worth_a_look (MedleySentencer *self)
{
  const char *text = self->text->str;
  gsize end = self->text->len;
  gsize size = end - self->head;

  while (self->term_seen < end) {
    gsize i = self->term_seen;
    int property;
    UChar32 c;

    U8_NEXT (text, i, end, c);
    property = u_getIntPropertyValue (c, UCHAR_SENTENCE_BREAK);
    if (self->after_term && (is_letter (property) || is_terminator (property))
        && self->term_seen >= self->covered) {
      if (self->term_seen + LOOKAHEAD > end)
        return FALSE;
      /* Text like "1.a.b.c" must not be read anew for each dot. */
      if (self->work > 16 * size + 1024 && size < self->looked + self->looked / 8)
        return FALSE;
      return TRUE;
    }
    if (is_terminator (property))
      self->after_term = TRUE;
    else if (is_letter (property))
      self->after_term = FALSE;
    self->term_seen = i;
  }
  return FALSE;
}

/* Line breaks end no sentence here: they become spaces of the same length. */
static void
fill_window (MedleySentencer *self, gsize start, gsize size)
{
  char *w = self->window;

  memcpy (w, self->text->str + start, size);
  for (gsize i = 0; i < size; i++) {
    guchar c = (guchar) w[i];

    if (c >= '\n' && c <= '\r') {
      w[i] = ' ';
    } else if (c == 0xc2 && i + 1 < size && (guchar) w[i + 1] == 0x85) {
      w[i + 1] = (char) 0xa0;
    } else if (c == 0xe2 && i + 2 < size && (guchar) w[i + 1] == 0x80
               && ((guchar) w[i + 2] == 0xa8 || (guchar) w[i + 2] == 0xa9)) {
      w[i + 2] = (char) 0x83;
    }
  }
}

static void
set_text (UBreakIterator *iterator, const char *text, gsize size)
{
  UErrorCode status = U_ZERO_ERROR;
  UText utext = UTEXT_INITIALIZER;

  utext_openUTF8 (&utext, text, (int64_t) size, &status);
  ubrk_setUText (iterator, &utext, &status);
  utext_close (&utext);
}

/* Whether more text could not undo a boundary: the rules look ahead to the next letter or
 * terminator. */
static gboolean
is_settled (const char *window, gsize size, gsize boundary)
{
  gsize i = boundary;

  while (i < size) {
    gsize at = i;
    int property;
    UChar32 c;

    U8_NEXT (window, i, size, c);
    property = u_getIntPropertyValue (c, UCHAR_SENTENCE_BREAK);
    if (is_letter (property) || is_terminator (property))
      return at + LOOKAHEAD <= size;
  }
  return FALSE;
}

/* Where to cut a run that is too long: after a word, else after a character. */
static gsize
cut_long (MedleySentencer *self, gsize start)
{
  const char *w = self->window + start;
  gsize size = MEDLEY_SENTENCE_MAX_BYTES;
  int32_t at;

  while ((w[size] & 0xc0) == 0x80)
    size--;
  set_text (self->lines, w, size);
  at = ubrk_preceding (self->lines, (int32_t) size);
  if (at > 0)
    return start + (gsize) at;
  set_text (self->characters, w, size);
  at = ubrk_preceding (self->characters, (int32_t) size);
  return start + (at > 0 ? (gsize) at : size);
}

/* The rules leave an opening bracket that follows without a space, as in Japanese, with the
 * sentence. */
static gsize
before_opening (const char *window, gsize start, gsize end)
{
  gunichar c;

  while (end > start) {
    gsize at = previous (window, end, &c);
    int8_t type = u_charType ((UChar32) c);

    if (at <= start || (type != U_START_PUNCTUATION && type != U_INITIAL_PUNCTUATION))
      break;
    end = at;
  }
  return end;
}

static void
add_end (MedleySentencer *self, gsize in_window)
{
  gsize end = self->head + in_window;

  g_array_append_val (self->ends, end);
}

/* Finds sentence ends in the window. @whole: it reaches the end of the block; @full: it cannot
 * grow. */
static void
cut_window (MedleySentencer *self, gsize size, gboolean whole, gboolean full)
{
  gsize start = 0, unsettled = 0;
  int32_t boundary;

  set_text (self->sentences, self->window, size);
  while ((boundary = ubrk_next (self->sentences)) != UBRK_DONE) {
    gsize end = (gsize) boundary;

    if (!whole && (end == size || !is_settled (self->window, size, end))) {
      unsettled = end < size ? end : 0;
      break;
    }
    if (end < size && abbreviations_hold (self->abbreviations, self->window, start, end, size))
      continue;
    if (end < size)
      end = before_opening (self->window, start, end);
    if (end - start > MEDLEY_SENTENCE_MAX_BYTES) {
      add_end (self, cut_long (self, start));
      return;
    }
    add_end (self, end);
    start = end;
  }
  if (start > 0 || !full)
    return;
  if (unsettled > 0 && unsettled <= MEDLEY_SENTENCE_MAX_BYTES)
    add_end (self, unsettled);
  else
    add_end (self, cut_long (self, 0));
}

static gboolean
look (MedleySentencer *self)
{
  gsize at = skip_space (self->text->str, self->head, self->text->len);
  gsize limit, size, window;
  gboolean whole, full;

  if (at > self->head)
    begin_sentence (self, at);
  if (at == self->text->len)
    return FALSE;
  find_hard (self);
  limit = self->hard;
  if (self->complete > self->head)
    limit = MIN (limit, self->complete);
  size = MIN (limit, self->text->len) - self->head;
  full = size >= WINDOW;
  window = full ? WINDOW : size;
  while (full && window < size && (self->text->str[self->head + window] & 0xc0) == 0x80)
    window--;
  whole = limit != NONE && window == size;
  if (!whole && !full && !worth_a_look (self))
    return FALSE;

  fill_window (self, self->head, window);
  g_array_set_size (self->ends, 0);
  self->next_end = 0;
  cut_window (self, window, whole, full);
  if (self->ends->len > 0)
    return TRUE;
  self->work += size;
  self->looked = size;
  self->covered = self->head + size - MIN (size, LOOKAHEAD);
  return FALSE;
}

static char *
trimmed (MedleySentencer *self, gsize start, gsize end, guint64 *offset)
{
  const char *text = self->text->str;
  gunichar c;

  start = skip_space (text, start, end);
  while (end > start) {
    gsize before = previous (text, end, &c);

    if (!u_isUWhiteSpace ((UChar32) c))
      break;
    end = before;
  }
  if (start >= end)
    return NULL;
  if (offset != NULL)
    *offset = self->base + start;
  return g_strndup (text + start, end - start);
}

char *
medley_sentencer_next (MedleySentencer *self, guint64 *offset)
{
  g_return_val_if_fail (self != NULL, NULL);

  do {
    while (self->next_end < self->ends->len) {
      gsize end = g_array_index (self->ends, gsize, self->next_end++);
      char *sentence = trimmed (self, self->head, end, offset);

      begin_sentence (self, end);
      if (sentence != NULL)
        return sentence;
    }
  } while (look (self));
  compact (self);
  return NULL;
}

/*
 * The last place up to @end where a sentence ends if a new one begins after @end: it is @end
 * itself, unless "Mr." or a comma stand there. Returns @head when there is none.
 */
static gsize
last_end (MedleySentencer *self, gsize end)
{
  gsize start = end - MIN (end - self->head, WINDOW - 2), size;
  int32_t boundary;
  gsize before = 0;

  while ((self->text->str[start] & 0xc0) == 0x80)
    start++;
  size = end - start;
  fill_window (self, start, size);
  memcpy (self->window + size, " X", 2);
  set_text (self->sentences, self->window, size + 2);
  while ((boundary = ubrk_next (self->sentences)) != UBRK_DONE && (gsize) boundary < size + 2)
    if (!abbreviations_hold (self->abbreviations, self->window, before, (gsize) boundary, size + 2))
      before = (gsize) boundary;
  return before > 0 ? MIN (start + before, end) : self->head;
}

void
medley_sentencer_idle (MedleySentencer *self)
{
  const char *text;
  gboolean line_break = FALSE;
  gunichar c;
  gsize end;

  g_return_if_fail (self != NULL);

  text = self->text->str;
  end = self->text->len;
  while (end > self->head) {
    gsize before = previous (text, end, &c);

    if (!u_isUWhiteSpace ((UChar32) c))
      break;
    line_break = line_break || (c >= '\n' && c <= '\r') || c == 0x85 || c == 0x2028;
    end = before;
  }
  if (end == self->head)
    return;
  if (!line_break)
    end = last_end (self, end);
  self->complete = MAX (self->complete, end);
}

void
medley_sentencer_drain (MedleySentencer *self)
{
  g_return_if_fail (self != NULL);

  self->complete = self->text->len;
}
