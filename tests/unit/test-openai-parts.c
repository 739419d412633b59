/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>
#include <medley/medley-error.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "http/openai/attachments.h"
#include "http/openai/messages.h"
#include "http/openai/vectors.h"

/* Attachments */

/* Feeds a body in pieces of @step bytes. */
static MedleyOpenaiAttachments *
feed (const char *body, gsize step, gsize max_text, guint64 max_bytes, GError **error)
{
  g_autoptr (MedleyOpenaiAttachments) self
      = medley_openai_attachments_new (g_get_tmp_dir (), max_text, max_bytes);
  gsize length = strlen (body);

  for (gsize at = 0; at < length; at += step)
    if (!medley_openai_attachments_feed (self, body + at, MIN (step, length - at), error))
      return NULL;
  return g_steal_pointer (&self);
}

static void
assert_text (MedleyOpenaiAttachments *self, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) text = medley_openai_attachments_get_text (self, &error);
  gsize length;
  const char *found;

  g_assert_no_error (error);
  found = g_bytes_get_data (text, &length);
  g_assert_cmpmem (found, length, expected, strlen (expected));
}

static void
assert_file (MedleyOpenaiAttachments *self, const char *url, const char *type, const char *content)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *found = NULL;
  char text[64];
  int fd = medley_openai_attachments_take (self, url, &found, &error);
  gssize n;

  g_assert_no_error (error);
  g_assert_cmpstr (found, ==, type);
  n = read (fd, text, sizeof text);
  g_assert_cmpmem (text, (gsize) n, content, strlen (content));
  g_close (fd, NULL);
}

static void
test_files_are_taken_out (void)
{
  /* "hello", "hi" and "hiy" + "?" with a slash that is written as PHP does */
  static const char body[]
      = "{\"a\": {\"url\" : \"data:image/png;base64,aGVsbG8=\"}, \"n\": [1, \"url\"],"
        " \"image_url\":\"DATA:image\\/jpeg;base64,aGk=\", \"b\": {\"url\": "
        "\"data:;base64,Pz8\\/\"}}";
  static const gsize steps[] = { 1, 2, 3, 7, 1000 };

  for (guint i = 0; i < G_N_ELEMENTS (steps); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (MedleyOpenaiAttachments) self = feed (body, steps[i], 1000, 1000, &error);
    g_autofree char *type = NULL;

    g_assert_no_error (error);
    assert_text (self, "{\"a\": {\"url\" : \"data:image/png;spool,0\"}, \"n\": [1, \"url\"],"
                       " \"image_url\":\"DATA:image/jpeg;spool,1\", \"b\": {\"url\": "
                       "\"data:;spool,2\"}}");
    assert_file (self, "data:image/png;spool,0", "image/png", "hello");
    assert_file (self, "DATA:image/jpeg;spool,1", "image/jpeg", "hi");
    assert_file (self, "data:;spool,2", "", "???");
    /* once only */
    g_assert_cmpint (medley_openai_attachments_take (self, "data:image/png;spool,0", &type, NULL),
                     ==, -1);
  }
}

/* What is no address of a file, or somewhere else, is nobody's business. */
static void
test_other_text_stays (void)
{
  static const char *const bodies[] = {
    "{\"text\": \"data:image/png;base64,aGVsbG8=\"}",
    "{\"url\": \"https://example.org/a.png\"}",
    "{\"url\": \"data:text/plain,hello\"}",
    "{\"url\": \"dat\"}",
    "{\"url\": \"\"}",
    "[\"url\", \"data:image/png;base64,aGVsbG8=\"]",
    "{\"url\": 1, \"x\": \"data:image/png;base64,aGVsbG8=\"}",
    "{\"\\\"url\": \"data:image/png;base64,aGVsbG8=\"}",
    "{\"url\": \"data:image\\u002fpng;base64,aGVsbG8=\"}",
    "{\"url\": \"da\\\"ta:\\\\\"}",
    "{\"a\\\\\": \"url\"}",
    "no JSON \" at all",
  };

  for (guint i = 0; i < G_N_ELEMENTS (bodies); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (MedleyOpenaiAttachments) self = feed (bodies[i], 1, 1000, 1000, &error);
    g_autofree char *type = NULL;

    g_assert_no_error (error);
    assert_text (self, bodies[i]);
    g_assert_cmpint (medley_openai_attachments_take (self, "data:image/png;spool,0", &type, NULL),
                     ==, -1);
  }
}

static void
test_addresses_elsewhere_are_refused (void)
{
  static const char *const urls[] = { "https://example.org/a.png",
                                      "file:///etc/passwd",
                                      "data:image/png;spool,1",
                                      "data:image/png;spool,-1",
                                      "data:image/png;spool,",
                                      "data:text/plain,hello",
                                      "" };
  g_autoptr (MedleyOpenaiAttachments) self
      = feed ("{\"url\":\"data:image/png;base64,aGk=\"}", 5, 1000, 1000, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (urls); i++) {
    g_autoptr (GError) error = NULL;
    g_autofree char *type = NULL;

    g_assert_cmpint (medley_openai_attachments_take (self, urls[i], &type, &error), ==, -1);
    g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT);
    g_assert_nonnull (strstr (error->message, "nothing is fetched"));
  }
}

static void
test_bad_base64 (void)
{
  static const struct {
    const char *content;
    int code;
  } cases[] = {
    { "aGVsbG8", MEDLEY_ERROR_INVALID_ARGUMENT },
    { "aGVsbG=8", MEDLEY_ERROR_INVALID_ARGUMENT },
    { "a===", MEDLEY_ERROR_INVALID_ARGUMENT },
    { "aGVs bG8=", MEDLEY_ERROR_INVALID_ARGUMENT },
    { "aGVs\\nbG8=", MEDLEY_ERROR_INVALID_ARGUMENT },
    { "aGVs-G8=", MEDLEY_ERROR_INVALID_ARGUMENT },
    { "aGVsbG8=aGk=", MEDLEY_ERROR_INVALID_ARGUMENT },
    { "aGVsbG9oZWxsb2hlbGxv", MEDLEY_ERROR_TOO_LARGE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *body = g_strdup_printf ("{\"url\":\"data:;base64,%s\"}", cases[i].content);
    g_autoptr (GError) error = NULL;

    g_assert_null (feed (body, 1, 1000, 10, &error));
    g_assert_error (error, MEDLEY_ERROR, cases[i].code);
  }
}

/* What waited in a file comes back as it was, wherever it was cut. */
static void
test_long_text (void)
{
  g_autofree char *filler = g_strnfill (100000, 'a');
  g_autofree char *body
      = g_strdup_printf ("{\"text\":\"%s\",\"url\":\"data:;base64,aGk=\"}", filler);
  g_autofree char *left = g_strdup_printf ("{\"text\":\"%s\",\"url\":\"data:;spool,0\"}", filler);
  static const gsize steps[] = { 1, 16383, 16384, 16385, 200000 };

  for (guint i = 0; i < G_N_ELEMENTS (steps); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (MedleyOpenaiAttachments) self = feed (body, steps[i], 200000, 1000, &error);

    g_assert_no_error (error);
    assert_text (self, left);
    assert_file (self, "data:;spool,0", "", "hi");
  }
}

/* Whatever the files hold, the JSON beside them is bounded. */
static void
test_limits (void)
{
  g_autofree char *content = g_strnfill (40000, 'A');
  g_autofree char *body = g_strdup_printf ("{\"url\":\"data:;base64,%s\"}", content);
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyOpenaiAttachments) self = feed (body, 999, 100, 30000, &error);
  g_autofree char *text = g_strdup_printf ("{\"text\":\"data:;base64,%s\"}", content);
  g_autoptr (GString) many = g_string_new ("[");
  g_autofree char *type = NULL;
  int fd;

  g_assert_no_error (error);
  fd = medley_openai_attachments_take (self, "data:;spool,0", &type, &error);
  g_assert_no_error (error);
  g_assert_cmpint (lseek (fd, 0, SEEK_END), ==, 30000);
  g_close (fd, NULL);
  g_assert_null (feed (text, 999, 100, 30000, &error));
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_TOO_LARGE);
  g_clear_error (&error);
  for (guint i = 0; i < 65; i++)
    g_string_append (many, "{\"url\":\"data:;base64,aGk=\"},");
  g_assert_null (feed (many->str, 999, 100000, 30000, &error));
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_TOO_LARGE);
}

static void
test_empty_file (void)
{
  g_autoptr (MedleyOpenaiAttachments) self
      = feed ("{\"url\":\"data:image/png;base64,\"}", 5, 1000, 1000, NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *type = NULL;

  g_assert_nonnull (self);
  g_assert_cmpint (medley_openai_attachments_take (self, "data:image/png;spool,0", &type, &error),
                   ==, -1);
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_EMPTY_INPUT);
}

/* Messages */

static MedleyOpenaiMessages *
parse (const char *json, char **param, GError **error)
{
  g_autofree char *text = g_strdelimit (g_strdup (json), "'", '"');
  g_autoptr (GVariant) value = medley_json_parse (text, strlen (text), NULL, NULL, NULL);

  g_assert_nonnull (value);
  return medley_openai_messages_parse (value, param, error);
}

static void
test_conversations (void)
{
  static const struct {
    const char *json, *system, *text, *all;
    guint turns;
  } cases[] = {
    { "[{'role': 'user', 'content': ' Why? '}]", NULL, " Why? ", " Why? ", 1 },
    { "[{'role': 'user', 'content': [{'type': 'text', 'text': 'Wh'}, {'type': 'text', 'text': "
      "'y?'}], 'name': null}]",
      NULL, "Why?", "Why?", 1 },
    { "[{'role': 'user', 'content': 'Why?', 'name': 'Ann'}]", NULL, "User (Ann): Why?",
      "User (Ann): Why?", 1 },
    { "[{'role': 'system', 'content': 'Be brief.'}, {'role': 'developer', 'content': 'Be kind.'},"
      " {'role': 'user', 'content': 'Why?'}]",
      "Be brief.\n\nBe kind.", "Why?", "System: Be brief.\n\nSystem: Be kind.\n\nUser: Why?", 1 },
    { "[{'role': 'user', 'content': 'Hi'}, {'role': 'assistant', 'content': 'Hello', 'refusal': "
      "null, 'annotations': []}, {'role': 'system', 'content': 'Rhyme.'}, {'role': 'user', "
      "'content': 'Bye'}]",
      NULL, "User: Hi\n\nAssistant: Hello\n\nSystem: Rhyme.\n\nUser: Bye",
      "User: Hi\n\nAssistant: Hello\n\nSystem: Rhyme.\n\nUser: Bye", 4 },
    { "[{'role': 'assistant', 'content': 'Well'}]", NULL, "Assistant: Well", "Assistant: Well", 1 },
    { "[{'role': 'system', 'content': 'Speak.'}]", "Speak.", "", "System: Speak.", 0 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (MedleyOpenaiMessages) messages = parse (cases[i].json, NULL, &error);

    g_assert_no_error (error);
    g_assert_cmpstr (messages->system, ==, cases[i].system);
    g_assert_cmpstr (messages->text, ==, cases[i].text);
    g_assert_cmpstr (messages->system_text, ==, cases[i].all);
    g_assert_cmpuint (messages->n_turns, ==, cases[i].turns);
    g_assert_cmpuint (messages->images->len, ==, 0);
  }
}

static void
test_pictures (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyOpenaiMessages) messages
      = parse ("[{'role': 'developer', 'content': 'Look.'}, {'role': 'user', 'content': [{'type': "
               "'image_url', 'image_url': {'url': 'a', 'detail': 'auto'}}, {'type': 'text', "
               "'text': ' '}, {'type': 'image_url', 'image_url': {'url': 'b'}}]}]",
               NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (messages->images->len, ==, 2);
  g_assert_cmpstr (messages->images->pdata[1], ==, "b");
  g_assert_false (messages->has_text);
  g_assert_cmpstr (messages->json, ==,
                   "[{\"role\":\"developer\",\"content\":\"Look.\"},{\"role\":\"user\","
                   "\"content\":[{\"type\":\"image\"},{\"type\":\"text\",\"text\":\" \"},{\"type\":"
                   "\"image\"}]}]");
}

static void
test_messages_that_are_refused (void)
{
  static const struct {
    const char *json, *param;
  } cases[] = {
    { "[]", "messages" },
    { "'hello'", "messages" },
    { "[1]", "messages[0]" },
    { "[{'content': 'x'}]", "messages[0]" },
    { "[{'role': 'tool', 'content': 'x'}]", "messages[0].role" },
    { "[{'role': 'user', 'content': 'x'}, {'role': 'user'}]", "messages[1].content" },
    { "[{'role': 'user', 'content': null}]", "messages[0].content" },
    { "[{'role': 'user', 'content': [{'type': 'file', 'file': {}}]}]", "messages[0].content" },
    { "[{'role': 'user', 'content': [{'type': 'input_audio'}]}]", "messages[0].content" },
    { "[{'role': 'user', 'content': [{'type': 'text'}]}]", "messages[0].content" },
    { "[{'role': 'user', 'content': [{'type': 'image_url', 'image_url': 'a'}]}]",
      "messages[0].content" },
    { "[{'role': 'user', 'content': [{'type': 'image_url', 'image_url': {'url': 'a', 'detail': "
      "'high'}}]}]",
      "messages[0].content" },
    { "[{'role': 'assistant', 'content': 'x', 'tool_calls': [{}]}]", "messages[0].tool_calls" },
    { "[{'role': 'user', 'content': 'x', 'name': ''}]", "messages[0].name" },
    { "[{'role': 'user', 'content': 'x', 'name': 7}]", "messages[0].name" },
    { "[{'role': 'user', 'content': 'x', 'name': 'A: B'}]", "messages[0].name" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    g_autofree char *param = NULL;

    g_assert_null (parse (cases[i].json, &param, &error));
    g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT);
    g_assert_cmpstr (param, ==, cases[i].param);
  }
}

/* Vectors */

static char *
print (const char *json, gsize first, gsize n, gboolean as_base64, GError **error)
{
  g_autoptr (GString) out = g_string_new (NULL);

  if (!medley_openai_vectors_print (out, json, strlen (json), first, n, as_base64, error))
    return NULL;
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static void
test_vectors (void)
{
  static const char json[] = "[\n[1,-2.5e-1, 0],\n[ 3 ]\n]\n";
  g_autoptr (GError) error = NULL;
  g_autofree char *plain = print (json, 0, 2, FALSE, &error);
  g_autofree char *packed = print (json, 7, 2, TRUE, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (plain, ==,
                   "{\"object\":\"embedding\",\"index\":0,\"embedding\":[1,-2.5e-1, 0]},"
                   "{\"object\":\"embedding\",\"index\":1,\"embedding\":[ 3 ]}");
  /* 1.0, -0.25, 0.0 and 3.0 as they lie in memory */
  g_assert_cmpstr (packed, ==,
                   "{\"object\":\"embedding\",\"index\":7,\"embedding\":\"AACAPwAAgL4AAAAA\"},"
                   "{\"object\":\"embedding\",\"index\":8,\"embedding\":\"AABAQA==\"}");
}

static void
test_what_are_no_vectors (void)
{
  static const char *const texts[]
      = { "",
          "[",
          "[]",
          "[[]]",
          "[[1]",
          "[[1],[2]]",
          "[[1]]x",
          "[[1,]]",
          "[[01]]",
          "[[1.]]",
          "[[.5]]",
          "[[1e]]",
          "[[-]]",
          "[[+1]]",
          "[[NaN]]",
          "[[1e999]]",
          "[[\"1\"]]",
          "{\"a\": [1]}",
          "[[1 2]]",
          "[[[1]]]",
          "[[null]]",
          "[1]",
          "[[1],]",
          "[[0x1]]",
          "[[1.0000000000000000000000000000000000000000000000000000000000000000]]" };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (GError) error = NULL;

    g_test_message ("%s", texts[i]);
    g_assert_null (print (texts[i], 0, 1, i % 2, &error));
    g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_ENGINE_FAILED);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/openai/attachments/files-are-taken-out", test_files_are_taken_out);
  g_test_add_func ("/openai/attachments/other-text-stays", test_other_text_stays);
  g_test_add_func ("/openai/attachments/addresses-elsewhere-are-refused",
                   test_addresses_elsewhere_are_refused);
  g_test_add_func ("/openai/attachments/bad-base64", test_bad_base64);
  g_test_add_func ("/openai/attachments/long-text", test_long_text);
  g_test_add_func ("/openai/attachments/limits", test_limits);
  g_test_add_func ("/openai/attachments/empty-file", test_empty_file);
  g_test_add_func ("/openai/messages/conversations", test_conversations);
  g_test_add_func ("/openai/messages/pictures", test_pictures);
  g_test_add_func ("/openai/messages/refused", test_messages_that_are_refused);
  g_test_add_func ("/openai/vectors", test_vectors);
  g_test_add_func ("/openai/vectors/none", test_what_are_no_vectors);
  return g_test_run ();
}
