/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * medley_registry_choose:
 * @folder: (nullable): where to write a registry, %NULL to use the one that GST_REGISTRY names
 *
 * Call it before the sandbox is entered and before gst_init(). To build a registry every plugin of
 * the system is loaded: megabytes that no job needs, threads that no fork may inherit, and a
 * control message of the RTP plugin that takes four passed descriptors for a time stamp and so ends
 * GDBus. A process of its own does that, in a folder of its own; all others only read the result.
 *
 * Returns: the registry to read, for medley_registry_check(), -1 for none
 */
int
medley_registry_choose (const char *folder);

/**
 * medley_registry_check:
 * @fd: of medley_registry_choose(); taken over
 * @error: %MEDLEY_ERROR_UNAVAILABLE
 *
 * Call it right after gst_init().
 *
 * Returns: whether the registry was there, so that no plugin had to be loaded
 */
gboolean
medley_registry_check (int fd, GError **error);

G_END_DECLS
