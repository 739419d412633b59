/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The worker that answers questions and runs no jobs. */
#include "base/error.h"
#include "workers/pool-private.h"

typedef struct {
  char *method;
  GVariant *parameters;
  GTask *task;
  MedleyWorker *worker; /* that was asked, owned */
  guint timeout;
} Question;

static void
question_free (Question *question)
{
  g_free (question->method);
  g_clear_pointer (&question->parameters, g_variant_unref);
  g_clear_handle_id (&question->timeout, g_source_remove);
  g_clear_object (&question->worker);
  g_clear_object (&question->task);
  g_free (question);
}

void
medley_pool_fail_questions (MedleyPool *self, const GError *error)
{
  Question *question;

  while ((question = g_queue_pop_head (&self->questions)) != NULL) {
    g_task_return_error (question->task, g_error_copy (error));
    question_free (question);
  }
}

/* Answered, if only with an error: who asked has given its data away until then. */
void
medley_pool_drop_questions (MedleyPool *self)
{
  g_autoptr (GError) error = g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
                                          "the daemon ends, no worker is asked any more");

  medley_pool_fail_questions (self, error);
}

void
medley_pool_drop_answerer (MedleyPool *self)
{
  if (self->answerer != NULL)
    g_signal_handlers_disconnect_by_data (self->answerer, self);
  g_clear_object (&self->answerer);
}

static void
note_sandbox (MedleyPool *self, const char *method, GVariant *reply)
{
  if (!g_str_equal (method, "Describe"))
    return;
  g_clear_pointer (&self->sandbox, g_variant_unref);
  self->sandbox = g_variant_get_child_value (reply, 3);
}

static void
question_answered (GObject *source, GAsyncResult *result, gpointer data)
{
  Question *question = data;
  g_autoptr (MedleyPool) self = g_object_ref (g_task_get_source_object (question->task));
  gboolean late = question->timeout == 0;
  GError *error = NULL;
  GVariant *reply = medley_worker_call_finish (MEDLEY_WORKER (source), result, &error);

  if (reply != NULL) {
    note_sandbox (self, question->method, reply);
    g_task_return_pointer (question->task, reply, (GDestroyNotify) g_variant_unref);
  } else if (late) {
    g_task_return_new_error (
        question->task, MEDLEY_ERROR, MEDLEY_ERROR_WORKER_HUNG,
        "the worker that was asked to %s did not answer within %" G_GUINT64_FORMAT
        " s (workers.answer)",
        question->method, medley_config_get_number (self->config, "workers.answer"));
    g_error_free (error);
  } else if (error->domain == MEDLEY_ERROR) {
    g_task_return_error (question->task, error);
  } else {
    g_task_return_new_error (question->task, MEDLEY_ERROR, MEDLEY_ERROR_WORKER_CRASHED,
                             "the worker that was asked to %s gave no answer: %s", question->method,
                             error->message);
    g_error_free (error);
  }
  question_free (question);
  medley_pool_pump_questions (self);
}

/* Its connection closes with it, which answers the question. */
static gboolean
question_timed_out (gpointer data)
{
  Question *question = data;

  question->timeout = 0;
  medley_worker_set_kill_cause (question->worker, "worker-hung");
  medley_worker_kill (question->worker);
  return G_SOURCE_REMOVE;
}

static void
answerer_ready (MedleyWorker *worker, gpointer data)
{
  MedleyPool *self = data;

  self->failures = 0;
  medley_pool_pump_questions (self);
}

static void
answerer_exited (MedleyWorker *worker, GError *error, gpointer data)
{
  MedleyPool *self = data;
  g_autoptr (MedleyWorker) gone = g_steal_pointer (&self->answerer);

  g_signal_handlers_disconnect_by_data (worker, self);
  medley_pool_note_lost (self, worker, error);
  medley_pool_note_failure (self, error);
}

static void
answerer_launched (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (MedleyPool) self = data;
  g_autoptr (GError) error = NULL;

  self->answerer_launching = FALSE;
  self->answerer = medley_launcher_launch_finish (MEDLEY_LAUNCHER (source), result, &error);
  if (self->answerer == NULL) {
    medley_pool_note_failure (self, error);
    return;
  }
  self->n_started++;
  if (medley_pool_has_ended (self, self->answerer)) {
    g_clear_object (&self->answerer);
    return;
  }
  g_signal_connect (self->answerer, "ready", G_CALLBACK (answerer_ready), self);
  g_signal_connect (self->answerer, "exited", G_CALLBACK (answerer_exited), self);
}

void
medley_pool_pump_questions (MedleyPool *self)
{
  Question *question;

  if (g_queue_is_empty (&self->questions))
    return;
  if (self->answerer == NULL) {
    if (!self->answerer_launching && self->retry_source == 0) {
      self->answerer_launching = TRUE;
      medley_launcher_launch_async (self->launcher, answerer_launched, g_object_ref (self));
    }
    return;
  }
  if (!medley_worker_is_ready (self->answerer))
    return;
  while ((question = g_queue_pop_head (&self->questions)) != NULL) {
    guint seconds = (guint) medley_config_get_number (self->config, "workers.answer");

    question->worker = g_object_ref (self->answerer);
    question->timeout = g_timeout_add_seconds (seconds, question_timed_out, question);
    medley_worker_call_async (self->answerer, question->method, question->parameters,
                              question_answered, question);
  }
}

void
medley_pool_ask_async (MedleyPool *self, const char *method, GVariant *parameters,
                       GAsyncReadyCallback callback, gpointer data)
{
  Question *question = g_new0 (Question, 1);

  question->method = g_strdup (method);
  question->parameters = parameters != NULL ? g_variant_ref_sink (parameters) : NULL;
  question->task = g_task_new (self, NULL, callback, data);
  g_queue_push_tail (&self->questions, question);
  if (self->refused != NULL)
    medley_pool_fail_questions (self, self->refused);
  medley_pool_pump_questions (self);
}

GVariant *
medley_pool_ask_finish (MedleyPool *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
