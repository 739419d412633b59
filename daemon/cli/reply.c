/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/reply.h"

#include "base/json.h"

static GVariant *
lookup (GVariant *object, const char *name)
{
  if (object == NULL || !g_variant_is_of_type (object, G_VARIANT_TYPE_VARDICT))
    return NULL;
  return g_variant_lookup_value (object, name, NULL);
}

const char *
medley_reply_string (GVariant *object, const char *name, const char *fallback)
{
  g_autoptr (GVariant) value = lookup (object, name);

  if (value == NULL || !g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return fallback;
  /* The text lies in @object, which outlives @value. */
  return g_variant_get_string (value, NULL);
}

double
medley_reply_number (GVariant *object, const char *name, double fallback)
{
  g_autoptr (GVariant) value = lookup (object, name);

  if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_DOUBLE))
    return g_variant_get_double (value);
  if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
    return (double) g_variant_get_int64 (value);
  return fallback;
}

gint64
medley_reply_integer (GVariant *object, const char *name, gint64 fallback)
{
  g_autoptr (GVariant) value = lookup (object, name);

  if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
    return g_variant_get_int64 (value);
  return fallback;
}

gboolean
medley_reply_boolean (GVariant *object, const char *name, gboolean fallback)
{
  g_autoptr (GVariant) value = lookup (object, name);

  if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN))
    return g_variant_get_boolean (value);
  return fallback;
}

GVariant *
medley_reply_object (GVariant *object, const char *name)
{
  g_autoptr (GVariant) value = lookup (object, name);

  if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT))
    return g_steal_pointer (&value);
  return NULL;
}

GPtrArray *
medley_reply_list (GVariant *object, const char *name)
{
  GPtrArray *list = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  g_autoptr (GVariant) array = NULL;

  if (object != NULL && g_variant_is_of_type (object, G_VARIANT_TYPE ("av")))
    array = g_variant_ref (object);
  else
    array = lookup (object, name);
  if (array == NULL || !g_variant_is_of_type (array, G_VARIANT_TYPE ("av")))
    return list;
  for (gsize i = 0; i < g_variant_n_children (array); i++) {
    g_autoptr (GVariant) boxed = g_variant_get_child_value (array, i);

    g_ptr_array_add (list, g_variant_get_variant (boxed));
  }
  return list;
}

char **
medley_reply_names (GVariant *object, const char *name)
{
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();
  g_autoptr (GVariant) value = lookup (object, name);
  GVariantIter iter;
  const char *key;

  if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT)) {
    g_variant_iter_init (&iter, value);
    while (g_variant_iter_next (&iter, "{&sv}", &key, NULL))
      g_strv_builder_add (names, key);
  } else {
    g_autoptr (GPtrArray) list = medley_reply_list (object, name);

    for (guint i = 0; i < list->len; i++) {
      GVariant *entry = g_ptr_array_index (list, i);

      if (g_variant_is_of_type (entry, G_VARIANT_TYPE_STRING))
        g_strv_builder_add (names, g_variant_get_string (entry, NULL));
    }
  }
  return g_strv_builder_end (names);
}

char *
medley_reply_text (GVariant *value)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return g_variant_dup_string (value, NULL);
  return medley_json_print (value, FALSE);
}
