/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/openai/models.h"

#include <glib/gstdio.h>
#include <medley/medley-error.h>

#include "base/nearest.h"
#include "http/openai/handlers.h"
#include "http/openai/problem.h"
#include "http/problem.h"
#include "pipeline/serves.h"

#define OWNER "medley"

static gboolean
is_model (MedleyPipeline *pipeline)
{
  g_autofree const char **routes = medley_pipeline_list_serves (pipeline);

  return routes[0] != NULL && medley_pipeline_is_valid (pipeline);
}

/* Of models that serve a route, or, without one, of all. */
static char **
list_names (MedleyHttp *http, const char *route)
{
  MedleyLibrary *library = medley_job_manager_get_library (medley_http_get_manager (http));
  g_autoptr (GPtrArray) pipelines = medley_library_list (library);
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();

  for (guint i = 0; i < pipelines->len; i++) {
    MedleyPipeline *pipeline = pipelines->pdata[i];

    if (is_model (pipeline)
        && (route == NULL || medley_pipeline_get_serves (pipeline, route) != NULL))
      g_strv_builder_add (names, medley_pipeline_get_name (pipeline));
  }
  return g_strv_builder_end (names);
}

char *
medley_openai_list_able (MedleyHttp *http, const char *route)
{
  g_auto (GStrv) names = list_names (http, route);

  return g_strjoinv (", ", names);
}

MedleyPipeline *
medley_openai_find_model (MedleyHttp *http, const char *model, GError **error)
{
  MedleyLibrary *library = medley_job_manager_get_library (medley_http_get_manager (http));
  MedleyPipeline *pipeline = medley_library_lookup (library, model);
  g_auto (GStrv) names = NULL;
  const char *near;

  if (pipeline != NULL && is_model (pipeline))
    return pipeline;
  names = list_names (http, NULL);
  near = medley_nearest (model, (const char *const *) names);
  if (pipeline == NULL)
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_FOUND,
                 "there is no model \"%.64s\" (GET /v1/models lists them)%s%s%s", model,
                 near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
                 near != NULL ? "\"?" : "");
  else if (medley_pipeline_is_valid (pipeline))
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_FOUND,
                 "the pipeline \"%s\" is no model: its file does not say what it \"serves\"",
                 model);
  else
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_FOUND,
                 "the pipeline \"%s\" has faults; medley validate tells them", model);
  return NULL;
}

/* The time of its file: a pipeline that was changed is another model. */
static gint64
get_time (MedleyPipeline *pipeline)
{
  const char *file = medley_pipeline_get_file (pipeline);
  GStatBuf status;

  return file != NULL && g_stat (file, &status) == 0 ? status.st_mtime : 0;
}

static GVariant *
describe (MedleyPipeline *pipeline)
{
  g_autofree const char **routes = medley_pipeline_list_serves (pipeline);

  return g_variant_new_parsed ("{'id': <%s>, 'object': <'model'>, 'created': <%x>,"
                               " 'owned_by': <%s>, 'serves': <%^as>}",
                               medley_pipeline_get_name (pipeline), get_time (pipeline), OWNER,
                               routes);
}

void
medley_openai_list_models (MedleyHttp *http, MedleyHttpExchange *exchange,
                           const char *const *params)
{
  MedleyLibrary *library = medley_job_manager_get_library (medley_http_get_manager (http));
  g_autoptr (GPtrArray) pipelines = medley_library_list (library);
  GVariantBuilder data;

  g_variant_builder_init (&data, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < pipelines->len; i++) {
    if (is_model (pipelines->pdata[i]))
      g_variant_builder_add_value (&data, describe (pipelines->pdata[i]));
  }
  medley_http_respond_json (exchange, 200,
                            g_variant_new_parsed ("{'object': <'list'>, 'data': <%v>}",
                                                  g_variant_new_variant (
                                                      g_variant_builder_end (&data))));
}

void
medley_openai_show_model (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params)
{
  g_autoptr (GError) error = NULL;
  MedleyPipeline *pipeline = medley_openai_find_model (http, params[0], &error);

  if (pipeline != NULL)
    medley_http_respond_json (exchange, 200, describe (pipeline));
  else
    medley_openai_respond_error (exchange, error, 404, "model", "model_not_found");
}
