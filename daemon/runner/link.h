/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "runner/flow.h"
#include "runner/monitor.h"

G_BEGIN_DECLS

/**
 * medley_link_make:
 * @bin: where the elements between the pads go
 * @from: a source pad
 * @from_node: whose it is
 * @to: a sink pad
 * @to_node: whose it is
 * @kind: how to link
 * @max_pixels: most pixels of a picture, 0 for no limit
 *
 * Links two pads through a queue and GStreamer's own decoders and converters.
 *
 * A queue of sound or pictures is bounded by bytes only, never by time or number: a muxer waits for
 * the slower of two tracks, and meanwhile the queue of the faster one must hold what comes between
 * two pieces of the slower: a sentence of sound, with a wide margin (three minutes), or some
 * pictures. What waits is raw data of one track, so memory stays below 64 MiB for a link, and below
 * 16 MiB for speech. Text and data are bounded by number as well (4,096 buffers, which take one or
 * two MiB however short they are): enough that a branch may wait for another that a file is joined
 * of.
 *
 * Returns: whether the pads could be linked
 */
gboolean
medley_link_make (GstBin *bin, GstPad *from, MedleyNode *from_node, GstPad *to, MedleyNode *to_node,
                  MedleyLinkKind kind, guint64 max_pixels);

/* Makes an element, adds it to a bin and tags it. (transfer none) (nullable): NULL when there is no
 * such factory; then an error message is on the bus. */
GstElement *
medley_link_add (GstBin *bin, MedleyNode *node, const char *factory);

G_END_DECLS
