/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/routes.h"

#define OUTPUT "/api/v1/jobs/{id}/outputs/{name}"
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
};
/* clang-format on */

const MedleyHttpRouteGroup medley_http_output_routes
    = { "outputs", "What jobs make, while they make it", table, G_N_ELEMENTS (table) };
