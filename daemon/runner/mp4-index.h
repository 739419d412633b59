/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * MedleyMp4Index:
 *
 * Reads the headers of a fragmented MP4 as it is made, and makes the index of the plain file that
 * has the same samples at the same places.
 *
 * Knows what mp4mux writes: a `moov` without samples, then each `moof` before its `mdat`, with
 * places relative to the `moof`. About 5 bytes are kept for a sample. Not for several threads at
 * once.
 */
typedef struct _MedleyMp4Index MedleyMp4Index;

MedleyMp4Index *
medley_mp4_index_new (void);

void
medley_mp4_index_free (MedleyMp4Index *self);

/**
 * medley_mp4_index_set_moov:
 * @moov: (array length=size): the whole box
 * @video_start: when the picture starts, in nanoseconds
 * @audio_start: when the sound starts, in nanoseconds
 *
 * Takes the tracks. To be called once, before any fragment.
 *
 * Returns: (transfer full) (nullable): the box to write instead, which has no edit lists; %NULL
 * when the box is not understood
 */
GByteArray *
medley_mp4_index_set_moov (MedleyMp4Index *self, const guint8 *moov, gsize size,
                           GstClockTime video_start, GstClockTime audio_start);

/**
 * medley_mp4_index_add_moof:
 * @moof: (inout) (array length=size): the whole box; its times are moved by when its track starts,
 * since mp4mux places each track's first fragment at 0
 * @offset: where it begins in the file, in bytes
 *
 * Returns: whether it was understood; when not, no index can be made any more
 */
gboolean
medley_mp4_index_add_moof (MedleyMp4Index *self, guint8 *moof, gsize size, guint64 offset);

/**
 * medley_mp4_index_finish:
 *
 * Returns: (transfer full) (nullable): the `moov` of the plain file; %NULL when there were no
 * samples
 */
GByteArray *
medley_mp4_index_finish (MedleyMp4Index *self);

G_END_DECLS

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyMp4Index, medley_mp4_index_free)
