/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/graph-port.h"

#include <medley/medley-converter.h>
#include <string.h>

#include "base/nearest.h"
#include "runner/decode.h"
#include "runner/gate.h"
#include "runner/graph-record.h"
#include "runner/link.h"

guint
medley_graph_count_links (const MedleyRunPlan *plan, const char *source, const char *port)
{
  guint n = 0;

  for (guint i = 0; i < plan->stages->len; i++) {
    const MedleyPlanStage *stage = g_ptr_array_index (plan->stages, i);

    for (guint j = 0; j < stage->from->len; j++) {
      const MedleyPlanLink *link = g_ptr_array_index (stage->from, j);

      n += g_str_equal (link->source, source) && g_str_equal (link->port, port);
    }
  }
  for (guint i = 0; i < plan->outputs->len; i++) {
    const MedleyPlanOutput *output = g_ptr_array_index (plan->outputs, i);

    for (guint j = 0; j < output->from->len; j++) {
      const MedleyPlanLink *link = g_ptr_array_index (output->from, j);

      n += g_str_equal (link->source, source) && g_str_equal (link->port, port);
    }
  }
  return n;
}

/* Names of an element's pads of one direction, "" standing for the default one. */
char **
medley_graph_list_pads (GstElement *element, GstPadDirection direction)
{
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();

  for (GList *l = gst_element_class_get_pad_template_list (GST_ELEMENT_GET_CLASS (element));
       l != NULL; l = l->next)
    if (GST_PAD_TEMPLATE_DIRECTION (l->data) == direction)
      g_strv_builder_add (names, GST_PAD_TEMPLATE_NAME_TEMPLATE (l->data));
  return g_strv_builder_end (names);
}

/* The template that a pad name means: "" is the default one, a name is its own or that of a "%u"
 * template. */
GstPadTemplate *
medley_graph_find_template (GstElement *element, GstPadDirection direction, const char *name)
{
  GstElementClass *klass = GST_ELEMENT_GET_CLASS (element);
  GstPadTemplate *found = NULL;

  for (GList *l = gst_element_class_get_pad_template_list (klass); l != NULL; l = l->next) {
    GstPadTemplate *template = l->data;
    const char *template_name = GST_PAD_TEMPLATE_NAME_TEMPLATE (template);
    const char *percent = strchr (template_name, '%');

    if (GST_PAD_TEMPLATE_DIRECTION (template) != direction)
      continue;
    if (*name == '\0') {
      if (g_str_equal (template_name, direction == GST_PAD_SRC ? "src" : "sink"))
        return template;
      if (found == NULL
          || (GST_PAD_TEMPLATE_PRESENCE (template) == GST_PAD_ALWAYS
              && GST_PAD_TEMPLATE_PRESENCE (found) != GST_PAD_ALWAYS))
        found = template;
    } else if (g_str_equal (template_name, name)
               || (percent != NULL
                   && strncmp (name, template_name, (size_t) (percent - template_name)) == 0)) {
      return template;
    }
  }
  return found;
}

GstPad *
medley_graph_get_pad (GstElement *element, GstPadTemplate *template, const char *name)
{
  const char *template_name = GST_PAD_TEMPLATE_NAME_TEMPLATE (template);
  GstPad *pad = gst_element_get_static_pad (element, *name != '\0' ? name : template_name);

  if (pad == NULL && GST_PAD_TEMPLATE_PRESENCE (template) == GST_PAD_REQUEST)
    pad = gst_element_request_pad_simple (element, *name != '\0' ? name : template_name);
  return pad;
}

typedef struct {
  MedleyGraphPort *port;
  GstPadTemplate *template;
} Waiting;

/* A pad that an element makes when it knows its streams. */
static void
stage_pad_added (GstElement *element, GstPad *pad, gpointer data)
{
  Waiting *waiting = data;
  g_autoptr (GstPad) sink = gst_element_get_static_pad (waiting->port->gate, "sink");
  g_autofree char *name = gst_pad_get_name (pad);

  if (GST_PAD_DIRECTION (pad) != GST_PAD_SRC || gst_pad_is_linked (sink))
    return;
  if (*waiting->port->name != '\0' && !g_str_equal (name, waiting->port->name)
      && GST_PAD_PAD_TEMPLATE (pad) != waiting->template)
    return;
  gst_pad_link (pad, sink);
}

static void
waiting_free (gpointer data, GClosure *closure)
{
  g_free (data);
}

/* Elements after a port's pad: a gate, and a tee where several read it. */
static gboolean
build_port (MedleyGraph *self, MedleyGraphPort *port, GstPadTemplate *template)
{
  GstElement *element = port->part->element;
  g_autoptr (GstPad) pad = medley_graph_get_pad (element, template, port->name);
  g_autoptr (GstPad) gate_sink = NULL;

  port->gate = medley_gate_new (port->part->node, TRUE, self->plan->image_pixels);
  gst_bin_add (GST_BIN (self->pipeline), port->gate);
  medley_graph_record_port (self, port);
  gate_sink = gst_element_get_static_pad (port->gate, "sink");
  if (pad != NULL) {
    if (gst_pad_link (pad, gate_sink) != GST_PAD_LINK_OK)
      return FALSE;
  } else {
    Waiting *waiting = g_new0 (Waiting, 1);

    waiting->port = port;
    waiting->template = template;
    g_signal_connect_data (element, "pad-added", G_CALLBACK (stage_pad_added), waiting,
                           waiting_free, 0);
  }
  if (port->n_links > 1) {
    port->tee = medley_link_add (GST_BIN (self->pipeline), port->part->node, "tee");
    if (port->tee == NULL)
      return FALSE;
    g_object_set (port->tee, "allow-not-linked", TRUE, NULL);
    return gst_element_link (port->gate, port->tee);
  }
  return TRUE;
}

/* What an element that takes anything gives is what it gets. */
static void
inherit_flow (MedleyGraph *self, MedleyGraphPort *port)
{
  for (guint i = 0; i < self->links->len; i++) {
    MedleyGraphLink *link = g_ptr_array_index (self->links, i);

    if (link->part == port->part) {
      port->flow = link->port->flow;
      if (port->flow.caps != NULL)
        gst_caps_ref (port->flow.caps);
      return;
    }
  }
}

/* Finds or makes a port. On a fault returns NULL with a message. */
MedleyGraphPort *
medley_graph_take_port (MedleyGraph *self, const MedleyPlanLink *link, char **message,
                        char **suggestion)
{
  MedleyGraphPart *part = medley_graph_find_part (self, link->source);
  g_autoptr (GstPad) pad = NULL;
  GstPadTemplate *template;
  MedleyGraphPort *port;

  if (part == NULL)
    return NULL; /* the fault of that stage is told already */
  for (guint i = 0; i < part->ports->len; i++) {
    port = g_ptr_array_index (part->ports, i);
    if (g_str_equal (port->name, link->port))
      return port;
  }
  template = medley_graph_find_template (part->element, GST_PAD_SRC, link->port);
  if (template == NULL) {
    g_auto (GStrv) pads = medley_graph_list_pads (part->element, GST_PAD_SRC);
    const char *nearest = medley_nearest (link->port, (const char *const *) pads);

    *message = g_strdup_printf ("\"%s\" (%s) has no port \"%s\"", part->node->name,
                                part->node->engine, link->port);
    *suggestion = g_strdup (nearest);
    return NULL;
  }
  port = g_new0 (MedleyGraphPort, 1);
  port->part = part;
  port->name = g_strdup (link->port);
  pad = gst_element_get_static_pad (part->element, *port->name != '\0'
                                                       ? port->name
                                                       : GST_PAD_TEMPLATE_NAME_TEMPLATE (template));
  medley_flow_set_caps (&port->flow, medley_graph_query_caps (part->element, template, pad));
  if (port->flow.caps == NULL)
    inherit_flow (self, port);
  g_ptr_array_add (part->ports, port);
  port->n_links = medley_graph_count_links (self->plan, link->source, link->port);
  if (!build_port (self, port, template)) {
    *message
        = g_strdup_printf ("port \"%s\" of \"%s\" cannot be used", port->name, part->node->name);
    return NULL;
  }
  return port;
}

/* How many stages take an input's file as it is. */
static guint
count_direct (MedleyGraph *self, MedleyGraphPort *port)
{
  guint n = 0;

  for (guint i = 0; i < self->parts->len; i++) {
    MedleyGraphPart *part = g_ptr_array_index (self->parts, i);

    for (guint j = 0; part->stage != NULL && j < part->stage->from->len; j++) {
      const MedleyPlanLink *link = g_ptr_array_index (part->stage->from, j);
      GstPadTemplate *template
          = medley_graph_find_template (part->element, GST_PAD_SINK, link->sink_pad);
      g_autoptr (GstCaps) caps = template != NULL ? gst_pad_template_get_caps (template) : NULL;

      n += caps != NULL && g_str_equal (link->source, port->part->node->name)
           && medley_flow_decide (&port->flow, caps) == MEDLEY_LINK_DIRECT;
    }
  }
  return n;
}

static gboolean
build_input_port (MedleyGraph *self, MedleyGraphPort *port)
{
  GstPadTemplate *template = medley_graph_find_template (port->part->element, GST_PAD_SRC, "");

  port->n_links = medley_graph_count_links (self->plan, port->part->node->name, "");
  return port->gate != NULL || build_port (self, port, template);
}

static GstPad *
take_built_pad (MedleyGraphPort *port)
{
  if (port->tee != NULL)
    return gst_element_request_pad_simple (port->tee, "src_%u");
  return gst_element_get_static_pad (port->gate, "src");
}

/* One decoder for all who want an input's sound or pictures: it may read a complete file at random,
 * which two could not. */
static gboolean
build_decoder (MedleyGraph *self, MedleyGraphPort *port)
{
  MedleyGraphPart *part = port->part;
  g_autoptr (GstPad) sink = NULL;
  g_autoptr (GstPad) src = NULL;

  part->decoder
      = medley_decoder_add (GST_BIN (self->pipeline), part->node, self->plan->image_pixels);
  if (part->decoder == NULL)
    return FALSE;
  sink = gst_element_get_static_pad (part->decoder, "sink");
  if (count_direct (self, port) == 0) {
    medley_input_src_allow_seeks (MEDLEY_INPUT_SRC (part->element));
    src = gst_element_get_static_pad (part->element, "src");
    return gst_pad_link (src, sink) == GST_PAD_LINK_OK;
  }
  if (!build_input_port (self, port))
    return FALSE;
  src = take_built_pad (port);
  return medley_link_make (GST_BIN (self->pipeline), src, part->node, sink, part->node,
                           MEDLEY_LINK_DIRECT, self->plan->image_pixels);
}

GstPad *
medley_graph_take_pad (MedleyGraph *self, MedleyGraphPort *port, MedleyNode *reader,
                       MedleyLinkKind *kind)
{
  gboolean decode = *kind == MEDLEY_LINK_DECODE_AUDIO || *kind == MEDLEY_LINK_DECODE_VIDEO;

  if (*kind == MEDLEY_LINK_NONE)
    return NULL;
  if (port->part->node->kind != MEDLEY_NODE_INPUT)
    return take_built_pad (port);
  if (!decode || port->flow.modality == MEDLEY_MODALITY_IMAGE)
    return build_input_port (self, port) ? take_built_pad (port) : NULL;
  if (port->part->decoder == NULL && !build_decoder (self, port))
    return NULL;
  *kind = *kind == MEDLEY_LINK_DECODE_VIDEO ? MEDLEY_LINK_VIDEO : MEDLEY_LINK_AUDIO;
  return medley_decoder_take (port->part->decoder, *kind == MEDLEY_LINK_VIDEO, reader);
}

GstCaps *
medley_graph_query_caps (GstElement *element, GstPadTemplate *template, GstPad *pad)
{
  /* An engine's template says all; other elements know more, from their properties. */
  if (pad == NULL || MEDLEY_IS_CONVERTER (element))
    return gst_pad_template_get_caps (template);
  return gst_pad_query_caps (pad, NULL);
}
