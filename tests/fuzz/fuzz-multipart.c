/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A form, taken apart as it arrives. */

#include <glib.h>

#include "fuzz.h"
#include "http/multipart.h"

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
  /* A copy of its own, so that reading past its end is seen. */
  g_autofree guint8 *copy = g_memdup2 (data, size);

  fuzz_multipart (copy, size);
  return 0;
}
