/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * MedleyPrivateDaemon:
 *
 * A daemon for one command alone: in a folder of its own, without D-Bus and TCP. It ends when the
 * command does, even by SIGKILL, because it holds the other end of a pipe.
 */
typedef struct _MedleyPrivateDaemon MedleyPrivateDaemon;

/**
 * medley_private_daemon_start:
 * @config_file: (nullable): explicit configuration to hand on
 * @overrides: (array zero-terminated=1): "group.key=value" to hand on
 * @cancellable: (nullable): gives up
 * @error: %MEDLEY_ERROR_UNAVAILABLE when it does not start, with what it said;
 * %MEDLEY_ERROR_INVALID_CONFIG
 *
 * Starts `medleyd`, the one beside this executable or else the one in PATH, and waits until it
 * listens.
 *
 * Returns: (transfer full) (nullable): the daemon
 */
MedleyPrivateDaemon *
medley_private_daemon_start (const char *config_file, const char *const *overrides,
                             GCancellable *cancellable, GError **error);

/* (transfer none): path of its Unix socket */
const char *
medley_private_daemon_get_socket (MedleyPrivateDaemon *self);

/* (transfer full): the last lines of what it said on standard error, "" for nothing */
char *
medley_private_daemon_read_log (MedleyPrivateDaemon *self);

/* Lets it end, waits for that, and removes its folder. */
void
medley_private_daemon_stop (MedleyPrivateDaemon *self);

G_END_DECLS
