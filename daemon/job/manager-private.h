/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "job/job-private.h"
#include "job/manager.h"
#include "job/run.h"
#include "job/store.h"

G_BEGIN_DECLS

/* What the files of the manager share: manager.c (queue, runs, status), creation.c and control.c.
 */

struct _MedleyJobManager {
  GObject parent_instance;

  MedleyConfig *config;
  MedleyLibrary *library;
  MedleyCatalog *catalog;
  MedleyPool *pool;
  MedleySpool *spool;
  MedleyJobStore *store;

  GQueue queue;        /* MedleyJob that wait, owned */
  GHashTable *runs;    /* MedleyJob → MedleyRun */
  GHashTable *awaits;  /* MedleyJob whose upload has not begun → its time-out, a source */
  GHashTable *outputs; /* spool file name → MedleyJob, of running jobs */
  GHashTable *checked; /* digest of a plan that a worker accepted */
  GVariantDict *faces;
  gint64 started;
  gint64 last_id_time;
  guint dispatch_source;
};

MedleyPool *
medley_job_manager_get_pool (MedleyJobManager *self);
MedleySpool *
medley_job_manager_get_spool (MedleyJobManager *self);
/* plans that a worker accepted: digests of plan and registry */
gboolean
medley_job_manager_is_checked (MedleyJobManager *self, const char *digest);
void
medley_job_manager_set_checked (MedleyJobManager *self, const char *digest);
/* MEDLEY_ERROR_QUEUE_FULL */
gboolean
medley_job_manager_has_queue_room (MedleyJobManager *self, const char *client, GError **error);
/* (transfer full): unique, sorts by time */
char *
medley_job_manager_make_id (MedleyJobManager *self);
/* Takes a whole job in: it is acknowledged from here on. */
void
medley_job_manager_add (MedleyJobManager *self, MedleyJob *job);
/* Ends a job that has not ended: its run is stopped, or it is taken from the queue. */
void
medley_job_manager_stop (MedleyJobManager *self, MedleyJob *job, const GError *error);
/* Queues a job that was started before. */
void
medley_job_manager_queue_again (MedleyJobManager *self, MedleyJob *job);
/* Starts what can be started. */
void
medley_job_manager_dispatch (MedleyJobManager *self);
/* An input is whole, or given up with @error; a MedleyFeederDone with the manager as its data. */
void
medley_job_manager_input_done (MedleyJob *job, MedleyInput *input, const GError *error,
                               gpointer manager);

G_END_DECLS
