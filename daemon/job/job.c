/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job/job-private.h"

#include <errno.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"

struct _MedleyJob {
  GObject parent_instance;

  char *id;
  char *client;
  GVariant *plan;
  GVariant *parameters;
  const char *pipeline; /* inside the plan */
  MedleySpool *spool;

  MedleyJobState state;
  guint attempt;
  gint64 created, started, finished; /* µs since 1970, 0 before */
  double progress, remaining;        /* -1 while unknown */
  GVariant *error_variant;
  GError *error;
  char *reason;
  guint position;

  GPtrArray *inputs;
  GPtrArray *outputs;
  char **output_names;

  GQueue events; /* GVariant */
  guint max_events;
  guint64 last_event;
  gboolean last_is_progress;
};

G_DEFINE_FINAL_TYPE (MedleyJob, medley_job, G_TYPE_OBJECT)

enum { SIGNAL_EVENT, SIGNAL_CHANGED, SIGNAL_GREW, N_SIGNALS };

static guint signals[N_SIGNALS];

static const char *const output_states[] = { "pending", "growing", "complete", "failed" };

static void
input_free (MedleyInput *input)
{
  g_clear_handle_id (&input->source, g_source_remove);
  medley_clear_fd (&input->fd);
  medley_clear_fd (&input->doorbell);
  medley_clear_fd (&input->client_fd);
  g_clear_object (&input->copying);
  g_free (input->name);
  g_free (input->type);
  g_free (input->file);
  g_free (input);
}

static void
output_free (MedleyOutput *output)
{
  g_free (output->name);
  g_free (output->type);
  g_free (output->file);
  g_free (output);
}

MedleyJob *
medley_job_new (const char *id, const char *client, GVariant *plan, GVariant *parameters,
                MedleySpool *spool, guint max_events)
{
  MedleyJob *self = g_object_new (MEDLEY_TYPE_JOB, NULL);

  self->id = g_strdup (id);
  self->client = g_strdup (client);
  self->plan = g_variant_ref_sink (plan);
  self->parameters = parameters != NULL ? g_variant_ref_sink (parameters) : NULL;
  self->pipeline = "";
  g_variant_lookup (self->plan, "pipeline", "&s", &self->pipeline);
  self->spool = g_object_ref (spool);
  self->max_events = max_events;
  self->created = g_get_real_time ();
  return self;
}

const char *
medley_job_get_id (MedleyJob *self)
{
  return self->id;
}

const char *
medley_job_get_pipeline (MedleyJob *self)
{
  return self->pipeline;
}

const char *
medley_job_get_client (MedleyJob *self)
{
  return self->client;
}

MedleyJobState
medley_job_get_state (MedleyJob *self)
{
  return self->state;
}

double
medley_job_get_progress (MedleyJob *self)
{
  return self->progress;
}

const GError *
medley_job_get_error (MedleyJob *self)
{
  return self->error;
}

GVariant *
medley_job_get_error_variant (MedleyJob *self)
{
  return self->error_variant;
}

GVariant *
medley_job_get_plan (MedleyJob *self)
{
  return self->plan;
}

MedleySpool *
medley_job_get_spool (MedleyJob *self)
{
  return self->spool;
}

MedleyInput *
medley_job_add_input (MedleyJob *self, const char *name, const char *type, MedleyInputState state,
                      guint64 limit, GError **error)
{
  MedleyInput *input = g_new0 (MedleyInput, 1);

  input->name = g_strdup (name);
  input->type = g_strdup (type);
  input->file = g_strdup_printf ("%s-%u.in", self->id, self->inputs->len);
  input->state = state;
  input->limit = limit;
  input->doorbell = input->client_fd = -1;
  input->fd = medley_spool_create (self->spool, input->file, error);
  if (input->fd < 0) {
    input_free (input);
    return NULL;
  }
  g_ptr_array_add (self->inputs, input);
  return input;
}

MedleyOutput *
medley_job_add_output (MedleyJob *self, const char *name, const char *type, GError **error)
{
  MedleyOutput *output = g_new0 (MedleyOutput, 1);
  int fd;

  output->name = g_strdup (name);
  output->type = g_strdup (type);
  output->file = g_strdup_printf ("%s-%u.out", self->id, self->outputs->len);
  fd = medley_spool_create (self->spool, output->file, error);
  if (fd < 0) {
    output_free (output);
    return NULL;
  }
  close (fd);
  g_ptr_array_add (self->outputs, output);
  self->output_names = g_renew (char *, self->output_names, self->outputs->len + 1);
  self->output_names[self->outputs->len - 1] = output->name;
  self->output_names[self->outputs->len] = NULL;
  return output;
}

GPtrArray *
medley_job_list_inputs (MedleyJob *self)
{
  return self->inputs;
}

GPtrArray *
medley_job_list_outputs (MedleyJob *self)
{
  return self->outputs;
}

MedleyInput *
medley_job_find_input (MedleyJob *self, const char *name)
{
  if (name == NULL || name[0] == '\0')
    return self->inputs->len == 1 ? self->inputs->pdata[0] : NULL;
  for (guint i = 0; i < self->inputs->len; i++) {
    MedleyInput *input = self->inputs->pdata[i];

    if (g_str_equal (input->name, name))
      return input;
  }
  return NULL;
}

MedleyOutput *
medley_job_find_output (MedleyJob *self, const char *name)
{
  if (name == NULL || name[0] == '\0')
    return self->outputs->len > 0 ? self->outputs->pdata[0] : NULL;
  for (guint i = 0; i < self->outputs->len; i++) {
    MedleyOutput *output = self->outputs->pdata[i];

    if (g_str_equal (output->name, name))
      return output;
  }
  return NULL;
}

gboolean
medley_job_has_input_in (MedleyJob *self, MedleyInputState state)
{
  for (guint i = 0; i < self->inputs->len; i++) {
    if (((MedleyInput *) self->inputs->pdata[i])->state == state)
      return TRUE;
  }
  return FALSE;
}

const char *const *
medley_job_get_outputs (MedleyJob *self)
{
  return (const char *const *) self->output_names;
}

const char *
medley_job_get_output_type (MedleyJob *self, const char *name)
{
  MedleyOutput *output = medley_job_find_output (self, name);

  return output != NULL ? output->type : NULL;
}

void
medley_job_delete_files (MedleyJob *self)
{
  for (guint i = 0; i < self->inputs->len; i++)
    medley_spool_remove (self->spool, ((MedleyInput *) self->inputs->pdata[i])->file);
  for (guint i = 0; i < self->outputs->len; i++)
    medley_spool_remove (self->spool, ((MedleyOutput *) self->outputs->pdata[i])->file);
}

gboolean
medley_input_write (MedleyInput *input, const void *data, gsize length, GError **error)
{
  const char *at = data;

  if (length > input->limit - MIN (input->size, input->limit)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_TOO_LARGE,
                 "input \"%s\" is longer than %" G_GUINT64_FORMAT
                 " bytes; the limit is %s in the configuration",
                 input->name, input->limit,
                 g_str_has_prefix (input->type, "text/") ? "limits.text-bytes"
                                                         : "limits.input-bytes");
    return FALSE;
  }
  while (length > 0) {
    gssize n = write (input->fd, at, length);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      g_set_error (error, MEDLEY_ERROR,
                   errno == ENOSPC || errno == EDQUOT ? MEDLEY_ERROR_NO_SPACE : MEDLEY_ERROR_IO,
                   "cannot store input \"%s\": %s", input->name, g_strerror (errno));
      return FALSE;
    }
    at += n;
    length -= (gsize) n;
    input->size += (guint64) n;
  }
  /* A full pipe has been rung already. */
  if (input->doorbell >= 0 && write (input->doorbell, "", 1) < 0 && errno != EAGAIN)
    medley_clear_fd (&input->doorbell);
  return TRUE;
}

void
medley_input_complete (MedleyInput *input)
{
  input->state = MEDLEY_INPUT_READY;
  medley_clear_fd (&input->fd);
  medley_clear_fd (&input->doorbell);
}

GError *
medley_input_make_empty_error (const char *name)
{
  return g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_EMPTY_INPUT,
                      "input \"%s\" is empty: there is nothing to work on", name);
}

static gboolean
is_progress (GVariant *event)
{
  const char *kind = "";

  g_variant_lookup (event, "kind", "&s", &kind);
  return g_str_equal (kind, "progress");
}

void
medley_job_add_event (MedleyJob *self, const char *kind, GVariantDict *details)
{
  GVariantDict empty;
  GVariant *event;
  gboolean progress = g_str_equal (kind, "progress");

  if (details == NULL) {
    g_variant_dict_init (&empty, NULL);
    details = &empty;
  }
  g_variant_dict_insert (details, "seq", "t", ++self->last_event);
  g_variant_dict_insert (details, "time", "x", g_get_real_time ());
  g_variant_dict_insert (details, "kind", "s", kind);
  event = g_variant_ref_sink (g_variant_dict_end (details));

  /* Of progress in a row only the newest is worth keeping; what is left is bounded by the
   * pipeline's size. */
  if (progress && !g_queue_is_empty (&self->events)
      && is_progress (g_queue_peek_tail (&self->events)))
    g_variant_unref (g_queue_pop_tail (&self->events));
  g_queue_push_tail (&self->events, event);
  while (g_queue_get_length (&self->events) > self->max_events)
    g_variant_unref (g_queue_pop_head (&self->events));
  g_signal_emit (self, signals[SIGNAL_EVENT], 0, event);
}

GPtrArray *
medley_job_get_events (MedleyJob *self, guint64 after)
{
  GPtrArray *events = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);

  for (GList *l = self->events.tail; l != NULL; l = l->prev) {
    guint64 seq = 0;

    g_variant_lookup (l->data, "seq", "t", &seq);
    if (seq <= after)
      break;
    g_ptr_array_insert (events, 0, g_variant_ref (l->data));
  }
  return events;
}

guint64
medley_job_get_last_event (MedleyJob *self)
{
  return self->last_event;
}

gboolean
medley_job_set_state (MedleyJob *self, MedleyJobState state)
{
  GVariantDict details;

  if (!medley_job_state_can_change (self->state, state))
    return FALSE;
  self->state = state;
  if (state == MEDLEY_JOB_RUNNING && self->started == 0)
    self->started = g_get_real_time ();
  if (medley_job_state_is_final (state)) {
    self->finished = g_get_real_time ();
    self->remaining = -1;
    if (state == MEDLEY_JOB_DONE)
      self->progress = 1;
  }
  if (state != MEDLEY_JOB_QUEUED)
    medley_job_set_queue_place (self, NULL, 0);
  g_variant_dict_init (&details, NULL);
  g_variant_dict_insert (&details, "state", "s", medley_job_state_to_string (state));
  if (self->error_variant != NULL)
    g_variant_dict_insert_value (&details, "error", self->error_variant);
  medley_job_add_event (self, "state", &details);
  medley_job_emit_changed (self);
  return TRUE;
}

void
medley_job_set_error (MedleyJob *self, GVariant *error)
{
  g_clear_pointer (&self->error_variant, g_variant_unref);
  g_clear_error (&self->error);
  if (error == NULL)
    return;
  self->error_variant = g_variant_ref_sink (error);
  self->error = medley_error_from_variant (error);
}

void
medley_job_set_progress (MedleyJob *self, double fraction, double remaining)
{
  self->progress = fraction;
  self->remaining = remaining;
  medley_job_emit_changed (self);
}

void
medley_job_set_queue_place (MedleyJob *self, const char *reason, guint position)
{
  if (self->reason != reason) {
    g_free (self->reason);
    self->reason = g_strdup (reason);
  }
  self->position = position;
}

void
medley_job_set_attempt (MedleyJob *self, guint attempt)
{
  self->attempt = attempt;
}

void
medley_job_set_output_state (MedleyJob *self, MedleyOutput *output, MedleyOutputState state)
{
  struct stat info;
  int fd = medley_spool_open (self->spool, output->file, NULL);

  if (fd >= 0 && fstat (fd, &info) == 0)
    output->size = (guint64) info.st_size;
  if (fd >= 0)
    close (fd);
  output->state = state;
  medley_job_output_grew (self, output);
}

void
medley_job_output_grew (MedleyJob *self, MedleyOutput *output)
{
  g_signal_emit (self, signals[SIGNAL_GREW], 0, output);
}

void
medley_job_emit_changed (MedleyJob *self)
{
  g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
}

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
  add (builder, "attempt", g_variant_new_uint32 (self->attempt));
}

GVariant *
medley_job_describe (MedleyJob *self)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  static const char *const no_names[] = { NULL };

  add (&builder, "id", g_variant_new_string (self->id));
  add (&builder, "pipeline", g_variant_new_string (self->pipeline));
  add (&builder, "state", g_variant_new_string (medley_job_state_to_string (self->state)));
  if (self->reason != NULL) {
    add (&builder, "reason", g_variant_new_string (self->reason));
    add (&builder, "position", g_variant_new_uint32 (self->position));
  }
  if (self->error_variant != NULL)
    add (&builder, "error", self->error_variant);
  add_times_and_progress (self, &builder);
  if (self->parameters != NULL)
    add (&builder, "parameters", self->parameters);
  add (&builder, "inputs", describe_inputs (self));
  add (&builder, "outputs", describe_outputs (self));
  add (&builder, "outputNames",
       g_variant_new_strv (self->output_names != NULL ? (const char *const *) self->output_names
                                                      : no_names,
                           -1));
  add (&builder, "lastEvent", g_variant_new_uint64 (self->last_event));
  return g_variant_builder_end (&builder);
}

static void
medley_job_finalize (GObject *object)
{
  MedleyJob *self = MEDLEY_JOB (object);

  g_queue_clear_full (&self->events, (GDestroyNotify) g_variant_unref);
  g_ptr_array_unref (self->inputs);
  g_ptr_array_unref (self->outputs);
  g_free (self->output_names);
  g_clear_pointer (&self->error_variant, g_variant_unref);
  g_clear_error (&self->error);
  g_clear_pointer (&self->plan, g_variant_unref);
  g_clear_pointer (&self->parameters, g_variant_unref);
  g_clear_object (&self->spool);
  g_free (self->reason);
  g_free (self->client);
  g_free (self->id);
  G_OBJECT_CLASS (medley_job_parent_class)->finalize (object);
}

static void
medley_job_class_init (MedleyJobClass *klass)
{
  GType type = G_TYPE_FROM_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = medley_job_finalize;
  signals[SIGNAL_EVENT] = g_signal_new ("event", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                        G_TYPE_NONE, 1, G_TYPE_VARIANT);
  signals[SIGNAL_CHANGED]
      = g_signal_new ("changed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  /* For readers of outputs only: MedleyOutput that has more bytes or another state. */
  signals[SIGNAL_GREW] = g_signal_new ("grew", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                       G_TYPE_NONE, 1, G_TYPE_POINTER);
}

static void
medley_job_init (MedleyJob *self)
{
  self->inputs = g_ptr_array_new_with_free_func ((GDestroyNotify) input_free);
  self->outputs = g_ptr_array_new_with_free_func ((GDestroyNotify) output_free);
  self->progress = self->remaining = -1;
  self->attempt = 1;
  g_queue_init (&self->events);
}
