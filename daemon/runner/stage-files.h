/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <gio/gunixfdlist.h>

G_BEGIN_DECLS

/**
 * MedleyStageFiles:
 * @record: (nullable) (element-type utf8 gint): files for what the ports of a stage give, by port
 * @replay: (nullable) (element-type utf8 gint): files with what they gave before; the stage's
 * engine is not used then
 * @limit: most bytes of a recording
 * @recorded: whether the recording is whole, so that a further attempt leaves it alone
 */
typedef struct {
  GHashTable *record;
  GHashTable *replay;
  guint64 limit;
  gboolean recorded;
} MedleyStageFiles;

void
medley_stage_files_free (MedleyStageFiles *self);

/**
 * medley_stage_files_take:
 * @given: `a{sa{sv}}` as of Run in org.medley.Worker1
 * @fds: (nullable): the descriptors of the message
 * @error: %MEDLEY_ERROR_INVALID_ARGUMENT
 *
 * Returns: (transfer full) (nullable) (element-type utf8 MedleyStageFiles): by stage
 */
GHashTable *
medley_stage_files_take (GVariant *given, GUnixFDList *fds, GError **error);

G_END_DECLS
