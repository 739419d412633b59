/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Checks a stream of UTF-8 text that arrives in arbitrary pieces. */
typedef struct {
  guint8 carry[4]; /* a character that the last piece cut off */
  gsize n_carry;
  guint64 offset;    /* bytes of the stream that were taken, carry included */
  guint64 delivered; /* bytes in pieces so far, without a byte order mark */
  gboolean begun;    /* past the place where a byte order mark may stand */
} TextInput;

/* The whole characters that one piece completes: first the head, then a part of the piece itself.
 */
typedef struct {
  char head[4];
  gsize n_head;
  gsize start;
  gsize length;
} TextPiece;

void
text_input_reset (TextInput *self);

gboolean
text_input_push (TextInput *self, const guint8 *data, gsize size, TextPiece *piece, GError **error);

gboolean
text_input_finish (TextInput *self, GError **error);
