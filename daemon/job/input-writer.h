/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * MedleyInputWriter:
 *
 * Fills an input of a job, possibly while the job already runs: bytes go to a file in the spool and
 * the job's worker is woken to read them. Main thread only. Dropping the last reference before
 * medley_input_writer_complete() aborts: the job fails.
 */
#define MEDLEY_TYPE_INPUT_WRITER (medley_input_writer_get_type ())
G_DECLARE_FINAL_TYPE (MedleyInputWriter, medley_input_writer, MEDLEY, INPUT_WRITER, GObject)

/**
 * medley_input_writer_write:
 * @self: a writer
 * @data: bytes
 * @length: how many
 * @error: %MEDLEY_ERROR_TOO_LARGE (the job fails with it as well), %MEDLEY_ERROR_NO_SPACE,
 * %MEDLEY_ERROR_IO, %MEDLEY_ERROR_WRONG_STATE when the job has ended meanwhile
 *
 * Appends bytes. Writes to the page cache, it does not wait for the disk.
 *
 * Returns: whether all was written
 */
gboolean
medley_input_writer_write (MedleyInputWriter *self, const void *data, gsize length, GError **error);

/**
 * medley_input_writer_get_ahead:
 * @self: a writer
 *
 * How far it is ahead of the job: who writes without end may wait while that is much. It is 0 where
 * waiting would do harm: when the job runs and does without the input, when a stage wants the whole
 * before it begins, and while another input of the job is not whole, since the job may be waiting
 * for that one.
 *
 * Returns: bytes that were written and that the job has not read
 */
guint64
medley_input_writer_get_ahead (MedleyInputWriter *self);

/* whether a worker reads it: before, a job may wait for long, and all that is written is ahead */
gboolean
medley_input_writer_is_read (MedleyInputWriter *self);

/**
 * medley_input_writer_set_moved_func:
 * @self: a writer
 * @func: (nullable): called whenever medley_input_writer_get_ahead() may give less than before; may
 * write, but not drop the last reference
 * @data: for @func
 */
void
medley_input_writer_set_moved_func (MedleyInputWriter *self, GSourceOnceFunc func, gpointer data);

/**
 * medley_input_writer_open:
 * @self: a writer
 * @error: %MEDLEY_ERROR_IO
 *
 * Returns: a descriptor for reading what was written, also later; the caller closes it; or -1
 */
int
medley_input_writer_open (MedleyInputWriter *self, GError **error);

/**
 * medley_input_writer_complete:
 * @self: a writer
 * @error: as medley_input_writer_write()
 *
 * Says that the input is whole. An empty one is %MEDLEY_ERROR_EMPTY_INPUT, told by the job.
 *
 * Returns: whether it was taken
 */
gboolean
medley_input_writer_complete (MedleyInputWriter *self, GError **error);

/**
 * medley_input_writer_abort:
 * @self: a writer
 * @error: why, becomes the job's error
 *
 * Gives the input up: the job fails.
 */
void
medley_input_writer_abort (MedleyInputWriter *self, const GError *error);

G_END_DECLS
