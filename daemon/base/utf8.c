/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/utf8.h"

#define INCOMPLETE ((gunichar) -2)

gsize
medley_utf8_whole (const void *bytes, gsize length)
{
  const guint8 *text = bytes;

  for (gsize n = 1; n <= 3 && n <= length; n++) {
    const guint8 *at = text + length - n;

    if ((*at & 0xc0) == 0x80)
      continue;
    if (*at >= 0xc0 && g_utf8_get_char_validated ((const char *) at, (gssize) n) == INCOMPLETE)
      return length - n;
    break;
  }
  return length;
}
