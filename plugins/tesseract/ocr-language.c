/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ocr-language.h"

#include <string.h>

typedef struct {
  char tag[4];
  const char *model;
} Language;

/* ISO 639-1 (and the few three-letter tags that differ) to the names of Tesseract's models. */
static const Language languages[] = {
  { "af", "afr" }, { "am", "amh" },     { "ar", "ara" }, { "as", "asm" }, { "az", "aze" },
  { "be", "bel" }, { "bg", "bul" },     { "bn", "ben" }, { "bo", "bod" }, { "br", "bre" },
  { "bs", "bos" }, { "ca", "cat" },     { "co", "cos" }, { "cs", "ces" }, { "cy", "cym" },
  { "da", "dan" }, { "de", "deu" },     { "dv", "div" }, { "dz", "dzo" }, { "el", "ell" },
  { "en", "eng" }, { "eo", "epo" },     { "es", "spa" }, { "et", "est" }, { "eu", "eus" },
  { "fa", "fas" }, { "fi", "fin" },     { "fo", "fao" }, { "fr", "fra" }, { "fy", "fry" },
  { "ga", "gle" }, { "gd", "gla" },     { "gl", "glg" }, { "gu", "guj" }, { "he", "heb" },
  { "hi", "hin" }, { "hr", "hrv" },     { "ht", "hat" }, { "hu", "hun" }, { "hy", "hye" },
  { "id", "ind" }, { "is", "isl" },     { "it", "ita" }, { "iu", "iku" }, { "ja", "jpn" },
  { "jv", "jav" }, { "ka", "kat" },     { "kk", "kaz" }, { "km", "khm" }, { "kn", "kan" },
  { "ko", "kor" }, { "ku", "kmr" },     { "ky", "kir" }, { "la", "lat" }, { "lb", "ltz" },
  { "lo", "lao" }, { "lt", "lit" },     { "lv", "lav" }, { "mi", "mri" }, { "mk", "mkd" },
  { "ml", "mal" }, { "mn", "mon" },     { "mr", "mar" }, { "ms", "msa" }, { "mt", "mlt" },
  { "my", "mya" }, { "nb", "nor" },     { "ne", "nep" }, { "nl", "nld" }, { "nn", "nor" },
  { "no", "nor" }, { "oc", "oci" },     { "or", "ori" }, { "pa", "pan" }, { "pl", "pol" },
  { "ps", "pus" }, { "pt", "por" },     { "qu", "que" }, { "ro", "ron" }, { "ru", "rus" },
  { "sa", "san" }, { "sd", "snd" },     { "si", "sin" }, { "sk", "slk" }, { "sl", "slv" },
  { "sq", "sqi" }, { "sr", "srp" },     { "su", "sun" }, { "sv", "swe" }, { "sw", "swa" },
  { "ta", "tam" }, { "te", "tel" },     { "tg", "tgk" }, { "th", "tha" }, { "ti", "tir" },
  { "tl", "fil" }, { "to", "ton" },     { "tr", "tur" }, { "tt", "tat" }, { "ug", "uig" },
  { "uk", "ukr" }, { "ur", "urd" },     { "uz", "uzb" }, { "vi", "vie" }, { "yi", "yid" },
  { "yo", "yor" }, { "zh", "chi_sim" },
};

static gboolean
has_subtag (char **subtags, const char *wanted)
{
  for (guint i = 1; subtags[i]; i++)
    if (g_ascii_strcasecmp (subtags[i], wanted) == 0)
      return TRUE;
  return FALSE;
}

/* Where a language has models for two scripts, the script (or for Chinese the region) decides. */
static const char *
model_for_script (const char *model, char **subtags)
{
  if (g_str_equal (model, "chi_sim")) {
    gboolean traditional = has_subtag (subtags, "Hant") || has_subtag (subtags, "TW")
                           || has_subtag (subtags, "HK") || has_subtag (subtags, "MO");
    return traditional && !has_subtag (subtags, "Hans") ? "chi_tra" : model;
  }
  if (g_str_equal (model, "srp") && has_subtag (subtags, "Latn"))
    return "srp_latn";
  if (g_str_equal (model, "aze") && has_subtag (subtags, "Cyrl"))
    return "aze_cyrl";
  if (g_str_equal (model, "uzb") && has_subtag (subtags, "Cyrl"))
    return "uzb_cyrl";
  return model;
}

static char *
part_to_tesseract (const char *part)
{
  g_auto (GStrv) subtags = g_strsplit (part, "-", -1);

  for (guint i = 0; i < G_N_ELEMENTS (languages); i++)
    if (g_ascii_strcasecmp (subtags[0], languages[i].tag) == 0)
      return g_strdup (model_for_script (languages[i].model, subtags));
  /* "eng-GB" and the like: no model has a hyphen in its name. */
  return g_strdup (subtags[0]);
}

char *
ocr_language_to_tesseract (const char *language)
{
  if (!language || !*language)
    return NULL;
  /* The names become file names: nothing that could lead out of the folder of the models. */
  for (const char *c = language; *c; c++)
    if (!g_ascii_isalnum (*c) && !strchr ("+-_/~", *c))
      return NULL;

  g_auto (GStrv) parts = g_strsplit (language, "+", -1);
  g_autoptr (GString) result = g_string_new (NULL);
  for (guint i = 0; parts[i]; i++) {
    const char *name = parts[i];
    if (i > 0)
      g_string_append_c (result, '+');
    /* Tesseract's "~": do not load this one, though another asks for it. */
    if (*name == '~') {
      g_string_append_c (result, '~');
      name++;
    }
    if (!g_ascii_isalnum (*name))
      return NULL;
    g_autofree char *model = part_to_tesseract (name);
    g_string_append (result, model);
  }
  return g_string_free (g_steal_pointer (&result), FALSE);
}

char *
ocr_language_package (const char *model)
{
  g_autofree char *name = g_ascii_strdown (model, -1);

  /* Script models are packaged under ISO 15924 codes: a pattern to search for is the better advice.
   */
  if (g_str_has_prefix (name, "script/"))
    return g_strdup ("tesseract-ocr-script-*");
  return g_strdup_printf ("tesseract-ocr-%s", g_strdelimit (name, "_", '-'));
}
