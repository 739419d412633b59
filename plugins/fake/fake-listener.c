/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fakelistener: "hears" a word in each second that has any sound: "one" in the first second,
 * "two" in the second, and so on (from the 21st on in digits). Five words are a sentence.
 *
 *   gst-launch-1.0 filesrc location=a.wav ! wavparse ! audioconvert ! audioresample ! fakelistener
 *     ! filesink location=a.txt
 *
 * Ports: src (text), captions (a caption per sentence, with a word mark per word). Property:
 * language ("en" or "de").
 */
#include <string.h>

#include "fake.h"

#define RATE 16000
/* The loudest sample of a second that counts as silent: 1 % of full scale. */
#define SILENCE 327
#define WORDS_PER_SENTENCE 5

G_DECLARE_FINAL_TYPE (FakeListener, fake_listener, FAKE, LISTENER, MedleyConverter)

struct _FakeListener {
  MedleyConverter parent_instance;

  char *language; /* set in READY or below */

  guint64 samples; /* all below are the job's: heard so far */
  gint loudest;    /* of the second that is not over */
  GString *sentence;
  GArray *words; /* MedleyWord, of the sentence */
  GstClockTime begin;
  guint sentences;
};

G_DEFINE_FINAL_TYPE (FakeListener, fake_listener, MEDLEY_TYPE_CONVERTER)
GST_ELEMENT_REGISTER_DEFINE (fakelistener, "fakelistener", GST_RANK_NONE, fake_listener_get_type ())

enum { PROP_LANGUAGE = 1 };

static const char *const numbers[][2] = {
  { "one", "eins" },          { "two", "zwei" },           { "three", "drei" },
  { "four", "vier" },         { "five", "fünf" },          { "six", "sechs" },
  { "seven", "sieben" },      { "eight", "acht" },         { "nine", "neun" },
  { "ten", "zehn" },          { "eleven", "elf" },         { "twelve", "zwölf" },
  { "thirteen", "dreizehn" }, { "fourteen", "vierzehn" },  { "fifteen", "fünfzehn" },
  { "sixteen", "sechzehn" },  { "seventeen", "siebzehn" }, { "eighteen", "achtzehn" },
  { "nineteen", "neunzehn" }, { "twenty", "zwanzig" },
};

static GstStaticPadTemplate sink_template
    = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                               GST_STATIC_CAPS (
                                   "audio/x-raw, format=(string)S16LE, layout=(string)interleaved, "
                                   "rate=(int)16000, channels=(int)1"));
static GstStaticPadTemplate src_template
    = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
                               GST_STATIC_CAPS (FAKE_TEXT_CAPS));
static GstStaticPadTemplate captions_template
    = GST_STATIC_PAD_TEMPLATE ("captions", GST_PAD_SRC, GST_PAD_ALWAYS,
                               GST_STATIC_CAPS (FAKE_TEXT_CAPS));

static void
fake_listener_flush (MedleyConverter *converter)
{
  FakeListener *self = FAKE_LISTENER (converter);

  self->samples = 0;
  self->loudest = 0;
  self->sentences = 0;
  g_string_truncate (self->sentence, 0);
  g_array_set_size (self->words, 0);
}

static gboolean
fake_listener_start (MedleyConverter *converter, GError **error)
{
  FakeListener *self = FAKE_LISTENER (converter);

  if (!g_str_equal (self->language, "en") && !g_str_equal (self->language, "de")) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNKNOWN_LANGUAGE,
                 "there is no language \"%s\": there are \"en\" and \"de\"", self->language);
    return FALSE;
  }
  fake_listener_flush (converter);
  return TRUE;
}

static gboolean
push_sentence (FakeListener *self, GstClockTime end)
{
  g_autofree char *text = NULL;
  char *piece;
  gsize length;

  if (self->words->len == 0)
    return TRUE;
  g_string_append_c (self->sentence, '.');
  text = g_strdup (self->sentence->str);
  *text = g_ascii_toupper (*text);
  piece = g_strconcat (self->sentences++ > 0 ? " " : "", text, NULL);
  length = strlen (piece);
  if (!medley_converter_push (MEDLEY_CONVERTER (self), "captions",
                              medley_caption_new (text, self->begin, end - self->begin,
                                                  (MedleyWord *) self->words->data,
                                                  self->words->len)))
    return g_free (piece), FALSE;
  g_string_truncate (self->sentence, 0);
  g_array_set_size (self->words, 0);
  return medley_converter_push (MEDLEY_CONVERTER (self), NULL,
                                gst_buffer_new_wrapped (piece, length));
}

/* The second that began at @second is over. */
static gboolean
end_second (FakeListener *self, guint64 second, GstClockTime end)
{
  guint language = g_str_equal (self->language, "de");
  g_autofree char *digits = g_strdup_printf ("%" G_GUINT64_FORMAT, second + 1);
  const char *text = second < G_N_ELEMENTS (numbers) ? numbers[second][language] : digits;
  gboolean silent = self->loudest <= SILENCE;
  MedleyWord word = { .time = second * GST_SECOND };

  self->loudest = 0;
  if (silent)
    return TRUE;
  if (self->words->len == 0)
    self->begin = word.time;
  else
    g_string_append_c (self->sentence, ' ');
  word.offset = (guint) self->sentence->len;
  word.length = (guint) strlen (text);
  g_string_append (self->sentence, text);
  g_array_append_val (self->words, word);
  return self->words->len < WORDS_PER_SENTENCE || push_sentence (self, end);
}

static gboolean
fake_listener_process (MedleyConverter *converter, GstBuffer *input, GCancellable *cancellable,
                       GError **error)
{
  FakeListener *self = FAKE_LISTENER (converter);
  gboolean good = TRUE;
  GstMapInfo map;

  if (!gst_buffer_map (input, &map, GST_MAP_READ)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_IO, "the input cannot be read");
    return FALSE;
  }
  for (gsize i = 0; good && i + 1 < map.size; i += 2) {
    gint sample = (gint16) GST_READ_UINT16_LE (map.data + i);

    self->loudest = MAX (self->loudest, ABS (sample));
    if (++self->samples % RATE == 0)
      good = end_second (self, self->samples / RATE - 1, self->samples / RATE * GST_SECOND);
  }
  gst_buffer_unmap (input, &map);
  return good;
}

static gboolean
fake_listener_drain (MedleyConverter *converter, GCancellable *cancellable, GError **error)
{
  FakeListener *self = FAKE_LISTENER (converter);
  GstClockTime end = gst_util_uint64_scale (self->samples, GST_SECOND, RATE);

  if (self->samples % RATE > 0 && !end_second (self, self->samples / RATE, end))
    return FALSE;
  return push_sentence (self, end);
}

static void
fake_listener_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  FakeListener *self = FAKE_LISTENER (object);

  if (id == PROP_LANGUAGE) {
    g_free (self->language);
    self->language = g_value_dup_string (value);
    if (self->language == NULL)
      self->language = g_strdup ("");
  } else {
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
fake_listener_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  if (id == PROP_LANGUAGE)
    g_value_set_string (value, FAKE_LISTENER (object)->language);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
fake_listener_finalize (GObject *object)
{
  FakeListener *self = FAKE_LISTENER (object);

  g_free (self->language);
  g_string_free (self->sentence, TRUE);
  g_array_unref (self->words);
  G_OBJECT_CLASS (fake_listener_parent_class)->finalize (object);
}

static void
fake_listener_init (FakeListener *self)
{
  self->language = g_strdup ("en");
  self->sentence = g_string_new (NULL);
  self->words = g_array_new (FALSE, FALSE, sizeof (MedleyWord));
}

static void
fake_listener_class_init (FakeListenerClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  MedleyConverterClass *converter_class = MEDLEY_CONVERTER_CLASS (klass);

  object_class->set_property = fake_listener_set_property;
  object_class->get_property = fake_listener_get_property;
  object_class->finalize = fake_listener_finalize;
  g_object_class_install_property (object_class, PROP_LANGUAGE,
                                   g_param_spec_string ("language", "Language", "\"en\" or \"de\"",
                                                        "en",
                                                        G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS
                                                            | GST_PARAM_MUTABLE_READY));
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_add_static_pad_template (element_class, &captions_template);
  gst_element_class_set_static_metadata (element_class, "Counting seconds",
                                         "Converter/Audio/Text/Test",
                                         "Hears a word in each second that is not silent",
                                         "The Medley authors");
  medley_engine_declare (element_class, "audio-to-text/transcribe", 100000, MEDLEY_ENGINE_NONE,
                         "cpu");
  converter_class->start = fake_listener_start;
  converter_class->stop = fake_listener_flush;
  converter_class->flush = fake_listener_flush;
  converter_class->process = fake_listener_process;
  converter_class->drain = fake_listener_drain;
}
