/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* One layer of Landlock: what the calling thread, and what it starts afterwards, may do with the
 * file system. A further layer takes away and never gives back. */
typedef struct _MedleyLandlock MedleyLandlock;

/* the newest version that kernel and this file both know, 0 when there is none; at most @most */
guint
medley_landlock_version (guint most);

/**
 * medley_landlock_new:
 * @version: of medley_landlock_version(), not 0
 * @error: %MEDLEY_ERROR_SANDBOX_MISSING
 *
 * A layer that forbids all that the version knows: reading, writing, making, removing, moving and
 * executing files, from version 4 on also TCP, from 6 on also signals to processes outside and
 * abstract Unix sockets of others.
 *
 * Returns: (transfer full) (nullable): a layer, not in force yet
 */
MedleyLandlock *
medley_landlock_new (guint version, GError **error);
void
medley_landlock_free (MedleyLandlock *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyLandlock, medley_landlock_free)

/* Allow something at and beneath a path; one that does not exist is left out. Nothing here allows
 * to execute a file. */
void
medley_landlock_allow_read (MedleyLandlock *self, const char *path);
/* for devices: read and write */
void
medley_landlock_allow_use (MedleyLandlock *self, const char *path);
/* a folder in which to make, write and remove files and folders; no devices and no sockets */
void
medley_landlock_allow_write (MedleyLandlock *self, const char *folder);

/* Puts the layer in force, for good. @error: %MEDLEY_ERROR_SANDBOX_MISSING */
gboolean
medley_landlock_enforce (MedleyLandlock *self, GError **error);

G_END_DECLS
