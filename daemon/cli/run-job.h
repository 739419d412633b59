/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/cli.h"
#include "cli/run-spec.h"

G_BEGIN_DECLS

/**
 * MedleyRunOptions:
 * @is_detached: leave once the inputs are sent
 * @is_played: play the default output
 * @is_forced: overwrite, and write anything to a terminal
 * @job: `a{sv}` as medley_job_options_read() makes it
 */
typedef struct {
  gboolean is_detached;
  gboolean is_played;
  gboolean is_forced;
  GVariant *job;
} MedleyRunOptions;

/**
 * medley_run_job:
 * @cli: the call, connected
 * @pipeline: name (`s`) or the pipeline itself (`a{sv}`)
 * @title: what to call it on the terminal
 * @spec: what to run
 * @options: how
 *
 * Creates a job, feeds it, follows it, fetches what it makes, and says how it ended.
 *
 * Returns: the exit status
 */
int
medley_run_job (MedleyCli *cli, GVariant *pipeline, const char *title, MedleyRunSpec *spec,
                const MedleyRunOptions *options);

G_END_DECLS
