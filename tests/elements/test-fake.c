/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The fake engines do what they say. */
#include "probe.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static GstElement *
make (const char *name)
{
  GstElement *element = gst_element_factory_make (name, NULL);

  g_assert_nonnull (element);
  return gst_object_ref_sink (element);
}

static void
test_declared (void)
{
  static const struct {
    const char *name, *task;
  } engines[] = {
    { "fakeecho", "text-to-text/echo,text-to-text/crash" },       { "fakeslow", "text-to-text/slow" },
    { "fakeendless", "text-to-text/endless" }, { "fakecrash", "text-to-text/crash" },
    { "fakehang", "text-to-text/hang" },       { "fakeleak", "text-to-text/leak" },
    { "fakeflaky", "text-to-text/flaky" },     { "fakevoice", "text-to-audio/speech" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (engines); i++) {
    g_autoptr (GstElementFactory) factory = gst_element_factory_find (engines[i].name);

    g_assert_nonnull (factory);
    g_assert_cmpuint (gst_plugin_feature_get_rank (GST_PLUGIN_FEATURE (factory)), ==, 0);
    g_assert_cmpstr (gst_element_factory_get_metadata (factory, MEDLEY_METADATA_TASKS), ==,
                     engines[i].task);
    g_assert_cmpstr (gst_element_factory_get_metadata (factory, MEDLEY_METADATA_CLASS), ==, "cpu");
    g_assert_nonnull (gst_element_factory_get_metadata (factory, MEDLEY_METADATA_COST));
  }
}

static void
test_echo (void)
{
  GstElement *element = make ("fakeecho");
  GstHarness *h = harness_new (element, "src");
  g_autofree char *text = NULL;

  g_assert_cmpint (push_text (h, "as it "), ==, GST_FLOW_OK);
  g_assert_cmpint (push_text (h, "is"), ==, GST_FLOW_OK);
  text = pull_all_text (h);
  g_assert_cmpstr (text, ==, "as it is");
  gst_harness_teardown (h);
  gst_object_unref (element);
}

static void
test_slow_steps_are_whole_characters_and_reported (void)
{
  GstElement *element = make ("fakeslow");
  GstHarness *h = harness_new (element, "src");
  static const char *const wanted[] = { "aé", "€", "bc", "d" };
  gint64 start = g_get_monotonic_time ();
  guint64 done = 0;
  GstMessage *message;

  g_object_set (element, "delay-ms", 120, "bytes-per-step", 2, NULL);
  g_assert_cmpint (push_text (h, "aé€bcd"), ==, GST_FLOW_OK);
  g_assert_cmpint (g_get_monotonic_time () - start, >=, 4 * 120 * 1000);
  for (guint i = 0; i < G_N_ELEMENTS (wanted); i++) {
    g_autofree char *text = pull_text (h);

    g_assert_cmpstr (text, ==, wanted[i]);
  }
  for (guint i = 0; i < G_N_ELEMENTS (wanted); i++) {
    message = gst_bus_pop_filtered (GST_ELEMENT_BUS (element), GST_MESSAGE_ELEMENT);
    g_assert_nonnull (message);
    gst_structure_get_uint64 (gst_message_get_structure (message), "done", &done);
    gst_message_unref (message);
  }
  g_assert_cmpuint (done, ==, 9);
  gst_harness_teardown (h);
  gst_object_unref (element);
}

static void
test_slow_wait_is_cancelled (void)
{
  GstElement *element = make ("fakeslow");
  GstHarness *h = harness_new (element, "src");
  GThread *thread;

  /* Without the cancellable the test would take 20 days. */
  g_object_set (element, "delay-ms", G_MAXINT, NULL);
  thread = push_in_thread (h, "never");
  gst_harness_push_event (h, gst_event_new_flush_start ());
  g_assert_cmpint (join_push (thread), ==, GST_FLOW_FLUSHING);
  gst_harness_teardown (h);
  gst_object_unref (element);
}

static void
test_hang_ignores_its_cancellable (void)
{
  GstElement *element = make ("fakehang");
  GstHarness *h = harness_new (element, "src");
  gint64 start = g_get_monotonic_time ();
  guint seconds;
  GThread *thread;

  g_object_get (element, "seconds", &seconds, NULL);
  g_assert_cmpuint (seconds, ==, 3600);
  g_object_set (element, "seconds", 1, NULL);
  thread = push_in_thread (h, "x");
  g_usleep (100 * 1000);
  gst_element_set_state (element, GST_STATE_READY);
  join_push (thread);
  g_assert_cmpint (g_get_monotonic_time () - start, >=, G_USEC_PER_SEC);
  gst_harness_teardown (h);
  gst_object_unref (element);
}

static gsize
resident_bytes (void)
{
  g_autofree char *statm = NULL;
  gsize pages = 0;

  g_assert_true (g_file_get_contents ("/proc/self/statm", &statm, NULL, NULL));
  pages = (gsize) g_ascii_strtoull (strchr (statm, ' '), NULL, 10);
  return pages * (gsize) sysconf (_SC_PAGESIZE);
}

static void
test_leak_grows_over_jobs (void)
{
  GstElement *element = make ("fakeleak");
  GstHarness *h = harness_new (element, "src");
  gsize before = resident_bytes ();

  g_object_set (element, "mib", 20, NULL);
  g_assert_cmpint (push_text (h, "x"), ==, GST_FLOW_OK);
  g_assert_cmpint (push_text (h, "x"), ==, GST_FLOW_OK);
  gst_element_set_state (element, GST_STATE_READY);
  g_assert_cmpuint (resident_bytes (), >=, before + 38 * 1024 * 1024);
  gst_harness_teardown (h);
  gst_object_unref (element);
}

static void
test_flaky_fails_as_often_as_asked (void)
{
  for (guint job = 0; job < 4; job++) {
    GstElement *element = make ("fakeflaky");
    GstHarness *h = harness_new (element, "src");
    g_autoptr (GError) error = NULL;

    g_object_set (element, "fail-count", 2, "fail-after-bytes", (guint64) 3, NULL);
    g_assert_cmpint (push_text (h, "123"), ==, GST_FLOW_OK);
    g_assert_cmpint (push_text (h, "4"), ==, job < 2 ? GST_FLOW_ERROR : GST_FLOW_OK);
    error = take_error (element);
    if (job < 2)
      g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_ENGINE_FAILED);
    else
      g_assert_no_error (error);
    gst_harness_teardown (h);
    gst_object_unref (element);
  }
}

static void
test_unknown_voice (void)
{
  GstElement *element = make ("fakevoice");
  g_autoptr (GstBus) bus = gst_bus_new ();
  g_autoptr (GError) error = NULL;

  gst_element_set_bus (element, bus);
  g_object_set (element, "voice", "nobody", NULL);
  g_assert_cmpint (gst_element_set_state (element, GST_STATE_PAUSED), ==, GST_STATE_CHANGE_FAILURE);
  error = take_error (element);
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNKNOWN_VOICE);
  gst_element_set_state (element, GST_STATE_NULL);
  gst_object_unref (element);
}

/* The child of the test below. */
static int
crash (const char *how, const char *where)
{
  GstElement *element = make ("fakecrash");
  GstHarness *h;

  /* A sanitizer's handler would turn the signal into an exit. */
  signal (SIGSEGV, SIG_DFL);
  gst_util_set_object_arg (G_OBJECT (element), "how", how);
  gst_util_set_object_arg (G_OBJECT (element), "where", where);
  h = harness_new (element, "src");
  push_text (h, "x");
  gst_harness_push_event (h, gst_event_new_eos ());
  return 0;
}

static char *self_path;

static void
test_crash_ends_the_process (void)
{
  static const char *const places[] = { "open", "process", "drain" };
  static const struct {
    const char *how;
    int signal, status;
  } ways[] = { { "segv", SIGSEGV, 0 }, { "abort", SIGABRT, 0 }, { "exit", 0, 3 } };

  for (guint i = 0; i < G_N_ELEMENTS (ways) * G_N_ELEMENTS (places); i++) {
    guint way = i % G_N_ELEMENTS (ways);
    const char *argv[]
        = { self_path, "--crash", ways[way].how, places[i / G_N_ELEMENTS (ways)], NULL };
    g_autoptr (GError) error = NULL;
    int status;

    g_spawn_sync (NULL, (char **) argv, NULL,
                  G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, NULL, NULL,
                  &status, &error);
    g_assert_no_error (error);
    if (ways[way].signal != 0)
      g_assert_true (WIFSIGNALED (status) && WTERMSIG (status) == ways[way].signal);
    else
      g_assert_true (WIFEXITED (status) && WEXITSTATUS (status) == ways[way].status);
  }
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  if (argc == 4 && g_str_equal (argv[1], "--crash"))
    return crash (argv[2], argv[3]);
  self_path = argv[0];
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/fake/declared", test_declared);
  g_test_add_func ("/fake/echo", test_echo);
  g_test_add_func ("/fake/slow-steps-are-whole-characters-and-reported",
                   test_slow_steps_are_whole_characters_and_reported);
  g_test_add_func ("/fake/slow-wait-is-cancelled", test_slow_wait_is_cancelled);
  g_test_add_func ("/fake/hang-ignores-its-cancellable", test_hang_ignores_its_cancellable);
  g_test_add_func ("/fake/leak-grows-over-jobs", test_leak_grows_over_jobs);
  g_test_add_func ("/fake/flaky-fails-as-often-as-asked", test_flaky_fails_as_often_as_asked);
  g_test_add_func ("/fake/unknown-voice", test_unknown_voice);
  g_test_add_func ("/fake/crash-ends-the-process", test_crash_ends_the_process);
  return g_test_run ();
}
