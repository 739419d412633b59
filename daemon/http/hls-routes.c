/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <medley/medley-error.h>

#include "base/media.h"
#include "http/download.h"
#include "http/hls-playlist.h"
#include "http/hls.h"
#include "http/output-headers.h"
#include "http/problem.h"
#include "http/routes.h"

/* …/outputs/{name}/hls/: a playlist of an output while it is made, and the parts of its file. */

/* Who watches waits no longer than this for the next segment: players take silence for a failure.
 */
#define LONGEST_RELOAD MEDLEY_HLS_TARGET
#define GONE 410

typedef struct _Request Request;

/* What a route makes of the segments. */
typedef void (*Respond) (Request *self, const MedleyHlsView *view);

struct _Request {
  MedleyHttpExchange *exchange;
  MedleyJob *job;
  char *output;
  guint segment;
  gboolean is_playlist; /* of what is still to come, which a job that failed does not have */
  Respond respond;
  MedleyHlsLook *look;
};

static void
request_free (Request *self)
{
  g_clear_pointer (&self->look, medley_hls_look_free);
  medley_http_exchange_unref (self->exchange);
  g_object_unref (self->job);
  g_free (self->output);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Request, request_free)

static void
on_gone (MedleyHttpExchange *exchange, gpointer data)
{
  request_free (data);
}

static const char *
get_query (Request *self, const char *key)
{
  return medley_http_request_get_query (medley_http_exchange_get_request (self->exchange), key);
}

static void
set_field (Request *self, const char *name, const char *value)
{
  soup_message_headers_replace (medley_http_exchange_get_headers (self->exchange), name, value);
}

static void
refuse (Request *self, MedleyError code, guint status, const char *message)
{
  g_autoptr (GError) error = g_error_new_literal (MEDLEY_ERROR, code, message);

  medley_http_respond_problem (self->exchange, error, status, NULL);
}

/* A job that failed makes no more segments, and one that goes on with the next daemon none here.
 * Returns: whether there is nothing to say of that */
static gboolean
check_job (Request *self)
{
  const GError *error = medley_job_get_error (self->job);
  GVariantDict dict;

  if (medley_job_is_adjourned (self->job)) {
    refuse (self, MEDLEY_ERROR_UNAVAILABLE, 0,
            "the daemon ends before the job is done; the next one goes on with it");
    return FALSE;
  }
  if (!medley_job_state_is_final (medley_job_get_state (self->job)) || error == NULL)
    return TRUE;
  g_variant_dict_init (&dict, medley_job_get_error_variant (self->job));
  g_variant_dict_insert (&dict, "job", "s", medley_job_get_id (self->job));
  g_variant_dict_remove (&dict, "message");
  medley_http_respond_problem (self->exchange, error, 0, g_variant_dict_end (&dict));
  return FALSE;
}

static gboolean
check_edition (Request *self, const MedleyHlsView *view)
{
  const char *wanted = get_query (self, "edition");
  const char *edition;

  if (view->film == NULL)
    return TRUE;
  edition = medley_mp4_scan_get_edition (view->film);

  if (edition == NULL) {
    refuse (self, MEDLEY_ERROR_NOT_FOUND, 0, "nothing of the output is written yet");
    return FALSE;
  }
  if (wanted != NULL && !g_str_equal (wanted, edition)) {
    refuse (self, MEDLEY_ERROR_INTERRUPTED, GONE,
            "the output was begun anew with another attempt of the job; ask for index.m3u8 again");
    return FALSE;
  }
  return TRUE;
}

static void
on_looked (const MedleyHlsView *view, const GError *error, gpointer data)
{
  g_autoptr (Request) self = data;

  medley_http_exchange_set_gone_func (self->exchange, NULL, NULL);
  set_field (self, "Medley-Job", medley_job_get_id (self->job));
  if (self->is_playlist && !check_job (self))
    return;
  if (error != NULL)
    medley_http_respond_problem (self->exchange, error, 0, NULL);
  else if (check_edition (self, view))
    self->respond (self, view);
}

static gboolean
is_captions (MedleyJob *job, const char *output)
{
  return g_strcmp0 (medley_job_get_output_type (job, output), "text/vtt") == 0;
}

static gboolean
check_type (MedleyJob *job, const char *output, GError **error)
{
  const char *type = medley_job_get_output_type (job, output);
  MedleyModality modality = type != NULL ? medley_media_modality (type) : MEDLEY_MODALITY_DATA;

  /* A name that does not exist is told when it is opened. */
  if (type == NULL || g_str_equal (type, "video/mp4") || g_str_equal (type, "audio/mp4"))
    return TRUE;
  if (modality == MEDLEY_MODALITY_VIDEO || modality == MEDLEY_MODALITY_AUDIO)
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNSUPPORTED_TYPE,
                 "output \"%s\" is %s, which HLS does not carry; create the job with this output "
                 "as %s/mp4",
                 output, type, modality == MEDLEY_MODALITY_VIDEO ? "video" : "audio");
  else
    g_set_error (
        error, MEDLEY_ERROR, MEDLEY_ERROR_UNSUPPORTED_TYPE,
        "output \"%s\" is %s, which HLS does not carry; it carries video/mp4 and audio/mp4", output,
        type);
  return FALSE;
}

/* @params: id of the job, name of the output */
static Request *
request_new (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params,
             Respond respond)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyJob) job
      = medley_job_manager_get (medley_http_get_manager (http), params[0], &error);
  Request *self;

  if (job == NULL || !check_type (job, params[1], &error)) {
    gboolean is_type = g_error_matches (error, MEDLEY_ERROR, MEDLEY_ERROR_UNSUPPORTED_TYPE);

    medley_http_respond_problem (exchange, error, is_type ? 406 : 0, NULL);
    return NULL;
  }
  self = g_new0 (Request, 1);
  self->exchange = medley_http_exchange_ref (exchange);
  self->job = g_steal_pointer (&job);
  self->output = g_strdup (params[1]);
  self->respond = respond;
  return self;
}

static void
start (Request *self, MedleyHttp *http, guint n_segments, guint seconds)
{
  g_autoptr (GError) error = NULL;

  self->look = medley_hls_look (medley_http_get_hls (http), self->job, self->output, n_segments,
                                seconds, on_looked, self, &error);
  if (self->look == NULL) {
    medley_http_respond_problem (self->exchange, error, 0, NULL);
    request_free (self);
    return;
  }
  medley_http_exchange_set_gone_func (self->exchange, on_gone, self);
}

/* Playlists */

static void
respond_playlist (Request *self, char *text)
{
  g_autoptr (GBytes) body = g_bytes_new_take (text, strlen (text));

  set_field (self, "Cache-Control", "no-cache");
  set_field (self, "X-Content-Type-Options", "nosniff");
  medley_http_exchange_respond (self->exchange, 200, MEDLEY_HLS_TYPE, body);
}

static void
respond_master (Request *self, const MedleyHlsView *view)
{
  const char *const *outputs = medley_job_get_outputs (self->job);
  g_autoptr (GPtrArray) captions = g_ptr_array_new ();

  for (guint i = 0; outputs[i] != NULL; i++)
    if (is_captions (self->job, outputs[i]))
      g_ptr_array_add (captions, (gpointer) outputs[i]);
  g_ptr_array_add (captions, NULL);
  respond_playlist (self,
                    medley_hls_print_master (view->film, (const char *const *) captions->pdata));
}

static void
respond_media (Request *self, const MedleyHlsView *view)
{
  respond_playlist (self, view->film != NULL
                              ? medley_hls_print_media (view->film, view->is_complete)
                              : medley_hls_print_captions (view->captions, self->output,
                                                           view->is_complete));
}

void
medley_http_get_hls_index (MedleyHttp *http, MedleyHttpExchange *exchange,
                           const char *const *params)
{
  Request *self = request_new (http, exchange, params, respond_master);

  if (self == NULL)
    return;
  self->is_playlist = TRUE;
  /* A player asks for the segments next, and takes none for an error. */
  start (self, http, 1, 0);
}

/* At the segment that the player waits for, or at the first one.
 * @seconds: longest wait for that */
static void
start_media (Request *self, MedleyHttp *http, guint seconds)
{
  const char *text = get_query (self, "_HLS_msn");
  guint64 number = 0;

  self->is_playlist = TRUE;
  if (text != NULL && !g_ascii_string_to_unsigned (text, 10, 0, G_MAXUINT32 - 1, &number, NULL)) {
    refuse (self, MEDLEY_ERROR_INVALID_ARGUMENT, 0, "_HLS_msn is no number of a segment");
    request_free (self);
    return;
  }
  start (self, http, (guint) number + 1, text != NULL ? LONGEST_RELOAD : seconds);
}

void
medley_http_get_hls_media (MedleyHttp *http, MedleyHttpExchange *exchange,
                           const char *const *params)
{
  Request *self = request_new (http, exchange, params, respond_media);

  if (self != NULL)
    start_media (self, http, 0);
}

/* Parts of the file */

/* @part: what the part is called. Returns: whether it still has to be sent */
static gboolean
begin_part (Request *self, MedleyMp4Scan *scan, const char *part)
{
  const MedleyHttpRequest *request = medley_http_exchange_get_request (self->exchange);
  g_autofree char *etag = g_strdup_printf ("\"%s.%s.%s.%s\"", medley_job_get_id (self->job),
                                           self->output, medley_mp4_scan_get_edition (scan), part);

  set_field (self, "Content-Type", medley_job_get_output_type (self->job, self->output));
  set_field (self, "X-Content-Type-Options", "nosniff");
  set_field (self, "ETag", etag);
  /* What the address names can never be other bytes. */
  set_field (self, "Cache-Control",
             get_query (self, "edition") != NULL ? "private, max-age=31536000, immutable"
                                                 : "private, no-cache");
  if (medley_http_check_preconditions (NULL,
                                       medley_http_request_get_header (request, "If-None-Match"),
                                       etag)
      == MEDLEY_HTTP_PRECONDITION_NONE)
    return TRUE;
  medley_http_exchange_respond (self->exchange, 304, NULL, NULL);
  return FALSE;
}

static void
respond_init (Request *self, const MedleyHlsView *view)
{
  g_autoptr (GBytes) body = NULL;
  const guint8 *init;
  gsize length;

  if (!begin_part (self, view->film, "init"))
    return;
  init = medley_mp4_scan_get_init (view->film, &length);
  body = g_bytes_new (init, length);
  medley_http_exchange_respond (self->exchange, 200, NULL, body);
}

static gboolean
has_segment (Request *self, guint n_segments, gboolean is_complete)
{
  if (self->segment < n_segments)
    return TRUE;
  refuse (self, MEDLEY_ERROR_NOT_FOUND, 0,
          is_complete ? "the output has no such segment" : "there is no such segment yet");
  return FALSE;
}

static void
respond_captions (Request *self, const MedleyHlsView *view)
{
  g_autoptr (GBytes) body = NULL;

  if (!has_segment (self, medley_vtt_scan_get_n_segments (view->captions), view->is_complete))
    return;
  body = medley_vtt_scan_make_segment (view->captions, self->segment);
  set_field (self, "Cache-Control", "private, no-cache");
  set_field (self, "X-Content-Type-Options", "nosniff");
  medley_http_exchange_respond (self->exchange, 200, "text/vtt; charset=utf-8", body);
}

static void
respond_segment (Request *self, const MedleyHlsView *view)
{
  const MedleyHttpRequest *request = medley_http_exchange_get_request (self->exchange);
  g_autofree char *part = g_strdup_printf ("%u", self->segment);
  g_autoptr (MedleyOutputReader) reader = NULL;
  g_autoptr (GError) error = NULL;
  MedleyMp4Segment segment;

  if (!has_segment (self, medley_mp4_scan_get_n_segments (view->film), view->is_complete))
    return;
  segment = *medley_mp4_scan_get_segment (view->film, self->segment);
  reader = medley_output_reader_new (self->job, self->output, segment.offset, &error);
  if (reader == NULL) {
    medley_http_respond_problem (self->exchange, error, 0, NULL);
    return;
  }
  if (!begin_part (self, view->film, part))
    return;
  medley_http_exchange_begin (self->exchange, 200, (gint64) segment.length);
  if (g_str_equal (request->method, "HEAD"))
    medley_http_exchange_finish (self->exchange);
  else
    medley_http_download_serve (self->exchange, self->job, self->output, reader, segment.length,
                                FALSE);
}

void
medley_http_get_hls_init (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params)
{
  Request *self = request_new (http, exchange, params, respond_init);

  if (self != NULL)
    start (self, http, 0, 0);
}

/* @text: number of the segment */
static void
start_segment (Request *self, MedleyHttp *http, const char *text)
{
  guint64 number;

  if (!g_ascii_string_to_unsigned (text, 10, 0, G_MAXUINT32, &number, NULL)) {
    refuse (self, MEDLEY_ERROR_NOT_FOUND, 0, "a segment has a number");
    request_free (self);
    return;
  }
  self->segment = (guint) number;
  start (self, http, 0, 0);
}

void
medley_http_get_hls_segment (MedleyHttp *http, MedleyHttpExchange *exchange,
                             const char *const *params)
{
  Request *self = request_new (http, exchange, params, respond_segment);

  if (self != NULL)
    start_segment (self, http, params[2]);
}

/* Captions beside a film: params[2] is their output's name. */
static Request *
request_new_captions (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params,
                      Respond respond)
{
  Request *self = request_new (http, exchange, params, respond);

  if (self == NULL || is_captions (self->job, params[2])) {
    if (self != NULL) {
      g_free (self->output);
      self->output = g_strdup (params[2]);
    }
    return self;
  }
  refuse (self, MEDLEY_ERROR_NOT_FOUND, 0, "the job has no captions (text/vtt) of this name");
  request_free (self);
  return NULL;
}

void
medley_http_get_hls_captions (MedleyHttp *http, MedleyHttpExchange *exchange,
                              const char *const *params)
{
  Request *self = request_new_captions (http, exchange, params, respond_media);

  /* They may well begin later than the film: an empty playlist is no failure here. */
  if (self != NULL)
    start_media (self, http, LONGEST_RELOAD);
}

void
medley_http_get_hls_captions_segment (MedleyHttp *http, MedleyHttpExchange *exchange,
                                      const char *const *params)
{
  Request *self = request_new_captions (http, exchange, params, respond_captions);

  if (self != NULL)
    start_segment (self, http, params[3]);
}
