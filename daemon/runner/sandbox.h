/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <sys/types.h>

G_BEGIN_DECLS

/**
 * MedleySandboxMode:
 * @MEDLEY_SANDBOX_STRICT: all of it, or the process does not start
 * @MEDLEY_SANDBOX_BEST_EFFORT: what this system has
 * @MEDLEY_SANDBOX_NONE: limits and the bond to the parent only
 */
typedef enum {
  MEDLEY_SANDBOX_STRICT,
  MEDLEY_SANDBOX_BEST_EFFORT,
  MEDLEY_SANDBOX_NONE,
} MedleySandboxMode;

/**
 * MedleySandboxRole:
 * @MEDLEY_SANDBOX_WORKER: runs jobs: starts no process, writes to its own folder only
 * @MEDLEY_SANDBOX_ZYGOTE: makes workers; runs no job
 * @MEDLEY_SANDBOX_BUILDER: loads every plugin to write the registry
 */
typedef enum {
  MEDLEY_SANDBOX_WORKER,
  MEDLEY_SANDBOX_ZYGOTE,
  MEDLEY_SANDBOX_BUILDER,
} MedleySandboxRole;

/* What a worker process is confined to: what was asked for, and what is in force. */
typedef struct _MedleySandbox MedleySandbox;

/**
 * MedleySandboxOptions:
 * @mode: how much is needed
 * @role: what the process is for
 * @parent: the process to die with, 0 for whoever it is
 * @fds: most open files, 0 for as it is
 * @file_bytes: largest file, 0 for as it is
 * @threads: OpenMP threads, 0 for as it is
 * @newest_landlock: the newest version of Landlock to use, for tests; 0 for any
 * @temporary: (nullable): the folder in which each worker makes its own; a builder's only folder
 * @readable: (nullable) (array zero-terminated=1): files and folders that may be read besides the
 *   system's, the plugins' and the registry
 */
typedef struct {
  MedleySandboxMode mode;
  MedleySandboxRole role;
  pid_t parent;
  guint fds;
  guint64 file_bytes;
  guint threads;
  guint newest_landlock;
  const char *temporary;
  char **readable;
} MedleySandboxOptions;

/**
 * medley_sandbox_enter:
 * @options: what to enter; its strings stay the caller's and must remain
 * @error: %MEDLEY_ERROR_SANDBOX_MISSING when a part is missing and the mode is strict,
 *   %MEDLEY_ERROR_FAILED
 *
 * Confines the process, before any engine is loaded and any thread is started. In every mode it
 * dies with its parent, leads its own session, gets no further privileges, leaves no core, makes
 * private files only, and stays within its limits. Beyond that it has no capability, reads the
 * system and the plugins only, writes to its own temporary folder only, has no network, and
 * executes nothing; a worker starts no process and signals none.
 *
 * Returns: (transfer full) (nullable): what is in force
 */
MedleySandbox *
medley_sandbox_enter (const MedleySandboxOptions *options, GError **error);

/**
 * medley_sandbox_enter_forked:
 * @self: what the zygote is in
 * @zygote: the process that this one was forked from
 * @error: as medley_sandbox_enter()
 *
 * Confines a process that a zygote forked to what a worker may: its own folder, no processes.
 */
gboolean
medley_sandbox_enter_forked (MedleySandbox *self, pid_t zygote, GError **error);

/* Removes what a job left in the worker's own folder. Returns whether it is empty. */
gboolean
medley_sandbox_clean (MedleySandbox *self);

/**
 * medley_sandbox_describe:
 * @self: a sandbox
 *
 * Returns: (transfer floating): `a{sv}`: "mode" s, "landlock" u (its version, 0 for none),
 * "seccomp" b, "capabilities" s ("none" or "kept"), "noNewPrivileges" b, "namespaces" as, "network"
 * s ("none" or "open"), "files" s ("listed" or "all of the user's"), "processes" s ("none" or
 * "any"), "missing" as: what the mode asks for and this system has not
 */
GVariant *
medley_sandbox_describe (MedleySandbox *self);

/* Says on standard error why the process does not start, in the form that the daemon looks for. */
void
medley_sandbox_refuse (const GError *error);

/* Closes all descriptors from 3 on, except @keep. */
void
medley_sandbox_close_others (int keep);

/* @error: MEDLEY_ERROR_INVALID_ARGUMENT */
gboolean
medley_sandbox_parse_mode (const char *word, MedleySandboxMode *mode, GError **error);

G_END_DECLS
