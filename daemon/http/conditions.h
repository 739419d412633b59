/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/exchange.h"

G_BEGIN_DECLS

/* Requests that depend on what the client has already (RFC 9110, 13), of things that are no
 * outputs.
 */

/* (transfer full): a strong tag, in quotes, that is another for other bytes */
char *
medley_http_make_etag (GBytes *bytes);

/**
 * medley_http_answer_unchanged:
 * @exchange: a GET or HEAD that has not begun
 * @etag: tag of what it would get
 *
 * Sets ETag and Cache-Control, and answers 304 when the client has it (If-None-Match), 412 when it
 * wants another (If-Match).
 *
 * Returns: whether it is answered
 */
gboolean
medley_http_answer_unchanged (MedleyHttpExchange *exchange, const char *etag);

/**
 * medley_http_check_match:
 * @request: a request that changes something
 * @etag: (nullable): tag of what is there, %NULL when nothing is
 * @error: %MEDLEY_ERROR_PRECONDITION_FAILED
 *
 * Returns: whether If-Match and If-None-Match, where given, hold
 */
gboolean
medley_http_check_match (const MedleyHttpRequest *request, const char *etag, GError **error);

G_END_DECLS
