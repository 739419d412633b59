/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * espeak: speaks text with espeak-ng, sentence by sentence.
 *
 *   gst-launch-1.0 filesrc location=a.txt ! espeak voice=en-gb ! audioconvert ! wavenc ! \
 *     filesink location=a.wav
 *
 * Ports: `src` has the audio, `captions` what is said, with times and word marks. A sentence's
 * caption goes out before its audio, so that a muxer never waits for one. Captions tile the
 * timeline.
 *
 * Properties (settable in READY, in force from the next start):
 *   voice     a voice of `medley voices espeak`, or a language, with an optional variant
 * ("en-gb+f3") language  BCP 47 tag, empty to go by the voice rate      words a minute, 80 to 450
 *   speed     how many times faster than that, 0.25 to 4
 *   pitch     0 to 100
 *   volume    0 to 200
 *   ssml      the input is one SSML document
 */

#include <medley/medley.h>

#include "espeak-job.h"
#include "espeak-voices.h"

GST_DEBUG_CATEGORY_STATIC (espeak_debug);
#define GST_CAT_DEFAULT espeak_debug

#define DEFAULT_VOICE "en-gb"
#define DEFAULT_RATE 175
#define SLOWEST 80 /* words a minute that the library speaks */
#define DEFAULT_PITCH 50
#define DEFAULT_VOLUME 100

#define MEDLEY_TYPE_ESPEAK (medley_espeak_get_type ())
G_DECLARE_FINAL_TYPE (MedleyEspeak, medley_espeak, MEDLEY, ESPEAK, MedleyConverter)

struct _MedleyEspeak {
  MedleyConverter parent_instance;

  /* Properties; by the object lock. */
  char *voice;
  char *language;
  guint rate;
  double speed;
  guint pitch;
  guint volume;
  gboolean ssml;

  EspeakJob *job; /* from start to stop */
};

G_DEFINE_FINAL_TYPE (MedleyEspeak, medley_espeak, MEDLEY_TYPE_CONVERTER)

enum { PROP_VOICE = 1, PROP_LANGUAGE, PROP_RATE, PROP_SPEED, PROP_PITCH, PROP_VOLUME, PROP_SSML };

static GstStaticPadTemplate sink_template
    = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                               GST_STATIC_CAPS ("text/x-raw, format=(string)utf8"));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE (
    "src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("audio/x-raw, format=(string)S16LE, rate=(int)22050, channels=(int)1, "
                     "layout=(string)interleaved"));

static GstStaticPadTemplate captions_template
    = GST_STATIC_PAD_TEMPLATE ("captions", GST_PAD_SRC, GST_PAD_ALWAYS,
                               GST_STATIC_CAPS ("text/x-raw, format=(string)utf8"));

/* MedleyConverter */

static gboolean
medley_espeak_open (MedleyConverter *converter, GCancellable *cancellable, GError **error)
{
  return espeak_core_open (error);
}

static gboolean
medley_espeak_start (MedleyConverter *converter, GError **error)
{
  MedleyEspeak *self = MEDLEY_ESPEAK (converter);
  g_autofree char *tag = NULL;

  GST_OBJECT_LOCK (self);
  g_autofree char *voice = g_strdup (self->voice);
  g_autofree char *language = g_strdup (self->language);
  double rate = self->rate * self->speed;
  EspeakSettings settings = {
    .rate = (guint) (MAX (rate, SLOWEST) + 0.5),
    .stretch = rate < SLOWEST ? SLOWEST / rate : 1,
    .pitch = self->pitch,
    .volume = self->volume,
  };
  gboolean ssml = self->ssml;
  GST_OBJECT_UNLOCK (self);

  settings.voice = espeak_voices_resolve (voice, language, &tag, error);
  if (settings.voice == NULL)
    return FALSE;
  GST_DEBUG_OBJECT (self, "voice %s, language %s", settings.voice, tag);
  self->job = espeak_job_new (converter, settings, tag, ssml);
  return TRUE;
}

static void
medley_espeak_stop (MedleyConverter *converter)
{
  g_clear_pointer (&MEDLEY_ESPEAK (converter)->job, espeak_job_free);
}

static gboolean
medley_espeak_process (MedleyConverter *converter, GstBuffer *input, GCancellable *cancellable,
                       GError **error)
{
  MedleyEspeak *self = MEDLEY_ESPEAK (converter);
  GstMapInfo map;

  if (!gst_buffer_map (input, &map, GST_MAP_READ)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_IO, "the input buffer cannot be read");
    return FALSE;
  }
  gboolean ok = espeak_job_feed (self->job, (const char *) map.data, map.size, cancellable, error);
  gst_buffer_unmap (input, &map);
  return ok;
}

static gboolean
medley_espeak_idle (MedleyConverter *converter, GCancellable *cancellable, GError **error)
{
  return espeak_job_idle (MEDLEY_ESPEAK (converter)->job, cancellable, error);
}

static gboolean
medley_espeak_drain (MedleyConverter *converter, GCancellable *cancellable, GError **error)
{
  return espeak_job_drain (MEDLEY_ESPEAK (converter)->job, cancellable, error);
}

static void
medley_espeak_flush (MedleyConverter *converter)
{
  EspeakJob *job = MEDLEY_ESPEAK (converter)->job;

  if (job != NULL)
    espeak_job_reset (job);
}

static gboolean
medley_espeak_list_voices (MedleyConverter *converter, GValue *voices, GError **error)
{
  GPtrArray *list = espeak_voices_list ();

  for (guint i = 0; i < list->len; i++) {
    const EspeakVoice *voice = g_ptr_array_index (list, i);
    medley_voices_append (voices, voice->name, voice->languages[0], voice->gender, voice->label);
  }
  return TRUE;
}

/* GObject */

static void
medley_espeak_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  MedleyEspeak *self = MEDLEY_ESPEAK (object);

  GST_OBJECT_LOCK (self);
  switch (id) {
  case PROP_VOICE:
    g_free (self->voice);
    self->voice = g_value_dup_string (value);
    if (self->voice == NULL)
      self->voice = g_strdup (DEFAULT_VOICE);
    break;
  case PROP_LANGUAGE:
    g_free (self->language);
    self->language = g_value_dup_string (value);
    if (self->language == NULL)
      self->language = g_strdup ("");
    break;
  case PROP_RATE:
    self->rate = g_value_get_uint (value);
    break;
  case PROP_SPEED:
    self->speed = g_value_get_double (value);
    break;
  case PROP_PITCH:
    self->pitch = g_value_get_uint (value);
    break;
  case PROP_VOLUME:
    self->volume = g_value_get_uint (value);
    break;
  case PROP_SSML:
    self->ssml = g_value_get_boolean (value);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
}

static void
medley_espeak_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  MedleyEspeak *self = MEDLEY_ESPEAK (object);

  GST_OBJECT_LOCK (self);
  switch (id) {
  case PROP_VOICE:
    g_value_set_string (value, self->voice);
    break;
  case PROP_LANGUAGE:
    g_value_set_string (value, self->language);
    break;
  case PROP_RATE:
    g_value_set_uint (value, self->rate);
    break;
  case PROP_SPEED:
    g_value_set_double (value, self->speed);
    break;
  case PROP_PITCH:
    g_value_set_uint (value, self->pitch);
    break;
  case PROP_VOLUME:
    g_value_set_uint (value, self->volume);
    break;
  case PROP_SSML:
    g_value_set_boolean (value, self->ssml);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
}

static void
medley_espeak_finalize (GObject *object)
{
  MedleyEspeak *self = MEDLEY_ESPEAK (object);

  g_free (self->voice);
  g_free (self->language);
  G_OBJECT_CLASS (medley_espeak_parent_class)->finalize (object);
}

static void
install_properties (GObjectClass *object_class)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

  g_object_class_install_property (
      object_class, PROP_VOICE,
      g_param_spec_string ("voice", "Voice",
                           "Voice or language (\"en-gb\", \"de\"), with an optional variant "
                           "(\"en-gb+f3\"); \"medley voices espeak\" lists all",
                           DEFAULT_VOICE, flags));
  g_object_class_install_property (
      object_class, PROP_LANGUAGE,
      g_param_spec_string (
          "language", "Language",
          "BCP 47 tag of the text's language; a voice that does not speak it gives "
          "way to one that does; empty: go by the voice",
          "", flags));
  g_object_class_install_property (object_class, PROP_RATE,
                                   g_param_spec_uint ("rate", "Rate", "Speed in words a minute", 80,
                                                      450, DEFAULT_RATE, flags));
  g_object_class_install_property (object_class, PROP_SPEED,
                                   g_param_spec_double ("speed", "Speed",
                                                        "How many times faster than at the rate",
                                                        0.25, 4, 1, flags));
  g_object_class_install_property (object_class, PROP_PITCH,
                                   g_param_spec_uint ("pitch", "Pitch",
                                                      "Base pitch, from 0 (low) to 100 (high)", 0,
                                                      100, DEFAULT_PITCH, flags));
  g_object_class_install_property (
      object_class, PROP_VOLUME,
      g_param_spec_uint ("volume", "Volume",
                         "Volume in percent; above 100 loud passages may distort", 0, 200,
                         DEFAULT_VOLUME, flags));
  g_object_class_install_property (
      object_class, PROP_SSML,
      g_param_spec_boolean (
          "ssml", "SSML",
          "Take the input for one SSML document of at most 1 MiB, spoken when it is "
          "complete; FALSE: plain text, spoken as it arrives",
          FALSE, flags));
}

static void
medley_espeak_class_init (MedleyEspeakClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  MedleyConverterClass *converter_class = MEDLEY_CONVERTER_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (espeak_debug, "espeak", 0, "espeak-ng speech engine");
  object_class->set_property = medley_espeak_set_property;
  object_class->get_property = medley_espeak_get_property;
  object_class->finalize = medley_espeak_finalize;
  install_properties (object_class);

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_add_static_pad_template (element_class, &captions_template);
  gst_element_class_set_static_metadata (
      element_class, "Speech by espeak-ng", "Converter/Text/Audio",
      "Speaks text in over a hundred languages, sentence by sentence, with captions and word marks",
      "The Medley developers");
  /* Not deterministic: its samples depend on what the process said before. */
  medley_engine_declare (element_class, "text-to-audio/speech", 100, MEDLEY_ENGINE_NONE, "cpu");

  converter_class->text_input = TRUE;
  converter_class->open = medley_espeak_open;
  converter_class->start = medley_espeak_start;
  converter_class->stop = medley_espeak_stop;
  converter_class->process = medley_espeak_process;
  converter_class->idle = medley_espeak_idle;
  converter_class->drain = medley_espeak_drain;
  converter_class->flush = medley_espeak_flush;
  converter_class->list_voices = medley_espeak_list_voices;
}

static void
medley_espeak_init (MedleyEspeak *self)
{
  self->voice = g_strdup (DEFAULT_VOICE);
  self->language = g_strdup ("");
  self->rate = DEFAULT_RATE;
  self->speed = 1;
  self->pitch = DEFAULT_PITCH;
  self->volume = DEFAULT_VOLUME;
}

static gboolean
plugin_init (GstPlugin *plugin)
{
  return gst_element_register (plugin, "espeak", GST_RANK_NONE, MEDLEY_TYPE_ESPEAK);
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, medleyespeak,
                   "Medley's speech engine on espeak-ng", plugin_init, PACKAGE_VERSION, "GPL",
                   "medley", "https://medley.org")
