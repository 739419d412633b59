/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "telemetry/job-spans.h"

struct _MedleyJobSpans {
  MedleyJobManager *manager;
  MedleyTelemetry *telemetry;
  GHashTable *watched; /* MedleyJob → Watched */
};

typedef struct {
  char *engine;
  gint64 started, first_output; /* µs since 1970, 0 for not yet */
} Stage;

typedef struct {
  MedleyJobSpans *owner;
  MedleyTrace trace; /* of the job's own span */
  gint64 created, queued;
  gint64 first_output;
  gint64 began; /* of the attempt, 0 while there is none */
  guint attempt;
  char attempt_id[MEDLEY_SPAN_ID_LENGTH + 1];
  GHashTable *stages; /* name → Stage, of those that have not ended */
} Watched;

static void
stage_free (gpointer data)
{
  Stage *stage = data;

  g_free (stage->engine);
  g_free (stage);
}

static void
watched_free (gpointer data)
{
  Watched *watched = data;

  g_hash_table_unref (watched->stages);
  g_free (watched);
}

/* A span below @parent with an id of its own, or with @id where that is given. */
static MedleySpan *
begin_span (Watched *watched, const char *name, const char *id, const char *parent, gint64 start,
            gint64 end)
{
  MedleyTrace trace = watched->trace;

  if (id != NULL)
    g_strlcpy (trace.span_id, id, sizeof trace.span_id);
  else
    medley_span_id_make (trace.span_id);
  return medley_span_new (name, MEDLEY_SPAN_INTERNAL, &trace, parent, start, end);
}

/* @error: (nullable): `a{sv}` */
static void
set_error (MedleySpan *span, GVariant *error)
{
  const char *code = "failed", *message = NULL;

  if (error == NULL)
    return;
  g_variant_lookup (error, "code", "&s", &code);
  g_variant_lookup (error, "message", "&s", &message);
  medley_span_set_error (span, code, message);
}

static void
end_stage (Watched *watched, const char *name, gint64 time, GVariant *event, GVariant *error)
{
  Stage *stage = g_hash_table_lookup (watched->stages, name);
  g_autofree char *title = NULL;
  MedleySpan *span;
  guint64 bytes;

  if (stage == NULL)
    return;
  title = g_strdup_printf ("stage %s", stage->engine);
  span = begin_span (watched, title, NULL, watched->attempt_id, stage->started, time);
  medley_span_set_string (span, "medley.stage", name);
  medley_span_set_string (span, "medley.engine", stage->engine);
  if (event != NULL && g_variant_lookup (event, "bytes", "t", &bytes))
    medley_span_set_integer (span, "medley.stage.output_bytes", (gint64) bytes);
  if (stage->first_output != 0)
    medley_span_add_event (span, "first-output", stage->first_output);
  set_error (span, error);
  medley_telemetry_add (watched->owner->telemetry, span);
  g_hash_table_remove (watched->stages, name);
}

static void
end_attempt (Watched *watched, gint64 time, GVariant *error)
{
  g_autoptr (GList) left = NULL;
  const char *failed = NULL;
  MedleySpan *span;

  if (watched->began == 0)
    return;
  if (error != NULL)
    g_variant_lookup (error, "stage", "&s", &failed);
  left = g_hash_table_get_keys (watched->stages);
  for (GList *l = left; l != NULL; l = l->next) {
    g_autofree char *name = g_strdup (l->data);

    end_stage (watched, name, time, NULL, g_strcmp0 (name, failed) == 0 ? error : NULL);
  }
  span = begin_span (watched, "attempt", watched->attempt_id, watched->trace.span_id,
                     watched->began, time);
  medley_span_set_integer (span, "medley.attempt", watched->attempt);
  set_error (span, error);
  medley_telemetry_add (watched->owner->telemetry, span);
  watched->began = 0;
}

static void
begin_attempt (Watched *watched, gint64 time, GVariant *event)
{
  end_attempt (watched, time, NULL);
  medley_telemetry_add (watched->owner->telemetry,
                        begin_span (watched, "queue", NULL, watched->trace.span_id, watched->queued,
                                    time));
  watched->began = time;
  medley_span_id_make (watched->attempt_id);
  g_variant_lookup (event, "attempt", "u", &watched->attempt);
}

static void
end_job (Watched *watched, MedleyJob *job, gint64 time, GVariant *error)
{
  MedleyJobState state = medley_job_get_state (job);
  g_autofree char *title = g_strdup_printf ("job %s", medley_job_get_pipeline (job));
  MedleySpan *span;

  end_attempt (watched, time, error);
  span = begin_span (watched, title, watched->trace.span_id, medley_job_get_parent_span (job),
                     watched->created, time);
  medley_span_set_tracestate (span, medley_job_get_tracestate (job));
  medley_span_set_string (span, "medley.job.id", medley_job_get_id (job));
  medley_span_set_string (span, "medley.pipeline", medley_job_get_pipeline (job));
  medley_span_set_string (span, "medley.job.state", medley_job_state_to_string (state));
  medley_span_set_string (span, "medley.request.id", medley_job_get_request_id (job));
  medley_span_set_integer (span, "medley.job.attempts", watched->attempt);
  if (watched->first_output != 0)
    medley_span_add_event (span, "first-output", watched->first_output);
  /* That somebody cancelled it is no failure. */
  if (state == MEDLEY_JOB_FAILED)
    set_error (span, error);
  medley_telemetry_add (watched->owner->telemetry, span);
}

static void
state_changed (Watched *watched, MedleyJob *job, gint64 time, GVariant *event, GVariant *error)
{
  MedleyJobState state = medley_job_get_state (job);

  if (state == MEDLEY_JOB_QUEUED) {
    watched->queued = time;
  } else if (state == MEDLEY_JOB_STARTING) {
    begin_attempt (watched, time, event);
  } else if (medley_job_state_is_final (state)) {
    end_job (watched, job, time, error);
    g_signal_handlers_disconnect_by_data (job, watched->owner);
    g_hash_table_remove (watched->owner->watched, job);
  }
}

static void
stage_event (Watched *watched, const char *kind, gint64 time, GVariant *event)
{
  const char *name = "", *engine = "";
  Stage *stage;

  g_variant_lookup (event, "stage", "&s", &name);
  g_variant_lookup (event, "engine", "&s", &engine);
  if (g_str_equal (kind, "stage-started")) {
    stage = g_new0 (Stage, 1);
    stage->engine = g_strdup (engine);
    stage->started = time;
    g_hash_table_insert (watched->stages, g_strdup (name), stage);
  } else if (g_str_equal (kind, "stage-finished")) {
    end_stage (watched, name, time, event, NULL);
  } else if (g_str_equal (kind, "stage-first-output")) {
    stage = g_hash_table_lookup (watched->stages, name);
    if (stage != NULL)
      stage->first_output = time;
  }
}

static void
job_event (MedleyJob *job, GVariant *event, MedleyJobSpans *self)
{
  Watched *watched = g_hash_table_lookup (self->watched, job);
  g_autoptr (GVariant) error = g_variant_lookup_value (event, "error", G_VARIANT_TYPE_VARDICT);
  const char *kind = "";
  gint64 time = 0;

  if (watched == NULL)
    return;
  g_variant_lookup (event, "kind", "&s", &kind);
  g_variant_lookup (event, "time", "x", &time);
  if (g_str_equal (kind, "state"))
    state_changed (watched, job, time, event, error);
  else if (g_str_equal (kind, "retry") || g_str_equal (kind, "interrupted"))
    end_attempt (watched, time, error);
  else if (g_str_equal (kind, "output-started") && watched->first_output == 0)
    watched->first_output = time;
  else if (g_str_has_prefix (kind, "stage-"))
    stage_event (watched, kind, time, event);
}

/* When it was created, and what may have come of it since; the newest is what counts. */
static void
take_times (Watched *watched, MedleyJob *job)
{
  g_autoptr (GVariant) description = g_variant_ref_sink (medley_job_describe (job));

  g_variant_lookup (description, "created", "x", &watched->created);
  watched->queued = MAX (watched->created, g_get_real_time ());
}

static void
watch (MedleyJobSpans *self, MedleyJob *job)
{
  Watched *watched;

  if (medley_job_get_parent_span (job) == NULL
      || !medley_trace_is_sampled (medley_job_get_trace (job))
      || g_hash_table_contains (self->watched, job))
    return;
  watched = g_new0 (Watched, 1);
  watched->owner = self;
  watched->trace = *medley_job_get_trace (job);
  watched->stages = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, stage_free);
  take_times (watched, job);
  g_hash_table_insert (self->watched, g_object_ref (job), watched);
  g_signal_connect (job, "event", G_CALLBACK (job_event), self);
}

static void
job_added (MedleyJobManager *manager, MedleyJob *job, MedleyJobSpans *self)
{
  watch (self, job);
}

MedleyJobSpans *
medley_job_spans_new (MedleyJobManager *manager, MedleyTelemetry *telemetry)
{
  g_autoptr (GPtrArray) jobs = medley_job_manager_list_unfinished (manager);
  MedleyJobSpans *self = g_new0 (MedleyJobSpans, 1);

  self->manager = g_object_ref (manager);
  self->telemetry = g_object_ref (telemetry);
  self->watched = g_hash_table_new_full (NULL, NULL, g_object_unref, watched_free);
  for (guint i = 0; i < jobs->len; i++)
    watch (self, jobs->pdata[i]);
  g_signal_connect (manager, "job-added", G_CALLBACK (job_added), self);
  return self;
}

void
medley_job_spans_free (MedleyJobSpans *self)
{
  GHashTableIter iter;
  gpointer job;

  g_signal_handlers_disconnect_by_data (self->manager, self);
  g_hash_table_iter_init (&iter, self->watched);
  while (g_hash_table_iter_next (&iter, &job, NULL))
    g_signal_handlers_disconnect_by_data (job, self);
  g_hash_table_unref (self->watched);
  g_object_unref (self->telemetry);
  g_object_unref (self->manager);
  g_free (self);
}
