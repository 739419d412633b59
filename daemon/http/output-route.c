/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <medley/medley-error.h>

#include "http/download.h"
#include "http/output-headers.h"
#include "http/problem.h"
#include "http/routes.h"

/* GET /api/v1/jobs/{id}/outputs/{name} */

static const char *
get_field (MedleyHttpExchange *exchange, const char *name)
{
  return medley_http_request_get_header (medley_http_exchange_get_request (exchange), name);
}

static gboolean
is_head (MedleyHttpExchange *exchange)
{
  return g_str_equal (medley_http_exchange_get_request (exchange)->method, "HEAD");
}

static void
refuse_range (MedleyHttpExchange *exchange, guint64 size)
{
  g_autofree char *text = g_strdup_printf ("bytes */%" G_GUINT64_FORMAT, size);
  g_autoptr (GError) error
      = g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                     "the range begins past the end: the output has %" G_GUINT64_FORMAT " bytes",
                     size);

  soup_message_headers_replace (medley_http_exchange_get_headers (exchange), "Content-Range", text);
  medley_http_respond_problem (exchange, error, 416, NULL);
}

/* Returns: whether the answer still has to be made. */
static gboolean
pass_preconditions (MedleyHttpExchange *exchange, const char *etag)
{
  g_autoptr (GError) error = NULL;

  switch (medley_http_check_preconditions (get_field (exchange, "If-Match"),
                                           get_field (exchange, "If-None-Match"), etag)) {
  case MEDLEY_HTTP_PRECONDITION_NOT_MODIFIED:
    medley_http_exchange_respond (exchange, 304, NULL, NULL);
    return FALSE;
  case MEDLEY_HTTP_PRECONDITION_FAILED:
    g_set_error_literal (&error, MEDLEY_ERROR, MEDLEY_ERROR_WRONG_STATE,
                         etag != NULL ? "the output is not what If-Match names"
                                      : "the output still grows: it has no tag for If-Match yet");
    medley_http_respond_problem (exchange, error, 412, NULL);
    return FALSE;
  default:
    return TRUE;
  }
}

/* @size: of the whole, 0 when it is not known yet */
static void
begin_part (MedleyHttpExchange *exchange, guint64 first, guint64 last, guint64 size)
{
  g_autofree char *whole = size > 0 ? g_strdup_printf ("%" G_GUINT64_FORMAT, size) : g_strdup ("*");
  g_autofree char *text = g_strdup_printf ("bytes %" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT "/%s",
                                           first, last, whole);

  soup_message_headers_replace (medley_http_exchange_get_headers (exchange), "Content-Range", text);
  medley_http_exchange_begin (exchange, 206, (gint64) (last - first + 1));
}

static void
get_complete (MedleyHttpExchange *exchange, MedleyJob *job, const char *output,
              MedleyOutputReader *reader, guint64 size)
{
  const char *if_range = get_field (exchange, "If-Range");
  g_autofree char *etag = medley_http_output_make_etag (job, output, size);
  g_autoptr (MedleyOutputReader) part = NULL;
  MedleyHttpRange range = MEDLEY_HTTP_RANGE_NONE;
  guint64 first = 0;
  guint64 last = size - 1;

  medley_http_output_set_headers (exchange, job, output, reader, TRUE);
  if (!pass_preconditions (exchange, etag))
    return;
  /* A part of what was growing does not fit to the whole: with another tag the client gets all of
   * it. Only GET has ranges. */
  if (!is_head (exchange) && (if_range == NULL || g_str_equal (if_range, etag)))
    range = medley_http_range_parse (get_field (exchange, "Range"), size, &first, &last);
  if (range == MEDLEY_HTTP_RANGE_UNSATISFIABLE) {
    refuse_range (exchange, size);
    return;
  }
  if (range == MEDLEY_HTTP_RANGE_PART)
    begin_part (exchange, first, last, size);
  else
    medley_http_exchange_begin (exchange, 200, (gint64) size);
  if (size == 0 || is_head (exchange)) {
    medley_http_exchange_finish (exchange);
    return;
  }
  if (range != MEDLEY_HTTP_RANGE_PART)
    first = 0, last = size - 1;
  part = medley_output_reader_new (job, output, first, NULL);
  if (part == NULL)
    medley_http_exchange_abort (exchange);
  else
    medley_http_download_serve (exchange, job, output, part, last - first + 1, FALSE);
}

/* There is no tag that a later request could be held against. So the only part that can be served
 * honestly is one that needs no other: with both ends, all written, and without the word that its
 * client has some of it already. */
static gboolean
take_part (MedleyHttpExchange *exchange, guint64 written, guint64 *first, guint64 *last)
{
  return !is_head (exchange) && get_field (exchange, "If-Range") == NULL
         && medley_http_range_parse_closed (get_field (exchange, "Range"), first, last)
         && *last < written;
}

static void
get_growing (MedleyHttpExchange *exchange, MedleyJob *job, const char *output,
             MedleyOutputReader *reader, guint64 written)
{
  g_autoptr (MedleyOutputReader) part = NULL;
  guint64 first = 0, last = 0;

  medley_http_output_set_headers (exchange, job, output, reader, FALSE);
  if (!pass_preconditions (exchange, NULL))
    return;
  if (is_head (exchange)) {
    medley_http_exchange_begin (exchange, 200, -1);
    medley_http_exchange_finish (exchange);
  } else if (take_part (exchange, written, &first, &last)
             && (part = medley_output_reader_new (job, output, first, NULL)) != NULL) {
    begin_part (exchange, first, last, 0);
    medley_http_download_serve (exchange, job, output, part, last - first + 1, TRUE);
  } else {
    medley_http_download_serve (exchange, job, output, reader, G_MAXUINT64, FALSE);
  }
}

void
medley_http_get_output (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyOutputReader) reader = NULL;
  g_autoptr (MedleyJob) job
      = medley_job_manager_get (medley_http_get_manager (http), params[0], &error);
  guint64 size;

  if (job != NULL)
    reader = medley_output_reader_new (job, params[1], 0, &error);
  if (reader == NULL || !medley_http_output_take_name (exchange, job, params[1], &error))
    medley_http_respond_problem (exchange, error, 0, NULL);
  else if (medley_output_reader_is_final (reader, &size))
    get_complete (exchange, job, params[1], reader, size);
  else
    get_growing (exchange, job, params[1], reader, size);
}
