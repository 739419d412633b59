/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/exchange.h"
#include "http/http.h"

G_BEGIN_DECLS

/**
 * MedleyHttpHandler:
 * @http: the face
 * @exchange: (transfer none): answer it now, or hold a reference and answer later
 * @params: what stood for the {names} of the path, in order; only letters, digits, "_" and "-"
 */
typedef void (*MedleyHttpHandler) (MedleyHttp *http, MedleyHttpExchange *exchange,
                                   const char *const *params);

/* What a token must allow; each scope includes those before it. */
typedef enum {
  MEDLEY_HTTP_SCOPE_NONE,
  MEDLEY_HTTP_SCOPE_READ,
  MEDLEY_HTTP_SCOPE_RUN,
  MEDLEY_HTTP_SCOPE_ADMIN,
} MedleyHttpScope;

/**
 * MedleyHttpParameter:
 * @name: of a key of the query, or of a header field; "*" for any other key
 * @type: "string", "integer", "number" or "boolean", or the name of a schema ("JobState"); with
 * "[]" behind it for one that may be given several times
 * @summary: what it means
 *
 * A parameter besides those of the path. All are optional.
 */
typedef struct {
  const char *name;
  const char *type;
  const char *summary;
} MedleyHttpParameter;

/**
 * MedleyHttpContent:
 * @types: media types, separated by spaces
 * @schema: (nullable): name of the schema (a file of schemas/) that a body of these types follows;
 * %NULL for bytes
 *
 * A shape that a request's body may have.
 */
typedef struct {
  const char *types;
  const char *schema;
} MedleyHttpContent;

/**
 * MedleyHttpAnswer:
 * @status: a status of less than 400
 * @summary: what it means
 * @types: (nullable): media types of the body, separated by spaces; %NULL without a body
 * @schema: (nullable): name of the schema that a body of these types follows; %NULL for bytes
 *
 * An answer that is no error. Two rows of one status are two shapes that its body may have.
 */
typedef struct {
  guint status;
  const char *summary;
  const char *types;
  const char *schema;
} MedleyHttpAnswer;

/**
 * MedleyHttpRoute:
 * @method: "GET" also answers HEAD
 * @path: with "{name}" for the beginning of a segment or the whole of it ("{segment}.m4s"); what a
 * name may be is_name() in routes.c says, what it means the table in openapi-parameters.c
 * @scope: what a token must allow
 * @handler: what answers
 * @id: the operation's name: camelCase, one of its own
 * @summary: one sentence without a full stop
 * @details: (nullable): what else is to be known, in Markdown
 * @query: (nullable) (array zero-terminated=1): keys of the query that it knows; any other is
 * refused
 * @headers: (nullable) (array zero-terminated=1): header fields that it heeds, besides those that
 * all heed
 * @body: (nullable) (array zero-terminated=1): what a request's body may be; %NULL for none
 * @answers: (array zero-terminated=1): its answers that are no errors
 * @errors: codes of #MedleyErrorInfo that it can give, separated by spaces, those that the door
 * gives apart (invalid-argument, not-allowed, and with a scope unauthorized and forbidden); with
 * another status than the code's own as "code:status"
 * @error_schema: (nullable): schema of an error's body; %NULL for a problem document
 *
 * One row of the one table that describes the HTTP interface: what is answered, what is refused,
 * and /openapi.json all come from it. `tests/integration/test_openapi.py` provokes each error of
 * each row, and holds real answers against the schemas.
 */
typedef struct {
  const char *method;
  const char *path;
  MedleyHttpScope scope;
  MedleyHttpHandler handler;
  const char *id;
  const char *summary;
  const char *details;
  const MedleyHttpParameter *query;
  const MedleyHttpParameter *headers;
  const MedleyHttpContent *body;
  const MedleyHttpAnswer *answers;
  const char *errors;
  const char *error_schema;
} MedleyHttpRoute;

/* For rows: arrays of braced rows, ended by an empty one. */
#define MEDLEY_HTTP_QUERY(...)                                                                     \
  .query = (const MedleyHttpParameter[])                                                           \
  {                                                                                                \
    __VA_ARGS__, { NULL }                                                                          \
  }
#define MEDLEY_HTTP_HEADERS(...)                                                                   \
  .headers = (const MedleyHttpParameter[])                                                         \
  {                                                                                                \
    __VA_ARGS__, { NULL }                                                                          \
  }
#define MEDLEY_HTTP_BODY(...)                                                                      \
  .body = (const MedleyHttpContent[])                                                              \
  {                                                                                                \
    __VA_ARGS__, { NULL }                                                                          \
  }
#define MEDLEY_HTTP_ANSWERS(...)                                                                   \
  .answers = (const MedleyHttpAnswer[])                                                            \
  {                                                                                                \
    __VA_ARGS__, { 0 }                                                                             \
  }

/* Errors of whatever reads a body within a limit, and of what reads a JSON body. */
#define MEDLEY_HTTP_BODY_ERRORS "too-large timed-out"
#define MEDLEY_HTTP_JSON_ERRORS "unsupported-type invalid-json " MEDLEY_HTTP_BODY_ERRORS

/* What the creation of a job may be refused with, and the end of its run be. */
#define MEDLEY_HTTP_CREATION_ERRORS                                                                \
  "not-found unsupported-type invalid-pipeline invalid-parameter missing-input unknown-input "     \
  "unknown-output empty-input queue-full no-space unavailable sandbox-missing key-reused"
#define MEDLEY_HTTP_RUN_ERRORS                                                                     \
  "bad-input bad-encoding nul-in-text empty-input image-too-large unknown-voice unknown-language " \
  "engine-failed worker-crashed worker-hung memory-limit time-limit output-too-large cancelled "   \
  "interrupted poisoned deadline"

/* The options of a job that are header fields (option-headers.h). */
#define MEDLEY_HTTP_JOB_OPTION_HEADERS                                                             \
  MEDLEY_HTTP_HEADERS (                                                                            \
      { "Medley-Priority", "integer", "from -100 to 100; higher ones start first" },               \
      { "Medley-Start-At", "Time", "does not start before" },                                      \
      { "Medley-Deadline", "Time", "has to be done by then" },                                     \
      { "Medley-Run-Time", "integer", "longest run in seconds, pauses apart" },                    \
      { "Medley-Attempts", "integer", "how often it is started at most" },                         \
      { "Medley-Cache", "boolean", "whether results of stages are taken from the cache" },         \
      { "Idempotency-Key", "string", "a second request with it gets the job of the first" },       \
      { "Medley-Client", "string", "which of the user's programs asks" })

/**
 * MedleyHttpRouteGroup:
 * @tag: its name in /openapi.json
 * @summary: what its routes are about
 * @routes: the rows
 * @n_routes: how many
 *
 * The rows of one file, routes-*.c; routes.c lists the groups.
 */
typedef struct {
  const char *tag;
  const char *summary;
  const MedleyHttpRoute *routes;
  guint n_routes;
} MedleyHttpRouteGroup;

extern const MedleyHttpRouteGroup medley_openai_routes;
extern const MedleyHttpRouteGroup medley_http_info_routes;
extern const MedleyHttpRouteGroup medley_http_session_routes;
extern const MedleyHttpRouteGroup medley_http_job_routes;
extern const MedleyHttpRouteGroup medley_http_output_routes;
extern const MedleyHttpRouteGroup medley_http_run_routes;
extern const MedleyHttpRouteGroup medley_http_pipeline_routes;
extern const MedleyHttpRouteGroup medley_http_engine_routes;

/* (array zero-terminated=1): all groups */
const MedleyHttpRouteGroup *const *
medley_http_route_groups (void);

/**
 * medley_http_route_find:
 * @method: a method
 * @segments: (array zero-terminated=1): the path
 * @params: (out) (transfer full) (array zero-terminated=1): for the handler; free with g_strfreev()
 * @allow: (out) (transfer full) (nullable): when the path has routes, but none with this method:
 * the methods it has
 *
 * Returns: (nullable): the route
 */
const MedleyHttpRoute *
medley_http_route_find (const char *method, char **segments, char ***params, char **allow);

/**
 * medley_http_route_check_query:
 * @route: a route
 * @request: a request for it
 * @error: %MEDLEY_ERROR_INVALID_ARGUMENT for a key it does not know, with the nearest one
 *
 * Returns: whether the route knows all keys of the query
 */
gboolean
medley_http_route_check_query (const MedleyHttpRoute *route, const MedleyHttpRequest *request,
                               GError **error);

/* (transfer none) (nullable): an installed pipeline; @error names the nearest */
MedleyPipeline *
medley_http_find_pipeline (MedleyHttp *http, const char *name, GError **error);

void
medley_http_clear_cache (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params);
void
medley_http_show_status (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params);
void
medley_http_show_openapi (MedleyHttp *http, MedleyHttpExchange *exchange,
                          const char *const *params);
void
medley_http_show_metrics (MedleyHttp *http, MedleyHttpExchange *exchange,
                          const char *const *params);
void
medley_http_show_health (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params);
void
medley_http_show_readiness (MedleyHttp *http, MedleyHttpExchange *exchange,
                            const char *const *params);

void
medley_http_create_job (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params);
void
medley_http_list_jobs (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params);
void
medley_http_show_job (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params);
void
medley_http_remove_job (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params);
void
medley_http_cancel_job (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params);
void
medley_http_pause_job (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params);
void
medley_http_resume_job (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params);
void
medley_http_retry_job (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params);
void
medley_http_put_input (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params);
void
medley_http_get_output (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params);
void
medley_http_get_hls_index (MedleyHttp *http, MedleyHttpExchange *exchange,
                           const char *const *params);
void
medley_http_get_hls_media (MedleyHttp *http, MedleyHttpExchange *exchange,
                           const char *const *params);
void
medley_http_get_hls_init (MedleyHttp *http, MedleyHttpExchange *exchange,
                          const char *const *params);
void
medley_http_get_hls_segment (MedleyHttp *http, MedleyHttpExchange *exchange,
                             const char *const *params);
void
medley_http_get_hls_captions (MedleyHttp *http, MedleyHttpExchange *exchange,
                              const char *const *params);
void
medley_http_get_hls_captions_segment (MedleyHttp *http, MedleyHttpExchange *exchange,
                                      const char *const *params);
void
medley_http_follow_events (MedleyHttp *http, MedleyHttpExchange *exchange,
                           const char *const *params);

void
medley_http_list_pipelines (MedleyHttp *http, MedleyHttpExchange *exchange,
                            const char *const *params);
void
medley_http_show_pipeline (MedleyHttp *http, MedleyHttpExchange *exchange,
                           const char *const *params);
void
medley_http_show_pipeline_file (MedleyHttp *http, MedleyHttpExchange *exchange,
                                const char *const *params);
void
medley_http_put_pipeline (MedleyHttp *http, MedleyHttpExchange *exchange,
                          const char *const *params);
void
medley_http_remove_pipeline (MedleyHttp *http, MedleyHttpExchange *exchange,
                             const char *const *params);
void
medley_http_show_graph (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params);
void
medley_http_validate_pipeline (MedleyHttp *http, MedleyHttpExchange *exchange,
                               const char *const *params);
void
medley_http_list_engines (MedleyHttp *http, MedleyHttpExchange *exchange,
                          const char *const *params);
void
medley_http_show_engine (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params);
void
medley_http_list_voices (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params);

void
medley_http_open_session (MedleyHttp *http, MedleyHttpExchange *exchange,
                          const char *const *params);
void
medley_http_issue_ticket (MedleyHttp *http, MedleyHttpExchange *exchange,
                          const char *const *params);

void
medley_http_run (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params);

G_END_DECLS
