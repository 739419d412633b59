/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ocr-settings.h"

#include <gst/gst.h>

#define MAX_PIXELS G_GUINT64_CONSTANT (100000000)

enum {
  PROP_LANGUAGE = 1,
  PROP_PSM,
  PROP_MAX_PIXELS,
  PROP_DPI,
  PROP_THREADS,
  PROP_PAGE_SEPARATOR,
  PROP_FRAMING,
  N_PROPERTIES
};

/* 0 and 2 are absent: they look at the page without reading it. */
static const GEnumValue psm_values[] = {
  { 1, "Find orientation and script, then the layout", "auto-osd" },
  { 3, "Find the layout", "auto" },
  { 4, "One column of text of different sizes", "column" },
  { 5, "One block of vertical text", "block-vertical" },
  { 6, "One block of text", "block" },
  { 7, "One line", "line" },
  { 8, "One word", "word" },
  { 9, "One word in a circle", "circle-word" },
  { 10, "One character", "character" },
  { 11, "As much text as can be found, in no order", "sparse" },
  { 12, "As sparse, with orientation and script", "sparse-osd" },
  { 13, "One line, without Tesseract's own preparations", "raw-line" },
  { 0, NULL, NULL },
};

static const GEnumValue framing_values[] = {
  { OCR_FRAMING_AUTO, "As a stream for a byte stream (filesrc, fdsrc), else as buffers", "auto" },
  { OCR_FRAMING_BUFFER, "Each buffer is a whole document", "buffer" },
  { OCR_FRAMING_STREAM, "All buffers up to the end of the stream are one document", "stream" },
  { 0, NULL, NULL },
};

static GType
register_enum (gsize *once, const char *name, const GEnumValue *values)
{
  if (g_once_init_enter (once))
    g_once_init_leave (once, g_enum_register_static (name, values));
  return *once;
}

GType
ocr_segmentation_get_type (void)
{
  static gsize type = 0;

  return register_enum (&type, "MedleyTesseractPsm", psm_values);
}

GType
ocr_framing_get_type (void)
{
  static gsize type = 0;

  return register_enum (&type, "MedleyTesseractFraming", framing_values);
}

void
ocr_settings_clear (OcrSettings *self)
{
  g_clear_pointer (&self->language, g_free);
  g_clear_pointer (&self->separator, g_free);
}

void
ocr_settings_copy (OcrSettings *self, const OcrSettings *other)
{
  ocr_settings_clear (self);
  *self = *other;
  self->language = g_strdup (other->language);
  self->separator = g_strdup (other->separator);
}

gboolean
ocr_settings_set (OcrSettings *self, guint id, const GValue *value)
{
  switch (id) {
  case PROP_LANGUAGE:
    g_free (self->language);
    self->language = g_value_dup_string (value);
    break;
  case PROP_PSM:
    self->options.segmentation = g_value_get_enum (value);
    break;
  case PROP_MAX_PIXELS:
    self->max_pixels = g_value_get_uint64 (value);
    break;
  case PROP_DPI:
    self->options.dpi = g_value_get_int (value);
    break;
  case PROP_THREADS:
    self->options.threads = g_value_get_int (value);
    break;
  case PROP_PAGE_SEPARATOR:
    g_free (self->separator);
    self->separator = g_value_dup_string (value);
    break;
  case PROP_FRAMING:
    self->framing = (OcrFraming) g_value_get_enum (value);
    break;
  default:
    return FALSE;
  }
  return TRUE;
}

gboolean
ocr_settings_get (const OcrSettings *self, guint id, GValue *value)
{
  switch (id) {
  case PROP_LANGUAGE:
    g_value_set_string (value, self->language);
    break;
  case PROP_PSM:
    g_value_set_enum (value, self->options.segmentation);
    break;
  case PROP_MAX_PIXELS:
    g_value_set_uint64 (value, self->max_pixels);
    break;
  case PROP_DPI:
    g_value_set_int (value, self->options.dpi);
    break;
  case PROP_THREADS:
    g_value_set_int (value, self->options.threads);
    break;
  case PROP_PAGE_SEPARATOR:
    g_value_set_string (value, self->separator);
    break;
  case PROP_FRAMING:
    g_value_set_enum (value, self->framing);
    break;
  default:
    return FALSE;
  }
  return TRUE;
}

void
ocr_settings_install (GObjectClass *klass)
{
  const GParamFlags flags = (GParamFlags) (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS
                                           | G_PARAM_CONSTRUCT | GST_PARAM_MUTABLE_READY);
  GParamSpec *properties[N_PROPERTIES] = { NULL };

  properties[PROP_LANGUAGE]
      = g_param_spec_string ("language", "Language",
                             "Language of the page: tags such as \"en\" or Tesseract's names such "
                             "as \"chi_sim\", several joined by \"+\"",
                             "eng", flags);
  properties[PROP_PSM]
      = g_param_spec_enum ("psm", "Page segmentation mode", "What kind of page to expect",
                           ocr_segmentation_get_type (), 3, flags);
  properties[PROP_MAX_PIXELS]
      = g_param_spec_uint64 ("max-pixels", "Most pixels",
                             "Refuse a page of more pixels, before it is decoded", 1, G_MAXUINT64,
                             MAX_PIXELS, flags);
  properties[PROP_DPI]
      = g_param_spec_int ("dpi", "Resolution",
                          "Dots per inch of the page (0 = from the image, or else estimated)", 0,
                          2400, 0, flags);
  properties[PROP_THREADS]
      = g_param_spec_int ("threads", "Threads",
                          "Most OpenMP threads for one page; more than 1 is rarely faster", 1, 64,
                          1, flags);
  properties[PROP_PAGE_SEPARATOR]
      = g_param_spec_string ("page-separator", "Page separator",
                             "Text between two pages (a form feed unless set)", "\f", flags);
  properties[PROP_FRAMING]
      = g_param_spec_enum ("framing", "Framing",
                           "Which buffers make one document, where the input is an image file",
                           ocr_framing_get_type (), OCR_FRAMING_AUTO, flags);
  g_object_class_install_properties (klass, N_PROPERTIES, properties);
}
