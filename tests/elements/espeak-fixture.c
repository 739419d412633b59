/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "espeak-fixture.h"

#include <string.h>

#define TEXT_CAPS "text/x-raw,format=utf8"

static const char *const ports[] = { "src", "captions" };

static void
item_free (Item *item)
{
  g_free (item->text);
  g_clear_pointer (&item->words, g_array_unref);
  g_free (item);
}

static GstPadProbeReturn
note (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  Fixture *fixture = user_data;
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
  Item *item = g_new0 (Item, 1);

  item->is_caption = g_str_equal (GST_PAD_NAME (pad), "captions");
  item->start = GST_BUFFER_PTS (buffer);
  item->end = GST_BUFFER_PTS (buffer) + GST_BUFFER_DURATION (buffer);
  if (item->is_caption) {
    gsize size = gst_buffer_get_size (buffer);
    item->text = g_malloc0 (size + 1);
    gst_buffer_extract (buffer, 0, item->text, size);
    item->words = medley_caption_get_words (buffer);
  } else {
    item->offset = GST_BUFFER_OFFSET (buffer);
    item->offset_end = GST_BUFFER_OFFSET_END (buffer);
    g_assert_cmpuint (gst_buffer_get_size (buffer), ==, (item->offset_end - item->offset) * 2);
    g_atomic_int_inc (&fixture->audio_buffers);
  }
  g_ptr_array_add (fixture->log, item);
  return GST_PAD_PROBE_OK;
}

static void
watch_pads (Fixture *fixture, gboolean on)
{
  for (guint i = 0; i < G_N_ELEMENTS (ports); i++) {
    g_autoptr (GstPad) pad = gst_element_get_static_pad (fixture->element, ports[i]);
    if (on)
      fixture->probes[i] = gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, note, fixture, NULL);
    else
      gst_pad_remove_probe (pad, fixture->probes[i]);
  }
}

GstElement *
make_element (const char *property, ...)
{
  GstElement *element = gst_element_factory_make ("espeak", NULL);
  va_list args;

  g_assert_nonnull (element);
  va_start (args, property);
  g_object_set_valist (G_OBJECT (element), property, args);
  va_end (args);
  return element;
}

void
fixture_start (Fixture *fixture, GstElement *element, gboolean captions)
{
  fixture->element = element;
  fixture->log = g_ptr_array_new_with_free_func ((GDestroyNotify) item_free);
  watch_pads (fixture, TRUE);
  /* Linked before the first harness starts the element. */
  if (captions)
    fixture->captions = gst_harness_new_with_element (element, NULL, "captions");
  fixture->audio = gst_harness_new_with_element (element, "sink", "src");
  gst_harness_set_src_caps_str (fixture->audio, TEXT_CAPS);
}

void
fixture_stop (Fixture *fixture)
{
  gst_harness_teardown (fixture->audio);
  g_clear_pointer (&fixture->captions, gst_harness_teardown);
  watch_pads (fixture, FALSE);
  g_ptr_array_unref (fixture->log);
  gst_object_unref (fixture->element);
  memset (fixture, 0, sizeof *fixture);
}

GstFlowReturn
push_text (Fixture *fixture, const char *text, gsize length)
{
  return gst_harness_push (fixture->audio, gst_buffer_new_memdup (text, length));
}

void
speak (Fixture *fixture, const char *text)
{
  g_assert_cmpint (push_text (fixture, text, strlen (text)), ==, GST_FLOW_OK);
  g_assert_true (gst_harness_push_event (fixture->audio, gst_event_new_eos ()));
}

static GstClockTime
time_of (guint64 samples)
{
  return gst_util_uint64_scale (samples, GST_SECOND, RATE);
}

/* Audio runs from 0 without a hole, captions tile it and go before it. Returns its length in
 * samples. */
guint64
check_timeline (const Fixture *fixture)
{
  guint64 samples = 0;
  GstClockTime said = 0;

  for (guint i = 0; i < fixture->log->len; i++) {
    const Item *item = g_ptr_array_index (fixture->log, i);
    if (item->is_caption) {
      g_assert_cmpuint (item->start, ==, said);
      g_assert_cmpuint (item->end, >, item->start);
      g_assert_cmpuint (item->start, ==, time_of (samples));
      said = item->end;
      continue;
    }
    g_assert_cmpuint (item->offset, ==, samples);
    samples = item->offset_end;
    g_assert_cmpuint (item->start, ==, time_of (item->offset));
    g_assert_cmpuint (item->end, ==, time_of (samples));
    g_assert_cmpuint (samples - item->offset, <=, RATE / 5);
    if (fixture->captions != NULL)
      g_assert_cmpuint (item->end, <=, said);
  }
  if (fixture->captions != NULL)
    g_assert_cmpuint (said, ==, time_of (samples));
  return samples;
}

guint64
samples_of (GstElement *element, const char *text)
{
  Fixture fixture = { 0 };

  fixture_start (&fixture, gst_object_ref (element), FALSE);
  speak (&fixture, text);
  guint64 samples = check_timeline (&fixture);
  fixture_stop (&fixture);
  return samples;
}

void
assert_about (guint64 a, guint64 b)
{
  g_assert_cmpuint (a, >, b - b * 3 / 100);
  g_assert_cmpuint (a, <, b + b * 3 / 100);
}

char *
captions_of (const Fixture *fixture)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < fixture->log->len; i++) {
    const Item *item = g_ptr_array_index (fixture->log, i);
    if (item->is_caption)
      g_string_append_printf (text, "[%s]", item->text);
  }
  return g_string_free (text, FALSE);
}

/* The words of all captions, with checks on each mark. */
char *
words_of (const Fixture *fixture)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < fixture->log->len; i++) {
    const Item *item = g_ptr_array_index (fixture->log, i);
    GstClockTime last = item->start;
    guint free_from = 0;
    for (guint w = 0; item->is_caption && w < item->words->len; w++) {
      const MedleyWord *word = &g_array_index (item->words, MedleyWord, w);
      g_assert_cmpuint (word->time, >=, last);
      g_assert_cmpuint (word->time, <, item->end);
      g_assert_cmpuint (word->offset, >=, free_from);
      g_assert_cmpuint (word->length, >, 0);
      free_from = word->offset + word->length;
      g_assert_cmpuint (free_from, <=, strlen (item->text));
      last = word->time;
      g_string_append_len (text, item->text + word->offset, word->length);
      g_string_append_c (text, '|');
    }
  }
  return g_string_free (text, FALSE);
}
