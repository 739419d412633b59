/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "pipeline/pipeline.h"

G_BEGIN_DECLS

/* A plan is a pipeline with nothing left to decide: parameters are filled in, sub-pipelines are
 * expanded, engines are named, stages that feed no wanted output are gone. It goes to a worker as
 * `a{sv}`:
 *
 *   "pipeline"  s      name of the pipeline
 *   "inputs"    aa{sv} each: "name" s, "type" s (media type or wildcard)
 *   "stages"    aa{sv} in an order in which each comes after its sources; each:
 *     "name"    s      "speech"; inside a sub-pipeline stage "sub": "sub/speech"
 *     "task"    s      for a task stage
 *     "engines" as     for a task stage: element factories, tried in this order
 *     "element" s      for an element stage: the element factory
 *     "set"     a{sv}  properties: s, b, x or d, as JSON had them
 *     "stall"   u      seconds without progress while it is at work, where the file says so
 *     "from"    a(sss) links: sink pad of this stage ("" for the only one), name of an input or a
 *                      stage, its port ("" for the default)
 *     "pointer" s      JSON Pointer of the stage in its file, for faults
 *     "file"    s      the file it came from, "" for none
 *   "outputs"   aa{sv} each: "name" s, "type" s (media type), "from" a(ss) (input or stage, port),
 *                      "pointer" s
 *   "limits"    a{sv}  "text-bytes" t, "input-bytes" t, "image-pixels" t, "output-bytes" t
 */

/**
 * medley_plan_make:
 * @pipeline: a pipeline without faults
 * @context: where sub-pipelines and engines are found
 * @parameters: (nullable): `a{sv}` values of parameters
 * @outputs: (nullable): `a{ss}` wanted outputs and their media types ("" for the pipeline's own);
 * %NULL or empty for all
 * @inputs: (nullable) (array zero-terminated=1): the names of inputs that will be given; when not
 * %NULL each needed input must be among them
 * @error: %MEDLEY_ERROR_INVALID_PARAMETER, %MEDLEY_ERROR_UNKNOWN_OUTPUT and
 * %MEDLEY_ERROR_UNKNOWN_INPUT (with the nearest name), %MEDLEY_ERROR_MISSING_INPUT,
 * %MEDLEY_ERROR_UNSUPPORTED_TYPE, %MEDLEY_ERROR_INVALID_PIPELINE, %MEDLEY_ERROR_UNKNOWN_ENGINE
 *
 * Returns: (transfer full) (nullable): a plan, not floating
 */
GVariant *
medley_plan_make (MedleyPipeline *pipeline, const MedleyPipelineContext *context,
                  GVariant *parameters, GVariant *outputs, const char *const *inputs,
                  GError **error);

/**
 * medley_plan_make_partial:
 * @pipeline: a pipeline, which may have faults
 * @context: as for medley_plan_make()
 *
 * Plans whatever of a pipeline can be planned in spite of its faults, for a worker's Check alone:
 * so that the faults which only a worker sees are reported together with the others. All stages are
 * in it, also unused ones, but for those with faults of their own, and without links that lead
 * nowhere. Properties set from a parameter without a default are left out. Elements that are not
 * allowed are never in it.
 *
 * Returns: (transfer full) (nullable): a plan, not floating; %NULL when there is nothing to check
 */
GVariant *
medley_plan_make_partial (MedleyPipeline *pipeline, const MedleyPipelineContext *context);

G_END_DECLS
