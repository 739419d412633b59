/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/stat.h>
#include <unistd.h>

#include "job/job-struct.h"

static const char *const output_states[] = { "pending", "growing", "complete", "failed" };

/* A builder rather than a GVariantDict: members keep this order on every face. */
static void
add (GVariantBuilder *builder, const char *name, GVariant *value)
{
  g_variant_builder_add (builder, "{sv}", name, value);
}

static GVariant *
describe_inputs (MedleyJob *self)
{
  g_auto (GVariantBuilder) all = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  for (guint i = 0; i < self->inputs->len; i++) {
    MedleyInput *input = self->inputs->pdata[i];
    g_auto (GVariantBuilder) one = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

    add (&one, "type", g_variant_new_string (input->type));
    add (&one, "size", g_variant_new_uint64 (input->size));
    add (&one, "complete", g_variant_new_boolean (input->state == MEDLEY_INPUT_READY));
    add (&all, input->name, g_variant_builder_end (&one));
  }
  return g_variant_builder_end (&all);
}

static guint64
measure_output (MedleyJob *self, MedleyOutput *output)
{
  struct stat info;
  int fd;

  if (output->state == MEDLEY_OUTPUT_GROWING
      && (fd = medley_spool_open (self->spool, output->file, NULL)) >= 0) {
    if (fstat (fd, &info) == 0)
      output->size = (guint64) info.st_size;
    close (fd);
  }
  return output->size;
}

static GVariant *
describe_outputs (MedleyJob *self)
{
  g_auto (GVariantBuilder) all = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  for (guint i = 0; i < self->outputs->len; i++) {
    MedleyOutput *output = self->outputs->pdata[i];
    g_auto (GVariantBuilder) one = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

    add (&one, "type", g_variant_new_string (output->type));
    add (&one, "size", g_variant_new_uint64 (measure_output (self, output)));
    add (&one, "state", g_variant_new_string (output_states[output->state]));
    add (&all, output->name, g_variant_builder_end (&one));
  }
  return g_variant_builder_end (&all);
}

static void
add_times_and_progress (MedleyJob *self, GVariantBuilder *builder)
{
  add (builder, "created", g_variant_new_int64 (self->created));
  if (self->started != 0)
    add (builder, "started", g_variant_new_int64 (self->started));
  if (self->finished != 0)
    add (builder, "finished", g_variant_new_int64 (self->finished));
  if (self->progress >= 0)
    add (builder, "progress", g_variant_new_double (self->progress));
  if (self->remaining >= 0)
    add (builder, "remaining", g_variant_new_double (self->remaining));
}

void
medley_job_add_options (MedleyJob *self, GVariantBuilder *builder)
{
  const MedleyJobOptions *options = &self->options;

  if (options->start_at != 0)
    add (builder, "startAt", g_variant_new_int64 (options->start_at));
  if (options->deadline != 0)
    add (builder, "deadline", g_variant_new_int64 (options->deadline));
  if (options->run_time != 0)
    add (builder, "runTime", g_variant_new_uint64 (options->run_time));
  if (options->no_cache)
    add (builder, "cache", g_variant_new_boolean (FALSE));
}

static void
add_attempts (MedleyJob *self, GVariantBuilder *builder)
{
  add (builder, "attempt", g_variant_new_uint32 (MAX (self->n_attempts, 1)));
  if (self->attempts->len > 0)
    add (builder, "attempts",
         g_variant_new_array (G_VARIANT_TYPE_VARDICT, (GVariant *const *) self->attempts->pdata,
                              self->attempts->len));
}

static void
add_place (MedleyJob *self, GVariantBuilder *builder)
{
  g_autofree char *reason = NULL;
  guint position = 0;

  if (self->state != MEDLEY_JOB_QUEUED || self->place == NULL)
    return;
  self->place (self, &reason, &position, self->place_data);
  if (reason == NULL)
    return;
  add (builder, "reason", g_variant_new_string (reason));
  add (builder, "position", g_variant_new_uint32 (position));
}

GVariant *
medley_job_describe (MedleyJob *self)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  static const char *const no_names[] = { NULL };

  add (&builder, "id", g_variant_new_string (self->id));
  add (&builder, "pipeline", g_variant_new_string (self->pipeline));
  add (&builder, "client", g_variant_new_string (self->client));
  add (&builder, "state", g_variant_new_string (medley_job_state_to_string (self->state)));
  add_place (self, &builder);
  if (self->error_variant != NULL)
    add (&builder, "error", self->error_variant);
  add_times_and_progress (self, &builder);
  add_attempts (self, &builder);
  add (&builder, "priority", g_variant_new_int32 (self->options.priority));
  medley_job_add_options (self, &builder);
  medley_job_add_origin (self, &builder);
  if (self->parameters != NULL)
    add (&builder, "parameters", self->parameters);
  add (&builder, "inputs", describe_inputs (self));
  add (&builder, "outputs", describe_outputs (self));
  add (&builder, "outputNames",
       g_variant_new_strv (self->output_names != NULL ? (const char *const *) self->output_names
                                                      : no_names,
                           -1));
  add (&builder, "lastEvent", g_variant_new_uint64 (medley_job_get_last_event (self)));
  return g_variant_builder_end (&builder);
}
