/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <medley/medley-error.h>
#include <string.h>

#include "base/json.h"
#include "http/openai/transcript.h"

static const char two[] = "{\"text\":\"One two.\",\"start\":0,\"end\":1.5,\"words\":["
                          "{\"text\":\"One\",\"start\":0,\"end\":0.5,\"offset\":0},"
                          "{\"text\":\"two.\",\"start\":0.5,\"end\":1.5,\"offset\":4}]}\n"
                          "{\"text\":\"A line\\n\\n and <another>.\",\"start\":3599.9996,\"end\":"
                          "360000.25,\"words\":[]}\n";

static MedleyOpenaiTranscript *
parse (const char *text, GError **error)
{
  g_autoptr (GBytes) bytes = g_bytes_new_static (text, strlen (text));

  return medley_openai_transcript_new (bytes, error);
}

static void
test_srt (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyOpenaiTranscript) transcript = parse (two, &error);
  g_autofree char *srt = NULL;

  g_assert_no_error (error);
  srt = medley_openai_transcript_to_srt (transcript);
  g_assert_cmpstr (srt, ==,
                   "1\n00:00:00,000 --> 00:00:01,500\nOne two.\n\n"
                   "2\n01:00:00,000 --> 100:00:00,250\nA line\nand <another>.\n\n");
  g_assert_cmpfloat (medley_openai_transcript_get_end (transcript), ==, 360000.25);
}

static void
test_words_and_segments (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyOpenaiTranscript) transcript = parse (two, &error);
  g_autoptr (GVariant) words = NULL;
  g_autoptr (GVariant) segments = NULL;
  g_autofree char *word_text = NULL;
  g_autofree char *segment_text = NULL;

  g_assert_no_error (error);
  g_assert_true (medley_openai_transcript_has_words (transcript));
  words = g_variant_ref_sink (medley_openai_transcript_get_words (transcript));
  word_text = medley_json_print (words, FALSE);
  g_assert_cmpstr (word_text, ==,
                   "[{\"word\":\"One\",\"start\":0.0,\"end\":0.5},"
                   "{\"word\":\"two.\",\"start\":0.5,\"end\":1.5}]");
  segments = g_variant_ref_sink (medley_openai_transcript_get_segments (transcript, 0.5));
  segment_text = medley_json_print (segments, FALSE);
  g_assert_nonnull (strstr (segment_text,
                            "[{\"id\":0,\"seek\":0,\"start\":0.0,\"end\":1.5,\"text\":"
                            "\"One two.\",\"tokens\":[],\"temperature\":0.5,"));
  g_assert_nonnull (strstr (segment_text, "{\"id\":1,\"seek\":359999,"));
}

static void
test_words_that_are_not_known (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyOpenaiTranscript) without
      = parse ("{\"text\":\"One.\",\"start\":0,\"end\":1}\n", &error);
  g_autoptr (MedleyOpenaiTranscript) silent = parse ("", &error);
  g_autoptr (MedleyOpenaiTranscript) odd
      = parse ("{\"text\":\"One.\",\"start\":0,\"end\":1,\"words\":[7,{},{\"text\":1},"
               "{\"text\":\"x\",\"start\":\"0\",\"end\":1}]}",
               &error);
  g_autoptr (GVariant) words = NULL;

  g_assert_no_error (error);
  g_assert_false (medley_openai_transcript_has_words (without));
  g_assert_true (medley_openai_transcript_has_words (silent));
  g_assert_cmpfloat (medley_openai_transcript_get_end (silent), ==, 0);
  words = g_variant_ref_sink (medley_openai_transcript_get_words (odd));
  g_assert_cmpuint (g_variant_n_children (words), ==, 0);
}

/* What an engine says may be anything. */
static void
test_what_is_no_transcript (void)
{
  static const char *const texts[] = {
    "{",
    "[]",
    "7",
    "{\"text\":\"no times\"}",
    "{\"text\":7,\"start\":0,\"end\":1}",
    "{\"text\":\"x\",\"start\":\"0\",\"end\":1}",
    "{\"text\":\"x\",\"start\":0,\"end\":null}",
    "{\"text\":\"x\",\"start\":0,\"end\":1}\n{\"text\":\"x\",\"start\":0}\n",
    "{\"text\":\"x\",\"start\":0,\"end\":1e999}",
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (GError) error = NULL;

    g_test_message ("%s", texts[i]);
    g_assert_null (parse (texts[i], &error));
    g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_ENGINE_FAILED);
  }
}

/* Times that make no sense are no reason to do what has none: they come out as some time. */
static void
test_odd_times (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyOpenaiTranscript) transcript
      = parse ("{\"text\":\"x\",\"start\":-5,\"end\":1e300}\n", &error);
  g_autofree char *srt = NULL;
  g_autoptr (GVariant) segments = NULL;

  g_assert_no_error (error);
  srt = medley_openai_transcript_to_srt (transcript);
  g_assert_true (g_str_has_prefix (srt, "1\n00:00:00,000 --> "));
  segments = g_variant_ref_sink (medley_openai_transcript_get_segments (transcript, 0));
  g_assert_cmpuint (g_variant_n_children (segments), ==, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/openai/transcript/srt", test_srt);
  g_test_add_func ("/openai/transcript/words-and-segments", test_words_and_segments);
  g_test_add_func ("/openai/transcript/words-that-are-not-known", test_words_that_are_not_known);
  g_test_add_func ("/openai/transcript/what-is-no-transcript", test_what_is_no_transcript);
  g_test_add_func ("/openai/transcript/odd-times", test_odd_times);
  return g_test_run ();
}
