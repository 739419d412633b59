/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/job-interface.h"

struct _MedleyDBusJobInterface {
  MedleyBusJob1Skeleton parent_instance;

  MedleyJob *job;
};

G_DEFINE_FINAL_TYPE (MedleyDBusJobInterface, medley_dbus_job_interface,
                     MEDLEY_BUS_TYPE_JOB1_SKELETON)

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  MedleyDBusJobInterface *self = MEDLEY_DBUS_JOB_INTERFACE (object);
  gboolean is_reason = g_str_equal (pspec->name, "reason");
  gboolean is_position = g_str_equal (pspec->name, "position");
  gboolean waits = medley_job_get_state (self->job) == MEDLEY_JOB_QUEUED;
  g_autoptr (GVariant) description = NULL;
  const char *reason = "";
  guint position = 0;

  if (!is_reason && !is_position) {
    G_OBJECT_CLASS (medley_dbus_job_interface_parent_class)
        ->get_property (object, id, value, pspec);
    return;
  }
  if (waits) {
    description = g_variant_ref_sink (medley_job_describe (self->job));
    g_variant_lookup (description, "reason", "&s", &reason);
    g_variant_lookup (description, "position", "u", &position);
  }
  if (is_reason)
    g_value_set_string (value, reason);
  else
    g_value_set_uint (value, position);
}

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  G_OBJECT_CLASS (medley_dbus_job_interface_parent_class)->set_property (object, id, value, pspec);
}

static void
medley_dbus_job_interface_finalize (GObject *object)
{
  g_clear_object (&MEDLEY_DBUS_JOB_INTERFACE (object)->job);
  G_OBJECT_CLASS (medley_dbus_job_interface_parent_class)->finalize (object);
}

static void
medley_dbus_job_interface_class_init (MedleyDBusJobInterfaceClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = get_property;
  object_class->set_property = set_property;
  object_class->finalize = medley_dbus_job_interface_finalize;
  /* With the numbers that they have in the skeleton, which takes all others. */
  medley_bus_job1_override_properties (object_class, 1);
}

static void
medley_dbus_job_interface_init (MedleyDBusJobInterface *self)
{
}

MedleyBusJob1 *
medley_dbus_job_interface_new (MedleyJob *job)
{
  MedleyDBusJobInterface *self = g_object_new (MEDLEY_TYPE_DBUS_JOB_INTERFACE, NULL);

  self->job = g_object_ref (job);
  return MEDLEY_BUS_JOB1 (self);
}
