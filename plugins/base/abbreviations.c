/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ICU's own filter (the locale keyword "ss=standard") compares the end of the text with its list
 * without a look at what stands before: German "r." then joins each sentence that ends in "Wasser."
 * with the next. Here an abbreviation has to be a word of its own.
 */
#include "abbreviations.h"

#include <string.h>
#include <unicode/uchar.h>
#include <unicode/ures.h>
#include <unicode/ustring.h>
#include <unicode/utf8.h>

#define MAX_BYTES 64

struct _Abbreviations {
  GHashTable *all;   /* a set of strings */
  GPtrArray *spaced; /* those with a space inside, owned by the set */
  gsize longest;     /* bytes */
};

/* Titles that stand before a name and that ICU's English list (of version 72) lacks. */
static const char *const english_titles[]
    = { "Dr.", "Drs.", "St.", "Messrs.", "Mme.", "Mlle.", "Gen.", "Gov.", "Sen.", "Cmdr.", "Fr." };

static void
add (Abbreviations *self, const char *utf8)
{
  char *copy = g_strdup (utf8);

  if (!g_hash_table_add (self->all, copy))
    return;
  self->longest = MAX (self->longest, strlen (copy));
  if (strchr (copy, ' ') != NULL)
    g_ptr_array_add (self->spaced, copy);
}

static void
add_utf16 (Abbreviations *self, const UChar *string, int32_t length)
{
  char utf8[MAX_BYTES];
  UErrorCode status = U_ZERO_ERROR;

  u_strToUTF8 (utf8, sizeof utf8, NULL, string, length, &status);
  if (U_SUCCESS (status) && status != U_STRING_NOT_TERMINATED_WARNING)
    add (self, utf8);
}

Abbreviations *
abbreviations_load (const char *locale)
{
  Abbreviations *self = g_new0 (Abbreviations, 1);
  UErrorCode status = U_ZERO_ERROR;
  UResourceBundle *bundle = ures_open (U_ICUDATA_NAME "-brkitr", locale, &status);
  UResourceBundle *exceptions = NULL, *list = NULL;

  self->all = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->spaced = g_ptr_array_new ();
  /* An unknown language gets the default locale's: that of the machine, which is none of ours. */
  if (status != U_USING_DEFAULT_WARNING) {
    exceptions = ures_getByKey (bundle, "exceptions", NULL, &status);
    list = ures_getByKey (exceptions, "SentenceBreak", NULL, &status);
  }
  for (int32_t i = 0; list != NULL && U_SUCCESS (status) && i < ures_getSize (list); i++) {
    int32_t length;
    const UChar *string = ures_getStringByIndex (list, i, &length, &status);

    if (U_SUCCESS (status))
      add_utf16 (self, string, length);
  }
  if (g_str_has_prefix (locale, "en")) {
    for (guint i = 0; i < G_N_ELEMENTS (english_titles); i++)
      add (self, english_titles[i]);
  }
  ures_close (list);
  ures_close (exceptions);
  ures_close (bundle);
  return self;
}

void
abbreviations_free (Abbreviations *self)
{
  g_hash_table_unref (self->all);
  g_ptr_array_unref (self->spaced);
  g_free (self);
}

static gboolean
begins_word (const char *text, gsize start, gsize at)
{
  gsize before = at;
  UChar32 c;

  if (at == start)
    return TRUE;
  while (before > start && (text[--before] & 0xc0) == 0x80)
    ;
  U8_NEXT (text, before, at, c);
  return !u_isalnum (c);
}

/* Whether the text up to @end ends in an abbreviation. */
static gboolean
ends_in_one (Abbreviations *self, const char *text, gsize start, gsize end)
{
  gsize from = end - MIN (end - start, self->longest);
  char word[MAX_BYTES];

  for (gsize at = from; at < end; at++) {
    if ((text[at] & 0xc0) == 0x80 || !begins_word (text, start, at))
      continue;
    memcpy (word, text + at, end - at);
    word[end - at] = '\0';
    if (g_hash_table_contains (self->all, word))
      return TRUE;
  }
  return FALSE;
}

/* Whether @at is one of the spaces' ends inside of @string, which stands in the text there. */
static gboolean
is_inside (const char *string, const char *text, gsize start, gsize at, gsize end)
{
  gsize size = strlen (string);

  for (const char *space = strchr (string, ' '); space != NULL; space = strchr (space + 1, ' ')) {
    gsize before = (gsize) (space - string) + 1;

    if (before <= at - start && size - before <= end - at
        && memcmp (text + at - before, string, size) == 0 && begins_word (text, start, at - before))
      return TRUE;
  }
  return FALSE;
}

gboolean
abbreviations_hold (Abbreviations *self, const char *text, gsize start, gsize at, gsize end)
{
  gsize word_end = at;

  while (word_end > start && text[word_end - 1] == ' ')
    word_end--;
  if (word_end == start || text[word_end - 1] != '.')
    return FALSE;
  if (ends_in_one (self, text, start, word_end))
    return TRUE;
  for (guint i = 0; i < self->spaced->len; i++)
    if (is_inside (g_ptr_array_index (self->spaced, i), text, start, at, end))
      return TRUE;
  return FALSE;
}
