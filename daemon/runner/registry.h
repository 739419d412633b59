/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * medley_registry_restart_if_built:
 * @argv: (array zero-terminated=1): the process's whole command line
 *
 * Call it right after gst_init(). When that had to build GStreamer's registry, every plugin of the
 * system was loaded into this process: megabytes that no job needs, threads that no fork may
 * inherit, and a control message of the RTP plugin that takes four passed descriptors for a time
 * stamp and so ends GDBus. The process then executes itself anew, and reads the registry that is
 * there now. Returns only when that is not needed or does not work.
 */
void
medley_registry_restart_if_built (char **argv);

G_END_DECLS
