/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The element `speakable`, on the built plugin that is named on the command line. */

#include <gst/check/gstharness.h>
#include <medley/medley.h>
#include <string.h>

#define TEXT_CAPS "text/x-raw,format=utf8"

static GstHarness *
start (void)
{
  GstHarness *harness = gst_harness_new ("speakable");

  gst_harness_set_src_caps_str (harness, TEXT_CAPS);
  return harness;
}

static GstFlowReturn
push (GstHarness *harness, const char *text, gssize length)
{
  return gst_harness_push (harness, gst_buffer_new_memdup (text, length < 0 ? strlen (text)
                                                                            : (gsize) length));
}

/* What has come out since the last call: the buffers, with '|' between them. */
static char *
pull (GstHarness *harness)
{
  GString *out = g_string_new (NULL);
  GstBuffer *buffer;

  while ((buffer = gst_harness_try_pull (harness)) != NULL) {
    GstMapInfo map;

    g_assert_true (gst_buffer_map (buffer, &map, GST_MAP_READ));
    if (out->len > 0)
      g_string_append_c (out, '|');
    g_string_append_len (out, (const char *) map.data, (gssize) map.size);
    gst_buffer_unmap (buffer, &map);
    gst_buffer_unref (buffer);
  }
  return g_string_free (out, FALSE);
}

static void
assert_pulls (GstHarness *harness, const char *expected)
{
  g_autofree char *out = pull (harness);

  g_assert_cmpstr (out, ==, expected);
}

static void
end (GstHarness *harness)
{
  gst_harness_push_event (harness, gst_event_new_eos ());
}

static void
test_declaration (void)
{
  g_autoptr (GstElementFactory) factory = gst_element_factory_find ("speakable");

  g_assert_nonnull (factory);
  g_assert_cmpstr (gst_element_factory_get_metadata (factory, MEDLEY_METADATA_TASKS), ==,
                   "text-to-text/speakable");
  g_assert_cmpstr (gst_element_factory_get_metadata (factory, MEDLEY_METADATA_COST), ==, "10");
  g_assert_cmpstr (gst_element_factory_get_metadata (factory, MEDLEY_METADATA_FLAGS), ==,
                   "deterministic");
}

static void
test_paragraphs (void)
{
  GstHarness *harness = start ();

  g_assert_cmpint (push (harness, "Heading\n\nAn exam-\nple of\ntext.\f- item\n", -1), ==,
                   GST_FLOW_OK);
  end (harness);
  assert_pulls (harness, "Heading\n\n|An example of text.\n\n|item|\n");
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (harness->sinkpad);
  g_autoptr (GstCaps) expected = gst_caps_from_string ("text/x-raw, format=(string)utf8");
  g_assert_true (gst_caps_is_equal (caps, expected));
  gst_harness_teardown (harness);
}

/* Text flows before the input has ended, and cut anywhere it comes to the same. */
static void
test_bytes (void)
{
  const char *text
      = "\303\234ber-\nma\303\237 und\n\344\270\255\346\226\207\n\346\226\207\n\n1. One-\ntime\n";
  GstHarness *harness = start ();
  g_autoptr (GString) out = g_string_new (NULL);

  for (const char *p = text; *p != '\0'; p++) {
    GstBuffer *buffer;

    g_assert_cmpint (push (harness, p, 1), ==, GST_FLOW_OK);
    if (p == text + 12)
      g_assert_cmpuint (out->len, >, 0);
    while ((buffer = gst_harness_try_pull (harness)) != NULL) {
      gsize size = gst_buffer_get_size (buffer);
      g_autofree char *copy = g_malloc0 (size + 1);

      gst_buffer_extract (buffer, 0, copy, size);
      g_assert_true (g_utf8_validate (copy, (gssize) size, NULL));
      g_string_append_len (out, copy, (gssize) size);
      gst_buffer_unref (buffer);
    }
  }
  end (harness);
  g_autofree char *rest = pull (harness);
  g_string_append (out, rest);
  g_assert_cmpstr (
      out->str, ==,
      "\303\234berma\303\237 und \344\270\255\346\226\207\346\226\207\n\n1. Onetime\n");
  gst_harness_teardown (harness);
}

static void
test_idle (void)
{
  GstHarness *harness = start ();
  gboolean seen = FALSE;

  g_assert_cmpint (push (harness, "A line\n", -1), ==, GST_FLOW_OK);
  assert_pulls (harness, "A line");
  g_assert_true (gst_harness_push_event (harness, medley_event_new_idle ()));
  assert_pulls (harness, "\n");
  /* The next engine hears of the pause, after the text. */
  while (!seen) {
    g_autoptr (GstEvent) event = gst_harness_try_pull_event (harness);

    g_assert_nonnull (event);
    seen = medley_event_is_idle (event);
  }
  gst_harness_teardown (harness);
}

/* A job finds nothing of the one before it, nor of text that a flush dropped. */
static void
test_fresh_start (void)
{
  GstHarness *harness = start ();
  GstSegment segment;

  push (harness, "exam-\n", -1);
  assert_pulls (harness, "exam");
  gst_harness_push_event (harness, gst_event_new_flush_start ());
  gst_harness_push_event (harness, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (harness, gst_event_new_segment (&segment));
  push (harness, "ple", -1);
  assert_pulls (harness, "ple");

  gst_element_set_state (harness->element, GST_STATE_READY);
  gst_harness_play (harness);
  gst_harness_push_event (harness, gst_event_new_stream_start ("again"));
  gst_harness_set_src_caps_str (harness, TEXT_CAPS);
  push (harness, "- item", -1);
  end (harness);
  assert_pulls (harness, "item");
  gst_harness_teardown (harness);
}

static void
test_long (void)
{
  GstHarness *harness = start ();
  g_autoptr (GString) text = g_string_new (NULL);
  gsize total = 0;
  GstBuffer *buffer;

  while (text->len < 1000000)
    g_string_append (text, "no blank line\nat all ");
  g_assert_cmpint (push (harness, text->str, (gssize) text->len), ==, GST_FLOW_OK);
  end (harness);
  while ((buffer = gst_harness_try_pull (harness)) != NULL) {
    g_assert_cmpuint (gst_buffer_get_size (buffer), <=, 16 * 1024);
    total += gst_buffer_get_size (buffer);
    gst_buffer_unref (buffer);
  }
  g_assert_cmpuint (total, ==, text->len - 1);
  gst_harness_teardown (harness);
}

static void
assert_fails (const char *text, gssize length, int code)
{
  GstHarness *harness = start ();
  g_autoptr (GstBus) bus = gst_bus_new ();
  g_autoptr (GError) error = NULL;

  gst_element_set_bus (harness->element, bus);
  if (length != 0)
    push (harness, text, length);
  end (harness);
  g_autoptr (GstMessage) message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  g_assert_nonnull (message);
  gst_message_parse_error (message, &error, NULL);
  g_assert_error (error, MEDLEY_ERROR, code);
  gst_element_set_bus (harness->element, NULL);
  gst_harness_teardown (harness);
}

static void
test_bad_input (void)
{
  assert_fails ("", 0, MEDLEY_ERROR_EMPTY_INPUT);
  assert_fails (" \n\f\t\n", -1, MEDLEY_ERROR_EMPTY_INPUT);
  assert_fails ("-----\n", -1, MEDLEY_ERROR_EMPTY_INPUT);
  assert_fails ("caf\351 ", -1, MEDLEY_ERROR_BAD_ENCODING);
  assert_fails ("a\0b", 3, MEDLEY_ERROR_NUL_IN_TEXT);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GstPlugin) plugin = NULL;

  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  plugin = gst_plugin_load_file (argv[1], &error);
  g_assert_no_error (error);
  g_assert_cmpstr (gst_plugin_get_license (plugin), ==, "LGPL");

  g_test_add_func ("/speakable/declaration", test_declaration);
  g_test_add_func ("/speakable/paragraphs", test_paragraphs);
  g_test_add_func ("/speakable/byte-by-byte", test_bytes);
  g_test_add_func ("/speakable/idle", test_idle);
  g_test_add_func ("/speakable/fresh-start", test_fresh_start);
  g_test_add_func ("/speakable/long-text", test_long);
  g_test_add_func ("/speakable/bad-input", test_bad_input);
  return g_test_run ();
}
