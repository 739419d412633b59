/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storyboard-harness.h"

#include <medley/medley.h>

GstHarness *
storyboard_harness_new (const char *first, ...)
{
  GstElement *element = gst_element_factory_make ("storyboard", NULL);
  GstHarness *h;
  va_list args;

  g_assert_nonnull (element);
  va_start (args, first);
  if (first)
    g_object_set_valist (G_OBJECT (element), first, args);
  va_end (args);
  h = gst_harness_new_with_element (element, "sink", "src");
  gst_object_unref (element);
  gst_harness_set_src_caps_str (h, STORYBOARD_CAPS);
  return h;
}

void
storyboard_push (GstHarness *h, const char *text, GstClockTime pts, GstClockTime duration)
{
  g_assert_cmpint (gst_harness_push (h, medley_caption_new (text, pts, duration, NULL, 0)), ==,
                   GST_FLOW_OK);
}

void
storyboard_push_eos (GstHarness *h)
{
  g_assert_true (gst_harness_push_event (h, gst_event_new_eos ()));
}

GPtrArray *
storyboard_take_frames (GstHarness *h)
{
  GPtrArray *frames = g_ptr_array_new_with_free_func ((GDestroyNotify) gst_buffer_unref);
  GstClockTime expected = 0;
  GstBuffer *buffer;

  while ((buffer = gst_harness_try_pull (h)) != NULL) {
    g_ptr_array_add (frames, buffer);
    g_assert_cmpuint (GST_BUFFER_PTS (buffer), ==, expected);
    g_assert_true (GST_BUFFER_DURATION_IS_VALID (buffer));
    g_assert_cmpuint (GST_BUFFER_DURATION (buffer), >, 0);
    expected = GST_BUFFER_PTS (buffer) + GST_BUFFER_DURATION (buffer);
  }
  return frames;
}

GstMemory *
storyboard_memory_of (GPtrArray *frames, guint i)
{
  return gst_buffer_peek_memory (g_ptr_array_index (frames, i), 0);
}

GstClockTime
storyboard_pts_of (GPtrArray *frames, guint i)
{
  return GST_BUFFER_PTS ((GstBuffer *) g_ptr_array_index (frames, i));
}

guint
storyboard_count_pictures (GPtrArray *frames)
{
  guint count = 0;

  for (guint i = 0; i < frames->len; i++)
    count += i == 0 || storyboard_memory_of (frames, i) != storyboard_memory_of (frames, i - 1);
  return count;
}

GError *
storyboard_pop_error (GstBus *bus)
{
  GstMessage *message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  GError *error = NULL;

  g_assert_nonnull (message);
  gst_message_parse_error (message, &error, NULL);
  gst_message_unref (message);
  return error;
}

int
storyboard_run_tests (int argc, char **argv, void (*add) (void))
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GstPlugin) plugin = NULL;

  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  plugin = gst_plugin_load_file (STORYBOARD_MODULE, &error);
  g_assert_no_error (error);
  add ();
  return g_test_run ();
}
