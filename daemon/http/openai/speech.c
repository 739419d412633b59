/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/body.h"
#include "http/openai/call.h"
#include "http/openai/handlers.h"

/* POST /v1/audio/speech */

/* What OpenAI promises of pcm: 16 bits, mono, little-endian, and this rate. */
#define PCM_RATE "24000"

static const struct {
  const char *format;
  const char *type;         /* of the output */
  const char *content_type; /* of the answer */
} formats[] = {
  { "mp3", "audio/mpeg", "audio/mpeg" },
  { "opus", "audio/ogg", "audio/ogg" },
  { "aac", "audio/aac", "audio/aac" },
  { "flac", "audio/flac", "audio/flac" },
  { "wav", "audio/wav", "audio/wav" },
  { "pcm", "audio/pcm;rate=" PCM_RATE ";channels=1", "audio/pcm" },
};

typedef struct {
  guint format;
  gboolean has_events;
  gint64 characters;
} Speech;

static guint
take_format (MedleyOpenaiFields *fields)
{
  const char *names[G_N_ELEMENTS (formats) + 1] = { NULL };
  const char *name;
  guint i = 0;

  for (i = 0; i < G_N_ELEMENTS (formats); i++)
    names[i] = formats[i].format;
  name = medley_openai_fields_get_choice (fields, "response_format", names, formats[0].format);
  for (i = 0; !g_str_equal (formats[i].format, name); i++)
    ;
  return i;
}

/* A name, or a voice of OpenAI's own making: {"id": NAME}. */
static void
take_voice (MedleyOpenaiCall *call, MedleyOpenaiFields *fields)
{
  g_autoptr (GVariant) voice = medley_openai_fields_get (fields, "voice");
  g_autoptr (GVariant) id = NULL;

  if (voice == NULL)
    return;
  if (g_variant_is_of_type (voice, G_VARIANT_TYPE_STRING)) {
    id = g_variant_ref (voice);
  } else if (g_variant_is_of_type (voice, G_VARIANT_TYPE_VARDICT)
             && g_variant_n_children (voice) == 1) {
    id = g_variant_lookup_value (voice, "id", G_VARIANT_TYPE_STRING);
  }
  if (id != NULL)
    medley_openai_call_set_parameter (call, "voice", id, NULL);
  else
    medley_openai_fields_fail (fields, "voice", 400, "invalid_type",
                               "\"voice\" has to be a string, or an object with \"id\"");
}

static gint64
take_input (MedleyOpenaiCall *call, MedleyOpenaiFields *fields)
{
  const char *input;
  g_autoptr (GBytes) content = NULL;

  medley_openai_fields_require (fields, "input");
  input = medley_openai_fields_get_string (fields, "input", "");
  if (*input == '\0')
    medley_openai_fields_fail (fields, "input", 400, "invalid_value", "\"input\" is empty");
  content = g_bytes_new (input, strlen (input));
  medley_openai_call_add_input (call, "input", content);
  return g_utf8_strlen (input, -1);
}

static void
on_piece (MedleyOpenaiCall *call, GBytes *bytes, gpointer data)
{
  const Speech *speech = data;
  MedleyOpenaiSse *sse = medley_openai_call_get_sse (call);
  gsize size;
  const guchar *audio = g_bytes_get_data (bytes, &size);

  if (size > 0) {
    g_autofree char *text = g_base64_encode (audio, size);

    medley_openai_sse_add (sse, NULL,
                           g_variant_new_parsed ("{'type': <'speech.audio.delta'>, 'audio': <%s>}",
                                                 text));
    medley_openai_call_next (call);
    return;
  }
  /* There are no tokens here: what goes in is counted in characters. */
  medley_openai_sse_add (sse, NULL,
                         g_variant_new_parsed ("{'type': <'speech.audio.done'>,"
                                               " 'usage': <{'input_tokens': <%x>,"
                                               "            'output_tokens': <int64 0>,"
                                               "            'total_tokens': <%x>}>}",
                                               speech->characters, speech->characters));
  medley_openai_call_finish (call, FALSE);
}

static void
on_started (MedleyOpenaiCall *call, gpointer data)
{
  const Speech *speech = data;
  SoupMessageHeaders *headers
      = medley_http_exchange_get_headers (medley_openai_call_get_exchange (call));

  if (g_str_equal (formats[speech->format].format, "pcm"))
    soup_message_headers_replace (headers, "X-Audio-Sample-Rate", PCM_RATE);
  if (speech->has_events)
    medley_openai_call_read (call, "audio", on_piece);
  else
    medley_openai_call_send (call, "audio", formats[speech->format].content_type);
}

static void
on_body (MedleyHttp *http, MedleyHttpExchange *exchange, GBytes *text, GVariant *value,
         MedleyJsonMap *map)
{
  static const char *const stream_formats[] = { "audio", "sse", NULL };
  MedleyOpenaiFields *fields = medley_openai_fields_new (value);
  MedleyOpenaiCall *call = medley_openai_call_new (http, exchange, "audio/speech", fields);
  Speech *speech = g_new0 (Speech, 1);

  speech->characters = take_input (call, fields);
  take_voice (call, fields);
  medley_openai_call_take_parameter (call, "speed", g_variant_new_double (1));
  medley_openai_call_take_parameter (call, "instructions", g_variant_new_string (""));
  speech->format = take_format (fields);
  speech->has_events = g_str_equal (medley_openai_fields_get_choice (fields, "stream_format",
                                                                     stream_formats, "audio"),
                                    "sse");
  medley_openai_call_add_output (call, "audio", formats[speech->format].type);
  medley_openai_call_run (call, on_started, speech, g_free);
}

void
medley_openai_speak (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params)
{
  medley_http_read_json (http, exchange, on_body);
}
