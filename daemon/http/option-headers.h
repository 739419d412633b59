/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/request.h"
#include "job/manager.h"

G_BEGIN_DECLS

/**
 * medley_http_take_option_headers:
 * @request: a request to create a job
 * @wanted: what to set them in; a header wins over what it has already
 * @max_key: longest idempotency key in bytes
 * @error: %MEDLEY_ERROR_INVALID_ARGUMENT that names the header, with the nearest name for an
 * unknown one
 *
 * Takes the options that are header fields, since a query holds a pipeline's parameters, which may
 * have any name: Medley-Priority, Medley-Start-At, Medley-Deadline, Medley-Run-Time,
 * Medley-Attempts, Medley-Cache and Idempotency-Key; and Medley-Client, the name of the program
 * that asks. Then checks whether all options agree.
 *
 * Returns: whether all of them are well
 */
gboolean
medley_http_take_option_headers (const MedleyHttpRequest *request, MedleyJobRequest *wanted,
                                 guint max_key, GError **error);

/**
 * medley_http_parse_idempotency_key:
 * @value: the header: a String as in RFC 8941, or the key as it is, without spaces, commas and
 * quotes
 * @error: %MEDLEY_ERROR_INVALID_ARGUMENT
 *
 * Returns: (transfer full) (nullable): the key, whose length and characters are not checked yet
 */
char *
medley_http_parse_idempotency_key (const char *value, GError **error);

G_END_DECLS
