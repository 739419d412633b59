/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "job/state.h"

G_BEGIN_DECLS

/* Contents up to this size lie in the store itself: one sync then covers the job and its bytes. */
#define MEDLEY_RECORD_INLINE_BYTES (32 * 1024)

/**
 * MedleyFileRecord:
 * @name: of the input or output
 * @type: media type
 * @file: name in the spool
 * @state: a MedleyInputState or MedleyOutputState
 * @flags: what else is known of it; see job-private.h
 * @size: bytes
 * @digest: (nullable): SHA-256 of the content in hexadecimal digits
 * @content: (nullable): the bytes themselves, when they are few; not read back with the rest
 *
 * What the store keeps of an input or output.
 */
typedef struct {
  char *name;
  char *type;
  char *file;
  int state;
  guint flags;
  guint64 size;
  char *digest;
  GBytes *content;
} MedleyFileRecord;

/**
 * MedleyJobRecord:
 * @id: the job's id
 * @is_new: whether the job is not in the store yet
 * @client: who created it
 * @pipeline: its pipeline's name
 * @state: its state
 * @priority: -100 to 100
 * @created: µs since 1970
 * @finished: µs since 1970, 0 before
 * @bytes: of all its files
 * @plan_digest: names the plan
 * @plan: (nullable): `a{sv}`; only needed with a new job
 * @status: `a{sv}`: all else that is kept of the job
 * @inputs: (nullable) (element-type MedleyFileRecord): %NULL for as they were
 * @outputs: (nullable) (element-type MedleyFileRecord): likewise
 * @attempts: (nullable) (element-type GVariant): `a{sv}` with "number" u; those that are new or
 * have changed
 * @events: (nullable) (element-type GVariant): those since the last record
 * @replaces_events: whether @events are all that shall be kept
 * @key: (nullable): the request's idempotency key, @key_digest what the request was, @key_owner
 * whose key it is
 *
 * A job as the store keeps it. Holds nothing that changes afterwards, so that a thread may write
 * it.
 */
typedef struct {
  char *id;
  gboolean is_new;
  char *client;
  char *pipeline;
  MedleyJobState state;
  gint32 priority;
  gint64 created;
  gint64 finished;
  guint64 bytes;
  char *plan_digest;
  GVariant *plan;
  GVariant *status;
  GPtrArray *inputs;
  GPtrArray *outputs;
  GPtrArray *attempts;
  GPtrArray *events;
  gboolean replaces_events;
  char *key;
  char *key_digest;
  char *key_owner;
} MedleyJobRecord;

void
medley_file_record_free (MedleyFileRecord *self);
MedleyJobRecord *
medley_job_record_new (const char *id);
/**
 * medley_job_record_detach:
 * @self: a record
 *
 * Makes the record's variants its own, so that a thread may read them while another reads those
 * that they came from; see medley_variant_detach().
 */
void
medley_job_record_detach (MedleyJobRecord *self);
void
medley_job_record_free (MedleyJobRecord *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyJobRecord, medley_job_record_free)

/**
 * MedleyJobFilter:
 * @state: a MedleyJobState, or -1 for all
 * @pipeline: (nullable): name of a pipeline, %NULL for all
 * @client: (nullable): who asked for it ("uid:1000", "token:NAME"), %NULL for all
 * @from: created then or later, in µs since 1970
 * @before: created earlier, in µs since 1970; 0 for no such bound
 *
 * Which jobs are meant.
 */
typedef struct {
  int state;
  const char *pipeline;
  const char *client;
  gint64 from;
  gint64 before;
} MedleyJobFilter;

#define MEDLEY_JOB_FILTER_ALL                                                                      \
  {                                                                                                \
    .state = -1                                                                                    \
  }

/* An id begins with the time at which it was made: ids sort as jobs were made. */
#define MEDLEY_JOB_ID_TIME_DIGITS 11
#define MEDLEY_JOB_ID_TIME_MAX G_GINT64_CONSTANT (131621703842267135)

/* Writes a time, in µs since 1970, up to MEDLEY_JOB_ID_TIME_MAX, as an id begins with it, and a
 * NUL.
 */
void
medley_job_id_write_time (char id[MEDLEY_JOB_ID_TIME_DIGITS + 1], guint64 time);

G_END_DECLS
