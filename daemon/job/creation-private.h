/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "job/manager-private.h"
#include "job/request.h"

G_BEGIN_DECLS

/* What creation.c and creation-key.c share: a request on its way to be a job, the data of its task.
 */

typedef struct {
  MedleyJobRequest *request;
  MedleyPipeline *pipeline; /* owned */
  GVariant *plan;
  GVariant *parameters;
  char *digest;
  GVariant *faults;
  char *key; /* in MedleyJobManager.keys */
  char *key_digest;
  gboolean replayed;
} MedleyCreation;

/* (transfer full): whose keys a client's are: one that comes back on another connection finds them
 * again */
char *
medley_creation_dup_owner (const char *client);
/* Returns whether the request is answered, now or later, by the job of an earlier one. */
gboolean
medley_creation_answer_with_key (MedleyJobManager *self, GTask *task, MedleyCreation *creation);
/* Answers those who sent the same request while it was being carried out. @job: (nullable): NULL
 * with @error */
void
medley_creation_answer_waiting (MedleyJobManager *self, MedleyCreation *creation, MedleyJob *job,
                                const GError *error);

G_END_DECLS
