/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/routes.h"

#define PIPELINES "/api/v1/pipelines"
#define JSON "application/json"
#define READ MEDLEY_HTTP_SCOPE_READ
#define ADMIN MEDLEY_HTTP_SCOPE_ADMIN

#define IF_NONE_MATCH                                                                              \
  {                                                                                                \
    "If-None-Match", "string", "`ETag`s the client has"                                            \
  }
#define IF_MATCH                                                                                   \
  {                                                                                                \
    "If-Match", "string",                                                                          \
        "only if one of these is still the `ETag` of the pipeline, or of its file"                 \
  }

/* clang-format off */
static const MedleyHttpRoute table[] = {
  { "GET", PIPELINES, READ, medley_http_list_pipelines, "listPipelines", "Lists pipelines",
    .details = "Those with faults as well.",
    MEDLEY_HTTP_ANSWERS ({ 200, "The pipelines", JSON, "PipelineList" }), .errors = "" },
  { "GET", PIPELINES "/{name}", READ, medley_http_show_pipeline, "getPipeline", "Shows a pipeline",
    MEDLEY_HTTP_HEADERS (IF_NONE_MATCH),
    MEDLEY_HTTP_ANSWERS ({ 200, "The pipeline, with its faults", JSON, "Pipeline" }, { 304, "The client has it" }),
    .errors = "not-found" },
  { "PUT", PIPELINES "/{name}", ADMIN, medley_http_put_pipeline, "savePipeline", "Saves a pipeline",
    .details = "It is checked first, as one that the administrator installs: it may use any element. It goes into the "
               "last folder of `paths.pipelines`, where it wins over one of the same name that was installed.",
    MEDLEY_HTTP_HEADERS (IF_MATCH, { "If-None-Match", "string", "`*`: only if there is none of that name" }),
    MEDLEY_HTTP_BODY ({ JSON, "PipelineFile" }),
    MEDLEY_HTTP_ANSWERS ({ 200, "The pipeline, which replaces another", JSON, "Pipeline" },
                         { 201, "The pipeline, which is new", JSON, "Pipeline" }),
    .errors = "invalid-pipeline precondition-failed unsupported-type sandbox-missing " MEDLEY_HTTP_BODY_ERRORS },
  { "DELETE", PIPELINES "/{name}", ADMIN, medley_http_remove_pipeline, "removePipeline", "Removes a saved pipeline",
    .details = "One that it had replaced is there again. Jobs keep the pipeline that they were made with.",
    MEDLEY_HTTP_HEADERS (IF_MATCH),
    MEDLEY_HTTP_ANSWERS ({ 204, "It is removed" }), .errors = "not-found precondition-failed" },
  { "GET", PIPELINES "/{name}/file", READ, medley_http_show_pipeline_file, "getPipelineFile",
    "Shows a pipeline's file, as it is",
    MEDLEY_HTTP_HEADERS (IF_NONE_MATCH),
    MEDLEY_HTTP_ANSWERS ({ 200, "The file; one with faults may be no JSON", JSON, NULL }, { 304, "The client has it" }),
    .errors = "not-found" },
  { "GET", PIPELINES "/{name}/graph", READ, medley_http_show_graph, "drawPipeline", "Draws a pipeline",
    .details = "In Graphviz' language, or as a picture that Graphviz draws.",
    MEDLEY_HTTP_QUERY ({ "format", "string", "`dot` or `svg`, instead of `Accept`" }),
    MEDLEY_HTTP_HEADERS (IF_NONE_MATCH),
    MEDLEY_HTTP_ANSWERS ({ 200, "The graph", "text/vnd.graphviz image/svg+xml", NULL }, { 304, "The client has it" }),
    .errors = "not-found unsupported-type:406 unsupported-type:501 time-limit output-too-large unavailable" },
  { "POST", PIPELINES ":validate", READ, medley_http_validate_pipeline, "validatePipeline",
    "Checks a pipeline without running it",
    .details = "As one that a client sends with a job. Text that is no JSON is a fault like others.",
    MEDLEY_HTTP_BODY ({ JSON, "PipelineFile" }),
    MEDLEY_HTTP_ANSWERS ({ 200, "Whether it can run, and its faults", JSON, "Validation" }),
    .errors = "unsupported-type sandbox-missing " MEDLEY_HTTP_BODY_ERRORS },
};
/* clang-format on */

const MedleyHttpRouteGroup medley_http_pipeline_routes
    = { "pipelines", "What can be run", table, G_N_ELEMENTS (table) };
