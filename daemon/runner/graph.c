/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/graph.h"

#include <medley/medley-converter.h>
#include <medley/medley-error.h>
#include <unistd.h>

#include "base/nearest.h"
#include "runner/encode.h"
#include "runner/fault.h"
#include "runner/gate.h"
#include "runner/graph-port.h"
#include "runner/graph-properties.h"
#include "runner/graph-record.h"
#include "runner/link.h"

MedleyJobFile *
medley_job_file_new (int file, int doorbell, const char *type)
{
  MedleyJobFile *self = g_new0 (MedleyJobFile, 1);

  self->file = file;
  self->doorbell = doorbell;
  self->type = g_strdup (type != NULL ? type : "");
  return self;
}

void
medley_job_file_free (MedleyJobFile *file)
{
  if (file->file >= 0)
    close (file->file);
  if (file->doorbell >= 0)
    close (file->doorbell);
  g_free (file->type);
  g_free (file);
}

static void
port_free (MedleyGraphPort *port)
{
  g_free (port->name);
  medley_flow_clear (&port->flow);
  g_free (port);
}

static void
part_free (MedleyGraphPart *part)
{
  gst_clear_object (&part->element);
  g_ptr_array_unref (part->ports);
  medley_node_unref (part->node);
  g_free (part);
}

static MedleyGraphPart *
add_part (MedleyGraph *self, MedleyNode *node, GstElement *element, const MedleyPlanStage *stage)
{
  MedleyGraphPart *part = g_new0 (MedleyGraphPart, 1);
  g_autofree char *name
      = g_strdup_printf ("%s:%s", node->kind == MEDLEY_NODE_INPUT ? "input" : "stage", node->name);

  part->node = node;
  part->element = gst_object_ref_sink (element);
  part->ports = g_ptr_array_new_with_free_func ((GDestroyNotify) port_free);
  part->stage = stage;
  medley_node_tag (node, element);
  gst_object_set_name (GST_OBJECT (element), name);
  gst_bin_add (GST_BIN (self->pipeline), element);
  g_ptr_array_add (self->parts, part);
  return part;
}

MedleyGraphPart *
medley_graph_find_part (MedleyGraph *self, const char *name)
{
  for (guint i = 0; i < self->parts->len; i++) {
    MedleyGraphPart *part = g_ptr_array_index (self->parts, i);

    if (g_str_equal (part->node->name, name))
      return part;
  }
  return NULL;
}

static void
add_fault (MedleyGraph *self, const char *code, const MedleyPlanStage *stage, const char *below,
           const char *suggestion, const char *format, ...) G_GNUC_PRINTF (6, 7);

static void
add_fault (MedleyGraph *self, const char *code, const MedleyPlanStage *stage, const char *below,
           const char *suggestion, const char *format, ...)
{
  g_autofree char *message = NULL;
  va_list args;

  va_start (args, format);
  message = g_strdup_vprintf (format, args);
  va_end (args);
  medley_run_faults_add (self->faults, code, stage->name, stage->file, stage->pointer, below,
                         suggestion, message);
}

static void
add_input (MedleyGraph *self, const MedleyPlanInput *input)
{
  const MedleyJobFile *file
      = self->input_files != NULL ? g_hash_table_lookup (self->input_files, input->name) : NULL;
  /* A concrete type of the file says more than a wildcard. */
  const char *type = file != NULL && *file->type != '\0' && !medley_media_is_wildcard (file->type)
                             && (medley_media_is_wildcard (input->type) || *input->type == '\0')
                         ? file->type
                         : input->type;
  MedleyGraphPort *port;
  gboolean is_text, is_image;
  MedleyGraphPart *part;
  MedleyNode *node;
  GstElement *src;

  if (medley_graph_count_links (self->plan, input->name, "") == 0)
    return;
  node = medley_node_new (self->monitor, MEDLEY_NODE_INPUT, input->name, NULL, FALSE);
  port = g_new0 (MedleyGraphPort, 1);
  medley_flow_set_type (&port->flow, type);
  if (!port->flow.coded && port->flow.caps != NULL && !gst_caps_is_fixed (port->flow.caps)) {
    g_autofree char *pointer = g_strconcat ("/inputs/", input->name, "/type", NULL);
    g_autofree char *message = g_strdup_printf (
        "input \"%s\" of type %s cannot be read: such a file does not say its rate and channels",
        input->name, type);

    medley_run_faults_add (self->faults, "unsupported-type", NULL, NULL, pointer, "", NULL,
                           message);
  }
  is_text = port->flow.modality == MEDLEY_MODALITY_TEXT;
  is_image = port->flow.modality == MEDLEY_MODALITY_IMAGE;
  src = medley_input_src_new (input->name, file != NULL ? file->file : -1,
                              file != NULL ? file->doorbell : -1,
                              port->flow.coded ? NULL : port->flow.caps, is_image,
                              is_text ? self->plan->text_bytes : self->plan->input_bytes,
                              is_text ? "limits.text-bytes" : "limits.input-bytes",
                              self->plan->image_pixels);
  part = add_part (self, node, src, NULL);
  port->part = part;
  port->name = g_strdup ("");
  g_ptr_array_add (part->ports, port);
}

/* Engines limit their own input and pictures; the plan's limits win over what they would do by
 * themselves. */
static void
set_limits (MedleyGraph *self, GstElement *element)
{
  GParamSpec *bytes
      = g_object_class_find_property (G_OBJECT_GET_CLASS (element), "max-input-bytes");
  GParamSpec *pixels = g_object_class_find_property (G_OBJECT_GET_CLASS (element), "max-pixels");

  if (MEDLEY_IS_CONVERTER (element) && bytes != NULL
      && MEDLEY_CONVERTER_GET_CLASS (element)->text_input && self->plan->text_bytes > 0)
    g_object_set (element, "max-input-bytes", self->plan->text_bytes, NULL);
  if (pixels != NULL && self->plan->image_pixels > 0) {
    GValue value = G_VALUE_INIT;
    GValue limit = G_VALUE_INIT;

    g_value_init (&limit, G_TYPE_UINT64);
    g_value_set_uint64 (&limit, MIN (self->plan->image_pixels, G_MAXINT));
    g_value_init (&value, pixels->value_type);
    if (g_value_transform (&limit, &value)) {
      g_param_value_validate (pixels, &value);
      g_object_set_property (G_OBJECT (element), "max-pixels", &value);
    }
    g_value_unset (&value);
  }
}

static void
add_stage (MedleyGraph *self, const MedleyPlanStage *stage, guint choice)
{
  const char *factory
      = choice < g_strv_length (stage->candidates) ? stage->candidates[choice] : NULL;
  MedleyNode *node;
  GstElement *element;

  if (factory == NULL)
    return;
  node = medley_node_new (self->monitor, MEDLEY_NODE_STAGE, stage->name, factory,
                          stage->task != NULL);
  element = medley_graph_make_replay (self, stage, node);
  if (element != NULL) {
    add_part (self, node, element, stage);
    gst_object_unref (element);
    return;
  }
  element = medley_engine_cache_take (self->cache, factory);
  if (element == NULL) {
    g_autoptr (GstElementFactory) found = gst_element_factory_find (factory);
    gboolean task = stage->task != NULL;

    add_fault (self, task ? "unknown-engine" : "unknown-element", stage,
               task ? "/engine" : "/element", NULL,
               found != NULL ? "the %s \"%s\" cannot be loaded" : "there is no %s \"%s\"",
               task ? "engine" : "element", factory);
    medley_node_unref (node);
    return;
  }
  set_limits (self, element);
  medley_graph_set_properties (stage, factory, element, self->faults);
  medley_graph_add_recorder (self, stage, node);
  add_part (self, node, element, stage);
  gst_object_unref (element);
}

static void
link_stage (MedleyGraph *self, MedleyGraphPart *part, const MedleyPlanLink *link)
{
  GstPadTemplate *template
      = medley_graph_find_template (part->element, GST_PAD_SINK, link->sink_pad);
  g_autofree char *below
      = *link->sink_pad != '\0' ? g_strconcat ("/from/", link->sink_pad, NULL) : g_strdup ("/from");
  g_autofree char *message = NULL;
  g_autofree char *suggestion = NULL;
  g_autoptr (GstPad) sink = NULL;
  g_autoptr (GstPad) from = NULL;
  g_autoptr (GstPad) gate_sink = NULL;
  g_autoptr (GstPad) gate_src = NULL;
  g_autoptr (GstCaps) caps = NULL;
  MedleyGraphPort *port;
  MedleyGraphLink *made;
  MedleyLinkKind kind;
  GstElement *gate;

  sink = template != NULL ? medley_graph_get_pad (part->element, template, link->sink_pad) : NULL;
  if (sink == NULL || gst_pad_is_linked (sink)) {
    g_auto (GStrv) pads = medley_graph_list_pads (part->element, GST_PAD_SINK);

    add_fault (self, sink == NULL ? "unknown-name" : "too-many", part->stage, below,
               medley_nearest (link->sink_pad, (const char *const *) pads), "%s %s input \"%s\"",
               part->node->engine, sink == NULL ? "has no" : "takes only one source at its",
               link->sink_pad);
    return;
  }
  port = medley_graph_take_port (self, link, &message, &suggestion);
  if (port == NULL) {
    if (message != NULL)
      add_fault (self, "unknown-name", part->stage, below, suggestion, "%s", message);
    return;
  }
  caps = medley_graph_query_caps (part->element, template, sink);
  kind = medley_flow_decide (&port->flow, caps);
  from = medley_graph_take_pad (self, port, part->node, &kind);
  gate = medley_gate_new (part->node, FALSE, self->plan->image_pixels);
  gst_bin_add (GST_BIN (self->pipeline), gate);
  gate_sink = gst_element_get_static_pad (gate, "sink");
  gate_src = gst_element_get_static_pad (gate, "src");
  if (from == NULL || gst_pad_link (gate_src, sink) != GST_PAD_LINK_OK
      || !medley_link_make (GST_BIN (self->pipeline), from, port->part->node, gate_sink, part->node,
                            kind, self->plan->image_pixels)) {
    g_autofree char *given = medley_caps_to_text (port->flow.caps);
    g_autofree char *taken = medley_caps_to_text (caps);

    add_fault (self, "caps-mismatch", part->stage, below, NULL,
               "\"%s\" (%s) takes %s, and \"%s\" gives %s", part->node->name, part->node->engine,
               taken, link->source, given);
    return;
  }
  made = g_new0 (MedleyGraphLink, 1);
  made->part = part;
  made->port = port;
  g_ptr_array_add (self->links, made);
}

static void
output_fault (MedleyGraph *self, const MedleyPlanOutput *output, const char *code,
              const char *below, const char *suggestion, const char *message)
{
  medley_run_faults_add (self->faults, code, NULL, NULL, output->pointer, below, suggestion,
                         message);
}

static void
add_output (MedleyGraph *self, const MedleyPlanOutput *output)
{
  const MedleyJobFile *file
      = self->output_files != NULL ? g_hash_table_lookup (self->output_files, output->name) : NULL;
  const char *type = file != NULL && *file->type != '\0' ? file->type : output->type;
  g_autoptr (MedleyNode) node
      = medley_node_new (self->monitor, MEDLEY_NODE_OUTPUT, output->name, NULL, FALSE);
  g_autofree MedleyEncodeSource *sources = g_new0 (MedleyEncodeSource, output->from->len + 1);
  g_autofree char *name = g_strconcat ("output:", output->name, NULL);
  g_autoptr (GError) error = NULL;
  const char *code = NULL;
  guint n_sources = 0;
  GstElement *sink;

  for (guint i = 0; i < output->from->len; i++) {
    const MedleyPlanLink *link = g_ptr_array_index (output->from, i);
    g_autofree char *message = NULL;
    g_autofree char *suggestion = NULL;
    MedleyGraphPort *port = medley_graph_take_port (self, link, &message, &suggestion);
    MedleyLinkKind kind;

    if (message != NULL)
      output_fault (self, output, "unknown-name", "/from", suggestion, message);
    if (port == NULL)
      goto out;
    kind = medley_encode_get_kind (type, &port->flow);
    sources[i].node = port->part->node;
    sources[i].pad = medley_graph_take_pad (self, port, node, &kind);
    sources[i].flow = port->flow;
    if (sources[i].flow.caps != NULL)
      gst_caps_ref (sources[i].flow.caps);
    if (kind == MEDLEY_LINK_AUDIO || kind == MEDLEY_LINK_VIDEO) {
      /* Decoded on the way. */
      medley_flow_clear (&sources[i].flow);
      medley_flow_set_caps (&sources[i].flow,
                            gst_caps_new_empty_simple (kind == MEDLEY_LINK_VIDEO ? "video/x-raw"
                                                                                 : "audio/x-raw"));
    }
    n_sources++;
  }
  sink = medley_output_sink_new (node, file != NULL ? file->file : -1, self->plan->output_bytes);
  gst_object_set_name (GST_OBJECT (sink), name);
  gst_bin_add (GST_BIN (self->pipeline), sink);
  g_ptr_array_add (self->sinks, sink);
  if (!medley_encode_make (GST_BIN (self->pipeline), node, type, sources, n_sources, sink,
                           self->plan->image_pixels, &code, &error))
    output_fault (self, output, code, g_str_equal (code, "unsupported-type") ? "/type" : "/from",
                  NULL, error->message);
out:
  for (guint i = 0; i < n_sources; i++) {
    gst_clear_object (&sources[i].pad);
    medley_flow_clear (&sources[i].flow);
  }
}

/* An ordinary element stops when nobody takes one of its outputs. */
static void
close_unlinked (MedleyGraph *self, MedleyGraphPart *part)
{
  if (part->stage == NULL || MEDLEY_IS_CONVERTER (part->element))
    return;
  for (GList *l = part->element->srcpads; l != NULL; l = l->next) {
    g_autoptr (GstPad) sink_pad = NULL;
    GstElement *sink;

    if (gst_pad_is_linked (l->data))
      continue;
    sink = medley_link_add (GST_BIN (self->pipeline), part->node, "fakesink");
    if (sink == NULL)
      return;
    g_object_set (sink, "sync", FALSE, "async", FALSE, NULL);
    sink_pad = gst_element_get_static_pad (sink, "sink");
    gst_pad_link (l->data, sink_pad);
  }
}

/* Where an engine that calls another server finds the trace. Set also without one: an engine may
 * still have that of the job before. */
static void
set_trace (MedleyGraph *self)
{
  g_autoptr (GstContext) context = gst_context_new (MEDLEY_TRACE_CONTEXT, TRUE);
  GstStructure *structure = gst_context_writable_structure (context);

  if (self->plan->traceparent != NULL)
    gst_structure_set (structure, "traceparent", G_TYPE_STRING, self->plan->traceparent, NULL);
  if (self->plan->tracestate != NULL)
    gst_structure_set (structure, "tracestate", G_TYPE_STRING, self->plan->tracestate, NULL);
  gst_element_set_context (self->pipeline, context);
}

MedleyGraph *
medley_graph_new (const MedleyRunPlan *plan, GHashTable *inputs, GHashTable *outputs,
                  GHashTable *stages, const guint *choice, MedleyEngineCache *cache,
                  MedleyMonitor *monitor, GPtrArray *faults)
{
  MedleyGraph *self = g_new0 (MedleyGraph, 1);

  self->pipeline = gst_object_ref_sink (gst_pipeline_new (NULL));
  self->parts = g_ptr_array_new_with_free_func ((GDestroyNotify) part_free);
  self->links = g_ptr_array_new_with_free_func (g_free);
  self->sinks = g_ptr_array_new ();
  self->plan = plan;
  self->cache = cache;
  self->monitor = medley_monitor_ref (monitor);
  self->input_files = inputs;
  self->output_files = outputs;
  self->stage_files = stages;
  self->choice = choice;
  self->faults = faults;
  set_trace (self);

  for (guint i = 0; i < plan->inputs->len; i++)
    add_input (self, g_ptr_array_index (plan->inputs, i));
  for (guint i = 0; i < plan->stages->len; i++)
    add_stage (self, g_ptr_array_index (plan->stages, i), choice[i]);
  for (guint i = 0; i < self->parts->len; i++) {
    MedleyGraphPart *part = g_ptr_array_index (self->parts, i);

    for (guint j = 0; part->stage != NULL && j < part->stage->from->len; j++)
      link_stage (self, part, g_ptr_array_index (part->stage->from, j));
  }
  for (guint i = 0; i < plan->outputs->len; i++)
    add_output (self, g_ptr_array_index (plan->outputs, i));
  for (guint i = 0; i < self->parts->len; i++)
    close_unlinked (self, g_ptr_array_index (self->parts, i));
  return self;
}

static void
unlink_pads (GstElement *element)
{
  for (GList *l = element->pads; l != NULL; l = l->next) {
    GstPad *pad = l->data;
    g_autoptr (GstPad) peer = gst_pad_get_peer (pad);

    if (peer == NULL)
      continue;
    if (GST_PAD_IS_SRC (pad))
      gst_pad_unlink (pad, peer);
    else
      gst_pad_unlink (peer, pad);
  }
}

void
medley_graph_free (MedleyGraph *self, gboolean keep_engines)
{
  if (keep_engines && GST_STATE (self->pipeline) > GST_STATE_NULL)
    gst_element_set_state (self->pipeline, GST_STATE_READY);
  else if (!keep_engines)
    gst_element_set_state (self->pipeline, GST_STATE_NULL);
  for (guint i = 0; i < self->parts->len; i++) {
    MedleyGraphPart *part = g_ptr_array_index (self->parts, i);

    if (!keep_engines || part->stage == NULL || !MEDLEY_IS_CONVERTER (part->element))
      continue;
    unlink_pads (part->element);
    gst_bin_remove (GST_BIN (self->pipeline), part->element);
    g_object_set_qdata (G_OBJECT (part->element), g_quark_from_static_string ("medley-node"), NULL);
    medley_engine_cache_give (self->cache, g_steal_pointer (&part->element));
  }
  gst_element_set_state (self->pipeline, GST_STATE_NULL);
  gst_object_unref (self->pipeline);
  g_ptr_array_unref (self->links);
  g_ptr_array_unref (self->sinks);
  g_ptr_array_unref (self->parts);
  medley_monitor_unref (self->monitor);
  g_free (self);
}
