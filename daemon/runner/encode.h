/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "runner/flow.h"
#include "runner/monitor.h"

G_BEGIN_DECLS

/**
 * MedleyEncodeSource:
 * @pad: where it comes from
 * @node: whose it is
 * @flow: what comes
 */
typedef struct {
  GstPad *pad;
  MedleyNode *node;
  MedleyFlow flow;
} MedleyEncodeSource;

/**
 * medley_encode_get_kind:
 * @type: media type of an output
 * @flow: what is to be written
 *
 * Returns: how the encoder wants it: decoded, or as it is; %MEDLEY_LINK_NONE when it can make
 * nothing of it
 */
MedleyLinkKind
medley_encode_get_kind (const char *type, const MedleyFlow *flow);

/**
 * medley_encode_make:
 * @bin: where the elements go
 * @node: the output
 * @type: its media type
 * @sources: (array length=n_sources): what is written
 * @n_sources: how many
 * @sink: the element that takes the file's bytes, already in @bin
 * @max_pixels: most pixels of a picture, 0 for no limit
 * @code: (out) (transfer none): kind of fault on failure
 * @error: why not: %MEDLEY_ERROR_UNSUPPORTED_TYPE, %MEDLEY_ERROR_INVALID_PIPELINE
 *
 * Builds what turns raw data into a file of a media type: by GStreamer's encoding profiles, made
 * from the one table of media types, or by text writers.
 */
gboolean
medley_encode_make (GstBin *bin, MedleyNode *node, const char *type,
                    const MedleyEncodeSource *sources, guint n_sources, GstElement *sink,
                    guint64 max_pixels, const char **code, GError **error);

G_END_DECLS
