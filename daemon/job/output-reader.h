/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "job/job.h"

G_BEGIN_DECLS

/**
 * MedleyOutputReader:
 *
 * Reads an output from any offset while it grows, at the reader's own pace. Bytes come from the
 * file (the page cache); the reader is woken when the file grows, it does not poll. Main thread
 * only.
 */
#define MEDLEY_TYPE_OUTPUT_READER (medley_output_reader_get_type ())
G_DECLARE_FINAL_TYPE (MedleyOutputReader, medley_output_reader, MEDLEY, OUTPUT_READER, GObject)

/**
 * medley_output_reader_new:
 * @job: a job
 * @output: (nullable): name of an output, %NULL for the default
 * @offset: byte to begin at
 * @error: %MEDLEY_ERROR_NOT_FOUND, with the names there are
 *
 * Returns: (transfer full) (nullable): a reader
 */
MedleyOutputReader *
medley_output_reader_new (MedleyJob *job, const char *output, guint64 offset, GError **error);

/**
 * medley_output_reader_is_final:
 * @self: a reader
 * @size: (out) (optional): bytes there are now
 *
 * Returns: whether the output is complete: its bytes and its size will not change any more
 */
gboolean
medley_output_reader_is_final (MedleyOutputReader *self, guint64 *size);

/**
 * medley_output_reader_read_async:
 * @self: a reader
 * @max: most bytes to return, at least 1
 * @cancellable: (nullable): stops the wait
 * @callback: called from the main context
 * @data: for @callback
 *
 * Waits until there is something to read past the position. One read at a time.
 */
void
medley_output_reader_read_async (MedleyOutputReader *self, gsize max, GCancellable *cancellable,
                                 GAsyncReadyCallback callback, gpointer data);

/**
 * medley_output_reader_read_finish:
 * @self: a reader
 * @result: what the callback got
 * @error: the job's own error when it failed or was cancelled before the output was whole (after
 * all bytes that there are were read); %MEDLEY_ERROR_INTERRUPTED when another attempt of the job
 * has begun the output anew after bytes of it were read
 *
 * Returns: (transfer full) (nullable): the next bytes, from 1 to the asked number; empty at the end
 * of a complete output; %NULL with an error
 */
GBytes *
medley_output_reader_read_finish (MedleyOutputReader *self, GAsyncResult *result, GError **error);

/**
 * medley_output_reader_wait_async:
 * @self: a reader
 * @size: bytes
 * @cancellable: (nullable): stops the wait
 * @callback: called from the main context
 * @data: for @callback
 *
 * Waits until the output has that many bytes in all, is complete, or is begun anew by another
 * attempt. Not while a read is under way.
 */
void
medley_output_reader_wait_async (MedleyOutputReader *self, guint64 size, GCancellable *cancellable,
                                 GAsyncReadyCallback callback, gpointer data);

/**
 * medley_output_reader_wait_finish:
 * @self: a reader
 * @result: what the callback got
 * @error: the job's own error when it failed or was cancelled
 *
 * Returns: whether it is worth looking
 */
gboolean
medley_output_reader_wait_finish (MedleyOutputReader *self, GAsyncResult *result, GError **error);

/* The output's file, for pread() only, as long as the reader lives; from any thread. */
int
medley_output_reader_get_fd (MedleyOutputReader *self);

/* How often the output was begun anew while this daemon knows the job: what was read before that is
 * worth nothing. */
guint
medley_output_reader_get_epoch (MedleyOutputReader *self);

/**
 * medley_output_reader_take_range:
 * @self: a reader without a read under way
 * @max: most bytes
 * @offset: (out): where they begin
 * @length: (out): how many there are
 *
 * Goes over the next bytes of a complete output without reading them, where they are in memory: who
 * sends them from the file does not wait for the disk then.
 *
 * Returns: a descriptor that stays the reader's; -1 where there are none, and a read tells more
 */
int
medley_output_reader_take_range (MedleyOutputReader *self, guint64 max, guint64 *offset,
                                 guint64 *length);

/**
 * medley_output_reader_get_media_type:
 * @self: a reader
 *
 * Returns: (transfer none): the output's media type
 */
const char *
medley_output_reader_get_media_type (MedleyOutputReader *self);

/**
 * medley_output_reader_dup_fd:
 * @self: a reader
 * @error: %MEDLEY_ERROR_IO
 *
 * Opens a complete output for reading on its own, at the reader's offset.
 *
 * Returns: a descriptor that the caller closes, or -1; also -1 without an error while the output
 * grows
 */
int
medley_output_reader_dup_fd (MedleyOutputReader *self, GError **error);

G_END_DECLS
