/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "job/job-struct.h"

G_DEFINE_FINAL_TYPE (MedleyJob, medley_job, G_TYPE_OBJECT)

static guint signals[MEDLEY_JOB_N_SIGNALS];

MedleyJob *
medley_job_new (const char *id, const char *client, GVariant *plan, const char *plan_digest,
                GVariant *parameters, const MedleyJobOptions *options, MedleySpool *spool,
                MedleyJobStore *store, guint max_events)
{
  MedleyJob *self = g_object_new (MEDLEY_TYPE_JOB, NULL);
  const char *pipeline = "";

  self->id = g_strdup (id);
  self->client = g_strdup (client);
  self->plan = g_variant_ref_sink (plan);
  self->plan_digest = g_strdup (plan_digest);
  self->parameters = parameters != NULL ? g_variant_ref_sink (parameters) : NULL;
  self->options = *options;
  g_variant_lookup (self->plan, "pipeline", "&s", &pipeline);
  self->pipeline = g_strdup (pipeline);
  self->spool = g_object_ref (spool);
  self->store = store;
  self->max_events = max_events;
  self->created = g_get_real_time ();
  self->is_new = self->inputs_changed = self->outputs_changed = TRUE;
  self->has_events = TRUE;
  return self;
}

void
medley_job_forget_store (MedleyJob *self)
{
  self->store = NULL;
}

void
medley_job_set_removed (MedleyJob *self)
{
  self->is_removed = TRUE;
}

gboolean
medley_job_is_removed (MedleyJob *self)
{
  return self->is_removed;
}

void
medley_job_set_key (MedleyJob *self, const char *owner, const char *key, const char *digest)
{
  self->key_owner = g_strdup (owner);
  self->key = g_strdup (key);
  self->key_digest = g_strdup (digest);
}

const char *
medley_job_get_id (MedleyJob *self)
{
  return self->id;
}

const char *
medley_job_get_pipeline (MedleyJob *self)
{
  return self->pipeline;
}

const char *
medley_job_get_client (MedleyJob *self)
{
  return self->client;
}

const MedleyJobOptions *
medley_job_get_options (MedleyJob *self)
{
  return &self->options;
}

gint64
medley_job_get_created (MedleyJob *self)
{
  return self->created;
}

MedleyJobState
medley_job_get_state (MedleyJob *self)
{
  return self->state;
}

double
medley_job_get_progress (MedleyJob *self)
{
  return self->progress;
}

const GError *
medley_job_get_error (MedleyJob *self)
{
  return self->error;
}

GVariant *
medley_job_get_error_variant (MedleyJob *self)
{
  return self->error_variant;
}

GVariant *
medley_job_get_plan (MedleyJob *self)
{
  if (self->attempt_plan != NULL)
    return self->attempt_plan;
  if (self->plan == NULL && self->store != NULL)
    self->plan = medley_job_store_get_plan (self->store, self->plan_digest);
  if (self->plan == NULL)
    self->plan = g_variant_ref_sink (g_variant_new ("a{sv}", NULL));
  return self->plan;
}

void
medley_job_set_attempt_plan (MedleyJob *self, GVariant *plan)
{
  g_clear_pointer (&self->attempt_plan, g_variant_unref);
  self->attempt_plan = plan != NULL ? g_variant_ref_sink (plan) : NULL;
}

MedleySpool *
medley_job_get_spool (MedleyJob *self)
{
  return self->spool;
}

/* ---- states ---- */

static void
set_error (MedleyJob *self, GVariant *error)
{
  g_clear_pointer (&self->error_variant, g_variant_unref);
  g_clear_error (&self->error);
  if (error == NULL)
    return;
  self->error_variant = g_variant_ref (error);
  self->error = medley_error_from_variant (error);
}

gboolean
medley_job_set_state (MedleyJob *self, MedleyJobState state)
{
  if (!medley_job_state_can_change (self->state, state) || medley_job_state_is_final (state)
      || self->is_ending)
    return FALSE;
  self->state = state;
  if (state == MEDLEY_JOB_RUNNING && self->started == 0)
    self->started = g_get_real_time ();
  if (state == MEDLEY_JOB_QUEUED)
    self->progress = self->remaining = -1;
  medley_job_push_event (self, medley_job_make_state_event (self, state, NULL));
  medley_job_emit_changed (self);
  return TRUE;
}

void
medley_job_push_created (MedleyJob *self)
{
  medley_job_push_event (self, medley_job_make_state_event (self, self->state, NULL));
}

void
medley_job_prepare_end (MedleyJob *self, MedleyJobState state, GVariant *error)
{
  g_autoptr (GVariant) sunk = error != NULL ? g_variant_ref_sink (error) : NULL;

  g_clear_pointer (&self->end_error, g_variant_unref);
  /* The end that could not be written was seen by nobody. */
  if (self->end_event != NULL)
    self->last_event--;
  g_clear_pointer (&self->end_event, g_variant_unref);
  self->is_ending = TRUE;
  self->end_is_recorded = FALSE;
  self->end_state = state;
  self->end_error = g_steal_pointer (&sunk);
  self->end_time = g_get_real_time ();
  self->end_event = medley_job_make_state_event (self, state, self->end_error);
  medley_job_measure_outputs (self);
  self->outputs_changed = TRUE;
}

MedleyJobState
medley_job_get_end_state (MedleyJob *self)
{
  return self->is_ending ? self->end_state : self->state;
}

gboolean
medley_job_will_be_done (MedleyJob *self)
{
  return self->is_ending && self->end_state == MEDLEY_JOB_DONE;
}

gboolean
medley_job_is_ending (MedleyJob *self)
{
  return self->is_ending;
}

void
medley_job_end (MedleyJob *self)
{
  g_autoptr (GVariant) event = g_steal_pointer (&self->end_event);
  g_autoptr (GVariant) error = g_steal_pointer (&self->end_error);

  if (!self->is_ending)
    return;
  self->is_ending = FALSE;
  set_error (self, error);
  self->state = self->end_state;
  self->finished = self->end_time;
  self->remaining = -1;
  if (self->state == MEDLEY_JOB_DONE)
    self->progress = 1;
  g_clear_pointer (&self->stopping, g_variant_unref);
  for (guint i = 0; i < self->outputs->len; i++) {
    MedleyOutput *output = self->outputs->pdata[i];

    output->state = self->state == MEDLEY_JOB_DONE ? MEDLEY_OUTPUT_COMPLETE : MEDLEY_OUTPUT_FAILED;
    medley_job_output_grew (self, output);
  }
  medley_job_push_event (self, g_steal_pointer (&event));
  medley_job_emit_changed (self);
}

void
medley_job_reopen (MedleyJob *self)
{
  self->finished = 0;
  set_error (self, NULL);
  for (guint i = 0; i < self->outputs->len; i++)
    medley_job_restart_output (self, self->outputs->pdata[i]);
  medley_job_set_state (self, MEDLEY_JOB_QUEUED);
}

void
medley_job_set_progress (MedleyJob *self, double fraction, double remaining)
{
  self->progress = fraction;
  self->remaining = remaining;
  medley_job_emit_changed (self);
}

void
medley_job_set_place_func (MedleyJob *self, MedleyJobPlace place, gpointer data)
{
  self->place = place;
  self->place_data = data;
}

gboolean
medley_job_get_pause_at_start (MedleyJob *self)
{
  return self->pause_at_start;
}

void
medley_job_set_pause_at_start (MedleyJob *self, gboolean pause)
{
  self->pause_at_start = pause;
}

GVariant *
medley_job_get_stopping (MedleyJob *self)
{
  return self->stopping;
}

static gboolean
is_cancellation (GVariant *error)
{
  const char *code = "";

  g_variant_lookup (error, "code", "&s", &code);
  return g_str_equal (code, "cancelled");
}

void
medley_job_set_stopping (MedleyJob *self, GVariant *error)
{
  g_autoptr (GVariant) sunk = g_variant_ref_sink (error);

  if (self->stopping != NULL && !is_cancellation (sunk))
    return;
  g_clear_pointer (&self->stopping, g_variant_unref);
  self->stopping = g_steal_pointer (&sunk);
}

gboolean
medley_job_is_being_cancelled (MedleyJob *self)
{
  return self->stopping != NULL && is_cancellation (self->stopping);
}

/* ---- attempts ---- */

void
medley_job_begin_attempt (MedleyJob *self)
{
  self->n_attempts++;
  self->attempt_began = g_get_real_time ();
  self->ready_at = 0;
}

void
medley_job_finish_attempt (MedleyJob *self, GVariant *error, const char *const *log)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  if (self->attempt_began == 0)
    return;
  g_variant_builder_add (&builder, "{sv}", "number", g_variant_new_uint32 (self->n_attempts));
  g_variant_builder_add (&builder, "{sv}", "started", g_variant_new_int64 (self->attempt_began));
  g_variant_builder_add (&builder, "{sv}", "finished", g_variant_new_int64 (g_get_real_time ()));
  if (error != NULL)
    g_variant_builder_add (&builder, "{sv}", "error", error);
  if (log != NULL && log[0] != NULL)
    g_variant_builder_add (&builder, "{sv}", "log", g_variant_new_strv (log, -1));
  g_ptr_array_add (self->attempts, g_variant_ref_sink (g_variant_builder_end (&builder)));
  self->attempt_began = 0;
}

void
medley_job_interrupt (MedleyJob *self, const GError *error, const char *message)
{
  GVariantDict details;

  medley_job_finish_attempt (self, medley_error_to_variant (error, NULL, NULL), NULL);
  g_variant_dict_init (&details, NULL);
  g_variant_dict_insert (&details, "attempt", "u", medley_job_get_attempts (self, NULL));
  g_variant_dict_insert (&details, "message", "s", message);
  medley_job_add_event (self, "interrupted", &details);
}

guint
medley_job_get_attempts (MedleyJob *self, guint *allowed)
{
  if (allowed != NULL)
    *allowed = self->options.attempts;
  return self->n_attempts - self->attempts_base;
}

guint
medley_job_get_kills (MedleyJob *self)
{
  return self->kills;
}

void
medley_job_add_kill (MedleyJob *self)
{
  self->kills++;
}

void
medley_job_forgive_attempt (MedleyJob *self)
{
  self->attempts_base++;
}

gboolean
medley_job_is_adjourned (MedleyJob *self)
{
  return self->is_adjourned;
}

void
medley_job_adjourn (MedleyJob *self)
{
  self->is_adjourned = TRUE;
  for (guint i = 0; i < self->outputs->len; i++)
    medley_job_output_grew (self, self->outputs->pdata[i]);
  medley_job_emit_changed (self);
}

void
medley_job_reset_attempts (MedleyJob *self)
{
  self->attempts_base = self->n_attempts;
  self->kills = 0;
  self->ready_at = 0;
  self->pause_at_start = FALSE;
}

gint64
medley_job_get_ready_at (MedleyJob *self)
{
  return MAX (self->ready_at, self->options.start_at);
}

void
medley_job_set_ready_at (MedleyJob *self, gint64 time)
{
  self->ready_at = time;
}

/* ---- the object ---- */

void
medley_job_emit_changed (MedleyJob *self)
{
  g_signal_emit (self, signals[MEDLEY_JOB_SIGNAL_CHANGED], 0);
}

void
medley_job_emit_event (MedleyJob *self, GVariant *event)
{
  g_signal_emit (self, signals[MEDLEY_JOB_SIGNAL_EVENT], 0, event);
}

void
medley_job_emit_grew (MedleyJob *self, MedleyOutput *output)
{
  g_signal_emit (self, signals[MEDLEY_JOB_SIGNAL_GREW], 0, output);
}

static void
medley_job_finalize (GObject *object)
{
  MedleyJob *self = MEDLEY_JOB (object);

  g_queue_clear_full (&self->events, (GDestroyNotify) g_variant_unref);
  g_ptr_array_unref (self->attempts);
  g_ptr_array_unref (self->inputs);
  g_ptr_array_unref (self->outputs);
  g_free (self->output_names);
  g_clear_pointer (&self->stopping, g_variant_unref);
  g_clear_pointer (&self->end_error, g_variant_unref);
  g_clear_pointer (&self->end_event, g_variant_unref);
  g_clear_pointer (&self->error_variant, g_variant_unref);
  g_clear_error (&self->error);
  g_clear_pointer (&self->plan, g_variant_unref);
  g_clear_pointer (&self->attempt_plan, g_variant_unref);
  g_clear_pointer (&self->parameters, g_variant_unref);
  g_clear_object (&self->spool);
  g_free (self->request_id);
  g_free (self->tracestate);
  g_free (self->key_owner);
  g_free (self->key);
  g_free (self->key_digest);
  g_free (self->plan_digest);
  g_free (self->pipeline);
  g_free (self->client);
  g_free (self->id);
  G_OBJECT_CLASS (medley_job_parent_class)->finalize (object);
}

static void
medley_job_class_init (MedleyJobClass *klass)
{
  GType type = G_TYPE_FROM_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = medley_job_finalize;
  signals[MEDLEY_JOB_SIGNAL_EVENT] = g_signal_new ("event", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                                   NULL, G_TYPE_NONE, 1, G_TYPE_VARIANT);
  signals[MEDLEY_JOB_SIGNAL_CHANGED]
      = g_signal_new ("changed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  /* For readers of outputs only: MedleyOutput that has more bytes or another state. */
  signals[MEDLEY_JOB_SIGNAL_GREW] = g_signal_new ("grew", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                                  NULL, G_TYPE_NONE, 1, G_TYPE_POINTER);
}

static void
medley_job_init (MedleyJob *self)
{
  self->inputs = g_ptr_array_new_with_free_func ((GDestroyNotify) medley_input_free);
  self->outputs = g_ptr_array_new_with_free_func ((GDestroyNotify) medley_output_free);
  self->attempts = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  self->progress = self->remaining = -1;
  g_queue_init (&self->events);
}
