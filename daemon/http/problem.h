/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "http/exchange.h"

G_BEGIN_DECLS

/**
 * medley_http_problem:
 * @error: what went wrong
 * @status: an HTTP status, 0 for the one of the error's code
 * @details: (nullable): `a{sv}` further members ("job", "stage", "engine", "faults"); those of the
 * same name as one that is made here are left out
 *
 * Returns: (transfer floating): `a{sv}` of a problem document (RFC 9457): "type", "title",
 * "status", "detail", "code" and the details
 */
GVariant *
medley_http_problem (const GError *error, guint status, GVariant *details);

/* The status that an error is answered with. */
guint
medley_http_problem_status (const GError *error);

/* Answers with a problem document; parameters as medley_http_problem(). Below /v1 the answer is an
 * error of OpenAI's shape instead (http/openai/problem.h), without the details. The member
 * "request" has the request's id. */
void
medley_http_respond_problem (MedleyHttpExchange *exchange, const GError *error, guint status,
                             GVariant *details);

/* @value: (transfer floating): anything that medley_json_print() takes */
void
medley_http_respond_json (MedleyHttpExchange *exchange, guint status, GVariant *value);

G_END_DECLS
