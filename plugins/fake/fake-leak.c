/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fakeleak: takes `mib` mebibytes (default 16) at each buffer, writes to all of it and keeps it
 * over all jobs, until the element goes. Passes text on.
 */
#include "fake.h"

#include <string.h>

#define MIB (1024 * 1024)

G_DECLARE_FINAL_TYPE (FakeLeak, fake_leak, FAKE, LEAK, MedleyConverter)

struct _FakeLeak {
  MedleyConverter parent_instance;

  guint mib; /* set in READY or below */
  GPtrArray *kept;
};

G_DEFINE_FINAL_TYPE (FakeLeak, fake_leak, MEDLEY_TYPE_CONVERTER)
GST_ELEMENT_REGISTER_DEFINE (fakeleak, "fakeleak", GST_RANK_NONE, fake_leak_get_type ())

enum { PROP_MIB = 1 };

static gboolean
fake_leak_process (MedleyConverter *converter, GstBuffer *input, GCancellable *cancellable,
                   GError **error)
{
  FakeLeak *self = FAKE_LEAK (converter);

  for (guint i = 0; i < self->mib && !g_cancellable_is_cancelled (cancellable); i++) {
    guint8 *block = g_try_malloc (MIB);

    if (block == NULL) {
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_MEMORY_LIMIT, "no memory is left");
      return FALSE;
    }
    /* Unlike zeros, this cannot be shared or left out. */
    memset (block, 0x5a, MIB);
    g_ptr_array_add (self->kept, block);
  }
  return medley_converter_push (converter, NULL, gst_buffer_ref (input));
}

static void
fake_leak_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  if (id == PROP_MIB)
    FAKE_LEAK (object)->mib = g_value_get_uint (value);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
fake_leak_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  if (id == PROP_MIB)
    g_value_set_uint (value, FAKE_LEAK (object)->mib);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
fake_leak_finalize (GObject *object)
{
  g_ptr_array_unref (FAKE_LEAK (object)->kept);
  G_OBJECT_CLASS (fake_leak_parent_class)->finalize (object);
}

static void
fake_leak_init (FakeLeak *self)
{
  self->mib = 16;
  self->kept = g_ptr_array_new_with_free_func (g_free);
}

static void
fake_leak_class_init (FakeLeakClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->set_property = fake_leak_set_property;
  object_class->get_property = fake_leak_get_property;
  object_class->finalize = fake_leak_finalize;
  g_object_class_install_property (
      object_class, PROP_MIB,
      g_param_spec_uint ("mib", "MiB", "Memory taken at each buffer, in MiB", 0, 1024 * 1024, 16,
                         G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY));
  fake_class_setup (GST_ELEMENT_CLASS (klass), "text-to-text/leak", "Leak",
                    "Takes ever more memory");
  MEDLEY_CONVERTER_CLASS (klass)->process = fake_leak_process;
}
