/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/form.h"
#include "http/http.h"

G_BEGIN_DECLS

/**
 * medley_http_read_run_request:
 * @http: the face
 * @exchange: a request whose query has the parameters of a pipeline, besides "input", "output" and
 * "type", and whose header may have options
 * @name: of the pipeline
 * @form: (nullable): what its body was; else the body is still to come, and is an input
 * @answers_output: whether an output is the answer: then Accept chooses it, and "detach" is no
 * parameter; else "pipeline" is none
 * @input: (out) (transfer full) (nullable): which input the body is, %NULL for the only one
 * @output: (out) (transfer full) (nullable): which output is answered, %NULL for the default one
 * @error: %MEDLEY_ERROR_NOT_FOUND, %MEDLEY_ERROR_INVALID_ARGUMENT, %MEDLEY_ERROR_UNSUPPORTED_TYPE
 * for what cannot be accepted, %MEDLEY_ERROR_TOO_LARGE, %MEDLEY_ERROR_INVALID_PARAMETER
 *
 * Reads what a job shall be from a request that is not JSON.
 *
 * Returns: (transfer full) (nullable): the job's request
 */
MedleyJobRequest *
medley_http_read_run_request (MedleyHttp *http, MedleyHttpExchange *exchange, const char *name,
                              MedleyHttpForm *form, gboolean answers_output, char **input,
                              char **output, GError **error);

G_END_DECLS
