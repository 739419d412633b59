/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a disk without power would have of a folder: files as of their last sync, and names as of
 * their folder's. System calls are made directly, since the shim replaces the functions. */

/* @shadow: (nullable): where to keep it */
void
medley_shadow_begin (const char *folder, const char *shadow);
/* A file or folder beneath the folder was synced. */
void
medley_shadow_synced (const char *path);
/* @to: "" when it was removed */
void
medley_shadow_rename (const char *from, const char *to);
