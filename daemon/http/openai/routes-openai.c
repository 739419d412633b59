/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/openai/handlers.h"

#define V1 "/v1"
#define READ MEDLEY_HTTP_SCOPE_READ
#define RUN MEDLEY_HTTP_SCOPE_RUN

/* Of a route that makes a job, and of one that waits for what comes of it; 422 is 400 to OpenAI's
 * clients. Fields that are at fault are invalid-argument. */
#define CREATION                                                                                   \
  "not-found queue-full no-space unavailable sandbox-missing key-reused:400 invalid-pipeline:400"
#define RUNNING                                                                                    \
  CREATION " engine-failed worker-crashed worker-hung memory-limit time-limit cancelled "          \
           "interrupted poisoned deadline"
#define JSON_BODY MEDLEY_HTTP_JSON_ERRORS
#define FORM_BODY "unsupported-type invalid-parameter:400 " MEDLEY_HTTP_BODY_ERRORS

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
    .errors = JSON_BODY " " RUNNING " empty-input:400 unknown-voice:400", .error_schema = "OpenAIError" },
  { "POST", V1 "/chat/completions", RUN, medley_openai_complete_chat, "createChatCompletion",
    "Answers a conversation",
    .details = "With `stream` as events, ended by `[DONE]`. Pictures come as `data:` URIs in `image_url`.",
    MEDLEY_HTTP_JOB_OPTION_HEADERS, MEDLEY_HTTP_BODY ({ "application/json", "OpenAIChatRequest" }),
    MEDLEY_HTTP_ANSWERS ({ 200, "The answer", "application/json", "OpenAIChatCompletion" },
                         { 200, "The answer, as it is made", "text/event-stream", NULL }),
    .errors = JSON_BODY " " RUNNING " bad-input:400 empty-input:400 output-too-large", .error_schema = "OpenAIError" },
  { "POST", V1 "/embeddings", RUN, medley_openai_embed, "createEmbedding", "Turns texts into vectors",
    MEDLEY_HTTP_JOB_OPTION_HEADERS, MEDLEY_HTTP_BODY ({ "application/json", "OpenAIEmbeddingRequest" }),
    MEDLEY_HTTP_ANSWERS ({ 200, "A vector for each text", "application/json", "OpenAIEmbeddingList" }),
    .errors = JSON_BODY " " RUNNING " output-too-large", .error_schema = "OpenAIError" },
  { "POST", V1 "/images/generations", RUN, medley_openai_generate_image, "createImage", "Paints a picture",
    .details = "With `stream` as events, the last of them `image_generation.completed`.",
    MEDLEY_HTTP_JOB_OPTION_HEADERS, MEDLEY_HTTP_BODY ({ "application/json", "OpenAIImageRequest" }),
    MEDLEY_HTTP_ANSWERS ({ 200, "The picture", "application/json", "OpenAIImageList" },
                         { 200, "Previews and the picture", "text/event-stream", NULL }),
    .errors = JSON_BODY " " RUNNING " output-too-large", .error_schema = "OpenAIError" },
  { "POST", V1 "/images/edits", RUN, medley_openai_edit_image, "editImage", "Changes a picture",
    .details = "With `stream` as events, the last of them `image_edit.completed`.",
    MEDLEY_HTTP_JOB_OPTION_HEADERS, MEDLEY_HTTP_BODY ({ "multipart/form-data", "OpenAIImageEditForm" }),
    MEDLEY_HTTP_ANSWERS ({ 200, "The picture", "application/json", "OpenAIImageList" },
                         { 200, "Previews and the picture", "text/event-stream", NULL }),
    .errors = FORM_BODY " " RUNNING " bad-input:400 output-too-large", .error_schema = "OpenAIError" },
  { "POST", V1 "/videos", RUN, medley_openai_create_video, "createVideo", "Begins to make a video",
    .details = "Answers at once; `GET /v1/videos/{video}` tells how far it is.",
    MEDLEY_HTTP_JOB_OPTION_HEADERS,
    MEDLEY_HTTP_BODY ({ "application/json multipart/form-data", "OpenAIVideoRequest" }),
    MEDLEY_HTTP_ANSWERS ({ 200, "The video", "application/json", "OpenAIVideo" }),
    .errors = JSON_BODY " " CREATION, .error_schema = "OpenAIError" },
  { "GET", V1 "/videos", READ, medley_openai_list_videos, "listVideos", "Lists videos, the newest first",
    MEDLEY_HTTP_QUERY ({ "after", "string", "id of the last video of the page before" },
                       { "limit", "integer", "most of them, from 1 to 100; 20 by default" },
                       { "order", "string", "`desc` or `asc`, by their age" }),
    MEDLEY_HTTP_ANSWERS ({ 200, "A page of videos", "application/json", "OpenAIVideoList" }),
    .errors = "not-found:400", .error_schema = "OpenAIError" },
  { "GET", V1 "/videos/{video}", READ, medley_openai_show_video, "showVideo", "Shows a video",
    MEDLEY_HTTP_ANSWERS ({ 200, "The video", "application/json", "OpenAIVideo" }),
    .errors = "not-found", .error_schema = "OpenAIError" },
  { "GET", V1 "/videos/{video}/content", READ, medley_openai_get_video_content, "downloadVideo",
    "Downloads a video, also while it is made",
    MEDLEY_HTTP_QUERY ({ "variant", "string", "`video`, the only one" }),
    MEDLEY_HTTP_ANSWERS ({ 200, "The video", "video/mp4 video/webm", NULL },
                         { 206, "A part of it", "video/mp4 video/webm", NULL },
                         { 304, "It has not changed", NULL, NULL }),
    .errors = "not-found invalid-argument:416 " MEDLEY_HTTP_RUN_ERRORS, .error_schema = "OpenAIError" },
  { "DELETE", V1 "/videos/{video}", RUN, medley_openai_delete_video, "deleteVideo",
    "Deletes a video; one that is being made is cancelled",
    MEDLEY_HTTP_ANSWERS ({ 200, "It is gone", "application/json", "OpenAIVideoDeleted" }),
    .errors = "not-found no-space io-error", .error_schema = "OpenAIError" },
  { "POST", V1 "/audio/transcriptions", RUN, medley_openai_transcribe, "createTranscription",
    "Writes down what is spoken",
    .details = "With `stream` in events (`transcript.text.delta`, `transcript.text.done`).",
    MEDLEY_HTTP_JOB_OPTION_HEADERS,
    MEDLEY_HTTP_BODY ({ "multipart/form-data", "OpenAITranscriptionForm" }),
    MEDLEY_HTTP_ANSWERS ({ 200, "The text, and with verbose_json its times", "application/json", "OpenAITranscription" },
                         { 200, "The text, or SubRip", "text/plain", NULL }, { 200, "WebVTT", "text/vtt", NULL },
                         { 200, "The text in events", "text/event-stream", NULL }),
    .errors = FORM_BODY " " RUNNING
              " bad-input:400 empty-input:400 unknown-language:400 output-too-large", .error_schema = "OpenAIError" },
  { "POST", V1 "/audio/translations", RUN, medley_openai_translate, "createTranslation",
    "Writes down in English what is spoken", MEDLEY_HTTP_JOB_OPTION_HEADERS,
    MEDLEY_HTTP_BODY ({ "multipart/form-data", "OpenAITranslationForm" }),
    MEDLEY_HTTP_ANSWERS ({ 200, "The text, and with verbose_json its times", "application/json", "OpenAITranscription" },
                         { 200, "The text, or SubRip", "text/plain", NULL }, { 200, "WebVTT", "text/vtt", NULL }),
    .errors = FORM_BODY " " RUNNING " bad-input:400 empty-input:400 output-too-large", .error_schema = "OpenAIError" },
};
/* clang-format on */

const MedleyHttpRouteGroup medley_openai_routes
    = { "openai", "For clients of OpenAI's interface: a pipeline is a model", table,
        G_N_ELEMENTS (table) };
