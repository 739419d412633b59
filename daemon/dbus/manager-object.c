/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/manager-object.h"

#include <string.h>

#include "base/error.h"
#include "base/names.h"
#include "dbus/path.h"
#include "dbus/caller.h"
#include "dbus/run-request.h"
#include "dbus/values.h"

#define DEFAULT_PAGE 100
#define MAX_PAGE 1000

/* ---- Run ---- */

static void
append_fault (GString *text, GVariant *fault)
{
  const char *file = "", *severity = "error", *message = "", *pointer = "";
  guint line = 0, column = 0;

  g_variant_lookup (fault, "file", "&s", &file);
  g_variant_lookup (fault, "severity", "&s", &severity);
  g_variant_lookup (fault, "message", "&s", &message);
  g_variant_lookup (fault, "pointer", "&s", &pointer);
  g_variant_lookup (fault, "line", "u", &line);
  g_variant_lookup (fault, "column", "u", &column);
  g_string_append_c (text, '\n');
  if (*file != '\0')
    g_string_append_printf (text, "%s:", file);
  if (line != 0)
    g_string_append_printf (text, "%u:%u: ", line, column);
  else
    g_string_append_printf (text, "%s: ", pointer);
  g_string_append_printf (text, "%s: %s", severity, message);
}

/* An error on the bus is a name and a sentence; the faults have to go into the sentence. */
static GError *
add_faults (const GError *error, GVariant *faults)
{
  g_autoptr (GString) text = g_string_new (error->message);

  for (gsize i = 0; i < g_variant_n_children (faults); i++) {
    g_autoptr (GVariant) fault = g_variant_get_child_value (faults, i);

    append_fault (text, fault);
  }
  return g_error_new_literal (error->domain, error->code, text->str);
}

static void
job_created (GObject *source, GAsyncResult *result, gpointer data)
{
  GDBusMethodInvocation *invocation = data;
  g_autoptr (GVariant) faults = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyJob) job
      = medley_job_manager_create_finish (MEDLEY_JOB_MANAGER (source), result, &faults, &error);

  if (job != NULL) {
    g_autofree char *path = medley_dbus_path (MEDLEY_JOB_PATH_PREFIX, medley_job_get_id (job));

    g_dbus_method_invocation_return_value (invocation, g_variant_new ("(o)", path));
  } else if (faults != NULL) {
    g_autoptr (GError) whole = add_faults (error, faults);

    medley_dbus_return_error (invocation, whole);
  } else {
    medley_dbus_return_error (invocation, error);
  }
}

/* A call that waits until it is known who makes it. */
typedef struct {
  MedleyJobManager *jobs;
  GDBusMethodInvocation *invocation;
  GUnixFDList *fds;
  char *pipeline;
  GVariant *inputs;
  GVariant *options;
} Run;

static void
run_free (Run *run)
{
  g_object_unref (run->jobs);
  g_clear_object (&run->fds);
  g_free (run->pipeline);
  g_variant_unref (run->inputs);
  g_variant_unref (run->options);
  g_free (run);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Run, run_free)

static void
caller_found (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Run) run = data;
  guint max_key = (guint) medley_config_get_number (medley_job_manager_get_config (run->jobs),
                                                    "limits.request-key");
  g_autoptr (GError) error = NULL;
  g_autofree char *client = medley_dbus_find_caller_finish (result, &error);
  MedleyJobRequest *request = NULL;

  if (client != NULL)
    request = medley_dbus_read_run (client, run->pipeline, run->inputs, run->options, run->fds,
                                    max_key, &error);
  if (request != NULL)
    medley_job_manager_create_async (run->jobs, request, job_created, run->invocation);
  else
    medley_dbus_return_error (run->invocation, error);
}

static gboolean
handle_run (MedleyBusManager1 *manager, GDBusMethodInvocation *invocation, GUnixFDList *fds,
            const char *pipeline, GVariant *inputs, GVariant *options, MedleyJobManager *jobs)
{
  Run *run = g_new0 (Run, 1);

  run->jobs = g_object_ref (jobs);
  run->invocation = invocation;
  run->fds = fds != NULL ? g_object_ref (fds) : NULL;
  run->pipeline = g_strdup (pipeline);
  run->inputs = g_variant_ref (inputs);
  run->options = g_variant_ref (options);
  medley_dbus_find_caller_async (invocation, caller_found, run);
  return TRUE;
}

static gboolean
handle_run_stream (MedleyBusManager1 *manager, GDBusMethodInvocation *invocation, GUnixFDList *fds,
                   const char *pipeline, GVariant *input, GVariant *options, MedleyJobManager *jobs)
{
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  g_autoptr (GVariant) inputs = NULL;

  g_variant_dict_insert_value (&dict, "", input);
  inputs = g_variant_ref_sink (g_variant_dict_end (&dict));
  return handle_run (manager, invocation, fds, pipeline, inputs, options, jobs);
}

/* ---- Validate ---- */

static void
pipeline_checked (GObject *source, GAsyncResult *result, gpointer data)
{
  GDBusMethodInvocation *invocation = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) faults
      = medley_job_manager_check_finish (MEDLEY_JOB_MANAGER (source), result, &error);
  g_autoptr (GVariant) list = NULL;

  if (faults == NULL) {
    medley_dbus_return_error (invocation, error);
    return;
  }
  list = medley_dbus_clean (medley_faults_to_variant (faults));
  g_dbus_method_invocation_return_value (invocation,
                                         g_variant_new ("(b@aa{sv})",
                                                        !medley_faults_have_errors (faults), list));
}

static gboolean
handle_validate (MedleyBusManager1 *manager, GDBusMethodInvocation *invocation, const char *json,
                 MedleyJobManager *jobs)
{
  medley_job_manager_check_async (jobs, json, strlen (json), NULL, FALSE, pipeline_checked,
                                  invocation);
  return TRUE;
}

/* ---- finding jobs ---- */

static gboolean
check_state (GVariant *value, gpointer data, GError **error)
{
  const char *names[MEDLEY_JOB_N_STATES + 1] = { NULL };
  const char *state = g_variant_get_string (value, NULL);
  g_autofree char *all = NULL;

  for (guint i = 0; i < MEDLEY_JOB_N_STATES; i++)
    names[i] = medley_job_state_to_string ((MedleyJobState) i);
  if (g_strv_contains (names, state))
    return TRUE;
  all = g_strjoinv (", ", (char **) names);
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
               "there is no state \"%s\"; known are: %s", state, all);
  return FALSE;
}

static gboolean
check_limit (GVariant *value, gpointer data, GError **error)
{
  guint limit = g_variant_get_uint32 (value);

  if (limit >= 1 && limit <= MAX_PAGE)
    return TRUE;
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
               "the limit is %u; it must be from 1 to %d", limit, MAX_PAGE);
  return FALSE;
}

static gboolean
check_time (GVariant *value, gpointer data, GError **error)
{
  if (g_variant_get_int64 (value) >= 0)
    return TRUE;
  g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                       "times are microseconds since 1970 and not negative");
  return FALSE;
}

static const MedleyDBusOption filters[] = {
  { "state", "s", check_state },
  { "pipeline", "s", NULL },
  { "client", "s", NULL },
  { "createdFrom", "x", check_time },
  { "createdBefore", "x", check_time },
  { "limit", "u", check_limit },
  { NULL },
};

static gboolean
handle_list_jobs (MedleyBusManager1 *manager, GDBusMethodInvocation *invocation, GVariant *filter,
                  const char *cursor, MedleyJobManager *jobs)
{
  MedleyJobFilter wanted = MEDLEY_JOB_FILTER_ALL;
  MedleyJobState its_state;
  const char *state = NULL, *next = "";
  guint limit = DEFAULT_PAGE;
  g_autoptr (GPtrArray) page = NULL;
  g_autoptr (GVariant) list = NULL;
  g_autoptr (GError) error = NULL;
  GVariantBuilder builder;

  if (!medley_dbus_read_options ("filter", filter, filters, NULL, &error)) {
    medley_dbus_return_error (invocation, error);
    return TRUE;
  }
  if (g_variant_lookup (filter, "state", "&s", &state)
      && medley_job_state_from_string (state, &its_state))
    wanted.state = (int) its_state;
  g_variant_lookup (filter, "pipeline", "&s", &wanted.pipeline);
  g_variant_lookup (filter, "client", "&s", &wanted.client);
  g_variant_lookup (filter, "createdFrom", "x", &wanted.from);
  g_variant_lookup (filter, "createdBefore", "x", &wanted.before);
  g_variant_lookup (filter, "limit", "u", &limit);
  /* One more than asked for tells whether there is a next page. */
  page = medley_job_manager_list (jobs, &wanted, *cursor != '\0' ? cursor : NULL, limit + 1);
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < MIN (page->len, limit); i++)
    g_variant_builder_add_value (&builder, medley_job_describe (page->pdata[i]));
  if (page->len > limit)
    next = medley_job_get_id (page->pdata[limit - 1]);
  list = medley_dbus_clean (g_variant_builder_end (&builder));
  medley_bus_manager1_complete_list_jobs (manager, invocation, list, next);
  return TRUE;
}

static gboolean
handle_get_job (MedleyBusManager1 *manager, GDBusMethodInvocation *invocation, const char *id,
                MedleyJobManager *jobs)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyJob) job = medley_job_manager_get (jobs, id, &error);
  g_autoptr (GVariant) description = NULL;

  if (job == NULL) {
    medley_dbus_return_error (invocation, error);
    return TRUE;
  }
  description = medley_dbus_clean (medley_job_describe (job));
  medley_bus_manager1_complete_get_job (manager, invocation, description);
  return TRUE;
}

static gboolean
handle_retry_job (MedleyBusManager1 *manager, GDBusMethodInvocation *invocation, const char *id,
                  MedleyJobManager *jobs)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyJob) job = medley_job_manager_get (jobs, id, &error);
  g_autofree char *path = NULL;

  if (job == NULL || !medley_job_manager_retry (jobs, job, &error)) {
    medley_dbus_return_error (invocation, error);
    return TRUE;
  }
  path = medley_dbus_path (MEDLEY_JOB_PATH_PREFIX, id);
  medley_dbus_return_saved (jobs, job, invocation, g_variant_new ("(o)", path));
  return TRUE;
}

static gboolean
handle_remove_job (MedleyBusManager1 *manager, GDBusMethodInvocation *invocation, const char *id,
                   MedleyJobManager *jobs)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyJob) job = medley_job_manager_get (jobs, id, &error);

  if (job != NULL && medley_job_manager_remove (jobs, job, &error))
    medley_dbus_return_saved (jobs, job, invocation, NULL);
  else
    medley_dbus_return_error (invocation, error);
  return TRUE;
}

static void
cache_cleared (GObject *source, GAsyncResult *result, gpointer data)
{
  GDBusMethodInvocation *invocation = data;
  g_autoptr (GError) error = NULL;
  guint64 removed;

  if (medley_job_manager_clear_cache_finish (MEDLEY_JOB_MANAGER (source), result, &removed, &error))
    g_dbus_method_invocation_return_value (invocation, g_variant_new ("(t)", removed));
  else
    medley_dbus_return_error (invocation, error);
}

static gboolean
handle_clear_cache (MedleyBusManager1 *manager, GDBusMethodInvocation *invocation,
                    MedleyJobManager *jobs)
{
  medley_job_manager_clear_cache_async (jobs, cache_cleared, invocation);
  return TRUE;
}

static void
pipeline_saved (GObject *source, GAsyncResult *result, gpointer data)
{
  GDBusMethodInvocation *invocation = data;
  g_autoptr (GVariant) faults = NULL;
  g_autoptr (GError) error = NULL;
  gboolean is_new;

  if (medley_job_manager_save_pipeline_finish (MEDLEY_JOB_MANAGER (source), result, &is_new,
                                               &faults, &error)) {
    g_dbus_method_invocation_return_value (invocation, g_variant_new ("(b)", is_new));
  } else if (faults != NULL) {
    g_autoptr (GError) whole = add_faults (error, faults);

    medley_dbus_return_error (invocation, whole);
  } else {
    medley_dbus_return_error (invocation, error);
  }
}

static gboolean
handle_save_pipeline (MedleyBusManager1 *manager, GDBusMethodInvocation *invocation,
                      const char *name, const char *json, MedleyJobManager *jobs)
{
  g_autoptr (GBytes) text = g_bytes_new (json, strlen (json));

  medley_job_manager_save_pipeline_async (jobs, name, text, NULL, NULL, pipeline_saved, invocation);
  return TRUE;
}

static void
pipeline_removed (GObject *source, GAsyncResult *result, gpointer data)
{
  GDBusMethodInvocation *invocation = data;
  g_autoptr (GError) error = NULL;

  if (medley_job_manager_remove_pipeline_finish (MEDLEY_JOB_MANAGER (source), result, &error))
    g_dbus_method_invocation_return_value (invocation, NULL);
  else
    medley_dbus_return_error (invocation, error);
}

static gboolean
handle_remove_pipeline (MedleyBusManager1 *manager, GDBusMethodInvocation *invocation,
                        const char *name, MedleyJobManager *jobs)
{
  medley_job_manager_remove_pipeline_async (jobs, name, NULL, NULL, pipeline_removed, invocation);
  return TRUE;
}

static gboolean
handle_get_status (MedleyBusManager1 *manager, GDBusMethodInvocation *invocation,
                   MedleyJobManager *jobs)
{
  g_autoptr (GVariant) status = medley_dbus_clean (medley_job_manager_status (jobs));

  medley_bus_manager1_complete_get_status (manager, invocation, status);
  return TRUE;
}

static const struct {
  const char *signal;
  GCallback handler;
} methods[] = {
  { "handle-run", G_CALLBACK (handle_run) },
  { "handle-run-stream", G_CALLBACK (handle_run_stream) },
  { "handle-validate", G_CALLBACK (handle_validate) },
  { "handle-list-jobs", G_CALLBACK (handle_list_jobs) },
  { "handle-get-job", G_CALLBACK (handle_get_job) },
  { "handle-retry-job", G_CALLBACK (handle_retry_job) },
  { "handle-remove-job", G_CALLBACK (handle_remove_job) },
  { "handle-clear-cache", G_CALLBACK (handle_clear_cache) },
  { "handle-save-pipeline", G_CALLBACK (handle_save_pipeline) },
  { "handle-remove-pipeline", G_CALLBACK (handle_remove_pipeline) },
  { "handle-get-status", G_CALLBACK (handle_get_status) },
};

MedleyBusManager1 *
medley_dbus_manager_new (MedleyJobManager *jobs)
{
  MedleyBusManager1 *manager = medley_bus_manager1_skeleton_new ();

  medley_bus_manager1_set_version (manager, MEDLEY_VERSION);
  for (guint i = 0; i < G_N_ELEMENTS (methods); i++)
    g_signal_connect_object (manager, methods[i].signal, methods[i].handler, jobs, 0);
  return manager;
}
