/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "catalog/catalog.h"

#include <string.h>

#define DEFAULT_COST 100

struct _MedleyCatalog {
  GObject parent_instance;
  GHashTable *engines; /* name → MedleyEngine */
  GVariant *described; /* what the engines were made of, to see whether anything changed */
  GVariant *broken;    /* file → reason */
  char *registry;
};

G_DEFINE_FINAL_TYPE (MedleyCatalog, medley_catalog, G_TYPE_OBJECT)

enum { SIGNAL_CHANGED, N_SIGNALS };

static guint signals[N_SIGNALS];

static void
engine_free (gpointer data)
{
  MedleyEngine *engine = data;

  g_free (engine->name);
  g_free (engine->title);
  g_free (engine->description);
  g_strfreev (engine->tasks);
  g_free (engine->build);
  g_free (engine->concurrency_class);
  g_variant_unref (engine->details);
  g_free (engine);
}

static char *
get_string (GVariant *dict, const char *key, const char *otherwise)
{
  const char *value = otherwise;

  g_variant_lookup (dict, key, "&s", &value);
  return g_strdup (value);
}

/* %NULL for a dictionary without a name: a worker that sends one is wrong, but harmless. */
static MedleyEngine *
engine_new (GVariant *dict)
{
  g_autofree char *name = get_string (dict, "name", "");
  g_autofree const char **flags = NULL;
  MedleyEngine *engine;

  if (*name == '\0')
    return NULL;
  engine = g_new0 (MedleyEngine, 1);
  engine->name = g_steal_pointer (&name);
  engine->title = get_string (dict, "title", engine->name);
  engine->description = get_string (dict, "description", "");
  engine->concurrency_class = get_string (dict, "class", "cpu");
  engine->build = get_string (dict, "build", "");
  engine->details = g_variant_ref (dict);
  if (!g_variant_lookup (dict, "tasks", "^as", &engine->tasks))
    engine->tasks = g_new0 (char *, 1);
  if (!g_variant_lookup (dict, "cost", "u", &engine->cost))
    engine->cost = DEFAULT_COST;
  if (g_variant_lookup (dict, "flags", "^a&s", &flags)) {
    engine->network = g_strv_contains (flags, "network");
    engine->no_fork = g_strv_contains (flags, "no-fork");
    engine->deterministic = g_strv_contains (flags, "deterministic");
  }
  return engine;
}

static void
medley_catalog_finalize (GObject *object)
{
  MedleyCatalog *self = MEDLEY_CATALOG (object);

  g_hash_table_unref (self->engines);
  g_clear_pointer (&self->described, g_variant_unref);
  g_clear_pointer (&self->broken, g_variant_unref);
  g_free (self->registry);
  G_OBJECT_CLASS (medley_catalog_parent_class)->finalize (object);
}

static void
medley_catalog_class_init (MedleyCatalogClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = medley_catalog_finalize;
  signals[SIGNAL_CHANGED] = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST,
                                          0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
medley_catalog_init (MedleyCatalog *self)
{
  self->engines = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, engine_free);
  self->registry = g_strdup ("");
}

MedleyCatalog *
medley_catalog_new (void)
{
  return g_object_new (MEDLEY_TYPE_CATALOG, NULL);
}

void
medley_catalog_set (MedleyCatalog *self, GVariant *engines, const char *registry)
{
  g_autoptr (GVariant) described = g_variant_ref_sink (engines);
  GVariantIter iter;
  GVariant *dict;

  if (self->described != NULL && g_str_equal (self->registry, registry)
      && g_variant_equal (self->described, described))
    return;
  g_hash_table_remove_all (self->engines);
  g_variant_iter_init (&iter, described);
  while ((dict = g_variant_iter_next_value (&iter)) != NULL) {
    MedleyEngine *engine = engine_new (dict);

    if (engine != NULL)
      g_hash_table_replace (self->engines, engine->name, engine);
    g_variant_unref (dict);
  }
  g_clear_pointer (&self->described, g_variant_unref);
  self->described = g_steal_pointer (&described);
  g_free (self->registry);
  self->registry = g_strdup (registry);
  g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
}

void
medley_catalog_set_broken (MedleyCatalog *self, GVariant *broken)
{
  g_variant_ref_sink (broken);
  g_clear_pointer (&self->broken, g_variant_unref);
  self->broken = broken;
}

GVariant *
medley_catalog_get_broken (MedleyCatalog *self)
{
  if (self->broken == NULL)
    self->broken = g_variant_ref_sink (g_variant_new ("a{ss}", NULL));
  return self->broken;
}

const char *
medley_catalog_get_registry (MedleyCatalog *self)
{
  return self->registry;
}

const MedleyEngine *
medley_catalog_get (MedleyCatalog *self, const char *name)
{
  return g_hash_table_lookup (self->engines, name);
}

gboolean
medley_engine_has_task (const MedleyEngine *engine, const char *task)
{
  gsize length = strlen (task);
  gboolean any_variant = strchr (task, '/') == NULL;

  for (guint i = 0; engine->tasks[i] != NULL; i++) {
    if (g_str_equal (engine->tasks[i], task)
        || (any_variant && g_str_has_prefix (engine->tasks[i], task)
            && engine->tasks[i][length] == '/'))
      return TRUE;
  }
  return FALSE;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(const MedleyEngine *const *) a)->name,
                 (*(const MedleyEngine *const *) b)->name);
}

static int
compare_costs (gconstpointer a, gconstpointer b)
{
  const MedleyEngine *first = *(const MedleyEngine *const *) a;
  const MedleyEngine *second = *(const MedleyEngine *const *) b;

  if (first->cost != second->cost)
    return first->cost < second->cost ? -1 : 1;
  return strcmp (first->name, second->name);
}

/* All engines when @task is %NULL. */
static GPtrArray *
collect (MedleyCatalog *self, const char *task, GCompareFunc order)
{
  GPtrArray *found = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer engine;

  g_hash_table_iter_init (&iter, self->engines);
  while (g_hash_table_iter_next (&iter, NULL, &engine)) {
    if (task == NULL || medley_engine_has_task (engine, task))
      g_ptr_array_add (found, engine);
  }
  g_ptr_array_sort (found, order);
  return found;
}

GPtrArray *
medley_catalog_find (MedleyCatalog *self, const char *task)
{
  return collect (self, task, compare_costs);
}

GPtrArray *
medley_catalog_list (MedleyCatalog *self)
{
  return collect (self, NULL, compare_names);
}
