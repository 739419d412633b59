/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The storyboard element, from captions in to frames out. */

#include "storyboard-support.h"

#include <cairo.h>
#include <gst/check/gstharness.h>
#include <gst/pbutils/pbutils.h>
#include <gst/video/video.h>
#include <glib/gstdio.h>
#include <medley/medley.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CAPS "text/x-raw, format=utf8"
#define MS(n) ((n) *GST_MSECOND)

static GstHarness *
harness_new (const char *first, ...)
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
  gst_harness_set_src_caps_str (h, CAPS);
  return h;
}

static void
push (GstHarness *h, const char *text, GstClockTime pts, GstClockTime duration)
{
  g_assert_cmpint (gst_harness_push (h, medley_caption_new (text, pts, duration, NULL, 0)), ==,
                   GST_FLOW_OK);
}

static void
push_eos (GstHarness *h)
{
  g_assert_true (gst_harness_push_event (h, gst_event_new_eos ()));
}

/* Takes all frames, which must follow one another from 0 on; returns them. */
static GPtrArray *
take_frames (GstHarness *h)
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

static GstMemory *
memory_of (GPtrArray *frames, guint i)
{
  return gst_buffer_peek_memory (g_ptr_array_index (frames, i), 0);
}

static GstClockTime
pts_of (GPtrArray *frames, guint i)
{
  return GST_BUFFER_PTS ((GstBuffer *) g_ptr_array_index (frames, i));
}

/* How many of the frames hold another picture than the one before. */
static guint
count_pictures (GPtrArray *frames)
{
  guint count = 0;

  for (guint i = 0; i < frames->len; i++)
    count += i == 0 || memory_of (frames, i) != memory_of (frames, i - 1);
  return count;
}

static void
test_frames_come_with_changes_and_beats (void)
{
  GstHarness *h = harness_new (NULL, NULL);
  g_autoptr (GPtrArray) frames = NULL;

  push (h, "One sentence.", MS (500), MS (2750));     /* before it background, 2; 0.5 1.5 2.5 3.2 */
  push (h, "The next one.", MS (3400), MS (1000));    /* held over the pause: 3.25, then 3.4 4.35 */
  push (h, "After a silence.", MS (6000), MS (2000)); /* background 4.4 5.4 5.95, then 6 7 7.95 */
  push_eos (h);                                       /* closing frame at 8 */
  frames = take_frames (h);
  g_assert_cmpuint (frames->len, ==, 2 + 4 + 1 + 2 + 3 + 3 + 1);
  g_assert_cmpuint (count_pictures (frames), ==, 5);
  g_assert_true (memory_of (frames, 2) == memory_of (frames, 5));
  g_assert_true (memory_of (frames, 2) == memory_of (frames, 6));
  g_assert_true (memory_of (frames, 6) != memory_of (frames, 7));
  g_assert_cmpuint (pts_of (frames, frames->len - 1), ==, MS (8000));
  g_assert_cmpuint (GST_BUFFER_DURATION ((GstBuffer *) g_ptr_array_index (frames, frames->len - 1)),
                    <=, MS (1));
  gst_harness_teardown (h);
}

static void
test_without_beat_only_changes_are_pushed (void)
{
  GstHarness *h = harness_new ("beat", (guint64) 0, NULL);
  g_autoptr (GPtrArray) frames = NULL;

  for (guint i = 0; i < 100; i++)
    push (h, i % 2 ? "Odd." : "Even.", i * 10 * GST_SECOND, 10 * GST_SECOND);
  push_eos (h);
  frames = take_frames (h);
  g_assert_cmpuint (frames->len, ==, 100 + 1);
  gst_harness_teardown (h);
}

static void
test_a_fixed_rate_gives_every_frame (void)
{
  GstHarness *h = harness_new ("frame-rate", 30, 1, "width", 320, "height", 180, NULL);
  g_autoptr (GPtrArray) frames = NULL;
  g_autoptr (GstCaps) caps = NULL;
  GstVideoInfo info;

  push (h, "One.", 0, MS (1500));
  push (h, "Two.", MS (1500), MS (1500));
  push_eos (h);
  frames = take_frames (h);
  g_assert_cmpuint (frames->len, ==, 90);
  g_assert_cmpuint (count_pictures (frames), ==, 2);
  caps = gst_pad_get_current_caps (h->sinkpad);
  g_assert_true (gst_video_info_from_caps (&info, caps));
  g_assert_cmpint (info.fps_n, ==, 30);
  gst_harness_teardown (h);
}

static void
test_six_hours_take_four_memories (void)
{
  GstHarness *h = harness_new ("width", 320, "height", 180, "beat", (guint64) 0, NULL);
  g_autoptr (GHashTable) memories = g_hash_table_new (NULL, NULL);
  GstClockTime end = 0;

  for (guint i = 0; i < 6 * 3600 / 10; i++) {
    g_autofree char *text = g_strdup_printf ("Caption number %u of many.", i);
    GstBuffer *buffer;

    push (h, text, i * 10 * GST_SECOND, 10 * GST_SECOND);
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
  GstHarness *h = harness_new ("width", 320, "height", 180, "beat", (guint64) 0, NULL);
  GstBuffer *first, *later;
  GstMapInfo map;
  g_autofree guint8 *before = NULL;
  gsize size;

  push (h, "The first caption is kept.", 0, GST_SECOND);
  first = gst_harness_pull (h);
  g_assert_false (gst_buffer_is_all_memory_writable (first));
  g_assert_true (gst_buffer_map (first, &map, GST_MAP_READ));
  before = g_memdup2 (map.data, map.size);
  size = map.size;
  gst_buffer_unmap (first, &map);
  for (guint i = 1; i < 20; i++) {
    push (h, i % 2 ? "Another." : "And yet another one.", i * GST_SECOND, GST_SECOND);
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
  GstHarness *h = harness_new ("highlight-words", TRUE, "beat", (guint64) 0, NULL);
  const MedleyWord words[] = { { 0, 3, MS (1000) }, { 4, 3, MS (1400) }, { 9, 5, MS (2100) } };
  const guint64 expected[] = { 0, 1000, 1400, 2100, 3000 };
  g_autoptr (GPtrArray) frames = NULL;

  g_assert_cmpint (gst_harness_push (h, medley_caption_new ("one two, three", MS (1000), MS (2000),
                                                            words, 3)),
                   ==, GST_FLOW_OK);
  push_eos (h);
  frames = take_frames (h);
  g_assert_cmpuint (frames->len, ==, G_N_ELEMENTS (expected));
  for (guint i = 0; i < frames->len; i++)
    g_assert_cmpuint (pts_of (frames, i), ==, MS (expected[i]));
  g_assert_cmpuint (count_pictures (frames), ==, 4);
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

  h = harness_new ("background-image", path, "pan", TRUE, "width", 320, "height", 180, NULL);
  push (h, "A caption.", 0, 2 * GST_SECOND);
  push_eos (h);
  frames = take_frames (h);
  g_assert_cmpuint (frames->len, ==, 48);
  g_assert_cmpuint (count_pictures (frames), ==, 48);
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
  GstHarness *h = harness_new ("beat", (guint64) 0, NULL);
  const char *text = "A first sentence of forty-five letters, here. Short one. And a last one";
  g_autoptr (GPtrArray) frames = NULL;
  GstBuffer *buffer = gst_buffer_new_memdup (text, strlen (text));

  g_assert_cmpint (gst_harness_push (h, buffer), ==, GST_FLOW_OK);
  push_eos (h);
  frames = take_frames (h);
  g_assert_cmpuint (frames->len, ==, 4);
  g_assert_cmpuint (pts_of (frames, 1) / GST_MSECOND, ==, 3000);
  g_assert_cmpuint (pts_of (frames, 2) / GST_MSECOND, ==, 4500);
  g_assert_cmpuint (pts_of (frames, 3) / GST_MSECOND, ==, 6000);
  gst_harness_teardown (h);
}

static void
test_overlapping_captions_do_not_overlap (void)
{
  GstHarness *h = harness_new (NULL, NULL);
  g_autoptr (GPtrArray) frames = NULL;

  push (h, "First.", 0, MS (3000));
  push (h, "Begins early.", MS (2000), MS (3000));
  push (h, "Is over already.", MS (1000), MS (1000));
  push (h, " \t ", MS (5000), MS (1000));
  push (h, "Last.", MS (6000), MS (1000));
  push_eos (h);
  frames = take_frames (h);
  g_assert_cmpuint (pts_of (frames, frames->len - 1), ==, MS (7000));
  g_assert_cmpuint (count_pictures (frames), ==, 4);
  gst_harness_teardown (h);
}

static void
test_formats_and_shapes (void)
{
  static const int sizes[][2] = { { 1280, 720 }, { 720, 1280 }, { 1080, 1080 }, { 16, 16 } };
  static const char *const formats[] = { "I420", "BGRx" };

  for (guint s = 0; s < G_N_ELEMENTS (sizes); s++)
    for (guint f = 0; f < 2; f++) {
      GstHarness *h = harness_new ("width", sizes[s][0], "height", sizes[s][1], NULL);
      g_autofree char *wanted = g_strdup_printf ("video/x-raw, format=%s", formats[f]);
      g_autoptr (GstCaps) caps = NULL;
      GstBuffer *buffer;
      GstVideoInfo info;

      gst_harness_set_sink_caps_str (h, wanted);
      push (h, "A caption.", 0, GST_SECOND);
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
  GstHarness *h = harness_new (NULL, NULL);
  g_autoptr (GPtrArray) frames = NULL;

  gst_harness_set_sink_caps_str (h, "video/x-raw, width=640, height=360, framerate=10/1");
  push (h, "A caption.", 0, GST_SECOND);
  push_eos (h);
  frames = take_frames (h);
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
  GstHarness *h = harness_new ("title", "The History of Lighthouses", NULL);
  GstBuffer *card, *buffer;

  gst_harness_set_sink_caps_str (h, "video/x-raw, format=BGRx");
  push (h, LONG_SENTENCE, MS (900), GST_SECOND);
  card = gst_harness_pull (h);
  g_assert_cmpfloat (read_frame (card, "The History of Lighthouses"), ==, 1.0);
  gst_buffer_unref (card);
  buffer = pull_from (h, MS (900));
  g_assert_cmpuint (GST_BUFFER_PTS (buffer), ==, MS (900));
  g_assert_cmpfloat (read_frame (buffer, "The History of Lighthouses"), ==, 1.0);
  g_assert_cmpfloat (read_frame (buffer, LONG_SENTENCE), >=, 0.97);
  gst_buffer_unref (buffer);

  push (h, "The second caption stands alone.", MS (1900), GST_SECOND);
  buffer = pull_from (h, MS (1900));
  g_assert_cmpfloat (read_frame (buffer, "The second caption stands alone."), ==, 1.0);
  g_assert_cmpfloat (read_frame (buffer, "History Lighthouses"), ==, 0.0);
  gst_buffer_unref (buffer);
  gst_harness_teardown (h);
}

static void
test_long_sentences_stay_on_one_screen (void)
{
  GstHarness *h = harness_new ("beat", (guint64) 0, NULL);
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GPtrArray) frames = NULL;

  for (guint i = 0; text->len < 1000; i++)
    g_string_append_printf (text, "%sword %u", i ? " " : "", i);
  push (h, text->str, 0, 10 * GST_SECOND);
  for (guint i = 0; text->len < 20000; i++)
    g_string_append_printf (text, " more %u", i);
  push (h, text->str, 10 * GST_SECOND, 100 * GST_SECOND);
  push_eos (h);
  frames = take_frames (h);
  g_assert_cmpuint (pts_of (frames, 1), ==, 10 * GST_SECOND);
  g_assert_cmpuint (count_pictures (frames), >, 15);
  g_assert_cmpuint (count_pictures (frames), <, 40);
  /* screens of about the same length stand for about the same time */
  for (guint i = 1; i + 1 < frames->len - 1; i++) {
    g_assert_cmpuint (pts_of (frames, i + 1) - pts_of (frames, i), >, MS (1000));
    g_assert_cmpuint (pts_of (frames, i + 1) - pts_of (frames, i), <, MS (10000));
  }
  gst_harness_teardown (h);
}

static void
test_markup_is_taken (void)
{
  GstHarness *h = harness_new (NULL, NULL);
  GstBuffer *buffer;

  gst_harness_set_src_caps_str (h, "text/x-raw, format=pango-markup");
  gst_harness_set_sink_caps_str (h, "video/x-raw, format=BGRx");
  push (h, "<i>Slanted</i> words &amp; <span size='200000'>huge</span> ones", 0, GST_SECOND);
  buffer = gst_harness_pull (h);
  g_assert_cmpfloat (read_frame (buffer, "Slanted words & huge ones"), >=, 0.8);
  gst_buffer_unref (buffer);
  gst_harness_teardown (h);
}

static GError *
pop_error (GstBus *bus)
{
  GstMessage *message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  GError *error = NULL;

  g_assert_nonnull (message);
  gst_message_parse_error (message, &error, NULL);
  gst_message_unref (message);
  return error;
}

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
  error = pop_error (bus);
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
  GstHarness *h = harness_new (NULL, NULL);
  g_autoptr (GstBus) bus = gst_bus_new ();
  g_autoptr (GError) error = NULL;

  gst_element_set_bus (h->element, bus);
  g_assert_cmpint (gst_harness_push (h,
                                     medley_caption_new ("late", G_MAXINT64, GST_SECOND, NULL, 0)),
                   ==, GST_FLOW_ERROR);
  error = pop_error (bus);
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_BAD_INPUT);
  gst_element_set_bus (h->element, NULL);
  gst_harness_teardown (h);
}

static void
test_a_second_job_begins_at_zero_with_the_title (void)
{
  GstHarness *h = harness_new ("title", "Title", "width", 320, "height", 180, NULL);
  GstBuffer *first, *again;
  gsize size;
  GstMapInfo map;

  push (h, "A caption.", 0, GST_SECOND);
  first = gst_harness_pull (h);
  push (h, "Another caption.", GST_SECOND, GST_SECOND);
  push_eos (h);
  gst_element_set_state (h->element, GST_STATE_READY);
  gst_harness_teardown (h);

  h = harness_new ("title", "Title", "width", 320, "height", 180, NULL);
  push (h, "Something else first.", 0, GST_SECOND);
  g_assert_true (gst_harness_push_event (h, gst_event_new_flush_start ()));
  g_assert_true (gst_harness_push_event (h, gst_event_new_flush_stop (TRUE)));
  while ((again = gst_harness_try_pull (h)) != NULL)
    gst_buffer_unref (again);
  {
    GstSegment segment;

    gst_segment_init (&segment, GST_FORMAT_TIME);
    g_assert_true (gst_harness_push_event (h, gst_event_new_segment (&segment)));
  }
  push (h, "A caption.", 0, GST_SECOND);
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
      gst_harness_set_src_caps_str (h, CAPS);
      push (h, "Drawn in a child: 汉字 and عربي.", 0, GST_SECOND);
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
      = g_strdup_printf ("appsrc name=in format=time caps=\"" CAPS "\" ! storyboard"
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

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GstPlugin) plugin = NULL;

  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  plugin = gst_plugin_load_file (STORYBOARD_MODULE, &error);
  g_assert_no_error (error);
#define ADD(name) g_test_add_func ("/storyboard/" #name, test_##name)
  ADD (an_opened_engine_draws_after_a_fork); /* first, while the process has one thread */
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
  ADD (bad_properties_are_typed_errors);
  ADD (an_absurd_time_is_refused);
  ADD (a_second_job_begins_at_zero_with_the_title);
  ADD (files_end_with_the_last_caption);
  return g_test_run ();
}
