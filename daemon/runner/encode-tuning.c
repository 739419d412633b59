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
  /* Still frames with text: a quality to aim at instead of a rate, no look-ahead (it holds back what a live reader
   * waits for), a picture to seek to every ten frames, which are seconds when nothing moves. */
  { "vp8enc", "deadline", "1" },
  { "vp8enc", "cpu-used", "8" },
  { "vp8enc", "lag-in-frames", "0" },
  { "vp8enc", "end-usage", "cq" },
  { "vp8enc", "cq-level", "12" },
  { "vp8enc", "min-quantizer", "4" },
  { "vp8enc", "max-quantizer", "40" },
  { "vp8enc", "target-bitrate", "4000000" },
  { "vp8enc", "keyframe-max-dist", "10" },
  { "vp8enc", "threads", "1" },
  { "x264enc", "tune", "zerolatency" },
  { "x264enc", "speed-preset", "veryfast" },
  { "x264enc", "pass", "qual" },
  { "x264enc", "quantizer", "20" },
  { "x264enc", "key-int-max", "10" },
  { "x264enc", "threads", "2" },
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

void
medley_encode_tune (GstElement *element)
{
  GstElementFactory *factory = gst_element_get_factory (element);

  if (factory == NULL)
    return;
  for (guint i = 0; i < G_N_ELEMENTS (table); i++)
    if (g_str_equal (table[i].factory, GST_OBJECT_NAME (factory))
        && g_object_class_find_property (G_OBJECT_GET_CLASS (element), table[i].property) != NULL)
      gst_util_set_object_arg (G_OBJECT (element), table[i].property, table[i].value);
}
