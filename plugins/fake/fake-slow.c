/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fakeslow: passes text on in steps of `bytes-per-step` (default 0: a buffer is one step), each
 * after a wait of `delay-ms` (default 100) that can be cancelled. Reports progress after each step.
 */
#include "fake.h"

G_DECLARE_FINAL_TYPE (FakeSlow, fake_slow, FAKE, SLOW, MedleyConverter)

struct _FakeSlow {
  MedleyConverter parent_instance;

  guint delay; /* ms; set in READY or below, as bytes_per_step */
  guint bytes_per_step;
  guint64 done; /* the job's */
};

G_DEFINE_FINAL_TYPE (FakeSlow, fake_slow, MEDLEY_TYPE_CONVERTER)
GST_ELEMENT_REGISTER_DEFINE (fakeslow, "fakeslow", GST_RANK_NONE, fake_slow_get_type ())

enum { PROP_DELAY_MS = 1, PROP_BYTES_PER_STEP };

static void
fake_slow_flush (MedleyConverter *converter)
{
  FAKE_SLOW (converter)->done = 0;
}

static gboolean
fake_slow_start (MedleyConverter *converter, GError **error)
{
  fake_slow_flush (converter);
  return TRUE;
}

static gsize
step_size (FakeSlow *self, GstBuffer *input, gsize at, gsize left)
{
  gsize size = MIN (left, self->bytes_per_step > 0 ? self->bytes_per_step : left);
  guint8 byte;

  /* Whole characters only: what follows takes text, too. */
  while (size < left && gst_buffer_extract (input, at + size, &byte, 1) == 1
         && (byte & 0xc0) == 0x80)
    size++;
  return size;
}

static gboolean
fake_slow_process (MedleyConverter *converter, GstBuffer *input, GCancellable *cancellable,
                   GError **error)
{
  FakeSlow *self = FAKE_SLOW (converter);
  gsize left = gst_buffer_get_size (input), at = 0;

  while (left > 0) {
    gsize size = step_size (self, input, at, left);

    if (!fake_wait (self->delay, cancellable, error))
      return FALSE;
    if (!medley_converter_push (converter, NULL,
                                gst_buffer_copy_region (input, GST_BUFFER_COPY_ALL, at, size)))
      return FALSE;
    at += size;
    left -= size;
    self->done += size;
    medley_converter_report_progress (converter, self->done);
  }
  return TRUE;
}

static void
fake_slow_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  FakeSlow *self = FAKE_SLOW (object);

  switch (id) {
  case PROP_DELAY_MS:
    self->delay = g_value_get_uint (value);
    break;
  case PROP_BYTES_PER_STEP:
    self->bytes_per_step = g_value_get_uint (value);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
fake_slow_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  FakeSlow *self = FAKE_SLOW (object);

  switch (id) {
  case PROP_DELAY_MS:
    g_value_set_uint (value, self->delay);
    break;
  case PROP_BYTES_PER_STEP:
    g_value_set_uint (value, self->bytes_per_step);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
fake_slow_init (FakeSlow *self)
{
  self->delay = 100;
}

static void
fake_slow_class_init (FakeSlowClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  MedleyConverterClass *converter_class = MEDLEY_CONVERTER_CLASS (klass);
  GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

  object_class->set_property = fake_slow_set_property;
  object_class->get_property = fake_slow_get_property;
  g_object_class_install_property (object_class, PROP_DELAY_MS,
                                   g_param_spec_uint ("delay-ms", "Delay",
                                                      "Wait before each step, in milliseconds", 0,
                                                      G_MAXINT, 100, flags));
  g_object_class_install_property (
      object_class, PROP_BYTES_PER_STEP,
      g_param_spec_uint ("bytes-per-step", "Bytes per step",
                         "How much text a step passes on, in bytes (0 = a whole buffer)", 0,
                         G_MAXINT, 0, flags));
  fake_class_setup (GST_ELEMENT_CLASS (klass), "text-to-text/slow", "Slow echo",
                    "Passes text on after a while");
  converter_class->start = fake_slow_start;
  converter_class->flush = fake_slow_flush;
  /* The one of these whose results are worth keeping. */
  gst_element_class_add_static_metadata (GST_ELEMENT_CLASS (klass), MEDLEY_METADATA_FLAGS,
                                         "deterministic");
  converter_class->process = fake_slow_process;
}
