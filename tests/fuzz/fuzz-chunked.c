/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The chunked coding of a request's body. */

#include <glib.h>

#include "fuzz.h"
#include "http/chunked.h"

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

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  /* A copy of its own, so that reading past its end is seen. */
  g_autofree guint8 *copy = g_memdup2 (data, size);

  fuzz_chunked (copy, size);
  return 0;
}
