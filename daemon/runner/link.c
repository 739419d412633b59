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

/* As in decodebin's own documentation; there is no header for it. */
enum { AUTOPLUG_TRY = 0, AUTOPLUG_EXPOSE = 1 };

/* Streams of the other kind are not decoded. */
static gint
select_factory (GstElement *decoder, GstPad *pad, GstCaps *caps, GstElementFactory *factory, gpointer data)
{
  const Late *late = data;
  GstElementFactoryListType other
      = late->kind == MEDLEY_LINK_DECODE_AUDIO
            ? GST_ELEMENT_FACTORY_TYPE_MEDIA_VIDEO | GST_ELEMENT_FACTORY_TYPE_MEDIA_IMAGE
                  | GST_ELEMENT_FACTORY_TYPE_MEDIA_SUBTITLE
            : GST_ELEMENT_FACTORY_TYPE_MEDIA_AUDIO | GST_ELEMENT_FACTORY_TYPE_MEDIA_SUBTITLE;

  return gst_element_factory_list_is_type (factory, GST_ELEMENT_FACTORY_TYPE_DECODER | other) ? AUTOPLUG_EXPOSE
                                                                                             : AUTOPLUG_TRY;
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

/* The first stream of the wanted kind is taken. */
static void
decoded_pad_added (GstElement *decoder, GstPad *pad, gpointer data)
{
  Late *late = data;
  gboolean video = late->kind == MEDLEY_LINK_DECODE_VIDEO;
  g_autoptr (GstCaps) caps = NULL;
  g_autoptr (GstPad) src = NULL;
  GstElement *guard;

  if (GST_PAD_DIRECTION (pad) != GST_PAD_SRC)
    return;
  caps = gst_pad_get_current_caps (pad);
  if (!medley_caps_have (caps, video ? "video/x-raw" : "audio/x-raw")
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

static void
decoder_has_no_more (GstElement *decoder, gpointer data)
{
  Late *late = data;

  if (g_atomic_int_compare_and_exchange (&late->linked, FALSE, TRUE))
    post_unmet (late, late->kind == MEDLEY_LINK_DECODE_VIDEO ? "picture" : "sound");
}

/* Decoders take room for a picture before they announce it; parsers announce it before. */
static GstPadProbeReturn
guard_decoder (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  Late *late = data;
  const GstStructure *structure;
  g_autoptr (GError) error = NULL;
  gint width, height;
  GstCaps *caps;

  if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) != GST_EVENT_CAPS)
    return GST_PAD_PROBE_OK;
  gst_event_parse_caps (GST_PAD_PROBE_INFO_EVENT (info), &caps);
  structure = gst_caps_get_structure (caps, 0);
  if (late->max_pixels == 0 || !gst_structure_get_int (structure, "width", &width)
      || !gst_structure_get_int (structure, "height", &height)
      || (guint64) MAX (width, 0) * (guint64) MAX (height, 0) <= late->max_pixels)
    return GST_PAD_PROBE_OK;
  error = medley_gate_too_large (late->from_node, width, height, late->max_pixels);
  gst_element_post_message (GST_ELEMENT (late->bin), gst_message_new_error (GST_OBJECT (late->bin), error, NULL));
  /* Without caps the decoder refuses all data. */
  return GST_PAD_PROBE_DROP;
}

static void
decoder_part_added (GstBin *decoder, GstBin *sub, GstElement *element, gpointer data)
{
  GstElementFactory *factory = gst_element_get_factory (element);
  g_autoptr (GstPad) sink = NULL;

  if (factory == NULL
      || !gst_element_factory_list_is_type (factory,
                                            GST_ELEMENT_FACTORY_TYPE_DECODER | GST_ELEMENT_FACTORY_TYPE_MEDIA_VIDEO
                                                | GST_ELEMENT_FACTORY_TYPE_MEDIA_IMAGE))
    return;
  sink = gst_element_get_static_pad (element, "sink");
  if (sink != NULL)
    gst_pad_add_probe (sink, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, guard_decoder, late_ref (data), late_unref);
}

/* decodebin and not decodebin3: in GStreamer 1.22.0 that one fails with "not-linked" on whatever is pushed into it,
 * which a growing input has to be. */
static gboolean
link_decoder (GstPad *from, Late *late, gboolean started)
{
  const struct {
    const char *signal;
    GCallback handler;
  } handlers[] = {
    { "autoplug-select", G_CALLBACK (select_factory) },
    { "deep-element-added", G_CALLBACK (decoder_part_added) },
    { "pad-added", G_CALLBACK (decoded_pad_added) },
    { "no-more-pads", G_CALLBACK (decoder_has_no_more) },
  };
  GstElement *decoder = medley_link_add (late->bin, late->from_node, "decodebin");
  g_autoptr (GstPad) sink = NULL;

  if (decoder == NULL)
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (handlers); i++)
    g_signal_connect_data (decoder, handlers[i].signal, handlers[i].handler, late_ref (late), late_closure_unref, 0);
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

  if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) == GST_EVENT_EOS) {
    /* Nobody is there to take it, so nothing would ever end. */
    post_unmet (late, "image");
    return GST_PAD_PROBE_OK;
  }
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
