/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <sys/types.h>

G_BEGIN_DECLS

/**
 * MedleySandbox:
 * @fds: most open files, 0 for as it is
 * @threads: OpenMP threads, 0 for as it is
 *
 * What a worker is confined to.
 */
typedef struct {
  guint fds;
  guint threads;
} MedleySandbox;

/**
 * medley_sandbox_enter:
 * @sandbox: what to set
 * @error: %MEDLEY_ERROR_FAILED
 *
 * Confines the process, before any engine is loaded: it dies with its parent, is the leader of its
 * own process group, gets no further privileges, leaves no core, makes private files only, and
 * stays within its limits. The place for Landlock and seccomp.
 */
gboolean
medley_sandbox_enter (const MedleySandbox *sandbox, GError **error);

/**
 * medley_sandbox_adopt:
 * @parent: the process to die with, 0 for whoever it is
 *
 * What a forked process has to do again: parent-death signal and process group are not inherited.
 */
void
medley_sandbox_adopt (pid_t parent);

/* Closes all descriptors from 3 on, except @keep. */
void
medley_sandbox_close_others (int keep);

G_END_DECLS
