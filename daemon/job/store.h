/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "job/job.h"

G_BEGIN_DECLS

/**
 * MedleyJobStore:
 *
 * Where jobs are kept. This one is memory: jobs last as long as the daemon. A durable one takes its
 * place behind the same functions. Main thread only.
 */
typedef struct _MedleyJobStore MedleyJobStore;

MedleyJobStore *
medley_job_store_new (void);
void
medley_job_store_free (MedleyJobStore *self);

void
medley_job_store_add (MedleyJobStore *self, MedleyJob *job);
void
medley_job_store_remove (MedleyJobStore *self, MedleyJob *job);
/* (transfer none) (nullable) */
MedleyJob *
medley_job_store_get (MedleyJobStore *self, const char *id);

typedef gboolean (*MedleyJobFilter) (MedleyJob *job, gpointer data);

/* (transfer full) (element-type MedleyJob): the newest first, after the job @cursor; at most
 * @limit, 0 for all */
GPtrArray *
medley_job_store_list (MedleyJobStore *self, MedleyJobFilter filter, gpointer data,
                       const char *cursor, guint limit);

/* (transfer none) (nullable): the oldest ended job when more than @keep jobs have ended */
MedleyJob *
medley_job_store_find_surplus (MedleyJobStore *self, guint keep);

/* jobs in a state */
guint
medley_job_store_count (MedleyJobStore *self, MedleyJobState state);

G_END_DECLS
