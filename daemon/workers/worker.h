/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <gio/gunixfdlist.h>

#include "workers/cgroup.h"

G_BEGIN_DECLS

/**
 * MedleyWorker:
 *
 * The daemon's side of one worker process: its private D-Bus connection and its life. Main thread
 * only.
 *
 * Signals:
 * - `ready ()`: it answers
 * - `event (const char *job, const char *kind, GVariant *details)`
 * - `finished (const char *job, gboolean ok, GVariant *error)`
 * - `heartbeat (guint64 activity, const char *stage, const char *engine)`: @stage and @engine tell
 * which stage has been at work the longest, "" for none
 * - `exited (GError *error)`: the process is gone; @error tells how (signal or status). The last
 * signal
 */
#define MEDLEY_TYPE_WORKER (medley_worker_get_type ())
G_DECLARE_FINAL_TYPE (MedleyWorker, medley_worker, MEDLEY, WORKER, GObject)

/**
 * medley_worker_new:
 * @socket: the daemon's end of the worker's socket; taken over
 * @pid: the worker's process
 * @pidfd: its pidfd; taken over
 * @own_child: whether the process is this process's child, to be reaped here
 *
 * Takes charge of a worker process that was just made.
 *
 * Returns: (transfer full): a worker, not ready yet
 */
MedleyWorker *
medley_worker_new (int socket, GPid pid, int pidfd, gboolean own_child);

GPid
medley_worker_get_pid (MedleyWorker *self);
gboolean
medley_worker_is_ready (MedleyWorker *self);
gboolean
medley_worker_is_gone (MedleyWorker *self);

/**
 * medley_worker_limit_memory:
 * @self: a worker
 * @cgroup: the daemon's control group
 * @limit: bytes
 *
 * Puts the worker into a group of its own, whose memory the kernel limits to a little more than
 * @limit, as a second line of defence; `exited` then says so.
 * Where that fails (it may have ended already) nothing changes.
 */
void
medley_worker_limit_memory (MedleyWorker *self, MedleyCgroup *cgroup, guint64 limit);

/* (transfer full) (nullable): how the process ended, %NULL as long as `exited` was not emitted: for
 * who may come too late for the signal */
GError *
medley_worker_dup_exit_error (MedleyWorker *self);

/**
 * medley_worker_kill_telling:
 * @self: a worker
 *
 * Asks the process to say which stage is at work (medley_worker_get_crash_stage()) and to end;
 * kills it when it does not within a moment. `exited` follows.
 */
void
medley_worker_kill_telling (MedleyWorker *self);

/* Kills the process (and its group) at once. `exited` follows. */
void
medley_worker_kill (MedleyWorker *self);

/* Why it is going to be killed, for who counts: @cause is static, the first one counts. (nullable):
 * NULL before */
void
medley_worker_set_kill_cause (MedleyWorker *self, const char *cause);
const char *
medley_worker_get_kill_cause (MedleyWorker *self);

/* For workers that another process reaps: the status as of waitpid(2), told before or after the
 * pidfd showed the end. */
void
medley_worker_set_exit_status (MedleyWorker *self, int status);

/* Notes what a crashing worker said of itself: the stage that was at work. */
void
medley_worker_set_crash_place (MedleyWorker *self, const char *stage, const char *engine);
/* (nullable) where it crashed, if it could say so */
const char *
medley_worker_get_crash_stage (MedleyWorker *self);
const char *
medley_worker_get_crash_engine (MedleyWorker *self);

/**
 * medley_worker_run_async:
 * @self: a ready worker
 * @job: the job's id
 * @plan: `a{sv}`
 * @inputs: `a{sa{sv}}` with handles into @fds
 * @outputs: `a{sa{sv}}` with handles into @fds
 * @stages: `a{sa{sv}}` with handles into @fds: what is recorded and replayed
 * @fds: descriptors
 * @callback: called when the worker has taken the job
 * @data: for @callback
 */
void
medley_worker_run_async (MedleyWorker *self, const char *job, GVariant *plan, GVariant *inputs,
                         GVariant *outputs, GVariant *stages, GUnixFDList *fds,
                         GAsyncReadyCallback callback, gpointer data);
gboolean
medley_worker_run_finish (MedleyWorker *self, GAsyncResult *result, GError **error);

/* These three send and do not wait: what they do shows in events. */
void
medley_worker_cancel_job (MedleyWorker *self, const char *job);
void
medley_worker_pause_job (MedleyWorker *self, const char *job);
void
medley_worker_resume_job (MedleyWorker *self, const char *job);

/**
 * medley_worker_call_async:
 * @self: a ready worker
 * @method: "Describe", "Inspect" or "Check"
 * @parameters: (nullable): arguments, floating is sunk
 * @callback: called from the main context
 * @data: for @callback
 */
void
medley_worker_call_async (MedleyWorker *self, const char *method, GVariant *parameters,
                          GAsyncReadyCallback callback, gpointer data);
/* (transfer full) (nullable): the reply's tuple */
GVariant *
medley_worker_call_finish (MedleyWorker *self, GAsyncResult *result, GError **error);

G_END_DECLS
