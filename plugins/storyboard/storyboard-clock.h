/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Which frames a stretch of unchanged picture needs, and when. Frames follow one another without a
 * gap or an overlap from 0 on. All times in nanoseconds. */

typedef struct {
  guint64 beat; /* at variable rate: an unchanged picture is repeated this often; 0 for never */
  guint rate_n; /* at fixed rate: frames per rate_d seconds; 0 for a variable rate */
  guint rate_d;
  guint64 position; /* where the timeline is filled to */
  guint64 tail_of;  /* end of the picture whose last frame was cut off already */
  guint64 count;    /* frames so far */
} StoryboardClock;

/* Sets the clock to 0. */
void
storyboard_clock_init (StoryboardClock *clock, guint64 beat, guint rate_n, guint rate_d);

/* The next frame of the picture that stands until @until; FALSE when the timeline is filled up to
 * there. At a variable rate with a beat the last frame is a short one: a tool that is asked for the
 * picture at a time may take the next frame that begins (ffmpeg does), and should find the same. At
 * a fixed rate a frame shows what stands at its beginning, and may reach past @until. */
gboolean
storyboard_clock_next (StoryboardClock *clock, guint64 until, guint64 *pts, guint64 *duration);

G_END_DECLS
