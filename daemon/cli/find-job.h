/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/cli.h"

G_BEGIN_DECLS

/**
 * medley_find_job:
 * @cli: the call, connected
 * @word: an id, the beginning of one, or "last" for the newest
 * @problem: (out) (transfer full) (nullable): the daemon's problem document
 * @error: %MEDLEY_ERROR_NOT_FOUND, also when several jobs begin like this
 *
 * Returns: (transfer full) (nullable): the job
 */
GVariant *
medley_find_job (MedleyCli *cli, const char *word, GVariant **problem, GError **error);

/**
 * medley_wait_for_end:
 * @cli: the call, connected
 * @id: a job
 *
 * Waits until a job has ended, with a line of progress on a terminal.
 *
 * Returns: (transfer full) (nullable): its last state, %NULL when that could not be learned
 */
char *
medley_wait_for_end (MedleyCli *cli, const char *id);

G_END_DECLS
