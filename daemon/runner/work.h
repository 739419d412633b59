/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * MedleyWork:
 *
 * Tells who is at work: each thread notes the stage whose code it is in, so that a crash and a hang
 * can be attributed. Process-wide, because a signal handler has no other way to know; any thread.
 */
typedef struct _MedleyWork MedleyWork;

/**
 * medley_work_new:
 * @stage: name of the stage
 * @engine: its engine or element
 *
 * Returns: (transfer full) (nullable): a place of work; %NULL when there are too many, which all
 * functions take
 */
MedleyWork *
medley_work_new (const char *stage, const char *engine);
void
medley_work_free (MedleyWork *work);

/**
 * medley_work_enter:
 * @work: (nullable): where the calling thread works from now on, %NULL for nowhere
 *
 * Returns: (transfer none) (nullable): where it worked before, to be entered again afterwards
 */
MedleyWork *
medley_work_enter (MedleyWork *work);

/**
 * medley_work_longest:
 * @stage: (out) (transfer full): "" for none
 * @engine: (out) (transfer full): "" for none
 *
 * Finds the stage that has been at work the longest without leaving.
 */
void
medley_work_longest (char **stage, char **engine);

/**
 * medley_work_install_crash_handler:
 *
 * On a fatal signal one line tells the stage at work on standard error, then the signal takes its
 * course. The same line is written when somebody calls exit(), and on %MEDLEY_WORKER_TELL_SIGNAL;
 * both then end the process at once.
 */
void
medley_work_install_crash_handler (void);

G_END_DECLS
