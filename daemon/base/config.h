/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * MedleyConfigKind:
 *
 * What a key of the configuration holds. Bytes and durations are written with a unit ("64MiB",
 * "30s") or as plain numbers (bytes, seconds).
 */
typedef enum {
  MEDLEY_CONFIG_STRING,
  MEDLEY_CONFIG_PATH,
  MEDLEY_CONFIG_PATHS,  /* separated by ":" */
  MEDLEY_CONFIG_NAMES,  /* separated by ";" */
  MEDLEY_CONFIG_LIMITS, /* "name=number", separated by ";" */
  MEDLEY_CONFIG_BOOLEAN,
  MEDLEY_CONFIG_INTEGER,
  MEDLEY_CONFIG_BYTES,
  MEDLEY_CONFIG_DURATION, /* seconds */
  MEDLEY_CONFIG_CHOICE,   /* one of `choices` */
} MedleyConfigKind;

/**
 * MedleyConfigKey:
 * @name: group and key ("limits.text-bytes")
 * @kind: what it holds
 * @value: the default, as it would be written; "${runtime}" and the other words of
 * medley_folder_get() stand for Medley's folders
 * @minimum: smallest number
 * @maximum: largest number, 0 for none
 * @choices: (nullable): allowed words, separated by spaces
 * @description: one sentence for the commented file, `medley doctor` and the manual
 *
 * One row of the one table of what can be configured: every limit, path and address.
 */
typedef struct {
  const char *name;
  MedleyConfigKind kind;
  const char *value;
  guint64 minimum;
  guint64 maximum;
  const char *choices;
  const char *description;
} MedleyConfigKey;

/**
 * MedleyConfig:
 *
 * The configuration in force: built-in values, then the build tree's file, the system's file, the
 * user's file, an explicit file, and the command line, later ones winning; each value knows where
 * it came from. Immutable once loaded.
 */
#define MEDLEY_TYPE_CONFIG (medley_config_get_type ())
G_DECLARE_FINAL_TYPE (MedleyConfig, medley_config, MEDLEY, CONFIG, GObject)

/**
 * medley_config_load:
 * @file: (nullable): an explicit file; it must exist, and replaces the system's and the user's
 * @overrides: (nullable) (array zero-terminated=1): "group.key=value" from the command line
 * @error: %MEDLEY_ERROR_INVALID_CONFIG naming file, line, key, the fault and the nearest valid key
 *
 * Returns: (transfer full) (nullable): the configuration
 */
MedleyConfig *
medley_config_load (const char *file, const char *const *overrides, GError **error);

const char *
medley_config_get_string (MedleyConfig *self, const char *name);
/* Paths are absolute; an empty path is "". */
const char *
medley_config_get_path (MedleyConfig *self, const char *name);
/* PATHS, NAMES and LIMITS alike; a limit is "name=number", checked and without spaces. */
const char *const *
medley_config_get_list (MedleyConfig *self, const char *name);
gboolean
medley_config_get_boolean (MedleyConfig *self, const char *name);
/* INTEGER, BYTES and DURATION (seconds) alike. */
guint64
medley_config_get_number (MedleyConfig *self, const char *name);

/**
 * medley_config_describe:
 * @self: a configuration
 *
 * Returns: (transfer floating): `aa{sv}`: for each key "name", "value" (as written), "default",
 *   "expanded" (paths without "${...}", else as "value"), "origin" ("built in", "command line", or
 * "FILE:LINE") and "description"
 */
GVariant *
medley_config_describe (MedleyConfig *self);

/**
 * medley_config_keys:
 * @n_keys: (out): how many
 *
 * Returns: (transfer none) (array length=n_keys): the table
 */
const MedleyConfigKey *
medley_config_keys (guint *n_keys);

/**
 * medley_config_print_template:
 *
 * Returns: (transfer full): a commented medley.conf with every key at its default
 */
char *
medley_config_print_template (void);

G_END_DECLS
