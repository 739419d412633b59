/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/mp4-finish.h"

#include <string.h>

#include "base/mp4-box.h"
#include "runner/mp4-index.h"

/* Headers of a fragment of some seconds take kilobytes. */
#define LARGEST_HEADERS (64u * 1024 * 1024)

struct _MedleyMp4Finish {
  GstElement parent_instance;

  GstPad *sink;
  GstPad *src;
  guint64 starts[2]; /* picture, sound; under the object lock */

  /* Streaming thread. */
  MedleyMp4Index *index; /* NULL once it cannot be made */
  GByteArray *box;       /* what came of a header or of a box that is read */
  guint64 wanted;        /* length of that to wait for */
  guint64 left;          /* bytes of a box that goes through */
  guint64 written;
  guint64 moov_place;
};

G_DEFINE_FINAL_TYPE (MedleyMp4Finish, medley_mp4_finish, GST_TYPE_ELEMENT)

static GstStaticPadTemplate sink_template
    = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                               GST_STATIC_CAPS ("video/quicktime"));
static GstStaticPadTemplate src_template
    = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
                               GST_STATIC_CAPS ("video/quicktime"));

static GstFlowReturn
push (MedleyMp4Finish *self, GstBuffer *buffer)
{
  self->written += gst_buffer_get_size (buffer);
  return gst_pad_push (self->src, buffer);
}

static GstFlowReturn
push_bytes (MedleyMp4Finish *self, GByteArray *bytes)
{
  GBytes *data = g_byte_array_free_to_bytes (bytes);
  GstBuffer *buffer = gst_buffer_new_wrapped_bytes (data);

  g_bytes_unref (data);
  return push (self, buffer);
}

/* Without an index the file stays as it is while it grows, and plays. */
static void
give_up (MedleyMp4Finish *self)
{
  g_warning ("the headers of an MP4 file are not understood: it stays a fragmented one");
  g_clear_pointer (&self->index, medley_mp4_index_free);
}

static GByteArray *
take_moov (MedleyMp4Finish *self, GByteArray *box)
{
  GByteArray *replacement;
  guint64 starts[2];

  GST_OBJECT_LOCK (self);
  memcpy (starts, self->starts, sizeof starts);
  GST_OBJECT_UNLOCK (self);
  for (guint i = 0; i < 2; i++)
    if (!GST_CLOCK_TIME_IS_VALID (starts[i]))
      starts[i] = 0;
  replacement = medley_mp4_index_set_moov (self->index, box->data, box->len, starts[0], starts[1]);
  if (replacement == NULL) {
    give_up (self);
    return box;
  }
  self->moov_place = self->written;
  g_byte_array_unref (box);
  return replacement;
}

/* Called with the header, and for a box that is read with all of it. Returns how long it must
 * be for the next call, 0 when what there is was pushed. */
static guint64
take_box (MedleyMp4Finish *self, GstFlowReturn *ret)
{
  guint64 size = medley_read_be32 (self->box->data);
  const char *type = (const char *) self->box->data + 4;
  gboolean is_moov = memcmp (type, "moov", 4) == 0;
  gboolean is_read = self->index != NULL && (is_moov || memcmp (type, "moof", 4) == 0);
  GByteArray *box;

  if (size == 1) {
    if (self->box->len < MEDLEY_BOX_LONG_HEADER)
      return MEDLEY_BOX_LONG_HEADER;
    size = medley_read_be64 (self->box->data + MEDLEY_BOX_HEADER);
  }
  if (size < self->box->len) {
    if (self->index != NULL)
      give_up (self);
    size = G_MAXUINT64;
  } else if (is_read && size <= LARGEST_HEADERS && self->box->len < size) {
    return size;
  }
  box = g_steal_pointer (&self->box);
  self->box = g_byte_array_new ();
  self->left = size - box->len;
  if (is_read && self->left == 0) {
    if (is_moov)
      box = take_moov (self, box);
    else if (!medley_mp4_index_add_moof (self->index, box->data, box->len, self->written))
      give_up (self);
  } else if (is_read) {
    give_up (self);
  }
  *ret = push_bytes (self, box);
  return 0;
}

static GstFlowReturn
chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  MedleyMp4Finish *self = MEDLEY_MP4_FINISH (parent);
  GstFlowReturn ret = GST_FLOW_OK;
  gsize at = 0, size = gst_buffer_get_size (buffer);

  while (at < size && ret == GST_FLOW_OK) {
    gsize n;

    if (self->left > 0) {
      n = (gsize) MIN (self->left, size - at);

      ret = push (self, n == size ? gst_buffer_ref (buffer)
                                  : gst_buffer_copy_region (buffer, GST_BUFFER_COPY_ALL, at, n));
      self->left -= n;
      at += n;
      continue;
    }
    n = (gsize) MIN (self->wanted - self->box->len, size - at);
    g_byte_array_set_size (self->box, self->box->len + (guint) n);
    gst_buffer_extract (buffer, at, self->box->data + self->box->len - n, n);
    at += n;
    if (self->box->len == self->wanted) {
      guint64 wanted = take_box (self, &ret);

      self->wanted = wanted > 0 ? wanted : MEDLEY_BOX_HEADER;
    }
  }
  gst_buffer_unref (buffer);
  return ret;
}

static void
finish (MedleyMp4Finish *self)
{
  g_autoptr (GByteArray) moov = NULL;
  GByteArray *tail, *head;
  guint8 header[MEDLEY_BOX_LONG_HEADER];
  GstSegment segment;
  guint64 covered;

  if (self->index == NULL || self->left > 0 || self->box->len > 0)
    return;
  moov = medley_mp4_index_finish (self->index);
  if (moov == NULL || moov->len > G_MAXUINT32 - MEDLEY_BOX_HEADER)
    return;
  tail = g_byte_array_new ();
  medley_write_be32 (header, moov->len + MEDLEY_BOX_HEADER);
  memcpy (header + 4, "free", 4);
  g_byte_array_append (tail, header, MEDLEY_BOX_HEADER);
  covered = self->written + MEDLEY_BOX_HEADER - self->moov_place;
  g_byte_array_append (tail, moov->data, moov->len);
  if (push_bytes (self, tail) != GST_FLOW_OK)
    return;

  memcpy (header + 4, "mdat", 4);
  medley_write_be32 (header, covered > G_MAXUINT32 ? 1 : (guint32) covered);
  medley_write_be64 (header + MEDLEY_BOX_HEADER, covered);
  head = g_byte_array_append (g_byte_array_new (), header,
                              covered > G_MAXUINT32 ? MEDLEY_BOX_LONG_HEADER : MEDLEY_BOX_HEADER);
  gst_segment_init (&segment, GST_FORMAT_BYTES);
  segment.start = self->moov_place;
  gst_pad_push_event (self->src, gst_event_new_segment (&segment));
  push_bytes (self, head);
}

static gboolean
sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  MedleyMp4Finish *self = MEDLEY_MP4_FINISH (parent);

  if (GST_EVENT_TYPE (event) == GST_EVENT_EOS)
    finish (self);
  return gst_pad_event_default (pad, parent, event);
}

static gboolean
sink_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  GstFormat format;

  if (GST_QUERY_TYPE (query) != GST_QUERY_SEEKING)
    return gst_pad_query_default (pad, parent, query);
  /* Then the muxer leaves alone what it has written. */
  gst_query_parse_seeking (query, &format, NULL, NULL, NULL);
  gst_query_set_seeking (query, format, FALSE, 0, -1);
  return TRUE;
}

typedef struct {
  MedleyMp4Finish *finish; /* in the same pipeline as the pad */
  gboolean is_audio;
} Watch;

static GstPadProbeReturn
track_starts (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
  g_autoptr (GstEvent) event = gst_pad_get_sticky_event (pad, GST_EVENT_SEGMENT, 0);
  const GstSegment *segment;
  Watch *watch = data;

  if (event == NULL || !GST_BUFFER_PTS_IS_VALID (buffer))
    return GST_PAD_PROBE_OK;
  gst_event_parse_segment (event, &segment);
  if (segment->format == GST_FORMAT_TIME) {
    GST_OBJECT_LOCK (watch->finish);
    watch->finish->starts[watch->is_audio]
        = gst_segment_to_running_time (segment, GST_FORMAT_TIME, GST_BUFFER_PTS (buffer));
    GST_OBJECT_UNLOCK (watch->finish);
  }
  return GST_PAD_PROBE_REMOVE;
}

static void
pad_added (GstElement *muxer, GstPad *pad, gpointer data)
{
  Watch *watch;

  if (!GST_PAD_IS_SINK (pad))
    return;
  watch = g_new0 (Watch, 1);
  watch->finish = data;
  watch->is_audio = g_str_has_prefix (GST_PAD_NAME (pad), "audio");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, track_starts, watch, g_free);
}

void
medley_mp4_finish_watch (MedleyMp4Finish *self, GstElement *muxer)
{
  g_signal_connect_object (muxer, "pad-added", G_CALLBACK (pad_added), self, 0);
}

static void
finalize (GObject *object)
{
  MedleyMp4Finish *self = MEDLEY_MP4_FINISH (object);

  g_clear_pointer (&self->index, medley_mp4_index_free);
  g_byte_array_unref (self->box);
  G_OBJECT_CLASS (medley_mp4_finish_parent_class)->finalize (object);
}

static void
medley_mp4_finish_class_init (MedleyMp4FinishClass *klass)
{
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = finalize;
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Medley MP4 finisher", "Formatter",
                                         "Makes a plain MP4 of a fragmented one, in its place",
                                         "Medley");
}

static void
medley_mp4_finish_init (MedleyMp4Finish *self)
{
  self->index = medley_mp4_index_new ();
  self->box = g_byte_array_new ();
  self->wanted = MEDLEY_BOX_HEADER;
  self->starts[0] = self->starts[1] = GST_CLOCK_TIME_NONE;
  self->sink = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sink, chain);
  gst_pad_set_event_function (self->sink, sink_event);
  gst_pad_set_query_function (self->sink, sink_query);
  self->src = gst_pad_new_from_static_template (&src_template, "src");
  gst_element_add_pad (GST_ELEMENT (self), self->sink);
  gst_element_add_pad (GST_ELEMENT (self), self->src);
}

GstElement *
medley_mp4_finish_new (void)
{
  return g_object_new (MEDLEY_TYPE_MP4_FINISH, NULL);
}
