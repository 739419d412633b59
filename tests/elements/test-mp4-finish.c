/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A fragmented MP4 that becomes a plain one: what starts late stays late, and frames keep their
 * order. */
#include <gst/gst.h>
#include <glib/gstdio.h>
#include <string.h>

#include "runner/mp4-finish.h"

#define LATE (700 * GST_MSECOND)
#define FRAMES 90

static void
run (GstElement *pipeline)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstMessage) message = NULL;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  g_assert_nonnull (message);
  g_assert_cmpint (GST_MESSAGE_TYPE (message), ==, GST_MESSAGE_EOS);
  gst_element_set_state (pipeline, GST_STATE_NULL);
}

/* What a reader gets that follows the file while it grows: everything before it goes back. */
static GstPadProbeReturn
follow (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  GByteArray *grown = data;
  const GstSegment *segment;
  GstMapInfo map;

  if (GST_PAD_PROBE_INFO_TYPE (info) & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM) {
    GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);

    if (GST_EVENT_TYPE (event) == GST_EVENT_SEGMENT) {
      gst_event_parse_segment (event, &segment);
      if (segment->start > 0)
        return GST_PAD_PROBE_REMOVE;
    }
    return GST_PAD_PROBE_OK;
  }
  g_assert_true (gst_buffer_map (GST_PAD_PROBE_INFO_BUFFER (info), &map, GST_MAP_READ));
  g_byte_array_append (grown, map.data, (guint) map.size);
  gst_buffer_unmap (GST_PAD_PROBE_INFO_BUFFER (info), &map);
  return GST_PAD_PROBE_OK;
}

/* @grown: gets the bytes that were there before the end */
static void
make_film (const char *path, GByteArray *grown)
{
  g_autoptr (GstElement) pipeline = gst_parse_launch (
      "videotestsrc num-buffers=90 timestamp-offset=700000000 ! "
      "video/x-raw,width=64,height=64,framerate=30/1 "
      "! x264enc bframes=2 key-int-max=30 ! h264parse name=v "
      "audiotestsrc num-buffers=160 ! audio/x-raw,rate=44100 ! voaacenc ! aacparse name=a "
      "mp4mux name=m fragment-duration=1000 fragment-mode=dash-or-mss filesink name=s",
      NULL);
  GstElement *finish = medley_mp4_finish_new ();
  g_autoptr (GstPad) src = gst_element_get_static_pad (finish, "src");
  GstElement *parts[4];

  gst_pad_add_probe (src, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, follow,
                     grown, NULL);
  gst_bin_add (GST_BIN (pipeline), finish);
  for (guint i = 0; i < 4; i++) {
    const char name[2] = { "vams"[i], '\0' };

    parts[i] = gst_bin_get_by_name (GST_BIN (pipeline), name);
  }
  g_object_set (parts[3], "location", path, NULL);
  medley_mp4_finish_watch (MEDLEY_MP4_FINISH (finish), parts[2]);
  g_assert_true (gst_element_link (parts[0], parts[2]));
  g_assert_true (gst_element_link (parts[1], parts[2]));
  g_assert_true (gst_element_link_many (parts[2], finish, parts[3], NULL));
  run (pipeline);
  for (guint i = 0; i < 4; i++)
    gst_object_unref (parts[i]);
}

typedef struct {
  GstClockTime first, last;
  guint n;
} Seen;

static GstPadProbeReturn
see (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  g_autoptr (GstEvent) event = gst_pad_get_sticky_event (pad, GST_EVENT_SEGMENT, 0);
  const GstSegment *segment;
  GstClockTime time;
  Seen *seen = data;

  gst_event_parse_segment (event, &segment);
  time = gst_segment_to_running_time (segment, GST_FORMAT_TIME,
                                      GST_BUFFER_PTS (GST_PAD_PROBE_INFO_BUFFER (info)));
  if (seen->n++ == 0)
    seen->first = time;
  else
    g_assert_cmpuint (time, >, seen->last);
  seen->last = time;
  return GST_PAD_PROBE_OK;
}

/* Plays a film, as fast as it goes. */
static void
play (const char *path, Seen *video, Seen *audio)
{
  g_autofree char *text = g_strdup_printf ("filesrc location=%s ! qtdemux name=d "
                                           "d.video_0 ! queue ! avdec_h264 ! fakesink name=v "
                                           "d.audio_0 ! queue ! fakesink name=a",
                                           path);
  g_autoptr (GstElement) pipeline = gst_parse_launch (text, NULL);
  Seen *seen[2] = { video, audio };

  for (guint i = 0; i < 2; i++) {
    g_autoptr (GstElement) sink = gst_bin_get_by_name (GST_BIN (pipeline), i == 0 ? "v" : "a");
    g_autoptr (GstPad) pad = gst_element_get_static_pad (sink, "sink");

    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, see, seen[i], NULL);
  }
  run (pipeline);
}

static gboolean
have (const char *const *names)
{
  for (; *names != NULL; names++) {
    g_autoptr (GstElementFactory) factory = gst_element_factory_find (*names);

    if (factory == NULL)
      return FALSE;
  }
  return TRUE;
}

static void
check_late (const Seen *video, const Seen *audio, GstClockTime late)
{
  g_assert_cmpuint (video->n, ==, FRAMES);
  g_assert_cmpuint (audio->n, >, 100);
  g_assert_cmpuint (audio->first, <, 50 * GST_MSECOND);
  g_assert_cmpuint (video->first, >=, late - 20 * GST_MSECOND);
  g_assert_cmpuint (video->first, <=, late + 20 * GST_MSECOND);
}

static void
test_a_late_picture_stays_late (void)
{
  static const char *const needed[]
      = { "x264enc", "voaacenc", "mp4mux", "qtdemux", "avdec_h264", "h264parse", "aacparse", NULL };
  g_autofree char *folder = g_dir_make_tmp ("medley-mp4-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "film.mp4", NULL);
  g_autoptr (GByteArray) grown = g_byte_array_new ();
  Seen video = { 0 }, audio = { 0 };
  const guint8 *fragments;

  if (!have (needed)) {
    g_test_skip ("the encoders or decoders are not installed");
    g_rmdir (folder);
    return;
  }
  make_film (path, grown);
  play (path, &video, &audio);
  check_late (&video, &audio, LATE);
  /* The same, but for the two frames that these are put into order with, for who follows it, and
   * for a player of its segments, which knows no edit lists. */
  g_assert_true (g_file_set_contents (path, (const char *) grown->data, grown->len, NULL));
  fragments = memmem (grown->data, grown->len, "moof", 4);
  g_assert_nonnull (fragments);
  g_assert_null (memmem (grown->data, (gsize) (fragments - grown->data), "elst", 4));
  video = audio = (Seen){ 0 };
  play (path, &video, &audio);
  check_late (&video, &audio, LATE + 2 * GST_SECOND / 30);
  g_unlink (path);
  g_rmdir (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  gst_init (NULL, NULL);
  g_test_add_func ("/mp4-finish/a-late-picture-stays-late", test_a_late_picture_stays_late);
  return g_test_run ();
}
