/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib-unix.h>
#include <medley/medley-error.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "espeak-core.h"
#include "espeak-text.h"
#include "espeak-voices.h"

typedef struct {
  guint64 samples;
  guint calls;
  gint64 energy;
  GArray *marks;
  guint stop_after; /* calls */
  GCancellable *cancel_at_first;
} Heard;

static gboolean
listen (const gint16 *samples, gsize n_samples, const EspeakMark *marks, guint n_marks,
        gpointer user_data)
{
  Heard *heard = user_data;

  for (gsize i = 0; i < n_samples; i++)
    heard->energy += ABS (samples[i]);
  heard->samples += n_samples;
  heard->calls++;
  if (heard->marks != NULL)
    g_array_append_vals (heard->marks, marks, n_marks);
  if (heard->cancel_at_first != NULL)
    g_cancellable_cancel (heard->cancel_at_first);
  return heard->stop_after == 0 || heard->calls < heard->stop_after;
}

static EspeakSettings
settings_for (const char *voice, guint rate)
{
  g_autoptr (GError) error = NULL;
  EspeakSettings settings = { .rate = rate, .pitch = 50, .volume = 100 };
  settings.voice = espeak_voices_resolve (voice, NULL, NULL, &error);
  g_assert_no_error (error);
  return settings;
}

static guint64
speak (const char *voice, guint rate, const char *text, EspeakFlags flags)
{
  g_autoptr (GError) error = NULL;
  EspeakSettings settings = settings_for (voice, rate);
  g_autofree char *name = settings.voice;
  Heard heard = { 0 };
  gboolean ok = espeak_core_speak (&settings, text, flags, listen, &heard, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (ok);
  return heard.samples;
}

/* A closing pause depends a little on what the library said before: 17 ms were seen. */
static void
assert_about (guint64 a, guint64 b)
{
  g_assert_cmpuint (a, >, b - b * 3 / 100);
  g_assert_cmpuint (a, <, b + b * 3 / 100);
}

/* Slower than the library speaks: as many times longer, the marks with it. */
static void
test_stretch (void)
{
  static const char text[] = "The first word is followed by others.";
  g_autoptr (GArray) plain_marks = g_array_new (FALSE, FALSE, sizeof (EspeakMark));
  g_autoptr (GArray) slow_marks = g_array_new (FALSE, FALSE, sizeof (EspeakMark));
  EspeakSettings settings = settings_for ("en-gb", 80);
  g_autofree char *name = settings.voice;
  Heard plain = { .marks = plain_marks };
  Heard slow = { .marks = slow_marks };
  Heard stopped = { .stop_after = 3 };
  g_autoptr (GError) error = NULL;

  g_assert_true (espeak_core_speak (&settings, text, 0, listen, &plain, NULL, &error));
  g_assert_no_error (error);
  settings.stretch = 3;
  g_assert_true (espeak_core_speak (&settings, text, 0, listen, &slow, NULL, &error));
  g_assert_no_error (error);
  assert_about (slow.samples, plain.samples * 3);
  g_assert_cmpint (slow.energy, >, plain.energy * 2);
  g_assert_cmpuint (slow_marks->len, ==, plain_marks->len);
  for (guint i = 0; i < slow_marks->len; i++) {
    guint64 sample = g_array_index (slow_marks, EspeakMark, i).sample;
    guint64 before = g_array_index (plain_marks, EspeakMark, i).sample;

    g_assert_cmpuint (sample, <=, before * 3 + ESPEAK_RATE / 5);
    g_assert_cmpuint (sample + ESPEAK_RATE / 5, >=, before * 3);
    g_assert_cmpuint (sample, <=, slow.samples);
  }
  g_assert_false (espeak_core_speak (&settings, text, 0, listen, &stopped, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (stopped.calls, ==, 3);
}

static void
test_resolve (void)
{
  static const struct {
    const char *voice, *language, *identifier, *tag;
  } cases[] = {
    { "en-gb", NULL, "gmw/en", "en-GB" },
    { "EN_GB", "", "gmw/en", "en-GB" },
    { "en", NULL, "gmw/en", "en-GB" },
    { "English (America)", NULL, "gmw/en-US", "en-US" },
    { "gmw/en-US", NULL, "gmw/en-US", "en-US" },
    { "de", NULL, "gmw/de", "de" },
    { "fr", NULL, "roa/fr", "fr-FR" },
    { "zh", NULL, "sit/cmn", "cmn" },
    { "pt-br", NULL, "roa/pt-BR", "pt-BR" },
    { "yue-latn-jyutping", NULL, "sit/yue-Latn-jyutping", "yue" },
    { "en-gb+f3", NULL, "gmw/en+f3", "en-GB" },
    { "de+alicia", NULL, "gmw/de+Alicia", "de" },
    { "en-gb", "de", "gmw/de", "de" },
    { "en-gb+f3", "de-CH", "gmw/de+f3", "de" },
    { "en-us", "en", "gmw/en-US", "en-US" },
    { "en-us", "en-AU", "gmw/en-US", "en-US" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    g_autofree char *tag = NULL;
    g_autofree char *found
        = espeak_voices_resolve (cases[i].voice, cases[i].language, &tag, &error);
    g_assert_no_error (error);
    g_assert_cmpstr (found, ==, cases[i].identifier);
    g_assert_cmpstr (tag, ==, cases[i].tag);
  }
}

static void
test_resolve_errors (void)
{
  static const struct {
    const char *voice, *language;
    int code;
    const char *says;
  } cases[] = {
    { "en-gv", NULL, MEDLEY_ERROR_UNKNOWN_VOICE, "en-gb" },
    { "no such voice", NULL, MEDLEY_ERROR_UNKNOWN_VOICE, "medley voices espeak" },
    { "", NULL, MEDLEY_ERROR_UNKNOWN_VOICE, "medley voices espeak" },
    { "en-gb+alicja", NULL, MEDLEY_ERROR_UNKNOWN_VOICE, "Alicia" },
    { "en-gb+", NULL, MEDLEY_ERROR_UNKNOWN_VOICE, "variant" },
    { "../voices/!v/f3", NULL, MEDLEY_ERROR_UNKNOWN_VOICE, "../voices" },
    { "/etc/passwd", NULL, MEDLEY_ERROR_UNKNOWN_VOICE, "/etc/passwd" },
    { "en-gb+../f3", NULL, MEDLEY_ERROR_UNKNOWN_VOICE, "variant" },
    { "en-gb", "xx", MEDLEY_ERROR_UNKNOWN_LANGUAGE, "\"xx\"" },
    { "en-gb", "-", MEDLEY_ERROR_UNKNOWN_LANGUAGE, "language" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    g_autofree char *found
        = espeak_voices_resolve (cases[i].voice, cases[i].language, NULL, &error);
    g_assert_null (found);
    g_assert_error (error, MEDLEY_ERROR, cases[i].code);
    g_assert_nonnull (strstr (error->message, cases[i].says));
  }
}

/* Every name in the list is one that finds its own voice. */
static void
test_list (void)
{
  GPtrArray *list = espeak_voices_list ();
  guint checked = 0;

  g_assert_cmpuint (list->len, >, 100);
  for (guint i = 0; i < list->len; i++) {
    const EspeakVoice *voice = g_ptr_array_index (list, i);
    g_autofree char *found = espeak_voices_resolve (voice->name, NULL, NULL, NULL);
    g_assert_cmpstr (found, ==, voice->identifier);
    if (g_str_equal (voice->name, "en-gb")) {
      g_assert_cmpstr (voice->languages[0], ==, "en-GB");
      g_assert_cmpstr (voice->gender, ==, "male");
      g_assert_cmpstr (voice->label, ==, "English (Great Britain)");
      checked++;
    }
  }
  g_assert_cmpuint (checked, ==, 1);
}

static void
test_clean (void)
{
  g_autofree char *clean = espeak_text_clean ("a\001b\n\t\302\205c\356\200\274d\177\303\251", 15);
  g_assert_cmpstr (clean, ==, "a b\n\t c d \303\251");
  g_assert_cmpint (g_utf8_strlen (clean, -1), ==, 11);
}

static void
assert_word (GArray *words, guint at, const char *text, const char *expected, guint64 sample)
{
  g_assert_cmpuint (at, <, words->len);
  const EspeakWord *word = &g_array_index (words, EspeakWord, at);
  g_autofree char *slice = g_strndup (text + word->offset, word->length);
  g_assert_cmpstr (slice, ==, expected);
  g_assert_cmpuint (word->sample, ==, sample);
}

static void
test_words (void)
{
  g_autoptr (GArray) words = g_array_new (FALSE, FALSE, sizeof (EspeakWord));
  const char *text = "I don't \303\234bermorgen 1990.";

  espeak_words_add (words, text, 0, 1, 10);
  espeak_words_add (words, text, 1, 0, 11);  /* a clause's end */
  espeak_words_add (words, text, 2, 3, 20);  /* "don" of "don't" */
  espeak_words_add (words, text, 6, 1, 21);  /* its "t" */
  espeak_words_add (words, text, 8, 0, 15);  /* no length, and a time that runs backwards */
  espeak_words_add (words, text, 20, 4, 40); /* the year */
  espeak_words_add (words, text, 21, 4, 50); /* its second half */
  espeak_words_add (words, text, 24, 1, 60);
  espeak_words_add (words, text, 25, 0, 70);
  g_assert_cmpuint (words->len, ==, 5);
  assert_word (words, 0, text, "I", 10);
  assert_word (words, 1, text, "don't", 20);
  assert_word (words, 2, text, "\303\234bermorgen", 20);
  assert_word (words, 3, text, "1990", 40);
  assert_word (words, 4, text, ".", 60);
}

static void
test_ssml_text (void)
{
  const char *markup = "<s>One  &amp; <b>t&#xf6;o</b>\n</s> <!-- x -->";
  g_autoptr (GArray) offsets = NULL;
  g_autofree char *text = espeak_ssml_text (markup, g_utf8_strlen (markup, -1), &offsets);

  g_assert_cmpstr (text, ==, "One & t\303\266o");
  g_assert_cmpuint (offsets->len, ==, strlen (markup) + 1);
  g_assert_cmpuint (g_array_index (offsets, guint, 3), ==, 0);  /* O */
  g_assert_cmpuint (g_array_index (offsets, guint, 17), ==, 6); /* t */
  g_assert_cmpuint (g_array_index (offsets, guint, 24), ==, 9); /* o */
  g_assert_cmpuint (g_array_index (offsets, guint, offsets->len - 1), ==, strlen (text));
}

static void
test_ssml_refused (void)
{
  static const char *const cases[] = { "Hello",
                                       "<speak>Hello",
                                       "<speak>a < b</speak>",
                                       "<speak><b></speak></b>",
                                       "<speak>&nbsp;</speak>",
                                       "<speak>x</speak>y",
                                       "<" };
  g_autoptr (GString) deep = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    g_assert_null (espeak_ssml_clean (cases[i], strlen (cases[i]), &error));
    g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_BAD_INPUT);
  }
  for (guint i = 0; i < 17; i++)
    g_string_append (deep, "<p>");
  for (guint i = 0; i < 17; i++)
    g_string_append (deep, "</p>");
  g_autoptr (GError) error = NULL;
  g_assert_null (espeak_ssml_clean (deep->str, deep->len, &error));
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_BAD_INPUT);

  const char *commands = "<p>a&#1;b&#65;\001&#xE03C;</p>";
  g_autofree char *clean = espeak_ssml_clean (commands, strlen (commands), NULL);
  g_assert_cmpstr (clean, ==, "<p>a    b&#65;         </p>");
}

/* Rate, voice and what a document changed do not leak into the next utterance. */
static void
test_isolation (void)
{
  const char *document
      = "<speak><prosody rate='300%' volume='silent'>Quick</prosody><voice name='de'>Tag</voice>";
  guint64 plain = speak ("en-gb", 175, "Good morning.", ESPEAK_END_PAUSE);
  guint64 slow = speak ("en-gb", 80, "Good morning.", ESPEAK_END_PAUSE);

  g_assert_cmpuint (slow, >, plain * 3 / 2);
  speak ("de", 300, "Guten Morgen.", ESPEAK_END_PAUSE);
  assert_about (speak ("en-gb", 175, "Good morning.", ESPEAK_END_PAUSE), plain);
  speak ("en-gb", 175, document, ESPEAK_END_PAUSE | ESPEAK_SSML);
  assert_about (speak ("en-gb", 175, "Good morning.", ESPEAK_END_PAUSE), plain);
}

static void
test_volume (void)
{
  EspeakSettings settings = settings_for ("en-gb", 175);
  g_autofree char *name = settings.voice;
  Heard loud = { 0 }, silent = { 0 };

  g_assert_true (espeak_core_speak (&settings, "Hello.", 0, listen, &loud, NULL, NULL));
  settings.volume = 0;
  g_assert_true (espeak_core_speak (&settings, "Hello.", 0, listen, &silent, NULL, NULL));
  g_assert_cmpint (loud.energy, >, 0);
  g_assert_cmpint (silent.energy, <, loud.energy / 100);
}

static void
test_cancel (void)
{
  EspeakSettings settings = settings_for ("en-gb", 175);
  g_autofree char *name = settings.voice;
  g_autofree char *digits = g_strnfill (2000, '7');
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  Heard heard = { .cancel_at_first = cancellable };
  guint64 before = speak ("en-gb", 175, "Good morning.", ESPEAK_END_PAUSE);

  /* Two more pieces at most: not the minutes that are left. */
  g_assert_false (espeak_core_speak (&settings, digits, 0, listen, &heard, cancellable, &error));
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_CANCELLED);
  g_assert_cmpuint (heard.calls, ==, 1);
  g_assert_cmpuint (heard.samples, <, ESPEAK_RATE / 5);

  Heard refused = { .stop_after = 3 };
  g_clear_error (&error);
  g_assert_false (espeak_core_speak (&settings, digits, 0, listen, &refused, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (refused.calls, ==, 3);

  assert_about (speak ("en-gb", 175, "Good morning.", ESPEAK_END_PAUSE), before);
}

typedef struct {
  GMutex mutex;
  GCond cond;
  gboolean holds, release;
} Gate;

static gboolean
hold (const gint16 *samples, gsize n_samples, const EspeakMark *marks, guint n_marks,
      gpointer user_data)
{
  Gate *gate = user_data;
  g_mutex_lock (&gate->mutex);
  gate->holds = TRUE;
  g_cond_broadcast (&gate->cond);
  while (!gate->release)
    g_cond_wait (&gate->cond, &gate->mutex);
  g_mutex_unlock (&gate->mutex);
  return TRUE;
}

static gpointer
hold_library (gpointer user_data)
{
  EspeakSettings settings = settings_for ("en-gb", 175);
  g_autofree char *name = settings.voice;
  g_assert_true (espeak_core_speak (&settings, "Hello.", 0, hold, user_data, NULL, NULL));
  return NULL;
}

static gpointer
cancel_soon (gpointer cancellable)
{
  g_usleep (20000);
  g_cancellable_cancel (cancellable);
  return NULL;
}

static void
test_cancel_wait (void)
{
  Gate gate = { 0 };
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  EspeakSettings settings = settings_for ("de", 175);
  g_autofree char *name = settings.voice;
  Heard heard = { 0 };

  GThread *holder = g_thread_new ("holder", hold_library, &gate);
  g_mutex_lock (&gate.mutex);
  while (!gate.holds)
    g_cond_wait (&gate.cond, &gate.mutex);
  g_mutex_unlock (&gate.mutex);

  GThread *canceller = g_thread_new ("canceller", cancel_soon, cancellable);
  g_assert_false (espeak_core_speak (&settings, "Tag.", 0, listen, &heard, cancellable, &error));
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_CANCELLED);
  g_assert_cmpuint (heard.calls, ==, 0);

  g_mutex_lock (&gate.mutex);
  gate.release = TRUE;
  g_cond_broadcast (&gate.cond);
  g_mutex_unlock (&gate.mutex);
  g_thread_join (holder);
  g_thread_join (canceller);
  g_assert_cmpuint (speak ("de", 175, "Tag.", 0), >, 0);
}

typedef struct {
  const char *voice, *text;
  guint64 alone;
} Speaker;

static gpointer
speak_often (gpointer user_data)
{
  Speaker *speaker = user_data;
  for (guint i = 0; i < 30; i++)
    assert_about (speak (speaker->voice, 175, speaker->text, ESPEAK_END_PAUSE), speaker->alone);
  return NULL;
}

/* Two threads in the library at once crash it, and each has its own voice. */
static void
test_threads (void)
{
  Speaker speakers[] = { { "en-gb", "Good morning, everybody.", 0 },
                         { "de+f3", "Guten Morgen zusammen.", 0 },
                         { "fr", "Bonjour \303\240 tous.", 0 } };
  GThread *threads[3];

  for (guint i = 0; i < 3; i++)
    speakers[i].alone = speak (speakers[i].voice, 175, speakers[i].text, ESPEAK_END_PAUSE);
  for (guint i = 0; i < 3; i++)
    threads[i] = g_thread_new ("speaker", speak_often, &speakers[i]);
  for (guint i = 0; i < 3; i++)
    g_thread_join (threads[i]);
}

/* The zygote opens, its children speak. */
static void
test_fork (void)
{
  guint64 here = speak ("en-gb", 175, "Good morning.", ESPEAK_END_PAUSE);

  for (guint i = 0; i < 3; i++) {
    int fds[2];
    guint64 there[2] = { 0, 0 };
    int status;

    g_assert_true (g_unix_open_pipe (fds, FD_CLOEXEC, NULL));
    pid_t pid = fork ();
    if (pid == 0) {
      alarm (20);
      there[0] = speak ("en-gb", 175, "Good morning.", ESPEAK_END_PAUSE);
      there[1] = speak ("de", 175, "Guten Morgen.", ESPEAK_END_PAUSE);
      _exit (write (fds[1], there, sizeof there) == sizeof there ? 0 : 1);
    }
    close (fds[1]);
    g_assert_cmpint (read (fds[0], there, sizeof there), ==, sizeof there);
    close (fds[0]);
    g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
    g_assert_cmpint (status, ==, 0);
    assert_about (there[0], here);
    g_assert_cmpuint (there[1], >, ESPEAK_RATE / 4);
  }
}

static void
test_hostile (void)
{
  static const char *const texts[] = {
    "",
    " ",
    "\n\n\n",
    "...",
    "***",
    "\342\200\213",
    "\360\237\230\200\360\237\230\200",
    "((((((((",
    "\345\225\212\320\264\330\271 mixed \340\270\201",
    "\302\255\302\255",
    "[[h@l'oU]]",
  };
  static const char *const units[]
      = { "x", "!", "(", "a.b", "a,", "\360\237\230\200", "\xcc\x81", "<", "&#1;", "'", "1", "." };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    speak ("en-gb", 450, texts[i], ESPEAK_END_PAUSE);
  for (guint i = 0; i < G_N_ELEMENTS (units); i++) {
    g_autoptr (GString) text = g_string_new (NULL);
    while (text->len < 1996)
      g_string_append (text, units[i]);
    speak ("en-gb", 450, text->str, ESPEAK_END_PAUSE);
    speak ("ru", 450, text->str, ESPEAK_END_PAUSE);
  }
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;

  g_test_init (&argc, &argv, NULL);
  if (!espeak_core_open (&error))
    g_error ("%s", error->message);
  g_test_add_func ("/espeak/voices/resolve", test_resolve);
  g_test_add_func ("/espeak/voices/unknown-names-are-typed-errors", test_resolve_errors);
  g_test_add_func ("/espeak/voices/each-listed-name-finds-its-voice", test_list);
  g_test_add_func ("/espeak/text/clean-keeps-positions", test_clean);
  g_test_add_func ("/espeak/text/words-are-whole-and-in-order", test_words);
  g_test_add_func ("/espeak/ssml/text-and-offsets", test_ssml_text);
  g_test_add_func ("/espeak/ssml/malformed-is-refused", test_ssml_refused);
  g_test_add_func ("/espeak/core/nothing-leaks-into-the-next-utterance", test_isolation);
  g_test_add_func ("/espeak/core/volume", test_volume);
  g_test_add_func ("/espeak/core/stretch", test_stretch);
  g_test_add_func ("/espeak/core/cancel-during-speech", test_cancel);
  g_test_add_func ("/espeak/core/cancel-during-wait", test_cancel_wait);
  g_test_add_func ("/espeak/core/threads-take-turns", test_threads);
  g_test_add_func ("/espeak/core/children-of-a-fork-speak", test_fork);
  g_test_add_func ("/espeak/core/hostile-text", test_hostile);
  return g_test_run ();
}
