/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* In the place of notify.c where Medley is built without libsystemd. */

#include "notify.h"

struct _MedleyNotify {
  GObject parent_instance;
};

G_DEFINE_FINAL_TYPE (MedleyNotify, medley_notify, G_TYPE_OBJECT)

MedleyNotify *
medley_notify_new (void)
{
  return g_object_new (MEDLEY_TYPE_NOTIFY, NULL);
}

void
medley_notify_ready (MedleyNotify *self, MedleyJobManager *jobs)
{
}

void
medley_notify_stopping (MedleyNotify *self, guint64 seconds)
{
}

static void
medley_notify_class_init (MedleyNotifyClass *klass)
{
}

static void
medley_notify_init (MedleyNotify *self)
{
}
