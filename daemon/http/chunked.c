/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/chunked.h"

#include <medley/medley-error.h>

#define MAX_DIGITS 15 /* below 2^60: sums of sizes cannot overflow */
#define MAX_LINE 1024
#define MAX_TRAILERS 8192
/* Tiny chunks with long extensions would make us read much for little; each byte of data pays for
 * 16 of framing. */
#define MAX_OVERHEAD (64 * 1024)
#define OVERHEAD_PER_BYTE 16

enum { SIZE, EXTENSION, SIZE_LF, DATA, DATA_CR, DATA_LF, TRAILER, TRAILER_LF, DONE };

void
medley_http_chunked_init (MedleyHttpChunked *self)
{
  *self = (MedleyHttpChunked){ .state = SIZE };
}

gboolean
medley_http_chunked_is_done (const MedleyHttpChunked *self)
{
  return self->state == DONE;
}

static gboolean
fail (GError **error, const char *what)
{
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
               "the chunked request body is malformed: %s", what);
  return FALSE;
}

static gboolean
take_size (MedleyHttpChunked *self, guint8 byte, GError **error)
{
  if (g_ascii_isxdigit (byte)) {
    if (++self->digits > MAX_DIGITS)
      return fail (error, "a chunk size is too long");
    self->remaining = self->remaining * 16 + (guint) g_ascii_xdigit_value (byte);
    return TRUE;
  }
  if (self->digits == 0)
    return fail (error, "a chunk size is missing");
  if (byte == '\r')
    self->state = SIZE_LF;
  else if (byte == ';')
    self->state = EXTENSION;
  else
    return fail (error, "a chunk size is not a hexadecimal number");
  return TRUE;
}

static gboolean
take_extension (MedleyHttpChunked *self, guint8 byte, GError **error)
{
  if (byte == '\r')
    self->state = SIZE_LF;
  else if (byte < ' ' && byte != '\t')
    return fail (error, "a chunk extension has a control character");
  else if (++self->line > MAX_LINE)
    return fail (error, "a chunk extension is too long");
  return TRUE;
}

static void
begin_chunk (MedleyHttpChunked *self)
{
  self->state = self->remaining > 0 ? DATA : TRAILER;
  self->digits = 0;
  self->line = 0;
  self->line_empty = TRUE;
}

static gboolean
take_trailer (MedleyHttpChunked *self, guint8 byte, GError **error)
{
  if (++self->trailers > MAX_TRAILERS)
    return fail (error, "the trailers are too long");
  if (byte == '\r')
    self->state = TRAILER_LF;
  else if (byte < ' ' && byte != '\t')
    return fail (error, "a trailer has a control character");
  else
    self->line_empty = FALSE;
  return TRUE;
}

/* One byte of framing, in any state but DATA and DONE. */
static gboolean
take_byte (MedleyHttpChunked *self, guint8 byte, GError **error)
{
  if (++self->overhead > MAX_OVERHEAD)
    return fail (error, "it has too little data for its framing");
  switch (self->state) {
  case SIZE:
    return take_size (self, byte, error);
  case EXTENSION:
    return take_extension (self, byte, error);
  case TRAILER:
    return take_trailer (self, byte, error);
  case DATA_CR:
    self->state = DATA_LF;
    return byte == '\r' || fail (error, "a chunk is longer than its size");
  default:
    break;
  }
  if (byte != '\n')
    return fail (error, "a line does not end in CRLF");
  if (self->state == SIZE_LF)
    begin_chunk (self);
  else if (self->state == DATA_LF)
    self->state = SIZE;
  else {
    self->state = self->line_empty ? DONE : TRAILER;
    self->line_empty = TRUE;
  }
  return TRUE;
}

gssize
medley_http_chunked_feed (MedleyHttpChunked *self, const void *data, gsize length, GByteArray *out,
                          GError **error)
{
  const guint8 *bytes = data;
  gsize used = 0;

  while (used < length && self->state != DONE) {
    if (self->state == DATA) {
      gsize n = MIN (self->remaining, length - used);
      guint64 paid = n * OVERHEAD_PER_BYTE;

      g_byte_array_append (out, bytes + used, (guint) n);
      used += n;
      self->remaining -= n;
      self->overhead -= MIN (self->overhead, paid);
      if (self->remaining == 0)
        self->state = DATA_CR;
    } else if (!take_byte (self, bytes[used++], error)) {
      return -1;
    }
  }
  return (gssize) used;
}
