/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/properties.h"

#include <math.h>
#include <medley/medley-error.h>
#include <string.h>

#include "base/nearest.h"

static gboolean
is_own (GParamSpec *pspec)
{
  return pspec->owner_type != G_TYPE_OBJECT && pspec->owner_type != GST_TYPE_OBJECT
         && pspec->owner_type != GST_TYPE_ELEMENT;
}

gboolean
medley_property_is_settable (GParamSpec *pspec)
{
  GType type = pspec->value_type;

  if (!is_own (pspec) || !(pspec->flags & G_PARAM_WRITABLE)
      || (pspec->flags & G_PARAM_CONSTRUCT_ONLY))
    return FALSE;
  switch (G_TYPE_FUNDAMENTAL (type)) {
  case G_TYPE_OBJECT:
  case G_TYPE_INTERFACE:
  case G_TYPE_POINTER:
  case G_TYPE_PARAM:
  case G_TYPE_VARIANT:
    return FALSE;
  case G_TYPE_BOXED:
    return type == GST_TYPE_CAPS || type == GST_TYPE_STRUCTURE;
  default:
    return TRUE;
  }
}

char **
medley_properties_list (GObjectClass *object_class)
{
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();
  g_autofree GParamSpec **pspecs = NULL;
  guint n = 0;

  pspecs = g_object_class_list_properties (object_class, &n);
  for (guint i = 0; i < n; i++)
    if (medley_property_is_settable (pspecs[i]))
      g_strv_builder_add (names, pspecs[i]->name);
  return g_strv_builder_end (names);
}

char **
medley_property_get_words (GParamSpec *pspec)
{
  g_autoptr (GStrvBuilder) words = NULL;

  if (G_IS_PARAM_SPEC_ENUM (pspec)) {
    GEnumClass *klass = G_PARAM_SPEC_ENUM (pspec)->enum_class;

    words = g_strv_builder_new ();
    for (guint i = 0; i < klass->n_values; i++)
      g_strv_builder_add (words, klass->values[i].value_nick);
  } else if (G_IS_PARAM_SPEC_FLAGS (pspec)) {
    GFlagsClass *klass = G_PARAM_SPEC_FLAGS (pspec)->flags_class;

    words = g_strv_builder_new ();
    for (guint i = 0; i < klass->n_values; i++)
      g_strv_builder_add (words, klass->values[i].value_nick);
  } else {
    return NULL;
  }
  return g_strv_builder_end (words);
}

/* The bounds of a number property, as text for messages; FALSE when it is no number. */
static gboolean
get_range (GParamSpec *pspec, gboolean *is_whole, double *low, double *high, char **range)
{
  *is_whole = TRUE;
#define WHOLE(TYPE, Spec, format)                                                                  \
  if (G_IS_PARAM_SPEC_##TYPE (pspec)) {                                                            \
    *low = (double) ((Spec *) pspec)->minimum;                                                     \
    *high = (double) ((Spec *) pspec)->maximum;                                                    \
    *range = g_strdup_printf ("from %" format " to %" format, ((Spec *) pspec)->minimum,           \
                              ((Spec *) pspec)->maximum);                                          \
    return TRUE;                                                                                   \
  }
  WHOLE (INT, GParamSpecInt, "d")
  WHOLE (UINT, GParamSpecUInt, "u")
  WHOLE (INT64, GParamSpecInt64, G_GINT64_FORMAT)
  WHOLE (UINT64, GParamSpecUInt64, G_GUINT64_FORMAT)
  WHOLE (LONG, GParamSpecLong, "ld")
  WHOLE (ULONG, GParamSpecULong, "lu")
  WHOLE (CHAR, GParamSpecChar, "d")
  WHOLE (UCHAR, GParamSpecUChar, "u")
  *is_whole = FALSE;
  WHOLE (FLOAT, GParamSpecFloat, "g")
  WHOLE (DOUBLE, GParamSpecDouble, "g")
#undef WHOLE
  return FALSE;
}

/* As it stood in the file, or nearly. */
static char *
json_text (GVariant *json)
{
  if (g_variant_is_of_type (json, G_VARIANT_TYPE_STRING))
    return g_strdup_printf ("\"%.100s\"", g_variant_get_string (json, NULL));
  return g_variant_print (json, FALSE);
}

/* 2^63 itself is no gint64, and a double cannot tell it from the largest one. */
#define TWO_63 9223372036854775808.0

static gboolean
convert_number (GParamSpec *pspec, GVariant *json, GValue *value, char **expected)
{
  GValue given = G_VALUE_INIT;
  gboolean is_whole, ok;
  double low, high, number;
  g_autofree char *range = NULL;

  if (!get_range (pspec, &is_whole, &low, &high, &range))
    return FALSE;
  *expected = g_strdup_printf ("a%s number %s", is_whole ? " whole" : "", range);
  if (g_variant_is_of_type (json, G_VARIANT_TYPE_INT64))
    number = (double) g_variant_get_int64 (json);
  else if (g_variant_is_of_type (json, G_VARIANT_TYPE_DOUBLE))
    number = g_variant_get_double (json);
  else
    return FALSE;
  if (!isfinite (number) || number < low || number > high || (is_whole && floor (number) != number))
    return FALSE;

  if (!is_whole || g_variant_is_of_type (json, G_VARIANT_TYPE_DOUBLE)) {
    if (is_whole && number >= TWO_63)
      return FALSE;
    if (is_whole) {
      g_value_init (&given, G_TYPE_INT64);
      g_value_set_int64 (&given, (gint64) number);
    } else {
      g_value_init (&given, G_TYPE_DOUBLE);
      g_value_set_double (&given, number);
    }
  } else {
    g_value_init (&given, G_TYPE_INT64);
    g_value_set_int64 (&given, g_variant_get_int64 (json));
  }
  ok = g_value_transform (&given, value);
  g_value_unset (&given);
  return ok;
}

static gboolean
convert_word (GParamSpec *pspec, GVariant *json, GValue *value, char **expected, char **suggestion)
{
  g_auto (GStrv) words = medley_property_get_words (pspec);
  g_autofree char *list = g_strjoinv (", ", words);
  const char *text;

  *expected = g_strdup_printf ("one of: %s", list);
  if (g_variant_is_of_type (json, G_VARIANT_TYPE_INT64) && G_IS_PARAM_SPEC_ENUM (pspec)) {
    gint64 number = g_variant_get_int64 (json);

    if (number < G_MININT || number > G_MAXINT
        || g_enum_get_value (G_PARAM_SPEC_ENUM (pspec)->enum_class, (gint) number) == NULL)
      return FALSE;
    g_value_set_enum (value, (gint) number);
    return TRUE;
  }
  if (!g_variant_is_of_type (json, G_VARIANT_TYPE_STRING))
    return FALSE;
  text = g_variant_get_string (json, NULL);
  if (gst_value_deserialize (value, text))
    return TRUE;
  *suggestion = g_strdup (medley_nearest (text, (const char *const *) words));
  return FALSE;
}

static gboolean
convert (GParamSpec *pspec, GVariant *json, GValue *value, char **expected, char **suggestion)
{
  gboolean is_string = g_variant_is_of_type (json, G_VARIANT_TYPE_STRING);

  g_value_init (value, pspec->value_type);
  if (G_IS_PARAM_SPEC_ENUM (pspec) || G_IS_PARAM_SPEC_FLAGS (pspec))
    return convert_word (pspec, json, value, expected, suggestion);
  if (pspec->value_type == G_TYPE_BOOLEAN) {
    *expected = g_strdup ("true or false");
    if (!g_variant_is_of_type (json, G_VARIANT_TYPE_BOOLEAN))
      return FALSE;
    g_value_set_boolean (value, g_variant_get_boolean (json));
    return TRUE;
  }
  if (pspec->value_type == G_TYPE_STRING) {
    *expected = g_strdup ("a string");
    if (is_string)
      g_value_set_string (value, g_variant_get_string (json, NULL));
    return is_string;
  }
  if (convert_number (pspec, json, value, expected))
    return TRUE;
  if (*expected != NULL)
    return FALSE;
  *expected = g_strdup_printf ("a string that is a %s", g_type_name (pspec->value_type));
  return is_string && gst_value_deserialize (value, g_variant_get_string (json, NULL));
}

gboolean
medley_property_convert (GObjectClass *object_class, const char *element, const char *name,
                         GVariant *json, GValue *value, const char **code, char **suggestion,
                         GError **error)
{
  GParamSpec *pspec = g_object_class_find_property (object_class, name);
  g_autofree char *expected = NULL;
  g_autofree char *given = NULL;

  *suggestion = NULL;
  if (pspec == NULL || !medley_property_is_settable (pspec)) {
    *code = "unknown-property";
    if (pspec != NULL) {
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_PROPERTY,
                   "property \"%s\" of %s cannot be set from a pipeline", name, element);
    } else {
      g_auto (GStrv) names = medley_properties_list (object_class);

      *suggestion = g_strdup (medley_nearest (name, (const char *const *) names));
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_PROPERTY,
                   "%s has no property \"%s\"%s%s%s", element, name,
                   *suggestion != NULL ? "; did you mean \"" : "",
                   *suggestion != NULL ? *suggestion : "", *suggestion != NULL ? "\"?" : "");
    }
    return FALSE;
  }
  if (convert (pspec, json, value, &expected, suggestion))
    return TRUE;
  g_value_unset (value);
  *code = "bad-value";
  given = json_text (json);
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_PROPERTY,
               "property \"%s\" of %s takes %s, not %s", name, element, expected, given);
  return FALSE;
}

GstStructure *
medley_properties_save (GstElement *element)
{
  GstStructure *values = gst_structure_new_empty ("properties");
  g_autofree GParamSpec **pspecs = NULL;
  guint n = 0;

  pspecs = g_object_class_list_properties (G_OBJECT_GET_CLASS (element), &n);
  for (guint i = 0; i < n; i++) {
    GValue value = G_VALUE_INIT;

    if (!medley_property_is_settable (pspecs[i]) || !(pspecs[i]->flags & G_PARAM_READABLE))
      continue;
    g_value_init (&value, pspecs[i]->value_type);
    g_object_get_property (G_OBJECT (element), pspecs[i]->name, &value);
    gst_structure_take_value (values, pspecs[i]->name, &value);
  }
  return values;
}

static gboolean
restore_value (GQuark field, const GValue *value, gpointer element)
{
  const char *name = g_quark_to_string (field);
  GParamSpec *pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (element), name);
  GValue now = G_VALUE_INIT;

  /* Setting a property may cost something, such as another model. */
  g_value_init (&now, pspec->value_type);
  g_object_get_property (element, name, &now);
  if (g_param_values_cmp (pspec, &now, value) != 0)
    g_object_set_property (element, name, value);
  g_value_unset (&now);
  return TRUE;
}

void
medley_properties_restore (GstElement *element, const GstStructure *values)
{
  gst_structure_foreach (values, restore_value, element);
}
