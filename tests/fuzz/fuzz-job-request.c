/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The JSON body that creates a job. */

#include <glib.h>

#include <medley/medley-error.h>

#include "base/json.h"
#include "fuzz.h"
#include "http/job-request.h"

#define MAX_KEY 64

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (GVariant) value = medley_json_parse ((const char *) data, size, NULL, NULL, NULL);
  g_autoptr (GError) error = NULL;
  MedleyJobRequest *request;

  if (value == NULL)
    return 0;
  request = medley_http_job_request_from_json (value, "tcp", MAX_KEY, &error);
  if (request != NULL) {
    g_assert_no_error (error);
    medley_job_request_free (request);
  } else {
    g_assert_true (error != NULL && error->domain == MEDLEY_ERROR);
    g_assert_true (g_utf8_validate (error->message, -1, NULL));
  }
  return 0;
}
