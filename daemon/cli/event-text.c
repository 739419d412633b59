/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/event-text.h"

#include "cli/format.h"
#include "cli/reply.h"

static void
append_counts (GString *text, GVariant *event)
{
  gint64 bytes = medley_reply_integer (event, "bytes", -1);
  gint64 duration = medley_reply_integer (event, "duration", -1);

  if (bytes >= 0) {
    g_autofree char *size = medley_format_size ((guint64) bytes);

    g_string_append_printf (text, ", %s", size);
  }
  if (duration > 0) {
    g_autofree char *length = medley_format_duration ((double) duration / 1e9);

    g_string_append_printf (text, ", %s of media", length);
  }
}

char *
medley_event_text (GVariant *event)
{
  const char *kind = medley_reply_string (event, "kind", "?");
  const char *stage = medley_reply_string (event, "stage", NULL);
  const char *engine = medley_reply_string (event, "engine", NULL);
  const char *output = medley_reply_string (event, "output", NULL);
  const char *message = medley_reply_string (event, "message", NULL);
  double fraction = medley_reply_number (event, "fraction", -1);
  double remaining = medley_reply_number (event, "remaining", -1);
  g_autoptr (GString) text = g_string_new (NULL);

  if (g_str_equal (kind, "state"))
    g_string_append (text, medley_reply_string (event, "state", "?"));
  else
    g_string_append (text, kind);
  if (stage != NULL)
    g_string_append_printf (text, " %s", stage);
  if (engine != NULL)
    g_string_append_printf (text, " (%s)", engine);
  if (output != NULL)
    g_string_append_printf (text, " %s", output);
  if (fraction >= 0)
    g_string_append_printf (text, " %d%%", (int) (fraction * 100));
  if (remaining >= 0) {
    g_autofree char *left = medley_format_duration (remaining);

    g_string_append_printf (text, ", %s left", left);
  }
  append_counts (text, event);
  if (message != NULL)
    g_string_append_printf (text, ": %s", message);
  return g_string_free (g_steal_pointer (&text), FALSE);
}
