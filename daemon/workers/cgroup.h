/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * MedleyCgroup:
 *
 * The daemon's control group, where it was given one for itself (cgroup v2, as a systemd unit with
 * `Delegate=memory` has): each worker then gets a group below it in which the kernel limits its
 * memory. The daemon itself moves into a group "daemon" beside them, since a group with processes
 * of its own cannot have groups with limits. Main thread only.
 */
typedef struct _MedleyCgroup MedleyCgroup;

/**
 * medley_cgroup_open:
 * @root: where the hierarchy is mounted, "/sys/fs/cgroup"
 * @membership: the file that tells the own group, "/proc/self/cgroup"
 * @error: %MEDLEY_ERROR_UNAVAILABLE with the reason for which memory cannot be limited this way
 *
 * Takes charge of the daemon's group. To be called before it has children. Nothing is changed
 * unless the group is writable, has the memory controller, and holds no other process.
 *
 * Returns: (transfer full) (nullable): the group
 */
MedleyCgroup *
medley_cgroup_open (const char *root, const char *membership, GError **error);
MedleyCgroup *
medley_cgroup_ref (MedleyCgroup *self);
/* With the last one the groups of workers that are gone are removed; the daemon stays where it is.
 */
void
medley_cgroup_unref (MedleyCgroup *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyCgroup, medley_cgroup_unref)

/* (transfer none): the daemon's group, a folder */
const char *
medley_cgroup_get_path (MedleyCgroup *self);

/**
 * medley_cgroup_add:
 * @self: the group
 * @pid: a worker
 * @limit: most memory, in bytes, that it may have from now on
 * @error: %MEDLEY_ERROR_UNAVAILABLE
 *
 * Moves a worker into a group of its own. What it has in common with its zygote stays counted
 * there.
 *
 * Returns: whether it is limited
 */
gboolean
medley_cgroup_add (MedleyCgroup *self, GPid pid, guint64 limit, GError **error);

/* Whether the kernel has killed a worker for its memory; also once it is gone, until it is removed.
 */
gboolean
medley_cgroup_was_killed (MedleyCgroup *self, GPid pid);

/* Removes the group of a worker that is gone: now, or with a later call when it is not empty yet.
 */
void
medley_cgroup_remove (MedleyCgroup *self, GPid pid);

G_END_DECLS
