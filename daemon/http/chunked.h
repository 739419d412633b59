/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * MedleyHttpChunked:
 *
 * Decodes the chunked transfer coding of HTTP/1.1 (RFC 9112, 7.1) as bytes arrive. Strict, because
 * what one server reads leniently another reads differently: sizes are bare hexadecimal digits,
 * lines end in CRLF. Extensions and trailers are dropped, and limited. Holds no data; initialise
 * with medley_http_chunked_init(), nothing to free.
 */
typedef struct {
  int state;
  guint digits;        /* of the chunk size being read */
  guint64 remaining;   /* bytes left of the current chunk */
  guint64 overhead;    /* bytes of framing beyond what the data justifies */
  guint line;          /* bytes of the current extension */
  guint trailers;      /* bytes of trailers */
  gboolean line_empty; /* the current trailer line has no character yet */
} MedleyHttpChunked;

void
medley_http_chunked_init (MedleyHttpChunked *self);

/**
 * medley_http_chunked_feed:
 * @self: a decoder
 * @data: coded bytes
 * @length: how many
 * @out: the decoded bytes are appended here
 * @error: %MEDLEY_ERROR_INVALID_ARGUMENT; the decoder is of no further use
 *
 * Returns: how many bytes were used: all, unless the body ended among them; -1 with an error
 */
gssize
medley_http_chunked_feed (MedleyHttpChunked *self, const void *data, gsize length, GByteArray *out,
                          GError **error);

/* whether the last chunk and the trailers were read */
gboolean
medley_http_chunked_is_done (const MedleyHttpChunked *self);

G_END_DECLS
