/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* How things look on a terminal. */

typedef enum {
  MEDLEY_STYLE_PLAIN,
  MEDLEY_STYLE_BOLD,
  MEDLEY_STYLE_DIM,
  MEDLEY_STYLE_GOOD,
  MEDLEY_STYLE_WARNING,
  MEDLEY_STYLE_BAD,
} MedleyStyle;

/**
 * medley_style_start:
 * @fd: 1 or 2
 * @style: a style
 *
 * Returns: (transfer none): the escape sequence, "" unless @fd is a terminal that may show colours
 * (NO_COLOR, TERM=dumb)
 */
const char *
medley_style_start (int fd, MedleyStyle style);
const char *
medley_style_end (int fd);

/* (transfer full): "1.2 MB" */
char *
medley_format_size (guint64 bytes);
/* (transfer full): "0:07", "12:34", "1:02:03" */
char *
medley_format_duration (double seconds);
/* (transfer full): "14:03:21" for today, "2026-02-03 14:03" else; @time: microseconds since 1970 */
char *
medley_format_time (gint64 time);
/* columns that a text takes on a terminal */
guint
medley_format_width (const char *text);
/* columns of the terminal at @fd, 0 when it is none */
guint
medley_terminal_width (int fd);

/**
 * MedleyTable:
 *
 * Rows of text in aligned columns. On a terminal the last column is cut at its edge.
 */
typedef struct _MedleyTable MedleyTable;

/* @headers: (array zero-terminated=1) */
MedleyTable *
medley_table_new (const char *const *headers);
/* @cells: (array zero-terminated=1): as many as there are headers; NULL-terminated early leaves the
 * rest empty */
void
medley_table_add (MedleyTable *self, const char *const *cells);
/* Prints all on standard output, nothing when there are no rows. */
void
medley_table_print (MedleyTable *self);
void
medley_table_free (MedleyTable *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyTable, medley_table_free)

G_END_DECLS
