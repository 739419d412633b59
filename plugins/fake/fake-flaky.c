/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fakeflaky: passes text on, but the first `fail-count` jobs (default 1) of its process fail with
 * engine-failed once they have taken more than `fail-after-bytes` (default 0).
 */
#include "fake.h"

G_DECLARE_FINAL_TYPE (FakeFlaky, fake_flaky, FAKE, FLAKY, MedleyConverter)

struct _FakeFlaky {
  MedleyConverter parent_instance;

  guint fail_count; /* set in READY or below, as fail_after */
  guint64 fail_after;
  guint64 taken; /* the job's */
};

G_DEFINE_FINAL_TYPE (FakeFlaky, fake_flaky, MEDLEY_TYPE_CONVERTER)
GST_ELEMENT_REGISTER_DEFINE (fakeflaky, "fakeflaky", GST_RANK_NONE, fake_flaky_get_type ())

enum { PROP_FAIL_COUNT = 1, PROP_FAIL_AFTER_BYTES };

/* Over all instances: whoever retries may make a new one. */
static gint failures;

static void
fake_flaky_flush (MedleyConverter *converter)
{
  FAKE_FLAKY (converter)->taken = 0;
}

static gboolean
fake_flaky_start (MedleyConverter *converter, GError **error)
{
  fake_flaky_flush (converter);
  return TRUE;
}

static gboolean
fake_flaky_process (MedleyConverter *converter, GstBuffer *input, GCancellable *cancellable,
                    GError **error)
{
  FakeFlaky *self = FAKE_FLAKY (converter);
  guint failed = (guint) g_atomic_int_get (&failures);

  self->taken += gst_buffer_get_size (input);
  if (self->taken > self->fail_after && failed < self->fail_count) {
    g_atomic_int_inc (&failures);
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_ENGINE_FAILED, "failure %u of %u, as asked for",
                 failed + 1, self->fail_count);
    return FALSE;
  }
  return medley_converter_push (converter, NULL, gst_buffer_ref (input));
}

static void
fake_flaky_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  FakeFlaky *self = FAKE_FLAKY (object);

  switch (id) {
  case PROP_FAIL_COUNT:
    self->fail_count = g_value_get_uint (value);
    break;
  case PROP_FAIL_AFTER_BYTES:
    self->fail_after = g_value_get_uint64 (value);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
fake_flaky_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  FakeFlaky *self = FAKE_FLAKY (object);

  switch (id) {
  case PROP_FAIL_COUNT:
    g_value_set_uint (value, self->fail_count);
    break;
  case PROP_FAIL_AFTER_BYTES:
    g_value_set_uint64 (value, self->fail_after);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
fake_flaky_init (FakeFlaky *self)
{
  self->fail_count = 1;
}

static void
fake_flaky_class_init (FakeFlakyClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  MedleyConverterClass *converter_class = MEDLEY_CONVERTER_CLASS (klass);
  GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

  object_class->set_property = fake_flaky_set_property;
  object_class->get_property = fake_flaky_get_property;
  g_object_class_install_property (object_class, PROP_FAIL_COUNT,
                                   g_param_spec_uint ("fail-count", "Failures",
                                                      "How many jobs of this process fail", 0,
                                                      G_MAXUINT, 1, flags));
  g_object_class_install_property (
      object_class, PROP_FAIL_AFTER_BYTES,
      g_param_spec_uint64 ("fail-after-bytes", "Fail after",
                           "How much input a failing job takes first, in bytes", 0, G_MAXUINT64, 0,
                           flags));
  fake_class_setup (GST_ELEMENT_CLASS (klass), "text-to-text/flaky", "Flaky echo",
                    "Fails now and then");
  converter_class->start = fake_flaky_start;
  converter_class->flush = fake_flaky_flush;
  converter_class->process = fake_flaky_process;
}
