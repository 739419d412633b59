/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fakehang: blocks for `seconds` (default 3600) at the first buffer and ignores that it was
 * cancelled, as a library that waits for a lock does.
 */
#include "fake.h"

G_DECLARE_FINAL_TYPE (FakeHang, fake_hang, FAKE, HANG, MedleyConverter)

struct _FakeHang {
  MedleyConverter parent_instance;

  guint seconds; /* set in READY or below */
};

G_DEFINE_FINAL_TYPE (FakeHang, fake_hang, MEDLEY_TYPE_CONVERTER)
GST_ELEMENT_REGISTER_DEFINE (fakehang, "fakehang", GST_RANK_NONE, fake_hang_get_type ())

enum { PROP_SECONDS = 1 };

static gboolean
fake_hang_process (MedleyConverter *converter, GstBuffer *input, GCancellable *cancellable,
                   GError **error)
{
  gint64 end = g_get_monotonic_time () + FAKE_HANG (converter)->seconds * G_USEC_PER_SEC;

  while (g_get_monotonic_time () < end)
    g_usleep (10 * 1000);
  return medley_converter_push (converter, NULL, gst_buffer_ref (input));
}

static void
fake_hang_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  if (id == PROP_SECONDS)
    FAKE_HANG (object)->seconds = g_value_get_uint (value);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
fake_hang_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  if (id == PROP_SECONDS)
    g_value_set_uint (value, FAKE_HANG (object)->seconds);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
fake_hang_init (FakeHang *self)
{
  self->seconds = 3600;
}

static void
fake_hang_class_init (FakeHangClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->set_property = fake_hang_set_property;
  object_class->get_property = fake_hang_get_property;
  g_object_class_install_property (object_class, PROP_SECONDS,
                                   g_param_spec_uint ("seconds", "Seconds",
                                                      "How long to block, in seconds", 0,
                                                      G_MAXUINT / 2, 3600,
                                                      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS
                                                          | GST_PARAM_MUTABLE_READY));
  fake_class_setup (GST_ELEMENT_CLASS (klass), "text-to-text/hang", "Hang",
                    "Blocks and does not listen");
  MEDLEY_CONVERTER_CLASS (klass)->process = fake_hang_process;
}
