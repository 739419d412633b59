/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Reads one file of the configuration with the lines of its keys, which GKeyFile does not tell.
 * Private to base/config.c and its tests. */

/**
 * MedleyConfigEntry:
 * @group: its group
 * @key: its key
 * @value: its value without escapes
 * @line: line from 1
 */
typedef struct {
  char *group;
  char *key;
  char *value;
  guint line;
} MedleyConfigEntry;

void
medley_config_entry_free (MedleyConfigEntry *entry);

/**
 * medley_config_file_parse:
 * @text: content of the file
 * @length: its length in bytes
 * @file: its name for messages
 * @faults: "FILE:LINE: fault" and a newline is appended for each fault
 *
 * Returns: (transfer full) (element-type MedleyConfigEntry): the entries that could be read, in
 * their order
 */
GPtrArray *
medley_config_file_parse (const char *text, gsize length, const char *file, GString *faults);

G_END_DECLS
