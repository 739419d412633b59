/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "text-input.h"

#include <string.h>

#include <medley/medley-error.h>

#define BOM "\xef\xbb\xbf"
#define BOM_SIZE 3

void
text_input_reset (TextInput *self)
{
  memset (self, 0, sizeof *self);
}

/* Whether the bytes are a character's first. GLib says the same of any that a NUL follows. */
static gboolean
is_incomplete (const guint8 *bytes, gsize n)
{
  if (n > 3)
    return FALSE;
  for (gsize i = 1; i < n; i++)
    if ((bytes[i] & 0xc0) != 0x80)
      return FALSE;
  return g_utf8_get_char_validated ((const char *) bytes, (gssize) n) == (gunichar) -2;
}

static gboolean
refuse (const guint8 *at, gsize left, guint64 offset, GError **error)
{
  if (at[0] == 0) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_NUL_IN_TEXT,
                 "the text has a NUL character at byte %" G_GUINT64_FORMAT
                 ": is it a binary file, or UTF-16?",
                 offset);
  } else if (offset == 0 && left > 1
             && ((at[0] == 0xff && at[1] == 0xfe) || (at[0] == 0xfe && at[1] == 0xff))) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_BAD_ENCODING,
                 "the text is not UTF-8: at byte 0 stands the mark of UTF-16, convert it with "
                 "\"iconv -f UTF-16 -t UTF-8\"");
  } else {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_BAD_ENCODING,
                 "the text is not UTF-8: byte %" G_GUINT64_FORMAT
                 " is 0x%02X, convert it, for example with \"iconv -f WINDOWS-1252 -t UTF-8\"",
                 offset, at[0]);
  }
  return FALSE;
}

/* Completes the carried character from the piece's first bytes; returns how many it used. */
static gboolean
complete_carry (TextInput *self, const guint8 *data, gsize size, TextPiece *piece, gsize *used,
                GError **error)
{
  guint64 first = self->offset - self->n_carry;

  while (*used < size) {
    self->carry[self->n_carry++] = data[(*used)++];
    if (is_incomplete (self->carry, self->n_carry))
      continue;
    if (!g_utf8_validate_len ((char *) self->carry, self->n_carry, NULL))
      return refuse (self->carry, self->n_carry, first, error);
    memcpy (piece->head, self->carry, self->n_carry);
    piece->n_head = self->n_carry;
    self->n_carry = 0;
    return TRUE;
  }
  return TRUE;
}

/*
 * A byte order mark is a whole character, so it comes either as the head or at the start of the
 * slice.
 */
static void
strip_bom (TextInput *self, const guint8 *data, TextPiece *piece)
{
  if (self->begun || (piece->n_head == 0 && piece->length == 0))
    return;
  self->begun = TRUE;
  if (piece->n_head > 0) {
    if (piece->n_head == BOM_SIZE && memcmp (piece->head, BOM, BOM_SIZE) == 0)
      piece->n_head = 0;
  } else if (piece->length >= BOM_SIZE && memcmp (data + piece->start, BOM, BOM_SIZE) == 0) {
    piece->start += BOM_SIZE;
    piece->length -= BOM_SIZE;
  }
}

gboolean
text_input_push (TextInput *self, const guint8 *data, gsize size, TextPiece *piece, GError **error)
{
  const char *end;
  gsize used = 0, left;

  memset (piece, 0, sizeof *piece);
  if (size == 0)
    return TRUE;
  if (self->n_carry > 0 && !complete_carry (self, data, size, piece, &used, error))
    return FALSE;

  piece->start = used;
  if (!g_utf8_validate_len ((const char *) data + used, size - used, &end)) {
    const guint8 *at = (const guint8 *) end;

    left = size - (gsize) (at - data);
    if (at[0] == 0 || !is_incomplete (at, left))
      return refuse (at, left, self->offset + (guint64) (at - data), error);
    memcpy (self->carry, at, left);
    self->n_carry = left;
  }
  piece->length = (gsize) ((const guint8 *) end - data) - used;
  self->offset += size;
  strip_bom (self, data, piece);
  self->delivered += piece->n_head + piece->length;
  return TRUE;
}

gboolean
text_input_finish (TextInput *self, GError **error)
{
  if (self->n_carry == 0)
    return TRUE;
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_BAD_ENCODING,
               "the text ends within a character, at byte %" G_GUINT64_FORMAT ": is it cut off?",
               self->offset - self->n_carry);
  return FALSE;
}
