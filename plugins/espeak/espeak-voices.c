/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "espeak-voices.h"

#include <espeak-ng/speak_lib.h>
#include <medley/medley-error.h>
#include <string.h>

/* Written once, under the lock of espeak_core_open(). */
static GPtrArray *voices;   /* EspeakVoice */
static GPtrArray *variants; /* EspeakVoice; only name and label matter */

static void
espeak_voice_free (EspeakVoice *voice)
{
  g_free (voice->name);
  g_free (voice->identifier);
  g_free (voice->label);
  g_strfreev (voice->languages);
  g_free (voice->priorities);
  g_free (voice);
}

/* The usual capitals of BCP 47: en-GB, fa-Latn, en-GB-x-rp. */
static char *
canonical_tag (const char *tag)
{
  g_auto (GStrv) parts = NULL;
  g_autofree char *lower = g_ascii_strdown (tag, -1);

  g_strdelimit (lower, "_", '-');
  parts = g_strsplit (lower, "-", -1);
  for (guint i = 1; parts[0] != NULL && parts[i] != NULL; i++) {
    gsize length = strlen (parts[i]);
    if (length == 1)
      break;
    for (gsize j = 0; (length == 2 && j < 2) || (length == 4 && j < 1); j++)
      parts[i][j] = g_ascii_toupper (parts[i][j]);
  }
  return g_strjoinv ("-", parts);
}

static char *
basename_of (const char *identifier)
{
  const char *slash = strrchr (identifier, '/');
  return g_strdup (slash != NULL ? slash + 1 : identifier);
}

static EspeakVoice *
espeak_voice_new (const espeak_VOICE *from)
{
  EspeakVoice *voice = g_new0 (EspeakVoice, 1);
  g_autoptr (GPtrArray) languages = g_ptr_array_new ();
  g_autoptr (GByteArray) priorities = g_byte_array_new ();

  voice->identifier = g_strdup (from->identifier);
  voice->label = g_strstrip (g_strdup (from->name));
  voice->gender = from->gender == 1 ? "male" : from->gender == 2 ? "female" : NULL;

  /* Pairs of a priority byte and a terminated string, ended by a zero byte. */
  for (const char *p = from->languages; *p != '\0'; p += strlen (p + 1) + 2) {
    const guint8 priority = *p;
    g_byte_array_append (priorities, &priority, 1);
    g_ptr_array_add (languages, canonical_tag (p + 1));
  }
  g_ptr_array_add (languages, NULL);
  voice->priorities = g_byte_array_free (g_steal_pointer (&priorities), FALSE);
  voice->languages = (char **) g_ptr_array_free (g_steal_pointer (&languages), FALSE);
  return voice;
}

static EspeakVoice *
find_by_name (GPtrArray *list, const char *name)
{
  for (guint i = 0; i < list->len; i++) {
    EspeakVoice *voice = g_ptr_array_index (list, i);
    if (voice->name != NULL && g_ascii_strcasecmp (voice->name, name) == 0)
      return voice;
  }
  return NULL;
}

static GPtrArray *
load (const char *kind)
{
  espeak_VOICE spec = { .languages = kind };
  const espeak_VOICE **listed = espeak_ListVoices (kind != NULL ? &spec : NULL);
  GPtrArray *list = g_ptr_array_new_with_free_func ((GDestroyNotify) espeak_voice_free);

  for (guint i = 0; listed != NULL && listed[i] != NULL; i++) {
    g_autofree char *base = basename_of (listed[i]->identifier);
    EspeakVoice *voice = espeak_voice_new (listed[i]);

    /* Two voices may put the same language first: the second is known by its file. */
    if (kind != NULL || voice->languages[0] == NULL)
      voice->name = g_steal_pointer (&base);
    else if (find_by_name (list, voice->languages[0]) != NULL)
      voice->name = g_ascii_strdown (base, -1);
    else
      voice->name = g_ascii_strdown (voice->languages[0], -1);
    g_ptr_array_add (list, voice);
  }
  return list;
}

gboolean
espeak_voices_load (GError **error)
{
  g_clear_pointer (&voices, g_ptr_array_unref);
  g_clear_pointer (&variants, g_ptr_array_unref);
  variants = load ("variant");
  /* Last: the library looks names up in the list it made last. */
  voices = load (NULL);
  if (voices->len == 0) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_ENGINE_FAILED,
                 "libespeak-ng has no voices; install espeak-ng-data");
    return FALSE;
  }
  return TRUE;
}

GPtrArray *
espeak_voices_list (void)
{
  return voices;
}

static gboolean
same_name (const char *a, const char *b)
{
  g_autofree char *fa = g_utf8_casefold (a, -1);
  g_autofree char *fb = g_utf8_casefold (b, -1);
  return g_str_equal (fa, fb);
}

/* Index of @tag among the voice's languages, or -1. */
static int
find_language (const EspeakVoice *voice, const char *tag)
{
  for (guint i = 0; voice->languages[i] != NULL; i++)
    if (g_ascii_strcasecmp (voice->languages[i], tag) == 0)
      return i;
  return -1;
}

static EspeakVoice *
best_for_language (const char *tag)
{
  EspeakVoice *best = NULL;
  guint best_priority = G_MAXUINT;

  for (guint i = 0; i < voices->len; i++) {
    EspeakVoice *voice = g_ptr_array_index (voices, i);
    int at = find_language (voice, tag);
    if (at >= 0 && voice->priorities[at] < best_priority) {
      best = voice;
      best_priority = voice->priorities[at];
    }
  }
  return best;
}

static EspeakVoice *
find_voice (const char *name)
{
  g_autofree char *tag = canonical_tag (name);
  EspeakVoice *found = find_by_name (voices, tag);

  for (guint i = 0; found == NULL && i < voices->len; i++) {
    EspeakVoice *voice = g_ptr_array_index (voices, i);
    if (same_name (voice->identifier, name) || same_name (voice->label, name))
      found = voice;
  }
  if (found == NULL)
    found = best_for_language (tag);
  /* Files come last: "en" is the file of one voice and the language of many. */
  for (guint i = 0; found == NULL && i < voices->len; i++) {
    EspeakVoice *voice = g_ptr_array_index (voices, i);
    g_autofree char *base = basename_of (voice->identifier);
    if (same_name (base, name))
      found = voice;
  }
  return found;
}

static guint
edit_distance (const char *a, const char *b)
{
  gsize n = MIN (strlen (b), 63);
  guint row[64];

  for (gsize j = 0; j <= n; j++)
    row[j] = j;
  for (gsize i = 0; a[i] != '\0'; i++) {
    guint diagonal = row[0];
    row[0] = i + 1;
    for (gsize j = 1; j <= n; j++) {
      guint above = row[j];
      guint change = diagonal + (g_ascii_tolower (a[i]) != g_ascii_tolower (b[j - 1]));
      row[j] = MIN (change, MIN (above, row[j - 1]) + 1);
      diagonal = above;
    }
  }
  return row[n];
}

/* ", did you mean en-gb, en-us or en-029", or nothing when no name is near. */
static char *
suggestion (GPtrArray *list, const char *name)
{
  const char *nearest[3] = { NULL };
  guint distance[3] = { G_MAXUINT, G_MAXUINT, G_MAXUINT };
  guint limit = CLAMP (strlen (name) / 2, 1, 3);

  if (strlen (name) > 40)
    return g_strdup ("");
  for (guint i = 0; i < list->len; i++) {
    const EspeakVoice *voice = g_ptr_array_index (list, i);
    guint d = edit_distance (name, voice->name);
    if (d > limit)
      continue;
    for (guint k = 0; k < 3; k++)
      if (d < distance[k]) {
        for (guint m = 2; m > k; m--) {
          nearest[m] = nearest[m - 1];
          distance[m] = distance[m - 1];
        }
        nearest[k] = voice->name;
        distance[k] = d;
        break;
      }
  }
  if (nearest[0] == NULL)
    return g_strdup ("");
  return g_strdup_printf (", did you mean %s%s%s%s%s", nearest[0], nearest[1] != NULL ? ", " : "",
                          nearest[1] != NULL ? nearest[1] : "", nearest[2] != NULL ? ", " : "",
                          nearest[2] != NULL ? nearest[2] : "");
}

static char *
short_name (const char *name)
{
  return g_utf8_strlen (name, -1) > 40 ? g_utf8_substring (name, 0, 40) : g_strdup (name);
}

static EspeakVoice *
find_for_language (EspeakVoice *preferred, const char *language, GError **error)
{
  g_autofree char *tag = canonical_tag (language);

  if (find_language (preferred, tag) >= 0)
    return preferred;
  EspeakVoice *found = best_for_language (tag);
  /* en-AU has no voice of its own: the language without region, step by step. */
  while (found == NULL) {
    char *dash = strrchr (tag, '-');
    if (dash == NULL)
      break;
    *dash = '\0';
    found = find_language (preferred, tag) >= 0 ? preferred : best_for_language (tag);
  }
  if (found == NULL) {
    g_autofree char *shown = short_name (language);
    g_autofree char *hint = suggestion (voices, language);
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNKNOWN_LANGUAGE,
                 "espeak does not speak the language \"%s\"%s; \"medley voices espeak\" lists all",
                 shown, hint);
  }
  return found;
}

char *
espeak_voices_resolve (const char *voice, const char *language, char **tag, GError **error)
{
  const char *plus = strchr (voice, '+');
  g_autofree char *base = plus != NULL ? g_strndup (voice, plus - voice) : g_strdup (voice);
  const EspeakVoice *variant = NULL;

  EspeakVoice *found = find_voice (base);
  if (found == NULL) {
    g_autofree char *shown = short_name (voice);
    g_autofree char *hint = suggestion (voices, base);
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNKNOWN_VOICE,
                 "espeak has no voice \"%s\"%s; \"medley voices espeak\" lists all", shown, hint);
    return NULL;
  }
  for (guint i = 0; plus != NULL && variant == NULL && i < variants->len; i++) {
    const EspeakVoice *candidate = g_ptr_array_index (variants, i);
    if (same_name (candidate->name, plus + 1) || same_name (candidate->label, plus + 1))
      variant = candidate;
  }
  if (plus != NULL && variant == NULL) {
    g_autofree char *shown = short_name (plus + 1);
    g_autofree char *hint = suggestion (variants, plus + 1);
    g_set_error (
        error, MEDLEY_ERROR, MEDLEY_ERROR_UNKNOWN_VOICE,
        "espeak's voices have no variant \"%s\"%s; \"espeak-ng --voices=variant\" lists all", shown,
        hint);
    return NULL;
  }
  if (language != NULL && *language != '\0') {
    found = find_for_language (found, language, error);
    if (found == NULL)
      return NULL;
  }
  if (tag != NULL)
    *tag = g_strdup (found->languages[0] != NULL ? found->languages[0] : "");
  return variant != NULL ? g_strconcat (found->identifier, "+", variant->name, NULL)
                         : g_strdup (found->identifier);
}
