/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/base/gstbasesink.h>

#include "runner/monitor.h"

G_BEGIN_DECLS

/**
 * MedleyOutputSink:
 *
 * Writes a job's output to a regular file. Each buffer is in the file when the next one is taken,
 * so that a reader can follow; muxers may go back and complete their headers. Tells the node of the
 * first bytes written and of the end.
 *
 * Errors name the output: %MEDLEY_ERROR_OUTPUT_TOO_LARGE, %MEDLEY_ERROR_NO_SPACE, %MEDLEY_ERROR_IO.
 */
#define MEDLEY_TYPE_OUTPUT_SINK (medley_output_sink_get_type ())
G_DECLARE_FINAL_TYPE (MedleyOutputSink, medley_output_sink, MEDLEY, OUTPUT_SINK, GstBaseSink)

/**
 * medley_output_sink_new:
 * @node: the output
 * @file: descriptor of a regular file, opened for writing; stays the caller's, must outlive the
 * element
 * @max_bytes: longest output, 0 for no limit
 *
 * Returns: (transfer floating): a sink
 */
GstElement *
medley_output_sink_new (MedleyNode *node, int file, guint64 max_bytes);

/* Length of what was written so far. Any thread. */
guint64
medley_output_sink_get_size (MedleyOutputSink *self);

/* Whether the end has come. Any thread. */
gboolean
medley_output_sink_is_finished (MedleyOutputSink *self);

G_END_DECLS
