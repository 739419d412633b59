/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/job-object.h"

#include <unistd.h>

#include "base/error.h"
#include "base/names.h"
#include "dbus/job-interface.h"
#include "dbus/path.h"
#include "dbus/values.h"

/* Nobody looks more often than ten times a second. */
#define PROGRESS_INTERVAL_US (100 * G_TIME_SPAN_MILLISECOND)

struct _MedleyDBusJob {
  MedleyJobManager *jobs;
  MedleyJob *job;
  MedleyOutputPipes *pipes; /* the face's */
  MedleyBusJob1 *interface;
  MedleyBusObjectSkeleton *object;
  MedleyJobState published_state;
  gint64 published;           /* monotonic µs */
  gint64 progress_event_sent; /* monotonic µs */
  guint timer;
};

static const MedleyDBusProperty properties[] = {
  { "id", "id", "''" },
  { "pipeline", "pipeline", "''" },
  { "state", "state", "''" },
  { "progress", "progress", "-1.0" },
  { "remaining", "remaining", "-1.0" },
  { "created", "created", "int64 0" },
  { "started", "started", "int64 0" },
  { "finished", "finished", "int64 0" },
  { "start-at", "startAt", "int64 0" },
  { "deadline", "deadline", "int64 0" },
  { "priority", "priority", "int32 0" },
  { "attempt", "attempt", "uint32 0" },
  { "attempts", "attempts", "@aa{sv} []" },
  { "outputs", "outputs", "@a{sa{sv}} {}" },
  { "error", "error", "@a{sv} {}" },
  { NULL },
};

/* ---- what happens to the job ---- */

static void
publish (MedleyDBusJob *self)
{
  g_autoptr (GVariant) description = g_variant_ref_sink (medley_job_describe (self->job));
  g_autoptr (GVariant) outputs
      = g_variant_lookup_value (description, "outputs", G_VARIANT_TYPE_VARDICT);
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (description);

  g_clear_handle_id (&self->timer, g_source_remove);
  g_variant_dict_insert_value (&dict, "outputs",
                               medley_dbus_nest (outputs, medley_job_get_outputs (self->job)));
  medley_dbus_publish (self->interface, g_variant_dict_end (&dict), properties);
  self->published = g_get_monotonic_time ();
  self->published_state = medley_job_get_state (self->job);
}

static gboolean
publish_later (gpointer data)
{
  MedleyDBusJob *self = data;

  self->timer = 0;
  publish (self);
  return G_SOURCE_REMOVE;
}

static void
job_changed (MedleyJob *job, MedleyDBusJob *self)
{
  gint64 wait = self->published + PROGRESS_INTERVAL_US - g_get_monotonic_time ();

  if (wait <= 0 || medley_job_get_state (job) != self->published_state)
    publish (self);
  else if (self->timer == 0)
    self->timer = g_timeout_add ((guint) (wait / 1000) + 1, publish_later, self);
}

static gboolean
is_too_soon (MedleyDBusJob *self, const char *kind)
{
  gint64 now = g_get_monotonic_time ();

  if (!g_str_equal (kind, "progress"))
    return FALSE;
  if (now < self->progress_event_sent + PROGRESS_INTERVAL_US)
    return TRUE;
  self->progress_event_sent = now;
  return FALSE;
}

static void
job_event (MedleyJob *job, GVariant *event, MedleyDBusJob *self)
{
  g_auto (GVariantDict) details = G_VARIANT_DICT_INIT (event);
  g_autoptr (GVariant) cleaned = NULL;
  const char *kind = "";
  guint64 seq = 0;

  g_variant_lookup (event, "seq", "t", &seq);
  g_variant_lookup (event, "kind", "&s", &kind);
  if (is_too_soon (self, kind))
    return;
  g_variant_dict_remove (&details, "seq");
  g_variant_dict_remove (&details, "kind");
  cleaned = medley_dbus_clean (g_variant_dict_end (&details));
  medley_bus_job1_emit_event (self->interface, seq, kind, cleaned);
}

/* ---- orders ---- */

typedef gboolean (*Order) (MedleyJobManager *jobs, MedleyJob *job, GError **error);

static const struct {
  const char *method;
  Order order;
} orders[] = {
  { "Cancel", medley_job_manager_cancel }, { "Pause", medley_job_manager_pause },
  { "Resume", medley_job_manager_resume }, { "Retry", medley_job_manager_retry },
  { "Remove", medley_job_manager_remove },
};

static gboolean
handle_order (MedleyBusJob1 *interface, GDBusMethodInvocation *invocation, MedleyDBusJob *self)
{
  const char *method = g_dbus_method_invocation_get_method_name (invocation);
  g_autoptr (MedleyJobManager) jobs = g_object_ref (self->jobs);
  g_autoptr (MedleyJob) job = g_object_ref (self->job);
  g_autoptr (GError) error = NULL;
  gboolean ok = FALSE;

  for (guint i = 0; i < G_N_ELEMENTS (orders); i++) {
    if (g_str_equal (orders[i].method, method))
      ok = orders[i].order (jobs, job, &error); /* may free self */
  }
  if (ok)
    medley_dbus_return_saved (jobs, job, invocation, NULL);
  else
    medley_dbus_return_error (invocation, error);
  return TRUE;
}

static gboolean
handle_describe (MedleyBusJob1 *interface, GDBusMethodInvocation *invocation, MedleyDBusJob *self)
{
  g_autoptr (GVariant) description = medley_dbus_clean (medley_job_describe (self->job));

  medley_bus_job1_complete_describe (interface, invocation, description);
  return TRUE;
}

static gboolean
handle_get_events (MedleyBusJob1 *interface, GDBusMethodInvocation *invocation, guint64 after,
                   MedleyDBusJob *self)
{
  g_autoptr (GPtrArray) events = medley_job_get_events (self->job, after);
  g_autoptr (GVariant) cleaned = NULL;
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < events->len; i++)
    g_variant_builder_add_value (&builder, events->pdata[i]);
  cleaned = medley_dbus_clean (g_variant_builder_end (&builder));
  medley_bus_job1_complete_get_events (interface, invocation, cleaned);
  return TRUE;
}

/* Returns a descriptor to read an output from, or -1. */
static int
open_output (MedleyDBusJob *self, const char *name, guint64 offset, gboolean *final, GError **error)
{
  g_autoptr (MedleyOutputReader) reader = NULL;

  if (offset > G_MAXINT64) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "offset %" G_GUINT64_FORMAT " is beyond any file", offset);
    return -1;
  }
  reader = medley_output_reader_new (self->job, *name != '\0' ? name : NULL, offset, error);
  if (reader == NULL)
    return -1;
  *final = medley_output_reader_is_final (reader, NULL);
  return *final ? medley_output_reader_dup_fd (reader, error)
                : medley_output_pipes_open (self->pipes, reader, error);
}

static gboolean
handle_open_output (MedleyBusJob1 *interface, GDBusMethodInvocation *invocation,
                    GUnixFDList *unused, const char *name, guint64 offset, MedleyDBusJob *self)
{
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GError) error = NULL;
  gboolean final = FALSE;
  int fd = open_output (self, name, offset, &final, &error);

  if (fd < 0) {
    medley_dbus_return_error (invocation, error);
    return TRUE;
  }
  fds = g_unix_fd_list_new_from_array (&fd, 1); /* takes it over */
  medley_bus_job1_complete_open_output (interface, invocation, fds, g_variant_new_handle (0),
                                        final);
  return TRUE;
}

static const struct {
  const char *signal;
  GCallback handler;
} methods[] = {
  { "handle-cancel", G_CALLBACK (handle_order) },
  { "handle-pause", G_CALLBACK (handle_order) },
  { "handle-resume", G_CALLBACK (handle_order) },
  { "handle-retry", G_CALLBACK (handle_order) },
  { "handle-remove", G_CALLBACK (handle_order) },
  { "handle-describe", G_CALLBACK (handle_describe) },
  { "handle-get-events", G_CALLBACK (handle_get_events) },
  { "handle-open-output", G_CALLBACK (handle_open_output) },
};

MedleyDBusJob *
medley_dbus_job_new (MedleyJobManager *jobs, MedleyJob *job, MedleyOutputPipes *pipes)
{
  MedleyDBusJob *self = g_new0 (MedleyDBusJob, 1);
  g_autofree char *path = medley_dbus_path (MEDLEY_JOB_PATH_PREFIX, medley_job_get_id (job));

  self->jobs = g_object_ref (jobs);
  self->job = g_object_ref (job);
  self->pipes = pipes;
  self->interface = medley_dbus_job_interface_new (job);
  self->object = medley_bus_object_skeleton_new (path);
  for (guint i = 0; i < G_N_ELEMENTS (methods); i++)
    g_signal_connect (self->interface, methods[i].signal, methods[i].handler, self);
  g_signal_connect (job, "changed", G_CALLBACK (job_changed), self);
  g_signal_connect (job, "event", G_CALLBACK (job_event), self);
  publish (self);
  medley_bus_object_skeleton_set_job1 (self->object, self->interface);
  return self;
}

void
medley_dbus_job_free (MedleyDBusJob *self)
{
  if (self->timer != 0)
    publish (self);
  g_dbus_interface_skeleton_flush (G_DBUS_INTERFACE_SKELETON (self->interface));
  g_signal_handlers_disconnect_by_data (self->job, self);
  g_signal_handlers_disconnect_by_data (self->interface, self);
  g_object_unref (self->object);
  g_object_unref (self->interface);
  g_object_unref (self->job);
  g_object_unref (self->jobs);
  g_free (self);
}

MedleyJob *
medley_dbus_job_get_job (MedleyDBusJob *self)
{
  return self->job;
}

MedleyBusObjectSkeleton *
medley_dbus_job_get_object (MedleyDBusJob *self)
{
  return self->object;
}
