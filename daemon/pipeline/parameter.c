/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pipeline/parameter.h"

#include <math.h>
#include <string.h>

#include "base/nearest.h"
#include "pipeline/reader.h"

#define MAX_PATTERN 1000
/* A pattern and a value may both come from a client: no match may take long. */
#define MATCH_LIMITS "(*LIMIT_MATCH=100000)(*LIMIT_DEPTH=1000)"

static const MedleyKey keys[] = {
  { "type", "s", TRUE },       { "default", "v", FALSE },     { "enum", "a", FALSE },
  { "minimum", "n", FALSE },   { "maximum", "n", FALSE },     { "pattern", "s", FALSE },
  { "maxLength", "x", FALSE }, { "description", "s", FALSE }, { NULL, NULL, FALSE },
};

static const char *const type_names[] = { "string", "integer", "number", "boolean", NULL };
static const char type_letters[] = "sxdb";

const char *
medley_parameter_type_name (char type)
{
  return type_names[strchr (type_letters, type) - type_letters];
}

static int
compare_numbers (GVariant *a, GVariant *b)
{
  double first;
  double second;

  if (g_variant_is_of_type (a, G_VARIANT_TYPE_INT64)
      && g_variant_is_of_type (b, G_VARIANT_TYPE_INT64))
    return g_variant_compare (a, b);
  first = g_variant_is_of_type (a, G_VARIANT_TYPE_INT64) ? (double) g_variant_get_int64 (a)
                                                         : g_variant_get_double (a);
  second = g_variant_is_of_type (b, G_VARIANT_TYPE_INT64) ? (double) g_variant_get_int64 (b)
                                                          : g_variant_get_double (b);
  return (first > second) - (first < second);
}

/* Whole numbers of any width, as D-Bus clients send them. (transfer full) */
static GVariant *
widen (GVariant *value)
{
  guint64 number;

  switch (g_variant_classify (value)) {
  case G_VARIANT_CLASS_BYTE:
    return g_variant_ref_sink (g_variant_new_int64 (g_variant_get_byte (value)));
  case G_VARIANT_CLASS_INT16:
    return g_variant_ref_sink (g_variant_new_int64 (g_variant_get_int16 (value)));
  case G_VARIANT_CLASS_UINT16:
    return g_variant_ref_sink (g_variant_new_int64 (g_variant_get_uint16 (value)));
  case G_VARIANT_CLASS_INT32:
    return g_variant_ref_sink (g_variant_new_int64 (g_variant_get_int32 (value)));
  case G_VARIANT_CLASS_UINT32:
    return g_variant_ref_sink (g_variant_new_int64 (g_variant_get_uint32 (value)));
  case G_VARIANT_CLASS_UINT64:
    number = g_variant_get_uint64 (value);
    return g_variant_ref_sink (number <= G_MAXINT64 ? g_variant_new_int64 ((gint64) number)
                                                    : g_variant_new_double ((double) number));
  default:
    return g_variant_ref (value);
  }
}

/* (transfer floating) (nullable) */
static GVariant *
parse_text (char type, const char *text)
{
  gint64 number;
  double real;
  char *end;

  if (type == 'x' && g_ascii_string_to_signed (text, 10, G_MININT64, G_MAXINT64, &number, NULL))
    return g_variant_new_int64 (number);
  if (type == 'b' && (g_str_equal (text, "true") || g_str_equal (text, "false")))
    return g_variant_new_boolean (text[0] == 't');
  if (type == 'd' && strspn (text, "0123456789+-.eE") == strlen (text) && *text != '\0') {
    real = g_ascii_strtod (text, &end);
    if (*end == '\0' && isfinite (real))
      return g_variant_new_double (real);
  }
  return NULL;
}

/* (transfer full) (nullable) */
static GVariant *
convert (char type, GVariant *value, gboolean from_text)
{
  g_autoptr (GVariant) wide = widen (value);
  char wide_type = g_variant_get_type_string (wide)[0];
  GVariant *parsed;

  if (g_variant_get_type_string (wide)[1] != '\0')
    return NULL;
  if (wide_type == type && (type != 'd' || isfinite (g_variant_get_double (wide))))
    return g_steal_pointer (&wide);
  if (wide_type == 's' && from_text) {
    parsed = parse_text (type, g_variant_get_string (wide, NULL));
    return parsed != NULL ? g_variant_ref_sink (parsed) : NULL;
  }
  if (type == 'd' && wide_type == 'x')
    return g_variant_ref_sink (g_variant_new_double ((double) g_variant_get_int64 (wide)));
  if (type == 'x' && wide_type == 'd') {
    double number = g_variant_get_double (wide);

    if (number == floor (number) && fabs (number) < 9e15)
      return g_variant_ref_sink (g_variant_new_int64 ((gint64) number));
  }
  return NULL;
}

static char *
show (GVariant *value)
{
  g_autofree char *text = medley_json_print (value, FALSE);

  if (strlen (text) <= 64)
    return g_steal_pointer (&text);
  return g_strdup_printf ("%.60s…", text);
}

static char *
list_choices (const MedleyParameter *self)
{
  GString *list = g_string_new ("must be one of ");

  for (guint i = 0; i < self->choices->len && list->len < 400; i++) {
    g_autofree char *choice = show (self->choices->pdata[i]);

    g_string_append_printf (list, "%s%s", i > 0 ? ", " : "", choice);
  }
  return g_string_free (list, FALSE);
}

static gboolean
is_choice (const MedleyParameter *self, GVariant *value)
{
  for (guint i = 0; i < self->choices->len; i++) {
    if (g_variant_equal (self->choices->pdata[i], value))
      return TRUE;
  }
  return FALSE;
}

/* %NULL when the value is within what the schema says, else the reason. */
static char *
find_fault (const MedleyParameter *self, GVariant *value)
{
  if (self->choices != NULL && self->choices->len > 0 && !is_choice (self, value))
    return list_choices (self);
  if (self->minimum != NULL && compare_numbers (value, self->minimum) < 0) {
    g_autofree char *limit = show (self->minimum);

    return g_strdup_printf ("must be at least %s", limit);
  }
  if (self->maximum != NULL && compare_numbers (value, self->maximum) > 0) {
    g_autofree char *limit = show (self->maximum);

    return g_strdup_printf ("must be at most %s", limit);
  }
  if (self->type != 's')
    return NULL;

  const char *text = g_variant_get_string (value, NULL);
  if (strlen (text) > MEDLEY_PARAMETER_MAX_BYTES)
    return g_strdup_printf ("must not be longer than %d bytes", MEDLEY_PARAMETER_MAX_BYTES);
  if (self->max_length >= 0 && g_utf8_strlen (text, -1) > self->max_length)
    return g_strdup_printf ("must not be longer than %" G_GINT64_FORMAT " characters",
                            self->max_length);
  if (self->regex != NULL && !g_regex_match (self->regex, text, 0, NULL))
    return g_strdup_printf ("must match the pattern %s", self->pattern);
  return NULL;
}

GVariant *
medley_parameter_accept (const MedleyParameter *self, GVariant *value, gboolean from_text,
                         char **reason)
{
  static const char *const wanted[] = { "must be a string", "must be a whole number",
                                        "must be a number", "must be true or false" };
  g_autoptr (GVariant) result = convert (self->type, value, from_text);

  *reason = NULL;
  if (result == NULL) {
    *reason = g_strdup (wanted[strchr (type_letters, self->type) - type_letters]);
    return NULL;
  }
  *reason = find_fault (self, result);
  return *reason == NULL ? g_steal_pointer (&result) : NULL;
}

static void
read_type (MedleyParameter *self, MedleyFaultSink *sink, GVariant *schema, const char *pointer)
{
  g_autofree char *type = medley_read_string (schema, "type");

  if (type == NULL)
    return;
  for (guint i = 0; type_names[i] != NULL; i++) {
    if (g_str_equal (type, type_names[i]))
      self->type = type_letters[i];
  }
  if (self->type == 0) {
    g_autofree char *place = medley_json_pointer_append (pointer, "type");

    medley_fault_add (sink, "bad-value", place, medley_nearest (type, type_names),
                      "\"%.64s\" is no type: it is string, integer, number or boolean", type);
  }
}

static void
read_choices (MedleyParameter *self, MedleyFaultSink *sink, GVariant *schema, const char *pointer)
{
  g_autoptr (GVariant) list = medley_read_member (schema, "enum", "a");
  g_autofree char *place = medley_json_pointer_append (pointer, "enum");
  gsize n = list != NULL ? g_variant_n_children (list) : 0;

  if (list == NULL || self->type == 0)
    return;
  if (n == 0 || n > MEDLEY_MAX_ENTRIES) {
    medley_fault_add (sink, n == 0 ? "bad-value" : "too-many", place, NULL,
                      "this must list 1 to %d values", MEDLEY_MAX_ENTRIES);
    return;
  }
  self->choices = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  for (gsize i = 0; i < n; i++) {
    g_autoptr (GVariant) boxed = g_variant_get_child_value (list, i);
    g_autoptr (GVariant) item = g_variant_get_variant (boxed);
    g_autofree char *at = g_strdup_printf ("%s/%" G_GSIZE_FORMAT, place, i);
    GVariant *value = convert (self->type, item, FALSE);

    if (value == NULL) {
      medley_fault_add (sink, "wrong-type", at, NULL, "this is no %s, as the parameter’s type says",
                        medley_parameter_type_name (self->type));
      continue;
    }
    if (is_choice (self, value))
      medley_fault_warn (sink, "duplicate-name", at, NULL, "this value stands twice in the list");
    g_ptr_array_add (self->choices, value);
  }
}

/* Keys that mean nothing for the type: whoever wrote them expects an effect. */
static void
refuse_keys_of_other_types (MedleyParameter *self, MedleyFaultSink *sink, GVariant *schema,
                            const char *pointer)
{
  static const struct {
    const char *key;
    const char *types;
    const char *names;
  } uses[] = {
    { "minimum", "xd", "integer and number" },
    { "maximum", "xd", "integer and number" },
    { "pattern", "s", "string" },
    { "maxLength", "s", "string" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (uses); i++) {
    g_autoptr (GVariant) value = g_variant_lookup_value (schema, uses[i].key, NULL);
    g_autofree char *place = medley_json_pointer_append (pointer, uses[i].key);

    if (value != NULL && self->type != 0 && strchr (uses[i].types, self->type) == NULL)
      medley_fault_add (sink, "bad-value", place, NULL, "\"%s\" applies to the type %s only",
                        uses[i].key, uses[i].names);
  }
}

static void
read_range (MedleyParameter *self, MedleyFaultSink *sink, GVariant *schema, const char *pointer)
{
  if (self->type != 'x' && self->type != 'd')
    return;
  self->minimum = medley_read_member (schema, "minimum", "n");
  self->maximum = medley_read_member (schema, "maximum", "n");
  if (self->minimum != NULL && self->maximum != NULL
      && compare_numbers (self->minimum, self->maximum) > 0) {
    g_autofree char *place = medley_json_pointer_append (pointer, "minimum");

    medley_fault_add (sink, "bad-value", place, NULL, "the minimum is above the maximum");
    g_clear_pointer (&self->minimum, g_variant_unref);
    g_clear_pointer (&self->maximum, g_variant_unref);
  }
}

/* GRegex's message repeats the pattern, with our limits before it. */
static const char *
regex_reason (const char *message)
{
  const char *colon = g_strrstr (message, ": ");

  return colon != NULL ? colon + 2 : message;
}

static void
read_pattern (MedleyParameter *self, MedleyFaultSink *sink, GVariant *schema, const char *pointer)
{
  g_autoptr (GVariant) length = medley_read_member (schema, "maxLength", "x");
  g_autofree char *place = medley_json_pointer_append (pointer, "pattern");
  g_autoptr (GError) error = NULL;

  if (self->type != 's')
    return;
  if (length != NULL && g_variant_get_int64 (length) < 0) {
    g_autofree char *at = medley_json_pointer_append (pointer, "maxLength");

    medley_fault_add (sink, "bad-value", at, NULL, "a length is not negative");
  } else if (length != NULL) {
    self->max_length = g_variant_get_int64 (length);
  }
  self->pattern = medley_read_string (schema, "pattern");
  if (self->pattern == NULL)
    return;
  if (strlen (self->pattern) > MAX_PATTERN) {
    medley_fault_add (sink, "bad-value", place, NULL, "the pattern is longer than %d bytes",
                      MAX_PATTERN);
    return;
  }
  g_autofree char *limited = g_strconcat (MATCH_LIMITS, self->pattern, NULL);
  self->regex = g_regex_new (limited, G_REGEX_DOLLAR_ENDONLY, 0, &error);
  if (self->regex == NULL)
    medley_fault_add (sink, "bad-value", place, NULL, "this is no regular expression: %s",
                      regex_reason (error->message));
}

static void
read_default (MedleyParameter *self, MedleyFaultSink *sink, GVariant *schema, const char *pointer)
{
  g_autoptr (GVariant) value = g_variant_lookup_value (schema, "default", NULL);
  g_autofree char *place = medley_json_pointer_append (pointer, "default");
  g_autofree char *reason = NULL;

  if (value == NULL || self->type == 0)
    return;
  self->value = medley_parameter_accept (self, value, FALSE, &reason);
  if (self->value == NULL)
    medley_fault_add (sink, "bad-value", place, NULL, "the default %s", reason);
}

MedleyParameter *
medley_parameter_read (MedleyFaultSink *sink, const char *name, GVariant *schema,
                       const char *pointer)
{
  MedleyParameter *self = g_new0 (MedleyParameter, 1);

  self->name = g_strdup (name);
  self->max_length = -1;
  if (!medley_read_object (sink, schema, pointer, "a parameter", keys))
    return self;
  self->description = medley_read_string (schema, "description");
  read_type (self, sink, schema, pointer);
  refuse_keys_of_other_types (self, sink, schema, pointer);
  read_choices (self, sink, schema, pointer);
  read_range (self, sink, schema, pointer);
  read_pattern (self, sink, schema, pointer);
  read_default (self, sink, schema, pointer);
  return self;
}

void
medley_parameter_free (MedleyParameter *self)
{
  g_free (self->name);
  g_clear_pointer (&self->value, g_variant_unref);
  g_clear_pointer (&self->choices, g_ptr_array_unref);
  g_clear_pointer (&self->minimum, g_variant_unref);
  g_clear_pointer (&self->maximum, g_variant_unref);
  g_clear_pointer (&self->regex, g_regex_unref);
  g_free (self->pattern);
  g_free (self->description);
  g_free (self);
}

static void
add (GVariantBuilder *builder, const char *key, GVariant *value)
{
  if (value != NULL)
    g_variant_builder_add (builder, "{sv}", key, value);
}

GVariant *
medley_parameter_describe (const MedleyParameter *self)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  if (self->type != 0)
    add (&builder, "type", g_variant_new_string (medley_parameter_type_name (self->type)));
  add (&builder, "default", self->value);
  if (self->choices != NULL) {
    GVariantBuilder choices;

    g_variant_builder_init (&choices, G_VARIANT_TYPE ("av"));
    for (guint i = 0; i < self->choices->len; i++)
      g_variant_builder_add (&choices, "v", self->choices->pdata[i]);
    add (&builder, "enum", g_variant_builder_end (&choices));
  }
  add (&builder, "minimum", self->minimum);
  add (&builder, "maximum", self->maximum);
  if (self->pattern != NULL)
    add (&builder, "pattern", g_variant_new_string (self->pattern));
  if (self->max_length >= 0)
    add (&builder, "maxLength", g_variant_new_int64 (self->max_length));
  if (self->description != NULL)
    add (&builder, "description", g_variant_new_string (self->description));
  return g_variant_builder_end (&builder);
}
