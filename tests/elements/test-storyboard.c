/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The storyboard element: which frames, and what is on them. */

#include <cairo.h>
#include <glib/gstdio.h>
#include <gst/video/video.h>
#include <medley/medley.h>
#include <string.h>
#include <unistd.h>

#include "storyboard-harness.h"
#include "storyboard-support.h"

static void
test_frames_come_with_changes_and_beats (void)
{
  GstHarness *h = storyboard_harness_new (NULL, NULL);
  g_autoptr (GPtrArray) frames = NULL;

  storyboard_push (h, "One sentence.", MS (500),
                   MS (2750)); /* before it background, 2; 0.5 1.5 2.5 3.2 */
  storyboard_push (h, "The next one.", MS (3400),
                   MS (1000)); /* held over the pause: 3.25, then 3.4 4.35 */
  storyboard_push (h, "After a silence.", MS (6000),
                   MS (2000)); /* background 4.4 5.4 5.95, then 6 7 7.95 */
  storyboard_push_eos (h);     /* closing frame at 8 */
  frames = storyboard_take_frames (h);
  g_assert_cmpuint (frames->len, ==, 2 + 4 + 1 + 2 + 3 + 3 + 1);
  g_assert_cmpuint (storyboard_count_pictures (frames), ==, 5);
  g_assert_true (storyboard_memory_of (frames, 2) == storyboard_memory_of (frames, 5));
  g_assert_true (storyboard_memory_of (frames, 2) == storyboard_memory_of (frames, 6));
  g_assert_true (storyboard_memory_of (frames, 6) != storyboard_memory_of (frames, 7));
  g_assert_cmpuint (storyboard_pts_of (frames, frames->len - 1), ==, MS (8000));
  g_assert_cmpuint (GST_BUFFER_DURATION ((GstBuffer *) g_ptr_array_index (frames, frames->len - 1)),
                    <=, MS (1));
  gst_harness_teardown (h);
}

static void
test_without_beat_only_changes_are_pushed (void)
{
  GstHarness *h = storyboard_harness_new ("beat", (guint64) 0, NULL);
  g_autoptr (GPtrArray) frames = NULL;

  for (guint i = 0; i < 100; i++)
    storyboard_push (h, i % 2 ? "Odd." : "Even.", i * 10 * GST_SECOND, 10 * GST_SECOND);
  storyboard_push_eos (h);
  frames = storyboard_take_frames (h);
  g_assert_cmpuint (frames->len, ==, 100 + 1);
  gst_harness_teardown (h);
}

static void
test_a_fixed_rate_gives_every_frame (void)
{
  GstHarness *h = storyboard_harness_new ("frame-rate", 30, 1, "width", 320, "height", 180, NULL);
  g_autoptr (GPtrArray) frames = NULL;
  g_autoptr (GstCaps) caps = NULL;
  GstVideoInfo info;

  storyboard_push (h, "One.", 0, MS (1500));
  storyboard_push (h, "Two.", MS (1500), MS (1500));
  storyboard_push_eos (h);
  frames = storyboard_take_frames (h);
  g_assert_cmpuint (frames->len, ==, 90);
  g_assert_cmpuint (storyboard_count_pictures (frames), ==, 2);
  caps = gst_pad_get_current_caps (h->sinkpad);
  g_assert_true (gst_video_info_from_caps (&info, caps));
  g_assert_cmpint (info.fps_n, ==, 30);
  gst_harness_teardown (h);
}

static void
test_six_hours_take_four_memories (void)
{
  GstHarness *h = storyboard_harness_new ("width", 320, "height", 180, "beat", (guint64) 0, NULL);
  g_autoptr (GHashTable) memories = g_hash_table_new (NULL, NULL);
  GstClockTime end = 0;

  for (guint i = 0; i < 6 * 3600 / 10; i++) {
    g_autofree char *text = g_strdup_printf ("Caption number %u of many.", i);
    GstBuffer *buffer;

    storyboard_push (h, text, i * 10 * GST_SECOND, 10 * GST_SECOND);
    buffer = gst_harness_pull (h);
    g_hash_table_add (memories, gst_buffer_peek_memory (buffer, 0));
    end = GST_BUFFER_PTS (buffer) + GST_BUFFER_DURATION (buffer);
    gst_buffer_unref (buffer);
  }
  g_assert_cmpuint (end, ==, 6 * 3600 * GST_SECOND);
  g_assert_cmpuint (g_hash_table_size (memories), <=, 4);
  gst_harness_teardown (h);
}

static void
test_a_picture_in_use_is_not_drawn_over (void)
{
  GstHarness *h = storyboard_harness_new ("width", 320, "height", 180, "beat", (guint64) 0, NULL);
  GstBuffer *first, *later;
  GstMapInfo map;
  g_autofree guint8 *before = NULL;
  gsize size;

  storyboard_push (h, "The first caption is kept.", 0, GST_SECOND);
  first = gst_harness_pull (h);
  g_assert_false (gst_buffer_is_all_memory_writable (first));
  g_assert_true (gst_buffer_map (first, &map, GST_MAP_READ));
  before = g_memdup2 (map.data, map.size);
  size = map.size;
  gst_buffer_unmap (first, &map);
  for (guint i = 1; i < 20; i++) {
    storyboard_push (h, i % 2 ? "Another." : "And yet another one.", i * GST_SECOND, GST_SECOND);
    later = gst_harness_pull (h);
    g_assert_true (gst_buffer_peek_memory (later, 0) != gst_buffer_peek_memory (first, 0));
    gst_buffer_unref (later);
  }
  g_assert_cmpint (gst_buffer_memcmp (first, 0, before, size), ==, 0);
  gst_buffer_unref (first);
  gst_harness_teardown (h);
}

static void
test_words_are_highlighted_when_they_are_spoken (void)
{
  GstHarness *h = storyboard_harness_new ("highlight-words", TRUE, "beat", (guint64) 0, NULL);
  const MedleyWord words[] = { { 0, 3, MS (1000) }, { 4, 3, MS (1400) }, { 9, 5, MS (2100) } };
  const guint64 expected[] = { 0, 1000, 1400, 2100, 3000 };
  g_autoptr (GPtrArray) frames = NULL;

  g_assert_cmpint (gst_harness_push (h, medley_caption_new ("one two, three", MS (1000), MS (2000),
                                                            words, 3)),
                   ==, GST_FLOW_OK);
  storyboard_push_eos (h);
  frames = storyboard_take_frames (h);
  g_assert_cmpuint (frames->len, ==, G_N_ELEMENTS (expected));
  for (guint i = 0; i < frames->len; i++)
    g_assert_cmpuint (storyboard_pts_of (frames, i), ==, MS (expected[i]));
  g_assert_cmpuint (storyboard_count_pictures (frames), ==, 4);
  gst_harness_teardown (h);
}

static void
test_a_panning_image_moves_in_every_frame (void)
{
  g_autofree char *path = NULL;
  cairo_surface_t *surface = cairo_image_surface_create (CAIRO_FORMAT_RGB24, 64, 64);
  cairo_t *cr = cairo_create (surface);
  g_autoptr (GPtrArray) frames = NULL;
  g_autoptr (GstCaps) caps = NULL;
  GstVideoInfo info;
  GstHarness *h;
  int fd = g_file_open_tmp ("storyboard-XXXXXX.png", &path, NULL);

  close (fd);
  cairo_set_source_rgb (cr, 1, 0.5, 0);
  cairo_rectangle (cr, 16, 16, 32, 32);
  cairo_fill (cr);
  cairo_destroy (cr);
  g_assert_cmpint (cairo_surface_write_to_png (surface, path), ==, CAIRO_STATUS_SUCCESS);
  cairo_surface_destroy (surface);

  h = storyboard_harness_new ("background-image", path, "pan", TRUE, "width", 320, "height", 180,
                              NULL);
  storyboard_push (h, "A caption.", 0, 2 * GST_SECOND);
  storyboard_push_eos (h);
  frames = storyboard_take_frames (h);
  g_assert_cmpuint (frames->len, ==, 48);
  g_assert_cmpuint (storyboard_count_pictures (frames), ==, 48);
  for (guint i = 12; i < frames->len; i += 12) {
    GstMapInfo map;

    g_assert_true (gst_buffer_map (g_ptr_array_index (frames, i), &map, GST_MAP_READ));
    g_assert_cmpint (gst_buffer_memcmp (g_ptr_array_index (frames, i - 12), 0, map.data, map.size),
                     !=, 0);
    gst_buffer_unmap (g_ptr_array_index (frames, i), &map);
  }
  caps = gst_pad_get_current_caps (h->sinkpad);
  g_assert_true (gst_video_info_from_caps (&info, caps));
  g_assert_cmpint (info.fps_n, ==, 24);
  g_unlink (path);
  gst_harness_teardown (h);
}

static void
test_text_without_time_is_shown_sentence_by_sentence (void)
{
  GstHarness *h = storyboard_harness_new ("beat", (guint64) 0, NULL);
  const char *text = "A first sentence of forty-five letters, here. Short one. And a last one";
  g_autoptr (GPtrArray) frames = NULL;
  GstBuffer *buffer = gst_buffer_new_memdup (text, strlen (text));

  g_assert_cmpint (gst_harness_push (h, buffer), ==, GST_FLOW_OK);
  storyboard_push_eos (h);
  frames = storyboard_take_frames (h);
  g_assert_cmpuint (frames->len, ==, 4);
  g_assert_cmpuint (storyboard_pts_of (frames, 1) / GST_MSECOND, ==, 3000);
  g_assert_cmpuint (storyboard_pts_of (frames, 2) / GST_MSECOND, ==, 4500);
  g_assert_cmpuint (storyboard_pts_of (frames, 3) / GST_MSECOND, ==, 6000);
  gst_harness_teardown (h);
}

static void
test_overlapping_captions_do_not_overlap (void)
{
  GstHarness *h = storyboard_harness_new (NULL, NULL);
  g_autoptr (GPtrArray) frames = NULL;

  storyboard_push (h, "First.", 0, MS (3000));
  storyboard_push (h, "Begins early.", MS (2000), MS (3000));
  storyboard_push (h, "Is over already.", MS (1000), MS (1000));
  storyboard_push (h, " \t ", MS (5000), MS (1000));
  storyboard_push (h, "Last.", MS (6000), MS (1000));
  storyboard_push_eos (h);
  frames = storyboard_take_frames (h);
  g_assert_cmpuint (storyboard_pts_of (frames, frames->len - 1), ==, MS (7000));
  g_assert_cmpuint (storyboard_count_pictures (frames), ==, 4);
  gst_harness_teardown (h);
}

static void
test_formats_and_shapes (void)
{
  static const int sizes[][2] = { { 1280, 720 }, { 720, 1280 }, { 1080, 1080 }, { 16, 16 } };
  static const char *const formats[] = { "I420", "BGRx" };

  for (guint s = 0; s < G_N_ELEMENTS (sizes); s++)
    for (guint f = 0; f < 2; f++) {
      GstHarness *h = storyboard_harness_new ("width", sizes[s][0], "height", sizes[s][1], NULL);
      g_autofree char *wanted = g_strdup_printf ("video/x-raw, format=%s", formats[f]);
      g_autoptr (GstCaps) caps = NULL;
      GstBuffer *buffer;
      GstVideoInfo info;

      gst_harness_set_sink_caps_str (h, wanted);
      storyboard_push (h, "A caption.", 0, GST_SECOND);
      buffer = gst_harness_pull (h);
      caps = gst_pad_get_current_caps (h->sinkpad);
      g_assert_true (gst_video_info_from_caps (&info, caps));
      g_assert_cmpint (info.width, ==, sizes[s][0]);
      g_assert_cmpint (info.height, ==, sizes[s][1]);
      g_assert_cmpint (info.fps_n, ==, 0);
      g_assert_cmpstr (gst_video_format_to_string (GST_VIDEO_INFO_FORMAT (&info)), ==, formats[f]);
      g_assert_cmpuint (gst_buffer_get_size (buffer), ==, info.size);
      gst_buffer_unref (buffer);
      gst_harness_teardown (h);
    }
}

static void
test_the_peers_size_and_rate_are_taken (void)
{
  GstHarness *h = storyboard_harness_new (NULL, NULL);
  g_autoptr (GPtrArray) frames = NULL;

  gst_harness_set_sink_caps_str (h, "video/x-raw, width=640, height=360, framerate=10/1");
  storyboard_push (h, "A caption.", 0, GST_SECOND);
  storyboard_push_eos (h);
  frames = storyboard_take_frames (h);
  g_assert_cmpuint (frames->len, ==, 10);
  g_assert_cmpuint (gst_buffer_get_size (g_ptr_array_index (frames, 0)), ==, 640 * 360 * 3 / 2);
  gst_harness_teardown (h);
}

/* Pixels of a BGRx frame that harness @h pushed last. */
static double
read_frame (GstBuffer *buffer, const char *text)
{
  GstMapInfo map;
  double share;

  g_assert_true (gst_buffer_map (buffer, &map, GST_MAP_READ));
  share = storyboard_read_back (map.data, 1280, 720, 1280 * 4, text);
  gst_buffer_unmap (buffer, &map);
  return share;
}

/* The next frame that begins at this time or later. */
static GstBuffer *
pull_from (GstHarness *h, GstClockTime time)
{
  GstBuffer *buffer = gst_harness_pull (h);

  while (GST_BUFFER_PTS (buffer) < time) {
    gst_buffer_unref (buffer);
    buffer = gst_harness_pull (h);
  }
  return buffer;
}

static void
test_the_first_caption_is_readable_below_the_title (void)
{
  GstHarness *h = storyboard_harness_new ("title", "The History of Lighthouses", NULL);
  GstBuffer *card, *buffer;

  gst_harness_set_sink_caps_str (h, "video/x-raw, format=BGRx");
  storyboard_push (h, LONG_SENTENCE, MS (900), GST_SECOND);
  card = gst_harness_pull (h);
  g_assert_cmpfloat (read_frame (card, "The History of Lighthouses"), ==, 1.0);
  gst_buffer_unref (card);
  buffer = pull_from (h, MS (900));
  g_assert_cmpuint (GST_BUFFER_PTS (buffer), ==, MS (900));
  g_assert_cmpfloat (read_frame (buffer, "The History of Lighthouses"), ==, 1.0);
  g_assert_cmpfloat (read_frame (buffer, LONG_SENTENCE), >=, 0.97);
  gst_buffer_unref (buffer);

  storyboard_push (h, "The second caption stands alone.", MS (1900), GST_SECOND);
  buffer = pull_from (h, MS (1900));
  g_assert_cmpfloat (read_frame (buffer, "The second caption stands alone."), ==, 1.0);
  g_assert_cmpfloat (read_frame (buffer, "History Lighthouses"), ==, 0.0);
  gst_buffer_unref (buffer);
  gst_harness_teardown (h);
}

static void
test_long_sentences_stay_on_one_screen (void)
{
  GstHarness *h = storyboard_harness_new ("beat", (guint64) 0, NULL);
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GPtrArray) frames = NULL;

  for (guint i = 0; text->len < 1000; i++)
    g_string_append_printf (text, "%sword %u", i ? " " : "", i);
  storyboard_push (h, text->str, 0, 10 * GST_SECOND);
  for (guint i = 0; text->len < 20000; i++)
    g_string_append_printf (text, " more %u", i);
  storyboard_push (h, text->str, 10 * GST_SECOND, 100 * GST_SECOND);
  storyboard_push_eos (h);
  frames = storyboard_take_frames (h);
  g_assert_cmpuint (storyboard_pts_of (frames, 1), ==, 10 * GST_SECOND);
  g_assert_cmpuint (storyboard_count_pictures (frames), >, 15);
  g_assert_cmpuint (storyboard_count_pictures (frames), <, 40);
  /* screens of about the same length stand for about the same time */
  for (guint i = 1; i + 1 < frames->len - 1; i++) {
    g_assert_cmpuint (storyboard_pts_of (frames, i + 1) - storyboard_pts_of (frames, i), >,
                      MS (1000));
    g_assert_cmpuint (storyboard_pts_of (frames, i + 1) - storyboard_pts_of (frames, i), <,
                      MS (10000));
  }
  gst_harness_teardown (h);
}

static void
test_markup_is_taken (void)
{
  GstHarness *h = storyboard_harness_new (NULL, NULL);
  GstBuffer *buffer;

  gst_harness_set_src_caps_str (h, "text/x-raw, format=pango-markup");
  gst_harness_set_sink_caps_str (h, "video/x-raw, format=BGRx");
  storyboard_push (h, "<i>Slanted</i> words &amp; <span size='200000'>huge</span> ones", 0,
                   GST_SECOND);
  buffer = gst_harness_pull (h);
  g_assert_cmpfloat (read_frame (buffer, "Slanted words & huge ones"), >=, 0.8);
  gst_buffer_unref (buffer);
  gst_harness_teardown (h);
}

#define ADD(name) g_test_add_func ("/storyboard/" #name, test_##name)

static void
add_tests (void)
{
  ADD (frames_come_with_changes_and_beats);
  ADD (without_beat_only_changes_are_pushed);
  ADD (a_fixed_rate_gives_every_frame);
  ADD (six_hours_take_four_memories);
  ADD (a_picture_in_use_is_not_drawn_over);
  ADD (words_are_highlighted_when_they_are_spoken);
  ADD (a_panning_image_moves_in_every_frame);
  ADD (text_without_time_is_shown_sentence_by_sentence);
  ADD (overlapping_captions_do_not_overlap);
  ADD (formats_and_shapes);
  ADD (the_peers_size_and_rate_are_taken);
  ADD (the_first_caption_is_readable_below_the_title);
  ADD (long_sentences_stay_on_one_screen);
  ADD (markup_is_taken);
}

int
main (int argc, char **argv)
{
  return storyboard_run_tests (argc, argv, add_tests);
}
