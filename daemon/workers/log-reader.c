/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "workers/log-reader.h"

#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_LINE 4096

struct _MedleyLogReader {
  int fd;
  guint source;
  GString *pending;
  MedleyLogLine callback;
  gpointer data;
};

static void
deliver_lines (MedleyLogReader *self)
{
  char *end;

  while ((end = memchr (self->pending->str, '\n', self->pending->len)) != NULL
         || self->pending->len > MAX_LINE) {
    gsize length = end != NULL ? (gsize) (end - self->pending->str) : MAX_LINE;
    g_autofree char *raw = g_strndup (self->pending->str, length);
    g_autofree char *line = g_utf8_make_valid (raw, -1);

    g_string_erase (self->pending, 0, length + (end != NULL ? 1 : 0));
    if (line[0] != '\0')
      self->callback (line, self->data);
  }
}

static gboolean
read_some (MedleyLogReader *self)
{
  char buffer[MAX_LINE];
  gssize n = read (self->fd, buffer, sizeof buffer);

  if (n > 0) {
    g_string_append_len (self->pending, buffer, n);
    deliver_lines (self);
  }
  return n > 0;
}

static gboolean
readable (int fd, GIOCondition condition, gpointer data)
{
  MedleyLogReader *self = data;

  if (read_some (self) || !(condition & (G_IO_HUP | G_IO_ERR)))
    return G_SOURCE_CONTINUE;
  self->source = 0;
  return G_SOURCE_REMOVE;
}

MedleyLogReader *
medley_log_reader_new (int fd, MedleyLogLine callback, gpointer data)
{
  MedleyLogReader *self = g_new0 (MedleyLogReader, 1);

  g_unix_set_fd_nonblocking (fd, TRUE, NULL);
  self->fd = fd;
  self->pending = g_string_new (NULL);
  self->callback = callback;
  self->data = data;
  self->source = g_unix_fd_add (fd, G_IO_IN | G_IO_HUP, readable, self);
  return self;
}

void
medley_log_reader_drain (MedleyLogReader *self)
{
  while (read_some (self))
    ;
}

gboolean
medley_log_reader_is_done (MedleyLogReader *self)
{
  return self->source == 0;
}

void
medley_log_reader_free (MedleyLogReader *self)
{
  g_clear_handle_id (&self->source, g_source_remove);
  close (self->fd);
  g_string_free (self->pending, TRUE);
  g_free (self);
}

gboolean
medley_log_parse_crash (const char *line, int *pid, char **stage, char **engine)
{
  int signal_number, length = -1;
  const char *split;

  /* Either name may be empty; a stage's has no space. */
  if (sscanf (line, "medley-worker[%d]: crash signal=%d%n", pid, &signal_number, &length) != 2
      || !g_str_has_prefix (line + length, " stage="))
    return FALSE;
  line += length + strlen (" stage=");
  split = strstr (line, " engine=");
  if (split == NULL)
    return FALSE;
  *stage = g_strndup (line, (gsize) (split - line));
  *engine = g_strdup (split + strlen (" engine="));
  return TRUE;
}

const char *
medley_log_parse_refusal (const char *line)
{
  static const char mark[] = "]: refused: ";
  const char *found = g_str_has_prefix (line, "medley-worker[") ? strstr (line, mark) : NULL;

  return found != NULL ? found + strlen (mark) : NULL;
}
