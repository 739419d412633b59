/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/run.h"

#include <medley/medley-converter.h>
#include <medley/medley-error.h>

#include "base/error.h"
#include "base/names.h"
#include "runner/bus-error.h"
#include "runner/fault.h"

#define PROGRESS_INTERVAL (G_USEC_PER_SEC / 10)
#define PROGRESS_STEP 0.001
/* A rate is not known from less than this. */
#define UNKNOWN_AFTER (3 * G_USEC_PER_SEC)
#define ESTIMATE_AFTER (G_USEC_PER_SEC / 2)
#define WARNINGS_MOST 20

struct _MedleyRun {
  MedleyRunPlan *plan;
  GHashTable *inputs;
  GHashTable *outputs;
  GHashTable *stages;
  MedleyEngineCache *cache;
  GMutex *cache_lock;
  MedleyRunFinished finished;
  gpointer data;

  GMainContext *context;
  GThread *thread;
  MedleyMonitor *monitor;
  GAsyncQueue *messages; /* of GstMessage; `wake` for a command */
  gint cancelled;

  GMutex lock;
  MedleyGraph *graph; /* lock: for cancelling engines */

  /* the run's thread */
  guint *choice;
  double progress;
  gint64 progress_at;
  gint64 unknown_since; /* 0 while progress is known */
  guint n_warnings;
  gboolean ok;
  GVariant *error;
};

/* Something to put into the queue that is no message. */
static char wake;

static gboolean
is_cancelled (MedleyRun *self)
{
  return g_atomic_int_get (&self->cancelled);
}

static void
take_progress (GstMessage *message)
{
  const GstStructure *structure = gst_message_get_structure (message);
  MedleyNode *node = medley_node_of (GST_MESSAGE_SRC (message));
  guint64 done = 0, total = 0;

  if (node == NULL || structure == NULL
      || !gst_structure_has_name (structure, MEDLEY_MESSAGE_PROGRESS))
    return;
  gst_structure_get_uint64 (structure, "done", &done);
  gst_structure_get_uint64 (structure, "total", &total);
  medley_node_report (node, done, total);
  medley_monitor_tick (node->monitor);
}

/* In the thread that posts. What matters goes to the run's thread; nothing else listens. */
static GstBusSyncReply
bus_message (GstBus *bus, GstMessage *message, gpointer data)
{
  MedleyRun *self = data;

  switch (GST_MESSAGE_TYPE (message)) {
  case GST_MESSAGE_ELEMENT:
    take_progress (message);
    break;
  case GST_MESSAGE_ERROR:
    medley_monitor_set_failed (self->monitor, TRUE);
    g_async_queue_push (self->messages, gst_message_ref (message));
    break;
  case GST_MESSAGE_WARNING:
  case GST_MESSAGE_EOS:
    g_async_queue_push (self->messages, gst_message_ref (message));
    break;
  default:
    break;
  }
  gst_message_unref (message);
  return GST_BUS_DROP;
}

static void
emit_warning (MedleyRun *self, GstMessage *message)
{
  MedleyNode *node = medley_node_of (GST_MESSAGE_SRC (message));
  g_autoptr (GError) error = NULL;
  g_autofree char *debug = NULL;

  if (self->n_warnings++ >= WARNINGS_MOST)
    return;
  gst_message_parse_warning (message, &error, &debug);
  medley_monitor_emit (self->monitor, "warning",
                       "{'stage': <%s>, 'engine': <%s>, 'message': <%s>, 'code': <%s>}",
                       node != NULL && node->kind == MEDLEY_NODE_STAGE ? node->name : "",
                       node != NULL && node->engine != NULL ? node->engine : "", error->message,
                       error->domain == MEDLEY_ERROR ? medley_error_info (error)->name : "warning");
}

static void
emit_progress (MedleyRun *self, MedleyGraph *graph)
{
  gint64 elapsed = medley_monitor_get_elapsed (self->monitor);
  double fraction;

  if (elapsed - self->progress_at < PROGRESS_INTERVAL)
    return;
  self->progress_at = elapsed;
  fraction = medley_graph_get_fraction (graph);
  if (fraction < 0 && self->progress > 0) {
    /* Between the last input and the end a moment is usual. */
    if (self->unknown_since == 0)
      self->unknown_since = elapsed;
    if (elapsed - self->unknown_since < UNKNOWN_AFTER)
      return;
    self->progress = 0;
    medley_monitor_emit (self->monitor, "progress", "{'fraction': <-1.0>}");
    return;
  }
  self->unknown_since = 0;
  if (fraction < self->progress + PROGRESS_STEP)
    return;
  self->progress = fraction;
  if (elapsed >= ESTIMATE_AFTER)
    medley_monitor_emit (self->monitor, "progress", "{'fraction': <%d>, 'remaining': <%d>}",
                         fraction, (double) elapsed / G_USEC_PER_SEC * (1 - fraction) / fraction);
  else
    medley_monitor_emit (self->monitor, "progress", "{'fraction': <%d>}", fraction);
}

/* Keeps the error that tells most; the first among equals. */
static void
consider_error (MedleyBusError **best, GstMessage *message)
{
  MedleyBusError *error = medley_bus_error_read (message);

  if (*best == NULL || error->rank > (*best)->rank) {
    g_clear_pointer (best, medley_bus_error_free);
    *best = error;
  } else {
    medley_bus_error_free (error);
  }
}

static void
drain_messages (MedleyRun *self, MedleyBusError **best)
{
  gpointer item;

  while ((item = g_async_queue_try_pop (self->messages)) != NULL) {
    if (item == &wake)
      continue;
    if (best != NULL && GST_MESSAGE_TYPE (item) == GST_MESSAGE_ERROR)
      consider_error (best, item);
    gst_message_unref (item);
  }
}

/* Opens engines one by one, so that one that blocks or crashes can be named. */
static gboolean
open_engines (MedleyRun *self, MedleyGraph *graph)
{
  for (guint i = 0; i < graph->parts->len; i++) {
    MedleyGraphPart *part = g_ptr_array_index (graph->parts, i);
    GstStateChangeReturn ret;
    MedleyWork *work, *before;

    if (part->stage == NULL)
      continue;
    if (is_cancelled (self))
      return FALSE;
    work = medley_work_new (part->node->name, part->node->engine);
    before = medley_work_enter (work);
    ret = gst_element_set_state (part->element, GST_STATE_READY);
    medley_work_enter (before);
    medley_work_free (work);
    if (ret == GST_STATE_CHANGE_FAILURE)
      return FALSE;
    medley_monitor_tick (self->monitor);
  }
  return TRUE;
}

/* Returns when the pipeline has ended, failed or was cancelled. */
static gboolean
wait_for_end (MedleyRun *self, MedleyGraph *graph, MedleyBusError **error)
{
  while (!is_cancelled (self)) {
    gpointer item = g_async_queue_timeout_pop (self->messages, PROGRESS_INTERVAL);
    gboolean ended = FALSE;

    emit_progress (self, graph);
    if (item == NULL || item == &wake)
      continue;
    switch (GST_MESSAGE_TYPE (item)) {
    case GST_MESSAGE_EOS:
      ended = TRUE;
      break;
    case GST_MESSAGE_ERROR:
      consider_error (error, item);
      break;
    default:
      emit_warning (self, item);
      break;
    }
    gst_message_unref (item);
    if (ended || *error != NULL)
      return ended && *error == NULL;
  }
  return FALSE;
}

static gboolean
play (MedleyRun *self, MedleyGraph *graph, MedleyBusError **error)
{
  g_autoptr (GstBus) bus = gst_pipeline_get_bus (GST_PIPELINE (graph->pipeline));
  gboolean ended = FALSE;

  gst_bus_set_sync_handler (bus, bus_message, self, NULL);
  /* It flushes in NULL, where engines are opened. */
  gst_bus_set_flushing (bus, FALSE);
  /* Nothing here is played in real time. */
  gst_pipeline_use_clock (GST_PIPELINE (graph->pipeline), NULL);
  if (open_engines (self, graph) && !is_cancelled (self)
      && gst_element_set_state (graph->pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE)
    ended = wait_for_end (self, graph, error);
  if (ended || is_cancelled (self))
    return ended;
  /* Stop everything; then all that had to be said has been said. */
  medley_monitor_stop (self->monitor);
  gst_element_set_state (graph->pipeline, GST_STATE_READY);
  drain_messages (self, error);
  return FALSE;
}

static void
set_graph (MedleyRun *self, MedleyGraph *graph)
{
  g_mutex_lock (&self->lock);
  self->graph = graph;
  g_mutex_unlock (&self->lock);
}

static void
finish_with (MedleyRun *self, const GError *error, const char *stage, const char *engine,
             GPtrArray *faults)
{
  GVariantDict dict;
  g_autoptr (GVariant) plain = g_variant_ref_sink (medley_error_to_variant (error, stage, engine));

  g_variant_dict_init (&dict, plain);
  if (faults != NULL)
    g_variant_dict_insert_value (&dict, "faults", medley_run_faults_to_variant (faults));
  g_clear_pointer (&self->error, g_variant_unref);
  self->error = g_variant_ref_sink (g_variant_dict_end (&dict));
}

static void
finish_cancelled (MedleyRun *self)
{
  g_autoptr (GError) error
      = g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_CANCELLED, "the job was cancelled");

  finish_with (self, error, NULL, NULL, NULL);
}

/* What another engine may do better; a bad input stays bad. */
static gboolean
may_fall_back (const GError *error)
{
  switch (error->code) {
  case MEDLEY_ERROR_FAILED:
  case MEDLEY_ERROR_NOT_FOUND:
  case MEDLEY_ERROR_UNSUPPORTED_TYPE:
  case MEDLEY_ERROR_UNKNOWN_VOICE:
  case MEDLEY_ERROR_UNKNOWN_LANGUAGE:
  case MEDLEY_ERROR_INVALID_PROPERTY:
  case MEDLEY_ERROR_INVALID_PIPELINE:
  case MEDLEY_ERROR_UNKNOWN_ENGINE:
  case MEDLEY_ERROR_ENGINE_FAILED:
  case MEDLEY_ERROR_UNAUTHORIZED:
  case MEDLEY_ERROR_UNAVAILABLE:
  case MEDLEY_ERROR_IO:
    return TRUE;
  default:
    return FALSE;
  }
}

/* Takes the next engine of a stage's list, where there is one. */
static gboolean
fall_back (MedleyRun *self, const char *stage_name, const GError *error)
{
  for (guint i = 0; stage_name != NULL && i < self->plan->stages->len; i++) {
    const MedleyPlanStage *stage = g_ptr_array_index (self->plan->stages, i);

    if (!g_str_equal (stage->name, stage_name))
      continue;
    if (!may_fall_back (error) || self->choice[i] + 1 >= g_strv_length (stage->candidates))
      return FALSE;
    self->choice[i]++;
    medley_monitor_emit (self->monitor, "stage-fallback",
                         "{'stage': <%s>, 'engine': <%s>, 'message': <%s>, 'code': <%s>}",
                         stage->name, stage->candidates[self->choice[i]], error->message,
                         medley_error_info (error)->name);
    return TRUE;
  }
  return FALSE;
}

static void
fail_graph (MedleyRun *self, MedleyBusError *reason)
{
  gboolean is_stage
      = reason != NULL && reason->node != NULL && reason->node->kind == MEDLEY_NODE_STAGE;
  g_autoptr (GError) unknown = NULL;

  if (reason == NULL)
    unknown = g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_FAILED,
                           "the pipeline stopped and nothing said why");
  finish_with (self, reason != NULL ? reason->error : unknown, is_stage ? reason->node->name : NULL,
               is_stage ? reason->node->engine : NULL, NULL);
}

/* Returns whether to try again with other engines. */
static gboolean
attempt (MedleyRun *self)
{
  g_autoptr (GPtrArray) faults = medley_run_faults_new ();
  MedleyGraph *graph = medley_graph_new (self->plan, self->inputs, self->outputs, self->stages,
                                         self->choice, self->cache, self->monitor, faults);
  g_autoptr (MedleyBusError) reason = NULL;
  gboolean again = FALSE;

  medley_monitor_set_failed (self->monitor, FALSE);
  if (is_cancelled (self))
    medley_monitor_set_failed (self->monitor, TRUE);
  if (faults->len > 0) {
    g_autoptr (GError) error = medley_run_faults_to_error (faults);
    const char *stage = medley_run_faults_get_stage (faults);
    MedleyGraphPart *part = stage != NULL ? medley_graph_find_part (graph, stage) : NULL;

    finish_with (self, error, stage, part != NULL ? part->node->engine : NULL, faults);
    again = fall_back (self, stage, error);
    medley_graph_free (graph, TRUE);
    return again;
  }

  set_graph (self, graph);
  self->ok = play (self, graph, &reason);
  set_graph (self, NULL);
  /* Who cancels wants the worker back. */
  medley_graph_finish_recordings (graph, !is_cancelled (self));
  medley_monitor_stop (self->monitor);
  if (is_cancelled (self) && !self->ok) {
    finish_cancelled (self);
  } else if (!self->ok) {
    fail_graph (self, reason);
    again = reason != NULL && reason->node != NULL && reason->node->kind == MEDLEY_NODE_STAGE
            && medley_graph_get_written (graph) == 0
            && fall_back (self, reason->node->name, reason->error);
  }
  medley_graph_free (graph, self->ok || is_cancelled (self) || reason == NULL
                                || reason->error->code != MEDLEY_ERROR_ENGINE_FAILED);
  drain_messages (self, NULL);
  return again;
}

static gboolean
report (gpointer data)
{
  MedleyRun *self = data;

  g_clear_pointer (&self->thread, g_thread_join);
  self->finished (self->ok, self->error, self->data);
  return G_SOURCE_REMOVE;
}

static gpointer
run_thread (gpointer data)
{
  MedleyRun *self = data;
  gboolean again;

  g_mutex_lock (self->cache_lock);
  do
    again = attempt (self) && !is_cancelled (self);
  while (again);
  g_mutex_unlock (self->cache_lock);

  if (is_cancelled (self) && !self->ok)
    finish_cancelled (self);
  if (self->ok) {
    g_clear_pointer (&self->error, g_variant_unref);
    self->error = g_variant_ref_sink (g_variant_new_array (G_VARIANT_TYPE ("{sv}"), NULL, 0));
  }
  g_main_context_invoke (self->context, report, self);
  return NULL;
}

MedleyRun *
medley_run_start (MedleyRunPlan *plan, GHashTable *inputs, GHashTable *outputs, GHashTable *stages,
                  MedleyEngineCache *cache, GMutex *cache_lock, MedleyEventFunc event,
                  MedleyRunFinished finished, gpointer data)
{
  MedleyRun *self = g_new0 (MedleyRun, 1);

  self->plan = plan;
  self->inputs = inputs;
  self->outputs = outputs;
  self->stages = stages;
  self->cache = cache;
  self->cache_lock = cache_lock;
  self->finished = finished;
  self->data = data;
  self->context = g_main_context_ref_thread_default ();
  self->monitor = medley_monitor_new (event, data);
  self->messages = g_async_queue_new ();
  self->choice = g_new0 (guint, plan->stages->len + 1);
  g_mutex_init (&self->lock);
  self->thread = g_thread_new ("job", run_thread, self);
  return self;
}

void
medley_run_free (MedleyRun *self)
{
  g_clear_pointer (&self->thread, g_thread_join);
  drain_messages (self, NULL);
  g_async_queue_unref (self->messages);
  medley_run_plan_free (self->plan);
  g_hash_table_unref (self->inputs);
  g_hash_table_unref (self->outputs);
  g_hash_table_unref (self->stages);
  medley_monitor_unref (self->monitor);
  g_main_context_unref (self->context);
  g_clear_pointer (&self->error, g_variant_unref);
  g_mutex_clear (&self->lock);
  g_free (self->choice);
  g_free (self);
}

void
medley_run_cancel (MedleyRun *self)
{
  g_atomic_int_set (&self->cancelled, TRUE);
  medley_monitor_set_failed (self->monitor, TRUE);
  medley_monitor_stop (self->monitor);
  g_mutex_lock (&self->lock);
  for (guint i = 0; self->graph != NULL && i < self->graph->parts->len; i++) {
    MedleyGraphPart *part = g_ptr_array_index (self->graph->parts, i);

    /* One that is being opened would not hear of a change of state. */
    if (MEDLEY_IS_CONVERTER (part->element)) {
      g_autoptr (GCancellable) cancellable
          = g_object_ref (medley_converter_get_cancellable (MEDLEY_CONVERTER (part->element)));

      g_cancellable_cancel (cancellable);
    }
  }
  g_mutex_unlock (&self->lock);
  g_async_queue_push (self->messages, &wake);
}

void
medley_run_set_paused (MedleyRun *self, gboolean paused)
{
  if (!is_cancelled (self))
    medley_monitor_set_paused (self->monitor, paused);
}

guint64
medley_run_get_activity (MedleyRun *self)
{
  return medley_monitor_get_activity (self->monitor);
}
