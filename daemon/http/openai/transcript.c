/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/openai/transcript.h"

#include <medley/medley-error.h>
#include <string.h>

#include "base/json.h"

/* Whisper counts time in frames of 10 ms. */
#define FRAMES_PER_SECOND 100
/* Later, and earlier than 0, is no time that an engine can mean: about thirty years. */
#define MAX_SECONDS 1e9
/* Of one caption; it comes from an engine, not from the client. */
#define MAX_LINE (16 * 1024 * 1024)

typedef struct {
  char *text;
  double start;
  double end;
  GVariant *words; /* av, or NULL */
} Caption;

struct _MedleyOpenaiTranscript {
  GPtrArray *captions;
};

static void
caption_free (gpointer data)
{
  Caption *caption = data;

  g_free (caption->text);
  g_clear_pointer (&caption->words, g_variant_unref);
  g_free (caption);
}

/* A number that JSON may have written without a fraction. */
static gboolean
lookup_number (GVariant *object, const char *name, double *number)
{
  g_autoptr (GVariant) value = g_variant_lookup_value (object, name, NULL);

  if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_DOUBLE))
    *number = g_variant_get_double (value);
  else if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
    *number = (double) g_variant_get_int64 (value);
  else
    return FALSE;
  return TRUE;
}

static gboolean
lookup_time (GVariant *object, const char *name, double *seconds)
{
  if (!lookup_number (object, name, seconds))
    return FALSE;
  *seconds = CLAMP (*seconds, 0, MAX_SECONDS);
  return TRUE;
}

static gboolean
add_caption (MedleyOpenaiTranscript *self, const char *line, gsize length, GError **error)
{
  g_autoptr (GError) failure = NULL;
  MedleyJsonLimits limits = MEDLEY_JSON_LIMITS_DEFAULT;
  g_autoptr (GVariant) object = NULL;
  Caption *caption = g_new0 (Caption, 1);

  limits.max_bytes = MAX_LINE;
  g_ptr_array_add (self->captions, caption);
  object = medley_json_parse (line, length, &limits, NULL, &failure);
  if (object == NULL) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_ENGINE_FAILED, "a caption cannot be read: %s",
                 failure->message);
    return FALSE;
  }
  if (!g_variant_is_of_type (object, G_VARIANT_TYPE_VARDICT)
      || !g_variant_lookup (object, "text", "s", &caption->text)
      || !lookup_time (object, "start", &caption->start)
      || !lookup_time (object, "end", &caption->end)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_ENGINE_FAILED,
                 "the captions have no times: nothing with times can be made of them");
    return FALSE;
  }
  caption->words = g_variant_lookup_value (object, "words", G_VARIANT_TYPE ("av"));
  return TRUE;
}

MedleyOpenaiTranscript *
medley_openai_transcript_new (GBytes *lines, GError **error)
{
  g_autoptr (MedleyOpenaiTranscript) self = g_new0 (MedleyOpenaiTranscript, 1);
  gsize length;
  const char *text = g_bytes_get_data (lines, &length);
  const char *end = text + length;

  self->captions = g_ptr_array_new_with_free_func (caption_free);
  while (text < end) {
    const char *stop = memchr (text, '\n', (gsize) (end - text));

    if (stop == NULL)
      stop = end;
    if (stop > text && !add_caption (self, text, (gsize) (stop - text), error))
      return NULL;
    text = stop + 1;
  }
  return g_steal_pointer (&self);
}

void
medley_openai_transcript_free (MedleyOpenaiTranscript *self)
{
  g_ptr_array_unref (self->captions);
  g_free (self);
}

double
medley_openai_transcript_get_end (MedleyOpenaiTranscript *self)
{
  const Caption *last
      = self->captions->len > 0 ? self->captions->pdata[self->captions->len - 1] : NULL;

  return last != NULL ? last->end : 0;
}

gboolean
medley_openai_transcript_has_words (MedleyOpenaiTranscript *self)
{
  for (guint i = 0; i < self->captions->len; i++) {
    const Caption *caption = self->captions->pdata[i];

    if (caption->words == NULL && *caption->text != '\0')
      return FALSE;
  }
  return TRUE;
}

static void
append_time (GString *out, double seconds)
{
  guint64 ms = (guint64) (seconds * 1000 + 0.5);

  g_string_append_printf (out, "%02" G_GUINT64_FORMAT ":%02u:%02u,%03u", ms / 3600000,
                          (guint) (ms / 60000 % 60), (guint) (ms / 1000 % 60), (guint) (ms % 1000));
}

char *
medley_openai_transcript_to_srt (MedleyOpenaiTranscript *self)
{
  GString *out = g_string_new (NULL);

  for (guint i = 0; i < self->captions->len; i++) {
    const Caption *caption = self->captions->pdata[i];
    g_auto (GStrv) lines = g_strsplit_set (caption->text, "\r\n", -1);

    g_string_append_printf (out, "%u\n", i + 1);
    append_time (out, caption->start);
    g_string_append (out, " --> ");
    append_time (out, caption->end);
    g_string_append_c (out, '\n');
    for (guint j = 0; lines[j] != NULL; j++) {
      if (*g_strstrip (lines[j]) != '\0')
        g_string_append_printf (out, "%s\n", lines[j]);
    }
    g_string_append_c (out, '\n');
  }
  return g_string_free (out, FALSE);
}

GVariant *
medley_openai_transcript_get_segments (MedleyOpenaiTranscript *self, double temperature)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < self->captions->len; i++) {
    const Caption *caption = self->captions->pdata[i];

    g_variant_builder_add_value (
        &builder,
        g_variant_new_parsed ("{'id': <%u>, 'seek': <%x>, 'start': <%d>, 'end': <%d>, 'text': <%s>,"
                              " 'tokens': <@av []>, 'temperature': <%d>, 'avg_logprob': <0.0>,"
                              " 'compression_ratio': <0.0>, 'no_speech_prob': <0.0>}",
                              i, (gint64) (caption->start * FRAMES_PER_SECOND), caption->start,
                              caption->end, caption->text, temperature));
  }
  return g_variant_builder_end (&builder);
}

GVariant *
medley_openai_transcript_get_words (MedleyOpenaiTranscript *self)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < self->captions->len; i++) {
    const Caption *caption = self->captions->pdata[i];
    gsize n = caption->words != NULL ? g_variant_n_children (caption->words) : 0;

    for (gsize j = 0; j < n; j++) {
      g_autoptr (GVariant) word = NULL;
      const char *text;
      double start;
      double end;

      g_variant_get_child (caption->words, j, "v", &word);
      if (g_variant_is_of_type (word, G_VARIANT_TYPE_VARDICT)
          && g_variant_lookup (word, "text", "&s", &text) && lookup_time (word, "start", &start)
          && lookup_time (word, "end", &end))
        g_variant_builder_add_value (
            &builder,
            g_variant_new_parsed ("{'word': <%s>, 'start': <%d>, 'end': <%d>}", text, start, end));
    }
  }
  return g_variant_builder_end (&builder);
}
