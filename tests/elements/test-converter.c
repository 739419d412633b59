/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The base class: states, cancellation, errors, limits and text. */
#include "probe.h"

#include <string.h>

static void
test_output_flows_before_input_is_consumed (void)
{
  Probe *probe = probe_new ();
  GstHarness *h = harness_new (GST_ELEMENT (probe), "src");
  g_autofree char *text = NULL;
  GThread *thread;

  probe_set_mode (probe, PROBE_PUSH_AND_WAIT);
  thread = push_in_thread (h, "first");
  text = pull_text (h);
  g_assert_cmpstr (text, ==, "first");
  /* The call that made it has not returned: releasing asserts that. */
  probe_release (probe);
  g_assert_cmpint (join_push (thread), ==, GST_FLOW_OK);
  gst_harness_teardown (h);
  gst_object_unref (probe);
}

static void
test_eos_drains (void)
{
  Probe *probe = probe_new ();
  GstHarness *h = harness_new (GST_ELEMENT (probe), "src");
  g_autofree char *text = NULL, *calls = NULL;

  probe_set_mode (probe, PROBE_COLLECT);
  g_assert_cmpint (push_text (h, "all of "), ==, GST_FLOW_OK);
  g_assert_cmpint (push_text (h, "it"), ==, GST_FLOW_OK);
  g_assert_cmpuint (gst_harness_buffers_received (h), ==, 0);
  g_assert_true (gst_harness_push_event (h, gst_event_new_eos ()));
  text = pull_all_text (h);
  g_assert_cmpstr (text, ==, "all of it");
  for (gboolean eos = FALSE; !eos;) {
    g_autoptr (GstEvent) event = gst_harness_try_pull_event (h);

    g_assert_nonnull (event);
    eos = GST_EVENT_TYPE (event) == GST_EVENT_EOS;
  }
  g_assert_cmpint (push_text (h, "more"), ==, GST_FLOW_EOS);
  gst_harness_teardown (h);
  calls = probe_calls (probe);
  g_assert_cmpstr (calls, ==, "osnppdtc");
  gst_object_unref (probe);
}

static void
test_flush_ends_a_blocked_call (void)
{
  Probe *probe = probe_new ();
  GstHarness *h = harness_new (GST_ELEMENT (probe), "src");
  g_autofree char *text = NULL;
  GstSegment segment;
  GThread *thread;

  probe_set_mode (probe, PROBE_BLOCK);
  thread = push_in_thread (h, "wait");
  probe_wait_inside (probe);
  g_assert_true (gst_harness_push_event (h, gst_event_new_flush_start ()));
  g_assert_cmpint (join_push (thread), ==, GST_FLOW_FLUSHING);
  g_assert_true (probe_was_cancelled (probe));
  g_assert_true (gst_harness_push_event (h, gst_event_new_flush_stop (TRUE)));
  g_assert_cmpuint (probe_count (probe, 'f'), ==, 1);
  assert_no_message_of (GST_ELEMENT (probe), GST_MESSAGE_ERROR);

  /* And the job goes on, with a cancellable that is not cancelled. */
  probe_set_mode (probe, PROBE_ECHO);
  gst_segment_init (&segment, GST_FORMAT_BYTES);
  g_assert_true (gst_harness_push_event (h, gst_event_new_segment (&segment)));
  g_assert_cmpint (push_text (h, "again"), ==, GST_FLOW_OK);
  text = pull_text (h);
  g_assert_cmpstr (text, ==, "again");
  gst_harness_teardown (h);
  gst_object_unref (probe);
}

static void
test_stop_ends_a_blocked_call (void)
{
  Probe *probe = probe_new ();
  GstHarness *h = harness_new (GST_ELEMENT (probe), "src");
  g_autofree char *calls = NULL;
  GThread *thread;

  probe_set_mode (probe, PROBE_BLOCK);
  thread = push_in_thread (h, "wait");
  probe_wait_inside (probe);
  g_assert_cmpint (gst_element_set_state (GST_ELEMENT (probe), GST_STATE_READY), ==,
                   GST_STATE_CHANGE_SUCCESS);
  g_assert_cmpint (join_push (thread), ==, GST_FLOW_FLUSHING);
  g_assert_true (probe_was_cancelled (probe));
  assert_no_message_of (GST_ELEMENT (probe), GST_MESSAGE_ERROR);
  gst_harness_teardown (h);
  calls = probe_calls (probe);
  g_assert_cmpstr (calls, ==, "osnptc");
  gst_object_unref (probe);
}

static void
test_flush_ends_a_blocked_push (void)
{
  GstElement *voice = gst_element_factory_make ("fakeendless", NULL);
  GstHarness *h = harness_new (gst_object_ref_sink (voice), "src");
  GThread *thread = push_in_thread (h, "and again ");

  for (guint i = 0; i < 100; i++) {
    g_autofree char *text = pull_text (h);

    g_assert_cmpstr (text, ==, "and again ");
  }
  g_assert_true (gst_harness_push_event (h, gst_event_new_flush_start ()));
  g_assert_cmpint (join_push (thread), ==, GST_FLOW_FLUSHING);
  assert_no_message_of (voice, GST_MESSAGE_ERROR);
  gst_harness_teardown (h);
  gst_object_unref (voice);
}

static void
check_error (ProbeMode mode, MedleyError code, const char *said)
{
  Probe *probe = probe_new ();
  GstHarness *h = harness_new (GST_ELEMENT (probe), "src");
  g_autoptr (GError) error = NULL;
  GstSegment segment;

  probe_set_mode (probe, mode);
  g_assert_cmpint (push_text (h, "x"), ==, GST_FLOW_ERROR);
  error = take_error (GST_ELEMENT (probe));
  g_assert_error (error, MEDLEY_ERROR, (gint) code);
  g_assert_nonnull (strstr (error->message, said));

  /* Once is enough, and nothing more is worked on. */
  probe_set_mode (probe, PROBE_ECHO);
  g_assert_cmpint (push_text (h, "y"), ==, GST_FLOW_ERROR);
  gst_harness_push_event (h, gst_event_new_eos ());
  assert_no_message_of (GST_ELEMENT (probe), GST_MESSAGE_ERROR);
  g_assert_cmpuint (probe_count (probe, 'p'), ==, 1);
  g_assert_cmpuint (probe_count (probe, 'd'), ==, 0);

  /* Until a flush. */
  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_BYTES);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  g_assert_cmpint (push_text (h, "z"), ==, GST_FLOW_OK);
  gst_harness_teardown (h);
  gst_object_unref (probe);
}

static void
test_errors_are_typed_and_posted_once (void)
{
  check_error (PROBE_FAIL, MEDLEY_ERROR_BAD_INPUT, "as asked for");
  check_error (PROBE_FAIL_FOREIGN, MEDLEY_ERROR_ENGINE_FAILED, "the library says no");
  check_error (PROBE_FAIL_SILENTLY, MEDLEY_ERROR_ENGINE_FAILED, "no reason");
  check_error (PROBE_NO_CAPS, MEDLEY_ERROR_ENGINE_FAILED, "extra");
  check_error (PROBE_WRONG_PORT, MEDLEY_ERROR_ENGINE_FAILED, "nowhere");
}

static void
test_open_and_start_errors_fail_the_state_change (void)
{
  Probe *probe = probe_new ();
  GstElement *element = GST_ELEMENT (probe);
  g_autoptr (GError) open_error = NULL, start_error = NULL;
  g_autofree char *calls = NULL;

  probe->fail_open = TRUE;
  g_assert_cmpint (gst_element_set_state (element, GST_STATE_READY), ==, GST_STATE_CHANGE_FAILURE);
  open_error = take_error (element);
  g_assert_error (open_error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE);

  probe->fail_open = FALSE;
  probe->fail_start = TRUE;
  g_assert_cmpint (gst_element_set_state (element, GST_STATE_PAUSED), ==, GST_STATE_CHANGE_FAILURE);
  start_error = take_error (element);
  g_assert_error (start_error, MEDLEY_ERROR, MEDLEY_ERROR_UNKNOWN_VOICE);

  probe->fail_start = FALSE;
  g_assert_cmpint (gst_element_set_state (element, GST_STATE_PAUSED), ==, GST_STATE_CHANGE_SUCCESS);
  gst_element_set_state (element, GST_STATE_NULL);
  calls = probe_calls (probe);
  g_assert_cmpstr (calls, ==, "oosstc");
  gst_object_unref (probe);
}

static void
check_refused (const char *data, gsize size, guint64 max, MedleyError code)
{
  Probe *probe = probe_new ();
  GstHarness *h = harness_new (GST_ELEMENT (probe), "src");
  g_autoptr (GError) error = NULL;

  if (max > 0)
    g_object_set (probe, "max-input-bytes", max, NULL);
  if (size > 0)
    gst_harness_push (h, text_buffer (data, (gssize) size));
  gst_harness_push_event (h, gst_event_new_eos ());
  error = take_error (GST_ELEMENT (probe));
  g_assert_error (error, MEDLEY_ERROR, (gint) code);
  assert_no_message_of (GST_ELEMENT (probe), GST_MESSAGE_ERROR);
  g_assert_cmpuint (probe_count (probe, 'd'), ==, 0);
  gst_harness_teardown (h);
  gst_object_unref (probe);
}

static void
test_bad_input_is_refused (void)
{
  check_refused ("0123456789", 10, 9, MEDLEY_ERROR_TOO_LARGE);
  check_refused ("caf\xe9!", 5, 0, MEDLEY_ERROR_BAD_ENCODING);
  check_refused ("caf\xc3", 4, 0, MEDLEY_ERROR_BAD_ENCODING);
  check_refused ("a\0b", 3, 0, MEDLEY_ERROR_NUL_IN_TEXT);
  check_refused (NULL, 0, 0, MEDLEY_ERROR_EMPTY_INPUT);
  check_refused ("\xef\xbb\xbf", 3, 0, MEDLEY_ERROR_EMPTY_INPUT);
}

static void
test_limit_counts_all_buffers (void)
{
  Probe *probe = probe_new ();
  GstHarness *h = harness_new (GST_ELEMENT (probe), "src");
  g_autoptr (GError) error = NULL;
  guint64 max;

  g_object_get (probe, "max-input-bytes", &max, NULL);
  g_assert_cmpuint (max, ==, 64 * 1024 * 1024);
  g_object_set (probe, "max-input-bytes", (guint64) 10, NULL);
  for (guint i = 0; i < 2; i++)
    g_assert_cmpint (push_text (h, "12345"), ==, GST_FLOW_OK);
  g_assert_cmpint (push_text (h, "6"), ==, GST_FLOW_ERROR);
  error = take_error (GST_ELEMENT (probe));
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_TOO_LARGE);
  gst_harness_teardown (h);
  gst_object_unref (probe);
}

static void
test_characters_split_over_buffers_and_bom (void)
{
  Probe *probe = probe_new ();
  GstHarness *h = harness_new (GST_ELEMENT (probe), "src");
  const char *data = "\xef\xbb\xbfna\xc3\xafve \xe2\x82\xac \xf0\x9f\x98\x80.";
  GString *all = g_string_new (NULL);

  for (const char *p = data; *p != '\0'; p++)
    g_assert_cmpint (gst_harness_push (h, text_buffer (p, 1)), ==, GST_FLOW_OK);
  g_assert_true (gst_harness_push_event (h, gst_event_new_eos ()));
  while (gst_harness_buffers_in_queue (h) > 0) {
    g_autofree char *text = pull_text (h);

    g_assert_true (g_utf8_validate (text, -1, NULL));
    g_string_append (all, text);
  }
  g_assert_cmpstr (all->str, ==, "naïve € 😀.");
  g_string_free (all, TRUE);
  gst_harness_teardown (h);
  gst_object_unref (probe);
}

static void
test_long_text_comes_in_pieces (void)
{
  Probe *probe = probe_new ();
  GstHarness *h = harness_new (GST_ELEMENT (probe), "src");
  GString *text = g_string_new ("x");
  g_autofree char *got = NULL;

  while (text->len < 1024 * 1024)
    g_string_append (text, "€");
  g_assert_cmpint (push_text (h, text->str), ==, GST_FLOW_OK);
  g_assert_cmpuint (probe->sizes->len, >=, 4);
  for (guint i = 0; i < probe->sizes->len; i++)
    g_assert_cmpuint (g_array_index (probe->sizes, gsize, i), <=, 256 * 1024);
  while (gst_harness_buffers_in_queue (h) > 0) {
    g_autofree char *piece = pull_text (h);
    g_autofree char *before = g_steal_pointer (&got);

    g_assert_true (g_utf8_validate (piece, -1, NULL));
    got = g_strconcat (before ? before : "", piece, NULL);
  }
  g_assert_cmpstr (got, ==, text->str);
  g_string_free (text, TRUE);
  gst_harness_teardown (h);
  gst_object_unref (probe);
}

/* Made by hand: the tests' registry holds no plugin but ours. It stays, its hooks point to it. */
static GstTracer *
leaks_tracer (void)
{
  g_autoptr (GstPlugin) plugin = gst_plugin_load_file (CORETRACERS, NULL);
  GList *factories = gst_tracer_factory_get_list ();
  GstTracer *tracer = NULL;

  g_assert_nonnull (plugin);
  for (GList *l = factories; l != NULL; l = l->next)
    if (g_str_equal (GST_OBJECT_NAME (l->data), "leaks"))
      tracer = g_object_new (gst_tracer_factory_get_tracer_type (l->data), NULL);
  gst_plugin_feature_list_free (factories);
  g_assert_nonnull (tracer);
  return tracer;
}

static guint
list_size (GstStructure *checkpoint, const char *name)
{
  return gst_value_list_get_size (gst_structure_get_value (checkpoint, name));
}

static void
flow_once (GstElement *element)
{
  g_autoptr (GstPad) sink = gst_element_get_static_pad (element, "sink");
  g_autoptr (GstCaps) caps = gst_caps_from_string ("text/x-raw, format=utf8");
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_BYTES);
  g_assert_true (gst_pad_send_event (sink, gst_event_new_stream_start ("id")));
  g_assert_true (gst_pad_send_event (sink, gst_event_new_caps (caps)));
  g_assert_true (gst_pad_send_event (sink, gst_event_new_segment (&segment)));
  g_assert_cmpint (gst_pad_chain (sink, text_buffer ("x\xe2", 2)), ==, GST_FLOW_NOT_LINKED);
}

static void
cycle (guint n)
{
  Probe *probe = probe_new ();
  GstElement *element = GST_ELEMENT (probe);

  for (guint i = 0; i < n; i++) {
    g_assert_cmpint (gst_element_set_state (element, GST_STATE_PLAYING), ==,
                     GST_STATE_CHANGE_SUCCESS);
    flow_once (element);
    g_assert_cmpint (gst_element_set_state (element, GST_STATE_READY), ==,
                     GST_STATE_CHANGE_SUCCESS);
    if (i % 3 == 0)
      gst_element_set_state (element, GST_STATE_NULL);
    gst_bus_set_flushing (GST_ELEMENT_BUS (element), TRUE);
    gst_bus_set_flushing (GST_ELEMENT_BUS (element), FALSE);
  }
  gst_element_set_state (element, GST_STATE_NULL);
  g_assert_cmpuint (probe_count (probe, 'o'), ==, (n + 2) / 3);
  g_assert_cmpuint (probe_count (probe, 'c'), ==, (n + 2) / 3);
  g_assert_cmpuint (probe_count (probe, 's'), ==, n);
  g_assert_cmpuint (probe_count (probe, 't'), ==, n);
  g_object_add_weak_pointer (G_OBJECT (probe), (gpointer *) &element);
  gst_object_unref (probe);
  g_assert_null (element);
}

static void
test_thousand_state_changes_leak_nothing (void)
{
  GstTracer *tracer = leaks_tracer ();
  GstStructure *checkpoint = NULL;

  /* Makes what stays for good, such as templates' caps. */
  cycle (1);
  g_signal_emit_by_name (tracer, "activity-start-tracking");
  cycle (1000);
  g_signal_emit_by_name (tracer, "activity-get-checkpoint", &checkpoint);
  g_signal_emit_by_name (tracer, "activity-stop-tracking");
  g_assert_cmpuint (list_size (checkpoint, "objects-created-list"), >, 1000);
  g_assert_cmpuint (list_size (checkpoint, "objects-created-list"), ==,
                    list_size (checkpoint, "objects-removed-list"));
  gst_structure_free (checkpoint);
}

static void
test_model_stays_open_between_jobs (void)
{
  Probe *probe = probe_new ();
  GstHarness *h = harness_new (GST_ELEMENT (probe), "src");
  GstElement *element = GST_ELEMENT (probe);

  for (guint i = 0; i < 20; i++) {
    gst_element_set_state (element, GST_STATE_READY);
    gst_element_set_state (element, GST_STATE_PLAYING);
  }
  g_assert_cmpuint (probe_count (probe, 'o'), ==, 1);
  g_assert_cmpuint (probe_count (probe, 'c'), ==, 0);
  g_assert_cmpuint (probe_count (probe, 's'), ==, 21);
  gst_harness_teardown (h);
  gst_object_unref (probe);
}

static void
test_progress_is_throttled_and_ends_at_the_total (void)
{
  Probe *probe = probe_new ();
  GstHarness *h = harness_new (GST_ELEMENT (probe), "src");
  gint64 start = g_get_monotonic_time (), seconds;
  guint64 done = 0, total = 0;
  GstMessage *message;
  guint count = 0;

  for (guint i = 0; i < 2000; i++)
    g_assert_cmpint (push_text (h, "x"), ==, GST_FLOW_OK);
  gst_harness_push_event (h, gst_event_new_eos ());
  seconds = (g_get_monotonic_time () - start) / G_USEC_PER_SEC + 1;
  while ((message = gst_bus_pop_filtered (GST_ELEMENT_BUS (probe), GST_MESSAGE_ELEMENT)) != NULL) {
    const GstStructure *structure = gst_message_get_structure (message);
    guint64 now;

    g_assert_true (gst_structure_has_name (structure, "medley-progress"));
    g_assert_true (gst_structure_get_uint64 (structure, "done", &now));
    g_assert_true (gst_structure_get_uint64 (structure, "total", &total));
    g_assert_cmpuint (now, >=, done);
    done = now;
    count++;
    gst_message_unref (message);
  }
  g_assert_cmpuint (done, ==, 2000);
  g_assert_cmpuint (total, ==, 2000);
  g_assert_cmpuint (count, >=, 2);
  g_assert_cmpuint (count, <=, (guint) (10 * seconds + 2));
  gst_harness_teardown (h);
  gst_object_unref (probe);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
#define ADD(path, name) g_test_add_func ("/converter/" path, test_##name)
  ADD ("output-flows-before-input-is-consumed", output_flows_before_input_is_consumed);
  ADD ("eos-drains", eos_drains);
  ADD ("flush-ends-a-blocked-call", flush_ends_a_blocked_call);
  ADD ("stop-ends-a-blocked-call", stop_ends_a_blocked_call);
  ADD ("flush-ends-a-blocked-push", flush_ends_a_blocked_push);
  ADD ("errors-are-typed-and-posted-once", errors_are_typed_and_posted_once);
  ADD ("open-and-start-errors-fail-the-state-change", open_and_start_errors_fail_the_state_change);
  ADD ("bad-input-is-refused", bad_input_is_refused);
  ADD ("limit-counts-all-buffers", limit_counts_all_buffers);
  ADD ("characters-split-over-buffers-and-bom", characters_split_over_buffers_and_bom);
  ADD ("long-text-comes-in-pieces", long_text_comes_in_pieces);
  ADD ("thousand-state-changes-leak-nothing", thousand_state_changes_leak_nothing);
  ADD ("model-stays-open-between-jobs", model_stays_open_between_jobs);
  ADD ("progress-is-throttled-and-ends-at-the-total", progress_is_throttled_and_ends_at_the_total);
#undef ADD
  return g_test_run ();
}
