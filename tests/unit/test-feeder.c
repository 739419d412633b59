/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/folders.h"
#include "job/feeder.h"

#define LINE "A line of text.\n"

typedef struct {
  char *folder;
  MedleySpool *spool;
  MedleyJob *job;
  guint n_done;
  GError *error; /* the last one */
} Fixture;

static void
grew (const char *name, gpointer data)
{
}

static void
set_up (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  MedleyJobOptions options = { 0 };
  GVariantDict plan;

  f->folder = g_dir_make_tmp ("medley-feeder-XXXXXX", NULL);
  f->spool = medley_spool_new (f->folder, grew, NULL, &error);
  g_assert_no_error (error);
  g_variant_dict_init (&plan, NULL);
  f->job = medley_job_new ("a", "uid:1", g_variant_dict_end (&plan), "plan", NULL, &options,
                           f->spool, NULL, 100);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  medley_feeder_stop (f->job);
  g_object_unref (f->job);
  g_object_run_dispose (G_OBJECT (f->spool));
  g_object_unref (f->spool);
  g_clear_error (&f->error);
  medley_folder_remove (f->folder);
  g_free (f->folder);
}

static void
fed (MedleyJob *job, MedleyInput *input, const GError *error, gpointer data)
{
  Fixture *f = data;

  f->n_done++;
  g_clear_error (&f->error);
  f->error = error != NULL ? g_error_copy (error) : NULL;
  input->state = MEDLEY_INPUT_READY;
}

static MedleyInput *
feed (Fixture *f, const char *name, int fd)
{
  g_autoptr (GError) error = NULL;
  MedleyInput *input
      = medley_job_add_input (f->job, name, "text/plain", MEDLEY_INPUT_COMING, 1 << 20, &error);

  g_assert_no_error (error);
  medley_feeder_start (f->job, input, fcntl (fd, F_DUPFD_CLOEXEC, 3), fed, f);
  return input;
}

/* Until there is nothing left to do for now; a read that waits is ended by the alarm. */
static void
settle (void)
{
  for (guint i = 0; i < 10; i++)
    g_main_context_iteration (NULL, FALSE);
}

static void
check_shared (Fixture *f, int client, int server)
{
  int flags = fcntl (server, F_GETFL);
  MedleyInput *first = feed (f, "first", server);
  MedleyInput *second = feed (f, "second", server);

  for (guint i = 1; i <= 3; i++) {
    g_assert_cmpint (write (client, LINE, strlen (LINE)), ==, strlen (LINE));
    while (first->size + second->size < i * strlen (LINE))
      g_main_context_iteration (NULL, TRUE);
    settle ();
  }
  g_assert_cmpuint (f->n_done, ==, 0);
  g_assert_cmpint (fcntl (server, F_GETFL), ==, flags);
}

/* Both are told of the same bytes, and one of them gets them. */
static void
test_shared_pipe (Fixture *f, gconstpointer data)
{
  int ends[2];

  g_assert_cmpint (pipe (ends), ==, 0);
  check_shared (f, ends[1], ends[0]);
  close (ends[0]);
  close (ends[1]);
  while (f->n_done < 2)
    g_main_context_iteration (NULL, TRUE);
  g_assert_no_error (f->error);
}

static void
test_shared_socket (Fixture *f, gconstpointer data)
{
  int ends[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM, 0, ends), ==, 0);
  check_shared (f, ends[1], ends[0]);
  close (ends[0]);
  close (ends[1]);
  while (f->n_done < 2)
    g_main_context_iteration (NULL, TRUE);
  g_assert_no_error (f->error);
}

static void
test_shared_terminal (Fixture *f, gconstpointer data)
{
  int client = posix_openpt (O_RDWR | O_NOCTTY);
  int server;

  if (client < 0 || grantpt (client) < 0 || unlockpt (client) < 0
      || (server = open (ptsname (client), O_RDONLY | O_NOCTTY)) < 0) {
    g_test_skip ("no terminal can be made here");
    return;
  }
  check_shared (f, client, server);
  close (server);
  close (client);
}

static void
test_whole_pipe (Fixture *f, gconstpointer data)
{
  g_autofree char *text = g_malloc (50000);
  g_autofree char *got = NULL;
  g_autofree char *file = NULL;
  MedleyInput *input;
  gsize length;
  int ends[2];

  for (guint i = 0; i < 50000; i++)
    text[i] = (char) ('a' + i % 26);
  g_assert_cmpint (pipe (ends), ==, 0);
  g_assert_cmpint (write (ends[1], text, 50000), ==, 50000);
  close (ends[1]);
  input = feed (f, "text", ends[0]);
  close (ends[0]);
  while (f->n_done == 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_no_error (f->error);
  file = g_build_filename (f->folder, input->file, NULL);
  g_assert_true (g_file_get_contents (file, &got, &length, NULL));
  g_assert_cmpmem (got, length, text, 50000);
}

static void
test_what_cannot_be_read (Fixture *f, gconstpointer data)
{
  int fd = eventfd (1, 0);

  feed (f, "text", fd);
  g_assert_cmpuint (f->n_done, ==, 0);
  while (f->n_done == 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_error (f->error, MEDLEY_ERROR, MEDLEY_ERROR_BAD_INPUT);
  close (fd);
}

#define ADD(Path, Function) g_test_add ("/feeder/" Path, Fixture, NULL, set_up, Function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  alarm (120);
  ADD ("shared-pipe", test_shared_pipe);
  ADD ("shared-socket", test_shared_socket);
  ADD ("shared-terminal", test_shared_terminal);
  ADD ("whole-pipe", test_whole_pipe);
  ADD ("what-cannot-be-read", test_what_cannot_be_read);
  return g_test_run ();
}
