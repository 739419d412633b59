/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "job/output-reader.h"

G_BEGIN_DECLS

/**
 * MedleyOutputPipes:
 *
 * Carries growing outputs to clients through pipes. Main thread only.
 */
typedef struct _MedleyOutputPipes MedleyOutputPipes;

/* @maximum: most pipes at once */
MedleyOutputPipes *
medley_output_pipes_new (guint maximum);
/* Ends all pipes where they are. */
void
medley_output_pipes_free (MedleyOutputPipes *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyOutputPipes, medley_output_pipes_free)

/**
 * medley_output_pipes_open:
 * @self: the pipes
 * @reader: what to carry
 * @error: %MEDLEY_ERROR_UNAVAILABLE when there are too many, %MEDLEY_ERROR_IO
 *
 * Begins to carry an output to a new pipe, at the pace of who reads from it. The pipe ends with the
 * output, also when the job fails; it is given up when its other end is closed.
 *
 * Returns: the end to read from, which the caller closes, or -1
 */
int
medley_output_pipes_open (MedleyOutputPipes *self, MedleyOutputReader *reader, GError **error);

/* how many are open */
guint
medley_output_pipes_count (MedleyOutputPipes *self);
/* @func: called from the main context each time when the last pipe has ended */
void
medley_output_pipes_set_empty_func (MedleyOutputPipes *self, GSourceOnceFunc func, gpointer data);

G_END_DECLS
