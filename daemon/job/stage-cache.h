/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/config.h"

G_BEGIN_DECLS

/**
 * MedleyStageCache:
 *
 * Results of stages in a folder: a file for each port of a stage, named by its key (see
 * job/stage-keys.h; the form of a file is in base/stage-entry.h). A file is there whole or not at
 * all, also after a crash; one that is damaged is as good as none, and removed. Bounded in bytes:
 * what was used longest ago goes first. Several daemons may share a folder: what they know of each
 * other is the files.
 *
 * Any thread. Calls that block say so; they are for threads other than the main one.
 */
#define MEDLEY_TYPE_STAGE_CACHE (medley_stage_cache_get_type ())
G_DECLARE_FINAL_TYPE (MedleyStageCache, medley_stage_cache, MEDLEY, STAGE_CACHE, GObject)

/**
 * medley_stage_cache_new:
 * @folder: made where there is none, private to the user
 * @bytes: most bytes of all files, as the disk counts them
 * @entry_bytes: most bytes of one
 * @error: %MEDLEY_ERROR_NOT_ALLOWED, %MEDLEY_ERROR_IO
 *
 * Opens a cache. Its files are counted in a thread; what a crash left unfinished goes at the same
 * time.
 *
 * Returns: (transfer full) (nullable): a cache
 */
MedleyStageCache *
medley_stage_cache_new (const char *folder, guint64 bytes, guint64 entry_bytes, GError **error);

/**
 * medley_stage_cache_new_from_config:
 * @config: `paths.cache`, `cache.bytes`, `cache.entry-bytes`, and `limits.free-space`, below which
 * nothing is recorded
 * @error: as of medley_stage_cache_new(); %MEDLEY_ERROR_UNAVAILABLE when it is switched off
 *
 * Returns: (transfer full) (nullable): a cache
 */
MedleyStageCache *
medley_stage_cache_new_from_config (MedleyConfig *config, GError **error);

guint64
medley_stage_cache_get_entry_bytes (MedleyStageCache *self);

/**
 * medley_stage_cache_open:
 * @self: a cache
 * @key: name of an entry
 *
 * Blocks: the whole entry is read, to see that it is undamaged.
 *
 * Returns: a descriptor for reading, -1 when there is no such entry
 */
int
medley_stage_cache_open (MedleyStageCache *self, const char *key);

/**
 * medley_stage_cache_begin:
 * @self: a cache
 * @name: (out) (transfer full): its name until it is committed or abandoned
 *
 * Begins an entry whose key need not be known yet. Blocks for a moment.
 *
 * Returns: a descriptor for reading and writing, -1 when none can be made
 */
int
medley_stage_cache_begin (MedleyStageCache *self, char **name);

/**
 * medley_stage_cache_commit:
 * @self: a cache
 * @name: as medley_stage_cache_begin() gave it
 * @fd: its descriptor, with records and trailer; not taken over
 * @key: what it is to be called
 *
 * Makes an entry visible, once it is found to be whole. Blocks.
 *
 * Returns: whether it is there now; if not it is abandoned
 */
gboolean
medley_stage_cache_commit (MedleyStageCache *self, const char *name, int fd, const char *key);
void
medley_stage_cache_abandon (MedleyStageCache *self, const char *name);

/* Removes an entry that turned out to be of no use. */
void
medley_stage_cache_remove (MedleyStageCache *self, const char *key);
/* Removes all entries; returns how many. Blocks. */
guint64
medley_stage_cache_clear (MedleyStageCache *self);

/* Runs @func (@data) in the cache's own thread, one after the other; waited for when the cache is
 * disposed of. The cache stays alive meanwhile. */
void
medley_stage_cache_push (MedleyStageCache *self,
                         void (*func) (MedleyStageCache *self, gpointer data), gpointer data);

/* Counts stages that were looked up. */
void
medley_stage_cache_count (MedleyStageCache *self, guint hits, guint misses);

/* (transfer floating): `a{sv}`: "folder" s, "entries" t, "bytes" t, "maximum" t (bytes), "hits" t
 * and "misses" t (stages, since the daemon started) */
GVariant *
medley_stage_cache_describe (MedleyStageCache *self);

G_END_DECLS
