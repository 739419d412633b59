/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/routes.h"

#define API "/api/v1"
#define JSON "application/json"
#define READ MEDLEY_HTTP_SCOPE_READ

/* clang-format off */
static const MedleyHttpRoute table[] = {
  { "GET", API "/pipelines", READ, medley_http_list_pipelines, "listPipelines", "Lists pipelines",
    .details = "Those with faults as well.",
    MEDLEY_HTTP_ANSWERS ({ 200, "The pipelines", JSON, "PipelineList" }), .errors = "" },
  { "GET", API "/pipelines/{name}", READ, medley_http_show_pipeline, "getPipeline", "Shows a pipeline",
    MEDLEY_HTTP_ANSWERS ({ 200, "The pipeline, with its faults", JSON, "Pipeline" }), .errors = "not-found" },
  { "POST", API "/pipelines:validate", READ, medley_http_validate_pipeline, "validatePipeline",
    "Checks a pipeline without running it",
    .details = "Text that is no JSON is a fault like others.",
    MEDLEY_HTTP_BODY ({ JSON, "PipelineFile" }),
    MEDLEY_HTTP_ANSWERS ({ 200, "Whether it can run, and its faults", JSON, "Validation" }),
    .errors = "unsupported-type " MEDLEY_HTTP_BODY_ERRORS },
  { "GET", API "/engines", READ, medley_http_list_engines, "listEngines", "Lists engines",
    MEDLEY_HTTP_ANSWERS ({ 200, "The engines", JSON, "EngineList" }), .errors = "" },
  { "GET", API "/engines/{name}", READ, medley_http_show_engine, "getEngine",
    "Shows an engine with its properties and voices",
    MEDLEY_HTTP_ANSWERS ({ 200, "The engine", JSON, "Engine" }), .errors = "not-found" },
  { "GET", API "/engines/{name}/voices", READ, medley_http_list_voices, "listVoices", "Lists an engine's voices",
    MEDLEY_HTTP_ANSWERS ({ 200, "The voices", JSON, "VoiceList" }), .errors = "not-found" },
};
/* clang-format on */

const MedleyHttpRouteGroup medley_http_catalog_routes
    = { "catalogue", "Pipelines and engines", table, G_N_ELEMENTS (table) };
