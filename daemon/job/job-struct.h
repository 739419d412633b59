/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "job/job-private.h"

G_BEGIN_DECLS

/* What the files of the job share: job.c (life and state), job-events.c, job-files.c,
 * job-describe.c and job-record.c. */

struct _MedleyJob {
  GObject parent_instance;

  char *id;
  char *client;
  char *pipeline;
  char *plan_digest;
  GVariant *plan;         /* NULL until it is asked for, in a job from the store */
  GVariant *attempt_plan; /* what the present attempt has instead, NULL for nothing */
  GVariant *parameters;
  MedleyJobOptions options;
  MedleySpool *spool;
  MedleyJobStore *store; /* not owned; NULL once it is closed */

  MedleyJobState state;
  gint64 created, started, finished; /* µs since 1970, 0 before */
  double progress, remaining;        /* -1 while unknown */
  GVariant *error_variant;
  GError *error;
  MedleyJobPlace place;
  gpointer place_data;

  guint n_attempts;    /* that were begun */
  guint attempts_base; /* those that do not count: before a retry that somebody asked for, and those
                          that ended with their daemon */
  guint kills;         /* workers that it took with it since */
  GPtrArray *attempts; /* GVariant a{sv} */
  gint64 attempt_began; /* 0 when none runs */
  gint64 ready_at;      /* µs since 1970 of the next attempt, 0 for at once */
  gboolean pause_at_start;
  gboolean is_adjourned;
  GVariant *stopping; /* the error of a stop that was asked for, NULL for none */

  /* How it is going to end, while that is being written. */
  gboolean is_ending;
  gboolean end_is_recorded; /* a record with it was made */
  MedleyJobState end_state;
  GVariant *end_error;
  GVariant *end_event;
  gint64 end_time;

  GPtrArray *inputs;
  GPtrArray *outputs;
  char **output_names;

  GQueue events; /* GVariant */
  gboolean has_events;
  guint max_events;
  guint64 last_event;

  char *request_id;
  MedleyTrace trace; /* that what is done for the job belongs to, empty for none */
  char *tracestate;
  gboolean has_span;                           /* its span is the job's own, to be exported ... */
  char parent_span[MEDLEY_SPAN_ID_LENGTH + 1]; /* ... below this one, "" for none */

  char *key_owner, *key, *key_digest; /* until they are in a record */

  /* What the store does not have yet. */
  gboolean is_new;
  gboolean is_removed;
  gboolean inputs_changed;
  gboolean outputs_changed;
  guint64 saved_event;
  guint stored_events; /* about as many as the store has of it, once they are loaded */
  guint saved_attempts;
};

enum {
  MEDLEY_JOB_SIGNAL_EVENT,
  MEDLEY_JOB_SIGNAL_CHANGED,
  MEDLEY_JOB_SIGNAL_GREW,
  MEDLEY_JOB_N_SIGNALS
};

/* (transfer full): the event that medley_job_add_event() would add; @details is cleared */
GVariant *
medley_job_make_event (MedleyJob *self, const char *kind, GVariantDict *details);
/* The events of a job that the store has are read when somebody asks, or adds some. */
void
medley_job_load_events (MedleyJob *self);
/* Adds an event that was made, and tells. */
void
medley_job_push_event (MedleyJob *self, GVariant *event);
GVariant *
medley_job_make_state_event (MedleyJob *self, MedleyJobState state, GVariant *error);
void
medley_job_emit_event (MedleyJob *self, GVariant *event);
void
medley_job_emit_grew (MedleyJob *self, MedleyOutput *output);
/* Adds those that the request has given: times and the cache, as clients and the store see them. */
void
medley_job_add_options (MedleyJob *self, GVariantBuilder *builder);
/* Its request and trace, as clients see them, and as the store keeps them. */
void
medley_job_add_origin (MedleyJob *self, GVariantBuilder *builder);
void
medley_job_save_origin (MedleyJob *self, GVariantBuilder *builder);
void
medley_job_read_origin (MedleyJob *self, GVariant *status);
void
medley_input_free (MedleyInput *input);
void
medley_output_free (MedleyOutput *output);
/* Renews the list of the outputs' names. */
void
medley_job_add_output_name (MedleyJob *self, const char *name);

G_END_DECLS
