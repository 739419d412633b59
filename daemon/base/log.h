/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "base/config.h"

G_BEGIN_DECLS

/* How the daemon's messages are written. They are GLib's structured ones (g_message(), or
 * g_log_structured() with fields), with the fields MEDLEY_JOB, MEDLEY_REQUEST, MEDLEY_PIPELINE,
 * MEDLEY_STAGE, MEDLEY_ENGINE, MEDLEY_WORKER (a pid), and CODE (an error's name) where they concern
 * such a thing. */

/* The domain of lines that workers print: they are written as they are. */
#define MEDLEY_LOG_WORKER "medley-worker"

/**
 * medley_log_start:
 * @config: `log.level` and `log.format`
 *
 * Writes all messages of this process from now on as configured. Once, from `main`: GLib has one
 * writer in a process.
 */
void
medley_log_start (MedleyConfig *config);

/**
 * medley_log:
 * @level: one of GLib's levels
 * @fields: (nullable) (array zero-terminated=1): names and values in turn; a value may be "", which
 * leaves the field out
 * @format: (nullable): as for printf
 *
 * Writes a message with fields.
 */
void
medley_log (GLogLevelFlags level, const char *const *fields, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

/* whether messages of a level are written at all, for who would have to compute them first */
gboolean
medley_log_is_wanted (MedleyConfig *config, GLogLevelFlags level);

/* For tests of what is written. */

typedef enum { MEDLEY_LOG_TEXT, MEDLEY_LOG_JSON } MedleyLogFormat;

/**
 * medley_log_format:
 * @format: a form
 * @level: the message's level
 * @fields: (array length=n_fields): its fields
 * @n_fields: how many
 * @time: µs since 1970
 *
 * Returns: (transfer full): one line with its end; what could be taken for a line's end or steer a
 * terminal is escaped
 */
char *
medley_log_format (MedleyLogFormat format, GLogLevelFlags level, const GLogField *fields,
                   gsize n_fields, gint64 time);

G_END_DECLS
