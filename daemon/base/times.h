/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The last moment that can be written: the end of the year 9999, in µs since 1970. */
#define MEDLEY_TIME_MAX G_GINT64_CONSTANT (253402300799999999)

/**
 * medley_time_parse:
 * @text: "2026-11-24T18:30:00+01:00": a date, a time and an offset from UTC (or "Z") as in RFC
 * 3339, seconds maybe with a fraction
 * @time: (out): microseconds since 1970
 * @error: %MEDLEY_ERROR_INVALID_ARGUMENT that says what was expected, without the place
 *
 * Returns: whether it is such a time, from 1970 on
 */
gboolean
medley_time_parse (const char *text, gint64 *time, GError **error);

/* (transfer full): "2026-11-24T17:30:00Z", with a fraction where there is one. @time: from 0 to
 * MEDLEY_TIME_MAX */
char *
medley_time_print (gint64 time);

/**
 * medley_duration_parse:
 * @text: "90", "90s", "10min", "2h", "1d", or some of these together: "1h30min"
 * @seconds: (out): the sum
 * @error: %MEDLEY_ERROR_INVALID_ARGUMENT that says what was expected, without the place
 *
 * Returns: whether it is a duration
 */
gboolean
medley_duration_parse (const char *text, guint64 *seconds, GError **error);

G_END_DECLS
