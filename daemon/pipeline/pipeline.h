/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "catalog/catalog.h"

G_BEGIN_DECLS

/**
 * MedleyFault:
 * @code: what kind of fault: "unknown-key", "wrong-type", "missing-key", "unknown-name", "cycle",
 *   "unknown-engine", "unknown-element", "unknown-property", "bad-value", "caps-mismatch",
 * "too-many", "not-allowed", "duplicate-name", "duplicate-key", "unused", "invalid-json",
 * "unsupported-type", "unknown-task", "unknown-pipeline", "invalid-pipeline" (a sub-pipeline has
 * faults), "unreadable" (the file)
 * @is_warning: a warning does not keep the pipeline from running
 * @file: (nullable): the file
 * @line: line from 1, 0 when unknown
 * @column: column from 1 in characters, 0 when unknown
 * @pointer: JSON Pointer
 * @message: what is wrong there, and what would be right
 * @suggestion: (nullable): the nearest valid name
 *
 * One fault of a pipeline file.
 */
typedef struct {
  char *code;
  gboolean is_warning;
  char *file;
  guint line;
  guint column;
  char *pointer;
  char *message;
  char *suggestion;
} MedleyFault;

void
medley_fault_free (MedleyFault *fault);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyFault, medley_fault_free)

/**
 * medley_faults_to_variant:
 * @faults: (element-type MedleyFault): faults
 *
 * Returns: (transfer floating): `aa{sv}` with "code", "severity" ("error", "warning"), "file",
 * "line", "column", "pointer", "message", "suggestion" as they are known
 */
GVariant *
medley_faults_to_variant (GPtrArray *faults);

/**
 * medley_faults_format:
 * @faults: (element-type MedleyFault): faults
 *
 * Returns: (transfer full): one line per fault as compilers print them: "FILE:LINE:COLUMN: error:
 * ..."
 */
char *
medley_faults_format (GPtrArray *faults);

/**
 * medley_faults_have_errors:
 * @faults: (element-type MedleyFault): faults
 *
 * Returns: whether any of them is more than a warning
 */
gboolean
medley_faults_have_errors (GPtrArray *faults);

typedef struct _MedleyPipeline MedleyPipeline;

/**
 * MedleyPipelineContext:
 * @catalog: (nullable): the engines that are present; %NULL leaves names of engines unchecked
 * @lookup: (nullable): finds a pipeline by name, for `pipeline` stages; transfer none
 * @lookup_data: for @lookup
 * @names: (nullable): lists all pipeline names, for suggestions; transfer container
 * @allowed_elements: (nullable): element factories that may be used; %NULL for any
 * @max_bytes: longest file, 0 for 1 MiB
 * @max_depth: deepest JSON, 0 for 64
 * @max_stages: most stages, sub-pipelines included, 0 for 64
 * @max_fan_out: most readers of one port, 0 for 32
 * @limits: (nullable): `a{sv}` that medley_plan_make() copies into "limits"
 *
 * What a pipeline is checked and planned against.
 */
typedef struct {
  MedleyCatalog *catalog;
  MedleyPipeline *(*lookup) (const char *name, gpointer data);
  gpointer lookup_data;
  GPtrArray *(*names) (gpointer data);
  const char *const *allowed_elements;
  gsize max_bytes;
  guint max_depth;
  guint max_stages;
  guint max_fan_out;
  GVariant *limits;
} MedleyPipelineContext;

/**
 * MedleyPipeline:
 *
 * A pipeline file as read: immutable, reference-counted, with its faults. A file with faults is
 * still an object, so that it can be listed with them.
 */

/**
 * medley_pipeline_parse:
 * @text: JSON
 * @length: its length in bytes
 * @file: (nullable): the name for messages
 * @context: what to check structure and names against
 *
 * Reads a pipeline and checks all that needs no GStreamer: keys, types, names, cycles, parameters,
 * engines and limits. All faults are found at once.
 *
 * Returns: (transfer full): a pipeline, with or without faults
 */
MedleyPipeline *
medley_pipeline_parse (const char *text, gsize length, const char *file,
                       const MedleyPipelineContext *context);
MedleyPipeline *
medley_pipeline_ref (MedleyPipeline *self);
void
medley_pipeline_unref (MedleyPipeline *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyPipeline, medley_pipeline_unref)

/* The name in the file, or the file's own name without folder and ending. Never NULL. */
const char *
medley_pipeline_get_name (MedleyPipeline *self);
/* (nullable): the file it was read from */
const char *
medley_pipeline_get_file (MedleyPipeline *self);
/* (element-type MedleyFault) (transfer none): never NULL */
GPtrArray *
medley_pipeline_get_faults (MedleyPipeline *self);
gboolean
medley_pipeline_is_valid (MedleyPipeline *self);

/**
 * medley_pipeline_add_worker_faults:
 * @self: a pipeline
 * @faults: `aa{sv}` as the worker's Check gave them, pointers relative to the file of the stage;
 * "file" s names the file when it is that of a sub-pipeline (as the stage's "file" in the plan)
 *
 * Turns a worker's faults into faults with line and column.
 *
 * Of a place that has a fault already, what the worker says is left out. Suggestions stand in its
 * messages.
 *
 * Returns: (transfer full) (element-type MedleyFault): the pipeline's own faults and these, by
 * place
 */
GPtrArray *
medley_pipeline_add_worker_faults (MedleyPipeline *self, GVariant *faults);

/**
 * medley_pipeline_describe:
 * @self: a pipeline
 *
 * Returns: (transfer floating): `a{sv}`: "name", "title", "description", "file", "valid" b,
 * "inputs" a{sv} (name → a{sv} with "type", "description", "optional"), "parameters" a{sv} (as in
 * the file), "stages" as, "outputs" a{sv} (name → a{sv} with "type"), "serves" a{sv} (see
 * medley_serves_describe()), "faults" aa{sv}
 */
GVariant *
medley_pipeline_describe (MedleyPipeline *self);

/* Names in the file's order, the first output being the default. (transfer none) (array
 * zero-terminated=1) */
const char *const *
medley_pipeline_get_inputs (MedleyPipeline *self);
const char *const *
medley_pipeline_get_outputs (MedleyPipeline *self);
/* (transfer none) (nullable): media type of an input or output; NULL when there is none of that
 * name */
const char *
medley_pipeline_get_input_type (MedleyPipeline *self, const char *name);
const char *
medley_pipeline_get_output_type (MedleyPipeline *self, const char *name);

G_END_DECLS
