/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/routes.h"

/* clang-format off */
static const MedleyHttpRoute table[] = {
  { "POST", "/run/{pipeline}", MEDLEY_HTTP_SCOPE_RUN, medley_http_run, "runPipeline",
    "Runs a pipeline: request body in, media out while it is made",
    .details = "The status is sent when the first byte of the output is there. A job that fails later breaks the "
               "connection off. A client that leaves cancels the job, unless it gave `detach` or a key.",
    MEDLEY_HTTP_QUERY ({ "input", "string", "which input the body is, where the pipeline has several" },
                       { "output", "string[]", "the first one is answered, and only those named are made" },
                       { "type", "string", "media type of the answered output" },
                       { "detach", "boolean", "answers at once with the job, which goes on without the client" },
                       { "*", "string", "a parameter of the pipeline" }),
    MEDLEY_HTTP_JOB_OPTION_HEADERS,
    MEDLEY_HTTP_BODY ({ "*/*", NULL }, { "multipart/form-data", "RunForm" }),
    MEDLEY_HTTP_ANSWERS ({ 200, "The output; `Medley-Job` names the job", "*/*", NULL },
                         { 202, "The job, with `detach`", "application/json", "Job" }),
    .errors = "not-found unsupported-type:406 " MEDLEY_HTTP_CREATION_ERRORS " " MEDLEY_HTTP_BODY_ERRORS
              " " MEDLEY_HTTP_RUN_ERRORS },
};
/* clang-format on */

const MedleyHttpRouteGroup medley_http_run_routes
    = { "run", "A pipeline in one request", table, G_N_ELEMENTS (table) };
