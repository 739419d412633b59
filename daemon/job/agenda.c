/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job/agenda.h"

/* The monotonic clock does not see the real one being set: it is looked at so often at least. */
#define LONGEST_SLEEP (60 * G_USEC_PER_SEC)

typedef struct {
  gint64 time;
  gpointer job;
  MedleyAgendaKind kind;
} Entry;

typedef struct {
  GSequenceIter *entries[MEDLEY_AGENDA_N_KINDS];
} Row;

struct _MedleyAgenda {
  GSequence *entries; /* by time */
  GHashTable *rows;   /* job → Row */
  GSource *source;
  MedleyAgendaDue due;
  gpointer data;
};

typedef struct {
  GSource source;
  MedleyAgenda *agenda;
} AgendaSource;

static void
set_alarm (MedleyAgenda *self)
{
  GSequenceIter *first = g_sequence_get_begin_iter (self->entries);
  gint64 wait;

  if (g_sequence_iter_is_end (first)) {
    g_source_set_ready_time (self->source, -1);
    return;
  }
  wait = ((Entry *) g_sequence_get (first))->time - g_get_real_time ();
  g_source_set_ready_time (self->source, g_get_monotonic_time () + CLAMP (wait, 0, LONGEST_SLEEP));
}

static gboolean
dispatch (GSource *source, GSourceFunc callback, gpointer data)
{
  MedleyAgenda *self = ((AgendaSource *) source)->agenda;
  gint64 now = g_get_real_time ();

  for (;;) {
    GSequenceIter *first = g_sequence_get_begin_iter (self->entries);
    Entry entry;

    if (g_sequence_iter_is_end (first))
      break;
    entry = *(Entry *) g_sequence_get (first);
    if (entry.time > now)
      break;
    medley_agenda_remove (self, entry.job, entry.kind);
    self->due (entry.job, entry.kind, self->data);
  }
  set_alarm (self);
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs functions = { .dispatch = dispatch };

MedleyAgenda *
medley_agenda_new (MedleyAgendaDue due, gpointer data)
{
  MedleyAgenda *self = g_new0 (MedleyAgenda, 1);

  self->entries = g_sequence_new (g_free);
  self->rows = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  self->due = due;
  self->data = data;
  self->source = g_source_new (&functions, sizeof (AgendaSource));
  ((AgendaSource *) self->source)->agenda = self;
  g_source_set_static_name (self->source, "agenda");
  g_source_attach (self->source, g_main_context_get_thread_default ());
  return self;
}

void
medley_agenda_free (MedleyAgenda *self)
{
  g_source_destroy (self->source);
  g_source_unref (self->source);
  g_hash_table_unref (self->rows);
  g_sequence_free (self->entries);
  g_free (self);
}

static int
compare (gconstpointer a, gconstpointer b, gpointer data)
{
  gint64 x = ((const Entry *) a)->time, y = ((const Entry *) b)->time;

  return (x > y) - (x < y);
}

void
medley_agenda_set (MedleyAgenda *self, gpointer job, MedleyAgendaKind kind, gint64 time)
{
  Entry *entry = g_new0 (Entry, 1);
  Row *row;

  medley_agenda_remove (self, job, kind);
  row = g_hash_table_lookup (self->rows, job);
  if (row == NULL) {
    row = g_new0 (Row, 1);
    g_hash_table_insert (self->rows, job, row);
  }
  entry->time = time;
  entry->job = job;
  entry->kind = kind;
  row->entries[kind] = g_sequence_insert_sorted (self->entries, entry, compare, NULL);
  set_alarm (self);
}

gint64
medley_agenda_get (MedleyAgenda *self, gpointer job, MedleyAgendaKind kind)
{
  Row *row = g_hash_table_lookup (self->rows, job);

  return row != NULL && row->entries[kind] != NULL
             ? ((Entry *) g_sequence_get (row->entries[kind]))->time
             : 0;
}

void
medley_agenda_remove (MedleyAgenda *self, gpointer job, MedleyAgendaKind kind)
{
  Row *row = g_hash_table_lookup (self->rows, job);

  if (row == NULL || row->entries[kind] == NULL)
    return;
  g_sequence_remove (row->entries[kind]);
  row->entries[kind] = NULL;
  for (guint i = 0; i < MEDLEY_AGENDA_N_KINDS; i++) {
    if (row->entries[i] != NULL)
      return;
  }
  g_hash_table_remove (self->rows, job);
}

void
medley_agenda_remove_all (MedleyAgenda *self, gpointer job)
{
  for (guint i = 0; i < MEDLEY_AGENDA_N_KINDS; i++)
    medley_agenda_remove (self, job, (MedleyAgendaKind) i);
}
