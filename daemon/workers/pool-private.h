/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* For pool.c and pool-questions.c. */

#include "workers/launcher.h"
#include "workers/pool.h"

G_BEGIN_DECLS

struct _MedleyPool {
  GObject parent_instance;

  MedleyConfig *config;
  MedleyLauncher *launcher;
  MedleyLauncher *exec_launcher;
  MedleyCgroup *cgroup; /* NULL when memory is watched instead */
  char *no_cgroup;      /* why there is none */
  guint maximum;
  guint warm;

  GQueue idle;     /* MedleyWorker; the last one used is at the head, its caches are the warmest */
  GPtrArray *all;  /* MedleyWorker: idle, starting and busy */
  guint launching; /* processes that are being made */
  guint starting;  /* processes that are not ready yet */
  guint busy;
  guint generation; /* of the plugins that new workers see */
  GQueue waiting;   /* GTask of acquire */

  MedleyWorker *answerer;
  gboolean answerer_launching;
  GQueue questions; /* of pool-questions.c: what nobody was asked yet */

  guint failures;
  guint retry_source;
  GError *last_failure;
  GError *refused; /* this system cannot confine workers as configured: none will ever start */
  GVariant *sandbox;
  guint64 n_started;
  guint64 n_lost;
};

/* A worker has ended unasked, or was killed for a cause: counts it, and tells. */
void
medley_pool_note_lost (MedleyPool *self, MedleyWorker *worker, const GError *error);
/* A process could not be made, or ended before it was ready. */
void
medley_pool_note_failure (MedleyPool *self, const GError *error);
/* Whether a process that was just made ended before anybody could listen. */
gboolean
medley_pool_has_ended (MedleyPool *self, MedleyWorker *worker);

/* Puts the questions that wait to the worker for them, and has one made where there is none. */
void
medley_pool_pump_questions (MedleyPool *self);
void
medley_pool_fail_questions (MedleyPool *self, const GError *error);
/* At the end: whoever asked hears nothing more. */
void
medley_pool_drop_questions (MedleyPool *self);
/* What it was asked keeps it alive until it is answered; the next question goes to another. */
void
medley_pool_drop_answerer (MedleyPool *self);

G_END_DECLS
