/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/video/video.h>

G_BEGIN_DECLS

/* Turns pictures into video buffers: each picture is converted once, and pushed as often as it is
 * needed as new buffers around the same memory. A few memories serve any length of video. */

typedef struct _StoryboardFrames StoryboardFrames;

/* @info: format, size and colorimetry of the output. */
StoryboardFrames *
storyboard_frames_new (const GstVideoInfo *info);
void
storyboard_frames_free (StoryboardFrames *self);

/* Converts the next picture, xRGB in native-endian 32 bits as Cairo draws it. */
void
storyboard_frames_set (StoryboardFrames *self, const guint8 *pixels, gsize stride);

/* A new buffer with the latest picture; its memory is shared and read-only. */
GstBuffer *
storyboard_frames_get (StoryboardFrames *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (StoryboardFrames, storyboard_frames_free)

G_END_DECLS
