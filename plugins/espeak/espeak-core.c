/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "espeak-core.h"

#include <espeak-ng/speak_lib.h>
#include <medley/medley-error.h>
#include <sonic.h>
#include <string.h>

#include "espeak-voices.h"

/* Short enough for a first sound after 0.1 ms and a stop within one, long enough to hold the events
 * that fall into it. */
#define CHUNK_MS 20

typedef struct {
  EspeakSink sink;
  gpointer user_data;
  GCancellable *cancellable;
  GArray *marks;
  gboolean refused;
  guint foreign_rate;
  double stretch;
  sonicStream stretcher; /* NULL while nothing is stretched */
  GArray *stretched;
} Utterance;

/* The library's state is global, so this is too. */
static struct {
  GMutex mutex;
  GCond turn_ended;
  GQueue turns;  /* who speaks (the head) and who waits, in order; by mutex */
  gboolean open; /* by mutex */
  gint speakers; /* atomic */

  /* by whoever has the turn */
  Utterance *current;
  EspeakSettings applied;
} library;

/* Hands audio to the sink, with the marks that are there. Returns: whether to go on */
static gboolean
hand_over (Utterance *self, const gint16 *samples, gsize n)
{
  gboolean go_on;

  if (n == 0 && self->marks->len == 0)
    return TRUE;
  go_on = self->sink (samples, n, (const EspeakMark *) (gpointer) self->marks->data,
                      self->marks->len, self->user_data);
  g_array_set_size (self->marks, 0);
  self->refused = !go_on;
  return go_on;
}

/* What the stretcher has got ready. */
static gboolean
hand_over_stretched (Utterance *self)
{
  int n = sonicSamplesAvailable (self->stretcher);

  g_array_set_size (self->stretched, (guint) n);
  n = sonicReadShortFromStream (self->stretcher, (short *) (gpointer) self->stretched->data, n);
  return hand_over (self, (const gint16 *) (gpointer) self->stretched->data, (gsize) n);
}

static int
on_audio (short *wav, int n_samples, espeak_EVENT *events)
{
  Utterance *utterance = library.current;

  if (utterance == NULL || g_cancellable_is_cancelled (utterance->cancellable))
    return 1;

  g_array_set_size (utterance->marks, 0);
  for (espeak_EVENT *event = events; event->type != espeakEVENT_LIST_TERMINATED; event++) {
    if (event->type == espeakEVENT_WORD || event->type == espeakEVENT_SENTENCE) {
      EspeakMark mark = {
        .sentence = event->type == espeakEVENT_SENTENCE,
        .position = MAX (event->text_position, 1) - 1,
        .length = MAX (event->length, 0),
        .sample = (guint64) MAX (event->audio_position, 0) * ESPEAK_RATE / 1000,
      };
      mark.sample = (guint64) ((double) mark.sample * utterance->stretch);
      /* A word at position 0 is none: it is how the library closes a clause. */
      if (event->text_position > 0)
        g_array_append_val (utterance->marks, mark);
    } else if (event->type == espeakEVENT_SAMPLERATE && event->id.number != ESPEAK_RATE) {
      utterance->foreign_rate = MAX (event->id.number, 1);
      return 1;
    }
  }

  gsize n = wav != NULL && n_samples > 0 ? n_samples : 0;
  if (utterance->stretcher == NULL)
    return hand_over (utterance, wav, n) ? 0 : 1;
  if (n > 0)
    sonicWriteShortToStream (utterance->stretcher, wav, (int) n);
  return hand_over_stretched (utterance) ? 0 : 1;
}

/* The library would open the file that an <audio> element names: have its alternative text spoken.
 */
static int
on_audio_element (int type, const char *uri, const char *base)
{
  return 1;
}

gboolean
espeak_core_open (GError **error)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&library.mutex);

  if (library.open)
    return TRUE;

  int rate
      = espeak_Initialize (AUDIO_OUTPUT_SYNCHRONOUS, CHUNK_MS, NULL, espeakINITIALIZE_DONT_EXIT);
  if (rate != ESPEAK_RATE) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_ENGINE_FAILED,
                 "libespeak-ng did not start: its data is missing or does not fit; install "
                 "espeak-ng-data, or set ESPEAK_DATA_PATH to the folder above espeak-ng-data");
    return FALSE;
  }
  espeak_SetSynthCallback (on_audio);
  espeak_SetUriCallback (on_audio_element);
  if (!espeak_voices_load (error))
    return FALSE;
  library.open = TRUE;
  return TRUE;
}

static void
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  g_mutex_lock (&library.mutex);
  g_cond_broadcast (&library.turn_ended);
  g_mutex_unlock (&library.mutex);
}

static gboolean
take_turn (gpointer ticket, GCancellable *cancellable, GError **error)
{
  gulong handler = 0;
  if (cancellable != NULL)
    handler = g_cancellable_connect (cancellable, G_CALLBACK (on_cancelled), NULL, NULL);

  g_mutex_lock (&library.mutex);
  g_queue_push_tail (&library.turns, ticket);
  gboolean cancelled = g_cancellable_is_cancelled (cancellable);
  while (!cancelled && g_queue_peek_head (&library.turns) != ticket) {
    g_cond_wait (&library.turn_ended, &library.mutex);
    cancelled = g_cancellable_is_cancelled (cancellable);
  }
  if (cancelled) {
    g_queue_remove (&library.turns, ticket);
    g_cond_broadcast (&library.turn_ended);
  }
  g_mutex_unlock (&library.mutex);

  /* Without the mutex: it waits for a handler that runs. */
  g_cancellable_disconnect (cancellable, handler);
  if (cancelled)
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_CANCELLED, "speech was cancelled");
  return !cancelled;
}

static void
end_turn (void)
{
  g_mutex_lock (&library.mutex);
  g_queue_pop_head (&library.turns);
  g_cond_broadcast (&library.turn_ended);
  g_mutex_unlock (&library.mutex);
}

static void
forget_settings (void)
{
  g_clear_pointer (&library.applied.voice, g_free);
}

static gboolean
apply_settings (const EspeakSettings *settings, GError **error)
{
  EspeakSettings *applied = &library.applied;

  if (g_strcmp0 (applied->voice, settings->voice) == 0 && applied->rate == settings->rate
      && applied->pitch == settings->pitch && applied->volume == settings->volume)
    return TRUE;

  forget_settings ();
  if (espeak_SetVoiceByName (settings->voice) != EE_OK) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_ENGINE_FAILED,
                 "libespeak-ng could not load its voice \"%s\"; reinstall espeak-ng-data",
                 settings->voice);
    return FALSE;
  }
  /* After the voice, which brings values of its own. */
  espeak_SetParameter (espeakRATE, settings->rate, 0);
  espeak_SetParameter (espeakPITCH, settings->pitch, 0);
  espeak_SetParameter (espeakVOLUME, settings->volume, 0);
  *applied = *settings;
  applied->voice = g_strdup (settings->voice);
  return TRUE;
}

static void
begin_stretching (Utterance *self)
{
  if (self->stretch <= 1)
    return;
  self->stretcher = sonicCreateStream (ESPEAK_RATE, 1);
  self->stretched = g_array_new (FALSE, FALSE, sizeof (gint16));
  sonicSetSpeed (self->stretcher, (float) (1 / self->stretch));
}

/* @whole: whether what is left is wanted */
static void
end_stretching (Utterance *self, gboolean whole)
{
  if (self->stretcher == NULL)
    return;
  if (whole && !self->refused && self->foreign_rate == 0
      && !g_cancellable_is_cancelled (self->cancellable)) {
    sonicFlushStream (self->stretcher);
    hand_over_stretched (self);
  }
  sonicDestroyStream (self->stretcher);
  g_array_unref (self->stretched);
}

gboolean
espeak_core_speak (const EspeakSettings *settings, const char *text, EspeakFlags flags,
                   EspeakSink sink, gpointer user_data, GCancellable *cancellable, GError **error)
{
  Utterance utterance = {
    .sink = sink,
    .user_data = user_data,
    .cancellable = cancellable,
    .stretch = MAX (settings->stretch, 1),
  };

  if (!take_turn (&utterance, cancellable, error))
    return FALSE;

  gboolean ok = apply_settings (settings, error);
  if (ok) {
    guint synth_flags = espeakCHARS_UTF8;
    if (flags & ESPEAK_END_PAUSE)
      synth_flags |= espeakENDPAUSE;
    if (flags & ESPEAK_SSML)
      synth_flags |= espeakSSML;

    utterance.marks = g_array_new (FALSE, FALSE, sizeof (EspeakMark));
    begin_stretching (&utterance);
    library.current = &utterance;
    espeak_ERROR result
        = espeak_Synth (text, strlen (text) + 1, 0, POS_CHARACTER, 0, synth_flags, NULL, NULL);
    library.current = NULL;
    end_stretching (&utterance, result == EE_OK);
    g_array_unref (utterance.marks);

    /* A document changes voice and rate, and a cut-off one does not change them back. */
    if (flags & ESPEAK_SSML)
      forget_settings ();

    ok = !utterance.refused;
    if (utterance.foreign_rate != 0) {
      ok = FALSE;
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_ENGINE_FAILED,
                   "the document selects a voice of %u samples a second; use one of %d",
                   utterance.foreign_rate, ESPEAK_RATE);
    } else if (ok && g_cancellable_is_cancelled (cancellable)) {
      ok = FALSE;
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_CANCELLED, "speech was cancelled");
    } else if (ok && result != EE_OK) {
      ok = FALSE;
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_ENGINE_FAILED,
                   "libespeak-ng failed with code %d", result);
    }
  }
  end_turn ();
  return ok;
}

void
espeak_core_join (void)
{
  g_atomic_int_inc (&library.speakers);
}

void
espeak_core_leave (void)
{
  g_atomic_int_add (&library.speakers, -1);
}

gboolean
espeak_core_is_alone (void)
{
  return g_atomic_int_get (&library.speakers) <= 1;
}
