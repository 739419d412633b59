/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job/watch.h"

#include "base/error.h"
#include "job/job-private.h"
#include "workers/memory.h"

#define INTERVAL_MS 250

struct _MedleyWatch {
  MedleyJob *job;
  MedleyWorker *worker;
  MedleyWatchFunc func;
  gpointer data;

  guint source;
  MedleyMemoryWatch *memory;
  guint64 memory_limit; /* bytes */
  gint64 ran;           /* µs, pauses apart */
  gint64 looked;        /* monotonic µs, as all times */
  gint64 run_time;
  gint64 stall;
  gint64 silence;     /* limit between heartbeats */
  GHashTable *stalls; /* stage → gint64, of stages with a limit of their own */

  guint64 activity;
  gint64 activity_time;
  gint64 heartbeat_time;
  char *stage; /* at work, as the last heartbeat said; "" for none */
  char *engine;
};

static void
heartbeat (MedleyWorker *worker, guint64 activity, const char *stage, const char *engine,
           gpointer data)
{
  MedleyWatch *self = data;

  self->heartbeat_time = g_get_monotonic_time ();
  if (activity != self->activity)
    self->activity_time = self->heartbeat_time;
  self->activity = activity;
  g_free (self->stage);
  self->stage = g_strdup (stage);
  g_free (self->engine);
  self->engine = g_strdup (engine);
}

/* Whether there is a good reason for nothing to move. A stage that is inside a buffer waits for
 * nobody's input. */
static gboolean
may_rest (MedleyWatch *self)
{
  return medley_job_get_state (self->job) == MEDLEY_JOB_PAUSED
         || (medley_job_has_input_in (self->job, MEDLEY_INPUT_COMING)
             && medley_watch_get_stage (self) == NULL);
}

static void
report (MedleyWatch *self, GError *error)
{
  g_clear_handle_id (&self->source, g_source_remove);
  self->func (error, self->data);
}

static void
memory_exceeded (guint64 own, gpointer data)
{
  MedleyWatch *self = data;

  report (self, g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_MEMORY_LIMIT,
                             "the worker used %" G_GUINT64_FORMAT
                             " MiB of memory, more than its limit of %" G_GUINT64_FORMAT
                             " MiB (workers.memory-bytes)",
                             own >> 20, self->memory_limit >> 20));
}

/* (transfer full) (nullable): measured from heartbeat to heartbeat, since what moved after the last
 * one is not known yet. */
static GError *
find_stall (MedleyWatch *self)
{
  const gint64 *own = g_hash_table_lookup (self->stalls, self->stage);
  gint64 limit = own != NULL ? *own : self->stall;

  if (self->heartbeat_time - self->activity_time <= limit)
    return NULL;
  return g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_WORKER_HUNG,
                      "no progress for %" G_GINT64_FORMAT " s (%s)", limit / G_USEC_PER_SEC,
                      own != NULL ? "the stage's \"stall\"" : "workers.stall");
}

static gboolean
look (gpointer data)
{
  MedleyWatch *self = data;
  gint64 now = g_get_monotonic_time ();
  GError *error = NULL;

  if (medley_job_get_state (self->job) != MEDLEY_JOB_PAUSED)
    self->ran += now - self->looked;
  self->looked = now;
  if (self->ran > self->run_time)
    error = g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_TIME_LIMIT,
                         "the job ran longer than its limit of %" G_GINT64_FORMAT
                         " s (limits.run-time, or the request's runTime)",
                         self->run_time / G_USEC_PER_SEC);
  else if (now - self->heartbeat_time > self->silence)
    error = g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_WORKER_HUNG,
                         "the worker gave no sign of life for %" G_GINT64_FORMAT
                         " s (workers.heartbeat)",
                         self->silence / G_USEC_PER_SEC);
  else if (may_rest (self))
    self->activity_time = now;
  else
    error = find_stall (self);
  if (error == NULL)
    return G_SOURCE_CONTINUE;
  self->source = 0;
  report (self, error);
  return G_SOURCE_REMOVE;
}

static void
read_stalls (MedleyWatch *self)
{
  g_autoptr (GVariant) stages = g_variant_lookup_value (medley_job_get_plan (self->job), "stages",
                                                        G_VARIANT_TYPE ("aa{sv}"));

  for (gsize i = 0; stages != NULL && i < g_variant_n_children (stages); i++) {
    g_autoptr (GVariant) stage = g_variant_get_child_value (stages, i);
    const char *name;
    guint seconds;

    if (g_variant_lookup (stage, "name", "&s", &name)
        && g_variant_lookup (stage, "stall", "u", &seconds)) {
      gint64 stall = (gint64) seconds * G_USEC_PER_SEC;

      g_hash_table_insert (self->stalls, g_strdup (name), g_memdup2 (&stall, sizeof stall));
    }
  }
}

static gint64
get_time (MedleyConfig *config, const char *key)
{
  return (gint64) medley_config_get_number (config, key) * G_USEC_PER_SEC;
}

MedleyWatch *
medley_watch_new (MedleyJob *job, MedleyWorker *worker, MedleyConfig *config, guint64 run_time,
                  MedleyWatchFunc func, gpointer data)
{
  MedleyWatch *self = g_new0 (MedleyWatch, 1);
  g_autofree char *folder = g_strdup_printf ("/proc/%d", medley_worker_get_pid (worker));

  self->job = g_object_ref (job);
  self->worker = g_object_ref (worker);
  self->func = func;
  self->data = data;
  self->looked = self->activity_time = self->heartbeat_time = g_get_monotonic_time ();
  self->run_time = (gint64) MIN (run_time, G_MAXINT64 / G_USEC_PER_SEC) * G_USEC_PER_SEC;
  self->stall = get_time (config, "workers.stall");
  self->silence = get_time (config, "workers.heartbeat");
  self->stalls = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->stage = g_strdup ("");
  self->engine = g_strdup ("");
  read_stalls (self);
  self->memory_limit = medley_config_get_number (config, "workers.memory-bytes");
  self->memory = medley_memory_watch_new (folder, self->memory_limit, memory_exceeded, self);
  self->source = g_timeout_add (INTERVAL_MS, look, self);
  g_signal_connect (worker, "heartbeat", G_CALLBACK (heartbeat), self);
  return self;
}

void
medley_watch_free (MedleyWatch *self)
{
  g_clear_handle_id (&self->source, g_source_remove);
  medley_memory_watch_free (self->memory);
  g_signal_handlers_disconnect_by_data (self->worker, self);
  g_object_unref (self->worker);
  g_object_unref (self->job);
  g_hash_table_unref (self->stalls);
  g_free (self->stage);
  g_free (self->engine);
  g_free (self);
}

static const char *
none_if_empty (const char *text)
{
  return text[0] != '\0' ? text : NULL;
}

const char *
medley_watch_get_stage (MedleyWatch *self)
{
  return none_if_empty (self->stage);
}

const char *
medley_watch_get_engine (MedleyWatch *self)
{
  return none_if_empty (self->engine);
}
