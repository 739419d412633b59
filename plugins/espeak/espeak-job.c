/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "espeak-job.h"

#include <string.h>

#include "espeak-text.h"

/* Samples of an audio buffer: 100 ms. */
#define BUFFER_SAMPLES (ESPEAK_RATE / 10)

/* A sentence of an SSML document that lasts longer (in samples: a minute) becomes several captions,
 * so that memory stays bounded. Plain sentences are bounded by the sentencer. */
#define PIECE_SAMPLES (60 * ESPEAK_RATE)

/* Bytes of input that are handed to the sentencer at once: bounds its memory. */
#define FEED_BYTES 16384

struct _EspeakJob {
  MedleyConverter *converter;
  EspeakSettings settings;
  gboolean is_document;
  MedleySentencer *sentencer;
  GString *pending;       /* text from the last sentence's end on; for SSML the whole document */
  gsize pending_done;     /* bytes of it that are behind us */
  guint64 pending_offset; /* where it stands in the stream, in bytes */
  GString *carry;         /* closing quotes of the last sentence, to be spoken with the next */
  gboolean has_content;
  guint64 position; /* the timeline: samples pushed so far */

  /* The utterance that is being spoken. */
  GArray *audio; /* gint16, not yet pushed */
  GArray *words; /* EspeakWord, samples from the start of the caption */
};

EspeakJob *
espeak_job_new (MedleyConverter *converter, EspeakSettings settings, const char *language,
                gboolean ssml)
{
  EspeakJob *job = g_new0 (EspeakJob, 1);

  job->converter = converter;
  job->settings = settings;
  job->is_document = ssml;
  job->sentencer = medley_sentencer_new (language);
  job->pending = g_string_new (NULL);
  job->carry = g_string_new (NULL);
  job->audio = g_array_new (FALSE, TRUE, sizeof (gint16));
  job->words = g_array_new (FALSE, FALSE, sizeof (EspeakWord));
  espeak_core_join ();
  return job;
}

void
espeak_job_free (EspeakJob *job)
{
  espeak_core_leave ();
  medley_sentencer_free (job->sentencer);
  g_string_free (job->pending, TRUE);
  g_string_free (job->carry, TRUE);
  g_array_unref (job->audio);
  g_array_unref (job->words);
  g_free (job->settings.voice);
  g_free (job);
}

void
espeak_job_reset (EspeakJob *job)
{
  medley_sentencer_reset (job->sentencer);
  g_string_truncate (job->pending, 0);
  g_string_truncate (job->carry, 0);
  job->pending_done = 0;
  job->pending_offset = 0;
  job->has_content = FALSE;
  job->position = 0;
  g_array_set_size (job->audio, 0);
}

/* From the count of samples, so that nothing is rounded twice. */
static GstClockTime
time_of (guint64 samples)
{
  return gst_util_uint64_scale (samples, GST_SECOND, ESPEAK_RATE);
}

/* Pushes the first @n samples that wait, in buffers of 100 ms. */
static gboolean
push_audio (EspeakJob *job, guint n)
{
  gboolean ok = TRUE;

  for (guint done = 0; ok && done < n;) {
    guint count = MIN (BUFFER_SAMPLES, n - done);
    GstBuffer *buffer = gst_buffer_new_memdup (&g_array_index (job->audio, gint16, done),
                                               count * sizeof (gint16));
    GST_BUFFER_PTS (buffer) = time_of (job->position);
    GST_BUFFER_DURATION (buffer) = time_of (job->position + count) - time_of (job->position);
    GST_BUFFER_OFFSET (buffer) = job->position;
    GST_BUFFER_OFFSET_END (buffer) = job->position + count;
    job->position += count;
    done += count;
    ok = medley_converter_push (job->converter, NULL, buffer);
  }
  g_array_remove_range (job->audio, 0, n);
  return ok;
}

/* Pushes the caption of the next @n samples. */
static gboolean
push_caption (EspeakJob *job, const char *text, guint n)
{
  g_autoptr (GArray) marks = g_array_new (FALSE, FALSE, sizeof (MedleyWord));
  GstClockTime start = time_of (job->position);

  for (guint i = 0; i < job->words->len; i++) {
    const EspeakWord *word = &g_array_index (job->words, EspeakWord, i);
    if (word->sample >= n)
      break;
    MedleyWord mark = { .offset = word->offset,
                        .length = word->length,
                        .time = time_of (job->position + word->sample) };
    g_array_append_val (marks, mark);
  }
  GstBuffer *caption = medley_caption_new (text, start, time_of (job->position + n) - start,
                                           (const MedleyWord *) (gpointer) marks->data, marks->len);
  return medley_converter_push (job->converter, "captions", caption);
}

/* Pushes audio while it is being spoken: the very first at once, then in whole buffers. */
static gboolean
push_ready_audio (EspeakJob *job)
{
  if (job->audio->len == 0 || (job->position > 0 && job->audio->len < BUFFER_SAMPLES))
    return TRUE;
  return push_audio (job, job->audio->len);
}

/* Sentences */

typedef struct {
  EspeakJob *job;
  const char *sentence;
  const char *at;   /* the character at `characters` of what is spoken */
  guint characters; /* counts what was carried over as well */
  gboolean captions;
} Sentence;

static gboolean
on_sentence_audio (const gint16 *samples, gsize n_samples, const EspeakMark *marks, guint n_marks,
                   gpointer user_data)
{
  Sentence *sentence = user_data;
  EspeakJob *job = sentence->job;

  g_array_append_vals (job->audio, samples, n_samples);
  if (!sentence->captions)
    /* A push may block. Nobody must wait for the library meanwhile: he might be the one we wait
     * for. */
    return espeak_core_is_alone () ? push_ready_audio (job) : TRUE;

  for (guint i = 0; i < n_marks; i++) {
    const EspeakMark *mark = &marks[i];
    if (mark->sentence || mark->position < sentence->characters)
      continue;
    while (sentence->characters < mark->position && *sentence->at != '\0') {
      sentence->at = g_utf8_next_char (sentence->at);
      sentence->characters++;
    }
    espeak_words_add (job->words, sentence->sentence, sentence->at - sentence->sentence,
                      mark->length, mark->sample);
  }
  return TRUE;
}

/* How a sentence ends in the text around it. The library ends a clause at the full stop and takes
 * what closes a quote or a bracket to the next one, and a blank line makes its pause longer. Spoken
 * apart, a sentence gets the same treatment, or its pauses would add up to a longer speech. */
typedef struct {
  gsize length;       /* bytes of the sentence that are spoken now */
  char *gap;          /* the line breaks after it */
  gboolean end_pause; /* a run of text that was cut by length does not drop into a pause */
} Ending;

static gboolean
is_closer (gunichar c)
{
  GUnicodeType type = g_unichar_type (c);
  return c == '"' || c == '\'' || type == G_UNICODE_CLOSE_PUNCTUATION
         || type == G_UNICODE_FINAL_PUNCTUATION || type == G_UNICODE_INITIAL_PUNCTUATION;
}

/* @end: where the sentence ends in the pending text. */
static Ending
find_ending (EspeakJob *job, const char *sentence, gsize end)
{
  gsize length = strlen (sentence);
  Ending ending = { .length = length, .end_pause = TRUE };
  GString *gap = g_string_new (NULL);

  for (; end < job->pending->len && g_ascii_isspace (job->pending->str[end]); end++)
    if (job->pending->str[end] == '\n' && gap->len < 8)
      g_string_append_c (gap, '\n');
  gboolean goes_on = end < job->pending->len && gap->len < 2;
  ending.gap = g_string_free (gap, FALSE);
  if (!goes_on)
    return ending;

  const char *last = g_utf8_find_prev_char (sentence, sentence + length);
  const char *before = last;
  while (before != NULL && is_closer (g_utf8_get_char (before)))
    before = g_utf8_find_prev_char (sentence, before);
  if (last != NULL && g_unichar_isalnum (g_utf8_get_char (last)))
    ending.end_pause = FALSE;
  else if (before != NULL
           && g_unichar_type (g_utf8_get_char (before)) == G_UNICODE_OTHER_PUNCTUATION)
    ending.length = g_utf8_next_char (before) - sentence;
  return ending;
}

static gboolean
speak_sentence (EspeakJob *job, const char *text, const Ending *ending, GCancellable *cancellable,
                GError **error)
{
  g_autofree char *clean = espeak_text_clean (text, ending->length);
  g_autofree char *spoken = g_strconcat (job->carry->str, clean, ending->gap, NULL);
  Sentence sentence = {
    .job = job,
    .sentence = text,
    .at = text,
    .characters = g_utf8_strlen (job->carry->str, -1),
    .captions = medley_converter_is_port_linked (job->converter, "captions"),
  };

  g_string_truncate (job->carry, 0);
  if (text[ending->length] != '\0')
    g_string_printf (job->carry, "%s ", text + ending->length);
  g_array_set_size (job->words, 0);
  if (!espeak_core_speak (&job->settings, spoken, ending->end_pause ? ESPEAK_END_PAUSE : 0,
                          on_sentence_audio, &sentence, cancellable, error))
    return FALSE;
  if (sentence.captions && job->audio->len > 0 && !push_caption (job, text, job->audio->len))
    return FALSE;
  return push_audio (job, job->audio->len);
}

static gboolean
speak_complete (EspeakJob *job, GCancellable *cancellable, GError **error)
{
  for (;;) {
    guint64 offset = 0;
    g_autofree char *sentence = medley_sentencer_next (job->sentencer, &offset);
    if (sentence == NULL)
      return TRUE;

    gsize end = offset - job->pending_offset + strlen (sentence);
    Ending ending = find_ending (job, sentence, end);
    job->has_content = TRUE;
    gboolean ok = speak_sentence (job, sentence, &ending, cancellable, error);
    g_free (ending.gap);
    if (!ok)
      return FALSE;

    job->pending_done = end;
    if (job->pending_done > FEED_BYTES) {
      g_string_erase (job->pending, 0, job->pending_done);
      job->pending_offset += job->pending_done;
      job->pending_done = 0;
    }
    medley_converter_report_progress (job->converter, job->pending_offset + job->pending_done);
  }
}

static gboolean
feed_sentences (EspeakJob *job, const char *text, gsize length, GCancellable *cancellable,
                GError **error)
{
  while (length > 0) {
    gsize n = MIN (length, FEED_BYTES);
    while (n < length && ((guchar) text[n] & 0xc0) == 0x80)
      n--;
    g_string_append_len (job->pending, text, n);
    medley_sentencer_feed (job->sentencer, text, n);
    if (!speak_complete (job, cancellable, error))
      return FALSE;
    text += n;
    length -= n;
  }
  return TRUE;
}

/* SSML documents */

typedef struct {
  EspeakJob *job;
  gboolean captions;
  const char *at; /* where the caption that is being collected begins in the document */
  guint characters;
  guint64 start; /* the same in samples of the document */
  GArray *marks; /* EspeakMark, words since then */
} Document;

/* Ends the current caption before the character @characters and the sample @sample. */
static gboolean
push_piece (Document *document, guint characters, guint64 sample)
{
  EspeakJob *job = document->job;
  g_autoptr (GArray) offsets = NULL;
  guint n_chars = MAX (characters, document->characters) - document->characters;
  guint n = MIN (MAX (sample, document->start) - document->start, job->audio->len);
  g_autofree char *text = espeak_ssml_text (document->at, n_chars, &offsets);

  /* Only tags, or spoken in no time: it goes with what follows. */
  if (*text == '\0' || n == 0)
    return TRUE;

  g_array_set_size (job->words, 0);
  for (guint i = 0; i < document->marks->len; i++) {
    const EspeakMark *mark = &g_array_index (document->marks, EspeakMark, i);
    if (mark->position < document->characters
        || mark->position - document->characters >= offsets->len)
      continue;
    guint offset = g_array_index (offsets, guint, mark->position - document->characters);
    guint64 at = MAX (mark->sample, document->start) - document->start;
    espeak_words_add (job->words, text, offset, mark->length, at);
  }
  g_array_set_size (document->marks, 0);
  for (guint i = 1; i < offsets->len; i++)
    document->at = g_utf8_next_char (document->at);
  document->characters += offsets->len - 1;
  document->start += n;
  return push_caption (job, text, n) && push_audio (job, n);
}

static gboolean
on_document_audio (const gint16 *samples, gsize n_samples, const EspeakMark *marks, guint n_marks,
                   gpointer user_data)
{
  Document *document = user_data;
  EspeakJob *job = document->job;

  g_array_append_vals (job->audio, samples, n_samples);
  if (!document->captions)
    return push_ready_audio (job);

  for (guint i = 0; i < n_marks; i++) {
    gboolean too_long = job->audio->len > PIECE_SAMPLES && document->marks->len > 0;
    if ((marks[i].sentence || too_long)
        && !push_piece (document, marks[i].position, marks[i].sample))
      return FALSE;
    if (!marks[i].sentence)
      g_array_append_val (document->marks, marks[i]);
  }
  return TRUE;
}

static gboolean
speak_document (EspeakJob *job, GCancellable *cancellable, GError **error)
{
  g_autofree char *clean = espeak_ssml_clean (job->pending->str, job->pending->len, error);
  g_autoptr (GArray) marks = g_array_new (FALSE, FALSE, sizeof (EspeakMark));
  Document document = {
    .job = job,
    .captions = medley_converter_is_port_linked (job->converter, "captions"),
    .at = clean,
    .marks = marks,
  };

  if (clean == NULL
      || !espeak_core_speak (&job->settings, clean, ESPEAK_SSML | ESPEAK_END_PAUSE,
                             on_document_audio, &document, cancellable, error))
    return FALSE;
  if (document.captions
      && !push_piece (&document, document.characters + g_utf8_strlen (document.at, -1),
                      G_MAXUINT64))
    return FALSE;
  return push_audio (job, job->audio->len);
}

/* Both */

gboolean
espeak_job_feed (EspeakJob *job, const char *text, gsize length, GCancellable *cancellable,
                 GError **error)
{
  if (!job->is_document)
    return feed_sentences (job, text, length, cancellable, error);

  if (job->pending->len + length > ESPEAK_SSML_MAX_BYTES) {
    g_set_error (
        error, MEDLEY_ERROR, MEDLEY_ERROR_TOO_LARGE,
        "the SSML document has more than %d bytes; split it, or set ssml=false for plain text",
        ESPEAK_SSML_MAX_BYTES);
    return FALSE;
  }
  g_string_append_len (job->pending, text, length);
  return TRUE;
}

gboolean
espeak_job_idle (EspeakJob *job, GCancellable *cancellable, GError **error)
{
  if (job->is_document)
    return TRUE;
  medley_sentencer_idle (job->sentencer);
  return speak_complete (job, cancellable, error);
}

gboolean
espeak_job_drain (EspeakJob *job, GCancellable *cancellable, GError **error)
{
  if (job->is_document) {
    job->has_content = strspn (job->pending->str, " \t\r\n") < job->pending->len;
    if (job->has_content && !speak_document (job, cancellable, error))
      return FALSE;
  } else {
    medley_sentencer_drain (job->sentencer);
    if (!speak_complete (job, cancellable, error))
      return FALSE;
  }
  if (!job->has_content) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_EMPTY_INPUT,
                 "the text holds nothing but white space");
    return FALSE;
  }
  if (job->position > 0)
    return TRUE;
  /* Encoders and muxers make no valid file of nothing. */
  g_array_set_size (job->audio, BUFFER_SAMPLES);
  return push_audio (job, BUFFER_SAMPLES);
}
