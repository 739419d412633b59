/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/values.h"

#include <string.h>

#include "base/error.h"
#include "base/nearest.h"

/* The bus allows 64 levels; what Medley tells has four dictionaries in one another at most. */
#define MAX_DEPTH 16

static GVariant *
clean (GVariant *value, guint depth);

static GVariant *
clean_container (GVariant *value, guint depth)
{
  gboolean is_array = g_variant_is_of_type (value, G_VARIANT_TYPE_ARRAY);
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (g_variant_get_type (value));

  for (gsize i = 0; i < g_variant_n_children (value); i++) {
    g_autoptr (GVariant) child = g_variant_get_child_value (value, i);
    g_autoptr (GVariant) cleaned = clean (child, depth + 1);

    if (cleaned != NULL)
      g_variant_builder_add_value (&builder, cleaned);
    else if (!is_array)
      return NULL;
  }
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

/* NULL for what has to be left out. */
static GVariant *
clean (GVariant *value, guint depth)
{
  const char *type = g_variant_get_type_string (value);

  if (depth > MAX_DEPTH || strchr (type, 'm') != NULL)
    return NULL;
  if (strchr (type, 'v') == NULL)
    return g_variant_ref (value);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_VARIANT)) {
    g_autoptr (GVariant) inner = g_variant_get_variant (value);
    g_autoptr (GVariant) cleaned = clean (inner, depth);

    return cleaned != NULL ? g_variant_ref_sink (g_variant_new_variant (cleaned)) : NULL;
  }
  return clean_container (value, depth);
}

GVariant *
medley_dbus_clean (GVariant *value)
{
  g_autoptr (GVariant) owned = g_variant_ref_sink (value);

  return clean (owned, 0);
}

static void
add_nested (GVariantBuilder *builder, const char *key, GVariant *dict)
{
  g_autoptr (GVariant) value = g_variant_lookup_value (dict, key, G_VARIANT_TYPE_VARDICT);

  if (value != NULL)
    g_variant_builder_add (builder, "{s@a{sv}}", key, value);
}

GVariant *
medley_dbus_nest (GVariant *dict, const char *const *order)
{
  GVariantBuilder builder;
  GVariantIter iter;
  const char *key;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{sa{sv}}"));
  if (dict != NULL && order != NULL) {
    for (guint i = 0; order[i] != NULL; i++)
      add_nested (&builder, order[i], dict);
  } else if (dict != NULL) {
    g_variant_iter_init (&iter, dict);
    while (g_variant_iter_next (&iter, "{&sv}", &key, NULL))
      add_nested (&builder, key, dict);
  }
  return g_variant_builder_end (&builder);
}

void
medley_dbus_publish (gpointer skeleton, GVariant *description, const MedleyDBusProperty *properties)
{
  g_autoptr (GVariant) dict = medley_dbus_clean (description);

  g_object_freeze_notify (skeleton);
  for (; properties->property != NULL; properties++) {
    g_autoptr (GVariant) fallback = g_variant_parse (NULL, properties->fallback, NULL, NULL, NULL);
    g_autoptr (GVariant) value
        = g_variant_lookup_value (dict, properties->key, g_variant_get_type (fallback));
    g_auto (GValue) converted = G_VALUE_INIT;

    g_dbus_gvariant_to_gvalue (value != NULL ? value : fallback, &converted);
    g_object_set_property (skeleton, properties->property, &converted);
  }
  g_object_thaw_notify (skeleton);
}

void
medley_dbus_return_error (GDBusMethodInvocation *invocation, const GError *error)
{
  g_dbus_method_invocation_return_error_literal (invocation, MEDLEY_ERROR,
                                                 (int) medley_error_info (error)->code,
                                                 error->message);
}

static gboolean
refuse_option (const char *what, const char *name, const MedleyDBusOption *options, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  g_autofree char *all = NULL;
  const char *nearest;

  for (guint i = 0; options[i].name != NULL; i++)
    g_ptr_array_add (names, (char *) options[i].name);
  g_ptr_array_add (names, NULL);
  nearest = medley_nearest (name, (const char *const *) names->pdata);
  all = g_strjoinv (", ", (char **) names->pdata);
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
               "there is no %s \"%s\"%s%s%s; known are: %s", what, name,
               nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
               nearest != NULL ? "\"?" : "", all);
  return FALSE;
}

static gboolean
read_option (const char *what, const char *name, GVariant *value, const MedleyDBusOption *options,
             gpointer data, GError **error)
{
  const MedleyDBusOption *option = options;
  g_auto (GStrv) types = NULL;

  while (option->name != NULL && !g_str_equal (option->name, name))
    option++;
  if (option->name == NULL)
    return refuse_option (what, name, options, error);
  types = g_strsplit (option->types, " ", 0);
  if (!g_strv_contains ((const char *const *) types, g_variant_get_type_string (value))) {
    g_autofree char *wanted = g_strjoinv (" or ", types);

    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "%s \"%s\" has D-Bus type %s; it must be %s", what, name,
                 g_variant_get_type_string (value), wanted);
    return FALSE;
  }
  return option->read == NULL || option->read (value, data, error);
}

gboolean
medley_dbus_read_options (const char *what, GVariant *dict, const MedleyDBusOption *options,
                          gpointer data, GError **error)
{
  GVariantIter iter;
  const char *name;
  GVariant *value;

  g_variant_iter_init (&iter, dict);
  while (g_variant_iter_next (&iter, "{&sv}", &name, &value)) {
    g_autoptr (GVariant) owned = value;

    if (!read_option (what, name, owned, options, data, error))
      return FALSE;
  }
  return TRUE;
}

typedef struct {
  GDBusMethodInvocation *invocation;
  GVariant *value;
} Answer;

static void
answer_saved (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autofree Answer *answer = data;
  g_autoptr (GVariant) value = answer->value;
  g_autoptr (GError) error = NULL;

  if (medley_job_manager_flush_finish (MEDLEY_JOB_MANAGER (source), result, &error))
    g_dbus_method_invocation_return_value (answer->invocation, value);
  else
    medley_dbus_return_error (answer->invocation, error);
}

void
medley_dbus_return_saved (MedleyJobManager *jobs, MedleyJob *job, GDBusMethodInvocation *invocation,
                          GVariant *value)
{
  Answer *answer = g_new0 (Answer, 1);

  answer->invocation = invocation;
  answer->value = value != NULL ? g_variant_ref_sink (value) : NULL;
  medley_job_manager_flush_async (jobs, job, answer_saved, answer);
}
