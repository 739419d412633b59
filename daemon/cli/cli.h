/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "base/config.h"
#include "cli/args.h"
#include "cli/client.h"
#include "cli/private-daemon.h"

G_BEGIN_DECLS

typedef struct _MedleyCli MedleyCli;

/**
 * MedleyCommand:
 * @name: "run"
 * @synopsis: what follows the name in the usage line
 * @summary: one line
 * @description: (nullable): more, in whole lines
 * @options: (nullable): its own options
 * @examples: (nullable): whole lines
 * @run: does it; returns the exit status
 *
 * A command of the shell.
 */
typedef struct {
  const char *name;
  const char *synopsis;
  const char *summary;
  const char *description;
  const MedleyArgOption *options;
  const char *examples;
  int (*run) (MedleyCli *cli);
} MedleyCommand;

/**
 * MedleyCli:
 * @command: what was asked for
 * @args: its options and words
 * @is_json: whether to print JSON
 * @is_quiet: whether to print less
 * @config: (nullable): the configuration, after medley_cli_connect()
 * @client: (nullable): the daemon, after medley_cli_connect()
 * @private_daemon: (nullable): it was started for this command alone
 * @cancellable: cancelled by SIGINT and SIGTERM
 * @on_kill: (nullable): called before the second signal ends the process
 * @on_kill_data: for @on_kill
 *
 * One call of the shell command.
 */
struct _MedleyCli {
  const MedleyCommand *command;
  MedleyArgs *args;
  gboolean is_json;
  gboolean is_quiet;
  MedleyConfig *config;
  MedleyClient *client;
  MedleyPrivateDaemon *private_daemon;
  GCancellable *cancellable;
  void (*on_kill) (gpointer data);
  gpointer on_kill_data;
};

/* Runs the command that @argv (without the program's name) asks for. Returns: the exit status */
int
medley_cli_main (MedleyCli *cli, char **argv);

/* (array length=n_commands): all commands, in the order of the help */
const MedleyCommand *
medley_cli_commands (guint *n_commands);
/* (nullable): by name */
const MedleyCommand *
medley_cli_find_command (const char *name);
/* options that every command takes */
extern const MedleyArgOption medley_cli_global_options[];

void
medley_cli_print_usage (void);
void
medley_cli_print_command_help (const MedleyCommand *command);

typedef enum {
  MEDLEY_DAEMON_STANDING, /* only one that runs already */
  MEDLEY_DAEMON_ANY,      /* else a private one */
} MedleyDaemonNeed;

/**
 * medley_cli_connect:
 * @cli: the call
 * @need: which daemon will do
 * @error: %MEDLEY_ERROR_UNAVAILABLE with the remedy, %MEDLEY_ERROR_INVALID_CONFIG
 *
 * Loads the configuration and finds the daemon: `--host`, else the Unix socket, else a private one.
 *
 * Returns: whether @cli->client is there
 */
gboolean
medley_cli_connect (MedleyCli *cli, MedleyDaemonNeed need, GError **error);

/* medley_client_call_json() without a body on the daemon of @cli */
GVariant *
medley_cli_get (MedleyCli *cli, const char *path, GVariant **problem, GError **error);
GVariant *
medley_cli_send (MedleyCli *cli, const char *method, const char *path, GVariant *body,
                 GVariant **problem, GError **error);

/**
 * medley_cli_fail:
 * @cli: the call
 * @error: why it fails
 * @problem: (nullable): the daemon's problem document, or an error of a job: "stage", "engine",
 * "faults"
 * @file: (nullable): name of the file that faults are in, where they name none
 *
 * Prints an error: "medley: CODE: detail", the faults as compilers do, and hints; with `--json`
 * also as JSON.
 *
 * Returns: the exit status that belongs to it
 */
int
medley_cli_fail (MedleyCli *cli, const GError *error, GVariant *problem, const char *file);

/* Sets an error of a wrong command line. Returns: FALSE */
gboolean
medley_cli_set_usage_error (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* Prints faults, and counts what is more than a warning. */
guint
medley_cli_print_faults (GPtrArray *faults, const char *file);

/* One line of JSON on standard output. */
void
medley_cli_print_json (GVariant *value);

/* Makes sure there are from @minimum to @maximum words. */
gboolean
medley_cli_check_words (MedleyCli *cli, guint minimum, guint maximum, GError **error);

int
medley_cmd_run (MedleyCli *cli);
int
medley_cmd_graph (MedleyCli *cli);
int
medley_cmd_validate (MedleyCli *cli);
int
medley_cmd_pipelines (MedleyCli *cli);
int
medley_cmd_engines (MedleyCli *cli);
int
medley_cmd_voices (MedleyCli *cli);
int
medley_cmd_jobs (MedleyCli *cli);
int
medley_cmd_show (MedleyCli *cli);
int
medley_cmd_watch (MedleyCli *cli);
int
medley_cmd_output (MedleyCli *cli);
int
medley_cmd_logs (MedleyCli *cli);
int
medley_cmd_change (MedleyCli *cli); /* cancel, pause, resume, retry, rm */
int
medley_cmd_cache (MedleyCli *cli);
int
medley_cmd_token (MedleyCli *cli);
int
medley_cmd_doctor (MedleyCli *cli);
int
medley_cmd_config (MedleyCli *cli);
int
medley_cmd_help (MedleyCli *cli);
int
medley_cmd_version (MedleyCli *cli);

G_END_DECLS
