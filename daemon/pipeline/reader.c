/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pipeline/reader.h"

#include <string.h>

#include "base/nearest.h"
#include "pipeline/template.h"

/* Most keys that a kind of object may have. */
#define MAX_KEYS 16

static const struct {
  char letter;
  const char *name;
} type_names[] = {
  { 's', "a string" }, { 'b', "true or false" }, { 'x', "a whole number" }, { 'n', "a number" },
  { 'a', "an array" }, { 'o', "an object" },     { '0', "null" },
};

static char
type_of (GVariant *value)
{
  switch (g_variant_classify (value)) {
  case G_VARIANT_CLASS_STRING:
    return 's';
  case G_VARIANT_CLASS_BOOLEAN:
    return 'b';
  case G_VARIANT_CLASS_INT64:
    return 'x';
  case G_VARIANT_CLASS_DOUBLE:
    return 'n';
  case G_VARIANT_CLASS_ARRAY:
    return g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT) ? 'o' : 'a';
  default:
    return '0';
  }
}

static gboolean
has_type (GVariant *value, const char *types)
{
  char type = type_of (value);

  return strchr (types, type) != NULL || strchr (types, 'v') != NULL
         || (type == 'x' && strchr (types, 'n') != NULL);
}

static const char *
type_name (char letter)
{
  guint i = 0;

  while (type_names[i].letter != letter)
    i++;
  return type_names[i].name;
}

gboolean
medley_check_type (MedleyFaultSink *sink, GVariant *value, const char *pointer, const char *types)
{
  g_autoptr (GString) wanted = NULL;

  if (has_type (value, types))
    return TRUE;
  wanted = g_string_new (NULL);
  for (const char *type = types; *type != '\0'; type++)
    g_string_append_printf (wanted, "%s%s", type > types ? " or " : "", type_name (*type));
  medley_fault_add (sink, "wrong-type", pointer, NULL, "this must be %s, not %s", wanted->str,
                    type_of (value) == 'n' ? "a fraction" : type_name (type_of (value)));
  return FALSE;
}

GVariant *
medley_read_member (GVariant *object, const char *key, const char *types)
{
  GVariant *value = g_variant_lookup_value (object, key, NULL);

  if (value != NULL && !has_type (value, types))
    g_clear_pointer (&value, g_variant_unref);
  return value;
}

char *
medley_read_string (GVariant *object, const char *key)
{
  g_autoptr (GVariant) value = medley_read_member (object, key, "s");

  return value != NULL ? g_variant_dup_string (value, NULL) : NULL;
}

static gint
find_key (const MedleyKey *keys, const char *name)
{
  for (gint i = 0; keys[i].name != NULL; i++) {
    if (g_str_equal (keys[i].name, name))
      return i;
  }
  return -1;
}

/* The key that a misspelt one was probably meant to be; not one that is there besides. */
static gint
find_near_key (const MedleyKey *keys, const char *name, const gboolean *present)
{
  const char *names[MAX_KEYS + 1] = { NULL };
  guint n = 0;
  const char *nearest;

  for (guint i = 0; keys[i].name != NULL; i++) {
    if (!present[i])
      names[n++] = keys[i].name;
  }
  nearest = medley_nearest (name, names);
  return nearest != NULL ? find_key (keys, nearest) : -1;
}

static void
find_present (GVariant *object, const MedleyKey *keys, gboolean *present)
{
  GVariantIter iter;
  const char *name;

  g_variant_iter_init (&iter, object);
  while (g_variant_iter_next (&iter, "{&sv}", &name, NULL)) {
    gint index = find_key (keys, name);

    if (index >= 0)
      present[index] = TRUE;
  }
}

gboolean
medley_read_object (MedleyFaultSink *sink, GVariant *value, const char *pointer, const char *what,
                    const MedleyKey *keys)
{
  gboolean present[MAX_KEYS] = { FALSE };
  gboolean misspelt[MAX_KEYS] = { FALSE };
  GVariantIter iter;
  const char *name;
  GVariant *member;

  if (!medley_check_type (sink, value, pointer, "o"))
    return FALSE;
  find_present (value, keys, present);
  g_variant_iter_init (&iter, value);
  while (g_variant_iter_loop (&iter, "{&sv}", &name, &member)) {
    g_autofree char *place = medley_json_pointer_append (pointer, name);
    gint index = find_key (keys, name);

    if (index >= 0) {
      medley_check_type (sink, member, place, keys[index].types);
      continue;
    }
    if (medley_fault_sink_is_full (sink))
      continue;
    index = find_near_key (keys, name, present);
    if (index >= 0)
      misspelt[index] = TRUE;
    medley_fault_add (sink, "unknown-key", place, index >= 0 ? keys[index].name : NULL,
                      "%s has no key \"%.64s\"", what, name);
  }
  for (guint i = 0; keys[i].name != NULL; i++) {
    /* A misspelt key is one fault, not two. */
    if (keys[i].required && !present[i] && !misspelt[i])
      medley_fault_add (sink, "missing-key", pointer, NULL, "%s needs the key \"%s\"", what,
                        keys[i].name);
  }
  return TRUE;
}

void
medley_read_entries (MedleyFaultSink *sink, GVariant *object, const char *pointer, const char *what,
                     guint max, MedleyEntryFunc func, gpointer data)
{
  GVariantIter iter;
  const char *name;
  GVariant *value;

  if (object == NULL)
    return;
  if (g_variant_n_children (object) > max) {
    medley_fault_add (sink, "too-many", pointer, NULL,
                      "there are %" G_GSIZE_FORMAT " of them, where %u are the most",
                      g_variant_n_children (object), max);
    return;
  }
  g_variant_iter_init (&iter, object);
  while (g_variant_iter_loop (&iter, "{&sv}", &name, &value)) {
    g_autofree char *place = medley_json_pointer_append (pointer, name);

    if (!medley_is_identifier (name))
      medley_fault_add (sink, "bad-value", place, NULL,
                        "\"%.64s\" is no name for %s: use up to 64 letters, digits, \"-\" and "
                        "\"_\", a letter first",
                        name, what);
    else
      func (name, value, place, data);
  }
}
