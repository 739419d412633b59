/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/hls.h"

#include <errno.h>
#include <medley/medley-error.h>
#include <unistd.h>

#define REMEMBERED 16
#define PIECE (64 * 1024)

/* One output, as far as it was read through. Who holds a reference: the table, looks, the thread.
 */
typedef struct {
  grefcount ref_count;
  char *key;
  guint epoch; /* of the output */
  gboolean is_text;
  MedleyHlsView view; /* film or captions */
  gboolean is_busy;   /* then they are the thread's */
  GError *error;
  GPtrArray *looks; /* not owned */
} State;

struct _MedleyHls {
  GQueue states; /* that asked for last first */
};

struct _MedleyHlsLook {
  grefcount ref_count; /* what is under way calls back after it was freed */
  State *state;
  MedleyOutputReader *reader;
  GCancellable *cancellable;
  gboolean is_waiting;
  guint n_segments;
  guint timer;
  guint idle;
  MedleyHlsFunc func; /* NULL once it was called, or must not be */
  gpointer data;
};

static void
look_unref (MedleyHlsLook *self);

static void
clear_view (State *self)
{
  g_clear_pointer (&self->view.film, medley_mp4_scan_free);
  g_clear_pointer (&self->view.captions, medley_vtt_scan_free);
  self->view.is_complete = FALSE;
}

static void
make_view (State *self)
{
  if (self->is_text)
    self->view.captions = medley_vtt_scan_new ();
  else
    self->view.film = medley_mp4_scan_new ();
}

static void
state_unref (State *self)
{
  if (!g_ref_count_dec (&self->ref_count))
    return;
  g_free (self->key);
  clear_view (self);
  g_clear_error (&self->error);
  g_ptr_array_unref (self->looks);
  g_free (self);
}

static State *
state_new (const char *key, gboolean is_text)
{
  State *self = g_new0 (State, 1);

  g_ref_count_init (&self->ref_count);
  self->key = g_strdup (key);
  self->is_text = is_text;
  make_view (self);
  self->looks = g_ptr_array_new ();
  return self;
}

MedleyHls *
medley_hls_new (void)
{
  return g_new0 (MedleyHls, 1);
}

void
medley_hls_free (MedleyHls *self)
{
  g_queue_clear_full (&self->states, (GDestroyNotify) state_unref);
  g_free (self);
}

/* Those that nobody asks are forgotten, the oldest first. */
static void
forget (MedleyHls *self)
{
  GList *link = self->states.tail;

  while (link != NULL && self->states.length > REMEMBERED) {
    GList *before = link->prev;
    State *state = link->data;

    if (state->looks->len == 0 && !state->is_busy) {
      g_queue_delete_link (&self->states, link);
      state_unref (state);
    }
    link = before;
  }
}

/* (transfer none) */
static State *
find_state (MedleyHls *self, const char *key, gboolean is_text)
{
  State *state = NULL;

  for (GList *l = self->states.head; l != NULL && state == NULL; l = l->next) {
    State *one = l->data;

    if (g_str_equal (one->key, key)) {
      state = one;
      g_queue_delete_link (&self->states, l);
      break;
    }
  }
  if (state == NULL)
    state = state_new (key, is_text);
  g_queue_push_head (&self->states, state);
  return state;
}

/* Reading through */

static void
step (MedleyHlsLook *self);

typedef struct {
  State *state;
  MedleyOutputReader *reader; /* has the file */
  guint64 size;
} Pass;

static void
pass_free (gpointer data)
{
  Pass *self = data;

  state_unref (self->state);
  g_object_unref (self->reader);
  g_free (self);
}

/* Returns: whether there is something to look at at @offset, as far as the file goes */
static gboolean
wants (State *self, guint64 *offset, gsize *length)
{
  if (!self->is_text)
    return medley_mp4_scan_wants (self->view.film, offset, length);
  *offset = medley_vtt_scan_get_offset (self->view.captions);
  *length = 1;
  return TRUE;
}

static gboolean
take (State *self, GByteArray *bytes, GError **error)
{
  return self->is_text ? medley_vtt_scan_feed (self->view.captions, (const char *) bytes->data,
                                               bytes->len, error)
                       : medley_mp4_scan_take (self->view.film, bytes->data, bytes->len, error);
}

/* As far as the file went. A file that is shorter meanwhile is one that was begun anew. */
static void
pass_in_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Pass *self = data;
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  GError *error = NULL;
  guint64 offset;
  gsize length;

  while (wants (self->state, &offset, &length) && offset + length <= self->size) {
    gssize n;

    if (self->state->is_text)
      length = (gsize) MIN (PIECE, self->size - offset);
    g_byte_array_set_size (bytes, (guint) length);
    n = pread (medley_output_reader_get_fd (self->reader), bytes->data, length, (off_t) offset);
    if (n < 0) {
      g_task_return_new_error (task, MEDLEY_ERROR, MEDLEY_ERROR_IO, "cannot read the output: %s",
                               g_strerror (errno));
      return;
    }
    if ((gsize) n < length)
      break;
    if (!take (self->state, bytes, &error)) {
      g_task_return_error (task, error);
      return;
    }
  }
  g_task_return_boolean (task, TRUE);
}

static void
step_all (State *state)
{
  g_autoptr (GPtrArray) looks = g_ptr_array_new_with_free_func ((GDestroyNotify) look_unref);

  for (guint i = 0; i < state->looks->len; i++) {
    MedleyHlsLook *look = g_ptr_array_index (state->looks, i);

    g_ref_count_inc (&look->ref_count);
    g_ptr_array_add (looks, look);
  }
  for (guint i = 0; i < looks->len; i++)
    step (g_ptr_array_index (looks, i));
}

static void
on_passed (GObject *source, GAsyncResult *result, gpointer data)
{
  State *state = data;

  state->is_busy = FALSE;
  g_task_propagate_boolean (G_TASK (result), &state->error);
  step_all (state);
  state_unref (state);
}

static void
start_pass (MedleyHlsLook *look, guint64 size)
{
  g_autoptr (GTask) task = NULL;
  State *state = look->state;
  Pass *pass = g_new0 (Pass, 1);

  g_ref_count_inc (&state->ref_count);
  g_ref_count_inc (&state->ref_count);
  *pass = (Pass){ .state = state, .reader = g_object_ref (look->reader), .size = size };
  state->is_busy = TRUE;
  task = g_task_new (NULL, NULL, on_passed, state);
  g_task_set_task_data (task, pass, pass_free);
  g_task_run_in_thread (task, pass_in_thread);
}

/* Another attempt has begun the output anew: what was found is worth nothing. */
static void
reset_if_begun_anew (State *state, guint epoch)
{
  if (state->epoch == epoch)
    return;
  state->epoch = epoch;
  clear_view (state);
  make_view (state);
  g_clear_error (&state->error);
}

/* Looks */

static void
look_unref (MedleyHlsLook *self)
{
  if (!g_ref_count_dec (&self->ref_count))
    return;
  state_unref (self->state);
  g_object_unref (self->reader);
  g_object_unref (self->cancellable);
  g_free (self);
}

static void
leave (MedleyHlsLook *self)
{
  self->func = NULL;
  g_clear_handle_id (&self->timer, g_source_remove);
  g_clear_handle_id (&self->idle, g_source_remove);
  g_cancellable_cancel (self->cancellable);
  g_ptr_array_remove_fast (self->state->looks, self);
}

void
medley_hls_look_free (MedleyHlsLook *self)
{
  if (self->func != NULL)
    leave (self);
  look_unref (self);
}

static void
answer (MedleyHlsLook *self, const GError *error)
{
  MedleyHlsFunc func = self->func;
  State *state = self->state;

  g_ref_count_inc (&state->ref_count);
  leave (self);
  func (error == NULL ? &state->view : NULL, error, self->data);
  state_unref (state);
}

static void
on_waited (GObject *source, GAsyncResult *result, gpointer data)
{
  MedleyHlsLook *self = data;
  g_autoptr (GError) error = NULL;

  self->is_waiting = FALSE;
  if (!medley_output_reader_wait_finish (MEDLEY_OUTPUT_READER (source), result, &error)) {
    if (self->func != NULL)
      answer (self, error);
  } else {
    step (self);
  }
  look_unref (self);
}

static void
wait_for (MedleyHlsLook *self, guint64 size)
{
  if (self->is_waiting)
    return;
  self->is_waiting = TRUE;
  g_ref_count_inc (&self->ref_count);
  medley_output_reader_wait_async (self->reader, size, self->cancellable, on_waited, self);
}

static void
finish (State *state, guint64 size)
{
  if (state->is_text) {
    medley_vtt_scan_finish (state->view.captions);
    state->view.is_complete = TRUE;
  } else {
    state->view.is_complete = medley_mp4_scan_finish (state->view.film, size, &state->error);
  }
}

static guint
count_segments (State *state)
{
  return state->is_text ? medley_vtt_scan_get_n_segments (state->view.captions)
                        : medley_mp4_scan_get_n_segments (state->view.film);
}

static void
step (MedleyHlsLook *self)
{
  State *state = self->state;
  guint64 size, offset;
  gboolean is_final, goes_on;
  gsize length;

  if (self->func == NULL || state->is_busy || self->idle != 0)
    return;
  reset_if_begun_anew (state, medley_output_reader_get_epoch (self->reader));
  is_final = medley_output_reader_is_final (self->reader, &size);
  goes_on = wants (state, &offset, &length);
  if (state->error == NULL && goes_on && offset + length <= size) {
    start_pass (self, size);
    return;
  }
  if (state->error == NULL && is_final && !state->view.is_complete)
    finish (state, size);
  if (state->error != NULL)
    answer (self, state->error);
  else if (state->view.is_complete || self->n_segments == 0
           || count_segments (state) >= self->n_segments)
    answer (self, NULL);
  else
    wait_for (self, goes_on ? offset + length : G_MAXUINT64);
}

static gboolean
on_idle (gpointer data)
{
  MedleyHlsLook *self = data;

  self->idle = 0;
  g_ref_count_inc (&self->ref_count);
  step (self);
  look_unref (self);
  return G_SOURCE_REMOVE;
}

static gboolean
on_timer (gpointer data)
{
  MedleyHlsLook *self = data;

  self->timer = 0;
  self->n_segments = 0;
  g_ref_count_inc (&self->ref_count);
  step (self);
  look_unref (self);
  return G_SOURCE_REMOVE;
}

MedleyHlsLook *
medley_hls_look (MedleyHls *hls, MedleyJob *job, const char *output, guint n_segments,
                 guint seconds, MedleyHlsFunc func, gpointer data, GError **error)
{
  g_autoptr (MedleyOutputReader) reader = medley_output_reader_new (job, output, 0, error);
  g_autofree char *key = NULL;
  MedleyHlsLook *self;

  if (reader == NULL)
    return NULL;
  key = g_strconcat (medley_job_get_id (job), "/", output, NULL);
  self = g_new0 (MedleyHlsLook, 1);
  g_ref_count_init (&self->ref_count);
  self->state = find_state (hls, key,
                            g_str_equal (medley_output_reader_get_media_type (reader), "text/vtt"));
  g_ref_count_inc (&self->state->ref_count);
  self->reader = g_steal_pointer (&reader);
  self->cancellable = g_cancellable_new ();
  self->n_segments = n_segments;
  self->func = func;
  self->data = data;
  g_ptr_array_add (self->state->looks, self);
  self->idle = g_idle_add_full (G_PRIORITY_DEFAULT, on_idle, self, NULL);
  if (seconds > 0)
    self->timer = g_timeout_add_seconds (seconds, on_timer, self);
  forget (hls);
  return self;
}
