/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>

#include "http/vtt-scan.h"

#include "fuzz.h"

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

/* Captions are understood the same at once and as they grow. */
int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  const char *text = (const char *) data;
  g_autoptr (MedleyVttScan) whole = medley_vtt_scan_new ();
  g_autoptr (MedleyVttScan) growing = medley_vtt_scan_new ();
  gboolean good = medley_vtt_scan_feed (whole, text, size, NULL);
  gboolean same = TRUE;
  guint n = 0;

  for (gsize i = 0; same && i < size; i += 7) {
    same = medley_vtt_scan_feed (growing, text + i, MIN (7, size - i), NULL);
    g_assert_cmpuint (medley_vtt_scan_get_n_segments (growing), >=, n);
    n = medley_vtt_scan_get_n_segments (growing);
  }
  g_assert_cmpint (good, ==, same);
  if (!good)
    return 0;
  medley_vtt_scan_finish (whole);
  medley_vtt_scan_finish (growing);
  g_assert_cmpuint (medley_vtt_scan_get_n_segments (whole), ==,
                    medley_vtt_scan_get_n_segments (growing));
  g_assert_cmpuint (medley_vtt_scan_get_n_segments (whole), >=, n);
  for (guint i = 0; i < MIN (50, medley_vtt_scan_get_n_segments (whole)); i++) {
    g_autoptr (GBytes) first = medley_vtt_scan_make_segment (whole, i);
    g_autoptr (GBytes) second = medley_vtt_scan_make_segment (growing, i);

    g_assert_true (g_bytes_equal (first, second));
    g_assert_cmpuint (g_bytes_get_size (first), <=, size + 12);
    g_assert_cmpuint (medley_vtt_scan_get_duration (whole, i), >, 0);
  }
  return 0;
}
