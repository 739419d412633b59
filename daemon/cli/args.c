/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/args.h"

#include <string.h>

#include <medley/medley-error.h>

#include "base/nearest.h"

struct _MedleyArgs {
  GHashTable *values; /* name → GPtrArray of strings, ending in NULL */
  GPtrArray *words;   /* ending in NULL once parsed */
};

static const MedleyArgOption *
find_long (const MedleyArgOption *const *tables, const char *name)
{
  for (guint i = 0; tables[i] != NULL; i++) {
    for (const MedleyArgOption *option = tables[i]; option->name != NULL; option++) {
      if (g_str_equal (option->name, name))
        return option;
    }
  }
  return NULL;
}

static const MedleyArgOption *
find_short (const MedleyArgOption *const *tables, char letter)
{
  for (guint i = 0; tables[i] != NULL; i++) {
    for (const MedleyArgOption *option = tables[i]; option->name != NULL; option++) {
      if (option->letter == letter)
        return option;
    }
  }
  return NULL;
}

static gboolean
refuse_unknown (const MedleyArgOption *const *tables, const char *name, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  const char *nearest;

  for (guint i = 0; tables[i] != NULL; i++) {
    for (const MedleyArgOption *option = tables[i]; option->name != NULL; option++)
      g_ptr_array_add (names, (gpointer) option->name);
  }
  g_ptr_array_add (names, NULL);
  nearest = medley_nearest (name, (const char *const *) names->pdata);
  if (nearest != NULL)
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "unknown option --%s; did you mean --%s?", name, nearest);
  else
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT, "unknown option --%s", name);
  return FALSE;
}

static void
add_value (MedleyArgs *self, const MedleyArgOption *option, const char *value)
{
  GPtrArray *list = g_hash_table_lookup (self->values, option->name);

  if (list == NULL) {
    list = g_ptr_array_new_with_free_func (g_free);
    g_hash_table_insert (self->values, (gpointer) option->name, list);
  } else {
    g_ptr_array_set_size (list, list->len - 1);
  }
  g_ptr_array_add (list, g_strdup (value));
  g_ptr_array_add (list, NULL);
}

/* The value stands in the same argument (@attached) or in the next one. */
static gboolean
take_value (MedleyArgs *self, const MedleyArgOption *option, const char *attached, char **argv,
            guint *index, GError **error)
{
  const char *value = attached;

  if (value == NULL) {
    value = argv[*index + 1];
    if (value == NULL) {
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                   "--%s needs a value: --%s %s", option->name, option->name, option->value_name);
      return FALSE;
    }
    (*index)++;
  }
  add_value (self, option, value);
  return TRUE;
}

static gboolean
parse_long (MedleyArgs *self, const MedleyArgOption *const *tables, char **argv, guint *index,
            GError **error)
{
  const char *text = argv[*index] + 2;
  const char *equals = strchr (text, '=');
  g_autofree char *name = equals != NULL ? g_strndup (text, equals - text) : g_strdup (text);
  const MedleyArgOption *option = find_long (tables, name);

  if (option == NULL)
    return refuse_unknown (tables, name, error);
  if (option->kind != MEDLEY_ARG_FLAG)
    return take_value (self, option, equals != NULL ? equals + 1 : NULL, argv, index, error);
  if (equals != NULL) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT, "--%s takes no value", name);
    return FALSE;
  }
  add_value (self, option, "");
  return TRUE;
}

static gboolean
parse_short (MedleyArgs *self, const MedleyArgOption *const *tables, char **argv, guint *index,
             GError **error)
{
  for (const char *letter = argv[*index] + 1; *letter != '\0'; letter++) {
    const MedleyArgOption *option = find_short (tables, *letter);

    if (option == NULL) {
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT, "unknown option -%c",
                   *letter);
      return FALSE;
    }
    if (option->kind != MEDLEY_ARG_FLAG)
      return take_value (self, option, letter[1] != '\0' ? letter + 1 : NULL, argv, index, error);
    add_value (self, option, "");
  }
  return TRUE;
}

MedleyArgs *
medley_args_parse (const MedleyArgOption *const *tables, char **argv, gboolean stop_at_word,
                   guint *n_used, GError **error)
{
  g_autoptr (MedleyArgs) self = g_new0 (MedleyArgs, 1);
  gboolean options_end = FALSE;
  guint i;

  self->values
      = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) g_ptr_array_unref);
  self->words = g_ptr_array_new_with_free_func (g_free);
  for (i = 0; argv[i] != NULL; i++) {
    gboolean ok = TRUE;

    if (!options_end && g_str_equal (argv[i], "--")) {
      options_end = TRUE;
    } else if (options_end || argv[i][0] != '-' || argv[i][1] == '\0') {
      if (stop_at_word)
        break;
      g_ptr_array_add (self->words, g_strdup (argv[i]));
    } else if (argv[i][1] == '-') {
      ok = parse_long (self, tables, argv, &i, error);
    } else {
      ok = parse_short (self, tables, argv, &i, error);
    }
    if (!ok)
      return NULL;
  }
  g_ptr_array_add (self->words, NULL);
  if (n_used != NULL)
    *n_used = i;
  return g_steal_pointer (&self);
}

void
medley_args_free (MedleyArgs *self)
{
  g_clear_pointer (&self->values, g_hash_table_unref);
  g_clear_pointer (&self->words, g_ptr_array_unref);
  g_free (self);
}

gboolean
medley_args_has (MedleyArgs *self, const char *name)
{
  return g_hash_table_contains (self->values, name);
}

const char *const *
medley_args_list (MedleyArgs *self, const char *name)
{
  static const char *const none[] = { NULL };
  GPtrArray *list = g_hash_table_lookup (self->values, name);

  return list != NULL ? (const char *const *) list->pdata : none;
}

const char *
medley_args_get (MedleyArgs *self, const char *name)
{
  GPtrArray *list = g_hash_table_lookup (self->values, name);

  return list != NULL ? g_ptr_array_index (list, list->len - 2) : NULL;
}

const char *const *
medley_args_words (MedleyArgs *self)
{
  return (const char *const *) self->words->pdata;
}

gboolean
medley_args_get_number (MedleyArgs *self, const char *name, guint fallback, guint *number,
                        GError **error)
{
  const char *value = medley_args_get (self, name);
  guint64 parsed;

  *number = fallback;
  if (value == NULL)
    return TRUE;
  if (!g_ascii_string_to_unsigned (value, 10, 0, 1000000, &parsed, NULL)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "--%s \"%s\": expected a whole number from 0 to 1000000", name, value);
    return FALSE;
  }
  *number = (guint) parsed;
  return TRUE;
}
