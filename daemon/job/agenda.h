/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * MedleyAgenda:
 *
 * What is to be done with jobs at given times: one source of the main loop for any number of them.
 * Times are of the real-time clock, µs since 1970; a clock that is set makes them come sooner or
 * later. Main thread only.
 */
typedef struct _MedleyAgenda MedleyAgenda;

typedef enum {
  MEDLEY_AGENDA_READY, /* it may start: a scheduled time, or the wait before an attempt is over */
  MEDLEY_AGENDA_DEADLINE, /* it should be done */
  MEDLEY_AGENDA_UPLOAD,   /* the upload of an input should have begun */
  MEDLEY_AGENDA_N_KINDS
} MedleyAgendaKind;

/* The entry is gone by then; the callback may change the agenda. */
typedef void (*MedleyAgendaDue) (gpointer job, MedleyAgendaKind kind, gpointer data);

MedleyAgenda *
medley_agenda_new (MedleyAgendaDue due, gpointer data);
void
medley_agenda_free (MedleyAgenda *self);
/* One entry for each job and kind; a second one replaces the first. @job: not owned, until the
 * entry is due or removed */
void
medley_agenda_set (MedleyAgenda *self, gpointer job, MedleyAgendaKind kind, gint64 time);
/* 0 for none */
gint64
medley_agenda_get (MedleyAgenda *self, gpointer job, MedleyAgendaKind kind);
void
medley_agenda_remove (MedleyAgenda *self, gpointer job, MedleyAgendaKind kind);
void
medley_agenda_remove_all (MedleyAgenda *self, gpointer job);

G_END_DECLS
