/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/dbus.h"

#include "base/names.h"
#include "dbus/caller.h"
#include "dbus/catalog-objects.h"
#include "dbus/job-object.h"
#include "dbus/manager-object.h"
#include "dbus/output-pipes.h"

struct _MedleyDBus {
  GObject parent_instance;

  MedleyJobManager *jobs;
  const char *bus; /* "session" or "system" */
  GCancellable *cancellable;
  GDBusConnection *connection;
  guint owner;

  GDBusObjectManagerServer *server;
  MedleyBusManager1 *manager;
  MedleyDBusCatalog *catalog;
  MedleyOutputPipes *pipes;
  GHashTable *job_objects; /* id → MedleyDBusJob */
  GQueue finished;         /* ids of ended jobs among them, the oldest first */

  GSourceOnceFunc settled; /* NULL unless somebody waits for the last answer */
  gpointer settled_data;
  guint settle_limit;
};

G_DEFINE_FINAL_TYPE (MedleyDBus, medley_dbus, G_TYPE_OBJECT)

G_GNUC_PRINTF (2, 3)
static void
report (MedleyDBus *self, const char *format, ...)
{
  g_autofree char *where = NULL;
  va_list args;

  va_start (args, format);
  where = g_strdup_vprintf (format, args);
  va_end (args);
  medley_job_manager_set_face (self->jobs, "dbus", where);
}

/* ---- jobs ---- */

static void
job_changed (MedleyJob *job, MedleyDBus *self);

static void
drop_job (MedleyDBus *self, const char *id)
{
  MedleyDBusJob *object = g_hash_table_lookup (self->job_objects, id);
  GList *link = g_queue_find_custom (&self->finished, id, (GCompareFunc) g_strcmp0);
  g_autofree char *path = NULL;

  if (object == NULL)
    return;
  path = g_strdup (
      g_dbus_object_get_object_path (G_DBUS_OBJECT (medley_dbus_job_get_object (object))));
  g_signal_handlers_disconnect_by_func (medley_dbus_job_get_job (object), job_changed, self);
  if (link != NULL) {
    g_free (link->data);
    g_queue_delete_link (&self->finished, link);
  }
  g_hash_table_remove (self->job_objects, id); /* frees the object */
  g_dbus_object_manager_server_unexport (self->server, path);
}

/* A job that has ended may be queued again: then its object stays as that of any unfinished one. */
static void
note_end (MedleyDBus *self, MedleyJob *job)
{
  guint64 kept
      = medley_config_get_number (medley_job_manager_get_config (self->jobs), "dbus.finished-jobs");
  const char *id = medley_job_get_id (job);
  GList *link = g_queue_find_custom (&self->finished, id, (GCompareFunc) g_strcmp0);

  if (!medley_job_state_is_final (medley_job_get_state (job))) {
    if (link != NULL) {
      g_free (link->data);
      g_queue_delete_link (&self->finished, link);
    }
    return;
  }
  if (link != NULL)
    return;
  g_queue_push_tail (&self->finished, g_strdup (id));
  while (g_queue_get_length (&self->finished) > kept) {
    g_autofree char *oldest = g_strdup (g_queue_peek_head (&self->finished));

    drop_job (self, oldest);
  }
}

static void
job_changed (MedleyJob *job, MedleyDBus *self)
{
  note_end (self, job);
}

static void
job_added (MedleyJobManager *jobs, MedleyJob *job, MedleyDBus *self)
{
  const char *id = medley_job_get_id (job);
  MedleyDBusJob *object = g_hash_table_lookup (self->job_objects, id);

  if (self->server == NULL || (object != NULL && medley_dbus_job_get_job (object) == job))
    return;
  if (object != NULL)
    drop_job (self, id);
  object = medley_dbus_job_new (jobs, job, self->pipes);
  g_hash_table_insert (self->job_objects, g_strdup (id), object);
  g_dbus_object_manager_server_export (self->server, G_DBUS_OBJECT_SKELETON (
                                                         medley_dbus_job_get_object (object)));
  /* After the object's own handler: what has changed is told before the object may go. */
  g_signal_connect (job, "changed", G_CALLBACK (job_changed), self);
  note_end (self, job);
}

static void
job_removed (MedleyJobManager *jobs, MedleyJob *job, MedleyDBus *self)
{
  drop_job (self, medley_job_get_id (job));
}

static void
drop_all_jobs (MedleyDBus *self)
{
  guint n_ids;
  g_autofree const char **ids
      = (const char **) g_hash_table_get_keys_as_array (self->job_objects, &n_ids);

  for (guint i = 0; i < n_ids; i++)
    drop_job (self, ids[i]);
}

/* ---- the bus ---- */

static void
take_from_bus (MedleyDBus *self)
{
  if (self->server == NULL)
    return;
  g_dbus_object_manager_server_set_connection (self->server, NULL);
  if (self->manager != NULL)
    g_dbus_interface_skeleton_unexport (G_DBUS_INTERFACE_SKELETON (self->manager));
  drop_all_jobs (self);
  g_clear_pointer (&self->catalog, medley_dbus_catalog_free);
  g_clear_object (&self->manager);
  g_clear_object (&self->server);
  g_clear_object (&self->connection);
}

static void
name_acquired (GDBusConnection *connection, const char *name, gpointer data)
{
  MedleyDBus *self = data;

  report (self, "%s on the %s bus", name, self->bus);
}

static void
name_lost (GDBusConnection *connection, const char *name, gpointer data)
{
  MedleyDBus *self = data;

  if (connection != NULL && !g_dbus_connection_is_closed (connection)) {
    report (self, "off: another process is %s on the %s bus; this one takes over when it leaves",
            name, self->bus);
    g_warning ("%s on the %s bus is taken by another process", name, self->bus);
    return;
  }
  report (self, "off: the connection to the %s bus was lost", self->bus);
  g_warning ("The connection to the %s bus was lost", self->bus);
  take_from_bus (self);
}

static void
add_jobs (MedleyDBus *self, int state, guint limit)
{
  const MedleyJobFilter filter = { .state = state };
  g_autoptr (GPtrArray) jobs = medley_job_manager_list (self->jobs, &filter, NULL, limit);

  for (guint i = jobs->len; i > 0; i--) /* the oldest first */
    job_added (self->jobs, jobs->pdata[i - 1], self);
}

/* Those that became known before the bus: thousands may have ended, and are not looked at. */
static void
add_known_jobs (MedleyDBus *self)
{
  guint64 kept
      = medley_config_get_number (medley_job_manager_get_config (self->jobs), "dbus.finished-jobs");

  if (kept > 0)
    add_jobs (self, -1, (guint) kept);
  for (guint i = 0; i < MEDLEY_JOB_N_STATES; i++) {
    if (!medley_job_state_is_final ((MedleyJobState) i))
      add_jobs (self, (int) i, 0);
  }
}

static gboolean
put_on_bus (MedleyDBus *self, GError **error)
{
  self->server = g_dbus_object_manager_server_new (MEDLEY_ROOT_PATH);
  self->catalog = medley_dbus_catalog_new (self->jobs, self->server);
  add_known_jobs (self);
  self->manager = medley_dbus_manager_new (self->jobs);
  if (!g_dbus_interface_skeleton_export (G_DBUS_INTERFACE_SKELETON (self->manager),
                                         self->connection, MEDLEY_ROOT_PATH, error))
    return FALSE;
  g_dbus_object_manager_server_set_connection (self->server, self->connection);
  return TRUE;
}

static void
connected (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusConnection) connection = g_bus_get_finish (result, &error);
  MedleyDBus *self = data;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return; /* there is no self any more */
  if (connection == NULL) {
    report (self, "off: no %s bus (%s)", self->bus, error->message);
    return;
  }
  g_dbus_connection_set_exit_on_close (connection, FALSE);
  self->connection = g_steal_pointer (&connection);
  if (g_str_equal (self->bus, "system"))
    g_object_set_data (G_OBJECT (self->connection), MEDLEY_DBUS_SHARED, self);
  if (!put_on_bus (self, &error)) {
    report (self, "off: %s", error->message);
    take_from_bus (self);
    return;
  }
  /* Last: whoever finds the name finds everything. */
  self->owner = g_bus_own_name_on_connection (self->connection, MEDLEY_BUS_NAME,
                                              G_BUS_NAME_OWNER_FLAGS_NONE, name_acquired, name_lost,
                                              self, NULL);
}

MedleyDBus *
medley_dbus_new (MedleyJobManager *jobs)
{
  MedleyDBus *self = g_object_new (MEDLEY_TYPE_DBUS, NULL);
  MedleyConfig *config = medley_job_manager_get_config (jobs);

  self->jobs = g_object_ref (jobs);
  self->bus = medley_config_get_string (config, "dbus.bus");
  self->pipes
      = medley_output_pipes_new ((guint) medley_config_get_number (config, "dbus.open-outputs"));
  if (g_str_equal (self->bus, "none")) {
    report (self, "off: dbus.bus is none");
    return self;
  }
  g_signal_connect_object (jobs, "job-added", G_CALLBACK (job_added), self, 0);
  g_signal_connect_object (jobs, "job-removed", G_CALLBACK (job_removed), self, 0);
  report (self, "connecting to the %s bus", self->bus);
  g_bus_get (g_str_equal (self->bus, "system") ? G_BUS_TYPE_SYSTEM : G_BUS_TYPE_SESSION,
             self->cancellable, connected, self);
  return self;
}

/* ---- the end ---- */

static void
settle (MedleyDBus *self)
{
  GSourceOnceFunc settled = g_steal_pointer (&self->settled);

  g_clear_handle_id (&self->settle_limit, g_source_remove);
  if (settled != NULL)
    settled (self->settled_data);
}

static void
flushed (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;

  g_dbus_connection_flush_finish (G_DBUS_CONNECTION (source), result, &error);
  if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    settle (data); /* else there is no self any more */
}

/* Replies and signals are sent by a thread. */
static void
pipes_ended (gpointer data)
{
  MedleyDBus *self = data;

  medley_output_pipes_set_empty_func (self->pipes, NULL, NULL);
  if (self->connection != NULL)
    g_dbus_connection_flush (self->connection, self->cancellable, flushed, self);
  else
    settle (self);
}

static gboolean
give_up_settling (gpointer data)
{
  MedleyDBus *self = data;

  self->settle_limit = 0;
  settle (self);
  return G_SOURCE_REMOVE;
}

void
medley_dbus_settle (MedleyDBus *self, guint seconds, GSourceOnceFunc settled, gpointer data)
{
  g_return_if_fail (self->settled == NULL);
  self->settled = settled;
  self->settled_data = data;
  self->settle_limit = g_timeout_add_seconds (seconds, give_up_settling, self);
  medley_output_pipes_set_empty_func (self->pipes, pipes_ended, self);
  if (medley_output_pipes_count (self->pipes) == 0)
    pipes_ended (self);
}

static void
medley_dbus_dispose (GObject *object)
{
  MedleyDBus *self = MEDLEY_DBUS (object);

  g_cancellable_cancel (self->cancellable);
  self->settled = NULL;
  g_clear_handle_id (&self->settle_limit, g_source_remove);
  if (self->owner != 0)
    g_bus_unown_name (self->owner);
  self->owner = 0;
  take_from_bus (self);
  g_clear_pointer (&self->pipes, medley_output_pipes_free);
  g_clear_object (&self->jobs);
  G_OBJECT_CLASS (medley_dbus_parent_class)->dispose (object);
}

static void
medley_dbus_finalize (GObject *object)
{
  MedleyDBus *self = MEDLEY_DBUS (object);

  g_hash_table_unref (self->job_objects);
  g_clear_object (&self->cancellable);
  G_OBJECT_CLASS (medley_dbus_parent_class)->finalize (object);
}

static void
medley_dbus_class_init (MedleyDBusClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = medley_dbus_dispose;
  object_class->finalize = medley_dbus_finalize;
}

static void
medley_dbus_init (MedleyDBus *self)
{
  self->cancellable = g_cancellable_new ();
  g_queue_init (&self->finished);
  self->job_objects = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                             (GDestroyNotify) medley_dbus_job_free);
}
