/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/args.h"

G_BEGIN_DECLS

/**
 * medley_when_parse:
 * @text: "+10min" from now; "18:30", the next time the clock shows it; "2026-11-24 18:30" here; or
 * with its own offset, as in RFC 3339
 * @now: the time now, in the user's time zone
 * @time: (out): microseconds since 1970
 * @error: %MEDLEY_ERROR_INVALID_ARGUMENT that says what was expected, without the place
 *
 * Returns: whether it is a time
 */
gboolean
medley_when_parse (const char *text, GDateTime *now, gint64 *time, GError **error);

/**
 * medley_job_options_read:
 * @args: the command line of `medley run`
 * @now: the time now, in the user's time zone
 * @error: %MEDLEY_ERROR_INVALID_ARGUMENT that names the option
 *
 * Returns: (transfer full) (nullable): `a{sv}`: "priority", "startAt", "deadline", "runTime",
 * "attempts", "cache" and "idempotencyKey" as far as they were given, as a request has them
 */
GVariant *
medley_job_options_read (MedleyArgs *args, GDateTime *now, GError **error);

G_END_DECLS
