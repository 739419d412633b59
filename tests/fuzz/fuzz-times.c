/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Times and durations as clients write them. What is printed reads back as the same. */

#include <glib.h>

#include "base/times.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autofree char *text = g_strndup ((const char *) data, size);
  guint64 seconds;
  gint64 time;

  medley_duration_parse (text, &seconds, NULL);
  if (medley_time_parse (text, &time, NULL)) {
    g_autofree char *printed = medley_time_print (time);
    gint64 again;

    g_assert_true (time >= 0 && time <= MEDLEY_TIME_MAX);
    g_assert_true (medley_time_parse (printed, &again, NULL));
    g_assert_cmpint (again, ==, time);
  }
  return 0;
}
