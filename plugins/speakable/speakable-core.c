/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "speakable-core.h"

#include <string.h>

#include "speakable-line.h"

/* No more is kept of a line that has been a rule so far. */
#define RULE_BYTES 64

#define SOFT_HYPHEN 0x00ad
#define NEXT_LINE 0x0085
#define LINE_SEPARATOR 0x2028
#define PARAGRAPH_SEPARATOR 0x2029

/* What stands between the last character that was put out and the next. */
typedef enum {
  GAP_START, /* the text's start */
  GAP_NONE,  /* nothing */
  GAP_SPACE, /* white space within a line */
  GAP_LINE,  /* a line break */
  GAP_BREAK, /* a paragraph's end */
} Gap;

struct _Speakable {
  GString *out;
  gsize taken; /* bytes of it */

  Gap gap;
  gboolean break_is_out; /* of the gap, one line break is out already */
  gunichar hyphen;       /* held back after the last character: it may end the line */

  gboolean in_head; /* the line's beginning is collected until it tells what the line is */
  GString *head;
  gboolean in_rule; /* all of it may be a rule */
  gboolean after_soft;
  gboolean after_cr;

  /* Of what was put out last: */
  gunichar last;        /* the character */
  guint letters;        /* letters at the end of it */
  gunichar before_word; /* the character before these */
  gboolean in_item;     /* the paragraph is an item of a list */
  gboolean ends_sentence;
};

Speakable *
speakable_new (void)
{
  Speakable *self = g_new0 (Speakable, 1);

  self->out = g_string_new (NULL);
  self->head = g_string_new (NULL);
  self->in_head = self->in_rule = TRUE;
  return self;
}

void
speakable_free (Speakable *self)
{
  g_string_free (self->out, TRUE);
  g_string_free (self->head, TRUE);
  g_free (self);
}

void
speakable_reset (Speakable *self)
{
  GString *out = self->out, *head = self->head;

  g_string_truncate (out, 0);
  g_string_truncate (head, 0);
  *self = (Speakable){ .out = out, .head = head, .in_head = TRUE, .in_rule = TRUE };
}

static gboolean
is_closer (gunichar c)
{
  GUnicodeType type = g_unichar_type (c);

  return c == '"' || c == '\'' || type == G_UNICODE_CLOSE_PUNCTUATION
         || type == G_UNICODE_FINAL_PUNCTUATION || type == G_UNICODE_INITIAL_PUNCTUATION;
}

static gboolean
is_sentence_end (gunichar c)
{
  return c != 0 && g_utf8_strchr (".!?:;…。！？：；؟।", -1, c) != NULL;
}

static void
put (Speakable *self, gunichar c)
{
  g_string_append_unichar (self->out, c);
  self->last = c;
  if (g_unichar_isalpha (c)) {
    self->letters++;
    self->ends_sentence = FALSE;
    return;
  }
  if (!g_unichar_ismark (c)) {
    self->letters = 0;
    self->before_word = c;
  }
  if (c != ' ' && c != '\n' && !is_closer (c))
    self->ends_sentence = is_sentence_end (c);
}

/* Puts out a hyphen that turned out to be one; a soft one is never. */
static void
put_hyphen (Speakable *self)
{
  if (self->hyphen != 0 && self->hyphen != SOFT_HYPHEN)
    put (self, self->hyphen);
  self->hyphen = 0;
}

/* Whether what stands before the held hyphen can be the first part of a divided word: two letters
 * or more, and neither a part of a compound ("mother-in-"), nor of an address or a number. */
static gboolean
may_be_divided (Speakable *self)
{
  gunichar c = self->before_word;

  return self->letters >= 2
         && (c == 0 || c == ' ' || c == '\n' || c == '\'' || c == 0x2019
             || g_unichar_type (c) == G_UNICODE_OPEN_PUNCTUATION
             || g_unichar_type (c) == G_UNICODE_INITIAL_PUNCTUATION
             || g_unichar_type (c) == G_UNICODE_FINAL_PUNCTUATION || c == '"' || c == 0x2013
             || c == 0x2014);
}

/* Puts out what joins this line with the one before. FALSE: too little of it is known. */
static gboolean
put_joint (Speakable *self, gboolean complete)
{
  gunichar first = g_utf8_get_char (self->head->str);

  if (self->hyphen == SOFT_HYPHEN) {
    if (!g_unichar_isalpha (first))
      put (self, ' ');
  } else if (self->hyphen == 0) {
    if (!speakable_joins_unspaced (self->last, first))
      put (self, ' ');
  } else {
    gboolean is_dash = !g_unichar_isalnum (self->last) && !g_unichar_ismark (self->last);
    SpeakableJoin join = is_dash ? SPEAKABLE_JOIN_SPACE
                                 : speakable_join_classify (may_be_divided (self), self->last,
                                                            self->head->str, complete);

    if (join == SPEAKABLE_JOIN_UNKNOWN)
      return FALSE;
    if (join != SPEAKABLE_JOIN_WORD)
      put_hyphen (self);
    if (join == SPEAKABLE_JOIN_SPACE)
      put (self, ' ');
  }
  self->hyphen = 0;
  return TRUE;
}

static void
end_paragraph (Speakable *self)
{
  put_hyphen (self);
  if (self->gap != GAP_START)
    self->gap = GAP_BREAK;
}

static void
begin_paragraph (Speakable *self)
{
  if (self->gap == GAP_BREAK) {
    if (!self->break_is_out)
      put (self, '\n');
    put (self, '\n');
  }
  self->break_is_out = FALSE;
  self->in_item = FALSE;
}

/* One character within a line. */
static void
add_to_line (Speakable *self, gunichar c)
{
  if (c == ' ') {
    if (self->gap == GAP_NONE)
      self->gap = GAP_SPACE;
    return;
  }
  put_hyphen (self);
  if (self->gap == GAP_SPACE)
    put (self, ' ');
  self->gap = GAP_NONE;
  if (speakable_is_hyphen (c))
    self->hyphen = c;
  else
    put (self, c);
}

/* Looks at the head, and goes on with the line itself when it tells what the line is. */
static void
settle_head (Speakable *self, gboolean complete)
{
  gboolean open = self->gap == GAP_LINE;
  gboolean fresh = !open || self->in_item || (self->ends_sentence && self->hyphen == 0);
  gsize skip;
  SpeakableLine line = speakable_line_classify (self->head->str, complete, fresh, &skip);

  if (line == SPEAKABLE_LINE_UNKNOWN)
    return;
  if (line == SPEAKABLE_LINE_RULE) {
    end_paragraph (self);
    g_string_truncate (self->head, 0);
    return;
  }
  if (line == SPEAKABLE_LINE_TEXT && open) {
    if (!self->break_is_out && !put_joint (self, complete))
      return;
    self->break_is_out = FALSE;
  } else {
    end_paragraph (self);
    begin_paragraph (self);
    self->in_item = line == SPEAKABLE_LINE_ITEM;
  }
  self->gap = GAP_NONE;
  self->in_head = FALSE;
  for (const char *p = self->head->str + skip; *p != '\0'; p = g_utf8_next_char (p))
    add_to_line (self, g_utf8_get_char (p));
  g_string_truncate (self->head, 0);
}

static void
end_line (Speakable *self)
{
  gboolean blank = self->in_head && self->head->len == 0;

  if (blank)
    end_paragraph (self);
  else if (self->in_head)
    settle_head (self, TRUE);
  if (!self->in_head) {
    self->gap = GAP_LINE;
    if (self->after_soft && self->hyphen == 0)
      self->hyphen = SOFT_HYPHEN;
  }
  self->in_head = self->in_rule = TRUE;
  self->after_soft = FALSE;
}

/* One character of a line's beginning. */
static void
add_to_head (Speakable *self, gunichar c)
{
  if (c == ' ' && (self->head->len == 0 || self->head->str[self->head->len - 1] == ' '))
    return;
  self->in_rule = self->in_rule && (c == ' ' || speakable_is_rule_mark (c));
  if (self->in_rule && self->head->len > RULE_BYTES)
    return;
  g_string_append_unichar (self->head, c);
  /* A rule tells nothing before its end; to ask each time would take long for a long one. */
  if (!self->in_rule)
    settle_head (self, FALSE);
}

static void
add (Speakable *self, gunichar c)
{
  gboolean after_cr = self->after_cr;

  self->after_cr = c == '\r';
  switch (c) {
  case '\n':
    if (!after_cr)
      end_line (self);
    return;
  case '\r':
  case '\v':
  case NEXT_LINE:
  case LINE_SEPARATOR:
    end_line (self);
    return;
  case '\f':
  case PARAGRAPH_SEPARATOR:
    end_line (self);
    end_paragraph (self);
    return;
  case SOFT_HYPHEN:
    self->after_soft = TRUE;
    return;
  default:
    break;
  }
  if (g_unichar_isspace (c))
    c = ' ';
  else
    self->after_soft = FALSE;
  if (self->in_head)
    add_to_head (self, c);
  else
    add_to_line (self, c);
}

void
speakable_feed (Speakable *self, const char *text, gsize length)
{
  const char *end = text + length;

  g_string_erase (self->out, 0, (gssize) self->taken);
  self->taken = 0;
  for (; text < end; text = g_utf8_next_char (text))
    add (self, g_utf8_get_char (text));
}

void
speakable_idle (Speakable *self)
{
  if (self->gap != GAP_LINE && self->gap != GAP_BREAK)
    return;
  if (self->head->len > 0 || self->hyphen != 0 || self->break_is_out)
    return;
  put (self, '\n');
  self->break_is_out = TRUE;
}

void
speakable_drain (Speakable *self)
{
  gboolean ended = self->in_head && self->head->len == 0;

  if (self->head->len > 0)
    settle_head (self, TRUE);
  put_hyphen (self);
  if ((ended || self->gap == GAP_BREAK) && self->gap != GAP_START && !self->break_is_out)
    put (self, '\n');
}

const char *
speakable_take (Speakable *self, gsize *length)
{
  gsize left = self->out->len - self->taken, n;
  const char *piece, *end;

  if (left == 0)
    return NULL;
  piece = self->out->str + self->taken;
  n = MIN (left, SPEAKABLE_PIECE_BYTES);
  end = g_strstr_len (piece, (gssize) n, "\n\n");
  if (end != NULL) {
    n = (gsize) (end + 2 - piece);
  } else if (n < left) {
    gsize space = n;

    while (space > 0 && piece[space - 1] != ' ')
      space--;
    if (space > 0)
      n = space;
    else
      n = (gsize) (g_utf8_find_prev_char (piece, piece + n + 1) - piece);
  }
  self->taken += n;
  *length = n;
  return piece;
}
