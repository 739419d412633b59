/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "converter-private.h"

#include <medley/medley-error.h>

/* Longer text is handed on in pieces, so that an engine's work on one can be cancelled and
 * reported. */
#define TEXT_PIECE_BYTES (256 * 1024)
#define PROGRESS_INTERVAL (G_USEC_PER_SEC / 10)

void
run_reset (MedleyConverter *self)
{
  Private *priv = converter_private (self);

  priv->flow = GST_FLOW_OK;
  priv->refused = NULL;
  priv->failed = FALSE;
  priv->drained = FALSE;
  text_input_reset (&priv->text);
  priv->bytes_in = 0;
  priv->engine_reports = FALSE;
  priv->reported_at = 0;
  priv->total_asked = FALSE;
  priv->total = 0;
  g_mutex_lock (&priv->lock);
  priv->position = GST_CLOCK_TIME_NONE;
  g_mutex_unlock (&priv->lock);
}

void
run_fail (MedleyConverter *self, GError *error)
{
  Private *priv = converter_private (self);

  if (!priv->failed) {
    priv->failed = TRUE;
    if (error->domain != MEDLEY_ERROR) {
      error->domain = MEDLEY_ERROR;
      error->code = MEDLEY_ERROR_ENGINE_FAILED;
    }
    gst_element_post_message (GST_ELEMENT (self),
                              gst_message_new_error (GST_OBJECT (self), error, NULL));
  }
  g_error_free (error);
}

/* Turns the outcome of a vfunc into a flow, and posts what nobody else will. */
static GstFlowReturn
settle (MedleyConverter *self, gboolean ok, GError *error)
{
  Private *priv = converter_private (self);

  if (!priv->failed && priv->flow == GST_FLOW_NOT_NEGOTIATED) {
    g_autofree char *caps = priv->refused->caps ? gst_caps_to_string (priv->refused->caps) : NULL;

    run_fail (self, g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_FAILED,
                                 "what follows port \"%s\" does not take %s",
                                 GST_PAD_NAME (priv->refused->pad), caps ? caps : "its caps"));
    g_clear_error (&error);
    return GST_FLOW_NOT_NEGOTIATED;
  }
  if (priv->failed || priv->flow != GST_FLOW_OK || ok) {
    g_clear_error (&error);
    return priv->failed ? GST_FLOW_ERROR : priv->flow;
  }
  if (converter_is_cancelled (self)) {
    g_clear_error (&error);
    return GST_FLOW_FLUSHING;
  }
  if (error == NULL)
    error = g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_ENGINE_FAILED,
                         "the engine failed and gave no reason");
  run_fail (self, error);
  return GST_FLOW_ERROR;
}

static guint64
total_bytes (MedleyConverter *self)
{
  Private *priv = converter_private (self);
  gint64 duration;

  if (!priv->total_asked) {
    priv->total_asked = TRUE;
    if (gst_pad_peer_query_duration (priv->sink, GST_FORMAT_BYTES, &duration) && duration > 0)
      priv->total = (guint64) duration;
  }
  return priv->total;
}

static void
post_progress (MedleyConverter *self, guint64 done, gboolean last)
{
  Private *priv = converter_private (self);
  gint64 now = g_get_monotonic_time ();
  guint64 total;

  if (!last && priv->reported_at != 0 && now - priv->reported_at < PROGRESS_INTERVAL)
    return;
  priv->reported_at = now;
  total = last ? done : total_bytes (self);
  /* Upstream may know the size of something that it decodes. */
  if (total < done)
    total = 0;
  gst_element_post_message (
      GST_ELEMENT (self),
      gst_message_new_element (GST_OBJECT (self),
                               gst_structure_new ("medley-progress", "done", G_TYPE_UINT64, done,
                                                  "total", G_TYPE_UINT64, total, NULL)));
}

void
medley_converter_report_progress (MedleyConverter *self, guint64 done)
{
  g_return_if_fail (MEDLEY_IS_CONVERTER (self));

  converter_private (self)->engine_reports = TRUE;
  post_progress (self, done, FALSE);
}

static GstFlowReturn
process (MedleyConverter *self, GstBuffer *buffer)
{
  MedleyConverterClass *klass = MEDLEY_CONVERTER_GET_CLASS (self);
  g_autoptr (GCancellable) cancellable = converter_ref_cancellable (self);
  GError *error = NULL;
  gboolean ok;

  if (g_cancellable_is_cancelled (cancellable))
    return GST_FLOW_FLUSHING;
  ok = klass->process (self, buffer, cancellable, &error);
  return settle (self, ok, error);
}

/* Places the buffer on the timeline that starts at 0, as the output's segments do. */
static GstBuffer *
to_running_time (Private *priv, GstBuffer *buffer)
{
  guint64 time;

  if (priv->segment.format != GST_FORMAT_TIME || !GST_BUFFER_PTS_IS_VALID (buffer))
    return buffer;
  time = gst_segment_to_running_time (&priv->segment, GST_FORMAT_TIME, GST_BUFFER_PTS (buffer));
  if (time == GST_BUFFER_PTS (buffer))
    return buffer;
  if (!GST_CLOCK_TIME_IS_VALID (time)) {
    GstClockTime end = GST_BUFFER_PTS (buffer);

    if (GST_BUFFER_DURATION_IS_VALID (buffer))
      end += GST_BUFFER_DURATION (buffer);
    if (end <= priv->segment.start || priv->segment.rate < 0
        || (GST_CLOCK_TIME_IS_VALID (priv->segment.stop)
            && GST_BUFFER_PTS (buffer) >= priv->segment.stop)) {
      gst_buffer_unref (buffer);
      return NULL;
    }
    time = gst_segment_to_running_time (&priv->segment, GST_FORMAT_TIME, priv->segment.start);
    buffer = gst_buffer_make_writable (buffer);
    GST_BUFFER_DURATION (buffer) = end - priv->segment.start;
  }
  buffer = gst_buffer_make_writable (buffer);
  GST_BUFFER_PTS (buffer) = time;
  GST_BUFFER_DTS (buffer) = GST_CLOCK_TIME_NONE;
  return buffer;
}

static GstFlowReturn
process_slices (MedleyConverter *self, GstBuffer *buffer, const guint8 *data, gsize start,
                gsize length)
{
  GstFlowReturn ret = GST_FLOW_OK;

  while (length > 0 && ret == GST_FLOW_OK) {
    gsize n = MIN (length, TEXT_PIECE_BYTES);
    GstBuffer *slice;

    while (n < length && (data[start + n] & 0xc0) == 0x80)
      n--;
    slice = gst_buffer_copy_region (buffer, GST_BUFFER_COPY_ALL, start, n);
    ret = process (self, slice);
    gst_buffer_unref (slice);
    start += n;
    length -= n;
  }
  return ret;
}

static GstFlowReturn
process_text (MedleyConverter *self, GstBuffer *buffer)
{
  Private *priv = converter_private (self);
  GstFlowReturn ret = GST_FLOW_OK;
  GError *error = NULL;
  TextPiece piece;
  GstMapInfo map;

  if (!gst_buffer_map (buffer, &map, GST_MAP_READ)) {
    run_fail (self, g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_IO, "the input cannot be read"));
    return GST_FLOW_ERROR;
  }
  if (!text_input_push (&priv->text, map.data, map.size, &piece, &error)) {
    run_fail (self, error);
    ret = GST_FLOW_ERROR;
  } else if (piece.n_head > 0) {
    GstBuffer *head = gst_buffer_new_memdup (piece.head, piece.n_head);

    gst_buffer_copy_into (head, buffer, GST_BUFFER_COPY_TIMESTAMPS, 0, 0);
    ret = process (self, head);
    gst_buffer_unref (head);
  }
  if (ret == GST_FLOW_OK) {
    if (piece.length == map.size && map.size <= TEXT_PIECE_BYTES)
      ret = process (self, buffer);
    else
      ret = process_slices (self, buffer, map.data, piece.start, piece.length);
  }
  gst_buffer_unmap (buffer, &map);
  return ret;
}

GstFlowReturn
run_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  MedleyConverter *self = MEDLEY_CONVERTER (parent);
  Private *priv = converter_private (self);
  gsize size = gst_buffer_get_size (buffer);
  GstFlowReturn ret;
  guint64 max;

  if (priv->failed) {
    gst_buffer_unref (buffer);
    return GST_FLOW_ERROR;
  }
  g_mutex_lock (&priv->lock);
  max = priv->max_input;
  g_mutex_unlock (&priv->lock);
  if (max > 0 && size > max - MIN (max, priv->bytes_in)) {
    run_fail (self, g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_TOO_LARGE,
                                 "the input is longer than %" G_GUINT64_FORMAT
                                 " bytes, the limit that max-input-bytes sets",
                                 max));
    gst_buffer_unref (buffer);
    return GST_FLOW_ERROR;
  }
  priv->flow = GST_FLOW_OK;
  priv->bytes_in += size;
  buffer = to_running_time (priv, buffer);
  if (buffer == NULL)
    return GST_FLOW_OK;
  if (MEDLEY_CONVERTER_GET_CLASS (self)->text_input)
    ret = process_text (self, buffer);
  else
    ret = process (self, buffer);
  gst_buffer_unref (buffer);
  if (ret == GST_FLOW_OK && !priv->engine_reports)
    post_progress (self, priv->bytes_in, FALSE);
  return ret;
}

gboolean
run_caps (MedleyConverter *self, GstCaps *caps)
{
  MedleyConverterClass *klass = MEDLEY_CONVERTER_GET_CLASS (self);
  Private *priv = converter_private (self);
  GError *error = NULL;
  gboolean ok;

  if (klass->input_caps == NULL || priv->failed)
    return !priv->failed;
  priv->flow = GST_FLOW_OK;
  ok = klass->input_caps (self, caps, &error);
  return settle (self, ok, error) == GST_FLOW_OK;
}

gboolean
run_idle (MedleyConverter *self)
{
  MedleyConverterClass *klass = MEDLEY_CONVERTER_GET_CLASS (self);
  Private *priv = converter_private (self);
  g_autoptr (GCancellable) cancellable = converter_ref_cancellable (self);
  GError *error = NULL;
  gboolean ok;

  if (klass->idle == NULL || priv->failed || priv->bytes_in == 0)
    return !priv->failed;
  priv->flow = GST_FLOW_OK;
  ok = klass->idle (self, cancellable, &error);
  return settle (self, ok, error) == GST_FLOW_OK;
}

static gboolean
drain (MedleyConverter *self, GCancellable *cancellable, GError **error)
{
  MedleyConverterClass *klass = MEDLEY_CONVERTER_GET_CLASS (self);
  Private *priv = converter_private (self);

  if (priv->bytes_in == 0
      || (klass->text_input && priv->text.delivered == 0 && priv->text.n_carry == 0)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_EMPTY_INPUT, "the input is empty");
    return FALSE;
  }
  if (klass->text_input && !text_input_finish (&priv->text, error))
    return FALSE;
  return klass->drain == NULL || klass->drain (self, cancellable, error);
}

/* Returns whether EOS may follow: not while flushing. After an error it may: a muxer closes its
 * file. */
gboolean
run_drain (MedleyConverter *self)
{
  Private *priv = converter_private (self);
  g_autoptr (GCancellable) cancellable = converter_ref_cancellable (self);
  GstFlowReturn ret = priv->flow;
  GError *error = NULL;
  gboolean ok;

  if (priv->drained)
    return TRUE;
  priv->drained = TRUE;
  if (priv->failed)
    return TRUE;
  if (ret == GST_FLOW_OK) {
    ok = drain (self, cancellable, &error);
    ret = settle (self, ok, error);
  }
  if (ret == GST_FLOW_OK)
    post_progress (self, priv->bytes_in, TRUE);
  /* An event has no flow to return: upstream cannot report this. */
  if (ret == GST_FLOW_NOT_LINKED)
    run_fail (self, g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_FAILED, "no output is linked"));
  return ret != GST_FLOW_FLUSHING;
}
