/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * MedleySessionClock:
 *
 * Tells how much time the bytes of an audio stream are worth, from its first byte on: exactly for
 * bare samples and WAV, by whole pages for Ogg (Opus and Vorbis); other formats have no time that
 * could be told without decoding them. Pure; believes nothing that it reads.
 */
typedef struct _MedleySessionClock MedleySessionClock;

/* @type: media type of the stream */
MedleySessionClock *
medley_session_clock_new (const char *type);
void
medley_session_clock_free (MedleySessionClock *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleySessionClock, medley_session_clock_free)

/* What bare samples of 16 bits are; for audio/pcm, which does not say so itself. */
void
medley_session_clock_set_samples (MedleySessionClock *self, guint rate, guint channels);

/* The next bytes of the stream. */
void
medley_session_clock_feed (MedleySessionClock *self, const guint8 *data, gsize length);

/* µs of sound in what was fed, -1 when it cannot be told */
gint64
medley_session_clock_get_time (MedleySessionClock *self);

G_END_DECLS
