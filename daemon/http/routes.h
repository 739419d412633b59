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

/* What a token must allow. */
typedef enum {
  MEDLEY_HTTP_SCOPE_NONE,
  MEDLEY_HTTP_SCOPE_READ,
  MEDLEY_HTTP_SCOPE_RUN,
} MedleyHttpScope;

/**
 * MedleyHttpRoute:
 * @method: "GET" also answers HEAD
 * @path: with "{name}" for whole segments
 * @scope: what a token must allow
 * @query: (nullable): keys of the query that it knows, separated by spaces; "*" for any
 * @handler: what answers
 * @summary: one sentence
 *
 * One row of the one table that describes the HTTP interface.
 */
typedef struct {
  const char *method;
  const char *path;
  MedleyHttpScope scope;
  const char *query;
  MedleyHttpHandler handler;
  const char *summary;
} MedleyHttpRoute;

const MedleyHttpRoute *
medley_http_routes (guint *n_routes);

/**
 * medley_http_route_find:
 * @method: a method
 * @segments: (array zero-terminated=1): the path
 * @params: (out) (transfer container): for the handler; free with g_free()
 * @allow: (out) (transfer full) (nullable): when the path has routes, but none with this method:
 * the methods it has
 *
 * Returns: (nullable): the route
 */
const MedleyHttpRoute *
medley_http_route_find (const char *method, char **segments, const char ***params, char **allow);

/* (transfer none) (nullable): an installed pipeline; @error names the nearest */
MedleyPipeline *
medley_http_find_pipeline (MedleyHttp *http, const char *name, GError **error);

void
medley_http_clear_cache (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params);
void
medley_http_show_status (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params);
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
medley_http_follow_events (MedleyHttp *http, MedleyHttpExchange *exchange,
                           const char *const *params);

void
medley_http_list_pipelines (MedleyHttp *http, MedleyHttpExchange *exchange,
                            const char *const *params);
void
medley_http_show_pipeline (MedleyHttp *http, MedleyHttpExchange *exchange,
                           const char *const *params);
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
medley_http_run (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params);

G_END_DECLS
