/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/session/heard.h"

#include <string.h>

#include "base/json.h"

/* How far ahead a word is looked for. */
#define WINDOW 2048
/* Times are written down in microseconds, and cut off. */
#define ROUNDING 2

struct _MedleySessionHeard {
  MedleySessionTextFunc read;
  gpointer data;
  guint64 bytes; /* behind the last word that was found */
  guint64 characters;
  char window[WINDOW + 1];
  gsize filled; /* of the window, which begins at `bytes` */
};

/* Captions */

void
medley_session_caption_free (MedleySessionCaption *self)
{
  g_free (self->text);
  g_array_unref (self->words);
  g_free (self);
}

static gint64
read_time (GVariant *dict, const char *key)
{
  double seconds;

  if (!g_variant_lookup (dict, key, "d", &seconds) || !(seconds >= 0 && seconds < 1e9))
    return -1;
  return (gint64) (seconds * 1e6 + 0.5);
}

static void
take_words (MedleySessionCaption *self, GVariant *list)
{
  gsize at = 0;
  gint64 characters = 0;

  for (gsize i = 0; i < g_variant_n_children (list); i++) {
    g_autoptr (GVariant) boxed = g_variant_get_child_value (list, i);
    g_autoptr (GVariant) word = g_variant_get_variant (boxed);
    MedleySessionWord mark;
    const char *text = NULL;
    gint64 offset = -1;

    if (!g_variant_is_of_type (word, G_VARIANT_TYPE_VARDICT)
        || !g_variant_lookup (word, "text", "&s", &text)
        || !g_variant_lookup (word, "offset", "x", &offset) || offset < characters)
      continue;
    while (characters < offset && self->text[at] != '\0') {
      at = (gsize) (g_utf8_next_char (self->text + at) - self->text);
      characters++;
    }
    mark = (MedleySessionWord){ at, strlen (text), read_time (word, "start"),
                                read_time (word, "end") };
    if (mark.start >= 0 && mark.end >= mark.start && mark.length > 0
        && strncmp (self->text + at, text, mark.length) == 0)
      g_array_append_val (self->words, mark);
  }
}

/* What stands between spaces. */
static void
guess_words (MedleySessionCaption *self)
{
  gsize length = strlen (self->text);
  gint64 duration = self->end - self->start;

  for (gsize at = 0; at < length;) {
    gsize n = strcspn (self->text + at, " \t\r\n");
    MedleySessionWord mark = { at, n, self->start + duration * (gint64) at / (gint64) length,
                               self->start + duration * (gint64) (at + n) / (gint64) length };

    if (n > 0)
      g_array_append_val (self->words, mark);
    at += n + 1;
  }
}

MedleySessionCaption *
medley_session_caption_parse (const char *line, gsize length)
{
  g_autoptr (GVariant) value = medley_json_parse (line, length, NULL, NULL, NULL);
  g_autoptr (GVariant) list = NULL;
  MedleySessionCaption *self;
  const char *text = NULL;

  if (value == NULL || !g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT)
      || !g_variant_lookup (value, "text", "&s", &text))
    return NULL;
  self = g_new0 (MedleySessionCaption, 1);
  self->text = g_strdup (text);
  self->start = read_time (value, "start");
  self->end = read_time (value, "end");
  self->words = g_array_new (FALSE, FALSE, sizeof (MedleySessionWord));
  if (self->start < 0 || self->end < self->start) {
    self->start = self->end = -1;
    return self;
  }
  list = g_variant_lookup_value (value, "words", G_VARIANT_TYPE ("av"));
  if (list != NULL)
    take_words (self, list);
  if (self->words->len == 0)
    guess_words (self);
  return self;
}

/* Finding them in the text */

MedleySessionHeard *
medley_session_heard_new (MedleySessionTextFunc read, gpointer data)
{
  MedleySessionHeard *self = g_new0 (MedleySessionHeard, 1);

  self->read = read;
  self->data = data;
  return self;
}

void
medley_session_heard_free (MedleySessionHeard *self)
{
  g_free (self);
}

static void
fill (MedleySessionHeard *self)
{
  while (self->filled < WINDOW) {
    gsize n = self->read (self->bytes + self->filled, self->window + self->filled,
                          WINDOW - self->filled, self->data);

    if (n == 0)
      break;
    self->filled += n;
  }
  self->window[self->filled] = '\0';
}

/* Passes over @length bytes of the window, whole characters. */
static void
advance (MedleySessionHeard *self, gsize length)
{
  for (gsize i = 0; i < length; i++)
    self->characters += ((guchar) self->window[i] & 0xc0) != 0x80;
  self->bytes += length;
  self->filled -= length;
  memmove (self->window, self->window + length, self->filled);
}

/* A word is not found within another one. Returns: where it begins in the window, or -1 */
static gssize
find (MedleySessionHeard *self, const char *word, gsize length)
{
  const char *at = self->window;
  const char *end = self->window + self->filled;

  while ((gsize) (end - at) >= length
         && (at = memmem (at, (gsize) (end - at), word, length)) != NULL) {
    const char *before = at > self->window ? g_utf8_find_prev_char (self->window, at) : NULL;

    if (before == NULL || !g_unichar_isalnum (g_utf8_get_char_validated (before, at - before)))
      return at - self->window;
    at++;
  }
  return -1;
}

gboolean
medley_session_heard_add (MedleySessionHeard *self, const MedleySessionCaption *caption,
                          gint64 time, MedleySessionPlace *place)
{
  gboolean found = FALSE;
  gsize tail = 0;

  *place = (MedleySessionPlace){ self->characters, self->characters, self->bytes, 0 };
  for (guint i = 0; i < caption->words->len; i++) {
    const MedleySessionWord *word = &g_array_index (caption->words, MedleySessionWord, i);
    gssize at;

    if (word->end > time + ROUNDING)
      return found;
    tail = place->spoken = word->offset + word->length;
    fill (self);
    at = find (self, caption->text + word->offset, word->length);
    if (at < 0)
      continue;
    advance (self, (gsize) at);
    if (!found)
      place->first_character = self->characters;
    found = TRUE;
    advance (self, word->length);
    place->characters = self->characters;
    place->bytes = self->bytes;
  }
  /* All of it: the full stop, too. */
  if (caption->end >= 0 && caption->end <= time + ROUNDING) {
    gsize length = strlen (caption->text);

    fill (self);
    if (length - tail <= self->filled
        && memcmp (self->window, caption->text + tail, length - tail) == 0)
      advance (self, length - tail);
    place->characters = self->characters;
    place->bytes = self->bytes;
    place->spoken = length;
  }
  return found;
}
