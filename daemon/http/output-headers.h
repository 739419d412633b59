/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/exchange.h"
#include "job/output-reader.h"

G_BEGIN_DECLS

/* What the head of an answer says of an output, and what a request's head asks of it. */

#define MEDLEY_HTTP_FILE_NAME_BYTES 255

/**
 * medley_http_output_set_headers:
 * @exchange: an exchange that has not begun
 * @job: the job
 * @output: name of the output
 * @reader: reads it
 * @is_final: whether the answer is of the complete output
 *
 * Sets the header fields of the output: type, name of a file unless there is one already, state,
 * and for a complete one its tag.
 */
void
medley_http_output_set_headers (MedleyHttpExchange *exchange, MedleyJob *job, const char *output,
                                MedleyOutputReader *reader, gboolean is_final);

/**
 * medley_http_output_make_etag:
 * @job: the job
 * @output: name of a complete output
 * @size: its bytes
 *
 * Returns: (transfer full): its strong entity tag: a complete output never changes, so that its
 * name and size identify it
 */
char *
medley_http_output_make_etag (MedleyJob *job, const char *output, guint64 size);

/**
 * medley_http_output_take_name:
 * @exchange: an exchange that has not begun, whose query may have `download`
 * @job: the job
 * @output: name of the output
 * @error: %MEDLEY_ERROR_INVALID_ARGUMENT when the file name in it is too long
 *
 * With `download` in the query the answer is an attachment, called as its value says or, without a
 * value, as we call it.
 *
 * Returns: whether the query can be served
 */
gboolean
medley_http_output_take_name (MedleyHttpExchange *exchange, MedleyJob *job, const char *output,
                              GError **error);

/**
 * medley_http_make_disposition:
 * @attachment: whether a browser should store the answer rather than show it
 * @name: a file name, UTF-8
 *
 * Returns: (transfer full): the field Content-Disposition (RFC 6266); a name that is not plain
 * ASCII comes twice, in plain ASCII and as RFC 8187 writes it
 */
char *
medley_http_make_disposition (gboolean attachment, const char *name);

/**
 * MedleyHttpPrecondition:
 *
 * What the fields If-Match and If-None-Match come to.
 */
typedef enum {
  MEDLEY_HTTP_PRECONDITION_NONE,         /* answer as if there were none */
  MEDLEY_HTTP_PRECONDITION_NOT_MODIFIED, /* 304 */
  MEDLEY_HTTP_PRECONDITION_FAILED,       /* 412 */
} MedleyHttpPrecondition;

/**
 * medley_http_check_preconditions:
 * @if_match: (nullable): the field If-Match
 * @if_none_match: (nullable): the field If-None-Match
 * @etag: (nullable): the strong tag of what there is, %NULL when it has none
 *
 * As RFC 9110, 13.2.2 has it for GET and HEAD of something that exists.
 *
 * Returns: how to answer
 */
MedleyHttpPrecondition
medley_http_check_preconditions (const char *if_match, const char *if_none_match, const char *etag);

G_END_DECLS
