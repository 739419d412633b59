/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/json.h"
#include "base/media.h"
#include "pipeline/library.h"
#include "pipeline/plan.h"
#include "pipeline/serves.h"

static const char engines[]
    = "[{'name': <'espeak'>, 'tasks': <['text-to-audio/speech']>,"
      "  'outputs': <['src:audio/x-raw', 'captions:text/x-raw']>},"
      " {'name': <'tesseract'>, 'tasks': <['image-to-text/ocr']>,"
      "  'outputs': <['src:text/x-raw', 'layout:application/json']>},"
      " {'name': <'storyboard'>, 'tasks': <['text-to-video']>, 'outputs': <['src:video/x-raw']>},"
      " {'name': <'speakable'>, 'tasks': <['text-to-text/speakable']>, 'outputs': "
      "<['src:text/x-raw']>}]";

/* The folder of shipped pipelines: an argument, so that the test is not tied to where it runs. */
static const char *folder;

static MedleyLibrary *
open_library (void)
{
  const char *const folders[] = { folder, NULL };
  g_autoptr (MedleyCatalog) catalog = medley_catalog_new ();

  medley_catalog_set (catalog,
                      g_variant_parse (G_VARIANT_TYPE ("aa{sv}"), engines, NULL, NULL, NULL), "1");
  return medley_library_new (folders, catalog, NULL);
}

static void
test_no_faults (void)
{
  static const char *const names[]
      = { "captioned-video", "narrated-video", "read-page", "scan-to-speech", "speak" };
  g_autoptr (MedleyLibrary) library = open_library ();

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    MedleyPipeline *pipeline = medley_library_lookup (library, names[i]);
    g_autofree char *faults = NULL;
    g_autoptr (GVariant) plan = NULL;
    g_autoptr (GError) error = NULL;

    g_assert_nonnull (pipeline);
    faults = medley_faults_format (medley_pipeline_get_faults (pipeline));
    g_assert_cmpstr (faults, ==, "");
    plan = medley_plan_make (pipeline, medley_library_context (library), NULL, NULL, NULL, &error);
    g_assert_no_error (error);
    g_assert_nonnull (plan);
  }
}

/* All of a folder, so that a new one cannot be forgotten in the list above. */
static void
test_all_are_listed (void)
{
  g_autoptr (MedleyLibrary) library = open_library ();
  g_autoptr (GPtrArray) names = medley_library_names (library);

  g_assert_cmpuint (names->len, ==, 5);
}

static void
assert_stages (MedleyLibrary *library, const char *name, const char *output, const char *expected)
{
  MedleyPipeline *pipeline = medley_library_lookup (library, name);
  g_autoptr (GVariant) outputs = g_variant_ref_sink (g_variant_new_parsed ("{%s: ''}", output));
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) plan
      = medley_plan_make (pipeline, medley_library_context (library), NULL, outputs, NULL, &error);
  g_autoptr (GVariant) stages = NULL;
  g_autoptr (GString) found = g_string_new (NULL);

  g_assert_no_error (error);
  stages = g_variant_lookup_value (plan, "stages", NULL);
  for (gsize i = 0; i < g_variant_n_children (stages); i++) {
    g_autoptr (GVariant) stage = g_variant_get_child_value (stages, i);
    const char *stage_name;

    g_assert_true (g_variant_lookup (stage, "name", "&s", &stage_name));
    g_string_append_printf (found, "%s ", stage_name);
  }
  g_assert_cmpstr (found->str, ==, expected);
}

static void
test_only_what_is_wanted_runs (void)
{
  g_autoptr (MedleyLibrary) library = open_library ();

  assert_stages (library, "scan-to-speech", "text", "ocr ");
  assert_stages (library, "scan-to-speech", "spoken", "ocr speakable ");
  assert_stages (library, "scan-to-speech", "speech", "ocr speakable speech ");
  assert_stages (library, "narrated-video", "captions", "speech ");
  assert_stages (library, "narrated-video", "video", "speech video ");
}

static void
assert_enum (GVariant *schema, const char *definition, gboolean for_output)
{
  g_autoptr (GVariant) definitions = g_variant_lookup_value (schema, "$defs", NULL);
  g_autoptr (GVariant) object = g_variant_lookup_value (definitions, definition, NULL);
  g_autoptr (GVariant) members = g_variant_lookup_value (object, "properties", NULL);
  g_autoptr (GVariant) type = g_variant_lookup_value (members, "type", NULL);
  g_autoptr (GVariant) list = g_variant_lookup_value (type, "enum", NULL);
  g_autoptr (GString) wanted = g_string_new (NULL);
  g_autoptr (GString) found = g_string_new (NULL);
  guint n_types;
  const MedleyMediaType *types = medley_media_list (&n_types);

  for (guint i = 0; i < n_types; i++) {
    if (types[i].writable || !for_output)
      g_string_append_printf (wanted, "%s ", types[i].name);
  }
  for (gsize i = 0; i < g_variant_n_children (list); i++) {
    g_autoptr (GVariant) boxed = g_variant_get_child_value (list, i);
    g_autoptr (GVariant) name = g_variant_get_variant (boxed);

    if (!medley_media_is_wildcard (g_variant_get_string (name, NULL)))
      g_string_append_printf (found, "%s ", g_variant_get_string (name, NULL));
  }
  g_assert_cmpstr (found->str, ==, wanted->str);
}

static void
test_schema_knows_the_media_types (void)
{
  g_autofree char *path = g_build_filename (folder, "schema", "pipeline-1.json", NULL);
  g_autofree char *text = NULL;
  g_autoptr (GVariant) schema = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;

  g_file_get_contents (path, &text, &length, &error);
  g_assert_no_error (error);
  schema = medley_json_parse (text, length, NULL, NULL, &error);
  g_assert_no_error (error);
  assert_enum (schema, "input", FALSE);
  assert_enum (schema, "output", TRUE);
}

/* The names that one member of a route may have, by the schema, against the table's. */
static void
assert_members (GVariant *routes, const char *route, const char *member, GVariant *expected)
{
  g_autoptr (GVariant) definition = g_variant_lookup_value (routes, route, NULL);
  g_autoptr (GVariant) choices = NULL;
  g_autoptr (GVariant) boxed = NULL;
  g_autoptr (GVariant) object = NULL;
  g_autoptr (GVariant) properties = NULL;
  g_autoptr (GVariant) map = NULL;
  g_autoptr (GVariant) names = NULL;
  g_autofree const char **wanted = g_variant_get_strv (expected, NULL);
  GVariantIter iter;
  const char *name;
  guint n = 0;

  g_test_message ("%s, %s", route, member);
  g_assert_nonnull (definition);
  choices = g_variant_lookup_value (definition, "oneOf", NULL);
  boxed = g_variant_get_child_value (choices, 1);
  object = g_variant_get_variant (boxed);
  properties = g_variant_lookup_value (object, "properties", NULL);
  map = g_variant_lookup_value (properties, member, NULL);
  names = g_variant_lookup_value (map, "properties", NULL);
  g_variant_iter_init (&iter, names);
  while (g_variant_iter_next (&iter, "{&sv}", &name, NULL))
    g_assert_cmpstr (name, ==, wanted[n++]);
  g_assert_null (wanted[n]);
}

static void
test_schema_knows_the_routes (void)
{
  g_autofree char *path = g_build_filename (folder, "schema", "pipeline-1.json", NULL);
  g_autofree char *text = NULL;
  g_autoptr (GVariant) schema = NULL;
  g_autoptr (GVariant) properties = NULL;
  g_autoptr (GVariant) serves = NULL;
  g_autoptr (GVariant) routes = NULL;
  g_autoptr (GVariant) table = g_variant_ref_sink (medley_serves_table ());
  g_autoptr (GError) error = NULL;
  GVariantIter iter;
  const char *route;
  GVariant *value;
  gsize length;

  g_file_get_contents (path, &text, &length, &error);
  g_assert_no_error (error);
  schema = medley_json_parse (text, length, NULL, NULL, &error);
  g_assert_no_error (error);
  properties = g_variant_lookup_value (schema, "properties", NULL);
  serves = g_variant_lookup_value (properties, "serves", NULL);
  routes = g_variant_lookup_value (serves, "properties", NULL);
  g_assert_cmpuint (g_variant_n_children (routes), ==, g_variant_n_children (table));
  g_variant_iter_init (&iter, table);
  while (g_variant_iter_loop (&iter, "{&sv}", &route, &value)) {
    g_autoptr (GVariant) inputs = g_variant_lookup_value (value, "inputs", NULL);
    g_autoptr (GVariant) parameters = g_variant_lookup_value (value, "parameters", NULL);
    g_autoptr (GVariant) outputs = g_variant_lookup_value (value, "outputs", NULL);

    assert_members (routes, route, "inputs", inputs);
    assert_members (routes, route, "parameters", parameters);
    assert_members (routes, route, "outputs", outputs);
    assert_members (routes, route, "values", parameters);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 2);
  folder = argv[1];
  g_test_add_func ("/shipped/have-no-faults", test_no_faults);
  g_test_add_func ("/shipped/all-are-listed", test_all_are_listed);
  g_test_add_func ("/shipped/only-what-is-wanted-runs", test_only_what_is_wanted_runs);
  g_test_add_func ("/shipped/schema-knows-the-media-types", test_schema_knows_the_media_types);
  g_test_add_func ("/shipped/schema-knows-the-routes", test_schema_knows_the_routes);
  return g_test_run ();
}
