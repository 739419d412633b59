/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/progress.h"

#include <stdio.h>
#include <string.h>

#include "cli/format.h"
#include "cli/reply.h"

#define REFRESH_MS 200
#define MAX_BAR 30

struct _MedleyProgress {
  char *title;
  char *stage;
  char *state;
  char *waiting; /* NULL unless it does */
  double fraction;
  double remaining;
  gint64 started;      /* monotonic, of the running */
  gint64 remaining_at; /* when `remaining` was told */
  guint timer;
  gboolean drawn;
};

char *
medley_progress_format (const char *title, const char *stage, double fraction, double elapsed,
                        double remaining, guint columns)
{
  g_autoptr (GString) line = g_string_new (title);
  g_autofree char *time = medley_format_duration (elapsed);
  g_autoptr (GString) tail = g_string_new (NULL);
  guint used;
  guint bar;

  if (stage != NULL && stage[0] != '\0')
    g_string_append_printf (line, "  %s", stage);
  if (fraction >= 0)
    g_string_append_printf (tail, "%3d%%  ", (int) (CLAMP (fraction, 0, 1) * 100));
  g_string_append (tail, time);
  if (fraction >= 0 && remaining >= 0) {
    g_autofree char *left = medley_format_duration (remaining);

    g_string_append_printf (tail, ", %s left", left);
  }
  used = medley_format_width (line->str) + medley_format_width (tail->str) + 6;
  bar = columns > used + 5 ? MIN (columns - used, MAX_BAR) : 0;
  if (fraction >= 0 && bar > 0) {
    guint full = (guint) (CLAMP (fraction, 0, 1) * bar);

    g_string_append (line, "  [");
    for (guint i = 0; i < bar; i++)
      g_string_append_c (line, i < full ? '#' : '-');
    g_string_append (line, "]");
  }
  g_string_append_printf (line, "  %s", tail->str);
  if (medley_format_width (line->str) > columns)
    g_string_assign (line, columns >= tail->len ? tail->str : "");
  return g_string_free (g_steal_pointer (&line), FALSE);
}

static void
erase (MedleyProgress *self)
{
  if (self->drawn)
    fputs ("\r\033[K", stderr);
  self->drawn = FALSE;
}

static void
draw (MedleyProgress *self)
{
  guint columns = medley_terminal_width (2);
  gint64 now = g_get_monotonic_time ();
  double elapsed = (double) (now - self->started) / G_USEC_PER_SEC;
  double since = (double) (now - self->remaining_at) / G_USEC_PER_SEC;
  const char *what = self->stage != NULL ? self->stage : self->state;
  g_autofree char *line = NULL;

  if (columns < 2)
    return;
  line = medley_progress_format (self->title, self->waiting != NULL ? self->waiting : what,
                                 self->fraction, elapsed,
                                 self->remaining >= 0 ? MAX (self->remaining - since, 0) : -1,
                                 columns - 1);
  fprintf (stderr, "\r%s\033[K", line);
  fflush (stderr);
  self->drawn = TRUE;
}

static gboolean
on_timer (gpointer data)
{
  draw (data);
  return G_SOURCE_CONTINUE;
}

MedleyProgress *
medley_progress_new (const char *title)
{
  MedleyProgress *self = g_new0 (MedleyProgress, 1);

  self->title = g_strdup (title);
  self->fraction = -1;
  self->remaining = -1;
  self->started = g_get_monotonic_time ();
  if (medley_terminal_width (2) > 0)
    self->timer = g_timeout_add (REFRESH_MS, on_timer, self);
  return self;
}

void
medley_progress_free (MedleyProgress *self)
{
  g_clear_handle_id (&self->timer, g_source_remove);
  erase (self);
  fflush (stderr);
  g_free (self->title);
  g_free (self->stage);
  g_free (self->state);
  g_free (self->waiting);
  g_free (self);
}

void
medley_progress_event (MedleyProgress *self, GVariant *event)
{
  const char *kind = medley_reply_string (event, "kind", "");
  const char *stage = medley_reply_string (event, "stage", NULL);

  if (g_str_equal (kind, "state")) {
    g_free (self->state);
    self->state = g_strdup (medley_reply_string (event, "state", ""));
    if (g_str_equal (self->state, "running"))
      self->started = g_get_monotonic_time ();
    g_clear_pointer (&self->stage, g_free);
  } else if (g_str_equal (kind, "progress")) {
    self->fraction = medley_reply_number (event, "fraction", self->fraction);
    self->remaining = medley_reply_number (event, "remaining", -1);
    self->remaining_at = g_get_monotonic_time ();
  }
  if (stage != NULL) {
    g_free (self->stage);
    self->stage = g_strdup (stage);
  }
}

void
medley_progress_set_waiting (MedleyProgress *self, const char *text)
{
  g_free (self->waiting);
  self->waiting = g_strdup (text);
  if (self->timer != 0)
    draw (self);
}

void
medley_progress_note (MedleyProgress *self, const char *text)
{
  erase (self);
  fprintf (stderr, "%s\n", text);
}
