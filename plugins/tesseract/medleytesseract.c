/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-tesseract
 *
 * Recognises the text of page images with Tesseract. README.md describes pads and properties.
 */
#include <gst/base/base.h>
#include <gst/video/video.h>
#include <medley/medley.h>
#include <string.h>

#include "ocr-core.h"
#include "ocr-image.h"
#include "ocr-layout.h"
#include "ocr-settings.h"

/* One plane of brightness, or red, green and blue side by side. */
#define RAW_FORMATS                                                                                \
  "{ GRAY8, RGB, BGR, RGBx, BGRx, xRGB, xBGR, RGBA, BGRA, ARGB, ABGR, I420, YV12, NV12, NV21, "    \
  "Y41B, Y42B, Y444 }"

#define SINK_CAPS                                                                                  \
  "image/png; image/jpeg; image/tiff; image/webp; image/bmp; image/x-ms-bmp; image/gif; "          \
  "image/x-portable-anymap; image/x-portable-bitmap; image/x-portable-graymap; "                   \
  "image/x-portable-pixmap; " GST_VIDEO_CAPS_MAKE (RAW_FORMATS)

#define MEDLEY_TYPE_TESSERACT (medley_tesseract_get_type ())
G_DECLARE_FINAL_TYPE (MedleyTesseract, medley_tesseract, MEDLEY, TESSERACT, MedleyConverter)

/* Fields without a remark belong to whoever runs the vfuncs. */
struct _MedleyTesseract {
  MedleyConverter parent_instance;

  OcrSettings settings; /* object lock */

  OcrCore *core;
  OcrSettings job; /* the settings of this job */
  gboolean raw;
  GstVideoInfo info;
  GstAdapter *pending; /* a document that has not ended yet */
  guint n_pages;       /* of this job so far */
  guint64 done;        /* bytes of input behind this document */
};

/* A document's part in the progress. */
typedef struct {
  MedleyTesseract *self;
  gsize size;
  guint page, n_pages;
} Progress;

static GstStaticPadTemplate sink_template
    = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS (SINK_CAPS));
static GstStaticPadTemplate src_template
    = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
                               GST_STATIC_CAPS ("text/x-raw, format = (string) utf8"));
static GstStaticPadTemplate layout_template
    = GST_STATIC_PAD_TEMPLATE ("layout", GST_PAD_SRC, GST_PAD_ALWAYS,
                               GST_STATIC_CAPS ("application/json"));

G_DEFINE_FINAL_TYPE (MedleyTesseract, medley_tesseract, MEDLEY_TYPE_CONVERTER)

static void
take_settings (MedleyTesseract *self)
{
  GST_OBJECT_LOCK (self);
  ocr_settings_copy (&self->job, &self->settings);
  GST_OBJECT_UNLOCK (self);
}

static void
forget (MedleyTesseract *self)
{
  gst_adapter_clear (self->pending);
  self->n_pages = 0;
  self->done = 0;
  ocr_core_forget (self->core);
}

static gboolean
medley_tesseract_open (MedleyConverter *converter, GCancellable *cancellable, GError **error)
{
  MedleyTesseract *self = MEDLEY_TESSERACT (converter);

  take_settings (self);
  return ocr_core_set_language (self->core, self->job.language, error);
}

static void
medley_tesseract_close (MedleyConverter *converter)
{
  MedleyTesseract *self = MEDLEY_TESSERACT (converter);

  ocr_core_free (self->core);
  self->core = ocr_core_new ();
}

static gboolean
medley_tesseract_start (MedleyConverter *converter, GError **error)
{
  MedleyTesseract *self = MEDLEY_TESSERACT (converter);

  take_settings (self);
  if (!ocr_core_set_language (self->core, self->job.language, error))
    return FALSE;
  int psm = self->job.options.segmentation;
  if ((psm == 1 || psm == 12) && !ocr_core_has_model (self->core, "osd")) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNKNOWN_LANGUAGE,
                 "psm %d needs Tesseract's model \"osd\", which is not installed; on Debian the "
                 "package is tesseract-ocr-osd",
                 psm);
    return FALSE;
  }
  forget (self);
  return TRUE;
}

static void
medley_tesseract_stop (MedleyConverter *converter)
{
  MedleyTesseract *self = MEDLEY_TESSERACT (converter);

  forget (self);
  self->raw = FALSE;
}

static void
on_progress (double fraction, gpointer data)
{
  const Progress *progress = data;
  double pages = (progress->page + fraction) / MAX (progress->n_pages, progress->page + 1);

  medley_converter_report_progress (MEDLEY_CONVERTER (progress->self),
                                    progress->self->done
                                        + (guint64) ((double) progress->size * pages));
}

/* One buffer a paragraph; joined they are what the `tesseract` command prints. */
static gboolean
push_text (MedleyTesseract *self)
{
  g_autofree char *text = ocr_core_dup_text (self->core);
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  const char *separator = self->n_pages > 1 && self->job.separator ? self->job.separator : "";
  g_autofree char *all = g_strconcat (separator, valid, NULL);
  const char *end;

  for (const char *at = all; *at; at = end) {
    end = strstr (at, "\n\n");
    end = end ? end + 2 : at + strlen (at);
    if (!medley_converter_push (MEDLEY_CONVERTER (self), NULL,
                                gst_buffer_new_memdup (at, (gsize) (end - at))))
      return FALSE;
  }
  return TRUE;
}

static gboolean
push_layout (MedleyTesseract *self, int width, int height)
{
  gsize length;
  char *json;

  if (!medley_converter_is_port_linked (MEDLEY_CONVERTER (self), "layout"))
    return TRUE;
  json = ocr_layout_to_json (self->core, self->n_pages, width, height, &length);
  return medley_converter_push (MEDLEY_CONVERTER (self), "layout",
                                gst_buffer_new_wrapped (json, length));
}

static gboolean
recognise (MedleyTesseract *self, struct Pix *page, int width, int height, Progress *progress,
           GCancellable *cancellable, GError **error)
{
  if (!ocr_core_recognize (self->core, page, &self->job.options, on_progress, progress, cancellable,
                           error))
    return FALSE;
  self->n_pages++;
  progress->page++;
  return push_layout (self, width, height) && push_text (self);
}

static gboolean
process_document (MedleyTesseract *self, GBytes *bytes, GCancellable *cancellable, GError **error)
{
  g_autoptr (OcrDocument) document = ocr_document_new (bytes, self->job.max_pixels, error);
  Progress progress = { self, g_bytes_get_size (bytes), 0, 0 };
  gboolean ok = TRUE;

  if (!document)
    return FALSE;
  progress.n_pages = ocr_document_get_n_pages (document);
  while (ok) {
    struct Pix *page = NULL;
    int width, height;

    if (g_cancellable_is_cancelled (cancellable)) {
      g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_CANCELLED, "the work was cancelled");
      return FALSE;
    }
    if (!ocr_document_next (document, &page, error))
      return FALSE;
    if (!page)
      break;
    ocr_image_get_size (page, &width, &height);
    ok = recognise (self, page, width, height, &progress, cancellable, error);
    ocr_image_free (page);
  }
  self->done += progress.size;
  return ok;
}

static guint
find_planes (const GstVideoFrame *frame, OcrPlane planes[4])
{
  guint n = 1;

  if (GST_VIDEO_INFO_IS_RGB (&frame->info))
    n = GST_VIDEO_INFO_HAS_ALPHA (&frame->info) ? 4 : 3;
  for (guint i = 0; i < n; i++)
    planes[i]
        = (OcrPlane){ GST_VIDEO_FRAME_COMP_DATA (frame, i), GST_VIDEO_FRAME_COMP_STRIDE (frame, i),
                      GST_VIDEO_FRAME_COMP_PSTRIDE (frame, i) };
  return n;
}

static gboolean
process_frame (MedleyTesseract *self, GstBuffer *input, GCancellable *cancellable, GError **error)
{
  Progress progress = { self, gst_buffer_get_size (input), 0, 1 };
  int width = GST_VIDEO_INFO_WIDTH (&self->info), height = GST_VIDEO_INFO_HEIGHT (&self->info);
  GstVideoFrame frame;
  OcrPlane planes[4];

  if (!gst_video_frame_map (&frame, &self->info, input, GST_MAP_READ)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_BAD_INPUT,
                 "frame %u has %" G_GSIZE_FORMAT " bytes, too few for its %d x %d pixels",
                 self->n_pages + 1, progress.size, width, height);
    return FALSE;
  }
  guint n_planes = find_planes (&frame, planes);
  struct Pix *page = ocr_image_new_from_planes (width, height, planes, n_planes);
  gst_video_frame_unmap (&frame);
  if (!page) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_ENGINE_FAILED,
                 "there is not enough memory for a page of %d x %d pixels", width, height);
    return FALSE;
  }
  gboolean ok = recognise (self, page, width, height, &progress, cancellable, error);
  ocr_image_free (page);
  self->done += progress.size;
  return ok;
}

static gboolean
finish_pending (MedleyTesseract *self, GCancellable *cancellable, GError **error)
{
  gsize size = gst_adapter_available (self->pending);

  if (size == 0)
    return TRUE;
  g_autoptr (GBytes) bytes = g_bytes_new_take (gst_adapter_take (self->pending, size), size);
  return process_document (self, bytes, cancellable, error);
}

/* A file comes in as many pieces as its source likes, and only the stream's end tells its own. */
static gboolean
is_stream (MedleyTesseract *self)
{
  if (self->job.framing != OCR_FRAMING_AUTO)
    return self->job.framing == OCR_FRAMING_STREAM;

  g_autoptr (GstPad) sink = gst_element_get_static_pad (GST_ELEMENT (self), "sink");
  g_autoptr (GstEvent) event = gst_pad_get_sticky_event (sink, GST_EVENT_SEGMENT, 0);
  const GstSegment *segment;
  if (!event)
    return FALSE;
  gst_event_parse_segment (event, &segment);
  return segment->format == GST_FORMAT_BYTES;
}

static gboolean
collect (MedleyTesseract *self, GstBuffer *input, GCancellable *cancellable, GError **error)
{
  /* Files one after the other (concat): each begins at offset 0. */
  if (GST_BUFFER_OFFSET (input) == 0 && !finish_pending (self, cancellable, error))
    return FALSE;

  gboolean known = gst_adapter_available (self->pending) >= OCR_IMAGE_MAGIC_BYTES;
  gst_adapter_push (self->pending, gst_buffer_ref (input));
  medley_converter_report_progress (MEDLEY_CONVERTER (self), self->done);
  if (known || gst_adapter_available (self->pending) < OCR_IMAGE_MAGIC_BYTES)
    return TRUE;
  guint8 magic[OCR_IMAGE_MAGIC_BYTES];
  gst_adapter_copy (self->pending, magic, 0, sizeof magic);
  return ocr_image_check_kind (magic, sizeof magic, error);
}

static gboolean
medley_tesseract_process (MedleyConverter *converter, GstBuffer *input, GCancellable *cancellable,
                          GError **error)
{
  MedleyTesseract *self = MEDLEY_TESSERACT (converter);
  GstMapInfo map;

  if (self->raw)
    return process_frame (self, input, cancellable, error);
  if (is_stream (self))
    return collect (self, input, cancellable, error);
  if (!gst_buffer_map (input, &map, GST_MAP_READ)) {
    g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_IO, "the input cannot be read");
    return FALSE;
  }
  g_autoptr (GBytes) bytes = g_bytes_new_static (map.data, map.size);
  gboolean ok = process_document (self, bytes, cancellable, error);
  gst_buffer_unmap (input, &map);
  return ok;
}

static gboolean
medley_tesseract_drain (MedleyConverter *converter, GCancellable *cancellable, GError **error)
{
  return finish_pending (MEDLEY_TESSERACT (converter), cancellable, error);
}

static void
medley_tesseract_flush (MedleyConverter *converter)
{
  forget (MEDLEY_TESSERACT (converter));
}

static gboolean
medley_tesseract_input_caps (MedleyConverter *converter, GstCaps *caps, GError **error)
{
  MedleyTesseract *self = MEDLEY_TESSERACT (converter);
  g_autoptr (GCancellable) cancellable
      = g_object_ref (medley_converter_get_cancellable (converter));

  if (!finish_pending (self, cancellable, error))
    return FALSE;
  self->raw = gst_structure_has_name (gst_caps_get_structure (caps, 0), "video/x-raw");
  if (!self->raw)
    return TRUE;
  if (!gst_video_info_from_caps (&self->info, caps)) {
    g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_UNSUPPORTED_TYPE,
                         "the frames have no size or format");
    return FALSE;
  }
  return ocr_image_check_size (self->n_pages + 1, (guint64) GST_VIDEO_INFO_WIDTH (&self->info),
                               (guint64) GST_VIDEO_INFO_HEIGHT (&self->info), self->job.max_pixels,
                               error);
}

static void
medley_tesseract_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  gboolean known;

  GST_OBJECT_LOCK (object);
  known = ocr_settings_set (&MEDLEY_TESSERACT (object)->settings, id, value);
  GST_OBJECT_UNLOCK (object);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
medley_tesseract_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  gboolean known;

  GST_OBJECT_LOCK (object);
  known = ocr_settings_get (&MEDLEY_TESSERACT (object)->settings, id, value);
  GST_OBJECT_UNLOCK (object);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
medley_tesseract_finalize (GObject *object)
{
  MedleyTesseract *self = MEDLEY_TESSERACT (object);

  ocr_settings_clear (&self->settings);
  ocr_settings_clear (&self->job);
  ocr_core_free (self->core);
  g_object_unref (self->pending);
  G_OBJECT_CLASS (medley_tesseract_parent_class)->finalize (object);
}

static void
medley_tesseract_class_init (MedleyTesseractClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  MedleyConverterClass *converter_class = MEDLEY_CONVERTER_CLASS (klass);

  object_class->set_property = medley_tesseract_set_property;
  object_class->get_property = medley_tesseract_get_property;
  object_class->finalize = medley_tesseract_finalize;
  ocr_settings_install (object_class);

  converter_class->open = medley_tesseract_open;
  converter_class->close = medley_tesseract_close;
  converter_class->start = medley_tesseract_start;
  converter_class->stop = medley_tesseract_stop;
  converter_class->input_caps = medley_tesseract_input_caps;
  converter_class->process = medley_tesseract_process;
  converter_class->drain = medley_tesseract_drain;
  converter_class->flush = medley_tesseract_flush;

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_add_static_pad_template (element_class, &layout_template);
  gst_element_class_set_static_metadata (
      element_class, "Text recognition (Tesseract)", "Converter/Image/Text",
      "Recognises the text of page images, and on its layout port where each word stands",
      "The Medley authors");
  medley_engine_declare (element_class, "image-to-text/ocr", 100, MEDLEY_ENGINE_DETERMINISTIC,
                         "cpu");
  gst_type_mark_as_plugin_api (ocr_segmentation_get_type (), 0);
  gst_type_mark_as_plugin_api (ocr_framing_get_type (), 0);
}

static void
medley_tesseract_init (MedleyTesseract *self)
{
  self->core = ocr_core_new ();
  self->pending = gst_adapter_new ();
}

static gboolean
plugin_init (GstPlugin *plugin)
{
  return gst_element_register (plugin, "tesseract", GST_RANK_NONE, MEDLEY_TYPE_TESSERACT);
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, medleytesseract,
                   "Text recognition with Tesseract", plugin_init, MEDLEY_VERSION, "LGPL", "Medley",
                   "medley")
