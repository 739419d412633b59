/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Reads lines from the pipe that is the standard error of workers. */

typedef void (*MedleyLogLine) (const char *line, gpointer data);

typedef struct _MedleyLogReader MedleyLogReader;

/* @fd is taken over and made non-blocking; lines longer than 4 KiB are cut */
MedleyLogReader *
medley_log_reader_new (int fd, MedleyLogLine callback, gpointer data);
void
medley_log_reader_free (MedleyLogReader *self);
/* Reads what is there now, without waiting for the main loop. */
void
medley_log_reader_drain (MedleyLogReader *self);

/* whether all writers have closed their end */
gboolean
medley_log_reader_is_done (MedleyLogReader *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyLogReader, medley_log_reader_free)

/**
 * medley_log_parse_crash:
 * @line: a line
 * @pid: (out): whose
 * @stage: (out) (transfer full): the stage that was at work
 * @engine: (out) (transfer full): its engine
 *
 * Returns: whether it is the line by which a worker says where it crashed
 */
gboolean
medley_log_parse_crash (const char *line, int *pid, char **stage, char **engine);

/* (nullable): why a worker refuses to start, if that is what @line says; points into it */
const char *
medley_log_parse_refusal (const char *line);

G_END_DECLS
