/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "job/job.h"
#include "job/record.h"
#include "job/spool.h"
#include "job/store.h"

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
  guint64 size;   /* bytes, final once complete */
  guint epoch;    /* how often it was begun anew */
  gboolean begun; /* a worker has, or had, its file in this epoch: there may be bytes */
  gboolean stale; /* its file still has what an earlier epoch wrote */
  gboolean saved; /* its bytes are where a loss of power does not reach */
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
  gboolean is_upload; /* it can be sent again */
  guint64 size;
  guint64 limit;
  gboolean saved;        /* as of an output */
  int fd;                /* for writing, -1 once whole */
  int doorbell;          /* our end, -1 while no worker reads */
  guint told;            /* source that hears how far the worker is, 0 for none */
  guint64 taken;         /* so far, in bytes; G_MAXUINT64 when it waits for the whole */
  GSourceOnceFunc moved; /* that, or the doorbell, has changed; NULL for nobody */
  gpointer moved_data;
  guint source; /* reads a client's descriptor, 0 for none */
  int client_fd;
  GCancellable *copying; /* of the thread that copies a client's file, NULL for none */
} MedleyInput;

/* What a request may say of its job. */
typedef struct {
  gint32 priority;
  gint64 start_at; /* µs since 1970, 0 for none, as the next */
  gint64 deadline;
  guint64 run_time; /* seconds, 0 for the limit in the configuration */
  guint attempts;   /* most of them */
  gboolean no_cache;
} MedleyJobOptions;

/* Both: @store not owned. */
MedleyJob *
medley_job_new (const char *id, const char *client, GVariant *plan, const char *plan_digest,
                GVariant *parameters, const MedleyJobOptions *options, MedleySpool *spool,
                MedleyJobStore *store, guint max_events);
/* Takes what it needs out of @record. */
MedleyJob *
medley_job_new_from_record (MedleyJobRecord *record, MedleySpool *spool, MedleyJobStore *store,
                            guint max_events);
/* The store is being closed. */
void
medley_job_forget_store (MedleyJob *self);
/* It was removed: nothing of it is to be written any more. */
void
medley_job_set_removed (MedleyJob *self);
gboolean
medley_job_is_removed (MedleyJob *self);

/**
 * medley_job_make_record:
 * @self: a job
 * @with_end: whether its outputs are synced: without, an end that is being written is left to the
 * record that has it
 *
 * Returns: (transfer full): what the store does not have yet; the job takes it for written
 */
MedleyJobRecord *
medley_job_make_record (MedleyJob *self, gboolean with_end);
/* A record could not be written: the next one has everything. */
void
medley_job_mark_unsaved (MedleyJob *self);

/* @owner's idempotency @key, and what the request was; before the first record is made */
void
medley_job_set_key (MedleyJob *self, const char *owner, const char *key, const char *digest);

/* (transfer none) */
GVariant *
medley_job_get_plan (MedleyJob *self);
/* @plan: (nullable): what medley_job_get_plan() gives for this attempt alone, some engines being
 * left out; sunk. NULL for the job's own again. */
void
medley_job_set_attempt_plan (MedleyJob *self, GVariant *plan);
MedleySpool *
medley_job_get_spool (MedleyJob *self);
const MedleyJobOptions *
medley_job_get_options (MedleyJob *self);
gint64
medley_job_get_created (MedleyJob *self);

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
/* Looks how large the outputs are. */
void
medley_job_measure_outputs (MedleyJob *self);
/* of all its files, as last seen */
guint64
medley_job_get_bytes (MedleyJob *self);

/**
 * medley_job_open_file:
 * @self: a job
 * @file: name of an input or output in the spool
 * @size: how many bytes it has, all written
 * @error: %MEDLEY_ERROR_IO
 *
 * Opens a whole file for reading. What a loss of power took away is written again from the store,
 * where that has the bytes.
 *
 * Returns: a descriptor, -1 when they are lost
 */
int
medley_job_open_file (MedleyJob *self, const char *file, guint64 size, GError **error);

/* Makes the doorbell of an input that is not whole. Returns: the worker's end, or -1 */
int
medley_input_open_doorbell (MedleyInput *input, GError **error);
void
medley_input_close_doorbell (MedleyInput *input);
gboolean
medley_input_write (MedleyInput *input, const void *data, gsize length, GError **error);
void
medley_input_complete (MedleyInput *input);
/* The next record has the inputs. */
void
medley_job_note_input (MedleyJob *self);
/* (transfer full): MEDLEY_ERROR_EMPTY_INPUT */
GError *
medley_input_make_empty_error (const char *name);

/* @details: (nullable): adopted and cleared. Nothing is added to a job whose end is being written.
 */
void
medley_job_add_event (MedleyJob *self, const char *kind, GVariantDict *details);
/* The first event of a job that is being made. */
void
medley_job_push_created (MedleyJob *self);
/* Refuses what the table of transitions does not have. Final states are for medley_job_end(). */
gboolean
medley_job_set_state (MedleyJob *self, MedleyJobState state);
void
medley_job_set_progress (MedleyJob *self, double fraction, double remaining);

/* Tells why a queued job waits (@reason: transfer full) and its place, 0 for none. */
typedef void (*MedleyJobPlace) (MedleyJob *job, char **reason, guint *position, gpointer data);

void
medley_job_set_place_func (MedleyJob *self, MedleyJobPlace place, gpointer data);

/* Attempts, from 1. The first one that counts comes after the last retry that somebody asked for.
 */
void
medley_job_begin_attempt (MedleyJob *self);
/* @error: (nullable): `a{sv}`; @log: (nullable): the worker's last lines; does nothing when no
 * attempt runs */
void
medley_job_finish_attempt (MedleyJob *self, GVariant *error, const char *const *log);
/* how many attempts count, and how many are allowed */
guint
medley_job_get_attempts (MedleyJob *self, guint *allowed);
/* The attempt that runs ends with its daemon, for @error; an event says so with @message. */
void
medley_job_interrupt (MedleyJob *self, const GError *error, const char *message);
guint
medley_job_get_kills (MedleyJob *self);
void
medley_job_add_kill (MedleyJob *self);
/* Attempts and kills count from here. */
void
medley_job_reset_attempts (MedleyJob *self);
/* when the next attempt may begin, µs since 1970, 0 for at once; the request's time included */
gint64
medley_job_get_ready_at (MedleyJob *self);
void
medley_job_set_ready_at (MedleyJob *self, gint64 time);
/* A job that was paused when the daemon died is paused as soon as it runs again. */
gboolean
medley_job_get_pause_at_start (MedleyJob *self);
void
medley_job_set_pause_at_start (MedleyJob *self, gboolean pause);
/* (transfer none) (nullable): the error of a stop that was asked for, which the store remembers */
GVariant *
medley_job_get_stopping (MedleyJob *self);
/* The first one stays, unless it is cancelled. */
void
medley_job_set_stopping (MedleyJob *self, GVariant *error);
/* It is being stopped because somebody cancelled it. */
gboolean
medley_job_is_being_cancelled (MedleyJob *self);

/* The end has two steps: it is written first, then seen. @error: `a{sv}`, NULL for done */
void
medley_job_prepare_end (MedleyJob *self, MedleyJobState state, GVariant *error);
gboolean
medley_job_is_ending (MedleyJob *self);
/* its state, or the one that is being written */
MedleyJobState
medley_job_get_end_state (MedleyJob *self);
/* ... and it is done */
gboolean
medley_job_will_be_done (MedleyJob *self);
void
medley_job_end (MedleyJob *self);
/* A failed job is queued once more. */
void
medley_job_reopen (MedleyJob *self);

void
medley_job_set_output_state (MedleyJob *self, MedleyOutput *output, MedleyOutputState state);
/* An attempt begins an output anew: who has read of it has to begin anew as well. */
void
medley_job_restart_output (MedleyJob *self, MedleyOutput *output);
/* The attempt that ended last is not the job's fault, and does not count. */
void
medley_job_forgive_attempt (MedleyJob *self);
/* Sets medley_job_is_adjourned(), and tells all who wait. */
void
medley_job_adjourn (MedleyJob *self);
/* Emits the signal that readers of outputs wait for; @output NULL for all. */
void
medley_job_output_grew (MedleyJob *self, MedleyOutput *output);
void
medley_job_emit_changed (MedleyJob *self);
/* Writes to the log that it is there, and what becomes of it. */
void
medley_job_log_added (MedleyJob *self);
void
medley_job_log_event (MedleyJob *self, GVariant *event);
/* (transfer full): the plan as a worker gets it, with the job's trace */
GVariant *
medley_job_add_trace_to_plan (MedleyJob *self, GVariant *plan);

G_END_DECLS
