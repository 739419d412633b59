/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/cli.h"

G_BEGIN_DECLS

/**
 * medley_validate_file:
 * @cli: the call, connected
 * @file: a pipeline file, or "-" for standard input
 * @text: (out) (optional) (transfer full): its text
 *
 * Has the daemon check a file and prints every fault as compilers do.
 *
 * Returns: 0, or the exit status when it has errors or cannot be checked
 */
int
medley_validate_file (MedleyCli *cli, const char *file, GBytes **text);

G_END_DECLS
