/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The storyboard element: how it is opened, refuses, begins anew, and what its files are. */

#include <glib/gstdio.h>
#include <gst/pbutils/pbutils.h>
#include <medley/medley.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storyboard-harness.h"

static void
assert_refused (int code, const char *first, ...)
{
  GstElement *element = gst_object_ref_sink (gst_element_factory_make ("storyboard", NULL));
  g_autoptr (GstBus) bus = gst_bus_new ();
  g_autoptr (GError) error = NULL;
  va_list args;

  va_start (args, first);
  g_object_set_valist (G_OBJECT (element), first, args);
  va_end (args);
  gst_element_set_bus (element, bus);
  g_assert_cmpint (gst_element_set_state (element, GST_STATE_PAUSED), ==, GST_STATE_CHANGE_FAILURE);
  error = storyboard_pop_error (bus);
  g_test_message ("%s", error->message);
  g_assert_error (error, MEDLEY_ERROR, code);
  g_assert_nonnull (strstr (error->message, first));
  gst_element_set_state (element, GST_STATE_NULL);
  gst_element_set_bus (element, NULL);
  gst_object_unref (element);
}

static void
test_bad_properties_are_typed_errors (void)
{
  assert_refused (MEDLEY_ERROR_INVALID_PROPERTY, "background", "reddish", NULL);
  assert_refused (MEDLEY_ERROR_INVALID_PROPERTY, "background", "#12345", NULL);
  assert_refused (MEDLEY_ERROR_INVALID_PROPERTY, "background-image", "/nonexistent/x.png", NULL);
  assert_refused (MEDLEY_ERROR_INVALID_PROPERTY, "background-image", "/dev/zero", NULL);
  assert_refused (MEDLEY_ERROR_INVALID_PROPERTY, "width", 641, NULL);
  assert_refused (MEDLEY_ERROR_INVALID_PROPERTY, "height", 361, NULL);
  assert_refused (MEDLEY_ERROR_INVALID_PROPERTY, "width", 7680, "height", 7680, NULL);
  assert_refused (MEDLEY_ERROR_INVALID_PROPERTY, "beat", (guint64) 1, NULL);
}

static void
test_an_absurd_time_is_refused (void)
{
  GstHarness *h = storyboard_harness_new (NULL, NULL);
  g_autoptr (GstBus) bus = gst_bus_new ();
  g_autoptr (GError) error = NULL;

  gst_element_set_bus (h->element, bus);
  g_assert_cmpint (gst_harness_push (h,
                                     medley_caption_new ("late", G_MAXINT64, GST_SECOND, NULL, 0)),
                   ==, GST_FLOW_ERROR);
  error = storyboard_pop_error (bus);
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_BAD_INPUT);
  gst_element_set_bus (h->element, NULL);
  gst_harness_teardown (h);
}

static void
test_a_second_job_begins_at_zero_with_the_title (void)
{
  GstHarness *h = storyboard_harness_new ("title", "Title", "width", 320, "height", 180, NULL);
  GstBuffer *first, *again;
  gsize size;
  GstMapInfo map;

  storyboard_push (h, "A caption.", 0, GST_SECOND);
  first = gst_harness_pull (h);
  storyboard_push (h, "Another caption.", GST_SECOND, GST_SECOND);
  storyboard_push_eos (h);
  gst_element_set_state (h->element, GST_STATE_READY);
  gst_harness_teardown (h);

  h = storyboard_harness_new ("title", "Title", "width", 320, "height", 180, NULL);
  storyboard_push (h, "Something else first.", 0, GST_SECOND);
  g_assert_true (gst_harness_push_event (h, gst_event_new_flush_start ()));
  g_assert_true (gst_harness_push_event (h, gst_event_new_flush_stop (TRUE)));
  while ((again = gst_harness_try_pull (h)) != NULL)
    gst_buffer_unref (again);
  {
    GstSegment segment;

    gst_segment_init (&segment, GST_FORMAT_TIME);
    g_assert_true (gst_harness_push_event (h, gst_event_new_segment (&segment)));
  }
  storyboard_push (h, "A caption.", 0, GST_SECOND);
  again = gst_harness_pull (h);
  g_assert_cmpuint (GST_BUFFER_PTS (again), ==, 0);
  g_assert_true (gst_buffer_map (again, &map, GST_MAP_READ));
  size = map.size;
  g_assert_cmpint (gst_buffer_memcmp (first, 0, map.data, size), ==, 0);
  gst_buffer_unmap (again, &map);
  gst_buffer_unref (again);
  gst_buffer_unref (first);
  gst_harness_teardown (h);
}

static guint
count_threads (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/task", 0, NULL);
  guint count = 0;

  while (g_dir_read_name (dir))
    count++;
  return count;
}

/* As a worker does it: open in the zygote, fork, draw in the child. */
static void
test_an_opened_engine_draws_after_a_fork (void)
{
  GstElement *element = gst_object_ref_sink (gst_element_factory_make ("storyboard", NULL));
  guint threads = count_threads ();

  g_assert_cmpint (gst_element_set_state (element, GST_STATE_READY), ==, GST_STATE_CHANGE_SUCCESS);
  g_assert_cmpuint (count_threads (), ==, threads);
  for (guint i = 0; i < 20; i++) {
    pid_t child = fork ();
    int status;

    g_assert_cmpint (child, >=, 0);
    if (child == 0) {
      GstHarness *h;
      GstBuffer *buffer;

      alarm (30); /* a hang becomes a signal */
      h = gst_harness_new_with_element (element, "sink", "src");
      gst_harness_set_src_caps_str (h, STORYBOARD_CAPS);
      storyboard_push (h, "Drawn in a child: 汉字 and عربي.", 0, GST_SECOND);
      buffer = gst_harness_pull (h);
      _exit (buffer && gst_buffer_get_size (buffer) == 1280 * 720 * 3 / 2 ? 0 : 1);
    }
    g_assert_cmpint (waitpid (child, &status, 0), ==, child);
    g_assert_true (WIFEXITED (status) && WEXITSTATUS (status) == 0);
  }
  gst_element_set_state (element, GST_STATE_NULL);
  gst_object_unref (element);
}

static void
run_pipeline (const char *description, const char *path)
{
  g_autofree char *line
      = g_strdup_printf ("appsrc name=in format=time caps=\"" STORYBOARD_CAPS "\" ! storyboard"
                         " title=T ! %s ! filesink location=%s",
                         description, path);
  g_autoptr (GError) error = NULL;
  GstElement *pipeline = gst_parse_launch (line, &error), *in;
  g_autoptr (GstBus) bus = NULL;
  GstMessage *message;
  GstFlowReturn ret;

  g_assert_no_error (error);
  bus = gst_element_get_bus (pipeline);
  in = gst_bin_get_by_name (GST_BIN (pipeline), "in");
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  for (guint i = 0; i < 3; i++) {
    g_autoptr (GstBuffer) caption
        = medley_caption_new ("A caption.", MS (i * 2700), MS (2345), NULL, 0);

    g_signal_emit_by_name (in, "push-buffer", caption, &ret);
    g_assert_cmpint (ret, ==, GST_FLOW_OK);
  }
  g_signal_emit_by_name (in, "end-of-stream", &ret);
  message = gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  g_assert_nonnull (message);
  g_assert_cmpint (GST_MESSAGE_TYPE (message), ==, GST_MESSAGE_EOS);
  gst_message_unref (message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (in);
  gst_object_unref (pipeline);
}

static void
test_files_end_with_the_last_caption (void)
{
  static const char *const chains[] = {
    "vp8enc deadline=1 ! webmmux",
    "x264enc tune=zerolatency ! mp4mux",
    "x264enc tune=zerolatency ! mp4mux fragment-duration=1000 "
    "fragment-mode=first-moov-then-finalise",
  };
  g_autofree char *folder = g_dir_make_tmp ("storyboard-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "video", NULL);
  g_autofree char *uri = g_filename_to_uri (path, NULL, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (chains); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (GstDiscoverer) discoverer = gst_discoverer_new (30 * GST_SECOND, &error);
    g_autoptr (GstDiscovererInfo) info = NULL;
    GstClockTime duration;

    run_pipeline (chains[i], path);
    info = gst_discoverer_discover_uri (discoverer, uri, &error);
    g_assert_no_error (error);
    duration = gst_discoverer_info_get_duration (info);
    g_test_message ("%s: %" GST_TIME_FORMAT, chains[i], GST_TIME_ARGS (duration));
    g_assert_cmpuint (duration, >=, MS (2 * 2700 + 2345));
    g_assert_cmpuint (duration, <=, MS (2 * 2700 + 2345 + 1));
    g_assert_true (gst_discoverer_info_get_seekable (info));
  }
  g_unlink (path);
  g_rmdir (folder);
}

#define ADD(name) g_test_add_func ("/storyboard/" #name, test_##name)

static void
add_tests (void)
{
  ADD (an_opened_engine_draws_after_a_fork); /* first, while the process has one thread */
  ADD (bad_properties_are_typed_errors);
  ADD (an_absurd_time_is_refused);
  ADD (a_second_job_begins_at_zero_with_the_title);
  ADD (files_end_with_the_last_caption);
}

int
main (int argc, char **argv)
{
  return storyboard_run_tests (argc, argv, add_tests);
}
