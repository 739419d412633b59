/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/link.h"

#include <medley/medley-error.h>

#include "runner/decode.h"

#define MIB (1024u * 1024)
#define QUEUE_SOUND_SECONDS 180
#define QUEUE_PICTURES 4
#define QUEUE_LEAST (4 * MIB)
#define QUEUE_MOST (64 * MIB)
/* Small buffers cost far more than their bytes. */
#define QUEUE_TEXTS 4096

/* A link that is completed when the caps of an image are known. */
typedef struct {
  GstBin *bin; /* outlives the link */
  GstPad *to;
  MedleyNode *from_node;
  MedleyNode *to_node;
  guint64 max_pixels;
} Late;

static void
late_free (gpointer data)
{
  Late *late = data;

  gst_object_unref (late->to);
  medley_node_unref (late->from_node);
  medley_node_unref (late->to_node);
  g_free (late);
}

GstElement *
medley_link_add (GstBin *bin, MedleyNode *node, const char *factory)
{
  GstElement *element = gst_element_factory_make (factory, NULL);

  if (element == NULL) {
    g_autoptr (GError) error
        = g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_UNKNOWN_ENGINE,
                       "GStreamer's element \"%s\" is not installed, and \"%s\" needs it", factory,
                       node->name);

    gst_element_post_message (GST_ELEMENT (bin),
                              gst_message_new_error (GST_OBJECT (bin), error, NULL));
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

/* Sound and pictures are bounded by bytes only: see medley_link_make(). */
static guint
most_buffers (const GstStructure *structure)
{
  const char *name = gst_structure_get_name (structure);

  return g_str_has_prefix (name, "audio/") || g_str_has_prefix (name, "video/")
                 || g_str_has_prefix (name, "image/")
             ? 0
             : QUEUE_TEXTS;
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
  g_object_set (data, "max-size-bytes", (guint) CLAMP (room, QUEUE_LEAST, QUEUE_MOST),
                "max-size-buffers", most_buffers (structure), NULL);
  return GST_PAD_PROBE_OK;
}

static GstElement *
add_queue (GstBin *bin, MedleyNode *node, MedleyNode *from_node)
{
  GstElement *queue = medley_link_add (bin, node, "queue");
  g_autoptr (GstPad) sink = NULL;

  if (queue == NULL)
    return NULL;
  /* Until caps come, if they do: a file's blocks have none. */
  g_object_set (queue, "max-size-buffers", from_node->kind == MEDLEY_NODE_INPUT ? 0 : QUEUE_TEXTS,
                "max-size-time", (guint64) 0, "max-size-bytes", QUEUE_LEAST, "silent", TRUE, NULL);
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

static gboolean
link_decoder (GstBin *bin, GstPad *from, MedleyNode *from_node, GstPad *to, MedleyNode *to_node,
              gboolean video, guint64 max_pixels, gboolean started)
{
  GstElement *decoder = medley_decoder_add (bin, from_node, max_pixels);
  g_autoptr (GstPad) sink = NULL;
  g_autoptr (GstPad) src = NULL;

  if (decoder == NULL)
    return FALSE;
  src = medley_decoder_take (decoder, video, to_node);
  sink = gst_element_get_static_pad (decoder, "sink");
  return src != NULL && link_raw (bin, src, to, to_node, video, started)
         && (!started || medley_decoder_start (decoder)) && link_pads (from, sink);
}

/* A cue ends with its line: engines that take text as a stream would join its last word to the next
 * one's first. */
static GstPadProbeReturn
end_cue (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  GstBuffer *buffer = gst_buffer_make_writable (GST_PAD_PROBE_INFO_BUFFER (info));

  gst_buffer_append_memory (buffer, gst_memory_new_wrapped (GST_MEMORY_FLAG_READONLY,
                                                            (gpointer) "\n", 1, 0, 1, NULL, NULL));
  GST_PAD_PROBE_INFO_DATA (info) = buffer;
  return GST_PAD_PROBE_OK;
}

static gboolean
link_subtitles (GstBin *bin, GstPad *from, GstPad *to, MedleyNode *node)
{
  GstElement *parse = medley_link_add (bin, node, "subparse");
  GstElement *plain = medley_link_add (bin, node, "capsfilter");
  g_autoptr (GstPad) sink = NULL;
  g_autoptr (GstPad) src = NULL;

  if (parse == NULL || plain == NULL)
    return FALSE;
  g_object_set (parse, "subtitle-encoding", "UTF-8", NULL);
  /* Markup is left out when somebody wants none. */
  gst_util_set_object_arg (G_OBJECT (plain), "caps", "text/x-raw,format=utf8");
  sink = gst_element_get_static_pad (parse, "sink");
  src = gst_element_get_static_pad (plain, "src");
  gst_pad_add_probe (src, GST_PAD_PROBE_TYPE_BUFFER, end_cue, NULL, NULL);
  return link_pads (from, sink) && gst_element_link (parse, plain) && link_pads (src, to);
}

/* The content of an image shows what it is only now: as it is, or decoded. */
static GstPadProbeReturn
image_caps_known (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  Late *late = data;
  GstCaps *caps;
  gboolean ok;

  if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) == GST_EVENT_EOS) {
    /* Nobody is there to take it, so nothing would ever end. */
    medley_decoder_post_unmet (late->bin, late->from_node, "image", late->to_node);
    return GST_PAD_PROBE_OK;
  }
  if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) != GST_EVENT_CAPS)
    return GST_PAD_PROBE_OK;
  gst_event_parse_caps (GST_PAD_PROBE_INFO_EVENT (info), &caps);
  if (gst_pad_query_accept_caps (late->to, caps))
    ok = link_pads (pad, late->to);
  else
    ok = link_decoder (late->bin, pad, late->from_node, late->to, late->to_node, TRUE,
                       late->max_pixels, TRUE);
  if (!ok)
    medley_decoder_post_unmet (late->bin, late->from_node, "image", late->to_node);
  return GST_PAD_PROBE_REMOVE;
}

gboolean
medley_link_make (GstBin *bin, GstPad *from, MedleyNode *from_node, GstPad *to, MedleyNode *to_node,
                  MedleyLinkKind kind, guint64 max_pixels)
{
  GstElement *queue;
  g_autoptr (GstPad) at = NULL;
  Late *late;

  if (kind == MEDLEY_LINK_NONE)
    return FALSE;
  queue = add_queue (bin, to_node, from_node);
  if (queue == NULL || !link_through (from, queue, &at))
    return FALSE;
  switch (kind) {
  case MEDLEY_LINK_AUDIO:
  case MEDLEY_LINK_VIDEO:
    return link_raw (bin, at, to, to_node, kind == MEDLEY_LINK_VIDEO, FALSE);
  case MEDLEY_LINK_SUBTITLES:
    return link_subtitles (bin, at, to, to_node);
  case MEDLEY_LINK_DECODE_AUDIO:
  case MEDLEY_LINK_DECODE_VIDEO:
    return link_decoder (bin, at, from_node, to, to_node, kind == MEDLEY_LINK_DECODE_VIDEO,
                         max_pixels, FALSE);
  case MEDLEY_LINK_IMAGE:
    late = g_new0 (Late, 1);
    late->bin = bin;
    late->to = gst_object_ref (to);
    late->from_node = medley_node_ref (from_node);
    late->to_node = medley_node_ref (to_node);
    late->max_pixels = max_pixels;
    gst_pad_add_probe (at, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, image_caps_known, late, late_free);
    return TRUE;
  default:
    return link_pads (at, to);
  }
}
