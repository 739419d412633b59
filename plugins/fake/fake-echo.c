/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fakeecho: passes text on, buffer by buffer; says at the end what trace it is part of, if asked
 * to. */
#include "fake.h"

G_DECLARE_FINAL_TYPE (FakeEcho, fake_echo, FAKE, ECHO, MedleyConverter)

struct _FakeEcho {
  MedleyConverter parent_instance;
  gboolean trace;
};

enum { PROP_0, PROP_TRACE };

G_DEFINE_FINAL_TYPE (FakeEcho, fake_echo, MEDLEY_TYPE_CONVERTER)
GST_ELEMENT_REGISTER_DEFINE (fakeecho, "fakeecho", GST_RANK_NONE, fake_echo_get_type ())

static gboolean
fake_echo_process (MedleyConverter *converter, GstBuffer *input, GCancellable *cancellable,
                   GError **error)
{
  return medley_converter_push (converter, NULL, gst_buffer_ref (input));
}

static gboolean
fake_echo_drain (MedleyConverter *converter, GCancellable *cancellable, GError **error)
{
  g_autoptr (GstContext) context
      = gst_element_get_context (GST_ELEMENT (converter), "org.medley.trace");
  const GstStructure *structure = context != NULL ? gst_context_get_structure (context) : NULL;
  g_autofree char *text = NULL;

  if (!((FakeEcho *) converter)->trace)
    return TRUE;
  if (structure == NULL) {
    text = g_strdup ("no context\n");
  } else {
    const char *parent = gst_structure_get_string (structure, "traceparent");
    const char *state = gst_structure_get_string (structure, "tracestate");

    text = g_strdup_printf ("%s %s\n", parent != NULL ? parent : "-", state != NULL ? state : "-");
  }
  return medley_converter_push (converter, NULL, gst_buffer_new_memdup (text, strlen (text)));
}

static void
fake_echo_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  ((FakeEcho *) object)->trace = g_value_get_boolean (value);
}

static void
fake_echo_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  g_value_set_boolean (value, ((FakeEcho *) object)->trace);
}

static void
fake_echo_init (FakeEcho *self)
{
}

static void
fake_echo_class_init (FakeEchoClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->set_property = fake_echo_set_property;
  object_class->get_property = fake_echo_get_property;
  g_object_class_install_property (
      object_class, PROP_TRACE,
      g_param_spec_boolean ("trace", "Trace", "Say at the end what trace the job is part of", FALSE,
                            G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS));
  fake_class_setup (GST_ELEMENT_CLASS (klass), "text-to-text/echo,text-to-text/crash", "Echo",
                    "Passes text on as it is");
  MEDLEY_CONVERTER_CLASS (klass)->process = fake_echo_process;
  MEDLEY_CONVERTER_CLASS (klass)->drain = fake_echo_drain;
}
