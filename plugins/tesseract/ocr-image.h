/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

struct Pix;

G_BEGIN_DECLS

/**
 * OCR_IMAGE_MAX_SIDE:
 *
 * libtesseract keeps coordinates in 16 bits: the largest width and height it takes.
 */
#define OCR_IMAGE_MAX_SIDE 32767

/**
 * OCR_IMAGE_MAGIC_BYTES:
 *
 * How many bytes tell the kind of an image file.
 */
#define OCR_IMAGE_MAGIC_BYTES 12

/**
 * ocr_image_check_kind:
 * @data: the beginning of a file
 * @size: its length, at least %OCR_IMAGE_MAGIC_BYTES
 * @error: return location for a #GError
 *
 * Tells early whether it is worth the while to wait for the rest of a file.
 *
 * Returns: %FALSE with %MEDLEY_ERROR_BAD_INPUT or %MEDLEY_ERROR_UNSUPPORTED_TYPE when it is no
 * image that can be read
 */
gboolean
ocr_image_check_kind (const guint8 *data, gsize size, GError **error);

/**
 * OcrDocument:
 *
 * An encoded image file in memory, read page by page: PNG, JPEG, WebP, BMP, the PNM family, GIF
 * (its first image) and TIFF with any number of pages. The kind is told from the content. A page is
 * decoded only after its header has been held against the limits. Not thread-safe.
 */
typedef struct _OcrDocument OcrDocument;

/**
 * ocr_document_new:
 * @data: the file's content
 * @max_pixels: how many pixels a page may have
 * @error: return location for a #GError
 *
 * Looks at the kind of a document and the size of its pages; decodes nothing. Fails with
 * %MEDLEY_ERROR_EMPTY_INPUT, %MEDLEY_ERROR_BAD_INPUT, %MEDLEY_ERROR_UNSUPPORTED_TYPE (a document,
 * but of a kind that is not read here) and %MEDLEY_ERROR_IMAGE_TOO_LARGE.
 *
 * Returns: (transfer full) (nullable): a document before its first page
 */
OcrDocument *
ocr_document_new (GBytes *data, guint64 max_pixels, GError **error);

/**
 * ocr_document_free:
 * @self: (transfer full): a document
 */
void
ocr_document_free (OcrDocument *self);

/**
 * ocr_document_get_n_pages:
 * @self: a document
 *
 * Returns: how many pages it seems to have, at least 1
 */
guint
ocr_document_get_n_pages (OcrDocument *self);

/**
 * ocr_document_next:
 * @self: a document
 * @page: (out) (transfer full): the next page, %NULL after the last one
 * @error: return location for a #GError
 *
 * Decodes the next page. Fails with %MEDLEY_ERROR_BAD_INPUT when it is damaged or cut off.
 *
 * Returns: %FALSE when @error is set
 */
gboolean
ocr_document_next (OcrDocument *self, struct Pix **page, GError **error);

/**
 * ocr_image_check_size:
 * @page: the page's number, from 1, for the message
 * @width: in pixels
 * @height: in pixels
 * @max_pixels: how many pixels it may have
 * @error: return location for a #GError
 *
 * Returns: %FALSE with %MEDLEY_ERROR_IMAGE_TOO_LARGE when the page exceeds a limit
 */
gboolean
ocr_image_check_size (guint page, guint64 width, guint64 height, guint64 max_pixels,
                      GError **error);

/**
 * OcrPlane:
 * @data: the first pixel's byte
 * @stride: bytes from one row to the next
 * @step: bytes from one pixel to the next
 *
 * One component (gray, red ...) of an uncompressed image, with 8 bits a pixel.
 */
typedef struct {
  const guint8 *data;
  int stride;
  int step;
} OcrPlane;

/**
 * ocr_image_new_from_planes:
 * @width: in pixels
 * @height: in pixels
 * @planes: (array length=n_planes): gray; or red, green and blue; or these and alpha
 * @n_planes: 1, 3 or 4
 *
 * Copies an uncompressed image into a page of unknown resolution. What is transparent becomes
 * white.
 *
 * Returns: (transfer full) (nullable): a page, %NULL when there is not enough memory
 */
struct Pix *
ocr_image_new_from_planes (int width, int height, const OcrPlane *planes, guint n_planes);

/**
 * ocr_image_get_size:
 * @page: a page
 * @width: (out): in pixels
 * @height: (out): in pixels
 */
void
ocr_image_get_size (struct Pix *page, int *width, int *height);

/**
 * ocr_image_free:
 * @page: (transfer full) (nullable): a page
 */
void
ocr_image_free (struct Pix *page);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (OcrDocument, ocr_document_free)

G_END_DECLS
