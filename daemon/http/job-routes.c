/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <medley/medley-error.h>
#include <string.h>

#include "http/body.h"
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

static void
on_created (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Creation) self = data;
  g_autoptr (GVariant) faults = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyJob) job
      = medley_job_manager_create_finish (MEDLEY_JOB_MANAGER (source), result, &faults, &error);
  g_autofree char *location = NULL;
  SoupMessageHeaders *headers;

  if (job == NULL) {
    g_autoptr (GVariant) placed = faults != NULL ? place_faults (faults, self->map) : NULL;
    GVariantDict dict;

    g_variant_dict_init (&dict, NULL);
    if (placed != NULL)
      g_variant_dict_insert_value (&dict, "faults", placed);
    medley_http_respond_problem (self->exchange, error, 0, g_variant_dict_end (&dict));
    return;
  }
  location = g_strconcat ("/api/v1/jobs/", medley_job_get_id (job), NULL);
  headers = medley_http_exchange_get_headers (self->exchange);
  soup_message_headers_replace (headers, "Location", location);
  if (medley_job_manager_create_was_replayed (result))
    soup_message_headers_replace (headers, "Idempotency-Replayed", "true");
  medley_http_respond_json (self->exchange, 201, medley_job_describe (job));
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
  medley_http_read_json (http, exchange, create_from_json);
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
check_state (const char *state, GError **error)
{
  MedleyJobState ignored;

  if (state == NULL || medley_job_state_from_string (state, &ignored))
    return TRUE;
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
               "state: there is no state \"%s\"", state);
  return FALSE;
}

void
medley_http_list_jobs (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params)
{
  const MedleyHttpRequest *request = medley_http_exchange_get_request (exchange);
  const char *state = medley_http_request_get_query (request, "state");
  g_autoptr (GPtrArray) jobs = NULL;
  g_autoptr (GError) error = NULL;
  GVariantBuilder builder;
  GVariantDict dict;
  guint limit;

  if (!check_state (state, &error)
      || !parse_limit (medley_http_request_get_query (request, "limit"), &limit, &error)) {
    medley_http_respond_problem (exchange, error, 0, NULL);
    return;
  }
  /* One more than asked for tells whether there is a next page. */
  jobs = medley_job_manager_list (medley_http_get_manager (http), state,
                                  medley_http_request_get_query (request, "pipeline"),
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
