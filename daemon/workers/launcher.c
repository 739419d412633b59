/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "workers/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/folders.h"
#include "base/log.h"
#include "base/names.h"
#include "workers/environment.h"
#include "workers/log-reader.h"
#include "workers/registry.h"
#include "workers/scratch.h"
#include "workers/zygote.h"

/* Most lines of workers that are printed in a second: standard error may be a terminal or a pipe
 * that is read slowly. */
#define LINES_PER_SECOND 50

typedef struct _Preparation Preparation;

struct _MedleyLauncher {
  GObject parent_instance;

  MedleyConfig *config;
  gboolean exec_only;
  char *worker_path;
  MedleyCgroup *cgroup;     /* NULL when there is none to use */
  MedleyScratch *scratch;   /* in which each worker has its temporary folder */
  gboolean prepared;        /* the folder is there and the registry knows all plugins */
  Preparation *preparation; /* under way; its task's */
  gboolean stale;           /* plugins changed while it was prepared */
  GQueue unprepared;        /* GTask of launches */
  char *unseen;             /* why the registry does not know all plugins, NULL when it does */
  char *refusal;            /* why the last worker that refused to start did so */
  MedleyZygote *zygote;
  GPtrArray *retired; /* MedleyZygote that fork no more, but whose workers still run */
  guint release_source;
  GHashTable *workers; /* pid → MedleyWorker, not owned */
  GPtrArray *logs;     /* MedleyLogReader of each executed process */
  guint n_lines;       /* since lines_source was set */
  guint lines_source;
};

G_DEFINE_FINAL_TYPE (MedleyLauncher, medley_launcher, G_TYPE_OBJECT)

enum { SIGNAL_LOG, N_SIGNALS };

static guint signals[N_SIGNALS];

static gboolean
end_second (gpointer data)
{
  MedleyLauncher *self = data;

  if (self->n_lines > LINES_PER_SECOND)
    g_message ("%u more lines of workers were left out", self->n_lines - LINES_PER_SECOND);
  self->n_lines = 0;
  self->lines_source = 0;
  return G_SOURCE_REMOVE;
}

static void
print_line (MedleyLauncher *self, int number, const char *line, gboolean always)
{
  char pid[16];

  g_snprintf (pid, sizeof pid, "%d", number);
  if (self->lines_source == 0)
    self->lines_source = g_timeout_add_seconds (1, end_second, self);
  if (always || ++self->n_lines <= LINES_PER_SECOND)
    g_log_structured (MEDLEY_LOG_WORKER, G_LOG_LEVEL_MESSAGE, "MEDLEY_WORKER", pid, "MESSAGE", "%s",
                      line);
}

static void
line_printed (const char *line, gpointer data)
{
  MedleyLauncher *self = data;
  const char *refusal = medley_log_parse_refusal (line);
  g_autofree char *stage = NULL;
  g_autofree char *engine = NULL;
  int pid = 0;
  gboolean is_crash = medley_log_parse_crash (line, &pid, &stage, &engine);

  if (is_crash) {
    MedleyWorker *worker = g_hash_table_lookup (self->workers, GINT_TO_POINTER (pid));

    if (worker != NULL)
      medley_worker_set_crash_place (worker, stage, engine);
  }
  if (refusal != NULL) {
    g_free (self->refusal);
    self->refusal = g_strdup (refusal);
  }
  sscanf (line, "medley-worker[%d]", &pid);
  print_line (self, pid, line, is_crash || refusal != NULL);
  g_signal_emit (self, signals[SIGNAL_LOG], 0, pid, line);
}

static void
drain_logs (MedleyLauncher *self)
{
  for (guint i = 0; i < self->logs->len; i++)
    medley_log_reader_drain (self->logs->pdata[i]);
}

static void
remove_folder (GTask *task, gpointer source, gpointer path, GCancellable *cancellable)
{
  medley_folder_remove (path);
}

/* What a worker left in its temporary folder may be much. */
static void
clean_after (MedleyLauncher *self, GPid pid)
{
  g_autoptr (GTask) task = NULL;
  g_autofree char *path = NULL;

  if (self->scratch == NULL)
    return;
  path = g_strdup_printf ("%s/%d", medley_scratch_get_path (self->scratch), pid);
  task = g_task_new (NULL, NULL, NULL, NULL);
  g_task_set_task_data (task, g_steal_pointer (&path), g_free);
  g_task_run_in_thread (task, remove_folder);
}

static void
worker_exited (MedleyWorker *worker, GError *error, gpointer data)
{
  MedleyLauncher *self = data;

  /* What it said last may still be in the pipe: read it before others hear of the exit. */
  drain_logs (self);
  g_hash_table_remove (self->workers, GINT_TO_POINTER (medley_worker_get_pid (worker)));
  clean_after (self, medley_worker_get_pid (worker));
}

static void
forget_worker (gpointer data, GObject *worker)
{
  MedleyLauncher *self = data;
  GHashTableIter iter;
  gpointer pid, value;

  g_hash_table_iter_init (&iter, self->workers);
  while (g_hash_table_iter_next (&iter, &pid, &value)) {
    if (value != worker)
      continue;
    g_hash_table_iter_remove (&iter);
    clean_after (self, GPOINTER_TO_INT (pid));
  }
}

static MedleyWorker *
adopt (MedleyLauncher *self, int socket, GPid pid, int pidfd, gboolean own_child)
{
  MedleyWorker *worker = medley_worker_new (socket, pid, pidfd, own_child);

  g_hash_table_insert (self->workers, GINT_TO_POINTER (pid), worker);
  g_object_weak_ref (G_OBJECT (worker), forget_worker, self);
  g_signal_connect_object (worker, "exited", G_CALLBACK (worker_exited), self, 0);
  if (self->cgroup != NULL)
    medley_worker_limit_memory (worker, self->cgroup,
                                medley_config_get_number (self->config, "workers.memory-bytes"));
  return worker;
}

/* Executes the worker with one end of a new socket pair as its descriptor 3. */
static GPid
execute (MedleyLauncher *self, int socket_type, int *socket, int *pidfd, GError **error)
{
  int sockets[2], log_pipe[2];
  g_auto (GStrv) environment = medley_environment_make (self->config);
  g_auto (GStrv) arguments
      = medley_environment_make_arguments (self->config, medley_scratch_get_path (self->scratch));
  g_autofree char *preload
      = g_strjoinv (";", (char **) medley_config_get_list (self->config, "workers.preload"));
  gboolean zygote = socket_type == SOCK_SEQPACKET;
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) argv = NULL;
  GPid pid = 0;
  gboolean spawned;

  if (socketpair (AF_UNIX, socket_type | SOCK_CLOEXEC, 0, sockets) < 0
      || pipe2 (log_pipe, O_CLOEXEC) < 0) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE, "cannot make a worker's socket: %s",
                 g_strerror (errno));
    return 0;
  }
  if (self->unseen != NULL)
    environment = g_environ_setenv (environment, MEDLEY_UNSEEN_VARIABLE, self->unseen, TRUE);
  g_strv_builder_add_many (builder, self->worker_path, zygote ? "--zygote" : "--exec", "--fd", "3",
                           NULL);
  if (zygote)
    g_strv_builder_add_many (builder, "--preload", preload, NULL);
  g_strv_builder_addv (builder, (const char **) arguments);
  argv = g_strv_builder_end (builder);
  spawned = g_spawn_async_with_pipes_and_fds (
      NULL, (const char *const *) argv, (const char *const *) environment,
      G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, -1, -1, log_pipe[1],
      (const int[]){ sockets[1] }, (const int[]){ 3 }, 1, &pid, NULL, NULL, NULL, error);
  close (sockets[1]);
  close (log_pipe[1]);
  if (!spawned) {
    close (sockets[0]);
    close (log_pipe[0]);
    return 0;
  }
  for (guint i = self->logs->len; i > 0; i--) {
    if (medley_log_reader_is_done (self->logs->pdata[i - 1]))
      g_ptr_array_remove_index_fast (self->logs, i - 1);
  }
  g_ptr_array_add (self->logs, medley_log_reader_new (log_pipe[0], line_printed, self));
  *socket = sockets[0];
  /* Not reaped yet, so the number cannot belong to another process. */
  *pidfd = (int) syscall (SYS_pidfd_open, pid, 0);
  return pid;
}

static void
zygote_forked (GPid pid, int pidfd, const GError *error, gpointer data)
{
  g_autoptr (GTask) task = data;
  MedleyLauncher *self = g_task_get_source_object (task);
  int socket = GPOINTER_TO_INT (g_task_get_task_data (task));

  if (error != NULL) {
    close (socket);
    /* It may have said why before it ended. */
    drain_logs (self);
    g_task_return_error (task, g_error_copy (error));
    return;
  }
  g_task_return_pointer (task, adopt (self, socket, pid, pidfd, FALSE), g_object_unref);
}

static gboolean
release_retired (gpointer data)
{
  MedleyLauncher *self = data;

  self->release_source = 0;
  for (guint i = self->retired->len; i > 0; i--) {
    if (medley_zygote_count_children (self->retired->pdata[i - 1]) == 0)
      g_ptr_array_remove_index_fast (self->retired, i - 1);
  }
  return G_SOURCE_REMOVE;
}

/* From an idle source: a zygote must not be freed from within its own callback. */
static void
schedule_release (MedleyLauncher *self)
{
  if (self->retired->len > 0 && self->release_source == 0)
    self->release_source = g_idle_add (release_retired, self);
}

static void
zygote_child_exited (GPid pid, int status, gpointer data)
{
  MedleyLauncher *self = data;
  MedleyWorker *worker = g_hash_table_lookup (self->workers, GINT_TO_POINTER (pid));

  drain_logs (self);
  if (worker != NULL)
    medley_worker_set_exit_status (worker, status);
  else
    clean_after (self, pid);
  schedule_release (self);
}

static void
zygote_ended (MedleyZygote *zygote, gpointer data)
{
  MedleyLauncher *self = data;

  if (zygote == self->zygote)
    g_clear_pointer (&self->zygote, medley_zygote_free);
  else
    g_ptr_array_remove_fast (self->retired, zygote);
}

static gboolean
ensure_zygote (MedleyLauncher *self, GError **error)
{
  int socket = -1, pidfd = -1;
  GPid pid;

  if (self->zygote != NULL)
    return TRUE;
  pid = execute (self, SOCK_SEQPACKET, &socket, &pidfd, error);
  if (pid == 0)
    return FALSE;
  self->zygote = medley_zygote_new (socket, pid, pidfd, zygote_child_exited, zygote_ended, self);
  return TRUE;
}

static void
launch (MedleyLauncher *self, GTask *given)
{
  g_autoptr (GTask) task = given;
  g_autoptr (GError) error = NULL;
  int socket = -1, pidfd = -1;
  GPid pid;

  if (g_str_equal (medley_launcher_get_mode (self), "zygote")) {
    int sockets[2];

    if (!ensure_zygote (self, &error)) {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }
    if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0) {
      g_task_return_new_error (task, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
                               "cannot make a worker's socket: %s", g_strerror (errno));
      return;
    }
    g_task_set_task_data (task, GINT_TO_POINTER (sockets[0]), NULL);
    medley_zygote_fork (self->zygote, sockets[1], zygote_forked, g_steal_pointer (&task));
    return;
  }

  pid = execute (self, SOCK_STREAM, &socket, &pidfd, &error);
  if (pid == 0)
    g_task_return_new_error (task, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
                             "cannot start the worker %s: %s; check paths.worker",
                             self->worker_path, error->message);
  else
    g_task_return_pointer (task, adopt (self, socket, pid, pidfd, TRUE), g_object_unref);
}

/* What has to be there before a worker starts, made apart from the main loop. */
struct _Preparation {
  char *temporary; /* NULL when there is a folder already */
  char *registry;
  char *worker;
  char **arguments;
  char **environment;
  GMutex mutex; /* for the next two */
  gboolean abandoned;
  MedleyScratch *scratch;
  GPtrArray *lines; /* of char: what was printed */
  char *unseen;
};

static void
preparation_free (Preparation *self)
{
  g_free (self->temporary);
  g_free (self->registry);
  g_free (self->worker);
  g_strfreev (self->arguments);
  g_strfreev (self->environment);
  g_clear_pointer (&self->scratch, medley_scratch_free);
  g_ptr_array_unref (self->lines);
  g_mutex_clear (&self->mutex);
  g_free (self->unseen);
  g_free (self);
}

/* The process may end before the thread does, and nothing of it is to be left then. */
static void
preparation_abandon (Preparation *self)
{
  g_mutex_lock (&self->mutex);
  self->abandoned = TRUE;
  g_clear_pointer (&self->scratch, medley_scratch_free);
  g_mutex_unlock (&self->mutex);
}

static void
preparation_make_scratch (Preparation *self, GError **error)
{
  g_mutex_lock (&self->mutex);
  if (!self->abandoned)
    self->scratch = medley_scratch_new (self->temporary, "workers-", error);
  g_mutex_unlock (&self->mutex);
}

static void
do_prepare (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Preparation *self = data;
  MedleyRegistryOptions options
      = { self->registry, self->worker, (const char *const *) self->arguments,
          (const char *const *) self->environment };
  GError *error = NULL;

  if (self->temporary != NULL)
    preparation_make_scratch (self, &error);
  if (error == NULL && medley_registry_prepare (&options, self->lines, &self->unseen, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
prepare (MedleyLauncher *self);

static void
prepared (GObject *source, GAsyncResult *result, gpointer data)
{
  MedleyLauncher *self = MEDLEY_LAUNCHER (source);
  Preparation *preparation = g_task_get_task_data (G_TASK (result));
  g_autoptr (GError) error = NULL;
  GQueue waiting = self->unprepared;
  GTask *task;

  self->preparation = NULL;
  if (preparation->scratch != NULL)
    self->scratch = g_steal_pointer (&preparation->scratch);
  g_free (self->unseen);
  self->unseen = g_steal_pointer (&preparation->unseen);
  for (guint i = 0; i < preparation->lines->len; i++)
    line_printed (preparation->lines->pdata[i], self);
  self->prepared = g_task_propagate_boolean (G_TASK (result), &error) && !self->stale;
  if (self->stale && error == NULL) {
    prepare (self);
    return;
  }
  /* Who is told of a failure may ask again at once. */
  g_queue_init (&self->unprepared);
  while ((task = g_queue_pop_head (&waiting)) != NULL) {
    if (error == NULL) {
      launch (self, task);
    } else {
      g_task_return_error (task, g_error_copy (error));
      g_object_unref (task);
    }
  }
}

static void
prepare (MedleyLauncher *self)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, prepared, NULL);
  Preparation *preparation = g_new0 (Preparation, 1);

  g_mutex_init (&preparation->mutex);
  self->preparation = preparation;
  self->stale = FALSE;
  if (self->scratch == NULL)
    preparation->temporary = g_strdup (medley_config_get_path (self->config, "paths.temporary"));
  preparation->registry = medley_environment_get_registry (self->config);
  preparation->worker = g_strdup (self->worker_path);
  preparation->arguments = medley_environment_make_arguments (self->config, NULL);
  preparation->environment = medley_environment_make (self->config);
  preparation->lines = g_ptr_array_new_with_free_func (g_free);
  g_task_set_task_data (task, preparation, (GDestroyNotify) preparation_free);
  g_task_run_in_thread (task, do_prepare);
}

void
medley_launcher_launch_async (MedleyLauncher *self, GAsyncReadyCallback callback, gpointer data)
{
  GTask *task = g_task_new (self, NULL, callback, data);

  if (self->prepared) {
    launch (self, task);
    return;
  }
  g_queue_push_tail (&self->unprepared, task);
  if (self->preparation == NULL)
    prepare (self);
}

char *
medley_launcher_take_refusal (MedleyLauncher *self)
{
  return g_steal_pointer (&self->refusal);
}

MedleyWorker *
medley_launcher_launch_finish (MedleyLauncher *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

void
medley_launcher_set_cgroup (MedleyLauncher *self, MedleyCgroup *cgroup)
{
  g_return_if_fail (self->cgroup == NULL);

  self->cgroup = medley_cgroup_ref (cgroup);
}

const char *
medley_launcher_get_mode (MedleyLauncher *self)
{
  return self->exec_only ? "exec" : medley_config_get_string (self->config, "workers.mode");
}

GPid
medley_launcher_get_zygote (MedleyLauncher *self)
{
  return self->zygote != NULL ? medley_zygote_get_pid (self->zygote) : 0;
}

void
medley_launcher_retire_zygote (MedleyLauncher *self)
{
  self->prepared = FALSE;
  self->stale = TRUE;
  if (self->zygote == NULL)
    return;
  g_ptr_array_add (self->retired, g_steal_pointer (&self->zygote));
  schedule_release (self);
}

MedleyLauncher *
medley_launcher_new (MedleyConfig *config, gboolean exec_only)
{
  MedleyLauncher *self = g_object_new (MEDLEY_TYPE_LAUNCHER, NULL);

  self->config = g_object_ref (config);
  self->exec_only = exec_only;
  self->worker_path = medley_environment_find_worker (config);
  return self;
}

static void
drop_weak_ref (gpointer key, gpointer worker, gpointer self)
{
  g_object_weak_unref (worker, forget_worker, self);
}

/* Processes and folders go at once, whoever still waits for a worker. */
static void
medley_launcher_dispose (GObject *object)
{
  MedleyLauncher *self = MEDLEY_LAUNCHER (object);

  g_clear_handle_id (&self->release_source, g_source_remove);
  g_clear_pointer (&self->zygote, medley_zygote_free);
  g_ptr_array_set_size (self->retired, 0);
  g_clear_pointer (&self->scratch, medley_scratch_free);
  if (self->preparation != NULL)
    preparation_abandon (self->preparation);
  /* Others may have theirs in it. */
  g_rmdir (medley_config_get_path (self->config, "paths.temporary"));
  G_OBJECT_CLASS (medley_launcher_parent_class)->dispose (object);
}

static void
medley_launcher_finalize (GObject *object)
{
  MedleyLauncher *self = MEDLEY_LAUNCHER (object);

  g_hash_table_foreach (self->workers, drop_weak_ref, self);
  g_hash_table_unref (self->workers);
  if (self->lines_source != 0) {
    g_source_remove (self->lines_source);
    end_second (self);
  }
  g_ptr_array_unref (self->retired);
  g_ptr_array_unref (self->logs);
  g_clear_pointer (&self->cgroup, medley_cgroup_unref);
  g_object_unref (self->config);
  g_free (self->refusal);
  g_free (self->unseen);
  g_free (self->worker_path);
  G_OBJECT_CLASS (medley_launcher_parent_class)->finalize (object);
}

static void
medley_launcher_class_init (MedleyLauncherClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = medley_launcher_dispose;
  G_OBJECT_CLASS (klass)->finalize = medley_launcher_finalize;
  signals[SIGNAL_LOG] = g_signal_new ("log", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                      NULL, NULL, G_TYPE_NONE, 2, G_TYPE_INT, G_TYPE_STRING);
}

static void
medley_launcher_init (MedleyLauncher *self)
{
  self->workers = g_hash_table_new (NULL, NULL);
  g_queue_init (&self->unprepared);
  self->retired = g_ptr_array_new_with_free_func ((GDestroyNotify) medley_zygote_free);
  self->logs = g_ptr_array_new_with_free_func ((GDestroyNotify) medley_log_reader_free);
}
