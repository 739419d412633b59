/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/waiting.h"

#include "cli/reply.h"

#define INTERVAL_MS 1000

/* An answer may come when nobody waits for it any more. */
typedef struct {
  MedleyWaiting *asker; /* NULL then */
  GCancellable *cancellable;
} Question;

struct _MedleyWaiting {
  MedleyClient *client;
  char *path;
  guint delay_ms;
  MedleyWaitingFunc func;
  gpointer data;
  Question *question; /* NULL while none is asked */
  char *text;         /* what was told last */
  guint timer;
  gboolean waits;
};

char *
medley_waiting_text (GVariant *job)
{
  const char *reason = medley_reply_string (job, "reason", "");
  gint64 position = medley_reply_integer (job, "position", 0);

  if (!g_str_equal (medley_reply_string (job, "state", ""), "queued"))
    return NULL;
  if (reason[0] == '\0')
    reason = "waits";
  return position > 0 ? g_strdup_printf ("%s (place %d)", reason, (int) position)
                      : g_strdup (reason);
}

static void
say (MedleyWaiting *self, const char *text)
{
  if (g_strcmp0 (text, self->text) == 0)
    return;
  g_free (self->text);
  self->text = g_strdup (text);
  self->func (text, self->data);
}

static gboolean
ask (gpointer data);

static void
on_job (GObject *source, GAsyncResult *result, gpointer data)
{
  Question *question = data;
  MedleyWaiting *self = question->asker;
  g_autoptr (GVariant) job = medley_client_get_finish (MEDLEY_CLIENT (source), result, NULL, NULL);
  g_autofree char *text = job != NULL ? medley_waiting_text (job) : NULL;

  g_object_unref (question->cancellable);
  g_free (question);
  if (self == NULL)
    return;
  self->question = NULL;
  if (text != NULL)
    say (self, text);
  self->timer = g_timeout_add (INTERVAL_MS, ask, self);
}

static gboolean
ask (gpointer data)
{
  MedleyWaiting *self = data;

  self->timer = 0;
  self->question = g_new0 (Question, 1);
  self->question->asker = self;
  self->question->cancellable = g_cancellable_new ();
  medley_client_get_async (self->client, self->path, self->question->cancellable, on_job,
                           self->question);
  return G_SOURCE_REMOVE;
}

static void
stop (MedleyWaiting *self)
{
  self->waits = FALSE;
  g_clear_handle_id (&self->timer, g_source_remove);
  if (self->question == NULL)
    return;
  self->question->asker = NULL;
  g_cancellable_cancel (self->question->cancellable);
  self->question = NULL;
}

MedleyWaiting *
medley_waiting_new (MedleyClient *client, const char *job, double delay, MedleyWaitingFunc func,
                    gpointer data)
{
  MedleyWaiting *self = g_new0 (MedleyWaiting, 1);

  self->client = g_object_ref (client);
  self->path = medley_client_path ("jobs", job, NULL);
  self->delay_ms = (guint) (delay * 1000);
  self->func = func;
  self->data = data;
  return self;
}

void
medley_waiting_free (MedleyWaiting *self)
{
  stop (self);
  g_object_unref (self->client);
  g_free (self->path);
  g_free (self->text);
  g_free (self);
}

void
medley_waiting_event (MedleyWaiting *self, GVariant *event)
{
  gboolean waits = g_str_equal (medley_reply_string (event, "state", ""), "queued");

  if (!g_str_equal (medley_reply_string (event, "kind", ""), "state") || waits == self->waits)
    return;
  if (waits) {
    self->waits = TRUE;
    self->timer = g_timeout_add (self->delay_ms, ask, self);
  } else {
    stop (self);
    say (self, NULL);
  }
}
