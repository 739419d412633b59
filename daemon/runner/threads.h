/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The threads of a process that is about to be forked: only the forking one is in the fork, so any
 * other must be known not to be missed there. Not for several threads at once. */

/**
 * medley_threads_accept:
 * @who: whose threads may have appeared: an engine, or `thread-sanitizer`
 *
 * Notes the threads that have appeared since the last call as known, where they are expected of
 * @who.
 *
 * Returns: (transfer full) (nullable): the name of one that is not
 */
char *
medley_threads_accept (const char *who);

/* (transfer full) (nullable): the name of a thread that is neither this one nor known */
char *
medley_threads_find_stranger (void);

G_END_DECLS
