/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "runner/monitor.h"

G_BEGIN_DECLS

/**
 * MedleyReplay:
 *
 * Stands in for a stage whose result is known: gives on its ports what was recorded of them, each
 * in a thread of its own, since readers of different ports may wait for each other.
 */
#define MEDLEY_TYPE_REPLAY (medley_replay_get_type ())
G_DECLARE_FINAL_TYPE (MedleyReplay, medley_replay, MEDLEY, REPLAY, GstElement)

/**
 * medley_replay_new:
 * @node: the stage; progress is reported to it
 * @files: (element-type utf8 gint): port ("" for the default one) → descriptor, not owned
 *
 * Returns: (transfer floating): an element with a source pad for each port, named as the port, and
 * "src" for the default one
 */
GstElement *
medley_replay_new (MedleyNode *node, GHashTable *files);

G_END_DECLS
