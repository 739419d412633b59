/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "pipeline/pipeline.h"

G_BEGIN_DECLS

/**
 * MedleyLibraryLimits:
 * @pipeline_bytes: largest pipeline file, 0 for 1 MiB; a larger one is listed with its fault, but
 * not read
 * @json_depth: deepest nesting, 0 for 64
 * @stages: most stages of a pipeline, sub-pipelines included, 0 for 64
 * @fan_out: most readers of one port, 0 for 32
 * @plan_limits: (nullable): `a{sv}` that goes into each plan as "limits"
 *
 * The limits of the configuration that pipelines are held against.
 */
typedef struct {
  gsize pipeline_bytes;
  guint json_depth;
  guint stages;
  guint fan_out;
  GVariant *plan_limits;
} MedleyLibraryLimits;

/**
 * MedleyLibrary:
 *
 * The pipelines that are installed: the files "NAME.json" of some folders, where a file of a later
 * folder replaces one of the same name in an earlier. A file that is broken (or no regular file) is
 * listed with its faults and harms no other. Main thread only.
 *
 * Folders are watched: a change shows about a tenth of a second after it was made. All pipelines
 * are checked anew when the catalogue changes. A #MedleyPipeline itself never changes: whoever
 * holds one keeps what it was.
 */
#define MEDLEY_TYPE_LIBRARY (medley_library_get_type ())
G_DECLARE_FINAL_TYPE (MedleyLibrary, medley_library, MEDLEY, LIBRARY, GObject)

/**
 * MedleyLibrary::changed: emitted when any pipeline has come, gone or changed, its faults included
 */

/**
 * medley_library_new:
 * @folders: (array zero-terminated=1): folders, later ones win; they need not exist (yet)
 * @catalog: (nullable): the engines that are present
 * @limits: (nullable): limits, copied; %NULL for the defaults
 *
 * Reads all files at once, and from then on watches the folders from the thread-default main
 * context.
 *
 * Returns: (transfer full): the library
 */
MedleyLibrary *
medley_library_new (const char *const *folders, MedleyCatalog *catalog,
                    const MedleyLibraryLimits *limits);

/**
 * medley_library_lookup:
 * @self: a library
 * @name: name of a pipeline
 *
 * Returns: (transfer none) (nullable): the pipeline, which may have faults; valid until the library
 * changes
 */
MedleyPipeline *
medley_library_lookup (MedleyLibrary *self, const char *name);

/**
 * medley_library_list:
 * @self: a library
 *
 * Returns: (transfer full) (element-type MedleyPipeline): all pipelines by name, also those with
 * faults
 */
GPtrArray *
medley_library_list (MedleyLibrary *self);

/**
 * medley_library_names:
 * @self: a library
 *
 * Returns: (transfer container) (element-type utf8): their names, sorted; valid until the library
 * changes
 */
GPtrArray *
medley_library_names (MedleyLibrary *self);

/**
 * medley_library_reload:
 * @self: a library
 *
 * Reads all files anew at once, without waiting for the watch.
 */
void
medley_library_reload (MedleyLibrary *self);

/**
 * medley_library_context:
 * @self: a library
 *
 * Returns: (transfer none): what an installed pipeline is checked and planned against; lives as
 * long as the library
 */
const MedleyPipelineContext *
medley_library_context (MedleyLibrary *self);

/**
 * medley_library_client_context:
 * @self: a library
 * @allowed_elements: (array zero-terminated=1): element factories that the pipeline may use, copied
 *
 * Returns: (transfer none): what a pipeline sent by a client is checked and planned against; valid
 * until the next call
 */
const MedleyPipelineContext *
medley_library_client_context (MedleyLibrary *self, const char *const *allowed_elements);

/**
 * medley_library_parse:
 * @self: a library
 * @name: name of a pipeline
 * @text: what might be its file
 *
 * Checks a text as the pipeline that it would be if it were the file "NAME.json" of the last
 * folder.
 *
 * Returns: (transfer full): the pipeline, with or without faults
 */
MedleyPipeline *
medley_library_parse (MedleyLibrary *self, const char *name, GBytes *text);

/* (transfer none) (nullable): the text of a pipeline's file, %NULL when there is none of that name
 * or it could not be read; valid until the library changes */
GBytes *
medley_library_get_text (MedleyLibrary *self, const char *name);

/* (transfer none) (nullable): the last folder, whose files win over all others; it need not exist
 */
const char *
medley_library_get_folder (MedleyLibrary *self);

/* (transfer full): where a pipeline of this name is in the last folder, or would be */
char *
medley_library_make_path (MedleyLibrary *self, const char *name);

/* whether a pipeline's file lies in the last folder */
gboolean
medley_library_is_saved (MedleyLibrary *self, const char *name);

G_END_DECLS
