/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whatever a parameter of a shipped pipeline accepts, the engine's property must take, and what a
 * pipeline sets by default is what the engine does by itself. Arguments: the folder of pipelines,
 * then the modules of the engines. */

#include <gst/gst.h>
#include <string.h>

#include "base/json.h"

static const char *folder;

static GVariant *
member (GVariant *object, const char *name)
{
  return g_variant_lookup_value (object, name, NULL);
}

static GVariant *
read_pipeline (const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  GVariant *pipeline;
  gsize length;

  g_file_get_contents (path, &text, &length, &error);
  g_assert_no_error (error);
  pipeline = medley_json_parse (text, length, NULL, NULL, &error);
  g_assert_no_error (error);
  return pipeline;
}

/* As text, which is how a property of any type can be written. */
static char *
as_text (GVariant *value)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return g_variant_dup_string (value, NULL);
  return medley_json_print (value, FALSE);
}

/* Whether the property has that value, unchanged by its own range. */
static void
assert_takes (GParamSpec *pspec, GVariant *value, const char *what, gboolean is_default)
{
  g_autofree char *text = as_text (value);
  GValue wanted = G_VALUE_INIT;

  g_test_message ("%s: %s = %s", what, pspec->name, text);
  g_value_init (&wanted, pspec->value_type);
  g_assert_true (gst_value_deserialize_with_pspec (&wanted, text, pspec)
                 || (pspec->value_type == G_TYPE_STRING && *text == '\0'));
  g_assert_false (g_param_value_validate (pspec, &wanted));
  if (is_default && pspec->value_type == G_TYPE_STRING) {
    const char *own = g_value_get_string (g_param_spec_get_default_value (pspec));

    g_assert_cmpstr (text, ==, own != NULL ? own : "");
  } else if (is_default) {
    g_assert_true (g_param_value_defaults (pspec, &wanted));
  }
  g_value_unset (&wanted);
}

static void
check_parameter (GVariant *parameter, GParamSpec *pspec, const char *what)
{
  static const char *const bounds[] = { "minimum", "maximum" };
  g_autoptr (GVariant) description = member (parameter, "description");
  g_autoptr (GVariant) value = member (parameter, "default");
  g_autoptr (GVariant) choices = member (parameter, "enum");

  g_assert_nonnull (description);
  g_assert_nonnull (value);
  /* The title of nothing is none; the language is a pipeline's own choice. */
  assert_takes (pspec, value, what, !g_str_equal (pspec->name, "language"));
  for (guint i = 0; i < G_N_ELEMENTS (bounds); i++) {
    g_autoptr (GVariant) bound = member (parameter, bounds[i]);

    g_assert_true ((bound != NULL)
                   == (pspec->value_type == G_TYPE_INT || pspec->value_type == G_TYPE_UINT
                       || pspec->value_type == G_TYPE_DOUBLE));
    if (bound != NULL)
      assert_takes (pspec, bound, what, FALSE);
  }
  for (gsize i = 0; choices != NULL && i < g_variant_n_children (choices); i++) {
    g_autoptr (GVariant) boxed = g_variant_get_child_value (choices, i);
    g_autoptr (GVariant) choice = g_variant_get_variant (boxed);

    assert_takes (pspec, choice, what, FALSE);
  }
  if (G_IS_PARAM_SPEC_ENUM (pspec))
    g_assert_cmpuint (g_variant_n_children (choices), ==,
                      G_PARAM_SPEC_ENUM (pspec)->enum_class->n_values);
}

static guint
check_stage (GVariant *pipeline, GVariant *stage, const char *name)
{
  g_autoptr (GVariant) parameters = member (pipeline, "parameters");
  g_autoptr (GVariant) engine = member (stage, "engine");
  g_autoptr (GVariant) set = member (stage, "set");
  g_autoptr (GstElement) element = NULL;
  GVariantIter iter;
  const char *property;
  GVariant *value;
  guint n = 0;

  if (engine == NULL || set == NULL)
    return 0;
  element = gst_element_factory_make (g_variant_get_string (engine, NULL), NULL);
  g_assert_nonnull (element);
  gst_object_ref_sink (element);
  g_variant_iter_init (&iter, set);
  while (g_variant_iter_loop (&iter, "{&sv}", &property, &value)) {
    GParamSpec *pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (element), property);
    g_autofree char *parameter_name = g_strdup (g_variant_get_string (value, NULL) + strlen ("${"));
    g_autoptr (GVariant) parameter = NULL;

    g_assert_nonnull (pspec);
    g_assert_true (pspec->flags & G_PARAM_WRITABLE);
    parameter_name[strcspn (parameter_name, "}")] = '\0';
    parameter = member (parameters, parameter_name);
    g_assert_nonnull (parameter);
    check_parameter (parameter, pspec, name);
    n++;
  }
  return n;
}

static void
test_pipeline (gconstpointer data)
{
  const char *name = data;
  g_autoptr (GVariant) pipeline = read_pipeline (name);
  g_autoptr (GVariant) stages = member (pipeline, "stages");
  GVariantIter iter;
  GVariant *stage;
  guint n = 0;

  g_variant_iter_init (&iter, stages);
  while (g_variant_iter_loop (&iter, "{&sv}", NULL, &stage))
    n += check_stage (pipeline, stage, name);
  g_assert_cmpuint (n, >, 1);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) dir = NULL;
  const char *name;

  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, >, 2);
  folder = argv[1];
  for (int i = 2; i < argc; i++) {
    g_autoptr (GstPlugin) plugin = gst_plugin_load_file (argv[i], &error);

    g_assert_no_error (error);
  }
  dir = g_dir_open (folder, 0, &error);
  g_assert_no_error (error);
  while ((name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_strconcat ("/shipped-parameters/", name, NULL);

    if (g_str_has_suffix (name, ".json"))
      g_test_add_data_func_full (path, g_strdup (name), test_pipeline, g_free);
  }
  return g_test_run ();
}
