/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/encode-tuning.h"

#include <gst/video/video.h>

#define MP3_MONO_KBPS 64
#define MP3_STEREO_KBPS 160
/* Who watches a film while it is made gets it in parts that begin with a key frame, the first that
 * comes after this time (MEDLEY_MP4_SEGMENT_LEAST) ... */
#define PART_LEAST (2 * GST_SECOND)
/* ... and at this one it is asked for. With frames of up to 1.5 seconds no part has more than 6. */
#define PART_MOST (4 * GST_SECOND)

/* clang-format off */
static const struct {
  const char *factory;
  const char *property;
  const char *value;
} table[] = {
  /* Opus: complexity 10 costs half as much again as 5 and nobody hears it in speech. */
  { "opusenc", "complexity", "5" },
  { "opusenc", "bitrate", "48000" },
  /* Still pictures with text, often the same again: a quality to aim at instead of a rate, no look-ahead (it holds
   * back what a live reader waits for), a picture to seek to every 30 frames besides those that a stage asks for. One
   * thread: frames are small, and vp8enc's others wait in a loop that costs seven times the work when the machine is
   * busy. */
  { "vp8enc", "deadline", "1" },
  { "vp8enc", "cpu-used", "16" },
  { "vp8enc", "static-threshold", "1000" },
  { "vp8enc", "lag-in-frames", "0" },
  { "vp8enc", "end-usage", "cq" },
  { "vp8enc", "cq-level", "20" },
  { "vp8enc", "min-quantizer", "4" },
  { "vp8enc", "max-quantizer", "50" },
  { "vp8enc", "target-bitrate", "4000000" },
  { "vp8enc", "keyframe-max-dist", "30" },
  { "vp8enc", "threads", "1" },
  { "x264enc", "tune", "zerolatency" },
  { "x264enc", "speed-preset", "superfast" },
  { "x264enc", "pass", "qual" },
  { "x264enc", "quantizer", "22" },
  { "x264enc", "key-int-max", "30" },
  { "x264enc", "threads", "1" },
  { "voaacenc", "bitrate", "64000" },
  { "avenc_aac", "bitrate", "64000" },
  /* Readable while it grows; MedleyMp4Finish makes it a plain file at the end. "first-moov-then-finalise" would too, but
   * what it writes is completed later, and who reads meanwhile has got what cannot be played. */
  { "mp4mux", "fragment-duration", "1000" },
  { "mp4mux", "fragment-mode", "dash-or-mss" },
  { "pngenc", "snapshot", "true" },
  { "jpegenc", "snapshot", "true" },
  { "jpegenc", "quality", "92" },
  /* Of one rate: its length tells how long it plays, however much of it there is yet. */
  { "lamemp3enc", "target", "bitrate" },
  { "lamemp3enc", "cbr", "true" },
};
/* clang-format on */

/* With durations, webmmux marks no frame as depending on another, and players seek to what they
 * cannot decode. */
static void
tune_webm_pad (GstElement *muxer, GstPad *pad, gpointer data)
{
  if (GST_PAD_IS_SINK (pad)
      && g_object_class_find_property (G_OBJECT_GET_CLASS (pad), "frame-duration") != NULL)
    g_object_set (pad, "frame-duration", FALSE, NULL);
}

/* What the tracks need; before the encoder sees the caps, since it cannot be changed later. */
static GstPadProbeReturn
tune_mp3 (GstPad *pad, GstPadProbeInfo *info, gpointer encoder)
{
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  gint channels = 0;
  GstCaps *caps;

  if (GST_EVENT_TYPE (event) != GST_EVENT_CAPS)
    return GST_PAD_PROBE_OK;
  gst_event_parse_caps (event, &caps);
  gst_structure_get_int (gst_caps_get_structure (caps, 0), "channels", &channels);
  g_object_set (encoder, "bitrate", channels == 1 ? MP3_MONO_KBPS : MP3_STEREO_KBPS, NULL);
  return GST_PAD_PROBE_OK;
}

static void
watch_mp3 (GstElement *encoder)
{
  g_autoptr (GstPad) sink = gst_element_get_static_pad (encoder, "sink");

  gst_pad_add_probe (sink, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, tune_mp3, encoder, NULL);
}

/* A picture that stands for long is a frame a second: counting frames is not enough. */
typedef struct {
  GstElement *encoder; /* not owned: it has the pad */
  GstClockTime part;   /* when it began */
  gboolean is_asked;   /* somebody wants the next frame to be a key frame */
} KeyFrames;

static void
ask_for_key (GstElement *encoder)
{
  g_autoptr (GstPad) src = gst_element_get_static_pad (encoder, "src");

  /* Without a time: x264enc shifts its times by 1,000 hours. */
  gst_pad_send_event (src,
                      gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE, FALSE, 0));
}

static GstPadProbeReturn
keep_keys_coming (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  KeyFrames *self = data;
  GstClockTime time;

  if (GST_PAD_PROBE_INFO_TYPE (info) & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM) {
    self->is_asked |= gst_video_event_is_force_key_unit (GST_PAD_PROBE_INFO_EVENT (info));
    return GST_PAD_PROBE_OK;
  }
  time = GST_BUFFER_PTS (GST_PAD_PROBE_INFO_BUFFER (info));
  if (!GST_CLOCK_TIME_IS_VALID (time))
    return GST_PAD_PROBE_OK;
  if (!GST_CLOCK_TIME_IS_VALID (self->part)
      || (self->is_asked && time >= self->part + PART_LEAST)) {
    self->part = time;
  } else if (time >= self->part + PART_MOST) {
    ask_for_key (self->encoder);
    self->part = time;
  }
  self->is_asked = FALSE;
  return GST_PAD_PROBE_OK;
}

static void
watch_keys (GstElement *encoder)
{
  g_autoptr (GstPad) sink = gst_element_get_static_pad (encoder, "sink");
  KeyFrames *self = g_new0 (KeyFrames, 1);

  self->encoder = encoder;
  self->part = GST_CLOCK_TIME_NONE;
  gst_pad_add_probe (sink, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
                     keep_keys_coming, self, g_free);
}

void
medley_encode_tune (GstElement *element)
{
  GstElementFactory *factory = gst_element_get_factory (element);

  if (factory == NULL)
    return;
  if (g_str_equal (GST_OBJECT_NAME (factory), "webmmux"))
    g_signal_connect (element, "pad-added", G_CALLBACK (tune_webm_pad), NULL);
  if (g_str_equal (GST_OBJECT_NAME (factory), "lamemp3enc"))
    watch_mp3 (element);
  if (g_str_equal (GST_OBJECT_NAME (factory), "x264enc"))
    watch_keys (element);
  for (guint i = 0; i < G_N_ELEMENTS (table); i++)
    if (g_str_equal (table[i].factory, GST_OBJECT_NAME (factory))
        && g_object_class_find_property (G_OBJECT_GET_CLASS (element), table[i].property) != NULL)
      gst_util_set_object_arg (G_OBJECT (element), table[i].property, table[i].value);
}
