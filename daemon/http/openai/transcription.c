/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <medley/medley-error.h>
#include <string.h>

#include "base/utf8.h"
#include "http/openai/common.h"
#include "http/openai/handlers.h"
#include "http/openai/transcript.h"
#include "http/problem.h"

/* POST /v1/audio/transcriptions, POST /v1/audio/translations */

/* What the captions are written as where their times are wanted. */
#define CAPTION_LINES "application/x-ndjson"

typedef enum { JSON, TEXT, SRT, VERBOSE_JSON, VTT } Format;

static const char *const formats[] = { "json", "text", "srt", "verbose_json", "vtt", NULL };

typedef struct {
  MedleyHttp *http;
  MedleyHttpExchange *exchange;
  gboolean is_translation;
} Arrival; /* of the form */

typedef struct {
  gboolean is_translation;
  Format format;
  gboolean stream;
  gboolean has_segments;
  gboolean has_words;
  double temperature;
  char *language;
  GByteArray *rest; /* of a stream: a character that is cut, white space that may be the last */
  GString *text;    /* that was streamed */
  gsize limit;      /* of it */
} Listening;

static void
listening_free (gpointer data)
{
  Listening *self = data;

  g_free (self->language);
  g_byte_array_unref (self->rest);
  g_string_free (self->text, TRUE);
  g_free (self);
}

/* The request */

static void
take_format (Listening *self, MedleyOpenaiFields *fields)
{
  const char *name
      = medley_openai_fields_get_choice (fields, "response_format", formats, formats[JSON]);

  while (!g_str_equal (formats[self->format], name))
    self->format++;
}

static void
take_granularities (Listening *self, MedleyOpenaiFields *fields)
{
  static const char *const known[] = { "word", "segment", NULL };
  g_auto (GStrv) wanted
      = medley_openai_fields_get_strings (fields, "timestamp_granularities", known);

  self->has_words = g_strv_contains ((const char *const *) wanted, "word");
  self->has_segments
      = wanted[0] == NULL || g_strv_contains ((const char *const *) wanted, "segment");
  if (wanted[0] != NULL && self->format != VERBOSE_JSON)
    medley_openai_fields_fail (fields, "timestamp_granularities", 400, "unsupported_value",
                               "\"timestamp_granularities\" go with \"verbose_json\" only");
}

/* What OpenAI's own models can and no pipeline here. */
static void
refuse_others (MedleyOpenaiFields *fields)
{
  static const char *const others[]
      = { "include", "chunking_strategy", "known_speaker_names", "known_speaker_references" };

  for (guint i = 0; i < G_N_ELEMENTS (others); i++) {
    g_autoptr (GVariant) value = medley_openai_fields_get (fields, others[i]);

    if (value != NULL)
      medley_openai_fields_fail (fields, others[i], 400, "unsupported_parameter",
                                 "\"%s\" is not supported: leave it out", others[i]);
  }
}

static void
take_fields (Listening *self, MedleyOpenaiCall *call, MedleyOpenaiFields *fields)
{
  if (!self->is_translation) {
    self->language = g_strdup (medley_openai_fields_get_string (fields, "language", NULL));
    medley_openai_call_take_parameter (call, "language", NULL);
    self->stream = medley_openai_fields_get_boolean (fields, "stream", FALSE);
    take_granularities (self, fields);
    refuse_others (fields);
  }
  medley_openai_call_take_parameter (call, "prompt", g_variant_new_string (""));
  self->temperature = medley_openai_fields_get_number (fields, "temperature", 0, 0, 1);
  medley_openai_call_take_parameter (call, "temperature", g_variant_new_double (0));
  if (self->stream && self->format != JSON && self->format != TEXT)
    medley_openai_fields_fail (fields, "stream", 400, "unsupported_value",
                               "\"stream\" goes with \"json\" and \"text\" only");
}

static void
take_file (MedleyOpenaiCall *call, MedleyOpenaiFields *fields, MedleyHttpForm *form)
{
  medley_openai_fields_require (fields, "file");
  medley_openai_call_take_file (call, form, "file");
}

static void
choose_outputs (Listening *self, MedleyOpenaiCall *call, MedleyOpenaiFields *fields)
{
  gboolean has_times = self->format != JSON && self->format != TEXT;
  const char *type = self->format == VTT ? "text/vtt" : CAPTION_LINES;

  if (self->format != SRT && self->format != VTT)
    medley_openai_call_add_output (call, "text", NULL);
  if (has_times && !medley_openai_call_add_output (call, "captions", type))
    medley_openai_fields_fail (fields, "response_format", 400, "unsupported_value",
                               "the model \"%s\" tells no times: take \"json\" or \"text\"",
                               medley_openai_call_get_model (call));
}

/* The answer */

/* The language that it was heard in: as the client said, or as the job was told by its pipeline. */
static char *
find_language (const Listening *self, MedleyOpenaiCall *call)
{
  const char *parameter
      = self->is_translation
            ? NULL
            : medley_serves_get_parameter (medley_openai_call_get_serves (call), "language");
  g_autoptr (GVariant) description = NULL;
  g_autoptr (GVariant) parameters = NULL;
  g_autoptr (GVariant) one = NULL;
  char *language = NULL;

  if (self->language != NULL)
    return g_strdup (self->language);
  /* A translation is into English, whatever was spoken. */
  if (parameter == NULL)
    return g_strdup (self->is_translation ? "english" : "");
  description
      = g_variant_ref_sink (medley_pipeline_describe (medley_openai_call_get_pipeline (call)));
  parameters = g_variant_lookup_value (description, "parameters", G_VARIANT_TYPE_VARDICT);
  one = g_variant_lookup_value (parameters, parameter, G_VARIANT_TYPE_VARDICT);
  if (one == NULL || !g_variant_lookup (one, "default", "s", &language))
    return g_strdup ("");
  return language;
}

static char *
get_text (GBytes *content)
{
  gsize length;
  const char *bytes = g_bytes_get_data (content, &length);
  g_autofree char *text = g_utf8_make_valid (bytes != NULL ? bytes : "", (gssize) length);

  return g_strdup (g_strstrip (text));
}

static void
answer_verbosely (Listening *self, MedleyOpenaiCall *call, const char *text,
                  MedleyOpenaiTranscript *transcript)
{
  g_autofree char *language = find_language (self, call);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", "task",
                         g_variant_new_string (self->is_translation ? "translate" : "transcribe"));
  g_variant_builder_add (&builder, "{sv}", "language", g_variant_new_string (language));
  g_variant_builder_add (&builder, "{sv}", "duration",
                         g_variant_new_double (medley_openai_transcript_get_end (transcript)));
  g_variant_builder_add (&builder, "{sv}", "text", g_variant_new_string (text));
  if (self->has_words)
    g_variant_builder_add (&builder, "{sv}", "words",
                           medley_openai_transcript_get_words (transcript));
  if (self->has_segments)
    g_variant_builder_add (&builder, "{sv}", "segments",
                           medley_openai_transcript_get_segments (transcript, self->temperature));
  medley_openai_call_respond (call, g_variant_builder_end (&builder));
}

static void
answer_with_times (Listening *self, MedleyOpenaiCall *call, GBytes *lines, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyOpenaiTranscript) transcript = medley_openai_transcript_new (lines, &error);

  if (transcript == NULL) {
    medley_openai_call_fail (call, error);
  } else if (self->format == SRT) {
    g_autofree char *srt = medley_openai_transcript_to_srt (transcript);

    medley_openai_call_respond_text (call, "text/plain; charset=utf-8", srt);
  } else if (self->has_words && !medley_openai_transcript_has_words (transcript)) {
    g_set_error (&error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "the model \"%s\" does not tell the times of words",
                 medley_openai_call_get_model (call));
    medley_openai_call_refuse (call, error, "timestamp_granularities", "unsupported_value");
  } else {
    answer_verbosely (self, call, text, transcript);
  }
}

static void
on_whole (MedleyOpenaiCall *call, GBytes *const *contents, gpointer data)
{
  Listening *self = data;
  g_autofree char *text = NULL;

  if (self->format == SRT) {
    answer_with_times (self, call, contents[0], NULL);
    return;
  }
  text = get_text (contents[0]);
  if (self->format == VERBOSE_JSON) {
    answer_with_times (self, call, contents[1], text);
  } else if (self->format == TEXT) {
    g_autofree char *line = g_strconcat (text, "\n", NULL);

    medley_openai_call_respond_text (call, "text/plain; charset=utf-8", line);
  } else {
    medley_openai_call_respond (call, g_variant_new_parsed ("{'text': <%s>}", text));
  }
}

/* How much of the rest can be told: whole characters, up to the last that is no white space. */
static gsize
find_tellable (const Listening *self, gboolean is_end)
{
  const char *text = (const char *) self->rest->data;
  gsize length = is_end ? self->rest->len : medley_utf8_whole (text, self->rest->len);

  while (length > 0 && g_ascii_isspace (text[length - 1]))
    length--;
  return length;
}

static void
tell (Listening *self, MedleyOpenaiCall *call, gboolean is_end)
{
  gsize length = find_tellable (self, is_end);
  g_autofree char *text = NULL;

  if (length == 0)
    return;
  text = g_utf8_make_valid ((const char *) self->rest->data, (gssize) length);
  g_byte_array_remove_range (self->rest, 0, (guint) length);
  if (self->text->len == 0)
    g_strchug (text);
  g_string_append (self->text, text);
  medley_openai_sse_add (medley_openai_call_get_sse (call), NULL,
                         g_variant_new_parsed ("{'type': <'transcript.text.delta'>, 'delta': <%s>}",
                                               text));
}

static void
on_piece (MedleyOpenaiCall *call, GBytes *bytes, gpointer data)
{
  Listening *self = data;
  gsize size = g_bytes_get_size (bytes);
  g_autoptr (GError) error = NULL;

  if (self->text->len + self->rest->len + size > self->limit) {
    g_set_error (&error, MEDLEY_ERROR, MEDLEY_ERROR_OUTPUT_TOO_LARGE,
                 "the text is longer than %" G_GSIZE_FORMAT " bytes (http.answer-bytes)",
                 self->limit);
    medley_openai_call_fail (call, error);
  } else if (size > 0) {
    g_byte_array_append (self->rest, g_bytes_get_data (bytes, NULL), (guint) size);
    tell (self, call, FALSE);
    medley_openai_call_next (call);
  } else {
    tell (self, call, TRUE);
    medley_openai_sse_add (medley_openai_call_get_sse (call), NULL,
                           g_variant_new_parsed ("{'type': <'transcript.text.done'>, 'text': <%s>}",
                                                 self->text->str));
    medley_openai_call_finish (call, FALSE);
  }
}

static void
on_started (MedleyOpenaiCall *call, gpointer data)
{
  static const char *const texts[] = { "text", NULL };
  static const char *const captions[] = { "captions", NULL };
  static const char *const both[] = { "text", "captions", NULL };
  Listening *self = data;

  if (self->stream)
    medley_openai_call_read (call, "text", on_piece);
  else if (self->format == VTT)
    medley_openai_call_send (call, "captions", "text/vtt; charset=utf-8");
  else
    medley_openai_call_collect (call,
                                self->format == SRT            ? captions
                                : self->format == VERBOSE_JSON ? both
                                                               : texts,
                                self->limit, on_whole);
}

static void
listen_to (MedleyHttp *http, MedleyHttpExchange *exchange, MedleyHttpForm *form,
           gboolean is_translation)
{
  static const char *const files[] = { "file", NULL };
  MedleyOpenaiFields *fields = medley_openai_fields_new_form (form, files);
  MedleyOpenaiCall *call
      = medley_openai_call_new (http, exchange,
                                is_translation ? "audio/translations" : "audio/transcriptions",
                                fields);
  Listening *self = g_new0 (Listening, 1);

  self->is_translation = is_translation;
  self->has_segments = TRUE;
  self->rest = g_byte_array_new ();
  self->text = g_string_new (NULL);
  self->limit = medley_openai_answer_limit (call);
  take_file (call, fields, form);
  take_format (self, fields);
  take_fields (self, call, fields);
  choose_outputs (self, call, fields);
  medley_openai_call_run (call, on_started, self, listening_free);
}

static void
on_form (MedleyHttpForm *form, const GError *error, gpointer data)
{
  Arrival *arrival = data;

  if (form != NULL)
    listen_to (arrival->http, arrival->exchange, form, arrival->is_translation);
  else if (error != NULL)
    medley_http_respond_problem (arrival->exchange, error, 0, NULL);
  g_object_unref (arrival->http);
  medley_http_exchange_unref (arrival->exchange);
  g_free (arrival);
}

static void
read_form (MedleyHttp *http, MedleyHttpExchange *exchange, gboolean is_translation)
{
  Arrival *arrival = g_new0 (Arrival, 1);

  arrival->http = g_object_ref (http);
  arrival->exchange = medley_http_exchange_ref (exchange);
  arrival->is_translation = is_translation;
  medley_http_form_read (exchange, medley_http_get_config (http), on_form, arrival);
}

void
medley_openai_transcribe (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params)
{
  read_form (http, exchange, FALSE);
}

void
medley_openai_translate (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params)
{
  read_form (http, exchange, TRUE);
}
