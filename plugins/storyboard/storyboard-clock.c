/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storyboard-clock.h"

#define NSEC_PER_SEC G_GUINT64_CONSTANT (1000000000)

/* The last frame of a picture: a quarter of the time that is left, at most this. Where a container
 * holds no durations players take the shortest distance for that of the very last frame: it must be
 * small. */
#define TAIL_MOST (NSEC_PER_SEC / 20)
/* Too short to be asked for. */
#define TAIL_LEAST_TIME (NSEC_PER_SEC / 5)

void
storyboard_clock_init (StoryboardClock *clock, guint64 beat, guint rate_n, guint rate_d)
{
  *clock = (StoryboardClock){ .beat = beat, .rate_n = rate_n, .rate_d = MAX (rate_d, 1) };
}

/* Computed from the frame's number, so that no rounding adds up. */
static guint64
frame_time (const StoryboardClock *clock, guint64 number)
{
  return (guint64) ((unsigned __int128) number * clock->rate_d * NSEC_PER_SEC / clock->rate_n);
}

gboolean
storyboard_clock_next (StoryboardClock *clock, guint64 until, guint64 *pts, guint64 *duration)
{
  guint64 end = until, left;

  if (clock->position >= until)
    return FALSE;
  left = until - clock->position;
  if (clock->rate_n > 0) {
    end = frame_time (clock, clock->count + 1);
  } else if (clock->beat > 0 && left > clock->beat && left - clock->beat > clock->beat / 2) {
    end = clock->position + clock->beat; /* a shorter rest would be a sliver of a beat */
  } else if (clock->beat > 0 && clock->tail_of != until && left >= TAIL_LEAST_TIME) {
    end = until - MIN (left / 4, TAIL_MOST);
    clock->tail_of = until;
  }
  *pts = clock->position;
  *duration = end - clock->position;
  clock->position = end;
  clock->count++;
  return TRUE;
}
