/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job/metrics.h"

#include "job/manager-private.h"

#define OTHER "other"
#define COUNTER MEDLEY_METRIC_COUNTER
#define HISTOGRAM MEDLEY_METRIC_HISTOGRAM
#define GAUGE MEDLEY_METRIC_GAUGE

enum {
  BUILD,
  JOBS,
  KEPT,
  CREATED,
  ENDED,
  QUEUE_TIME,
  FIRST_OUTPUT,
  TOTAL_TIME,
  ATTEMPTS,
  RETRIES,
  INPUT_BYTES,
  OUTPUT_BYTES,
  STAGE_TIME,
  STAGE_FIRST_OUTPUT,
  STAGE_BYTES,
  SUSPENDED,
  WORKERS,
  WORKERS_MAXIMUM,
  WORKERS_STARTED,
  WORKERS_LOST,
  CACHE_HITS,
  CACHE_MISSES,
  CACHE_BYTES,
  CACHE_ENTRIES,
  COMMIT_TIME,
  COMMIT_WRITES,
  STORE_WRITES,
  STORE_FAILURES,
  STORE_BYTES,
  SPOOL_BYTES,
  SPOOL_FREE,
  N_METRICS
};

static const double write_bounds[] = { 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 0 };

static const MedleyMetricInfo infos[N_METRICS] = {
  [BUILD] = { "medley_build_info", GAUGE, "version", NULL, "1, with the daemon's version" },
  [JOBS] = { "medley_jobs", GAUGE, "state pipeline", NULL, "Jobs that have not ended" },
  [KEPT] = { "medley_jobs_kept", GAUGE, "state", NULL, "Jobs that have ended and are kept" },
  [CREATED]
  = { "medley_jobs_created_total", COUNTER, "pipeline", NULL,
      "Jobs that were taken: new ones, those that an earlier daemon left, failed ones that were "
      "queued again" },
  [ENDED] = { "medley_jobs_ended_total", COUNTER, "pipeline outcome code", NULL,
              "Jobs that ended, as done, failed or cancelled; code is the error's" },
  [QUEUE_TIME] = { "medley_job_queue_seconds", HISTOGRAM, "pipeline", medley_metric_time_bounds,
                   "Time from when an attempt of a job could start until it did" },
  [FIRST_OUTPUT]
  = { "medley_job_first_output_seconds", HISTOGRAM, "pipeline", medley_metric_time_bounds,
      "Time from a job's creation until it made the first bytes of an output" },
  [TOTAL_TIME] = { "medley_job_seconds", HISTOGRAM, "pipeline outcome", medley_metric_time_bounds,
                   "Time from a job's creation to its end" },
  [ATTEMPTS]
  = { "medley_job_attempts_total", COUNTER, "pipeline", NULL, "Attempts of jobs that were begun" },
  [RETRIES] = { "medley_job_retries_total", COUNTER, "pipeline code", NULL,
                "Attempts of jobs that failed and are followed by another, by the error's code" },
  [INPUT_BYTES] = { "medley_job_input_bytes_total", COUNTER, "pipeline", NULL,
                    "Bytes of the inputs of jobs that ended" },
  [OUTPUT_BYTES] = { "medley_job_output_bytes_total", COUNTER, "pipeline", NULL,
                     "Bytes of the outputs of jobs that are done" },
  [STAGE_TIME] = { "medley_stage_seconds", HISTOGRAM, "engine", medley_metric_time_bounds,
                   "Time from the first data that came to a stage to the end of what it made" },
  [STAGE_FIRST_OUTPUT]
  = { "medley_stage_first_output_seconds", HISTOGRAM, "engine", medley_metric_time_bounds,
      "Time from the first data that came to a stage to the first that it made" },
  [STAGE_BYTES] = { "medley_stage_output_bytes_total", COUNTER, "engine", NULL,
                    "Bytes that stages made, as they flow between stages" },
  [SUSPENDED] = { "medley_engine_suspended", GAUGE, "engine", NULL,
                  "Engines that crashed lately: 1 for those that are suspended, else 0" },
  [WORKERS] = { "medley_workers", GAUGE, "state", NULL, "Worker processes: idle, busy, starting" },
  [WORKERS_MAXIMUM]
  = { "medley_workers_maximum", GAUGE, NULL, NULL, "Most workers at once (workers.maximum)" },
  [WORKERS_STARTED]
  = { "medley_workers_started_total", COUNTER, NULL, NULL, "Worker processes that were made" },
  [WORKERS_LOST]
  = { "medley_workers_lost_total", COUNTER, "cause", NULL,
      "Worker processes that crashed or were killed, by the error's code; \"stopped\" "
      "with their job, \"released\" after a job that needed one of its own" },
  [CACHE_HITS] = { "medley_cache_hits_total", COUNTER, NULL, NULL,
                   "Stages whose result was taken from the stage cache" },
  [CACHE_MISSES] = { "medley_cache_misses_total", COUNTER, NULL, NULL,
                     "Stages that were looked up in the stage cache in vain" },
  [CACHE_BYTES] = { "medley_cache_bytes", GAUGE, NULL, NULL, "Bytes of the stage cache" },
  [CACHE_ENTRIES] = { "medley_cache_entries", GAUGE, NULL, NULL, "Entries of the stage cache" },
  [COMMIT_TIME] = { "medley_store_commit_seconds", HISTOGRAM, NULL, medley_metric_time_bounds,
                    "Time of a transaction of the store, with its sync" },
  [COMMIT_WRITES] = { "medley_store_commit_writes", HISTOGRAM, NULL, write_bounds,
                      "Writes that shared a transaction of the store" },
  [STORE_WRITES] = { "medley_store_writes_total", COUNTER, NULL, NULL, "Writes of the store" },
  [STORE_FAILURES]
  = { "medley_store_failures_total", COUNTER, NULL, NULL, "Writes of the store that failed" },
  [STORE_BYTES] = { "medley_store_bytes", GAUGE, NULL, NULL, "Bytes of the store's files" },
  [SPOOL_BYTES]
  = { "medley_spool_bytes", GAUGE, NULL, NULL, "Bytes of the files of jobs that have ended" },
  [SPOOL_FREE] = { "medley_spool_free_bytes", GAUGE, NULL, NULL, "Free bytes of the spool's disk" },
};

/* What is known of a job until it has ended. */
typedef struct {
  char *pipeline;
  MedleyJobState state;
  gint64 ready_at; /* when its next attempt could start: µs since 1970 */
  gboolean has_output;
  GHashTable *stages; /* name → when it started, µs since 1970 */
} Watched;

struct _MedleyJobMetrics {
  MedleyJobManager *manager; /* not owned */
  MedleyMetrics *registry;
  MedleyMetric *metrics[N_METRICS];
  GHashTable *watched; /* MedleyJob → Watched */
};

static void
watched_free (gpointer data)
{
  Watched *watched = data;

  g_free (watched->pipeline);
  g_hash_table_unref (watched->stages);
  g_free (watched);
}

static void
count_state (MedleyJobMetrics *self, Watched *watched, int difference)
{
  medley_metric_add (self->metrics[JOBS], difference,
                     MEDLEY_LABELS (medley_job_state_to_string (watched->state),
                                    watched->pipeline));
}

/* Clocks are set: no time is less than none. */
static double
seconds_between (gint64 from, gint64 to)
{
  return (double) MAX (to - from, 0) / G_USEC_PER_SEC;
}

void
medley_job_metrics_watch (MedleyJobMetrics *self, MedleyJob *job)
{
  const char *name = medley_job_get_pipeline (job);
  MedleyLibrary *library = medley_job_manager_get_library (self->manager);
  Watched *watched;

  if (g_hash_table_contains (self->watched, job))
    return;
  watched = g_new0 (Watched, 1);
  watched->pipeline = g_strdup (medley_library_lookup (library, name) != NULL ? name : OTHER);
  watched->state = medley_job_get_state (job);
  watched->ready_at = MAX (medley_job_get_ready_at (job), g_get_real_time ());
  watched->stages = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_hash_table_insert (self->watched, g_object_ref (job), watched);
  count_state (self, watched, 1);
  medley_metric_add (self->metrics[CREATED], 1, MEDLEY_LABELS (watched->pipeline));
}

/* ---- events ---- */

static gint64
get_time (GVariant *event)
{
  gint64 time = 0;

  g_variant_lookup (event, "time", "x", &time);
  return time;
}

/* The code of the error that an event tells of, "" for none. */
static char *
dup_code (GVariant *event)
{
  g_autoptr (GVariant) error = g_variant_lookup_value (event, "error", G_VARIANT_TYPE_VARDICT);
  char *code = NULL;

  if (error != NULL)
    g_variant_lookup (error, "code", "s", &code);
  return code != NULL ? code : g_strdup ("");
}

static void
job_ended (MedleyJobMetrics *self, MedleyJob *job, Watched *watched, GVariant *event)
{
  g_autofree char *code = dup_code (event);
  const char *outcome = medley_job_state_to_string (watched->state);
  GPtrArray *inputs = medley_job_list_inputs (job);
  GPtrArray *outputs = medley_job_list_outputs (job);
  guint64 bytes = 0;

  medley_metric_add (self->metrics[ENDED], 1, MEDLEY_LABELS (watched->pipeline, outcome, code));
  medley_metric_observe (self->metrics[TOTAL_TIME],
                         seconds_between (medley_job_get_created (job), get_time (event)),
                         MEDLEY_LABELS (watched->pipeline, outcome));
  for (guint i = 0; i < inputs->len; i++)
    bytes += ((MedleyInput *) inputs->pdata[i])->size;
  medley_metric_add (self->metrics[INPUT_BYTES], (double) bytes, MEDLEY_LABELS (watched->pipeline));
  bytes = 0;
  for (guint i = 0; watched->state == MEDLEY_JOB_DONE && i < outputs->len; i++)
    bytes += ((MedleyOutput *) outputs->pdata[i])->size;
  medley_metric_add (self->metrics[OUTPUT_BYTES], (double) bytes,
                     MEDLEY_LABELS (watched->pipeline));
  g_hash_table_remove (self->watched, job);
}

static void
state_changed (MedleyJobMetrics *self, MedleyJob *job, Watched *watched, GVariant *event)
{
  gint64 time = get_time (event);
  MedleyJobState state = medley_job_get_state (job);

  count_state (self, watched, -1);
  watched->state = state;
  if (medley_job_state_is_final (state)) {
    job_ended (self, job, watched, event);
    return;
  }
  count_state (self, watched, 1);
  if (state == MEDLEY_JOB_QUEUED) {
    watched->ready_at = MAX (medley_job_get_ready_at (job), time);
  } else if (state == MEDLEY_JOB_STARTING) {
    g_hash_table_remove_all (watched->stages);
    medley_metric_add (self->metrics[ATTEMPTS], 1, MEDLEY_LABELS (watched->pipeline));
    medley_metric_observe (self->metrics[QUEUE_TIME], seconds_between (watched->ready_at, time),
                           MEDLEY_LABELS (watched->pipeline));
  }
}

static void
stage_event (MedleyJobMetrics *self, Watched *watched, const char *kind, GVariant *event)
{
  const char *stage = "", *engine = "";
  gint64 time = get_time (event);
  const gint64 *started;
  guint64 bytes = 0;

  g_variant_lookup (event, "stage", "&s", &stage);
  g_variant_lookup (event, "engine", "&s", &engine);
  if (medley_catalog_get (medley_job_manager_get_catalog (self->manager), engine) == NULL)
    engine = OTHER;
  if (g_str_equal (kind, "stage-started")) {
    g_hash_table_insert (watched->stages, g_strdup (stage), g_memdup2 (&time, sizeof time));
    return;
  }
  started = g_hash_table_lookup (watched->stages, stage);
  if (started == NULL)
    return;
  if (g_str_equal (kind, "stage-first-output")) {
    medley_metric_observe (self->metrics[STAGE_FIRST_OUTPUT], seconds_between (*started, time),
                           MEDLEY_LABELS (engine));
  } else if (g_str_equal (kind, "stage-finished")) {
    g_variant_lookup (event, "bytes", "t", &bytes);
    medley_metric_observe (self->metrics[STAGE_TIME], seconds_between (*started, time),
                           MEDLEY_LABELS (engine));
    medley_metric_add (self->metrics[STAGE_BYTES], (double) bytes, MEDLEY_LABELS (engine));
  }
}

void
medley_job_metrics_event (MedleyJobMetrics *self, MedleyJob *job, GVariant *event)
{
  Watched *watched = g_hash_table_lookup (self->watched, job);
  const char *kind = "";

  if (watched == NULL)
    return;
  g_variant_lookup (event, "kind", "&s", &kind);
  if (g_str_equal (kind, "state")) {
    state_changed (self, job, watched, event);
  } else if (g_str_has_prefix (kind, "stage-")) {
    stage_event (self, watched, kind, event);
  } else if (g_str_equal (kind, "output-started") && !watched->has_output) {
    watched->has_output = TRUE;
    medley_metric_observe (self->metrics[FIRST_OUTPUT],
                           seconds_between (medley_job_get_created (job), get_time (event)),
                           MEDLEY_LABELS (watched->pipeline));
  } else if (g_str_equal (kind, "retry")) {
    g_autofree char *code = dup_code (event);

    medley_metric_add (self->metrics[RETRIES], 1, MEDLEY_LABELS (watched->pipeline, code));
  }
}

void
medley_job_metrics_commit (gint64 time, guint writes, gpointer data)
{
  MedleyJobMetrics *self = data;

  medley_metric_observe (self->metrics[COMMIT_TIME], seconds_between (0, time), NULL);
  medley_metric_observe (self->metrics[COMMIT_WRITES], writes, NULL);
}

static void
worker_lost (MedleyPool *pool, const char *cause, gpointer data)
{
  MedleyJobMetrics *self = data;

  medley_metric_add (self->metrics[WORKERS_LOST], 1, &cause);
}

/* ---- what is known elsewhere ---- */

static void
set_from (MedleyJobMetrics *self, guint metric, GVariant *dict, const char *key,
          const char *const *labels)
{
  g_autoptr (GVariant) value = g_variant_lookup_value (dict, key, NULL);

  if (value == NULL)
    return;
  medley_metric_set (self->metrics[metric],
                     g_variant_is_of_type (value, G_VARIANT_TYPE_UINT32)
                         ? (double) g_variant_get_uint32 (value)
                         : (double) g_variant_get_uint64 (value),
                     labels);
}

static void
collect_pool (MedleyJobMetrics *self)
{
  static const char *const states[] = { "idle", "busy", "starting" };
  g_autoptr (GVariant) pool = g_variant_ref_sink (medley_pool_describe (self->manager->pool));

  for (guint i = 0; i < G_N_ELEMENTS (states); i++)
    set_from (self, WORKERS, pool, states[i], &states[i]);
  set_from (self, WORKERS_MAXIMUM, pool, "maximum", NULL);
  set_from (self, WORKERS_STARTED, pool, "started", NULL);
}

static void
collect_store (MedleyJobMetrics *self)
{
  g_autoptr (GVariant) store
      = g_variant_ref_sink (medley_job_store_describe (self->manager->store));

  set_from (self, STORE_WRITES, store, "writes", NULL);
  set_from (self, STORE_FAILURES, store, "failures", NULL);
  set_from (self, STORE_BYTES, store, "bytes", NULL);
  medley_metric_set (self->metrics[SPOOL_BYTES], (double) self->manager->ended_bytes, NULL);
  medley_metric_set (self->metrics[SPOOL_FREE],
                     (double) medley_spool_get_free (self->manager->spool), NULL);
}

static void
collect_cache (MedleyJobMetrics *self)
{
  g_autoptr (GVariant) cache
      = g_variant_ref_sink (medley_job_manager_describe_cache (self->manager));

  set_from (self, CACHE_HITS, cache, "hits", NULL);
  set_from (self, CACHE_MISSES, cache, "misses", NULL);
  set_from (self, CACHE_BYTES, cache, "bytes", NULL);
  set_from (self, CACHE_ENTRIES, cache, "entries", NULL);
}

static void
collect_engines (MedleyJobMetrics *self)
{
  g_autoptr (GVariant) circuits
      = g_variant_ref_sink (medley_circuits_describe (self->manager->circuits,
                                                      g_get_monotonic_time (), g_get_real_time ()));

  medley_metric_clear (self->metrics[SUSPENDED]);
  for (gsize i = 0; i < g_variant_n_children (circuits); i++) {
    g_autoptr (GVariant) circuit = g_variant_get_child_value (circuits, i);
    const char *engine = "", *state = "";

    g_variant_lookup (circuit, "engine", "&s", &engine);
    g_variant_lookup (circuit, "state", "&s", &state);
    medley_metric_set (self->metrics[SUSPENDED], g_str_equal (state, "closed") ? 0 : 1, &engine);
  }
}

static void
collect (gpointer data)
{
  MedleyJobMetrics *self = data;

  for (guint i = 0; i < MEDLEY_JOB_N_STATES; i++) {
    const char *state = medley_job_state_to_string ((MedleyJobState) i);

    if (medley_job_state_is_final ((MedleyJobState) i))
      medley_metric_set (self->metrics[KEPT], self->manager->ended[i], &state);
  }
  collect_pool (self);
  collect_store (self);
  collect_cache (self);
  collect_engines (self);
}

MedleyJobMetrics *
medley_job_metrics_new (MedleyJobManager *manager, MedleyMetrics *registry)
{
  MedleyJobMetrics *self = g_new0 (MedleyJobMetrics, 1);

  self->manager = manager;
  self->registry = registry;
  self->watched = g_hash_table_new_full (NULL, NULL, g_object_unref, watched_free);
  medley_metrics_register (registry, infos, N_METRICS, self->metrics);
  medley_metrics_add_collector (registry, collect, self, NULL);
  medley_metric_set (self->metrics[BUILD], 1, MEDLEY_LABELS (MEDLEY_VERSION));
  g_signal_connect (manager->pool, "lost", G_CALLBACK (worker_lost), self);
  return self;
}

void
medley_job_metrics_free (MedleyJobMetrics *self)
{
  medley_metrics_remove_collector (self->registry, self);
  g_signal_handlers_disconnect_by_data (self->manager->pool, self);
  g_hash_table_unref (self->watched);
  g_free (self);
}
