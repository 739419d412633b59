/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fakecrash: ends its process at the place that `where` says (open, process, drain), in the way
 * that `how` says (segv, abort, exit: status 3 without an exit handler), or not at all (never).
 */
#include "fake.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

typedef enum { HOW_SEGV, HOW_ABORT, HOW_EXIT, HOW_NEVER } How;
typedef enum { WHERE_OPEN, WHERE_PROCESS, WHERE_DRAIN } Where;

G_DECLARE_FINAL_TYPE (FakeCrash, fake_crash, FAKE, CRASH, MedleyConverter)

struct _FakeCrash {
  MedleyConverter parent_instance;

  How how; /* both set in NULL */
  Where where;
};

G_DEFINE_FINAL_TYPE (FakeCrash, fake_crash, MEDLEY_TYPE_CONVERTER)
GST_ELEMENT_REGISTER_DEFINE (fakecrash, "fakecrash", GST_RANK_NONE, fake_crash_get_type ())

enum { PROP_HOW = 1, PROP_WHERE };

static GType
how_get_type (void)
{
  static gsize once = 0;

  if (g_once_init_enter (&once)) {
    static const GEnumValue values[] = { { HOW_SEGV, "Segmentation fault", "segv" },
                                         { HOW_ABORT, "Abort", "abort" },
                                         { HOW_EXIT, "Exit with status 3", "exit" },
                                         { HOW_NEVER, "Pass text on", "never" },
                                         { 0, NULL, NULL } };

    g_once_init_leave (&once, g_enum_register_static ("FakeCrashHow", values));
  }
  return once;
}

static GType
where_get_type (void)
{
  static gsize once = 0;

  if (g_once_init_enter (&once)) {
    static const GEnumValue values[] = { { WHERE_OPEN, "While the model is loaded", "open" },
                                         { WHERE_PROCESS, "At the first buffer", "process" },
                                         { WHERE_DRAIN, "At the end of the input", "drain" },
                                         { 0, NULL, NULL } };

    g_once_init_leave (&once, g_enum_register_static ("FakeCrashWhere", values));
  }
  return once;
}

static void
crash_at (FakeCrash *self, Where where)
{
  if (where != self->where)
    return;
  switch (self->how) {
  case HOW_SEGV:
    raise (SIGSEGV);
    break;
  case HOW_ABORT:
    abort ();
  case HOW_EXIT:
    _exit (3);
  case HOW_NEVER:
    break;
  }
}

static gboolean
fake_crash_open (MedleyConverter *converter, GCancellable *cancellable, GError **error)
{
  crash_at (FAKE_CRASH (converter), WHERE_OPEN);
  return TRUE;
}

static gboolean
fake_crash_process (MedleyConverter *converter, GstBuffer *input, GCancellable *cancellable,
                    GError **error)
{
  crash_at (FAKE_CRASH (converter), WHERE_PROCESS);
  return medley_converter_push (converter, NULL, gst_buffer_ref (input));
}

static gboolean
fake_crash_drain (MedleyConverter *converter, GCancellable *cancellable, GError **error)
{
  crash_at (FAKE_CRASH (converter), WHERE_DRAIN);
  return TRUE;
}

static void
fake_crash_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  FakeCrash *self = FAKE_CRASH (object);

  switch (id) {
  case PROP_HOW:
    self->how = (How) g_value_get_enum (value);
    break;
  case PROP_WHERE:
    self->where = (Where) g_value_get_enum (value);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
fake_crash_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  FakeCrash *self = FAKE_CRASH (object);

  switch (id) {
  case PROP_HOW:
    g_value_set_enum (value, self->how);
    break;
  case PROP_WHERE:
    g_value_set_enum (value, self->where);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
fake_crash_init (FakeCrash *self)
{
  self->where = WHERE_PROCESS;
}

static void
fake_crash_class_init (FakeCrashClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  MedleyConverterClass *converter_class = MEDLEY_CONVERTER_CLASS (klass);
  GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

  object_class->set_property = fake_crash_set_property;
  object_class->get_property = fake_crash_get_property;
  g_object_class_install_property (object_class, PROP_HOW,
                                   g_param_spec_enum ("how", "How", "How the process ends",
                                                      how_get_type (), HOW_SEGV, flags));
  g_object_class_install_property (object_class, PROP_WHERE,
                                   g_param_spec_enum ("where", "Where", "Where the process ends",
                                                      where_get_type (), WHERE_PROCESS, flags));
  fake_class_setup (GST_ELEMENT_CLASS (klass), "text-to-text/crash", "Crash", "Ends its process");
  converter_class->open = fake_crash_open;
  converter_class->process = fake_crash_process;
  converter_class->drain = fake_crash_drain;
}
