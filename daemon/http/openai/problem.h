/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/exchange.h"

G_BEGIN_DECLS

/* Errors as OpenAI's clients know them: `{"error": {"message", "type", "param", "code"}}`. Every
 * error below /v1 has this shape, whoever finds it. */

/* Whether a request is for the OpenAI-compatible interface: its path is below /v1. */
gboolean
medley_openai_owns (const MedleyHttpRequest *request);

/* The status that an error is answered with below /v1: OpenAI's clients know of no 422. */
guint
medley_openai_status (const GError *error);

/**
 * medley_openai_error:
 * @error: what went wrong
 * @status: the HTTP status, 0 for medley_openai_status()
 * @param: (nullable): the field of the request that is at fault
 * @code: (nullable): OpenAI's own code for it; %NULL for Medley's, with underscores
 *
 * Returns: (transfer floating): `a{sv}` with "error"
 */
GVariant *
medley_openai_error (const GError *error, guint status, const char *param, const char *code);

/* Answers with an error; parameters as medley_openai_error(). Says what a client has to know to try
 * again: Retry-After, retry-after-ms and x-should-retry. Medley's own code is in Medley-Error. */
void
medley_openai_respond_error (MedleyHttpExchange *exchange, const GError *error, guint status,
                             const char *param, const char *code);

/* Sets the header openai-processing-ms when the answer begins. */
void
medley_openai_tell_time (MedleyHttpExchange *exchange);

G_END_DECLS
