/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/routes.h"

#define JOBS "/api/v1/jobs"
#define JSON "application/json"
#define READ MEDLEY_HTTP_SCOPE_READ
#define RUN MEDLEY_HTTP_SCOPE_RUN

#define SHOWS_JOB MEDLEY_HTTP_ANSWERS ({ 200, "The job", JSON, "Job" })

/* clang-format off */
static const MedleyHttpRoute table[] = {
  { "POST", JOBS, RUN, medley_http_create_job, "createJob", "Creates a job",
    .details = "It is on the disk before it is answered. Without a query the body is JSON that says all; with `pipeline` "
               "in the query it is a form with the inputs, or one input as it is, which the job reads as it arrives.",
    MEDLEY_HTTP_QUERY ({ "pipeline", "string", "name of the pipeline that the body is for" },
                       { "input", "string", "which input the body is, where the pipeline has several" },
                       { "output", "string[]", "only those named are made" },
                       { "type", "string", "media type of the first output that is named, or of the default one" },
                       { "*", "string", "a parameter of the pipeline" }),
    MEDLEY_HTTP_JOB_OPTION_HEADERS,
    MEDLEY_HTTP_BODY ({ JSON, "JobRequest" }, { "multipart/form-data", "RunForm" }, { "*/*", NULL }),
    MEDLEY_HTTP_ANSWERS ({ 201, "The job; `Location` is its path", JSON, "Job" }),
    .errors = MEDLEY_HTTP_CREATION_ERRORS " " MEDLEY_HTTP_JSON_ERRORS },
  { "GET", JOBS, READ, medley_http_list_jobs, "listJobs", "Lists jobs, the newest first",
    MEDLEY_HTTP_QUERY ({ "state", "JobState", "only those in this state" },
                       { "pipeline", "string", "only those of the pipeline of this name" },
                       { "client", "string", "only those that this client asked for, as a job's `client` has it" },
                       { "createdFrom", "Time", "only those created then or later" },
                       { "createdBefore", "Time", "only those created before" },
                       { "cursor", "string", "goes on where a page ended: its `next`" },
                       { "limit", "PageLimit", "most jobs of a page" }),
    MEDLEY_HTTP_ANSWERS ({ 200, "A page of jobs", JSON, "JobList" }), .errors = "" },
  { "GET", JOBS "/{id}", READ, medley_http_show_job, "getJob", "Shows a job",
    SHOWS_JOB, .errors = "not-found" },
  { "DELETE", JOBS "/{id}", RUN, medley_http_remove_job, "removeJob", "Removes an ended job and its files",
    MEDLEY_HTTP_ANSWERS ({ 204, "It is removed" }), .errors = "not-found wrong-state" },
  { "POST", JOBS "/{id}/cancel", RUN, medley_http_cancel_job, "cancelJob", "Cancels a job",
    .details = "Also while it waits; no error when it is cancelled already.",
    SHOWS_JOB, .errors = "not-found wrong-state" },
  { "POST", JOBS "/{id}/pause", RUN, medley_http_pause_job, "pauseJob", "Pauses a running job",
    .details = "No error when it is paused already.",
    SHOWS_JOB, .errors = "not-found wrong-state" },
  { "POST", JOBS "/{id}/resume", RUN, medley_http_resume_job, "resumeJob", "Resumes a paused job",
    .details = "No error when it runs already.",
    SHOWS_JOB, .errors = "not-found wrong-state" },
  { "POST", JOBS "/{id}/retry", RUN, medley_http_retry_job, "retryJob", "Queues a failed job again",
    .details = "With all its attempts before it.",
    SHOWS_JOB, .errors = "not-found wrong-state" },
  { "PUT", JOBS "/{id}/inputs/{name}", RUN, medley_http_put_input, "putInput",
    "Uploads an input; the job reads it as it arrives",
    MEDLEY_HTTP_BODY ({ "*/*", NULL }),
    MEDLEY_HTTP_ANSWERS ({ 204, "It is whole, and on the disk" }),
    .errors = "not-found wrong-state " MEDLEY_HTTP_BODY_ERRORS },
  { "GET", JOBS "/{id}/events", READ, medley_http_follow_events, "followEvents",
    "Follows a job's events, or lists them as JSON",
    .details = "Server-sent events whose `id` is the event's `seq`, `event` its `kind` and `data` the event as "
               "JSON; the stream ends after the job's end.",
    MEDLEY_HTTP_QUERY ({ "after", "integer", "goes on after this `seq`" }),
    MEDLEY_HTTP_HEADERS ({ "Last-Event-ID", "integer", "goes on after this `seq`; wins over `after`" }),
    MEDLEY_HTTP_ANSWERS ({ 200, "The events", "text/event-stream", NULL },
                         { 200, "The events", JSON, "EventList" }),
    .errors = "not-found" },
};
/* clang-format on */

const MedleyHttpRouteGroup medley_http_job_routes
    = { "jobs", "Runs of pipelines: their states, events, inputs and outputs", table,
        G_N_ELEMENTS (table) };
