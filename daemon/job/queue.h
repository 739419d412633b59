/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * MedleyQueue:
 *
 * The jobs that wait, and which of them is next: the highest priority first; within a priority the
 * clients in turn, the one that was served longest ago first; within a client the oldest job. A job
 * whose concurrency classes are full is passed over together with all jobs of its client that need
 * the same classes.
 *
 * A client that comes (back) with its first job of a priority joins the end of that priority's
 * turns, so nothing is remembered of clients without waiting jobs. Jobs are pointers that the queue
 * neither looks into nor owns. Not thread-safe: one thread only.
 */
typedef struct _MedleyQueue MedleyQueue;

/**
 * MedleyQueueCanStart:
 * @client: a client
 * @classes: (array zero-terminated=1): concurrency classes, sorted and without repetition
 * @data: as given to medley_queue_pop()
 *
 * Tells whether a job could start now. It must not change the queue.
 *
 * Returns: whether a job of that client that needs these classes can start
 */
typedef gboolean (*MedleyQueueCanStart) (const char *client, const char *const *classes,
                                         gpointer data);

/**
 * MedleyQueueFunc:
 * @job: a job that waits
 * @data: as given to medley_queue_foreach()
 */
typedef void (*MedleyQueueFunc) (gpointer job, gpointer data);

/* (transfer full): an empty queue */
MedleyQueue *
medley_queue_new (void);
/* Jobs that still wait are forgotten. */
void
medley_queue_free (MedleyQueue *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyQueue, medley_queue_free)

/**
 * medley_queue_push:
 * @self: a queue
 * @job: (transfer none): not in the queue yet; must live until it is popped or removed
 * @order: its place in the order of creation: among the jobs of one client and priority the
 * smallest is next, so that a job that comes back for another attempt keeps its place
 * @priority: higher ones go first
 * @client: whose job it is; copied
 * @classes: (nullable) (array zero-terminated=1): the concurrency classes it needs, in any order;
 * copied
 *
 * Adds a job, in O(log n).
 */
void
medley_queue_push (MedleyQueue *self, gpointer job, guint64 order, int priority, const char *client,
                   const char *const *classes);

/**
 * medley_queue_remove:
 * @self: a queue
 * @job: a job
 *
 * Takes a job out that shall not start, in O(log n). The clients' turns stay as they are.
 *
 * Returns: whether it was in
 */
gboolean
medley_queue_remove (MedleyQueue *self, gpointer job);

gboolean
medley_queue_contains (MedleyQueue *self, gpointer job);

/**
 * medley_queue_pop:
 * @self: a queue
 * @can_start: (nullable) (scope call): asked once for each client and set of classes until one can
 * start; %NULL when every job can
 * @data: for @can_start
 *
 * Takes out the next job that can start. Its client's turn is over; a client that was passed over
 * keeps its place.
 *
 * Returns: (transfer none) (nullable): the job, %NULL when none can start
 */
gpointer
medley_queue_pop (MedleyQueue *self, MedleyQueueCanStart can_start, gpointer data);

/* how many jobs wait */
guint
medley_queue_get_length (MedleyQueue *self);
/* how many jobs of one client wait */
guint
medley_queue_get_client_length (MedleyQueue *self, const char *client);
/* how many clients have jobs waiting */
guint
medley_queue_get_n_clients (MedleyQueue *self);

/**
 * medley_queue_get_position:
 * @self: a queue
 * @job: a job
 *
 * Computes which place a job has when all jobs start one by one from now on and none is added.
 * Concurrency classes are left out of account. O(clients + log n).
 *
 * Returns: its place from 1, or 0 when it is not in the queue
 */
guint
medley_queue_get_position (MedleyQueue *self, gpointer job);

/**
 * medley_queue_get_classes:
 * @self: a queue
 * @job: a job
 *
 * Returns: (transfer none) (nullable) (array zero-terminated=1): the classes it was pushed with,
 * sorted; %NULL when it is not in the queue
 */
const char *const *
medley_queue_get_classes (MedleyQueue *self, gpointer job);

/**
 * medley_queue_foreach:
 * @self: a queue
 * @func: (scope call): called once for each job, in no order; it must not change the queue
 * @data: for @func
 */
void
medley_queue_foreach (MedleyQueue *self, MedleyQueueFunc func, gpointer data);

G_END_DECLS
