/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * medley_post_error:
 * @element: an element that cannot go on
 * @code: a code of %MEDLEY_ERROR
 * @format: the message
 * @...: its arguments
 *
 * Posts an error of our own on the bus. Any thread.
 *
 * Returns: %GST_FLOW_ERROR
 */
GstFlowReturn
medley_post_error (GstElement *element, int code, const char *format, ...) G_GNUC_PRINTF (3, 4);

G_END_DECLS
