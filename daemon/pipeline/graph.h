/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "pipeline/pipeline.h"

G_BEGIN_DECLS

/**
 * medley_pipeline_to_dot:
 * @self: a pipeline, which may have faults
 *
 * Draws a pipeline in Graphviz' language: inputs and outputs with their media types, stages with
 * what they do, and the ports between them. What a link names and does not exist is drawn dashed.
 * Whatever the file says is text there, never markup.
 *
 * Returns: (transfer full): the graph, UTF-8
 */
char *
medley_pipeline_to_dot (MedleyPipeline *self);

G_END_DECLS
