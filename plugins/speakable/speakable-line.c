/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "speakable-line.h"

#include <string.h>

/* Seldom anything else, so that they need no space after them: recognised text often has none. */
static const char bullets[] = "•‣⁃◦●○◉■□▪▫◆◇►▸▹➢➤✓✔❖";
/* Letters that are looked at of a divided word's other part. */
#define MAX_PART 40

static const char dashes[] = "–—―";
static const char rule_marks[] = "-_=*~#+·–—―";

static gboolean
is_one_of (gunichar c, const char *set)
{
  return c != 0 && g_utf8_strchr (set, -1, c) != NULL;
}

gboolean
speakable_is_hyphen (gunichar c)
{
  return c == '-' || c == 0x2010;
}

gboolean
speakable_is_rule_mark (gunichar c)
{
  return is_one_of (c, rule_marks) || is_one_of (c, bullets);
}

/* How many characters of a rule the line consists of, or -1 when there is anything else. */
static int
count_rule (const char *head)
{
  int n = 0;

  for (; *head != '\0'; head = g_utf8_next_char (head)) {
    gunichar c = g_utf8_get_char (head);

    if (speakable_is_rule_mark (c))
      n++;
    else if (c != ' ')
      return -1;
  }
  return n;
}

/* The bytes of all bullets the line begins with ("* - milk"). */
static gsize
skip_bullets (const char *head)
{
  const char *p = head;

  for (;;) {
    gunichar c = g_utf8_get_char (p);
    const char *next = c != 0 ? g_utf8_next_char (p) : p;

    if (!is_one_of (c, bullets) && !(is_one_of (c, "-*·") && *next == ' '))
      return (gsize) (p - head);
    for (p = next; *p == ' ';)
      p++;
  }
}

/* "1." "12)" "(3)" "a)" "(b)" before a space. */
static SpeakableLine
classify_number (const char *head, gboolean complete, gboolean fresh)
{
  const SpeakableLine more = complete ? SPEAKABLE_LINE_TEXT : SPEAKABLE_LINE_UNKNOWN;
  const char *p = head;
  gboolean open = *p == '(', letter;
  gsize digits;

  if (open)
    p++;
  digits = strspn (p, "0123456789");
  letter = digits == 0 && g_ascii_isalpha (*p);
  if (digits > 3 || (digits == 0 && !letter && *p != '\0'))
    return SPEAKABLE_LINE_TEXT;
  /* The first of a list follows whatever introduces it. */
  fresh = fresh || (digits == 1 && *p == '1' && !open);
  p += letter ? 1 : digits;
  if (*p == '\0')
    return more;
  if (*p != ')' && (*p != '.' || open || letter))
    return SPEAKABLE_LINE_TEXT;
  p++;
  if (*p == '\0' && !complete)
    return SPEAKABLE_LINE_UNKNOWN;
  return (*p == ' ' || *p == '\0') && fresh ? SPEAKABLE_LINE_ITEM : SPEAKABLE_LINE_TEXT;
}

SpeakableLine
speakable_line_classify (const char *head, gboolean complete, gboolean fresh, gsize *skip)
{
  gunichar first = g_utf8_get_char (head);
  int rule = count_rule (head);

  *skip = 0;
  if (rule >= 0) {
    if (!complete)
      return SPEAKABLE_LINE_UNKNOWN;
    return rule >= 3 || is_one_of (first, bullets) || g_str_equal (head, "*") ? SPEAKABLE_LINE_RULE
                                                                              : SPEAKABLE_LINE_TEXT;
  }
  *skip = skip_bullets (head);
  if (*skip > 0)
    return SPEAKABLE_LINE_ITEM;
  /* A dash may begin a line of talk, or go on with a sentence. */
  if (is_one_of (first, dashes))
    return fresh && *g_utf8_next_char (head) == ' ' ? SPEAKABLE_LINE_ITEM : SPEAKABLE_LINE_TEXT;
  return classify_number (head, complete, fresh);
}

/* "Vor-\nund Nachteile": the hyphen stands for the rest of a word that comes later. Words that
 * divided words end with ("schrei-en") are not among these. */
static gboolean
is_conjunction (const char *word, gsize length)
{
  static const char *const words[] = { "and", "or", "und", "oder", "bzw", "et", "ou" };

  for (guint i = 0; i < G_N_ELEMENTS (words); i++) {
    if (strlen (words[i]) == length && memcmp (words[i], word, length) == 0)
      return TRUE;
  }
  return FALSE;
}

static gboolean
is_caseless (gunichar c)
{
  return g_unichar_type (c) == G_UNICODE_OTHER_LETTER;
}

static gboolean
is_letter (gunichar c)
{
  return g_unichar_isalpha (c) || g_unichar_ismark (c);
}

SpeakableJoin
speakable_join_classify (gboolean divided, gunichar before, const char *head, gboolean complete)
{
  gunichar first = g_utf8_get_char (head);
  const char *end = head;
  guint n_letters = 0;

  if (!g_unichar_isalnum (first))
    return SPEAKABLE_JOIN_SPACE;
  for (; is_letter (g_utf8_get_char (end)) && n_letters < MAX_PART; end = g_utf8_next_char (end))
    n_letters++;
  /* The part ends, or a hyphen does ("state-\nof-the-art") and it must be seen what follows. */
  if (!complete && n_letters < MAX_PART
      && (*end == '\0'
          || (speakable_is_hyphen (g_utf8_get_char (end)) && *g_utf8_next_char (end) == '\0')))
    return SPEAKABLE_JOIN_UNKNOWN;
  /* No word is divided before its last letter. */
  if (g_unichar_islower (first) && (n_letters == 1 || is_conjunction (head, (gsize) (end - head))))
    return SPEAKABLE_JOIN_SPACE;
  if (speakable_is_hyphen (g_utf8_get_char (end))
      && g_unichar_isalnum (g_utf8_get_char (g_utf8_next_char (end))))
    return SPEAKABLE_JOIN_COMPOUND;
  if (divided && (g_unichar_islower (first) || (is_caseless (first) && is_caseless (before))))
    return SPEAKABLE_JOIN_WORD;
  return SPEAKABLE_JOIN_COMPOUND;
}

static gboolean
is_unspaced (gunichar c)
{
  /* Their punctuation and the fullwidth forms belong to no script. */
  if ((c >= 0x3000 && c <= 0x303f) || (c >= 0xff01 && c <= 0xff9f))
    return TRUE;
  switch (g_unichar_get_script (c)) {
  case G_UNICODE_SCRIPT_HAN:
  case G_UNICODE_SCRIPT_HIRAGANA:
  case G_UNICODE_SCRIPT_KATAKANA:
  case G_UNICODE_SCRIPT_BOPOMOFO:
  case G_UNICODE_SCRIPT_YI:
  case G_UNICODE_SCRIPT_THAI:
  case G_UNICODE_SCRIPT_LAO:
  case G_UNICODE_SCRIPT_KHMER:
  case G_UNICODE_SCRIPT_MYANMAR:
    return TRUE;
  default:
    return c == 0x30fb || c == 0x30fc;
  }
}

/* Digits, quotes, dashes and dots go by what is on their other side. */
static gboolean
is_neutral (gunichar c)
{
  return g_unichar_isdigit (c) || (c >= 0x2010 && c <= 0x2027);
}

gboolean
speakable_joins_unspaced (gunichar last, gunichar first)
{
  if (is_unspaced (last))
    return is_unspaced (first) || is_neutral (first);
  return is_neutral (last) && is_unspaced (first);
}
