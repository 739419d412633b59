/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/nearest.h"

/* Longer names than this are nobody's slip of the pen; it also bounds the work. */
#define MAX_LENGTH 100

/* Characters without case, so that a wrong case alone is no distance at all. */
static glong
fold (const char *name, gunichar folded[MAX_LENGTH])
{
  glong length = 0;

  for (; *name != '\0' && length < MAX_LENGTH; name = g_utf8_next_char (name))
    folded[length++] = g_unichar_tolower (g_utf8_get_char (name));
  return *name == '\0' ? length : -1;
}

/* Optimal string alignment: insertions, deletions, replacements and swaps of neighbours. */
static glong
distance (const gunichar *a, glong length_a, const gunichar *b, glong length_b)
{
  glong rows[3][MAX_LENGTH + 1];
  glong *before = rows[0];
  glong *last = rows[1];
  glong *row = rows[2];

  for (glong j = 0; j <= length_b; j++)
    last[j] = j;
  for (glong i = 1; i <= length_a; i++) {
    glong *recycled = before;

    row[0] = i;
    for (glong j = 1; j <= length_b; j++) {
      glong cost = a[i - 1] == b[j - 1] ? 0 : 1;

      row[j] = MIN (MIN (last[j] + 1, row[j - 1] + 1), last[j - 1] + cost);
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = MIN (row[j], before[j - 2] + 1);
    }
    before = last;
    last = row;
    row = recycled;
  }
  return last[length_b];
}

const char *
medley_nearest (const char *name, const char *const *names)
{
  gunichar wanted[MAX_LENGTH];
  gunichar candidate[MAX_LENGTH];
  glong length;
  glong best;
  const char *nearest = NULL;

  length = fold (name, wanted);
  if (length <= 0)
    return NULL;
  best = length / 3 + 1;
  for (guint i = 0; names[i] != NULL && best > 0; i++) {
    glong other = fold (names[i], candidate);
    glong far;

    if (other < 0 || ABS (other - length) >= best)
      continue;
    far = distance (wanted, length, candidate, other);
    if (far < best) {
      best = far;
      nearest = names[i];
    }
  }
  return nearest;
}
