/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Where data of a stage or output comes from. */
typedef struct {
  char *sink_pad; /* of the stage, "" for its only one; NULL for outputs */
  char *source;   /* input or stage */
  char *port;     /* "" for the default */
} MedleyPlanLink;

typedef struct {
  char *name;
  char *type; /* media type or wildcard */
} MedleyPlanInput;

typedef struct {
  char *name;
  char *task;        /* NULL for an element stage */
  char **candidates; /* element factories, tried in this order */
  GVariant *set;     /* a{sv} */
  GPtrArray *from;   /* of MedleyPlanLink */
  char *pointer;
  char *file;
} MedleyPlanStage;

typedef struct {
  char *name;
  char *type;
  GPtrArray *from; /* of MedleyPlanLink */
  char *pointer;
} MedleyPlanOutput;

/**
 * MedleyRunPlan:
 * @inputs: (element-type MedleyPlanInput): inputs
 * @stages: (element-type MedleyPlanStage): stages, each after its sources
 * @outputs: (element-type MedleyPlanOutput): outputs
 * @traceparent: (nullable): the trace that the job is part of, @tracestate (nullable) with it
 * @text_bytes: longest text input, 0 for no limit; the other limits alike
 *
 * A plan as it came over the wire (its format is in daemon/pipeline/plan.h), taken apart.
 * Immutable.
 */
typedef struct {
  char *pipeline;
  GPtrArray *inputs;
  GPtrArray *stages;
  GPtrArray *outputs;
  char *traceparent;
  char *tracestate;
  guint64 text_bytes;
  guint64 input_bytes;
  guint64 image_pixels;
  guint64 output_bytes;
} MedleyRunPlan;

/**
 * medley_run_plan_new:
 * @value: `a{sv}`
 * @error: %MEDLEY_ERROR_INVALID_ARGUMENT: a plan is made by the daemon, so a fault in its form is
 * not the user's
 *
 * Returns: (transfer full) (nullable): the plan
 */
MedleyRunPlan *
medley_run_plan_new (GVariant *value, GError **error);
void
medley_run_plan_free (MedleyRunPlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyRunPlan, medley_run_plan_free)

/* (transfer none) (nullable) */
const MedleyPlanInput *
medley_run_plan_find_input (const MedleyRunPlan *plan, const char *name);

G_END_DECLS
