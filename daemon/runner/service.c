/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/service.h"

#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include <medley/medley-error.h>
#include <unistd.h>

#include "base/error.h"
#include "base/names.h"
#include "org.medley.Worker1.h"
#include "runner/check.h"
#include "runner/describe.h"
#include "runner/run.h"

typedef struct {
  GDBusConnection *connection;
  MedleyGenWorker1 *skeleton;
  MedleyEngineCache *cache;
  MedleySandbox *sandbox;
  GMutex cache_lock;
  MedleyRun *run;
  char *job;
  guint heartbeat;
} Service;

/* From any thread, in the order in which it comes. */
static void
emit (Service *self, const char *signal, GVariant *parameters)
{
  g_dbus_connection_emit_signal (self->connection, NULL, MEDLEY_WORKER_PATH, "org.medley.Worker1",
                                 signal, parameters, NULL);
}

static void
run_event (const char *kind, GVariant *details, gpointer data)
{
  Service *self = data;

  emit (self, "Event", g_variant_new ("(ss@a{sv})", self->job, kind, details));
}

static void
run_finished (gboolean ok, GVariant *error, gpointer data)
{
  Service *self = data;

  g_clear_handle_id (&self->heartbeat, g_source_remove);
  emit (self, "Finished", g_variant_new ("(sb@a{sv})", self->job, ok, error));
  g_clear_pointer (&self->run, medley_run_free);
  g_clear_pointer (&self->job, g_free);
  if (!medley_sandbox_clean (self->sandbox)) {
    g_printerr ("medley-worker: the temporary folder cannot be emptied; another worker follows\n");
    g_dbus_connection_flush_sync (self->connection, NULL, NULL);
    _exit (MEDLEY_EXIT_FAILED);
  }
}

static gboolean
send_heartbeat (gpointer data)
{
  Service *self = data;
  g_autofree char *stage = NULL;
  g_autofree char *engine = NULL;

  medley_work_longest (&stage, &engine);
  emit (self, "Heartbeat",
        g_variant_new ("(tss)", medley_run_get_activity (self->run), stage, engine));
  return G_SOURCE_CONTINUE;
}

static int
take_fd (GUnixFDList *fds, GVariant *dict, const char *key, GError **error)
{
  gint32 index;

  if (!g_variant_lookup (dict, key, "h", &index))
    return -1;
  if (fds == NULL || index < 0 || index >= g_unix_fd_list_get_length (fds)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "\"%s\" names no descriptor of the message", key);
    return -1;
  }
  return g_unix_fd_list_get (fds, index, error);
}

static GHashTable *
take_files (GVariant *given, GUnixFDList *fds, GError **error)
{
  g_autoptr (GHashTable) files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                                        (GDestroyNotify) medley_job_file_free);
  GVariantIter iter;
  const char *name;
  GVariant *dict;

  g_variant_iter_init (&iter, given);
  while (g_variant_iter_loop (&iter, "{&s@a{sv}}", &name, &dict)) {
    const char *type = "";
    GError *fd_error = NULL;
    int file, doorbell;

    g_variant_lookup (dict, "type", "&s", &type);
    file = take_fd (fds, dict, "file", &fd_error);
    doorbell = fd_error == NULL ? take_fd (fds, dict, "doorbell", &fd_error) : -1;
    g_hash_table_insert (files, g_strdup (name), medley_job_file_new (file, doorbell, type));
    if (fd_error == NULL && file < 0)
      fd_error = g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                              "\"%s\" comes without its file", name);
    if (fd_error != NULL) {
      g_propagate_error (error, fd_error);
      g_variant_unref (dict);
      return NULL;
    }
  }
  return g_steal_pointer (&files);
}

/* What the plan reads and writes has to be there. */
static gboolean
check_files (const MedleyRunPlan *plan, GHashTable *inputs, GHashTable *outputs, GError **error)
{
  for (guint i = 0; i < plan->inputs->len; i++) {
    const MedleyPlanInput *input = g_ptr_array_index (plan->inputs, i);

    if (!g_hash_table_contains (inputs, input->name)) {
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT, "input \"%s\" is not given",
                   input->name);
      return FALSE;
    }
  }
  for (guint i = 0; i < plan->outputs->len; i++) {
    const MedleyPlanOutput *output = g_ptr_array_index (plan->outputs, i);

    if (!g_hash_table_contains (outputs, output->name)) {
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT, "output \"%s\" has no file",
                   output->name);
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean
handle_run (MedleyGenWorker1 *skeleton, GDBusMethodInvocation *invocation, GUnixFDList *fds,
            const char *job, GVariant *plan_value, GVariant *inputs_value, GVariant *outputs_value,
            GVariant *stages_value, gpointer data)
{
  Service *self = data;
  g_autoptr (MedleyRunPlan) plan = NULL;
  g_autoptr (GHashTable) inputs = NULL;
  g_autoptr (GHashTable) outputs = NULL;
  g_autoptr (GHashTable) stages = NULL;
  GError *error = NULL;

  if (self->run != NULL) {
    g_dbus_method_invocation_return_error (invocation, MEDLEY_ERROR, MEDLEY_ERROR_WRONG_STATE,
                                           "this worker runs job %s", self->job);
    return G_DBUS_METHOD_INVOCATION_HANDLED;
  }
  plan = medley_run_plan_new (plan_value, &error);
  if (plan != NULL)
    inputs = take_files (inputs_value, fds, &error);
  if (inputs != NULL)
    outputs = take_files (outputs_value, fds, &error);
  if (outputs != NULL)
    stages = medley_stage_files_take (stages_value, fds, &error);
  if (stages == NULL || !check_files (plan, inputs, outputs, &error)) {
    g_dbus_method_invocation_take_error (invocation, error);
    return G_DBUS_METHOD_INVOCATION_HANDLED;
  }
  self->job = g_strdup (job);
  /* First the answer, then what happens in the job. */
  medley_gen_worker1_complete_run (skeleton, invocation, NULL);
  self->heartbeat = g_timeout_add_seconds (1, send_heartbeat, self);
  self->run = medley_run_start (g_steal_pointer (&plan), g_steal_pointer (&inputs),
                                g_steal_pointer (&outputs), g_steal_pointer (&stages), self->cache,
                                &self->cache_lock, run_event, run_finished, self);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
is_job (Service *self, const char *job)
{
  return self->run != NULL && g_str_equal (self->job, job);
}

static gboolean
handle_cancel (MedleyGenWorker1 *skeleton, GDBusMethodInvocation *invocation, const char *job,
               gpointer data)
{
  Service *self = data;

  if (is_job (self, job))
    medley_run_cancel (self->run);
  medley_gen_worker1_complete_cancel (skeleton, invocation);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
handle_pause (MedleyGenWorker1 *skeleton, GDBusMethodInvocation *invocation, const char *job,
              gpointer data)
{
  Service *self = data;

  if (is_job (self, job))
    medley_run_set_paused (self->run, TRUE);
  medley_gen_worker1_complete_pause (skeleton, invocation);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
handle_resume (MedleyGenWorker1 *skeleton, GDBusMethodInvocation *invocation, const char *job,
               gpointer data)
{
  Service *self = data;

  if (is_job (self, job))
    medley_run_set_paused (self->run, FALSE);
  medley_gen_worker1_complete_resume (skeleton, invocation);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
handle_describe (MedleyGenWorker1 *skeleton, GDBusMethodInvocation *invocation, gpointer data)
{
  g_autofree char *registry = NULL;
  GVariant *engines = medley_describe_engines (&registry);

  medley_gen_worker1_complete_describe (skeleton, invocation, engines, registry,
                                        medley_describe_broken (),
                                        medley_sandbox_describe (((Service *) data)->sandbox));
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

/* What may load plugins and models is done apart from the main loop. */
typedef struct {
  Service *service;
  GDBusMethodInvocation *invocation;
  char *factory;
  MedleyRunPlan *plan;
} Chore;

static gpointer
do_chore (gpointer data)
{
  Chore *chore = data;
  Service *self = chore->service;
  GError *error = NULL;
  GVariant *result;

  g_mutex_lock (&self->cache_lock);
  if (chore->plan != NULL)
    result = medley_check_plan (chore->plan, self->cache);
  else
    result = medley_describe_factory (self->cache, chore->factory, &error);
  g_mutex_unlock (&self->cache_lock);
  if (result == NULL)
    g_dbus_method_invocation_take_error (chore->invocation, error);
  else
    g_dbus_method_invocation_return_value (chore->invocation, g_variant_new_tuple (&result, 1));
  g_clear_pointer (&chore->plan, medley_run_plan_free);
  g_free (chore->factory);
  g_free (chore);
  return NULL;
}

static void
start_chore (Service *self, GDBusMethodInvocation *invocation, const char *factory,
             MedleyRunPlan *plan)
{
  Chore *chore = g_new0 (Chore, 1);

  chore->service = self;
  chore->invocation = invocation;
  chore->factory = g_strdup (factory);
  chore->plan = plan;
  g_thread_unref (g_thread_new ("chore", do_chore, chore));
}

static gboolean
handle_inspect (MedleyGenWorker1 *skeleton, GDBusMethodInvocation *invocation, const char *factory,
                gpointer data)
{
  start_chore (data, invocation, factory, NULL);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
handle_check (MedleyGenWorker1 *skeleton, GDBusMethodInvocation *invocation, GVariant *plan_value,
              gpointer data)
{
  GError *error = NULL;
  MedleyRunPlan *plan = medley_run_plan_new (plan_value, &error);

  if (plan == NULL)
    g_dbus_method_invocation_take_error (invocation, error);
  else
    start_chore (data, invocation, NULL, plan);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
handle_quit (MedleyGenWorker1 *skeleton, GDBusMethodInvocation *invocation, gpointer data)
{
  Service *self = data;

  medley_gen_worker1_complete_quit (skeleton, invocation);
  g_dbus_connection_flush_sync (self->connection, NULL, NULL);
  _exit (0);
}

static void
connection_closed (GDBusConnection *connection, gboolean remote, GError *error, gpointer data)
{
  _exit (0);
}

static gboolean
connect_to_daemon (Service *self, int fd, GError **error)
{
  g_autoptr (GSocket) socket = g_socket_new_from_fd (fd, error);
  g_autoptr (GSocketConnection) stream = NULL;

  if (socket == NULL)
    return FALSE;
  stream = g_socket_connection_factory_create_connection (socket);
  /* Messages wait until the object is there. */
  self->connection
      = g_dbus_connection_new_sync (G_IO_STREAM (stream), NULL,
                                    G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT
                                        | G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING,
                                    NULL, NULL, error);
  return self->connection != NULL;
}

int
medley_service_run (int socket, MedleyEngineCache *cache, MedleySandbox *sandbox)
{
  static const struct {
    const char *signal;
    GCallback handler;
  } handlers[] = {
    { "handle-describe", G_CALLBACK (handle_describe) },
    { "handle-inspect", G_CALLBACK (handle_inspect) },
    { "handle-check", G_CALLBACK (handle_check) },
    { "handle-run", G_CALLBACK (handle_run) },
    { "handle-cancel", G_CALLBACK (handle_cancel) },
    { "handle-pause", G_CALLBACK (handle_pause) },
    { "handle-resume", G_CALLBACK (handle_resume) },
    { "handle-quit", G_CALLBACK (handle_quit) },
  };
  Service self = { .cache = cache, .sandbox = sandbox };
  g_autoptr (GMainLoop) loop = NULL;
  g_autoptr (GError) error = NULL;

  g_mutex_init (&self.cache_lock);
  medley_error_register_dbus ();
  if (!connect_to_daemon (&self, socket, &error)) {
    g_printerr ("medley-worker: no connection to the daemon: %s\n", error->message);
    return MEDLEY_EXIT_UNAVAILABLE;
  }
  self.skeleton = medley_gen_worker1_skeleton_new ();
  for (guint i = 0; i < G_N_ELEMENTS (handlers); i++)
    g_signal_connect (self.skeleton, handlers[i].signal, handlers[i].handler, &self);
  if (!g_dbus_interface_skeleton_export (G_DBUS_INTERFACE_SKELETON (self.skeleton), self.connection,
                                         MEDLEY_WORKER_PATH, &error)) {
    g_printerr ("medley-worker: %s\n", error->message);
    return MEDLEY_EXIT_FAILED;
  }
  g_signal_connect (self.connection, "closed", G_CALLBACK (connection_closed), NULL);
  g_dbus_connection_start_message_processing (self.connection);
  loop = g_main_loop_new (NULL, FALSE);
  g_main_loop_run (loop);
  return MEDLEY_EXIT_FAILED;
}
