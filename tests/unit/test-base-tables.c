/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/error.h"
#include "base/media.h"
#include "base/nearest.h"
#include "base/utf8.h"

static void
test_errors_are_unique (void)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  for (int code = 0; code <= MEDLEY_ERROR_LAST; code++) {
    const MedleyErrorInfo *info = medley_error_info_for_code ((MedleyError) code);
    MedleyError back;

    g_assert_cmpint (info->code, ==, code);
    g_assert_true (g_hash_table_add (seen, (gpointer) info->name));
    g_assert_true (g_hash_table_add (seen, (gpointer) info->dbus_name));
    g_assert_true (g_dbus_is_interface_name (info->dbus_name));
    g_assert_true (g_str_has_prefix (info->dbus_name, "org.medley.Error."));
    g_assert_cmpuint (info->http_status, >=, 400);
    g_assert_cmpuint (info->http_status, <, 600);
    g_assert_cmpint (info->exit_code, >, 0);
    g_assert_cmpint (info->exit_code, <, 256);
    g_assert_cmpuint (strlen (info->title), >, 5);
    g_assert_true (medley_error_code_from_name (info->name, &back));
    g_assert_cmpint (back, ==, code);
  }
}

static void
test_errors_survive_a_variant (void)
{
  for (int code = 0; code <= MEDLEY_ERROR_LAST; code++) {
    g_autoptr (GError) error = g_error_new (MEDLEY_ERROR, code, "no %d", code);
    g_autoptr (GVariant) dict
        = g_variant_ref_sink (medley_error_to_variant (error, "speech", "espeak"));
    g_autoptr (GError) back = medley_error_from_variant (dict);
    const char *stage = NULL;

    g_assert_error (back, MEDLEY_ERROR, code);
    g_assert_cmpstr (back->message, ==, error->message);
    g_assert_true (g_variant_lookup (dict, "stage", "&s", &stage));
    g_assert_cmpstr (stage, ==, "speech");
  }
}

static void
test_other_domains_are_folded (void)
{
  g_autoptr (GError) cancelled = g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED, "x");
  g_autoptr (GError) space = g_error_new (G_IO_ERROR, G_IO_ERROR_NO_SPACE, "x");
  g_autoptr (GError) other = g_error_new (G_MARKUP_ERROR, G_MARKUP_ERROR_PARSE, "x");

  g_assert_cmpstr (medley_error_info (cancelled)->name, ==, "cancelled");
  g_assert_cmpint (medley_error_info (space)->code, ==, MEDLEY_ERROR_NO_SPACE);
  g_assert_cmpint (medley_error_info (other)->code, ==, MEDLEY_ERROR_FAILED);
  g_assert_cmpint (medley_error_info (NULL)->code, ==, MEDLEY_ERROR_FAILED);
}

static void
test_media_table (void)
{
  guint n_types;
  const MedleyMediaType *types = medley_media_list (&n_types);

  g_assert_cmpuint (n_types, >, 10);
  for (guint i = 0; i < n_types; i++) {
    g_auto (GStrv) extensions = g_strsplit (types[i].extensions, " ", -1);

    g_assert_true (medley_media_lookup (types[i].name) == &types[i]);
    g_assert_cmpint (medley_media_modality (types[i].name), ==, types[i].modality);
    g_assert_nonnull (extensions[0]);
    for (guint j = 0; extensions[j] != NULL; j++) {
      g_autofree char *name = g_strconcat ("/a.b/c.", extensions[j], NULL);

      g_assert_true (medley_media_for_file_name (name) == &types[i]);
    }
    if (types[i].writable && types[i].modality == MEDLEY_MODALITY_AUDIO)
      g_assert_nonnull (types[i].audio_caps);
    if (types[i].writable
        && (types[i].modality == MEDLEY_MODALITY_VIDEO
            || types[i].modality == MEDLEY_MODALITY_IMAGE))
      g_assert_nonnull (types[i].video_caps);
  }
}

static void
test_media_names (void)
{
  g_assert_cmpstr (medley_media_lookup ("Text/Plain; charset=utf-8")->name, ==, "text/plain");
  g_assert_null (medley_media_lookup ("text/plainer"));
  g_assert_null (medley_media_lookup (""));
  g_assert_cmpstr (medley_media_for_file_name ("a.OGG")->name, ==, "audio/ogg");
  g_assert_null (medley_media_for_file_name ("folder.ogg/file"));
  g_assert_null (medley_media_for_file_name ("ogg"));
  g_assert_true (medley_media_is_wildcard ("image/*"));
  g_assert_false (medley_media_is_wildcard ("text/*"));
  g_assert_cmpint (medley_media_modality ("audio/*"), ==, MEDLEY_MODALITY_AUDIO);
  g_assert_cmpint (medley_media_modality ("video/x-unknown"), ==, MEDLEY_MODALITY_VIDEO);
  g_assert_cmpint (medley_media_modality ("chemical/x-pdb"), ==, MEDLEY_MODALITY_DATA);
  g_assert_cmpstr (medley_modality_to_string (MEDLEY_MODALITY_MODEL3D), ==, "model3d");
}

static void
test_media_parameters (void)
{
  static const struct {
    const char *name;
    const char *normal; /* NULL for one that is refused */
  } cases[] = {
    { "Audio/PCM", "audio/pcm" },
    { "audio/pcm; channels=1 ;RATE = 24000", "audio/pcm;rate=24000;channels=1" },
    { "audio/pcm;rate=8000", "audio/pcm;rate=8000" },
    { "audio/ogg; codecs=opus", "audio/ogg" },
    { "text/plain; charset=utf-8", "text/plain" },
    { "audio/pcm;rate=7999", NULL },
    { "audio/pcm;rate=0", NULL },
    { "audio/pcm;rate=24000Hz", NULL },
    { "audio/pcm;rate=-1", NULL },
    { "audio/pcm;rate", NULL },
    { "audio/pcm;", NULL },
    { "audio/pcm;channels=9", NULL },
    { "audio/pcm;rate=24000;rate=24000", NULL },
    { "audio/pcm;endian=big", NULL },
    { "image/gif", NULL },
    { "audio/nonsense", NULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    g_autofree char *normal = medley_media_normalize (cases[i].name, &error);

    g_assert_cmpstr (normal, ==, cases[i].normal);
    if (normal == NULL)
      g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNSUPPORTED_TYPE);
  }
  g_assert_cmpuint (medley_media_get_parameter ("audio/pcm;rate=24000;channels=1", "rate"), ==,
                    24000);
  g_assert_cmpuint (medley_media_get_parameter ("audio/pcm;rate=24000;channels=1", "channels"), ==,
                    1);
  g_assert_cmpuint (medley_media_get_parameter ("audio/pcm;rate=24000", "channels"), ==, 0);
  g_assert_cmpuint (medley_media_get_parameter ("audio/pcm", "rate"), ==, 0);
}

static void
test_nearest (void)
{
  static const char *const names[]
      = { "espeak", "tesseract", "storyboard", "rate", "text/vtt", "größe", "ab", NULL };

  g_assert_cmpstr (medley_nearest ("espaek", names), ==, "espeak");
  g_assert_cmpstr (medley_nearest ("espeek", names), ==, "espeak");
  g_assert_cmpstr (medley_nearest ("speak", names), ==, "espeak");
  g_assert_cmpstr (medley_nearest ("tesserract", names), ==, "tesseract");
  g_assert_cmpstr (medley_nearest ("STORYBOARD", names), ==, "storyboard");
  g_assert_cmpstr (medley_nearest ("tate", names), ==, "rate");
  g_assert_cmpstr (medley_nearest ("grösse", names), ==, "größe");
  g_assert_cmpstr (medley_nearest ("AB", names), ==, "ab");
  g_assert_null (medley_nearest ("ac", names));
  g_assert_null (medley_nearest ("kokoro", names));
  g_assert_null (medley_nearest ("", names));
  g_assert_null (medley_nearest ("rate", (const char *const[]){ NULL }));
}

static void
test_nearest_is_bounded (void)
{
  g_autofree char *name = g_strnfill (1000000, 'a');
  const char *const names[] = { name, NULL };

  g_assert_null (medley_nearest (name, names));
  g_assert_null (medley_nearest ("aaa", names));
}

static void
test_utf8_whole (void)
{
  static const struct {
    const char *text;
    gsize length;
    gsize whole;
  } cases[] = {
    { "", 0, 0 },
    { "ab", 2, 2 },
    { "a\xe2\x82\xac", 4, 4 },
    /* cut */
    { "a\xe2\x82", 3, 1 },
    { "a\xe2", 2, 1 },
    { "\xf0\x9f\x98", 3, 0 },
    { "\xf0\x9f", 2, 0 },
    /* no text, wherever */
    { "a\xff", 2, 2 },
    { "\xff\xff\xff", 3, 3 },
    { "a\x80", 2, 2 },
    { "a\xc3\xc3", 3, 2 },
    { "\xffgood", 5, 5 },
    { "\xff\xe2\x82", 3, 1 },
    { "a\0", 2, 2 },
    { "\xe2\0", 2, 2 },
    { "a\0b", 3, 3 },
    { "\x80\x80\x80\x80\x80", 5, 5 },
    { "\xf0\x9f\x98\x80\x80", 5, 5 },
  };

  g_assert_cmpuint (medley_utf8_whole (NULL, 0), ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    /* Exactly as long, so that a sanitizer sees who reads on. */
    g_autofree char *text = g_memdup2 (cases[i].text, cases[i].length);

    g_test_message ("%u", i);
    g_assert_cmpuint (medley_utf8_whole (text, cases[i].length), ==, cases[i].whole);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/errors/codes-and-names-are-unique", test_errors_are_unique);
  g_test_add_func ("/errors/survive-a-variant", test_errors_survive_a_variant);
  g_test_add_func ("/errors/other-domains-are-folded", test_other_domains_are_folded);
  g_test_add_func ("/media/table-is-consistent", test_media_table);
  g_test_add_func ("/media/names", test_media_names);
  g_test_add_func ("/media/parameters", test_media_parameters);
  g_test_add_func ("/nearest/finds-slips", test_nearest);
  g_test_add_func ("/nearest/is-bounded", test_nearest_is_bounded);
  g_test_add_func ("/utf8/only-the-beginning-of-a-character-waits", test_utf8_whole);
  return g_test_run ();
}
