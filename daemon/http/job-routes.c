/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <medley/medley-error.h>
#include <string.h>

#include "base/times.h"
#include "http/body.h"
#include "http/job-answers.h"
#include "http/job-request.h"
#include "http/option-headers.h"
#include "http/problem.h"
#include "http/routes.h"

#define DEFAULT_PAGE 50
#define MAX_PAGE 500

/* (transfer full) (nullable) */
static MedleyJob *
find_job (MedleyHttp *http, MedleyHttpExchange *exchange, const char *id)
{
  g_autoptr (GError) error = NULL;
  MedleyJob *job = medley_job_manager_get (medley_http_get_manager (http), id, &error);

  if (job == NULL)
    medley_http_respond_problem (exchange, error, 0, NULL);
  return job;
}

/* Creating */

typedef struct {
  MedleyHttpExchange *exchange;
  MedleyJsonMap *map; /* of the request, while a sent pipeline may have faults */
} Creation;

static void
creation_free (Creation *self)
{
  medley_http_exchange_unref (self->exchange);
  g_clear_pointer (&self->map, medley_json_map_free);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Creation, creation_free)

/* A pipeline that came within the request: lines and columns are those of the request. */
static GVariant *
place_faults (GVariant *faults, MedleyJsonMap *map)
{
  GVariantBuilder builder;

  if (map == NULL)
    return g_variant_ref (faults);
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (gsize i = 0; i < g_variant_n_children (faults); i++) {
    g_autoptr (GVariant) fault = g_variant_get_child_value (faults, i);
    const char *pointer = "";
    g_autofree char *place = NULL;
    GVariantDict dict;
    guint line;
    guint column;

    g_variant_lookup (fault, "pointer", "&s", &pointer);
    place = g_strconcat ("/pipeline", pointer, NULL);
    medley_json_map_locate (map, place, &line, &column);
    g_variant_dict_init (&dict, fault);
    g_variant_dict_insert (&dict, "line", "u", line);
    g_variant_dict_insert (&dict, "column", "u", column);
    g_variant_builder_add_value (&builder, g_variant_dict_end (&dict));
  }
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

void
medley_http_respond_created (MedleyHttpExchange *exchange, MedleyJob *job, gboolean is_replayed)
{
  SoupMessageHeaders *headers = medley_http_exchange_get_headers (exchange);
  g_autofree char *location = g_strconcat ("/api/v1/jobs/", medley_job_get_id (job), NULL);

  soup_message_headers_replace (headers, "Location", location);
  if (is_replayed)
    soup_message_headers_replace (headers, "Idempotency-Replayed", "true");
  medley_http_respond_json (exchange, 201, medley_job_describe (job));
}

void
medley_http_respond_refused (MedleyHttpExchange *exchange, const GError *error, GVariant *faults)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  if (faults != NULL)
    g_variant_dict_insert_value (&dict, "faults", faults);
  medley_http_respond_problem (exchange, error, 0, g_variant_dict_end (&dict));
}

static void
on_created (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Creation) self = data;
  g_autoptr (GVariant) faults = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyJob) job
      = medley_job_manager_create_finish (MEDLEY_JOB_MANAGER (source), result, &faults, &error);

  if (job == NULL) {
    g_autoptr (GVariant) placed = faults != NULL ? place_faults (faults, self->map) : NULL;

    medley_http_respond_refused (self->exchange, error, placed);
  } else {
    medley_http_respond_created (self->exchange, job,
                                 medley_job_manager_create_was_replayed (result));
  }
}

static void
create_from_json (MedleyHttp *http, MedleyHttpExchange *exchange, GBytes *text, GVariant *value,
                  MedleyJsonMap *map)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) sent = NULL;
  g_autoptr (MedleyJobRequest) request = NULL;
  guint max_key
      = (guint) medley_config_get_number (medley_http_get_config (http), "limits.request-key");
  Creation *creation;

  request = medley_http_job_request_from_json (value, medley_http_exchange_get_client (exchange),
                                               max_key, &error);
  if (request == NULL
      || !medley_http_take_option_headers (medley_http_exchange_get_request (exchange), request,
                                           max_key, &error)) {
    medley_http_respond_problem (exchange, error, 0, NULL);
    return;
  }
  medley_http_job_request_set_origin (request, exchange);
  creation = g_new0 (Creation, 1);
  creation->exchange = medley_http_exchange_ref (exchange);
  sent = g_variant_lookup_value (value, "pipeline", G_VARIANT_TYPE_VARDICT);
  if (sent != NULL) {
    gsize length;
    const char *json = g_bytes_get_data (text, &length);
    MedleyJsonLimits limits = { G_MAXSIZE, 1000, G_MAXUINT };

    g_variant_unref (g_steal_pointer (&sent));
    sent = medley_json_parse (json, length, &limits, &creation->map, NULL);
  }
  medley_job_manager_create_async (medley_http_get_manager (http), g_steal_pointer (&request),
                                   on_created, creation);
}

void
medley_http_create_job (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params)
{
  const MedleyHttpRequest *request = medley_http_exchange_get_request (exchange);
  const char *pipeline = medley_http_request_get_query (request, "pipeline");
  g_autoptr (GError) error = NULL;

  if (pipeline != NULL) {
    medley_http_create_job_from_body (http, exchange, pipeline);
  } else if (request->query->len > 0) {
    g_set_error (&error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "\"%s\" in the query is for a body that is an input, where \"pipeline\" has to be "
                 "in it as well",
                 (const char *) g_ptr_array_index (request->query, 0));
    medley_http_respond_problem (exchange, error, 0, NULL);
  } else {
    medley_http_read_json (http, exchange, create_from_json);
  }
}

/* Listing and showing */

static gboolean
parse_limit (const char *text, guint *limit, GError **error)
{
  guint64 value = DEFAULT_PAGE;

  if (text != NULL && !g_ascii_string_to_unsigned (text, 10, 1, MAX_PAGE, &value, NULL)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "limit: \"%s\" is no number from 1 to %d", text, MAX_PAGE);
    return FALSE;
  }
  *limit = (guint) value;
  return TRUE;
}

static gboolean
parse_state (const char *text, int *state, GError **error)
{
  MedleyJobState its_state;

  if (text == NULL)
    return TRUE;
  if (!medley_job_state_from_string (text, &its_state)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "state: there is no state \"%s\"", text);
    return FALSE;
  }
  *state = (int) its_state;
  return TRUE;
}

/* As a job's options have it: a time as in RFC 3339, or microseconds since 1970. */
static gboolean
parse_time (const MedleyHttpRequest *request, const char *key, gint64 *time, GError **error)
{
  const char *text = medley_http_request_get_query (request, key);

  if (text == NULL || g_ascii_string_to_signed (text, 10, 0, MEDLEY_TIME_MAX, time, NULL))
    return TRUE;
  if (medley_time_parse (text, time, error))
    return TRUE;
  g_prefix_error (error, "%s: ", key);
  return FALSE;
}

static gboolean
parse_filter (const MedleyHttpRequest *request, MedleyJobFilter *filter, GError **error)
{
  filter->pipeline = medley_http_request_get_query (request, "pipeline");
  filter->client = medley_http_request_get_query (request, "client");
  return parse_state (medley_http_request_get_query (request, "state"), &filter->state, error)
         && parse_time (request, "createdFrom", &filter->from, error)
         && parse_time (request, "createdBefore", &filter->before, error);
}

void
medley_http_list_jobs (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params)
{
  const MedleyHttpRequest *request = medley_http_exchange_get_request (exchange);
  MedleyJobFilter filter = MEDLEY_JOB_FILTER_ALL;
  g_autoptr (GPtrArray) jobs = NULL;
  g_autoptr (GError) error = NULL;
  GVariantBuilder builder;
  GVariantDict dict;
  guint limit;

  if (!parse_filter (request, &filter, &error)
      || !parse_limit (medley_http_request_get_query (request, "limit"), &limit, &error)) {
    medley_http_respond_problem (exchange, error, 0, NULL);
    return;
  }
  /* One more than asked for tells whether there is a next page. */
  jobs = medley_job_manager_list (medley_http_get_manager (http), &filter,
                                  medley_http_request_get_query (request, "cursor"), limit + 1);
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < MIN (jobs->len, limit); i++)
    g_variant_builder_add_value (&builder, medley_job_describe (g_ptr_array_index (jobs, i)));
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert_value (&dict, "jobs", g_variant_builder_end (&builder));
  if (jobs->len > limit)
    g_variant_dict_insert (&dict, "next", "s",
                           medley_job_get_id (g_ptr_array_index (jobs, limit - 1)));
  medley_http_respond_json (exchange, 200, g_variant_dict_end (&dict));
}

void
medley_http_show_job (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params)
{
  g_autoptr (MedleyJob) job = find_job (http, exchange, params[0]);

  if (job != NULL)
    medley_http_respond_json (exchange, 200, medley_job_describe (job));
}

/* Verbs */

typedef gboolean (*Verb) (MedleyJobManager *manager, MedleyJob *job, GError **error);

/* A verb that was carried out, and is being written to the disk. */
typedef struct {
  MedleyHttpExchange *exchange;
  MedleyJob *job;
  gboolean gone;
} Applied;

static void
applied_free (Applied *self)
{
  medley_http_exchange_unref (self->exchange);
  g_object_unref (self->job);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Applied, applied_free)

static void
applied (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Applied) self = data;
  g_autoptr (GError) error = NULL;

  if (!medley_job_manager_flush_finish (MEDLEY_JOB_MANAGER (source), result, &error))
    medley_http_respond_problem (self->exchange, error, 0, NULL);
  else if (self->gone)
    medley_http_exchange_respond (self->exchange, 204, NULL, NULL);
  else
    medley_http_respond_json (self->exchange, 200, medley_job_describe (self->job));
}

static void
apply (MedleyHttp *http, MedleyHttpExchange *exchange, const char *id, Verb verb, gboolean gone)
{
  g_autoptr (MedleyJob) job = find_job (http, exchange, id);
  g_autoptr (GError) error = NULL;
  Applied *self;

  if (job == NULL)
    return;
  if (!verb (medley_http_get_manager (http), job, &error)) {
    medley_http_respond_problem (exchange, error, 0, NULL);
    return;
  }
  self = g_new0 (Applied, 1);
  self->exchange = medley_http_exchange_ref (exchange);
  self->job = g_steal_pointer (&job);
  self->gone = gone;
  medley_job_manager_flush_async (medley_http_get_manager (http), self->job, applied, self);
}

void
medley_http_remove_job (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params)
{
  apply (http, exchange, params[0], medley_job_manager_remove, TRUE);
}

void
medley_http_cancel_job (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params)
{
  apply (http, exchange, params[0], medley_job_manager_cancel, FALSE);
}

void
medley_http_pause_job (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params)
{
  apply (http, exchange, params[0], medley_job_manager_pause, FALSE);
}

void
medley_http_retry_job (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params)
{
  apply (http, exchange, params[0], medley_job_manager_retry, FALSE);
}

void
medley_http_resume_job (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params)
{
  apply (http, exchange, params[0], medley_job_manager_resume, FALSE);
}
