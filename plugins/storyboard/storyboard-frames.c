/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storyboard-frames.h"

#include <string.h>

/* Encoders hold a frame or two; with more in flight, memories are made and freed as needed. */
#define SLOTS 4

#if G_BYTE_ORDER == G_LITTLE_ENDIAN
#define CAIRO_VIDEO_FORMAT GST_VIDEO_FORMAT_BGRx
#else
#define CAIRO_VIDEO_FORMAT GST_VIDEO_FORMAT_xRGB
#endif

struct _StoryboardFrames {
  GstVideoInfo in, out;
  GstVideoConverter *converter; /* NULL: the output is in Cairo's own format */
  GstBuffer *slots[SLOTS]; /* each keeps its memory locked: no element downstream writes to it */
  guint current;
};

StoryboardFrames *
storyboard_frames_new (const GstVideoInfo *info)
{
  StoryboardFrames *self = g_new0 (StoryboardFrames, 1);

  self->out = *info;
  gst_video_info_set_format (&self->in, CAIRO_VIDEO_FORMAT, info->width, info->height);
  self->in.fps_n = info->fps_n;
  self->in.fps_d = info->fps_d;
  if (info->finfo->format != CAIRO_VIDEO_FORMAT)
    self->converter = gst_video_converter_new (&self->in, &self->out, NULL);
  return self;
}

void
storyboard_frames_free (StoryboardFrames *self)
{
  for (guint i = 0; i < SLOTS; i++)
    gst_clear_buffer (&self->slots[i]);
  g_clear_pointer (&self->converter, gst_video_converter_free);
  g_free (self);
}

/* A memory that nobody downstream looks at any more, or a new one. */
static GstBuffer *
take_slot (StoryboardFrames *self)
{
  guint next = (self->current + 1) % SLOTS;

  for (guint i = 0; i < SLOTS; i++) {
    guint n = (self->current + i) % SLOTS;

    if (self->slots[n]
        && GST_MINI_OBJECT_REFCOUNT_VALUE (gst_buffer_peek_memory (self->slots[n], 0)) == 1) {
      self->current = n;
      return self->slots[n];
    }
    if (!self->slots[n])
      next = n;
  }
  gst_clear_buffer (&self->slots[next]);
  self->slots[next] = gst_buffer_new_allocate (NULL, self->out.size, NULL);
  self->current = next;
  return self->slots[next];
}

static void
copy_rows (const StoryboardFrames *self, const guint8 *pixels, gsize stride, GstVideoFrame *frame)
{
  guint8 *out = GST_VIDEO_FRAME_PLANE_DATA (frame, 0);
  gsize out_stride = GST_VIDEO_FRAME_PLANE_STRIDE (frame, 0);

  for (int y = 0; y < self->out.height; y++)
    memcpy (out + y * out_stride, pixels + y * stride, (gsize) self->out.width * 4);
}

void
storyboard_frames_set (StoryboardFrames *self, const guint8 *pixels, gsize stride)
{
  GstBuffer *buffer = take_slot (self);
  GstVideoFrame out, in = { .info = self->in };

  if (!gst_video_frame_map (&out, &self->out, buffer, GST_MAP_WRITE)) {
    g_warn_if_reached (); /* it is ours, of the right size, and unshared */
    return;
  }
  if (self->converter) {
    in.data[0] = (gpointer) pixels;
    in.info.stride[0] = (int) stride;
    gst_video_converter_frame (self->converter, &in, &out);
  } else {
    copy_rows (self, pixels, stride, &out);
  }
  gst_video_frame_unmap (&out);
}

GstBuffer *
storyboard_frames_get (StoryboardFrames *self)
{
  return gst_buffer_copy (self->slots[self->current]);
}
