/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job/request.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/fd.h"

#define MAX_CLIENT_NAME 64

static void
input_free (gpointer data)
{
  MedleyRequestInput *input = data;

  medley_clear_fd (&input->fd);
  g_clear_pointer (&input->bytes, g_bytes_unref);
  g_free (input->name);
  g_free (input);
}

static MedleyRequestInput *
add_input (MedleyJobRequest *self, const char *name, MedleyRequestInputKind kind)
{
  MedleyRequestInput *input = g_new0 (MedleyRequestInput, 1);

  input->name = name != NULL && name[0] != '\0' ? g_strdup (name) : NULL;
  input->kind = kind;
  input->fd = -1;
  g_ptr_array_add (self->inputs, input);
  return input;
}

MedleyJobRequest *
medley_job_request_new (const char *client)
{
  MedleyJobRequest *self = g_new0 (MedleyJobRequest, 1);

  self->client = g_strdup (client);
  self->inputs = g_ptr_array_new_with_free_func (input_free);
  self->output_names = g_ptr_array_new_with_free_func (g_free);
  self->output_types = g_ptr_array_new_with_free_func (g_free);
  g_variant_dict_init (&self->parameters, NULL);
  return self;
}

gboolean
medley_job_request_set_client_name (MedleyJobRequest *self, const char *name, GError **error)
{
  gsize length = strspn (name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-");
  g_autofree char *user = NULL;

  if (length == 0 || length > MAX_CLIENT_NAME || name[length] != '\0') {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "a client's name has 1 to %d letters, digits, dots, underscores and hyphens",
                 MAX_CLIENT_NAME);
    return FALSE;
  }
  user = g_steal_pointer (&self->client);
  self->client = g_strdup_printf ("%.*s/%s", (int) strcspn (user, "/"), user, name);
  return TRUE;
}

void
medley_job_request_free (MedleyJobRequest *self)
{
  g_variant_dict_clear (&self->parameters);
  g_ptr_array_unref (self->inputs);
  g_ptr_array_unref (self->output_names);
  g_ptr_array_unref (self->output_types);
  g_free (self->client);
  g_free (self->pipeline);
  g_free (self->text);
  g_free (self->idempotency_key);
  g_free (self->request_id);
  g_free (self->tracestate);
  g_free (self);
}

/* A descriptor that is read from its beginning, whoever reads the other one. */
static int
reopen (int fd, GError **error)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", fd);
  struct stat info;
  int copy = -1;

  if (fstat (fd, &info) != 0 || !S_ISREG (info.st_mode))
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "an input that is no file can be read once only");
  else if ((copy = open (path, O_RDONLY | O_CLOEXEC)) < 0)
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_IO, "an input cannot be read once more: %s",
                 g_strerror (errno));
  return copy;
}

static gboolean
copy_input (MedleyJobRequest *to, const MedleyRequestInput *from, GError **error)
{
  MedleyRequestInput *input;
  int fd = -1;

  if (from->kind != MEDLEY_REQUEST_BYTES && from->kind != MEDLEY_REQUEST_FD) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "an input that is still sent can be read once only");
    return FALSE;
  }
  if (from->kind == MEDLEY_REQUEST_FD && (fd = reopen (from->fd, error)) < 0)
    return FALSE;
  input = add_input (to, from->name, from->kind);
  input->fd = fd;
  input->bytes = from->bytes != NULL ? g_bytes_ref (from->bytes) : NULL;
  return TRUE;
}

MedleyJobRequest *
medley_job_request_copy (MedleyJobRequest *self, GError **error)
{
  g_autoptr (MedleyJobRequest) copy = medley_job_request_new (self->client);
  g_autoptr (GVariant) parameters = g_variant_ref_sink (g_variant_dict_end (&self->parameters));

  g_variant_dict_init (&self->parameters, parameters);
  g_variant_dict_clear (&copy->parameters);
  g_variant_dict_init (&copy->parameters, parameters);
  copy->pipeline = g_strdup (self->pipeline);
  if (self->text != NULL)
    medley_job_request_set_pipeline_text (copy, self->text, self->text_length);
  for (guint i = 0; i < self->inputs->len; i++)
    if (!copy_input (copy, self->inputs->pdata[i], error))
      return NULL;
  for (guint i = 0; i < self->output_names->len; i++)
    medley_job_request_add_output (copy, self->output_names->pdata[i],
                                   self->output_types->pdata[i]);
  copy->priority = self->priority;
  copy->start_at = self->start_at;
  copy->deadline = self->deadline;
  copy->run_time = self->run_time;
  copy->attempts = self->attempts;
  copy->no_cache = self->no_cache;
  copy->request_id = g_strdup (self->request_id);
  copy->trace = self->trace;
  copy->tracestate = g_strdup (self->tracestate);
  return g_steal_pointer (&copy);
}

void
medley_job_request_set_pipeline (MedleyJobRequest *self, const char *name)
{
  g_free (self->pipeline);
  self->pipeline = g_strdup (name);
}

void
medley_job_request_set_pipeline_text (MedleyJobRequest *self, const char *json, gsize length)
{
  g_free (self->text);
  self->text = g_memdup2 (json, length);
  self->text_length = length;
  if (self->text == NULL)
    self->text = g_strdup ("");
}

void
medley_job_request_add_input_bytes (MedleyJobRequest *self, const char *name, GBytes *bytes)
{
  add_input (self, name, MEDLEY_REQUEST_BYTES)->bytes = g_bytes_ref (bytes);
}

void
medley_job_request_add_input_fd (MedleyJobRequest *self, const char *name, int fd)
{
  add_input (self, name, MEDLEY_REQUEST_FD)->fd = fd;
}

void
medley_job_request_add_input_upload (MedleyJobRequest *self, const char *name)
{
  add_input (self, name, MEDLEY_REQUEST_UPLOAD);
}

void
medley_job_request_add_input_stream (MedleyJobRequest *self, const char *name)
{
  add_input (self, name, MEDLEY_REQUEST_STREAM);
}

void
medley_job_request_set_parameter (MedleyJobRequest *self, const char *name, GVariant *value)
{
  g_variant_dict_insert_value (&self->parameters, name, value);
}

void
medley_job_request_add_output (MedleyJobRequest *self, const char *name, const char *media_type)
{
  g_ptr_array_add (self->output_names, g_strdup (name));
  g_ptr_array_add (self->output_types, g_strdup (media_type != NULL ? media_type : ""));
}

void
medley_job_request_set_priority (MedleyJobRequest *self, gint32 priority)
{
  self->priority = priority;
}

void
medley_job_request_set_start_at (MedleyJobRequest *self, gint64 time)
{
  self->start_at = time;
}

void
medley_job_request_set_deadline (MedleyJobRequest *self, gint64 time)
{
  self->deadline = time;
}

void
medley_job_request_set_run_time (MedleyJobRequest *self, guint64 seconds)
{
  self->run_time = seconds;
}

void
medley_job_request_set_attempts (MedleyJobRequest *self, guint attempts)
{
  self->attempts = attempts;
}

void
medley_job_request_set_use_cache (MedleyJobRequest *self, gboolean use)
{
  self->no_cache = !use;
}

void
medley_job_request_set_attached (MedleyJobRequest *self)
{
  self->is_attached = TRUE;
}

void
medley_job_request_set_idempotency_key (MedleyJobRequest *self, const char *key)
{
  g_free (self->idempotency_key);
  self->idempotency_key = g_strdup (key);
}
