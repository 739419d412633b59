/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-collector.h"

#include "fake.h"

typedef struct {
  GString *text; /* the job's */
} FakeCollectorPrivate;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (FakeCollector, fake_collector, MEDLEY_TYPE_CONVERTER)

static GString *
collected (MedleyConverter *converter)
{
  FakeCollectorPrivate *priv = fake_collector_get_instance_private (FAKE_COLLECTOR (converter));

  return priv->text;
}

static void
fake_collector_forget (MedleyConverter *converter)
{
  g_string_truncate (collected (converter), 0);
}

static gboolean
fake_collector_process (MedleyConverter *converter, GstBuffer *input, GCancellable *cancellable,
                        GError **error)
{
  GstMapInfo map;

  if (!gst_buffer_map (input, &map, GST_MAP_READ)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_IO, "the input cannot be read");
    return FALSE;
  }
  g_string_append_len (collected (converter), (const char *) map.data, (gssize) map.size);
  gst_buffer_unmap (input, &map);
  return TRUE;
}

static gboolean
fake_collector_drain (MedleyConverter *converter, GCancellable *cancellable, GError **error)
{
  FakeCollector *self = FAKE_COLLECTOR (converter);

  return FAKE_COLLECTOR_GET_CLASS (self)->answer (self, collected (converter)->str, cancellable,
                                                  error);
}

static void
fake_collector_finalize (GObject *object)
{
  g_string_free (collected (MEDLEY_CONVERTER (object)), TRUE);
  G_OBJECT_CLASS (fake_collector_parent_class)->finalize (object);
}

static void
fake_collector_init (FakeCollector *self)
{
  FakeCollectorPrivate *priv = fake_collector_get_instance_private (self);

  priv->text = g_string_new (NULL);
}

static void
fake_collector_class_init (FakeCollectorClass *klass)
{
  MedleyConverterClass *converter_class = MEDLEY_CONVERTER_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = fake_collector_finalize;
  converter_class->text_input = TRUE;
  converter_class->stop = fake_collector_forget;
  converter_class->flush = fake_collector_forget;
  converter_class->process = fake_collector_process;
  converter_class->drain = fake_collector_drain;
}

guint64
fake_hash (const void *data, gsize length)
{
  const guint8 *bytes = data;
  guint64 hash = G_GUINT64_CONSTANT (14695981039346656037);

  for (gsize i = 0; i < length; i++)
    hash = (hash ^ bytes[i]) * G_GUINT64_CONSTANT (1099511628211);
  return hash;
}

GstBuffer *
fake_frame_new (MedleyConverter *self, const char *port, guint width, guint height, GstMapInfo *map)
{
  g_autoptr (GstCaps) caps
      = gst_caps_new_simple ("video/x-raw", "format", G_TYPE_STRING, "RGBA", "width", G_TYPE_INT,
                             (gint) width, "height", G_TYPE_INT, (gint) height, "framerate",
                             GST_TYPE_FRACTION, 0, 1, NULL);
  GstBuffer *frame = gst_buffer_new_allocate (NULL, (gsize) width * height * 4, NULL);

  medley_converter_set_port_caps (self, port, caps);
  GST_BUFFER_PTS (frame) = 0;
  gst_buffer_map (frame, map, GST_MAP_WRITE);
  return frame;
}
