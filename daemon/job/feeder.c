/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job/feeder.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"

#define BLOCK (64 * 1024)

typedef struct {
  MedleyJob *job; /* owned */
  MedleyInput *input;
  gssize (*read) (int fd, void *buffer, gsize size);
  MedleyFeederDone callback;
  gpointer data;
} Feed;

static void
feed_free (gpointer data)
{
  Feed *feed = data;

  g_object_unref (feed->job);
  g_free (feed);
}

static void
finish (Feed *feed, const GError *error)
{
  medley_clear_fd (&feed->input->client_fd);
  if (feed->input->state == MEDLEY_INPUT_COMING)
    feed->callback (feed->job, feed->input, error, feed->data);
}

/* The client may read from the same end: what was there a moment ago must not be waited for. Nor
 * may its description be made non-blocking, since the client has it too. */

static gssize
read_socket (int fd, void *buffer, gsize size)
{
  return recv (fd, buffer, size, MSG_DONTWAIT);
}

static gssize
read_pipe (int fd, void *buffer, gsize size)
{
  int ends[2];
  gssize n;

  if (pipe2 (ends, O_CLOEXEC | O_NONBLOCK) < 0)
    return -1;
  /* Unlike a read, a splice can be told not to wait. */
  n = splice (fd, NULL, ends[1], NULL, size, SPLICE_F_NONBLOCK);
  if (n > 0)
    n = read (ends[0], buffer, (gsize) n);
  medley_clear_fd (&ends[0]);
  medley_clear_fd (&ends[1]);
  return n;
}

static gssize
read_file (int fd, void *buffer, gsize size)
{
  return read (fd, buffer, size);
}

/* Makes @fd ready to be read without ever waiting; replaces it where it takes a description of our
 * own. FALSE with errno. */
static gboolean
choose_read (Feed *feed, int *fd, mode_t mode)
{
  char name[64];
  int own;

  feed->read = S_ISSOCK (mode) ? read_socket : S_ISFIFO (mode) ? read_pipe : read_file;
  if (feed->read != read_file)
    return TRUE;
  snprintf (name, sizeof name, "/proc/self/fd/%d", *fd);
  own = open (name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (own < 0)
    return FALSE;
  medley_clear_fd (fd);
  *fd = own;
  return TRUE;
}

static gboolean
readable (int fd, GIOCondition condition, gpointer data)
{
  Feed *feed = data;
  g_autoptr (MedleyJob) keep = g_object_ref (feed->job);
  g_autoptr (GError) error = NULL;
  char buffer[BLOCK];
  gssize n = feed->read (fd, buffer, sizeof buffer);

  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return G_SOURCE_CONTINUE;
  if (n > 0 && medley_input_write (feed->input, buffer, (gsize) n, &error))
    return G_SOURCE_CONTINUE;
  if (n < 0)
    error = g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_IO, "cannot read input \"%s\": %s",
                         feed->input->name, g_strerror (errno));
  feed->input->source = 0;
  finish (feed, error);
  return G_SOURCE_REMOVE;
}

static void
refused (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;

  g_task_propagate_boolean (G_TASK (result), &error);
  finish (g_task_get_task_data (G_TASK (result)), error);
}

/* Runs apart from the main loop: it touches the two descriptors and nothing else of the job. */
typedef struct {
  Feed *feed;
  int from, to;
  guint64 limit;
  guint64 copied;
} Copy;

static void
copy_free (gpointer data)
{
  Copy *copy = data;

  medley_clear_fd (&copy->from);
  medley_clear_fd (&copy->to);
  feed_free (copy->feed);
  g_free (copy);
}

static void
copy_in_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Copy *copy = task_data;
  g_autofree char *buffer = g_malloc (16 * BLOCK);
  gssize n;

  while ((n = read (copy->from, buffer, 16 * BLOCK)) != 0) {
    gssize written = 0;

    if (g_task_return_error_if_cancelled (task))
      return;

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      g_task_return_new_error (task, MEDLEY_ERROR, MEDLEY_ERROR_IO, "cannot read the input: %s",
                               g_strerror (errno));
      return;
    }
    copy->copied += (guint64) n;
    if (copy->copied > copy->limit) {
      g_task_return_new_error (task, MEDLEY_ERROR, MEDLEY_ERROR_TOO_LARGE,
                               "the input is longer than its limit of %" G_GUINT64_FORMAT " bytes",
                               copy->limit);
      return;
    }
    while (written < n) {
      gssize w = write (copy->to, buffer + written, (gsize) (n - written));

      if (w < 0 && errno != EINTR) {
        g_task_return_new_error (task, MEDLEY_ERROR,
                                 errno == ENOSPC ? MEDLEY_ERROR_NO_SPACE : MEDLEY_ERROR_IO,
                                 "cannot store the input: %s", g_strerror (errno));
        return;
      }
      written += MAX (w, 0);
    }
  }
  g_task_return_boolean (task, TRUE);
}

static void
copied (GObject *source, GAsyncResult *result, gpointer data)
{
  Copy *copy = g_task_get_task_data (G_TASK (result));
  g_autoptr (GError) error = NULL;

  g_task_propagate_boolean (G_TASK (result), &error);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return; /* the job has ended meanwhile */
  copy->feed->input->size = copy->copied;
  finish (copy->feed, error);
}

void
medley_feeder_start (MedleyJob *job, MedleyInput *input, int fd, MedleyFeederDone callback,
                     gpointer data)
{
  Feed *feed = g_new0 (Feed, 1);
  struct stat info = { 0 };

  feed->job = g_object_ref (job);
  feed->input = input;
  feed->callback = callback;
  feed->data = data;
  if (fstat (fd, &info) == 0 && S_ISREG (info.st_mode)) {
    g_autoptr (GTask) task = NULL;
    Copy *copy = g_new0 (Copy, 1);

    input->copying = g_cancellable_new ();
    task = g_task_new (job, input->copying, copied, NULL);
    copy->feed = feed;
    copy->from = fd;
    copy->to = fcntl (input->fd, F_DUPFD_CLOEXEC, 3);
    copy->limit = input->limit;
    g_task_set_task_data (task, copy, copy_free);
    if (copy->to < 0) {
      g_task_return_new_error (task, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
                               "cannot store the input: %s", g_strerror (errno));
      return;
    }
    g_task_run_in_thread (task, copy_in_thread);
    return;
  }
  if (!choose_read (feed, &fd, info.st_mode)) {
    g_autoptr (GTask) task = g_task_new (job, NULL, refused, NULL);

    input->client_fd = fd;
    g_task_set_task_data (task, feed, feed_free);
    g_task_return_new_error (task, MEDLEY_ERROR, MEDLEY_ERROR_BAD_INPUT,
                             "input \"%s\" cannot be read without waiting (%s): pass a file, pipe "
                             "or socket",
                             input->name, g_strerror (errno));
    return;
  }
  input->client_fd = fd;
  input->source = g_unix_fd_add_full (G_PRIORITY_DEFAULT, fd, G_IO_IN | G_IO_HUP | G_IO_ERR,
                                      readable, feed, feed_free);
}

void
medley_feeder_stop (MedleyJob *job)
{
  GPtrArray *inputs = medley_job_list_inputs (job);

  for (guint i = 0; i < inputs->len; i++) {
    MedleyInput *input = inputs->pdata[i];

    g_clear_handle_id (&input->source, g_source_remove);
    if (input->copying != NULL)
      g_cancellable_cancel (input->copying);
    medley_clear_fd (&input->client_fd);
  }
}
