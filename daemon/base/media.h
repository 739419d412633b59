/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * MedleyModality:
 *
 * What a stream carries.
 */
typedef enum {
  MEDLEY_MODALITY_TEXT,
  MEDLEY_MODALITY_IMAGE,
  MEDLEY_MODALITY_AUDIO,
  MEDLEY_MODALITY_VIDEO,
  MEDLEY_MODALITY_MODEL3D,
  MEDLEY_MODALITY_DATA,
} MedleyModality;

/**
 * MedleyMediaType:
 * @name: the media type ("video/mp4")
 * @modality: what it carries
 * @extensions: file name extensions without the dot, separated by spaces; the first is the usual
 * one
 * @caps: GStreamer caps of the whole stream, as text; for an output with tracks the container's
 * @audio_caps: (nullable): caps of its audio track, when an output of this type may have one
 * @video_caps: (nullable): caps of its video or image track, when an output of this type may have
 * one
 * @writable: whether an output may have this type
 *
 * One row of the one table that maps media types to GStreamer caps.
 */
typedef struct {
  const char *name;
  MedleyModality modality;
  const char *extensions;
  const char *caps;
  const char *audio_caps;
  const char *video_caps;
  gboolean writable;
} MedleyMediaType;

/**
 * medley_media_lookup:
 * @name: a media type; parameters after ";" and case are ignored
 *
 * Returns: (transfer none) (nullable): the row
 */
const MedleyMediaType *
medley_media_lookup (const char *name);

/**
 * medley_media_normalize:
 * @name: a media type that an output shall have, with parameters after ";"
 * @error: %MEDLEY_ERROR_UNSUPPORTED_TYPE when no output can have it
 *
 * Bare samples may be asked for with "rate" (8000 to 192000) and "channels" (1 to 8):
 * "audio/pcm;rate=24000;channels=1". Parameters of other types are dropped.
 *
 * Returns: (transfer full) (nullable): the type as it is written in the table, with the parameters
 * that count
 */
char *
medley_media_normalize (const char *name, GError **error);

/**
 * medley_media_get_parameter:
 * @name: a media type as medley_media_normalize() makes it
 * @parameter: "rate" or "channels"
 *
 * Returns: its value, 0 when the type does not have it
 */
guint
medley_media_get_parameter (const char *name, const char *parameter);

/**
 * medley_media_for_file_name:
 * @file_name: a path or a name
 *
 * Returns: (transfer none) (nullable): the row by the name's extension
 */
const MedleyMediaType *
medley_media_for_file_name (const char *file_name);

/**
 * medley_media_is_wildcard:
 * @name: a media type
 *
 * An input may have a wildcard as its type: what it is shows from its first bytes.
 *
 * Returns: whether it is the wildcard of images, audio or video
 */
gboolean
medley_media_is_wildcard (const char *name);

/**
 * medley_media_modality:
 * @name: a media type or a wildcard
 *
 * Returns: its modality, %MEDLEY_MODALITY_DATA when unknown
 */
MedleyModality
medley_media_modality (const char *name);

/**
 * medley_media_list:
 * @n_types: (out): how many
 *
 * Returns: (array length=n_types) (transfer none): the table
 */
const MedleyMediaType *
medley_media_list (guint *n_types);

/**
 * medley_modality_to_string:
 * @modality: a modality
 *
 * Returns: "text", "image", "audio", "video", "model3d" or "data"
 */
const char *
medley_modality_to_string (MedleyModality modality);

G_END_DECLS
