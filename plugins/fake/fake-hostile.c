/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fakehostile: does what an engine must not, once per buffer, and says how that went: pushes the
 * name of its act with "allowed" or the name of the error, and its process. `act` chooses, `path`
 * and `pid` say what to do it to.
 */
#include "fake.h"

#include "hostile-acts.h"

#include <string.h>
#include <unistd.h>

G_DECLARE_FINAL_TYPE (FakeHostile, fake_hostile, FAKE, HOSTILE, MedleyConverter)

struct _FakeHostile {
  MedleyConverter parent_instance;

  char *act;
  HostileTarget target;
};

G_DEFINE_FINAL_TYPE (FakeHostile, fake_hostile, MEDLEY_TYPE_CONVERTER)
GST_ELEMENT_REGISTER_DEFINE (fakehostile, "fakehostile", GST_RANK_NONE, fake_hostile_get_type ())

enum { PROP_ACT = 1, PROP_PATH, PROP_PID };

static gboolean
fake_hostile_process (MedleyConverter *converter, GstBuffer *input, GCancellable *cancellable,
                      GError **error)
{
  FakeHostile *self = FAKE_HOSTILE (converter);
  HostileAct act = hostile_find_act (self->act);
  g_autofree char *text = NULL;
  gsize length;
  int number;

  if (act == NULL) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT, "there is no act \"%s\"",
                 self->act);
    return FALSE;
  }
  g_clear_pointer (&self->target.more, g_free);
  number = act (&self->target);
  text = g_strdup_printf ("%s: %s %d %s\n", self->act,
                          number == 0 ? "allowed" : strerrorname_np (number), (int) getpid (),
                          self->target.more != NULL ? self->target.more : "");
  length = strlen (text);
  return medley_converter_push (converter, NULL,
                                gst_buffer_new_wrapped (g_steal_pointer (&text), length));
}

static void
fake_hostile_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  FakeHostile *self = FAKE_HOSTILE (object);

  switch (id) {
  case PROP_ACT:
    g_free (self->act);
    self->act = g_value_dup_string (value);
    break;
  case PROP_PATH:
    g_free (self->target.path);
    self->target.path = g_value_dup_string (value);
    break;
  case PROP_PID:
    self->target.pid = g_value_get_int (value);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
fake_hostile_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  FakeHostile *self = FAKE_HOSTILE (object);

  switch (id) {
  case PROP_ACT:
    g_value_set_string (value, self->act);
    break;
  case PROP_PATH:
    g_value_set_string (value, self->target.path);
    break;
  case PROP_PID:
    g_value_set_int (value, self->target.pid);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
fake_hostile_finalize (GObject *object)
{
  FakeHostile *self = FAKE_HOSTILE (object);

  g_free (self->act);
  g_free (self->target.path);
  g_free (self->target.more);
  G_OBJECT_CLASS (fake_hostile_parent_class)->finalize (object);
}

static void
fake_hostile_init (FakeHostile *self)
{
  self->act = g_strdup ("read");
  self->target.path = g_strdup ("/");
}

static void
fake_hostile_class_init (FakeHostileClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags
      = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | (GParamFlags) GST_PARAM_MUTABLE_READY;

  object_class->set_property = fake_hostile_set_property;
  object_class->get_property = fake_hostile_get_property;
  object_class->finalize = fake_hostile_finalize;
  g_object_class_install_property (object_class, PROP_ACT,
                                   g_param_spec_string ("act", "Act", "What to try", "read",
                                                        flags));
  g_object_class_install_property (object_class, PROP_PATH,
                                   g_param_spec_string ("path", "Path",
                                                        "The file, folder or socket to try it on",
                                                        "/", flags));
  g_object_class_install_property (object_class, PROP_PID,
                                   g_param_spec_int ("pid", "Process", "The process to try it on",
                                                     0, G_MAXINT, 0, flags));
  fake_class_setup (GST_ELEMENT_CLASS (klass), "text-to-text/hostile", "Hostile",
                    "Tries what an engine must not do, and says how it went");
  MEDLEY_CONVERTER_CLASS (klass)->process = fake_hostile_process;
}
