/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Seconds of a segment of captions; the last one may be shorter. */
#define MEDLEY_VTT_SEGMENT 6

/**
 * MedleyVttScan:
 *
 * Divides WebVTT captions into segments while they are written: segment N has the cues of the time
 * from N times six seconds on, so that one which reaches over a border is in both. A segment is
 * there when a cue behind it is, since cues come in the order of their starts. Keeps the text,
 * which is small; believes nothing. Pure. Not for several threads at once.
 */
typedef struct _MedleyVttScan MedleyVttScan;

MedleyVttScan *
medley_vtt_scan_new (void);
void
medley_vtt_scan_free (MedleyVttScan *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyVttScan, medley_vtt_scan_free)

/* how much of the file it has taken */
guint64
medley_vtt_scan_get_offset (MedleyVttScan *self);

/**
 * medley_vtt_scan_feed:
 * @text: (array length=length): what comes next in the file
 * @error: %MEDLEY_ERROR_UNSUPPORTED_TYPE when it is no WebVTT, or more than 2 MiB or 100 hours
 *
 * Returns: whether it was understood
 */
gboolean
medley_vtt_scan_feed (MedleyVttScan *self, const char *text, gsize length, GError **error);

/* The file does not grow any more. */
void
medley_vtt_scan_finish (MedleyVttScan *self);

guint
medley_vtt_scan_get_n_segments (MedleyVttScan *self);
/* how long segment @n is, in microseconds */
guint64
medley_vtt_scan_get_duration (MedleyVttScan *self, guint n);
/* (transfer full): segment @n, a WebVTT text of its own */
GBytes *
medley_vtt_scan_make_segment (MedleyVttScan *self, guint n);

G_END_DECLS
