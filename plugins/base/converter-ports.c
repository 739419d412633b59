/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "converter-private.h"

#include <medley/medley-error.h>

Port *
port_new (GstElement *element, GstPadTemplate *template)
{
  Port *port = g_new0 (Port, 1);
  GstCaps *caps = gst_pad_template_get_caps (template);

  port->pad = gst_pad_new_from_template (template, GST_PAD_TEMPLATE_NAME_TEMPLATE (template));
  gst_pad_set_event_function (port->pad, port_src_event);
  gst_pad_set_query_function (port->pad, port_src_query);
  if (gst_caps_is_fixed (caps))
    port->caps = gst_caps_ref (caps);
  gst_caps_unref (caps);
  gst_element_add_pad (element, port->pad);
  return port;
}

void
port_free (Port *port)
{
  gst_clear_caps (&port->caps);
  g_free (port);
}

static Port *
port_find (MedleyConverter *self, const char *name)
{
  Private *priv = converter_private (self);

  if (name == NULL)
    name = "src";
  for (guint i = 0; i < priv->ports->len; i++) {
    Port *port = g_ptr_array_index (priv->ports, i);

    if (g_str_equal (GST_PAD_NAME (port->pad), name))
      return port;
  }
  return NULL;
}

static void
port_start (MedleyConverter *self, Port *port)
{
  Private *priv = converter_private (self);
  g_autofree char *id = NULL;
  GstEvent *event;

  if (port->started)
    return;
  port->started = TRUE;
  id = priv->stream_id != NULL
           ? g_strdup_printf ("%s/%s", priv->stream_id, GST_PAD_NAME (port->pad))
           : gst_pad_create_stream_id (port->pad, GST_ELEMENT (self), GST_PAD_NAME (port->pad));
  event = gst_event_new_stream_start (id);
  if (priv->group_id == GST_GROUP_ID_INVALID)
    priv->group_id = gst_util_group_id_next ();
  gst_event_set_group_id (event, priv->group_id);
  gst_pad_push_event (port->pad, event);
}

void
ports_start (MedleyConverter *self)
{
  Private *priv = converter_private (self);

  for (guint i = 0; i < priv->ports->len; i++)
    port_start (self, g_ptr_array_index (priv->ports, i));
}

/* Upstream's codec and bitrate are not ours; what describes the content stays true. */
static void
keep_content_tags (const GstTagList *list, const char *tag, gpointer copy)
{
  if (gst_tag_get_flag (tag) != GST_TAG_FLAG_META || g_str_equal (tag, GST_TAG_IMAGE_ORIENTATION))
    return;
  for (guint i = 0; i < gst_tag_list_get_tag_size (list, tag); i++)
    gst_tag_list_add_value (copy, GST_TAG_MERGE_APPEND, tag,
                            gst_tag_list_get_value_index (list, tag, i));
}

static gboolean
port_push_tags (Port *port, GstEvent *event)
{
  GstTagList *list, *copy = gst_tag_list_new_empty ();

  gst_event_parse_tag (event, &list);
  gst_tag_list_set_scope (copy, gst_tag_list_get_scope (list));
  gst_tag_list_foreach (list, keep_content_tags, copy);
  if (gst_tag_list_is_empty (copy)) {
    gst_tag_list_unref (copy);
    return TRUE;
  }
  return gst_pad_push_event (port->pad, gst_event_new_tag (copy));
}

static gboolean
replay_tags (GstPad *sink, GstEvent **event, gpointer port)
{
  if (GST_EVENT_TYPE (*event) == GST_EVENT_TAG)
    port_push_tags (port, *event);
  return TRUE;
}

void
ports_push_tags (MedleyConverter *self, GstEvent *event)
{
  Private *priv = converter_private (self);

  for (guint i = 0; i < priv->ports->len; i++) {
    Port *port = g_ptr_array_index (priv->ports, i);

    /* The others get it from the sink's sticky events, in the right order after their segment. */
    if (port->segment_sent)
      port_push_tags (port, event);
  }
}

/* Sends what has to precede data. A port without caps waits for them: its segment must come after.
 */
static void
port_prepare (MedleyConverter *self, Port *port)
{
  Private *priv = converter_private (self);

  port_start (self, port);
  if (port->caps == NULL)
    return;
  if (!port->caps_sent) {
    port->caps_sent = TRUE;
    gst_pad_push_event (port->pad, gst_event_new_caps (port->caps));
  }
  if (!port->segment_sent) {
    GstSegment segment;
    GstEvent *event;

    port->segment_sent = TRUE;
    gst_segment_init (&segment, GST_FORMAT_TIME);
    event = gst_event_new_segment (&segment);
    if (priv->seqnum != GST_SEQNUM_INVALID)
      gst_event_set_seqnum (event, priv->seqnum);
    gst_pad_push_event (port->pad, event);
    gst_pad_sticky_events_foreach (priv->sink, replay_tags, port);
  }
}

void
ports_prepare (MedleyConverter *self)
{
  Private *priv = converter_private (self);

  for (guint i = 0; i < priv->ports->len; i++)
    port_prepare (self, g_ptr_array_index (priv->ports, i));
}

/* After a flush the caps stay, after a stop or with a new stream they go out again. */
void
ports_forget (MedleyConverter *self, gboolean caps_too)
{
  Private *priv = converter_private (self);

  for (guint i = 0; i < priv->ports->len; i++) {
    Port *port = g_ptr_array_index (priv->ports, i);

    port->segment_sent = FALSE;
    if (caps_too)
      port->started = port->caps_sent = FALSE;
  }
}

void
ports_push_started (MedleyConverter *self, GstEvent *event)
{
  Private *priv = converter_private (self);

  for (guint i = 0; i < priv->ports->len; i++) {
    Port *port = g_ptr_array_index (priv->ports, i);

    if (port->segment_sent)
      gst_pad_push_event (port->pad, gst_event_ref (event));
  }
}

void
ports_push_eos (MedleyConverter *self, GstEvent *event)
{
  Private *priv = converter_private (self);

  ports_prepare (self);
  for (guint i = 0; i < priv->ports->len; i++) {
    Port *port = g_ptr_array_index (priv->ports, i);

    gst_pad_push_event (port->pad, gst_event_ref (event));
  }
}

/*
 * GstFlowCombiner counts a port that was never pushed on as alive, also when nothing is linked to
 * it; an engine that spares itself the work for such a port would then never learn that all others
 * ended.
 */
static GstFlowReturn
combine (Private *priv, GstFlowReturn ret)
{
  gboolean ended = FALSE;

  if (ret != GST_FLOW_EOS && ret != GST_FLOW_NOT_LINKED)
    return ret > GST_FLOW_OK ? GST_FLOW_OK : ret;
  for (guint i = 0; i < priv->ports->len; i++) {
    Port *port = g_ptr_array_index (priv->ports, i);
    GstFlowReturn last = gst_pad_get_last_flow_return (port->pad);

    if (!gst_pad_is_linked (port->pad) || last == GST_FLOW_NOT_LINKED)
      continue;
    if (last != GST_FLOW_EOS)
      return GST_FLOW_OK;
    ended = TRUE;
  }
  return ended ? GST_FLOW_EOS : GST_FLOW_NOT_LINKED;
}

gboolean
medley_converter_push (MedleyConverter *self, const char *name, GstBuffer *buffer)
{
  Private *priv;
  Port *port;

  g_return_val_if_fail (MEDLEY_IS_CONVERTER (self), FALSE);
  g_return_val_if_fail (GST_IS_BUFFER (buffer), FALSE);

  priv = converter_private (self);
  port = port_find (self, name);
  if (port == NULL || port->caps == NULL) {
    run_fail (self, g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_ENGINE_FAILED,
                                 "the engine pushed on port \"%s\", which has no %s",
                                 name ? name : "src", port ? "caps yet" : "pad template"));
    priv->flow = GST_FLOW_ERROR;
  }
  if (priv->flow != GST_FLOW_OK) {
    gst_buffer_unref (buffer);
    return FALSE;
  }

  port_prepare (self, port);
  /* A muxer wants to know all its streams before it writes the first byte. */
  ports_prepare (self);
  if (g_ptr_array_index (priv->ports, 0) == port && GST_BUFFER_PTS_IS_VALID (buffer)) {
    g_mutex_lock (&priv->lock);
    priv->position = GST_BUFFER_PTS (buffer);
    if (GST_BUFFER_DURATION_IS_VALID (buffer))
      priv->position += GST_BUFFER_DURATION (buffer);
    g_mutex_unlock (&priv->lock);
  }
  priv->flow = combine (priv, gst_pad_push (port->pad, buffer));
  priv->refused = port;
  return priv->flow == GST_FLOW_OK;
}

gboolean
medley_converter_push_event (MedleyConverter *self, const char *name, GstEvent *event)
{
  Port *port;

  g_return_val_if_fail (MEDLEY_IS_CONVERTER (self), FALSE);
  g_return_val_if_fail (GST_IS_EVENT (event), FALSE);

  port = port_find (self, name);
  if (port == NULL) {
    gst_event_unref (event);
    g_return_val_if_reached (FALSE);
  }
  port_prepare (self, port);
  if (!port->segment_sent) {
    gst_event_unref (event);
    return FALSE;
  }
  return gst_pad_push_event (port->pad, event);
}

void
medley_converter_set_port_caps (MedleyConverter *self, const char *name, GstCaps *caps)
{
  Port *port;

  g_return_if_fail (MEDLEY_IS_CONVERTER (self));
  g_return_if_fail (GST_IS_CAPS (caps) && gst_caps_is_fixed (caps));

  port = port_find (self, name);
  g_return_if_fail (port != NULL);
  if (port->caps != NULL && gst_caps_is_equal (port->caps, caps))
    return;
  gst_caps_replace (&port->caps, caps);
  port->caps_sent = FALSE;
}

GstCaps *
medley_converter_negotiate_port (MedleyConverter *self, const char *name)
{
  Port *port;
  GstCaps *template, *peer, *both;

  g_return_val_if_fail (MEDLEY_IS_CONVERTER (self), NULL);

  port = port_find (self, name);
  g_return_val_if_fail (port != NULL, NULL);
  template = gst_pad_get_pad_template_caps (port->pad);
  if (!gst_pad_is_linked (port->pad))
    return template;
  peer = gst_pad_peer_query_caps (port->pad, template);
  /* First the peer's: its order is its preference. */
  both = gst_caps_intersect_full (peer, template, GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref (peer);
  gst_caps_unref (template);
  return both;
}

gboolean
medley_converter_is_port_linked (MedleyConverter *self, const char *name)
{
  Port *port;

  g_return_val_if_fail (MEDLEY_IS_CONVERTER (self), FALSE);

  port = port_find (self, name);
  g_return_val_if_fail (port != NULL, FALSE);
  return gst_pad_is_linked (port->pad);
}

gboolean
port_src_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  switch (GST_EVENT_TYPE (event)) {
  case GST_EVENT_SEEK:
    /* The time of the output says nothing of a place in the input. */
    gst_event_unref (event);
    return FALSE;
  case GST_EVENT_QOS:
  case GST_EVENT_RECONFIGURE:
    /* They concern the stream that is made here. */
    gst_event_unref (event);
    return TRUE;
  default:
    return gst_pad_event_default (pad, parent, event);
  }
}

gboolean
port_src_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  Private *priv = converter_private (MEDLEY_CONVERTER (parent));
  GstFormat format;
  GstClockTime position;

  switch (GST_QUERY_TYPE (query)) {
  case GST_QUERY_POSITION:
    gst_query_parse_position (query, &format, NULL);
    g_mutex_lock (&priv->lock);
    position = priv->position;
    g_mutex_unlock (&priv->lock);
    if (format != GST_FORMAT_TIME || !GST_CLOCK_TIME_IS_VALID (position))
      return FALSE;
    gst_query_set_position (query, GST_FORMAT_TIME, (gint64) position);
    return TRUE;
  case GST_QUERY_SEEKING:
    gst_query_parse_seeking (query, &format, NULL, NULL, NULL);
    gst_query_set_seeking (query, format, FALSE, 0, -1);
    return TRUE;
  case GST_QUERY_DURATION:
  case GST_QUERY_SEGMENT:
  case GST_QUERY_CONVERT:
    /* Upstream would answer for its own stream. */
    return FALSE;
  default:
    return gst_pad_query_default (pad, parent, query);
  }
}
