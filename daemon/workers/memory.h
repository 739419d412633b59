/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * MedleyMemory:
 * @bound: at least what the process has of its own, in bytes: all that is resident, shared or not,
 * and what of it was swapped out. Costs some microseconds
 * @own: what it has of its own, in bytes: private pages and swap, without what a forked worker
 * still shares with its zygote. Costs a walk through its page tables: 84 ms for 2 GiB
 */
typedef struct {
  guint64 bound;
  guint64 own;
} MedleyMemory;

/**
 * medley_memory_read_bound:
 * @folder: a process's folder, "/proc/PID"
 * @memory: (inout): its @bound is set
 *
 * Returns: whether it could be read
 */
gboolean
medley_memory_read_bound (const char *folder, MedleyMemory *memory);

/**
 * medley_memory_read_own:
 * @folder: a process's folder, "/proc/PID"
 * @memory: (inout): its @own is set
 *
 * Blocks: not for the main loop. Of a process whose page tables may not be read all memory that is
 * not of a file counts, shared or not.
 *
 * Returns: whether it could be read
 */
gboolean
medley_memory_read_own (const char *folder, MedleyMemory *memory);

/**
 * MedleyMemoryWatch:
 *
 * Watches the memory of one process, seldom while it is small and often when it comes near the
 * limit. Main thread only.
 */
typedef struct _MedleyMemoryWatch MedleyMemoryWatch;

/**
 * MedleyMemoryExceeded:
 * @own: what the process has of its own, in bytes
 * @data: as given to medley_memory_watch_new()
 *
 * Called once; it may free the watch.
 */
typedef void (*MedleyMemoryExceeded) (guint64 own, gpointer data);

/**
 * medley_memory_watch_new:
 * @folder: the process's folder, "/proc/PID"
 * @limit: most memory of its own, in bytes
 * @exceeded: called from the main context when it has more
 * @data: for @exceeded
 *
 * Returns: (transfer full): a watch, until it is freed
 */
MedleyMemoryWatch *
medley_memory_watch_new (const char *folder, guint64 limit, MedleyMemoryExceeded exceeded,
                         gpointer data);
void
medley_memory_watch_free (MedleyMemoryWatch *self);

/**
 * medley_memory_next_look:
 * @memory: what was read last
 * @limit: the limit, in bytes
 *
 * Returns: after how many milliseconds to look again: before a process that takes memory as fast as
 * it can could be at the limit, from 20 to 500
 */
guint
medley_memory_next_look (const MedleyMemory *memory, guint64 limit);

G_END_DECLS
