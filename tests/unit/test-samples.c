/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* docs/pipelines.md, held against the reader itself: its samples, what it says of faults, and its
 * table of media types. */

#include <string.h>

#include "base/media.h"
#include "pipeline/library.h"
#include "pipeline/plan.h"
#include "pipeline/serves.h"

static const char engines[]
    = "[{'name': <'espeak'>, 'tasks': <['text-to-audio/speech']>,"
      "  'outputs': <['src:audio/x-raw', 'captions:text/x-raw']>},"
      " {'name': <'tesseract'>, 'tasks': <['image-to-text/ocr']>,"
      "  'outputs': <['src:text/x-raw', 'layout:application/json']>},"
      " {'name': <'speakable'>, 'tasks': <['text-to-text/speakable']>,"
      "  'outputs': <['src:text/x-raw']>},"
      " {'name': <'storyboard'>, 'tasks': <['text-to-video']>, 'outputs': <['src:video/x-raw']>}]";

static char *page;
static MedleyLibrary *library;

/* The text between a line that is @fence and the next "```". */
static char *
find_block (const char *fence)
{
  g_autofree char *line = g_strdup_printf ("\n%s\n", fence);
  const char *start = strstr (page, line);
  const char *end = start != NULL ? strstr (start + strlen (line), "\n```\n") : NULL;

  g_assert_nonnull (end);
  start += strlen (line);
  return g_strndup (start, (gsize) (end + 1 - start));
}

static MedleyPipeline *
parse (const char *fence, const char *file)
{
  g_autofree char *text = find_block (fence);

  return medley_pipeline_parse (text, strlen (text), file, medley_library_context (library));
}

/* The worked example warns of the engine that is preferred and not there, as the page says. */
static void
test_example (void)
{
  g_autoptr (MedleyPipeline) pipeline = parse ("```json", "radio-page.json");
  GPtrArray *faults = medley_pipeline_get_faults (pipeline);
  g_autofree char *shown = medley_faults_format (faults);
  g_autoptr (GVariant) plan = NULL;
  g_autoptr (GError) error = NULL;

  g_test_message ("%s", shown);
  g_assert_true (medley_pipeline_is_valid (pipeline));
  g_assert_cmpuint (faults->len, ==, 1);
  g_assert_nonnull (strstr (shown, "warning: the engine \"kokoro\" is not installed"));
  plan = medley_plan_make (pipeline, medley_library_context (library), NULL, NULL, NULL, &error);
  g_assert_no_error (error);
}

/* "For text alone that is read-page". */
static void
test_example_runs_what_is_needed (void)
{
  g_autoptr (MedleyPipeline) pipeline = parse ("```json", "radio-page.json");
  g_autoptr (GVariant) outputs = g_variant_ref_sink (g_variant_new_parsed ("{'text': ''}"));
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) plan
      = medley_plan_make (pipeline, medley_library_context (library), NULL, outputs, NULL, &error);
  g_autoptr (GVariant) stages = NULL;
  g_autoptr (GVariant) stage = NULL;
  const char *name;

  g_assert_no_error (error);
  stages = g_variant_lookup_value (plan, "stages", NULL);
  g_assert_cmpuint (g_variant_n_children (stages), ==, 1);
  stage = g_variant_get_child_value (stages, 0);
  g_assert_true (g_variant_lookup (stage, "name", "&s", &name));
  g_assert_cmpstr (name, ==, "reading/ocr");
}

static void
test_faults (void)
{
  g_autoptr (MedleyPipeline) pipeline = parse ("```json faulty", "hello.json");
  g_autofree char *formatted = medley_faults_format (medley_pipeline_get_faults (pipeline));
  g_autofree char *promised = find_block ("```text");
  g_autoptr (GRegex) pointers = g_regex_new (" \\[/[^]]*\\]$", G_REGEX_MULTILINE, 0, NULL);
  g_autofree char *shown = g_regex_replace (pointers, formatted, -1, 0, "", 0, NULL);

  /* The shell leaves the JSON Pointers out. */
  g_assert_cmpstr (g_strchomp (shown), ==, g_strchomp (promised));
}

static void
test_media_types (void)
{
  g_autoptr (GString) rows = g_string_new (NULL);
  guint n_types;
  const MedleyMediaType *types = medley_media_list (&n_types);

  for (guint i = 0; i < n_types; i++)
    g_string_append_printf (rows, "| `%s` | %s | %s | %s | `%s` |\n", types[i].name,
                            medley_modality_to_string (types[i].modality), types[i].extensions,
                            types[i].writable ? "yes" : "no", types[i].caps);
  if (strstr (page, rows->str) == NULL) {
    g_test_message ("the table has to be:\n%s", rows->str);
    g_test_fail ();
  }
}

/* The table of the routes that a pipeline can serve, against the one that is used. */
static void
test_routes (void)
{
  static const char *const members[] = { "inputs", "parameters", "outputs" };
  g_autoptr (GVariant) table = g_variant_ref_sink (medley_serves_table ());
  g_autoptr (GString) rows = g_string_new (NULL);
  GVariantIter iter;
  const char *route;
  GVariant *value;

  g_variant_iter_init (&iter, table);
  while (g_variant_iter_loop (&iter, "{&sv}", &route, &value)) {
    g_string_append_printf (rows, "| `%s` |", route);
    for (guint i = 0; i < G_N_ELEMENTS (members); i++) {
      g_autofree const char **names = NULL;
      g_autofree char *list = NULL;

      g_assert_true (g_variant_lookup (value, members[i], "^a&s", &names));
      list = g_strjoinv ("` `", (char **) names);
      g_string_append_printf (rows, " `%s` |", list);
    }
    g_string_append_c (rows, '\n');
  }
  if (strstr (page, rows->str) == NULL) {
    g_test_message ("the table has to be:\n%s", rows->str);
    g_test_fail ();
  }
}

int
main (int argc, char **argv)
{
  g_autoptr (MedleyCatalog) catalog = medley_catalog_new ();
  g_autoptr (GError) error = NULL;
  int result;

  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 3);
  g_file_get_contents (argv[1], &page, NULL, &error);
  g_assert_no_error (error);
  medley_catalog_set (catalog,
                      g_variant_parse (G_VARIANT_TYPE ("aa{sv}"), engines, NULL, NULL, NULL), "1");
  library = medley_library_new ((const char *const[]){ argv[2], NULL }, catalog, NULL);

  g_test_add_func ("/samples/example-is-valid", test_example);
  g_test_add_func ("/samples/example-runs-what-is-needed", test_example_runs_what_is_needed);
  g_test_add_func ("/samples/faults-are-as-shown", test_faults);
  g_test_add_func ("/samples/media-types-are-all-listed", test_media_types);
  g_test_add_func ("/samples/routes-are-all-listed", test_routes);
  result = g_test_run ();
  g_object_unref (library);
  g_free (page);
  return result;
}
