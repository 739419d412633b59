/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "base/media.h"

G_BEGIN_DECLS

/**
 * MedleyFlow:
 * @caps: what may flow, %NULL when unknown
 * @modality: what it carries
 * @coded: whether it is encoded sound, picture or film
 *
 * What is known before a run of what a port gives.
 */
typedef struct {
  GstCaps *caps;
  MedleyModality modality;
  gboolean coded;
} MedleyFlow;

void
medley_flow_clear (MedleyFlow *flow);
/* Fills @flow (unset before) from a media type or wildcard, or from caps (transfer full). */
void
medley_flow_set_type (MedleyFlow *flow, const char *media_type);
void
medley_flow_set_caps (MedleyFlow *flow, GstCaps *caps);

/* How a port can be linked to a pad. */
typedef enum {
  MEDLEY_LINK_NONE,
  MEDLEY_LINK_DIRECT,
  MEDLEY_LINK_AUDIO,     /* raw sound, converted and resampled */
  MEDLEY_LINK_VIDEO,     /* raw pictures, converted and scaled */
  MEDLEY_LINK_SUBTITLES, /* subtitles in a file's form, to timed text */
  MEDLEY_LINK_DECODE_AUDIO,
  MEDLEY_LINK_DECODE_VIDEO,
  MEDLEY_LINK_IMAGE, /* an encoded image: as it is or decoded, which its caps will tell */
} MedleyLinkKind;

/**
 * medley_flow_decide:
 * @flow: what comes
 * @sink: what is taken
 *
 * Returns: how to link, %MEDLEY_LINK_NONE when the two cannot meet
 */
MedleyLinkKind
medley_flow_decide (const MedleyFlow *flow, GstCaps *sink);

/* Whether caps have a structure of this name, or of this prefix when it ends in "/". */
gboolean
medley_caps_have (const GstCaps *caps, const char *name);

/* (transfer full): caps as text, shortened for messages */
char *
medley_caps_to_text (const GstCaps *caps);

G_END_DECLS
