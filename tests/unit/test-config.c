/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/config.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <medley/medley-error.h>

#include "base/config-private.h"
#include "base/config-value.h"
#include "base/folders.h"

typedef struct {
  char *folder;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  fixture->folder = g_dir_make_tmp ("medley-config-XXXXXX", &error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  medley_folder_remove (fixture->folder);
  g_free (fixture->folder);
}

static char *
write_file (Fixture *fixture, const char *name, const char *text, gssize length)
{
  g_autoptr (GError) error = NULL;
  char *path = g_build_filename (fixture->folder, name, NULL);

  g_file_set_contents (path, text, length, &error);
  g_assert_no_error (error);
  return path;
}

static const char *const no_files[] = { NULL };

static MedleyConfig *
load_overrides (const char *first, const char *second)
{
  const char *overrides[] = { first, second, NULL };
  g_autoptr (GError) error = NULL;
  MedleyConfig *config = medley_config_load_layers (no_files, NULL, overrides, &error);

  g_assert_no_error (error);
  return config;
}

static char *
lookup_described (MedleyConfig *config, const char *name, const char *field)
{
  g_autoptr (GVariant) list = g_variant_ref_sink (medley_config_describe (config));

  for (gsize i = 0; i < g_variant_n_children (list); i++) {
    g_autoptr (GVariant) row = g_variant_get_child_value (list, i);
    const char *its_name;
    char *value = NULL;

    g_assert_true (g_variant_lookup (row, "name", "&s", &its_name));
    if (g_str_equal (its_name, name)) {
      g_assert_true (g_variant_lookup (row, field, "s", &value));
      return value;
    }
  }
  g_assert_not_reached ();
}

static void
test_built_in_values_are_valid (void)
{
  g_autoptr (MedleyConfig) config = load_overrides (NULL, NULL);
  g_autofree char *origin = lookup_described (config, "limits.text-bytes", "origin");

  g_assert_cmpuint (medley_config_get_number (config, "limits.text-bytes"), ==, 64 * 1024 * 1024);
  g_assert_cmpuint (medley_config_get_number (config, "limits.run-time"), ==, 24 * 3600);
  g_assert_cmpuint (medley_config_get_number (config, "http.idle-timeout"), ==, 300);
  g_assert_true (medley_config_get_boolean (config, "http.tcp"));
  g_assert_cmpstr (medley_config_get_string (config, "http.address"), ==, "127.0.0.1");
  g_assert_cmpstr (medley_config_get_path (config, "paths.worker"), ==, "");
  g_assert_cmpstr (medley_config_get_list (config, "workers.preload")[0], ==, "espeak");
  g_assert_cmpuint (g_strv_length ((char **) medley_config_get_list (config, "http.allowed-hosts")),
                    ==, 0);
  g_assert_true (g_path_is_absolute (medley_config_get_path (config, "paths.spool")));
  g_assert_cmpstr (origin, ==, "built in");
}

static void
test_every_key_has_a_group_and_a_description (void)
{
  guint n_keys;
  const MedleyConfigKey *keys = medley_config_keys (&n_keys);

  for (guint i = 0; i < n_keys; i++) {
    g_auto (GStrv) parts = g_strsplit (keys[i].name, ".", -1);

    g_assert_cmpuint (g_strv_length (parts), ==, 2);
    g_assert_cmpuint (strlen (keys[i].description), >, 10);
    g_assert_cmpint (keys[i].kind == MEDLEY_CONFIG_CHOICE, ==, keys[i].choices != NULL);
    for (guint j = 0; j < i; j++)
      g_assert_cmpstr (keys[i].name, !=, keys[j].name);
  }
}

static void
test_later_layers_win (Fixture *fixture, gconstpointer data)
{
  g_autofree char *system
      = write_file (fixture, "system.conf",
                    "# of the machine\n[limits]\nstages = 3\nfan-out=4\nevents=20\n"
                    "[http]\nport=1000\n",
                    -1);
  g_autofree char *user
      = write_file (fixture, "user.conf", "[limits]\n\nfan-out=5\nevents=21\n", -1);
  g_autofree char *chosen = write_file (fixture, "chosen.conf", "[limits]\nevents=22\n", -1);
  g_autofree char *missing = g_build_filename (fixture->folder, "missing.conf", NULL);
  const char *files[] = { missing, system, user, NULL };
  const char *overrides[] = { "http.port=2000", "http.port=3000", NULL };
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyConfig) config = medley_config_load_layers (files, chosen, overrides, &error);
  g_autofree char *origin = NULL;
  g_autofree char *command_line = NULL;
  g_autofree char *expected = g_strdup_printf ("%s:3", user);

  g_assert_no_error (error);
  g_assert_cmpuint (medley_config_get_number (config, "limits.stages"), ==, 3);
  g_assert_cmpuint (medley_config_get_number (config, "limits.fan-out"), ==, 5);
  g_assert_cmpuint (medley_config_get_number (config, "limits.events"), ==, 22);
  g_assert_cmpuint (medley_config_get_number (config, "http.port"), ==, 3000);
  origin = lookup_described (config, "limits.fan-out", "origin");
  g_assert_cmpstr (origin, ==, expected);
  command_line = lookup_described (config, "http.port", "origin");
  g_assert_cmpstr (command_line, ==, "command line");
}

static void
test_an_explicit_file_must_exist (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyConfig) config = medley_config_load ("/nonexistent/medley.conf", NULL, &error);

  g_assert_null (config);
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG);
  g_assert_nonnull (strstr (error->message, "/nonexistent/medley.conf"));
}

static void
test_the_users_file_is_read (Fixture *fixture, gconstpointer data)
{
  g_autofree char *folder = g_build_filename (fixture->folder, "medley", NULL);
  g_autofree char *file = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyConfig) config = NULL;

  g_assert_cmpint (g_mkdir (folder, 0700), ==, 0);
  file = write_file (fixture, "medley/medley.conf", "[limits]\nstages=7\n", -1);
  g_setenv ("XDG_CONFIG_HOME", fixture->folder, TRUE);
  config = medley_config_load (NULL, NULL, &error);
  g_unsetenv ("XDG_CONFIG_HOME");
  g_assert_no_error (error);
  g_assert_cmpuint (medley_config_get_number (config, "limits.stages"), ==, 7);
}

static void
assert_classes (const char *written, const char *expected)
{
  g_autofree char *override = g_strconcat ("jobs.classes=", written, NULL);
  const char *overrides[] = { override, NULL };
  const char *files[] = { NULL };
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyConfig) config = medley_config_load_layers (files, NULL, overrides, &error);
  g_autofree char *joined = NULL;

  if (expected == NULL) {
    g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG);
    g_assert_nonnull (strstr (error->message, "command line: jobs.classes: bad value \""));
    return;
  }
  g_assert_no_error (error);
  joined = g_strjoinv ("|", (char **) medley_config_get_list (config, "jobs.classes"));
  g_assert_cmpstr (joined, ==, expected);
  g_assert_cmpstr (medley_config_get_string (config, "jobs.classes"), !=, NULL);
}

static void
test_limits_of_classes (void)
{
  static const char *const bad[] = { "gpu",
                                     "gpu=",
                                     "=1",
                                     "gpu=0",
                                     "gpu=-1",
                                     "gpu=1x",
                                     "gpu=1=2",
                                     "gpu=1MiB",
                                     "gpu=1;gpu=2",
                                     "gpu=1;net",
                                     "gpu=99999999999999999999",
                                     "gpu=1000001",
                                     NULL };

  assert_classes ("", "");
  assert_classes ("gpu=1", "gpu=1");
  assert_classes (" gpu = 01 ;; net=1000000; ", "gpu=1|net=1000000");
  for (guint i = 0; bad[i] != NULL; i++)
    assert_classes (bad[i], NULL);
}

typedef struct {
  const char *key;
  const char *written;
  guint64 number;
} GoodNumber;

static void
test_units (void)
{
  static const GoodNumber good[] = {
    { "limits.text-bytes", "1", 1 },
    { "limits.text-bytes", "12B", 12 },
    { "limits.text-bytes", "3kB", 3000 },
    { "limits.text-bytes", "3KiB", 3072 },
    { "limits.text-bytes", "5MB", 5000000 },
    { "limits.text-bytes", "5 MiB", 5242880 },
    { "limits.text-bytes", "2GB", 2000000000 },
    { "limits.text-bytes", "2GiB", 2147483648ull },
    { "limits.text-bytes", "1TiB", 1099511627776ull },
    { "limits.run-time", "90", 90 },
    { "limits.run-time", "90s", 90 },
    { "limits.run-time", "5 min", 300 },
    { "limits.run-time", "2h", 7200 },
    { "limits.run-time", "3d", 259200 },
    { "http.port", "65535", 65535 },
    { "http.tcp", "off", 0 },
    { "http.tcp", "yes", 1 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (good); i++) {
    g_autofree char *text = g_strdup_printf ("%s=%s", good[i].key, good[i].written);
    g_autoptr (MedleyConfig) config = load_overrides (text, NULL);

    g_test_message ("%s", text);
    g_assert_cmpuint (medley_config_get_number (config, good[i].key), ==, good[i].number);
  }
}

typedef struct {
  const char *text; /* of the file */
  guint line;
  const char *says; /* what the message must hold */
} BadFile;

static const BadFile bad_files[] = {
  { "[limits]\ntext-bytes=lots\n", 2, "limits.text-bytes: bad value \"lots\": expected bytes" },
  { "[limits]\ntext-bytes=64M\n", 2, "64M" },
  { "[limits]\ntext-bytes=1.5GiB\n", 2, "1.5GiB" },
  { "[limits]\ntext-bytes=-1\n", 2, "\"-1\"" },
  { "[limits]\ntext-bytes=99999999999999999999\n", 2, "expected bytes" },
  { "[limits]\ntext-bytes=99999999999TiB\n", 2, "expected bytes" },
  { "[limits]\ntext-bytes=0\n", 2, "1B or more" },
  { "[limits]\nrun-time=3 weeks\n", 2, "seconds, or with" },
  { "[http]\n# a comment\n\nport=70000\n", 4, "0 to 65535" },
  { "[http]\nport=80s\n", 2, "a whole number" },
  { "[http]\nport=\n", 2, "a whole number" },
  { "[http]\ntcp=perhaps\n", 2, "true or false" },
  { "[http]\nauthentication=password\n", 2, "token or none" },
  { "[limits]\ntext-byte=1\n", 2, "did you mean \"text-bytes\"?" },
  { "[limit]\ntext-bytes=1\n", 2, "did you mean [limits]?" },
  { "[limits]\nport=1\n", 2, "it belongs in [http]" },
  { "[limits]\ncolour=1\n", 2, "unknown key \"colour\"" },
  { "[limits]\ntext-bytes[de]=1\n", 2, "unknown key" },
  { "[limits]\nstages=1\nfan-out=2\nstages=3\n", 4, "first on line 2" },
  { "stages=1\n", 1, "before the first [group]" },
  { "[limits\nstages=1\n", 1, "bad group" },
  { "[]\n", 1, "bad group" },
  { "[limits]\nstages\n", 2, "neither" },
  { "[limits]\n=3\n", 2, "neither" },
  { "[limits]\n; old comment\n", 2, "neither" },
  { "[paths]\nspool=spool\n", 2, "an absolute path" },
  { "[paths]\nspool=${stat}/spool\n", 2, "did you mean ${state}?" },
  { "[paths]\nspool=${nowhere-at-all}/spool\n", 2, "there is no folder" },
  { "[paths]\npipelines=/a:b:/c\n", 2, "an absolute path" },
  { "[http]\naddress=\\q\n", 2, "bad value of \"address\"" },
  { "[http]\naddress=\xff\xfe\n", 2, "not UTF-8" },
};

static void
test_bad_files_are_refused_with_their_line (Fixture *fixture, gconstpointer data)
{
  for (guint i = 0; i < G_N_ELEMENTS (bad_files); i++) {
    g_autofree char *file = write_file (fixture, "bad.conf", bad_files[i].text, -1);
    g_autofree char *place = g_strdup_printf ("%s:%u: ", file, bad_files[i].line);
    g_autoptr (GError) error = NULL;
    g_autoptr (MedleyConfig) config = medley_config_load (file, NULL, &error);

    g_test_message ("file %u", i);
    g_assert_null (config);
    g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG);
    g_test_message ("%s", error->message);
    g_assert_true (g_str_has_prefix (error->message, place));
    g_assert_nonnull (strstr (error->message, bad_files[i].says));
  }
}

static void
test_all_faults_are_told_at_once (Fixture *fixture, gconstpointer data)
{
  g_autofree char *file
      = write_file (fixture, "bad.conf", "[http]\nport=x\ntpc=true\n[nonsense]\na=b\n", -1);
  const char *overrides[] = { "http.tcp=maybe", "nothing", NULL };
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyConfig) config = medley_config_load (file, overrides, &error);
  g_auto (GStrv) lines = NULL;

  g_assert_null (config);
  lines = g_strsplit (error->message, "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, 5);
  g_assert_nonnull (strstr (lines[0], ":2: http.port"));
  g_assert_nonnull (strstr (lines[1], ":3: unknown key \"tpc\""));
  g_assert_nonnull (strstr (lines[2], ":5: unknown group [nonsense]"));
  g_assert_true (g_str_has_prefix (lines[3], "command line: http.tcp: "));
  g_assert_true (g_str_has_prefix (lines[4], "command line: \"nothing\" is not group.key=value"));
}

static void
test_a_file_with_nul_is_refused (Fixture *fixture, gconstpointer data)
{
  g_autofree char *file = write_file (fixture, "nul.conf", "[http]\nport=1\0\n", 16);
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyConfig) config = medley_config_load (file, NULL, &error);

  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG);
  g_assert_nonnull (strstr (error->message, ":2: "));
}

static void
test_a_file_may_lack_its_last_newline_or_end_lines_with_crlf (Fixture *fixture, gconstpointer data)
{
  g_autofree char *file
      = write_file (fixture, "ok.conf", "[http]\r\nport = 12\r\n[limits]\nstages=9", -1);
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyConfig) config = medley_config_load (file, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (medley_config_get_number (config, "http.port"), ==, 12);
  g_assert_cmpuint (medley_config_get_number (config, "limits.stages"), ==, 9);
}

static void
test_the_template_is_a_valid_file_with_all_defaults (Fixture *fixture, gconstpointer data)
{
  g_autofree char *template = medley_config_print_template ();
  g_auto (GStrv) lines = g_strsplit (template, "\n", -1);
  g_autoptr (GString) active = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyConfig) built_in = load_overrides (NULL, NULL);
  guint n_keys;
  guint n_active = 0;

  /* Each "#key=value" becomes a real line: then it must load and change nothing. */
  for (guint i = 0; lines[i] != NULL; i++) {
    const char *line = lines[i];

    if (line[0] == '#' && line[1] != ' ') {
      line++;
      n_active++;
    }
    g_string_append_printf (active, "%s\n", line);
  }
  medley_config_keys (&n_keys);
  g_assert_cmpuint (n_active, ==, n_keys);
  {
    g_autofree char *file = write_file (fixture, "template.conf", active->str, -1);
    g_autoptr (MedleyConfig) config = medley_config_load (file, NULL, &error);
    const MedleyConfigKey *keys = medley_config_keys (&n_keys);

    g_assert_no_error (error);
    for (guint i = 0; i < n_keys; i++) {
      g_autofree char *origin = lookup_described (config, keys[i].name, "origin");

      g_assert_cmpstr (medley_config_get_string (config, keys[i].name), ==,
                       medley_config_get_string (built_in, keys[i].name));
      g_assert_true (g_str_has_prefix (origin, file));
    }
  }
}

static void
test_folders_follow_the_environment (void)
{
  static const char *const words[] = { "state", "config", "cache", "userdata" };
  static const char *const variables[]
      = { "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME" };

  for (guint i = 0; i < G_N_ELEMENTS (words); i++) {
    g_autofree char *folder = NULL;
    g_autofree char *other = NULL;

    g_setenv (variables[i], "/x/y", TRUE);
    folder = medley_folder_get (words[i]);
    g_assert_cmpstr (folder, ==, "/x/y/medley");
    g_setenv (variables[i], "relative", TRUE);
    other = medley_folder_get (words[i]);
    g_assert_true (g_path_is_absolute (other));
    g_assert_cmpstr (other, !=, "/x/y/medley");
    g_unsetenv (variables[i]);
  }
  g_assert_null (medley_folder_get ("home"));
}

static void
test_the_socket_follows_the_runtime_folder (void)
{
  g_autoptr (MedleyConfig) config = NULL;
  g_autoptr (MedleyConfig) moved = NULL;

  g_setenv ("XDG_RUNTIME_DIR", "/x/run", TRUE);
  config = load_overrides (NULL, NULL);
  g_assert_cmpstr (medley_config_get_path (config, "http.socket"), ==, "/x/run/medley/http.sock");
  moved = load_overrides ("paths.runtime=/y", NULL);
  g_assert_cmpstr (medley_config_get_path (moved, "http.socket"), ==, "/y/http.sock");
  g_unsetenv ("XDG_RUNTIME_DIR");
}

static void
test_relative_paths_on_the_command_line_start_here (void)
{
  g_autoptr (MedleyConfig) config
      = load_overrides ("paths.spool=some/../spool", "paths.pipelines=/a/b: :c:");
  g_autofree char *folder = g_get_current_dir ();
  g_autofree char *spool = g_build_filename (folder, "spool", NULL);
  g_autofree char *pipelines = g_build_filename (folder, "c", NULL);
  const char *const *list = medley_config_get_list (config, "paths.pipelines");

  g_assert_cmpstr (medley_config_get_path (config, "paths.spool"), ==, spool);
  g_assert_cmpstr (list[0], ==, "/a/b");
  g_assert_cmpstr (list[1], ==, pipelines);
  g_assert_null (list[2]);
}

static void
test_a_private_folder_is_nobody_elses (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename (fixture->folder, "a/b/run", NULL);
  g_autofree char *link = g_build_filename (fixture->folder, "link", NULL);
  g_autofree char *file = write_file (fixture, "file", "x", 1);
  g_autoptr (GError) error = NULL;
  struct stat st;

  g_assert_true (medley_folder_make_private (path, &error));
  g_assert_no_error (error);
  g_assert_cmpint (stat (path, &st), ==, 0);
  g_assert_cmpuint (st.st_mode & 07777, ==, 0700);
  g_assert_true (medley_folder_make_private (path, &error));

  g_assert_cmpint (chmod (path, 0750), ==, 0);
  g_assert_false (medley_folder_make_private (path, &error));
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_ALLOWED);
  g_assert_nonnull (strstr (error->message, "chmod 700"));
  g_clear_error (&error);

  g_assert_cmpint (symlink (path, link), ==, 0);
  g_assert_false (medley_folder_make_private (link, &error));
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_ALLOWED);
  g_clear_error (&error);
  g_assert_false (medley_folder_make_private (file, &error));
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_ALLOWED);
}

static void
test_removing_a_folder_does_not_follow_links (Fixture *fixture, gconstpointer data)
{
  g_autofree char *kept = g_build_filename (fixture->folder, "kept", NULL);
  g_autofree char *kept_file = g_build_filename (kept, "file", NULL);
  g_autofree char *gone = g_build_filename (fixture->folder, "gone", NULL);
  g_autofree char *link = g_build_filename (gone, "link", NULL);

  g_assert_cmpint (g_mkdir (kept, 0700), ==, 0);
  g_assert_cmpint (g_mkdir (gone, 0700), ==, 0);
  g_assert_true (g_file_set_contents (kept_file, "x", 1, NULL));
  g_assert_cmpint (symlink (kept, link), ==, 0);
  medley_folder_remove (gone);
  g_assert_false (g_file_test (gone, G_FILE_TEST_EXISTS));
  g_assert_true (g_file_test (kept_file, G_FILE_TEST_EXISTS));
}

/* What an engine may leave to whoever cleans up after it. */
static void
test_removing_a_folder_knows_no_depth (Fixture *fixture, gconstpointer data)
{
  const guint depth = 1200;
  g_autofree char *gone = g_build_filename (fixture->folder, "gone", NULL);
  int at;

  g_assert_cmpint (g_mkdir (gone, 0700), ==, 0);
  at = open (gone, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (guint i = 0; i < depth; i++) {
    int next;

    g_assert_cmpint (mkdirat (at, "d", 0700), ==, 0);
    g_assert_cmpint (mkdirat (at, "locked", 0000), ==, 0);
    g_assert_cmpint (symlinkat ("/etc", at, "link"), ==, 0);
    next = openat (at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    g_assert_cmpint (next, >=, 0);
    fchmod (at, 0500);
    close (at);
    at = next;
  }
  close (at);
  g_assert_true (medley_folder_empty (gone));
  g_assert_true (g_file_test (gone, G_FILE_TEST_IS_DIR));
  medley_folder_remove (gone);
  g_assert_false (g_file_test (gone, G_FILE_TEST_EXISTS));
  g_assert_true (medley_folder_empty (gone));
}

#define ADD(Path, Function) g_test_add (Path, Fixture, NULL, set_up, Function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/config/built-in-values-are-valid", test_built_in_values_are_valid);
  g_test_add_func ("/config/every-key-has-a-group-and-a-description",
                   test_every_key_has_a_group_and_a_description);
  ADD ("/config/later-layers-win", test_later_layers_win);
  g_test_add_func ("/config/an-explicit-file-must-exist", test_an_explicit_file_must_exist);
  ADD ("/config/the-users-file-is-read", test_the_users_file_is_read);
  g_test_add_func ("/config/limits-of-classes", test_limits_of_classes);
  g_test_add_func ("/config/units", test_units);
  ADD ("/config/bad-files-are-refused-with-their-line", test_bad_files_are_refused_with_their_line);
  ADD ("/config/all-faults-are-told-at-once", test_all_faults_are_told_at_once);
  ADD ("/config/a-file-with-nul-is-refused", test_a_file_with_nul_is_refused);
  ADD ("/config/crlf-and-missing-last-newline",
       test_a_file_may_lack_its_last_newline_or_end_lines_with_crlf);
  ADD ("/config/the-template-is-a-valid-file-with-all-defaults",
       test_the_template_is_a_valid_file_with_all_defaults);
  g_test_add_func ("/config/folders-follow-the-environment", test_folders_follow_the_environment);
  g_test_add_func ("/config/the-socket-follows-the-runtime-folder",
                   test_the_socket_follows_the_runtime_folder);
  g_test_add_func ("/config/relative-paths-on-the-command-line-start-here",
                   test_relative_paths_on_the_command_line_start_here);
  ADD ("/config/a-private-folder-is-nobody-elses", test_a_private_folder_is_nobody_elses);
  ADD ("/config/removing-a-folder-does-not-follow-links",
       test_removing_a_folder_does_not_follow_links);
  ADD ("/config/removing-a-folder-knows-no-depth", test_removing_a_folder_knows_no_depth);
  return g_test_run ();
}
