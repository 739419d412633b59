/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fakevoice: "speaks" text as tones, one per sentence, `ms-per-character` (default 20) long for
 * each character, so that everything behind a speech engine can be tested to the sample.
 *
 *   gst-launch-1.0 filesrc location=a.txt ! fakevoice ! wavenc ! filesink location=a.wav
 *
 * Ports: src (S16LE, mono, 16 kHz), captions (a caption per sentence, with a word mark per word).
 * Properties: voice ("low", "high"), ms-per-character (1 to 1,000).
 */
#include "fake.h"

#include <string.h>

#define RATE 16000
#define CHUNK (RATE / 10)
#define AMPLITUDE 8000

#define AUDIO_CAPS                                                                                 \
  "audio/x-raw, format=(string)S16LE, layout=(string)interleaved, rate=(int)16000, "               \
  "channels=(int)1"

G_DECLARE_FINAL_TYPE (FakeVoice, fake_voice, FAKE, VOICE, MedleyConverter)

struct _FakeVoice {
  MedleyConverter parent_instance;

  char *voice; /* both set in READY or below */
  guint ms_per_character;

  MedleySentencer *sentencer;
  guint64 samples; /* the job's: how many were pushed */
  guint sentence;  /* and which is next */
};

G_DEFINE_FINAL_TYPE (FakeVoice, fake_voice, MEDLEY_TYPE_CONVERTER)
GST_ELEMENT_REGISTER_DEFINE (fakevoice, "fakevoice", GST_RANK_NONE, fake_voice_get_type ())

enum { PROP_VOICE = 1, PROP_MS_PER_CHARACTER };

static const struct {
  const char *name;
  const char *gender;
  guint hertz;
} voices[] = { { "low", "male", 110 }, { "high", "female", 220 } };

static GstStaticPadTemplate sink_template
    = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                               GST_STATIC_CAPS (FAKE_TEXT_CAPS));
static GstStaticPadTemplate src_template
    = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (AUDIO_CAPS));
static GstStaticPadTemplate captions_template
    = GST_STATIC_PAD_TEMPLATE ("captions", GST_PAD_SRC, GST_PAD_ALWAYS,
                               GST_STATIC_CAPS (FAKE_TEXT_CAPS));

static guint
voice_hertz (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (voices); i++)
    if (g_strcmp0 (voices[i].name, name) == 0)
      return voices[i].hertz;
  return 0;
}

static void
fake_voice_flush (MedleyConverter *converter)
{
  FakeVoice *self = FAKE_VOICE (converter);

  medley_sentencer_reset (self->sentencer);
  self->samples = 0;
  self->sentence = 0;
}

static gboolean
fake_voice_start (MedleyConverter *converter, GError **error)
{
  FakeVoice *self = FAKE_VOICE (converter);

  if (voice_hertz (self->voice) == 0) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNKNOWN_VOICE,
                 "there is no voice \"%s\": there are \"low\" and \"high\"", self->voice);
    return FALSE;
  }
  fake_voice_flush (converter);
  return TRUE;
}

static GstClockTime
samples_to_time (guint64 samples)
{
  return gst_util_uint64_scale (samples, GST_SECOND, RATE);
}

static guint64
samples_per_character (FakeVoice *self)
{
  return (guint64) self->ms_per_character * RATE / 1000;
}

static gboolean
push_caption (FakeVoice *self, const char *text, guint64 length)
{
  g_autoptr (GArray) words = g_array_new (FALSE, FALSE, sizeof (MedleyWord));
  GstClockTime begin = samples_to_time (self->samples);
  GstClockTime end = samples_to_time (self->samples + length);
  gboolean in_word = FALSE;
  guint64 characters = 0;

  for (const char *p = text; *p != '\0'; p = g_utf8_next_char (p), characters++) {
    gboolean space = g_unichar_isspace (g_utf8_get_char (p));

    if (!space && !in_word) {
      MedleyWord word
          = { .offset = (guint) (p - text),
              .time = samples_to_time (self->samples + characters * samples_per_character (self)) };

      g_array_append_val (words, word);
    }
    if (!space) {
      MedleyWord *last = &g_array_index (words, MedleyWord, words->len - 1);

      last->length = (guint) (g_utf8_next_char (p) - text) - last->offset;
    }
    in_word = !space;
  }
  return medley_converter_push (MEDLEY_CONVERTER (self), "captions",
                                medley_caption_new (text, begin, end - begin,
                                                    (MedleyWord *) words->data, words->len));
}

static GstBuffer *
make_tone (FakeVoice *self, guint hertz, guint n)
{
  gint16 *data = g_new (gint16, n);
  GstBuffer *buffer;

  /* A triangle wave: the same on every machine, unlike sin(). */
  for (guint i = 0; i < n; i++) {
    gint phase = (gint) ((self->samples + i) * hertz % RATE);

    data[i] = (gint16) (AMPLITUDE * (ABS (4 * phase - 2 * RATE) - RATE) / RATE);
    data[i] = GINT16_TO_LE (data[i]);
  }
  buffer = gst_buffer_new_wrapped (data, n * sizeof *data);
  GST_BUFFER_PTS (buffer) = samples_to_time (self->samples);
  GST_BUFFER_DURATION (buffer) = samples_to_time (self->samples + n) - GST_BUFFER_PTS (buffer);
  GST_BUFFER_OFFSET (buffer) = self->samples;
  GST_BUFFER_OFFSET_END (buffer) = self->samples + n;
  return buffer;
}

static gboolean
speak (FakeVoice *self, const char *text, GCancellable *cancellable)
{
  guint64 left = (guint64) g_utf8_strlen (text, -1) * samples_per_character (self);
  guint hertz = voice_hertz (self->voice) * (1 + self->sentence++ % 4);

  if (!push_caption (self, text, left))
    return FALSE;
  while (left > 0) {
    guint n = (guint) MIN (left, CHUNK);
    GstBuffer *tone = make_tone (self, hertz, n);

    if (g_cancellable_is_cancelled (cancellable)) {
      gst_buffer_unref (tone);
      return FALSE;
    }
    self->samples += n;
    left -= n;
    if (!medley_converter_push (MEDLEY_CONVERTER (self), NULL, tone))
      return FALSE;
  }
  return TRUE;
}

static gboolean
speak_complete (FakeVoice *self, GCancellable *cancellable)
{
  char *sentence;

  while ((sentence = medley_sentencer_next (self->sentencer, NULL)) != NULL) {
    gboolean ok = speak (self, sentence, cancellable);

    g_free (sentence);
    if (!ok)
      return FALSE;
  }
  return TRUE;
}

static gboolean
fake_voice_process (MedleyConverter *converter, GstBuffer *input, GCancellable *cancellable,
                    GError **error)
{
  FakeVoice *self = FAKE_VOICE (converter);
  GstMapInfo map;

  if (!gst_buffer_map (input, &map, GST_MAP_READ)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_IO, "the input cannot be read");
    return FALSE;
  }
  medley_sentencer_feed (self->sentencer, (const char *) map.data, map.size);
  gst_buffer_unmap (input, &map);
  return speak_complete (self, cancellable);
}

static gboolean
fake_voice_idle (MedleyConverter *converter, GCancellable *cancellable, GError **error)
{
  medley_sentencer_idle (FAKE_VOICE (converter)->sentencer);
  return speak_complete (FAKE_VOICE (converter), cancellable);
}

static gboolean
fake_voice_drain (MedleyConverter *converter, GCancellable *cancellable, GError **error)
{
  medley_sentencer_drain (FAKE_VOICE (converter)->sentencer);
  return speak_complete (FAKE_VOICE (converter), cancellable);
}

static gboolean
fake_voice_list_voices (MedleyConverter *converter, GValue *list, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (voices); i++)
    medley_voices_append (list, voices[i].name, "en", voices[i].gender, NULL);
  return TRUE;
}

static void
fake_voice_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  FakeVoice *self = FAKE_VOICE (object);

  switch (id) {
  case PROP_VOICE:
    g_free (self->voice);
    self->voice = g_value_dup_string (value);
    break;
  case PROP_MS_PER_CHARACTER:
    self->ms_per_character = g_value_get_uint (value);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
fake_voice_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  FakeVoice *self = FAKE_VOICE (object);

  switch (id) {
  case PROP_VOICE:
    g_value_set_string (value, self->voice);
    break;
  case PROP_MS_PER_CHARACTER:
    g_value_set_uint (value, self->ms_per_character);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
fake_voice_finalize (GObject *object)
{
  FakeVoice *self = FAKE_VOICE (object);

  g_free (self->voice);
  medley_sentencer_free (self->sentencer);
  G_OBJECT_CLASS (fake_voice_parent_class)->finalize (object);
}

static void
fake_voice_init (FakeVoice *self)
{
  self->voice = g_strdup ("low");
  self->ms_per_character = 20;
  self->sentencer = medley_sentencer_new (NULL);
}

static void
fake_voice_class_init (FakeVoiceClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  MedleyConverterClass *converter_class = MEDLEY_CONVERTER_CLASS (klass);
  GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

  object_class->set_property = fake_voice_set_property;
  object_class->get_property = fake_voice_get_property;
  object_class->finalize = fake_voice_finalize;
  g_object_class_install_property (object_class, PROP_VOICE,
                                   g_param_spec_string ("voice", "Voice", "\"low\" or \"high\"",
                                                        "low", flags));
  g_object_class_install_property (
      object_class, PROP_MS_PER_CHARACTER,
      g_param_spec_uint ("ms-per-character", "Milliseconds per character",
                         "How long a character sounds, in milliseconds", 1, 1000, 20, flags));

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_add_static_pad_template (element_class, &captions_template);
  gst_element_class_set_static_metadata (element_class, "Tones", "Converter/Text/Audio/Test",
                                         "Speaks text as tones", "The Medley authors");
  medley_engine_declare (element_class, "text-to-audio/speech", 100000, MEDLEY_ENGINE_DETERMINISTIC,
                         "cpu");

  converter_class->text_input = TRUE;
  converter_class->start = fake_voice_start;
  converter_class->flush = fake_voice_flush;
  converter_class->process = fake_voice_process;
  converter_class->idle = fake_voice_idle;
  converter_class->drain = fake_voice_drain;
  converter_class->list_voices = fake_voice_list_voices;
}
