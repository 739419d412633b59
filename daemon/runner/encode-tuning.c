/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/encode-tuning.h"

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
  /* Readable while it grows, a plain file with an index at the end. */
  { "mp4mux", "fragment-duration", "1000" },
  { "mp4mux", "fragment-mode", "first-moov-then-finalise" },
  { "pngenc", "snapshot", "true" },
  { "jpegenc", "snapshot", "true" },
  { "jpegenc", "quality", "92" },
  { "lamemp3enc", "target", "quality" },
  { "lamemp3enc", "quality", "4" },
};
/* clang-format on */

/* With durations, webmmux marks no frame as depending on another, and players seek to what they cannot decode. */
static void
tune_webm_pad (GstElement *muxer, GstPad *pad, gpointer data)
{
  if (GST_PAD_IS_SINK (pad) && g_object_class_find_property (G_OBJECT_GET_CLASS (pad), "frame-duration") != NULL)
    g_object_set (pad, "frame-duration", FALSE, NULL);
}

void
medley_encode_tune (GstElement *element)
{
  GstElementFactory *factory = gst_element_get_factory (element);

  if (factory == NULL)
    return;
  if (g_str_equal (GST_OBJECT_NAME (factory), "webmmux"))
    g_signal_connect (element, "pad-added", G_CALLBACK (tune_webm_pad), NULL);
  for (guint i = 0; i < G_N_ELEMENTS (table); i++)
    if (g_str_equal (table[i].factory, GST_OBJECT_NAME (factory))
        && g_object_class_find_property (G_OBJECT_GET_CLASS (element), table[i].property) != NULL)
      gst_util_set_object_arg (G_OBJECT (element), table[i].property, table[i].value);
}
