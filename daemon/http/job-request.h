/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "job/manager.h"

G_BEGIN_DECLS

/**
 * medley_http_job_request_from_json:
 * @value: the body of `POST /api/v1/jobs`: an object with "pipeline" (a name, or a pipeline as an
 * object), "inputs" (name → object with one of "text", "base64" and "upload": true), "parameters"
 * (name → string, number or boolean) and "outputs" (array of names, or name → object with an
 * optional "type")
 * @client: who asks
 * @error: %MEDLEY_ERROR_INVALID_ARGUMENT with a JSON Pointer, %MEDLEY_ERROR_INVALID_PARAMETER
 *
 * Returns: (transfer full) (nullable): the request
 */
MedleyJobRequest *
medley_http_job_request_from_json (GVariant *value, const char *client, GError **error);

G_END_DECLS
