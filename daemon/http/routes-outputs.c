/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/routes.h"

#define OUTPUT "/api/v1/jobs/{id}/outputs/{name}"
#define PLAYLIST "application/vnd.apple.mpegurl"
#define PARTS "video/mp4 audio/mp4"
#define EDITION                                                                                    \
  {                                                                                                \
    "edition", "string", "which attempt's output: as in the playlist's addresses"                  \
  }
#define READ MEDLEY_HTTP_SCOPE_READ

/* clang-format off */
static const MedleyHttpRoute table[] = {
  { "GET", OUTPUT, READ, medley_http_get_output, "getOutput", "Downloads an output, also while it grows",
    .details = "While it grows it comes in chunks from its beginning, and serves a range only when both of its ends "
               "are there already. Complete, it has a length and a strong `ETag`, and serves ranges.",
    MEDLEY_HTTP_QUERY ({ "download", "string", "to store it rather than show it: a file name, or nothing for the usual "
                                               "one" }),
    MEDLEY_HTTP_HEADERS ({ "Range", "string", "one range of bytes" },
                         { "If-Range", "string", "the range only if this is still the output's `ETag`" },
                         { "If-Match", "string", "only if one of these is the output's `ETag`" },
                         { "If-None-Match", "string", "`ETag`s the client has" }),
    MEDLEY_HTTP_ANSWERS ({ 200, "The output", "*/*", NULL },
                         { 206, "The range", "*/*", NULL },
                         { 304, "The client has it" }),
    .errors = "not-found invalid-argument:416 wrong-state:412 " MEDLEY_HTTP_RUN_ERRORS },
  { "GET", OUTPUT "/hls/index.m3u8", READ, medley_http_get_hls_index, "getHlsIndex",
    "Plays an output as HLS, also while it grows",
    .details = "Of `video/mp4` and `audio/mp4`. It is answered when there is a segment to play.",
    MEDLEY_HTTP_ANSWERS ({ 200, "The multivariant playlist", PLAYLIST, NULL }),
    .errors = "not-found unsupported-type:406 unavailable " MEDLEY_HTTP_RUN_ERRORS },
  { "GET", OUTPUT "/hls/media.m3u8", READ, medley_http_get_hls_media, "getHlsMedia",
    "Lists the segments that an output has so far",
    MEDLEY_HTTP_QUERY (EDITION,
                       { "_HLS_msn", "integer", "waits, some seconds at most, until there is a segment of this number" }),
    MEDLEY_HTTP_ANSWERS ({ 200, "The media playlist", PLAYLIST, NULL }),
    .errors = "not-found unsupported-type:406 unavailable interrupted:410 " MEDLEY_HTTP_RUN_ERRORS },
  { "GET", OUTPUT "/hls/init.mp4", READ, medley_http_get_hls_init, "getHlsInit",
    "The initialisation segment",
    MEDLEY_HTTP_QUERY (EDITION),
    MEDLEY_HTTP_HEADERS ({ "If-None-Match", "string", "`ETag`s the client has" }),
    MEDLEY_HTTP_ANSWERS ({ 200, "The bytes", PARTS, NULL }, { 304, "The client has it" }),
    .errors = "not-found unsupported-type:406 interrupted:410" },
  { "GET", OUTPUT "/hls/{segment}.m4s", READ, medley_http_get_hls_segment, "getHlsSegment",
    "A segment: some bytes of the output, that never change",
    MEDLEY_HTTP_QUERY (EDITION),
    MEDLEY_HTTP_HEADERS ({ "If-None-Match", "string", "`ETag`s the client has" }),
    MEDLEY_HTTP_ANSWERS ({ 200, "The bytes", PARTS, NULL }, { 304, "The client has it" }),
    .errors = "not-found unsupported-type:406 interrupted:410" },
  { "GET", OUTPUT "/hls/captions/{captions}.m3u8", READ, medley_http_get_hls_captions, "getHlsCaptions",
    "Lists the segments that captions beside an output have so far",
    MEDLEY_HTTP_QUERY ({ "_HLS_msn", "integer", "waits, some seconds at most, until there is a segment of this number" }),
    MEDLEY_HTTP_ANSWERS ({ 200, "The media playlist", PLAYLIST, NULL }),
    .errors = "not-found unsupported-type:406 unavailable " MEDLEY_HTTP_RUN_ERRORS },
  { "GET", OUTPUT "/hls/captions/{captions}/{segment}.vtt", READ, medley_http_get_hls_captions_segment,
    "getHlsCaptionsSegment", "A segment of captions: the cues of six seconds",
    MEDLEY_HTTP_ANSWERS ({ 200, "WebVTT", "text/vtt", NULL }),
    .errors = "not-found unsupported-type:406" },
};
/* clang-format on */

const MedleyHttpRouteGroup medley_http_output_routes
    = { "outputs", "What jobs make, while they make it", table, G_N_ELEMENTS (table) };
