/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/trace.h"
#include "http/request.h"

G_BEGIN_DECLS

#define MEDLEY_HTTP_REQUEST_ID "X-Request-Id"

/**
 * MedleyHttpNotes:
 * @id: names the request in logs, answers and the job that it makes: the client's own
 * (`X-Request-Id` of 1 to 64 letters, digits, ".", "_" and "-"), else a random one
 * @parent: the client's traceparent, empty when it sent none that is well-formed
 * @trace: what is done for the request belongs to this span: the request's own where traces are
 * exported and its client was let in, else @parent
 * @has_span: @trace's span is the request's own, to be exported
 * @is_encrypted: it came under TLS
 * @tracestate: (nullable): the client's, with a @parent only
 * @route: (nullable): path of the route in the table; %NULL until it is known, and when there is
 * none
 * @began: µs since 1970
 * @began_at: monotonic
 * @status: of the answer, 0 before it has begun
 * @bytes_in: of the request's body, so far
 * @bytes_out: of the answer, so far
 *
 * What is told of a request afterwards, by metrics, logs and traces.
 */
typedef struct {
  char *id;
  MedleyTrace parent;
  MedleyTrace trace;
  gboolean has_span;
  gboolean is_encrypted;
  char *tracestate;
  const char *route;
  gint64 began;
  gint64 began_at;
  guint status;
  guint64 bytes_in;
  guint64 bytes_out;
} MedleyHttpNotes;

/* @request: (nullable): NULL for one that could not be understood */
void
medley_http_notes_init (MedleyHttpNotes *self, const MedleyHttpRequest *request);
void
medley_http_notes_clear (MedleyHttpNotes *self);

/* whether a client's id of a request is taken as it is */
gboolean
medley_http_request_id_is_sane (const char *id);

G_END_DECLS
