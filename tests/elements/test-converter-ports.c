/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The base class: ports, events, segments, times and queries. */
#include "probe.h"

#include <string.h>

/* A pad to link to a port; its chain function answers with @flow and counts. */
typedef struct {
  GstPad *pad;
  GstFlowReturn flow;
  guint buffers;
  gboolean eos;
} Sink;

static GstFlowReturn
sink_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  Sink *sink = gst_pad_get_element_private (pad);

  sink->buffers++;
  gst_buffer_unref (buffer);
  return sink->flow;
}

static gboolean
sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  Sink *sink = gst_pad_get_element_private (pad);

  if (GST_EVENT_TYPE (event) == GST_EVENT_EOS)
    sink->eos = TRUE;
  return gst_pad_event_default (pad, parent, event);
}

static void
sink_attach (Sink *sink, Probe *probe, const char *port)
{
  g_autoptr (GstPad) src = gst_element_get_static_pad (GST_ELEMENT (probe), port);

  memset (sink, 0, sizeof *sink);
  sink->pad = gst_pad_new ("sink", GST_PAD_SINK);
  gst_pad_set_element_private (sink->pad, sink);
  gst_pad_set_chain_function (sink->pad, sink_chain);
  gst_pad_set_event_function (sink->pad, sink_event);
  gst_pad_set_active (sink->pad, TRUE);
  g_assert_cmpint (gst_pad_link (src, sink->pad), ==, GST_PAD_LINK_OK);
}

static void
sink_detach (Sink *sink)
{
  g_autoptr (GstPad) src = gst_pad_get_peer (sink->pad);

  gst_pad_unlink (src, sink->pad);
  gst_pad_set_active (sink->pad, FALSE);
  gst_object_unref (sink->pad);
}

static void
test_unlinked_ports_are_fine (void)
{
  static const char *const linked[] = { "src", "extra" };

  for (guint i = 0; i < G_N_ELEMENTS (linked); i++) {
    Probe *probe = probe_new ();
    GstHarness *h = harness_new (GST_ELEMENT (probe), linked[i]);

    probe_set_mode (probe, PROBE_BOTH);
    g_assert_cmpint (push_text (h, "xx"), ==, GST_FLOW_OK);
    g_assert_cmpint (push_text (h, "xx"), ==, GST_FLOW_OK);
    g_assert_true (gst_harness_push_event (h, gst_event_new_eos ()));
    g_assert_cmpuint (gst_harness_buffers_received (h), ==, 2);
    assert_no_message_of (GST_ELEMENT (probe), GST_MESSAGE_ERROR);
    gst_harness_teardown (h);
    gst_object_unref (probe);
  }
}

static void
test_nothing_linked (void)
{
  Probe *probe = probe_new ();
  GstHarness *h = harness_new (GST_ELEMENT (probe), NULL);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (push_text (h, "xx"), ==, GST_FLOW_NOT_LINKED);
  assert_no_message_of (GST_ELEMENT (probe), GST_MESSAGE_ERROR);
  gst_element_set_state (GST_ELEMENT (probe), GST_STATE_NULL);
  gst_element_set_state (GST_ELEMENT (probe), GST_STATE_PLAYING);
  gst_harness_teardown (h);

  /* At the end there is no flow to return: the bus has to tell. */
  h = harness_new (GST_ELEMENT (probe), NULL);
  probe_set_mode (probe, PROBE_COLLECT);
  g_assert_cmpint (push_text (h, "xx"), ==, GST_FLOW_OK);
  gst_harness_push_event (h, gst_event_new_eos ());
  error = take_error (GST_ELEMENT (probe));
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_FAILED);
  gst_harness_teardown (h);
  gst_object_unref (probe);
}

static void
test_ends_when_all_linked_ports_ended (void)
{
  Probe *probe = probe_new ();
  GstHarness *h = harness_new (GST_ELEMENT (probe), NULL);
  Sink src, extra;

  sink_attach (&src, probe, "src");
  sink_attach (&extra, probe, "extra");
  probe_set_mode (probe, PROBE_BOTH);
  src.flow = GST_FLOW_EOS;
  g_assert_cmpint (push_text (h, "xx"), ==, GST_FLOW_OK);
  g_assert_cmpint (push_text (h, "xx"), ==, GST_FLOW_OK);
  g_assert_cmpuint (extra.buffers, ==, 2);
  extra.flow = GST_FLOW_EOS;
  g_assert_cmpint (push_text (h, "xx"), ==, GST_FLOW_EOS);
  /* No work is done for nobody. */
  g_assert_true (gst_harness_push_event (h, gst_event_new_eos ()));
  g_assert_cmpuint (probe_count (probe, 'd'), ==, 0);
  g_assert_true (src.eos && extra.eos);
  assert_no_message_of (GST_ELEMENT (probe), GST_MESSAGE_ERROR);
  sink_detach (&src);
  sink_detach (&extra);
  gst_harness_teardown (h);
  gst_object_unref (probe);
}

static void
test_unlinked_port_that_got_nothing_is_not_alive (void)
{
  Probe *probe = probe_new ();
  GstHarness *h = harness_new (GST_ELEMENT (probe), NULL);
  Sink src;

  sink_attach (&src, probe, "src");
  src.flow = GST_FLOW_EOS;
  g_assert_cmpint (push_text (h, "xx"), ==, GST_FLOW_EOS);
  sink_detach (&src);
  gst_harness_teardown (h);
  gst_object_unref (probe);
}

static void
test_downstream_errors_go_upstream (void)
{
  static const GstFlowReturn flows[]
      = { GST_FLOW_ERROR, GST_FLOW_FLUSHING, GST_FLOW_NOT_NEGOTIATED };

  for (guint i = 0; i < G_N_ELEMENTS (flows); i++) {
    Probe *probe = probe_new ();
    GstHarness *h = harness_new (GST_ELEMENT (probe), NULL);
    g_autoptr (GError) error = NULL;
    Sink src;

    sink_attach (&src, probe, "src");
    src.flow = flows[i];
    g_assert_cmpint (push_text (h, "xx"), ==, flows[i]);
    error = take_error (GST_ELEMENT (probe));
    /* Whoever failed has posted it; only caps that do not fit are nobody's fault. */
    if (flows[i] == GST_FLOW_NOT_NEGOTIATED)
      g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_FAILED);
    else
      g_assert_no_error (error);
    sink_detach (&src);
    gst_harness_teardown (h);
    gst_object_unref (probe);
  }
}

static GstEvent *
sticky (GstElement *element, const char *port, GstEventType type)
{
  g_autoptr (GstPad) pad = gst_element_get_static_pad (element, port);

  return gst_pad_get_sticky_event (pad, type, 0);
}

static void
test_ports_have_their_own_streams (void)
{
  Probe *probe = probe_new ();
  GstElement *element = GST_ELEMENT (probe);
  GstHarness *h = harness_new (element, "src");
  GstHarness *extra = gst_harness_new_with_element (element, NULL, "extra");
  g_autofree char *upstream_id = gst_pad_get_stream_id (h->srcpad);
  static const char *const names[] = { "src", "extra" };
  static const char *const media[] = { "text/x-raw", "audio/x-raw" };
  guint groups[2];

  probe_set_mode (probe, PROBE_BOTH);
  g_assert_cmpint (push_text (h, "xx"), ==, GST_FLOW_OK);
  for (guint i = 0; i < 2; i++) {
    g_autoptr (GstEvent) start = sticky (element, names[i], GST_EVENT_STREAM_START);
    g_autoptr (GstEvent) caps_event = sticky (element, names[i], GST_EVENT_CAPS);
    g_autoptr (GstEvent) segment_event = sticky (element, names[i], GST_EVENT_SEGMENT);
    g_autofree char *wanted = g_strdup_printf ("%s/%s", upstream_id, names[i]);
    const GstSegment *segment;
    const char *id;
    GstCaps *caps;

    g_assert_nonnull (start);
    g_assert_nonnull (caps_event);
    g_assert_nonnull (segment_event);
    gst_event_parse_stream_start (start, &id);
    g_assert_cmpstr (id, ==, wanted);
    g_assert_true (gst_event_parse_group_id (start, &groups[i]));
    gst_event_parse_caps (caps_event, &caps);
    g_assert_true (gst_structure_has_name (gst_caps_get_structure (caps, 0), media[i]));
    gst_event_parse_segment (segment_event, &segment);
    g_assert_cmpint (segment->format, ==, GST_FORMAT_TIME);
    g_assert_cmpuint (segment->start, ==, 0);
    g_assert_cmpuint (segment->base, ==, 0);
  }
  g_assert_cmpuint (groups[0], ==, groups[1]);
  g_assert_cmpuint (groups[0], !=, GST_GROUP_ID_INVALID);
  gst_harness_teardown (extra);
  gst_harness_teardown (h);
  gst_object_unref (probe);
}

static void
test_events_are_in_order (void)
{
  Probe *probe = probe_new ();
  GstHarness *h = harness_new (GST_ELEMENT (probe), "src");
  GstTagList *tags = gst_tag_list_new (GST_TAG_TITLE, "An article", GST_TAG_AUDIO_CODEC, "No",
                                       GST_TAG_BITRATE, 5u, NULL);
  static const GstEventType wanted[]
      = { GST_EVENT_STREAM_START, GST_EVENT_CAPS, GST_EVENT_SEGMENT, GST_EVENT_TAG, GST_EVENT_EOS };
  g_autofree char *title = NULL;

  g_assert_true (gst_harness_push_event (h, gst_event_new_tag (tags)));
  g_assert_cmpint (push_text (h, "xx"), ==, GST_FLOW_OK);
  g_assert_true (gst_harness_push_event (h, gst_event_new_eos ()));
  for (guint i = 0; i < G_N_ELEMENTS (wanted); i++) {
    g_autoptr (GstEvent) event = gst_harness_try_pull_event (h);

    g_assert_nonnull (event);
    g_assert_cmpstr (GST_EVENT_TYPE_NAME (event), ==, gst_event_type_get_name (wanted[i]));
    if (wanted[i] == GST_EVENT_TAG) {
      GstTagList *list;

      gst_event_parse_tag (event, &list);
      g_assert_cmpint (gst_tag_list_n_tags (list), ==, 1);
      g_assert_true (gst_tag_list_get_string (list, GST_TAG_TITLE, &title));
      g_assert_cmpstr (title, ==, "An article");
    }
  }
  g_assert_null (gst_harness_try_pull_event (h));
  gst_harness_teardown (h);
  gst_object_unref (probe);
}

static void
test_new_stream_after_eos_is_a_new_job (void)
{
  Probe *probe = probe_new ();
  GstHarness *h = harness_new (GST_ELEMENT (probe), "src");
  g_autofree char *text = NULL;
  GstSegment segment;
  guint starts = 0, segments = 0;
  GstEvent *event;

  g_assert_cmpint (push_text (h, "one"), ==, GST_FLOW_OK);
  g_assert_true (gst_harness_push_event (h, gst_event_new_eos ()));
  g_assert_true (gst_harness_push_event (h, gst_event_new_stream_start ("second")));
  gst_segment_init (&segment, GST_FORMAT_BYTES);
  g_assert_true (gst_harness_push_event (h, gst_event_new_segment (&segment)));
  g_assert_cmpint (push_text (h, "two"), ==, GST_FLOW_OK);
  g_assert_true (gst_harness_push_event (h, gst_event_new_eos ()));
  text = pull_all_text (h);
  g_assert_cmpstr (text, ==, "onetwo");
  while ((event = gst_harness_try_pull_event (h)) != NULL) {
    starts += GST_EVENT_TYPE (event) == GST_EVENT_STREAM_START;
    segments += GST_EVENT_TYPE (event) == GST_EVENT_SEGMENT;
    gst_event_unref (event);
  }
  g_assert_cmpuint (starts, ==, 2);
  g_assert_cmpuint (segments, ==, 2);
  g_assert_cmpuint (probe_count (probe, 'f'), ==, 1);
  g_assert_cmpuint (probe_count (probe, 'd'), ==, 2);
  gst_harness_teardown (h);
  gst_object_unref (probe);
}

static void
test_timed_input_starts_at_zero (void)
{
  Probe *probe = probe_new ();
  GstHarness *h = harness_new (GST_ELEMENT (probe), "src");
  static const struct {
    guint64 pts, duration, wanted, wanted_duration;
  } cases[] = {
    { 5, 1, 0, 1 }, { 7, 2, 2, 2 }, { 4, 3, 0, 2 }, /* begins before the segment does */
  };
  GstSegment segment;
  GstBuffer *late;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = segment.time = 5 * GST_SECOND;
  g_assert_true (gst_harness_push_event (h, gst_event_new_segment (&segment)));
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    GstBuffer *buffer
        = medley_caption_new ("word", cases[i].pts * GST_SECOND, cases[i].duration * GST_SECOND,
                              &(MedleyWord){ .offset = 0, .length = 4, .time = 1 }, 1);
    g_autoptr (GstBuffer) out = NULL;
    g_autoptr (GArray) words = NULL;

    g_assert_cmpint (gst_harness_push (h, buffer), ==, GST_FLOW_OK);
    out = gst_harness_pull (h);
    g_assert_cmpuint (GST_BUFFER_PTS (out), ==, cases[i].wanted * GST_SECOND);
    g_assert_cmpuint (GST_BUFFER_DURATION (out), ==, cases[i].wanted_duration * GST_SECOND);
    words = medley_caption_get_words (out);
    g_assert_cmpuint (words->len, ==, 1);
  }
  late = medley_caption_new ("gone", GST_SECOND, GST_SECOND, NULL, 0);
  g_assert_cmpint (gst_harness_push (h, late), ==, GST_FLOW_OK);
  g_assert_cmpuint (gst_harness_buffers_in_queue (h), ==, 0);
  gst_harness_teardown (h);
  gst_object_unref (probe);
}

/* All audio so far: gapless, from @samples on; returns where it ends. */
static guint64
check_audio (GstHarness *h, guint64 samples)
{
  while (gst_harness_buffers_in_queue (h) > 0) {
    g_autoptr (GstBuffer) buffer = gst_harness_pull (h);
    guint64 n = gst_buffer_get_size (buffer) / 2;

    g_assert_cmpuint (GST_BUFFER_PTS (buffer), ==,
                      gst_util_uint64_scale (samples, GST_SECOND, 16000));
    samples += n;
    g_assert_cmpuint (GST_BUFFER_PTS (buffer) + GST_BUFFER_DURATION (buffer), ==,
                      gst_util_uint64_scale (samples, GST_SECOND, 16000));
  }
  return samples;
}

static void
expect_caption (GstHarness *h, const char *wanted, GstClockTime pts, guint n_words)
{
  g_autoptr (GstBuffer) buffer = gst_harness_pull (h);
  g_autoptr (GArray) words = medley_caption_get_words (buffer);
  g_autofree char *text = g_malloc0 (gst_buffer_get_size (buffer) + 1);

  gst_buffer_extract (buffer, 0, text, gst_buffer_get_size (buffer));
  g_assert_cmpstr (text, ==, wanted);
  g_assert_cmpuint (GST_BUFFER_PTS (buffer), ==, pts);
  g_assert_cmpuint (GST_BUFFER_DURATION (buffer), ==, 20 * GST_MSECOND * strlen (wanted));
  g_assert_cmpuint (words->len, ==, n_words);
  for (guint i = 0; i < words->len; i++) {
    MedleyWord *word = &g_array_index (words, MedleyWord, i);

    g_assert_cmpuint (word->time, ==, pts + 20 * GST_MSECOND * word->offset);
    g_assert_cmpuint (word->offset + word->length, <=, strlen (wanted));
  }
}

static void
test_times_over_several_inputs_and_after_a_flush (void)
{
  GstElement *voice = gst_element_factory_make ("fakevoice", NULL);
  GstHarness *h = harness_new (gst_object_ref_sink (voice), "src");
  GstHarness *captions = gst_harness_new_with_element (voice, NULL, "captions");
  g_autoptr (GstEvent) event = NULL;
  const GstSegment *segment;
  GstSegment input;
  guint64 samples;
  gint64 position;

  g_assert_cmpint (push_text (h, "It is one. It is tw"), ==, GST_FLOW_OK);
  samples = check_audio (h, 0);
  g_assert_cmpuint (samples, ==, 10 * 320);
  g_assert_cmpint (push_text (h, "o. And three."), ==, GST_FLOW_OK);
  samples = check_audio (h, samples);
  g_assert_cmpuint (samples, ==, 20 * 320);
  expect_caption (captions, "It is one.", 0, 3);
  expect_caption (captions, "It is two.", 200 * GST_MSECOND, 3);
  g_assert_true (gst_element_query_position (voice, GST_FORMAT_TIME, &position));
  g_assert_cmpint (position, ==, 400 * GST_MSECOND);

  /* "And three." is dropped, and time starts anew. */
  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&input, GST_FORMAT_BYTES);
  gst_harness_push_event (h, gst_event_new_segment (&input));
  g_assert_cmpint (push_text (h, "Anew."), ==, GST_FLOW_OK);
  g_assert_true (gst_harness_push_event (h, gst_event_new_eos ()));
  g_assert_cmpuint (check_audio (h, 0), ==, 5 * 320);
  expect_caption (captions, "Anew.", 0, 1);
  event = sticky (voice, "src", GST_EVENT_SEGMENT);
  gst_event_parse_segment (event, &segment);
  g_assert_cmpint (segment->format, ==, GST_FORMAT_TIME);
  g_assert_cmpuint (segment->start, ==, 0);
  gst_harness_teardown (captions);
  gst_harness_teardown (h);
  gst_object_unref (voice);
}

static void
test_idle_delivers_and_goes_on (void)
{
  GstElement *voice = gst_element_factory_make ("fakevoice", NULL);
  GstHarness *h = harness_new (gst_object_ref_sink (voice), "src");
  gboolean forwarded = FALSE;
  GstEvent *event;

  g_assert_cmpint (push_text (h, "It is said."), ==, GST_FLOW_OK);
  g_assert_cmpuint (gst_harness_buffers_in_queue (h), ==, 0);
  g_assert_true (gst_harness_push_event (h, medley_event_new_idle ()));
  g_assert_cmpuint (check_audio (h, 0), ==, 11 * 320);
  while ((event = gst_harness_try_pull_event (h)) != NULL) {
    forwarded = forwarded || medley_event_is_idle (event);
    gst_event_unref (event);
  }
  g_assert_true (forwarded);
  g_assert_cmpint (push_text (h, " More"), ==, GST_FLOW_OK);
  g_assert_true (gst_harness_push_event (h, gst_event_new_eos ()));
  g_assert_cmpuint (check_audio (h, 11 * 320), ==, 15 * 320);
  gst_harness_teardown (h);
  gst_object_unref (voice);
}

static void
test_queries_and_seeks_are_answered_for_the_output (void)
{
  Probe *probe = probe_new ();
  GstHarness *h = harness_new (GST_ELEMENT (probe), "src");
  g_autoptr (GstQuery) seeking = gst_query_new_seeking (GST_FORMAT_TIME);
  gboolean seekable = TRUE;
  gint64 value;

  g_assert_false (gst_pad_peer_query_duration (h->sinkpad, GST_FORMAT_BYTES, &value));
  g_assert_false (gst_pad_peer_query_position (h->sinkpad, GST_FORMAT_TIME, &value));
  g_assert_true (gst_pad_peer_query (h->sinkpad, seeking));
  gst_query_parse_seeking (seeking, NULL, &seekable, NULL, NULL);
  g_assert_false (seekable);
  g_assert_false (gst_harness_push_upstream_event (h, gst_event_new_seek (1.0, GST_FORMAT_TIME,
                                                                          GST_SEEK_FLAG_FLUSH,
                                                                          GST_SEEK_TYPE_SET, 0,
                                                                          GST_SEEK_TYPE_NONE, -1)));
  gst_harness_teardown (h);
  gst_object_unref (probe);
}

static void
test_voices_are_listed_when_open (void)
{
  GstElement *voice = gst_object_ref_sink (gst_element_factory_make ("fakevoice", NULL));
  g_autoptr (GstQuery) query = medley_query_new_voices ();
  const GstStructure *first;
  const GValue *voices;

  g_assert_true (medley_query_is_voices (query));
  g_assert_false (gst_element_query (voice, query));
  gst_element_set_state (voice, GST_STATE_READY);
  g_assert_true (gst_element_query (voice, query));
  voices = medley_query_get_voices (query);
  g_assert_cmpuint (gst_value_list_get_size (voices), ==, 2);
  first = gst_value_get_structure (gst_value_list_get_value (voices, 0));
  g_assert_cmpstr (gst_structure_get_string (first, "name"), ==, "low");
  g_assert_cmpstr (gst_structure_get_string (first, "gender"), ==, "male");
  gst_element_set_state (voice, GST_STATE_NULL);
  gst_object_unref (voice);
}

static void
test_negotiation (void)
{
  Probe *probe = probe_new ();
  MedleyConverter *converter = MEDLEY_CONVERTER (probe);
  GstHarness *h = harness_new (GST_ELEMENT (probe), NULL);
  g_autoptr (GstCaps) alone = medley_converter_negotiate_port (converter, "extra");
  g_autoptr (GstCaps) both = NULL;
  GstHarness *extra;
  gint rate;

  g_assert_false (gst_caps_is_fixed (alone));
  g_assert_false (medley_converter_is_port_linked (converter, "extra"));
  extra = gst_harness_new_with_element (GST_ELEMENT (probe), NULL, "extra");
  gst_harness_set_sink_caps_str (extra, "audio/x-raw, format=S16LE, rate=22050");
  g_assert_true (medley_converter_is_port_linked (converter, "extra"));
  both = medley_converter_negotiate_port (converter, "extra");
  g_assert_true (gst_structure_get_int (gst_caps_get_structure (both, 0), "rate", &rate));
  g_assert_cmpint (rate, ==, 22050);
  gst_harness_teardown (extra);
  gst_harness_teardown (h);
  gst_object_unref (probe);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
#define ADD(path, name) g_test_add_func ("/converter/" path, test_##name)
  ADD ("unlinked-ports-are-fine", unlinked_ports_are_fine);
  ADD ("nothing-linked", nothing_linked);
  ADD ("ends-when-all-linked-ports-ended", ends_when_all_linked_ports_ended);
  ADD ("unlinked-port-that-got-nothing-is-not-alive", unlinked_port_that_got_nothing_is_not_alive);
  ADD ("downstream-errors-go-upstream", downstream_errors_go_upstream);
  ADD ("ports-have-their-own-streams", ports_have_their_own_streams);
  ADD ("events-are-in-order", events_are_in_order);
  ADD ("new-stream-after-eos-is-a-new-job", new_stream_after_eos_is_a_new_job);
  ADD ("timed-input-starts-at-zero", timed_input_starts_at_zero);
  ADD ("times-over-several-inputs-and-after-a-flush", times_over_several_inputs_and_after_a_flush);
  ADD ("idle-delivers-and-goes-on", idle_delivers_and_goes_on);
  ADD ("queries-and-seeks-are-answered-for-the-output",
       queries_and_seeks_are_answered_for_the_output);
  ADD ("voices-are-listed-when-open", voices_are_listed_when_open);
  ADD ("negotiation", negotiation);
#undef ADD
  return g_test_run ();
}
