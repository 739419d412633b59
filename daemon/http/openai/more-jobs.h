/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/openai/call.h"

G_BEGIN_DECLS

/**
 * MedleyOpenaiMoreJobs:
 *
 * Further jobs of a call that asks for more than one result: several pictures, vectors of several
 * texts. Belongs to the call's data and is freed with it, which cancels what has not ended
 * unless the call has an idempotency key. Main thread only.
 */
typedef struct _MedleyOpenaiMoreJobs MedleyOpenaiMoreJobs;

/* Returns: (transfer full): with no jobs */
MedleyOpenaiMoreJobs *
medley_openai_more_jobs_new (void);
void
medley_openai_more_jobs_free (MedleyOpenaiMoreJobs *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyOpenaiMoreJobs, medley_openai_more_jobs_free)

/* @request: (transfer full): one more */
void
medley_openai_more_jobs_add (MedleyOpenaiMoreJobs *self, MedleyJobRequest *request);

/**
 * medley_openai_more_jobs_start:
 * @self: jobs
 * @call: the call whose data they belong to, and whose own job was made
 *
 * Makes the jobs. What cannot be made is the call's failure.
 */
void
medley_openai_more_jobs_start (MedleyOpenaiMoreJobs *self, MedleyOpenaiCall *call);

/* (transfer none): one of them, once all outputs were collected */
MedleyJob *
medley_openai_more_jobs_get_job (MedleyOpenaiMoreJobs *self, guint index);

/* @contents: (element-type GBytes): an output of each job, in their order */
typedef void (*MedleyOpenaiMoreFunc) (MedleyOpenaiCall *call, GPtrArray *contents, gpointer data);

/**
 * medley_openai_more_jobs_collect:
 * @self: jobs that were started
 * @role: of the output
 * @limit: most bytes in all
 * @func: called with the whole outputs, when all jobs are done
 * @data: for @func
 *
 * Waits for the end of the jobs. The failure of one is the call's.
 */
void
medley_openai_more_jobs_collect (MedleyOpenaiMoreJobs *self, const char *role, gsize limit,
                                 MedleyOpenaiMoreFunc func, gpointer data);

G_END_DECLS
