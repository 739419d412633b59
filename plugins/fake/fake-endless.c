/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fakeendless: repeats its first buffer, every `delay-ms` (default 0), until it is cancelled. */
#include "fake.h"

G_DECLARE_FINAL_TYPE (FakeEndless, fake_endless, FAKE, ENDLESS, MedleyConverter)

struct _FakeEndless {
  MedleyConverter parent_instance;

  guint delay; /* ms; set in READY or below */
};

G_DEFINE_FINAL_TYPE (FakeEndless, fake_endless, MEDLEY_TYPE_CONVERTER)
GST_ELEMENT_REGISTER_DEFINE (fakeendless, "fakeendless", GST_RANK_NONE, fake_endless_get_type ())

enum { PROP_DELAY_MS = 1 };

static gboolean
fake_endless_process (MedleyConverter *converter, GstBuffer *input, GCancellable *cancellable,
                      GError **error)
{
  while (fake_wait (FAKE_ENDLESS (converter)->delay, cancellable, error))
    if (!medley_converter_push (converter, NULL, gst_buffer_copy (input)))
      return FALSE;
  return FALSE;
}

static void
fake_endless_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  if (id == PROP_DELAY_MS)
    FAKE_ENDLESS (object)->delay = g_value_get_uint (value);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
fake_endless_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  if (id == PROP_DELAY_MS)
    g_value_set_uint (value, FAKE_ENDLESS (object)->delay);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
fake_endless_init (FakeEndless *self)
{
}

static void
fake_endless_class_init (FakeEndlessClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->set_property = fake_endless_set_property;
  object_class->get_property = fake_endless_get_property;
  g_object_class_install_property (object_class, PROP_DELAY_MS,
                                   g_param_spec_uint ("delay-ms", "Delay",
                                                      "Wait before each buffer, in milliseconds", 0,
                                                      G_MAXINT, 0,
                                                      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS
                                                          | GST_PARAM_MUTABLE_READY));
  fake_class_setup (GST_ELEMENT_CLASS (klass), "text-to-text/endless", "Endless echo",
                    "Repeats its input until it is cancelled");
  MEDLEY_CONVERTER_CLASS (klass)->process = fake_endless_process;
}
