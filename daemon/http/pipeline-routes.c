/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <medley/medley-error.h>
#include <string.h>

#include "base/json.h"
#include "base/nearest.h"
#include "http/body.h"
#include "http/conditions.h"
#include "http/job-answers.h"
#include "http/problem.h"
#include "http/routes.h"

#define JSON "application/json"

MedleyPipeline *
medley_http_find_pipeline (MedleyHttp *http, const char *name, GError **error)
{
  MedleyLibrary *library = medley_job_manager_get_library (medley_http_get_manager (http));
  MedleyPipeline *pipeline = medley_library_lookup (library, name);
  g_autoptr (GPtrArray) names = NULL;
  const char *near;

  if (pipeline != NULL)
    return pipeline;
  names = medley_library_names (library);
  g_ptr_array_add (names, NULL);
  near = medley_nearest (name, (const char *const *) names->pdata);
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_FOUND, "there is no pipeline \"%s\"%s%s%s",
               name, near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
               near != NULL ? "\"?" : "");
  return NULL;
}

void
medley_http_list_pipelines (MedleyHttp *http, MedleyHttpExchange *exchange,
                            const char *const *params)
{
  MedleyLibrary *library = medley_job_manager_get_library (medley_http_get_manager (http));
  g_autoptr (GPtrArray) pipelines = medley_library_list (library);
  g_auto (GVariantBuilder) list = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("aa{sv}"));
  GVariantDict dict;

  for (guint i = 0; i < pipelines->len; i++)
    g_variant_builder_add_value (&list,
                                 medley_pipeline_describe (g_ptr_array_index (pipelines, i)));
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert_value (&dict, "pipelines", g_variant_builder_end (&list));
  medley_http_respond_json (exchange, 200, g_variant_dict_end (&dict));
}

/* One pipeline. A description has a tag, and the file another: a change may depend on either. */

static GBytes *
describe (MedleyPipeline *pipeline)
{
  g_autoptr (GVariant) value = g_variant_ref_sink (medley_pipeline_describe (pipeline));
  g_autofree char *text = medley_json_print (value, FALSE);
  char *line = g_strconcat (text, "\n", NULL);

  return g_bytes_new_take (line, strlen (line));
}

static void
respond_text (MedleyHttpExchange *exchange, guint status, const char *type, GBytes *text)
{
  soup_message_headers_replace (medley_http_exchange_get_headers (exchange),
                                "X-Content-Type-Options", "nosniff");
  medley_http_exchange_respond (exchange, status, type, text);
}

void
medley_http_show_pipeline (MedleyHttp *http, MedleyHttpExchange *exchange,
                           const char *const *params)
{
  g_autoptr (GError) error = NULL;
  MedleyPipeline *pipeline = medley_http_find_pipeline (http, params[0], &error);
  g_autoptr (GBytes) text = NULL;
  g_autofree char *etag = NULL;

  if (pipeline == NULL) {
    medley_http_respond_problem (exchange, error, 0, NULL);
    return;
  }
  text = describe (pipeline);
  etag = medley_http_make_etag (text);
  if (!medley_http_answer_unchanged (exchange, etag))
    respond_text (exchange, 200, JSON, text);
}

void
medley_http_show_pipeline_file (MedleyHttp *http, MedleyHttpExchange *exchange,
                                const char *const *params)
{
  MedleyLibrary *library = medley_job_manager_get_library (medley_http_get_manager (http));
  g_autoptr (GError) error = NULL;
  GBytes *text = medley_library_get_text (library, params[0]);
  g_autofree char *etag = NULL;

  if (medley_http_find_pipeline (http, params[0], &error) != NULL && text == NULL)
    g_set_error (&error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_FOUND,
                 "the file of pipeline \"%s\" cannot be read; its faults say why", params[0]);
  if (error != NULL) {
    medley_http_respond_problem (exchange, error, 0, NULL);
    return;
  }
  etag = medley_http_make_etag (text);
  if (!medley_http_answer_unchanged (exchange, etag))
    respond_text (exchange, 200, JSON, text);
}

static void
on_checked (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (MedleyHttpExchange) exchange = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) faults
      = medley_job_manager_check_finish (MEDLEY_JOB_MANAGER (source), result, &error);
  GVariantDict dict;

  if (faults == NULL) {
    medley_http_respond_problem (exchange, error, 0, NULL);
    return;
  }
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "valid", "b", !medley_faults_have_errors (faults));
  g_variant_dict_insert_value (&dict, "faults", medley_faults_to_variant (faults));
  medley_http_respond_json (exchange, 200, g_variant_dict_end (&dict));
}

static void
check_text (MedleyHttp *http, MedleyHttpExchange *exchange, GBytes *text)
{
  gsize length;
  const char *json = g_bytes_get_data (text, &length);

  medley_job_manager_check_async (medley_http_get_manager (http), json != NULL ? json : "", length,
                                  NULL, FALSE, on_checked, medley_http_exchange_ref (exchange));
}

void
medley_http_validate_pipeline (MedleyHttp *http, MedleyHttpExchange *exchange,
                               const char *const *params)
{
  /* Text that is no JSON is a fault like others, so nothing but the length is checked here. */
  medley_http_read_json_text (http, exchange,
                              medley_config_get_number (medley_http_get_config (http),
                                                        "limits.pipeline-bytes"),
                              check_text);
}

/* Saving and removing */

typedef struct {
  MedleyHttp *http;
  MedleyHttpExchange *exchange;
  char *name;
} Change;

static Change *
change_new (MedleyHttp *http, MedleyHttpExchange *exchange, const char *name)
{
  Change *self = g_new0 (Change, 1);

  self->http = g_object_ref (http);
  self->exchange = medley_http_exchange_ref (exchange);
  self->name = g_strdup (name);
  return self;
}

static void
change_free (Change *self)
{
  g_object_unref (self->http);
  medley_http_exchange_unref (self->exchange);
  g_free (self->name);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Change, change_free)

static gboolean
may_change (MedleyPipeline *current, GBytes *file, gpointer data, GError **error)
{
  const MedleyHttpRequest *request = medley_http_exchange_get_request (((Change *) data)->exchange);
  g_autoptr (GBytes) text = current != NULL ? describe (current) : NULL;
  g_autofree char *etag = text != NULL ? medley_http_make_etag (text) : NULL;

  if (file != NULL && medley_http_request_get_header (request, "If-Match") != NULL) {
    g_autofree char *file_etag = medley_http_make_etag (file);

    if (medley_http_check_match (request, file_etag, NULL))
      return TRUE;
  }
  return medley_http_check_match (request, etag, error);
}

static void
on_saved (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Change) self = data;
  g_autoptr (GVariant) faults = NULL;
  g_autoptr (GError) error = NULL;
  SoupMessageHeaders *headers = medley_http_exchange_get_headers (self->exchange);
  g_autofree char *location = g_strconcat ("/api/v1/pipelines/", self->name, NULL);
  g_autoptr (GBytes) text = NULL;
  g_autofree char *etag = NULL;
  MedleyPipeline *pipeline;
  gboolean is_new;

  if (!medley_job_manager_save_pipeline_finish (MEDLEY_JOB_MANAGER (source), result, &is_new,
                                                &faults, &error)) {
    medley_http_respond_refused (self->exchange, error, faults);
    return;
  }
  pipeline = medley_http_find_pipeline (self->http, self->name, &error);
  if (pipeline == NULL) {
    medley_http_respond_problem (self->exchange, error, 0, NULL);
    return;
  }
  text = describe (pipeline);
  etag = medley_http_make_etag (text);
  soup_message_headers_replace (headers, "ETag", etag);
  if (is_new)
    soup_message_headers_replace (headers, "Location", location);
  respond_text (self->exchange, is_new ? 201 : 200, JSON, text);
}

static void
save_text (MedleyHttp *http, MedleyHttpExchange *exchange, GBytes *text)
{
  const MedleyHttpRequest *request = medley_http_exchange_get_request (exchange);
  guint n = g_strv_length (request->segments);
  Change *change = change_new (http, exchange, request->segments[n - 1]);

  medley_job_manager_save_pipeline_async (medley_http_get_manager (http), change->name, text,
                                          may_change, change, on_saved, change);
}

void
medley_http_put_pipeline (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params)
{
  medley_http_read_json_text (http, exchange,
                              medley_config_get_number (medley_http_get_config (http),
                                                        "limits.pipeline-bytes"),
                              save_text);
}

static void
on_removed (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Change) self = data;
  g_autoptr (GError) error = NULL;

  if (medley_job_manager_remove_pipeline_finish (MEDLEY_JOB_MANAGER (source), result, &error))
    medley_http_exchange_respond (self->exchange, 204, NULL, NULL);
  else
    medley_http_respond_problem (self->exchange, error, 0, NULL);
}

void
medley_http_remove_pipeline (MedleyHttp *http, MedleyHttpExchange *exchange,
                             const char *const *params)
{
  Change *change = change_new (http, exchange, params[0]);

  medley_job_manager_remove_pipeline_async (medley_http_get_manager (http), change->name,
                                            may_change, change, on_removed, change);
}
