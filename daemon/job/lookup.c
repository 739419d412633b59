/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which jobs there are: those that have not ended are in memory, the others in the store. */

#include "base/error.h"
#include "job/manager-private.h"

static guint
max_events (MedleyJobManager *self)
{
  return (guint) medley_config_get_number (self->config, "limits.events");
}

/* An ended job that somebody holds: who asks for it again gets the same object. */
typedef struct {
  MedleyJobManager *manager;
  MedleyJob *job; /* not owned */
  char *id;
} Known;

static void
nobody_holds (gpointer data, GObject *where)
{
  Known *known = data;

  g_hash_table_remove (known->manager->known, known->id);
}

void
medley_job_manager_free_known (gpointer data)
{
  Known *known = data;

  g_free (known->id);
  g_free (known);
}

static void
note_known (MedleyJobManager *self, MedleyJob *job)
{
  Known *known = g_new0 (Known, 1);

  known->manager = self;
  known->job = job;
  known->id = g_strdup (medley_job_get_id (job));
  g_hash_table_insert (self->known, known->id, known);
  g_object_weak_ref (G_OBJECT (job), nobody_holds, known);
}

static void
forget (MedleyJobManager *self, MedleyJob *job)
{
  Known *known = g_hash_table_lookup (self->known, medley_job_get_id (job));

  if (known == NULL)
    return;
  g_object_weak_unref (G_OBJECT (job), nobody_holds, known);
  g_hash_table_remove (self->known, known->id);
}

void
medley_job_manager_forget_known (MedleyJobManager *self)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->known);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    Known *known = value;

    g_object_weak_unref (G_OBJECT (known->job), nobody_holds, known);
    medley_job_forget_store (known->job);
    g_hash_table_iter_remove (&iter);
  }
}

guint
medley_job_manager_count_client (MedleyJobManager *self, const char *client)
{
  return GPOINTER_TO_UINT (g_hash_table_lookup (self->clients, client));
}

void
medley_job_manager_change_client (MedleyJobManager *self, const char *client, int difference)
{
  guint n = medley_job_manager_count_client (self, client) + (guint) difference;

  if (n == 0)
    g_hash_table_remove (self->clients, client);
  else
    g_hash_table_insert (self->clients, g_strdup (client), GUINT_TO_POINTER (n));
}

static gboolean
leave_live (MedleyJobManager *self, MedleyJob *job)
{
  if (!g_hash_table_remove (self->live, medley_job_get_id (job)))
    return FALSE;
  medley_job_manager_change_client (self, medley_job_get_client (job), -1);
  return TRUE;
}

void
medley_job_manager_settle (MedleyJobManager *self, MedleyJob *job)
{
  g_autoptr (MedleyJob) keep = g_object_ref (job);

  if (leave_live (self, job))
    note_known (self, job);
}

void
medley_job_manager_drop (MedleyJobManager *self, MedleyJob *job)
{
  medley_job_set_removed (job);
  forget (self, job);
  leave_live (self, job);
  g_hash_table_add (self->removing, g_strdup (medley_job_get_id (job)));
}

void
medley_job_manager_revive (MedleyJobManager *self, MedleyJob *job)
{
  forget (self, job);
  medley_job_manager_take_live (self, job);
}

/* (transfer full) (nullable) */
static MedleyJob *
find (MedleyJobManager *self, const char *id)
{
  MedleyJob *job = g_hash_table_lookup (self->live, id);
  Known *known = g_hash_table_lookup (self->known, id);
  g_autoptr (MedleyJobRecord) record = NULL;

  if (job != NULL || known != NULL)
    return g_object_ref (job != NULL ? job : known->job);
  if (g_hash_table_contains (self->removing, id))
    return NULL;
  record = medley_job_store_get (self->store, id);
  /* What has not ended and is not here is being made. */
  if (record == NULL || !medley_job_state_is_final (record->state))
    return NULL;
  job = medley_job_new_from_record (record, self->spool, self->store, max_events (self));
  note_known (self, job);
  return job;
}

MedleyJob *
medley_job_manager_get (MedleyJobManager *self, const char *id, GError **error)
{
  MedleyJob *job = find (self, id);

  if (job == NULL)
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_FOUND,
                 "there is no job \"%s\"; see `medley jobs`", id);
  return job;
}

static int
compare_newest_first (gconstpointer a, gconstpointer b)
{
  return -g_strcmp0 (medley_job_get_id (*(MedleyJob **) a), medley_job_get_id (*(MedleyJob **) b));
}

GPtrArray *
medley_job_manager_list_unfinished (MedleyJobManager *self)
{
  GPtrArray *jobs = g_ptr_array_new_with_free_func (g_object_unref);
  GHashTableIter iter;
  gpointer job;

  g_hash_table_iter_init (&iter, self->live);
  while (g_hash_table_iter_next (&iter, NULL, &job)) {
    if (!medley_job_state_is_final (medley_job_get_state (job)))
      g_ptr_array_add (jobs, g_object_ref (job));
  }
  g_ptr_array_sort (jobs, compare_newest_first);
  return jobs;
}

static gboolean
matches (const MedleyJobFilter *filter, MedleyJob *job)
{
  gint64 created = medley_job_get_created (job);

  return (filter->state < 0 || (int) medley_job_get_state (job) == filter->state)
         && (filter->pipeline == NULL
             || g_str_equal (filter->pipeline, medley_job_get_pipeline (job)))
         && (filter->client == NULL || g_str_equal (filter->client, medley_job_get_client (job)))
         && created >= filter->from && (filter->before == 0 || created < filter->before);
}

/* Jobs in one of the states before the end: the store may not know yet which it is. */
static GPtrArray *
list_live (MedleyJobManager *self, const MedleyJobFilter *filter, const char *cursor, guint limit)
{
  g_autoptr (GPtrArray) all = medley_job_manager_list_unfinished (self);
  GPtrArray *jobs = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < all->len && (limit == 0 || jobs->len < limit); i++) {
    MedleyJob *job = all->pdata[i];

    if (matches (filter, job)
        && (cursor == NULL || g_strcmp0 (medley_job_get_id (job), cursor) < 0))
      g_ptr_array_add (jobs, g_object_ref (job));
  }
  return jobs;
}

/* Adds ended jobs, and with no state wanted all: at most so many that there are @limit. Returns the
 * id to go on after (transfer full), NULL when there are no more. */
static char *
list_stored (MedleyJobManager *self, GPtrArray *jobs, const MedleyJobFilter *filter,
             const char *cursor, guint limit)
{
  guint room = limit - jobs->len;
  g_auto (GStrv) ids = medley_job_store_list (self->store, filter, cursor, room);
  guint n = 0;

  for (; ids[n] != NULL; n++) {
    MedleyJob *job = find (self, ids[n]);

    if (job != NULL && matches (filter, job))
      g_ptr_array_add (jobs, job);
    else
      g_clear_object (&job);
  }
  return n == room ? g_strdup (ids[n - 1]) : NULL;
}

GPtrArray *
medley_job_manager_list (MedleyJobManager *self, const MedleyJobFilter *filter, const char *cursor,
                         guint limit)
{
  g_autoptr (GPtrArray) jobs = g_ptr_array_new_with_free_func (g_object_unref);
  g_autofree char *after = g_strdup (cursor);

  if (filter->state >= 0 && !medley_job_state_is_final ((MedleyJobState) filter->state))
    return list_live (self, filter, cursor, limit);
  if (limit == 0)
    limit = G_MAXUINT;
  /* Some are being made or removed: a page that were shorter for it would look like the last. */
  do {
    g_autofree char *before = g_steal_pointer (&after);

    after = list_stored (self, jobs, filter, before, limit);
  } while (after != NULL && jobs->len < limit);
  return g_steal_pointer (&jobs);
}
