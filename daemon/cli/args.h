/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  MEDLEY_ARG_FLAG,  /* --quiet */
  MEDLEY_ARG_VALUE, /* --host URL; the last one counts */
  MEDLEY_ARG_LIST,  /* -o FILE -o FILE */
} MedleyArgKind;

/**
 * MedleyArgOption:
 * @name: long name without dashes
 * @letter: short name, 0 for none
 * @kind: what follows it
 * @value_name: (nullable): what help calls its value
 * @help: one line
 *
 * An option of a command. Tables end with a %NULL name.
 */
typedef struct {
  const char *name;
  char letter;
  MedleyArgKind kind;
  const char *value_name;
  const char *help;
} MedleyArgOption;

/**
 * MedleyArgs:
 *
 * A command line taken apart into options and words.
 */
typedef struct _MedleyArgs MedleyArgs;

/**
 * medley_args_parse:
 * @tables: (array zero-terminated=1): tables of options
 * @argv: (array zero-terminated=1): what to parse, without the program's name
 * @stop_at_word: whether to end at the first word that is no option
 * @n_used: (out) (optional): how many arguments were used up
 * @error: %MEDLEY_ERROR_INVALID_ARGUMENT with the nearest option
 *
 * Options and words may be mixed; "--" ends options, "-" is a word. Values follow as
 * "--name=value",
 * "--name value", "-n value" or "-nvalue".
 *
 * Returns: (transfer full) (nullable): options and words
 */
MedleyArgs *
medley_args_parse (const MedleyArgOption *const *tables, char **argv, gboolean stop_at_word,
                   guint *n_used, GError **error);
void
medley_args_free (MedleyArgs *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyArgs, medley_args_free)

gboolean
medley_args_has (MedleyArgs *self, const char *name);
/* (transfer none) (nullable): the last value */
const char *
medley_args_get (MedleyArgs *self, const char *name);
/* (transfer none) (array zero-terminated=1): all values; never NULL */
const char *const *
medley_args_list (MedleyArgs *self, const char *name);
/* (transfer none) (array zero-terminated=1): what is no option; never NULL */
const char *const *
medley_args_words (MedleyArgs *self);

/**
 * medley_args_get_number:
 * @self: arguments
 * @name: an option with a value
 * @fallback: what to return when it was not given
 * @number: (out): the value
 * @error: %MEDLEY_ERROR_INVALID_ARGUMENT when it is not a whole number from 0 to 1,000,000
 *
 * Returns: whether it is well
 */
gboolean
medley_args_get_number (MedleyArgs *self, const char *name, guint fallback, guint *number,
                        GError **error);

G_END_DECLS
