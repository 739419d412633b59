/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/hls-playlist.h"

#define SECOND 1000000.0

/* Bits a second of the segment that has most of them. */
static guint64
find_peak (MedleyMp4Scan *scan)
{
  double peak = 1;

  for (guint i = 0; i < medley_mp4_scan_get_n_segments (scan); i++) {
    const MedleyMp4Segment *segment = medley_mp4_scan_get_segment (scan, i);

    if (segment->duration > 0)
      peak = MAX (peak, (double) segment->length * 8 * SECOND / (double) segment->duration);
  }
  return (guint64) peak;
}

/* Of a decimal number, whatever the language. */
static void
append_seconds (GString *text, guint64 microseconds)
{
  g_string_append_printf (text, "%" G_GUINT64_FORMAT ".%06u", microseconds / 1000000,
                          (guint) (microseconds % 1000000));
}

/* The longest segment, rounded: a playlist that says less is not valid. */
static guint64
find_target (MedleyMp4Scan *scan)
{
  guint64 target = MEDLEY_HLS_TARGET;

  for (guint i = 0; i < medley_mp4_scan_get_n_segments (scan); i++)
    target = MAX (target, (medley_mp4_scan_get_segment (scan, i)->duration + 500000) / 1000000);
  return target;
}

static gboolean
all_independent (MedleyMp4Scan *scan)
{
  for (guint i = 0; i < medley_mp4_scan_get_n_segments (scan); i++)
    if (!medley_mp4_scan_get_segment (scan, i)->is_independent)
      return FALSE;
  return TRUE;
}

char *
medley_hls_print_master (MedleyMp4Scan *scan, const char *const *captions)
{
  GString *text = g_string_new ("#EXTM3U\n#EXT-X-VERSION:7\n");
  const char *edition = medley_mp4_scan_get_edition (scan);
  const char *codecs = medley_mp4_scan_get_codecs (scan);
  guint width, height;

  if (all_independent (scan))
    g_string_append (text, "#EXT-X-INDEPENDENT-SEGMENTS\n");
  for (guint i = 0; captions != NULL && captions[i] != NULL; i++)
    g_string_append_printf (
        text,
        "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"captions\",NAME=\"%s\",DEFAULT=%s,"
        "AUTOSELECT=YES,FORCED=NO,URI=\"captions/%s.m3u8\"\n",
        captions[i], i == 0 ? "YES" : "NO", captions[i]);
  g_string_append_printf (text, "#EXT-X-STREAM-INF:BANDWIDTH=%" G_GUINT64_FORMAT, find_peak (scan));
  if (codecs != NULL)
    g_string_append_printf (text, ",CODECS=\"%s\"", codecs);
  medley_mp4_scan_get_size (scan, &width, &height);
  if (width > 0)
    g_string_append_printf (text, ",RESOLUTION=%ux%u", width, height);
  if (captions != NULL && captions[0] != NULL)
    g_string_append (text, ",SUBTITLES=\"captions\"");
  g_string_append_printf (text, "\nmedia.m3u8?edition=%s\n", edition);
  return g_string_free (text, FALSE);
}

char *
medley_hls_print_media (MedleyMp4Scan *scan, gboolean is_complete)
{
  GString *text = g_string_new ("#EXTM3U\n#EXT-X-VERSION:7\n");
  const char *edition = medley_mp4_scan_get_edition (scan);

  g_string_append_printf (text, "#EXT-X-TARGETDURATION:%" G_GUINT64_FORMAT "\n",
                          find_target (scan));
  g_string_append (text, "#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-MEDIA-SEQUENCE:0\n");
  if (all_independent (scan))
    g_string_append (text, "#EXT-X-INDEPENDENT-SEGMENTS\n");
  /* A player that comes late begins where the output does, and need not ask again and again. */
  g_string_append (text,
                   "#EXT-X-START:TIME-OFFSET=0\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES\n");
  g_string_append_printf (text, "#EXT-X-MAP:URI=\"init.mp4?edition=%s\"\n", edition);
  for (guint i = 0; i < medley_mp4_scan_get_n_segments (scan); i++) {
    g_string_append (text, "#EXTINF:");
    append_seconds (text, medley_mp4_scan_get_segment (scan, i)->duration);
    g_string_append_printf (text, ",\n%u.m4s?edition=%s\n", i, edition);
  }
  if (is_complete)
    g_string_append (text, "#EXT-X-ENDLIST\n");
  return g_string_free (text, FALSE);
}

char *
medley_hls_print_captions (MedleyVttScan *scan, const char *name, gboolean is_complete)
{
  GString *text = g_string_new ("#EXTM3U\n#EXT-X-VERSION:7\n");

  g_string_append_printf (text, "#EXT-X-TARGETDURATION:%d\n", MEDLEY_HLS_TARGET);
  g_string_append (text,
                   "#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-MEDIA-SEQUENCE:0\n"
                   "#EXT-X-START:TIME-OFFSET=0\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES\n");
  for (guint i = 0; i < medley_vtt_scan_get_n_segments (scan); i++) {
    g_string_append (text, "#EXTINF:");
    append_seconds (text, medley_vtt_scan_get_duration (scan, i));
    g_string_append_printf (text, ",\n%s/%u.vtt\n", name, i);
  }
  if (is_complete)
    g_string_append (text, "#EXT-X-ENDLIST\n");
  return g_string_free (text, FALSE);
}
