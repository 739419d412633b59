/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * medley_encode_tune:
 * @element: an encoder or muxer, or anything else
 *
 * Sets what the product needs of GStreamer's encoders and muxers. Setting these in an encoding
 * profile is no way: mp4mux refuses its two there.
 */
void
medley_encode_tune (GstElement *element);

G_END_DECLS
