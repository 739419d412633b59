/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "runner/monitor.h"

G_BEGIN_DECLS

/**
 * medley_decoder_add:
 * @bin: where it goes
 * @node: whose data is decoded
 * @max_pixels: most pixels of a picture, 0 for no limit
 *
 * Adds GStreamer's decoder for whatever comes. It has one `sink` pad.
 *
 * Returns: (transfer none) (nullable): the decoder; on %NULL an error message is on the bus
 */
GstElement *
medley_decoder_add (GstBin *bin, MedleyNode *node, guint64 max_pixels);

/**
 * medley_decoder_take:
 * @decoder: a decoder that does not run yet
 * @video: pictures, or sound
 * @reader: who wants them, for messages
 *
 * Asks for the first stream of a kind, raw; others are not decoded. What has no such stream fails
 * with %MEDLEY_ERROR_BAD_INPUT. Can be called several times for several readers.
 *
 * Returns: (transfer full) (nullable): a pad that gives it
 */
GstPad *
medley_decoder_take (GstElement *decoder, gboolean video, MedleyNode *reader);

/* Brings a decoder and what stands behind it to the state of the pipeline. */
gboolean
medley_decoder_start (GstElement *decoder);

/* An error message on the bus: what comes from @node has no @what ("sound") that @reader could
 * take. */
void
medley_decoder_post_unmet (GstBin *bin, const MedleyNode *node, const char *what,
                           const MedleyNode *reader);

G_END_DECLS
