/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/replay.h"

#include <medley/medley-error.h>

#include "runner/stage-record.h"

struct _MedleyReplay {
  GstElement parent_instance;

  MedleyNode *node;
  GMutex lock;
  guint64 done; /* lock: bytes of records that were read, of all ports */
  guint64 total;
};

G_DEFINE_FINAL_TYPE (MedleyReplay, medley_replay, GST_TYPE_ELEMENT)

/* What a pad gives; the pad's element private. */
typedef struct {
  MedleyRecordReader reader; /* the streaming thread's */
  GstCaps *caps;             /* NULL when nothing flows */
  gboolean begun;            /* the streaming thread's */
} Stream;

static GstStaticPadTemplate src_template
    = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_SOMETIMES, GST_STATIC_CAPS_ANY);
static GstStaticPadTemplate port_template
    = GST_STATIC_PAD_TEMPLATE ("%s", GST_PAD_SRC, GST_PAD_SOMETIMES, GST_STATIC_CAPS_ANY);

static void
stream_free (Stream *stream)
{
  gst_clear_caps (&stream->caps);
  g_free (stream);
}

static void
count (MedleyReplay *self, guint64 bytes)
{
  g_mutex_lock (&self->lock);
  self->done += bytes;
  medley_node_report (self->node, self->done, self->total);
  g_mutex_unlock (&self->lock);
}

static void
begin (MedleyReplay *self, GstPad *pad)
{
  g_autofree char *id = gst_pad_create_stream_id (pad, GST_ELEMENT (self), GST_OBJECT_NAME (pad));

  gst_pad_push_event (pad, gst_event_new_stream_start (id));
}

static void
fail (MedleyReplay *self, GError *error)
{
  gst_element_post_message (GST_ELEMENT (self),
                            gst_message_new_error (GST_OBJECT (self), error, NULL));
  g_error_free (error);
}

/* In the pad's own thread, over and over until the task is paused. */
static void
stream_loop (gpointer data)
{
  GstPad *pad = data;
  Stream *stream = gst_pad_get_element_private (pad);
  g_autoptr (GstElement) parent = gst_pad_get_parent_element (pad);
  guint64 before = stream->reader.at;
  GstFlowReturn ret = GST_FLOW_OK;
  GError *error = NULL;
  MedleyReplay *self;
  GstMiniObject *item;

  if (parent == NULL) {
    gst_pad_pause_task (pad);
    return;
  }
  self = MEDLEY_REPLAY (parent);
  if (!stream->begun) {
    stream->begun = TRUE;
    begin (self, pad);
  }
  item = medley_record_reader_next (&stream->reader, &error);
  count (self, stream->reader.at - before);
  if (item == NULL) {
    fail (self, error);
    ret = GST_FLOW_ERROR;
  } else if (GST_IS_BUFFER (item)) {
    ret = gst_pad_push (pad, GST_BUFFER (item));
  } else {
    if (GST_EVENT_TYPE (item) == GST_EVENT_EOS)
      ret = GST_FLOW_EOS;
    else
      gst_pad_push_event (pad, GST_EVENT (g_steal_pointer (&item)));
    g_clear_pointer (&item, gst_mini_object_unref);
  }
  if (ret == GST_FLOW_OK)
    return;
  if (ret < GST_FLOW_EOS && item != NULL)
    GST_ELEMENT_FLOW_ERROR (self, ret);
  /* Also after an error, and for a reader that wants no more: who joins streams waits for it. */
  if (ret != GST_FLOW_FLUSHING)
    gst_pad_push_event (pad, gst_event_new_eos ());
  gst_pad_pause_task (pad);
}

static gboolean
activate (GstPad *pad, GstObject *parent, GstPadMode mode, gboolean active)
{
  if (mode != GST_PAD_MODE_PUSH)
    return FALSE;
  return active ? gst_pad_start_task (pad, stream_loop, gst_object_ref (pad), gst_object_unref)
                : gst_pad_stop_task (pad);
}

static gboolean
query (GstPad *pad, GstObject *parent, GstQuery *q)
{
  Stream *stream = gst_pad_get_element_private (pad);
  g_autoptr (GstCaps) caps = NULL;
  GstCaps *filter;

  if (GST_QUERY_TYPE (q) != GST_QUERY_CAPS || stream->caps == NULL)
    return gst_pad_query_default (pad, parent, q);
  gst_query_parse_caps (q, &filter);
  caps = filter != NULL ? gst_caps_intersect_full (filter, stream->caps, GST_CAPS_INTERSECT_FIRST)
                        : gst_caps_ref (stream->caps);
  gst_query_set_caps_result (q, caps);
  return TRUE;
}

static void
add_port (MedleyReplay *self, const char *port, int file)
{
  gboolean usual = *port == '\0';
  GstPad *pad = gst_pad_new_from_static_template (usual ? &src_template : &port_template,
                                                  usual ? "src" : port);
  Stream *stream = g_new0 (Stream, 1);

  /* What is too short fails when it is read. */
  stream->reader.fd = file;
  if (medley_record_reader_init (&stream->reader, file)) {
    stream->caps = medley_record_reader_peek_caps (&stream->reader);
    self->total += stream->reader.end - stream->reader.at;
  }
  gst_pad_set_element_private (pad, stream);
  g_object_set_data_full (G_OBJECT (pad), "stream", stream, (GDestroyNotify) stream_free);
  gst_pad_set_activatemode_function (pad, activate);
  gst_pad_set_query_function (pad, query);
  gst_element_add_pad (GST_ELEMENT (self), pad);
}

static void
finalize (GObject *object)
{
  MedleyReplay *self = MEDLEY_REPLAY (object);

  g_clear_pointer (&self->node, medley_node_unref);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (medley_replay_parent_class)->finalize (object);
}

static void
medley_replay_class_init (MedleyReplayClass *klass)
{
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = finalize;
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_add_static_pad_template (element_class, &port_template);
  gst_element_class_set_static_metadata (element_class, "Medley replay", "Source",
                                         "Gives what was recorded of a stage", "Medley");
}

static void
medley_replay_init (MedleyReplay *self)
{
  g_mutex_init (&self->lock);
}

GstElement *
medley_replay_new (MedleyNode *node, GHashTable *files)
{
  MedleyReplay *self = g_object_new (MEDLEY_TYPE_REPLAY, NULL);
  GHashTableIter iter;
  gpointer port, file;

  self->node = medley_node_ref (node);
  g_hash_table_iter_init (&iter, files);
  while (g_hash_table_iter_next (&iter, &port, &file))
    add_port (self, port, GPOINTER_TO_INT (file));
  return GST_ELEMENT (self);
}
