/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "runner/engine-cache.h"
#include "runner/flow.h"
#include "runner/input-src.h"
#include "runner/monitor.h"
#include "runner/output-sink.h"
#include "runner/run-plan.h"
#include "runner/stage-files.h"

G_BEGIN_DECLS

/* A GstContext that each element of a job's pipeline has: with "traceparent" and "tracestate" when
 * the job is part of a trace (W3C Trace Context). Told to authors of engines in docs/sdk.md. */
#define MEDLEY_TRACE_CONTEXT "org.medley.trace"

/* A file of an input or output; descriptors are owned. */
typedef struct {
  int file;
  int doorbell; /* -1 when the file is complete, and for outputs */
  char *type;   /* media type, "" for the plan's */
} MedleyJobFile;

MedleyJobFile *
medley_job_file_new (int file, int doorbell, const char *type);
void
medley_job_file_free (MedleyJobFile *file);

/* An input or a stage in a graph, with what flows out of it. */
typedef struct {
  MedleyNode *node;
  GstElement *element; /* owned */
  GPtrArray *ports;    /* of MedleyGraphPort */
  const MedleyPlanStage *stage;
  GstElement *decoder; /* of an input, NULL until somebody wants its sound or pictures */
} MedleyGraphPart;

typedef struct {
  MedleyGraphPart *part;
  char *name;
  guint n_links;
  MedleyFlow flow;
  GstElement *gate; /* NULL for an input that only a decoder reads */
  GstElement *tee;  /* NULL for one link */
} MedleyGraphPort;

/* A link into a stage, for progress: what comes in is a part of what a port gave. */
typedef struct {
  MedleyGraphPart *part;
  MedleyGraphPort *port;
} MedleyGraphLink;

/**
 * MedleyGraph:
 * @pipeline: the pipeline, in NULL
 * @parts: (element-type MedleyGraphPart): inputs, then stages, in the plan's order
 * @links: (element-type MedleyGraphLink): links into stages
 * @sinks: (element-type MedleyOutputSink): the outputs' files
 *
 * A GStreamer pipeline made from a plan.
 */
typedef struct {
  GstElement *pipeline;
  GPtrArray *parts;
  GPtrArray *links;
  GPtrArray *sinks;

  /*< private >*/
  const MedleyRunPlan *plan;
  MedleyEngineCache *cache;
  MedleyMonitor *monitor;
  GHashTable *input_files;
  GHashTable *output_files;
  GHashTable *stage_files;
  const guint *choice;
  GPtrArray *faults;
} MedleyGraph;

/**
 * medley_graph_new:
 * @plan: must outlive the graph
 * @inputs: (nullable) (element-type utf8 MedleyJobFile): by name; %NULL when the graph will not
 * run. Must outlive it
 * @outputs: (nullable) (element-type utf8 MedleyJobFile): by name, alike
 * @stages: (nullable) (element-type utf8 MedleyStageFiles): what is recorded and replayed, by name;
 * must outlive it
 * @choice: (array): per stage which of its candidates to take, which is present; after that of the
 * last one a stage is left out
 * @cache: where engines come from and go back to
 * @monitor: what the nodes tell
 * @faults: all faults are added here; a graph with faults must not run
 *
 * Returns: (transfer full): a graph
 */
MedleyGraph *
medley_graph_new (const MedleyRunPlan *plan, GHashTable *inputs, GHashTable *outputs,
                  GHashTable *stages, const guint *choice, MedleyEngineCache *cache,
                  MedleyMonitor *monitor, GPtrArray *faults);

/**
 * medley_graph_free:
 * @self: (transfer full): a graph
 * @keep_engines: whether engines may be used again
 *
 * Stops the pipeline, which may block as long as an engine does, and puts engines back into the
 * cache.
 */
void
medley_graph_free (MedleyGraph *self, gboolean keep_engines);

/* (transfer none) (nullable) */
MedleyGraphPart *
medley_graph_find_part (MedleyGraph *self, const char *name);

/**
 * medley_graph_finish_recordings:
 * @self: a graph whose data has flowed, still in its state
 * @wait: whether there is time
 *
 * Waits a moment, if @wait, until recordings that have come to their end are in their files, and
 * gives up all others.
 */
void
medley_graph_finish_recordings (MedleyGraph *self, gboolean wait);

/* How much of the work is done, 0 to 1; negative when it cannot be known. Any thread. */
double
medley_graph_get_fraction (MedleyGraph *self);

/* Bytes that were written to all outputs. Any thread. */
guint64
medley_graph_get_written (MedleyGraph *self);

G_END_DECLS
