/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <medley/medley.h>
#include <string.h>

#include "tesseract-bench.h"

static void
test_large_frames_are_refused (void)
{
  static const char *const caps[]
      = { "video/x-raw,format=GRAY8,width=20000,height=20000,framerate=0/1",
          "video/x-raw,format=GRAY8,width=40000,height=10,framerate=0/1" };
  static const char *const mention[] = { "20000 x 20000", "32767" };

  for (guint i = 0; i < G_N_ELEMENTS (caps); i++) {
    Bench bench = bench_new ("tesseract");
    gst_harness_set_src_caps_str (bench.harness, caps[i]);
    bench_assert_error (bench.bus, MEDLEY_ERROR_IMAGE_TOO_LARGE, mention[i]);
    bench_clear (&bench);
  }
}

static void
test_bad_input_has_its_error_and_the_next_job_runs (void)
{
  PIX *part = pages_cut (300, 220);
  g_autoptr (GBytes) good = pages_encode (part, IFF_PNG);
  gsize size;
  const guint8 *data = g_bytes_get_data (good, &size);
  guint8 header[] = { 0, 1, 0x86, 0xa0, 0, 1, 0x86, 0xa0 };
  g_autofree guint8 *huge = g_memdup2 (data, size);
  memcpy (huge + 16, header, sizeof header);
  const struct {
    gconstpointer data;
    gsize size;
    int code;
    const char *mention;
  } cases[] = {
    { huge, size, MEDLEY_ERROR_IMAGE_TOO_LARGE,
      "100000 x 100000 pixels, more than the limit of 100000000" },
    { data, size / 2, MEDLEY_ERROR_BAD_INPUT, "cut off, damaged" },
    { data, 10, MEDLEY_ERROR_BAD_INPUT, "no image" },
    { header, sizeof header, MEDLEY_ERROR_BAD_INPUT, "no image" },
    { "%PDF-1.4 and so on", 18, MEDLEY_ERROR_UNSUPPORTED_TYPE, "PDF" },
    { NULL, 0, MEDLEY_ERROR_EMPTY_INPUT, "empty" },
  };
  Bench bench = bench_new ("tesseract");
  GstElement *element = bench.harness->element;
  g_autofree char *expected = bench_recognise (&bench, PNG, good);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    GstBuffer *buffer
        = cases[i].data ? gst_buffer_new_memdup (cases[i].data, cases[i].size) : gst_buffer_new ();
    gst_element_set_state (element, GST_STATE_READY);
    gst_element_set_state (element, GST_STATE_PLAYING);
    gst_harness_push_event (bench.harness, gst_event_new_stream_start ("job"));
    gst_harness_set_src_caps_str (bench.harness, PNG);
    g_assert_cmpint (gst_harness_push (bench.harness, buffer), ==, GST_FLOW_ERROR);
    bench_assert_error (bench.bus, cases[i].code, cases[i].mention);
    g_assert_cmpuint (gst_harness_buffers_in_queue (bench.harness), ==, 0);
  }
  gst_element_set_state (element, GST_STATE_READY);
  gst_element_set_state (element, GST_STATE_PLAYING);
  gst_harness_push_event (bench.harness, gst_event_new_stream_start ("job"));
  g_autofree char *text = bench_recognise (&bench, PNG, good);
  g_assert_cmpstr (text, ==, expected);
  bench_clear (&bench);
  pixDestroy (&part);
}

static void
test_max_pixels_is_a_property (void)
{
  Bench bench = bench_new ("tesseract max-pixels=1000");
  PIX *page = pixCreate (100, 11, 1);
  g_autoptr (GBytes) bytes = pages_encode (page, IFF_PNG);

  gst_harness_set_src_caps_str (bench.harness, PNG);
  gst_harness_push (bench.harness, bench_to_buffer (bytes));
  bench_assert_error (bench.bus, MEDLEY_ERROR_IMAGE_TOO_LARGE, "100 x 11");
  pixDestroy (&page);
  bench_clear (&bench);
}

/* A gigabyte of something else is not collected before it is looked at. */
static void
test_stream_is_refused_by_its_first_bytes (void)
{
  Bench bench = bench_new ("tesseract framing=stream");

  gst_harness_set_src_caps_str (bench.harness, PNG);
  g_assert_cmpint (gst_harness_push (bench.harness, gst_buffer_new_memdup ("Dear", 4)), ==,
                   GST_FLOW_OK);
  g_assert_cmpint (gst_harness_push (bench.harness, gst_buffer_new_memdup (" reader, so", 11)), ==,
                   GST_FLOW_ERROR);
  bench_assert_error (bench.bus, MEDLEY_ERROR_BAD_INPUT, "no image");
  bench_clear (&bench);
}

static void
test_language_is_checked (void)
{
  g_autoptr (GstElement) element = gst_element_factory_make ("tesseract", NULL);
  g_autoptr (GstBus) bus = gst_bus_new ();

  gst_object_ref_sink (element);
  gst_element_set_bus (element, bus);
  g_object_set (element, "language", "xyz", NULL);
  g_assert_cmpint (gst_element_set_state (element, GST_STATE_READY), ==, GST_STATE_CHANGE_FAILURE);
  bench_assert_error (bus, MEDLEY_ERROR_UNKNOWN_LANGUAGE, "tesseract-ocr-xyz");

  g_object_set (element, "language", "en-GB", NULL);
  g_assert_cmpint (gst_element_set_state (element, GST_STATE_READY), ==, GST_STATE_CHANGE_SUCCESS);
  /* Changed in READY: looked at when the next job starts. */
  g_object_set (element, "language", "eng+xyz", NULL);
  g_assert_cmpint (gst_element_set_state (element, GST_STATE_PAUSED), ==, GST_STATE_CHANGE_FAILURE);
  bench_assert_error (bus, MEDLEY_ERROR_UNKNOWN_LANGUAGE, "xyz");
  g_object_set (element, "language", "eng", NULL);
  g_assert_cmpint (gst_element_set_state (element, GST_STATE_PAUSED), !=, GST_STATE_CHANGE_FAILURE);
  gst_element_set_state (element, GST_STATE_NULL);
  gst_element_set_bus (element, NULL);
}

static gpointer
push_page (gpointer data)
{
  g_autoptr (GBytes) page = pages_new_tiff (10, 1200);

  return GINT_TO_POINTER (gst_harness_push (data, bench_to_buffer (page)));
}

static void
test_stop_interrupts_recognition (void)
{
  Bench bench = bench_new ("tesseract");

  gst_harness_set_src_caps_str (bench.harness, "image/tiff");
  GThread *thread = g_thread_new ("push", push_page, bench.harness);
  /* It is at work when it says so. */
  for (;;) {
    g_autoptr (GstMessage) message
        = gst_bus_timed_pop_filtered (bench.bus, 60 * GST_SECOND, GST_MESSAGE_ELEMENT);
    g_assert_nonnull (message);
    if (gst_message_has_name (message, "medley-progress"))
      break;
  }
  gst_element_set_state (bench.harness->element, GST_STATE_READY);
  g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (thread)), ==, GST_FLOW_FLUSHING);
  g_assert_null (gst_bus_pop_filtered (bench.bus, GST_MESSAGE_ERROR));
  /* Ten pages take seconds; the stop came during the first ones. */
  g_assert_cmpuint (gst_harness_buffers_in_queue (bench.harness), <, 10);
  bench_clear (&bench);
}

static void
add_tests (void)
{
#define ADD(name, function) g_test_add_func ("/tesseract/" name, function)
  ADD ("large-frames-are-refused", test_large_frames_are_refused);
  ADD ("bad-input-has-its-error-and-the-next-job-runs",
       test_bad_input_has_its_error_and_the_next_job_runs);
  ADD ("max-pixels-is-a-property", test_max_pixels_is_a_property);
  ADD ("stream-is-refused-by-its-first-bytes", test_stream_is_refused_by_its_first_bytes);
  ADD ("language-is-checked", test_language_is_checked);
  ADD ("stop-interrupts-recognition", test_stop_interrupts_recognition);
}

int
main (int argc, char **argv)
{
  return bench_run (argc, argv, add_tests);
}
