/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * ocr_language_to_tesseract:
 * @language: one or more languages joined by "+", each in Tesseract's spelling ("eng", "chi_sim",
 *   "script/Latin") or a BCP 47 tag ("en", "pt-BR", "zh-Hant")
 *
 * Parts that are no known tag are kept as they are.
 *
 * Returns: (transfer full) (nullable): the language in Tesseract's spelling, or %NULL when the
 * string is malformed: an empty part, or a character that cannot be in the name of a model
 */
char *
ocr_language_to_tesseract (const char *language);

/**
 * ocr_language_package:
 * @model: one language in Tesseract's spelling
 *
 * Returns: (transfer full): the name of the Debian package that holds the model
 */
char *
ocr_language_package (const char *model);

G_END_DECLS
