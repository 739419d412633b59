/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The head of a request: its line, path, query and header fields, and how its body is framed. */

#include <glib.h>
#include <string.h>

#include "fuzz.h"
#include "http/request.h"

static void
fuzz_request (const guint8 *data, gsize size)
{
  gsize checked = 0;
  gboolean malformed;
  gsize length = medley_http_head_length (data, size, &checked, &malformed);
  guint status = 0;
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyHttpRequest) request
      = medley_http_request_parse ((const char *) data, length > 0 ? length : size, &status,
                                   &error);

  if (request == NULL) {
    g_assert_nonnull (error);
    g_assert_true (status >= 400 && status < 600);
    return;
  }
  g_assert_true (g_utf8_validate (request->path, -1, NULL));
  for (guint i = 0; request->segments[i] != NULL; i++) {
    g_assert_cmpstr (request->segments[i], !=, "");
    g_assert_cmpstr (request->segments[i], !=, "..");
    g_assert_null (strchr (request->segments[i], '/'));
  }
  for (guint i = 0; i < request->query->len; i++)
    g_assert_true (g_utf8_validate (request->query->pdata[i], -1, NULL));
  if (request->framing != MEDLEY_HTTP_BODY_LENGTH)
    g_assert_cmpuint (request->length, ==, 0);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  /* A copy of its own, so that reading past its end is seen. */
  g_autofree guint8 *copy = g_memdup2 (data, size);

  fuzz_request (copy, size);
  return 0;
}
