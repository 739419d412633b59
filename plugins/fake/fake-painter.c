/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fakepainter: paints text as stripes, one for each word, whose colours follow from the words.
 *
 *   gst-launch-1.0 filesrc location=a.txt ! fakepainter ! pngenc ! filesink location=a.png
 *
 * Ports: src (RGBA, one frame), drafts (RGBA: `drafts` frames before it, each with more stripes).
 * Properties: width, height (1 to 4,096; 64), background ("opaque", white, or "transparent": what
 * is left below the stripes, a quarter), seed (0: of the colours), drafts (0 to 3), delay-ms
 * (before each frame).
 */
#include <string.h>

#include "fake-collector.h"
#include "fake.h"

#define FRAME_CAPS                                                                                 \
  "video/x-raw, format=(string)RGBA, width=(int)[1, 4096], height=(int)[1, 4096], "                \
  "framerate=(fraction)0/1"

G_DECLARE_FINAL_TYPE (FakePainter, fake_painter, FAKE, PAINTER, FakeCollector)

struct _FakePainter {
  FakeCollector parent_instance;

  guint width; /* all set in READY or below */
  guint height;
  guint drafts;
  guint delay;
  guint seed;
  char *background;
};

G_DEFINE_FINAL_TYPE (FakePainter, fake_painter, FAKE_TYPE_COLLECTOR)
GST_ELEMENT_REGISTER_DEFINE (fakepainter, "fakepainter", GST_RANK_NONE, fake_painter_get_type ())

enum { PROP_WIDTH = 1, PROP_HEIGHT, PROP_DRAFTS, PROP_DELAY_MS, PROP_SEED, PROP_BACKGROUND };

static GstStaticPadTemplate sink_template
    = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                               GST_STATIC_CAPS (FAKE_TEXT_CAPS));
static GstStaticPadTemplate src_template
    = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (FRAME_CAPS));
static GstStaticPadTemplate drafts_template
    = GST_STATIC_PAD_TEMPLATE ("drafts", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (FRAME_CAPS));

/* The first @shown of the words, as stripes over three quarters of the frame. */
static GstBuffer *
paint (FakePainter *self, const char *port, char **words, guint n_words, guint shown)
{
  gboolean transparent = g_strcmp0 (self->background, "transparent") == 0;
  GstMapInfo map;
  GstBuffer *frame
      = fake_frame_new (MEDLEY_CONVERTER (self), port, self->width, self->height, &map);
  guint bottom = MAX (self->height * 3 / 4, 1);

  for (guint y = 0; y < self->height; y++) {
    guint word = y * n_words / bottom;
    guint8 colour[4] = { 255, 255, 255, transparent ? 0 : 255 };

    if (y < bottom && word < shown) {
      guint64 hash = fake_hash (words[word], strlen (words[word])) ^ self->seed * 0x9e3779b9u;

      memcpy (colour,
              &(guint8[4]){ (guint8) hash, (guint8) (hash >> 8), (guint8) (hash >> 16), 255 }, 4);
    }
    for (guint x = 0; x < self->width; x++)
      memcpy (map.data + ((gsize) y * self->width + x) * 4, colour, 4);
  }
  gst_buffer_unmap (frame, &map);
  return frame;
}

static gboolean
fake_painter_answer (FakeCollector *collector, const char *text, GCancellable *cancellable,
                     GError **error)
{
  FakePainter *self = FAKE_PAINTER (collector);
  MedleyConverter *converter = MEDLEY_CONVERTER (self);
  g_auto (GStrv) words = NULL;
  g_autofree char *line = g_strdelimit (g_strdup (text), "\t\r\n", ' ');
  guint n;

  words = g_strsplit (g_strstrip (line), " ", -1);
  n = MAX (g_strv_length (words), 1);
  for (guint i = 1; i <= self->drafts; i++) {
    GstBuffer *draft = paint (self, "drafts", words, n, n * i / (self->drafts + 1));

    if (!fake_wait (self->delay, cancellable, error)) {
      gst_buffer_unref (draft);
      return FALSE;
    }
    if (!medley_converter_push (converter, "drafts", draft))
      return FALSE;
  }
  return fake_wait (self->delay, cancellable, error)
         && medley_converter_push (converter, NULL,
                                   paint (self, NULL, words, n, g_strv_length (words)));
}

static void
fake_painter_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  FakePainter *self = FAKE_PAINTER (object);
  guint *numbers[]
      = { NULL, &self->width, &self->height, &self->drafts, &self->delay, &self->seed };

  if (id == PROP_BACKGROUND) {
    g_free (self->background);
    self->background = g_value_dup_string (value);
  } else if (id < G_N_ELEMENTS (numbers)) {
    *numbers[id] = g_value_get_uint (value);
  } else {
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
fake_painter_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  FakePainter *self = FAKE_PAINTER (object);
  guint *numbers[]
      = { NULL, &self->width, &self->height, &self->drafts, &self->delay, &self->seed };

  if (id == PROP_BACKGROUND)
    g_value_set_string (value, self->background);
  else if (id < G_N_ELEMENTS (numbers))
    g_value_set_uint (value, *numbers[id]);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
fake_painter_finalize (GObject *object)
{
  g_free (FAKE_PAINTER (object)->background);
  G_OBJECT_CLASS (fake_painter_parent_class)->finalize (object);
}

static void
fake_painter_init (FakePainter *self)
{
  self->width = self->height = 64;
  self->background = g_strdup ("opaque");
}

static void
fake_painter_class_init (FakePainterClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;
  const struct {
    guint id;
    const char *name, *nick, *blurb;
    guint least, most, usual;
  } numbers[] = {
    { PROP_WIDTH, "width", "Width", "Pixels", 1, 4096, 64 },
    { PROP_HEIGHT, "height", "Height", "Pixels", 1, 4096, 64 },
    { PROP_DRAFTS, "drafts", "Drafts", "Frames on the port drafts", 0, 3, 0 },
    { PROP_SEED, "seed", "Seed", "Of the colours", 0, G_MAXINT, 0 },
    { PROP_DELAY_MS, "delay-ms", "Delay", "Wait before each frame, ms", 0, G_MAXINT, 0 },
  };

  object_class->set_property = fake_painter_set_property;
  object_class->get_property = fake_painter_get_property;
  object_class->finalize = fake_painter_finalize;
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    g_object_class_install_property (object_class, numbers[i].id,
                                     g_param_spec_uint (numbers[i].name, numbers[i].nick,
                                                        numbers[i].blurb, numbers[i].least,
                                                        numbers[i].most, numbers[i].usual, flags));
  g_object_class_install_property (object_class, PROP_BACKGROUND,
                                   g_param_spec_string ("background", "Background",
                                                        "\"opaque\" or \"transparent\"", "opaque",
                                                        flags));
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_add_static_pad_template (element_class, &drafts_template);
  gst_element_class_set_static_metadata (element_class, "Stripes", "Converter/Text/Image/Test",
                                         "Paints a stripe for each word", "The Medley authors");
  medley_engine_declare (element_class, "text-to-image", 100000, MEDLEY_ENGINE_NONE, "cpu");
  FAKE_COLLECTOR_CLASS (klass)->answer = fake_painter_answer;
}
