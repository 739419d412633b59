/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* A language's abbreviations after which no sentence ends, from ICU's data. */
typedef struct _Abbreviations Abbreviations;

G_GNUC_INTERNAL Abbreviations *
abbreviations_load (const char *locale);
G_GNUC_INTERNAL void
abbreviations_free (Abbreviations *self);

/* Whether the place @at in @text[@start, @end) is after, or within, an abbreviation. */
G_GNUC_INTERNAL gboolean
abbreviations_hold (Abbreviations *self, const char *text, gsize start, gsize at, gsize end);
