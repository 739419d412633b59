/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job/record.h"

#include "base/variant.h"

void
medley_file_record_free (MedleyFileRecord *self)
{
  g_free (self->name);
  g_free (self->type);
  g_free (self->file);
  g_free (self->digest);
  g_clear_pointer (&self->content, g_bytes_unref);
  g_free (self);
}

MedleyJobRecord *
medley_job_record_new (const char *id)
{
  MedleyJobRecord *self = g_new0 (MedleyJobRecord, 1);

  self->id = g_strdup (id);
  return self;
}

/* Takes @variant. */
static GVariant *
detach (GVariant *variant)
{
  g_autoptr (GVariant) shared = variant;

  return medley_variant_detach (shared);
}

static void
detach_all (GPtrArray *variants)
{
  for (guint i = 0; variants != NULL && i < variants->len; i++)
    variants->pdata[i] = detach (variants->pdata[i]);
}

void
medley_job_record_detach (MedleyJobRecord *self)
{
  if (self->plan != NULL)
    self->plan = detach (self->plan);
  if (self->status != NULL)
    self->status = detach (self->status);
  detach_all (self->attempts);
  detach_all (self->events);
}

void
medley_job_record_free (MedleyJobRecord *self)
{
  g_free (self->id);
  g_free (self->client);
  g_free (self->pipeline);
  g_free (self->plan_digest);
  g_clear_pointer (&self->plan, g_variant_unref);
  g_clear_pointer (&self->status, g_variant_unref);
  g_clear_pointer (&self->inputs, g_ptr_array_unref);
  g_clear_pointer (&self->outputs, g_ptr_array_unref);
  g_clear_pointer (&self->attempts, g_ptr_array_unref);
  g_clear_pointer (&self->events, g_ptr_array_unref);
  g_free (self->key);
  g_free (self->key_digest);
  g_free (self->key_owner);
  g_free (self);
}

void
medley_job_id_write_time (char id[MEDLEY_JOB_ID_TIME_DIGITS + 1], guint64 time)
{
  static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";

  for (int i = MEDLEY_JOB_ID_TIME_DIGITS - 1; i >= 0; i--, time /= 36)
    id[i] = digits[time % 36];
  id[MEDLEY_JOB_ID_TIME_DIGITS] = '\0';
}
