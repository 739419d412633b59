/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>
#include <medley/medley-error.h>
#include <string.h>

#include "http/chunked.h"
#include "http/download.h"
#include "http/guard.h"
#include "http/multipart.h"
#include "http/request.h"

#include "fuzz.h"

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

/* Whole or in pieces, the same bytes must mean the same. */
static void
fuzz_chunked (const guint8 *data, gsize size)
{
  g_autoptr (GByteArray) whole = g_byte_array_new ();
  g_autoptr (GByteArray) pieces = g_byte_array_new ();
  MedleyHttpChunked first;
  MedleyHttpChunked second;
  gssize used;
  gsize taken = 0;
  gssize n = 0;

  medley_http_chunked_init (&first);
  medley_http_chunked_init (&second);
  used = medley_http_chunked_feed (&first, data, size, whole, NULL);
  while (taken < size && !medley_http_chunked_is_done (&second) && n >= 0) {
    n = medley_http_chunked_feed (&second, data + taken, MIN (3, size - taken), pieces, NULL);
    taken += (gsize) MAX (n, 0);
  }
  g_assert_cmpint (used < 0, ==, n < 0);
  g_assert_cmpint (medley_http_chunked_is_done (&first), ==, medley_http_chunked_is_done (&second));
  g_assert_cmpmem (whole->data, whole->len, pieces->data, pieces->len);
  if (used >= 0)
    g_assert_cmpuint ((gsize) used, ==, taken);
}

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
  const char *range;
  guint64 first;
  guint64 last;

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
  medley_http_guard_host (medley_http_request_get_header (request, "Host"), FALSE, NULL, NULL);
  medley_http_guard_origin (medley_http_request_get_header (request, "Origin"), NULL,
                            medley_http_request_get_header (request, "Host"), FALSE, NULL);
  range = medley_http_request_get_header (request, "Range");
  if (medley_http_range_parse (range, 1000, &first, &last) == MEDLEY_HTTP_RANGE_PART)
    g_assert_true (first <= last && last < 1000);
}

static gboolean
on_begin (const char *name, gpointer data, GError **error)
{
  g_assert_true (g_utf8_validate (name, -1, NULL));
  g_string_append_c (data, '<');
  g_string_append (data, name);
  return TRUE;
}

static gboolean
on_data (const guint8 *bytes, gsize length, gpointer data, GError **error)
{
  g_string_append_len (data, (const char *) bytes, (gssize) length);
  return TRUE;
}

static gboolean
on_end (gpointer data, GError **error)
{
  g_string_append_c (data, '>');
  return TRUE;
}

static void
fuzz_multipart (const guint8 *data, gsize size)
{
  static const MedleyMultipartFuncs funcs = { on_begin, on_data, on_end };
  static const char type[] = "multipart/form-data; boundary=x";
  g_autoptr (GString) whole = g_string_new (NULL);
  g_autoptr (GString) pieces = g_string_new (NULL);
  g_autoptr (MedleyHttpMultipart) first = medley_http_multipart_new (type, &funcs, whole, NULL);
  g_autoptr (MedleyHttpMultipart) second = medley_http_multipart_new (type, &funcs, pieces, NULL);
  gboolean good = TRUE;

  for (gsize i = 0; good && i < size; i += 3)
    good = medley_http_multipart_feed (second, data + i, MIN (3, size - i), NULL);
  if (!medley_http_multipart_feed (first, data, size, NULL) || !good)
    return;
  g_assert_cmpint (medley_http_multipart_finish (first, NULL), ==,
                   medley_http_multipart_finish (second, NULL));
  if (medley_http_multipart_finish (first, NULL))
    g_assert_cmpmem (whole->str, whole->len, pieces->str, pieces->len);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  if (size == 0)
    return 0;
  /* A copy of its own, so that reading past its end is seen. */
  g_autofree guint8 *copy = g_memdup2 (data + 1, size - 1);

  switch (data[0] % 3) {
  case 0:
    fuzz_request (copy, size - 1);
    break;
  case 1:
    fuzz_chunked (copy, size - 1);
    break;
  default:
    fuzz_multipart (copy, size - 1);
    break;
  }
  return 0;
}
