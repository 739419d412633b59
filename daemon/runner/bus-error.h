/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "runner/monitor.h"

G_BEGIN_DECLS

/**
 * MedleyBusError:
 * @error: in the domain %MEDLEY_ERROR
 * @node: (nullable): the input, stage or output that it came from
 * @rank: how much it tells; of several errors the one of the highest rank, then the first, is the
 * reason
 */
typedef struct {
  GError *error;
  MedleyNode *node;
  guint rank;
} MedleyBusError;

/**
 * medley_bus_error_read:
 * @message: an error message of GStreamer's
 *
 * Folds an error of any domain into %MEDLEY_ERROR and finds out whose it is.
 *
 * Returns: (transfer full): the error
 */
MedleyBusError *
medley_bus_error_read (GstMessage *message);
void
medley_bus_error_free (MedleyBusError *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyBusError, medley_bus_error_free)

G_END_DECLS
