/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fakeecho: passes text on, buffer by buffer. */
#include "fake.h"

G_DECLARE_FINAL_TYPE (FakeEcho, fake_echo, FAKE, ECHO, MedleyConverter)

struct _FakeEcho {
  MedleyConverter parent_instance;
};

G_DEFINE_FINAL_TYPE (FakeEcho, fake_echo, MEDLEY_TYPE_CONVERTER)
GST_ELEMENT_REGISTER_DEFINE (fakeecho, "fakeecho", GST_RANK_NONE, fake_echo_get_type ())

static gboolean
fake_echo_process (MedleyConverter *converter, GstBuffer *input, GCancellable *cancellable,
                   GError **error)
{
  return medley_converter_push (converter, NULL, gst_buffer_ref (input));
}

static void
fake_echo_init (FakeEcho *self)
{
}

static void
fake_echo_class_init (FakeEchoClass *klass)
{
  fake_class_setup (GST_ELEMENT_CLASS (klass), "text-to-text/echo,text-to-text/crash", "Echo",
                    "Passes text on as it is");
  MEDLEY_CONVERTER_CLASS (klass)->process = fake_echo_process;
}
