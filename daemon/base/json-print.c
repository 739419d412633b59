/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/json.h"

#include <math.h>
#include <string.h>

/* json-glib's generator writes 0.1 as 0.10000000000000001, which people read on every face; so the
 * text is written here, from the values that json.h names. */

typedef struct {
  GString *text;
  gboolean pretty;
  guint depth;
} Printer;

static void
print_value (Printer *p, GVariant *value);

static void
print_string (Printer *p, const char *string)
{
  g_string_append_c (p->text, '"');
  for (; *string != '\0'; string++) {
    static const char plain[] = "\"\\\b\f\n\r\t";
    static const char escapes[] = "\"\\bfnrt";
    guchar c = (guchar) *string;
    const char *found = strchr (plain, c);

    if (found != NULL)
      g_string_append_printf (p->text, "\\%c", escapes[found - plain]);
    else if (c < 0x20 || c == 0x7f)
      g_string_append_printf (p->text, "\\u%04x", c);
    else
      g_string_append_c (p->text, (char) c);
  }
  g_string_append_c (p->text, '"');
}

char *
medley_json_number_to_string (double number)
{
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];

  /* The fewest digits that read back as the same number. */
  for (guint digits = 15; digits <= 17; digits++) {
    char format[8];

    g_snprintf (format, sizeof format, "%%.%ug", digits);
    g_ascii_formatd (buffer, sizeof buffer, format, number);
    if (g_ascii_strtod (buffer, NULL) == number)
      break;
  }
  return g_strdup (buffer);
}

static void
print_double (Printer *p, double number)
{
  g_autofree char *digits = NULL;

  if (!isfinite (number)) {
    g_string_append (p->text, "null");
    return;
  }
  digits = medley_json_number_to_string (number);
  g_string_append (p->text, digits);
  /* Keeps it a number with a fraction for whoever reads it back. */
  if (strpbrk (digits, ".e") == NULL)
    g_string_append (p->text, ".0");
}

static void
print_break (Printer *p)
{
  if (!p->pretty)
    return;
  g_string_append_c (p->text, '\n');
  for (guint i = 0; i < p->depth; i++)
    g_string_append (p->text, "  ");
}

static void
print_member (Printer *p, GVariant *entry)
{
  g_autoptr (GVariant) key = g_variant_get_child_value (entry, 0);
  g_autoptr (GVariant) value = g_variant_get_child_value (entry, 1);

  if (g_variant_is_of_type (key, G_VARIANT_TYPE_STRING)) {
    print_string (p, g_variant_get_string (key, NULL));
  } else {
    g_autofree char *shown = g_variant_print (key, FALSE);

    print_string (p, shown);
  }
  g_string_append (p->text, p->pretty ? ": " : ":");
  print_value (p, value);
}

static void
print_container (Printer *p, GVariant *value)
{
  gboolean is_object = g_variant_is_of_type (value, G_VARIANT_TYPE_DICTIONARY);
  gsize n = g_variant_n_children (value);

  g_string_append_c (p->text, is_object ? '{' : '[');
  p->depth++;
  for (gsize i = 0; i < n; i++) {
    g_autoptr (GVariant) child = g_variant_get_child_value (value, i);

    if (i > 0)
      g_string_append_c (p->text, ',');
    print_break (p);
    if (is_object)
      print_member (p, child);
    else
      print_value (p, child);
  }
  p->depth--;
  if (n > 0)
    print_break (p);
  g_string_append_c (p->text, is_object ? '}' : ']');
}

static void
print_maybe (Printer *p, GVariant *value)
{
  g_autoptr (GVariant) child = g_variant_get_maybe (value);

  if (child != NULL)
    print_value (p, child);
  else
    g_string_append (p->text, "null");
}

static void
print_value (Printer *p, GVariant *value)
{
  switch (g_variant_classify (value)) {
  case G_VARIANT_CLASS_BOOLEAN:
    g_string_append (p->text, g_variant_get_boolean (value) ? "true" : "false");
    break;
  case G_VARIANT_CLASS_BYTE:
    g_string_append_printf (p->text, "%u", g_variant_get_byte (value));
    break;
  case G_VARIANT_CLASS_INT16:
    g_string_append_printf (p->text, "%d", g_variant_get_int16 (value));
    break;
  case G_VARIANT_CLASS_UINT16:
    g_string_append_printf (p->text, "%u", g_variant_get_uint16 (value));
    break;
  case G_VARIANT_CLASS_INT32:
    g_string_append_printf (p->text, "%d", g_variant_get_int32 (value));
    break;
  case G_VARIANT_CLASS_UINT32:
    g_string_append_printf (p->text, "%u", g_variant_get_uint32 (value));
    break;
  case G_VARIANT_CLASS_INT64:
    g_string_append_printf (p->text, "%" G_GINT64_FORMAT, g_variant_get_int64 (value));
    break;
  case G_VARIANT_CLASS_UINT64:
    /* What is printed here can be read back here, where whole numbers are signed. */
    if (g_variant_get_uint64 (value) > G_MAXINT64)
      print_double (p, (double) g_variant_get_uint64 (value));
    else
      g_string_append_printf (p->text, "%" G_GUINT64_FORMAT, g_variant_get_uint64 (value));
    break;
  case G_VARIANT_CLASS_HANDLE:
    g_string_append_printf (p->text, "%d", g_variant_get_handle (value));
    break;
  case G_VARIANT_CLASS_DOUBLE:
    print_double (p, g_variant_get_double (value));
    break;
  case G_VARIANT_CLASS_STRING:
  case G_VARIANT_CLASS_OBJECT_PATH:
  case G_VARIANT_CLASS_SIGNATURE:
    print_string (p, g_variant_get_string (value, NULL));
    break;
  case G_VARIANT_CLASS_VARIANT: {
    g_autoptr (GVariant) child = g_variant_get_variant (value);

    print_value (p, child);
    break;
  }
  case G_VARIANT_CLASS_MAYBE:
    print_maybe (p, value);
    break;
  case G_VARIANT_CLASS_ARRAY:
  case G_VARIANT_CLASS_TUPLE:
  case G_VARIANT_CLASS_DICT_ENTRY:
    print_container (p, value);
    break;
  }
}

char *
medley_json_print (GVariant *value, gboolean pretty)
{
  Printer printer = { .text = g_string_new (NULL), .pretty = pretty };
  g_autoptr (GVariant) sunk = g_variant_ref_sink (value);

  print_value (&printer, sunk);
  if (pretty)
    g_string_append_c (printer.text, '\n');
  return g_string_free (printer.text, FALSE);
}
