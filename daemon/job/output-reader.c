/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job/output-reader.h"

#include <errno.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "job/job-private.h"

struct _MedleyOutputReader {
  GObject parent_instance;

  MedleyJob *job;
  MedleyOutput *output; /* the job's */
  int fd;
  guint64 offset;
  guint epoch;

  GTask *waiting;
  gsize max;      /* of a read, 0 for a wait */
  guint64 wanted; /* size of the output that a wait is for */
  gulong grew;
  gulong cancelled;
};

G_DEFINE_FINAL_TYPE (MedleyOutputReader, medley_output_reader, G_TYPE_OBJECT)

static int
open_output (MedleyJob *job, MedleyOutput *output, GError **error)
{
  if (output->state == MEDLEY_OUTPUT_COMPLETE)
    return medley_job_open_file (job, output->file, output->size, error);
  return medley_spool_open (medley_job_get_spool (job), output->file, error);
}

MedleyOutputReader *
medley_output_reader_new (MedleyJob *job, const char *output, guint64 offset, GError **error)
{
  g_autoptr (MedleyOutputReader) self = g_object_new (MEDLEY_TYPE_OUTPUT_READER, NULL);

  self->job = g_object_ref (job);
  self->output = medley_job_find_output (job, output);
  if (self->output == NULL) {
    g_autofree char *names = g_strjoinv (", ", (char **) medley_job_get_outputs (job));

    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_FOUND,
                 "job %s has no output \"%s\"; it has: %s", medley_job_get_id (job), output, names);
    return NULL;
  }
  self->fd = open_output (job, self->output, error);
  if (self->fd < 0)
    return NULL;
  self->offset = offset;
  self->epoch = self->output->epoch;
  return g_steal_pointer (&self);
}

gboolean
medley_output_reader_is_final (MedleyOutputReader *self, guint64 *size)
{
  if (size != NULL) {
    struct stat info;

    /* What is pending has nothing yet: an earlier attempt's bytes may still be there. */
    *size = self->output->state != MEDLEY_OUTPUT_PENDING && fstat (self->fd, &info) == 0
                ? (guint64) info.st_size
                : 0;
  }
  return self->output->state == MEDLEY_OUTPUT_COMPLETE;
}

const char *
medley_output_reader_get_media_type (MedleyOutputReader *self)
{
  return self->output->type;
}

static void
disconnect (MedleyOutputReader *self, GTask *task, gulong grew, gulong cancelled)
{
  if (grew != 0)
    g_signal_handler_disconnect (self->job, grew);
  if (cancelled != 0)
    g_signal_handler_disconnect (g_task_get_cancellable (task), cancelled);
}

static void
return_bytes (GTask *task, void *data, gsize length)
{
  g_task_return_pointer (task, g_bytes_new_take (data, length), (GDestroyNotify) g_bytes_unref);
}

/* Finished outputs may be cold: then a thread waits for the disk. */
static void
read_in_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  MedleyOutputReader *self = source;
  g_autofree char *data = g_malloc (self->max);
  gssize n = pread (self->fd, data, self->max, (off_t) self->offset);

  if (n < 0) {
    g_task_return_new_error (task, MEDLEY_ERROR, MEDLEY_ERROR_IO, "cannot read the output: %s",
                             g_strerror (errno));
    return;
  }
  /* There were bytes when the thread was asked. */
  if (n == 0) {
    g_task_return_new_error (task, MEDLEY_ERROR, MEDLEY_ERROR_INTERRUPTED,
                             "output \"%s\" was begun anew with another attempt of the job; read "
                             "it from its beginning",
                             self->output->name);
    return;
  }
  self->offset += (guint64) n;
  return_bytes (task, g_steal_pointer (&data), (gsize) n);
}

/* Nothing will come any more. Returns whether the task was answered. */
static gboolean
try_failure (MedleyOutputReader *self, GTask *task)
{
  if (self->output->state == MEDLEY_OUTPUT_FAILED) {
    const GError *error = medley_job_get_error (self->job);

    g_task_return_error (task, error != NULL ? g_error_copy (error)
                                             : g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_FAILED,
                                                            "the job failed"));
    return TRUE;
  }
  if (medley_job_is_adjourned (self->job)) {
    g_task_return_new_error (task, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
                             "the daemon ends before job %s is done; the next one goes on with it",
                             medley_job_get_id (self->job));
    return TRUE;
  }
  return FALSE;
}

/* Returns whether the task was answered or handed on. */
static gboolean
try_read (MedleyOutputReader *self, GTask *task)
{
  /* What ends the output is looked at first: bytes written before the end are then seen by the
   * read. */
  MedleyOutputState state = self->output->state;
  g_autofree char *data = NULL;
  struct iovec iov;
  gssize n;

  if (self->epoch != self->output->epoch && self->offset > 0) {
    g_task_return_new_error (task, MEDLEY_ERROR, MEDLEY_ERROR_INTERRUPTED,
                             "output \"%s\" was begun anew with another attempt of the job; read "
                             "it from its beginning",
                             self->output->name);
    return TRUE;
  }
  self->epoch = self->output->epoch;
  if (self->output->stale)
    return try_failure (self, task);
  data = g_malloc (self->max);
  iov = (struct iovec){ data, self->max };
  n = preadv2 (self->fd, &iov, 1, (off_t) self->offset, RWF_NOWAIT);
  if (n < 0 && (errno == EOPNOTSUPP || errno == ENOSYS))
    n = pread (self->fd, data, self->max, (off_t) self->offset);
  if (n > 0) {
    self->offset += (guint64) n;
    return_bytes (task, g_realloc (g_steal_pointer (&data), (gsize) n), (gsize) n);
    return TRUE;
  }
  if (n < 0 && errno == EAGAIN) {
    g_task_run_in_thread (task, read_in_thread);
    return TRUE;
  }
  if (n < 0) {
    g_task_return_new_error (task, MEDLEY_ERROR, MEDLEY_ERROR_IO, "cannot read the output: %s",
                             g_strerror (errno));
    return TRUE;
  }
  if (state == MEDLEY_OUTPUT_COMPLETE) {
    return_bytes (task, NULL, 0);
    return TRUE;
  }
  return try_failure (self, task);
}

/* As try_read(), for a wait. */
static gboolean
try_wait (MedleyOutputReader *self, GTask *task)
{
  guint64 size;

  if (medley_output_reader_is_final (self, &size) || size >= self->wanted
      || self->epoch != self->output->epoch) {
    self->epoch = self->output->epoch;
    g_task_return_boolean (task, TRUE);
    return TRUE;
  }
  return try_failure (self, task);
}

static gboolean
try_task (MedleyOutputReader *self, GTask *task)
{
  return self->max > 0 ? try_read (self, task) : try_wait (self, task);
}

static void
output_grew (MedleyJob *job, MedleyOutput *output, gpointer data)
{
  MedleyOutputReader *self = data;
  g_autoptr (GTask) task = NULL;
  gulong grew = self->grew, cancelled = self->cancelled;

  if (output != self->output || self->waiting == NULL)
    return;
  /* A task may call back at once, and the callback may begin the next read. */
  task = g_steal_pointer (&self->waiting);
  self->grew = self->cancelled = 0;
  if (try_task (self, task)) {
    disconnect (self, task, grew, cancelled);
  } else {
    self->waiting = g_steal_pointer (&task);
    self->grew = grew;
    self->cancelled = cancelled;
  }
}

static gboolean
wait_cancelled_idle (gpointer data)
{
  MedleyOutputReader *self = data;
  g_autoptr (GTask) task = NULL;

  if (self->waiting == NULL || !g_cancellable_is_cancelled (g_task_get_cancellable (self->waiting)))
    return G_SOURCE_REMOVE;
  task = g_steal_pointer (&self->waiting);
  disconnect (self, task, self->grew, self->cancelled);
  self->grew = self->cancelled = 0;
  g_task_return_error_if_cancelled (task);
  return G_SOURCE_REMOVE;
}

static void
wait_cancelled (GCancellable *cancellable, gpointer data)
{
  /* Not from within the signal: its handler cannot be disconnected there. */
  g_idle_add_full (G_PRIORITY_DEFAULT, wait_cancelled_idle, g_object_ref (data), g_object_unref);
}

static void
start (MedleyOutputReader *self, GTask *started, GCancellable *cancellable)
{
  g_autoptr (GTask) task = started;

  g_return_if_fail (self->waiting == NULL);
  if (g_task_return_error_if_cancelled (task) || try_task (self, task))
    return;
  self->waiting = g_steal_pointer (&task);
  self->grew = g_signal_connect (self->job, "grew", G_CALLBACK (output_grew), self);
  if (cancellable != NULL)
    self->cancelled
        = g_signal_connect (cancellable, "cancelled", G_CALLBACK (wait_cancelled), self);
}

void
medley_output_reader_read_async (MedleyOutputReader *self, gsize max, GCancellable *cancellable,
                                 GAsyncReadyCallback callback, gpointer data)
{
  g_return_if_fail (max > 0);
  self->max = max;
  start (self, g_task_new (self, cancellable, callback, data), cancellable);
}

void
medley_output_reader_wait_async (MedleyOutputReader *self, guint64 size, GCancellable *cancellable,
                                 GAsyncReadyCallback callback, gpointer data)
{
  self->max = 0;
  self->wanted = size;
  start (self, g_task_new (self, cancellable, callback, data), cancellable);
}

gboolean
medley_output_reader_wait_finish (MedleyOutputReader *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

int
medley_output_reader_get_fd (MedleyOutputReader *self)
{
  return self->fd;
}

guint
medley_output_reader_get_epoch (MedleyOutputReader *self)
{
  return self->output->epoch;
}

GBytes *
medley_output_reader_read_finish (MedleyOutputReader *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* How much of a file is in memory, from @offset on. */
static guint64
measure_cached (int fd, guint64 offset, guint64 length)
{
  guint64 page = (guint64) sysconf (_SC_PAGESIZE);
  guint64 begin = offset / page * page;
  guint64 n_pages = (offset + length - begin + page - 1) / page;
  g_autofree guint8 *cached = g_malloc (n_pages);
  guint64 n = 0;
  void *map = mmap (NULL, n_pages * page, PROT_READ, MAP_SHARED, fd, (off_t) begin);

  if (map == MAP_FAILED)
    return 0;
  if (mincore (map, n_pages * page, cached) == 0) {
    while (n < n_pages && (cached[n] & 1) != 0)
      n++;
  }
  munmap (map, n_pages * page);
  return n * page > offset - begin ? MIN (begin + n * page - offset, length) : 0;
}

int
medley_output_reader_take_range (MedleyOutputReader *self, guint64 max, guint64 *offset,
                                 guint64 *length)
{
  guint64 size;

  g_return_val_if_fail (self->waiting == NULL, -1);
  if (!medley_output_reader_is_final (self, &size) || self->offset >= size
      || (self->epoch != self->output->epoch && self->offset > 0))
    return -1;
  self->epoch = self->output->epoch;
  *offset = self->offset;
  *length = measure_cached (self->fd, self->offset, MIN (max, size - self->offset));
  self->offset += *length;
  return *length > 0 ? self->fd : -1;
}

int
medley_output_reader_dup_fd (MedleyOutputReader *self, GError **error)
{
  int fd;

  if (self->output->state != MEDLEY_OUTPUT_COMPLETE)
    return -1;
  /* Opened anew, so that the client has a position of its own. */
  fd = open_output (self->job, self->output, error);
  if (fd >= 0)
    lseek (fd, (off_t) self->offset, SEEK_SET);
  return fd;
}

static void
medley_output_reader_finalize (GObject *object)
{
  MedleyOutputReader *self = MEDLEY_OUTPUT_READER (object);

  medley_clear_fd (&self->fd);
  g_clear_object (&self->job);
  G_OBJECT_CLASS (medley_output_reader_parent_class)->finalize (object);
}

static void
medley_output_reader_class_init (MedleyOutputReaderClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = medley_output_reader_finalize;
}

static void
medley_output_reader_init (MedleyOutputReader *self)
{
  self->fd = -1;
}
