/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A job as the store keeps it, both ways. */

#include <unistd.h>

#include "base/error.h"
#include "job/job-struct.h"

/* In MedleyFileRecord.flags. */
#define FLAG_UPLOAD 1u

/* Events may have been seen by clients that were not written any more: the numbers that come after
 * a restart are beyond all of those. */
#define EVENT_GAP 1024

static void
add (GVariantBuilder *builder, const char *name, GVariant *value)
{
  g_variant_builder_add (builder, "{sv}", name, value);
}

static GVariant *
make_status (MedleyJob *self, gboolean ends)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  GVariant *error = ends ? self->end_error : self->error_variant;

  add (&builder, "lastEvent", g_variant_new_uint64 (self->last_event));
  add (&builder, "begun", g_variant_new_uint32 (self->n_attempts));
  if (self->attempts_base != 0)
    add (&builder, "base", g_variant_new_uint32 (self->attempts_base));
  if (self->kills != 0)
    add (&builder, "kills", g_variant_new_uint32 (self->kills));
  if (self->started != 0)
    add (&builder, "started", g_variant_new_int64 (self->started));
  if (self->attempt_began != 0)
    add (&builder, "attemptBegan", g_variant_new_int64 (self->attempt_began));
  if (self->ready_at != 0)
    add (&builder, "readyAt", g_variant_new_int64 (self->ready_at));
  if (self->progress >= 0)
    add (&builder, "progress", g_variant_new_double (self->progress));
  if (self->pause_at_start || self->state == MEDLEY_JOB_PAUSED)
    add (&builder, "paused", g_variant_new_boolean (TRUE));
  if (self->stopping != NULL && !ends)
    add (&builder, "stopping", self->stopping);
  if (error != NULL)
    add (&builder, "error", error);
  if (self->parameters != NULL)
    add (&builder, "parameters", self->parameters);
  medley_job_add_options (self, &builder);
  medley_job_save_origin (self, &builder);
  add (&builder, "attempts", g_variant_new_uint32 (self->options.attempts));
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

static void
free_file (gpointer data)
{
  medley_file_record_free (data);
}

/* The bytes of a whole file that are few enough to lie in the store. */
static GBytes *
read_content (MedleyJob *self, const char *file, guint64 size)
{
  g_autofree char *data = g_malloc (MAX (size, 1));
  int fd = medley_spool_open (self->spool, file, NULL);
  gssize n = fd >= 0 ? read (fd, data, size) : -1;

  if (fd >= 0)
    close (fd);
  return n == (gssize) size ? g_bytes_new_take (g_steal_pointer (&data), size) : NULL;
}

static GPtrArray *
record_inputs (MedleyJob *self)
{
  GPtrArray *files = g_ptr_array_new_with_free_func (free_file);

  for (guint i = 0; i < self->inputs->len; i++) {
    MedleyInput *input = self->inputs->pdata[i];
    MedleyFileRecord *file = g_new0 (MedleyFileRecord, 1);

    file->name = g_strdup (input->name);
    file->type = g_strdup (input->type);
    file->file = g_strdup (input->file);
    file->state = input->state;
    /* One that is being synced is not whole yet. */
    if (input->state == MEDLEY_INPUT_READY && !input->saved
        && input->size > MEDLEY_RECORD_INLINE_BYTES)
      file->state = MEDLEY_INPUT_COMING;
    file->flags = input->is_upload ? FLAG_UPLOAD : 0;
    file->size = input->size;
    if (input->state == MEDLEY_INPUT_READY && input->size <= MEDLEY_RECORD_INLINE_BYTES)
      file->content = read_content (self, input->file, input->size);
    g_ptr_array_add (files, file);
  }
  return files;
}

static GPtrArray *
record_outputs (MedleyJob *self, gboolean ends)
{
  GPtrArray *files = g_ptr_array_new_with_free_func (free_file);

  for (guint i = 0; i < self->outputs->len; i++) {
    MedleyOutput *output = self->outputs->pdata[i];
    MedleyFileRecord *file = g_new0 (MedleyFileRecord, 1);

    file->name = g_strdup (output->name);
    file->type = g_strdup (output->type);
    file->file = g_strdup (output->file);
    file->state = output->state;
    file->size = output->size;
    if (ends)
      file->state
          = self->end_state == MEDLEY_JOB_DONE ? MEDLEY_OUTPUT_COMPLETE : MEDLEY_OUTPUT_FAILED;
    if (file->state == MEDLEY_OUTPUT_COMPLETE && output->size <= MEDLEY_RECORD_INLINE_BYTES)
      file->content = read_content (self, output->file, output->size);
    g_ptr_array_add (files, file);
  }
  return files;
}

static GPtrArray *
record_events (MedleyJob *self, gboolean ends)
{
  GPtrArray *events = medley_job_get_events (self, self->saved_event);

  if (ends)
    g_ptr_array_add (events, g_variant_ref (self->end_event));
  return events;
}

MedleyJobRecord *
medley_job_make_record (MedleyJob *self, gboolean with_end)
{
  MedleyJobRecord *record = medley_job_record_new (self->id);
  /* What was recorded once is not taken back by a record that was longer on its way. */
  gboolean ends = self->is_ending && (with_end || self->end_is_recorded);

  self->end_is_recorded = ends;
  record->is_new = self->is_new;
  record->state = ends ? self->end_state : self->state;
  record->priority = self->options.priority;
  record->finished = ends ? self->end_time : self->finished;
  record->status = make_status (self, ends);
  if (self->is_new) {
    record->client = g_strdup (self->client);
    record->pipeline = g_strdup (self->pipeline);
    record->created = self->created;
    record->plan_digest = g_strdup (self->plan_digest);
    record->plan = g_variant_ref (self->plan);
    record->key_owner = g_steal_pointer (&self->key_owner);
    record->key = g_steal_pointer (&self->key);
    record->key_digest = g_steal_pointer (&self->key_digest);
  }
  if (self->inputs_changed)
    record->inputs = record_inputs (self);
  if (self->outputs_changed)
    record->outputs = record_outputs (self, ends);
  record->bytes = medley_job_get_bytes (self);
  if (self->saved_attempts < self->attempts->len) {
    record->attempts = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
    for (guint i = self->saved_attempts; i < self->attempts->len; i++)
      g_ptr_array_add (record->attempts, g_variant_ref (self->attempts->pdata[i]));
  }
  medley_job_load_events (self);
  /* The log in the store is bounded as well: from time to time it becomes the one in memory. */
  record->replaces_events = self->stored_events > 2 * self->max_events;
  if (record->replaces_events)
    self->saved_event = self->stored_events = 0;
  record->events = record_events (self, ends);
  self->stored_events += record->events->len;
  self->is_new = self->inputs_changed = FALSE;
  self->outputs_changed = self->is_ending && !ends;
  self->saved_attempts = self->attempts->len;
  self->saved_event = self->last_event;
  return record;
}

void
medley_job_mark_unsaved (MedleyJob *self)
{
  self->inputs_changed = self->outputs_changed = TRUE;
  self->saved_attempts = 0;
  self->saved_event = 0;
}

static void
read_options (MedleyJob *self, GVariant *status)
{
  gboolean cache = TRUE;

  g_variant_lookup (status, "startAt", "x", &self->options.start_at);
  g_variant_lookup (status, "deadline", "x", &self->options.deadline);
  g_variant_lookup (status, "runTime", "t", &self->options.run_time);
  g_variant_lookup (status, "attempts", "u", &self->options.attempts);
  g_variant_lookup (status, "cache", "b", &cache);
  self->options.no_cache = !cache;
}

static void
read_status (MedleyJob *self, GVariant *status)
{
  g_autoptr (GVariant) error = g_variant_lookup_value (status, "error", G_VARIANT_TYPE_VARDICT);

  g_variant_lookup (status, "lastEvent", "t", &self->last_event);
  g_variant_lookup (status, "begun", "u", &self->n_attempts);
  g_variant_lookup (status, "base", "u", &self->attempts_base);
  g_variant_lookup (status, "kills", "u", &self->kills);
  g_variant_lookup (status, "started", "x", &self->started);
  g_variant_lookup (status, "attemptBegan", "x", &self->attempt_began);
  g_variant_lookup (status, "readyAt", "x", &self->ready_at);
  g_variant_lookup (status, "progress", "d", &self->progress);
  g_variant_lookup (status, "paused", "b", &self->pause_at_start);
  self->stopping = g_variant_lookup_value (status, "stopping", G_VARIANT_TYPE_VARDICT);
  self->parameters = g_variant_lookup_value (status, "parameters", G_VARIANT_TYPE_VARDICT);
  read_options (self, status);
  medley_job_read_origin (self, status);
  if (error != NULL) {
    self->error = medley_error_from_variant (error);
    self->error_variant = g_steal_pointer (&error);
  }
}

static void
read_inputs (MedleyJob *self, GPtrArray *files)
{
  for (guint i = 0; i < files->len; i++) {
    MedleyFileRecord *file = files->pdata[i];
    MedleyInput *input = g_new0 (MedleyInput, 1);

    input->name = g_steal_pointer (&file->name);
    input->type = g_steal_pointer (&file->type);
    input->file = g_steal_pointer (&file->file);
    input->state = (MedleyInputState) file->state;
    input->is_upload = (file->flags & FLAG_UPLOAD) != 0;
    input->size = file->size;
    input->fd = input->doorbell = input->client_fd = -1;
    input->saved = input->state == MEDLEY_INPUT_READY;
    g_ptr_array_add (self->inputs, input);
  }
}

static void
read_outputs (MedleyJob *self, GPtrArray *files)
{
  for (guint i = 0; i < files->len; i++) {
    MedleyFileRecord *file = files->pdata[i];
    MedleyOutput *output = g_new0 (MedleyOutput, 1);

    output->name = g_steal_pointer (&file->name);
    output->type = g_steal_pointer (&file->type);
    output->file = g_steal_pointer (&file->file);
    output->state = (MedleyOutputState) file->state;
    output->size = file->size;
    output->saved = output->state == MEDLEY_OUTPUT_COMPLETE;
    g_ptr_array_add (self->outputs, output);
    medley_job_add_output_name (self, output->name);
  }
}

MedleyJob *
medley_job_new_from_record (MedleyJobRecord *record, MedleySpool *spool, MedleyJobStore *store,
                            guint max_events)
{
  MedleyJob *self = g_object_new (MEDLEY_TYPE_JOB, NULL);

  self->id = g_strdup (record->id);
  self->client = g_steal_pointer (&record->client);
  self->pipeline = g_steal_pointer (&record->pipeline);
  self->plan_digest = g_steal_pointer (&record->plan_digest);
  self->plan = g_steal_pointer (&record->plan);
  self->options.priority = record->priority;
  self->state = record->state;
  self->created = record->created;
  self->finished = record->finished;
  self->spool = g_object_ref (spool);
  self->store = store;
  self->max_events = max_events;
  read_status (self, record->status);
  if (self->state == MEDLEY_JOB_DONE)
    self->progress = 1;
  if (!medley_job_state_is_final (self->state))
    self->last_event = (self->last_event / EVENT_GAP + 1) * EVENT_GAP;
  self->saved_event = self->last_event;
  read_inputs (self, record->inputs);
  read_outputs (self, record->outputs);
  g_ptr_array_extend_and_steal (self->attempts, g_steal_pointer (&record->attempts));
  self->saved_attempts = self->attempts->len;
  return self;
}
