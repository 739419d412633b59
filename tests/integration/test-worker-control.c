/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What happens while a job runs: growing inputs, progress, pause, cancel, engines that hang or
 * crash. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker-fixture.h"
#include "worker-plans.h"

/* An input that the test writes piece by piece. */
typedef struct {
  char *path;
  int file;
  int bell;
  int listen;
} SlowInput;

static SlowInput
slow_input_new (TestWorker *worker)
{
  SlowInput self;
  int pipes[2];

  self.path = test_worker_path (worker, "slow");
  self.file = open (self.path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  g_assert_cmpint (self.file, >=, 0);
  g_assert_cmpint (pipe2 (pipes, O_CLOEXEC), ==, 0);
  self.listen = pipes[0];
  self.bell = pipes[1];
  return self;
}

static void
slow_input_write (SlowInput *self, const char *text)
{
  g_assert_cmpint (write (self->file, text, strlen (text)), ==, (gssize) strlen (text));
  g_assert_cmpint (write (self->bell, "", 1), ==, 1);
}

static void
slow_input_end (SlowInput *self)
{
  close (self->file);
  close (self->bell);
  g_free (self->path);
}

static gboolean
file_is_longer (TestWorker *worker, gpointer data)
{
  struct stat st;

  return stat (data, &st) == 0 && st.st_size > 1000;
}

/* The first sentence sounds before the second one is there: the point of it all. */
static void
test_speech_follows_the_writer (void)
{
  g_autoptr (TestWorker) worker = test_worker_start (NULL);
  g_autofree char *plan
      = test_plan (TEXT_INPUT, STAGE ("speech", "espeak", "text", ""),
                   OUTPUT ("speech", "audio/ogg", "speech", "") ", " OUTPUT ("words", "text/plain",
                                                                             "speech", "captions"),
                   NULL);
  g_autofree char *speech = test_worker_path (worker, "speech.ogg");
  g_autofree char *words = test_worker_path (worker, "words");
  g_autofree char *said = NULL;
  SlowInput input = slow_input_new (worker);

  test_worker_run (worker, plan, INPUTS ({ "text", input.path, input.listen }),
                   OUTPUTS ({ "speech", "speech.ogg" }, { "words", "words" }));
  slow_input_write (&input, "This is the first sentence. ");
  test_worker_until (worker, file_is_longer, speech, 20);
  said = test_worker_read (worker, "words", NULL);
  g_assert_cmpstr (said, ==, "This is the first sentence.\n");
  g_assert_false (worker->finished);

  slow_input_write (&input, "And this ");
  slow_input_write (&input, "is the second.");
  slow_input_end (&input);
  test_worker_wait (worker, 20);
  g_assert_true (worker->ok);
  g_free (said);
  said = test_worker_read (worker, "words", NULL);
  g_assert_cmpstr (said, ==, "This is the first sentence.\nAnd this is the second.\n");
  test_decode (speech);
}

/* A picture is decoded when it is whole. */
static void
test_page_may_arrive_slowly (void)
{
  g_autoptr (TestWorker) worker = test_worker_start (NULL);
  g_autofree char *page = g_test_build_filename (G_TEST_DIST, "..", "data", "page.png", NULL);
  g_autofree char *plan
      = test_plan (PAGE_INPUT, "", OUTPUT ("out", "image/jpeg", "page", ""), NULL);
  g_autofree char *out = test_worker_path (worker, "out.jpg");
  g_autofree char *bytes = NULL;
  SlowInput input = slow_input_new (worker);
  gsize length;

  g_assert_true (g_file_get_contents (page, &bytes, &length, NULL));
  test_worker_run (worker, plan, INPUTS ({ "page", input.path, input.listen }),
                   OUTPUTS ({ "out", "out.jpg" }));
  for (gsize at = 0; at < length; at += length / 3 + 1) {
    gsize n = MIN (length / 3 + 1, length - at);

    g_assert_cmpint (write (input.file, bytes + at, n), ==, (gssize) n);
    g_assert_cmpint (write (input.bell, "", 1), ==, 1);
    g_usleep (250000);
  }
  slow_input_end (&input);
  test_worker_wait (worker, 20);
  g_assert_true (worker->ok);
  test_decode (out);
}

static gsize
out_size (TestWorker *worker)
{
  g_autofree char *path = test_worker_path (worker, "out");
  struct stat st = { 0 };

  g_assert_cmpint (stat (path, &st), ==, 0);
  return (gsize) st.st_size;
}

static gboolean
has_begun (TestWorker *worker, gpointer data)
{
  return out_size (worker) > 0;
}

static void
test_a_growing_input_has_its_limit (void)
{
  g_autoptr (TestWorker) worker = test_worker_start (NULL);
  g_autofree char *plan
      = test_plan (TEXT_INPUT, STAGE ("echo", "fakeecho", "text", ""),
                   OUTPUT ("out", "text/plain", "echo", ""), "'text-bytes': <uint64 20>");
  g_autofree char *out = NULL;
  const char *code = NULL;
  SlowInput input = slow_input_new (worker);

  test_worker_run (worker, plan, INPUTS ({ "text", input.path, input.listen }),
                   OUTPUTS ({ "out", "out" }));
  slow_input_write (&input, "Twelve bytes");
  test_worker_until (worker, has_begun, NULL, 20);
  slow_input_write (&input, "and twelve more");
  test_worker_wait (worker, 20);
  g_assert_false (worker->ok);
  g_variant_lookup (worker->error, "code", "&s", &code);
  g_assert_cmpstr (code, ==, "too-large");
  out = test_worker_read (worker, "out", NULL);
  g_assert_true (g_str_has_prefix (out, "Twelve bytes"));
  g_assert_cmpuint (strlen (out), <=, 20);
  slow_input_end (&input);
}

static void
test_nothing_came (void)
{
  g_autoptr (TestWorker) worker = test_worker_start (NULL);
  g_autofree char *plan = test_plan (TEXT_INPUT, STAGE ("echo", "fakeecho", "text", ""),
                                     OUTPUT ("out", "text/plain", "echo", ""), NULL);
  const char *code = NULL, *message = NULL;
  SlowInput input = slow_input_new (worker);

  test_worker_run (worker, plan, INPUTS ({ "text", input.path, input.listen }),
                   OUTPUTS ({ "out", "out" }));
  slow_input_end (&input);
  test_worker_wait (worker, 20);
  g_variant_lookup (worker->error, "code", "&s", &code);
  g_variant_lookup (worker->error, "message", "&s", &message);
  g_assert_cmpstr (code, ==, "empty-input");
  g_assert_nonnull (strstr (message, "\"text\""));
}

static gboolean
later_cancel (gpointer data)
{
  TestWorker *worker = data;
  g_autoptr (GVariant) reply
      = test_worker_call (worker, "Cancel", g_variant_new ("(s)", "job"), NULL);

  g_assert_nonnull (reply);
  return G_SOURCE_REMOVE;
}

static void
check_cancel (const char *stage)
{
  g_autoptr (TestWorker) worker = test_worker_start (NULL);
  g_autofree char *text = test_worker_write (worker, "text", "Some text.", -1);
  g_autofree char *plan
      = test_plan (TEXT_INPUT, stage, OUTPUT ("out", "text/plain", "stage", ""), NULL);
  g_autofree char *echo = test_plan (TEXT_INPUT, STAGE ("stage", "fakeecho", "text", ""),
                                     OUTPUT ("out", "text/plain", "stage", ""), NULL);

  g_timeout_add (200, later_cancel, worker);
  test_worker_fail (worker, plan, INPUTS ({ "text", text }), OUTPUTS ({ "out", "out" }),
                    "cancelled", NULL, "cancelled");
  /* Without a job it is no error, and the worker goes on. */
  later_cancel (worker);
  test_worker_succeed (worker, echo, INPUTS ({ "text", text }), OUTPUTS ({ "out", "out" }));
}

static void
test_cancel_while_data_flows (void)
{
  check_cancel (STAGE ("stage", "fakeendless", "text", ""));
}

static void
test_cancel_while_blocked (void)
{
  check_cancel (STAGE_SET ("stage", "fakeslow", "text", "", "'delay-ms': <int64 60000>"));
}

static void
test_cancel_while_waiting_for_input (void)
{
  g_autoptr (TestWorker) worker = test_worker_start (NULL);
  g_autofree char *plan = test_plan (TEXT_INPUT, STAGE ("stage", "fakeecho", "text", ""),
                                     OUTPUT ("out", "text/plain", "stage", ""), NULL);
  SlowInput input = slow_input_new (worker);

  g_timeout_add (200, later_cancel, worker);
  test_worker_fail (worker, plan, INPUTS ({ "text", input.path, input.listen }),
                    OUTPUTS ({ "out", "out" }), "cancelled", NULL, "cancelled");
  slow_input_end (&input);
}

static gboolean
paused_long_enough (TestWorker *worker, gpointer data)
{
  return g_get_monotonic_time () > *(gint64 *) data;
}

static void
test_pause (void)
{
  g_autoptr (TestWorker) worker = test_worker_start (NULL);
  g_autofree char *letters = g_strnfill (400, 'x');
  g_autofree char *text = test_worker_write (worker, "text", letters, -1);
  g_autofree char *plan
      = test_plan (TEXT_INPUT,
                   STAGE_SET ("slow", "fakeslow", "text", "",
                              "'delay-ms': <int64 10>, 'bytes-per-step': <int64 4>"),
                   OUTPUT ("out", "text/plain", "slow", ""), NULL);
  g_autofree char *out = NULL;
  gint64 until;
  gsize before;

  test_worker_run (worker, plan, INPUTS ({ "text", text }), OUTPUTS ({ "out", "out" }));
  test_worker_until (worker, has_begun, NULL, 10);
  g_variant_unref (test_worker_call (worker, "Pause", g_variant_new ("(s)", "job"), NULL));
  /* What was under way may still arrive. */
  g_usleep (200000);
  before = out_size (worker);
  until = g_get_monotonic_time () + 500000;
  test_worker_until (worker, paused_long_enough, &until, 10);
  g_assert_cmpuint (out_size (worker), ==, before);
  g_assert_false (worker->finished);
  g_variant_unref (test_worker_call (worker, "Resume", g_variant_new ("(s)", "job"), NULL));
  test_worker_wait (worker, 20);
  g_assert_true (worker->ok);
  out = test_worker_read (worker, "out", NULL);
  g_assert_cmpstr (out, ==, letters);
}

static void
test_cancel_while_paused (void)
{
  g_autoptr (TestWorker) worker = test_worker_start (NULL);
  g_autofree char *text = test_worker_write (worker, "text", "Some text.", -1);
  g_autofree char *plan = test_plan (TEXT_INPUT, STAGE ("stage", "fakeendless", "text", ""),
                                     OUTPUT ("out", "text/plain", "stage", ""), NULL);

  test_worker_run (worker, plan, INPUTS ({ "text", text }), OUTPUTS ({ "out", "out" }));
  test_worker_until (worker, has_begun, NULL, 10);
  g_variant_unref (test_worker_call (worker, "Pause", g_variant_new ("(s)", "job"), NULL));
  later_cancel (worker);
  test_worker_wait (worker, 20);
  g_assert_false (worker->ok);
}

static void
test_one_job_at_a_time (void)
{
  g_autoptr (TestWorker) worker = test_worker_start (NULL);
  g_autoptr (TestWorker) other = NULL;
  g_autofree char *text = test_worker_write (worker, "text", "Some text.", -1);
  g_autofree char *plan = test_plan (TEXT_INPUT, STAGE ("stage", "fakeendless", "text", ""),
                                     OUTPUT ("out", "text/plain", "stage", ""), NULL);
  g_autoptr (GError) error = NULL;

  test_worker_run (worker, plan, INPUTS ({ "text", text }), OUTPUTS ({ "out", "out" }));
  g_assert_false (test_worker_try_run (worker, plan, INPUTS ({ "text", text }),
                                       OUTPUTS ({ "out", "out2" }), &error));
  g_assert_cmpstr (g_quark_to_string (error->domain), ==, "medley-error");
  later_cancel (worker);
  test_worker_wait (worker, 20);
}

static gboolean
has_heartbeats (TestWorker *worker, gpointer data)
{
  return worker->n_heartbeats >= 2;
}

/* The main loop lives on, and tells who is to blame; killing it is the daemon's business. */
static void
test_hang_is_told (void)
{
  g_autoptr (TestWorker) worker = test_worker_start (NULL);
  g_autofree char *text = test_worker_write (worker, "text", "Some text.", -1);
  g_autofree char *plan = test_plan (TEXT_INPUT,
                                     STAGE ("first", "fakeecho", "text",
                                            "") ", " STAGE ("stuck", "fakehang", "first", ""),
                                     OUTPUT ("out", "text/plain", "stuck", ""), NULL);
  guint64 activity;

  test_worker_run (worker, plan, INPUTS ({ "text", text }), OUTPUTS ({ "out", "out" }));
  test_worker_until (worker, has_heartbeats, NULL, 20);
  activity = worker->activity;
  worker->n_heartbeats = 0;
  test_worker_until (worker, has_heartbeats, NULL, 20);
  g_assert_cmpuint (worker->activity, ==, activity);
  g_assert_cmpstr (worker->heartbeat_stage, ==, "stuck");
  g_assert_cmpstr (worker->heartbeat_engine, ==, "fakehang");
  later_cancel (worker);
  g_assert_false (worker->finished);
}

static char *
read_errors (TestWorker *worker)
{
  GString *text = g_string_new (NULL);
  char buffer[4096];
  ssize_t n;

  while ((n = read (worker->errors, buffer, sizeof buffer)) > 0)
    g_string_append_len (text, buffer, n);
  return g_string_free (text, FALSE);
}

static void
check_crash (const char *where)
{
  TestWorker *worker = test_worker_start (NULL);
  g_autofree char *text = test_worker_write (worker, "text", "Some text.", -1);
  g_autofree char *plan = NULL;
  g_autofree char *errors = NULL;
  g_autofree char *set = g_strdup_printf ("'how': <'abort'>, 'where': <'%s'>", where);
  g_autofree char *stage = g_strdup_printf (
      "{'name': <'boom'>, 'task': <'a-to-b'>, 'engines': <['fakecrash']>, 'set': <@a{sv} {%s}>, "
      "'from': <[('', 'first', '')]>, 'pointer': <''>, 'file': <''>}",
      set);
  g_autofree char *stages = g_strconcat (STAGE ("first", "fakeecho", "text", "") ", ", stage, NULL);
  int status;

  plan = test_plan (TEXT_INPUT, stages, OUTPUT ("out", "text/plain", "boom", ""), NULL);
  /* It may die before its answer is out. */
  test_worker_try_run (worker, plan, INPUTS ({ "text", text }), OUTPUTS ({ "out", "out" }), NULL);
  status = test_worker_reap (worker, 20);
  g_assert_true (WIFSIGNALED (status));
  g_assert_cmpint (WTERMSIG (status), ==, SIGABRT);
  errors = read_errors (worker);
  if (strstr (errors, "crash signal=6 stage=boom engine=fakecrash\n") == NULL)
    g_error ("standard error says \"%s\"", errors);
  test_worker_free (worker);
}

static void
test_crash_names_its_stage (void)
{
  check_crash ("open");
  check_crash ("process");
  check_crash ("drain");
}

static void
test_progress_goes_up (void)
{
  g_autoptr (TestWorker) worker = test_worker_start (NULL);
  g_autofree char *letters = g_strnfill (300, 'x');
  g_autofree char *text = test_worker_write (worker, "text", letters, -1);
  /* The second stage has no total of its own. */
  g_autofree char *plan = test_plan (
      TEXT_INPUT,
      STAGE_SET ("slow", "fakeslow", "text", "",
                 "'delay-ms': <int64 10>, 'bytes-per-step': <int64 3>") ", " STAGE ("echo",
                                                                                    "fakeecho",
                                                                                    "slow", ""),
      OUTPUT ("out", "text/plain", "echo", ""), NULL);
  double last = 0;
  guint n = 0;

  test_worker_succeed (worker, plan, INPUTS ({ "text", text }), OUTPUTS ({ "out", "out" }));
  for (guint i = 0; i < worker->events->len; i++) {
    g_autoptr (GVariant) details = NULL;
    const char *kind;
    double fraction = -1;

    g_variant_get (worker->events->pdata[i], "(&s&s@a{sv})", NULL, &kind, &details);
    if (!g_str_equal (kind, "progress"))
      continue;
    g_assert_true (g_variant_lookup (details, "fraction", "d", &fraction));
    g_assert_cmpfloat (fraction, >, last);
    g_assert_cmpfloat (fraction, <=, 1);
    last = fraction;
    n++;
  }
  g_assert_cmpuint (n, >=, 3);
  g_assert_cmpfloat (last, >, 0.7);
}

static guint
count_fds (TestWorker *worker)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/fd", worker->pid);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

static void
test_jobs_leave_no_descriptors (void)
{
  g_autoptr (TestWorker) worker = test_worker_start (NULL);
  g_autofree char *text = test_worker_write (worker, "text", "Some text.", -1);
  g_autofree char *plan = test_plan (TEXT_INPUT, STAGE ("speech", "fakevoice", "text", ""),
                                     OUTPUT ("out", "audio/ogg", "speech", ""), NULL);
  guint n = 0;

  for (guint i = 0; i < 60; i++) {
    test_worker_succeed (worker, plan, INPUTS ({ "text", text }), OUTPUTS ({ "out", "out" }));
    if (i == 9)
      n = count_fds (worker);
  }
  /* What a job had is closed just after it is told to be done. */
  for (guint i = 0; i < 200 && count_fds (worker) > n; i++)
    g_usleep (50 * 1000);
  g_assert_cmpuint (count_fds (worker), <=, n);
}

static void
test_quit (void)
{
  TestWorker *worker = test_worker_start (NULL);
  int status;

  g_variant_unref (test_worker_call (worker, "Quit", NULL, NULL));
  status = test_worker_reap (worker, 20);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
  test_worker_free (worker);
}

static void
test_leaves_with_the_daemon (void)
{
  TestWorker *worker = test_worker_start (NULL);
  int status;

  g_dbus_connection_close_sync (worker->connection, NULL, NULL);
  status = test_worker_reap (worker, 20);
  g_assert_true (WIFEXITED (status));
  test_worker_free (worker);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/control/speech-follows-the-writer", test_speech_follows_the_writer);
  g_test_add_func ("/control/a-page-may-arrive-slowly", test_page_may_arrive_slowly);
  g_test_add_func ("/control/a-growing-input-has-its-limit", test_a_growing_input_has_its_limit);
  g_test_add_func ("/control/nothing-came-is-an-error", test_nothing_came);
  g_test_add_func ("/control/cancel-while-data-flows", test_cancel_while_data_flows);
  g_test_add_func ("/control/cancel-while-an-engine-blocks", test_cancel_while_blocked);
  g_test_add_func ("/control/cancel-while-waiting-for-input", test_cancel_while_waiting_for_input);
  g_test_add_func ("/control/pause-stops-and-resume-goes-on", test_pause);
  g_test_add_func ("/control/cancel-while-paused", test_cancel_while_paused);
  g_test_add_func ("/control/one-job-at-a-time", test_one_job_at_a_time);
  g_test_add_func ("/control/a-hang-is-told-with-its-stage", test_hang_is_told);
  g_test_add_func ("/control/a-crash-names-its-stage", test_crash_names_its_stage);
  g_test_add_func ("/control/progress-goes-up", test_progress_goes_up);
  g_test_add_func ("/control/jobs-leave-no-descriptors", test_jobs_leave_no_descriptors);
  g_test_add_func ("/control/quit", test_quit);
  g_test_add_func ("/control/leaves-with-the-daemon", test_leaves_with_the_daemon);
  return g_test_run ();
}
