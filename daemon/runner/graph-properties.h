/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "runner/run-plan.h"

G_BEGIN_DECLS

/**
 * medley_graph_set_properties:
 * @stage: a stage
 * @factory: what to call the element
 * @element: the stage's element
 * @faults: where faults are added
 *
 * Sets the properties of a stage, as far as they fit.
 */
void
medley_graph_set_properties (const MedleyPlanStage *stage, const char *factory, GstElement *element,
                             GPtrArray *faults);

G_END_DECLS
