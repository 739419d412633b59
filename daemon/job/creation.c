/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How a request becomes a job: every check comes before the first file is made. */

#include <string.h>

#include "base/error.h"
#include "base/nearest.h"
#include "job/creation-private.h"
#include "job/feeder.h"
#include "job/manager-private.h"
#include "job/request.h"
#include "pipeline/plan.h"

static void
creation_free (gpointer data)
{
  MedleyCreation *creation = data;

  g_clear_pointer (&creation->request, medley_job_request_free);
  g_clear_pointer (&creation->pipeline, medley_pipeline_unref);
  g_clear_pointer (&creation->plan, g_variant_unref);
  g_clear_pointer (&creation->parameters, g_variant_unref);
  g_clear_pointer (&creation->faults, g_variant_unref);
  g_free (creation->digest);
  g_free (creation->key);
  g_free (creation->key_digest);
  g_free (creation);
}

static void
fail (GTask *task, GError *error)
{
  medley_creation_answer_waiting (g_task_get_source_object (task), g_task_get_task_data (task),
                                  NULL, error);
  g_task_return_error (task, error);
}

/* ---- checks ---- */

static gboolean
check_options (MedleyJobManager *self, const MedleyJobRequest *request, GError **error)
{
  guint64 longest = medley_config_get_number (self->config, "limits.request-key");
  const char *key = request->idempotency_key;
  gint64 now = g_get_real_time ();

  if (ABS ((gint64) request->priority) > 100)
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "priority %d is not between -100 and 100", request->priority);
  else if (request->start_at < 0 || request->deadline < 0)
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "times are microseconds since 1970 and not negative");
  else if (request->deadline != 0 && request->deadline <= MAX (now, request->start_at))
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT, "the deadline is %s",
                 request->deadline <= now ? "past already" : "not after the start");
  else if (key != NULL
           && (key[0] == '\0' || strlen (key) > longest || !g_utf8_validate (key, -1, NULL)))
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "an idempotency key has 1 to %" G_GUINT64_FORMAT
                 " bytes of UTF-8 (limits.request-key)",
                 longest);
  else
    return TRUE;
  return FALSE;
}

static void
return_faults (GTask *task, MedleyCreation *creation, GPtrArray *faults)
{
  const MedleyFault *first = NULL;
  guint n = 0;

  for (guint i = 0; i < faults->len; i++) {
    const MedleyFault *fault = faults->pdata[i];

    if (!fault->is_warning && n++ == 0)
      first = fault;
  }
  creation->faults = g_variant_ref_sink (medley_faults_to_variant (faults));
  fail (task, g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_INVALID_PIPELINE,
                           "pipeline \"%s\" has %u fault%s; the first: %s",
                           medley_pipeline_get_name (creation->pipeline), n, n == 1 ? "" : "s",
                           first != NULL ? first->message : "?"));
}

static const char *
resolve_input (MedleyCreation *creation, const char *name, GError **error)
{
  const char *const *names = medley_pipeline_get_inputs (creation->pipeline);

  if (name == NULL) {
    if (g_strv_length ((char **) names) == 1)
      return names[0];
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "pipeline \"%s\" has %u inputs; say which one is meant",
                 medley_pipeline_get_name (creation->pipeline), g_strv_length ((char **) names));
    return NULL;
  }
  if (!g_strv_contains (names, name)) {
    const char *nearest = medley_nearest (name, names);
    g_autofree char *all = g_strjoinv (", ", (char **) names);

    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNKNOWN_INPUT,
                 "pipeline \"%s\" has no input \"%s\"%s%s%s; it has: %s",
                 medley_pipeline_get_name (creation->pipeline), name,
                 nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
                 nearest != NULL ? "\"?" : "", all);
    return NULL;
  }
  return name;
}

static gboolean
plan_request (MedleyJobManager *self, MedleyCreation *creation,
              const MedleyPipelineContext *context, GError **error)
{
  MedleyJobRequest *request = creation->request;
  g_auto (GVariantBuilder) outputs = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{ss}"));
  g_autoptr (GPtrArray) inputs = g_ptr_array_new ();
  g_autoptr (GVariant) wanted = NULL;

  for (guint i = 0; i < request->inputs->len; i++) {
    MedleyRequestInput *input = request->inputs->pdata[i];
    const char *name = resolve_input (creation, input->name, error);

    if (name == NULL)
      return FALSE;
    if (g_ptr_array_find_with_equal_func (inputs, name, g_str_equal, NULL)) {
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                   "input \"%s\" is given twice", name);
      return FALSE;
    }
    g_ptr_array_add (inputs, (char *) name);
  }
  g_ptr_array_add (inputs, NULL);
  for (guint i = 0; i < request->output_names->len; i++) {
    const char *name = request->output_names->pdata[i];

    g_variant_builder_add (&outputs, "{ss}",
                           name != NULL && name[0] != '\0'
                               ? name
                               : medley_pipeline_get_outputs (creation->pipeline)[0],
                           (const char *) request->output_types->pdata[i]);
  }
  wanted = g_variant_ref_sink (g_variant_builder_end (&outputs));
  creation->parameters = g_variant_ref_sink (g_variant_dict_end (&request->parameters));
  g_variant_dict_init (&request->parameters, NULL);
  creation->plan = medley_plan_make (creation->pipeline, context, creation->parameters, wanted,
                                     (const char *const *) inputs->pdata, error);
  return creation->plan != NULL;
}

static gboolean
fill_inputs (MedleyJobManager *self, MedleyCreation *creation, MedleyJob *job, GError **error)
{
  MedleyJobRequest *request = creation->request;

  for (guint i = 0; i < request->inputs->len; i++) {
    MedleyRequestInput *given = request->inputs->pdata[i];
    const char *name = resolve_input (creation, given->name, NULL);
    const char *type = medley_pipeline_get_input_type (creation->pipeline, name);
    const char *key = g_str_has_prefix (type, "text/") ? "limits.text-bytes" : "limits.input-bytes";
    MedleyInput *input = medley_job_add_input (
        job, name, type,
        given->kind == MEDLEY_REQUEST_UPLOAD || given->kind == MEDLEY_REQUEST_STREAM
            ? MEDLEY_INPUT_AWAITED
            : MEDLEY_INPUT_COMING,
        medley_config_get_number (medley_job_manager_get_config (self), key), error);

    if (input == NULL)
      return FALSE;
    if (given->kind == MEDLEY_REQUEST_STREAM)
      input->is_upload = FALSE;
    if (given->kind == MEDLEY_REQUEST_BYTES) {
      gsize length;
      const void *data = g_bytes_get_data (given->bytes, &length);

      if (length == 0) {
        g_propagate_error (error, medley_input_make_empty_error (name));
        return FALSE;
      }
      if (!medley_input_write (input, data, length, error))
        return FALSE;
      medley_input_complete (input);
    }
  }
  return TRUE;
}

static gboolean
make_outputs (MedleyJob *job, GVariant *plan, GError **error)
{
  g_autoptr (GVariant) outputs
      = g_variant_lookup_value (plan, "outputs", G_VARIANT_TYPE ("aa{sv}"));

  for (gsize i = 0; outputs != NULL && i < g_variant_n_children (outputs); i++) {
    g_autoptr (GVariant) output = g_variant_get_child_value (outputs, i);
    const char *name = "", *type = "";

    g_variant_lookup (output, "name", "&s", &name);
    g_variant_lookup (output, "type", "&s", &type);
    if (medley_job_add_output (job, name, type, error) == NULL)
      return FALSE;
  }
  return TRUE;
}

static void
feed_descriptors (MedleyJobManager *self, MedleyCreation *creation, MedleyJob *job)
{
  for (guint i = 0; i < creation->request->inputs->len; i++) {
    MedleyRequestInput *given = creation->request->inputs->pdata[i];

    if (given->kind == MEDLEY_REQUEST_FD) {
      int fd = given->fd;

      given->fd = -1;
      medley_feeder_start (job, medley_job_list_inputs (job)->pdata[i], fd,
                           medley_job_manager_input_done, self);
    }
  }
}

static void
set_options (MedleyJobManager *self, const MedleyJobRequest *request, MedleyJobOptions *options)
{
  guint allowed = (guint) medley_config_get_number (self->config, "jobs.attempts");

  options->priority = request->priority;
  options->start_at = request->start_at;
  options->deadline = request->deadline;
  options->run_time = request->run_time;
  options->attempts = request->attempts != 0 ? request->attempts : allowed;
  options->no_cache = request->no_cache;
}

/* The job is on the disk, or cannot be. */
static void
created (MedleyJobManager *self, MedleyJob *job, const GError *error, gpointer data)
{
  g_autoptr (GTask) task = data;
  MedleyCreation *creation = g_task_get_task_data (task);

  self->creating--;
  medley_job_manager_change_client (self, medley_job_get_client (job), -1);
  if (error != NULL) {
    medley_job_set_removed (job);
    medley_job_delete_files (job);
    fail (task, g_error_copy (error));
    return;
  }
  medley_job_manager_add (self, job);
  feed_descriptors (self, creation, job);
  medley_creation_answer_waiting (self, creation, job, NULL);
  g_task_return_pointer (task, g_object_ref (job), g_object_unref);
}

/* Who waits for the output sees a loss of power as well. A large input is not whole in the store
 * before it is synced, though. */
static gboolean
must_be_synced (MedleyCreation *creation, MedleyJob *job)
{
  GPtrArray *inputs = medley_job_list_inputs (job);

  for (guint i = 0; i < inputs->len; i++) {
    MedleyInput *input = inputs->pdata[i];

    if (input->state == MEDLEY_INPUT_READY && input->size > MEDLEY_RECORD_INLINE_BYTES)
      return TRUE;
  }
  return !creation->request->is_attached || creation->key != NULL;
}

/* Keeps @task until the job is written. */
static void
create_job (MedleyJobManager *self, GTask *task, MedleyCreation *creation)
{
  MedleyJobRequest *request = creation->request;
  g_autofree char *id = medley_job_manager_make_id (self);
  g_autoptr (MedleyJob) job = NULL;
  MedleyJobOptions options;
  GError *error = NULL;

  if (!medley_job_manager_has_queue_room (self, request->client, &error)) {
    fail (task, error);
    return;
  }
  set_options (self, request, &options);
  job = medley_job_new (id, request->client, creation->plan, creation->digest, creation->parameters,
                        &options, self->spool, self->store,
                        (guint) medley_config_get_number (self->config, "limits.events"));
  medley_job_manager_set_origin (self, job, request);
  if (!fill_inputs (self, creation, job, &error) || !make_outputs (job, creation->plan, &error)) {
    medley_job_delete_files (job);
    fail (task, error);
    return;
  }
  if (creation->key != NULL) {
    g_autofree char *owner = medley_creation_dup_owner (request->client);

    medley_job_set_key (job, owner, request->idempotency_key, creation->key_digest);
  }
  medley_job_push_created (job);
  self->creating++;
  medley_job_manager_change_client (self, request->client, 1);
  medley_job_manager_save (self, job, must_be_synced (creation, job), created, g_object_ref (task));
}

static char *
make_digest (MedleyJobManager *self, MedleyCreation *creation)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  const char *registry = medley_catalog_get_registry (medley_job_manager_get_catalog (self));

  g_checksum_update (checksum, (const guchar *) registry, (gssize) strlen (registry) + 1);
  g_checksum_update (checksum, g_variant_get_data (creation->plan),
                     (gssize) g_variant_get_size (creation->plan));
  return g_strdup (g_checksum_get_string (checksum));
}

static void
plan_checked (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  MedleyJobManager *self = g_task_get_source_object (task);
  MedleyCreation *creation = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (GVariant) reply = medley_pool_ask_finish (MEDLEY_POOL (source), result, &error);
  g_autoptr (GVariant) found = NULL;
  g_autoptr (GPtrArray) faults = NULL;

  if (reply == NULL) {
    fail (task, error);
    return;
  }
  found = g_variant_get_child_value (reply, 0);
  faults = medley_pipeline_add_worker_faults (creation->pipeline, found);
  if (medley_faults_have_errors (faults)) {
    return_faults (task, creation, faults);
    return;
  }
  medley_job_manager_set_checked (self, creation->digest, creation->plan);
  create_job (self, task, creation);
}

static MedleyPipeline *
find_pipeline (MedleyJobManager *self, MedleyJobRequest *request, GError **error)
{
  MedleyPipeline *found;

  if (request->text != NULL) {
    const MedleyPipelineContext *context = medley_library_client_context (
        medley_job_manager_get_library (self),
        medley_config_get_list (medley_job_manager_get_config (self), "jobs.client-elements"));

    return medley_pipeline_parse (request->text, request->text_length, NULL, context);
  }
  if (request->pipeline == NULL) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "the request names no pipeline");
    return NULL;
  }
  found = medley_library_lookup (medley_job_manager_get_library (self), request->pipeline);
  if (found == NULL) {
    g_autoptr (GPtrArray) names = medley_library_names (medley_job_manager_get_library (self));
    const char *nearest;

    g_ptr_array_add (names, NULL);
    nearest = medley_nearest (request->pipeline, (const char *const *) names->pdata);
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_FOUND, "there is no pipeline \"%s\"%s%s%s",
                 request->pipeline,
                 nearest != NULL ? "; did you mean \"" : "; see `medley pipelines`",
                 nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
    return NULL;
  }
  return medley_pipeline_ref (found);
}

static void
faulty_pipeline_checked (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  MedleyCreation *creation = g_task_get_task_data (task);
  g_autoptr (GVariant) reply = medley_pool_ask_finish (MEDLEY_POOL (source), result, NULL);
  g_autoptr (GVariant) found = NULL;
  g_autoptr (GPtrArray) faults = NULL;

  /* Without a worker, what is known without one has to do. */
  found = reply != NULL ? g_variant_get_child_value (reply, 0)
                        : g_variant_ref_sink (g_variant_new ("aa{sv}", NULL));
  faults = medley_pipeline_add_worker_faults (creation->pipeline, found);
  return_faults (task, creation, faults);
}

/* Every fault at once: also those that only a worker sees. Takes over @task. */
static void
collect_all_faults (MedleyJobManager *self, GTask *task, MedleyCreation *creation,
                    const MedleyPipelineContext *installed)
{
  const MedleyPipelineContext *context = installed;
  g_autoptr (GVariant) plan = NULL;

  if (creation->request->text != NULL)
    context = medley_library_client_context (
        medley_job_manager_get_library (self),
        medley_config_get_list (medley_job_manager_get_config (self), "jobs.client-elements"));
  plan = medley_plan_make_partial (creation->pipeline, context);
  if (plan != NULL) {
    medley_pool_ask_async (self->pool, "Check", g_variant_new ("(@a{sv})", plan),
                           faulty_pipeline_checked, task);
    return;
  }
  return_faults (task, creation, medley_pipeline_get_faults (creation->pipeline));
  g_object_unref (task);
}

void
medley_job_manager_create_async (MedleyJobManager *self, MedleyJobRequest *request,
                                 GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, data);
  MedleyCreation *creation = g_new0 (MedleyCreation, 1);
  const MedleyPipelineContext *context
      = medley_library_context (medley_job_manager_get_library (self));
  GVariant *known;
  GError *error = NULL;

  creation->request = request;
  g_task_set_task_data (task, creation, creation_free);
  if (!check_options (self, request, &error)) {
    fail (task, error);
    return;
  }
  if (request->idempotency_key != NULL && medley_creation_answer_with_key (self, task, creation))
    return;
  /* Without workers no engine is known, which would look like a fault of the pipeline. */
  if (medley_pool_get_refusal (self->pool) != NULL) {
    fail (task, g_error_copy (medley_pool_get_refusal (self->pool)));
    return;
  }
  if (!medley_job_manager_has_queue_room (self, request->client, &error)) {
    fail (task, error);
    return;
  }
  creation->pipeline = find_pipeline (self, request, &error);
  if (creation->pipeline == NULL) {
    fail (task, error);
    return;
  }
  if (!medley_pipeline_is_valid (creation->pipeline)) {
    collect_all_faults (self, g_steal_pointer (&task), creation, context);
    return;
  }
  if (!plan_request (self, creation, context, &error)) {
    fail (task, error);
    return;
  }
  creation->digest = make_digest (self, creation);
  known = medley_job_manager_find_checked (self, creation->digest);
  if (known != NULL) {
    g_variant_unref (creation->plan);
    creation->plan = g_variant_ref (known);
    create_job (self, task, creation);
    return;
  }
  medley_pool_ask_async (self->pool, "Check", g_variant_new ("(@a{sv})", creation->plan),
                         plan_checked, g_steal_pointer (&task));
}

MedleyJob *
medley_job_manager_create_finish (MedleyJobManager *self, GAsyncResult *result, GVariant **faults,
                                  GError **error)
{
  MedleyCreation *creation = g_task_get_task_data (G_TASK (result));

  if (faults != NULL)
    *faults = creation->faults != NULL ? g_variant_ref (creation->faults) : NULL;
  return g_task_propagate_pointer (G_TASK (result), error);
}

gboolean
medley_job_manager_create_was_replayed (GAsyncResult *result)
{
  return ((MedleyCreation *) g_task_get_task_data (G_TASK (result)))->replayed;
}

static void
text_checked (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  MedleyPipeline *pipeline = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (GVariant) reply = medley_pool_ask_finish (MEDLEY_POOL (source), result, &error);
  g_autoptr (GVariant) found = NULL;

  if (reply == NULL) {
    g_task_return_error (task, error);
    return;
  }
  found = g_variant_get_child_value (reply, 0);
  g_task_return_pointer (task, medley_pipeline_add_worker_faults (pipeline, found),
                         (GDestroyNotify) g_ptr_array_unref);
}

void
medley_job_manager_check_async (MedleyJobManager *self, const char *json, gsize length,
                                const char *file, gboolean trusted, GAsyncReadyCallback callback,
                                gpointer data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, data);
  MedleyLibrary *library = medley_job_manager_get_library (self);
  const char *const *allowed
      = medley_config_get_list (medley_job_manager_get_config (self), "jobs.client-elements");
  const MedleyPipelineContext *context = trusted ? medley_library_context (library)
                                                 : medley_library_client_context (library, allowed);
  MedleyPipeline *pipeline = medley_pipeline_parse (json, length, file, context);
  g_autoptr (GVariant) plan = NULL;

  g_task_set_task_data (task, pipeline, (GDestroyNotify) medley_pipeline_unref);
  plan = medley_plan_make_partial (pipeline, context);
  if (plan == NULL) {
    g_task_return_pointer (task, g_ptr_array_ref (medley_pipeline_get_faults (pipeline)),
                           (GDestroyNotify) g_ptr_array_unref);
    return;
  }
  medley_pool_ask_async (self->pool, "Check", g_variant_new ("(@a{sv})", plan), text_checked,
                         g_steal_pointer (&task));
}

GPtrArray *
medley_job_manager_check_finish (MedleyJobManager *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
inspected (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  GError *error = NULL;
  g_autoptr (GVariant) reply = medley_pool_ask_finish (MEDLEY_POOL (source), result, &error);

  if (reply != NULL)
    g_task_return_pointer (task, g_variant_get_child_value (reply, 0),
                           (GDestroyNotify) g_variant_unref);
  else
    g_task_return_error (task, error);
}

void
medley_job_manager_inspect_async (MedleyJobManager *self, const char *engine,
                                  GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, data);

  if (medley_catalog_get (medley_job_manager_get_catalog (self), engine) == NULL) {
    g_task_return_new_error (task, MEDLEY_ERROR, MEDLEY_ERROR_NOT_FOUND,
                             "there is no engine \"%s\"; see `medley engines`", engine);
    return;
  }
  medley_pool_ask_async (self->pool, "Inspect", g_variant_new ("(s)", engine), inspected,
                         g_steal_pointer (&task));
}

GVariant *
medley_job_manager_inspect_finish (MedleyJobManager *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
