/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/run-request.h"

#include <medley/medley-error.h>
#include <string.h>

#include "base/media.h"
#include "http/job-request.h"
#include "http/option-headers.h"
#include "http/routes.h"
#include "http/upload.h"

/* Choosing an output */

/* The output that an accepted type (a media type, maybe a wildcard) names, by the types the
 * pipeline gives them.
 * @outputs: which to choose from
 * @type: (out): what it shall be instead, where the pipeline says otherwise */
static const char *
match_type (MedleyPipeline *pipeline, const char *const *outputs, const char *accepted,
            const char **type)
{
  gsize prefix = g_str_has_suffix (accepted, "/*") ? strlen (accepted) - 1 : 0;
  const MedleyMediaType *media = medley_media_lookup (accepted);

  *type = NULL;
  for (guint i = 0; outputs[i] != NULL; i++) {
    const char *own = medley_pipeline_get_output_type (pipeline, outputs[i]);

    if (g_str_equal (accepted, "*/*") || g_ascii_strcasecmp (own, accepted) == 0
        || (prefix > 0 && g_ascii_strncasecmp (own, accepted, prefix) == 0))
      return outputs[i];
  }
  for (guint i = 0; media != NULL && media->writable && outputs[i] != NULL; i++) {
    const char *own = medley_pipeline_get_output_type (pipeline, outputs[i]);

    if (medley_media_modality (own) == media->modality) {
      *type = media->name;
      return outputs[i];
    }
  }
  return NULL;
}

/* @accept: the header. Returns: (nullable): the output that the client likes best */
static const char *
negotiate (MedleyPipeline *pipeline, const char *const *outputs, const char *accept,
           const char **type)
{
  GSList *types = soup_header_parse_quality_list (accept, NULL);
  const char *output = NULL;

  for (GSList *l = types; l != NULL && output == NULL; l = l->next)
    output = match_type (pipeline, outputs, l->data, type);
  soup_header_free_list (types);
  return output;
}

static gboolean
refuse_accept (MedleyPipeline *pipeline, const char *accept, GError **error)
{
  const char *const *outputs = medley_pipeline_get_outputs (pipeline);
  g_autoptr (GString) list = g_string_new (NULL);

  for (guint i = 0; outputs[i] != NULL; i++)
    g_string_append_printf (list, "%s%s (%s)", i > 0 ? ", " : "", outputs[i],
                            medley_pipeline_get_output_type (pipeline, outputs[i]));
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNSUPPORTED_TYPE,
               "no output of this pipeline can be %s; it makes %s", accept, list->str);
  return FALSE;
}

/* The first of ?output= is the one that is answered, and only those named are made; with none named
 * all are made, and Accept chooses.
 * @accept: (nullable): %NULL also where no output is answered
 * @output: (out): which one is answered */
static gboolean
take_outputs (const MedleyHttpRequest *request, const char *accept, MedleyJobRequest *wanted,
              MedleyPipeline *pipeline, char **output, GError **error)
{
  const char *named = medley_http_request_get_query (request, "output");
  const char *type = medley_http_request_get_query (request, "type");
  const char *const *all = medley_pipeline_get_outputs (pipeline);
  const char *const one[] = { named, NULL };
  const char *chosen = named != NULL ? named : all[0];

  /* A broken pipeline and a name that does not exist are the manager's to refuse. */
  if (chosen == NULL || !medley_pipeline_is_valid (pipeline))
    return TRUE;
  if (type == NULL && accept != NULL
      && (named == NULL || medley_pipeline_get_output_type (pipeline, named) != NULL)) {
    chosen = negotiate (pipeline, named != NULL ? one : all, accept, &type);
    if (chosen == NULL)
      return refuse_accept (pipeline, accept, error);
  }
  *output = g_strdup (chosen);
  for (guint i = 0; named == NULL && type != NULL && all[i] != NULL; i++)
    medley_job_request_add_output (wanted, all[i], g_str_equal (all[i], chosen) ? type : NULL);
  for (guint i = 0; named != NULL && i < request->query->len; i += 2) {
    const char *name = g_ptr_array_index (request->query, i + 1);

    if (g_str_equal (g_ptr_array_index (request->query, i), "output"))
      medley_job_request_add_output (wanted, name, g_str_equal (name, chosen) ? type : NULL);
  }
  return TRUE;
}

static void
take_parameters (const MedleyHttpRequest *request, const char *own_key, MedleyJobRequest *wanted)
{
  const char *const ours[] = { "input", "output", "type", own_key, NULL };

  for (guint i = 0; i < request->query->len; i += 2) {
    const char *key = g_ptr_array_index (request->query, i);

    if (!g_strv_contains (ours, key))
      medley_job_request_set_parameter (wanted, key,
                                        g_variant_new_string (
                                            g_ptr_array_index (request->query, i + 1)));
  }
}

static gboolean
check_size (MedleyHttp *http, const MedleyHttpRequest *request, MedleyPipeline *pipeline,
            const char *input, GError **error)
{
  const char *name = input != NULL ? input : medley_pipeline_get_inputs (pipeline)[0];
  const char *type = name != NULL ? medley_pipeline_get_input_type (pipeline, name) : NULL;

  return type == NULL
         || medley_http_upload_fits (request, medley_http_get_config (http), type, error);
}

MedleyJobRequest *
medley_http_read_run_request (MedleyHttp *http, MedleyHttpExchange *exchange, const char *name,
                              MedleyHttpForm *form, gboolean answers_output, char **input,
                              char **output, GError **error)
{
  const MedleyHttpRequest *request = medley_http_exchange_get_request (exchange);
  guint max_key
      = (guint) medley_config_get_number (medley_http_get_config (http), "limits.request-key");
  const char *accept = answers_output ? medley_http_request_get_header (request, "Accept") : NULL;
  MedleyPipeline *pipeline = medley_http_find_pipeline (http, name, error);
  g_autoptr (MedleyJobRequest) wanted = NULL;

  if (pipeline == NULL)
    return NULL;
  wanted = medley_job_request_new (medley_http_exchange_get_client (exchange));
  medley_http_job_request_set_origin (wanted, exchange);
  medley_job_request_set_pipeline (wanted, name);
  take_parameters (request, answers_output ? "detach" : "pipeline", wanted);
  if (!medley_http_take_option_headers (request, wanted, max_key, error)
      || !take_outputs (request, accept, wanted, pipeline, output, error))
    return NULL;
  if (form != NULL) {
    if (!medley_http_form_fill (form, wanted, medley_pipeline_get_inputs (pipeline), error))
      return NULL;
    return g_steal_pointer (&wanted);
  }
  *input = g_strdup (medley_http_request_get_query (request, "input"));
  if (!check_size (http, request, pipeline, *input, error))
    return NULL;
  medley_job_request_add_input_stream (wanted, *input);
  return g_steal_pointer (&wanted);
}
