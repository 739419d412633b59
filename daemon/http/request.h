/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libsoup/soup.h>

G_BEGIN_DECLS

typedef enum {
  MEDLEY_HTTP_BODY_NONE,
  MEDLEY_HTTP_BODY_LENGTH,
  MEDLEY_HTTP_BODY_CHUNKED,
} MedleyHttpFraming;

/**
 * MedleyHttpRequest:
 * @method: "GET"
 * @path: decoded path, for messages
 * @segments: (array zero-terminated=1): decoded segments of the path: none is empty, "." or "..",
 * none has a "/"
 * @query: (element-type utf8): keys and values in turn, decoded, in their order
 * @headers: the header fields
 * @is_http_1_0: the client speaks HTTP/1.0
 * @keep_alive: the client would like to use the connection again
 * @expects_continue: the client waits for "100 Continue" before it sends the body
 * @framing: how the body's end is told
 * @length: of the body, with %MEDLEY_HTTP_BODY_LENGTH
 *
 * The head of a request. Whatever two readers could understand differently is refused (RFC
 * 9112, 11.2): header lines that are folded or have no proper name, bare CR or LF, a body with two
 * lengths.
 */
typedef struct {
  char *method;
  char *path;
  char **segments;
  GPtrArray *query;
  SoupMessageHeaders *headers;
  gboolean is_http_1_0;
  gboolean keep_alive;
  gboolean expects_continue;
  MedleyHttpFraming framing;
  guint64 length;
} MedleyHttpRequest;

/**
 * medley_http_request_parse:
 * @head: the request line and header lines, with the empty line at the end
 * @length: in bytes
 * @status: (out): 400, 501 or 505 with an error
 * @error: %MEDLEY_ERROR_INVALID_ARGUMENT
 *
 * Returns: (transfer full) (nullable): the request
 */
MedleyHttpRequest *
medley_http_request_parse (const char *head, gsize length, guint *status, GError **error);
void
medley_http_request_free (MedleyHttpRequest *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyHttpRequest, medley_http_request_free)

/* (transfer none) (nullable): the first value of a key in the query */
const char *
medley_http_request_get_query (const MedleyHttpRequest *self, const char *key);
/* whether the query has the key, with no value or "true", "1" or "yes" */
gboolean
medley_http_request_has_flag (const MedleyHttpRequest *self, const char *key);
/* (transfer none) (nullable): a header; several of one name are joined with ", " */
const char *
medley_http_request_get_header (const MedleyHttpRequest *self, const char *name);

/**
 * medley_http_head_length:
 * @data: what was received
 * @length: how much
 * @checked: (inout): how much of it an earlier call has seen; 0 at first
 * @malformed: (out): whether a line ends in a bare LF, or there is a NUL
 *
 * Returns: length of the request's head with its empty line, or 0 when it is not whole yet
 */
gsize
medley_http_head_length (const guint8 *data, gsize length, gsize *checked, gboolean *malformed);

G_END_DECLS
