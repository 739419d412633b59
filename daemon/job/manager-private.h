/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "job/agenda.h"
#include "job/circuit.h"
#include "job/classes.h"
#include "job/job-private.h"
#include "job/manager.h"
#include "job/metrics.h"
#include "job/queue.h"
#include "job/retry.h"
#include "job/run.h"
#include "job/store.h"

G_BEGIN_DECLS

/* What the files of the manager share: manager.c (runs), creation.c, control.c, waiting.c (why jobs
 * do not run yet), suspension.c (engines that crash), ending.c, lookup.c (which jobs there are),
 * saving.c (what goes to the store), drain.c (how it comes to rest), recovery.c (what an earlier
 * daemon left), retention.c (what is forgotten) and pipelines.c (which are saved and removed). */

typedef struct _MedleyDrain MedleyDrain;

struct _MedleyJobManager {
  GObject parent_instance;

  MedleyConfig *config;
  MedleyLibrary *library;
  MedleyCatalog *catalog;
  MedleyPool *pool;
  MedleySpool *spool;
  MedleyJobStore *store;
  MedleyStageCache *cache; /* NULL when it is off */
  char *cache_off;         /* why */

  GHashTable *live;     /* id → MedleyJob that has not ended, or whose end is not in the store */
  GHashTable *clients;  /* client → number of its jobs in `live` and being created, none for 0 */
  GHashTable *known;    /* id → what lookup.c notes of an ended job that somebody holds */
  GHashTable *removing; /* ids of jobs that the store still has */
  guint ended[MEDLEY_JOB_N_STATES];
  guint64 ended_bytes;

  GPtrArray *recovered; /* MedleyJob of an earlier daemon, until the engines are known */
  MedleyQueue *queue;
  MedleyClasses *classes;
  MedleyCircuits *circuits;
  guint circuit_source; /* until the next one is half-open */
  MedleyAgenda *agenda;
  GHashTable *runs;    /* MedleyJob → MedleyRun */
  GHashTable *outputs; /* spool file name → MedleyJob, of running jobs */
  GHashTable *checked; /* digest → plan that a worker accepted */
  GHashTable *keys;    /* idempotency key in the making → GPtrArray of GTask that wait for it */
  guint creating;      /* jobs that are being written for the first time */

  GError *save_error; /* of the last write, NULL when it went well */
  GQueue saves;       /* MedleySave under way, in order */
  GQueue flushes;     /* MedleyFlush */
  guint64 last_save;
  GHashTable *unsaved; /* MedleyJob → itself, to be saved soon */
  guint unsaved_source;
  guint retention_source;
  guint surplus_source;
  guint n_ended_busily; /* jobs since there was last none left */
  guint quiet_source;

  GQueue pipeline_changes; /* GTask, in order; see pipelines.c */
  gboolean is_changing_pipelines;

  MedleyMetrics *registry;
  MedleyJobMetrics *metrics;
  MedleyDrain *drain; /* NULL while jobs are taken */

  GVariantDict *faces;
  gint64 started;
  gint64 last_id_time;
  guint dispatch_source;
};

/* ---- manager.c ---- */

/* (transfer none) (nullable): plans that a worker accepted, by digest of plan and registry; the
 * same plan is held once however many jobs have it */
GVariant *
medley_job_manager_find_checked (MedleyJobManager *self, const char *digest);
void
medley_job_manager_set_checked (MedleyJobManager *self, const char *digest, GVariant *plan);
/* (transfer full): unique, sorts by time */
char *
medley_job_manager_make_id (MedleyJobManager *self);
/* Takes a job in that the store has; the second tells everybody and queues it. */
void
medley_job_manager_take_live (MedleyJobManager *self, MedleyJob *job);
void
medley_job_manager_add (MedleyJobManager *self, MedleyJob *job);
/* Forgets the run of a job that has one: the worker is given back by then, or is killed. */
void
medley_job_manager_end_run (MedleyJobManager *self, MedleyJob *job);
/* Starts what can be started, soon. */
void
medley_job_manager_schedule (MedleyJobManager *self);
/* An input is whole, or given up with @error; a MedleyFeederDone with the manager as its data. */
void
medley_job_manager_input_done (MedleyJob *job, MedleyInput *input, const GError *error,
                               gpointer manager);

/* ---- origin.c ---- */

/* Before the job's first record is made. */
void
medley_job_manager_set_origin (MedleyJobManager *self, MedleyJob *job,
                               const MedleyJobRequest *request);

/* ---- waiting.c ---- */

/* MEDLEY_ERROR_QUEUE_FULL, MEDLEY_ERROR_NO_SPACE */
gboolean
medley_job_manager_has_queue_room (MedleyJobManager *self, const char *client, GError **error);
/* MEDLEY_ERROR_NO_SPACE below limits.free-space */
gboolean
medley_job_manager_has_space (MedleyJobManager *self, GError **error);
/* Lets a queued job wait for what it needs: an upload, a time, or a worker. */
void
medley_job_manager_enqueue (MedleyJobManager *self, MedleyJob *job);
/* An input is whole: the job may have waited for it. */
void
medley_job_manager_input_came (MedleyJobManager *self, MedleyJob *job);
/* From now on a description says why the job waits. */
void
medley_job_manager_show_place (MedleyJobManager *self, MedleyJob *job);
/* A MedleyAgendaDue, with the manager as its data. */
void
medley_job_manager_job_is_due (gpointer job, MedleyAgendaKind kind, gpointer manager);

/* ---- ending.c ---- */

/* Ends a job that has not ended: its run is stopped, or it is taken from the queue. */
void
medley_job_manager_stop (MedleyJobManager *self, MedleyJob *job, const GError *error);
/* The last step of every job: @error is NULL for a job that is done. */
void
medley_job_manager_conclude (MedleyJobManager *self, MedleyJob *job, GVariant *error);
/* An attempt has failed with @error, `a{sv}`: the job is queued again, or it ends. @log:
 * (nullable): the worker's last lines */
void
medley_job_manager_attempt_failed (MedleyJobManager *self, MedleyJob *job, GVariant *error,
                                   const char *const *log);

/* ---- lookup.c ---- */

/* How many jobs of a client have not ended; the second changes that. */
guint
medley_job_manager_count_client (MedleyJobManager *self, const char *client);
void
medley_job_manager_change_client (MedleyJobManager *self, const char *client, int difference);
/* A job that has ended is kept in the store alone, from when its end is written. */
void
medley_job_manager_settle (MedleyJobManager *self, MedleyJob *job);
void
medley_job_manager_forget_known (MedleyJobManager *self);
void
medley_job_manager_free_known (gpointer data);
/* It is being removed: nobody finds it any more. */
void
medley_job_manager_drop (MedleyJobManager *self, MedleyJob *job);
/* Of a job that was failed: it has not ended any more. */
void
medley_job_manager_revive (MedleyJobManager *self, MedleyJob *job);

/* ---- suspension.c ---- */

/* Once the configuration is there. */
void
medley_job_manager_make_circuits (MedleyJobManager *self);
/* (transfer full): what a job needs as medley_queue_push() takes it: its classes, and the engines
 * of each stage */
char **
medley_job_manager_make_lane (MedleyJobManager *self, MedleyJob *job);
/* A MedleyQueueCanStart, with the manager as its data. */
gboolean
medley_job_manager_can_start (const char *client, const char *const *lane, gpointer manager);
/* (transfer full) (nullable): why such a job cannot start */
char *
medley_job_manager_explain_wait (MedleyJobManager *self, const char *client,
                                 const char *const *lane);
/* A job starts: its attempt does without suspended engines where their list has others. */
void
medley_job_manager_choose_engines (MedleyJobManager *self, MedleyJob *job);
/* A stage has finished, so its engine works; @event: the event that says so. */
void
medley_job_manager_note_success (MedleyJobManager *self, MedleyJob *job, GVariant *event);
/* Its run has ended; @error: (nullable): `a{sv}`. */
void
medley_job_manager_note_engines (MedleyJobManager *self, MedleyJob *job, GVariant *error);

/* ---- saving.c ---- */

typedef void (*MedleySaved) (MedleyJobManager *self, MedleyJob *job, const GError *error,
                             gpointer data);

/**
 * medley_job_manager_save:
 * @self: a manager
 * @job: a job
 * @sync: whether to wait for the disk: first for the files that have become whole, then for the
 * store
 * @done: (nullable): called later
 * @data: for @done
 *
 * Writes what has changed of a job. What could not be written is tried again until it can.
 */
void
medley_job_manager_save (MedleyJobManager *self, MedleyJob *job, gboolean sync, MedleySaved done,
                         gpointer data);
/* Removes a dropped job from the store, then its files. */
void
medley_job_manager_save_removal (MedleyJobManager *self, MedleyJob *job);
/* Writes it within a moment, together with what else there will be. */
void
medley_job_manager_save_soon (MedleyJobManager *self, MedleyJob *job);
/* Writes all that now. */
void
medley_job_manager_save_unsaved (MedleyJobManager *self);
/* At the end: nobody is called back any more. */
void
medley_job_manager_drop_saves (MedleyJobManager *self);

/* ---- drain.c ---- */

/* A run has ended or paused: maybe it was the last. */
void
medley_job_manager_look_at_drain (MedleyJobManager *self);
void
medley_job_manager_free_drain (MedleyJobManager *self);

/* ---- recovery.c, retention.c ---- */

/* Takes in what an earlier daemon left; removes files that no job has. MEDLEY_ERROR_BAD_STORE,
 * MEDLEY_ERROR_IO: nothing was removed. */
gboolean
medley_job_manager_recover (MedleyJobManager *self, GError **error);
/* Removes ended jobs that are too many, too large or too old, within a moment. */
void
medley_job_manager_retain_soon (MedleyJobManager *self);
/* ... and goes on doing so as time passes. */
void
medley_job_manager_watch_age (MedleyJobManager *self);

/* ---- caching.c ---- */

/* Jobs do not depend on it: without a cache there is a reason why. */
void
medley_job_manager_open_cache (MedleyJobManager *self);
/* (transfer floating): `a{sv}`, for the status */
GVariant *
medley_job_manager_describe_cache (MedleyJobManager *self);

G_END_DECLS
