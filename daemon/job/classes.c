/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job/classes.h"

#include <string.h>

#define DEFAULT_CLASS "cpu"

struct _MedleyClasses {
  GHashTable *limits;  /* class → guint64 */
  GHashTable *running; /* class → number of jobs, none for 0 */
  GHashTable *clients; /* client → number of jobs, none for 0 */
  guint64 per_client;
};

MedleyClasses *
medley_classes_new (const char *const *limits, guint64 per_client)
{
  MedleyClasses *self = g_new0 (MedleyClasses, 1);

  self->limits = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->running = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->clients = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->per_client = per_client;
  for (guint i = 0; limits[i] != NULL; i++) {
    const char *equals = strchr (limits[i], '=');
    guint64 limit = equals != NULL ? g_ascii_strtoull (equals + 1, NULL, 10) : 0;

    /* The configuration refuses anything else. */
    g_return_val_if_fail (limit > 0, self);
    g_hash_table_replace (self->limits, g_strndup (limits[i], equals - limits[i]),
                          g_memdup2 (&limit, sizeof limit));
  }
  return self;
}

void
medley_classes_free (MedleyClasses *self)
{
  g_hash_table_unref (self->limits);
  g_hash_table_unref (self->running);
  g_hash_table_unref (self->clients);
  g_free (self);
}

static guint
count (GHashTable *table, const char *name)
{
  return GPOINTER_TO_UINT (g_hash_table_lookup (table, name));
}

static void
change (GHashTable *table, const char *name, int difference)
{
  guint n = count (table, name) + (guint) difference;

  if (n == 0)
    g_hash_table_remove (table, name);
  else
    g_hash_table_insert (table, g_strdup (name), GUINT_TO_POINTER (n));
}

/* (nullable): the limit that a class has reached */
static const guint64 *
find_reached (MedleyClasses *self, const char *name)
{
  const guint64 *limit = g_hash_table_lookup (self->limits, name);

  return limit != NULL && count (self->running, name) >= *limit ? limit : NULL;
}

static gboolean
is_client_full (MedleyClasses *self, const char *client)
{
  return self->per_client != 0 && count (self->clients, client) >= self->per_client;
}

gboolean
medley_classes_can_start (const char *client, const char *const *classes, gpointer self)
{
  for (guint i = 0; classes[i] != NULL; i++) {
    if (find_reached (self, classes[i]) != NULL)
      return FALSE;
  }
  return !is_client_full (self, client);
}

char *
medley_classes_explain (MedleyClasses *self, const char *client, const char *const *classes)
{
  if (is_client_full (self, client))
    return g_strdup_printf ("%u of %" G_GUINT64_FORMAT
                            " jobs of this client run (limits.running-per-client)",
                            count (self->clients, client), self->per_client);
  for (guint i = 0; classes[i] != NULL; i++) {
    const guint64 *limit = find_reached (self, classes[i]);

    if (limit != NULL)
      return g_strdup_printf ("waits for class \"%s\": %u of %" G_GUINT64_FORMAT
                              " jobs run (jobs.classes)",
                              classes[i], count (self->running, classes[i]), *limit);
  }
  return NULL;
}

void
medley_classes_start (MedleyClasses *self, const char *client, const char *const *classes)
{
  for (guint i = 0; classes[i] != NULL; i++)
    change (self->running, classes[i], 1);
  change (self->clients, client, 1);
}

void
medley_classes_end (MedleyClasses *self, const char *client, const char *const *classes)
{
  g_return_if_fail (count (self->clients, client) > 0);

  for (guint i = 0; classes[i] != NULL; i++)
    change (self->running, classes[i], -1);
  change (self->clients, client, -1);
}

guint
medley_classes_get_running (MedleyClasses *self, const char *class_name)
{
  return count (self->running, class_name);
}

guint
medley_classes_get_client_running (MedleyClasses *self, const char *client)
{
  return count (self->clients, client);
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

GVariant *
medley_classes_describe (MedleyClasses *self)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  GVariantBuilder list;
  GHashTableIter iter;
  gpointer name;

  g_hash_table_iter_init (&iter, self->limits);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    g_ptr_array_add (names, name);
  g_hash_table_iter_init (&iter, self->running);
  while (g_hash_table_iter_next (&iter, &name, NULL)) {
    if (!g_hash_table_contains (self->limits, name))
      g_ptr_array_add (names, name);
  }
  g_ptr_array_sort (names, compare_names);

  g_variant_builder_init (&list, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < names->len; i++) {
    const guint64 *limit = g_hash_table_lookup (self->limits, names->pdata[i]);

    g_variant_builder_open (&list, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add (&list, "{sv}", "class", g_variant_new_string (names->pdata[i]));
    g_variant_builder_add (&list, "{sv}", "running",
                           g_variant_new_uint32 (count (self->running, names->pdata[i])));
    if (limit != NULL)
      g_variant_builder_add (&list, "{sv}", "limit", g_variant_new_uint64 (*limit));
    g_variant_builder_close (&list);
  }
  return g_variant_builder_end (&list);
}

static const char *
class_of_stage (GVariant *stage, MedleyCatalog *catalog)
{
  g_autofree const char **engines = NULL;
  const MedleyEngine *engine = NULL;

  if (g_variant_lookup (stage, "engines", "^a&s", &engines) && engines[0] != NULL)
    engine = medley_catalog_get (catalog, engines[0]);
  return engine != NULL ? engine->concurrency_class : DEFAULT_CLASS;
}

char **
medley_classes_of_plan (GVariant *plan, MedleyCatalog *catalog)
{
  g_autoptr (GVariant) stages = g_variant_lookup_value (plan, "stages", G_VARIANT_TYPE ("aa{sv}"));
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);

  for (gsize i = 0; stages != NULL && i < g_variant_n_children (stages); i++) {
    g_autoptr (GVariant) stage = g_variant_get_child_value (stages, i);
    const char *name = class_of_stage (stage, catalog);

    if (!g_ptr_array_find_with_equal_func (names, name, g_str_equal, NULL))
      g_ptr_array_add (names, g_strdup (name));
  }
  if (names->len == 0)
    g_ptr_array_add (names, g_strdup (DEFAULT_CLASS));
  g_ptr_array_sort (names, compare_names);
  g_ptr_array_add (names, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&names), FALSE);
}
