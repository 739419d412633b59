/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define MEDLEY_MP4_TRACKS 16

/**
 * MedleyMp4Track:
 * @id: its number in the file
 * @timescale: units of its times in a second
 * @is_video: it is a picture
 * @is_audio: it is sound
 * @default_duration: of a sample, in units, where a fragment says nothing
 * @default_flags: of a sample, where a fragment says nothing
 * @codec: as in the parameter `codecs` of RFC 6381; empty when not known
 * @width: of a picture, in pixels; 0 when not known
 * @height: of a picture, in pixels; 0 when not known
 *
 * What the `moov` of a fragmented MP4 says of a track.
 */
typedef struct {
  guint32 id;
  guint32 timescale;
  gboolean is_video;
  gboolean is_audio;
  guint32 default_duration;
  guint32 default_flags;
  char codec[16];
  guint width;
  guint height;
} MedleyMp4Track;

/**
 * MedleyMp4Fragment:
 * @track: index of its track
 * @start: when it starts, in microseconds
 * @end: when it ends, in microseconds
 * @is_key: whether its first sample can be decoded without those before it
 *
 * What a `moof` says of a track.
 */
typedef struct {
  guint track;
  guint64 start;
  guint64 end;
  gboolean is_key;
} MedleyMp4Fragment;

/* Both are pure and believe nothing: who wrote the file has read hostile media. */

/**
 * medley_mp4_read_tracks:
 * @moov: (array length=length): the whole box
 * @error: %MEDLEY_ERROR_UNSUPPORTED_TYPE when it is not understood
 *
 * Returns: (transfer full) (nullable) (element-type MedleyMp4Track): the tracks, at least one of
 * them picture or sound
 */
GArray *
medley_mp4_read_tracks (const guint8 *moov, gsize length, GError **error);

/**
 * medley_mp4_read_fragments:
 * @tracks: (element-type MedleyMp4Track): what medley_mp4_read_tracks() gave
 * @moof: (array length=length): the whole box
 * @fragments: (out caller-allocates) (array length=n_fragments): at least %MEDLEY_MP4_TRACKS; those
 * with samples
 * @n_fragments: (out): how many
 * @error: %MEDLEY_ERROR_UNSUPPORTED_TYPE when it is not understood
 *
 * Returns: whether it was understood
 */
gboolean
medley_mp4_read_fragments (GArray *tracks, const guint8 *moof, gsize length,
                           MedleyMp4Fragment *fragments, guint *n_fragments, GError **error);

G_END_DECLS
