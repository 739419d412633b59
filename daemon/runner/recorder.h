/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * MedleyRecorder:
 *
 * Records what flows out of the ports of a stage, into files, with a thread of its own: the stage
 * never waits for a disk. A recording that cannot keep up, grows past its limit or meets anything
 * that cannot be told in records is abandoned, and the job goes on. It counts when the end has
 * passed on all ports and everything is in the files. Reference-counted, any thread.
 */
typedef struct _MedleyRecorder MedleyRecorder;

/**
 * MedleyRecorderDone:
 * @bytes: bytes of all files
 * @data: user data
 *
 * Told once, from the recorder's thread, when the recording is whole.
 */
typedef void (*MedleyRecorderDone) (guint64 bytes, gpointer data);

/**
 * medley_recorder_new:
 * @limit: most bytes of a file
 * @failed: (nullable): looked at when the end comes: an error anywhere before it makes the end no
 * proof that all has come; set atomically, and lives as long as the recorder
 * @done: called when it is whole
 * @data: for @done
 * @destroy: (nullable): frees @data
 */
MedleyRecorder *
medley_recorder_new (guint64 limit, const gint *failed, MedleyRecorderDone done, gpointer data,
                     GDestroyNotify destroy);
MedleyRecorder *
medley_recorder_ref (MedleyRecorder *self);
void
medley_recorder_unref (MedleyRecorder *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyRecorder, medley_recorder_unref)

/* Before anything flows. @file: a regular file, emptied; duplicated. Returns the port's number; a
 * recording without a file is abandoned. */
guint
medley_recorder_add_port (MedleyRecorder *self, int file);

/* What flows. They return at once. */
void
medley_recorder_take_buffer (MedleyRecorder *self, guint port, GstBuffer *buffer);
void
medley_recorder_take_event (MedleyRecorder *self, guint port, GstEvent *event);
void
medley_recorder_abandon (MedleyRecorder *self);

/* After everything has flowed: waits a moment, if @wait, for a recording that only needs to be
 * written out, and abandons any other. Nothing is told afterwards. Returns whether it is whole. */
gboolean
medley_recorder_finish (MedleyRecorder *self, gboolean wait);

G_END_DECLS
