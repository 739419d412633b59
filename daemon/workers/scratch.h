/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A folder of this process alone, for as long as it runs. It is locked, so that the next process
 * that makes one beside it knows which are left from processes that were killed, and removes them.
 */
typedef struct _MedleyScratch MedleyScratch;

/**
 * medley_scratch_new:
 * @parent: folder; made where there is none
 * @prefix: how the names of such folders begin
 * @error: %MEDLEY_ERROR_IO, %MEDLEY_ERROR_NOT_ALLOWED
 *
 * Blocks; for any thread.
 *
 * Returns: (transfer full) (nullable): an empty folder
 */
MedleyScratch *
medley_scratch_new (const char *parent, const char *prefix, GError **error);
/* Removes the folder with all that is in it. */
void
medley_scratch_free (MedleyScratch *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyScratch, medley_scratch_free)

const char *
medley_scratch_get_path (MedleyScratch *self);

G_END_DECLS
