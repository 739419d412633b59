/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>
#include <string.h>

#include "http/hls-playlist.h"
#include "http/mp4-scan.h"

#include "fuzz.h"

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

/* As far as a file of @size bytes goes. */
static gboolean
scan (MedleyMp4Scan *self, const guint8 *data, gsize size)
{
  guint64 offset;
  gsize length;

  while (medley_mp4_scan_wants (self, &offset, &length) && offset + length <= size) {
    /* A copy of its own, so that reading past its end is seen. */
    g_autofree guint8 *copy = g_memdup2 (data + offset, length);

    g_assert_cmpuint (length, >=, 8);
    if (!medley_mp4_scan_take (self, copy, length, NULL))
      return FALSE;
  }
  return TRUE;
}

static void
check_segments (MedleyMp4Scan *self, gsize size)
{
  guint64 place = 0;

  for (guint i = 0; i < medley_mp4_scan_get_n_segments (self); i++) {
    const MedleyMp4Segment *segment = medley_mp4_scan_get_segment (self, i);

    g_assert_true (i == 0 || segment->offset == place);
    g_assert_cmpuint (segment->offset, <=, G_MAXINT64);
    g_assert_cmpuint (segment->length, <=, G_MAXINT64);
    place = segment->offset + segment->length;
  }
  g_assert_cmpuint (place, <=, size);
}

static char *
print (MedleyMp4Scan *self, gboolean is_complete)
{
  gsize length;

  if (medley_mp4_scan_get_init (self, &length) == NULL)
    return NULL;
  return medley_hls_print_media (self, is_complete);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (MedleyMp4Scan) whole = medley_mp4_scan_new ();
  g_autoptr (MedleyMp4Scan) growing = medley_mp4_scan_new ();
  g_autofree char *first = NULL;
  g_autofree char *second = NULL;
  gboolean good = scan (whole, data, size);
  gboolean same = TRUE;

  /* A file that grows is understood as one that is there at once. */
  for (gsize part = 0; same && part < size; part += 1 + size / 64)
    same = scan (growing, data, part);
  same = same && scan (growing, data, size);
  g_assert_cmpint (good, ==, same);
  first = print (whole, FALSE);
  second = print (growing, FALSE);
  g_assert_cmpstr (first, ==, second);
  g_assert_cmpint (medley_mp4_scan_finish (whole, size, NULL), ==,
                   medley_mp4_scan_finish (growing, size, NULL));
  check_segments (whole, size);
  return 0;
}
