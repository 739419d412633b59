/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The ordered log of what happened to a job. */

#include "job/job-struct.h"

static gboolean
is_progress (GVariant *event)
{
  const char *kind = "";

  g_variant_lookup (event, "kind", "&s", &kind);
  return g_str_equal (kind, "progress");
}

static guint64
get_seq (GVariant *event)
{
  guint64 seq = 0;

  g_variant_lookup (event, "seq", "t", &seq);
  return seq;
}

static void
append (MedleyJob *self, GVariant *event)
{
  /* Of progress in a row only the newest is worth keeping; what is left is bounded by the
   * pipeline's size. */
  if (is_progress (event) && !g_queue_is_empty (&self->events)
      && is_progress (g_queue_peek_tail (&self->events)))
    g_variant_unref (g_queue_pop_tail (&self->events));
  g_queue_push_tail (&self->events, event);
  while (g_queue_get_length (&self->events) > self->max_events)
    g_variant_unref (g_queue_pop_head (&self->events));
}

void
medley_job_load_events (MedleyJob *self)
{
  g_autoptr (GPtrArray) events = NULL;

  if (self->has_events || self->store == NULL)
    return;
  self->has_events = TRUE;
  events = medley_job_store_get_events (self->store, self->id, 0);
  for (guint i = 0; i < events->len; i++)
    append (self, g_variant_ref (events->pdata[i]));
  self->stored_events = events->len;
}

GVariant *
medley_job_make_event (MedleyJob *self, const char *kind, GVariantDict *details)
{
  g_variant_dict_insert (details, "seq", "t", ++self->last_event);
  g_variant_dict_insert (details, "time", "x", g_get_real_time ());
  g_variant_dict_insert (details, "kind", "s", kind);
  return g_variant_ref_sink (g_variant_dict_end (details));
}

GVariant *
medley_job_make_state_event (MedleyJob *self, MedleyJobState state, GVariant *error)
{
  GVariantDict details;

  g_variant_dict_init (&details, NULL);
  g_variant_dict_insert (&details, "state", "s", medley_job_state_to_string (state));
  if (state == MEDLEY_JOB_STARTING)
    g_variant_dict_insert (&details, "attempt", "u", self->n_attempts);
  if (error != NULL)
    g_variant_dict_insert_value (&details, "error", error);
  return medley_job_make_event (self, "state", &details);
}

void
medley_job_push_event (MedleyJob *self, GVariant *event)
{
  medley_job_load_events (self);
  append (self, event);
  medley_job_emit_event (self, event);
}

void
medley_job_add_event (MedleyJob *self, const char *kind, GVariantDict *details)
{
  GVariantDict empty;

  /* The end is the last event, and has its number already. */
  if (self->is_ending) {
    if (details != NULL)
      g_variant_dict_clear (details);
    return;
  }
  if (details == NULL) {
    g_variant_dict_init (&empty, NULL);
    details = &empty;
  }
  medley_job_push_event (self, medley_job_make_event (self, kind, details));
}

GPtrArray *
medley_job_get_events (MedleyJob *self, guint64 after)
{
  GPtrArray *events = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  GList *first = NULL;

  medley_job_load_events (self);
  for (GList *l = self->events.tail; l != NULL && get_seq (l->data) > after; l = l->prev)
    first = l;
  for (GList *l = first; l != NULL; l = l->next)
    g_ptr_array_add (events, g_variant_ref (l->data));
  return events;
}

guint64
medley_job_get_last_event (MedleyJob *self)
{
  return self->is_ending ? self->last_event - 1 : self->last_event;
}
