/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "job/stage-reuse.h"
#include "job/watch.h"

/* What a worker printed before it was lost. */
#define LOG_LINES 20
/* So many workers may turn out to be dead when they get the job. */
#define MAX_DEAD 3

struct _MedleyRun {
  MedleyJob *job;
  MedleyPool *pool;
  MedleyWorker *worker; /* NULL until one is acquired */
  gboolean acquiring;
  gboolean looking;        /* in the stage cache: the worker waits for it */
  MedleyStageReuse *reuse; /* NULL for nothing */
  gboolean exec_only;
  gboolean called;   /* the worker was given the job */
  gboolean accepted; /* ... and has it */
  gboolean told;     /* what is reused */
  guint n_dead;
  gboolean ended;
  MedleyRunEnded callback;
  gpointer data;
  char **classes;
  GQueue log; /* char * */

  GError *stop_error; /* why it is being stopped */
  guint grace_source;
  guint grace_ms;

  MedleyConfig *config;
  guint64 run_time;   /* limit, seconds */
  MedleyWatch *watch; /* NULL until the worker has the job */
};

static void
end (MedleyRun *self, gboolean ok, GVariant *error)
{
  g_autoptr (GVariant) sunk = error != NULL ? g_variant_ref_sink (error) : NULL;

  if (self->ended)
    return;
  self->ended = TRUE;
  if (self->reuse != NULL)
    medley_stage_reuse_end (g_steal_pointer (&self->reuse), sunk);
  g_clear_handle_id (&self->grace_source, g_source_remove);
  g_clear_pointer (&self->watch, medley_watch_free);
  if (self->worker != NULL) {
    g_signal_handlers_disconnect_by_data (self->worker, self);
    medley_pool_release (self->pool, self->worker);
    g_clear_object (&self->worker);
  }
  self->callback (self, self->job, ok, sunk, self->data);
}

/* With one stage there is no doubt which one was at work. */
static void
guess_stage (MedleyRun *self, const char **stage, const char **engine)
{
  g_autoptr (GVariant) stages = g_variant_lookup_value (medley_job_get_plan (self->job), "stages",
                                                        G_VARIANT_TYPE ("aa{sv}"));

  *stage = self->watch != NULL ? medley_watch_get_stage (self->watch) : NULL;
  *engine = self->watch != NULL ? medley_watch_get_engine (self->watch) : NULL;
  if (*stage == NULL && stages != NULL && g_variant_n_children (stages) == 1) {
    g_autoptr (GVariant) only = g_variant_get_child_value (stages, 0);
    g_autoptr (GVariant) engines = g_variant_lookup_value (only, "engines", G_VARIANT_TYPE ("as"));

    g_variant_lookup (only, "name", "&s", stage);
    if (engines != NULL && g_variant_n_children (engines) > 0)
      g_variant_get_child (engines, 0, "&s", engine);
    else
      g_variant_lookup (only, "element", "&s", engine);
  }
}

static GVariant *
make_place_error (MedleyRun *self, const GError *error, const char *stage, const char *engine)
{
  g_autoptr (GError) placed = NULL;

  if (stage == NULL)
    return medley_error_to_variant (error, NULL, NULL);
  placed = g_error_new (error->domain, error->code, "stage \"%s\" (%s): %s", stage,
                        engine != NULL ? engine : "?", error->message);
  return medley_error_to_variant (placed, stage, engine);
}

static void
acquired (GObject *source, GAsyncResult *result, gpointer data);

static void
let_worker_go (MedleyRun *self)
{
  g_signal_handlers_disconnect_by_data (self->worker, self);
  g_clear_pointer (&self->watch, medley_watch_free);
  g_clear_object (&self->worker);
  self->called = FALSE;
}

/* A worker that was dying already when it was given the job has not died of it. */
static gboolean
take_another (MedleyRun *self, MedleyWorker *worker)
{
  if (self->accepted || self->stop_error != NULL || self->n_dead >= MAX_DEAD
      || medley_worker_get_crash_stage (worker) != NULL)
    return FALSE;
  self->n_dead++;
  if (medley_job_get_state (self->job) == MEDLEY_JOB_PAUSED)
    medley_job_set_pause_at_start (self->job, TRUE);
  let_worker_go (self);
  self->acquiring = TRUE;
  medley_pool_acquire_async (self->pool, self->exec_only, acquired, g_object_ref (self->job));
  return TRUE;
}

static void
worker_exited (MedleyWorker *worker, GError *error, gpointer data)
{
  MedleyRun *self = data;
  const char *stage, *engine;

  if (take_another (self, worker))
    return;
  if (self->stop_error != NULL && self->stop_error->code == MEDLEY_ERROR_CANCELLED) {
    end (self, FALSE, medley_error_to_variant (self->stop_error, NULL, NULL));
    return;
  }
  guess_stage (self, &stage, &engine);
  if (medley_worker_get_crash_stage (worker) != NULL
      && medley_worker_get_crash_stage (worker)[0] != '\0') {
    stage = medley_worker_get_crash_stage (worker);
    engine = medley_worker_get_crash_engine (worker);
  }
  end (self, FALSE,
       make_place_error (self, self->stop_error != NULL ? self->stop_error : error, stage, engine));
}

static void
worker_finished (MedleyWorker *worker, const char *job, gboolean ok, GVariant *error, gpointer data)
{
  MedleyRun *self = data;

  if (!g_str_equal (job, medley_job_get_id (self->job)))
    return;
  /* Whoever was told that it is cancelled must not find it done. */
  if (ok
      && (self->stop_error == NULL
          || !g_error_matches (self->stop_error, MEDLEY_ERROR, MEDLEY_ERROR_CANCELLED)))
    end (self, TRUE, NULL);
  else if (self->stop_error != NULL)
    end (self, FALSE, medley_error_to_variant (self->stop_error, NULL, NULL));
  else
    end (self, FALSE, error);
}

static void
worker_event (MedleyWorker *worker, const char *job, const char *kind, GVariant *details,
              gpointer data)
{
  MedleyRun *self = data;
  GVariantDict dict;
  const char *output = NULL;

  if (!g_str_equal (job, medley_job_get_id (self->job)))
    return;
  if (g_str_equal (kind, "progress")) {
    double fraction = -1, remaining = -1;

    g_variant_lookup (details, "fraction", "d", &fraction);
    g_variant_lookup (details, "remaining", "d", &remaining);
    medley_job_set_progress (self->job, fraction, remaining);
  } else if (g_str_equal (kind, "output-started")
             && g_variant_lookup (details, "output", "&s", &output)) {
    MedleyOutput *found = medley_job_find_output (self->job, output);

    if (found != NULL && found->state == MEDLEY_OUTPUT_PENDING)
      medley_job_set_output_state (self->job, found, MEDLEY_OUTPUT_GROWING);
  }
  if (g_str_equal (kind, "stage-recorded") && self->reuse != NULL)
    medley_stage_reuse_recorded (self->reuse, self->job, details);
  g_variant_dict_init (&dict, details);
  /* The event's own time is the daemon's clock; the worker's is time into the run. */
  if (g_variant_dict_contains (&dict, "time")) {
    g_autoptr (GVariant) used = g_variant_dict_lookup_value (&dict, "time", NULL);

    g_variant_dict_insert_value (&dict, "time-used", used);
  }
  medley_job_add_event (self->job, kind, &dict);
}

static void
worker_printed (MedleyPool *pool, int pid, const char *line, gpointer data)
{
  MedleyRun *self = data;

  if (self->worker == NULL || medley_worker_get_pid (self->worker) != pid)
    return;
  g_queue_push_tail (&self->log, g_strdup (line));
  while (g_queue_get_length (&self->log) > LOG_LINES)
    g_free (g_queue_pop_head (&self->log));
}

static void
limit_passed (GError *error, gpointer data)
{
  MedleyRun *self = data;

  if (self->stop_error == NULL)
    self->stop_error = error;
  else
    g_error_free (error);
  medley_worker_set_kill_cause (self->worker, medley_error_info (self->stop_error)->name);
  medley_worker_kill_telling (self->worker);
}

static gboolean
add_input (MedleyRun *self, MedleyInput *input, GUnixFDList *fds, GVariantBuilder *builder,
           GError **error)
{
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  int fd = input->state == MEDLEY_INPUT_READY
               ? medley_job_open_file (self->job, input->file, input->size, error)
               : medley_spool_open (medley_job_get_spool (self->job), input->file, error);
  int index;

  if (fd < 0)
    return FALSE;
  index = g_unix_fd_list_append (fds, fd, error);
  close (fd);
  if (index < 0)
    return FALSE;
  g_variant_dict_insert (&dict, "file", "h", index);
  g_variant_dict_insert (&dict, "type", "s", input->type);
  if (input->state == MEDLEY_INPUT_READY) {
    g_variant_dict_insert (&dict, "size", "t", input->size);
  } else {
    fd = medley_input_open_doorbell (input, error);
    if (fd < 0)
      return FALSE;
    index = g_unix_fd_list_append (fds, fd, error);
    close (fd);
    if (index < 0)
      return FALSE;
    g_variant_dict_insert (&dict, "doorbell", "h", index);
  }
  g_variant_builder_add (builder, "{s@a{sv}}", input->name, g_variant_dict_end (&dict));
  return TRUE;
}

static gboolean
add_output (MedleyRun *self, MedleyOutput *output, GUnixFDList *fds, GVariantBuilder *builder,
            GError **error)
{
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  int fd, index;

  /* The same file for each attempt, since clients may have it open; what an earlier one wrote is
   * gone. */
  medley_job_restart_output (self->job, output);
  fd = medley_spool_open_empty (medley_job_get_spool (self->job), output->file, error);
  if (fd < 0)
    return FALSE;
  output->begun = TRUE;
  output->stale = FALSE;
  index = g_unix_fd_list_append (fds, fd, error);
  close (fd);
  if (index < 0)
    return FALSE;
  g_variant_dict_insert (&dict, "file", "h", index);
  g_variant_dict_insert (&dict, "type", "s", output->type);
  g_variant_builder_add (builder, "{s@a{sv}}", output->name, g_variant_dict_end (&dict));
  return TRUE;
}

static void
run_called (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (MedleyJob) job = data;
  g_autoptr (GError) error = NULL;
  MedleyRun *self = g_object_get_data (G_OBJECT (job), "medley-run");

  gboolean ok = medley_worker_run_finish (MEDLEY_WORKER (source), result, &error);

  /* The run may have ended meanwhile: the worker's death is told by its own signal. */
  if (self == NULL || self->worker != MEDLEY_WORKER (source))
    return;
  self->accepted = ok;
  if (ok || medley_worker_is_gone (self->worker) || error->domain != MEDLEY_ERROR)
    return;
  end (self, FALSE, medley_error_to_variant (error, NULL, NULL));
}

static gboolean
call_worker (MedleyRun *self, GError **error)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_auto (GVariantBuilder) inputs = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{sa{sv}}"));
  g_auto (GVariantBuilder) outputs = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{sa{sv}}"));
  GPtrArray *list = medley_job_list_inputs (self->job);
  GVariant *plan = medley_job_get_plan (self->job);
  g_autoptr (GVariant) traced = NULL;
  g_autoptr (GVariant) stages = NULL;

  for (guint i = 0; i < list->len; i++) {
    if (!add_input (self, list->pdata[i], fds, &inputs, error))
      return FALSE;
  }
  list = medley_job_list_outputs (self->job);
  for (guint i = 0; i < list->len; i++) {
    if (!add_output (self, list->pdata[i], fds, &outputs, error))
      return FALSE;
  }
  if (!medley_stage_reuse_make_call (self->reuse, fds, &plan, &stages, error))
    return FALSE;
  traced = medley_job_add_trace_to_plan (self->job, plan);
  self->called = TRUE;
  medley_job_set_state (self->job, MEDLEY_JOB_RUNNING);
  if (!self->told)
    medley_stage_reuse_tell (self->reuse, self->job);
  self->told = TRUE;
  medley_worker_run_async (self->worker, medley_job_get_id (self->job), traced,
                           g_variant_builder_end (&inputs), g_variant_builder_end (&outputs),
                           stages, fds, run_called, g_object_ref (self->job));
  self->watch = medley_watch_new (self->job, self->worker, self->config, self->run_time,
                                  limit_passed, self);
  if (medley_job_get_pause_at_start (self->job)) {
    medley_job_set_pause_at_start (self->job, FALSE);
    medley_job_set_state (self->job, MEDLEY_JOB_PAUSED);
    medley_run_pause (self);
  }
  return TRUE;
}

static void
acquired (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (MedleyJob) job = data;
  g_autoptr (GError) error = NULL;
  MedleyPool *pool = MEDLEY_POOL (source);
  MedleyRun *self = g_object_get_data (G_OBJECT (job), "medley-run");
  g_autoptr (MedleyWorker) worker = medley_pool_acquire_finish (pool, result, &error);

  /* A run of the same job that came after the one that asked may have its worker already. */
  if (self == NULL || self->ended || !self->acquiring) {
    if (worker != NULL)
      medley_pool_release (pool, worker);
    return;
  }
  self->acquiring = FALSE;
  if (worker == NULL) {
    end (self, FALSE, medley_error_to_variant (error, NULL, NULL));
    return;
  }
  self->worker = g_steal_pointer (&worker);
  g_signal_connect (self->worker, "event", G_CALLBACK (worker_event), self);
  g_signal_connect (self->worker, "finished", G_CALLBACK (worker_finished), self);
  g_signal_connect (self->worker, "exited", G_CALLBACK (worker_exited), self);
  if (!self->looking && !call_worker (self, &error))
    end (self, FALSE, medley_error_to_variant (error, NULL, NULL));
}

const char *const *
medley_run_get_classes (MedleyRun *self)
{
  return (const char *const *) self->classes;
}

char **
medley_run_dup_log (MedleyRun *self)
{
  g_autoptr (GStrvBuilder) lines = g_strv_builder_new ();

  for (GList *l = self->log.head; l != NULL; l = l->next)
    g_strv_builder_add (lines, l->data);
  return g_strv_builder_end (lines);
}

MedleyRun *
medley_run_start (MedleyJob *job, MedleyPool *pool, MedleyConfig *config, gboolean exec_only,
                  char **classes, MedleyRunEnded ended, gpointer data)
{
  MedleyRun *self = g_new0 (MedleyRun, 1);
  guint64 run_time = medley_config_get_number (config, "limits.run-time");

  self->job = g_object_ref (job);
  self->pool = g_object_ref (pool);
  self->callback = ended;
  self->data = data;
  self->grace_ms = (guint) medley_config_get_number (config, "workers.grace") * 1000;
  if (medley_job_get_options (job)->run_time != 0)
    run_time = MIN (run_time, medley_job_get_options (job)->run_time);
  self->classes = classes;
  self->run_time = run_time;
  self->config = g_object_ref (config);
  self->acquiring = TRUE;
  self->exec_only = exec_only;
  g_signal_connect (pool, "log", G_CALLBACK (worker_printed), self);
  /* Replies find the run through its job: it may be gone when they come. */
  g_object_set_data (G_OBJECT (job), "medley-run", self);
  medley_pool_acquire_async (pool, exec_only, acquired, g_object_ref (job));
  return self;
}

static void
looked_up (MedleyJob *job, MedleyStageReuse *reuse, gpointer data)
{
  MedleyRun *self = g_object_get_data (G_OBJECT (job), "medley-run");
  g_autoptr (GError) error = NULL;

  if (self == NULL || self->ended || !self->looking) {
    if (reuse != NULL)
      medley_stage_reuse_end (reuse, NULL);
    return;
  }
  self->looking = FALSE;
  self->reuse = reuse;
  if (self->worker != NULL && !call_worker (self, &error))
    end (self, FALSE, medley_error_to_variant (error, NULL, NULL));
}

void
medley_run_use_cache (MedleyRun *self, MedleyStageCache *cache, MedleyCatalog *catalog)
{
  self->looking = TRUE;
  medley_stage_reuse_prepare (cache, catalog, self->job, looked_up, NULL);
}

static gboolean
grace_over (gpointer data)
{
  MedleyRun *self = data;

  self->grace_source = 0;
  medley_worker_set_kill_cause (self->worker, medley_error_info (self->stop_error)->name);
  medley_worker_kill (self->worker);
  return G_SOURCE_REMOVE;
}

void
medley_run_stop (MedleyRun *self, const GError *error)
{
  if (self->stop_error != NULL || self->ended)
    return;
  self->stop_error = g_error_copy (error);
  if (!self->called) {
    end (self, FALSE, medley_error_to_variant (error, NULL, NULL));
    return;
  }
  medley_worker_cancel_job (self->worker, medley_job_get_id (self->job));
  self->grace_source = g_timeout_add (self->grace_ms, grace_over, self);
}

void
medley_run_pause (MedleyRun *self)
{
  if (self->worker != NULL)
    medley_worker_pause_job (self->worker, medley_job_get_id (self->job));
}

void
medley_run_resume (MedleyRun *self)
{
  if (self->worker != NULL)
    medley_worker_resume_job (self->worker, medley_job_get_id (self->job));
}

void
medley_run_free (MedleyRun *self)
{
  if (g_object_get_data (G_OBJECT (self->job), "medley-run") == self)
    g_object_set_data (G_OBJECT (self->job), "medley-run", NULL);
  g_clear_handle_id (&self->grace_source, g_source_remove);
  g_clear_pointer (&self->watch, medley_watch_free);
  if (self->worker != NULL) {
    g_signal_handlers_disconnect_by_data (self->worker, self);
    medley_worker_set_kill_cause (self->worker, "stopped");
    medley_worker_kill (self->worker);
    g_object_unref (self->worker);
  }
  g_signal_handlers_disconnect_by_data (self->pool, self);
  g_queue_clear_full (&self->log, g_free);
  g_strfreev (self->classes);
  if (self->reuse != NULL)
    medley_stage_reuse_end (self->reuse, NULL);
  g_clear_error (&self->stop_error);
  g_object_unref (self->config);
  g_object_unref (self->pool);
  g_object_unref (self->job);
  g_free (self);
}
