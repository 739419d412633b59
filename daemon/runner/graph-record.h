/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "runner/graph.h"

G_BEGIN_DECLS

/* Recording and replay in a graph; for graph.c and graph-port.c. */

/* (transfer none) (nullable): what is recorded or replayed of a stage */
MedleyStageFiles *
medley_graph_find_files (MedleyGraph *self, const MedleyPlanStage *stage);

/* (transfer full) (nullable): an element that stands for the stage, when its result is known. */
GstElement *
medley_graph_make_replay (MedleyGraph *self, const MedleyPlanStage *stage, MedleyNode *node);

/* Gives a node its recorder, when the stage is to be recorded. */
void
medley_graph_add_recorder (MedleyGraph *self, const MedleyPlanStage *stage, MedleyNode *node);

/* Has a port with a gate recorded, when it is to be. */
void
medley_graph_record_port (MedleyGraph *self, MedleyGraphPort *port);

G_END_DECLS
