/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "base/config.h"
#include "base/metrics.h"
#include "base/trace.h"
#include "catalog/catalog.h"
#include "job/input-writer.h"
#include "job/job.h"
#include "job/record.h"
#include "pipeline/library.h"
#include "workers/pool.h"

G_BEGIN_DECLS

/**
 * MedleyJobRequest:
 *
 * What a client wants to run. Build it, then hand it to medley_job_manager_create_async().
 */
typedef struct _MedleyJobRequest MedleyJobRequest;

/**
 * medley_job_request_new:
 * @client: identifies the caller for fairness and limits ("uid:1000", ":1.42")
 *
 * Returns: (transfer full): an empty request
 */
MedleyJobRequest *
medley_job_request_new (const char *client);
void
medley_job_request_free (MedleyJobRequest *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyJobRequest, medley_job_request_free)

/**
 * medley_job_request_copy:
 * @self: a request whose inputs are bytes and descriptors of files, nothing that is still sent
 * @error: %MEDLEY_ERROR_INVALID_ARGUMENT for another input, %MEDLEY_ERROR_IO
 *
 * For one more job of the same. Has no idempotency key, which would make it the same job.
 *
 * Returns: (transfer full) (nullable): the copy
 */
MedleyJobRequest *
medley_job_request_copy (MedleyJobRequest *self, GError **error);

/* Exactly one of these two: the name of an installed pipeline, or a pipeline's text that the client
 * sent. */
void
medley_job_request_set_pipeline (MedleyJobRequest *self, const char *name);
void
medley_job_request_set_pipeline_text (MedleyJobRequest *self, const char *json, gsize length);

/* An input whose content is here. */
void
medley_job_request_add_input_bytes (MedleyJobRequest *self, const char *name, GBytes *bytes);
/* An input to be read from a descriptor until its end, while the job runs: file, pipe or socket.
 * Takes @fd over. */
void
medley_job_request_add_input_fd (MedleyJobRequest *self, const char *name, int fd);
/* An input that medley_job_manager_open_input() will fill. */
void
medley_job_request_add_input_upload (MedleyJobRequest *self, const char *name);
/* The same for one that cannot be sent again: after the daemon's death the job does not wait for
 * it. */
void
medley_job_request_add_input_stream (MedleyJobRequest *self, const char *name);
/* (nullable) @name in the four above: NULL is the pipeline's only input */

/* @value: s, b, x or d; strings are converted to the parameter's type where they parse exactly */
void
medley_job_request_set_parameter (MedleyJobRequest *self, const char *name, GVariant *value);
/* Only the outputs named are made; none named means all. @media_type: NULL or "" for the pipeline's
 * own.
 * @name: NULL for the default output */
void
medley_job_request_add_output (MedleyJobRequest *self, const char *name, const char *media_type);

/**
 * medley_job_request_set_client_name:
 * @self: a request whose client is a user or the like
 * @name: 1 to 64 letters, digits, ".", "_" and "-": what that user calls the program that asks
 * @error: %MEDLEY_ERROR_INVALID_ARGUMENT
 *
 * Tells the programs of one user apart, so that they take turns. Idempotency keys stay the user's.
 */
gboolean
medley_job_request_set_client_name (MedleyJobRequest *self, const char *name, GError **error);

/* All of these have defaults, which are named. */
/* -100 to 100, higher ones start first; 0 */
void
medley_job_request_set_priority (MedleyJobRequest *self, gint32 priority);
/* µs since 1970 before which the job does not start; 0 for at once */
void
medley_job_request_set_start_at (MedleyJobRequest *self, gint64 time);
/* µs since 1970 by which the job has to be done, or it fails with MEDLEY_ERROR_DEADLINE; 0 for none
 */
void
medley_job_request_set_deadline (MedleyJobRequest *self, gint64 time);
/* longest run in seconds; 0, and whatever is longer, stands for limits.run-time */
void
medley_job_request_set_run_time (MedleyJobRequest *self, guint64 seconds);
/* most starts; 0 for jobs.attempts */
void
medley_job_request_set_attempts (MedleyJobRequest *self, guint attempts);
/* whether results of stages may be taken from, and kept in, the stage cache; TRUE */
void
medley_job_request_set_use_cache (MedleyJobRequest *self, gboolean use);
/* The client waits for the output and takes the job back by leaving, so that there is no job
 * without it: the job starts without waiting for the disk. It outlives the daemon all the same; a
 * loss of power, which the client sees as well, may take it. */
void
medley_job_request_set_attached (MedleyJobRequest *self);
/* A client's name for this request: a second one with the same key gets the job of the first.
 * (nullable) */
void
medley_job_request_set_idempotency_key (MedleyJobRequest *self, const char *key);

/* Names the request in logs and in the job's description: what a face calls it. (nullable) */
void
medley_job_request_set_request_id (MedleyJobRequest *self, const char *id);
/**
 * medley_job_request_set_trace:
 * @self: a request
 * @trace: where the request stands in a trace
 * @state: (nullable): its tracestate, well-formed
 *
 * Makes the job part of a trace. A request without one begins one of its own where traces are
 * exported (`telemetry.otlp-endpoint`).
 */
void
medley_job_request_set_trace (MedleyJobRequest *self, const MedleyTrace *trace, const char *state);
/* The same from text, for clients that say it as an option: MEDLEY_ERROR_INVALID_ARGUMENT where it
 * is malformed. */
gboolean
medley_job_request_set_traceparent (MedleyJobRequest *self, const char *text, GError **error);
gboolean
medley_job_request_set_tracestate (MedleyJobRequest *self, const char *text, GError **error);

/**
 * MedleyJobManager:
 *
 * Creates jobs, queues them, gives them to workers and keeps what became of them. The one API that
 * all faces call. Main thread only.
 *
 * Signals:
 * - `job-added (MedleyJob *job)`: it is new, or one that had ended is queued again
 * - `job-removed (MedleyJob *job)`: it is forgotten; its files go when the store has done so, too
 */
#define MEDLEY_TYPE_JOB_MANAGER (medley_job_manager_get_type ())
G_DECLARE_FINAL_TYPE (MedleyJobManager, medley_job_manager, MEDLEY, JOB_MANAGER, GObject)

MedleyJobManager *
medley_job_manager_new (MedleyConfig *config, MedleyLibrary *library, MedleyCatalog *catalog,
                        MedleyPool *pool, GError **error);

/**
 * medley_job_manager_start:
 * @self: a manager
 *
 * Says that the engines are known, as far as they will be: jobs of an earlier daemon go on from
 * here, since how they may run depends on their engines.
 */
void
medley_job_manager_start (MedleyJobManager *self);

/**
 * medley_job_manager_create_async:
 * @self: a manager
 * @request: (transfer full): what to run
 * @callback: called from the main context
 * @data: for @callback
 *
 * Checks the request wholly (pipeline, parameters, inputs, outputs) and queues the job. Nothing is
 * left behind by a request that is refused.
 */
void
medley_job_manager_create_async (MedleyJobManager *self, MedleyJobRequest *request,
                                 GAsyncReadyCallback callback, gpointer data);

/**
 * medley_job_manager_create_finish:
 * @self: a manager
 * @result: what the callback got
 * @faults: (out) (optional) (transfer full) (nullable): with %MEDLEY_ERROR_INVALID_PIPELINE
 * `aa{sv}` as medley_faults_to_variant() makes it
 * @error: %MEDLEY_ERROR_NOT_FOUND (pipeline), %MEDLEY_ERROR_UNKNOWN_INPUT,
 * %MEDLEY_ERROR_UNKNOWN_OUTPUT, %MEDLEY_ERROR_MISSING_INPUT, %MEDLEY_ERROR_INVALID_PIPELINE,
 *   %MEDLEY_ERROR_INVALID_PARAMETER, %MEDLEY_ERROR_UNKNOWN_ENGINE, %MEDLEY_ERROR_UNSUPPORTED_TYPE,
 *   %MEDLEY_ERROR_QUEUE_FULL, %MEDLEY_ERROR_TOO_LARGE, %MEDLEY_ERROR_NO_SPACE ...
 *
 * Returns: (transfer full) (nullable): the job, queued or already further
 */
MedleyJob *
medley_job_manager_create_finish (MedleyJobManager *self, GAsyncResult *result, GVariant **faults,
                                  GError **error);

/* whether the job is that of an earlier request with the same idempotency key; once the callback
 * was called */
gboolean
medley_job_manager_create_was_replayed (GAsyncResult *result);

/* (transfer full) (nullable); @error: MEDLEY_ERROR_NOT_FOUND */
MedleyJob *
medley_job_manager_get (MedleyJobManager *self, const char *id, GError **error);

/**
 * medley_job_manager_list:
 * @self: a manager
 * @filter: which jobs
 * @cursor: (nullable): id of the last job of the page before
 * @limit: most jobs to return, 0 for all
 *
 * Returns: (transfer full) (element-type MedleyJob): jobs, the newest first
 */
GPtrArray *
medley_job_manager_list (MedleyJobManager *self, const MedleyJobFilter *filter, const char *cursor,
                         guint limit);

/* (transfer full) (element-type MedleyJob): jobs that have not ended, the newest first */
GPtrArray *
medley_job_manager_list_unfinished (MedleyJobManager *self);

/**
 * medley_job_manager_flush_async:
 * @self: a manager
 * @job: (nullable): the job that the caller has changed; only its writes make this fail. %NULL for
 * all jobs
 * @callback: called from the main context
 * @data: for @callback
 *
 * Waits until all that was done so far is on the disk. What a client was told before that, such as
 * that its job is cancelled, a loss of power may take back.
 */
void
medley_job_manager_flush_async (MedleyJobManager *self, MedleyJob *job,
                                GAsyncReadyCallback callback, gpointer data);
/* @error: MEDLEY_ERROR_NO_SPACE, MEDLEY_ERROR_IO: something is not; it is tried again */
gboolean
medley_job_manager_flush_finish (MedleyJobManager *self, GAsyncResult *result, GError **error);

/* Idempotent: also TRUE for a job that is cancelled already; MEDLEY_ERROR_WRONG_STATE for done and
 * failed ones. */
gboolean
medley_job_manager_cancel (MedleyJobManager *self, MedleyJob *job, GError **error);
gboolean
medley_job_manager_pause (MedleyJobManager *self, MedleyJob *job, GError **error);
gboolean
medley_job_manager_resume (MedleyJobManager *self, MedleyJob *job, GError **error);
/* Queues a failed job again, with all its attempts before it; MEDLEY_ERROR_WRONG_STATE for others.
 */
gboolean
medley_job_manager_retry (MedleyJobManager *self, MedleyJob *job, GError **error);
/* Forgets an ended job and deletes its files; MEDLEY_ERROR_WRONG_STATE for others. */
gboolean
medley_job_manager_remove (MedleyJobManager *self, MedleyJob *job, GError **error);

/**
 * medley_job_manager_open_input:
 * @self: a manager
 * @job: a job
 * @input: (nullable): an input that was announced as an upload; %NULL for the only one
 * @error: %MEDLEY_ERROR_NOT_FOUND, %MEDLEY_ERROR_WRONG_STATE when it is filled already
 *
 * Returns: (transfer full) (nullable): where to write it
 */
MedleyInputWriter *
medley_job_manager_open_input (MedleyJobManager *self, MedleyJob *job, const char *input,
                               GError **error);

/**
 * medley_job_manager_check_async:
 * @self: a manager
 * @json: a pipeline's text
 * @length: its length
 * @file: (nullable): a name for messages
 * @trusted: whether any element may be used, as in installed pipelines
 * @callback: called from the main context
 * @data: for @callback
 *
 * Checks a pipeline as for a job, with a worker's help, without running it.
 */
void
medley_job_manager_check_async (MedleyJobManager *self, const char *json, gsize length,
                                const char *file, gboolean trusted, GAsyncReadyCallback callback,
                                gpointer data);

/* (transfer full) (element-type MedleyFault) (nullable): empty when it is fine; NULL when no worker
 * could check it */
GPtrArray *
medley_job_manager_check_finish (MedleyJobManager *self, GAsyncResult *result, GError **error);

/**
 * MedleyPipelineCondition:
 * @current: (nullable): the pipeline of that name as it is now
 * @text: (nullable): its file
 * @data: as given
 * @error: why the change is not to be made
 *
 * Returns: whether a change may be made
 */
typedef gboolean (*MedleyPipelineCondition) (MedleyPipeline *current, GBytes *text, gpointer data,
                                             GError **error);

/**
 * medley_job_manager_save_pipeline_async:
 * @self: a manager
 * @name: 1 to 128 letters, digits, "_" and "-"
 * @text: its file; the caller has held it against limits.pipeline-bytes
 * @condition: (nullable): looked at right before the file is written
 * @condition_data: for @condition, alive until @callback is called
 * @callback: called from the main context
 * @data: for @callback
 *
 * Checks a pipeline as wholly as an installed one, any element being allowed, and saves it in the
 * last folder of paths.pipelines, where it wins over one of the same name in the others. Whoever
 * may call this may do what the administrator may.
 */
void
medley_job_manager_save_pipeline_async (MedleyJobManager *self, const char *name, GBytes *text,
                                        MedleyPipelineCondition condition, gpointer condition_data,
                                        GAsyncReadyCallback callback, gpointer data);

/**
 * medley_job_manager_save_pipeline_finish:
 * @self: a manager
 * @result: what the callback got
 * @is_new: (out): whether there was none of that name
 * @faults: (out) (optional) (transfer full) (nullable): with %MEDLEY_ERROR_INVALID_PIPELINE
 * `aa{sv}` as medley_faults_to_variant() makes it
 * @error: %MEDLEY_ERROR_INVALID_ARGUMENT for the name, %MEDLEY_ERROR_INVALID_PIPELINE,
 * %MEDLEY_ERROR_UNAVAILABLE or %MEDLEY_ERROR_SANDBOX_MISSING when no worker could check it,
 * %MEDLEY_ERROR_NO_SPACE, %MEDLEY_ERROR_IO, %MEDLEY_ERROR_NOT_ALLOWED without a folder, or the
 * condition's
 *
 * Returns: whether it is on the disk, and in the library
 */
gboolean
medley_job_manager_save_pipeline_finish (MedleyJobManager *self, GAsyncResult *result,
                                         gboolean *is_new, GVariant **faults, GError **error);

/**
 * medley_job_manager_remove_pipeline_async:
 * @self: a manager
 * @name: name of a pipeline
 * @condition: (nullable): as for medley_job_manager_save_pipeline_async()
 * @condition_data: likewise
 * @callback: called from the main context
 * @data: for @callback
 *
 * Removes a pipeline from the last folder of paths.pipelines; one of the same name in another
 * folder is there again. Jobs keep the pipeline they were made with.
 */
void
medley_job_manager_remove_pipeline_async (MedleyJobManager *self, const char *name,
                                          MedleyPipelineCondition condition,
                                          gpointer condition_data, GAsyncReadyCallback callback,
                                          gpointer data);
/* @error: MEDLEY_ERROR_NOT_FOUND, MEDLEY_ERROR_NOT_ALLOWED for one in another folder,
 * MEDLEY_ERROR_IO, or the condition's */
gboolean
medley_job_manager_remove_pipeline_finish (MedleyJobManager *self, GAsyncResult *result,
                                           GError **error);

/**
 * medley_job_manager_inspect_async:
 * @self: a manager
 * @engine: name of an engine
 * @callback: called from the main context
 * @data: for @callback
 *
 * Asks a worker for an engine's properties and voices.
 */
void
medley_job_manager_inspect_async (MedleyJobManager *self, const char *engine,
                                  GAsyncReadyCallback callback, gpointer data);

/* (transfer full) (nullable): `a{sv}` with "properties" and "voices" as in the worker's Inspect */
GVariant *
medley_job_manager_inspect_finish (MedleyJobManager *self, GAsyncResult *result, GError **error);

/**
 * medley_job_manager_drain:
 * @self: a manager
 * @seconds: how long running jobs may take to finish; 0 for not at all
 * @drained: called from the main context, once, when nothing runs and all is in the store
 * @data: for @drained
 *
 * Brings the manager to rest, for good. From now on no job is taken or started; those that run get
 * their time, paused ones are not waited for. What has not ended then is left to the next daemon,
 * and costs it no attempt; its readers see their streams end.
 */
void
medley_job_manager_drain (MedleyJobManager *self, guint64 seconds, GSourceOnceFunc drained,
                          gpointer data);
/* The same with no time at all, or the end of the time that was given: it is done when this
 * returns, but for what the store writes when the manager is dropped. @drained of the above is not
 * called any more. */
void
medley_job_manager_drop_jobs (MedleyJobManager *self);
/* whether it comes, or has come, to rest */
gboolean
medley_job_manager_is_draining (MedleyJobManager *self);
/* whether jobs are taken; MEDLEY_ERROR_UNAVAILABLE */
gboolean
medley_job_manager_may_take_jobs (MedleyJobManager *self, GError **error);

/**
 * medley_job_manager_is_ready:
 * @self: a manager
 * @check: (out): what is amiss: "drain", "sandbox", "engines", "store" or "disk"
 * @error: %MEDLEY_ERROR_UNAVAILABLE, %MEDLEY_ERROR_SANDBOX_MISSING, %MEDLEY_ERROR_NO_SPACE,
 * %MEDLEY_ERROR_IO
 *
 * Returns: whether jobs are taken, can be kept and run, as far as can be told
 */
gboolean
medley_job_manager_is_ready (MedleyJobManager *self, const char **check, GError **error);

/**
 * medley_job_manager_status:
 * @self: a manager
 *
 * Returns: (transfer floating): `a{sv}`: "version" s, "jobs" a{sv} (state → u), "store" a{sv} (see
 * medley_job_store_describe()), "classes" aa{sv}, "workers" a{sv}
 * (see medley_pool_describe()), "configuration" aa{sv}, "engines" u, "brokenPlugins" a{ss} (file →
 * reason), "cache" a{sv} (see medley_stage_cache_describe(); "off" s when there is none: why),
 * "pipelines" u, "uptime" d, "faces" a{sv} (face → s, where it listens or why it is off)
 */
GVariant *
medley_job_manager_status (MedleyJobManager *self);

/**
 * medley_job_manager_clear_cache_async:
 * @self: a manager
 * @callback: called from the main context
 * @data: for @callback
 *
 * Removes all kept results of stages. Jobs that run go on with those that they have.
 */
void
medley_job_manager_clear_cache_async (MedleyJobManager *self, GAsyncReadyCallback callback,
                                      gpointer data);
/* @removed: how many there were; MEDLEY_ERROR_UNAVAILABLE when there is no cache */
gboolean
medley_job_manager_clear_cache_finish (MedleyJobManager *self, GAsyncResult *result,
                                       guint64 *removed, GError **error);

/* Records where a face listens, or why it is off, for the status. */
void
medley_job_manager_set_face (MedleyJobManager *self, const char *face, const char *where);

MedleyLibrary *
medley_job_manager_get_library (MedleyJobManager *self);
MedleyCatalog *
medley_job_manager_get_catalog (MedleyJobManager *self);
MedleyConfig *
medley_job_manager_get_config (MedleyJobManager *self);
/* Begins a trace where traces are exported, sampled as configured; else empties @trace. Returns:
 * whether they are exported */
gboolean
medley_job_manager_begin_trace (MedleyJobManager *self, MedleyTrace *trace);
/* (transfer none): what is counted, to which the faces add theirs */
MedleyMetrics *
medley_job_manager_get_metrics (MedleyJobManager *self);

/**
 * medley_job_manager_describe_engine:
 * @self: a manager
 * @engine: an engine of its catalogue
 *
 * Returns: (transfer floating): `a{sv}`: what the catalogue knows of it, "suspended" b (it crashed
 * too often lately and is not started for now) and, when it is, "suspension" s (why and until when)
 */
GVariant *
medley_job_manager_describe_engine (MedleyJobManager *self, const MedleyEngine *engine);

G_END_DECLS
