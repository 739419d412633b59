/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which ended jobs are forgotten: those that ended first, when there are too many, when they take
 * too much space, or when they are too old. */

#include "job/manager-private.h"

/* So many at a time, so that the main loop turns between them. */
#define BATCH 64
/* Jobs that end in quick succession are forgotten together: one sync is enough for them. */
#define SOON_MS 100
#define LOOK_SECONDS 600

static guint
count_ended (MedleyJobManager *self)
{
  guint n = 0;

  for (guint i = 0; i < MEDLEY_JOB_N_STATES; i++)
    n += self->ended[i];
  return n;
}

/* Those that nobody has removed yet; FALSE when there is none. */
static gboolean
remove_oldest (MedleyJobManager *self, gint64 before, guint most)
{
  /* Those that are being removed are still in the store. */
  g_auto (GStrv) ids = medley_job_store_find_oldest (self->store, before,
                                                     most + g_hash_table_size (self->removing));
  guint n = 0;

  for (guint i = 0; ids[i] != NULL && n < most; i++) {
    g_autoptr (MedleyJob) job = medley_job_manager_get (self, ids[i], NULL);

    n += job != NULL && medley_job_manager_remove (self, job, NULL);
  }
  return n > 0;
}

static gboolean
remove_aged (MedleyJobManager *self)
{
  gint64 keep = (gint64) medley_config_get_number (self->config, "jobs.keep-time");

  return keep > 0 && remove_oldest (self, g_get_real_time () - keep * G_USEC_PER_SEC, BATCH);
}

static void
schedule (MedleyJobManager *self, guint delay);

static void
retain (MedleyJobManager *self)
{
  guint keep = (guint) medley_config_get_number (self->config, "jobs.keep");
  guint64 bytes = medley_config_get_number (self->config, "jobs.keep-bytes");
  guint n = count_ended (self);
  gboolean any = FALSE;

  if (n > keep)
    any = remove_oldest (self, 0, MIN (n - keep, BATCH));
  else if (bytes > 0 && self->ended_bytes > bytes)
    any = remove_oldest (self, 0, 1);
  if (any)
    schedule (self, 0);
}

static gboolean
retain_more (gpointer data)
{
  MedleyJobManager *self = data;
  gboolean aged;

  self->surplus_source = 0;
  aged = remove_aged (self);
  retain (self);
  if (aged)
    schedule (self, 0);
  return G_SOURCE_REMOVE;
}

static void
schedule (MedleyJobManager *self, guint delay)
{
  if (self->surplus_source == 0)
    self->surplus_source = g_timeout_add (delay, retain_more, self);
}

static gboolean
look (gpointer data)
{
  MedleyJobManager *self = data;
  gint64 keys = (gint64) medley_config_get_number (self->config, "jobs.idempotency-time");

  schedule (self, 0);
  medley_job_store_prune (self->store, g_get_real_time () - keys * G_USEC_PER_SEC);
  return G_SOURCE_CONTINUE;
}

void
medley_job_manager_retain_soon (MedleyJobManager *self)
{
  schedule (self, SOON_MS);
}

void
medley_job_manager_watch_age (MedleyJobManager *self)
{
  look (self);
  self->retention_source = g_timeout_add_seconds (LOOK_SECONDS, look, self);
}
