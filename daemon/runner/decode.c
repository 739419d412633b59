/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/decode.h"

#include <medley/medley-error.h>

#include "runner/flow.h"
#include "runner/gate.h"
#include "runner/link.h"

enum { SOUND, PICTURE, N_KINDS };

static const char *const kind_names[] = { "sound", "picture" };

/* What a decoder is to give: of each kind one stream, to any number of readers. */
typedef struct {
  GstBin *bin; /* outlives the decoder */
  MedleyNode *node;
  guint64 max_pixels;
  GstElement *gates[N_KINDS]; /* NULL when not wanted */
  GstElement *tees[N_KINDS];
  MedleyNode *readers[N_KINDS]; /* the first, for messages */
  gint linked[N_KINDS];
} Decoder;

static GQuark
decoder_quark (void)
{
  return g_quark_from_static_string ("medley-decoder");
}

static void
decoder_free (gpointer data)
{
  Decoder *self = data;

  medley_node_unref (self->node);
  for (guint i = 0; i < N_KINDS; i++)
    g_clear_pointer (&self->readers[i], medley_node_unref);
  g_free (self);
}

void
medley_decoder_post_unmet (GstBin *bin, const MedleyNode *node, const char *what,
                           const MedleyNode *reader)
{
  g_autoptr (GError) error = g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_BAD_INPUT,
                                          "%s \"%s\" has no %s that \"%s\" could take",
                                          node->kind == MEDLEY_NODE_INPUT ? "input" : "stage",
                                          node->name, what, reader->name);

  gst_element_post_message (GST_ELEMENT (bin),
                            gst_message_new_error (GST_OBJECT (bin), error, NULL));
}

/* As in decodebin's own documentation; there is no header for it. */
enum { AUTOPLUG_TRY = 0, AUTOPLUG_EXPOSE = 1 };

/* Streams that nobody wants are not decoded. */
static gint
select_factory (GstElement *decoder, GstPad *pad, GstCaps *caps, GstElementFactory *factory,
                gpointer data)
{
  const Decoder *self = data;
  GstElementFactoryListType unwanted
      = GST_ELEMENT_FACTORY_TYPE_DECODER | GST_ELEMENT_FACTORY_TYPE_MEDIA_SUBTITLE;

  if (self->gates[SOUND] == NULL)
    unwanted |= GST_ELEMENT_FACTORY_TYPE_MEDIA_AUDIO;
  if (self->gates[PICTURE] == NULL)
    unwanted |= GST_ELEMENT_FACTORY_TYPE_MEDIA_VIDEO | GST_ELEMENT_FACTORY_TYPE_MEDIA_IMAGE;
  return gst_element_factory_list_is_type (factory, unwanted) ? AUTOPLUG_EXPOSE : AUTOPLUG_TRY;
}

static void
swallow (Decoder *self, GstPad *pad)
{
  GstElement *sink = medley_link_add (self->bin, self->node, "fakesink");
  g_autoptr (GstPad) sink_pad = NULL;

  if (sink == NULL)
    return;
  g_object_set (sink, "sync", FALSE, "async", FALSE, NULL);
  gst_element_sync_state_with_parent (sink);
  sink_pad = gst_element_get_static_pad (sink, "sink");
  gst_pad_link (pad, sink_pad);
}

static void
pad_added (GstElement *decoder, GstPad *pad, gpointer data)
{
  Decoder *self = data;
  g_autoptr (GstCaps) caps = NULL;

  if (GST_PAD_DIRECTION (pad) != GST_PAD_SRC)
    return;
  caps = gst_pad_get_current_caps (pad);
  for (guint kind = 0; kind < N_KINDS; kind++) {
    g_autoptr (GstPad) sink = NULL;

    if (self->gates[kind] == NULL
        || !medley_caps_have (caps, kind == PICTURE ? "video/x-raw" : "audio/x-raw")
        || !g_atomic_int_compare_and_exchange (&self->linked[kind], FALSE, TRUE))
      continue;
    sink = gst_element_get_static_pad (self->gates[kind], "sink");
    if (gst_pad_link (pad, sink) != GST_PAD_LINK_OK)
      medley_decoder_post_unmet (self->bin, self->node, kind_names[kind], self->readers[kind]);
    return;
  }
  swallow (self, pad);
}

static void
no_more_pads (GstElement *decoder, gpointer data)
{
  Decoder *self = data;

  for (guint kind = 0; kind < N_KINDS; kind++)
    if (self->gates[kind] != NULL
        && g_atomic_int_compare_and_exchange (&self->linked[kind], FALSE, TRUE))
      medley_decoder_post_unmet (self->bin, self->node, kind_names[kind], self->readers[kind]);
}

/* Decoders take room for a picture before they announce it; parsers announce it before. */
static GstPadProbeReturn
guard_decoder (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  const Decoder *self = data;
  GstCaps *caps;

  if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) != GST_EVENT_CAPS)
    return GST_PAD_PROBE_OK;
  gst_event_parse_caps (GST_PAD_PROBE_INFO_EVENT (info), &caps);
  if (medley_gate_check_pixels (GST_ELEMENT (self->bin), self->node, caps, self->max_pixels))
    return GST_PAD_PROBE_OK;
  /* Without caps the decoder refuses all data. */
  return GST_PAD_PROBE_DROP;
}

static void
part_added (GstBin *decoder, GstBin *sub, GstElement *element, gpointer data)
{
  GstElementFactory *factory = gst_element_get_factory (element);
  g_autoptr (GstPad) sink = NULL;

  if (factory == NULL
      || !gst_element_factory_list_is_type (factory, GST_ELEMENT_FACTORY_TYPE_DECODER
                                                         | GST_ELEMENT_FACTORY_TYPE_MEDIA_VIDEO
                                                         | GST_ELEMENT_FACTORY_TYPE_MEDIA_IMAGE))
    return;
  sink = gst_element_get_static_pad (element, "sink");
  if (sink != NULL)
    gst_pad_add_probe (sink, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, guard_decoder, data, NULL);
}

/* decodebin and not decodebin3: in GStreamer 1.22.0 that one fails with "not-linked" on whatever is
 * pushed into it, which a growing input has to be. */
GstElement *
medley_decoder_add (GstBin *bin, MedleyNode *node, guint64 max_pixels)
{
  static const struct {
    const char *signal;
    GCallback handler;
  } handlers[] = {
    { "autoplug-select", G_CALLBACK (select_factory) },
    { "deep-element-added", G_CALLBACK (part_added) },
    { "pad-added", G_CALLBACK (pad_added) },
    { "no-more-pads", G_CALLBACK (no_more_pads) },
  };
  GstElement *decoder = medley_link_add (bin, node, "decodebin");
  Decoder *self;

  if (decoder == NULL)
    return NULL;
  self = g_new0 (Decoder, 1);
  self->bin = bin;
  self->node = medley_node_ref (node);
  self->max_pixels = max_pixels;
  /* It lives as long as the element, and with it the handlers and probes. */
  g_object_set_qdata_full (G_OBJECT (decoder), decoder_quark (), self, decoder_free);
  for (guint i = 0; i < G_N_ELEMENTS (handlers); i++)
    g_signal_connect (decoder, handlers[i].signal, handlers[i].handler, self);
  return decoder;
}

GstPad *
medley_decoder_take (GstElement *decoder, gboolean video, MedleyNode *reader)
{
  Decoder *self = g_object_get_qdata (G_OBJECT (decoder), decoder_quark ());
  guint kind = video ? PICTURE : SOUND;

  if (self->gates[kind] == NULL) {
    self->tees[kind] = medley_link_add (self->bin, self->node, "tee");
    if (self->tees[kind] == NULL)
      return NULL;
    g_object_set (self->tees[kind], "allow-not-linked", TRUE, NULL);
    self->gates[kind] = medley_gate_new (self->node, TRUE, self->max_pixels);
    gst_bin_add (self->bin, self->gates[kind]);
    gst_element_link (self->gates[kind], self->tees[kind]);
    self->readers[kind] = medley_node_ref (reader);
  }
  return gst_element_request_pad_simple (self->tees[kind], "src_%u");
}

gboolean
medley_decoder_start (GstElement *decoder)
{
  const Decoder *self = g_object_get_qdata (G_OBJECT (decoder), decoder_quark ());

  /* What takes the data first. */
  for (guint kind = 0; kind < N_KINDS; kind++)
    if (self->gates[kind] != NULL
        && (!gst_element_sync_state_with_parent (self->tees[kind])
            || !gst_element_sync_state_with_parent (self->gates[kind])))
      return FALSE;
  return gst_element_sync_state_with_parent (decoder);
}
