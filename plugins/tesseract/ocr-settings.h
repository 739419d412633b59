/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib-object.h>

#include "ocr-core.h"

G_BEGIN_DECLS

/* The element's properties and what they are kept in. */

typedef enum {
  OCR_FRAMING_AUTO,
  OCR_FRAMING_BUFFER,
  OCR_FRAMING_STREAM,
} OcrFraming;

typedef struct {
  char *language;
  char *separator;
  guint64 max_pixels;
  OcrOptions options;
  OcrFraming framing;
} OcrSettings;

/* @self: zeroed before the first one */
void
ocr_settings_copy (OcrSettings *self, const OcrSettings *other);
void
ocr_settings_clear (OcrSettings *self);
void
ocr_settings_install (GObjectClass *klass);
/* Both: FALSE when there is no property @id. The caller holds the object's lock. */
gboolean
ocr_settings_set (OcrSettings *self, guint id, const GValue *value);
gboolean
ocr_settings_get (const OcrSettings *self, guint id, GValue *value);

GType
ocr_segmentation_get_type (void);
GType
ocr_framing_get_type (void);

G_END_DECLS
