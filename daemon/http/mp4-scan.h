/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * MedleyMp4Segment:
 * @offset: place of its first byte in the file
 * @length: in bytes
 * @start: when it starts, in microseconds
 * @duration: in microseconds
 * @is_independent: whether it begins with a key frame
 *
 * A part of the file: whole fragments.
 */
typedef struct {
  guint64 offset;
  guint64 length;
  guint64 start;
  guint64 duration;
  gboolean is_independent;
} MedleyMp4Segment;

/* A segment ends at the first key frame after this time, in microseconds, and ... */
#define MEDLEY_MP4_SEGMENT_LEAST G_GUINT64_CONSTANT (2000000)
/* ... where none comes, before it would be longer than this, if it has more than one fragment. */
#define MEDLEY_MP4_SEGMENT_MOST G_GUINT64_CONSTANT (6000000)

/**
 * MedleyMp4Scan:
 *
 * Finds segments in a fragmented MP4 while it grows, and in the plain one that it becomes at its
 * end (runner/mp4-finish.h): there the first `moov`, whose header was replaced, is put together
 * again, so that a segment and the initialisation segment always are the same bytes. Reads only
 * headers, of which it says where they are; believes nothing; decodes no media. Pure. Not for
 * several threads at once.
 */
typedef struct _MedleyMp4Scan MedleyMp4Scan;

MedleyMp4Scan *
medley_mp4_scan_new (void);
void
medley_mp4_scan_free (MedleyMp4Scan *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyMp4Scan, medley_mp4_scan_free)

/**
 * medley_mp4_scan_wants:
 * @offset: (out): place in the file
 * @length: (out): how much of it, at most 4 MiB
 *
 * Returns: whether the scan goes on, with these bytes; %FALSE at its end, and after an error
 */
gboolean
medley_mp4_scan_wants (MedleyMp4Scan *self, guint64 *offset, gsize *length);

/**
 * medley_mp4_scan_take:
 * @data: (array length=length): the bytes that it wants
 * @error: %MEDLEY_ERROR_UNSUPPORTED_TYPE when the file is none that can be divided; the segments up
 * to here stay
 *
 * Returns: whether they were understood
 */
gboolean
medley_mp4_scan_take (MedleyMp4Scan *self, const guint8 *data, gsize length, GError **error);

/**
 * medley_mp4_scan_finish:
 * @size: bytes that the complete file has
 * @error: %MEDLEY_ERROR_UNSUPPORTED_TYPE when it ends within something
 *
 * The file does not grow any more: the last segment ends here.
 *
 * Returns: whether it is whole
 */
gboolean
medley_mp4_scan_finish (MedleyMp4Scan *self, guint64 size, GError **error);

/* (transfer none) (nullable) (array length=length): the initialisation segment, once it is known */
const guint8 *
medley_mp4_scan_get_init (MedleyMp4Scan *self, gsize *length);
/* (transfer none) (nullable): 16 hexadecimal digits that tell this file from the one that another
 * attempt makes; once the initialisation segment is known */
const char *
medley_mp4_scan_get_edition (MedleyMp4Scan *self);
guint
medley_mp4_scan_get_n_segments (MedleyMp4Scan *self);
/* (transfer none): valid until the scan goes on */
const MedleyMp4Segment *
medley_mp4_scan_get_segment (MedleyMp4Scan *self, guint n);
/* (transfer none) (nullable): of all tracks, for the parameter `codecs`; %NULL unless all are known
 */
const char *
medley_mp4_scan_get_codecs (MedleyMp4Scan *self);
/* of the picture, in pixels; 0 when there is none */
void
medley_mp4_scan_get_size (MedleyMp4Scan *self, guint *width, guint *height);

G_END_DECLS
