/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * MedleyProgress:
 *
 * A line at the foot of the terminal (standard error) that says how far a job is. Shows nothing
 * when that is no terminal.
 */
typedef struct _MedleyProgress MedleyProgress;

/* @title: what runs */
MedleyProgress *
medley_progress_new (const char *title);
/* Takes the line away. */
void
medley_progress_free (MedleyProgress *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyProgress, medley_progress_free)

/* Takes what an event says into account and draws. @event: `a{sv}` */
void
medley_progress_event (MedleyProgress *self, GVariant *event);

/* Says why the job waits, until it does not. @text: (nullable) */
void
medley_progress_set_waiting (MedleyProgress *self, const char *text);

/* Prints a line on standard error above the progress. */
void
medley_progress_note (MedleyProgress *self, const char *text);

/* (transfer full): a line of the given width; pure. @fraction and @remaining: negative when unknown
 */
char *
medley_progress_format (const char *title, const char *stage, double fraction, double elapsed,
                        double remaining, guint columns);

G_END_DECLS
