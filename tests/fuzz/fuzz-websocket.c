/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a client sends over a WebSocket. */

#include <string.h>

#include "fuzz.h"
#include "http/websocket-frame.h"

/* What was understood, so that two ways of reading can be compared. Bytes of a binary message may
 * be cut anywhere. */
static guint
read_all (guint8 *data, gsize size, gsize step, GByteArray *seen)
{
  g_autoptr (MedleyWebsocketReader) reader = medley_websocket_reader_new (1000, 5000);
  g_autoptr (GError) error = NULL;
  guint code = 0;
  gsize at = 0;

  while (at < size) {
    MedleyWebsocketEvent event;
    gssize n = medley_websocket_reader_feed (reader, data + at, MIN (step, size - at), &event,
                                             &code, &error);

    if (n < 0) {
      g_assert_nonnull (error);
      g_assert_cmpuint (code, >=, 1002);
      return code;
    }
    g_assert_cmpint (n, >, 0);
    at += (gsize) n;
    if (event.opcode == 0)
      continue;
    if (event.opcode == MEDLEY_WEBSOCKET_TEXT) {
      g_assert_true (g_utf8_validate_len ((const char *) event.data, event.length, NULL));
      g_assert_cmpuint (event.data[event.length], ==, 0);
      g_assert_cmpuint (event.length, <=, 1000);
    } else if (event.opcode != MEDLEY_WEBSOCKET_BINARY) {
      g_assert_cmpuint (event.length, <=, 125);
    }
    if (event.opcode != MEDLEY_WEBSOCKET_BINARY || event.is_end)
      g_byte_array_append (seen, (const guint8 *) &event.opcode, 1);
    if (event.length > 0)
      g_byte_array_append (seen, event.data, (guint) event.length);
  }
  return 0;
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autofree guint8 *first = g_memdup2 (data, size);
  g_autofree guint8 *second = g_memdup2 (data, size);
  g_autoptr (GByteArray) whole = g_byte_array_new ();
  g_autoptr (GByteArray) pieces = g_byte_array_new ();
  guint code = read_all (first, size, size, whole);

  g_assert_cmpuint (read_all (second, size, 3, pieces), ==, code);
  if (code == 0)
    g_assert_cmpuint (whole->len, ==, pieces->len);
  return 0;
}
