/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/encode.h"

#include <gst/pbutils/pbutils.h>
#include <medley/medley-error.h>

#include "base/media.h"
#include "runner/encode-tuning.h"
#include "runner/link.h"
#include "runner/mp4-finish.h"
#include "runner/text-writer.h"

/* Small: before it stands the link's own queue, which has the room that two tracks need. */
#define ENCODER_QUEUE_BYTES (1024u * 1024)

/* Every player knows 4:2:0, and encoders want even sizes for it. */
#define VIDEO_RESTRICTION                                                                          \
  "video/x-raw,format=I420,width=(int)[2,2147483646,2],height=(int)[2,2147483646,2]"

typedef struct {
  GstBin *bin;
  MedleyNode *node;
  const MedleyMediaType *type;
  const char *wanted; /* the type with its parameters */
  const MedleyEncodeSource *sources;
  guint n_sources;
  GstElement *sink;
  guint64 max_pixels;
  const char **code;
} Encode;

static gboolean
refuse (Encode *self, GError **error, const char *code, const char *format, ...)
    G_GNUC_PRINTF (4, 5);

static gboolean
refuse (Encode *self, GError **error, const char *code, const char *format, ...)
{
  va_list args;
  g_autofree char *message = NULL;

  va_start (args, format);
  message = g_strdup_vprintf (format, args);
  va_end (args);
  *self->code = code;
  g_set_error (error, MEDLEY_ERROR,
               g_str_equal (code, "unsupported-type") ? MEDLEY_ERROR_UNSUPPORTED_TYPE
                                                      : MEDLEY_ERROR_INVALID_PIPELINE,
               "output \"%s\": %s", self->node->name, message);
  return FALSE;
}

static gboolean
missing (Encode *self, GError **error, const char *what)
{
  return refuse (self, error, "unsupported-type", "%s cannot be written: %s is not installed",
                 self->type->name, what);
}

static gboolean
mismatch (Encode *self, const MedleyEncodeSource *source, GError **error)
{
  g_autofree char *text = medley_caps_to_text (source->flow.caps);

  return refuse (self, error, "caps-mismatch", "%s cannot be made of what \"%s\" gives (%s)",
                 self->type->name, source->node->name, text);
}

static gboolean
link_source (Encode *self, const MedleyEncodeSource *source, GstPad *to, MedleyLinkKind kind,
             GError **error)
{
  if (medley_link_make (self->bin, source->pad, source->node, to, self->node, kind,
                        self->max_pixels))
    return TRUE;
  return mismatch (self, source, error);
}

static gboolean
link_to_sink (Encode *self, GstElement *element)
{
  return gst_element_link (element, self->sink);
}

/* Text, documents, and files that come whole: no encoder. */
static gboolean
make_text (Encode *self, MedleyTextForm form, const char *joiner, GError **error)
{
  g_autoptr (GstCaps) taken
      = gst_caps_from_string (form == MEDLEY_TEXT_JSON ? "application/json" : "text/x-raw");
  GstElement *writer, *join = NULL;

  writer = medley_text_writer_new (form);
  medley_node_tag (self->node, writer);
  gst_bin_add (self->bin, writer);
  if (self->n_sources > 1) {
    join = medley_link_add (self->bin, self->node, joiner);
    if (join == NULL)
      return missing (self, error, joiner);
    gst_element_link (join, writer);
  }
  for (guint i = 0; i < self->n_sources; i++) {
    const MedleyEncodeSource *source = &self->sources[i];
    g_autoptr (GstPad) to = join != NULL ? gst_element_request_pad_simple (join, "sink_%u")
                                         : gst_element_get_static_pad (writer, "sink");

    if (medley_flow_decide (&source->flow, taken) != MEDLEY_LINK_DIRECT)
      return mismatch (self, source, error);
    if (!link_source (self, source, to, MEDLEY_LINK_DIRECT, error))
      return FALSE;
  }
  return link_to_sink (self, writer) || mismatch (self, &self->sources[0], error);
}

static gboolean
make_direct (Encode *self, GError **error)
{
  g_autoptr (GstPad) to = gst_element_get_static_pad (self->sink, "sink");

  if (self->n_sources > 1)
    return refuse (self, error, "too-many", "%s is made of one source, and there are %u",
                   self->type->name, self->n_sources);
  return link_source (self, &self->sources[0], to, MEDLEY_LINK_DIRECT, error);
}

/* Which track a source makes; DIRECT for raw data, as encoders convert for themselves. */
static MedleyLinkKind
track_of (const MedleyMediaType *type, const MedleyFlow *flow, gboolean *video)
{
  gboolean may_audio = type->audio_caps != NULL;
  gboolean may_video = type->video_caps != NULL;

  *video = flow->modality == MEDLEY_MODALITY_VIDEO || flow->modality == MEDLEY_MODALITY_IMAGE;
  if (flow->caps == NULL) {
    *video = !may_audio;
    return MEDLEY_LINK_DIRECT;
  }
  if (flow->modality == MEDLEY_MODALITY_TEXT || flow->modality == MEDLEY_MODALITY_DATA)
    return MEDLEY_LINK_NONE;
  if (flow->modality == MEDLEY_MODALITY_VIDEO && flow->coded && !may_video)
    *video = FALSE; /* the sound of a film */
  if (*video ? !may_video : !may_audio)
    return MEDLEY_LINK_NONE;
  if (!flow->coded)
    return MEDLEY_LINK_DIRECT;
  return *video ? MEDLEY_LINK_DECODE_VIDEO : MEDLEY_LINK_DECODE_AUDIO;
}

static GstEncodingProfile *
make_profile (Encode *self, gboolean audio, gboolean video)
{
  g_autoptr (GstCaps) caps = gst_caps_from_string (self->type->caps);
  GstEncodingContainerProfile *profile
      = gst_encoding_container_profile_new (self->type->name, NULL, caps, NULL);

  if (audio) {
    g_autoptr (GstCaps) track = gst_caps_from_string (self->type->audio_caps);

    gst_encoding_container_profile_add_profile (
        profile, GST_ENCODING_PROFILE (gst_encoding_audio_profile_new (track, NULL, NULL, 0)));
  }
  if (video) {
    g_autoptr (GstCaps) track = gst_caps_from_string (self->type->video_caps);
    g_autoptr (GstCaps) restriction = gst_caps_from_string (VIDEO_RESTRICTION);
    GstEncodingVideoProfile *track_profile
        = gst_encoding_video_profile_new (track, NULL, restriction, 0);

    /* A frame that did not change is not encoded again. */
    gst_encoding_video_profile_set_variableframerate (track_profile, TRUE);
    gst_encoding_container_profile_add_profile (profile, GST_ENCODING_PROFILE (track_profile));
  }
  return GST_ENCODING_PROFILE (profile);
}

static void
tune_deep (GstBin *bin, GstBin *sub, GstElement *element, gpointer data)
{
  GstElementFactory *factory = gst_element_get_factory (element);

  medley_encode_tune (element);
  if (data != NULL && factory != NULL && g_str_equal (GST_OBJECT_NAME (factory), "mp4mux"))
    medley_mp4_finish_watch (data, element);
}

static gboolean
make_container (Encode *self, const MedleyLinkKind *kinds, const gboolean *videos, GError **error)
{
  g_autoptr (GstEncodingProfile) profile = NULL;
  gboolean audio = FALSE, video = FALSE;
  GstElement *encoder = medley_link_add (self->bin, self->node, "encodebin2");
  GstElement *finish = NULL;

  if (encoder == NULL)
    return missing (self, error, "encodebin2");
  if (g_str_has_prefix (self->type->caps, "video/quicktime")) {
    finish = medley_mp4_finish_new ();
    medley_node_tag (self->node, finish);
    gst_bin_add (self->bin, finish);
  }
  for (guint i = 0; i < self->n_sources; i++) {
    if (videos[i] ? video : audio)
      return refuse (self, error, "too-many", "it has two %s tracks",
                     videos[i] ? "video" : "audio");
    audio |= !videos[i];
    video |= videos[i];
  }
  g_object_set (encoder, "queue-time-max", (guint64) 0, "queue-buffers-max", 0, "queue-bytes-max",
                ENCODER_QUEUE_BYTES, NULL);
  g_signal_connect (encoder, "deep-element-added", G_CALLBACK (tune_deep), finish);
  profile = make_profile (self, audio, video);
  g_object_set (encoder, "profile", profile, NULL);

  for (guint i = 0; i < self->n_sources; i++) {
    g_autoptr (GstPad) to = NULL;
    g_autoptr (GstCaps) raw = gst_caps_new_empty_simple (videos[i] ? "video/x-raw" : "audio/x-raw");

    g_signal_emit_by_name (encoder, "request-pad", raw, &to);
    if (to == NULL)
      return missing (self, error, videos[i] ? self->type->video_caps : self->type->audio_caps);
    if (!link_source (self, &self->sources[i], to, kinds[i], error))
      return FALSE;
  }
  if (finish != NULL && !gst_element_link (encoder, finish))
    return missing (self, error, self->type->caps);
  return link_to_sink (self, finish != NULL ? finish : encoder)
         || missing (self, error, self->type->caps);
}

static GstElement *
add_encoder (Encode *self, const char *caps_text, gboolean video)
{
  g_autoptr (GstCaps) caps = gst_caps_from_string (caps_text);
  GList *all
      = gst_element_factory_list_get_elements (video ? GST_ELEMENT_FACTORY_TYPE_VIDEO_ENCODER
                                                     : GST_ELEMENT_FACTORY_TYPE_AUDIO_ENCODER,
                                               GST_RANK_MARGINAL);
  GList *able = gst_element_factory_list_filter (all, caps, GST_PAD_SRC, FALSE);
  GstElement *encoder = NULL;

  able = g_list_sort (able, gst_plugin_feature_rank_compare_func);
  if (able != NULL)
    encoder = medley_link_add (self->bin, self->node, GST_OBJECT_NAME (able->data));
  gst_plugin_feature_list_free (able);
  gst_plugin_feature_list_free (all);
  if (encoder != NULL)
    medley_encode_tune (encoder);
  return encoder;
}

/* Bare samples, at the rate that is asked for. */
static GstElement *
add_raw (Encode *self, const char *caps_text)
{
  GstElement *filter = medley_link_add (self->bin, self->node, "capsfilter");
  g_autoptr (GstCaps) caps = gst_caps_from_string (caps_text);
  guint rate = medley_media_get_parameter (self->wanted, "rate");
  guint channels = medley_media_get_parameter (self->wanted, "channels");

  if (filter == NULL)
    return NULL;
  if (rate > 0)
    gst_caps_set_simple (caps, "rate", G_TYPE_INT, (int) rate, NULL);
  if (channels > 0)
    gst_caps_set_simple (caps, "channels", G_TYPE_INT, (int) channels, NULL);
  g_object_set (filter, "caps", caps, NULL);
  return filter;
}

/* Frames that can stand alone, as encoders of AAC do not make them by themselves. */
static GstElement *
add_framing (Encode *self, GstElement *encoder, const char *caps_text)
{
  GstElement *parser = medley_link_add (self->bin, self->node, "aacparse");
  GstElement *filter = medley_link_add (self->bin, self->node, "capsfilter");

  if (parser == NULL || filter == NULL)
    return NULL;
  gst_util_set_object_arg (G_OBJECT (filter), "caps", caps_text);
  return gst_element_link_many (encoder, parser, filter, NULL) ? filter : NULL;
}

/* One track that is its own file. encodebin2 takes no profile without a container. */
static gboolean
make_single (Encode *self, MedleyLinkKind kind, gboolean video, GError **error)
{
  const char *caps = video ? self->type->video_caps : self->type->audio_caps;
  gboolean is_raw = g_str_has_prefix (caps, "audio/x-raw");
  GstElement *convert
      = medley_link_add (self->bin, self->node, video ? "videoconvert" : "audioconvert");
  GstElement *scale
      = medley_link_add (self->bin, self->node, video ? "videoscale" : "audioresample");
  GstElement *encoder;
  GstElement *last;
  g_autoptr (GstPad) to = NULL;

  if (self->n_sources > 1)
    return refuse (self, error, "too-many", "%s has one track, and there are %u sources",
                   self->type->name, self->n_sources);
  if (convert == NULL || scale == NULL)
    return missing (self, error, "a converter");
  encoder = last = is_raw ? add_raw (self, caps) : add_encoder (self, caps, video);
  if (encoder != NULL && g_str_equal (self->type->name, "audio/aac"))
    last = add_framing (self, encoder, caps);
  if (last == NULL)
    return missing (self, error, caps);
  if (!gst_element_link_many (convert, scale, encoder, NULL))
    return mismatch (self, &self->sources[0], error);
  to = gst_element_get_static_pad (convert, "sink");
  return link_source (self, &self->sources[0], to, kind, error)
         && (link_to_sink (self, last) || mismatch (self, &self->sources[0], error));
}

static gboolean
make_encoded (Encode *self, GError **error)
{
  g_autofree MedleyLinkKind *kinds = g_new0 (MedleyLinkKind, self->n_sources);
  g_autofree gboolean *videos = g_new0 (gboolean, self->n_sources);
  const MedleyEncodeSource *first = &self->sources[0];
  g_autoptr (GstCaps) whole = gst_caps_from_string (self->type->caps);

  /* An engine's picture that has the wanted type already. */
  if (self->n_sources == 1 && first->node->kind == MEDLEY_NODE_STAGE && first->flow.coded
      && first->flow.caps != NULL && gst_caps_is_subset (first->flow.caps, whole))
    return make_direct (self, error);
  for (guint i = 0; i < self->n_sources; i++) {
    kinds[i] = track_of (self->type, &self->sources[i].flow, &videos[i]);
    if (kinds[i] == MEDLEY_LINK_NONE)
      return mismatch (self, &self->sources[i], error);
  }
  if (g_strcmp0 (self->type->caps, self->type->audio_caps) == 0
      || g_strcmp0 (self->type->caps, self->type->video_caps) == 0)
    return make_single (self, kinds[0], videos[0], error);
  return make_container (self, kinds, videos, error);
}

MedleyLinkKind
medley_encode_get_kind (const char *type_name, const MedleyFlow *flow)
{
  const MedleyMediaType *type = medley_media_lookup (type_name);
  gboolean video;

  if (type == NULL || (type->audio_caps == NULL && type->video_caps == NULL))
    return MEDLEY_LINK_DIRECT;
  return track_of (type, flow, &video);
}

gboolean
medley_encode_make (GstBin *bin, MedleyNode *node, const char *type,
                    const MedleyEncodeSource *sources, guint n_sources, GstElement *sink,
                    guint64 max_pixels, const char **code, GError **error)
{
  Encode self
      = { bin, node, medley_media_lookup (type), type, sources, n_sources, sink, max_pixels, code };
  MedleyMediaType unknown = { .name = type };

  if (self.type == NULL || !self.type->writable) {
    self.type = &unknown;
    return refuse (&self, error, "unsupported-type", "%s is no type that can be written", type);
  }
  if (n_sources == 0)
    return refuse (&self, error, "missing-key", "it has no source");
  if (self.type->audio_caps != NULL || self.type->video_caps != NULL)
    return make_encoded (&self, error);
  if (g_str_equal (self.type->name, "text/vtt"))
    return make_text (&self, MEDLEY_TEXT_VTT, "funnel", error);
  if (g_str_equal (self.type->name, "application/x-ndjson"))
    return make_text (&self, MEDLEY_TEXT_LINES, "funnel", error);
  if (self.type->modality == MEDLEY_MODALITY_TEXT)
    return make_text (&self, MEDLEY_TEXT_PLAIN, "concat", error);
  /* A file of JSON comes in blocks, not documents. */
  if (g_str_equal (self.type->name, "application/json")
      && sources[0].node->kind == MEDLEY_NODE_STAGE)
    return make_text (&self, MEDLEY_TEXT_JSON, "funnel", error);
  return make_direct (&self, error);
}
