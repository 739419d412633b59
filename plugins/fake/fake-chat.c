/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fakechat: answers piece by piece, a word a piece, as a language model does, waiting `delay-ms`
 * (default 0) before each.
 *
 *   gst-launch-1.0 filesrc location=a.txt ! fakechat ! filesink location=answer.txt
 *
 * The answer repeats what was asked, so that a test sees what reached the engine: "You said:" and
 * the text, or, of JSON (an array of messages), "N messages, the last by ROLE:" and its content.
 * Properties: temperature (0 to 2; above 1 it shouts), max-words (0 for all), delay-ms; script,
 * what it says instead, in which \xHH stands for a byte of any value.
 */
#include <json-glib/json-glib.h>
#include <string.h>

#include "fake-collector.h"
#include "fake.h"

G_DECLARE_FINAL_TYPE (FakeChat, fake_chat, FAKE, CHAT, FakeCollector)

struct _FakeChat {
  FakeCollector parent_instance;

  double temperature; /* all set in READY or below */
  guint max_words;
  guint delay;
  char *script;
};

G_DEFINE_FINAL_TYPE (FakeChat, fake_chat, FAKE_TYPE_COLLECTOR)
GST_ELEMENT_REGISTER_DEFINE (fakechat, "fakechat", GST_RANK_NONE, fake_chat_get_type ())

enum { PROP_TEMPERATURE = 1, PROP_MAX_WORDS, PROP_DELAY_MS, PROP_SCRIPT };

static GstStaticPadTemplate sink_template
    = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                               GST_STATIC_CAPS (FAKE_TEXT_CAPS "; application/json"));
static GstStaticPadTemplate src_template
    = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
                               GST_STATIC_CAPS (FAKE_TEXT_CAPS));

/* The text of a message, whose content is a string or an array of parts. */
static char *
content_of (JsonObject *message)
{
  JsonNode *content = json_object_get_member (message, "content");
  g_autoptr (GString) text = g_string_new (NULL);
  JsonArray *parts;

  if (content != NULL && JSON_NODE_HOLDS_VALUE (content))
    return json_node_dup_string (content);
  if (content == NULL || !JSON_NODE_HOLDS_ARRAY (content))
    return g_strdup ("");
  parts = json_node_get_array (content);
  for (guint i = 0; i < json_array_get_length (parts); i++) {
    JsonObject *part = json_array_get_object_element (parts, i);

    g_string_append (text, json_object_get_string_member_with_default (part, "text", ""));
  }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static char *
answer_messages (const char *json, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) fault = NULL;
  g_autofree char *content = NULL;
  JsonArray *messages;
  JsonObject *last;
  guint n;

  if (!json_parser_load_from_data (parser, json, -1, &fault)
      || !JSON_NODE_HOLDS_ARRAY (json_parser_get_root (parser))
      || json_array_get_length (json_node_get_array (json_parser_get_root (parser))) == 0) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_BAD_INPUT, "this is no array of messages: %s",
                 fault != NULL ? fault->message : "something else, or empty");
    return NULL;
  }
  messages = json_node_get_array (json_parser_get_root (parser));
  n = json_array_get_length (messages);
  last = json_array_get_object_element (messages, n - 1);
  content = content_of (last);
  return g_strdup_printf ("%u messages, the last by %s: %s", n,
                          json_object_get_string_member_with_default (last, "role", "nobody"),
                          content);
}

/* Where the next word ends, white space before it included. */
static const char *
skip_word (const char *text)
{
  text += strspn (text, " \t\r\n");
  return text + strcspn (text, " \t\r\n");
}

/* Returns: the length of what is left */
static gsize
put_bytes (char *text)
{
  char *to = text;

  for (const char *from = text; *from != '\0';) {
    if (from[0] == '\\' && from[1] == 'x' && g_ascii_isxdigit (from[2])
        && g_ascii_isxdigit (from[3])) {
      *to++ = (char) (g_ascii_xdigit_value (from[2]) << 4 | g_ascii_xdigit_value (from[3]));
      from += 4;
    } else {
      *to++ = *from++;
    }
  }
  return (gsize) (to - text);
}

static gboolean
push_words (FakeChat *self, const char *text, GCancellable *cancellable, GError **error)
{
  guint n = 0;

  while (*text != '\0' && (self->max_words == 0 || n++ < self->max_words)) {
    const char *end = skip_word (text);
    g_autofree char *piece = g_strndup (text, (gsize) (end - text));
    g_autofree char *said = self->temperature > 1 ? g_utf8_strup (piece, -1) : g_strdup (piece);
    gsize length = self->script != NULL ? put_bytes (said) : strlen (said);

    if (!fake_wait (self->delay, cancellable, error))
      return FALSE;
    if (!medley_converter_push (MEDLEY_CONVERTER (self), NULL,
                                gst_buffer_new_wrapped (g_steal_pointer (&said), length)))
      return FALSE;
    text = end;
  }
  return TRUE;
}

static gboolean
fake_chat_answer (FakeCollector *collector, const char *text, GCancellable *cancellable,
                  GError **error)
{
  FakeChat *self = FAKE_CHAT (collector);
  g_autoptr (GstPad) sink = gst_element_get_static_pad (GST_ELEMENT (self), "sink");
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (sink);
  g_autofree char *answer = NULL;

  if (self->script != NULL)
    answer = g_strdup (self->script);
  else if (caps != NULL
           && gst_structure_has_name (gst_caps_get_structure (caps, 0), "application/json"))
    answer = answer_messages (text, error);
  else
    answer = g_strconcat ("You said: ", text, NULL);
  return answer != NULL && push_words (self, answer, cancellable, error);
}

static void
fake_chat_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  FakeChat *self = FAKE_CHAT (object);

  switch (id) {
  case PROP_TEMPERATURE:
    self->temperature = g_value_get_double (value);
    break;
  case PROP_MAX_WORDS:
    self->max_words = g_value_get_uint (value);
    break;
  case PROP_DELAY_MS:
    self->delay = g_value_get_uint (value);
    break;
  case PROP_SCRIPT:
    g_free (self->script);
    self->script = g_value_dup_string (value);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
fake_chat_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  FakeChat *self = FAKE_CHAT (object);

  switch (id) {
  case PROP_TEMPERATURE:
    g_value_set_double (value, self->temperature);
    break;
  case PROP_MAX_WORDS:
    g_value_set_uint (value, self->max_words);
    break;
  case PROP_DELAY_MS:
    g_value_set_uint (value, self->delay);
    break;
  case PROP_SCRIPT:
    g_value_set_string (value, self->script);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
fake_chat_finalize (GObject *object)
{
  g_free (FAKE_CHAT (object)->script);
  G_OBJECT_CLASS (fake_chat_parent_class)->finalize (object);
}

static void
fake_chat_init (FakeChat *self)
{
  self->temperature = 1;
}

static void
fake_chat_class_init (FakeChatClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

  object_class->set_property = fake_chat_set_property;
  object_class->get_property = fake_chat_get_property;
  object_class->finalize = fake_chat_finalize;
  g_object_class_install_property (object_class, PROP_TEMPERATURE,
                                   g_param_spec_double ("temperature", "Temperature",
                                                        "Above 1 it shouts", 0, 2, 1, flags));
  g_object_class_install_property (object_class, PROP_MAX_WORDS,
                                   g_param_spec_uint ("max-words", "Most words",
                                                      "Words of the answer, 0 for all", 0, G_MAXINT,
                                                      0, flags));
  g_object_class_install_property (object_class, PROP_DELAY_MS,
                                   g_param_spec_uint ("delay-ms", "Delay",
                                                      "Wait before each word, in milliseconds", 0,
                                                      G_MAXINT, 0, flags));
  g_object_class_install_property (object_class, PROP_SCRIPT,
                                   g_param_spec_string ("script", "Script",
                                                        "Said instead; \\xHH is a byte", NULL,
                                                        flags));
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Chat", "Converter/Text/Test",
                                         "Repeats what it was told, word by word",
                                         "The Medley authors");
  medley_engine_declare (element_class, "text-to-text/chat", 100000, MEDLEY_ENGINE_NONE, "cpu");
  FAKE_COLLECTOR_CLASS (klass)->answer = fake_chat_answer;
}
