/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/config.h"

G_BEGIN_DECLS

/**
 * medley_http_draw_async:
 * @config: paths.dot, limits.drawing-time and limits.drawing-bytes
 * @dot: a graph in Graphviz' language
 * @callback: called from the main context
 * @data: for @callback
 *
 * Has Graphviz draw a graph as SVG, in a process of its own that is ended past the limits.
 */
void
medley_http_draw_async (MedleyConfig *config, const char *dot, GAsyncReadyCallback callback,
                        gpointer data);

/**
 * medley_http_draw_finish:
 * @result: what the callback got
 * @error: %MEDLEY_ERROR_UNSUPPORTED_TYPE when Graphviz is not installed, %MEDLEY_ERROR_TIME_LIMIT,
 * %MEDLEY_ERROR_OUTPUT_TOO_LARGE, %MEDLEY_ERROR_FAILED
 *
 * Returns: (transfer full) (nullable): the picture
 */
GBytes *
medley_http_draw_finish (GAsyncResult *result, GError **error);

G_END_DECLS
