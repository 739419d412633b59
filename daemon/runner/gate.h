/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "runner/monitor.h"

G_BEGIN_DECLS

/**
 * MedleyGate:
 *
 * A pass-through element on each side of a stage. Towards a stage it notes that the thread is at
 * work there; away from it, that it is not, and holds data while the job is paused. Both count, and
 * refuse pictures above the limit of pixels when their size is announced, before anybody makes room
 * for them.
 */
#define MEDLEY_TYPE_GATE (medley_gate_get_type ())
G_DECLARE_FINAL_TYPE (MedleyGate, medley_gate, MEDLEY, GATE, GstElement)

/**
 * medley_gate_new:
 * @node: the node it belongs to
 * @outward: whether data leaves the node here
 * @max_pixels: most pixels of a picture, 0 for no limit
 *
 * Returns: (transfer floating): a gate
 */
GstElement *
medley_gate_new (MedleyNode *node, gboolean outward, guint64 max_pixels);

/* Has what flows out here recorded, as of a port of the node's recorder. */
void
medley_gate_record (MedleyGate *self, guint port);

/* Whether caps are within the limit of pixels; if not an error message of @element is on the bus.
 */
gboolean
medley_gate_check_pixels (GstElement *element, const MedleyNode *node, const GstCaps *caps,
                          guint64 max_pixels);

/* Bytes that passed. */
guint64
medley_gate_get_bytes (MedleyGate *self);

G_END_DECLS
