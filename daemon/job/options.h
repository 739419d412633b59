/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "job/manager.h"

G_BEGIN_DECLS

/* What a request may say besides pipeline, inputs, parameters and outputs, by the names that all
 * faces use. Pure. */

/* (array zero-terminated=1): "priority", "startAt", "deadline", "runTime", "attempts", "cache",
 * "idempotencyKey" */
const char *const *
medley_job_option_names (void);

/**
 * medley_job_request_set_option:
 * @self: a request
 * @name: one of medley_job_option_names()
 * @label: what the client calls it, for messages
 * @value: a whole number, a boolean or a string as @name has it. A time may be microseconds since
 * 1970 or a string (RFC 3339). With @is_text a string stands for a number or boolean as well
 * @is_text: whether the client could send nothing but text
 * @max_key: longest idempotency key in bytes (limits.request-key)
 * @error: %MEDLEY_ERROR_INVALID_ARGUMENT that begins with @label
 *
 * Checks a value and sets it. An idempotency key is 1 to @max_key printable ASCII characters, as a
 * String of RFC 8941, so that every face can carry every key.
 *
 * Returns: whether it was set
 */
gboolean
medley_job_request_set_option (MedleyJobRequest *self, const char *name, const char *label,
                               GVariant *value, gboolean is_text, guint max_key, GError **error);

/**
 * medley_job_request_check_options:
 * @self: a request with all its options
 * @error: %MEDLEY_ERROR_INVALID_ARGUMENT
 *
 * Returns: whether they agree: no job starts after its deadline
 */
gboolean
medley_job_request_check_options (MedleyJobRequest *self, GError **error);

G_END_DECLS
