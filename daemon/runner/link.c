/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/link.h"

#include <medley/medley-error.h>

#include "runner/gate.h"

#define MIB (1024u * 1024)
#define QUEUE_SOUND_SECONDS 180
#define QUEUE_PICTURES 4
#define QUEUE_LEAST (4 * MIB)
#define QUEUE_MOST (64 * MIB)

/* A link that is completed while data flows: the pads it waits for are made by a decoder. */
typedef struct {
  gint refs;
  GstBin *bin; /* outlives the link */
  GstPad *to;
  MedleyNode *from_node;
  MedleyNode *to_node;
  MedleyLinkKind kind;
  guint64 max_pixels;
  gint linked;
} Late;

static Late *
late_ref (Late *late)
{
  g_atomic_int_inc (&late->refs);
  return late;
}

static void
late_unref (gpointer data)
{
  Late *late = data;

  if (!g_atomic_int_dec_and_test (&late->refs))
    return;
  gst_object_unref (late->to);
  medley_node_unref (late->from_node);
  medley_node_unref (late->to_node);
  g_free (late);
}

static void
late_closure_unref (gpointer data, GClosure *closure)
{
  late_unref (data);
}

GstElement *
medley_link_add (GstBin *bin, MedleyNode *node, const char *factory)
{
  GstElement *element = gst_element_factory_make (factory, NULL);

  if (element == NULL) {
    g_autoptr (GError) error
        = g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_UNKNOWN_ENGINE,
                       "GStreamer's element \"%s\" is not installed, and \"%s\" needs it", factory, node->name);

    gst_element_post_message (GST_ELEMENT (bin), gst_message_new_error (GST_OBJECT (bin), error, NULL));
    return NULL;
  }
  medley_node_tag (node, element);
  gst_bin_add (bin, element);
  return element;
}

static gboolean
link_pads (GstPad *from, GstPad *to)
{
  return gst_pad_link (from, to) == GST_PAD_LINK_OK;
}

static gboolean
link_through (GstPad *from, GstElement *element, GstPad **next)
{
  g_autoptr (GstPad) sink = gst_element_get_static_pad (element, "sink");

  if (!link_pads (from, sink))
    return FALSE;
  *next = gst_element_get_static_pad (element, "src");
  return TRUE;
}

/* Room by what one second or one picture takes. */
static GstPadProbeReturn
size_queue (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  guint64 room = QUEUE_LEAST;
  const GstStructure *structure;
  GstCaps *caps;
  gint a = 0, b = 0;

  if (GST_EVENT_TYPE (event) != GST_EVENT_CAPS)
    return GST_PAD_PROBE_OK;
  gst_event_parse_caps (event, &caps);
  structure = gst_caps_get_structure (caps, 0);
  if (gst_structure_has_name (structure, "audio/x-raw")) {
    gst_structure_get_int (structure, "rate", &a);
    gst_structure_get_int (structure, "channels", &b);
    room = (guint64) a * (guint64) b * 4 * QUEUE_SOUND_SECONDS;
  } else if (gst_structure_has_name (structure, "video/x-raw")) {
    gst_structure_get_int (structure, "width", &a);
    gst_structure_get_int (structure, "height", &b);
    room = (guint64) a * (guint64) b * 4 * QUEUE_PICTURES;
  }
  g_object_set (data, "max-size-bytes", (guint) CLAMP (room, QUEUE_LEAST, QUEUE_MOST), NULL);
  return GST_PAD_PROBE_OK;
}

static GstElement *
add_queue (GstBin *bin, MedleyNode *node)
{
  GstElement *queue = medley_link_add (bin, node, "queue");
  g_autoptr (GstPad) sink = NULL;

  if (queue == NULL)
    return NULL;
  g_object_set (queue, "max-size-buffers", 0, "max-size-time", (guint64) 0, "max-size-bytes", QUEUE_LEAST,
                "silent", TRUE, NULL);
  sink = gst_element_get_static_pad (queue, "sink");
  gst_pad_add_probe (sink, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, size_queue, queue, NULL);
  return queue;
}

/* Raw data to the pad that takes it; `started` for links that are made while the pipeline runs. */
static gboolean
link_raw (GstBin *bin, GstPad *from, GstPad *to, MedleyNode *node, gboolean video, gboolean started)
{
  static const char *const adapters[2][2]
      = { { "audioconvert", "audioresample" }, { "videoconvert", "videoscale" } };
  g_autoptr (GstPad) at = gst_object_ref (from);

  for (guint i = 0; i < 2; i++) {
    GstElement *element = medley_link_add (bin, node, adapters[video][i]);
    GstPad *next;

    if (element == NULL)
      return FALSE;
    if (started)
      gst_element_sync_state_with_parent (element);
    if (!link_through (at, element, &next))
      return FALSE;
    gst_object_unref (at);
    at = next;
  }
  return link_pads (at, to);
}

static void
post_unmet (Late *late, const char *what)
{
  g_autoptr (GError) error
      = g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_BAD_INPUT, "%s \"%s\" has no %s that \"%s\" could take",
                     late->from_node->kind == MEDLEY_NODE_INPUT ? "input" : "stage", late->from_node->name,
                     what, late->to_node->name);

  gst_element_post_message (GST_ELEMENT (late->bin),
                            gst_message_new_error (GST_OBJECT (late->bin), error, NULL));
}

static GstStreamType
wanted_type (const Late *late)
{
  return late->kind == MEDLEY_LINK_DECODE_AUDIO ? GST_STREAM_TYPE_AUDIO : GST_STREAM_TYPE_VIDEO;
}

/* Only the first stream of the wanted kind is decoded. */
static gint
select_stream (GstElement *decoder, GstStreamCollection *collection, GstStream *stream, gpointer data)
{
  Late *late = data;
  GstStreamType wanted = wanted_type (late);

  for (guint i = 0; i < gst_stream_collection_get_size (collection); i++) {
    GstStream *candidate = gst_stream_collection_get_stream (collection, i);

    if (gst_stream_get_stream_type (candidate) & wanted)
      return candidate == stream;
  }
  if (g_atomic_int_compare_and_exchange (&late->linked, FALSE, TRUE))
    post_unmet (late, wanted == GST_STREAM_TYPE_AUDIO ? "sound" : "picture");
  return 0;
}

static void
swallow (GstBin *bin, GstPad *pad, MedleyNode *node)
{
  GstElement *sink = medley_link_add (bin, node, "fakesink");
  g_autoptr (GstPad) sink_pad = NULL;

  if (sink == NULL)
    return;
  g_object_set (sink, "sync", FALSE, "async", FALSE, NULL);
  gst_element_sync_state_with_parent (sink);
  sink_pad = gst_element_get_static_pad (sink, "sink");
  gst_pad_link (pad, sink_pad);
}

static void
decoded_pad_added (GstElement *decoder, GstPad *pad, gpointer data)
{
  Late *late = data;
  gboolean video = late->kind == MEDLEY_LINK_DECODE_VIDEO;
  g_autofree char *name = NULL;
  g_autoptr (GstPad) src = NULL;
  GstElement *guard;

  if (GST_PAD_DIRECTION (pad) != GST_PAD_SRC)
    return;
  name = gst_pad_get_name (pad);
  if (!g_str_has_prefix (name, video ? "video" : "audio")
      || !g_atomic_int_compare_and_exchange (&late->linked, FALSE, TRUE)) {
    swallow (late->bin, pad, late->from_node);
    return;
  }
  guard = medley_gate_new (late->from_node, TRUE, late->max_pixels);
  gst_bin_add (late->bin, guard);
  gst_element_sync_state_with_parent (guard);
  if (!link_through (pad, guard, &src) || !link_raw (late->bin, src, late->to, late->to_node, video, TRUE))
    post_unmet (late, video ? "picture" : "sound");
}

static gboolean
link_decoder (GstPad *from, Late *late, gboolean started)
{
  GstElement *decoder = medley_link_add (late->bin, late->from_node, "decodebin3");
  g_autoptr (GstPad) sink = NULL;

  if (decoder == NULL)
    return FALSE;
  g_signal_connect_data (decoder, "select-stream", G_CALLBACK (select_stream), late_ref (late),
                         late_closure_unref, 0);
  g_signal_connect_data (decoder, "pad-added", G_CALLBACK (decoded_pad_added), late_ref (late),
                         late_closure_unref, 0);
  sink = gst_element_get_static_pad (decoder, "sink");
  if (!link_pads (from, sink))
    return FALSE;
  return !started || gst_element_sync_state_with_parent (decoder);
}

/* The content of an image shows what it is only now: as it is, or decoded. */
static GstPadProbeReturn
image_caps_known (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  Late *late = data;
  GstCaps *caps;
  gboolean ok;

  if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) != GST_EVENT_CAPS)
    return GST_PAD_PROBE_OK;
  gst_event_parse_caps (GST_PAD_PROBE_INFO_EVENT (info), &caps);
  if (gst_pad_query_accept_caps (late->to, caps)) {
    ok = link_pads (pad, late->to);
  } else {
    late->kind = MEDLEY_LINK_DECODE_VIDEO;
    ok = link_decoder (pad, late, TRUE);
  }
  if (!ok)
    post_unmet (late, "image");
  return GST_PAD_PROBE_REMOVE;
}

gboolean
medley_link_make (GstBin *bin, GstPad *from, MedleyNode *from_node, GstPad *to, MedleyNode *to_node,
                  MedleyLinkKind kind, gboolean random_access, guint64 max_pixels)
{
  gboolean decode = kind == MEDLEY_LINK_DECODE_AUDIO || kind == MEDLEY_LINK_DECODE_VIDEO;
  g_autoptr (GstPad) at = gst_object_ref (from);
  gboolean ok = FALSE;
  Late *late;

  if (kind == MEDLEY_LINK_NONE)
    return FALSE;
  if (!(decode && random_access)) {
    GstElement *queue = add_queue (bin, to_node);
    GstPad *next;

    if (queue == NULL || !link_through (at, queue, &next))
      return FALSE;
    gst_object_unref (at);
    at = next;
  }
  if (kind == MEDLEY_LINK_DIRECT)
    return link_pads (at, to);
  if (kind == MEDLEY_LINK_AUDIO || kind == MEDLEY_LINK_VIDEO)
    return link_raw (bin, at, to, to_node, kind == MEDLEY_LINK_VIDEO, FALSE);

  late = g_new0 (Late, 1);
  late->refs = 1;
  late->bin = bin;
  late->to = gst_object_ref (to);
  late->from_node = medley_node_ref (from_node);
  late->to_node = medley_node_ref (to_node);
  late->kind = kind;
  late->max_pixels = max_pixels;
  if (decode) {
    ok = link_decoder (at, late, FALSE);
  } else {
    ok = TRUE;
    gst_pad_add_probe (at, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, image_caps_known, late_ref (late), late_unref);
  }
  late_unref (late);
  return ok;
}
