/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/sse.h"

#include <string.h>

#define MAX_EVENT (16u * 1024 * 1024)

struct _MedleySse {
  MedleySseFunc func;
  gpointer user_data;
  GString *line;
  GString *data;
  char *id; /* of the event that is being read */
  char *type;
  gboolean has_data;
  gboolean after_cr; /* a newline that follows belongs to it */
};

MedleySse *
medley_sse_new (MedleySseFunc func, gpointer user_data)
{
  MedleySse *self = g_new0 (MedleySse, 1);

  self->func = func;
  self->user_data = user_data;
  self->line = g_string_new (NULL);
  self->data = g_string_new (NULL);
  return self;
}

void
medley_sse_free (MedleySse *self)
{
  g_string_free (self->line, TRUE);
  g_string_free (self->data, TRUE);
  g_free (self->id);
  g_free (self->type);
  g_free (self);
}

static void
end_event (MedleySse *self)
{
  if (self->has_data)
    self->func (self->id, self->type != NULL ? self->type : "message", self->data->str,
                self->user_data);
  g_string_truncate (self->data, 0);
  g_clear_pointer (&self->id, g_free);
  g_clear_pointer (&self->type, g_free);
  self->has_data = FALSE;
}

static void
take_line (MedleySse *self)
{
  const char *line = self->line->str;
  const char *colon = strchr (line, ':');
  gsize length = colon != NULL ? (gsize) (colon - line) : self->line->len;
  const char *value = colon != NULL ? colon + 1 : "";

  if (self->line->len == 0) {
    end_event (self);
    return;
  }
  if (*value == ' ')
    value++;
  if (length == 4 && strncmp (line, "data", 4) == 0) {
    if (self->has_data)
      g_string_append_c (self->data, '\n');
    g_string_append (self->data, value);
    self->has_data = TRUE;
  } else if (length == 2 && strncmp (line, "id", 2) == 0) {
    g_free (self->id);
    self->id = g_strdup (value);
  } else if (length == 5 && strncmp (line, "event", 5) == 0) {
    g_free (self->type);
    self->type = g_strdup (value);
  }
  g_string_truncate (self->line, 0);
}

gboolean
medley_sse_feed (MedleySse *self, const char *text, gsize length)
{
  for (gsize i = 0; i < length; i++) {
    if (text[i] == '\n' && self->after_cr) {
      self->after_cr = FALSE;
    } else if (text[i] == '\n' || text[i] == '\r') {
      self->after_cr = text[i] == '\r';
      take_line (self);
      g_string_truncate (self->line, 0);
    } else {
      self->after_cr = FALSE;
      if (text[i] != '\0')
        g_string_append_c (self->line, text[i]);
    }
    if (self->line->len + self->data->len > MAX_EVENT)
      return FALSE;
  }
  return TRUE;
}
