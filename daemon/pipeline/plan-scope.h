/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "pipeline/pipeline-private.h"
#include "pipeline/plan.h"

G_BEGIN_DECLS

/* Most bytes of all strings that parameters are put into: a parameter may stand many times in a
 * file. */
#define MEDLEY_PLAN_MAX_BYTES (4 * 1024 * 1024)

/**
 * MedleyScope:
 * @parent: (nullable): the pipeline around this one
 * @stage: (nullable): the stage of @parent that this pipeline is
 * @spec: the pipeline's file
 * @prefix: what stands before the names of its stages in the plan: "" or "sub/"
 * @values: (element-type utf8 GVariant): values of its parameters
 * @subs: (element-type utf8 MedleyScope): the pipelines within, by stage
 * @is_partial: whether what is faulty is left out, instead of being an error
 *
 * One use of a pipeline, with its parameters filled in.
 */
typedef struct _MedleyScope MedleyScope;
struct _MedleyScope {
  MedleyScope *parent;
  const MedleyStageSpec *stage;
  const MedleySpec *spec;
  char *prefix;
  GHashTable *values;
  GHashTable *subs;
  gboolean is_partial;
};

/* The end of an edge once sub-pipelines are gone: an input of the whole or a stage, and its port.
 */
typedef struct {
  const MedleyScope *scope; /* NULL for an input of the whole */
  const MedleyStageSpec *stage;
  const MedleyInputSpec *input;
  const char *port;
} MedleySource;

/**
 * medley_scope_new:
 * @pipeline: a pipeline without faults
 * @context: limits
 * @parameters: (nullable): `a{sv}`
 * @is_partial: whether to leave out what is faulty
 * @error: as medley_plan_make(); never set when @is_partial
 *
 * Returns: (transfer full) (nullable): the pipeline with all pipelines within
 */
MedleyScope *
medley_scope_new (MedleyPipeline *pipeline, const MedleyPipelineContext *context,
                  GVariant *parameters, gboolean is_partial, GError **error);
void
medley_scope_free (MedleyScope *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyScope, medley_scope_free)

/* Follows a link through sub-pipelines; %FALSE when it comes from an optional input of a
 * sub-pipeline that is not linked, or in a partial scope leads nowhere. */
gboolean
medley_scope_resolve (const MedleyScope *self, const MedleyLink *link, MedleySource *source);

/**
 * medley_scope_expand:
 * @self: a scope
 * @stage: one of its stages
 * @budget: (inout): bytes that strings may still take
 * @error: %MEDLEY_ERROR_INVALID_PARAMETER
 *
 * Returns: (transfer full) (nullable): `a{sv}`, what the stage sets, with parameters put in
 */
GVariant *
medley_scope_expand (const MedleyScope *self, const MedleyStageSpec *stage, gsize *budget,
                     GError **error);

G_END_DECLS
