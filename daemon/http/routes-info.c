/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/routes.h"

#define JSON "application/json"
#define NONE MEDLEY_HTTP_SCOPE_NONE

/* clang-format off */
static const MedleyHttpRoute table[] = {
  { "GET", "/healthz", NONE, medley_http_show_health, "getHealth", "Whether the daemon is alive",
    MEDLEY_HTTP_ANSWERS ({ 200, "It is", JSON, "Status" }), .errors = "" },
  { "GET", "/readyz", NONE, medley_http_show_readiness, "getReadiness", "Whether the daemon can run jobs",
    MEDLEY_HTTP_ANSWERS ({ 200, "It can", JSON, "Status" }), .errors = "unavailable sandbox-missing no-space:503 io-error:503" },
  { "GET", "/api/v1", MEDLEY_HTTP_SCOPE_READ, medley_http_show_status, "getServer",
    "Version, workers, jobs by state, configuration in force",
    MEDLEY_HTTP_ANSWERS ({ 200, "The daemon's state", JSON, "Server" }), .errors = "" },
  { "GET", "/openapi.json", MEDLEY_HTTP_SCOPE_READ, medley_http_show_openapi, "getDescription",
    "This interface, as an OpenAPI document",
    MEDLEY_HTTP_HEADERS ({ "If-None-Match", "string", "`ETag`s the client has" }),
    MEDLEY_HTTP_ANSWERS ({ 200, "The description", JSON, NULL }, { 304, "The client has it" }), .errors = "" },
  { "GET", "/metrics", MEDLEY_HTTP_SCOPE_READ, medley_http_show_metrics, "getMetrics", "What was counted, for Prometheus",
    "OpenMetrics where `Accept` names it, else Prometheus' text format.",
    MEDLEY_HTTP_ANSWERS ({ 200, "The metrics", "text/plain application/openmetrics-text", NULL }), .errors = "" },
  { "DELETE", "/api/v1/cache", MEDLEY_HTTP_SCOPE_ADMIN, medley_http_clear_cache, "clearCache",
    "Removes all kept results of stages",
    MEDLEY_HTTP_ANSWERS ({ 200, "How many were removed", JSON, "Removed" }), .errors = "" },
};
/* clang-format on */

const MedleyHttpRouteGroup medley_http_info_routes
    = { "server", "The daemon itself", table, G_N_ELEMENTS (table) };
