/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * MedleySpool:
 *
 * The folder of the jobs' inputs and outputs. Names are made by the daemon, never by a client;
 * files are opened beneath the folder's descriptor and never through a symbolic link. Tells when a
 * file grows. Main thread only.
 */
#define MEDLEY_TYPE_SPOOL (medley_spool_get_type ())
G_DECLARE_FINAL_TYPE (MedleySpool, medley_spool, MEDLEY, SPOOL, GObject)

/* The store's folder in the spool's: one lock is for both. */
#define MEDLEY_SPOOL_STORE "store"

typedef void (*MedleySpoolGrew) (const char *name, gpointer data);

/**
 * medley_spool_new:
 * @folder: made with mode 0700 where it is missing
 * @grew: called when bytes were written to a file of the folder; with %NULL when it may be any of
 * them
 * @data: for @grew
 * @error: %MEDLEY_ERROR_IO, %MEDLEY_ERROR_UNAVAILABLE when another daemon uses the folder
 *
 * Returns: (transfer full) (nullable): the spool
 */
MedleySpool *
medley_spool_new (const char *folder, MedleySpoolGrew grew, gpointer data, GError **error);

/* an empty file for reading and writing; -1 with MEDLEY_ERROR_NO_SPACE or MEDLEY_ERROR_IO */
int
medley_spool_create (MedleySpool *self, const char *name, GError **error);
/* an existing file for reading; -1 with MEDLEY_ERROR_IO */
int
medley_spool_open (MedleySpool *self, const char *name, GError **error);
/* an existing file for reading and writing, emptied; -1 with MEDLEY_ERROR_IO */
int
medley_spool_open_empty (MedleySpool *self, const char *name, GError **error);
void
medley_spool_remove (MedleySpool *self, const char *name);
/* removes the files of jobs whose id is not in @ids, and no others; returns how many */
guint
medley_spool_sweep (MedleySpool *self, GHashTable *ids);
/* whether there is any file of a job */
gboolean
medley_spool_has_files (MedleySpool *self);
/* a descriptor of the folder, to sync it: the caller closes it; -1 when there are too many */
int
medley_spool_dup_folder (MedleySpool *self);
/* bytes that are free on its disk for this user; G_MAXUINT64 when that cannot be known */
guint64
medley_spool_get_free (MedleySpool *self);
/* removes what a spool left in its folder, unless a spool is using it; the folder itself and other
 * files stay */
void
medley_spool_erase (const char *folder);

G_END_DECLS
