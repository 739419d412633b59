/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/text-writer.h"

#include <medley/medley-caption.h>
#include <string.h>

#include "base/json.h"

struct _MedleyTextWriter {
  GstElement parent_instance;

  GstPad *sink;
  GstPad *src;
  MedleyTextForm form;

  /* streaming thread */
  GstSegment segment;
  gboolean prepared;
  guint64 n_pieces;
};

G_DEFINE_FINAL_TYPE (MedleyTextWriter, medley_text_writer, GST_TYPE_ELEMENT)

static GstStaticPadTemplate sink_template
    = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                               GST_STATIC_CAPS (
                                   "text/x-raw, format=(string){ utf8, pango-markup }; "
                                   "application/json"));
static GstStaticPadTemplate src_template
    = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
                               GST_STATIC_CAPS ("text/x-raw, format=(string)utf8; "
                                                "application/x-subtitle-vtt; application/json; "
                                                "application/x-ndjson"));

static GstCaps *
src_caps (MedleyTextWriter *self)
{
  static const char *const caps[]
      = { "text/x-raw, format=(string)utf8", "application/x-subtitle-vtt", "application/json",
          "application/x-ndjson" };

  return gst_caps_from_string (caps[self->form]);
}

static GstFlowReturn
push (MedleyTextWriter *self, GString *text, GstBuffer *like)
{
  gsize length = text->len;
  GstBuffer *buffer;

  if (length == 0) {
    g_string_free (text, TRUE);
    return GST_FLOW_OK;
  }
  buffer = gst_buffer_new_wrapped (g_string_free (text, FALSE), length);
  if (like != NULL)
    gst_buffer_copy_into (buffer, like, GST_BUFFER_COPY_TIMESTAMPS, 0, -1);
  return gst_pad_push (self->src, buffer);
}

/* Sends what precedes data; also for an output without any. */
static void
prepare (MedleyTextWriter *self)
{
  GstSegment segment;
  g_autoptr (GstCaps) caps = NULL;

  if (self->prepared)
    return;
  self->prepared = TRUE;
  caps = src_caps (self);
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_push_event (self->src, gst_event_new_stream_start (GST_OBJECT_NAME (self)));
  gst_pad_push_event (self->src, gst_event_new_caps (caps));
  gst_pad_push_event (self->src, gst_event_new_segment (&segment));
}

static void
append_time (GString *out, GstClockTime time)
{
  guint64 ms = time / GST_MSECOND;

  g_string_append_printf (out, "%02" G_GUINT64_FORMAT ":%02u:%02u.%03u", ms / 3600000,
                          (guint) (ms / 60000 % 60), (guint) (ms / 1000 % 60), (guint) (ms % 1000));
}

/* Escapes a cue's text. A blank line would end the cue, so lines of white space only go. */
static void
append_cue_text (GString *out, const char *text, gsize length)
{
  g_autofree char *copy = g_strndup (text, length);
  g_auto (GStrv) lines = g_strsplit_set (copy, "\r\n", -1);

  for (guint i = 0; lines[i] != NULL; i++) {
    g_strchomp (lines[i]);
    if (*lines[i] == '\0')
      continue;
    for (const char *at = lines[i]; *at != '\0'; at++) {
      if (*at == '&')
        g_string_append (out, "&amp;");
      else if (*at == '<')
        g_string_append (out, "&lt;");
      else if (*at == '>')
        g_string_append (out, "&gt;");
      else
        g_string_append_c (out, *at);
    }
    g_string_append_c (out, '\n');
  }
}

static void
append_vtt (MedleyTextWriter *self, GString *out, const char *text, gsize length, GstBuffer *buffer)
{
  GstClockTime begin
      = gst_segment_to_running_time (&self->segment, GST_FORMAT_TIME, GST_BUFFER_PTS (buffer));
  GstClockTime duration = GST_BUFFER_DURATION (buffer);

  if (self->n_pieces == 0)
    g_string_append (out, "WEBVTT\n\n");
  if (!GST_CLOCK_TIME_IS_VALID (begin))
    return;
  append_time (out, begin);
  g_string_append (out, " --> ");
  append_time (out, begin + (GST_CLOCK_TIME_IS_VALID (duration) ? duration : 0));
  g_string_append_c (out, '\n');
  append_cue_text (out, text, length);
  g_string_append_c (out, '\n');
}

/* Microseconds are more than anybody hears, and print short. */
static GVariant *
seconds (GstClockTime time)
{
  return g_variant_new_double ((double) (time / GST_USECOND) / 1e6);
}

static GVariant *
describe_words (MedleyTextWriter *self, GstBuffer *buffer, const char *text, gsize length,
                GstClockTime end)
{
  g_autoptr (GArray) words = medley_caption_get_words (buffer);
  GVariantBuilder builder;
  gsize seen = 0;
  glong characters = 0;

  if (words->len == 0)
    return NULL;
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < words->len; i++) {
    const MedleyWord *word = &g_array_index (words, MedleyWord, i);
    const MedleyWord *next = word + 1;
    g_autofree char *part = NULL;
    GstClockTime begin = gst_segment_to_running_time (&self->segment, GST_FORMAT_TIME, word->time);
    GstClockTime until
        = i + 1 < words->len
              ? gst_segment_to_running_time (&self->segment, GST_FORMAT_TIME, next->time)
              : end;
    GVariantDict dict;

    if (word->offset < seen || word->offset > length || word->length > length - word->offset
        || !GST_CLOCK_TIME_IS_VALID (begin) || !GST_CLOCK_TIME_IS_VALID (until))
      continue;
    part = g_utf8_make_valid (text + word->offset, (gssize) word->length);
    characters += g_utf8_strlen (text + seen, (gssize) (word->offset - seen));
    seen = word->offset;
    g_variant_dict_init (&dict, NULL);
    g_variant_dict_insert (&dict, "text", "s", part);
    g_variant_dict_insert_value (&dict, "start", seconds (begin));
    g_variant_dict_insert_value (&dict, "end", seconds (until));
    g_variant_dict_insert (&dict, "offset", "t", (guint64) characters);
    g_variant_builder_add_value (&builder, g_variant_dict_end (&dict));
  }
  return g_variant_builder_end (&builder);
}

static void
append_line (MedleyTextWriter *self, GString *out, const char *text, gsize length,
             GstBuffer *buffer)
{
  GstClockTime begin
      = gst_segment_to_running_time (&self->segment, GST_FORMAT_TIME, GST_BUFFER_PTS (buffer));
  g_autofree char *valid = g_utf8_make_valid (text, (gssize) length);
  g_autoptr (GVariant) line = NULL;
  g_autofree char *json = NULL;
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "text", "s", valid);
  if (GST_BUFFER_PTS_IS_VALID (buffer) && GST_CLOCK_TIME_IS_VALID (begin)) {
    GstClockTime end = begin;
    GVariant *words;

    if (GST_BUFFER_DURATION_IS_VALID (buffer))
      end += GST_BUFFER_DURATION (buffer);
    g_variant_dict_insert_value (&dict, "start", seconds (begin));
    g_variant_dict_insert_value (&dict, "end", seconds (end));
    words = describe_words (self, buffer, text, length, end);
    if (words != NULL)
      g_variant_dict_insert_value (&dict, "words", words);
  }
  line = g_variant_ref_sink (g_variant_dict_end (&dict));
  json = medley_json_print (line, FALSE);
  g_string_append (out, json);
  g_string_append_c (out, '\n');
}

static GstFlowReturn
chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  MedleyTextWriter *self = MEDLEY_TEXT_WRITER (parent);
  GString *out = g_string_new (NULL);
  GstMapInfo map;
  GstFlowReturn ret;

  prepare (self);
  if (!gst_buffer_map (buffer, &map, GST_MAP_READ)) {
    GST_ELEMENT_ERROR (self, RESOURCE, READ, (NULL), ("a buffer cannot be read"));
    gst_buffer_unref (buffer);
    g_string_free (out, TRUE);
    return GST_FLOW_ERROR;
  }
  switch (self->form) {
  case MEDLEY_TEXT_PLAIN:
    g_string_append_len (out, (const char *) map.data, (gssize) map.size);
    if (GST_BUFFER_PTS_IS_VALID (buffer) && map.size > 0 && map.data[map.size - 1] != '\n')
      g_string_append_c (out, '\n');
    break;
  case MEDLEY_TEXT_VTT:
    append_vtt (self, out, (const char *) map.data, map.size, buffer);
    break;
  case MEDLEY_TEXT_LINES:
    append_line (self, out, (const char *) map.data, map.size, buffer);
    break;
  case MEDLEY_TEXT_JSON:
    g_string_append (out, self->n_pieces == 0 ? "[\n" : ",\n");
    g_string_append_len (out, (const char *) map.data, (gssize) map.size);
    while (g_ascii_isspace (out->str[out->len - 1]))
      g_string_truncate (out, out->len - 1);
    break;
  }
  gst_buffer_unmap (buffer, &map);
  self->n_pieces++;
  ret = push (self, out, buffer);
  gst_buffer_unref (buffer);
  return ret;
}

static void
finish (MedleyTextWriter *self)
{
  GString *out = g_string_new (NULL);

  prepare (self);
  if (self->form == MEDLEY_TEXT_VTT && self->n_pieces == 0)
    g_string_append (out, "WEBVTT\n");
  else if (self->form == MEDLEY_TEXT_JSON)
    g_string_append (out, self->n_pieces == 0 ? "[]\n" : "\n]\n");
  push (self, out, NULL);
}

static gboolean
sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  MedleyTextWriter *self = MEDLEY_TEXT_WRITER (parent);

  switch (GST_EVENT_TYPE (event)) {
  case GST_EVENT_SEGMENT:
    gst_event_copy_segment (event, &self->segment);
    break;
  case GST_EVENT_EOS:
    finish (self);
    return gst_pad_push_event (self->src, event);
  case GST_EVENT_FLUSH_START:
  case GST_EVENT_FLUSH_STOP:
    return gst_pad_event_default (pad, parent, event);
  case GST_EVENT_CAPS: {
    GstCaps *caps;
    g_autoptr (GstCaps) ours = gst_pad_get_pad_template_caps (pad);
    gboolean ok;

    gst_event_parse_caps (event, &caps);
    ok = gst_caps_is_subset (caps, ours);
    gst_event_unref (event);
    return ok;
  }
  default:
    break;
  }
  gst_event_unref (event);
  return TRUE;
}

static GstStateChangeReturn
change_state (GstElement *element, GstStateChange transition)
{
  MedleyTextWriter *self = MEDLEY_TEXT_WRITER (element);

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    gst_segment_init (&self->segment, GST_FORMAT_TIME);
    self->prepared = FALSE;
    self->n_pieces = 0;
  }
  return GST_ELEMENT_CLASS (medley_text_writer_parent_class)->change_state (element, transition);
}

static void
medley_text_writer_class_init (MedleyTextWriterClass *klass)
{
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  element_class->change_state = change_state;
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Medley text writer",
                                         "Codec/Encoder/Subtitle",
                                         "Makes text, WebVTT and JSON files of pieces", "Medley");
}

static void
medley_text_writer_init (MedleyTextWriter *self)
{
  self->sink = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sink, chain);
  gst_pad_set_event_function (self->sink, sink_event);
  gst_element_add_pad (GST_ELEMENT (self), self->sink);
  self->src = gst_pad_new_from_static_template (&src_template, "src");
  gst_pad_use_fixed_caps (self->src);
  gst_element_add_pad (GST_ELEMENT (self), self->src);
}

GstElement *
medley_text_writer_new (MedleyTextForm form)
{
  MedleyTextWriter *self = g_object_new (MEDLEY_TYPE_TEXT_WRITER, NULL);

  self->form = form;
  return GST_ELEMENT (self);
}
