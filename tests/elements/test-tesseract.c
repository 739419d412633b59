/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>
#include <gst/video/video.h>
#include <json-glib/json-glib.h>
#include <medley/medley.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tesseract-bench.h"

/* What the tesseract command prints for a file of this content; NULL where there is no command. */
static char *
ask_command (GBytes *bytes)
{
  g_autofree char *program = g_find_program_in_path ("tesseract");
  g_autofree char *path = NULL;
  g_autoptr (GError) error = NULL;
  gsize size;
  const char *data = g_bytes_get_data (bytes, &size);
  char *text = NULL;
  int status;

  if (!program)
    return NULL;
  int fd = g_file_open_tmp ("page-XXXXXX", &path, &error);
  g_assert_no_error (error);
  close (fd);
  g_file_set_contents (path, data, (gssize) size, &error);
  g_assert_no_error (error);
  const char *argv[] = { program, path, "-", NULL };
  g_auto (GStrv) environment = g_environ_setenv (g_get_environ (), "OMP_THREAD_LIMIT", "1", TRUE);
  g_spawn_sync (NULL, (char **) argv, environment, G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &text,
                NULL, &status, &error);
  g_assert_no_error (error);
  g_assert_cmpint (status, ==, 0);
  g_unlink (path);
  return text;
}

static void
compare_with_command (Bench *bench, const char *caps, GBytes *bytes)
{
  g_autofree char *expected = ask_command (bytes);

  if (!expected) {
    g_test_skip ("there is no tesseract command (Debian package tesseract-ocr)");
    return;
  }
  g_autofree char *text = bench_recognise (bench, caps, bytes);
  g_assert_cmpstr (text, ==, expected);
}

static void
test_text_equals_the_command (void)
{
  Bench bench = bench_new ("tesseract");
  g_autoptr (GBytes) page = pages_read ();
  compare_with_command (&bench, PNG, page);
  bench_clear (&bench);

  /* Other resolutions, a colour image, a blank and a tiny one; each is a job of its own. */
  PIX *part = pages_cut (300, 400);
  PIX *images[] = { pixScale (part, 0.5f, 0.5f), pixScale (part, 0.4f, 0.4f), pixConvertTo32 (part),
                    pixCreate (900, 400, 1), pixCreate (3, 3, 8) };
  pixSetResolution (images[0], 150, 150);
  pixSetResolution (images[1], 0, 0);
  for (guint i = 0; i < G_N_ELEMENTS (images); i++) {
    g_autoptr (GBytes) bytes = pages_encode (images[i], IFF_PNG);
    bench = bench_new ("tesseract");
    compare_with_command (&bench, PNG, bytes);
    bench_clear (&bench);
    pixDestroy (&images[i]);
  }
  pixDestroy (&part);
}

static void
test_text_equals_what_is_written (void)
{
  Bench bench = bench_new ("tesseract");
  g_autoptr (GBytes) page = pages_read ();
  g_autofree char *expected = pages_read_text ();
  g_autofree char *text = NULL;

  /* Two paragraphs: two buffers. */
  gst_harness_set_src_caps_str (bench.harness, PNG);
  gst_harness_push (bench.harness, bench_to_buffer (page));
  g_assert_cmpuint (gst_harness_buffers_in_queue (bench.harness), ==, 2);
  text = bench_take_text (bench.harness);
  g_assert_cmpstr (text, ==, expected);
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (bench.harness->sinkpad);
  g_autofree char *description = gst_caps_to_string (caps);
  g_assert_cmpstr (description, ==, "text/x-raw, format=(string)utf8");
  bench_clear (&bench);
}

static void
test_tiff_of_several_pages_equals_the_command (void)
{
  Bench bench = bench_new ("tesseract");
  g_autoptr (GBytes) tiff = pages_new_tiff (3, 220);

  compare_with_command (&bench, "image/tiff", tiff);
  bench_clear (&bench);
}

static void
test_pages_in_a_row_are_separated (void)
{
  static const struct {
    const char *launch, *separator;
  } cases[] = { { "tesseract", "\f" },
                { "tesseract page-separator=--", "--" },
                { "tesseract page-separator=\"\"", "" } };
  PIX *part = pages_cut (300, 220), *blank = pixCreate (400, 300, 1);
  g_autoptr (GBytes) text_page = pages_encode (part, IFF_PNG);
  g_autoptr (GBytes) blank_page = pages_encode (blank, IFF_TIFF_G4);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    Bench bench = bench_new (cases[i].launch);
    g_autofree char *first = bench_recognise (&bench, PNG, text_page);
    g_autofree char *second = bench_recognise (&bench, "image/tiff", blank_page);
    g_autofree char *third = bench_recognise (&bench, PNG, text_page);
    g_autofree char *expected = g_strconcat (cases[i].separator, first, NULL);
    g_assert_true (g_str_has_prefix (first, "For a hundred and twenty years"));
    g_assert_cmpstr (second, ==, cases[i].separator);
    g_assert_cmpstr (third, ==, expected);
    bench_clear (&bench);
  }
  pixDestroy (&part);
  pixDestroy (&blank);
}

static void
test_blank_page_ends_without_text (void)
{
  Bench bench = bench_new ("tesseract");
  PIX *blank = pixCreate (800, 600, 1);
  g_autoptr (GBytes) bytes = pages_encode (blank, IFF_PNG);
  g_autofree char *text = bench_recognise (&bench, PNG, bytes);

  g_assert_cmpstr (text, ==, "");
  g_assert_true (gst_harness_push_event (bench.harness, gst_event_new_eos ()));
  g_assert_null (gst_bus_pop_filtered (bench.bus, GST_MESSAGE_ERROR));
  pixDestroy (&blank);
  bench_clear (&bench);
}

/* Runs a pipeline with a sink named "out" to its end; @error is what the bus said. */
static char *
run_pipeline (const char *launch, GError **error)
{
  g_autoptr (GstElement) pipeline = gst_parse_launch (launch, error);
  GString *text = g_string_new (NULL);
  GstSample *sample;

  g_assert_nonnull (pipeline);
  g_autoptr (GstElement) out = gst_bin_get_by_name (GST_BIN (pipeline), "out");
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  for (;;) {
    sample = NULL;
    g_signal_emit_by_name (out, "pull-sample", &sample);
    if (!sample)
      break;
    GstMapInfo map;
    g_assert_true (gst_buffer_map (gst_sample_get_buffer (sample), &map, GST_MAP_READ));
    g_string_append_len (text, (const char *) map.data, (gssize) map.size);
    gst_buffer_unmap (gst_sample_get_buffer (sample), &map);
    gst_sample_unref (sample);
  }
  g_autoptr (GstMessage) message
      = gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND, GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
  g_assert_nonnull (message);
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR)
    gst_message_parse_error (message, error, NULL);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  return g_string_free (text, FALSE);
}

static void
test_file_in_pieces_is_one_document (void)
{
  g_autofree char *page = g_test_build_filename (G_TEST_DIST, "..", "data", "page.png", NULL);
  g_autofree char *expected = pages_read_text ();
  g_autofree char *launch = g_strdup_printf (
      "filesrc location=\"%s\" blocksize=1000 ! tesseract ! appsink name=out sync=false", page);
  g_autoptr (GError) error = NULL;
  g_autofree char *text = run_pipeline (launch, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (text, ==, expected);
}

static void
test_files_in_a_row_are_documents (void)
{
  PIX *part = pages_cut (300, 220);
  g_autoptr (GBytes) bytes = pages_encode (part, IFF_PNG);
  g_autofree char *path = NULL;
  g_autoptr (GError) error = NULL;
  gsize size;
  const char *data = g_bytes_get_data (bytes, &size);

  close (g_file_open_tmp ("page-XXXXXX.png", &path, &error));
  g_file_set_contents (path, data, (gssize) size, &error);
  g_assert_no_error (error);
  g_autofree char *launch
      = g_strdup_printf ("concat name=c ! tesseract ! appsink name=out sync=false "
                         "filesrc location=\"%s\" ! c. filesrc location=\"%s\" ! c.",
                         path, path);
  g_autofree char *text = run_pipeline (launch, &error);
  g_assert_no_error (error);
  g_auto (GStrv) pages = g_strsplit (text, "\f", -1);
  g_assert_cmpuint (g_strv_length (pages), ==, 2);
  g_assert_cmpstr (pages[0], ==, pages[1]);
  g_assert_true (g_str_has_prefix (pages[0], "For a hundred"));
  g_unlink (path);
  pixDestroy (&part);
}

static GBytes *
make_frame (PIX *page, GstVideoFormat format, GstVideoInfo *info)
{
  int width = pixGetWidth (page), height = pixGetHeight (page);
  GstVideoFrame frame;

  gst_video_info_set_format (info, format, (guint) width, (guint) height);
  g_autoptr (GstBuffer) buffer = gst_buffer_new_allocate (NULL, info->size, NULL);
  gst_buffer_memset (buffer, 0, 0xff, info->size);
  g_assert_true (gst_video_frame_map (&frame, info, buffer, GST_MAP_WRITE));
  guint n = GST_VIDEO_INFO_IS_RGB (info) ? 3 : 1;
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++) {
      l_uint32 value = 0;
      pixGetPixel (page, x, y, &value);
      for (guint i = 0; i < n; i++) {
        guint8 *row = GST_VIDEO_FRAME_COMP_DATA (&frame, i);
        row[y * GST_VIDEO_FRAME_COMP_STRIDE (&frame, i)
            + x * GST_VIDEO_FRAME_COMP_PSTRIDE (&frame, i)]
            = (guint8) value;
      }
    }
  gst_video_frame_unmap (&frame);
  gsize size;
  gpointer data;
  gst_buffer_extract_dup (buffer, 0, info->size, &data, &size);
  return g_bytes_new_take (data, size);
}

static void
test_frames_are_pages (void)
{
  static const GstVideoFormat formats[]
      = { GST_VIDEO_FORMAT_GRAY8, GST_VIDEO_FORMAT_RGB,  GST_VIDEO_FORMAT_RGBA,
          GST_VIDEO_FORMAT_BGRx,  GST_VIDEO_FORMAT_ARGB, GST_VIDEO_FORMAT_I420,
          GST_VIDEO_FORMAT_NV12 };
  PIX *part = pages_cut (300, 220), *cut = pixConvertTo8 (part, 0);
  BOX *box = boxCreate (400, 0, 1801, 220);
  PIX *page = pixClipRectangle (cut, box, NULL); /* a width that leaves rows padded */
  pixSetResolution (page, 0, 0);
  g_autoptr (GBytes) png = pages_encode (page, IFF_PNG);
  Bench bench = bench_new ("tesseract");
  g_autofree char *expected = bench_recognise (&bench, PNG, png);

  bench_clear (&bench);
  g_assert_true (g_str_has_prefix (expected, "For a hundred and twenty years"));
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++) {
    GstVideoInfo info;
    g_autoptr (GBytes) frame = make_frame (page, formats[i], &info);
    info.fps_n = 0;
    g_autoptr (GstCaps) caps = gst_video_info_to_caps (&info);
    g_autofree char *description = gst_caps_to_string (caps);
    bench = bench_new ("tesseract");
    g_autofree char *text = bench_recognise (&bench, description, frame);
    g_assert_cmpstr (text, ==, expected);
    bench_clear (&bench);
  }
  boxDestroy (&box);
  pixDestroy (&part);
  pixDestroy (&cut);
  pixDestroy (&page);
}

static void
test_tenth_job_is_as_the_first (void)
{
  PIX *part = pages_cut (300, 400), *other = pages_cut (1500, 220);
  g_autoptr (GBytes) page = pages_encode (part, IFF_PNG);
  g_autoptr (GBytes) between = pages_encode (other, IFF_PNG);
  g_autofree char *first = NULL;
  Bench bench = bench_new ("tesseract");

  for (guint i = 1; i <= 10; i++) {
    g_autofree char *text = bench_recognise (&bench, PNG, page);
    if (!first)
      first = g_strdup (text);
    g_assert_cmpstr (text, ==, first);
    g_autofree char *rest = bench_recognise (&bench, PNG, between);
    g_assert_true (g_str_has_prefix (rest, "\f"));
    gst_element_set_state (bench.harness->element, GST_STATE_READY);
    gst_element_set_state (bench.harness->element, GST_STATE_PLAYING);
    gst_harness_push_event (bench.harness, gst_event_new_stream_start ("job"));
    gst_harness_push_event (bench.harness, gst_event_new_caps (gst_caps_new_empty_simple (PNG)));
    GstSegment segment;
    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_harness_push_event (bench.harness, gst_event_new_segment (&segment));
  }
  bench_clear (&bench);
  pixDestroy (&part);
  pixDestroy (&other);
}

static void
test_works_after_fork (void)
{
  PIX *part = pages_cut (300, 220);
  g_autoptr (GBytes) page = pages_encode (part, IFF_PNG);
  g_autoptr (GstElement) element
      = gst_object_ref_sink (gst_element_factory_make ("tesseract", NULL));
  int status;

  g_assert_cmpint (gst_element_set_state (element, GST_STATE_READY), ==, GST_STATE_CHANGE_SUCCESS);
  pid_t child = fork ();
  g_assert_cmpint (child, >=, 0);
  if (child == 0) {
    alarm (60);
    GstHarness *harness = gst_harness_new_with_element (element, "sink", "src");
    gst_harness_set_src_caps_str (harness, PNG);
    gst_harness_push (harness, bench_to_buffer (page));
    g_autofree char *text = bench_take_text (harness);
    _exit (g_str_has_prefix (text, "For a hundred and twenty years") ? 0 : 1);
  }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
  gst_element_set_state (element, GST_STATE_NULL);
  pixDestroy (&part);
}

static void
test_progress_goes_up_to_the_end (void)
{
  Bench bench = bench_new ("tesseract");
  g_autoptr (GBytes) tiff = pages_new_tiff (2, 400);
  g_autofree char *text = bench_recognise (&bench, "image/tiff", tiff);
  guint64 last = 0, n = 0;

  gst_harness_push_event (bench.harness, gst_event_new_eos ());
  for (;;) {
    g_autoptr (GstMessage) message = gst_bus_pop_filtered (bench.bus, GST_MESSAGE_ELEMENT);
    guint64 done;
    if (!message)
      break;
    if (!gst_message_has_name (message, "medley-progress"))
      continue;
    g_assert_true (gst_structure_get_uint64 (gst_message_get_structure (message), "done", &done));
    g_assert_cmpuint (done, >=, last);
    last = done;
    n++;
  }
  g_assert_cmpuint (n, >=, 2);
  g_assert_cmpuint (last, ==, g_bytes_get_size (tiff));
  bench_clear (&bench);
}

static void
test_layout_names_each_word_and_its_place (void)
{
  g_autoptr (GstElement) element
      = gst_object_ref_sink (gst_element_factory_make ("tesseract", NULL));
  GstHarness *text = gst_harness_new_with_element (element, "sink", "src");
  GstHarness *layout = gst_harness_new_with_element (element, NULL, "layout");
  g_autoptr (GBytes) page = pages_read ();
  g_autofree char *written = pages_read_text ();
  g_auto (GStrv) words = g_strsplit_set (g_strdelimit (g_strchomp (written), "\n", ' '), " ", -1);
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) error = NULL;
  GstMapInfo map;

  gst_harness_set_src_caps_str (text, PNG);
  g_assert_cmpint (gst_harness_push (text, bench_to_buffer (page)), ==, GST_FLOW_OK);
  g_assert_cmpuint (gst_harness_buffers_in_queue (layout), ==, 1);
  g_autoptr (GstBuffer) buffer = gst_harness_pull (layout);
  gst_buffer_map (buffer, &map, GST_MAP_READ);
  json_parser_load_from_data (parser, (const char *) map.data, (gssize) map.size, &error);
  gst_buffer_unmap (buffer, &map);
  g_assert_no_error (error);

  JsonObject *root = json_node_get_object (json_parser_get_root (parser));
  g_assert_cmpint (json_object_get_int_member (root, "page"), ==, 1);
  g_assert_cmpint (json_object_get_int_member (root, "width"), ==, 2480);
  g_assert_cmpint (json_object_get_int_member (root, "height"), ==, 3508);
  g_assert_cmpint (json_object_get_int_member (root, "resolution"), ==, 300);
  g_assert_cmpstr (json_object_get_string_member (root, "language"), ==, "eng");
  JsonArray *list = json_object_get_array_member (root, "words");
  guint n = 0;
  for (guint i = 0; words[i]; i++) {
    if (!*words[i])
      continue;
    g_assert_cmpuint (n, <, json_array_get_length (list));
    JsonObject *word = json_array_get_object_element (list, n++);
    g_assert_cmpstr (json_object_get_string_member (word, "text"), ==, words[i]);
    JsonArray *box = json_object_get_array_member (word, "box");
    g_assert_cmpuint (json_array_get_length (box), ==, 4);
    g_assert_cmpint (json_array_get_int_element (box, 0) + json_array_get_int_element (box, 2), <,
                     2480);
    g_assert_cmpint (json_array_get_int_element (box, 1) + json_array_get_int_element (box, 3), <,
                     3508);
    g_assert_cmpint (json_object_get_int_member (word, "confidence"), >, 50);
  }
  g_assert_cmpuint (n, ==, json_array_get_length (list));
  JsonObject *last = json_array_get_object_element (list, n - 1);
  g_assert_cmpint (json_object_get_int_member (last, "line"), ==, 18);
  g_assert_cmpint (json_object_get_int_member (last, "paragraph"), ==, 2);
  gst_harness_teardown (layout);
  gst_harness_teardown (text);
}

static void
test_is_an_engine (void)
{
  g_autoptr (GstElementFactory) factory = gst_element_factory_find ("tesseract");

  g_assert_nonnull (factory);
  g_assert_cmpstr (gst_element_factory_get_metadata (factory, MEDLEY_METADATA_TASKS), ==,
                   "image-to-text/ocr");
  g_assert_cmpstr (gst_element_factory_get_metadata (factory, MEDLEY_METADATA_CLASS), ==, "cpu");
  g_assert_cmpstr (gst_element_factory_get_metadata (factory, MEDLEY_METADATA_FLAGS), ==,
                   "deterministic");
}

static void
add_tests (void)
{
#define ADD(name, function) g_test_add_func ("/tesseract/" name, function)
  ADD ("is-an-engine", test_is_an_engine);
  ADD ("works-after-fork", test_works_after_fork);
  ADD ("text-equals-the-command", test_text_equals_the_command);
  ADD ("text-equals-what-is-written", test_text_equals_what_is_written);
  ADD ("tiff-of-several-pages-equals-the-command", test_tiff_of_several_pages_equals_the_command);
  ADD ("pages-in-a-row-are-separated", test_pages_in_a_row_are_separated);
  ADD ("blank-page-ends-without-text", test_blank_page_ends_without_text);
  ADD ("file-in-pieces-is-one-document", test_file_in_pieces_is_one_document);
  ADD ("files-in-a-row-are-documents", test_files_in_a_row_are_documents);
  ADD ("frames-are-pages", test_frames_are_pages);
  ADD ("tenth-job-is-as-the-first", test_tenth_job_is_as_the_first);
  ADD ("progress-goes-up-to-the-end", test_progress_goes_up_to_the_end);
  ADD ("layout-names-each-word-and-its-place", test_layout_names_each_word_and_its_place);
}

int
main (int argc, char **argv)
{
  return bench_run (argc, argv, add_tests);
}
