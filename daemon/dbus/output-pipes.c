/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/output-pipes.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <unistd.h>

#include "base/error.h"

#define PIPE_SIZE (1024 * 1024)
#define BLOCK (256 * 1024)

struct _MedleyOutputPipes {
  GHashTable *pipes; /* set of Pipe */
  guint maximum;
  GSourceOnceFunc empty_func;
  gpointer empty_data;
};

typedef struct {
  MedleyOutputPipes *owner; /* NULL once it is given up */
  MedleyOutputReader *reader;
  GCancellable *cancellable;
  int fd;
  GBytes *rest; /* what the full pipe did not take */
  guint room;   /* source: only while the pipe is full */
  guint gone;   /* source: the other end was closed */
  gboolean reading;
} Pipe;

static void
pipe_free (Pipe *pipe)
{
  g_object_unref (pipe->reader);
  g_object_unref (pipe->cancellable);
  g_free (pipe);
}

static void
pipe_end (gpointer data)
{
  Pipe *pipe = data;

  g_clear_handle_id (&pipe->room, g_source_remove);
  g_clear_handle_id (&pipe->gone, g_source_remove);
  g_clear_pointer (&pipe->rest, g_bytes_unref);
  close (pipe->fd);
  pipe->owner = NULL;
  if (pipe->reading)
    g_cancellable_cancel (pipe->cancellable); /* freed when the read returns */
  else
    pipe_free (pipe);
}

static void
give_up (Pipe *pipe)
{
  MedleyOutputPipes *owner = pipe->owner;

  g_hash_table_remove (owner->pipes, pipe);
  if (owner->empty_func != NULL && g_hash_table_size (owner->pipes) == 0)
    owner->empty_func (owner->empty_data);
}

static void
read_on (Pipe *pipe);
static void
write_on (Pipe *pipe);

static gboolean
has_room (int fd, GIOCondition condition, gpointer data)
{
  Pipe *pipe = data;

  pipe->room = 0;
  write_on (pipe);
  return G_SOURCE_REMOVE;
}

static gboolean
other_end_closed (int fd, GIOCondition condition, gpointer data)
{
  Pipe *pipe = data;

  pipe->gone = 0;
  give_up (pipe);
  return G_SOURCE_REMOVE;
}

static void
write_on (Pipe *pipe)
{
  while (pipe->rest != NULL) {
    gsize length;
    const void *bytes = g_bytes_get_data (pipe->rest, &length);
    gssize n = write (pipe->fd, bytes, length);
    GBytes *written;

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && errno == EAGAIN) {
      pipe->room = g_unix_fd_add (pipe->fd, G_IO_OUT, has_room, pipe);
      return;
    }
    if (n < 0) {
      give_up (pipe);
      return;
    }
    written = pipe->rest;
    pipe->rest = (gsize) n < length
                     ? g_bytes_new_from_bytes (written, (gsize) n, length - (gsize) n)
                     : NULL;
    g_bytes_unref (written);
  }
  read_on (pipe);
}

static void
bytes_read (GObject *source, GAsyncResult *result, gpointer data)
{
  Pipe *pipe = data;
  g_autoptr (GBytes) bytes
      = medley_output_reader_read_finish (MEDLEY_OUTPUT_READER (source), result, NULL);

  pipe->reading = FALSE;
  if (pipe->owner == NULL) {
    pipe_free (pipe);
    return;
  }
  /* Why an output ended before it was whole is told by the job. */
  if (bytes == NULL || g_bytes_get_size (bytes) == 0) {
    give_up (pipe);
    return;
  }
  pipe->rest = g_steal_pointer (&bytes);
  write_on (pipe);
}

static void
read_on (Pipe *pipe)
{
  pipe->reading = TRUE;
  medley_output_reader_read_async (pipe->reader, BLOCK, pipe->cancellable, bytes_read, pipe);
}

MedleyOutputPipes *
medley_output_pipes_new (guint maximum)
{
  MedleyOutputPipes *self = g_new0 (MedleyOutputPipes, 1);

  self->pipes = g_hash_table_new_full (NULL, NULL, pipe_end, NULL);
  self->maximum = maximum;
  return self;
}

void
medley_output_pipes_free (MedleyOutputPipes *self)
{
  g_hash_table_unref (self->pipes);
  g_free (self);
}

int
medley_output_pipes_open (MedleyOutputPipes *self, MedleyOutputReader *reader, GError **error)
{
  Pipe *pipe;
  int ends[2];

  if (g_hash_table_size (self->pipes) >= self->maximum) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
                 "%u growing outputs are read already (dbus.open-outputs); close one first",
                 self->maximum);
    return -1;
  }
  if (pipe2 (ends, O_CLOEXEC) < 0) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_IO, "cannot make a pipe: %s",
                 g_strerror (errno));
    return -1;
  }
  /* Only our end: whether to wait is the client's choice. */
  fcntl (ends[1], F_SETFL, O_NONBLOCK);
  /* A user has a limited number of such pipes; a small one works as well. */
  (void) fcntl (ends[1], F_SETPIPE_SZ, PIPE_SIZE);
  pipe = g_new0 (Pipe, 1);
  pipe->owner = self;
  pipe->reader = g_object_ref (reader);
  pipe->cancellable = g_cancellable_new ();
  pipe->fd = ends[1];
  pipe->gone = g_unix_fd_add (pipe->fd, G_IO_ERR, other_end_closed, pipe);
  g_hash_table_add (self->pipes, pipe);
  read_on (pipe);
  return ends[0];
}

guint
medley_output_pipes_count (MedleyOutputPipes *self)
{
  return g_hash_table_size (self->pipes);
}

void
medley_output_pipes_set_empty_func (MedleyOutputPipes *self, GSourceOnceFunc func, gpointer data)
{
  self->empty_func = func;
  self->empty_data = data;
}
