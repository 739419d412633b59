/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The element `espeak`, on the built plugin that is named on the command line. */

#include <glib-unix.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "espeak-fixture.h"

static void
test_captions (void)
{
  Fixture fixture = { 0 };
  g_autofree char *captions = NULL, *words = NULL;

  fixture_start (&fixture, make_element (NULL, NULL), TRUE);
  speak (&fixture, "The quick brown fox\njumps over it. \"Caf\303\251s aren't open,\" she said.\n\n"
                   "\303\234ber Heading\n\n(He left.) The end");
  g_assert_cmpuint (check_timeline (&fixture), >, 6 * RATE);
  captions = captions_of (&fixture);
  g_assert_cmpstr (captions, ==,
                   "[The quick brown fox\njumps over it.][\"Caf\303\251s aren't open,\" she said.]"
                   "[\303\234ber Heading][(He left.)][The end]");
  words = words_of (&fixture);
  g_assert_cmpstr (words, ==,
                   "The|quick|brown|fox|jumps|over|it|Caf\303\251s|aren't|open|she|said|"
                   "\303\234ber|Heading|He|left|The|end|");
  fixture_stop (&fixture);
}

static void
test_streaming (gconstpointer with_captions)
{
  Fixture fixture = { 0 };

  fixture_start (&fixture, make_element (NULL, NULL), GPOINTER_TO_INT (with_captions));
  g_assert_cmpint (push_text (&fixture, "Hello there", 11), ==, GST_FLOW_OK);
  g_assert_cmpuint (fixture.log->len, ==, 0);
  g_assert_cmpint (push_text (&fixture, ". Now comes the second", 22), ==, GST_FLOW_OK);
  guint64 first = check_timeline (&fixture);
  g_assert_cmpuint (first, >, RATE / 2);
  g_assert_cmpint (push_text (&fixture, " one.", 5), ==, GST_FLOW_OK);
  g_assert_true (gst_harness_push_event (fixture.audio, gst_event_new_eos ()));
  g_assert_cmpuint (check_timeline (&fixture), >, first + RATE / 2);
  fixture_stop (&fixture);
}

/* Without captions the first audio leaves before the sentence is spoken to its end. */
static void
test_first_audio (void)
{
  Fixture fixture = { 0 };
  const Item *first;

  fixture_start (&fixture, make_element (NULL, NULL), FALSE);
  speak (&fixture,
         "This sentence goes on for a while, so that it is worth not to wait for its end.");
  first = g_ptr_array_index (fixture.log, 0);
  g_assert_cmpuint (first->offset_end - first->offset, <=, RATE / 20);
  g_assert_cmpuint (check_timeline (&fixture), >, 3 * RATE);
  fixture_stop (&fixture);
}

static void
test_idle (void)
{
  Fixture fixture = { 0 };

  fixture_start (&fixture, make_element (NULL, NULL), FALSE);
  g_assert_cmpint (push_text (&fixture, "Hello there.", 12), ==, GST_FLOW_OK);
  g_assert_cmpuint (fixture.log->len, ==, 0);
  g_assert_true (gst_harness_push_event (fixture.audio, medley_event_new_idle ()));
  g_assert_cmpuint (check_timeline (&fixture), >, RATE / 2);
  fixture_stop (&fixture);
}

/* The same text in one piece and byte by byte. */
static void
test_pieces (void)
{
  const char *text
      = "First one. \"Second?\" she said.\n\nA heading\n\nM\303\274ller left... Last one.";
  Fixture whole = { 0 }, bytes = { 0 };

  fixture_start (&whole, make_element (NULL, NULL), TRUE);
  speak (&whole, text);
  fixture_start (&bytes, make_element (NULL, NULL), TRUE);
  for (const char *p = text; *p != '\0'; p++)
    g_assert_cmpint (push_text (&bytes, p, 1), ==, GST_FLOW_OK);
  g_assert_true (gst_harness_push_event (bytes.audio, gst_event_new_eos ()));

  g_autofree char *a = captions_of (&whole), *b = captions_of (&bytes);
  g_assert_cmpstr (a, ==, b);
  assert_about (check_timeline (&bytes), check_timeline (&whole));
  fixture_stop (&whole);
  fixture_stop (&bytes);
}

static void
test_long_text (void)
{
  g_autoptr (GString) text = g_string_new (NULL);
  Fixture fixture = { 0 };
  guint captions = 0;

  for (guint i = 0; i < 100; i++)
    g_string_append_printf (text, "Sentence number %u has ten words, and all are spoken.%s", i,
                            i % 10 == 9 ? "\n\n" : " ");
  fixture_start (&fixture, make_element (NULL, NULL), TRUE);
  speak (&fixture, text->str);
  /* 1,000 words at 175 a minute are 343 s; pauses are in that. */
  guint64 seconds = check_timeline (&fixture) / RATE;
  g_assert_cmpuint (seconds, >, 250);
  g_assert_cmpuint (seconds, <, 500);
  for (guint i = 0; i < fixture.log->len; i++)
    captions += ((Item *) g_ptr_array_index (fixture.log, i))->is_caption;
  g_assert_cmpuint (captions, ==, 100);
  fixture_stop (&fixture);
}

/* A run without any full stop is cut by length, and the voice goes on over the cut. */
static void
test_no_full_stop (void)
{
  g_autoptr (GString) text = g_string_new (NULL);
  Fixture fixture = { 0 };
  guint64 sentence;
  g_autoptr (GstElement) element = make_element ("rate", 450, NULL);

  while (text->len < 3000)
    g_string_append (text, "word and more ");
  fixture_start (&fixture, gst_object_ref (element), TRUE);
  speak (&fixture, text->str);
  guint64 samples = check_timeline (&fixture);
  g_autofree char *words = words_of (&fixture);
  g_assert_true (g_str_has_prefix (words, "word|and|more|word|and|more|"));
  g_assert_cmpuint (fixture.log->len, >, 2);
  fixture_stop (&fixture);
  sentence = samples_of (element, "word and more word and more.")
             - samples_of (element, "word and more.");
  g_assert_cmpuint (samples, <, sentence * (text->len / 14) * 11 / 10);
}

static GError *
error_of (GstBus *bus)
{
  g_autoptr (GstMessage) message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  GError *error = NULL;

  g_assert_nonnull (message);
  gst_message_parse_error (message, &error, NULL);
  return error;
}

static void
check_start_fails (GstElement *element, int code, const char *says)
{
  g_autoptr (GstBus) bus = gst_bus_new ();

  gst_element_set_bus (element, bus);
  g_assert_cmpint (gst_element_set_state (element, GST_STATE_READY), ==, GST_STATE_CHANGE_SUCCESS);
  g_assert_cmpint (gst_element_set_state (element, GST_STATE_PAUSED), ==, GST_STATE_CHANGE_FAILURE);
  g_autoptr (GError) error = error_of (bus);
  g_assert_error (error, MEDLEY_ERROR, code);
  g_assert_nonnull (strstr (error->message, says));

  /* It is not broken for good. */
  g_object_set (element, "voice", "en-gb", "language", "", NULL);
  g_assert_cmpint (gst_element_set_state (element, GST_STATE_PAUSED), ==, GST_STATE_CHANGE_SUCCESS);
  gst_element_set_state (element, GST_STATE_NULL);
  gst_element_set_bus (element, NULL);
  gst_object_unref (element);
}

static void
test_unknown_voice (void)
{
  check_start_fails (make_element ("voice", "en-gv", NULL), MEDLEY_ERROR_UNKNOWN_VOICE, "en-gb");
  check_start_fails (make_element ("voice", "en-gb+nobody", NULL), MEDLEY_ERROR_UNKNOWN_VOICE,
                     "nobody");
  check_start_fails (make_element ("language", "tlh-zz-nope", "voice", "nope", NULL),
                     MEDLEY_ERROR_UNKNOWN_VOICE, "nope");
  check_start_fails (make_element ("language", "xx", NULL), MEDLEY_ERROR_UNKNOWN_LANGUAGE, "xx");
}

static void
check_input_fails (GstElement *element, const char *text, int code, const char *says)
{
  Fixture fixture = { 0 };
  g_autoptr (GstBus) bus = gst_bus_new ();

  fixture_start (&fixture, element, TRUE);
  gst_element_set_bus (element, bus);
  if (push_text (&fixture, text, strlen (text)) == GST_FLOW_OK)
    gst_harness_push_event (fixture.audio, gst_event_new_eos ());
  g_autoptr (GError) error = error_of (bus);
  g_assert_error (error, MEDLEY_ERROR, code);
  g_assert_nonnull (strstr (error->message, says));
  g_assert_cmpuint (fixture.log->len, ==, 0);
  gst_element_set_bus (element, NULL);
  fixture_stop (&fixture);
}

static void
test_bad_input (void)
{
  g_autoptr (GString) large = g_string_new ("<speak>");

  while (large->len < 1100000)
    g_string_append (large, "Words and words. ");
  g_string_append (large, "</speak>");
  check_input_fails (make_element (NULL, NULL), " \n\n\t ", MEDLEY_ERROR_EMPTY_INPUT,
                     "white space");
  check_input_fails (make_element ("ssml", TRUE, NULL), " \n ", MEDLEY_ERROR_EMPTY_INPUT, "white");
  check_input_fails (make_element ("ssml", TRUE, NULL), "<speak>Hello <b>you</speak>",
                     MEDLEY_ERROR_BAD_INPUT, "line 1");
  check_input_fails (make_element ("ssml", TRUE, NULL), large->str, MEDLEY_ERROR_TOO_LARGE,
                     "1048576");
}

/* Some audio always comes, so that encoders and muxers have something to write. */
static void
test_nothing_to_say (void)
{
  static const char *const texts[] = { "...", "\002\003", "\342\200\213", "(((", "-", "\"" };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    Fixture fixture = { 0 };
    fixture_start (&fixture, make_element (NULL, NULL), TRUE);
    speak (&fixture, texts[i]);
    g_assert_cmpuint (check_timeline (&fixture), >, 0);
    fixture_stop (&fixture);
  }
  Fixture fixture = { 0 };
  fixture_start (&fixture, make_element ("ssml", TRUE, NULL), TRUE);
  speak (&fixture, "<speak></speak>");
  g_assert_cmpuint (fixture.log->len, >, 0);
  fixture_stop (&fixture);
}

static void
test_ssml (void)
{
  const char *document
      = "<?xml version=\"1.0\"?>\n<speak>\n <p><s>Hello <emphasis>big</emphasis> world.</s>\n"
        " <s>Salt &amp; vinegar <break time=\"300ms\"/> cost &#163;3.</s></p> <!-- none -->\n"
        "<prosody rate=\"slow\">\303\234ber all. The end.</prosody></speak>";
  Fixture fixture = { 0 };

  fixture_start (&fixture, make_element ("ssml", TRUE, NULL), TRUE);
  g_assert_cmpint (push_text (&fixture, document, 60), ==, GST_FLOW_OK);
  g_assert_cmpuint (fixture.log->len, ==, 0);
  speak (&fixture, document + 60);
  g_assert_cmpuint (check_timeline (&fixture), >, 4 * RATE);
  g_autofree char *captions = captions_of (&fixture);
  g_assert_cmpstr (
      captions, ==,
      "[Hello big world.][Salt & vinegar cost \302\2433.][\303\234ber all.][The end.]");
  g_autofree char *words = words_of (&fixture);
  g_assert_true (g_str_has_prefix (words, "Hello|big|world|Salt|"));
  g_assert_true (g_str_has_suffix (words, "\303\234ber|all|The|end|"));
  fixture_stop (&fixture);
}

/* One sentence of five minutes: several captions, none much longer than a minute. */
static void
test_ssml_long_sentence (void)
{
  g_autoptr (GString) document = g_string_new ("<speak>");
  Fixture fixture = { 0 };
  guint captions = 0, words = 0;

  for (guint i = 0; i < 900; i++)
    g_string_append (document, "word ");
  g_string_append (document, "</speak>");
  fixture_start (&fixture, make_element ("ssml", TRUE, NULL), TRUE);
  speak (&fixture, document->str);
  g_assert_cmpuint (check_timeline (&fixture), >, 180 * RATE);
  for (guint i = 0; i < fixture.log->len; i++) {
    const Item *item = g_ptr_array_index (fixture.log, i);
    if (item->is_caption) {
      captions++;
      words += item->words->len;
      g_assert_cmpuint (item->end - item->start, <, 62 * GST_SECOND);
    }
  }
  g_assert_cmpuint (captions, >, 2);
  g_assert_cmpuint (words, >, 890);
  fixture_stop (&fixture);
}

/* Properties count from the next start; the element stays open between jobs. */
static void
test_properties (void)
{
  const char *text = "Good morning to all of you.";
  g_autoptr (GstElement) element = make_element (NULL, NULL);
  guint64 plain = samples_of (element, text);

  g_object_set (element, "rate", 300, NULL);
  guint64 quick = samples_of (element, text);
  g_assert_cmpuint (quick, <, plain * 3 / 4);
  g_object_set (element, "rate", 80, NULL);
  g_assert_cmpuint (samples_of (element, text), >, plain * 3 / 2);
  g_object_set (element, "rate", 175, "voice", "de", "pitch", 80, "volume", 20, NULL);
  guint64 german = samples_of (element, text);
  g_assert_cmpuint (MAX (german, plain) - MIN (german, plain), >, plain / 20);
  g_object_set (element, "voice", "en-gb", "pitch", 50, "volume", 100, NULL);
  assert_about (samples_of (element, text), plain);
}

/* With another speaker in the process a sentence is collected first; what comes is the same. */
static void
test_two_elements (void)
{
  const char *text = "Good morning to all of you. How are you?";
  g_autoptr (GstElement) element = make_element (NULL, NULL);
  guint64 alone = samples_of (element, text);
  Fixture other = { 0 };

  fixture_start (&other, make_element ("voice", "de", "rate", 300, NULL), TRUE);
  g_assert_cmpint (push_text (&other, "Guten Tag. Wie geht es Ihnen", 28), ==, GST_FLOW_OK);
  assert_about (samples_of (element, text), alone);
  g_assert_true (gst_harness_push_event (other.audio, gst_event_new_eos ()));
  g_assert_cmpuint (check_timeline (&other), >, RATE / 2);
  fixture_stop (&other);
}

typedef struct {
  Fixture *fixture;
  char *text;
  GMutex mutex;
  GCond cond;
  gboolean reached, go_on;
  GstFlowReturn flow;
} Push;

static gpointer
push_in_thread (gpointer user_data)
{
  Push *push = user_data;
  push->flow = push_text (push->fixture, push->text, strlen (push->text));
  return NULL;
}

static GstPadProbeReturn
hold_first (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  Push *push = user_data;

  g_mutex_lock (&push->mutex);
  push->reached = TRUE;
  g_cond_broadcast (&push->cond);
  while (!push->go_on)
    g_cond_wait (&push->cond, &push->mutex);
  g_mutex_unlock (&push->mutex);
  return GST_PAD_PROBE_REMOVE;
}

/* The stop comes when the first of some thousand buffers of one sentence is on its way. */
static void
test_flush_during_speech (void)
{
  Fixture fixture = { 0 };
  g_autofree char *digits = g_strnfill (1990, '7');
  Push push = { .fixture = &fixture, .text = g_strconcat (digits, ". Next comes another", NULL) };

  fixture_start (&fixture, make_element ("rate", 80, NULL), FALSE);
  g_autoptr (GstPad) pad = gst_element_get_static_pad (fixture.element, "src");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, hold_first, &push, NULL);
  GThread *thread = g_thread_new ("push", push_in_thread, &push);
  g_mutex_lock (&push.mutex);
  while (!push.reached)
    g_cond_wait (&push.cond, &push.mutex);
  g_mutex_unlock (&push.mutex);

  g_assert_true (gst_harness_push_event (fixture.audio, gst_event_new_flush_start ()));
  g_mutex_lock (&push.mutex);
  push.go_on = TRUE;
  g_cond_broadcast (&push.cond);
  g_mutex_unlock (&push.mutex);
  g_thread_join (thread);
  g_assert_cmpint (push.flow, ==, GST_FLOW_FLUSHING);
  g_assert_cmpint (g_atomic_int_get (&fixture.audio_buffers), <=, 2);

  /* A new timeline, without what was pending. */
  g_assert_true (gst_harness_push_event (fixture.audio, gst_event_new_flush_stop (TRUE)));
  g_ptr_array_set_size (fixture.log, 0);
  GstSegment segment;
  gst_segment_init (&segment, GST_FORMAT_BYTES);
  g_assert_true (gst_harness_push_event (fixture.audio, gst_event_new_segment (&segment)));
  speak (&fixture, "Short.");
  g_assert_cmpuint (check_timeline (&fixture), <, 4 * RATE);
  fixture_stop (&fixture);
  g_free (push.text);
}

static void
test_stop_during_speech (void)
{
  Fixture fixture = { 0 };
  g_autofree char *digits = g_strnfill (1990, '7');
  g_autoptr (GString) text = g_string_new (NULL);

  /* Hours of speech: without a cancel the join would not come back in the test's time. */
  for (guint i = 0; i < 2000; i++)
    g_string_append_printf (text, "%s. ", digits);
  Push push = { .fixture = &fixture, .text = text->str };
  fixture_start (&fixture, make_element ("rate", 80, NULL), TRUE);
  gst_harness_set_drop_buffers (fixture.audio, TRUE);
  GThread *thread = g_thread_new ("push", push_in_thread, &push);
  g_usleep (30000);
  g_assert_cmpint (gst_element_set_state (fixture.element, GST_STATE_NULL), ==,
                   GST_STATE_CHANGE_SUCCESS);
  g_thread_join (thread);
  g_assert_cmpint (push.flow, ==, GST_FLOW_FLUSHING);
  fixture_stop (&fixture);
}

/* The zygote has the element in READY; a child takes it from there. */
static void
test_fork (void)
{
  g_autoptr (GstElement) element = make_element (NULL, NULL);
  guint64 there = 0;
  int fds[2], status;

  g_assert_cmpint (gst_element_set_state (element, GST_STATE_READY), ==, GST_STATE_CHANGE_SUCCESS);
  g_assert_true (g_unix_open_pipe (fds, FD_CLOEXEC, NULL));
  pid_t pid = fork ();
  if (pid == 0) {
    alarm (20);
    there = samples_of (element, "Good morning. How are you?");
    _exit (write (fds[1], &there, sizeof there) == sizeof there ? 0 : 1);
  }
  close (fds[1]);
  g_assert_cmpint (read (fds[0], &there, sizeof there), ==, sizeof there);
  close (fds[0]);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);
  assert_about (there, samples_of (element, "Good morning. How are you?"));
  gst_element_set_state (element, GST_STATE_NULL);
}

static void
test_voices (void)
{
  g_autoptr (GstElement) element = make_element (NULL, NULL);
  g_autoptr (GstQuery) query = medley_query_new_voices ();
  guint found = 0;

  gst_element_set_state (element, GST_STATE_READY);
  g_assert_true (gst_element_query (element, query));
  const GValue *voices = medley_query_get_voices (query);
  g_assert_cmpuint (gst_value_list_get_size (voices), >, 100);
  for (guint i = 0; i < gst_value_list_get_size (voices); i++) {
    const GstStructure *voice = gst_value_get_structure (gst_value_list_get_value (voices, i));
    if (g_strcmp0 (gst_structure_get_string (voice, "name"), "en-us") == 0) {
      g_assert_cmpstr (gst_structure_get_string (voice, "language"), ==, "en-US");
      g_assert_cmpstr (gst_structure_get_string (voice, "gender"), ==, "male");
      g_assert_cmpstr (gst_structure_get_string (voice, "description"), ==, "English (America)");
      found++;
    }
  }
  g_assert_cmpuint (found, ==, 1);
  gst_element_set_state (element, GST_STATE_NULL);
}

static void
test_metadata (void)
{
  g_autoptr (GstElementFactory) factory = gst_element_factory_find ("espeak");
  g_autoptr (GstPlugin) plugin = gst_plugin_feature_get_plugin (GST_PLUGIN_FEATURE (factory));

  g_assert_cmpstr (gst_element_factory_get_metadata (factory, MEDLEY_METADATA_TASKS), ==,
                   "text-to-audio/speech");
  g_assert_cmpstr (gst_element_factory_get_metadata (factory, MEDLEY_METADATA_CLASS), ==, "cpu");
  g_assert_cmpstr (gst_plugin_get_license (plugin), ==, "GPL");
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;

  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  if (argc < 2)
    g_error ("usage: %s PLUGIN", argv[0]);
  g_autoptr (GstPlugin) plugin = gst_plugin_load_file (argv[1], &error);
  if (plugin == NULL)
    g_error ("%s", error->message);

  g_test_add_func ("/espeak/element/fork-after-open", test_fork);
  g_test_add_func ("/espeak/element/metadata", test_metadata);
  g_test_add_func ("/espeak/element/captions-tile-the-audio-and-mark-words", test_captions);
  g_test_add_data_func ("/espeak/element/first-sentence-before-second-is-fed",
                        GINT_TO_POINTER (FALSE), test_streaming);
  g_test_add_data_func ("/espeak/element/first-sentence-before-second-is-fed-with-captions",
                        GINT_TO_POINTER (TRUE), test_streaming);
  g_test_add_func ("/espeak/element/first-audio-before-the-sentence-ends", test_first_audio);
  g_test_add_func ("/espeak/element/idle-input-is-spoken", test_idle);
  g_test_add_func ("/espeak/element/pieces-do-not-matter", test_pieces);
  g_test_add_func ("/espeak/element/thousand-words", test_long_text);
  g_test_add_func ("/espeak/element/text-without-full-stops", test_no_full_stop);
  g_test_add_func ("/espeak/element/unknown-voice-and-language", test_unknown_voice);
  g_test_add_func ("/espeak/element/bad-input-is-a-typed-error", test_bad_input);
  g_test_add_func ("/espeak/element/nothing-to-say-is-a-silence", test_nothing_to_say);
  g_test_add_func ("/espeak/element/ssml", test_ssml);
  g_test_add_func ("/espeak/element/ssml-long-sentence", test_ssml_long_sentence);
  g_test_add_func ("/espeak/element/properties-count-from-the-next-start", test_properties);
  g_test_add_func ("/espeak/element/two-elements-in-one-process", test_two_elements);
  g_test_add_func ("/espeak/element/flush-during-speech", test_flush_during_speech);
  g_test_add_func ("/espeak/element/stop-during-speech", test_stop_during_speech);
  g_test_add_func ("/espeak/element/voices-query", test_voices);
  return g_test_run ();
}
