/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job/manager.h"

#include "base/error.h"
#include "base/process-metrics.h"
#include "job/input-writer-private.h"
#include "job/manager-private.h"

/* Pipelines that were checked against the present engines; a client can send any number of
 * different ones. */
#define MAX_CHECKED 256

G_DEFINE_FINAL_TYPE (MedleyJobManager, medley_job_manager, G_TYPE_OBJECT)

enum { SIGNAL_ADDED, SIGNAL_REMOVED, SIGNAL_SUSPENSIONS, N_SIGNALS };

static guint signals[N_SIGNALS];

/* ---- the queue ---- */

static void
dispatch (MedleyJobManager *self);

static gboolean
dispatch_idle (gpointer data)
{
  MedleyJobManager *self = data;

  self->dispatch_source = 0;
  dispatch (self);
  return G_SOURCE_REMOVE;
}

void
medley_job_manager_schedule (MedleyJobManager *self)
{
  if (self->dispatch_source == 0)
    self->dispatch_source = g_idle_add_full (G_PRIORITY_DEFAULT, dispatch_idle, self, NULL);
}

/* ---- runs ---- */

void
medley_job_manager_end_run (MedleyJobManager *self, MedleyJob *job)
{
  MedleyRun *run = g_hash_table_lookup (self->runs, job);
  g_auto (GStrv) classes = g_strdupv ((char **) medley_run_get_classes (run));
  GPtrArray *outputs = medley_job_list_outputs (job);

  for (guint i = 0; i < outputs->len; i++)
    g_hash_table_remove (self->outputs, ((MedleyOutput *) outputs->pdata[i])->file);
  g_hash_table_remove (self->runs, job);
  medley_classes_end (self->classes, medley_job_get_client (job), (const char *const *) classes);
}

static void
run_ended (MedleyRun *run, MedleyJob *job, gboolean ok, GVariant *error, gpointer data)
{
  MedleyJobManager *self = data;
  g_autoptr (MedleyJob) keep = g_object_ref (job);
  g_auto (GStrv) log = medley_run_dup_log (run);

  medley_job_manager_end_run (self, job);
  medley_job_manager_note_engines (self, job, ok ? NULL : error);
  /* Whoever was told that it is cancelled finds it so, whatever else its run was stopped for. */
  if (medley_job_is_being_cancelled (job)) {
    medley_job_finish_attempt (job, medley_job_get_stopping (job), NULL);
    medley_job_manager_conclude (self, job, medley_job_get_stopping (job));
  } else if (ok) {
    medley_job_finish_attempt (job, NULL, NULL);
    medley_job_manager_conclude (self, job, NULL);
  } else {
    medley_job_manager_attempt_failed (self, job, error, (const char *const *) log);
  }
  medley_job_manager_schedule (self);
  medley_job_manager_look_at_drain (self);
}

static gboolean
needs_exec (MedleyJobManager *self, MedleyJob *job)
{
  g_autoptr (GVariant) stages
      = g_variant_lookup_value (medley_job_get_plan (job), "stages", G_VARIANT_TYPE ("aa{sv}"));

  for (gsize i = 0; stages != NULL && i < g_variant_n_children (stages); i++) {
    g_autoptr (GVariant) stage = g_variant_get_child_value (stages, i);
    g_autofree const char **engines = NULL;

    if (!g_variant_lookup (stage, "engines", "^a&s", &engines))
      continue;
    for (guint j = 0; engines[j] != NULL; j++) {
      const MedleyEngine *engine = medley_catalog_get (self->catalog, engines[j]);

      if (engine != NULL && engine->no_fork)
        return TRUE;
    }
  }
  return FALSE;
}

static void
start_job (MedleyJobManager *self, MedleyJob *job)
{
  GPtrArray *outputs = medley_job_list_outputs (job);
  g_auto (GStrv) classes = NULL;
  MedleyRun *run;

  medley_job_begin_attempt (job);
  medley_job_manager_choose_engines (self, job);
  classes = medley_classes_of_plan (medley_job_get_plan (job), self->catalog);
  medley_job_set_state (job, MEDLEY_JOB_STARTING);
  for (guint i = 0; i < outputs->len; i++)
    g_hash_table_insert (self->outputs, ((MedleyOutput *) outputs->pdata[i])->file, job);
  medley_classes_start (self->classes, medley_job_get_client (job), (const char *const *) classes);
  run = medley_run_start (job, self->pool, self->config, needs_exec (self, job),
                          g_steal_pointer (&classes), run_ended, self);
  g_hash_table_insert (self->runs, g_object_ref (job), run);
  if (self->cache != NULL && !medley_job_get_options (job)->no_cache)
    medley_run_use_cache (run, self->cache, self->catalog);
}

static void
dispatch (MedleyJobManager *self)
{
  while (!medley_job_manager_is_draining (self) && medley_pool_has_room (self->pool)) {
    MedleyJob *job = medley_queue_pop (self->queue, medley_job_manager_can_start, self);

    if (job == NULL)
      break;
    start_job (self, job);
  }
}

/* @name: NULL when the kernel has lost count of which files grew */
static void
wake_readers (MedleyJob *job, const char *name)
{
  GPtrArray *outputs = medley_job_list_outputs (job);

  for (guint i = 0; i < outputs->len; i++) {
    MedleyOutput *output = outputs->pdata[i];

    if (name == NULL || g_str_equal (output->file, name))
      medley_job_output_grew (job, output);
  }
}

static void
spool_grew (const char *name, gpointer data)
{
  MedleyJobManager *self = data;

  if (name != NULL) {
    MedleyJob *job = g_hash_table_lookup (self->outputs, name);

    if (job != NULL)
      wake_readers (job, name);
  } else {
    /* Who is woken may end a job. */
    g_autoptr (GList) jobs = g_hash_table_get_keys (self->runs);
    GList *running = g_list_copy_deep (jobs, (GCopyFunc) (void (*) (void)) g_object_ref, NULL);

    g_list_foreach (running, (GFunc) wake_readers, NULL);
    g_list_free_full (running, g_object_unref);
  }
}

void
medley_job_manager_input_done (MedleyJob *job, MedleyInput *input, const GError *error,
                               gpointer data)
{
  MedleyJobManager *self = data;

  g_autoptr (GError) empty = NULL;

  if (medley_job_state_is_final (medley_job_get_state (job)) || medley_job_is_ending (job))
    return;
  /* It is this daemon that breaks it off: the next one awaits it again. */
  if (error != NULL && medley_job_is_adjourned (job))
    return;
  if (error == NULL && input->size == 0)
    error = empty = medley_input_make_empty_error (input->name);
  if (error != NULL) {
    medley_job_manager_stop (self, job, error);
    return;
  }
  medley_input_complete (input);
  medley_job_note_input (job);
  /* A small one goes into the store together with whatever comes next. */
  if (input->size > MEDLEY_RECORD_INLINE_BYTES)
    medley_job_manager_save (self, job, TRUE, NULL, NULL);
  else
    medley_job_manager_save_soon (self, job);
  medley_job_emit_changed (job);
  medley_job_manager_input_came (self, job);
}

/* ---- the rest ---- */

/* Ids sort by time of creation and hold only lower-case letters and digits, so that they are D-Bus
 * path elements. */
char *
medley_job_manager_make_id (MedleyJobManager *self)
{
  static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
  guint64 time = (guint64) MAX (g_get_real_time (), self->last_id_time + 1);
  guint64 salt = g_random_int ();
  char id[17];

  self->last_id_time = (gint64) time;
  medley_job_id_write_time (id, time);
  for (int i = 15; i >= 11; i--, salt /= 36)
    id[i] = digits[salt % 36];
  id[16] = '\0';
  return g_strdup (id);
}

GVariant *
medley_job_manager_find_checked (MedleyJobManager *self, const char *digest)
{
  return g_hash_table_lookup (self->checked, digest);
}

void
medley_job_manager_set_checked (MedleyJobManager *self, const char *digest, GVariant *plan)
{
  if (g_hash_table_size (self->checked) >= MAX_CHECKED)
    g_hash_table_remove_all (self->checked);
  g_hash_table_insert (self->checked, g_strdup (digest), g_variant_ref (plan));
}

static void
job_event (MedleyJob *job, GVariant *event, gpointer data)
{
  const char *kind = "";

  g_variant_lookup (event, "kind", "&s", &kind);
  if (g_str_equal (kind, "stage-finished"))
    medley_job_manager_note_success (data, job, event);
  medley_job_log_event (job, event);
  medley_job_metrics_event (((MedleyJobManager *) data)->metrics, job, event);
  if (!g_str_equal (kind, "progress") && !medley_job_state_is_final (medley_job_get_state (job)))
    medley_job_manager_save_soon (data, job);
}

void
medley_job_manager_take_live (MedleyJobManager *self, MedleyJob *job)
{
  if (g_hash_table_insert (self->live, (char *) medley_job_get_id (job), g_object_ref (job)))
    medley_job_manager_change_client (self, medley_job_get_client (job), 1);
  /* One that is retried may have been here before. */
  g_signal_handlers_disconnect_by_func (job, job_event, self);
  g_signal_connect_object (job, "event", G_CALLBACK (job_event), self, 0);
  medley_job_metrics_watch (self->metrics, job);
}

void
medley_job_manager_add (MedleyJobManager *self, MedleyJob *job)
{
  medley_job_manager_take_live (self, job);
  medley_job_log_added (job);
  medley_job_manager_enqueue (self, job);
  g_signal_emit (self, signals[SIGNAL_ADDED], 0, job);
}

MedleyJobManager *
medley_job_manager_new (MedleyConfig *config, MedleyLibrary *library, MedleyCatalog *catalog,
                        MedleyPool *pool, GError **error)
{
  g_autoptr (MedleyJobManager) self = g_object_new (MEDLEY_TYPE_JOB_MANAGER, NULL);
  const char *folder = medley_config_get_path (config, "paths.spool");
  g_autofree char *store = g_build_filename (folder, MEDLEY_SPOOL_STORE, NULL);

  self->config = g_object_ref (config);
  self->library = g_object_ref (library);
  self->catalog = g_object_ref (catalog);
  self->pool = g_object_ref (pool);
  self->classes
      = medley_classes_new (medley_config_get_list (config, "jobs.classes"),
                            medley_config_get_number (config, "limits.running-per-client"));
  medley_job_manager_make_circuits (self);
  self->spool = medley_spool_new (folder, spool_grew, self, error);
  if (self->spool == NULL)
    return NULL;
  /* Its sweep would remove them. */
  if (medley_config_get_boolean (config, "jobs.durable") && !medley_job_store_exists (store)
      && medley_spool_has_files (self->spool)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_BAD_STORE,
                 "%s holds files of jobs, but the store that names them, %s/jobs.db, is gone or "
                 "empty. Put a copy of it back, or move the files away",
                 folder, store);
    return NULL;
  }
  self->store
      = medley_job_store_open (store, medley_config_get_boolean (config, "jobs.durable"), error);
  if (self->store == NULL)
    return NULL;
  self->registry = medley_metrics_new ();
  medley_process_metrics_register (self->registry);
  self->metrics = medley_job_metrics_new (self, self->registry);
  medley_job_store_set_committed_func (self->store, medley_job_metrics_commit, self->metrics);
  medley_job_manager_open_cache (self);
  if (!medley_job_manager_recover (self, error))
    return NULL;
  medley_job_manager_watch_age (self);
  g_signal_connect_object (pool, "free", G_CALLBACK (medley_job_manager_schedule), self,
                           G_CONNECT_SWAPPED);
  return g_steal_pointer (&self);
}

static void
forget_live (MedleyJobManager *self)
{
  GHashTableIter iter;
  gpointer job;

  g_hash_table_iter_init (&iter, self->live);
  while (g_hash_table_iter_next (&iter, NULL, &job)) {
    medley_feeder_stop (job);
    medley_job_set_place_func (job, NULL, NULL);
    medley_job_forget_store (job);
  }
}

static void
medley_job_manager_dispose (GObject *object)
{
  MedleyJobManager *self = MEDLEY_JOB_MANAGER (object);

  medley_job_manager_free_drain (self);
  g_clear_handle_id (&self->dispatch_source, g_source_remove);
  g_clear_handle_id (&self->retention_source, g_source_remove);
  g_clear_handle_id (&self->quiet_source, g_source_remove);
  g_clear_handle_id (&self->circuit_source, g_source_remove);
  g_clear_handle_id (&self->surplus_source, g_source_remove);
  g_clear_pointer (&self->recovered, g_ptr_array_unref);
  g_clear_pointer (&self->runs, g_hash_table_unref);
  if (self->store != NULL) {
    medley_job_manager_save_unsaved (self);
    forget_live (self);
    medley_job_manager_forget_known (self);
    g_clear_pointer (&self->store, medley_job_store_free);
  }
  medley_job_manager_drop_saves (self);
  g_clear_pointer (&self->agenda, medley_agenda_free);
  g_clear_pointer (&self->queue, medley_queue_free);
  g_clear_pointer (&self->live, g_hash_table_unref);
  g_clear_pointer (&self->metrics, medley_job_metrics_free);
  g_clear_object (&self->cache);
  if (self->spool != NULL)
    g_object_run_dispose (G_OBJECT (self->spool));
  g_clear_object (&self->spool);
  g_clear_object (&self->pool);
  g_clear_object (&self->library);
  g_clear_object (&self->catalog);
  G_OBJECT_CLASS (medley_job_manager_parent_class)->dispose (object);
}

static void
medley_job_manager_finalize (GObject *object)
{
  MedleyJobManager *self = MEDLEY_JOB_MANAGER (object);

  g_clear_pointer (&self->classes, medley_classes_free);
  g_free (self->cache_off);
  g_clear_error (&self->save_error);
  g_clear_pointer (&self->circuits, medley_circuits_free);
  g_clear_pointer (&self->registry, medley_metrics_free);
  g_hash_table_unref (self->unsaved);
  g_hash_table_unref (self->clients);
  g_hash_table_unref (self->known);
  g_hash_table_unref (self->removing);
  g_hash_table_unref (self->outputs);
  g_hash_table_unref (self->checked);
  g_hash_table_unref (self->keys);
  g_variant_dict_unref (self->faces);
  g_clear_object (&self->config);
  G_OBJECT_CLASS (medley_job_manager_parent_class)->finalize (object);
}

static void
medley_job_manager_class_init (MedleyJobManagerClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GType type = G_TYPE_FROM_CLASS (klass);

  object_class->dispose = medley_job_manager_dispose;
  object_class->finalize = medley_job_manager_finalize;
  signals[SIGNAL_ADDED] = g_signal_new ("job-added", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                        G_TYPE_NONE, 1, MEDLEY_TYPE_JOB);
  signals[SIGNAL_SUSPENSIONS] = g_signal_new ("suspensions-changed", type, G_SIGNAL_RUN_LAST, 0,
                                              NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_REMOVED] = g_signal_new ("job-removed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                          NULL, G_TYPE_NONE, 1, MEDLEY_TYPE_JOB);
}

static void
medley_job_manager_init (MedleyJobManager *self)
{
  self->live = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_object_unref);
  self->clients = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->known
      = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, medley_job_manager_free_known);
  self->removing = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->recovered = g_ptr_array_new_with_free_func (g_object_unref);
  self->queue = medley_queue_new ();
  self->agenda = medley_agenda_new (medley_job_manager_job_is_due, self);
  self->runs = g_hash_table_new_full (NULL, NULL, g_object_unref, (GDestroyNotify) medley_run_free);
  self->outputs = g_hash_table_new (g_str_hash, g_str_equal);
  self->checked
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_variant_unref);
  self->keys
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_ptr_array_unref);
  self->unsaved = g_hash_table_new_full (NULL, NULL, g_object_unref, NULL);
  self->faces = g_variant_dict_new (NULL);
  self->started = g_get_monotonic_time ();
}
