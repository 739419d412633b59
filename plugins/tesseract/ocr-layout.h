/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ocr-core.h"

G_BEGIN_DECLS

/**
 * ocr_layout_to_json:
 * @core: a core with a recognised page
 * @page: the page's number, from 1
 * @width: in pixels
 * @height: in pixels
 * @length: (out): the length in bytes
 *
 * Writes where each word of a page stands: one JSON object and a line feed. README.md describes it.
 *
 * Returns: (transfer full): the text, UTF-8
 */
char *
ocr_layout_to_json (OcrCore *core, guint page, int width, int height, gsize *length);

G_END_DECLS
