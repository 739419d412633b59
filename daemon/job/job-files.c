/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Inputs and outputs of a job. */

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "job/job-struct.h"

void
medley_input_free (MedleyInput *input)
{
  g_clear_handle_id (&input->source, g_source_remove);
  medley_clear_fd (&input->fd);
  medley_input_close_doorbell (input);
  medley_clear_fd (&input->client_fd);
  g_clear_object (&input->copying);
  g_free (input->name);
  g_free (input->type);
  g_free (input->file);
  g_free (input);
}

void
medley_output_free (MedleyOutput *output)
{
  g_free (output->name);
  g_free (output->type);
  g_free (output->file);
  g_free (output);
}

MedleyInput *
medley_job_add_input (MedleyJob *self, const char *name, const char *type, MedleyInputState state,
                      guint64 limit, GError **error)
{
  MedleyInput *input = g_new0 (MedleyInput, 1);

  input->name = g_strdup (name);
  input->type = g_strdup (type);
  input->file = g_strdup_printf ("%s-%u.in", self->id, self->inputs->len);
  input->state = state;
  input->is_upload = state == MEDLEY_INPUT_AWAITED;
  input->limit = limit;
  input->doorbell = input->client_fd = -1;
  input->fd = medley_spool_create (self->spool, input->file, error);
  if (input->fd < 0) {
    medley_input_free (input);
    return NULL;
  }
  g_ptr_array_add (self->inputs, input);
  return input;
}

MedleyOutput *
medley_job_add_output (MedleyJob *self, const char *name, const char *type, GError **error)
{
  MedleyOutput *output = g_new0 (MedleyOutput, 1);
  int fd;

  output->name = g_strdup (name);
  output->type = g_strdup (type);
  output->file = g_strdup_printf ("%s-%u.out", self->id, self->outputs->len);
  fd = medley_spool_create (self->spool, output->file, error);
  if (fd < 0) {
    medley_output_free (output);
    return NULL;
  }
  close (fd);
  g_ptr_array_add (self->outputs, output);
  medley_job_add_output_name (self, output->name);
  return output;
}

void
medley_job_add_output_name (MedleyJob *self, const char *name)
{
  guint n = self->outputs->len;

  self->output_names = g_renew (char *, self->output_names, n + 1);
  self->output_names[n - 1] = (char *) name;
  self->output_names[n] = NULL;
}

GPtrArray *
medley_job_list_inputs (MedleyJob *self)
{
  return self->inputs;
}

GPtrArray *
medley_job_list_outputs (MedleyJob *self)
{
  return self->outputs;
}

MedleyInput *
medley_job_find_input (MedleyJob *self, const char *name)
{
  if (name == NULL || name[0] == '\0')
    return self->inputs->len == 1 ? self->inputs->pdata[0] : NULL;
  for (guint i = 0; i < self->inputs->len; i++) {
    MedleyInput *input = self->inputs->pdata[i];

    if (g_str_equal (input->name, name))
      return input;
  }
  return NULL;
}

MedleyOutput *
medley_job_find_output (MedleyJob *self, const char *name)
{
  if (name == NULL || name[0] == '\0')
    return self->outputs->len > 0 ? self->outputs->pdata[0] : NULL;
  for (guint i = 0; i < self->outputs->len; i++) {
    MedleyOutput *output = self->outputs->pdata[i];

    if (g_str_equal (output->name, name))
      return output;
  }
  return NULL;
}

gboolean
medley_job_has_input_in (MedleyJob *self, MedleyInputState state)
{
  for (guint i = 0; i < self->inputs->len; i++) {
    if (((MedleyInput *) self->inputs->pdata[i])->state == state)
      return TRUE;
  }
  return FALSE;
}

const char *const *
medley_job_get_outputs (MedleyJob *self)
{
  return (const char *const *) self->output_names;
}

const char *
medley_job_get_output_type (MedleyJob *self, const char *name)
{
  MedleyOutput *output = medley_job_find_output (self, name);

  return output != NULL ? output->type : NULL;
}

void
medley_job_delete_files (MedleyJob *self)
{
  for (guint i = 0; i < self->inputs->len; i++)
    medley_spool_remove (self->spool, ((MedleyInput *) self->inputs->pdata[i])->file);
  for (guint i = 0; i < self->outputs->len; i++)
    medley_spool_remove (self->spool, ((MedleyOutput *) self->outputs->pdata[i])->file);
}

void
medley_input_close_doorbell (MedleyInput *input)
{
  if (input->doorbell < 0)
    return;
  g_clear_handle_id (&input->told, g_source_remove);
  medley_clear_fd (&input->doorbell);
  if (input->moved != NULL)
    input->moved (input->moved_data);
}

/* The worker tells how far it has read, or has gone. */
static gboolean
on_told (int fd, GIOCondition condition, gpointer data)
{
  MedleyInput *input = data;
  guint64 taken;
  gssize n = recv (fd, &taken, sizeof taken, MSG_DONTWAIT);

  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return G_SOURCE_CONTINUE;
  if (n != sizeof taken) {
    input->told = 0;
    medley_input_close_doorbell (input);
    return G_SOURCE_REMOVE;
  }
  input->taken = MAX (input->taken, taken);
  if (input->moved != NULL)
    input->moved (input->moved_data);
  return G_SOURCE_CONTINUE;
}

int
medley_input_open_doorbell (MedleyInput *input, GError **error)
{
  int ends[2];

  medley_input_close_doorbell (input);
  /* Each way in messages: a byte for "more", a number for how far. */
  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE, "cannot make a doorbell: %s",
                 g_strerror (errno));
    return -1;
  }
  input->doorbell = ends[0];
  input->taken = 0;
  input->told = g_unix_fd_add (ends[0], G_IO_IN | G_IO_HUP | G_IO_ERR, on_told, input);
  return ends[1];
}

gboolean
medley_input_write (MedleyInput *input, const void *data, gsize length, GError **error)
{
  const char *at = data;

  if (length > input->limit - MIN (input->size, input->limit)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_TOO_LARGE,
                 "input \"%s\" is longer than %" G_GUINT64_FORMAT
                 " bytes; the limit is %s in the configuration",
                 input->name, input->limit,
                 g_str_has_prefix (input->type, "text/") ? "limits.text-bytes"
                                                         : "limits.input-bytes");
    return FALSE;
  }
  while (length > 0) {
    gssize n = write (input->fd, at, length);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      g_set_error (error, MEDLEY_ERROR,
                   errno == ENOSPC || errno == EDQUOT ? MEDLEY_ERROR_NO_SPACE : MEDLEY_ERROR_IO,
                   "cannot store input \"%s\": %s", input->name, g_strerror (errno));
      return FALSE;
    }
    at += n;
    length -= (gsize) n;
    input->size += (guint64) n;
  }
  /* A full doorbell has been rung already. */
  if (input->doorbell >= 0 && send (input->doorbell, "", 1, MSG_NOSIGNAL) < 0 && errno != EAGAIN)
    medley_input_close_doorbell (input);
  return TRUE;
}

void
medley_input_complete (MedleyInput *input)
{
  input->state = MEDLEY_INPUT_READY;
  medley_clear_fd (&input->fd);
  medley_input_close_doorbell (input);
}

void
medley_job_note_input (MedleyJob *self)
{
  self->inputs_changed = TRUE;
}

GError *
medley_input_make_empty_error (const char *name)
{
  return g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_EMPTY_INPUT,
                      "input \"%s\" is empty: there is nothing to work on", name);
}

static void
measure (MedleyJob *self, MedleyOutput *output)
{
  struct stat info;
  int fd = medley_spool_open (self->spool, output->file, NULL);

  if (fd >= 0 && fstat (fd, &info) == 0)
    output->size = (guint64) info.st_size;
  medley_clear_fd (&fd);
}

void
medley_job_measure_outputs (MedleyJob *self)
{
  for (guint i = 0; i < self->outputs->len; i++)
    measure (self, self->outputs->pdata[i]);
}

void
medley_job_set_output_state (MedleyJob *self, MedleyOutput *output, MedleyOutputState state)
{
  measure (self, output);
  output->state = state;
  medley_job_output_grew (self, output);
}

typedef struct {
  MedleyJob *job;
  MedleyOutput *output;
} Restart;

static void
restart_free (gpointer data)
{
  Restart *self = data;

  g_object_unref (self->job);
  g_free (self);
}

static gboolean
tell_restart (gpointer data)
{
  Restart *self = data;

  medley_job_output_grew (self->job, self->output);
  return G_SOURCE_REMOVE;
}

void
medley_job_restart_output (MedleyJob *self, MedleyOutput *output)
{
  Restart *restart;

  if (output->state == MEDLEY_OUTPUT_PENDING && !output->begun)
    return;
  output->state = MEDLEY_OUTPUT_PENDING;
  output->size = 0;
  output->epoch++;
  output->begun = FALSE;
  output->stale = TRUE;
  output->saved = FALSE;
  self->outputs_changed = TRUE;
  /* Later: the job is between two states, and a reader that hears of it may cancel it. */
  restart = g_new (Restart, 1);
  *restart = (Restart){ g_object_ref (self), output };
  g_idle_add_full (G_PRIORITY_DEFAULT, tell_restart, restart, restart_free);
}

guint64
medley_job_get_bytes (MedleyJob *self)
{
  guint64 bytes = 0;

  for (guint i = 0; i < self->inputs->len; i++)
    bytes += ((MedleyInput *) self->inputs->pdata[i])->size;
  for (guint i = 0; i < self->outputs->len; i++)
    bytes += ((MedleyOutput *) self->outputs->pdata[i])->size;
  return bytes;
}

/* A file that was not synced may have kept its length and lost its content. */
static gboolean
holds (int fd, GBytes *content)
{
  gsize size;
  const void *data = g_bytes_get_data (content, &size);
  g_autofree char *found = g_malloc (size + 1);

  return pread (fd, found, size + 1, 0) == (gssize) size && memcmp (found, data, size) == 0;
}

/* Returns a descriptor at the beginning of what was written, or -1. */
static int
write_anew (MedleyJob *self, const char *file, GBytes *content)
{
  gsize size;
  const void *data = g_bytes_get_data (content, &size);
  int fd;

  medley_spool_remove (self->spool, file);
  fd = medley_spool_create (self->spool, file, NULL);
  if (fd >= 0 && pwrite (fd, data, size, 0) != (gssize) size)
    medley_clear_fd (&fd);
  return fd;
}

int
medley_job_open_file (MedleyJob *self, const char *file, guint64 size, GError **error)
{
  int fd = medley_spool_open (self->spool, file, NULL);
  g_autoptr (GBytes) content = NULL;
  struct stat info;

  if (self->store != NULL && size <= MEDLEY_RECORD_INLINE_BYTES)
    content = medley_job_store_get_content (self->store, self->id, file);
  if (content != NULL && g_bytes_get_size (content) != size)
    g_clear_pointer (&content, g_bytes_unref);
  if (fd >= 0
      && (content != NULL ? holds (fd, content)
                          : fstat (fd, &info) == 0 && (guint64) info.st_size == size))
    return fd;
  medley_clear_fd (&fd);
  if (content != NULL)
    fd = write_anew (self, file, content);
  if (fd < 0)
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_IO,
                 "the spool no longer has the %" G_GUINT64_FORMAT
                 " bytes of %s: the disk lost them, or something else removed them",
                 size, file);
  return fd;
}

void
medley_job_output_grew (MedleyJob *self, MedleyOutput *output)
{
  medley_job_emit_grew (self, output);
}
