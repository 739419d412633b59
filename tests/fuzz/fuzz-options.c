/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A request's head whose header fields are options of a job. */

#include <glib.h>
#include <string.h>

#include <medley/medley-error.h>

#include "fuzz.h"
#include "http/option-headers.h"
#include "http/request.h"

#define MAX_KEY 64

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  guint status;
  g_autoptr (MedleyHttpRequest) request
      = medley_http_request_parse ((const char *) data, size, &status, NULL);
  g_autoptr (GError) error = NULL;
  MedleyJobRequest *wanted;

  if (request == NULL)
    return 0;
  wanted = medley_job_request_new ("tcp");
  if (medley_http_take_option_headers (request, wanted, MAX_KEY, &error)) {
    g_assert_no_error (error);
  } else {
    g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT);
    g_assert_true (g_utf8_validate (error->message, -1, NULL));
  }
  medley_job_request_free (wanted);
  return 0;
}
