/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/picture-size.h"

#include <string.h>

/* A chain of TIFF pages may be a ring. */
#define TIFF_PAGES_MOST 10000

typedef struct {
  const guint8 *data;
  gsize length;
  gboolean big; /* most significant byte first */
} Reader;

/* Zero beyond the end: no header has a size of zero. */
static guint64
number (const Reader *r, gsize at, guint n_bytes)
{
  guint64 value = 0;

  if (n_bytes > r->length || at > r->length - n_bytes)
    return 0;
  for (guint i = 0; i < n_bytes; i++)
    value |= (guint64) r->data[at + (r->big ? i : n_bytes - 1 - i)] << (8 * (n_bytes - 1 - i));
  return value;
}

static gboolean
has (const Reader *r, gsize at, const char *bytes, gsize n)
{
  return r->length >= n && at <= r->length - n && memcmp (r->data + at, bytes, n) == 0;
}

static void
read_jpeg (Reader *r, guint64 *width, guint64 *height)
{
  gsize at = 2;

  r->big = TRUE;
  while (at + 4 <= r->length && r->data[at] == 0xff) {
    guint8 marker = r->data[at + 1];
    gsize size = number (r, at + 2, 2);

    if (marker == 0xff) { /* filling */
      at++;
      continue;
    }
    if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc) {
      *height = number (r, at + 5, 2);
      *width = number (r, at + 7, 2);
      return;
    }
    if (size < 2)
      return;
    at += 2 + size;
  }
}

static void
read_webp (Reader *r, guint64 *width, guint64 *height)
{
  if (has (r, 12, "VP8X", 4)) {
    *width = number (r, 24, 3) + 1;
    *height = number (r, 27, 3) + 1;
  } else if (has (r, 12, "VP8L", 4)) {
    guint64 bits = number (r, 21, 4);

    *width = (bits & 0x3fff) + 1;
    *height = (bits >> 14 & 0x3fff) + 1;
  } else if (has (r, 12, "VP8 ", 4)) {
    *width = number (r, 26, 2) & 0x3fff;
    *height = number (r, 28, 2) & 0x3fff;
  }
}

static void
read_bmp (Reader *r, guint64 *width, guint64 *height)
{
  if (number (r, 14, 4) == 12) {
    *width = number (r, 18, 2);
    *height = number (r, 20, 2);
  } else {
    gint32 w = (gint32) number (r, 18, 4);
    gint32 h = (gint32) number (r, 22, 4);

    /* Negative: from the top. */
    *width = (guint64) ABS ((gint64) w);
    *height = (guint64) ABS ((gint64) h);
  }
}

static guint64
pnm_number (const Reader *r, gsize *at)
{
  guint64 value = 0;

  while (*at < r->length && (g_ascii_isspace (r->data[*at]) || r->data[*at] == '#')) {
    if (r->data[*at] == '#')
      while (*at < r->length && r->data[*at] != '\n')
        (*at)++;
    else
      (*at)++;
  }
  while (*at < r->length && g_ascii_isdigit (r->data[*at]) && value < G_MAXUINT32)
    value = value * 10 + (guint64) (r->data[(*at)++] - '0');
  return value;
}

static guint64
tiff_value (const Reader *r, gsize entry)
{
  return number (r, entry + 8, number (r, entry + 2, 2) == 3 ? 2 : 4);
}

static void
read_tiff (Reader *r, guint64 *width, guint64 *height)
{
  gsize at = number (r, 4, 4);

  for (guint page = 0; at != 0 && page < TIFF_PAGES_MOST; page++) {
    guint64 n = number (r, at, 2);
    guint64 w = 0, h = 0;

    for (guint64 i = 0; i < n; i++) {
      gsize entry = at + 2 + (gsize) i * 12;
      guint64 tag = number (r, entry, 2);

      if (tag == 256)
        w = tiff_value (r, entry);
      else if (tag == 257)
        h = tiff_value (r, entry);
    }
    /* 32 bits each: the product fits. */
    if (w * h > *width * *height) {
      *width = w;
      *height = h;
    }
    at = number (r, at + 2 + (gsize) n * 12, 4);
  }
}

gboolean
medley_picture_size (const guint8 *data, gsize length, guint64 *width, guint64 *height)
{
  Reader r = { data, length, FALSE };

  *width = *height = 0;
  if (has (&r, 0, "\x89PNG\r\n\x1a\n", 8)) {
    r.big = TRUE;
    *width = number (&r, 16, 4);
    *height = number (&r, 20, 4);
  } else if (has (&r, 0, "\xff\xd8", 2)) {
    read_jpeg (&r, width, height);
  } else if (has (&r, 0, "GIF8", 4)) {
    *width = number (&r, 6, 2);
    *height = number (&r, 8, 2);
  } else if (has (&r, 0, "BM", 2)) {
    read_bmp (&r, width, height);
  } else if (has (&r, 0, "RIFF", 4) && has (&r, 8, "WEBP", 4)) {
    read_webp (&r, width, height);
  } else if (length > 3 && data[0] == 'P' && data[1] >= '1' && data[1] <= '6') {
    gsize at = 2;

    *width = pnm_number (&r, &at);
    *height = pnm_number (&r, &at);
  } else if (has (&r, 0, "II*\0", 4) || has (&r, 0, "MM\0*", 4)) {
    r.big = data[0] == 'M';
    read_tiff (&r, width, height);
  }
  return *width > 0 && *height > 0;
}
