/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/routes.h"

#define ENGINES "/api/v1/engines"
#define JSON "application/json"
#define READ MEDLEY_HTTP_SCOPE_READ

/* clang-format off */
static const MedleyHttpRoute table[] = {
  { "GET", ENGINES, READ, medley_http_list_engines, "listEngines", "Lists engines",
    MEDLEY_HTTP_ANSWERS ({ 200, "The engines", JSON, "EngineList" }), .errors = "" },
  { "GET", ENGINES "/{name}", READ, medley_http_show_engine, "getEngine",
    "Shows an engine with its properties and voices",
    MEDLEY_HTTP_ANSWERS ({ 200, "The engine", JSON, "Engine" }), .errors = "not-found" },
  { "GET", ENGINES "/{name}/voices", READ, medley_http_list_voices, "listVoices", "Lists an engine's voices",
    MEDLEY_HTTP_ANSWERS ({ 200, "The voices", JSON, "VoiceList" }), .errors = "not-found" },
};
/* clang-format on */

const MedleyHttpRouteGroup medley_http_engine_routes
    = { "engines", "What pipelines are made of", table, G_N_ELEMENTS (table) };
