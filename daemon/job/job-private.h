/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "job/job.h"
#include "job/spool.h"

G_BEGIN_DECLS

/* What only job/ may do to a job. */

typedef enum {
  MEDLEY_OUTPUT_PENDING,
  MEDLEY_OUTPUT_GROWING,
  MEDLEY_OUTPUT_COMPLETE,
  MEDLEY_OUTPUT_FAILED,
} MedleyOutputState;

/* A result of the job: a file of the spool. */
typedef struct {
  char *name;
  char *type;
  char *file;
  MedleyOutputState state;
  guint64 size; /* bytes, final once complete */
} MedleyOutput;

typedef enum {
  MEDLEY_INPUT_READY,  /* whole */
  MEDLEY_INPUT_COMING, /* somebody is filling it */
  MEDLEY_INPUT_AWAITED /* announced as an upload that has not begun */
} MedleyInputState;

/* What the job works on: a file of the spool, which may still grow. */
typedef struct {
  char *name;
  char *type;
  char *file;
  MedleyInputState state;
  guint64 size;
  guint64 limit;
  int fd;       /* for writing, -1 once whole */
  int doorbell; /* write end, -1 while no worker reads */
  guint source; /* reads a client's descriptor, 0 for none */
  int client_fd;
  GCancellable *copying; /* of the thread that copies a client's file, NULL for none */
} MedleyInput;

MedleyJob *
medley_job_new (const char *id, const char *client, GVariant *plan, GVariant *parameters,
                MedleySpool *spool, guint max_events);
GVariant *
medley_job_get_plan (MedleyJob *self);
MedleySpool *
medley_job_get_spool (MedleyJob *self);

/* Both make the file. */
MedleyInput *
medley_job_add_input (MedleyJob *self, const char *name, const char *type, MedleyInputState state,
                      guint64 limit, GError **error);
MedleyOutput *
medley_job_add_output (MedleyJob *self, const char *name, const char *type, GError **error);
/* (element-type MedleyInput) and (element-type MedleyOutput) */
GPtrArray *
medley_job_list_inputs (MedleyJob *self);
GPtrArray *
medley_job_list_outputs (MedleyJob *self);
MedleyInput *
medley_job_find_input (MedleyJob *self, const char *name);
MedleyOutput *
medley_job_find_output (MedleyJob *self, const char *name);
gboolean
medley_job_has_input_in (MedleyJob *self, MedleyInputState state);
void
medley_job_delete_files (MedleyJob *self);

gboolean
medley_input_write (MedleyInput *input, const void *data, gsize length, GError **error);
void
medley_input_complete (MedleyInput *input);
/* (transfer full): MEDLEY_ERROR_EMPTY_INPUT */
GError *
medley_input_make_empty_error (const char *name);

/* @details: (nullable): adopted and cleared */
void
medley_job_add_event (MedleyJob *self, const char *kind, GVariantDict *details);
/* Refuses what the table of transitions does not have. */
gboolean
medley_job_set_state (MedleyJob *self, MedleyJobState state);
/* @error: `a{sv}`; sunk. Before the state is set, so that the state's event has it. */
void
medley_job_set_error (MedleyJob *self, GVariant *error);
void
medley_job_set_progress (MedleyJob *self, double fraction, double remaining);
void
medley_job_set_queue_place (MedleyJob *self, const char *reason, guint position);
void
medley_job_set_attempt (MedleyJob *self, guint attempt);
void
medley_job_set_output_state (MedleyJob *self, MedleyOutput *output, MedleyOutputState state);
/* Emits the signal that readers of outputs wait for; @output NULL for all. */
void
medley_job_output_grew (MedleyJob *self, MedleyOutput *output);
void
medley_job_emit_changed (MedleyJob *self);

G_END_DECLS
