/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/config.h"

G_BEGIN_DECLS

/**
 * medley_config_load_layers:
 * @optional: (array zero-terminated=1): files that need not exist, later ones win
 * @file: (nullable): a file that must exist and wins over them
 * @overrides: (nullable) (array zero-terminated=1): "group.key=value"
 * @error: %MEDLEY_ERROR_INVALID_CONFIG, one line per fault
 *
 * What medley_config_load() does once it knows the files; apart for tests.
 *
 * Returns: (transfer full) (nullable): the configuration
 */
MedleyConfig *
medley_config_load_layers (const char *const *optional, const char *file,
                           const char *const *overrides, GError **error);

G_END_DECLS
