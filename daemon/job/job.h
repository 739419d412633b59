/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "base/trace.h"
#include "job/state.h"

G_BEGIN_DECLS

/**
 * MedleyJob:
 *
 * One run of a pipeline. Main thread only. Faces read it and watch its signals; only the manager
 * changes it.
 *
 * Signals:
 * - `event (GVariant *event)`: an entry was added to the event log
 * - `changed ()`: state, progress, error or outputs have changed: medley_job_describe() says
 * otherwise than before
 */
#define MEDLEY_TYPE_JOB (medley_job_get_type ())
G_DECLARE_FINAL_TYPE (MedleyJob, medley_job, MEDLEY, JOB, GObject)

const char *
medley_job_get_id (MedleyJob *self);
const char *
medley_job_get_pipeline (MedleyJob *self);
/* who created it, as its face knows the caller; for fairness and limits, never shown to others */
const char *
medley_job_get_client (MedleyJob *self);
MedleyJobState
medley_job_get_state (MedleyJob *self);
/* 0..1, or -1 when it cannot be known */
double
medley_job_get_progress (MedleyJob *self);
/* (transfer none) (nullable): why it failed or was cancelled */
const GError *
medley_job_get_error (MedleyJob *self);

/* (nullable): the id of the request that created it, as its face calls it */
const char *
medley_job_get_request_id (MedleyJob *self);
/* (transfer none): where what is done for it stands in a trace; empty for none */
const MedleyTrace *
medley_job_get_trace (MedleyJob *self);
/* (nullable): what other tracers wish to be passed on with it */
const char *
medley_job_get_tracestate (MedleyJob *self);
/* (nullable): the span that its own is below, "" for none; NULL when the trace's span is not its
 * own */
const char *
medley_job_get_parent_span (MedleyJob *self);

/* whether the job goes on with the next daemon only: nothing more comes of it in this one, which
 * ends */
gboolean
medley_job_is_adjourned (MedleyJob *self);

/**
 * medley_job_describe:
 * @self: a job
 *
 * Returns: (transfer floating): `a{sv}`: "id" s, "pipeline" s, "state" s, "created" x, "started" x,
 * "finished" x (microseconds since 1970; absent before), "progress" d (absent when unknown),
 * "remaining" d (seconds; absent when unknown), "attempt" u, "attempts" aa{sv} (those that ended:
 * "number" u, "started" x, "finished" x, "error" a{sv}, "log" as: the last lines of a worker that
 * was lost), "priority" i, "startAt" x, "deadline" x (µs since 1970), "runTime" t (seconds),
 * "cache" b (these four only where the request says so), "parameters" a{sv}, "inputs" a{sv} (name →
 * a{sv}: "type" s, "size" t, "complete" b), "outputs" a{sv} (name → a{sv}: "type" s, "size" t,
 * "state" s: "pending", "growing", "complete", "failed"), "outputNames" as (in the pipeline's
 * order), "request" s (the id of the request that created it), "traceparent" and "tracestate" s
 * (these three only where there is one), "error" a{sv} (see medley_error_to_variant(); with
 * "faults" aa{sv} when a pipeline was refused), "reason" s (why a queued job waits), "position" u
 * (its place in the queue, 0 while it is not ready for one), "lastEvent"
 * t
 */
GVariant *
medley_job_describe (MedleyJob *self);

/**
 * medley_job_get_error_variant:
 * @self: a job
 *
 * Returns: (transfer none) (nullable): the "error" of medley_job_describe()
 */
GVariant *
medley_job_get_error_variant (MedleyJob *self);

/**
 * medley_job_get_events:
 * @self: a job
 * @after: sequence number after which to begin; 0 for all that are kept
 *
 * Returns: (transfer full) (element-type GVariant): events `a{sv}`: "seq" t (from 1), "time" x
 * (microseconds since 1970), "kind" s ("state", "stage-started", "stage-first-output",
 * "stage-finished", "stage-fallback", "output-started", "output-finished", "progress", "warning",
 * "log", "interrupted": the daemon ended while the job ran, "retry": another attempt follows), and
 * what the kind tells ("state", "stage", "engine", "output", "fraction", "remaining",
 * "message", "code", "buffers", "bytes", "duration", "time-used")
 */
GPtrArray *
medley_job_get_events (MedleyJob *self, guint64 after);

/* sequence number of the newest event, 0 when there is none */
guint64
medley_job_get_last_event (MedleyJob *self);

/* (transfer none) (array zero-terminated=1): names of the outputs that are made, the default first
 */
const char *const *
medley_job_get_outputs (MedleyJob *self);
/* (transfer none) (nullable): the media type of an output */
const char *
medley_job_get_output_type (MedleyJob *self, const char *output);

G_END_DECLS
