/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "cli/follow.h"
#include "cli/output-file.h"
#include "cli/progress.h"
#include "cli/pump.h"
#include "cli/run-job.h"
#include "cli/waiting.h"

G_BEGIN_DECLS

/* What the files of `medley run` share: run-job.c (the job), run-inputs.c and run-outputs.c. */

typedef struct {
  MedleyCli *cli;
  MedleyRunSpec *spec;
  const MedleyRunOptions *options;
  char *id;
  MedleyProgress *progress;
  MedleyWaiting *waiting;
  GPtrArray *uploads;   /* of Upload, see run-inputs.c */
  GPtrArray *transfers; /* of Transfer, see run-outputs.c */
  GSubprocess *player;
  GCancellable *streams;
  GCancellable *following;
  guint n_uploads;
  guint n_streams;
  gboolean is_following;
  gboolean has_followed; /* to the end, once: its events are told */
  gboolean is_lost;      /* the connection is */
  gboolean may_differ;   /* the outputs from what was streamed: it or the job began anew */
  gboolean was_away;     /* the daemon was not there, and that was said */
  char *state;
  gboolean is_unread;     /* who read standard output has left */
  GError *failure;        /* the first thing that went wrong on this side */
  GError *upload_failure; /* only matters when the job does not say itself what was wrong with its
                             input */
  guint upload_timer;
} MedleyRunJob;

/* Takes @error over: the first one counts. */
void
medley_run_job_take_failure (MedleyRunJob *job, GError *error);
/* Asks for the job's end, without waiting for it. */
void
medley_run_job_cancel (MedleyRunJob *job);
void
medley_run_job_note (MedleyRunJob *job, const char *format, ...) G_GNUC_PRINTF (2, 3);
/* Until nothing is sent, received or followed any more. */
void
medley_run_job_iterate (MedleyRunJob *job);
/* Follows the job to its end; also when it was followed before. */
void
medley_run_job_follow (MedleyRunJob *job);

/* Opens all inputs, before the job is made, so that nothing is left behind by a file that cannot be
 * read. */
gboolean
medley_run_inputs_open (MedleyRunJob *job, GError **error);
/* Sends those that @request announces. */
void
medley_run_inputs_start (MedleyRunJob *job, GVariant *request);
/* The daemon is back: sends what did not arrive once more, as far as that can be read again.
 * @was_away: whether nothing of what is being sent can have arrived */
void
medley_run_inputs_start_again (MedleyRunJob *job, gboolean was_away);
/* The job has ended. */
void
medley_run_inputs_stop (MedleyRunJob *job);

/* Opens files, player and standard output. */
gboolean
medley_run_outputs_prepare (MedleyRunJob *job, GError **error);
/* Begins to fetch what is wanted while it is made. */
void
medley_run_outputs_start (MedleyRunJob *job);
/* The job is done: fetches what is not here yet, and gives files their names. */
void
medley_run_outputs_finish (MedleyRunJob *job);
/* Says what was written where. */
void
medley_run_outputs_tell (MedleyRunJob *job);

G_END_DECLS
