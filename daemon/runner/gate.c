/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/gate.h"

#include <medley/medley-engine.h>
#include <medley/medley-error.h>

struct _MedleyGate {
  GstElement parent_instance;

  GstPad *sink;
  GstPad *src;
  MedleyNode *node;
  gboolean outward;
  guint64 max_pixels;
  MedleyWork *work; /* inward only */
  guint64 bytes;    /* atomic */
  gboolean ended;   /* streaming thread */
  gboolean records; /* set before anything flows, as record_port */
  guint record_port;
};

G_DEFINE_FINAL_TYPE (MedleyGate, medley_gate, GST_TYPE_ELEMENT)

static GstStaticPadTemplate sink_template
    = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
static GstStaticPadTemplate src_template
    = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

static void
count (MedleyGate *self, guint buffers, gsize bytes, GstClockTime end)
{
  __atomic_fetch_add (&self->bytes, bytes, __ATOMIC_RELAXED);
  if (self->outward)
    medley_node_give (self->node, buffers, bytes, end);
  else
    medley_node_take (self->node, bytes);
}

static GstClockTime
end_of (GstBuffer *buffer)
{
  if (!GST_BUFFER_PTS_IS_VALID (buffer))
    return GST_CLOCK_TIME_NONE;
  return GST_BUFFER_PTS (buffer)
         + (GST_BUFFER_DURATION_IS_VALID (buffer) ? GST_BUFFER_DURATION (buffer) : 0);
}

/* Whoever wants no more may be the reason that no more comes. */
static void
check_recording (MedleyGate *self, GstFlowReturn ret)
{
  if (self->records && ret != GST_FLOW_OK)
    medley_recorder_abandon (self->node->recorder);
}

static GstFlowReturn
chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  MedleyGate *self = MEDLEY_GATE (parent);
  MedleyWork *before = medley_work_enter (self->work);
  GstFlowReturn ret;

  if (self->outward)
    medley_monitor_wait (self->node->monitor);
  count (self, 1, gst_buffer_get_size (buffer), end_of (buffer));
  if (self->records)
    medley_recorder_take_buffer (self->node->recorder, self->record_port, buffer);
  ret = gst_pad_push (self->src, buffer);
  check_recording (self, ret);
  medley_work_enter (before);
  return ret;
}

static GstFlowReturn
chain_list (GstPad *pad, GstObject *parent, GstBufferList *list)
{
  MedleyGate *self = MEDLEY_GATE (parent);
  MedleyWork *before = medley_work_enter (self->work);
  guint n = gst_buffer_list_length (list);
  GstFlowReturn ret;

  if (self->outward)
    medley_monitor_wait (self->node->monitor);
  count (self, n, gst_buffer_list_calculate_size (list),
         n > 0 ? end_of (gst_buffer_list_get (list, n - 1)) : GST_CLOCK_TIME_NONE);
  for (guint i = 0; self->records && i < n; i++)
    medley_recorder_take_buffer (self->node->recorder, self->record_port,
                                 gst_buffer_list_get (list, i));
  ret = gst_pad_push_list (self->src, list);
  check_recording (self, ret);
  medley_work_enter (before);
  return ret;
}

gboolean
medley_gate_check_pixels (GstElement *element, const MedleyNode *node, const GstCaps *caps,
                          guint64 max_pixels)
{
  const GstStructure *structure = gst_caps_get_structure (caps, 0);
  gint width, height;
  g_autoptr (GError) error = NULL;

  if (max_pixels == 0 || !gst_structure_get_int (structure, "width", &width)
      || !gst_structure_get_int (structure, "height", &height)
      || (guint64) MAX (width, 0) * (guint64) MAX (height, 0) <= max_pixels)
    return TRUE;
  error = g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_IMAGE_TOO_LARGE,
                       "%s \"%s\" has a picture of %d × %d pixels; the limit is %" G_GUINT64_FORMAT
                       " (limits.image-pixels)",
                       node->kind == MEDLEY_NODE_INPUT ? "input" : "stage", node->name, width,
                       height, max_pixels);
  gst_element_post_message (element, gst_message_new_error (GST_OBJECT (element), error, NULL));
  return FALSE;
}

static gboolean
sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  MedleyGate *self = MEDLEY_GATE (parent);
  GstEventType type = GST_EVENT_TYPE (event);
  MedleyWork *before;
  gboolean ret;

  if (type == GST_EVENT_CAPS) {
    GstCaps *caps;

    gst_event_parse_caps (event, &caps);
    if (!medley_gate_check_pixels (GST_ELEMENT (self), self->node, caps, self->max_pixels)) {
      gst_event_unref (event);
      return FALSE;
    }
  }
  if (self->records)
    medley_recorder_take_event (self->node->recorder, self->record_port, event);
  else if (type == GST_EVENT_CUSTOM_DOWNSTREAM && medley_event_is_idle (event)
           && self->node->recorder != NULL)
    /* What an engine says at a pause depends on when the pause came. */
    medley_recorder_abandon (self->node->recorder);
  if (!GST_EVENT_IS_SERIALIZED (event))
    return gst_pad_push_event (self->src, event);

  /* Told before it goes on: an output that ends by it then comes after the stage that made it. */
  if (type == GST_EVENT_EOS && self->outward && !self->ended) {
    self->ended = TRUE;
    medley_node_end_port (self->node);
  }
  before = medley_work_enter (self->work);
  ret = gst_pad_push_event (self->src, event);
  medley_work_enter (before);
  return ret;
}

static void
finalize (GObject *object)
{
  MedleyGate *self = MEDLEY_GATE (object);

  medley_work_free (self->work);
  medley_node_unref (self->node);
  G_OBJECT_CLASS (medley_gate_parent_class)->finalize (object);
}

static void
medley_gate_class_init (MedleyGateClass *klass)
{
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = finalize;
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Medley gate", "Generic",
                                         "Counts what goes into and out of a stage", "Medley");
}

static void
medley_gate_init (MedleyGate *self)
{
  self->sink = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sink, chain);
  gst_pad_set_chain_list_function (self->sink, chain_list);
  gst_pad_set_event_function (self->sink, sink_event);
  self->src = gst_pad_new_from_static_template (&src_template, "src");
  GST_PAD_SET_PROXY_CAPS (self->sink);
  GST_PAD_SET_PROXY_CAPS (self->src);
  GST_PAD_SET_PROXY_ALLOCATION (self->sink);
  gst_element_add_pad (GST_ELEMENT (self), self->sink);
  gst_element_add_pad (GST_ELEMENT (self), self->src);
}

GstElement *
medley_gate_new (MedleyNode *node, gboolean outward, guint64 max_pixels)
{
  MedleyGate *self = g_object_new (MEDLEY_TYPE_GATE, NULL);

  self->node = medley_node_ref (node);
  self->outward = outward;
  self->max_pixels = max_pixels;
  if (outward)
    medley_node_add_port (node);
  else if (node->kind == MEDLEY_NODE_STAGE)
    self->work = medley_work_new (node->name, node->engine);
  medley_node_tag (node, GST_ELEMENT (self));
  return GST_ELEMENT (self);
}

void
medley_gate_record (MedleyGate *self, guint port)
{
  self->records = TRUE;
  self->record_port = port;
}

guint64
medley_gate_get_bytes (MedleyGate *self)
{
  return __atomic_load_n (&self->bytes, __ATOMIC_RELAXED);
}
