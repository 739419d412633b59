/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/monitor.h"

struct _MedleyMonitor {
  gint refs;
  MedleyEventFunc func;
  gpointer data;
  gint64 begin;
  guint64 activity;
  gint failed; /* atomic */

  GMutex lock;
  GCond cond;
  gint paused; /* atomic for the quick look, written under lock */
};

MedleyMonitor *
medley_monitor_new (MedleyEventFunc func, gpointer data)
{
  MedleyMonitor *self = g_new0 (MedleyMonitor, 1);

  self->refs = 1;
  self->func = func;
  self->data = data;
  self->begin = g_get_monotonic_time ();
  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  return self;
}

MedleyMonitor *
medley_monitor_ref (MedleyMonitor *self)
{
  g_atomic_int_inc (&self->refs);
  return self;
}

void
medley_monitor_unref (MedleyMonitor *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->cond);
  g_free (self);
}

gint64
medley_monitor_get_elapsed (MedleyMonitor *self)
{
  return g_get_monotonic_time () - self->begin;
}

void
medley_monitor_emit (MedleyMonitor *self, const char *kind, const char *format, ...)
{
  g_autoptr (GVariant) given = NULL;
  g_autoptr (GVariant) details = NULL;
  GVariantDict dict;

  if (format != NULL) {
    va_list args;

    va_start (args, format);
    given = g_variant_ref_sink (g_variant_new_parsed_va (format, &args));
    va_end (args);
  }
  g_variant_dict_init (&dict, given);
  g_variant_dict_insert (&dict, "time", "t", (guint64) medley_monitor_get_elapsed (self));
  details = g_variant_ref_sink (g_variant_dict_end (&dict));
  self->func (kind, details, self->data);
}

void
medley_monitor_set_failed (MedleyMonitor *self, gboolean failed)
{
  g_atomic_int_set (&self->failed, failed);
}

const gint *
medley_monitor_get_failed (MedleyMonitor *self)
{
  return &self->failed;
}

void
medley_monitor_tick (MedleyMonitor *self)
{
  __atomic_fetch_add (&self->activity, 1, __ATOMIC_RELAXED);
}

guint64
medley_monitor_get_activity (MedleyMonitor *self)
{
  return __atomic_load_n (&self->activity, __ATOMIC_RELAXED);
}

void
medley_monitor_set_paused (MedleyMonitor *self, gboolean paused)
{
  g_mutex_lock (&self->lock);
  g_atomic_int_set (&self->paused, paused);
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
}

void
medley_monitor_stop (MedleyMonitor *self)
{
  medley_monitor_set_paused (self, FALSE);
}

void
medley_monitor_wait (MedleyMonitor *self)
{
  if (!g_atomic_int_get (&self->paused))
    return;
  g_mutex_lock (&self->lock);
  while (self->paused)
    g_cond_wait (&self->cond, &self->lock);
  g_mutex_unlock (&self->lock);
}
