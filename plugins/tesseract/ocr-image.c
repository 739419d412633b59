/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ocr-image.h"

#include <leptonica/allheaders.h>
#include <medley/medley-error.h>
#include <stdio.h>
#include <string.h>

/* Headers of at most so many TIFF pages are read ahead: a page is found by walking from the first.
 */
#define PAGES_AHEAD 1000

struct _OcrDocument {
  GBytes *bytes;
  const guint8 *data;
  gsize size;
  guint64 max_pixels;
  int format;
  guint n_pages;
  guint page;   /* the next one, from 0 */
  gsize offset; /* TIFF: where the next page's directory is */
  gboolean ended;
};

static gboolean
is_tiff (int format)
{
  return format == IFF_TIFF || (format >= IFF_TIFF_PACKBITS && format <= IFF_TIFF_ZIP)
         || format == IFF_TIFF_JPEG;
}

/* The kinds whose size can be told before they are decoded; %NULL for others. */
static const char *
format_name (int format)
{
  switch (format) {
  case IFF_PNG:
    return "PNG";
  case IFF_JFIF_JPEG:
    return "JPEG";
  case IFF_WEBP:
    return "WebP";
  case IFF_BMP:
    return "BMP";
  case IFF_PNM:
    return "PNM";
  case IFF_GIF:
    return "GIF";
  default:
    return is_tiff (format) ? "TIFF" : NULL;
  }
}

static gboolean
fail_damaged (OcrDocument *self, const char *what, GError **error)
{
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_BAD_INPUT,
               "page %u cannot be decoded: the %s file (%" G_GSIZE_FORMAT
               " bytes) is cut off, damaged or of an unusual kind in its %s; send it again, or "
               "save it as PNG",
               self->page + 1, format_name (self->format), self->size, what);
  return FALSE;
}

gboolean
ocr_image_check_size (guint page, guint64 width, guint64 height, guint64 max_pixels, GError **error)
{
  if (height != 0 && width > max_pixels / height) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_IMAGE_TOO_LARGE,
                 "page %u has %" G_GUINT64_FORMAT " x %" G_GUINT64_FORMAT
                 " pixels, more than the limit of %" G_GUINT64_FORMAT
                 " (max-pixels): scale it down or raise the limit",
                 page, width, height, max_pixels);
    return FALSE;
  }
  if (width > OCR_IMAGE_MAX_SIDE || height > OCR_IMAGE_MAX_SIDE) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_IMAGE_TOO_LARGE,
                 "page %u has %" G_GUINT64_FORMAT " x %" G_GUINT64_FORMAT
                 " pixels, but Tesseract reads at most %d on a side: scale it down or cut it",
                 page, width, height, OCR_IMAGE_MAX_SIDE);
    return FALSE;
  }
  return TRUE;
}

static guint32
read_le16 (const guint8 *p)
{
  return (guint32) p[0] | (guint32) p[1] << 8;
}

static guint32
read_le32 (const guint8 *p)
{
  return read_le16 (p) | read_le16 (p + 2) << 16;
}

static guint32
read_be32 (const guint8 *p)
{
  return (guint32) p[0] << 24 | (guint32) p[1] << 16 | (guint32) p[2] << 8 | (guint32) p[3];
}

static gboolean
skip_gif_blocks (const guint8 *data, gsize size, gsize *at)
{
  while (*at < size) {
    guint8 length = data[(*at)++];
    if (length == 0)
      return TRUE;
    *at += length;
  }
  return FALSE;
}

/* The decoder unpacks every image of an animation into memory, whatever the screen's size says:
 * what counts is the sum of all of them. An end that is missing is left to the decoder to find. */
static gboolean
read_gif_header (const guint8 *data, gsize size, guint32 *width, guint32 *height, guint64 *pixels)
{
  *width = *height = 0;
  *pixels = 0;
  if (size < 13)
    return FALSE;
  gsize at = 13;
  if (data[10] & 0x80)
    at += (gsize) 3 << ((data[10] & 7) + 1);
  while (at < size) {
    guint8 kind = data[at++];
    if (kind == 0x21) {
      at++;
      if (!skip_gif_blocks (data, size, &at))
        break;
    } else if (kind == 0x2c && size - at >= 9) {
      guint32 w = read_le16 (data + at + 4), h = read_le16 (data + at + 6);
      guint8 flags = data[at + 8];
      *width = MAX (*width, w);
      *height = MAX (*height, h);
      *pixels += (guint64) w * h;
      at += 9 + (flags & 0x80 ? (gsize) 3 << ((flags & 7) + 1) : 0) + 1;
      if (!skip_gif_blocks (data, size, &at))
        break;
    } else {
      break;
    }
  }
  return *width > 0 && *height > 0;
}

static gboolean
check_gif (OcrDocument *self, GError **error)
{
  guint32 width, height;
  guint64 pixels;

  if (!read_gif_header (self->data, self->size, &width, &height, &pixels))
    return fail_damaged (self, "header", error);
  if (!ocr_image_check_size (1, width, height, self->max_pixels, error))
    return FALSE;
  if (pixels > self->max_pixels) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_IMAGE_TOO_LARGE,
                 "the images of the GIF file have %" G_GUINT64_FORMAT
                 " pixels together, more than the limit of %" G_GUINT64_FORMAT " (max-pixels)",
                 pixels, self->max_pixels);
    return FALSE;
  }
  return TRUE;
}

/* Leptonica reads the sizes of PNG and BMP only where it finds them plausible (or, for BMP, by
 * decoding the whole): read them where they stand, so that an absurd one gets its own error. */
static gboolean
read_fixed_header (OcrDocument *self, guint64 *width, guint64 *height)
{
  if (self->format == IFF_PNG && self->size >= 24) {
    *width = read_be32 (self->data + 16);
    *height = read_be32 (self->data + 20);
    return TRUE;
  }
  if (self->format == IFF_BMP && self->size >= 26) {
    gint32 h = (gint32) read_le32 (self->data + 22);
    *width = read_le32 (self->data + 18);
    *height = h < 0 ? (guint64) - (gint64) h : (guint64) h;
    return TRUE;
  }
  return FALSE;
}

static gboolean
check_single (OcrDocument *self, GError **error)
{
  guint64 width = 0, height = 0;

  if (self->format == IFF_GIF)
    return check_gif (self, error);
  if (read_fixed_header (self, &width, &height)) {
    if (!ocr_image_check_size (1, width, height, self->max_pixels, error))
      return FALSE;
    if (self->format == IFF_BMP)
      return width > 0 && height > 0 ? TRUE : fail_damaged (self, "header", error);
  }
  l_int32 format, w = 0, h = 0, bps = 0, spp = 0, colormap = 0;
  if (pixReadHeaderMem (self->data, self->size, &format, &w, &h, &bps, &spp, &colormap) != 0
      || w < 1 || h < 1)
    return fail_damaged (self, "header", error);
  return ocr_image_check_size (1, (guint64) w, (guint64) h, self->max_pixels, error);
}

static gboolean
check_tiff_page (OcrDocument *self, guint page, GError **error)
{
  l_int32 w = 0, h = 0, bps = 0, spp = 0, resolution = 0, colormap = 0, format = 0;

  if (readHeaderMemTiff (self->data, self->size, (l_int32) page, &w, &h, &bps, &spp, &resolution,
                         &colormap, &format)
          != 0
      || w < 1 || h < 1) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_BAD_INPUT,
                 "page %u cannot be decoded: the TIFF file (%" G_GSIZE_FORMAT
                 " bytes) is cut off or damaged in that page's header",
                 page + 1, self->size);
    return FALSE;
  }
  return ocr_image_check_size (page + 1, (guint64) w, (guint64) h, self->max_pixels, error);
}

static gboolean
check_tiff (OcrDocument *self, GError **error)
{
  FILE *file = fmemopen ((gpointer) self->data, self->size, "rb");
  l_int32 n = 0;

  if (file) {
    if (tiffGetCount (file, &n) != 0)
      n = 0;
    fclose (file);
  }
  self->n_pages = n > 0 ? (guint) n : 1;
  for (guint i = 0; i < MIN (self->n_pages, PAGES_AHEAD); i++)
    if (!check_tiff_page (self, i, error))
      return FALSE;
  return TRUE;
}

static gboolean
fail_unknown (int format, const guint8 *data, gsize size, GError **error)
{
  const char *name = NULL;

  if (format == IFF_JP2)
    name = "a JPEG 2000 image";
  else if (format == IFF_LPDF || (size >= 5 && memcmp (data, "%PDF-", 5) == 0))
    name = "a PDF document";
  else if (format == IFF_PS)
    name = "a PostScript document";
  if (name)
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNSUPPORTED_TYPE,
                 "%s cannot be read as a page: convert it to PNG or TIFF first", name);
  else
    g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_BAD_INPUT,
                         "the input is no image: expected PNG, JPEG, TIFF, WebP, BMP, GIF or PNM");
  return FALSE;
}

static gboolean
find_format (const guint8 *data, gsize size, int *format, GError **error)
{
  *format = IFF_UNKNOWN;
  if (size >= OCR_IMAGE_MAGIC_BYTES)
    findFileFormatBuffer (data, format);
  return format_name (*format) != NULL || fail_unknown (*format, data, size, error);
}

gboolean
ocr_image_check_kind (const guint8 *data, gsize size, GError **error)
{
  int format;

  setMsgSeverity (L_SEVERITY_NONE);
  return find_format (data, size, &format, error);
}

OcrDocument *
ocr_document_new (GBytes *data, guint64 max_pixels, GError **error)
{
  g_autoptr (OcrDocument) self = g_new0 (OcrDocument, 1);

  setMsgSeverity (L_SEVERITY_NONE);
  self->bytes = g_bytes_ref (data);
  self->data = g_bytes_get_data (data, &self->size);
  self->max_pixels = max_pixels;
  self->n_pages = 1;
  if (self->size == 0) {
    g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_EMPTY_INPUT,
                         "the image is empty: 0 bytes");
    return NULL;
  }
  if (!find_format (self->data, self->size, &self->format, error))
    return NULL;
  if (is_tiff (self->format) ? !check_tiff (self, error) : !check_single (self, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
ocr_document_free (OcrDocument *self)
{
  g_bytes_unref (self->bytes);
  g_free (self);
}

guint
ocr_document_get_n_pages (OcrDocument *self)
{
  return self->n_pages;
}

gboolean
ocr_document_next (OcrDocument *self, struct Pix **page, GError **error)
{
  *page = NULL;
  if (self->ended)
    return TRUE;
  if (is_tiff (self->format)) {
    if (self->page >= PAGES_AHEAD && !check_tiff_page (self, self->page, error))
      return FALSE;
    *page = pixReadMemFromMultipageTiff (self->data, self->size, &self->offset);
    self->ended = self->offset == 0;
  } else {
    *page = pixReadMem (self->data, self->size);
    self->ended = TRUE;
  }
  if (!*page)
    return fail_damaged (self, "image data", error);
  self->page++;
  return TRUE;
}

static void
copy_gray_row (l_uint32 *row, int width, const guint8 *source, int step)
{
  for (int x = 0; x < width; x++, source += step)
    SET_DATA_BYTE (row, x, *source);
}

static void
copy_colour_row (l_uint32 *row, int width, const guint8 *const sources[4], const OcrPlane *planes,
                 guint n_planes)
{
  for (int x = 0; x < width; x++) {
    guint32 pixel = 0;
    for (guint i = 0; i < n_planes; i++)
      pixel |= (guint32) sources[i][(gssize) x * planes[i].step] << (24 - 8 * i);
    row[x] = pixel;
  }
}

struct Pix *
ocr_image_new_from_planes (int width, int height, const OcrPlane *planes, guint n_planes)
{
  g_return_val_if_fail (n_planes == 1 || n_planes == 3 || n_planes == 4, NULL);

  PIX *page = pixCreate (width, height, n_planes == 1 ? 8 : 32);
  if (!page)
    return NULL;
  l_uint32 *row = pixGetData (page);
  for (int y = 0; y < height; y++, row += pixGetWpl (page)) {
    const guint8 *sources[4] = { NULL };
    for (guint i = 0; i < n_planes; i++)
      sources[i] = planes[i].data + (gssize) y * planes[i].stride;
    if (n_planes == 1)
      copy_gray_row (row, width, sources[0], planes[0].step);
    else
      copy_colour_row (row, width, sources, planes, n_planes);
  }
  if (n_planes == 4) {
    pixSetSpp (page, 4);
    PIX *opaque = pixRemoveAlpha (page);
    pixDestroy (&page);
    page = opaque;
  }
  return page;
}

void
ocr_image_get_size (struct Pix *page, int *width, int *height)
{
  *width = pixGetWidth (page);
  *height = pixGetHeight (page);
}

void
ocr_image_free (struct Pix *page)
{
  pixDestroy (&page);
}
