/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job/store.h"

struct _MedleyJobStore {
  GSequence *jobs;   /* MedleyJob, the oldest first */
  GHashTable *by_id; /* id → GSequenceIter */
};

MedleyJobStore *
medley_job_store_new (void)
{
  MedleyJobStore *self = g_new0 (MedleyJobStore, 1);

  self->jobs = g_sequence_new (g_object_unref);
  self->by_id = g_hash_table_new (g_str_hash, g_str_equal);
  return self;
}

void
medley_job_store_free (MedleyJobStore *self)
{
  g_hash_table_unref (self->by_id);
  g_sequence_free (self->jobs);
  g_free (self);
}

void
medley_job_store_add (MedleyJobStore *self, MedleyJob *job)
{
  GSequenceIter *iter = g_sequence_append (self->jobs, g_object_ref (job));

  g_hash_table_insert (self->by_id, (char *) medley_job_get_id (job), iter);
}

void
medley_job_store_remove (MedleyJobStore *self, MedleyJob *job)
{
  GSequenceIter *iter = g_hash_table_lookup (self->by_id, medley_job_get_id (job));

  if (iter == NULL)
    return;
  g_hash_table_remove (self->by_id, medley_job_get_id (job));
  g_sequence_remove (iter);
}

MedleyJob *
medley_job_store_get (MedleyJobStore *self, const char *id)
{
  GSequenceIter *iter = g_hash_table_lookup (self->by_id, id);

  return iter != NULL ? g_sequence_get (iter) : NULL;
}

GPtrArray *
medley_job_store_list (MedleyJobStore *self, MedleyJobFilter filter, gpointer data,
                       const char *cursor, guint limit)
{
  GPtrArray *found = g_ptr_array_new_with_free_func (g_object_unref);
  GSequenceIter *iter = cursor != NULL ? g_hash_table_lookup (self->by_id, cursor) : NULL;

  if (iter == NULL)
    iter = g_sequence_get_end_iter (self->jobs);
  while (!g_sequence_iter_is_begin (iter) && (limit == 0 || found->len < limit)) {
    MedleyJob *job;

    iter = g_sequence_iter_prev (iter);
    job = g_sequence_get (iter);
    if (filter == NULL || filter (job, data))
      g_ptr_array_add (found, g_object_ref (job));
  }
  return found;
}

MedleyJob *
medley_job_store_find_surplus (MedleyJobStore *self, guint keep)
{
  guint ended = medley_job_store_count (self, MEDLEY_JOB_DONE)
                + medley_job_store_count (self, MEDLEY_JOB_FAILED)
                + medley_job_store_count (self, MEDLEY_JOB_CANCELLED);

  if (ended <= keep)
    return NULL;
  for (GSequenceIter *iter = g_sequence_get_begin_iter (self->jobs); !g_sequence_iter_is_end (iter);
       iter = g_sequence_iter_next (iter)) {
    MedleyJob *job = g_sequence_get (iter);

    if (medley_job_state_is_final (medley_job_get_state (job)))
      return job;
  }
  return NULL;
}

guint
medley_job_store_count (MedleyJobStore *self, MedleyJobState state)
{
  guint n = 0;

  for (GSequenceIter *iter = g_sequence_get_begin_iter (self->jobs); !g_sequence_iter_is_end (iter);
       iter = g_sequence_iter_next (iter)) {
    if (medley_job_get_state (g_sequence_get (iter)) == state)
      n++;
  }
  return n;
}
