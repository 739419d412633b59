/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/post-error.h"

#include "base/error.h"

GstFlowReturn
medley_post_error (GstElement *element, int code, const char *format, ...)
{
  g_autoptr (GError) error = NULL;
  va_list args;

  va_start (args, format);
  error = g_error_new_valist (MEDLEY_ERROR, code, format, args);
  va_end (args);
  gst_element_post_message (element, gst_message_new_error (GST_OBJECT (element), error, NULL));
  return GST_FLOW_ERROR;
}
