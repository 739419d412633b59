/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The process that workers are forked from, over its real socket. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker-fixture.h"
#include "worker-plans.h"

/* The sanitizer takes seconds where it else takes milliseconds, keeps notes of all memory, looks at
 * no fork of a process that has threads, as one with espeak-ng's player has, and has a thread of
 * its own. */
#ifdef __SANITIZE_THREAD__
#define FORKS 100
#define WITH_ESPEAK ""
#define PLAYER_THREADS 0
#define OTHER_THREADS 1
#define SMALL_KIB (32 * 1024)
#else
#define FORKS 1000
#define WITH_ESPEAK "espeak;"
#define PLAYER_THREADS 1
#define OTHER_THREADS 0
#define SMALL_KIB 4096
#endif

typedef struct {
  GPid pid;
  int socket;
} Zygote;

static Zygote
zygote_start (const char *preload)
{
  const char *argv[] = { g_getenv ("MEDLEY_WORKER"),
                         "--zygote",
                         "--fd",
                         "3",
                         "--preload",
                         preload,
                         "--sandbox",
                         TEST_SANDBOX,
                         NULL };
  g_autoptr (GError) error = NULL;
  Zygote self;
  int pair[2];

  test_worker_build_registry ();
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), ==, 0);
  g_spawn_async_with_pipes_and_fds (NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, -1, -1,
                                    -1, (const int[]){ pair[1] }, (const int[]){ 3 }, 1, &self.pid,
                                    NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  close (pair[1]);
  self.socket = pair[0];
  return self;
}

static int
zygote_stop (Zygote *self)
{
  int status;

  close (self->socket);
  g_assert_cmpint (waitpid (self->pid, &status, 0), ==, self->pid);
  return status;
}

static char *
hear (Zygote *self, int *fd)
{
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE (sizeof (int))];
  } control = { 0 };
  char text[600];
  struct iovec part = { text, sizeof text - 1 };
  struct msghdr message = { .msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control.space,
                            .msg_controllen = sizeof control.space };
  ssize_t n = recvmsg (self->socket, &message, MSG_CMSG_CLOEXEC);
  struct cmsghdr *header = CMSG_FIRSTHDR (&message);

  g_assert_cmpint (n, >, 0);
  text[n] = '\0';
  if (fd != NULL)
    *fd = -1;
  if (header != NULL) {
    int found;

    memcpy (&found, CMSG_DATA (header), sizeof found);
    if (fd != NULL)
      *fd = found;
    else
      close (found);
  }
  return g_strdup (text);
}

static void
ask (Zygote *self, const char *text, int fd)
{
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE (sizeof (int))];
  } control = { 0 };
  struct iovec part = { (char *) text, strlen (text) };
  struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

  if (fd >= 0) {
    message.msg_control = control.space;
    message.msg_controllen = sizeof control.space;
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN (sizeof (int));
    memcpy (CMSG_DATA (&control.header), &fd, sizeof fd);
  }
  g_assert_cmpint (sendmsg (self->socket, &message, 0), >, 0);
}

/* Forks a worker; its socket, not yet spoken on. */
static GPid
zygote_fork (Zygote *self, int *socket)
{
  g_autofree char *answer = NULL;
  int pair[2], pidfd, pid;

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
  ask (self, "fork", pair[1]);
  close (pair[1]);
  answer = hear (self, &pidfd);
  if (sscanf (answer, "forked %d", &pid) != 1)
    g_error ("the zygote answered \"%s\"", answer);
  g_assert_cmpint (pidfd, >=, 0);
  close (pidfd);
  *socket = pair[0];
  return pid;
}

static TestWorker *
fork_worker (Zygote *self)
{
  int socket;
  GPid pid = zygote_fork (self, &socket);
  TestWorker *worker = test_worker_adopt (pid, socket);

  return worker;
}

/* Waits for what the zygote tells of a worker's end. */
static int
hear_exit (Zygote *self, GPid pid)
{
  g_autofree char *text = hear (self, NULL);
  int found, status;

  g_assert_cmpint (sscanf (text, "exited %d %d", &found, &status), ==, 2);
  g_assert_cmpint (found, ==, pid);
  return status;
}

static void
drop_worker (Zygote *self, TestWorker *worker)
{
  GPid pid = worker->pid;

  kill (pid, SIGKILL);
  g_assert_cmpint (WTERMSIG (hear_exit (self, pid)), ==, SIGKILL);
  /* It is not this process's child. */
  worker->pid = 0;
  test_worker_free (worker);
}

static guint
count_entries (GPid pid, const char *what)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/%s", pid, what);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  guint n = 0;

  g_assert_nonnull (dir);
  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

static void
run_video (TestWorker *worker, const char *file, const char *type)
{
  g_autofree char *text
      = test_worker_write (worker, "text", "A first sentence. Then a second one.", -1);
  g_autofree char *path = test_worker_path (worker, file);
  g_autofree char *streams = NULL;
  g_autofree char *plan
      = test_plan (TEXT_INPUT,
                   STAGE ("speech", "espeak", "text", "") ", " STAGE ("video", "storyboard",
                                                                      "speech", "captions"),
                   OUTPUT_2 ("video", "video/webm", "video", "", "speech", ""), NULL);

  test_worker_succeed (worker, plan, INPUTS ({ "text", text }), OUTPUTS ({ "video", file, type }));
  test_decode (path);
  streams = test_probe (path, "stream=codec_type");
  g_assert_nonnull (strstr (streams, "audio"));
  g_assert_nonnull (strstr (streams, "video"));
}

static void
run_page (TestWorker *worker)
{
  g_autofree char *page = g_test_build_filename (G_TEST_DIST, "..", "data", "page.png", NULL);
  g_autofree char *expected_path
      = g_test_build_filename (G_TEST_DIST, "..", "data", "page.txt", NULL);
  g_autofree char *plan = test_plan (PAGE_INPUT, STAGE ("ocr", "tesseract", "page", ""),
                                     OUTPUT ("text", "text/plain", "ocr", ""), NULL);
  g_autofree char *text = NULL;
  g_autofree char *expected = NULL;

  g_assert_true (g_file_get_contents (expected_path, &expected, NULL, NULL));
  test_worker_succeed (worker, plan, INPUTS ({ "page", page }), OUTPUTS ({ "text", "page.txt" }));
  text = test_worker_read (worker, "page.txt", NULL);
  g_assert_cmpstr (g_strstrip (text), ==, g_strstrip (expected));
}

static void
test_every_kind_of_job (void)
{
  Zygote zygote = zygote_start (WITH_ESPEAK "tesseract;storyboard");

  for (guint round = 0; round < 3; round++) {
    TestWorker *worker = fork_worker (&zygote);

    for (guint again = 0; again < 2; again++) {
      run_page (worker);
      run_video (worker, "video.webm", "video/webm");
      run_video (worker, "video.mp4", "video/mp4");
    }
    drop_worker (&zygote, worker);
  }
  g_assert_cmpint (zygote_stop (&zygote), ==, 0);
}

/* Workers draw, each with its own start of Pango, while others are forked. */
static void
test_forks_while_others_draw (void)
{
  Zygote zygote = zygote_start (WITH_ESPEAK "storyboard");
  TestWorker *workers[6];
  g_autofree char *plan
      = test_plan (TEXT_INPUT,
                   STAGE ("speech", "espeak", "text", "") ", " STAGE ("video", "storyboard",
                                                                      "speech", "captions"),
                   OUTPUT ("video", "video/webm", "video", ""), NULL);

  for (guint i = 0; i < G_N_ELEMENTS (workers); i++) {
    g_autofree char *text = NULL;

    workers[i] = fork_worker (&zygote);
    text = test_worker_write (workers[i], "text", "A sentence that is drawn. And one more.", -1);
    test_worker_run (workers[i], plan, INPUTS ({ "text", text }),
                     OUTPUTS ({ "video", "video.webm" }));
  }
  for (guint i = 0; i < G_N_ELEMENTS (workers); i++) {
    test_worker_wait (workers[i], 60);
    g_assert_true (workers[i]->ok);
    drop_worker (&zygote, workers[i]);
  }
  g_assert_cmpint (zygote_stop (&zygote), ==, 0);
}

static void
test_a_thousand_forks (void)
{
  Zygote zygote = zygote_start (WITH_ESPEAK "tesseract;storyboard");
  guint n_fds = 0, n_threads = 0;

  for (guint i = 0; i < FORKS; i++) {
    int socket;
    GPid pid = zygote_fork (&zygote, &socket);

    if (i % 50 == 0) {
      TestWorker *worker = test_worker_adopt (pid, socket);
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) reply
          = test_worker_call (worker, "Cancel", g_variant_new ("(s)", "none"), &error);

      g_assert_no_error (error);
      drop_worker (&zygote, worker);
    } else {
      close (socket);
      /* It finds nobody to talk to. */
      hear_exit (&zygote, pid);
    }
    if (i == 10) {
      g_usleep (200000);
      n_fds = count_entries (zygote.pid, "fd");
      n_threads = count_entries (zygote.pid, "task");
    }
  }
  /* It may still be closing what came with the last request. */
  for (guint i = 0; i < 1000 && count_entries (zygote.pid, "fd") != n_fds; i++)
    g_usleep (5000);
  g_assert_cmpuint (count_entries (zygote.pid, "fd"), ==, n_fds);
  g_assert_cmpuint (count_entries (zygote.pid, "task"), ==, n_threads);
  g_assert_cmpint (zygote_stop (&zygote), ==, 0);
}

/* Whatever runs beside the forking thread must be on this list, with the reason why a fork does not
 * miss it. */
static void
test_threads_are_expected (void)
{
  Zygote zygote = zygote_start (WITH_ESPEAK "tesseract;storyboard");
  int socket;
  GPid pid = zygote_fork (&zygote, &socket);

  /* The zygote itself, and the one that espeak_Initialize starts for playing. */
  g_assert_cmpuint (count_entries (zygote.pid, "task"), <=, 1 + PLAYER_THREADS + OTHER_THREADS);
  close (socket);
  hear_exit (&zygote, pid);
  g_assert_cmpint (zygote_stop (&zygote), ==, 0);

  zygote = zygote_start ("tesseract;storyboard");
  pid = zygote_fork (&zygote, &socket);
  g_assert_cmpuint (count_entries (zygote.pid, "task"), <=, 1 + OTHER_THREADS);
  close (socket);
  hear_exit (&zygote, pid);
  g_assert_cmpint (zygote_stop (&zygote), ==, 0);
}

static void
test_a_crash_is_told_and_harms_nobody (void)
{
  Zygote zygote = zygote_start ("");
  TestWorker *good = fork_worker (&zygote);
  TestWorker *bad = fork_worker (&zygote);
  g_autofree char *text = test_worker_write (good, "text", "Some text.", -1);
  g_autofree char *echo = test_plan (TEXT_INPUT, STAGE ("echo", "fakeecho", "text", ""),
                                     OUTPUT ("out", "text/plain", "echo", ""), NULL);
  g_autofree char *crash
      = test_plan (TEXT_INPUT, STAGE_SET ("crash", "fakecrash", "text", "", "'how': <'abort'>"),
                   OUTPUT ("out", "text/plain", "crash", ""), NULL);

  test_worker_run (bad, crash, INPUTS ({ "text", text }), OUTPUTS ({ "out", "out" }));
  g_assert_cmpint (WTERMSIG (hear_exit (&zygote, bad->pid)), ==, SIGABRT);
  bad->pid = 0;
  test_worker_free (bad);
  test_worker_succeed (good, echo, INPUTS ({ "text", text }), OUTPUTS ({ "out", "out" }));
  drop_worker (&zygote, good);
  g_assert_cmpint (zygote_stop (&zygote), ==, 0);
}

static void
test_workers_die_with_it (void)
{
  Zygote zygote = zygote_start ("");
  TestWorker *workers[3];

  for (guint i = 0; i < G_N_ELEMENTS (workers); i++)
    workers[i] = fork_worker (&zygote);
  kill (zygote.pid, SIGKILL);
  g_assert_cmpint (WTERMSIG (zygote_stop (&zygote)), ==, SIGKILL);
  for (guint i = 0; i < G_N_ELEMENTS (workers); i++) {
    gint64 end = g_get_monotonic_time () + 10 * G_USEC_PER_SEC;
    g_autofree char *path = g_strdup_printf ("/proc/%d/stat", workers[i]->pid);
    g_autofree char *stat = NULL;

    /* Gone, or dead and not yet reaped by whoever adopted it. */
    while (g_file_get_contents (path, &stat, NULL, NULL) && strstr (stat, ") Z") == NULL) {
      g_clear_pointer (&stat, g_free);
      g_assert_cmpint (g_get_monotonic_time (), <, end);
      g_usleep (5000);
    }
    workers[i]->pid = 0;
    test_worker_free (workers[i]);
  }
}

static void
test_bad_requests_and_engines_are_survived (void)
{
  Zygote zygote = zygote_start ("nosuchengine;fakecrash");
  g_autofree char *unknown = NULL;
  g_autofree char *no_socket = NULL;
  TestWorker *worker;

  ask (&zygote, "dance", -1);
  unknown = hear (&zygote, NULL);
  g_assert_true (g_str_has_prefix (unknown, "failed "));
  ask (&zygote, "fork", -1);
  no_socket = hear (&zygote, NULL);
  g_assert_true (g_str_has_prefix (no_socket, "failed "));
  worker = fork_worker (&zygote);
  drop_worker (&zygote, worker);
  g_assert_cmpint (zygote_stop (&zygote), ==, 0);
}

static void
test_a_fork_is_small (void)
{
  Zygote zygote = zygote_start (WITH_ESPEAK "tesseract;storyboard");
  gint64 begin = g_get_monotonic_time ();
  TestWorker *worker = fork_worker (&zygote);
  g_autoptr (GVariant) reply
      = test_worker_call (worker, "Cancel", g_variant_new ("(s)", "none"), NULL);

  g_test_message ("from nothing to the first answer %.1f ms, private memory %" G_GUINT64_FORMAT
                  " KiB",
                  (double) (g_get_monotonic_time () - begin) / 1000,
                  test_worker_private_kib (worker));
  g_assert_nonnull (reply);
  g_assert_cmpuint (test_worker_private_kib (worker), <, SMALL_KIB);
  drop_worker (&zygote, worker);
  g_assert_cmpint (zygote_stop (&zygote), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/zygote/forked-workers-do-every-kind-of-job", test_every_kind_of_job);
  g_test_add_func ("/zygote/forks-go-well-while-others-draw", test_forks_while_others_draw);
  g_test_add_func ("/zygote/a-thousand-forks-leave-nothing-behind", test_a_thousand_forks);
  g_test_add_func ("/zygote/only-expected-threads-run", test_threads_are_expected);
  g_test_add_func ("/zygote/a-crash-is-told-and-harms-nobody",
                   test_a_crash_is_told_and_harms_nobody);
  g_test_add_func ("/zygote/workers-die-with-it", test_workers_die_with_it);
  g_test_add_func ("/zygote/bad-requests-and-engines-are-survived",
                   test_bad_requests_and_engines_are_survived);
  g_test_add_func ("/zygote/a-fork-is-small", test_a_fork_is_small);
  return g_test_run ();
}
