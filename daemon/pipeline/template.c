/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pipeline/template.h"

#include <string.h>

#include "base/json.h"

gboolean
medley_is_identifier (const char *name)
{
  gsize length = strspn (name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_-");

  return g_ascii_isalpha (name[0]) && name[length] == '\0' && length <= 64;
}

typedef enum { PIECE_END, PIECE_TEXT, PIECE_PARAMETER, PIECE_FAULT } Piece;

/* Takes the next piece off @at: its plain text, or the name of its parameter. */
static Piece
next_piece (const char **at, const char **start, gsize *length)
{
  const char *from = *at;

  *start = from;
  if (*from == '\0')
    return PIECE_END;
  if (g_str_has_prefix (from, "$${")) {
    *start = from + 1;
    *length = 2;
    *at = from + 3;
    return PIECE_TEXT;
  }
  if (g_str_has_prefix (from, "${")) {
    const char *end = from + 2 + strcspn (from + 2, "}$");

    *start = from + 2;
    *length = (gsize) (end - from - 2);
    *at = *end == '}' ? end + 1 : end;
    return *end == '}' ? PIECE_PARAMETER : PIECE_FAULT;
  }
  *length = 1 + strcspn (from + 1, "$");
  *at = from + *length;
  return PIECE_TEXT;
}

GPtrArray *
medley_template_scan (const char *text, gboolean *whole, char **fault)
{
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  const char *at = text;
  const char *start;
  gsize length;
  guint n_pieces = 0;
  Piece piece;

  *fault = NULL;
  while ((piece = next_piece (&at, &start, &length)) != PIECE_END && *fault == NULL) {
    n_pieces++;
    if (piece == PIECE_TEXT)
      continue;
    g_autofree char *name = g_strndup (start, length);
    if (piece == PIECE_FAULT)
      *fault
          = g_strdup ("\"${\" is not closed by \"}\"; write \"$${\" for the characters themselves");
    else if (!medley_is_identifier (name))
      *fault = g_strdup_printf ("\"${%.64s}\" does not hold the name of a parameter", name);
    else
      g_ptr_array_add (names, g_steal_pointer (&name));
  }
  *whole = n_pieces == 1 && names->len == 1;
  return names;
}

static char *
value_to_string (GVariant *value)
{
  switch (g_variant_classify (value)) {
  case G_VARIANT_CLASS_STRING:
    return g_variant_dup_string (value, NULL);
  case G_VARIANT_CLASS_BOOLEAN:
    return g_strdup (g_variant_get_boolean (value) ? "true" : "false");
  case G_VARIANT_CLASS_INT64:
    return g_strdup_printf ("%" G_GINT64_FORMAT, g_variant_get_int64 (value));
  case G_VARIANT_CLASS_DOUBLE:
    return medley_json_number_to_string (g_variant_get_double (value));
  default:
    g_return_val_if_reached (g_strdup (""));
  }
}

GVariant *
medley_template_expand (const char *text, GHashTable *values, gsize max_bytes)
{
  g_autoptr (GString) result = g_string_new (NULL);
  const char *at = text;
  const char *start;
  gsize length;
  Piece piece;

  while ((piece = next_piece (&at, &start, &length)) != PIECE_END) {
    if (piece == PIECE_PARAMETER) {
      g_autofree char *name = g_strndup (start, length);
      GVariant *value = g_hash_table_lookup (values, name);
      g_autofree char *shown = NULL;

      if (value == NULL)
        return NULL;
      if (start == text + 2 && *at == '\0' && result->len == 0)
        return g_variant_ref (value);
      shown = value_to_string (value);
      g_string_append (result, shown);
    } else {
      g_string_append_len (result, start, (gssize) length);
    }
    if (result->len > max_bytes)
      return NULL;
  }
  return g_variant_ref_sink (g_variant_new_string (result->str));
}
