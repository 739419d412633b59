/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/config.h"

G_BEGIN_DECLS

/* One value of the configuration, parsed and checked. Private to base/config.c and its tests. */

/**
 * MedleyConfigValue:
 * @written: as it was written
 * @text: for strings and choices as written, for paths expanded and absolute
 * @list: (nullable): for paths, names and limits
 * @number: for booleans, integers, bytes and durations
 */
typedef struct {
  char *written;
  char *text;
  char **list;
  guint64 number;
} MedleyConfigValue;

/**
 * medley_config_value_parse:
 * @key: what the value is for
 * @written: the text
 * @base: (nullable): folder that relative paths start from, %NULL to refuse them
 * @runtime: (nullable): what "${runtime}" stands for, %NULL for medley_folder_get()
 * @error: %MEDLEY_ERROR_INVALID_CONFIG that says what was expected, without the place
 *
 * Returns: (transfer full) (nullable): the value
 */
MedleyConfigValue *
medley_config_value_parse (const MedleyConfigKey *key, const char *written, const char *base,
                           const char *runtime, GError **error);
void
medley_config_value_free (MedleyConfigValue *value);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyConfigValue, medley_config_value_free)

/**
 * medley_config_kind_describe:
 * @key: a row of the table
 *
 * Returns: (transfer full): what a value looks like and its range, for the commented file and the
 * manual
 */
char *
medley_config_kind_describe (const MedleyConfigKey *key);

G_END_DECLS
