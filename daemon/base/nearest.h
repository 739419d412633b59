/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * medley_nearest:
 * @name: a name that is not known
 * @names: (array zero-terminated=1): the known ones
 *
 * Finds what a misspelt name was probably meant to be (optimal string alignment distance, at most a
 * third of the name's length).
 *
 * Returns: (transfer none) (nullable): one of @names, or %NULL when none is near
 */
const char *
medley_nearest (const char *name, const char *const *names);

G_END_DECLS
