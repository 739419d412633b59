/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "pipeline/spec.h"

G_BEGIN_DECLS

/* A spec with what was found when it was held against a context. */
struct _MedleyPipeline {
  gatomicrefcount ref_count;
  MedleySpec *spec;
  GPtrArray *faults; /* of MedleyFault, by place */
  GHashTable *subs;  /* stage → MedleyPipeline: what its `pipeline` stages were checked against */
  guint n_stages;    /* with those of its sub-pipelines */
  char **input_names;
  char **output_names;
};

/**
 * medley_pipeline_new:
 * @spec: a file as it is written
 * @context: (nullable): what to check it against; %NULL for not at all
 *
 * Returns: (transfer full): a pipeline
 */
MedleyPipeline *
medley_pipeline_new (MedleySpec *spec, const MedleyPipelineContext *context);

/**
 * medley_pipeline_check:
 * @self: a pipeline under construction
 * @context: what to check it against
 *
 * Checks all that takes more than the file itself, and adds faults, sub-pipelines and the count of
 * stages.
 */
void
medley_pipeline_check (MedleyPipeline *self, const MedleyPipelineContext *context);

G_END_DECLS
