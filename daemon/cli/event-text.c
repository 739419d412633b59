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

/* What would not be understood by its kind alone. NULL for all others. */
static const char *
words_of_kind (const char *kind)
{
  static const char *const words[][2] = {
    { "interrupted", "interrupted" },
    { "retry", "tries again" },
    { "stage-reused", "taken from the cache:" },
    { "stage-recorded", "kept in the cache:" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (words); i++) {
    if (g_str_equal (kind, words[i][0]))
      return words[i][1];
  }
  return NULL;
}

static void
append_attempt (GString *text, GVariant *event)
{
  gboolean is_retry = g_str_equal (medley_reply_string (event, "kind", ""), "retry");
  gint64 attempt = medley_reply_integer (event, "attempt", 0);
  double delay = medley_reply_number (event, "delay", 0);
  g_autoptr (GVariant) error = medley_reply_object (event, "error");

  if (attempt > 0)
    g_string_append_printf (text, " %s attempt %d", is_retry ? "after" : "in", (int) attempt);
  if (delay > 0) {
    g_autofree char *wait = medley_format_duration (delay);

    g_string_append_printf (text, ", in %s", wait);
  }
  if (error != NULL && medley_reply_string (event, "message", NULL) == NULL)
    g_string_append_printf (text, ": %s: %s", medley_reply_string (error, "code", "failed"),
                            medley_reply_string (error, "message", ""));
}

gboolean
medley_event_is_notable (GVariant *event)
{
  static const char *const kinds[]
      = { "warning", "interrupted", "retry", "stage-reused", "stage-fallback", NULL };

  return g_strv_contains (kinds, medley_reply_string (event, "kind", ""));
}

char *
medley_event_text (GVariant *event)
{
  const char *kind = medley_reply_string (event, "kind", "?");
  const char *stage = medley_reply_string (event, "stage", NULL);
  const char *engine = medley_reply_string (event, "engine", NULL);
  const char *output = medley_reply_string (event, "output", NULL);
  const char *message = medley_reply_string (event, "message", NULL);
  const char *words = words_of_kind (kind);
  double fraction = medley_reply_number (event, "fraction", -1);
  double remaining = medley_reply_number (event, "remaining", -1);
  g_autoptr (GString) text = g_string_new (NULL);

  if (g_str_equal (kind, "state"))
    g_string_append (text, medley_reply_string (event, "state", "?"));
  else
    g_string_append (text, words != NULL ? words : kind);
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
  if (g_str_equal (kind, "retry") || g_str_equal (kind, "interrupted"))
    append_attempt (text, event);
  if (message != NULL)
    g_string_append_printf (text, ": %s", message);
  return g_string_free (g_steal_pointer (&text), FALSE);
}
