/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/config.h"

G_BEGIN_DECLS

/* What every worker process gets. */

/* (transfer full): the environment: the daemon's, without what leads to the user's desktop and home
 */
char **
medley_environment_make (MedleyConfig *config);

/* (transfer full): the file of GStreamer's registry */
char *
medley_environment_get_registry (MedleyConfig *config);

/* (transfer full): the worker's executable */
char *
medley_environment_find_worker (MedleyConfig *config);

/**
 * medley_environment_make_arguments:
 * @config: configuration
 * @temporary: (nullable): the folder in which workers make their own
 *
 * Returns: (transfer full): options of the worker about its sandbox and limits
 */
char **
medley_environment_make_arguments (MedleyConfig *config, const char *temporary);

G_END_DECLS
