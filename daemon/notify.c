/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "notify.h"

#include <systemd/sd-daemon.h>

#define STATUS_INTERVAL_MS 1000

struct _MedleyNotify {
  GObject parent_instance;

  MedleyJobManager *jobs;
  gboolean is_heard;
  char *told; /* the status line that was sent last */
  guint watchdog_source;
  guint status_source;
  gboolean is_status_stale;
};

G_DEFINE_FINAL_TYPE (MedleyNotify, medley_notify, G_TYPE_OBJECT)

static gboolean
feed_watchdog (gpointer data)
{
  sd_notify (FALSE, "WATCHDOG=1");
  return G_SOURCE_CONTINUE;
}

static guint
count (GVariant *jobs, MedleyJobState state)
{
  guint n = 0;

  g_variant_lookup (jobs, medley_job_state_to_string (state), "u", &n);
  return n;
}

static char *
describe (MedleyJobManager *manager)
{
  g_autoptr (GVariant) status = g_variant_ref_sink (medley_job_manager_status (manager));
  g_autoptr (GVariant) jobs = g_variant_lookup_value (status, "jobs", G_VARIANT_TYPE_VARDICT);
  guint n_running = count (jobs, MEDLEY_JOB_STARTING) + count (jobs, MEDLEY_JOB_RUNNING);
  guint n_queued = count (jobs, MEDLEY_JOB_QUEUED);
  guint n_paused = count (jobs, MEDLEY_JOB_PAUSED);
  GString *text = g_string_new (medley_job_manager_is_draining (manager) ? "Draining: " : NULL);

  g_string_append_printf (text, "%u job%s, %u wait%s", n_running,
                          n_running == 1 ? " runs" : "s run", n_queued, n_queued == 1 ? "s" : "");
  if (n_paused > 0)
    g_string_append_printf (text, ", %u %s paused", n_paused, n_paused == 1 ? "is" : "are");
  return g_string_free (text, FALSE);
}

static void
tell_status (MedleyNotify *self)
{
  g_autofree char *status = describe (self->jobs);

  self->is_status_stale = FALSE;
  if (g_strcmp0 (status, self->told) == 0)
    return;
  sd_notifyf (FALSE, "STATUS=%s", status);
  g_free (self->told);
  self->told = g_steal_pointer (&status);
}

static gboolean
interval_over (gpointer data)
{
  MedleyNotify *self = data;

  if (self->is_status_stale) {
    tell_status (self);
    return G_SOURCE_CONTINUE;
  }
  self->status_source = 0;
  return G_SOURCE_REMOVE;
}

/* A job changes many times a second: the first change is told at once, the others together. */
static void
changed (MedleyNotify *self)
{
  self->is_status_stale = TRUE;
  if (self->status_source != 0)
    return;
  tell_status (self);
  self->status_source = g_timeout_add (STATUS_INTERVAL_MS, interval_over, self);
}

static void
job_added (MedleyJobManager *jobs, MedleyJob *job, MedleyNotify *self)
{
  g_signal_connect_object (job, "changed", G_CALLBACK (changed), self, G_CONNECT_SWAPPED);
  changed (self);
}

MedleyNotify *
medley_notify_new (void)
{
  MedleyNotify *self = g_object_new (MEDLEY_TYPE_NOTIFY, NULL);
  uint64_t interval = 0;

  self->is_heard = g_getenv ("NOTIFY_SOCKET") != NULL;
  /* Of the default priority, like the work: a loop that only turns for what is urgent is stuck. */
  if (self->is_heard && sd_watchdog_enabled (FALSE, &interval) > 0)
    self->watchdog_source
        = g_timeout_add ((guint) CLAMP (interval / 2000, 1, G_MAXUINT), feed_watchdog, NULL);
  return self;
}

void
medley_notify_ready (MedleyNotify *self, MedleyJobManager *jobs)
{
  g_autoptr (GPtrArray) unfinished = medley_job_manager_list_unfinished (jobs);

  if (!self->is_heard)
    return;
  self->jobs = g_object_ref (jobs);
  sd_notify (FALSE, "READY=1");
  g_signal_connect_object (jobs, "job-added", G_CALLBACK (job_added), self, 0);
  for (guint i = 0; i < unfinished->len; i++)
    job_added (jobs, unfinished->pdata[i], self);
  changed (self);
}

void
medley_notify_stopping (MedleyNotify *self, guint64 seconds)
{
  if (!self->is_heard)
    return;
  /* The time counts from here; a unit that grants more is not cut short by it. */
  sd_notifyf (FALSE, "STOPPING=1\nEXTEND_TIMEOUT_USEC=%" G_GUINT64_FORMAT,
              seconds * G_USEC_PER_SEC);
  if (self->jobs != NULL)
    changed (self);
}

static void
medley_notify_dispose (GObject *object)
{
  MedleyNotify *self = MEDLEY_NOTIFY (object);

  g_clear_handle_id (&self->watchdog_source, g_source_remove);
  g_clear_handle_id (&self->status_source, g_source_remove);
  g_clear_object (&self->jobs);
  g_clear_pointer (&self->told, g_free);
  G_OBJECT_CLASS (medley_notify_parent_class)->dispose (object);
}

static void
medley_notify_class_init (MedleyNotifyClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = medley_notify_dispose;
}

static void
medley_notify_init (MedleyNotify *self)
{
}
