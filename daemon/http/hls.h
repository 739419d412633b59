/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/mp4-scan.h"
#include "http/vtt-scan.h"
#include "job/output-reader.h"

G_BEGIN_DECLS

/**
 * MedleyHls:
 *
 * What is known of the segments of outputs that are watched. Each output is read through once for
 * all who watch it, by a thread, as far as it goes and only when somebody asks; it is remembered
 * for the outputs that were asked for last. Main thread only.
 */
typedef struct _MedleyHls MedleyHls;

MedleyHls *
medley_hls_new (void);
/* Looks may outlive it. */
void
medley_hls_free (MedleyHls *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyHls, medley_hls_free)

/**
 * MedleyHlsLook:
 *
 * A question about an output's segments, that may have to wait for the answer.
 */
typedef struct _MedleyHlsLook MedleyHlsLook;

/**
 * MedleyHlsView:
 * @film: (nullable): what there is of an MP4
 * @captions: (nullable): what there is of captions, an output of the type text/vtt
 * @is_complete: whether the output is complete, and this has all of it
 *
 * What is known of an output. One of the two is there.
 */
typedef struct {
  MedleyMp4Scan *film;
  MedleyVttScan *captions;
  gboolean is_complete;
} MedleyHlsView;

/**
 * MedleyHlsFunc:
 * @view: (nullable): what there is; until the function returns. %NULL with an error
 * @error: (nullable): the job's own when it failed; %MEDLEY_ERROR_UNSUPPORTED_TYPE when the output
 * cannot be divided
 * @data: as given
 *
 * Called once. May free the look.
 */
typedef void (*MedleyHlsFunc) (const MedleyHlsView *view, const GError *error, gpointer data);

/**
 * medley_hls_look:
 * @self: what is known
 * @job: a job
 * @output: name of an output of it
 * @n_segments: how many segments to wait for, or for the end; 0 not to wait
 * @seconds: longest time to wait, then there may be fewer; 0 for any time
 * @func: called from the main context, not before this returns
 * @data: for @func
 * @error: %MEDLEY_ERROR_NOT_FOUND
 *
 * Returns: (transfer full) (nullable): a look; free it, before or after @func was called
 */
MedleyHlsLook *
medley_hls_look (MedleyHls *self, MedleyJob *job, const char *output, guint n_segments,
                 guint seconds, MedleyHlsFunc func, gpointer data, GError **error);

/* Nothing is called any more. */
void
medley_hls_look_free (MedleyHlsLook *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyHlsLook, medley_hls_look_free)

G_END_DECLS
