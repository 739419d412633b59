/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "runner/engine-cache.h"
#include "runner/sandbox.h"

G_BEGIN_DECLS

/**
 * medley_zygote_prepare:
 * @preload: (array zero-terminated=1): engines to open
 * @cache: where they are kept
 *
 * Loads the plugins that jobs usually need and opens engines, so that forked workers have them. An
 * engine that is absent, does not open, says that it cannot be forked, or starts a thread that a
 * fork would miss, is left out with a line on standard error.
 */
void
medley_zygote_prepare (char **preload, MedleyEngineCache *cache);

/**
 * medley_zygote_serve:
 * @socket: a SOCK_SEQPACKET socket to the daemon; what is said there is described in
 * daemon/workers/zygote.h
 * @cache: engines, open
 * @sandbox: what this process is in; each worker goes deeper
 *
 * Forks workers on request and tells how they end, until the daemon closes the socket. In a forked
 * worker this does not return, as medley_service_run() does not. When a worker has ended, what it
 * started and left behind is ended too, whatever group it went to.
 *
 * Nothing here may start a thread: no GDBus, no GTask, no main context, no running pipeline.
 *
 * Returns: an exit status
 */
int
medley_zygote_serve (int socket, MedleyEngineCache *cache, MedleySandbox *sandbox);

G_END_DECLS
