/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <medley/medley-error.h>
#include <string.h>

#include "http/openai/common.h"
#include "http/openai/handlers.h"
#include "http/openai/json-body.h"
#include "http/openai/problem.h"
#include "http/openai/video-object.h"
#include "http/problem.h"

#define DEFAULT_PAGE 20
#define MAX_PAGE 100
/* How many jobs are looked at at once. */
#define BATCH 200

/* POST /v1/videos */

static void
on_created (MedleyOpenaiCall *call, gpointer data)
{
  medley_openai_call_respond (call,
                              medley_openai_describe_video (medley_openai_call_get_http (call),
                                                            medley_openai_call_get_job (call)));
}

static void
create (MedleyOpenaiCall *call)
{
  MedleyOpenaiFields *fields = medley_openai_call_get_fields (call);

  medley_openai_take_prompt (call);
  medley_openai_take_size (call);
  medley_openai_call_take_parameter (call, "seconds", NULL);
  medley_openai_call_take_parameter (call, "seed", NULL);
  medley_openai_take_labels (fields);
  /* What OpenAI's clients expect a video to be. */
  medley_openai_call_add_output (call, "video", "video/mp4");
  medley_openai_call_detach (call);
  medley_openai_call_run (call, on_created, NULL, NULL);
}

/* {"image_url": "data:..."} */
static void
take_reference (MedleyOpenaiCall *call, MedleyOpenaiAttachments *attachments)
{
  MedleyOpenaiFields *fields = medley_openai_call_get_fields (call);
  g_autoptr (GVariant) reference = medley_openai_fields_get (fields, "input_reference");
  g_autoptr (GError) error = NULL;
  g_autofree char *type = NULL;
  const char *url;
  int fd;

  if (reference == NULL)
    return;
  if (!g_variant_is_of_type (reference, G_VARIANT_TYPE_VARDICT)
      || g_variant_n_children (reference) != 1
      || !g_variant_lookup (reference, "image_url", "&s", &url)) {
    medley_openai_fields_fail (fields, "input_reference", 400, "invalid_type",
                               "\"input_reference\" is a file of a form, or {\"image_url\": "
                               "\"data:...\"}");
    return;
  }
  fd = medley_openai_attachments_take (attachments, url, &type, &error);
  if (fd < 0)
    medley_openai_fields_fail_error (fields, "input_reference", error);
  else
    medley_openai_call_add_input_fd (call, "input_reference", fd);
}

static void
on_json (MedleyHttp *http, MedleyHttpExchange *exchange, MedleyOpenaiFields *fields,
         MedleyOpenaiAttachments *attachments)
{
  MedleyOpenaiCall *call = medley_openai_call_new (http, exchange, "videos", fields);

  take_reference (call, attachments);
  create (call);
}

typedef struct {
  MedleyHttp *http;
  MedleyHttpExchange *exchange;
} Creation;

static void
on_form (MedleyHttpForm *form, const GError *error, gpointer data)
{
  static const char *const files[] = { "input_reference", NULL };
  g_autofree Creation *creation = data;
  g_autoptr (MedleyHttp) http = creation->http;
  g_autoptr (MedleyHttpExchange) exchange = creation->exchange;
  MedleyOpenaiFields *fields;
  MedleyOpenaiCall *call;

  if (error != NULL)
    medley_http_respond_problem (exchange, error, 0, NULL);
  if (form == NULL)
    return;
  fields = medley_openai_fields_new_form (form, files);
  call = medley_openai_call_new (http, exchange, "videos", fields);
  medley_openai_call_take_file (call, form, "input_reference");
  create (call);
}

void
medley_openai_create_video (MedleyHttp *http, MedleyHttpExchange *exchange,
                            const char *const *params)
{
  const MedleyHttpRequest *request = medley_http_exchange_get_request (exchange);
  const char *type = soup_message_headers_get_content_type (request->headers, NULL);
  Creation *creation;

  if (type == NULL || g_ascii_strcasecmp (type, "multipart/form-data") != 0) {
    medley_openai_read_json (http, exchange, on_json);
    return;
  }
  creation = g_new0 (Creation, 1);
  creation->http = g_object_ref (http);
  creation->exchange = medley_http_exchange_ref (exchange);
  medley_http_form_read (exchange, medley_http_get_config (http), on_form, creation);
}

/* GET /v1/videos */

static gboolean
parse_page (const MedleyHttpRequest *request, guint *limit, gboolean *ascending, const char **param,
            GError **error)
{
  const char *text = medley_http_request_get_query (request, "limit");
  const char *order = medley_http_request_get_query (request, "order");
  guint64 value = DEFAULT_PAGE;

  *ascending = g_strcmp0 (order, "asc") == 0;
  if (text != NULL && !g_ascii_string_to_unsigned (text, 10, 1, MAX_PAGE, &value, NULL)) {
    *param = "limit";
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "\"limit\" is a number from 1 to %d", MAX_PAGE);
    return FALSE;
  }
  if (order != NULL && !*ascending && !g_str_equal (order, "desc")) {
    *param = "order";
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "\"order\" is \"asc\" or \"desc\"");
    return FALSE;
  }
  *limit = (guint) value;
  return TRUE;
}

/* Adds the videos of a pipeline that come after one of them: at most @limit in descending order. In
 * ascending order they are those before it, all of them, since jobs are listed from the newest
 * on. */
static void
add_videos (GPtrArray *videos, MedleyJobManager *manager, const char *pipeline, const char *after,
            guint limit, gboolean ascending)
{
  const MedleyJobFilter filter = { .state = -1, .pipeline = pipeline };
  g_autofree char *cursor = ascending ? NULL : g_strdup (after);
  guint found = 0;
  guint n;

  do {
    g_autoptr (GPtrArray) jobs = medley_job_manager_list (manager, &filter, cursor, BATCH);

    n = jobs->len;
    for (guint i = 0; i < n && (ascending || found < limit); i++) {
      MedleyJob *job = jobs->pdata[i];

      if (ascending && after != NULL && strcmp (medley_job_get_id (job), after) <= 0)
        return;
      if (medley_openai_video_output (job) != NULL) {
        g_ptr_array_add (videos, g_object_ref (job));
        found++;
      }
    }
    g_free (cursor);
    cursor = n > 0 ? g_strdup (medley_job_get_id (jobs->pdata[n - 1])) : NULL;
  } while (n == BATCH && (ascending || found < limit));
}

static int
compare_ids (gconstpointer a, gconstpointer b)
{
  return strcmp (medley_job_get_id (*(MedleyJob *const *) a),
                 medley_job_get_id (*(MedleyJob *const *) b));
}

static int
compare_ids_descending (gconstpointer a, gconstpointer b)
{
  return compare_ids (b, a);
}

/* Those of all models there are, in order; most jobs are none, and not looked at. */
static GPtrArray *
collect_videos (MedleyJobManager *manager, const char *after, guint limit, gboolean ascending)
{
  MedleyLibrary *library = medley_job_manager_get_library (manager);
  g_autoptr (GPtrArray) names = medley_library_names (library);
  GPtrArray *videos = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < names->len; i++) {
    MedleyPipeline *pipeline = medley_library_lookup (library, names->pdata[i]);

    if (pipeline != NULL && medley_pipeline_get_serves (pipeline, "videos") != NULL)
      add_videos (videos, manager, names->pdata[i], after, limit, ascending);
  }
  /* Ids grow with time. */
  g_ptr_array_sort (videos, ascending ? compare_ids : compare_ids_descending);
  return videos;
}

static GVariant *
describe_end (GPtrArray *videos, guint index)
{
  g_autofree char *id = videos->len > 0 ? medley_openai_video_id (videos->pdata[index]) : NULL;

  return id != NULL ? g_variant_new_string (id) : medley_openai_null ();
}

void
medley_openai_list_videos (MedleyHttp *http, MedleyHttpExchange *exchange,
                           const char *const *params)
{
  const MedleyHttpRequest *request = medley_http_exchange_get_request (exchange);
  const char *after = medley_http_request_get_query (request, "after");
  const char *param = "after";
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) videos = NULL;
  g_autoptr (MedleyJob) last = NULL;
  GVariantBuilder data;
  gboolean ascending = FALSE;
  gboolean has_more;
  guint limit = 0;

  if (parse_page (request, &limit, &ascending, &param, &error) && after != NULL)
    last = medley_openai_find_video (http, after, &error);
  if (error != NULL) {
    medley_openai_respond_error (exchange, error, 400, param, NULL);
    return;
  }
  videos = collect_videos (medley_http_get_manager (http),
                           last != NULL ? medley_job_get_id (last) : NULL, limit + 1, ascending);
  has_more = videos->len > limit;
  g_ptr_array_set_size (videos, (gint) MIN (videos->len, limit));
  g_variant_builder_init (&data, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < videos->len; i++)
    g_variant_builder_add_value (&data, medley_openai_describe_video (http, videos->pdata[i]));
  medley_http_respond_json (
      exchange, 200,
      g_variant_new_parsed ("{'object': <'list'>, 'data': %v, 'first_id': %v, 'last_id': %v,"
                            " 'has_more': <%b>}",
                            g_variant_builder_end (&data), describe_end (videos, 0),
                            describe_end (videos, MAX (videos->len, 1) - 1), has_more));
}

/* GET /v1/videos/{id} and its content */

/* (transfer full) (nullable): NULL when it is answered */
static MedleyJob *
find_video (MedleyHttp *http, MedleyHttpExchange *exchange, const char *id)
{
  g_autoptr (GError) error = NULL;
  MedleyJob *job = medley_openai_find_video (http, id, &error);

  if (job == NULL)
    medley_openai_respond_error (exchange, error, 404, "video_id", NULL);
  return job;
}

void
medley_openai_show_video (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params)
{
  g_autoptr (MedleyJob) job = find_video (http, exchange, params[0]);

  if (job != NULL)
    medley_http_respond_json (exchange, 200, medley_openai_describe_video (http, job));
}

void
medley_openai_get_video_content (MedleyHttp *http, MedleyHttpExchange *exchange,
                                 const char *const *params)
{
  const char *variant
      = medley_http_request_get_query (medley_http_exchange_get_request (exchange), "variant");
  g_autoptr (MedleyJob) job = find_video (http, exchange, params[0]);
  g_autoptr (GError) error = NULL;

  if (job == NULL)
    return;
  if (variant != NULL && !g_str_equal (variant, "video")) {
    error = g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                         "there is only the \"video\" itself, no \"%.40s\"", variant);
    medley_openai_respond_error (exchange, error, 400, "variant", "unsupported_value");
    return;
  }
  medley_http_get_output (http, exchange,
                          (const char *const[]){ medley_job_get_id (job),
                                                 medley_openai_video_output (job), NULL });
}

/* DELETE /v1/videos/{id} */

/* A video that is being deleted: one that is not finished is cancelled first. */
typedef struct {
  MedleyHttp *http;
  MedleyHttpExchange *exchange;
  MedleyJob *job;
  gulong handler;
} Deletion;

static void
deletion_free (Deletion *self)
{
  g_object_unref (self->http);
  g_object_unref (self->job);
  medley_http_exchange_unref (self->exchange);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Deletion, deletion_free)

static void
on_deleted (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Deletion) self = data;
  g_autofree char *id = medley_openai_video_id (self->job);
  g_autoptr (GError) error = NULL;

  if (!medley_job_manager_flush_finish (MEDLEY_JOB_MANAGER (source), result, &error))
    medley_openai_respond_error (self->exchange, error, 0, NULL, NULL);
  else
    medley_http_respond_json (self->exchange, 200,
                              g_variant_new_parsed ("{'id': <%s>, 'object': <'video.deleted'>,"
                                                    " 'deleted': <true>}",
                                                    id));
}

static gboolean
remove_video (gpointer data)
{
  g_autoptr (Deletion) self = data;
  MedleyJobManager *manager = medley_http_get_manager (self->http);
  g_autoptr (GError) error = NULL;

  if (medley_job_manager_remove (manager, self->job, &error)) {
    MedleyJob *job = self->job;

    medley_job_manager_flush_async (manager, job, on_deleted, g_steal_pointer (&self));
  } else {
    medley_openai_respond_error (self->exchange, error, 0, NULL, NULL);
  }
  return G_SOURCE_REMOVE;
}

/* Not from within the signal: the job is still being changed. */
static void
on_changed (MedleyJob *job, gpointer data)
{
  Deletion *self = data;

  if (!medley_job_state_is_final (medley_job_get_state (job)) || self->handler == 0)
    return;
  g_signal_handler_disconnect (job, self->handler);
  self->handler = 0;
  g_idle_add_full (G_PRIORITY_DEFAULT, remove_video, self, NULL);
}

void
medley_openai_delete_video (MedleyHttp *http, MedleyHttpExchange *exchange,
                            const char *const *params)
{
  MedleyJob *job = find_video (http, exchange, params[0]);
  Deletion *self;

  if (job == NULL)
    return;
  self = g_new0 (Deletion, 1);
  self->http = g_object_ref (http);
  self->exchange = medley_http_exchange_ref (exchange);
  self->job = job;
  if (medley_job_state_is_final (medley_job_get_state (job))) {
    remove_video (self);
    return;
  }
  self->handler = g_signal_connect (job, "changed", G_CALLBACK (on_changed), self);
  medley_job_manager_cancel (medley_http_get_manager (http), job, NULL);
  on_changed (job, self);
}
