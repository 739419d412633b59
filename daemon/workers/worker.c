/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "workers/worker.h"

#include <gio/gunixconnection.h>
#include <glib-unix.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/names.h"
#include "org.medley.Worker1.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

struct _MedleyWorker {
  GObject parent_instance;

  GPid pid;
  int pidfd;
  gboolean own_child;
  gboolean ready;
  gboolean gone;
  gboolean reported; /* that it is gone */
  gboolean killed;
  const char *kill_cause; /* static */
  int status;             /* as of waitpid(2), -1 while unknown */
  guint pidfd_source;
  guint kill_source;   /* once it was asked to tell and end */
  guint status_source; /* a reaper elsewhere gets this long to tell the status */

  GCancellable *cancellable;
  MedleyGenWorker1 *proxy;

  char *crash_stage;
  char *crash_engine;

  MedleyCgroup *cgroup; /* NULL when the kernel does not limit its memory */
  guint64 memory_limit;
};

G_DEFINE_FINAL_TYPE (MedleyWorker, medley_worker, G_TYPE_OBJECT)

enum { SIGNAL_READY, SIGNAL_EVENT, SIGNAL_FINISHED, SIGNAL_HEARTBEAT, SIGNAL_EXITED, N_SIGNALS };

static guint signals[N_SIGNALS];

#define STATUS_WAIT_MS 200
/* The kernel stops what is too fast for the daemon, which asks a worker for its stage before it
 * kills it; and it counts more than a worker's own memory: what it wrote to files, and its own
 * tables. An eighth. */
#define KERNEL_HEADROOM 8
/* What a process may take from here on while it says where it is. */
#define TELL_MS 200

static GError *
make_exit_error (MedleyWorker *self)
{
  if (self->cgroup != NULL && !self->killed && medley_cgroup_was_killed (self->cgroup, self->pid))
    return g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_MEMORY_LIMIT,
                        "the worker used more memory than its limit of %" G_GUINT64_FORMAT
                        " MiB (workers.memory-bytes)",
                        self->memory_limit >> 20);
  if (self->status < 0)
    return g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_WORKER_CRASHED, "worker %d is gone", self->pid);
  if (WIFSIGNALED (self->status))
    return g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_WORKER_CRASHED,
                        "worker %d was ended by signal %d (%s)", self->pid, WTERMSIG (self->status),
                        g_strsignal (WTERMSIG (self->status)));
  return g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_WORKER_CRASHED, "worker %d exited with status %d",
                      self->pid, WEXITSTATUS (self->status));
}

static void
report_exit (MedleyWorker *self)
{
  g_autoptr (GError) error = make_exit_error (self);
  g_autoptr (MedleyWorker) keep = g_object_ref (self);

  g_clear_handle_id (&self->status_source, g_source_remove);
  self->reported = TRUE;
  g_cancellable_cancel (self->cancellable);
  if (self->proxy != NULL)
    g_dbus_connection_close (g_dbus_proxy_get_connection (G_DBUS_PROXY (self->proxy)), NULL, NULL,
                             NULL);
  g_signal_emit (self, signals[SIGNAL_EXITED], 0, error);
}

static gboolean
status_timed_out (gpointer data)
{
  MedleyWorker *self = data;

  self->status_source = 0;
  report_exit (self);
  return G_SOURCE_REMOVE;
}

static gboolean
process_ended (int fd, GIOCondition condition, gpointer data)
{
  MedleyWorker *self = data;
  siginfo_t info = { 0 };

  self->pidfd_source = 0;
  self->gone = TRUE;
  /* Whatever it started in its group goes with it. Only before it is reaped: afterwards the number
   * may be another's. */
  if (self->own_child)
    kill (-self->pid, SIGKILL);

  if (self->own_child && waitid (P_PIDFD, (id_t) self->pidfd, &info, WEXITED) == 0) {
    self->status = info.si_code == CLD_EXITED ? W_EXITCODE (info.si_status, 0) : info.si_status;
    report_exit (self);
  } else if (self->status >= 0) {
    report_exit (self);
  } else {
    self->status_source = g_timeout_add (STATUS_WAIT_MS, status_timed_out, self);
  }
  return G_SOURCE_REMOVE;
}

void
medley_worker_limit_memory (MedleyWorker *self, MedleyCgroup *cgroup, guint64 limit)
{
  g_return_if_fail (self->cgroup == NULL);

  if (self->gone || !medley_cgroup_add (cgroup, self->pid, limit + limit / KERNEL_HEADROOM, NULL))
    return;
  self->cgroup = medley_cgroup_ref (cgroup);
  self->memory_limit = limit;
}

void
medley_worker_set_kill_cause (MedleyWorker *self, const char *cause)
{
  if (self->kill_cause == NULL)
    self->kill_cause = cause;
}

const char *
medley_worker_get_kill_cause (MedleyWorker *self)
{
  return self->kill_cause;
}

void
medley_worker_set_exit_status (MedleyWorker *self, int status)
{
  self->status = status;
  if (self->status_source != 0)
    report_exit (self);
}

void
medley_worker_set_crash_place (MedleyWorker *self, const char *stage, const char *engine)
{
  g_free (self->crash_stage);
  self->crash_stage = g_strdup (stage);
  g_free (self->crash_engine);
  self->crash_engine = g_strdup (engine);
}

const char *
medley_worker_get_crash_stage (MedleyWorker *self)
{
  return self->crash_stage;
}

const char *
medley_worker_get_crash_engine (MedleyWorker *self)
{
  return self->crash_engine;
}

static void
got_event (MedleyGenWorker1 *proxy, const char *job, const char *kind, GVariant *details,
           gpointer data)
{
  g_signal_emit (data, signals[SIGNAL_EVENT], 0, job, kind, details);
}

static void
got_finished (MedleyGenWorker1 *proxy, const char *job, gboolean ok, GVariant *error, gpointer data)
{
  g_signal_emit (data, signals[SIGNAL_FINISHED], 0, job, ok, error);
}

static void
got_heartbeat (MedleyGenWorker1 *proxy, guint64 activity, const char *stage, const char *engine,
               gpointer data)
{
  g_signal_emit (data, signals[SIGNAL_HEARTBEAT], 0, activity, stage, engine);
}

static void
connected (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (MedleyWorker) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusConnection) connection = g_dbus_connection_new_finish (result, &error);

  if (connection == NULL) {
    /* The process end tells what is wrong; a live process that cannot talk is of no use. */
    if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
      medley_worker_kill (self);
    return;
  }
  if (self->gone)
    return;
  /* No properties to load and no bus to ask: this does not block. */
  self->proxy
      = medley_gen_worker1_proxy_new_sync (connection, G_DBUS_PROXY_FLAGS_DO_NOT_LOAD_PROPERTIES,
                                           NULL, MEDLEY_WORKER_PATH, NULL, &error);
  if (self->proxy == NULL) {
    medley_worker_kill (self);
    return;
  }
  g_dbus_proxy_set_default_timeout (G_DBUS_PROXY (self->proxy), G_MAXINT);
  g_signal_connect_object (self->proxy, "event", G_CALLBACK (got_event), self, 0);
  g_signal_connect_object (self->proxy, "finished", G_CALLBACK (got_finished), self, 0);
  g_signal_connect_object (self->proxy, "heartbeat", G_CALLBACK (got_heartbeat), self, 0);
  self->ready = TRUE;
  g_signal_emit (self, signals[SIGNAL_READY], 0);
}

MedleyWorker *
medley_worker_new (int socket, GPid pid, int pidfd, gboolean own_child)
{
  MedleyWorker *self = g_object_new (MEDLEY_TYPE_WORKER, NULL);
  g_autoptr (GSocket) gsocket = NULL;
  g_autoptr (GSocketConnection) stream = NULL;
  g_autofree char *guid = g_dbus_generate_guid ();

  self->pid = pid;
  self->pidfd = pidfd;
  self->own_child = own_child;
  self->pidfd_source = g_unix_fd_add (pidfd, G_IO_IN, process_ended, self);

  gsocket = g_socket_new_from_fd (socket, NULL);
  g_assert (gsocket != NULL); /* it is a socketpair's end, made a moment ago */
  stream = g_socket_connection_factory_create_connection (gsocket);
  g_dbus_connection_new (G_IO_STREAM (stream), guid, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER,
                         NULL, self->cancellable, connected, g_object_ref (self));
  return self;
}

GPid
medley_worker_get_pid (MedleyWorker *self)
{
  return self->pid;
}

gboolean
medley_worker_is_ready (MedleyWorker *self)
{
  return self->ready && !self->gone && !self->killed;
}

gboolean
medley_worker_is_gone (MedleyWorker *self)
{
  return self->gone;
}

GError *
medley_worker_dup_exit_error (MedleyWorker *self)
{
  return self->reported ? make_exit_error (self) : NULL;
}

static gboolean
tell_timed_out (gpointer data)
{
  MedleyWorker *self = data;

  self->kill_source = 0;
  medley_worker_kill (self);
  return G_SOURCE_REMOVE;
}

void
medley_worker_kill_telling (MedleyWorker *self)
{
  self->killed = TRUE;
  if (self->gone || self->kill_source != 0)
    return;
  syscall (SYS_pidfd_send_signal, self->pidfd, MEDLEY_WORKER_TELL_SIGNAL, NULL, 0);
  self->kill_source = g_timeout_add (TELL_MS, tell_timed_out, self);
}

void
medley_worker_kill (MedleyWorker *self)
{
  self->killed = TRUE;
  if (!self->gone)
    syscall (SYS_pidfd_send_signal, self->pidfd, SIGKILL, NULL, 0);
}

static void
run_called (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  GError *error = NULL;

  if (medley_gen_worker1_call_run_finish (MEDLEY_GEN_WORKER1 (source), NULL, result, &error)) {
    g_task_return_boolean (task, TRUE);
  } else {
    g_dbus_error_strip_remote_error (error);
    g_task_return_error (task, error);
  }
}

void
medley_worker_run_async (MedleyWorker *self, const char *job, GVariant *plan, GVariant *inputs,
                         GVariant *outputs, GVariant *stages, GUnixFDList *fds,
                         GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, data);

  medley_gen_worker1_call_run (self->proxy, job, plan, inputs, outputs, stages, fds, NULL,
                               run_called, g_steal_pointer (&task));
}

gboolean
medley_worker_run_finish (MedleyWorker *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

void
medley_worker_cancel_job (MedleyWorker *self, const char *job)
{
  if (medley_worker_is_ready (self))
    medley_gen_worker1_call_cancel (self->proxy, job, NULL, NULL, NULL);
}

void
medley_worker_pause_job (MedleyWorker *self, const char *job)
{
  if (medley_worker_is_ready (self))
    medley_gen_worker1_call_pause (self->proxy, job, NULL, NULL, NULL);
}

void
medley_worker_resume_job (MedleyWorker *self, const char *job)
{
  if (medley_worker_is_ready (self))
    medley_gen_worker1_call_resume (self->proxy, job, NULL, NULL, NULL);
}

static void
call_returned (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  GError *error = NULL;
  GVariant *reply = g_dbus_proxy_call_finish (G_DBUS_PROXY (source), result, &error);

  if (reply != NULL) {
    g_task_return_pointer (task, reply, (GDestroyNotify) g_variant_unref);
  } else {
    g_dbus_error_strip_remote_error (error);
    g_task_return_error (task, error);
  }
}

void
medley_worker_call_async (MedleyWorker *self, const char *method, GVariant *parameters,
                          GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, data);

  g_dbus_proxy_call (G_DBUS_PROXY (self->proxy), method, parameters, G_DBUS_CALL_FLAGS_NONE, -1,
                     NULL, call_returned, g_steal_pointer (&task));
}

GVariant *
medley_worker_call_finish (MedleyWorker *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
medley_worker_dispose (GObject *object)
{
  MedleyWorker *self = MEDLEY_WORKER (object);

  if (!self->gone && self->pidfd >= 0) {
    syscall (SYS_pidfd_send_signal, self->pidfd, SIGKILL, NULL, 0);
    if (self->own_child)
      waitid (P_PIDFD, (id_t) self->pidfd, &(siginfo_t){ 0 }, WEXITED);
    self->gone = TRUE;
  }
  g_clear_handle_id (&self->pidfd_source, g_source_remove);
  g_clear_handle_id (&self->kill_source, g_source_remove);
  g_clear_handle_id (&self->status_source, g_source_remove);
  g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->proxy);
  G_OBJECT_CLASS (medley_worker_parent_class)->dispose (object);
}

static void
medley_worker_finalize (GObject *object)
{
  MedleyWorker *self = MEDLEY_WORKER (object);

  if (self->pidfd >= 0)
    close (self->pidfd);
  if (self->cgroup != NULL) {
    medley_cgroup_remove (self->cgroup, self->pid);
    medley_cgroup_unref (self->cgroup);
  }
  g_object_unref (self->cancellable);
  g_free (self->crash_stage);
  g_free (self->crash_engine);
  G_OBJECT_CLASS (medley_worker_parent_class)->finalize (object);
}

static void
medley_worker_class_init (MedleyWorkerClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GType type = G_TYPE_FROM_CLASS (klass);

  object_class->dispose = medley_worker_dispose;
  object_class->finalize = medley_worker_finalize;
  signals[SIGNAL_READY]
      = g_signal_new ("ready", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_EVENT]
      = g_signal_new ("event", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 3,
                      G_TYPE_STRING, G_TYPE_STRING, G_TYPE_VARIANT);
  signals[SIGNAL_FINISHED]
      = g_signal_new ("finished", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 3,
                      G_TYPE_STRING, G_TYPE_BOOLEAN, G_TYPE_VARIANT);
  signals[SIGNAL_HEARTBEAT]
      = g_signal_new ("heartbeat", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 3,
                      G_TYPE_UINT64, G_TYPE_STRING, G_TYPE_STRING);
  signals[SIGNAL_EXITED] = g_signal_new ("exited", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                         G_TYPE_NONE, 1, G_TYPE_ERROR);
}

static void
medley_worker_init (MedleyWorker *self)
{
  self->pidfd = -1;
  self->status = -1;
  self->cancellable = g_cancellable_new ();
}
