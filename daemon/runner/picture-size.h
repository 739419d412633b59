/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * medley_picture_size:
 * @data: the beginning of an image file, or all of it
 * @length: how many bytes
 * @width: (out): pixels
 * @height: (out): pixels
 *
 * Reads the size from the header of a PNG, JPEG, GIF, BMP, WebP, PNM or TIFF file (of a TIFF the
 * largest of its pages). Decoders make room for a picture before anybody can look at what they
 * announce; this is the look before.
 *
 * Returns: %FALSE when the header is of another format, cut off or damaged
 */
gboolean
medley_picture_size (const guint8 *data, gsize length, guint64 *width, guint64 *height);

G_END_DECLS
