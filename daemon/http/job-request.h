/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/exchange.h"
#include "job/manager.h"

G_BEGIN_DECLS

/**
 * medley_http_job_request_from_json:
 * @value: the body of `POST /api/v1/jobs`: an object with "pipeline" (a name, or a pipeline as an
 * object), "inputs" (name → object with one of "text", "base64" and "upload": true), "parameters"
 * (name → string, number or boolean), "outputs" (array of names, or name → object with an optional
 * "type") and the options of medley_job_option_names()
 * @client: who asks
 * @max_key: longest idempotency key in bytes
 * @error: %MEDLEY_ERROR_INVALID_ARGUMENT with a JSON Pointer, %MEDLEY_ERROR_INVALID_PARAMETER
 *
 * Returns: (transfer full) (nullable): the request
 */
MedleyJobRequest *
medley_http_job_request_from_json (GVariant *value, const char *client, guint max_key,
                                   GError **error);

/* Tells the job that a request makes which request that was, and its trace. */
void
medley_http_job_request_set_origin (MedleyJobRequest *request, MedleyHttpExchange *exchange);

G_END_DECLS
