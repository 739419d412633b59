/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/catalog-objects.h"

#include "base/error.h"
#include "base/names.h"
#include "dbus/path.h"
#include "dbus/values.h"
#include "medley-bus.h"

struct _MedleyDBusCatalog {
  MedleyJobManager *jobs;
  GDBusObjectManagerServer *server;
  GHashTable *interfaces; /* path → GDBusInterfaceSkeleton */
};

/* What pipelines and engines differ in. */
typedef struct {
  const char *prefix;
  const MedleyDBusProperty *properties;
  GDBusInterfaceSkeleton *(*make) (MedleyJobManager *jobs);
  GPtrArray *(*describe) (MedleyJobManager *jobs); /* GVariant a{sv} with "name" */
} Kind;

/* ---- pipelines ---- */

static const MedleyDBusProperty pipeline_properties[] = {
  { "name", "name", "''" },
  { "title", "title", "''" },
  { "description", "description", "''" },
  { "inputs", "inputs", "@a{sa{sv}} {}" },
  { "parameters", "parameters", "@a{sa{sv}} {}" },
  { "outputs", "outputs", "@a{sa{sv}} {}" },
  { "stages", "stages", "@as []" },
  { "serves", "serves", "@a{sa{sv}} {}" },
  { "valid", "valid", "false" },
  { "faults", "faults", "@aa{sv} []" },
  { "file", "file", "''" },
  { NULL },
};

static GDBusInterfaceSkeleton *
make_pipeline (MedleyJobManager *jobs)
{
  return G_DBUS_INTERFACE_SKELETON (medley_bus_pipeline1_skeleton_new ());
}

static void
nest (GVariantDict *dict, const char *key, const char *const *order)
{
  g_autoptr (GVariant) value = g_variant_dict_lookup_value (dict, key, G_VARIANT_TYPE_VARDICT);

  g_variant_dict_insert_value (dict, key, medley_dbus_nest (value, order));
}

static GPtrArray *
describe_pipelines (MedleyJobManager *jobs)
{
  g_autoptr (GPtrArray) pipelines = medley_library_list (medley_job_manager_get_library (jobs));
  GPtrArray *all = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);

  for (guint i = 0; i < pipelines->len; i++) {
    MedleyPipeline *pipeline = pipelines->pdata[i];
    g_autoptr (GVariant) description = g_variant_ref_sink (medley_pipeline_describe (pipeline));
    g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (description);

    nest (&dict, "inputs", medley_pipeline_get_inputs (pipeline));
    nest (&dict, "parameters", NULL);
    nest (&dict, "serves", NULL);
    nest (&dict, "outputs", medley_pipeline_get_outputs (pipeline));
    g_ptr_array_add (all, g_variant_ref_sink (g_variant_dict_end (&dict)));
  }
  return all;
}

/* ---- engines ---- */

static const MedleyDBusProperty engine_properties[] = {
  { "name", "name", "''" },
  { "title", "title", "''" },
  { "description", "description", "''" },
  { "tasks", "tasks", "@as []" },
  { "cost", "cost", "uint32 0" },
  { "flags", "flags", "@as []" },
  { "concurrency-class", "class", "''" },
  { "plugin", "plugin", "''" },
  { "version", "version", "''" },
  { "license", "license", "''" },
  { "inputs", "inputs", "@as []" },
  { "outputs", "outputs", "@as []" },
  { "suspended", "suspended", "false" },
  { "suspension", "suspension", "''" },
  { NULL },
};

/* Methods of an engine, and what of a worker's answer they return. */
static const struct {
  const char *signal;
  const char *method;
  const char *key;
} inspections[] = {
  { "handle-get-properties", "GetProperties", "properties" },
  { "handle-list-voices", "ListVoices", "voices" },
};

static void
engine_inspected (GObject *source, GAsyncResult *result, gpointer data)
{
  GDBusMethodInvocation *invocation = data;
  const char *method = g_dbus_method_invocation_get_method_name (invocation);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) details
      = medley_job_manager_inspect_finish (MEDLEY_JOB_MANAGER (source), result, &error);
  g_autoptr (GVariant) list = NULL, cleaned = NULL;

  if (details == NULL) {
    medley_dbus_return_error (invocation, error);
    return;
  }
  for (guint i = 0; i < G_N_ELEMENTS (inspections); i++) {
    if (g_str_equal (inspections[i].method, method))
      list = g_variant_lookup_value (details, inspections[i].key, G_VARIANT_TYPE ("aa{sv}"));
  }
  cleaned = list != NULL ? medley_dbus_clean (list)
                         : g_variant_ref_sink (g_variant_new ("aa{sv}", NULL));
  g_dbus_method_invocation_return_value (invocation, g_variant_new ("(@aa{sv})", cleaned));
}

static gboolean
handle_inspect (MedleyBusEngine1 *engine, GDBusMethodInvocation *invocation, MedleyJobManager *jobs)
{
  medley_job_manager_inspect_async (jobs, medley_bus_engine1_get_name (engine), engine_inspected,
                                    invocation);
  return TRUE;
}

static GDBusInterfaceSkeleton *
make_engine (MedleyJobManager *jobs)
{
  MedleyBusEngine1 *engine = medley_bus_engine1_skeleton_new ();

  for (guint i = 0; i < G_N_ELEMENTS (inspections); i++)
    g_signal_connect_object (engine, inspections[i].signal, G_CALLBACK (handle_inspect), jobs, 0);
  return G_DBUS_INTERFACE_SKELETON (engine);
}

static GPtrArray *
describe_engines (MedleyJobManager *jobs)
{
  g_autoptr (GPtrArray) engines = medley_catalog_list (medley_job_manager_get_catalog (jobs));
  GPtrArray *all = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);

  for (guint i = 0; i < engines->len; i++) {
    const MedleyEngine *engine = engines->pdata[i];
    g_autoptr (GVariant) described
        = g_variant_ref_sink (medley_job_manager_describe_engine (jobs, engine));
    g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (described);

    /* Where the worker said nothing the catalogue has a value all the same. */
    g_variant_dict_insert (&dict, "title", "s", engine->title);
    g_variant_dict_insert (&dict, "cost", "u", engine->cost);
    g_variant_dict_insert (&dict, "class", "s", engine->concurrency_class);
    g_ptr_array_add (all, g_variant_ref_sink (g_variant_dict_end (&dict)));
  }
  return all;
}

/* ---- both ---- */

static const Kind pipelines_kind
    = { MEDLEY_PIPELINE_PATH_PREFIX, pipeline_properties, make_pipeline, describe_pipelines };
static const Kind engines_kind
    = { MEDLEY_ENGINE_PATH_PREFIX, engine_properties, make_engine, describe_engines };

static void
export_object (MedleyDBusCatalog *self, const char *path, GDBusInterfaceSkeleton *interface)
{
  g_autoptr (MedleyBusObjectSkeleton) object = medley_bus_object_skeleton_new (path);

  g_dbus_object_skeleton_add_interface (G_DBUS_OBJECT_SKELETON (object), interface);
  g_dbus_object_manager_server_export (self->server, G_DBUS_OBJECT_SKELETON (object));
}

static void
remove_others (MedleyDBusCatalog *self, const char *prefix, GHashTable *present)
{
  GHashTableIter iter;
  const char *path;

  g_hash_table_iter_init (&iter, self->interfaces);
  while (g_hash_table_iter_next (&iter, (gpointer *) &path, NULL)) {
    if (!g_str_has_prefix (path, prefix) || g_hash_table_contains (present, path))
      continue;
    g_dbus_object_manager_server_unexport (self->server, path);
    g_hash_table_iter_remove (&iter);
  }
}

static void
sync_objects (MedleyDBusCatalog *self, const Kind *kind)
{
  g_autoptr (GPtrArray) all = kind->describe (self->jobs);
  g_autoptr (GHashTable) present = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < all->len; i++) {
    const char *name = "";
    char *path;
    GDBusInterfaceSkeleton *interface;
    gboolean is_new;

    g_variant_lookup (all->pdata[i], "name", "&s", &name);
    path = medley_dbus_path (kind->prefix, name);
    g_hash_table_add (present, path);
    interface = g_hash_table_lookup (self->interfaces, path);
    is_new = interface == NULL;
    if (is_new) {
      interface = kind->make (self->jobs);
      g_hash_table_insert (self->interfaces, g_strdup (path), interface);
    }
    medley_dbus_publish (interface, all->pdata[i], kind->properties);
    if (is_new)
      export_object (self, path, interface);
  }
  remove_others (self, kind->prefix, present);
}

static void
library_changed (MedleyLibrary *library, MedleyDBusCatalog *self)
{
  sync_objects (self, &pipelines_kind);
}

static void
catalog_changed (MedleyCatalog *catalog, MedleyDBusCatalog *self)
{
  sync_objects (self, &engines_kind);
}

static void
suspensions_changed (MedleyJobManager *jobs, MedleyDBusCatalog *self)
{
  sync_objects (self, &engines_kind);
}

MedleyDBusCatalog *
medley_dbus_catalog_new (MedleyJobManager *jobs, GDBusObjectManagerServer *server)
{
  MedleyDBusCatalog *self = g_new0 (MedleyDBusCatalog, 1);

  self->jobs = g_object_ref (jobs);
  self->server = g_object_ref (server);
  self->interfaces = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
  g_signal_connect (medley_job_manager_get_library (jobs), "changed", G_CALLBACK (library_changed),
                    self);
  g_signal_connect (medley_job_manager_get_catalog (jobs), "changed", G_CALLBACK (catalog_changed),
                    self);
  g_signal_connect (jobs, "suspensions-changed", G_CALLBACK (suspensions_changed), self);
  sync_objects (self, &pipelines_kind);
  sync_objects (self, &engines_kind);
  return self;
}

void
medley_dbus_catalog_free (MedleyDBusCatalog *self)
{
  GHashTableIter iter;
  const char *path;

  g_signal_handlers_disconnect_by_data (medley_job_manager_get_library (self->jobs), self);
  g_signal_handlers_disconnect_by_data (medley_job_manager_get_catalog (self->jobs), self);
  g_signal_handlers_disconnect_by_data (self->jobs, self);
  g_hash_table_iter_init (&iter, self->interfaces);
  while (g_hash_table_iter_next (&iter, (gpointer *) &path, NULL))
    g_dbus_object_manager_server_unexport (self->server, path);
  g_hash_table_unref (self->interfaces);
  g_object_unref (self->server);
  g_object_unref (self->jobs);
  g_free (self);
}
