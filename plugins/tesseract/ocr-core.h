/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

struct Pix;

G_BEGIN_DECLS

/**
 * OcrCore:
 *
 * libtesseract behind an interface that knows no GStreamer: a loaded model, and at most one
 * recognised page. Not thread-safe; several cores may be used in several threads at once. A core
 * that was opened before a fork() works in the child.
 */
typedef struct _OcrCore OcrCore;

/**
 * OcrOptions:
 * @segmentation: Tesseract's page segmentation mode, from 1 to 13 without 2
 * @dpi: the page's resolution in dots per inch, 0 to take it from the image or, failing that, let
 *   Tesseract estimate it
 * @threads: at most how many threads, from 1
 */
typedef struct {
  int segmentation;
  int dpi;
  int threads;
} OcrOptions;

/**
 * OcrWord:
 * @text: the word, UTF-8
 * @x: left edge in pixels, from the page's left
 * @y: upper edge in pixels, from the page's top
 * @width: in pixels
 * @height: in pixels
 * @confidence: from 0 to 100
 * @line: number of its line on the page, from 1
 * @paragraph: number of its paragraph on the page, from 1
 * @block: number of its block on the page, from 1
 *
 * A word of a recognised page. Lines and paragraphs are counted over the page, not within their
 * block.
 */
typedef struct {
  char *text;
  int x, y, width, height;
  int confidence;
  guint line, paragraph, block;
} OcrWord;

/**
 * OcrProgressFunc:
 * @fraction: how much of the page is recognised, from 0 to 1
 * @user_data: what was given to ocr_core_recognize()
 */
typedef void (*OcrProgressFunc) (double fraction, gpointer user_data);

/**
 * ocr_core_new:
 *
 * Returns: (transfer full): a core without a model
 */
OcrCore *
ocr_core_new (void);

/**
 * ocr_core_free:
 * @self: (transfer full): a core
 */
void
ocr_core_free (OcrCore *self);

/**
 * ocr_core_set_language:
 * @self: a core
 * @language: as for ocr_language_to_tesseract()
 * @error: return location for a #GError
 *
 * Loads the models of a language; does nothing when they are loaded already. Blocks for some 0.1 s.
 * Fails with %MEDLEY_ERROR_UNKNOWN_LANGUAGE, naming what is installed, when any part of it is not.
 * A failure leaves the core as it was.
 *
 * Returns: whether the models are loaded
 */
gboolean
ocr_core_set_language (OcrCore *self, const char *language, GError **error);

/**
 * ocr_core_get_language:
 * @self: a core
 *
 * Returns: (nullable): the loaded language in Tesseract's spelling
 */
const char *
ocr_core_get_language (OcrCore *self);

/**
 * ocr_core_has_model:
 * @self: a core with a loaded language
 * @model: a name in Tesseract's spelling, such as "osd"
 *
 * Returns: whether that model is installed
 */
gboolean
ocr_core_has_model (OcrCore *self, const char *model);

/**
 * ocr_core_forget:
 * @self: a core
 *
 * Forgets the recognised page and all that pages have taught the recogniser, but keeps the model.
 */
void
ocr_core_forget (OcrCore *self);

/**
 * ocr_core_recognize:
 * @self: a core with a loaded language
 * @page: an image; not kept and not changed, except that a PNG's alpha channel is removed
 * @options: how to read it
 * @progress: (nullable) (scope call): called from this thread as lines are recognised
 * @user_data: for @progress
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for a #GError
 *
 * Recognises a page. Blocks, about a second for a page of text; after a cancellation it returns
 * with %MEDLEY_ERROR_CANCELLED at the end of the line it is at, or after the search for lines (0.1
 * s for a page at 300 dpi).
 *
 * Returns: whether the page could be recognised; a page without text is no failure
 */
gboolean
ocr_core_recognize (OcrCore *self, struct Pix *page, const OcrOptions *options,
                    OcrProgressFunc progress, gpointer user_data, GCancellable *cancellable,
                    GError **error);

/**
 * ocr_core_dup_text:
 * @self: a core with a recognised page
 *
 * Returns: (transfer full): the page's text in reading order, UTF-8; a blank line follows each
 *   paragraph but the last, which a line feed ends. Empty for a page without text
 */
char *
ocr_core_dup_text (OcrCore *self);

/**
 * ocr_core_list_words:
 * @self: a core with a recognised page
 *
 * Returns: (transfer full) (element-type OcrWord): the page's words in reading order
 */
GArray *
ocr_core_list_words (OcrCore *self);

/**
 * ocr_core_get_resolution:
 * @self: a core with a recognised page
 *
 * Returns: the resolution in dots per inch that the recogniser used
 */
int
ocr_core_get_resolution (OcrCore *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (OcrCore, ocr_core_free)

G_END_DECLS
