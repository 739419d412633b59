/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pipeline/library.h"
#include "pipeline/plan.h"

#define GOOD                                                                                       \
  "{'medley': 1, 'stages': {'a': {'element': 'x'}}, 'outputs': {'o': {'from': 'a', 'type': "       \
  "'text/plain'}}}"
#define USES(name)                                                                                 \
  "{'medley': 1, 'stages': {'a': {'pipeline': '" name                                              \
  "'}}, 'outputs': {'o': {'from': 'a', 'type': 'text/plain'}}}"
#define TASK                                                                                       \
  "{'medley': 1, 'inputs': {'t': {'type': 'text/plain'}}, 'stages': {'a': {'task': "               \
  "'text-to-audio', 'from': 't'}},"                                                                \
  "'outputs': {'o': {'from': 'a', 'type': 'audio/ogg'}}}"

typedef struct {
  char *root;
  char *folders[3];
  MedleyLibrary *library;
  MedleyCatalog *catalog;
  guint n_changes;
} Test;

static char *
path_of (Test *test, guint folder, const char *name)
{
  return g_build_filename (test->folders[folder], name, NULL);
}

static void
write_file (Test *test, guint folder, const char *name, const char *text)
{
  g_autofree char *path = path_of (test, folder, name);
  g_autofree char *quoted = g_strdelimit (g_strdup (text), "'", '"');
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, quoted, -1, &error);
  g_assert_no_error (error);
}

static void
on_changed (MedleyLibrary *library, Test *test)
{
  test->n_changes++;
}

static void
open_library (Test *test, const MedleyLibraryLimits *limits)
{
  test->library = medley_library_new ((const char *const *) test->folders, test->catalog, limits);
  g_signal_connect (test->library, "changed", G_CALLBACK (on_changed), test);
}

static void
set_up (Test *test, gconstpointer data)
{
  test->root = g_dir_make_tmp ("medley-library-XXXXXX", NULL);
  test->folders[0] = g_build_filename (test->root, "shipped", NULL);
  test->folders[1] = g_build_filename (test->root, "user", NULL);
  g_mkdir (test->folders[0], 0700);
  test->catalog = medley_catalog_new ();
}

static void
remove_tree (const char *path)
{
  GDir *dir = g_file_test (path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *child = g_build_filename (path, name, NULL);

    remove_tree (child);
  }
  g_clear_pointer (&dir, g_dir_close);
  g_remove (path);
}

static void
tear_down (Test *test, gconstpointer data)
{
  g_clear_object (&test->library);
  g_clear_object (&test->catalog);
  remove_tree (test->root);
  g_free (test->folders[0]);
  g_free (test->folders[1]);
  g_free (test->root);
}

/* "name " for a good pipeline, "name! " for one with faults */
static void
assert_list (Test *test, const char *expected)
{
  g_autoptr (GPtrArray) pipelines = medley_library_list (test->library);
  g_autoptr (GPtrArray) names = medley_library_names (test->library);
  g_autoptr (GString) list = g_string_new (NULL);

  g_assert_cmpuint (names->len, ==, pipelines->len);
  for (guint i = 0; i < pipelines->len; i++) {
    MedleyPipeline *pipeline = pipelines->pdata[i];

    g_assert_cmpstr (medley_pipeline_get_name (pipeline), ==, names->pdata[i]);
    g_assert_true (medley_library_lookup (test->library, names->pdata[i]) == pipeline);
    g_string_append_printf (list, "%s%s ", medley_pipeline_get_name (pipeline),
                            medley_pipeline_is_valid (pipeline) ? "" : "!");
  }
  g_assert_cmpstr (list->str, ==, expected);
}

static void
assert_fault (Test *test, const char *name, const char *code, const char *message)
{
  MedleyPipeline *pipeline = medley_library_lookup (test->library, name);
  g_autofree char *faults = medley_faults_format (medley_pipeline_get_faults (pipeline));
  const MedleyFault *fault = medley_pipeline_get_faults (pipeline)->pdata[0];

  g_assert_cmpstr (fault->code, ==, code);
  if (strstr (faults, message) == NULL)
    g_error ("\"%s\" is not in \"%s\"", message, faults);
}

static gboolean
on_timeout (gpointer data)
{
  *(gboolean *) data = TRUE;
  return G_SOURCE_REMOVE;
}

static void
wait_for_change (Test *test)
{
  gboolean is_late = FALSE;
  guint before = test->n_changes;
  guint guard = g_timeout_add_seconds (30, on_timeout, &is_late);

  while (test->n_changes == before && !is_late)
    g_main_context_iteration (NULL, TRUE);
  g_assert_false (is_late);
  g_source_remove (guard);
}

static void
test_folders (Test *test, gconstpointer data)
{
  g_mkdir (test->folders[1], 0700);
  write_file (test, 0, "a.json", GOOD);
  write_file (test, 0, "b.json", "{ broken");
  write_file (test, 0, "c.json", "{}");
  write_file (test, 1, "c.json", GOOD);
  write_file (test, 1, "a.json", "{");
  write_file (test, 0, ".#a.json", "an editor's own");
  write_file (test, 0, "a.json~", "an editor's copy");
  write_file (test, 0, "README.md", "no pipeline");
  open_library (test, NULL);
  assert_list (test, "a! b! c ");
  assert_fault (test, "b", "invalid-json", "b.json:1:3: error: found \"b\"");
  assert_fault (test, "a", "invalid-json", "user/a.json:1:2: error:");
  g_assert_null (medley_library_lookup (test->library, "d"));
  g_assert_cmpuint (test->n_changes, ==, 0);
}

static void
test_odd_files (Test *test, gconstpointer data)
{
  g_autofree char *loop = path_of (test, 0, "loop.json");
  g_autofree char *fifo = path_of (test, 0, "fifo.json");
  g_autofree char *folder = path_of (test, 0, "folder.json");
  g_autofree char *large = path_of (test, 0, "large.json");
  g_autofree char *secret = path_of (test, 0, "secret.json");
  g_autofree char *device = path_of (test, 0, "device.json");
  g_autofree char *name = path_of (test, 0, "linked.json");
  g_autofree char *target = path_of (test, 0, "target");

  g_assert_cmpint (symlink ("loop.json", loop), ==, 0);
  g_assert_cmpint (symlink ("/dev/zero", device), ==, 0);
  g_assert_cmpint (symlink ("target", name), ==, 0);
  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  g_assert_cmpint (g_mkdir (folder, 0700), ==, 0);
  write_file (test, 0, "large.json", "");
  g_assert_cmpint (truncate (large, G_GINT64_CONSTANT (1) << 40), ==, 0);
  write_file (test, 0, "target", GOOD);
  write_file (test, 0, "good.json", GOOD);
  write_file (test, 0, "two words.json", GOOD);
  open_library (test, NULL);
  assert_list (test, "device! fifo! folder! good large! linked loop! two words! ");
  assert_fault (test, "device", "unreadable", "no regular file");
  assert_fault (test, "fifo", "unreadable", "no regular file");
  assert_fault (test, "folder", "unreadable", "no regular file");
  assert_fault (test, "large", "unreadable", "larger than 1048576 bytes");
  assert_fault (test, "loop", "unreadable", "cannot be opened");
  assert_fault (test, "two words", "bad-value", "gives no name");
}

static void
test_name_is_that_of_the_file (Test *test, gconstpointer data)
{
  write_file (test, 0, "a.json", "{'medley': 1, 'name': 'b',\n'stages': {}, 'outputs': {}}");
  write_file (test, 0, "c.json",
              "{'medley': 1, 'name': 'c', 'stages': {'a': {'element': 'x'}},"
              " 'outputs': {'o': {'from': 'a', 'type': 'text/plain'}}}");
  open_library (test, NULL);
  assert_list (test, "a! c ");
  assert_fault (test, "a", "bad-value",
                "the file is called \"a.json\", and the pipeline \"b\"; did you mean \"a\"?");
}

static void
test_limits (Test *test, gconstpointer data)
{
  MedleyLibraryLimits limits
      = { .pipeline_bytes = 120, .stages = 1, .plan_limits = g_variant_new ("a{sv}", NULL) };

  write_file (test, 0, "a.json", GOOD);
  write_file (test, 0, "b.json", TASK);
  open_library (test, &limits);
  assert_list (test, "a b! ");
  assert_fault (test, "b", "unreadable", "larger than 120 bytes");
  g_assert_cmpuint (medley_library_context (test->library)->max_stages, ==, 1);
  g_assert_nonnull (medley_library_context (test->library)->limits);
}

static void
test_reload (Test *test, gconstpointer data)
{
  g_autofree char *path = path_of (test, 0, "a.json");
  g_autofree char *moved = path_of (test, 0, "z.json");
  g_autoptr (MedleyPipeline) held = NULL;

  write_file (test, 0, "a.json", GOOD);
  write_file (test, 0, "b.json", USES ("a"));
  open_library (test, NULL);
  assert_list (test, "a b ");
  held = medley_pipeline_ref (medley_library_lookup (test->library, "a"));

  write_file (test, 0, "a.json", "{");
  wait_for_change (test);
  assert_list (test, "a! b! ");
  assert_fault (test, "b", "invalid-pipeline", "\"a\" has faults of its own");
  g_assert_true (medley_pipeline_is_valid (held));

  g_remove (path);
  wait_for_change (test);
  assert_list (test, "b! ");
  assert_fault (test, "b", "unknown-pipeline", "there is no pipeline \"a\"");

  write_file (test, 0, "a.json", GOOD);
  wait_for_change (test);
  assert_list (test, "a b ");
  g_assert_cmpint (g_rename (path, moved), ==, 0);
  wait_for_change (test);
  assert_list (test, "b! z ");
}

static void
test_folder_that_comes_later (Test *test, gconstpointer data)
{
  write_file (test, 0, "a.json", GOOD);
  open_library (test, NULL);
  g_mkdir (test->folders[1], 0700);
  write_file (test, 1, "b.json", GOOD);
  medley_library_reload (test->library);
  assert_list (test, "a b ");
  g_assert_cmpuint (test->n_changes, ==, 1);
  /* Nothing has changed: nobody is told. */
  medley_library_reload (test->library);
  g_assert_cmpuint (test->n_changes, ==, 1);
}

static void
test_pipelines_that_contain_themselves (Test *test, gconstpointer data)
{
  write_file (test, 0, "a.json", USES ("b"));
  write_file (test, 0, "b.json", USES ("c"));
  write_file (test, 0, "c.json", USES ("a"));
  write_file (test, 0, "d.json", USES ("d"));
  write_file (test, 0, "e.json", USES ("a"));
  write_file (test, 0, "f.json", GOOD);
  open_library (test, NULL);
  assert_list (test, "a! b! c! d! e! f ");
  assert_fault (test, "a", "cycle", "contains itself: a → b → c → a");
  assert_fault (test, "c", "cycle", "contains itself: c → a → b → c");
  assert_fault (test, "d", "cycle", "contains itself: d → d");
  assert_fault (test, "e", "invalid-pipeline", "\"a\" has faults");
}

static void
test_catalog_changes (Test *test, gconstpointer data)
{
  write_file (test, 0, "a.json", TASK);
  write_file (test, 0, "b.json", GOOD);
  open_library (test, NULL);
  assert_list (test, "a b ");
  medley_catalog_set (test->catalog, g_variant_new_parsed ("@aa{sv} []"), "1");
  assert_list (test, "a! b ");
  g_assert_cmpuint (test->n_changes, ==, 1);
  medley_catalog_set (test->catalog,
                      g_variant_new_parsed ("[{'name': <'e'>, 'tasks': <['text-to-audio/x']>}]"),
                      "2");
  assert_list (test, "a b ");
  g_assert_cmpuint (test->n_changes, ==, 2);
}

static void
test_client_context (Test *test, gconstpointer data)
{
  static const char *const allowed[] = { "y", NULL };
  static const char sent[]
      = "{\"medley\": 1, \"name\": \"a\", \"stages\": {\"a\": {\"element\": \"x\"},"
        " \"b\": {\"pipeline\": \"a\"}}, \"outputs\": {\"o\": {\"from\": \"a\","
        " \"type\": \"text/plain\"}, \"p\": {\"from\": \"b\", \"type\": \"text/plain\"}}}";
  g_autoptr (MedleyPipeline) pipeline = NULL;
  g_autofree char *faults = NULL;

  write_file (test, 0, "a.json", GOOD);
  open_library (test, NULL);
  pipeline = medley_pipeline_parse (sent, strlen (sent), NULL,
                                    medley_library_client_context (test->library, allowed));
  faults = medley_faults_format (medley_pipeline_get_faults (pipeline));
  /* Its own element is refused, that of the installed pipeline is not; and it may have the same
   * name. */
  g_assert_cmpstr (
      faults, ==,
      "pipeline:1:45: error: the element \"x\" is not among those that a pipeline sent "
      "by a client may use"
      " [/stages/a/element]\n");
  g_assert_null (medley_library_context (test->library)->allowed_elements);
}

#define ADD(path, function) g_test_add (path, Test, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/library/later-folders-win", test_folders);
  ADD ("/library/odd-files-are-harmless", test_odd_files);
  ADD ("/library/name-is-that-of-the-file", test_name_is_that_of_the_file);
  ADD ("/library/limits", test_limits);
  ADD ("/library/changes-are-seen", test_reload);
  ADD ("/library/folder-that-comes-later", test_folder_that_comes_later);
  ADD ("/library/pipelines-that-contain-themselves", test_pipelines_that_contain_themselves);
  ADD ("/library/catalog-changes", test_catalog_changes);
  ADD ("/library/client-context", test_client_context);
  return g_test_run ();
}
