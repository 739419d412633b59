/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "workers/pool-private.h"

#include "base/error.h"

/* A worker that cannot even start is tried again after this long, doubled each time up to the
 * longest. */
#define FIRST_RETRY_MS 50
#define LONGEST_RETRY_MS 10000
#define CGROUP_ROOT "/sys/fs/cgroup"
/* So many failures in a row, and whoever waits is told. */
#define GIVE_UP_AFTER 4

G_DEFINE_FINAL_TYPE (MedleyPool, medley_pool, G_TYPE_OBJECT)

enum { SIGNAL_FREE, SIGNAL_LOG, SIGNAL_LOST, N_SIGNALS };

static guint signals[N_SIGNALS];

static void
pump (MedleyPool *self);

static guint
count_live (MedleyPool *self)
{
  return self->all->len + self->launching;
}

gboolean
medley_pool_has_room (MedleyPool *self)
{
  guint taken = self->busy + g_queue_get_length (&self->waiting);

  return taken < self->maximum;
}

static gboolean
retry (gpointer data)
{
  MedleyPool *self = data;

  self->retry_source = 0;
  pump (self);
  medley_pool_pump_questions (self);
  return G_SOURCE_REMOVE;
}

static void
fail_all (MedleyPool *self, const GError *error)
{
  GTask *task;

  while ((task = g_queue_pop_head (&self->waiting)) != NULL) {
    g_task_return_error (task, g_error_copy (error));
    g_object_unref (task);
  }
  medley_pool_fail_questions (self, error);
}

/* What is missing does not come back while the daemon runs. */
static void
note_refusal (MedleyPool *self, const char *reason)
{
  const char *const missing[] = { reason, NULL };
  GVariantDict dict;

  if (self->refused != NULL)
    return;
  self->refused = g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_SANDBOX_MISSING,
                               "no worker can be started: %s", reason);
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "mode", "s",
                         medley_config_get_string (self->config, "workers.sandbox"));
  g_variant_dict_insert (&dict, "refused", "b", TRUE);
  g_variant_dict_insert_value (&dict, "missing", g_variant_new_strv (missing, 1));
  g_clear_pointer (&self->sandbox, g_variant_unref);
  self->sandbox = g_variant_ref_sink (g_variant_dict_end (&dict));
}

/* Whether @launcher's last failure was a refusal. */
static gboolean
is_refused (MedleyPool *self, MedleyLauncher *launcher, const GError *error)
{
  g_autofree char *reason = medley_launcher_take_refusal (launcher);

  if (reason != NULL)
    note_refusal (self, reason);
  else if (g_error_matches (error, MEDLEY_ERROR, MEDLEY_ERROR_SANDBOX_MISSING))
    note_refusal (self, error->message);
  return self->refused != NULL;
}

void
medley_pool_note_failure (MedleyPool *self, const GError *error)
{
  guint shift = MIN (self->failures, 16);
  guint delay = MIN (FIRST_RETRY_MS << shift, LONGEST_RETRY_MS);

  self->failures++;
  g_clear_error (&self->last_failure);
  self->last_failure = g_error_copy (error);
  if (is_refused (self, self->launcher, error)) {
    fail_all (self, self->refused);
    return;
  }
  if (self->failures >= GIVE_UP_AFTER) {
    g_autoptr (GError) failure
        = g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
                       "no worker can be started: %s; see `medley doctor`", error->message);

    fail_all (self, failure);
  }
  if (self->retry_source == 0)
    self->retry_source = g_timeout_add (delay, retry, self);
}

static void
set_generation (MedleyPool *self, MedleyWorker *worker)
{
  g_object_set_data (G_OBJECT (worker), "medley-generation", GUINT_TO_POINTER (self->generation));
}

/* A worker knows the plugins that there were when it was made. */
static gboolean
is_current (MedleyPool *self, MedleyWorker *worker)
{
  return GPOINTER_TO_UINT (g_object_get_data (G_OBJECT (worker), "medley-generation"))
         == self->generation;
}

/* Ends a worker that is neither busy nor counted as starting. */
static void
discard (MedleyPool *self, MedleyWorker *worker)
{
  g_signal_handlers_disconnect_by_data (worker, self);
  g_ptr_array_remove_fast (self->all, worker);
}

/* Each worker says for itself whether it is counted: one that ends while it is idle leaves that
 * queue as soon as it is asked for, before its end is told. */
static void
set_starting (MedleyPool *self, MedleyWorker *worker, gboolean starting)
{
  gboolean counted = g_object_get_data (G_OBJECT (worker), "medley-starting") != NULL;

  g_object_set_data (G_OBJECT (worker), "medley-starting", starting ? self : NULL);
  self->starting += (guint) starting - (guint) counted;
}

static void
worker_ready (MedleyWorker *worker, gpointer data)
{
  MedleyPool *self = data;

  set_starting (self, worker, FALSE);
  if (!is_current (self, worker))
    discard (self, worker);
  else
    g_queue_push_tail (&self->idle, worker);
  pump (self);
}

void
medley_pool_note_lost (MedleyPool *self, MedleyWorker *worker, const GError *error)
{
  const char *cause = medley_worker_get_kill_cause (worker);

  self->n_lost++;
  if (cause == NULL || medley_error_info (error)->code == MEDLEY_ERROR_MEMORY_LIMIT)
    cause = medley_error_info (error)->name;
  g_signal_emit (self, signals[SIGNAL_LOST], 0, cause);
}

static void
worker_exited (MedleyWorker *worker, GError *error, gpointer data)
{
  MedleyPool *self = data;

  medley_pool_note_lost (self, worker, error);
  g_queue_remove (&self->idle, worker);
  g_signal_handlers_disconnect_by_data (worker, self);
  if (g_object_get_data (G_OBJECT (worker), "medley-busy") != NULL) {
    self->busy--;
  } else {
    /* It did nothing for anybody: what ends the next one may be the same. */
    set_starting (self, worker, FALSE);
    medley_pool_note_failure (self, error);
  }
  g_ptr_array_remove_fast (self->all, worker);
  pump (self);
  if (medley_pool_has_room (self))
    g_signal_emit (self, signals[SIGNAL_FREE], 0);
}

gboolean
medley_pool_has_ended (MedleyPool *self, MedleyWorker *worker)
{
  g_autoptr (GError) error = medley_worker_dup_exit_error (worker);

  if (error == NULL)
    return FALSE;
  medley_pool_note_lost (self, worker, error);
  medley_pool_note_failure (self, error);
  return TRUE;
}

static void
launched (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (MedleyPool) self = data;
  g_autoptr (GError) error = NULL;
  MedleyWorker *worker = medley_launcher_launch_finish (MEDLEY_LAUNCHER (source), result, &error);

  self->launching--;
  if (worker == NULL) {
    medley_pool_note_failure (self, error);
    return;
  }
  self->n_started++;
  if (medley_pool_has_ended (self, worker)) {
    g_object_unref (worker);
    return;
  }
  set_starting (self, worker, TRUE);
  set_generation (self, worker);
  g_ptr_array_add (self->all, worker);
  g_signal_connect (worker, "ready", G_CALLBACK (worker_ready), self);
  g_signal_connect (worker, "exited", G_CALLBACK (worker_exited), self);
}

static MedleyWorker *
take_idle (MedleyPool *self)
{
  MedleyWorker *worker;

  while ((worker = g_queue_pop_head (&self->idle)) != NULL) {
    if (medley_worker_is_ready (worker))
      return worker;
  }
  return NULL;
}

static void
launch (MedleyPool *self)
{
  self->launching++;
  medley_launcher_launch_async (self->launcher, launched, g_object_ref (self));
}

/* Gives idle workers to those who wait, and makes as many as are missing. */
static void
pump (MedleyPool *self)
{
  guint wanted;

  while (!g_queue_is_empty (&self->waiting)) {
    MedleyWorker *worker = take_idle (self);
    g_autoptr (GTask) task = NULL;

    if (worker == NULL)
      break;
    task = g_queue_pop_head (&self->waiting);
    self->busy++;
    self->failures = 0;
    g_object_set_data (G_OBJECT (worker), "medley-busy", self);
    g_task_return_pointer (task, g_object_ref (worker), g_object_unref);
  }
  if (self->retry_source != 0 || self->refused != NULL)
    return;
  wanted = MAX (g_queue_get_length (&self->waiting),
                self->warm > g_queue_get_length (&self->idle)
                    ? self->warm - g_queue_get_length (&self->idle)
                    : 0);
  while (self->launching + self->starting < wanted && count_live (self) < self->maximum)
    launch (self);
}

void
medley_pool_warm (MedleyPool *self)
{
  pump (self);
}

static void
exec_worker_ready (MedleyWorker *worker, gpointer data)
{
  g_autoptr (GTask) task = data;

  g_signal_handlers_disconnect_matched (worker, G_SIGNAL_MATCH_DATA, 0, 0, NULL, NULL, data);
  g_task_return_pointer (task, g_object_ref (worker), g_object_unref);
}

static void
exec_worker_exited (MedleyWorker *worker, GError *error, gpointer data)
{
  g_autoptr (GTask) task = data;
  MedleyPool *self = g_task_get_source_object (task);

  g_signal_handlers_disconnect_matched (worker, G_SIGNAL_MATCH_DATA, 0, 0, NULL, NULL, data);
  self->busy--;
  g_ptr_array_remove_fast (self->all, worker);
  if (is_refused (self, self->exec_launcher, error))
    error = self->refused;
  g_task_return_error (task, g_error_copy (error));
}

static void
exec_launched (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  MedleyPool *self = g_task_get_source_object (task);
  GError *error = NULL;
  MedleyWorker *worker = medley_launcher_launch_finish (MEDLEY_LAUNCHER (source), result, &error);

  if (worker == NULL) {
    self->busy--;
    if (is_refused (self, self->exec_launcher, error)) {
      g_error_free (error);
      error = g_error_copy (self->refused);
    }
    g_task_return_error (task, error);
    return;
  }
  self->n_started++;
  error = medley_worker_dup_exit_error (worker);
  if (error != NULL) {
    self->busy--;
    g_object_unref (worker);
    g_task_return_error (task, error);
    return;
  }
  g_object_set_data (G_OBJECT (worker), "medley-busy", self);
  g_object_set_data (G_OBJECT (worker), "medley-once", self);
  g_ptr_array_add (self->all, worker);
  g_signal_connect (worker, "ready", G_CALLBACK (exec_worker_ready), task);
  g_signal_connect (worker, "exited", G_CALLBACK (exec_worker_exited), g_steal_pointer (&task));
}

static MedleyLauncher *
make_launcher (MedleyPool *self, gboolean exec_only)
{
  MedleyLauncher *launcher = medley_launcher_new (self->config, exec_only);

  if (self->cgroup != NULL)
    medley_launcher_set_cgroup (launcher, self->cgroup);
  return launcher;
}

void
medley_pool_acquire_async (MedleyPool *self, gboolean exec_only, GAsyncReadyCallback callback,
                           gpointer data)
{
  GTask *task = g_task_new (self, NULL, callback, data);

  if (self->refused != NULL) {
    g_task_return_error (task, g_error_copy (self->refused));
    g_object_unref (task);
    return;
  }
  if (exec_only && g_str_equal (medley_launcher_get_mode (self->launcher), "zygote")) {
    self->busy++;
    if (self->exec_launcher == NULL)
      self->exec_launcher = make_launcher (self, TRUE);
    medley_launcher_launch_async (self->exec_launcher, exec_launched, task);
    return;
  }
  g_queue_push_tail (&self->waiting, task);
  pump (self);
}

MedleyWorker *
medley_pool_acquire_finish (MedleyPool *self, GAsyncResult *result, GError **error)
{
  MedleyWorker *worker = g_task_propagate_pointer (G_TASK (result), error);

  /* A worker made for one job was not watched while it started. */
  if (worker != NULL && g_object_get_data (G_OBJECT (worker), "medley-once") != NULL)
    g_signal_connect (worker, "exited", G_CALLBACK (worker_exited), self);
  return worker;
}

void
medley_pool_release (MedleyPool *self, MedleyWorker *worker)
{
  if (medley_worker_is_gone (worker) || !g_ptr_array_find (self->all, worker, NULL))
    return;
  if (g_object_get_data (G_OBJECT (worker), "medley-once") != NULL
      || !medley_worker_is_ready (worker)) {
    medley_worker_set_kill_cause (worker, "released");
    medley_worker_kill (worker);
    return;
  }
  self->busy--;
  g_object_set_data (G_OBJECT (worker), "medley-busy", NULL);
  if (is_current (self, worker))
    g_queue_push_head (&self->idle, worker);
  else
    discard (self, worker);
  pump (self);
  g_signal_emit (self, signals[SIGNAL_FREE], 0);
}

void
medley_pool_refresh (MedleyPool *self)
{
  MedleyWorker *worker;

  self->generation++;
  while ((worker = g_queue_pop_head (&self->idle)) != NULL)
    discard (self, worker);
  medley_pool_drop_answerer (self);
  medley_launcher_retire_zygote (self->launcher);
  if (self->exec_launcher != NULL)
    medley_launcher_retire_zygote (self->exec_launcher);
  pump (self);
  medley_pool_pump_questions (self);
}

GVariant *
medley_pool_describe (MedleyPool *self)
{
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  GVariantBuilder pids;

  g_variant_builder_init (&pids, G_VARIANT_TYPE ("ai"));
  for (guint i = 0; i < self->all->len; i++)
    g_variant_builder_add (&pids, "i", medley_worker_get_pid (self->all->pdata[i]));
  g_variant_dict_insert (&dict, "mode", "s", medley_launcher_get_mode (self->launcher));
  g_variant_dict_insert (&dict, "maximum", "u", self->maximum);
  g_variant_dict_insert (&dict, "busy", "u", self->busy);
  g_variant_dict_insert (&dict, "idle", "u", g_queue_get_length (&self->idle));
  g_variant_dict_insert (&dict, "starting", "u", self->launching + self->starting);
  g_variant_dict_insert (&dict, "pids", "ai", &pids);
  g_variant_dict_insert (&dict, "zygote", "i", medley_launcher_get_zygote (self->launcher));
  g_variant_dict_insert (&dict, "started", "t", self->n_started);
  g_variant_dict_insert (&dict, "lost", "t", self->n_lost);
  g_variant_dict_insert (&dict, "memoryLimit", "s", self->cgroup != NULL ? "cgroup" : "watched");
  if (self->no_cgroup != NULL)
    g_variant_dict_insert (&dict, "noCgroup", "s", self->no_cgroup);
  if (self->failures > 0) {
    g_variant_dict_insert (&dict, "failures", "u", self->failures);
    g_variant_dict_insert (&dict, "lastFailure", "s", self->last_failure->message);
  }
  return g_variant_dict_end (&dict);
}

GVariant *
medley_pool_get_sandbox (MedleyPool *self)
{
  return self->sandbox;
}

const GError *
medley_pool_get_refusal (MedleyPool *self)
{
  return self->refused;
}

static void
log_line (MedleyLauncher *launcher, int pid, const char *line, gpointer data)
{
  g_signal_emit (data, signals[SIGNAL_LOG], 0, pid, line);
}

MedleyPool *
medley_pool_new (MedleyConfig *config)
{
  MedleyPool *self = g_object_new (MEDLEY_TYPE_POOL, NULL);
  g_autoptr (GError) error = NULL;

  self->config = g_object_ref (config);
  self->cgroup = medley_cgroup_open (CGROUP_ROOT, "/proc/self/cgroup", &error);
  if (self->cgroup == NULL)
    self->no_cgroup = g_strdup (error->message);
  self->launcher = make_launcher (self, FALSE);
  g_signal_connect_object (self->launcher, "log", G_CALLBACK (log_line), self, 0);
  self->sandbox = g_variant_ref_sink (
      g_variant_new_parsed ("{'mode': <%s>}",
                            medley_config_get_string (config, "workers.sandbox")));
  self->maximum = (guint) medley_config_get_number (config, "workers.maximum");
  if (self->maximum == 0)
    self->maximum = g_get_num_processors ();
  self->warm = MIN ((guint) medley_config_get_number (config, "workers.warm"), self->maximum);
  return self;
}

static void
medley_pool_dispose (GObject *object)
{
  MedleyPool *self = MEDLEY_POOL (object);

  g_clear_handle_id (&self->retry_source, g_source_remove);
  for (guint i = 0; i < self->all->len; i++)
    g_signal_handlers_disconnect_by_data (self->all->pdata[i], self);
  g_queue_clear (&self->idle);
  g_ptr_array_set_size (self->all, 0);
  medley_pool_drop_answerer (self);
  g_queue_clear_full (&self->waiting, g_object_unref);
  medley_pool_drop_questions (self);
  if (self->launcher != NULL)
    g_object_run_dispose (G_OBJECT (self->launcher));
  g_clear_object (&self->launcher);
  g_clear_object (&self->exec_launcher);
  G_OBJECT_CLASS (medley_pool_parent_class)->dispose (object);
}

static void
medley_pool_finalize (GObject *object)
{
  MedleyPool *self = MEDLEY_POOL (object);

  g_ptr_array_unref (self->all);
  g_clear_error (&self->last_failure);
  g_clear_pointer (&self->cgroup, medley_cgroup_unref);
  g_free (self->no_cgroup);
  g_clear_error (&self->refused);
  g_clear_pointer (&self->sandbox, g_variant_unref);
  g_clear_object (&self->config);
  G_OBJECT_CLASS (medley_pool_parent_class)->finalize (object);
}

static void
medley_pool_class_init (MedleyPoolClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GType type = G_TYPE_FROM_CLASS (klass);

  object_class->dispose = medley_pool_dispose;
  object_class->finalize = medley_pool_finalize;
  signals[SIGNAL_FREE]
      = g_signal_new ("free", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_LOST] = g_signal_new ("lost", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                       G_TYPE_NONE, 1, G_TYPE_STRING);
  signals[SIGNAL_LOG] = g_signal_new ("log", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                      G_TYPE_NONE, 2, G_TYPE_INT, G_TYPE_STRING);
}

static void
medley_pool_init (MedleyPool *self)
{
  self->all = g_ptr_array_new_with_free_func (g_object_unref);
  g_queue_init (&self->idle);
  g_queue_init (&self->waiting);
  g_queue_init (&self->questions);
}
