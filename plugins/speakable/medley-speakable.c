/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * speakable: makes text fit to be spoken: whole paragraphs, whole words, no marks that nobody says.
 *
 *   gst-launch-1.0 filesrc location=page.png ! tesseract ! speakable ! espeak ! autoaudiosink
 *
 * It has no properties of its own. A paragraph that comes at once goes out as one buffer; of one
 * that arrives slowly all that is certain goes out at once. What it does to text stands in
 * README.md.
 */
#include <medley/medley.h>

#include "speakable-core.h"

/* Bytes that are worked off between two looks at the cancellable. */
#define STEP_BYTES (16 * 1024)

#define MEDLEY_TYPE_SPEAKABLE (medley_speakable_get_type ())
G_DECLARE_FINAL_TYPE (MedleySpeakable, medley_speakable, MEDLEY, SPEAKABLE, MedleyConverter)

struct _MedleySpeakable {
  MedleyConverter parent_instance;

  /* The job's state; streaming thread only. */
  Speakable *text;
  gboolean has_content;
};

G_DEFINE_FINAL_TYPE (MedleySpeakable, medley_speakable, MEDLEY_TYPE_CONVERTER)

#define TEXT_CAPS "text/x-raw, format=(string)utf8"

static GstStaticPadTemplate sink_template
    = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS (TEXT_CAPS));
static GstStaticPadTemplate src_template
    = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (TEXT_CAPS));

static void
medley_speakable_forget (MedleyConverter *converter)
{
  MedleySpeakable *self = MEDLEY_SPEAKABLE (converter);

  speakable_reset (self->text);
  self->has_content = FALSE;
}

static gboolean
push_ready (MedleySpeakable *self)
{
  const char *piece;
  gsize length;

  while ((piece = speakable_take (self->text, &length)) != NULL) {
    GstBuffer *buffer = gst_buffer_new_memdup (piece, length);

    self->has_content = TRUE;
    if (!medley_converter_push (MEDLEY_CONVERTER (self), NULL, buffer))
      return FALSE;
  }
  return TRUE;
}

static gboolean
medley_speakable_process (MedleyConverter *converter, GstBuffer *input, GCancellable *cancellable,
                          GError **error)
{
  MedleySpeakable *self = MEDLEY_SPEAKABLE (converter);
  gboolean ok = TRUE;
  GstMapInfo map;

  if (!gst_buffer_map (input, &map, GST_MAP_READ)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_IO, "the input cannot be read");
    return FALSE;
  }
  for (gsize done = 0, n; ok && done < map.size; done += n) {
    n = MIN (map.size - done, STEP_BYTES);
    while (done + n < map.size && (map.data[done + n] & 0xc0) == 0x80)
      n--;
    speakable_feed (self->text, (const char *) map.data + done, n);
    ok = push_ready (self);
  }
  gst_buffer_unmap (input, &map);
  return ok;
}

static gboolean
medley_speakable_idle (MedleyConverter *converter, GCancellable *cancellable, GError **error)
{
  MedleySpeakable *self = MEDLEY_SPEAKABLE (converter);

  speakable_idle (self->text);
  return push_ready (self);
}

static gboolean
medley_speakable_drain (MedleyConverter *converter, GCancellable *cancellable, GError **error)
{
  MedleySpeakable *self = MEDLEY_SPEAKABLE (converter);

  speakable_drain (self->text);
  if (!push_ready (self))
    return FALSE;
  if (self->has_content)
    return TRUE;
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_EMPTY_INPUT,
               "the text holds nothing that can be spoken");
  return FALSE;
}

static void
medley_speakable_finalize (GObject *object)
{
  speakable_free (MEDLEY_SPEAKABLE (object)->text);
  G_OBJECT_CLASS (medley_speakable_parent_class)->finalize (object);
}

static void
medley_speakable_init (MedleySpeakable *self)
{
  self->text = speakable_new ();
}

static void
medley_speakable_class_init (MedleySpeakableClass *klass)
{
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  MedleyConverterClass *converter_class = MEDLEY_CONVERTER_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = medley_speakable_finalize;
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (
      element_class, "Speakable text", "Converter/Text",
      "Makes text fit to be spoken: joins lines and divided words, keeps paragraphs and lists",
      "The Medley developers");
  medley_engine_declare (element_class, "text-to-text/speakable", 10, MEDLEY_ENGINE_DETERMINISTIC,
                         "cpu");

  converter_class->text_input = TRUE;
  converter_class->stop = medley_speakable_forget;
  converter_class->process = medley_speakable_process;
  converter_class->idle = medley_speakable_idle;
  converter_class->drain = medley_speakable_drain;
  converter_class->flush = medley_speakable_forget;
}

static gboolean
plugin_init (GstPlugin *plugin)
{
  return gst_element_register (plugin, "speakable", GST_RANK_NONE, MEDLEY_TYPE_SPEAKABLE);
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, medleyspeakable,
                   "Medley's engine that makes text fit to be spoken", plugin_init, PACKAGE_VERSION,
                   "LGPL", "medley", "https://medley.org")
