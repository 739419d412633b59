/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job/manager.h"

#include "base/error.h"
#include "job/input-writer-private.h"
#include "job/manager-private.h"
#include "job/run.h"
#include "job/store.h"

/* Pipelines that were checked against the present engines; a client can send any number of
 * different ones. */
#define MAX_CHECKED 256

G_DEFINE_FINAL_TYPE (MedleyJobManager, medley_job_manager, G_TYPE_OBJECT)

enum { SIGNAL_ADDED, SIGNAL_REMOVED, N_SIGNALS };

static guint signals[N_SIGNALS];

/* ---- queue and runs ---- */

static gboolean
dispatch_idle (gpointer data)
{
  MedleyJobManager *self = data;

  self->dispatch_source = 0;
  medley_job_manager_dispatch (self);
  return G_SOURCE_REMOVE;
}

static void
schedule_dispatch (MedleyJobManager *self)
{
  if (self->dispatch_source == 0)
    self->dispatch_source = g_idle_add_full (G_PRIORITY_DEFAULT, dispatch_idle, self, NULL);
}

static void
update_queue_places (MedleyJobManager *self)
{
  guint place = 0;

  for (GList *l = self->queue.head; l != NULL; l = l->next) {
    gboolean awaits = medley_job_has_input_in (l->data, MEDLEY_INPUT_AWAITED);

    medley_job_set_queue_place (l->data,
                                awaits ? "waits for the upload of an input"
                                       : "waits for a free worker",
                                ++place);
  }
}

static void
forget_surplus (MedleyJobManager *self)
{
  guint keep = (guint) medley_config_get_number (self->config, "jobs.keep");
  MedleyJob *job;

  while ((job = medley_job_store_find_surplus (self->store, keep)) != NULL) {
    if (!medley_job_manager_remove (self, job, NULL))
      return;
  }
}

static void
settle_outputs (MedleyJob *job, gboolean ok)
{
  GPtrArray *outputs = medley_job_list_outputs (job);

  for (guint i = 0; i < outputs->len; i++)
    medley_job_set_output_state (job, outputs->pdata[i],
                                 ok ? MEDLEY_OUTPUT_COMPLETE : MEDLEY_OUTPUT_FAILED);
}

/* The last step of every job: @error is NULL for a job that is done. */
static void
conclude (MedleyJobManager *self, MedleyJob *job, GVariant *error)
{
  MedleyJobState state = MEDLEY_JOB_DONE;

  medley_feeder_stop (job);
  g_hash_table_remove (self->awaits, job);
  if (error != NULL) {
    const char *code = "";

    g_variant_lookup (error, "code", "&s", &code);
    state = g_str_equal (code, "cancelled") ? MEDLEY_JOB_CANCELLED : MEDLEY_JOB_FAILED;
    medley_job_set_error (job, error);
  }
  settle_outputs (job, error == NULL);
  /* It may have ended at the very moment it was paused. */
  if (state == MEDLEY_JOB_DONE && medley_job_get_state (job) == MEDLEY_JOB_PAUSED)
    medley_job_set_state (job, MEDLEY_JOB_RUNNING);
  medley_job_set_state (job, state);
  forget_surplus (self);
}

static void
run_ended (MedleyRun *run, MedleyJob *job, gboolean ok, GVariant *error, gpointer data)
{
  MedleyJobManager *self = data;
  g_autoptr (MedleyJob) keep = g_object_ref (job);
  GPtrArray *outputs = medley_job_list_outputs (job);

  for (guint i = 0; i < outputs->len; i++)
    g_hash_table_remove (self->outputs, ((MedleyOutput *) outputs->pdata[i])->file);
  g_hash_table_remove (self->runs, job);
  conclude (self, job, ok ? NULL : error);
  schedule_dispatch (self);
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
  MedleyRun *run;

  medley_job_set_state (job, MEDLEY_JOB_STARTING);
  for (guint i = 0; i < outputs->len; i++)
    g_hash_table_insert (self->outputs, ((MedleyOutput *) outputs->pdata[i])->file, job);
  run = medley_run_start (job, self->pool, self->config, needs_exec (self, job), run_ended, self);
  g_hash_table_insert (self->runs, g_object_ref (job), run);
}

void
medley_job_manager_dispatch (MedleyJobManager *self)
{
  GList *next;

  for (GList *l = self->queue.head; l != NULL && medley_pool_has_room (self->pool); l = next) {
    g_autoptr (MedleyJob) job = NULL;

    next = l->next;
    if (medley_job_has_input_in (l->data, MEDLEY_INPUT_AWAITED))
      continue;
    job = l->data;
    g_queue_delete_link (&self->queue, l);
    start_job (self, job);
  }
  update_queue_places (self);
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
medley_job_manager_stop (MedleyJobManager *self, MedleyJob *job, const GError *error)
{
  MedleyRun *run = g_hash_table_lookup (self->runs, job);

  if (run != NULL) {
    medley_run_stop (run, error);
  } else {
    g_autoptr (MedleyJob) keep = g_object_ref (job);

    if (g_queue_remove (&self->queue, job))
      g_object_unref (job);
    conclude (self, job, medley_error_to_variant (error, NULL, NULL));
    update_queue_places (self);
  }
}

static gboolean
upload_never_came (gpointer data)
{
  MedleyJob *job = data;
  MedleyJobManager *self = g_object_get_data (G_OBJECT (job), "medley-manager");
  g_autoptr (GError) error = g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_EMPTY_INPUT,
                                          "no upload of the input began within limits.upload-wait");

  g_hash_table_steal (self->awaits, job);
  if (medley_job_has_input_in (job, MEDLEY_INPUT_AWAITED))
    medley_job_manager_stop (self, job, error);
  return G_SOURCE_REMOVE;
}

static void
await_uploads (MedleyJobManager *self, MedleyJob *job)
{
  guint seconds = (guint) medley_config_get_number (self->config, "limits.upload-wait");
  guint source;

  if (!medley_job_has_input_in (job, MEDLEY_INPUT_AWAITED))
    return;
  g_object_set_data (G_OBJECT (job), "medley-manager", self);
  source = g_timeout_add_seconds_full (G_PRIORITY_DEFAULT, seconds, upload_never_came,
                                       g_object_ref (job), g_object_unref);
  g_hash_table_insert (self->awaits, job, GUINT_TO_POINTER (source));
}

static void
remove_source (gpointer data)
{
  g_source_remove (GPOINTER_TO_UINT (data));
}

void
medley_job_manager_input_done (MedleyJob *job, MedleyInput *input, const GError *error,
                               gpointer data)
{
  MedleyJobManager *self = data;

  g_autoptr (GError) empty = NULL;

  if (medley_job_state_is_final (medley_job_get_state (job)))
    return;
  if (error == NULL && input->size == 0)
    error = empty = medley_input_make_empty_error (input->name);
  if (error != NULL) {
    medley_job_manager_stop (self, job, error);
    return;
  }
  medley_input_complete (input);
  medley_job_emit_changed (job);
}

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
  for (int i = 10; i >= 0; i--, time /= 36)
    id[i] = digits[time % 36];
  for (int i = 15; i >= 11; i--, salt /= 36)
    id[i] = digits[salt % 36];
  id[16] = '\0';
  return g_strdup (id);
}

static guint
count_waiting (MedleyJobManager *self, const char *client)
{
  guint n = 0;

  for (GList *l = self->queue.head; l != NULL; l = l->next)
    n += g_str_equal (medley_job_get_client (l->data), client);
  return n;
}

gboolean
medley_job_manager_has_queue_room (MedleyJobManager *self, const char *client, GError **error)
{
  if (g_queue_get_length (&self->queue)
      >= medley_config_get_number (self->config, "limits.queue")) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_QUEUE_FULL,
                 "the queue is full (limits.queue); try again later");
    return FALSE;
  }
  if (count_waiting (self, client)
      >= medley_config_get_number (self->config, "limits.queue-per-client")) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_QUEUE_FULL,
                 "too many of your jobs wait already (limits.queue-per-client); try again later");
    return FALSE;
  }
  return TRUE;
}

gboolean
medley_job_manager_is_checked (MedleyJobManager *self, const char *digest)
{
  return g_hash_table_contains (self->checked, digest);
}

void
medley_job_manager_set_checked (MedleyJobManager *self, const char *digest)
{
  if (g_hash_table_size (self->checked) >= MAX_CHECKED)
    g_hash_table_remove_all (self->checked);
  g_hash_table_add (self->checked, g_strdup (digest));
}

void
medley_job_manager_add (MedleyJobManager *self, MedleyJob *job)
{
  GVariantDict details;

  medley_job_store_add (self->store, job);
  g_queue_push_tail (&self->queue, g_object_ref (job));
  g_variant_dict_init (&details, NULL);
  g_variant_dict_insert (&details, "state", "s", medley_job_state_to_string (MEDLEY_JOB_QUEUED));
  medley_job_add_event (job, "state", &details);
  await_uploads (self, job);
  g_signal_emit (self, signals[SIGNAL_ADDED], 0, job);
}

void
medley_job_manager_queue_again (MedleyJobManager *self, MedleyJob *job)
{
  medley_job_set_error (job, NULL);
  medley_job_set_state (job, MEDLEY_JOB_QUEUED);
  g_queue_push_tail (&self->queue, g_object_ref (job));
  schedule_dispatch (self);
}

/* ---- the rest ---- */

GVariant *
medley_job_manager_status (MedleyJobManager *self)
{
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  g_auto (GVariantDict) jobs = G_VARIANT_DICT_INIT (NULL);
  g_autoptr (GPtrArray) engines = medley_catalog_list (self->catalog);
  g_autoptr (GPtrArray) pipelines = medley_library_list (self->library);
  GVariant *faces = g_variant_ref_sink (g_variant_dict_end (self->faces));

  /* Ending a dictionary empties it. */
  g_variant_dict_unref (self->faces);
  self->faces = g_variant_dict_new (faces);
  for (guint i = 0; i < MEDLEY_JOB_N_STATES; i++)
    g_variant_dict_insert (&jobs, medley_job_state_to_string ((MedleyJobState) i), "u",
                           medley_job_store_count (self->store, (MedleyJobState) i));
  g_variant_dict_insert (&dict, "version", "s", MEDLEY_VERSION);
  g_variant_dict_insert_value (&dict, "jobs", g_variant_dict_end (&jobs));
  g_variant_dict_insert_value (&dict, "workers", medley_pool_describe (self->pool));
  g_variant_dict_insert_value (&dict, "configuration", medley_config_describe (self->config));
  g_variant_dict_insert (&dict, "engines", "u", engines->len);
  g_variant_dict_insert_value (&dict, "brokenPlugins", medley_catalog_get_broken (self->catalog));
  g_variant_dict_insert (&dict, "pipelines", "u", pipelines->len);
  g_variant_dict_insert (&dict, "uptime", "d",
                         (double) (g_get_monotonic_time () - self->started) / G_USEC_PER_SEC);
  g_variant_dict_insert_value (&dict, "faces", faces);
  g_variant_unref (faces);
  return g_variant_dict_end (&dict);
}

void
medley_job_manager_set_face (MedleyJobManager *self, const char *face, const char *where)
{
  g_variant_dict_insert (self->faces, face, "s", where);
}

MedleyLibrary *
medley_job_manager_get_library (MedleyJobManager *self)
{
  return self->library;
}

MedleyPool *
medley_job_manager_get_pool (MedleyJobManager *self)
{
  return self->pool;
}

MedleySpool *
medley_job_manager_get_spool (MedleyJobManager *self)
{
  return self->spool;
}

MedleyCatalog *
medley_job_manager_get_catalog (MedleyJobManager *self)
{
  return self->catalog;
}

MedleyConfig *
medley_job_manager_get_config (MedleyJobManager *self)
{
  return self->config;
}

MedleyJobManager *
medley_job_manager_new (MedleyConfig *config, MedleyLibrary *library, MedleyCatalog *catalog,
                        MedleyPool *pool, GError **error)
{
  g_autoptr (MedleyJobManager) self = g_object_new (MEDLEY_TYPE_JOB_MANAGER, NULL);

  self->config = g_object_ref (config);
  self->library = g_object_ref (library);
  self->catalog = g_object_ref (catalog);
  self->pool = g_object_ref (pool);
  self->spool
      = medley_spool_new (medley_config_get_path (config, "paths.spool"), spool_grew, self, error);
  if (self->spool == NULL)
    return NULL;
  /* Jobs live in memory: nobody can ask for what an earlier daemon left. */
  medley_spool_clear (self->spool);
  g_signal_connect_object (pool, "free", G_CALLBACK (schedule_dispatch), self, G_CONNECT_SWAPPED);
  return g_steal_pointer (&self);
}

static void
medley_job_manager_dispose (GObject *object)
{
  MedleyJobManager *self = MEDLEY_JOB_MANAGER (object);

  g_clear_handle_id (&self->dispatch_source, g_source_remove);
  if (self->store != NULL) {
    g_autoptr (GPtrArray) jobs = medley_job_store_list (self->store, NULL, NULL, NULL, 0);

    for (guint i = 0; i < jobs->len; i++) {
      medley_feeder_stop (jobs->pdata[i]);
      medley_job_delete_files (jobs->pdata[i]);
    }
  }
  g_clear_pointer (&self->awaits, g_hash_table_unref);
  g_clear_pointer (&self->runs, g_hash_table_unref);
  g_queue_clear_full (&self->queue, g_object_unref);
  g_clear_pointer (&self->store, medley_job_store_free);
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

  g_hash_table_unref (self->outputs);
  g_hash_table_unref (self->checked);
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
  signals[SIGNAL_REMOVED] = g_signal_new ("job-removed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                          NULL, G_TYPE_NONE, 1, MEDLEY_TYPE_JOB);
}

static void
medley_job_manager_init (MedleyJobManager *self)
{
  g_queue_init (&self->queue);
  self->runs = g_hash_table_new_full (NULL, NULL, g_object_unref, (GDestroyNotify) medley_run_free);
  self->awaits = g_hash_table_new_full (NULL, NULL, NULL, remove_source);
  self->outputs = g_hash_table_new (g_str_hash, g_str_equal);
  self->checked = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->faces = g_variant_dict_new (NULL);
  self->store = medley_job_store_new ();
  self->started = g_get_monotonic_time ();
}
