/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whole jobs on a real worker with the real engines, and what comes out of them. */
#include <string.h>

#include "worker-fixture.h"
#include "worker-plans.h"

#define THREE_SENTENCES                                                                            \
  "The first sentence is short. The second one is a good deal longer than that. And here is the "  \
  "third.\n"

static void
test_describe (void)
{
  g_autoptr (TestWorker) worker = test_worker_start (NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = test_worker_call (worker, "Describe", NULL, &error);
  g_autoptr (GVariant) again = NULL;
  g_autoptr (GVariant) engines = NULL;
  gboolean found = FALSE;
  const char *registry, *registry_again;

  g_assert_no_error (error);
  g_variant_get (reply, "(@aa{sv}&s@a{ss}@a{sv})", &engines, &registry, NULL, NULL);
  for (gsize i = 0; i < g_variant_n_children (engines); i++) {
    g_autoptr (GVariant) engine = g_variant_get_child_value (engines, i);
    g_autofree const char **tasks = NULL;
    g_autofree const char **outputs = NULL;
    const char *name = NULL;

    g_variant_lookup (engine, "name", "&s", &name);
    if (!g_str_equal (name, "fakevoice"))
      continue;
    found = TRUE;
    g_assert_true (g_variant_lookup (engine, "tasks", "^a&s", &tasks));
    g_assert_cmpstr (tasks[0], ==, "text-to-audio/speech");
    g_assert_true (g_variant_lookup (engine, "outputs", "^a&s", &outputs));
    g_assert_true (g_str_has_prefix (outputs[0], "src:audio/x-raw"));
  }
  g_assert_true (found);
  again = test_worker_call (worker, "Describe", NULL, &error);
  g_variant_get (again, "(@aa{sv}&s@a{ss}@a{sv})", NULL, &registry_again, NULL, NULL);
  g_assert_cmpstr (registry, ==, registry_again);
}

static void
test_inspect (void)
{
  g_autoptr (TestWorker) worker = test_worker_start (NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply
      = test_worker_call (worker, "Inspect", g_variant_new ("(s)", "fakevoice"), &error);
  g_autoptr (GVariant) details = NULL;
  g_autoptr (GVariant) voices = NULL;
  g_autoptr (GVariant) properties = NULL;
  g_autoptr (GVariant) missing = NULL;
  gboolean found = FALSE;

  g_assert_no_error (error);
  details = g_variant_get_child_value (reply, 0);
  voices = g_variant_lookup_value (details, "voices", G_VARIANT_TYPE ("aa{sv}"));
  g_assert_nonnull (voices);
  g_assert_cmpuint (g_variant_n_children (voices), >=, 2);
  properties = g_variant_lookup_value (details, "properties", G_VARIANT_TYPE ("aa{sv}"));
  for (gsize i = 0; i < g_variant_n_children (properties); i++) {
    g_autoptr (GVariant) property = g_variant_get_child_value (properties, i);
    const char *name = NULL, *type = NULL;
    gint64 usual = 0, maximum = 0;

    g_variant_lookup (property, "name", "&s", &name);
    if (!g_str_equal (name, "ms-per-character"))
      continue;
    found = TRUE;
    g_variant_lookup (property, "type", "&s", &type);
    g_variant_lookup (property, "default", "x", &usual);
    g_variant_lookup (property, "maximum", "x", &maximum);
    g_assert_cmpstr (type, ==, "integer");
    g_assert_cmpint (usual, ==, 20);
    g_assert_cmpint (maximum, ==, 1000);
  }
  g_assert_true (found);

  missing = test_worker_call (worker, "Inspect", g_variant_new ("(s)", "nosuchengine"), &error);
  g_assert_null (missing);
  g_assert_nonnull (strstr (error->message, "nosuchengine"));
}

static void
test_speak (void)
{
  g_autoptr (TestWorker) worker = test_worker_start (NULL);
  g_autofree char *text = test_worker_write (worker, "text", THREE_SENTENCES, -1);
  g_autofree char *plan = test_plan (TEXT_INPUT, STAGE ("speech", "espeak", "text", ""),
                                     OUTPUT ("speech", "audio/ogg", "speech", ""), NULL);
  g_autofree char *path = test_worker_path (worker, "speech.ogg");
  g_autofree char *codec = NULL;
  g_autoptr (GVariant) finished = NULL;
  guint64 duration = 0;

  test_worker_succeed (worker, plan, INPUTS ({ "text", text }),
                       OUTPUTS ({ "speech", "speech.ogg" }));
  test_decode (path);
  codec = test_probe (path, "stream=codec_name");
  g_assert_cmpstr (codec, ==, "opus\n");
  finished = test_worker_find_event (worker, "stage-finished", "speech");
  g_assert_nonnull (finished);
  g_variant_lookup (finished, "duration", "t", &duration);
  g_assert_cmpfloat_with_epsilon (test_probe_duration (path), (double) duration / 1e9, 0.1);
  g_assert_cmpfloat (test_probe_duration (path), >, 3);
  for (guint i = 0; i < 3; i++) {
    const char *const kinds[] = { "stage-started", "stage-first-output", "output-started" };
    g_autoptr (GVariant) event = test_worker_find_event (worker, kinds[i], "speech");

    g_assert_nonnull (event);
  }
}

static void
test_read_page (void)
{
  g_autoptr (TestWorker) worker = test_worker_start (NULL);
  g_autofree char *page = g_test_build_filename (G_TEST_DIST, "..", "data", "page.png", NULL);
  g_autofree char *expected_path
      = g_test_build_filename (G_TEST_DIST, "..", "data", "page.txt", NULL);
  g_autofree char *plan
      = test_plan (PAGE_INPUT, STAGE ("ocr", "tesseract", "page", ""),
                   OUTPUT ("text", "text/plain", "ocr",
                           "") ", " OUTPUT ("layout", "application/json", "ocr", "layout"),
                   NULL);
  g_autofree char *text = NULL;
  g_autofree char *expected = NULL;
  g_autofree char *layout = NULL;

  g_assert_true (g_file_get_contents (expected_path, &expected, NULL, NULL));
  test_worker_succeed (worker, plan, INPUTS ({ "page", page }),
                       OUTPUTS ({ "text", "page.txt" }, { "layout", "page.json" }));
  text = test_worker_read (worker, "page.txt", NULL);
  g_strstrip (text);
  g_strstrip (expected);
  g_assert_cmpstr (text, ==, expected);
  layout = test_worker_read (worker, "page.json", NULL);
  g_assert_true (g_str_has_prefix (layout, "[\n{"));
  g_assert_true (g_str_has_suffix (layout, "}\n]\n"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/worker/describe-lists-engines-from-the-registry", test_describe);
  g_test_add_func ("/worker/inspect-tells-properties-and-voices", test_inspect);
  g_test_add_func ("/worker/speech-is-decodable-and-as-long-as-the-stage-says", test_speak);
  g_test_add_func ("/worker/page-becomes-its-text-and-layout", test_read_page);
  return g_test_run ();
}
