/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/openai/handlers.h"

#define V1 "/v1"
#define READ MEDLEY_HTTP_SCOPE_READ
#define RUN MEDLEY_HTTP_SCOPE_RUN

/* Of a route that a job answers; 422 is 400 to OpenAI's clients. */
#define CALL_ERRORS                                                                                \
  "not-found " MEDLEY_HTTP_JSON_ERRORS                                                             \
  " queue-full no-space unavailable sandbox-missing key-reused:400 invalid-pipeline:400 "          \
  "invalid-parameter:400 unknown-engine:400 bad-input:400 empty-input:400 unknown-voice:400 "      \
  "unknown-language:400 engine-failed worker-crashed worker-hung memory-limit time-limit "         \
  "output-too-large cancelled interrupted poisoned deadline"

/* clang-format off */
static const MedleyHttpRoute table[] = {
  { "GET", V1 "/models", READ, medley_openai_list_models, "listModels",
    "Lists models: the pipelines that serve a route below /v1",
    MEDLEY_HTTP_ANSWERS ({ 200, "The models, by name", "application/json", "OpenAIModelList" }),
    .errors = "", .error_schema = "OpenAIError" },
  { "GET", V1 "/models/{model}", READ, medley_openai_show_model, "showModel", "Shows a model",
    MEDLEY_HTTP_ANSWERS ({ 200, "The model", "application/json", "OpenAIModel" }),
    .errors = "not-found", .error_schema = "OpenAIError" },
  { "POST", V1 "/audio/speech", RUN, medley_openai_speak, "createSpeech", "Speaks a text",
    .details = "Answers with the audio while it is made, or with `stream_format` sse with events "
               "(`speech.audio.delta`, `speech.audio.done`).",
    MEDLEY_HTTP_JOB_OPTION_HEADERS, MEDLEY_HTTP_BODY ({ "application/json", "OpenAISpeechRequest" }),
    MEDLEY_HTTP_ANSWERS ({ 200, "The audio; `X-Audio-Sample-Rate` with pcm",
                           "audio/mpeg audio/ogg audio/aac audio/flac audio/wav audio/pcm", NULL },
                         { 200, "The audio in events", "text/event-stream", NULL }),
    .errors = CALL_ERRORS, .error_schema = "OpenAIError" },
};
/* clang-format on */

const MedleyHttpRouteGroup medley_openai_routes
    = { "openai", "For clients of OpenAI's interface: a pipeline is a model", table,
        G_N_ELEMENTS (table) };
