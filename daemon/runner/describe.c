/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/describe.h"

#include <medley/medley-converter.h>
#include <medley/medley-engine.h>
#include <medley/medley-error.h>
#include <sys/stat.h>

#include "base/names.h"
#include "base/nearest.h"
#include "runner/properties.h"

static char **
split_list (const char *text)
{
  char **items = g_strsplit (text != NULL ? text : "", ",", -1);

  for (guint i = 0; items[i] != NULL; i++)
    g_strstrip (items[i]);
  if (items[0] != NULL && *items[0] == '\0')
    g_clear_pointer (&items[0], g_free);
  return items;
}

static void
add_pads (GVariantBuilder *list, GstElementFactory *factory, GstPadDirection direction,
          gboolean usual)
{
  const char *usual_name = direction == GST_PAD_SRC ? "src" : "sink";

  for (const GList *l = gst_element_factory_get_static_pad_templates (factory); l != NULL;
       l = l->next) {
    GstStaticPadTemplate *template = l->data;
    g_autoptr (GstCaps) caps = NULL;
    g_autofree char *text = NULL;

    if (template->direction != direction
        || g_str_equal (template->name_template, usual_name) != usual)
      continue;
    caps = gst_static_pad_template_get_caps (template);
    text = gst_caps_to_string (caps);
    g_variant_builder_add_value (list,
                                 g_variant_new_take_string (
                                     g_strdup_printf ("%s:%s", template->name_template, text)));
  }
}

/* The default pad comes first. */
static GVariant *
describe_pads (GstElementFactory *factory, GstPadDirection direction)
{
  GVariantBuilder list;

  g_variant_builder_init (&list, G_VARIANT_TYPE_STRING_ARRAY);
  add_pads (&list, factory, direction, TRUE);
  add_pads (&list, factory, direction, FALSE);
  return g_variant_builder_end (&list);
}

static const char *
or_empty (const char *text)
{
  return text != NULL ? text : "";
}

/* Changes when the plugin's file does, and with GStreamer, whose decoders come before an engine. */
static char *
find_build (GstPlugin *plugin)
{
  const char *file = plugin != NULL ? gst_plugin_get_filename (plugin) : NULL;
  g_autofree char *gstreamer = gst_version_string ();
  struct stat st = { 0 };

  if (file != NULL && stat (file, &st) != 0)
    file = NULL;
  return g_strdup_printf ("%s %" G_GINT64_FORMAT ".%09ld %" G_GINT64_FORMAT ", %s",
                          plugin != NULL ? or_empty (gst_plugin_get_version (plugin)) : "",
                          (gint64) st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (gint64) st.st_size,
                          gstreamer);
}

static GVariant *
describe_engine (GstElementFactory *factory)
{
  g_autoptr (GstPlugin) plugin = gst_plugin_feature_get_plugin (GST_PLUGIN_FEATURE (factory));
  g_autofree char *build = find_build (plugin);
  const char *cost = gst_element_factory_get_metadata (factory, MEDLEY_METADATA_COST);
  g_auto (GStrv) tasks
      = split_list (gst_element_factory_get_metadata (factory, MEDLEY_METADATA_TASKS));
  g_auto (GStrv) flags
      = split_list (gst_element_factory_get_metadata (factory, MEDLEY_METADATA_FLAGS));
  const struct {
    const char *key;
    const char *value;
  } texts[] = {
    { "name", GST_OBJECT_NAME (factory) },
    { "title", gst_element_factory_get_metadata (factory, GST_ELEMENT_METADATA_LONGNAME) },
    { "description", gst_element_factory_get_metadata (factory, GST_ELEMENT_METADATA_DESCRIPTION) },
    { "author", gst_element_factory_get_metadata (factory, GST_ELEMENT_METADATA_AUTHOR) },
    { "class", gst_element_factory_get_metadata (factory, MEDLEY_METADATA_CLASS) },
    { "plugin", plugin != NULL ? gst_plugin_get_name (plugin) : NULL },
    { "version", plugin != NULL ? gst_plugin_get_version (plugin) : NULL },
    { "license", plugin != NULL ? gst_plugin_get_license (plugin) : NULL },
  };
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    g_variant_dict_insert (&dict, texts[i].key, "s", or_empty (texts[i].value));
  g_variant_dict_insert (&dict, "build", "s", build);
  g_variant_dict_insert (&dict, "tasks", "^as", tasks);
  g_variant_dict_insert (&dict, "flags", "^as", flags);
  g_variant_dict_insert (&dict, "cost", "u",
                         (guint) g_ascii_strtoull (cost != NULL ? cost : "100", NULL, 10));
  g_variant_dict_insert_value (&dict, "inputs", describe_pads (factory, GST_PAD_SINK));
  g_variant_dict_insert_value (&dict, "outputs", describe_pads (factory, GST_PAD_SRC));
  return g_variant_dict_end (&dict);
}

static gboolean
is_engine (GstPluginFeature *feature, gpointer data)
{
  return GST_IS_ELEMENT_FACTORY (feature)
         && gst_element_factory_get_metadata (GST_ELEMENT_FACTORY (feature), MEDLEY_METADATA_TASKS)
                != NULL;
}

static gint
compare_plugins (gconstpointer a, gconstpointer b)
{
  return g_strcmp0 (gst_plugin_get_filename ((GstPlugin *) a),
                    gst_plugin_get_filename ((GstPlugin *) b));
}

static char *
registry_version (void)
{
  GList *plugins
      = g_list_sort (gst_registry_get_plugin_list (gst_registry_get ()), compare_plugins);
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);

  for (GList *l = plugins; l != NULL; l = l->next) {
    const char *file = gst_plugin_get_filename (l->data);
    struct stat st = { 0 };
    g_autofree char *line = NULL;

    if (file != NULL && stat (file, &st) != 0)
      continue;
    line = g_strdup_printf ("%s\n%s\n%s\n%" G_GINT64_FORMAT ".%ld\n%" G_GINT64_FORMAT "\n",
                            gst_plugin_get_name (l->data), or_empty (file),
                            gst_plugin_get_version (l->data), (gint64) st.st_mtim.tv_sec,
                            st.st_mtim.tv_nsec, (gint64) st.st_size);
    g_checksum_update (sum, (const guchar *) line, -1);
  }
  gst_plugin_list_free (plugins);
  return g_strdup (g_checksum_get_string (sum));
}

GVariant *
medley_describe_engines (char **registry)
{
  GList *features = gst_registry_feature_filter (gst_registry_get (), is_engine, FALSE, NULL);
  GVariantBuilder list;

  g_variant_builder_init (&list, G_VARIANT_TYPE ("aa{sv}"));
  for (GList *l = features; l != NULL; l = l->next)
    g_variant_builder_add_value (&list, describe_engine (l->data));
  gst_plugin_feature_list_free (features);
  *registry = registry_version ();
  return g_variant_builder_end (&list);
}

static void
add_broken (GVariantBuilder *list, const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *unseen = g_getenv (MEDLEY_UNSEEN_VARIABLE);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *file = g_build_filename (folder, name, NULL);
    g_autoptr (GstPlugin) known = NULL;
    g_autoptr (GstPlugin) loaded = NULL;
    g_autoptr (GError) error = NULL;

    if (!g_str_has_suffix (name, "." G_MODULE_SUFFIX)
        || !g_file_test (file, G_FILE_TEST_IS_REGULAR))
      continue;
    known = gst_registry_lookup (gst_registry_get (), file);
    /* It, or another that is new, ended the process that looked at it. */
    if (known == NULL && unseen != NULL) {
      g_variant_builder_add (list, "{ss}", file, unseen);
      continue;
    }
    /* The registry keeps no reasons: trying again gives it. */
    if (known == NULL || GST_OBJECT_FLAG_IS_SET (known, GST_PLUGIN_FLAG_BLACKLISTED))
      loaded = gst_plugin_load_file (file, &error);
    if (error != NULL)
      g_variant_builder_add (list, "{ss}", file, error->message);
  }
}

GVariant *
medley_describe_broken (void)
{
  g_auto (GStrv) folders
      = g_strsplit (or_empty (g_getenv ("GST_PLUGIN_PATH")), G_SEARCHPATH_SEPARATOR_S, -1);
  GVariantBuilder list;

  g_variant_builder_init (&list, G_VARIANT_TYPE ("a{ss}"));
  for (guint i = 0; folders[i] != NULL; i++) {
    if (*folders[i] != '\0')
      add_broken (&list, folders[i]);
  }
  return g_variant_builder_end (&list);
}

static GVariant *
value_to_variant (const GValue *value)
{
  GValue to = G_VALUE_INIT;
  GVariant *variant = NULL;

  if (G_VALUE_HOLDS_BOOLEAN (value))
    return g_variant_new_boolean (g_value_get_boolean (value));
  if (G_VALUE_HOLDS_STRING (value))
    return g_variant_new_string (or_empty (g_value_get_string (value)));
  if (G_VALUE_HOLDS_FLOAT (value) || G_VALUE_HOLDS_DOUBLE (value)) {
    g_value_init (&to, G_TYPE_DOUBLE);
    if (g_value_transform (value, &to))
      variant = g_variant_new_double (g_value_get_double (&to));
  } else if (G_VALUE_HOLDS_UINT64 (value) && g_value_get_uint64 (value) > G_MAXINT64) {
    return g_variant_new_uint64 (g_value_get_uint64 (value));
  } else if (G_VALUE_HOLDS_ENUM (value) || G_VALUE_HOLDS_FLAGS (value)
             || G_TYPE_IS_BOXED (G_VALUE_TYPE (value)) || GST_VALUE_HOLDS_FRACTION (value)) {
    char *text = gst_value_serialize (value);

    return g_variant_new_take_string (text != NULL ? text : g_strdup (""));
  } else {
    g_value_init (&to, G_TYPE_INT64);
    if (g_value_transform (value, &to))
      variant = g_variant_new_int64 (g_value_get_int64 (&to));
  }
  if (G_IS_VALUE (&to))
    g_value_unset (&to);
  return variant != NULL ? variant : g_variant_new_string ("");
}

static void
add_bounds (GVariantDict *dict, GParamSpec *pspec)
{
#define BOUNDS(TYPE, Spec, wide, letter)                                                           \
  if (G_IS_PARAM_SPEC_##TYPE (pspec)) {                                                            \
    g_variant_dict_insert (dict, "minimum", letter, (wide) ((Spec *) pspec)->minimum);             \
    g_variant_dict_insert (dict, "maximum", letter, (wide) ((Spec *) pspec)->maximum);             \
  }
  BOUNDS (INT, GParamSpecInt, gint64, "x")
  BOUNDS (UINT, GParamSpecUInt, gint64, "x")
  BOUNDS (INT64, GParamSpecInt64, gint64, "x")
  BOUNDS (UINT64, GParamSpecUInt64, guint64, "t")
  BOUNDS (FLOAT, GParamSpecFloat, double, "d")
  BOUNDS (DOUBLE, GParamSpecDouble, double, "d")
#undef BOUNDS
}

static const char *
json_type (GParamSpec *pspec)
{
  switch (G_TYPE_FUNDAMENTAL (pspec->value_type)) {
  case G_TYPE_BOOLEAN:
    return "boolean";
  case G_TYPE_FLOAT:
  case G_TYPE_DOUBLE:
    return "number";
  case G_TYPE_INT:
  case G_TYPE_UINT:
  case G_TYPE_INT64:
  case G_TYPE_UINT64:
  case G_TYPE_LONG:
  case G_TYPE_ULONG:
  case G_TYPE_CHAR:
  case G_TYPE_UCHAR:
    return "integer";
  default:
    return "string";
  }
}

static GVariant *
describe_properties (GstElement *element)
{
  g_autofree GParamSpec **pspecs = NULL;
  GVariantBuilder list;
  guint n = 0;

  g_variant_builder_init (&list, G_VARIANT_TYPE ("aa{sv}"));
  pspecs = g_object_class_list_properties (G_OBJECT_GET_CLASS (element), &n);
  for (guint i = 0; i < n; i++) {
    g_auto (GStrv) words = NULL;
    GVariantDict dict;
    GValue value = G_VALUE_INIT;

    if (!medley_property_is_settable (pspecs[i]))
      continue;
    words = medley_property_get_words (pspecs[i]);
    g_variant_dict_init (&dict, NULL);
    g_variant_dict_insert (&dict, "name", "s", pspecs[i]->name);
    g_variant_dict_insert (&dict, "type", "s", json_type (pspecs[i]));
    g_variant_dict_insert (&dict, "description", "s",
                           or_empty (g_param_spec_get_blurb (pspecs[i])));
    if (words != NULL)
      g_variant_dict_insert (&dict, "values", "^as", words);
    if (pspecs[i]->flags & G_PARAM_READABLE) {
      g_value_init (&value, pspecs[i]->value_type);
      g_object_get_property (G_OBJECT (element), pspecs[i]->name, &value);
      g_variant_dict_insert_value (&dict, "default", value_to_variant (&value));
      g_value_unset (&value);
    }
    add_bounds (&dict, pspecs[i]);
    g_variant_builder_add_value (&list, g_variant_dict_end (&dict));
  }
  return g_variant_builder_end (&list);
}

static GVariant *
list_voices (GstElement *element)
{
  g_autoptr (GstQuery) query = medley_query_new_voices ();
  const GValue *voices;
  GVariantBuilder list;

  if (!MEDLEY_IS_CONVERTER (element) || MEDLEY_CONVERTER_GET_CLASS (element)->list_voices == NULL
      || gst_element_set_state (element, GST_STATE_READY) == GST_STATE_CHANGE_FAILURE
      || !gst_element_query (element, query))
    return NULL;
  voices = medley_query_get_voices (query);
  g_variant_builder_init (&list, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < gst_value_list_get_size (voices); i++) {
    const GstStructure *voice = gst_value_get_structure (gst_value_list_get_value (voices, i));

    g_variant_builder_add_parsed (
        &list, "{'name': <%s>, 'language': <%s>, 'gender': <%s>, 'description': <%s>}",
        or_empty (gst_structure_get_string (voice, "name")),
        or_empty (gst_structure_get_string (voice, "language")),
        or_empty (gst_structure_get_string (voice, "gender")),
        or_empty (gst_structure_get_string (voice, "description")));
  }
  return g_variant_builder_end (&list);
}

GVariant *
medley_describe_factory (MedleyEngineCache *cache, const char *factory, GError **error)
{
  GstElement *element = medley_engine_cache_take (cache, factory);
  GVariantDict dict;
  GVariant *voices;

  if (element == NULL) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNKNOWN_ENGINE,
                 "there is no engine or element \"%s\"", factory);
    return NULL;
  }
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert_value (&dict, "properties", describe_properties (element));
  voices = list_voices (element);
  if (voices != NULL)
    g_variant_dict_insert_value (&dict, "voices", voices);
  medley_engine_cache_give (cache, element);
  return g_variant_dict_end (&dict);
}
