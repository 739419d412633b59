/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job/input-writer.h"

#include "base/error.h"
#include "job/input-writer-private.h"

struct _MedleyInputWriter {
  GObject parent_instance;

  MedleyJob *job;
  MedleyInput *input; /* the job's */
  MedleyFeederDone done;
  gpointer data;
  gboolean finished;
  gulong changed;
};

G_DEFINE_FINAL_TYPE (MedleyInputWriter, medley_input_writer, G_TYPE_OBJECT)

MedleyInputWriter *
medley_input_writer_new (MedleyJob *job, MedleyInput *input, MedleyFeederDone done, gpointer data)
{
  MedleyInputWriter *self = g_object_new (MEDLEY_TYPE_INPUT_WRITER, NULL);

  self->job = g_object_ref (job);
  self->input = input;
  self->done = done;
  self->data = data;
  input->state = MEDLEY_INPUT_COMING;
  return self;
}

static gboolean
check_open (MedleyInputWriter *self, GError **error)
{
  const GError *reason = medley_job_get_error (self->job);

  if (!self->finished && !medley_job_state_is_final (medley_job_get_state (self->job)))
    return TRUE;
  if (reason != NULL)
    g_propagate_error (error, g_error_copy (reason));
  else
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_WRONG_STATE,
                 "job %s takes no more input: it is %s", medley_job_get_id (self->job),
                 medley_job_state_to_string (medley_job_get_state (self->job)));
  return FALSE;
}

gboolean
medley_input_writer_write (MedleyInputWriter *self, const void *data, gsize length, GError **error)
{
  GError *local = NULL;

  if (!check_open (self, error))
    return FALSE;
  if (medley_input_write (self->input, data, length, &local))
    return TRUE;
  medley_input_writer_abort (self, local);
  g_propagate_error (error, local);
  return FALSE;
}

static gboolean
is_only_open_input (MedleyInputWriter *self)
{
  GPtrArray *inputs = medley_job_list_inputs (self->job);

  for (guint i = 0; i < inputs->len; i++) {
    MedleyInput *input = inputs->pdata[i];

    if (input != self->input && input->state != MEDLEY_INPUT_READY)
      return FALSE;
  }
  return TRUE;
}

gboolean
medley_input_writer_is_read (MedleyInputWriter *self)
{
  return self->input->doorbell >= 0;
}

guint64
medley_input_writer_get_ahead (MedleyInputWriter *self)
{
  MedleyJobState state = medley_job_get_state (self->job);
  gboolean is_read = medley_input_writer_is_read (self);
  guint64 taken = is_read ? MIN (self->input->taken, self->input->size) : 0;

  if (self->finished || medley_job_state_is_final (state) || !is_only_open_input (self)
      || (!is_read && (state == MEDLEY_JOB_RUNNING || state == MEDLEY_JOB_PAUSED)))
    return 0;
  return self->input->size - taken;
}

void
medley_input_writer_set_moved_func (MedleyInputWriter *self, GSourceOnceFunc func, gpointer data)
{
  self->input->moved = func;
  self->input->moved_data = data;
  if (self->changed != 0)
    g_signal_handler_disconnect (self->job, self->changed);
  self->changed
      = func != NULL ? g_signal_connect_swapped (self->job, "changed", G_CALLBACK (func), data) : 0;
}

int
medley_input_writer_open (MedleyInputWriter *self, GError **error)
{
  return medley_spool_open (medley_job_get_spool (self->job), self->input->file, error);
}

gboolean
medley_input_writer_complete (MedleyInputWriter *self, GError **error)
{
  if (!check_open (self, error))
    return FALSE;
  self->finished = TRUE;
  self->done (self->job, self->input, NULL, self->data);
  return TRUE;
}

void
medley_input_writer_abort (MedleyInputWriter *self, const GError *error)
{
  if (self->finished)
    return;
  self->finished = TRUE;
  if (!medley_job_state_is_final (medley_job_get_state (self->job)))
    self->done (self->job, self->input, error, self->data);
}

static void
medley_input_writer_dispose (GObject *object)
{
  MedleyInputWriter *self = MEDLEY_INPUT_WRITER (object);

  if (!self->finished) {
    g_autoptr (GError) error
        = g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_BAD_INPUT,
                       "the upload of input \"%s\" broke off after %" G_GUINT64_FORMAT " bytes",
                       self->input->name, self->input->size);

    medley_input_writer_abort (self, error);
  }
  if (self->job != NULL)
    medley_input_writer_set_moved_func (self, NULL, NULL);
  g_clear_object (&self->job);
  G_OBJECT_CLASS (medley_input_writer_parent_class)->dispose (object);
}

static void
medley_input_writer_class_init (MedleyInputWriterClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = medley_input_writer_dispose;
}

static void
medley_input_writer_init (MedleyInputWriter *self)
{
}
