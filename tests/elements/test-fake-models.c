/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The fakes that stand for models: what they answer follows from what they are given. */
#include "probe.h"

#include <math.h>
#include <string.h>

#define SECOND (16000 * 2)

static GstElement *
make (const char *name)
{
  GstElement *element = gst_element_factory_make (name, NULL);

  g_assert_nonnull (element);
  return gst_object_ref_sink (element);
}

/* What an element makes of a text, all of it. */
static char *
answer (GstElement *element, const char *caps, const char *text)
{
  GstHarness *h = harness_new (element, "src");
  char *all;

  gst_harness_set_src_caps_str (h, caps);
  g_assert_cmpint (push_text (h, text), ==, GST_FLOW_OK);
  gst_harness_push_event (h, gst_event_new_eos ());
  all = pull_all_text (h);
  gst_harness_teardown (h);
  return all;
}

static void
test_chat (void)
{
  GstElement *element = make ("fakechat");
  GstHarness *h = harness_new (element, "src");
  static const char *const wanted[] = { "You", " said:", " good", " day" };
  g_autofree char *shouted = NULL;

  g_object_set (element, "max-words", 4, NULL);
  push_text (h, "good da");
  g_assert_cmpuint (gst_harness_buffers_received (h), ==, 0);
  push_text (h, "y to you");
  gst_harness_push_event (h, gst_event_new_eos ());
  g_assert_cmpuint (gst_harness_buffers_received (h), ==, G_N_ELEMENTS (wanted));
  for (guint i = 0; i < G_N_ELEMENTS (wanted); i++) {
    g_autofree char *text = pull_text (h);

    g_assert_cmpstr (text, ==, wanted[i]);
  }
  gst_harness_teardown (h);
  gst_object_unref (element);

  element = make ("fakechat");
  g_object_set (element, "temperature", 1.5, NULL);
  shouted = answer (element, "text/x-raw,format=utf8", "grüß Gott");
  g_assert_cmpstr (shouted, ==, "YOU SAID: GRÜSS GOTT");
  gst_object_unref (element);
}

static void
test_chat_with_messages (void)
{
  GstElement *element = make ("fakechat");
  g_autofree char *text = answer (
      element, "application/json",
      "[{\"role\":\"system\",\"content\":\"Be brief.\"},{\"role\":\"user\",\"content\":"
      "[{\"type\":\"text\",\"text\":\"What is\"},{\"type\":\"text\",\"text\":\" it?\"}]}]");
  g_autofree char *nothing = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_cmpstr (text, ==, "2 messages, the last by user: What is it?");
  gst_object_unref (element);
  element = make ("fakechat");
  nothing = answer (element, "application/json", "[]");
  g_assert_cmpstr (nothing, ==, "");
  error = take_error (element);
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_BAD_INPUT);
  gst_object_unref (element);
}

static gpointer
push_eos (gpointer data)
{
  gst_harness_push_event (data, gst_event_new_eos ());
  return NULL;
}

static void
test_chat_is_cancelled (void)
{
  GstElement *element = make ("fakechat");
  GstHarness *h = harness_new (element, "src");
  GThread *thread;

  /* Without the cancellable the test would take 20 days. */
  g_object_set (element, "delay-ms", G_MAXINT, NULL);
  push_text (h, "never");
  thread = g_thread_new ("eos", push_eos, h);
  g_usleep (50 * 1000);
  gst_harness_push_event (h, gst_event_new_flush_start ());
  g_thread_join (thread);
  g_assert_cmpuint (gst_harness_buffers_received (h), ==, 0);
  gst_harness_teardown (h);
  gst_object_unref (element);
}

/* The colour of a pixel of the next frame, and the frame's size. */
static guint32
pull_pixel (GstHarness *h, guint x, guint y, gint *width, gint *height)
{
  g_autoptr (GstBuffer) frame = gst_harness_pull (h);
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (h->sinkpad);
  guint8 pixel[4];

  g_assert_nonnull (frame);
  gst_structure_get_int (gst_caps_get_structure (caps, 0), "width", width);
  gst_structure_get_int (gst_caps_get_structure (caps, 0), "height", height);
  g_assert_cmpuint (gst_buffer_get_size (frame), ==, *width * *height * 4);
  g_assert_cmpuint (gst_buffer_extract (frame, (y * (guint) *width + x) * 4, pixel, 4), ==, 4);
  return GST_READ_UINT32_BE (pixel);
}

static guint32
paint_and_pull (const char *text, const char *background, guint y)
{
  GstElement *element = make ("fakepainter");
  GstHarness *h = harness_new (element, "src");
  gint width, height;
  guint32 colour;

  g_object_set (element, "width", 40, "height", 20, "background", background, NULL);
  push_text (h, text);
  gst_harness_push_event (h, gst_event_new_eos ());
  colour = pull_pixel (h, 39, y, &width, &height);
  g_assert_cmpint (width, ==, 40);
  g_assert_cmpint (height, ==, 20);
  gst_harness_teardown (h);
  gst_object_unref (element);
  return colour;
}

static void
test_painter (void)
{
  g_assert_cmphex (paint_and_pull ("red fox", "opaque", 0), ==,
                   paint_and_pull ("red hen", "opaque", 0));
  g_assert_cmphex (paint_and_pull ("red fox", "opaque", 10), !=,
                   paint_and_pull ("red hen", "opaque", 10));
  g_assert_cmphex (paint_and_pull ("red fox", "opaque", 19), ==, 0xffffffff);
  g_assert_cmphex (paint_and_pull ("red fox", "transparent", 19), ==, 0xffffff00);
}

static void
test_painter_has_drafts (void)
{
  GstElement *element = make ("fakepainter");
  GstHarness *h = harness_new (element, "drafts");
  gint width, height;

  g_object_set (element, "drafts", 3, NULL);
  push_text (h, "one two three four");
  gst_harness_push_event (h, gst_event_new_eos ());
  g_assert_cmpuint (gst_harness_buffers_received (h), ==, 3);
  /* The second stripe comes with the second draft. */
  g_assert_cmphex (pull_pixel (h, 0, 16, &width, &height), ==, 0xffffffff);
  g_assert_cmphex (pull_pixel (h, 0, 16, &width, &height), !=, 0xffffffff);
  g_assert_cmphex (pull_pixel (h, 0, 40, &width, &height), ==, 0xffffffff);
  gst_harness_teardown (h);
  gst_object_unref (element);
}

static guint32
retouch_and_pull (const char *prompt, guint at)
{
  GstElement *element = make ("fakeretoucher");
  GstHarness *h = harness_new (element, "src");
  gint width, height;
  guint8 frame[16 * 16 * 4];
  guint32 colour;

  memset (frame, 0x20, sizeof frame);
  g_object_set (element, "prompt", prompt, NULL);
  gst_harness_set_src_caps_str (h, "video/x-raw,format=RGBA,width=16,height=16,framerate=0/1");
  g_assert_cmpint (gst_harness_push (h, gst_buffer_new_memdup (frame, sizeof frame)), ==,
                   GST_FLOW_OK);
  colour = pull_pixel (h, at, at, &width, &height);
  g_assert_cmpint (width, ==, 16);
  gst_harness_teardown (h);
  gst_object_unref (element);
  return colour;
}

static void
test_retoucher (void)
{
  g_assert_cmphex (retouch_and_pull ("invert", 8), ==, 0xdfdfdf20);
  g_assert_cmphex (retouch_and_pull ("a frame", 8), ==, 0x20202020);
  g_assert_cmphex (retouch_and_pull ("a frame", 1), !=, 0x20202020);
  g_assert_cmphex (retouch_and_pull ("a frame", 1), !=, retouch_and_pull ("another", 1));
}

/* Sound of so many half seconds, those of @silent left out. */
static GstBuffer *
sound (guint halves, guint silent)
{
  gint16 *samples = g_new0 (gint16, halves * SECOND / 4);

  for (guint i = 0; i < halves * SECOND / 4; i++)
    if ((silent & (1u << (i / (SECOND / 4)))) == 0)
      samples[i] = i % 2 == 0 ? 4000 : -4000;
  return gst_buffer_new_wrapped (samples, halves * SECOND / 2);
}

static GstHarness *
listen_to (GstElement *element, const char *port, GstBuffer *buffer)
{
  GstHarness *h = harness_new (element, port);

  gst_harness_set_src_caps_str (
      h, "audio/x-raw,format=S16LE,layout=interleaved,rate=16000,channels=1");
  g_assert_cmpint (gst_harness_push (h, buffer), ==, GST_FLOW_OK);
  gst_harness_push_event (h, gst_event_new_eos ());
  return h;
}

static void
test_listener (void)
{
  GstElement *element = make ("fakelistener");
  /* 6.5 seconds, the third and the first half of the fourth silent */
  GstHarness *h = listen_to (element, "src", sound (13, 0x70));
  g_autofree char *text = pull_all_text (h);

  g_assert_cmpstr (text, ==, "One two four five six. Seven.");
  gst_harness_teardown (h);
  gst_object_unref (element);

  element = make ("fakelistener");
  g_object_set (element, "language", "de", NULL);
  h = listen_to (element, "src", sound (4, 0));
  g_free (text);
  text = pull_all_text (h);
  g_assert_cmpstr (text, ==, "Eins zwei.");
  gst_harness_teardown (h);
  gst_object_unref (element);
}

static void
test_listener_tells_times (void)
{
  GstElement *element = make ("fakelistener");
  GstHarness *h = listen_to (element, "captions", sound (13, 0x70));
  g_autoptr (GstBuffer) first = gst_harness_pull (h);
  g_autoptr (GstBuffer) second = gst_harness_pull (h);
  g_autoptr (GArray) words = medley_caption_get_words (first);
  static const guint seconds[] = { 0, 1, 3, 4, 5 };

  g_assert_cmpuint (GST_BUFFER_PTS (first), ==, 0);
  g_assert_cmpuint (GST_BUFFER_DURATION (first), ==, 6 * GST_SECOND);
  g_assert_cmpuint (GST_BUFFER_PTS (second), ==, 6 * GST_SECOND);
  g_assert_cmpuint (GST_BUFFER_DURATION (second), ==, GST_SECOND / 2);
  g_assert_cmpuint (words->len, ==, G_N_ELEMENTS (seconds));
  for (guint i = 0; i < words->len; i++)
    g_assert_cmpuint (g_array_index (words, MedleyWord, i).time, ==, seconds[i] * GST_SECOND);
  gst_harness_teardown (h);
  gst_object_unref (element);
}

static void
test_listener_knows_its_languages (void)
{
  GstElement *element = make ("fakelistener");
  g_autoptr (GstBus) bus = gst_bus_new ();
  g_autoptr (GError) error = NULL;

  gst_element_set_bus (element, bus);
  g_object_set (element, "language", "fr", NULL);
  g_assert_cmpint (gst_element_set_state (element, GST_STATE_PAUSED), ==, GST_STATE_CHANGE_FAILURE);
  error = take_error (element);
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNKNOWN_LANGUAGE);
  gst_element_set_state (element, GST_STATE_NULL);
  gst_object_unref (element);
}

static double
parse_vector (const char *text, double *vector, guint n)
{
  double squares = 0;

  g_assert_cmpint (*text, ==, '[');
  for (guint i = 0; i < n; i++) {
    char *end;

    vector[i] = g_ascii_strtod (text + 1, &end);
    squares += vector[i] * vector[i];
    g_assert_cmpint (*end, ==, i + 1 < n ? ',' : ']');
    text = end;
  }
  return squares;
}

static void
test_embedder (void)
{
  static const char *const texts[] = { "the bird sings", "sings the bird.", "rust and iron" };
  double vectors[3][8], product = 0;

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    GstElement *element = make ("fakeembedder");
    g_autofree char *json = NULL;

    g_object_set (element, "dimensions", 8, NULL);
    json = answer (element, "text/x-raw,format=utf8", texts[i]);
    g_assert_cmpfloat_with_epsilon (parse_vector (json, vectors[i], 8), 1, 1e-6);
    gst_object_unref (element);
  }
  g_assert_cmpmem (vectors[0], sizeof vectors[0], vectors[1], sizeof vectors[1]);
  for (guint i = 0; i < 8; i++)
    product += vectors[0][i] * vectors[2][i];
  g_assert_cmpfloat (product, <, 0.99);
}

static void
test_embedder_takes_several (void)
{
  GstElement *element = make ("fakeembedder");
  GstHarness *h = harness_new (element, "src");

  gst_harness_set_src_caps_str (h, "application/json");
  push_text (h, "[\"a\", \"b\", \"c\"]");
  gst_harness_push_event (h, gst_event_new_eos ());
  g_assert_cmpuint (gst_harness_buffers_received (h), ==, 3);
  gst_harness_teardown (h);
  gst_object_unref (element);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/fake/chat", test_chat);
  g_test_add_func ("/fake/chat-with-messages", test_chat_with_messages);
  g_test_add_func ("/fake/chat-is-cancelled", test_chat_is_cancelled);
  g_test_add_func ("/fake/painter", test_painter);
  g_test_add_func ("/fake/painter-has-drafts", test_painter_has_drafts);
  g_test_add_func ("/fake/retoucher", test_retoucher);
  g_test_add_func ("/fake/listener", test_listener);
  g_test_add_func ("/fake/listener-tells-times", test_listener_tells_times);
  g_test_add_func ("/fake/listener-knows-its-languages", test_listener_knows_its_languages);
  g_test_add_func ("/fake/embedder", test_embedder);
  g_test_add_func ("/fake/embedder-takes-several", test_embedder_takes_several);
  return g_test_run ();
}
