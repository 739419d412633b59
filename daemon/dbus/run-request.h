/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gunixfdlist.h>

#include "job/manager.h"

G_BEGIN_DECLS

/**
 * medley_dbus_read_run:
 * @client: who asks
 * @pipeline: name of a pipeline, or "" with the option "pipeline-text"
 * @inputs: `a{sv}`: name → `h`, `s` or `ay`
 * @options: `a{sv}`, see Manager1.Run() in data/dbus
 * @fds: (nullable): what `h` counts in
 * @max_key: longest idempotency key in bytes
 * @error: %MEDLEY_ERROR_INVALID_ARGUMENT naming the input or option
 *
 * Reads the arguments of Manager1.Run(). Names of pipelines, inputs, outputs and parameters are the
 * core's to check.
 *
 * Returns: (transfer full) (nullable): what to run
 */
MedleyJobRequest *
medley_dbus_read_run (const char *client, const char *pipeline, GVariant *inputs, GVariant *options,
                      GUnixFDList *fds, guint max_key, GError **error);

G_END_DECLS
