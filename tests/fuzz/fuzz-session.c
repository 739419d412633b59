/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a session reads besides frames. After a first byte "c": a line of captions, a line feed, and
 * the text that was sent; after an "o", "w" or "p": sound, whose time is told; else a message of a
 * client. */

#include <string.h>

#include "fuzz.h"
#include "http/session/clock.h"
#include "http/session/heard.h"
#include "http/session/message.h"

typedef struct {
  const guint8 *data;
  gsize size;
} Text;

static gsize
read_text (guint64 offset, char *buffer, gsize length, gpointer data)
{
  Text *text = data;
  gsize n = offset < text->size ? MIN (length, text->size - (gsize) offset) : 0;

  memcpy (buffer, text->data + (n > 0 ? offset : 0), n);
  return n;
}

static void
fuzz_caption (const guint8 *data, gsize size)
{
  const guint8 *end = memchr (data, '\n', size);
  gsize length = end != NULL ? (gsize) (end - data) : size;
  g_autoptr (MedleySessionCaption) caption
      = medley_session_caption_parse ((const char *) data, length);
  Text text = { end != NULL ? end + 1 : data, end != NULL ? size - length - 1 : 0 };
  g_autoptr (MedleySessionHeard) heard = medley_session_heard_new (read_text, &text);
  guint64 last = 0;

  for (guint i = 0; caption != NULL && i < 4; i++) {
    MedleySessionPlace place;

    medley_session_heard_add (heard, caption, i < 2 ? i * 500000 : G_MAXINT64 / 2, &place);
    g_assert_cmpuint (place.bytes, <=, text.size);
    g_assert_cmpuint (place.characters, <=, place.bytes);
    g_assert_cmpuint (place.bytes, >=, last);
    g_assert_cmpuint (place.spoken, <=, strlen (caption->text));
    last = place.bytes;
  }
}

static void
fuzz_clock (const char *type, const guint8 *data, gsize size)
{
  g_autoptr (MedleySessionClock) whole = medley_session_clock_new (type);
  g_autoptr (MedleySessionClock) pieces = medley_session_clock_new (type);

  medley_session_clock_feed (whole, data, size);
  for (gsize at = 0; at < size; at += 3)
    medley_session_clock_feed (pieces, data + at, MIN (3, size - at));
  g_assert_cmpint (medley_session_clock_get_time (whole), ==,
                   medley_session_clock_get_time (pieces));
  g_assert_cmpint (medley_session_clock_get_time (whole), >=, -1);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  static MedleyConfig *config = NULL;
  g_autofree guint8 *copy = g_memdup2 (data + (size > 0), size - (size > 0));
  g_autoptr (MedleySessionMessage) message = NULL;

  if (config == NULL)
    config = medley_config_load (NULL, NULL, NULL);
  if (size > 1 && data[0] == 'c') {
    fuzz_caption (copy, size - 1);
  } else if (size > 1 && strchr ("owp", data[0]) != NULL && data[0] != '\0') {
    fuzz_clock (data[0] == 'o'   ? "audio/ogg"
                : data[0] == 'w' ? "audio/wav"
                                 : "audio/pcm",
                copy, size - 1);
  } else {
    message = medley_session_message_parse ((const char *) data, size, config, NULL);
  }
  return 0;
}
