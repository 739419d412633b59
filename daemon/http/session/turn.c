/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Turns: the jobs of a session, and what goes into them. */

#include <medley/medley-error.h>
#include <unistd.h>

#include "base/fd.h"
#include "http/job-request.h"
#include "http/session/private.h"

struct _MedleySessionCreation {
  MedleySession *session; /* NULL when it has gone meanwhile */
};

static gsize
read_text (guint64 offset, char *buffer, gsize length, gpointer data)
{
  MedleyTurn *self = data;
  gssize n = self->text >= 0 ? pread (self->text, buffer, length, (off_t) offset) : 0;

  return (gsize) MAX (n, 0);
}

void
medley_turn_end (MedleyTurn *self)
{
  g_clear_signal_handler (&self->event_handler, self->job);
  g_clear_signal_handler (&self->changed_handler, self->job);
  for (guint i = 0; i < self->outputs->len; i++)
    medley_turn_output_end (self->outputs->pdata[i]);
  g_ptr_array_set_size (self->outputs, 0);
  self->clocked = NULL;
  g_clear_object (&self->writer);
}

void
medley_turn_free (MedleyTurn *self)
{
  medley_turn_end (self);
  medley_clear_fd (&self->text);
  g_ptr_array_unref (self->outputs);
  g_clear_pointer (&self->clock, medley_session_clock_free);
  g_clear_pointer (&self->heard, medley_session_heard_free);
  g_clear_error (&self->failure);
  g_object_unref (self->job);
  g_free (self);
}

void
medley_turn_cancel (MedleyTurn *self)
{
  medley_job_manager_cancel (medley_http_get_manager (self->session->http), self->job, NULL);
}

static void
on_news (MedleySession *session)
{
  medley_session_deliver_later (session);
}

static void
on_moved (gpointer data)
{
  medley_session_update (data);
}

gboolean
medley_turn_open (MedleyTurn *self, GError **error)
{
  MedleySession *session = self->session;

  self->has_input = TRUE;
  self->writer = medley_job_manager_open_input (medley_http_get_manager (session->http), self->job,
                                                session->ends->input, error);
  if (self->writer == NULL)
    return FALSE;
  medley_input_writer_set_moved_func (self->writer, on_moved, session);
  if (session->ends->is_text)
    self->text = medley_input_writer_open (self->writer, NULL);
  return TRUE;
}

static MedleyTurn *
turn_new (MedleySession *session, MedleyJob *job, GError **error)
{
  MedleyTurn *self = g_new0 (MedleyTurn, 1);

  self->session = session;
  self->number = ++session->n_turns;
  self->job = g_object_ref (job);
  self->text = -1;
  self->played = -1;
  self->outputs = g_ptr_array_new ();
  if (session->ends->is_text)
    self->heard = medley_session_heard_new (read_text, self);
  self->event_handler = g_signal_connect_swapped (job, "event", G_CALLBACK (on_news), session);
  self->changed_handler = g_signal_connect_swapped (job, "changed", G_CALLBACK (on_news), session);
  for (guint i = 0; i < session->ends->outputs->len; i++) {
    MedleyTurnOutput *output
        = medley_turn_output_new (self, session->ends->outputs->pdata[i], error);

    if (output == NULL) {
      medley_turn_free (self);
      return NULL;
    }
    g_ptr_array_add (self->outputs, output);
  }
  return self;
}

static void
on_created (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autofree MedleySessionCreation *creation = data;
  MedleySession *session = creation->session;
  g_autoptr (GVariant) faults = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyJob) job
      = medley_job_manager_create_finish (MEDLEY_JOB_MANAGER (source), result, &faults, &error);
  MedleyTurn *turn = NULL;

  if (session == NULL) {
    /* Nothing was sent to it. */
    if (job != NULL)
      medley_job_manager_cancel (MEDLEY_JOB_MANAGER (source), job, NULL);
    return;
  }
  session->creation = NULL;
  if (job != NULL)
    turn = turn_new (session, job, &error);
  if (job != NULL && turn == NULL)
    medley_job_manager_cancel (MEDLEY_JOB_MANAGER (source), job, NULL);
  medley_session_on_turn (session, turn, error, faults);
}

void
medley_session_create_turn (MedleySession *self)
{
  MedleyConfig *config = medley_http_get_config (self->http);
  g_autoptr (GError) error = NULL;
  MedleyJobRequest *request
      = medley_http_job_request_from_json (self->ends->request, self->client,
                                           (guint) medley_config_get_number (config,
                                                                             "limits.request-key"),
                                           &error);

  if (request == NULL) {
    medley_session_on_turn (self, NULL, error, NULL);
    return;
  }
  medley_http_job_request_set_origin (request, self->exchange);
  medley_job_request_add_input_stream (request, self->ends->input);
  self->creation = g_new0 (MedleySessionCreation, 1);
  self->creation->session = self;
  medley_job_manager_create_async (medley_http_get_manager (self->http), request, on_created,
                                   self->creation);
}

void
medley_session_drop_creation (MedleySession *self)
{
  if (self->creation != NULL)
    self->creation->session = NULL;
  self->creation = NULL;
}
