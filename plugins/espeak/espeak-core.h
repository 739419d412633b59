/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* libespeak-ng without GStreamer. The library has one state per process: this file holds the only
 * lock on it and is the only one that calls it. */

/**
 * ESPEAK_RATE:
 *
 * Samples a second of everything that is spoken: mono, signed 16 bits, native byte order.
 */
#define ESPEAK_RATE 22050

/**
 * EspeakSettings:
 * @voice: the library's own voice identifier, from espeak_voices_resolve()
 * @rate: words a minute, 80 to 1800; the library alone speaks no slower
 * @stretch: how many times longer it takes than at @rate, with the same pitch; 1 and below for not
 * at all
 * @pitch: base pitch, 0 to 100, 50 is normal
 * @volume: 0 (silence) to 200, 100 is normal
 *
 * How a text is spoken.
 */
typedef struct {
  char *voice;
  guint rate;
  double stretch;
  guint pitch;
  guint volume;
} EspeakSettings;

/**
 * EspeakMark:
 * @sentence: whether a sentence begins here, else a word
 * @position: characters from the start of the text, from 0
 * @length: the word's length in characters as far as the library knows it, 0 when it does not
 * @sample: samples from the start of the utterance's audio
 *
 * What the library says while it speaks. Positions may repeat, overlap or run backwards:
 * espeak_words_build() makes clean word marks of them.
 */
typedef struct {
  gboolean sentence;
  guint position;
  guint length;
  guint64 sample;
} EspeakMark;

/**
 * EspeakFlags:
 * @ESPEAK_END_PAUSE: end with the pause that follows a sentence
 * @ESPEAK_SSML: the text is an SSML document
 */
typedef enum {
  ESPEAK_END_PAUSE = 1 << 0,
  ESPEAK_SSML = 1 << 1,
} EspeakFlags;

/**
 * EspeakSink:
 * @samples: (array length=n_samples): audio, valid during the call
 * @n_samples: how many; may be 0
 * @marks: (array length=n_marks): marks, usually of this piece of audio
 * @n_marks: how many
 * @user_data: as given
 *
 * Takes a piece of about 20 ms. It runs with the library locked: what blocks here blocks all other
 * speakers of the process.
 *
 * Returns: whether to go on
 */
typedef gboolean (*EspeakSink) (const gint16 *samples, gsize n_samples, const EspeakMark *marks,
                                guint n_marks, gpointer user_data);

/**
 * espeak_core_open:
 * @error: return location: %MEDLEY_ERROR_ENGINE_FAILED when the library or its data is not usable
 *
 * Starts the library and reads its voices, once in a process. It is never ended: `espeak_Terminate`
 * hangs in a process that was forked after the start. A forked child speaks on without a new start.
 * Any thread.
 *
 * Returns: whether the library can be used
 */
gboolean
espeak_core_open (GError **error);

/**
 * espeak_core_speak:
 * @settings: how to speak
 * @text: valid UTF-8, prepared with espeak_text_clean() or espeak_ssml_clean()
 * @flags: see #EspeakFlags
 * @sink: takes the audio
 * @user_data: for @sink
 * @cancellable: (nullable): ends the wait for another speaker as well as the speech, within a few
 * ms
 * @error: return location: %MEDLEY_ERROR_CANCELLED or %MEDLEY_ERROR_ENGINE_FAILED
 *
 * Speaks a text and returns when all of it was handed to @sink. Speakers of one process take turns
 * in the order they asked, and none hears another's voice or rate. Any thread.
 *
 * Returns: %TRUE when all was spoken; %FALSE with @error set, or without when @sink returned %FALSE
 */
gboolean
espeak_core_speak (const EspeakSettings *settings, const char *text, EspeakFlags flags,
                   EspeakSink sink, gpointer user_data, GCancellable *cancellable, GError **error);

/**
 * espeak_core_join:
 *
 * Says that the caller will speak until espeak_core_leave().
 */
void
espeak_core_join (void);

/**
 * espeak_core_leave:
 *
 * Undoes espeak_core_join().
 */
void
espeak_core_leave (void);

/**
 * espeak_core_is_alone:
 *
 * Returns: whether at most one speaker joined, so that nobody can wait for a sink that blocks
 */
gboolean
espeak_core_is_alone (void);

G_END_DECLS
