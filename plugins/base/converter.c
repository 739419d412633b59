/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "converter-private.h"

#include <medley/medley-engine.h>
#include <medley/medley-error.h>

#define TEXT_INPUT_MAX (64 * 1024 * 1024)

enum { PROP_MAX_INPUT_BYTES = 1 };

static GstElementClass *parent_class;
static gint private_offset;

Private *
converter_private (MedleyConverter *self)
{
  return G_STRUCT_MEMBER_P (self, private_offset);
}

GCancellable *
converter_ref_cancellable (MedleyConverter *self)
{
  Private *priv = converter_private (self);
  GCancellable *cancellable;

  g_mutex_lock (&priv->lock);
  cancellable = g_object_ref (priv->cancellable);
  g_mutex_unlock (&priv->lock);
  return cancellable;
}

gboolean
converter_is_cancelled (MedleyConverter *self)
{
  g_autoptr (GCancellable) cancellable = converter_ref_cancellable (self);

  return g_cancellable_is_cancelled (cancellable);
}

GCancellable *
medley_converter_get_cancellable (MedleyConverter *self)
{
  Private *priv;
  GCancellable *cancellable;

  g_return_val_if_fail (MEDLEY_IS_CONVERTER (self), NULL);

  priv = converter_private (self);
  g_mutex_lock (&priv->lock);
  cancellable = priv->cancellable;
  g_mutex_unlock (&priv->lock);
  return cancellable;
}

static void
cancel (MedleyConverter *self)
{
  g_autoptr (GCancellable) cancellable = converter_ref_cancellable (self);

  g_cancellable_cancel (cancellable);
}

/* A new object rather than a reset: whoever still holds the old one must stay cancelled. */
static void
renew_cancellable (MedleyConverter *self)
{
  Private *priv = converter_private (self);
  GCancellable *old = NULL;

  g_mutex_lock (&priv->lock);
  if (g_cancellable_is_cancelled (priv->cancellable)) {
    old = priv->cancellable;
    priv->cancellable = g_cancellable_new ();
  }
  g_mutex_unlock (&priv->lock);
  g_clear_object (&old);
}

static void
restart (MedleyConverter *self, gboolean new_stream)
{
  MedleyConverterClass *klass = MEDLEY_CONVERTER_GET_CLASS (self);

  run_reset (self);
  ports_forget (self, new_stream);
  renew_cancellable (self);
  if (klass->flush != NULL)
    klass->flush (self);
}

static void
take_stream_start (MedleyConverter *self, GstEvent *event)
{
  Private *priv = converter_private (self);
  const char *id;

  /* A stream that follows an ended one is a new job; one that follows directly is its continuation.
   */
  if (priv->drained)
    restart (self, TRUE);
  else if (priv->stream_id != NULL)
    return;
  gst_event_parse_stream_start (event, &id);
  g_free (priv->stream_id);
  priv->stream_id = g_strdup (id);
  if (!gst_event_parse_group_id (event, &priv->group_id))
    priv->group_id = GST_GROUP_ID_INVALID;
  ports_start (self);
}

static gboolean
sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  MedleyConverter *self = MEDLEY_CONVERTER (parent);
  Private *priv = converter_private (self);
  gboolean ret = TRUE;
  GstCaps *caps;

  switch (GST_EVENT_TYPE (event)) {
  case GST_EVENT_FLUSH_START:
    cancel (self);
    return gst_pad_event_default (pad, parent, event);
  case GST_EVENT_FLUSH_STOP:
    gst_segment_init (&priv->segment, GST_FORMAT_UNDEFINED);
    restart (self, FALSE);
    return gst_pad_event_default (pad, parent, event);
  case GST_EVENT_STREAM_START:
    take_stream_start (self, event);
    break;
  case GST_EVENT_CAPS:
    gst_event_parse_caps (event, &caps);
    ret = run_caps (self, caps);
    break;
  case GST_EVENT_SEGMENT:
    gst_event_copy_segment (event, &priv->segment);
    priv->seqnum = gst_event_get_seqnum (event);
    break;
  case GST_EVENT_TAG:
    ports_push_tags (self, event);
    break;
  case GST_EVENT_EOS:
    ret = run_drain (self);
    if (ret)
      ports_push_eos (self, event);
    break;
  case GST_EVENT_CUSTOM_DOWNSTREAM:
    if (medley_event_is_idle (event))
      ret = run_idle (self);
    ports_push_started (self, event);
    break;
  case GST_EVENT_SINK_MESSAGE:
  case GST_EVENT_CUSTOM_DOWNSTREAM_OOB:
    return gst_pad_event_default (pad, parent, event);
  default:
    /* Gaps, tables of contents and the like are about the input's own timeline. */
    break;
  }
  gst_event_unref (event);
  return ret;
}

static gboolean
open_model (MedleyConverter *self)
{
  MedleyConverterClass *klass = MEDLEY_CONVERTER_GET_CLASS (self);
  Private *priv = converter_private (self);
  g_autoptr (GCancellable) cancellable = NULL;
  GError *error = NULL;

  renew_cancellable (self);
  run_reset (self);
  cancellable = converter_ref_cancellable (self);
  if (klass->open != NULL && !klass->open (self, cancellable, &error)) {
    if (error == NULL)
      error = g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_ENGINE_FAILED,
                           "the engine did not open and gave no reason");
    run_fail (self, error);
    return FALSE;
  }
  g_mutex_lock (&priv->open_lock);
  priv->opened = TRUE;
  g_mutex_unlock (&priv->open_lock);
  return TRUE;
}

static void
close_model (MedleyConverter *self)
{
  MedleyConverterClass *klass = MEDLEY_CONVERTER_GET_CLASS (self);
  Private *priv = converter_private (self);

  g_mutex_lock (&priv->open_lock);
  priv->opened = FALSE;
  if (klass->close != NULL)
    klass->close (self);
  g_mutex_unlock (&priv->open_lock);
}

static void
forget_job (MedleyConverter *self)
{
  Private *priv = converter_private (self);

  run_reset (self);
  ports_forget (self, TRUE);
  g_clear_pointer (&priv->stream_id, g_free);
  priv->group_id = GST_GROUP_ID_INVALID;
  priv->seqnum = GST_SEQNUM_INVALID;
  gst_segment_init (&priv->segment, GST_FORMAT_UNDEFINED);
}

static gboolean
start_job (MedleyConverter *self)
{
  MedleyConverterClass *klass = MEDLEY_CONVERTER_GET_CLASS (self);
  GError *error = NULL;

  renew_cancellable (self);
  forget_job (self);
  if (klass->start != NULL && !klass->start (self, &error)) {
    if (error == NULL)
      error = g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_ENGINE_FAILED,
                           "the engine did not start and gave no reason");
    run_fail (self, error);
    return FALSE;
  }
  return TRUE;
}

static void
stop_job (MedleyConverter *self)
{
  MedleyConverterClass *klass = MEDLEY_CONVERTER_GET_CLASS (self);

  if (klass->stop != NULL)
    klass->stop (self);
  forget_job (self);
}

static GstStateChangeReturn
change_state (GstElement *element, GstStateChange transition)
{
  MedleyConverter *self = MEDLEY_CONVERTER (element);
  GstStateChangeReturn ret;

  switch (transition) {
  case GST_STATE_CHANGE_NULL_TO_READY:
    if (!open_model (self))
      return GST_STATE_CHANGE_FAILURE;
    break;
  case GST_STATE_CHANGE_READY_TO_PAUSED:
    if (!start_job (self))
      return GST_STATE_CHANGE_FAILURE;
    break;
  case GST_STATE_CHANGE_PAUSED_TO_READY:
    /* Before the pads are stopped: that waits for the streaming thread, which may be in a vfunc. */
    cancel (self);
    break;
  default:
    break;
  }

  ret = parent_class->change_state (element, transition);
  if (ret == GST_STATE_CHANGE_FAILURE) {
    if (transition == GST_STATE_CHANGE_NULL_TO_READY)
      close_model (self);
    else if (transition == GST_STATE_CHANGE_READY_TO_PAUSED)
      stop_job (self);
    return ret;
  }

  switch (transition) {
  case GST_STATE_CHANGE_PAUSED_TO_READY:
    stop_job (self);
    break;
  case GST_STATE_CHANGE_READY_TO_NULL:
    close_model (self);
    break;
  default:
    break;
  }
  return ret;
}

static gboolean
answer_voices (MedleyConverter *self, GstQuery *query)
{
  MedleyConverterClass *klass = MEDLEY_CONVERTER_GET_CLASS (self);
  Private *priv = converter_private (self);
  g_autoptr (GError) error = NULL;
  GValue voices = G_VALUE_INIT;
  gboolean ok;

  if (klass->list_voices == NULL)
    return FALSE;
  g_value_init (&voices, GST_TYPE_LIST);
  g_mutex_lock (&priv->open_lock);
  ok = priv->opened && klass->list_voices (self, &voices, &error);
  g_mutex_unlock (&priv->open_lock);
  if (ok)
    gst_structure_take_value (gst_query_writable_structure (query), "voices", &voices);
  else
    g_value_unset (&voices);
  return ok;
}

static gboolean
element_query (GstElement *element, GstQuery *query)
{
  if (medley_query_is_voices (query))
    return answer_voices (MEDLEY_CONVERTER (element), query);
  return parent_class->query (element, query);
}

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  Private *priv = converter_private (MEDLEY_CONVERTER (object));

  switch (id) {
  case PROP_MAX_INPUT_BYTES:
    g_mutex_lock (&priv->lock);
    priv->max_input = g_value_get_uint64 (value);
    g_mutex_unlock (&priv->lock);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  Private *priv = converter_private (MEDLEY_CONVERTER (object));

  switch (id) {
  case PROP_MAX_INPUT_BYTES:
    g_mutex_lock (&priv->lock);
    g_value_set_uint64 (value, priv->max_input);
    g_mutex_unlock (&priv->lock);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
finalize (GObject *object)
{
  Private *priv = converter_private (MEDLEY_CONVERTER (object));

  g_ptr_array_unref (priv->ports);
  g_clear_object (&priv->cancellable);
  g_free (priv->stream_id);
  g_mutex_clear (&priv->lock);
  g_mutex_clear (&priv->open_lock);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
medley_converter_class_init (gpointer g_class, gpointer data)
{
  GObjectClass *object_class = G_OBJECT_CLASS (g_class);
  GstElementClass *element_class = GST_ELEMENT_CLASS (g_class);

  parent_class = g_type_class_peek_parent (g_class);
  g_type_class_adjust_private_offset (g_class, &private_offset);

  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;
  element_class->change_state = GST_DEBUG_FUNCPTR (change_state);
  element_class->query = GST_DEBUG_FUNCPTR (element_query);

  g_object_class_install_property (
      object_class, PROP_MAX_INPUT_BYTES,
      g_param_spec_uint64 ("max-input-bytes", "Longest input",
                           "Refuse an input of more bytes than this (0 = no limit)", 0, G_MAXUINT64,
                           TEXT_INPUT_MAX,
                           G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY));
}

/* The type is registered by hand: the init function needs the class of the instance, not this one.
 */
static void
medley_converter_init (GTypeInstance *instance, gpointer g_class)
{
  MedleyConverter *self = (MedleyConverter *) instance;
  GstElement *element = (GstElement *) instance;
  Private *priv = converter_private (self);

  g_mutex_init (&priv->lock);
  g_mutex_init (&priv->open_lock);
  priv->cancellable = g_cancellable_new ();
  priv->ports = g_ptr_array_new_with_free_func ((GDestroyNotify) port_free);
  priv->max_input = ((MedleyConverterClass *) g_class)->text_input ? TEXT_INPUT_MAX : 0;

  for (GList *l = gst_element_class_get_pad_template_list (g_class); l != NULL; l = l->next) {
    GstPadTemplate *template = l->data;

    if (GST_PAD_TEMPLATE_PRESENCE (template) != GST_PAD_ALWAYS)
      continue;
    if (GST_PAD_TEMPLATE_DIRECTION (template) == GST_PAD_SRC) {
      gboolean first = g_str_equal (GST_PAD_TEMPLATE_NAME_TEMPLATE (template), "src");

      g_ptr_array_insert (priv->ports, first ? 0 : -1, port_new (element, template));
    } else if (priv->sink == NULL) {
      priv->sink = gst_pad_new_from_template (template, GST_PAD_TEMPLATE_NAME_TEMPLATE (template));
      gst_pad_set_chain_function (priv->sink, run_chain);
      gst_pad_set_event_function (priv->sink, sink_event);
      GST_PAD_SET_ACCEPT_TEMPLATE (priv->sink);
      gst_element_add_pad (element, priv->sink);
    }
  }
  forget_job (self);
}

GType
medley_converter_get_type (void)
{
  static gsize once = 0;

  if (g_once_init_enter (&once)) {
    static const GTypeInfo info = {
      .class_size = sizeof (MedleyConverterClass),
      .class_init = medley_converter_class_init,
      .instance_size = sizeof (MedleyConverter),
      .instance_init = medley_converter_init,
    };
    GType type
        = g_type_register_static (GST_TYPE_ELEMENT, "MedleyConverter", &info, G_TYPE_FLAG_ABSTRACT);

    private_offset = g_type_add_instance_private (type, sizeof (Private));
    g_once_init_leave (&once, type);
  }
  return once;
}
