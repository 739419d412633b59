/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/openai/fields.h"

#include <math.h>
#include <medley/medley-error.h>
#include <string.h>

#include "base/json.h"
#include "base/nearest.h"
#include "http/openai/problem.h"

struct _MedleyOpenaiFields {
  GVariant *object; /* a{sv} */
  gboolean is_form; /* numbers and booleans stand in strings */
  GPtrArray *known; /* names that were asked for */
  GPtrArray *held;  /* values whose strings were given away */
  GError *error;
  guint status;
  char *param;
  char *code;
};

static MedleyOpenaiFields *
fields_new (GVariant *object, gboolean is_form)
{
  MedleyOpenaiFields *self = g_new0 (MedleyOpenaiFields, 1);

  self->object = g_variant_ref_sink (object);
  self->is_form = is_form;
  self->known = g_ptr_array_new_with_free_func (g_free);
  self->held = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  return self;
}

MedleyOpenaiFields *
medley_openai_fields_new (GVariant *body)
{
  MedleyOpenaiFields *self;

  if (g_variant_is_of_type (body, G_VARIANT_TYPE_VARDICT))
    return fields_new (body, FALSE);
  self = fields_new (g_variant_new ("a{sv}", NULL), FALSE);
  medley_openai_fields_fail (self, NULL, 400, "invalid_type", "the body has to be a JSON object");
  return self;
}

/* The field that a part belongs to. */
static char *
name_of_part (const char *part)
{
  return g_strndup (part, strlen (part) - (g_str_has_suffix (part, "[]") ? 2 : 0));
}

/* Collects the values of each name, in their order. */
static void
add_value (GHashTable *values, GPtrArray *names, const char *part, GVariant *value)
{
  g_autofree char *name = name_of_part (part);
  GPtrArray *list = g_hash_table_lookup (values, name);

  if (list == NULL) {
    list = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
    g_hash_table_insert (values, g_strdup (name), list);
    g_ptr_array_add (names, g_strdup (name));
  }
  /* What says that it is a list is one, also with a single value. */
  if (!g_str_equal (name, part) && list->len == 0)
    g_ptr_array_add (list, g_variant_ref_sink (g_variant_new_boolean (TRUE)));
  g_ptr_array_add (list, g_variant_ref_sink (value));
}

static GVariant *
join_values (GPtrArray *list)
{
  gboolean is_marked = g_variant_is_of_type (list->pdata[0], G_VARIANT_TYPE_BOOLEAN);
  GVariantBuilder builder;

  if (list->len == 1)
    return g_variant_ref (list->pdata[0]);
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("av"));
  for (guint i = is_marked ? 1 : 0; i < list->len; i++)
    g_variant_builder_add (&builder, "v", list->pdata[i]);
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

MedleyOpenaiFields *
medley_openai_fields_new_form (MedleyHttpForm *form, const char *const *files)
{
  g_autoptr (GHashTable) values
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_ptr_array_unref);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) error = NULL;
  g_autofree char *faulty = NULL;
  GVariantBuilder builder;
  MedleyOpenaiFields *self;

  for (guint i = 0; i < medley_http_form_get_n_parts (form); i++) {
    const char *part = medley_http_form_get_name (form, i);
    g_autofree char *name = name_of_part (part);
    g_autofree char *text = NULL;

    if (g_strv_contains (files, name)) {
      add_value (values, names, part, g_variant_new_uint32 (i));
      continue;
    }
    text = medley_http_form_read_text (form, i, error == NULL ? &error : NULL);
    if (text != NULL)
      add_value (values, names, part, g_variant_new_string (text));
    else if (faulty == NULL)
      faulty = g_strdup (part);
  }
  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  for (guint i = 0; i < names->len; i++) {
    g_autoptr (GVariant) value = join_values (g_hash_table_lookup (values, names->pdata[i]));

    g_variant_builder_add (&builder, "{sv}", names->pdata[i], value);
  }
  self = fields_new (g_variant_builder_end (&builder), TRUE);
  if (error != NULL)
    medley_openai_fields_fail_error (self, faulty, error);
  return self;
}

void
medley_openai_fields_free (MedleyOpenaiFields *self)
{
  g_variant_unref (self->object);
  g_ptr_array_unref (self->known);
  g_ptr_array_unref (self->held);
  g_clear_error (&self->error);
  g_free (self->param);
  g_free (self->code);
  g_free (self);
}

/* Faults */

void
medley_openai_fields_fail (MedleyOpenaiFields *self, const char *param, guint status,
                           const char *code, const char *format, ...)
{
  va_list args;

  if (self->error != NULL)
    return;
  va_start (args, format);
  self->error
      = g_error_new_valist (MEDLEY_ERROR,
                            status == 404 ? MEDLEY_ERROR_NOT_FOUND : MEDLEY_ERROR_INVALID_ARGUMENT,
                            format, args);
  va_end (args);
  self->status = status;
  self->param = g_strdup (param);
  self->code = g_strdup (code);
}

void
medley_openai_fields_fail_error (MedleyOpenaiFields *self, const char *param, const GError *error)
{
  if (self->error != NULL)
    return;
  self->error = g_error_copy (error);
  self->param = g_strdup (param);
}

gboolean
medley_openai_fields_have_failed (MedleyOpenaiFields *self)
{
  return self->error != NULL;
}

static void
fail_type (MedleyOpenaiFields *self, const char *name, const char *wanted)
{
  medley_openai_fields_fail (self, name, 400, "invalid_type", "\"%s\" has to be %s", name, wanted);
}

/* Asking */

gboolean
medley_openai_fields_has (MedleyOpenaiFields *self, const char *name)
{
  g_autoptr (GVariant) value = g_variant_lookup_value (self->object, name, NULL);

  return value != NULL && !g_variant_is_of_type (value, G_VARIANT_TYPE ("mv"));
}

GVariant *
medley_openai_fields_get (MedleyOpenaiFields *self, const char *name)
{
  if (!g_ptr_array_find_with_equal_func (self->known, name, g_str_equal, NULL))
    g_ptr_array_add (self->known, g_strdup (name));
  return medley_openai_fields_has (self, name) ? g_variant_lookup_value (self->object, name, NULL)
                                               : NULL;
}

const char *
medley_openai_fields_get_string (MedleyOpenaiFields *self, const char *name, const char *fallback)
{
  g_autoptr (GVariant) value = medley_openai_fields_get (self, name);

  if (value == NULL)
    return fallback;
  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_STRING)) {
    fail_type (self, name, "a string");
    return fallback;
  }
  g_ptr_array_add (self->held, g_variant_ref (value));
  return g_variant_get_string (value, NULL);
}

const char *
medley_openai_fields_get_choice (MedleyOpenaiFields *self, const char *name,
                                 const char *const *choices, const char *fallback)
{
  const char *text = medley_openai_fields_get_string (self, name, NULL);
  g_autofree char *list = NULL;

  if (text == NULL)
    return fallback;
  if (g_strv_contains (choices, text))
    return text;
  list = g_strjoinv ("\", \"", (char **) choices);
  medley_openai_fields_fail (self, name, 400, "invalid_value",
                             "\"%s\" cannot be \"%.64s\"; it is one of \"%s\"", name, text, list);
  return fallback;
}

gboolean
medley_openai_fields_get_boolean (MedleyOpenaiFields *self, const char *name, gboolean fallback)
{
  g_autoptr (GVariant) value = medley_openai_fields_get (self, name);

  if (value == NULL)
    return fallback;
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN))
    return g_variant_get_boolean (value);
  if (self->is_form && g_variant_is_of_type (value, G_VARIANT_TYPE_STRING)) {
    const char *text = g_variant_get_string (value, NULL);

    if (g_ascii_strcasecmp (text, "true") == 0 || g_str_equal (text, "1"))
      return TRUE;
    if (g_ascii_strcasecmp (text, "false") == 0 || g_str_equal (text, "0"))
      return FALSE;
  }
  fail_type (self, name, "true or false");
  return fallback;
}

/* Whether a value is a number, in a form also as text. */
static gboolean
to_number (MedleyOpenaiFields *self, GVariant *value, double *number)
{
  const char *text;
  char *end;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_INT64)) {
    *number = (double) g_variant_get_int64 (value);
    return TRUE;
  }
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_DOUBLE)) {
    *number = g_variant_get_double (value);
    return TRUE;
  }
  if (!self->is_form || !g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return FALSE;
  text = g_variant_get_string (value, NULL);
  *number = g_ascii_strtod (text, &end);
  return end > text && *end == '\0' && isfinite (*number);
}

double
medley_openai_fields_get_number (MedleyOpenaiFields *self, const char *name, double fallback,
                                 double minimum, double maximum)
{
  g_autoptr (GVariant) value = medley_openai_fields_get (self, name);
  g_autofree char *least = NULL;
  g_autofree char *most = NULL;
  double number;

  if (value == NULL)
    return fallback;
  if (!to_number (self, value, &number)) {
    fail_type (self, name, "a number");
    return fallback;
  }
  if (number >= minimum && number <= maximum)
    return number;
  least = medley_json_number_to_string (minimum);
  most = medley_json_number_to_string (maximum);
  medley_openai_fields_fail (self, name, 400, "invalid_value", "\"%s\" has to be from %s to %s",
                             name, least, most);
  return fallback;
}

gint64
medley_openai_fields_get_integer (MedleyOpenaiFields *self, const char *name, gint64 fallback,
                                  gint64 minimum, gint64 maximum)
{
  double number
      = medley_openai_fields_get_number (self, name, NAN, (double) minimum, (double) maximum);

  if (isnan (number))
    return fallback;
  if (number == trunc (number))
    return (gint64) number;
  fail_type (self, name, "a whole number");
  return fallback;
}

char **
medley_openai_fields_get_strings (MedleyOpenaiFields *self, const char *name,
                                  const char *const *choices)
{
  g_autoptr (GVariant) value = medley_openai_fields_get (self, name);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  gsize n = 0;

  if (value != NULL && self->is_form && g_variant_is_of_type (value, G_VARIANT_TYPE_STRING)) {
    GVariant *one = g_variant_new_variant (value);

    g_variant_unref (value);
    value = g_variant_ref_sink (g_variant_new_array (NULL, &one, 1));
  }
  if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE ("av")))
    n = g_variant_n_children (value);
  else if (value != NULL)
    fail_type (self, name, "an array of strings");
  for (gsize i = 0; i < n; i++) {
    g_autoptr (GVariant) item = NULL;

    g_variant_get_child (value, i, "v", &item);
    if (!g_variant_is_of_type (item, G_VARIANT_TYPE_STRING)) {
      fail_type (self, name, "an array of strings");
    } else if (choices != NULL && !g_strv_contains (choices, g_variant_get_string (item, NULL))) {
      g_autofree char *list = g_strjoinv ("\", \"", (char **) choices);

      medley_openai_fields_fail (self, name, 400, "invalid_value",
                                 "\"%s\" cannot have \"%.64s\", but \"%s\"", name,
                                 g_variant_get_string (item, NULL), list);
    } else {
      g_strv_builder_add (builder, g_variant_get_string (item, NULL));
    }
  }
  return g_strv_builder_end (builder);
}

int
medley_openai_fields_get_file (MedleyOpenaiFields *self, const char *name)
{
  g_autoptr (GVariant) value = medley_openai_fields_get (self, name);

  if (value == NULL)
    return -1;
  /* "image[]" is a list, also of one. */
  if (g_variant_is_of_type (value, G_VARIANT_TYPE ("av")) && g_variant_n_children (value) == 1) {
    g_autoptr (GVariant) list = g_steal_pointer (&value);

    g_variant_get_child (list, 0, "v", &value);
  }
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_UINT32))
    return (int) g_variant_get_uint32 (value);
  medley_openai_fields_fail (self, name, 400, "invalid_value", "\"%s\" is one file", name);
  return -1;
}

void
medley_openai_fields_require (MedleyOpenaiFields *self, const char *name)
{
  if (!medley_openai_fields_has (self, name))
    medley_openai_fields_fail (self, name, 400, "missing_required_parameter", "\"%s\" is missing",
                               name);
}

gboolean
medley_openai_fields_are_texts (MedleyOpenaiFields *self)
{
  return self->is_form;
}

gboolean
medley_openai_fields_are_equal (MedleyOpenaiFields *self, GVariant *given, GVariant *value)
{
  g_autofree char *text = NULL;
  double first;
  double second;

  if (to_number (self, given, &first) && to_number (self, value, &second))
    return first == second;
  if (g_variant_is_of_type (given, g_variant_get_type (value)))
    return g_variant_equal (given, value);
  if (!self->is_form || !g_variant_is_of_type (given, G_VARIANT_TYPE_STRING))
    return FALSE;
  text = g_variant_print (value, FALSE);
  return g_ascii_strcasecmp (g_variant_get_string (given, NULL), text) == 0;
}

void
medley_openai_fields_allow_only (MedleyOpenaiFields *self, const char *name, GVariant *allowed)
{
  g_autoptr (GVariant) value = medley_openai_fields_get (self, name);
  g_autoptr (GVariant) owned = g_variant_ref_sink (allowed);
  g_autofree char *text = NULL;

  if (value == NULL || medley_openai_fields_are_equal (self, value, owned))
    return;
  text = medley_json_print (owned, FALSE);
  medley_openai_fields_fail (self, name, 400, "unsupported_value",
                             "\"%s\" is not supported here with another value than %s", name, text);
}

gboolean
medley_openai_fields_finish (MedleyOpenaiFields *self, MedleyHttpExchange *exchange)
{
  GVariantIter iter;
  const char *name;

  g_ptr_array_add (self->known, NULL);
  g_variant_iter_init (&iter, self->object);
  while (self->error == NULL && g_variant_iter_next (&iter, "{&sv}", &name, NULL)) {
    const char *const *known = (const char *const *) self->known->pdata;
    const char *near;

    if (g_strv_contains (known, name))
      continue;
    near = medley_nearest (name, known);
    medley_openai_fields_fail (self, name, 400, "unknown_parameter",
                               "\"%.64s\" is no parameter of this request%s%s%s", name,
                               near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
                               near != NULL ? "\"?" : "");
  }
  g_ptr_array_remove_index (self->known, self->known->len - 1);
  if (self->error == NULL)
    return TRUE;
  medley_openai_respond_error (exchange, self->error, self->status, self->param, self->code);
  return FALSE;
}
