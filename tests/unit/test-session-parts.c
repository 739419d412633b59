/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <medley/medley-error.h>
#include <string.h>

#include "http/session/clock.h"
#include "http/session/heard.h"
#include "http/session/message.h"
#include "http/websocket-frame.h"

/* Frames */

static void
test_frames_written (void)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();
  g_autofree char *long_text = g_strnfill (70000, 'x');
  char reason[201];

  medley_websocket_append (out, MEDLEY_WEBSOCKET_TEXT, "Hello", 5);
  g_assert_cmpmem (out->data, out->len, "\x81\x05Hello", 7);
  g_byte_array_set_size (out, 0);
  medley_websocket_append (out, MEDLEY_WEBSOCKET_BINARY, long_text, 126);
  g_assert_cmpmem (out->data, 4, "\x82\x7e\x00\x7e", 4);
  g_byte_array_set_size (out, 0);
  medley_websocket_append (out, MEDLEY_WEBSOCKET_BINARY, long_text, 70000);
  g_assert_cmpmem (out->data, 10, "\x82\x7f\0\0\0\0\0\x01\x11\x70", 10);
  g_assert_cmpuint (out->len, ==, 70010);
  g_byte_array_set_size (out, 0);
  medley_websocket_append_close (out, 1001, "bye");
  g_assert_cmpmem (out->data, out->len,
                   "\x88\x05\x03\xe9"
                   "bye",
                   7);
  /* A reason is cut between characters. */
  for (guint i = 0; i < 200; i += 2)
    memcpy (reason + i, "ü", 2);
  reason[200] = '\0';
  g_byte_array_set_size (out, 0);
  medley_websocket_append_close (out, 1001, reason);
  g_assert_cmpuint (out->data[1], ==, 2 + 122);
  g_assert_true (g_utf8_validate ((const char *) out->data + 4, 122, NULL));
  g_byte_array_set_size (out, 0);
  medley_websocket_append_close (out, MEDLEY_WEBSOCKET_NO_STATUS, NULL);
  g_assert_cmpmem (out->data, out->len, "\x88\x00", 2);
}

static void
test_key (void)
{
  /* RFC 6455, 1.3 */
  g_autofree char *accept = medley_websocket_accept_key ("dGhlIHNhbXBsZSBub25jZQ==");
  static const char *const bad[] = { "", "x", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ==x",
                                     "dGhlIHNhbXBsZSBub25j ==" };

  g_assert_cmpstr (accept, ==, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_null (medley_websocket_accept_key (bad[i]));
  g_assert_null (medley_websocket_accept_key (NULL));
}

/* The two masked examples of RFC 6455, 5.7, in pieces of each size. */
static void
test_frames_read (void)
{
  static const char data[] = "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"
                             "\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";

  for (gsize step = 1; step < sizeof data; step++) {
    g_autoptr (MedleyWebsocketReader) reader = medley_websocket_reader_new (5, 0);
    g_autofree guint8 *copy = g_memdup2 (data, sizeof data - 1);
    g_autoptr (GString) seen = g_string_new (NULL);

    for (gsize at = 0; at < sizeof data - 1;) {
      g_autoptr (GError) error = NULL;
      MedleyWebsocketEvent event;
      guint code;
      gssize n = medley_websocket_reader_feed (reader, copy + at, MIN (step, sizeof data - 1 - at),
                                               &event, &code, &error);

      g_assert_no_error (error);
      g_assert_cmpint (n, >, 0);
      at += (gsize) n;
      if (event.opcode != 0)
        g_string_append_printf (seen, "%d:%.*s ", event.opcode, (int) event.length, event.data);
    }
    g_assert_cmpstr (seen->str, ==, "1:Hello 10:Hello ");
  }
}

/* Time */

static void
test_clock_samples (void)
{
  g_autoptr (MedleySessionClock) clock = medley_session_clock_new ("audio/pcm");
  static const guint8 zeros[1000];

  g_assert_cmpint (medley_session_clock_get_time (clock), ==, 0);
  medley_session_clock_feed (clock, zeros, 882);
  g_assert_cmpint (medley_session_clock_get_time (clock), ==, -1);
  medley_session_clock_set_samples (clock, 22050, 2);
  g_assert_cmpint (medley_session_clock_get_time (clock), ==, 10000);
  /* Days of it. */
  for (guint i = 0; i < 1000000; i++)
    medley_session_clock_feed (clock, zeros, 882);
  g_assert_cmpint (medley_session_clock_get_time (clock), ==, 10000 * (gint64) 1000001);
}

static void
test_clock_wav (void)
{
  static const char head[] = "RIFF\xff\xff\xff\xffWAVE"
                             "LIST\x03\0\0\0abc\0"
                             "fmt \x12\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0\0\0"
                             "data\xff\xff\xff\xff";
  static const guint8 zeros[320];

  for (gsize step = 1; step < sizeof head; step++) {
    g_autoptr (MedleySessionClock) clock = medley_session_clock_new ("audio/wav");

    for (gsize at = 0; at < sizeof head - 1; at += step)
      medley_session_clock_feed (clock, (const guint8 *) head + at,
                                 MIN (step, sizeof head - 1 - at));
    g_assert_cmpint (medley_session_clock_get_time (clock), ==, 0);
    medley_session_clock_feed (clock, zeros, sizeof zeros);
    g_assert_cmpint (medley_session_clock_get_time (clock), ==, 10000);
  }
}

static void
test_clock_unknown (void)
{
  static const char *const types[] = { "audio/mpeg", "audio/wav", "audio/ogg" };

  for (guint i = 0; i < G_N_ELEMENTS (types); i++) {
    g_autoptr (MedleySessionClock) clock = medley_session_clock_new (types[i]);

    medley_session_clock_feed (clock, (const guint8 *) "This is something else, and long enough",
                               39);
    g_assert_cmpint (medley_session_clock_get_time (clock), ==, -1);
  }
}

/* What was heard */

static gsize
read_text (guint64 offset, char *buffer, gsize length, gpointer data)
{
  const char *text = data;
  gsize size = strlen (text);
  gsize n = offset < size ? MIN (length, size - offset) : 0;

  memcpy (buffer, text + MIN (offset, size), n);
  return n;
}

/* @expected: what is behind the place in the text */
static void
assert_heard (const char *text, const char *const *lines, gint64 time, const char *expected)
{
  g_autoptr (MedleySessionHeard) heard = medley_session_heard_new (read_text, (gpointer) text);
  MedleySessionPlace place = { 0 };

  for (guint i = 0; lines[i] != NULL; i++) {
    g_autoptr (MedleySessionCaption) caption
        = medley_session_caption_parse (lines[i], strlen (lines[i]));

    g_assert_nonnull (caption);
    if (caption->start >= time)
      break;
    medley_session_heard_add (heard, caption, time, &place);
  }
  g_assert_cmpstr (text + place.bytes, ==, expected);
  g_assert_cmpuint (place.characters, ==, (guint64) g_utf8_strlen (text, (gssize) place.bytes));
}

#define WORD(Text, Start, End, Offset)                                                             \
  "{\"text\":\"" Text "\",\"start\":" #Start ",\"end\":" #End ",\"offset\":" #Offset "}"

static void
test_heard (void)
{
  static const char *const lines[] = {
    "{\"text\":\"Für drei.\",\"start\":0.0,\"end\":1.0,\"words\":[" WORD ("Für", 0.0, 0.5,
                                                                          0) "," WORD ("drei", 0.5,
                                                                                       1.0, 4) "]}",
    "{\"text\":\"In dem drei\",\"start\":1.0,\"end\":2.0,\"words\":[" WORD (
        "In", 1.0, 1.25, 0) "," WORD ("dem", 1.25, 1.5, 3) "," WORD ("drei", 1.5, 2.0, 7) "]}",
    NULL
  };
  static const char text[] = "  Für\n drei. Innen: In dem <b>drei</b>!";

  assert_heard (text, lines, 0, text);
  assert_heard (text, lines, 499000, text);
  assert_heard (text, lines, 500000, "\n drei. Innen: In dem <b>drei</b>!");
  assert_heard (text, lines, 999000, "\n drei. Innen: In dem <b>drei</b>!");
  /* With the full stop: all of the sentence was heard. */
  assert_heard (text, lines, 1000000, " Innen: In dem <b>drei</b>!");
  /* "In" is found in "Innen": a word may be written longer than it is marked. */
  assert_heard (text, lines, 1500000, " <b>drei</b>!");
  assert_heard (text, lines, 5000000, "</b>!");
}

static void
test_heard_otherwise (void)
{
  /* Spelled out, left out, out of order: passed over. */
  static const char *const lines[]
      = { "{\"text\":\"Forty two apples\",\"start\":0.0,\"end\":3.0,\"words\":[" WORD (
              "Forty", 0.0, 1.0, 0) "," WORD ("two", 1.0, 2.0, 6) "," WORD ("apples", 2.0, 3.0,
                                                                            10) "]}",
          NULL };
  /* An engine that marks no words. */
  static const char *const plain[] = { "{\"text\":\"One two\",\"start\":0.0,\"end\":0.7}", NULL };
  static const char *const silent[] = { "{\"text\":\"One two\"}", NULL };
  static const char *const together[]
      = { "{\"text\":\"你好\",\"start\":0.0,\"end\":1.0,\"words\":[" WORD (
              "你", 0.0, 0.5, 0) "," WORD ("好", 0.5, 1.0, 1) "]}",
          NULL };

  assert_heard ("42 apples, and more", lines, 2500000, "42 apples, and more");
  assert_heard ("42 apples, and more", lines, 3000000, ", and more");
  assert_heard ("One two", plain, 300000, " two");
  assert_heard ("One two", plain, 700000, "");
  assert_heard ("One two", silent, 700000, "One two");
  assert_heard ("你好!", together, 500000, "好!");
  assert_heard ("你好!", together, 1000000, "!");
}

static void
test_captions_that_are_none (void)
{
  static const char *const bad[] = { "", "[]", "{}", "{\"text\":1}", "{\"text\":\"x\"" };
  g_autoptr (MedleySessionCaption) odd = NULL;
  static const char line[]
      = "{\"text\":\"One\",\"start\":1.0,\"end\":0.5,\"words\":[" WORD ("Two", 0.0, 1.0, 0) "]}";

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_null (medley_session_caption_parse (bad[i], strlen (bad[i])));
  odd = medley_session_caption_parse (line, strlen (line));
  g_assert_cmpint (odd->start, ==, -1);
  g_assert_cmpuint (odd->words->len, ==, 0);
}

/* Messages */

static void
test_messages (void)
{
  g_autoptr (MedleyConfig) config = medley_config_load (NULL, NULL, NULL);
  static const char start[]
      = "{\"type\":\"start\",\"pipeline\":\"speak\",\"input\":\"text\",\"detach\":true,"
        "\"lead\":250,\"priority\":3}";
  static const char flush[] = "{\"type\":\"flush\",\"played\":12,\"turn\":3}";
  g_autoptr (MedleySessionMessage) message
      = medley_session_message_parse (start, strlen (start), config, NULL);
  g_autoptr (GVariant) parsed = NULL;
  GVariantDict dict;
  g_autofree char *frame = NULL;

  g_assert_cmpint (message->kind, ==, MEDLEY_SESSION_START);
  g_assert_cmpstr (message->input, ==, "text");
  g_assert_true (message->detach);
  g_assert_cmpint (message->lead, ==, 250);
  /* The rest is the job's. */
  g_assert_cmpuint (g_variant_n_children (message->request), ==, 2);
  medley_session_message_free (g_steal_pointer (&message));

  message = medley_session_message_parse (flush, strlen (flush), config, NULL);
  g_assert_cmpint (message->kind, ==, MEDLEY_SESSION_FLUSH);
  g_assert_cmpint (message->played, ==, 12);
  g_assert_cmpuint (message->turn, ==, 3);

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "turn", "t", (guint64) 1);
  frame = medley_session_frame ("ended", &dict);
  g_assert_cmpstr (frame, ==, "{\"type\":\"ended\",\"turn\":1}");
}

static void
test_messages_refused (void)
{
  static const struct {
    const char *text;
    const char *said;
  } bad[] = {
    { "{\"type\":\"txt\"}", "\"text\"?" },
    { "{\"type\":\"text\",\"txt\":\"\"}", "\"text\"?" },
    { "{\"type\":\"text\"}", "missing" },
    { "{\"type\":\"text\",\"text\":1}", "string" },
    { "{\"type\":\"end\",\"text\":\"\"}", "unknown key" },
    { "{\"type\":\"flush\",\"played\":-1}", "whole number" },
    { "{\"type\":\"flush\",\"played\":1.5}", "whole number" },
    { "{\"type\":\"flush\",\"turn\":0}", "whole number" },
    { "{\"type\":\"played\"}", "missing" },
    { "{\"type\":\"start\",\"lead\":true}", "whole number" },
    { "[\"type\"]", "object" },
    { "\"start\"", "object" },
  };
  g_autoptr (MedleyConfig) config = medley_config_load (NULL, NULL, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_null (
        medley_session_message_parse (bad[i].text, strlen (bad[i].text), config, &error));
    g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT);
    g_assert_nonnull (strstr (error->message, bad[i].said));
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/websocket/written", test_frames_written);
  g_test_add_func ("/websocket/key", test_key);
  g_test_add_func ("/websocket/read", test_frames_read);
  g_test_add_func ("/session/clock/samples", test_clock_samples);
  g_test_add_func ("/session/clock/wav", test_clock_wav);
  g_test_add_func ("/session/clock/unknown", test_clock_unknown);
  g_test_add_func ("/session/heard/words", test_heard);
  g_test_add_func ("/session/heard/otherwise", test_heard_otherwise);
  g_test_add_func ("/session/heard/none", test_captions_that_are_none);
  g_test_add_func ("/session/messages/good", test_messages);
  g_test_add_func ("/session/messages/refused", test_messages_refused);
  return g_test_run ();
}
