/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fakeretoucher: changes a picture as `prompt` says: "invert" turns its colours around, anything
 * else gives it a frame, an eighth of each side wide, whose colour follows from the text.
 */
#include <string.h>

#include "fake-collector.h"
#include "fake.h"

#define FRAME_CAPS                                                                                 \
  "video/x-raw, format=(string)RGBA, width=(int)[1, max], height=(int)[1, max], "                  \
  "framerate=(fraction)[0/1, max]"

G_DECLARE_FINAL_TYPE (FakeRetoucher, fake_retoucher, FAKE, RETOUCHER, MedleyConverter)

struct _FakeRetoucher {
  MedleyConverter parent_instance;

  char *prompt; /* set in READY or below */
  gint width;   /* the input's */
  gint height;
};

G_DEFINE_FINAL_TYPE (FakeRetoucher, fake_retoucher, MEDLEY_TYPE_CONVERTER)
GST_ELEMENT_REGISTER_DEFINE (fakeretoucher, "fakeretoucher", GST_RANK_NONE,
                             fake_retoucher_get_type ())

enum { PROP_PROMPT = 1 };

static GstStaticPadTemplate sink_template
    = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS (FRAME_CAPS));
static GstStaticPadTemplate src_template
    = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (FRAME_CAPS));

static gboolean
fake_retoucher_input_caps (MedleyConverter *converter, GstCaps *caps, GError **error)
{
  FakeRetoucher *self = FAKE_RETOUCHER (converter);
  GstStructure *structure = gst_caps_get_structure (caps, 0);

  gst_structure_get_int (structure, "width", &self->width);
  gst_structure_get_int (structure, "height", &self->height);
  return TRUE;
}

static void
retouch (FakeRetoucher *self, guint8 *pixel, gint x, gint y)
{
  guint64 hash = fake_hash (self->prompt, strlen (self->prompt));
  gboolean is_edge = x < self->width / 8 || x >= self->width - self->width / 8
                     || y < self->height / 8 || y >= self->height - self->height / 8;
  gboolean invert = g_str_equal (self->prompt, "invert");

  for (guint i = 0; i < 3; i++) {
    if (invert)
      pixel[i] = (guint8) (255 - pixel[i]);
    else if (is_edge)
      pixel[i] = (guint8) (hash >> (8 * i));
  }
}

static gboolean
fake_retoucher_process (MedleyConverter *converter, GstBuffer *input, GCancellable *cancellable,
                        GError **error)
{
  FakeRetoucher *self = FAKE_RETOUCHER (converter);
  gsize size = (gsize) self->width * (gsize) self->height * 4;
  GstMapInfo map;
  GstBuffer *frame;

  if (gst_buffer_get_size (input) < size) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_BAD_INPUT, "the picture is cut off");
    return FALSE;
  }
  frame = fake_frame_new (converter, NULL, (guint) self->width, (guint) self->height, &map);
  gst_buffer_extract (input, 0, map.data, size);
  for (gint y = 0; y < self->height; y++)
    for (gint x = 0; x < self->width; x++)
      retouch (self, map.data + ((gsize) y * (gsize) self->width + (gsize) x) * 4, x, y);
  gst_buffer_unmap (frame, &map);
  return medley_converter_push (converter, NULL, frame);
}

static void
fake_retoucher_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  FakeRetoucher *self = FAKE_RETOUCHER (object);

  if (id == PROP_PROMPT) {
    g_free (self->prompt);
    self->prompt = g_value_dup_string (value);
    if (self->prompt == NULL)
      self->prompt = g_strdup ("");
  } else {
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
fake_retoucher_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  if (id == PROP_PROMPT)
    g_value_set_string (value, FAKE_RETOUCHER (object)->prompt);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
fake_retoucher_finalize (GObject *object)
{
  g_free (FAKE_RETOUCHER (object)->prompt);
  G_OBJECT_CLASS (fake_retoucher_parent_class)->finalize (object);
}

static void
fake_retoucher_init (FakeRetoucher *self)
{
  self->prompt = g_strdup ("");
}

static void
fake_retoucher_class_init (FakeRetoucherClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  MedleyConverterClass *converter_class = MEDLEY_CONVERTER_CLASS (klass);

  object_class->set_property = fake_retoucher_set_property;
  object_class->get_property = fake_retoucher_get_property;
  object_class->finalize = fake_retoucher_finalize;
  g_object_class_install_property (object_class, PROP_PROMPT,
                                   g_param_spec_string ("prompt", "Prompt",
                                                        "What to do with the picture", "",
                                                        G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS
                                                            | GST_PARAM_MUTABLE_READY));
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Retouching", "Converter/Image/Test",
                                         "Inverts a picture, or frames it", "The Medley authors");
  medley_engine_declare (element_class, "image-to-image/edit", 100000, MEDLEY_ENGINE_NONE, "cpu");
  converter_class->input_caps = fake_retoucher_input_caps;
  converter_class->process = fake_retoucher_process;
}
