/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "runner/engine-cache.h"
#include "runner/sandbox.h"

G_BEGIN_DECLS

/**
 * medley_service_run:
 * @socket: the worker's end of its socket; taken over
 * @cache: (transfer full): engines, some perhaps open already
 * @sandbox: what this process is in
 *
 * Serves org.medley.Worker1 until the daemon goes away or says Quit, then leaves the process with
 * _exit(2): no destructor of an engine's library runs, as some hang.
 *
 * Returns: only on failure, an exit status
 */
int
medley_service_run (int socket, MedleyEngineCache *cache, MedleySandbox *sandbox);

G_END_DECLS
