/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/download.h"

#include <string.h>

static gboolean
parse_number (const char *text, gsize length, guint64 *number)
{
  g_autofree char *digits = g_strndup (text, length);

  return length > 0 && strspn (digits, "0123456789") == length
         && g_ascii_string_to_unsigned (digits, 10, 0, G_MAXINT64, number, NULL);
}

MedleyHttpRange
medley_http_range_parse (const char *text, guint64 size, guint64 *first, guint64 *last)
{
  const char *dash;
  guint64 number;

  if (text == NULL || g_ascii_strncasecmp (text, "bytes=", 6) != 0 || strchr (text, ',') != NULL)
    return MEDLEY_HTTP_RANGE_NONE;
  text += 6;
  dash = strchr (text, '-');
  if (dash == NULL)
    return MEDLEY_HTTP_RANGE_NONE;
  if (dash == text) {
    /* "-500": the last 500 bytes */
    if (!parse_number (dash + 1, strlen (dash + 1), &number))
      return MEDLEY_HTTP_RANGE_NONE;
    if (number == 0 || size == 0)
      return MEDLEY_HTTP_RANGE_UNSATISFIABLE;
    *first = size - MIN (number, size);
    *last = size - 1;
    return MEDLEY_HTTP_RANGE_PART;
  }
  if (!parse_number (text, (gsize) (dash - text), first))
    return MEDLEY_HTTP_RANGE_NONE;
  *last = G_MAXUINT64;
  if (dash[1] != '\0' && (!parse_number (dash + 1, strlen (dash + 1), last) || *last < *first))
    return MEDLEY_HTTP_RANGE_NONE;
  if (*first >= size)
    return MEDLEY_HTTP_RANGE_UNSATISFIABLE;
  *last = MIN (*last, size - 1);
  return MEDLEY_HTTP_RANGE_PART;
}

gboolean
medley_http_range_parse_closed (const char *text, guint64 *first, guint64 *last)
{
  /* Any end fits into this size. */
  return text != NULL && g_ascii_strncasecmp (text, "bytes=", 6) == 0 && text[6] != '-'
         && text[strlen (text) - 1] != '-'
         && medley_http_range_parse (text, G_MAXUINT64, first, last) == MEDLEY_HTTP_RANGE_PART;
}
