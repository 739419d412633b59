/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/mp4-scan.h"
#include "http/vtt-scan.h"

G_BEGIN_DECLS

#define MEDLEY_HLS_TYPE "application/vnd.apple.mpegurl"
/* Seconds that no segment is longer than, unless a single picture stands for longer. */
#define MEDLEY_HLS_TARGET 6

/**
 * medley_hls_print_master:
 * @scan: a scan that knows its initialisation segment
 * @captions: (nullable) (array zero-terminated=1): names of outputs with captions
 *
 * Returns: (transfer full): the multivariant playlist, index.m3u8
 */
char *
medley_hls_print_master (MedleyMp4Scan *scan, const char *const *captions);

/**
 * medley_hls_print_media:
 * @scan: a scan that knows its initialisation segment
 * @is_complete: whether no more segments will come
 *
 * What was printed for a scan before is always the beginning of what is printed later.
 *
 * Returns: (transfer full): the media playlist, media.m3u8
 */
char *
medley_hls_print_media (MedleyMp4Scan *scan, gboolean is_complete);

/**
 * medley_hls_print_captions:
 * @scan: captions
 * @name: name of their output
 * @is_complete: whether no more will come
 *
 * Returns: (transfer full): the media playlist of captions, captions/NAME.m3u8
 */
char *
medley_hls_print_captions (MedleyVttScan *scan, const char *name, gboolean is_complete);

G_END_DECLS
