/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The system calls of a worker, as seccomp filters: a call that is not allowed fails with EPERM or
 * ENOSYS, so that libraries fall back; nothing is killed for it. Both are for the calling thread
 * and what it starts afterwards, for good, and need no-new-privileges. */

/**
 * medley_syscalls_allow_work:
 * @error: %MEDLEY_ERROR_SANDBOX_MISSING
 *
 * Allows what engines and GStreamer need and nothing else: no socket of any kind is made, connected
 * or bound, nothing is executed, no other process is traced, looked into or limited, and no file's
 * owner, mode, times or attributes are changed, which Landlock does not see. A zygote may still
 * fork and signal.
 */
gboolean
medley_syscalls_allow_work (GError **error);

/**
 * medley_syscalls_forbid_others:
 * @error: %MEDLEY_ERROR_SANDBOX_MISSING
 *
 * For a process that runs jobs: it starts no process, only threads, signals nobody but itself,
 * stays in its process group and dies with its parent.
 */
gboolean
medley_syscalls_forbid_others (GError **error);

G_END_DECLS
