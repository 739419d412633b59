/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tesseract-bench.h"

#include <locale.h>
#include <medley/medley.h>
#include <string.h>

int
bench_run (int argc, char **argv, void (*add_tests) (void))
{
  g_autoptr (GError) error = NULL;

  setlocale (LC_ALL, "");
  g_test_init (&argc, &argv, NULL);
  gst_init (&argc, &argv);
  g_autoptr (GstPlugin) plugin = gst_plugin_load_file (TESSERACT_MODULE, &error);
  g_assert_no_error (error);
  add_tests ();
  return g_test_run ();
}

Bench
bench_new (const char *launch)
{
  GstElement *element = gst_parse_launch (launch, NULL);
  Bench bench;

  g_assert_nonnull (element);
  bench.bus = gst_bus_new ();
  gst_element_set_bus (element, bench.bus);
  bench.harness = gst_harness_new_with_element (element, "sink", "src");
  gst_object_unref (element);
  return bench;
}

void
bench_clear (Bench *bench)
{
  gst_element_set_bus (bench->harness->element, NULL);
  gst_harness_teardown (bench->harness);
  gst_object_unref (bench->bus);
}

GstBuffer *
bench_to_buffer (GBytes *bytes)
{
  return gst_buffer_new_wrapped_bytes (bytes);
}

char *
bench_take_text (GstHarness *harness)
{
  GString *text = g_string_new (NULL);
  GstBuffer *buffer;

  while ((buffer = gst_harness_try_pull (harness))) {
    GstMapInfo map;
    g_assert_true (gst_buffer_map (buffer, &map, GST_MAP_READ));
    g_assert_cmpuint (map.size, >, 0);
    g_assert_false (GST_BUFFER_PTS_IS_VALID (buffer));
    g_string_append_len (text, (const char *) map.data, (gssize) map.size);
    gst_buffer_unmap (buffer, &map);
    gst_buffer_unref (buffer);
  }
  return g_string_free (text, FALSE);
}

char *
bench_recognise (Bench *bench, const char *caps, GBytes *bytes)
{
  gst_harness_set_src_caps_str (bench->harness, caps);
  g_assert_cmpint (gst_harness_push (bench->harness, bench_to_buffer (bytes)), ==, GST_FLOW_OK);
  return bench_take_text (bench->harness);
}

void
bench_assert_error (GstBus *bus, int code, const char *mention)
{
  g_autoptr (GstMessage) message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  g_autoptr (GError) error = NULL;

  g_assert_nonnull (message);
  gst_message_parse_error (message, &error, NULL);
  g_test_message ("%s", error->message);
  g_assert_error (error, MEDLEY_ERROR, code);
  if (!strstr (error->message, mention))
    g_error ("\"%s\" lacks \"%s\"", error->message, mention);
}
