/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/conditions.h"

#include <medley/medley-error.h>

#include "http/output-headers.h"
#include "http/problem.h"

#define DIGITS 32

char *
medley_http_make_etag (GBytes *bytes)
{
  g_autofree char *sum = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, bytes);

  return g_strdup_printf ("\"%.*s\"", DIGITS, sum);
}

gboolean
medley_http_answer_unchanged (MedleyHttpExchange *exchange, const char *etag)
{
  const MedleyHttpRequest *request = medley_http_exchange_get_request (exchange);
  SoupMessageHeaders *headers = medley_http_exchange_get_headers (exchange);
  g_autoptr (GError) error = NULL;

  soup_message_headers_replace (headers, "ETag", etag);
  soup_message_headers_replace (headers, "Cache-Control", "private, no-cache");
  switch (
      medley_http_check_preconditions (medley_http_request_get_header (request, "If-Match"),
                                       medley_http_request_get_header (request, "If-None-Match"),
                                       etag)) {
  case MEDLEY_HTTP_PRECONDITION_NOT_MODIFIED:
    medley_http_exchange_respond (exchange, 304, NULL, NULL);
    return TRUE;
  case MEDLEY_HTTP_PRECONDITION_FAILED:
    medley_http_check_match (request, etag, &error);
    medley_http_respond_problem (exchange, error, 0, NULL);
    return TRUE;
  default:
    return FALSE;
  }
}

gboolean
medley_http_check_match (const MedleyHttpRequest *request, const char *etag, GError **error)
{
  const char *match = medley_http_request_get_header (request, "If-Match");
  const char *none_match = medley_http_request_get_header (request, "If-None-Match");

  if (match != NULL && etag == NULL) {
    g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_PRECONDITION_FAILED,
                         "there is nothing of that name (If-Match)");
    return FALSE;
  }
  if (etag == NULL)
    return TRUE;
  switch (medley_http_check_preconditions (match, none_match, etag)) {
  case MEDLEY_HTTP_PRECONDITION_FAILED:
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_PRECONDITION_FAILED,
                 "it was changed meanwhile: its ETag is %s, which If-Match does not name", etag);
    return FALSE;
  case MEDLEY_HTTP_PRECONDITION_NOT_MODIFIED:
    g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_PRECONDITION_FAILED,
                         "there is something of that name already (If-None-Match)");
    return FALSE;
  default:
    return TRUE;
  }
}
