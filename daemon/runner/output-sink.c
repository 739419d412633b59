/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/output-sink.h"
#include "runner/post-error.h"

#include <errno.h>
#include <medley/medley-error.h>
#include <unistd.h>

struct _MedleyOutputSink {
  GstBaseSink parent_instance;

  MedleyNode *node;
  int file;
  guint64 max_bytes;
  guint64 position; /* streaming thread */
  guint64 size;     /* atomic */
};

G_DEFINE_FINAL_TYPE (MedleyOutputSink, medley_output_sink, GST_TYPE_BASE_SINK)

static GstStaticPadTemplate sink_template
    = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

static gboolean
start (GstBaseSink *sink)
{
  MedleyOutputSink *self = MEDLEY_OUTPUT_SINK (sink);

  self->position = 0;
  __atomic_store_n (&self->size, 0, __ATOMIC_RELAXED);
  return TRUE;
}

static GstFlowReturn
write_all (MedleyOutputSink *self, const guint8 *data, gsize length)
{
  while (length > 0) {
    ssize_t n = pwrite (self->file, data, length, (off_t) self->position);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && (errno == ENOSPC || errno == EDQUOT))
      return medley_post_error (GST_ELEMENT (self), MEDLEY_ERROR_NO_SPACE,
                                "output \"%s\": the disk is full at %" G_GUINT64_FORMAT " bytes",
                                self->node->name, self->position);
    if (n < 0)
      return medley_post_error (GST_ELEMENT (self), MEDLEY_ERROR_IO,
                                "output \"%s\" cannot be written: %s", self->node->name,
                                g_strerror (errno));
    data += n;
    length -= (gsize) n;
    self->position += (guint64) n;
  }
  return GST_FLOW_OK;
}

static GstFlowReturn
render (GstBaseSink *sink, GstBuffer *buffer)
{
  MedleyOutputSink *self = MEDLEY_OUTPUT_SINK (sink);
  GstClockTime end = GST_CLOCK_TIME_NONE;
  GstFlowReturn ret;
  GstMapInfo map;

  if (!gst_buffer_map (buffer, &map, GST_MAP_READ))
    return medley_post_error (GST_ELEMENT (self), MEDLEY_ERROR_IO,
                              "output \"%s\": a buffer cannot be read", self->node->name);
  if (self->max_bytes > 0 && map.size > self->max_bytes - MIN (self->max_bytes, self->position)) {
    gst_buffer_unmap (buffer, &map);
    return medley_post_error (GST_ELEMENT (self), MEDLEY_ERROR_OUTPUT_TOO_LARGE,
                              "output \"%s\" grew past its limit of %" G_GUINT64_FORMAT
                              " bytes (limits.output-bytes)",
                              self->node->name, self->max_bytes);
  }
  ret = write_all (self, map.data, map.size);
  if (ret == GST_FLOW_OK && map.size > 0) {
    if (self->position > self->size)
      __atomic_store_n (&self->size, self->position, __ATOMIC_RELAXED);
    if (GST_BUFFER_PTS_IS_VALID (buffer))
      end = GST_BUFFER_PTS (buffer)
            + (GST_BUFFER_DURATION_IS_VALID (buffer) ? GST_BUFFER_DURATION (buffer) : 0);
    medley_node_give (self->node, 1, map.size, end);
  }
  gst_buffer_unmap (buffer, &map);
  return ret;
}

static gboolean
set_caps (GstBaseSink *sink, GstCaps *caps)
{
  MedleyOutputSink *self = MEDLEY_OUTPUT_SINK (sink);
  const GstStructure *structure = gst_caps_get_structure (caps, 0);
  int rate = 0, channels = 0;

  if (gst_structure_has_name (structure, "audio/x-raw")) {
    gst_structure_get_int (structure, "rate", &rate);
    gst_structure_get_int (structure, "channels", &channels);
  }
  g_mutex_lock (&self->node->lock);
  self->node->rate = rate;
  self->node->channels = channels;
  g_mutex_unlock (&self->node->lock);
  return TRUE;
}

static gboolean
event (GstBaseSink *sink, GstEvent *e)
{
  MedleyOutputSink *self = MEDLEY_OUTPUT_SINK (sink);

  if (GST_EVENT_TYPE (e) == GST_EVENT_SEGMENT) {
    const GstSegment *segment;

    /* How a muxer goes back to its headers. */
    gst_event_parse_segment (e, &segment);
    if (segment->format == GST_FORMAT_BYTES)
      self->position = segment->start;
  } else if (GST_EVENT_TYPE (e) == GST_EVENT_EOS) {
    medley_node_end_port (self->node);
  }
  return GST_BASE_SINK_CLASS (medley_output_sink_parent_class)->event (sink, e);
}

static gboolean
query (GstBaseSink *sink, GstQuery *q)
{
  MedleyOutputSink *self = MEDLEY_OUTPUT_SINK (sink);
  GstFormat format;

  switch (GST_QUERY_TYPE (q)) {
  case GST_QUERY_SEEKING:
    gst_query_parse_seeking (q, &format, NULL, NULL, NULL);
    if (format == GST_FORMAT_BYTES || format == GST_FORMAT_DEFAULT)
      gst_query_set_seeking (q, GST_FORMAT_BYTES, TRUE, 0, -1);
    else
      gst_query_set_seeking (q, format, FALSE, 0, -1);
    return TRUE;
  case GST_QUERY_POSITION:
    gst_query_parse_position (q, &format, NULL);
    if (format != GST_FORMAT_BYTES && format != GST_FORMAT_DEFAULT)
      break;
    gst_query_set_position (q, GST_FORMAT_BYTES, (gint64) self->position);
    return TRUE;
  default:
    break;
  }
  return GST_BASE_SINK_CLASS (medley_output_sink_parent_class)->query (sink, q);
}

static void
finalize (GObject *object)
{
  medley_node_unref (MEDLEY_OUTPUT_SINK (object)->node);
  G_OBJECT_CLASS (medley_output_sink_parent_class)->finalize (object);
}

static void
medley_output_sink_class_init (MedleyOutputSinkClass *klass)
{
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSinkClass *sink_class = GST_BASE_SINK_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = finalize;
  sink_class->start = start;
  sink_class->set_caps = set_caps;
  sink_class->render = render;
  sink_class->event = event;
  sink_class->query = query;
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_set_static_metadata (element_class, "Medley output", "Sink/File",
                                         "Writes a job's output, which is read while it grows",
                                         "Medley");
}

static void
medley_output_sink_init (MedleyOutputSink *self)
{
  GstBaseSink *sink = GST_BASE_SINK (self);

  gst_base_sink_set_sync (sink, FALSE);
  /* An output may get its first data when another has ended: nobody waits for all of them. */
  gst_base_sink_set_async_enabled (sink, FALSE);
  gst_base_sink_set_drop_out_of_segment (sink, FALSE);
  gst_base_sink_set_last_sample_enabled (sink, FALSE);
}

GstElement *
medley_output_sink_new (MedleyNode *node, int file, guint64 max_bytes)
{
  MedleyOutputSink *self = g_object_new (MEDLEY_TYPE_OUTPUT_SINK, NULL);

  self->node = medley_node_ref (node);
  self->file = file;
  self->max_bytes = max_bytes;
  medley_node_add_port (node);
  medley_node_tag (node, GST_ELEMENT (self));
  return GST_ELEMENT (self);
}

guint64
medley_output_sink_get_size (MedleyOutputSink *self)
{
  return __atomic_load_n (&self->size, __ATOMIC_RELAXED);
}

gboolean
medley_output_sink_is_finished (MedleyOutputSink *self)
{
  gboolean finished;

  g_mutex_lock (&self->node->lock);
  finished = self->node->finished;
  g_mutex_unlock (&self->node->lock);
  return finished;
}
