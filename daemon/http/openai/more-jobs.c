/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/openai/more-jobs.h"

#include <medley/medley-error.h>

#define PIECE (64 * 1024)

struct _MedleyOpenaiMoreJobs {
  grefcount ref_count;    /* what is under way calls back */
  MedleyOpenaiCall *call; /* not owned; NULL when it is over */
  MedleyJobManager *manager;
  gboolean has_key;    /* the client may come back for them */
  GPtrArray *requests; /* MedleyJobRequest, NULL once it was made */
  GPtrArray *jobs;     /* MedleyJob, NULL until it was made */
  guint n_made;

  char *output; /* NULL until it is asked for */
  gsize left;
  guint index; /* of the job that is read */
  MedleyOutputReader *reader;
  GCancellable *cancellable;
  GByteArray *content;
  GPtrArray *contents;
  MedleyOpenaiMoreFunc func;
  gpointer data;
};

typedef struct {
  MedleyOpenaiMoreJobs *jobs;
  guint index;
} Making;

static void
clear_request (gpointer request)
{
  if (request != NULL)
    medley_job_request_free (request);
}

static void
clear_job (gpointer job)
{
  if (job != NULL)
    g_object_unref (job);
}

MedleyOpenaiMoreJobs *
medley_openai_more_jobs_new (void)
{
  MedleyOpenaiMoreJobs *self = g_new0 (MedleyOpenaiMoreJobs, 1);

  g_ref_count_init (&self->ref_count);
  self->requests = g_ptr_array_new_with_free_func (clear_request);
  self->jobs = g_ptr_array_new_with_free_func (clear_job);
  self->contents = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  self->content = g_byte_array_new ();
  self->cancellable = g_cancellable_new ();
  return self;
}

static MedleyOpenaiMoreJobs *
more_jobs_ref (MedleyOpenaiMoreJobs *self)
{
  g_ref_count_inc (&self->ref_count);
  return self;
}

static void
more_jobs_unref (MedleyOpenaiMoreJobs *self)
{
  if (!g_ref_count_dec (&self->ref_count))
    return;
  g_ptr_array_unref (self->requests);
  g_ptr_array_unref (self->jobs);
  g_ptr_array_unref (self->contents);
  g_byte_array_unref (self->content);
  g_clear_object (&self->reader);
  g_object_unref (self->cancellable);
  g_clear_object (&self->manager);
  g_free (self->output);
  g_free (self);
}

static void
cancel (MedleyOpenaiMoreJobs *self, MedleyJob *job)
{
  if (!self->has_key && !medley_job_state_is_final (medley_job_get_state (job)))
    medley_job_manager_cancel (self->manager, job, NULL);
}

/* One for all: the call ends with an error, and nothing of it goes on but what has a key. */
static void
fail (MedleyOpenaiMoreJobs *self, const GError *error)
{
  cancel (self, medley_openai_call_get_job (self->call));
  medley_openai_call_fail (self->call, error);
}

void
medley_openai_more_jobs_free (MedleyOpenaiMoreJobs *self)
{
  self->call = NULL;
  g_cancellable_cancel (self->cancellable);
  for (guint i = 0; i < self->jobs->len; i++)
    if (self->jobs->pdata[i] != NULL)
      cancel (self, self->jobs->pdata[i]);
  more_jobs_unref (self);
}

void
medley_openai_more_jobs_add (MedleyOpenaiMoreJobs *self, MedleyJobRequest *request)
{
  g_ptr_array_add (self->requests, request);
  g_ptr_array_add (self->jobs, NULL);
}

MedleyJob *
medley_openai_more_jobs_get_job (MedleyOpenaiMoreJobs *self, guint index)
{
  return self->jobs->pdata[index];
}

/* Reading */

static void
read_next (MedleyOpenaiMoreJobs *self);

static void
on_read (GObject *source, GAsyncResult *result, gpointer data)
{
  MedleyOpenaiMoreJobs *self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes
      = medley_output_reader_read_finish (MEDLEY_OUTPUT_READER (source), result, &error);
  gsize size = bytes != NULL ? g_bytes_get_size (bytes) : 0;

  if (self->call == NULL) {
    more_jobs_unref (self);
    return;
  }
  if (size > self->left)
    error = g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_OUTPUT_TOO_LARGE,
                         "what the model makes is too large for one answer (http.answer-bytes)");
  if (error != NULL) {
    fail (self, error);
  } else if (size > 0) {
    self->left -= size;
    g_byte_array_append (self->content, g_bytes_get_data (bytes, NULL), (guint) size);
    read_next (self);
  } else {
    g_ptr_array_add (self->contents, g_byte_array_free_to_bytes (self->content));
    self->content = g_byte_array_new ();
    g_clear_object (&self->reader);
    self->index++;
    read_next (self);
  }
  more_jobs_unref (self);
}

static void
read_next (MedleyOpenaiMoreJobs *self)
{
  g_autoptr (GError) error = NULL;

  if (self->index == self->jobs->len) {
    self->func (self->call, self->contents, self->data);
    return;
  }
  if (self->reader == NULL)
    self->reader
        = medley_output_reader_new (self->jobs->pdata[self->index], self->output, 0, &error);
  if (self->reader != NULL)
    medley_output_reader_read_async (self->reader, PIECE, self->cancellable, on_read,
                                     more_jobs_ref (self));
  else
    fail (self, error);
}

void
medley_openai_more_jobs_collect (MedleyOpenaiMoreJobs *self, const char *role, gsize limit,
                                 MedleyOpenaiMoreFunc func, gpointer data)
{
  const MedleyServes *serves = medley_openai_call_get_serves (self->call);

  self->output = g_strdup (medley_serves_get_output (serves, role));
  self->left = limit;
  self->func = func;
  self->data = data;
  if (self->n_made == self->jobs->len)
    read_next (self);
}

/* Making */

static void
on_made (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autofree Making *making = data;
  MedleyOpenaiMoreJobs *self = making->jobs;
  g_autoptr (GError) error = NULL;
  MedleyJob *job
      = medley_job_manager_create_finish (MEDLEY_JOB_MANAGER (source), result, NULL, &error);

  self->jobs->pdata[making->index] = job;
  if (job != NULL)
    self->n_made++;
  if (self->call == NULL && job != NULL)
    cancel (self, job);
  else if (self->call != NULL && job == NULL)
    fail (self, error);
  else if (self->call != NULL && self->output != NULL && self->n_made == self->jobs->len)
    read_next (self);
  more_jobs_unref (self);
}

void
medley_openai_more_jobs_start (MedleyOpenaiMoreJobs *self, MedleyOpenaiCall *call)
{
  self->call = call;
  self->has_key = medley_openai_call_get_key (call) != NULL;
  self->manager = g_object_ref (medley_http_get_manager (medley_openai_call_get_http (call)));
  for (guint i = 0; i < self->requests->len && self->call != NULL; i++) {
    Making *making = g_new0 (Making, 1);

    making->jobs = more_jobs_ref (self);
    making->index = i;
    medley_job_manager_create_async (self->manager, g_steal_pointer (&self->requests->pdata[i]),
                                     on_made, making);
  }
}
