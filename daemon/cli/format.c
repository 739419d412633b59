/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/format.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct _MedleyTable {
  guint n_columns;
  GPtrArray *rows; /* of GStrv; the first is the header */
};

static gboolean
may_colour (int fd)
{
  const char *no_colour = g_getenv ("NO_COLOR");

  return isatty (fd) && (no_colour == NULL || no_colour[0] == '\0')
         && g_strcmp0 (g_getenv ("TERM"), "dumb") != 0;
}

const char *
medley_style_start (int fd, MedleyStyle style)
{
  static const char *const starts[]
      = { "", "\033[1m", "\033[2m", "\033[32m", "\033[33m", "\033[31m" };

  return may_colour (fd) ? starts[style] : "";
}

const char *
medley_style_end (int fd)
{
  return may_colour (fd) ? "\033[0m" : "";
}

char *
medley_format_size (guint64 bytes)
{
  char *text = g_format_size (bytes);
  char *space = strstr (text, "\302\240");

  /* GLib joins number and unit by a space that terminals without UTF-8 do not have. */
  if (space != NULL) {
    *space = ' ';
    memmove (space + 1, space + 2, strlen (space + 2) + 1);
  }
  return text;
}

char *
medley_format_duration (double seconds)
{
  guint64 whole = seconds > 0 ? (guint64) (seconds + 0.5) : 0;

  if (whole >= 3600)
    return g_strdup_printf ("%" G_GUINT64_FORMAT ":%02u:%02u", whole / 3600,
                            (guint) (whole / 60 % 60), (guint) (whole % 60));
  return g_strdup_printf ("%u:%02u", (guint) (whole / 60), (guint) (whole % 60));
}

char *
medley_format_time (gint64 time)
{
  g_autoptr (GDateTime) utc = g_date_time_new_from_unix_utc (time / G_USEC_PER_SEC);
  g_autoptr (GDateTime) local = utc != NULL ? g_date_time_to_local (utc) : NULL;
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();

  if (local == NULL)
    return g_strdup ("?");
  if (g_date_time_get_year (local) == g_date_time_get_year (now)
      && g_date_time_get_day_of_year (local) == g_date_time_get_day_of_year (now))
    return g_date_time_format (local, "%H:%M:%S");
  return g_date_time_format (local, "%Y-%m-%d %H:%M");
}

static guint
character_width (gunichar character)
{
  if (g_unichar_iszerowidth (character))
    return 0;
  return g_unichar_iswide (character) ? 2 : 1;
}

guint
medley_format_width (const char *text)
{
  guint width = 0;

  for (; *text != '\0'; text = g_utf8_next_char (text))
    width += character_width (g_utf8_get_char (text));
  return width;
}

guint
medley_terminal_width (int fd)
{
  struct winsize size;

  if (!isatty (fd))
    return 0;
  if (ioctl (fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
    return 80;
  return size.ws_col;
}

/* What a daemon says must not move the cursor or ring the bell. */
static char *
clean (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  g_autoptr (GString) out = g_string_new (NULL);

  for (const char *p = valid; *p != '\0'; p = g_utf8_next_char (p)) {
    gunichar character = g_utf8_get_char (p);

    g_string_append_unichar (out, g_unichar_iscntrl (character) ? ' ' : character);
  }
  return g_string_free (g_steal_pointer (&out), FALSE);
}

MedleyTable *
medley_table_new (const char *const *headers)
{
  MedleyTable *self = g_new0 (MedleyTable, 1);

  self->n_columns = g_strv_length ((char **) headers);
  self->rows = g_ptr_array_new_with_free_func ((GDestroyNotify) g_strfreev);
  medley_table_add (self, headers);
  return self;
}

void
medley_table_add (MedleyTable *self, const char *const *cells)
{
  char **row = g_new0 (char *, self->n_columns + 1);
  gboolean ended = FALSE;

  for (guint i = 0; i < self->n_columns; i++) {
    ended = ended || cells[i] == NULL;
    row[i] = clean (ended ? "" : cells[i]);
  }
  g_ptr_array_add (self->rows, row);
}

static void
append_cut (GString *line, const char *text, guint columns)
{
  guint width = 0;

  if (medley_format_width (text) <= columns) {
    g_string_append (line, text);
    return;
  }
  for (; *text != '\0'; text = g_utf8_next_char (text)) {
    width += character_width (g_utf8_get_char (text));
    if (width >= columns)
      break;
    g_string_append_unichar (line, g_utf8_get_char (text));
  }
  g_string_append (line, "…");
}

static void
print_row (MedleyTable *self, char **row, const guint *widths, guint terminal, gboolean header)
{
  g_autoptr (GString) line = g_string_new (NULL);
  guint column = 0;

  for (guint i = 0; i + 1 < self->n_columns; i++) {
    g_string_append_printf (line, "%s%*s", row[i],
                            (int) (widths[i] - medley_format_width (row[i]) + 2), "");
    column += widths[i] + 2;
  }
  if (terminal > column + 10)
    append_cut (line, row[self->n_columns - 1], terminal - column);
  else
    g_string_append (line, row[self->n_columns - 1]);
  g_strchomp (line->str);
  g_print ("%s%s%s\n", header ? medley_style_start (1, MEDLEY_STYLE_BOLD) : "", line->str,
           header ? medley_style_end (1) : "");
}

void
medley_table_print (MedleyTable *self)
{
  g_autofree guint *widths = g_new0 (guint, self->n_columns);
  guint terminal = medley_terminal_width (1);

  if (self->rows->len < 2)
    return;
  for (guint i = 0; i < self->rows->len; i++) {
    char **row = g_ptr_array_index (self->rows, i);

    for (guint j = 0; j < self->n_columns; j++)
      widths[j] = MAX (widths[j], medley_format_width (row[j]));
  }
  for (guint i = 0; i < self->rows->len; i++)
    print_row (self, g_ptr_array_index (self->rows, i), widths, terminal, i == 0);
}

void
medley_table_free (MedleyTable *self)
{
  g_ptr_array_unref (self->rows);
  g_free (self);
}
