/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <medley/medley-error.h>
#include <unistd.h>

#include "base/names.h"
#include "dbus/path.h"
#include "dbus/run-request.h"
#include "dbus/values.h"

/* ---- paths ---- */

static void
test_paths_are_escaped (void)
{
  static const struct {
    const char *name;
    const char *path;
  } cases[] = {
    { "speak", "/p/speak" },
    { "read-page", "/p/read_2dpage" },
    { "read_2dpage", "/p/read_5f2dpage" },
    { "3d", "/p/3d" },
    { "a/b..", "/p/a_2fb_2e_2e" },
    { "\xc3\xa9", "/p/_c3_a9" },
    { "", "/p/_" },
    { "_", "/p/_5f" },
    { "00ab9", "/p/00ab9" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *path = medley_dbus_path ("/p/", cases[i].name);

    g_assert_cmpstr (path, ==, cases[i].path);
    g_assert_true (g_variant_is_object_path (path));
  }
}

static void
test_no_two_names_share_a_path (void)
{
  g_autoptr (GHashTable) paths = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  /* All names of one and two bytes. */
  for (guint first = 1; first < 256; first++) {
    for (guint second = 0; second < 256; second++) {
      const char name[] = { (char) first, (char) second, '\0' };
      char *path = medley_dbus_path (MEDLEY_ENGINE_PATH_PREFIX, name);

      g_assert_true (g_variant_is_object_path (path));
      g_assert_true (g_hash_table_add (paths, path));
    }
  }
}

/* ---- values ---- */

static void
test_what_a_bus_refuses_is_left_out (void)
{
  g_autoptr (GVariant) cleaned = medley_dbus_clean (
      g_variant_new_parsed ("{'kept': <{'number': <int64 1>, 'null': <@mv nothing>}>,"
                            " 'list': <[<'a'>, <@mv nothing>, <'b'>]>, 'null': <@mv nothing>}"));
  g_autoptr (GVariant) expected = g_variant_ref_sink (
      g_variant_new_parsed ("{'kept': <{'number': <int64 1>}>, 'list': <[<'a'>, <'b'>]>}"));
  g_autofree char *text = g_variant_print (cleaned, TRUE);

  g_assert_false (g_variant_is_floating (cleaned));
  g_test_message ("%s", text);
  g_assert_true (g_variant_equal (cleaned, expected));
}

static void
test_deep_nesting_is_cut (void)
{
  GVariant *value = g_variant_new_parsed ("{'end': <true>}");
  g_autoptr (GVariant) cleaned = NULL;
  g_autofree char *text = NULL;

  for (guint i = 0; i < 60; i++) {
    GVariantDict dict;

    g_variant_dict_init (&dict, NULL);
    g_variant_dict_insert (&dict, "side", "u", i);
    g_variant_dict_insert_value (&dict, "down", value);
    value = g_variant_dict_end (&dict);
  }
  cleaned = medley_dbus_clean (value);
  text = g_variant_print (cleaned, TRUE);
  g_assert_nonnull (strstr (text, "'side': <uint32 59>"));
  g_assert_null (strstr (text, "'end'"));
}

static void
test_nested_dictionaries_keep_the_order_asked_for (void)
{
  static const char *const order[] = { "b", "absent", "a", NULL };
  g_autoptr (GVariant) dict = g_variant_ref_sink (
      g_variant_new_parsed ("{'a': <{'n': <1>}>, 'b': <{'n': <2>}>, 'odd': <3>}"));
  g_autoptr (GVariant) ordered = g_variant_ref_sink (medley_dbus_nest (dict, order));
  g_autoptr (GVariant) all = g_variant_ref_sink (medley_dbus_nest (dict, NULL));
  g_autoptr (GVariant) none = g_variant_ref_sink (medley_dbus_nest (NULL, order));
  g_autofree char *text = g_variant_print (ordered, FALSE);

  g_assert_cmpstr (text, ==, "{'b': {'n': <2>}, 'a': {'n': <1>}}");
  g_assert_cmpuint (g_variant_n_children (all), ==, 2);
  g_assert_cmpuint (g_variant_n_children (none), ==, 0);
}

/* ---- the arguments of Run ---- */

static MedleyJobRequest *
read_run (const char *pipeline, const char *inputs, const char *options, GUnixFDList *fds,
          GError **error)
{
  g_autoptr (GVariant) in = g_variant_ref_sink (g_variant_new_parsed (inputs));
  g_autoptr (GVariant) opts = g_variant_ref_sink (g_variant_new_parsed (options));

  return medley_dbus_read_run ("dbus::1.1", pipeline, in, opts, fds, 32, error);
}

static void
check_refused (const char *pipeline, const char *inputs, const char *options, GUnixFDList *fds,
               MedleyError code, const char *words)
{
  g_autoptr (GError) error = NULL;
  MedleyJobRequest *request = read_run (pipeline, inputs, options, fds, &error);

  g_assert_null (request);
  g_assert_error (error, MEDLEY_ERROR, (int) code);
  if (strstr (error->message, words) == NULL)
    g_error ("\"%s\" does not say \"%s\"", error->message, words);
}

static void
test_good_arguments_are_taken (void)
{
  static const char *const options[] = {
    "@a{sv} {}",
    "{'parameters': <{'voice': <'en'>, 'width': <byte 3>, 'big': <uint64 9>, 'rate': <1.5>}>}",
    "{'outputs': <['a', '']>}",
    "{'outputs': <{'a': 'audio/flac', '': ''}>}",
    "{'priority': <-100>, 'startAt': <int64 1795000000000000>, 'deadline': "
    "<'2026-11-24T18:30:00Z'>,"
    " 'runTime': <uint64 60>, 'attempts': <uint32 2>, 'cache': <false>, 'idempotencyKey': <'a "
    "b\"c'>}",
  };

  for (guint i = 0; i < G_N_ELEMENTS (options); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (MedleyJobRequest) request
        = read_run ("speak", "{'': <'text'>, 'b': <b'bytes'>}", options[i], NULL, &error);

    g_assert_no_error (error);
    g_assert_nonnull (request);
  }
}

static void
test_bad_arguments_are_named (void)
{
  static const struct {
    const char *pipeline;
    const char *inputs;
    const char *options;
    const char *words;
  } cases[] = {
    { "", "@a{sv} {}", "@a{sv} {}", "no pipeline is named" },
    { "x", "@a{sv} {}", "{'pipeline-text': <'{}'>}", "leave the name empty" },
    { "x", "{'text': <uint32 3>}", "@a{sv} {}", "input \"text\" has D-Bus type u" },
    { "x", "@a{sv} {}", "{'parameter': <@a{sv} {}>}", "did you mean \"parameters\"" },
    { "x", "@a{sv} {}", "{'outputs': <'all'>}", "option \"outputs\" has D-Bus type s" },
    { "x", "@a{sv} {}", "{'priority': <'high'>}", "option \"priority\" has D-Bus type s" },
    { "x", "@a{sv} {}", "{'priority': <101>}", "option \"priority\": 101 is not a whole number" },
    { "x", "@a{sv} {}", "{'startAt': <int64 1795000000>}",
      "option \"startAt\": 1795000000 is not" },
    { "x", "@a{sv} {}", "{'startAt': <int64 -5>}", "option \"startAt\": -5 is not" },
    { "x", "@a{sv} {}", "{'deadline': <'soon'>}", "option \"deadline\": \"soon\" is not" },
    { "x", "@a{sv} {}", "{'attempts': <uint32 1001>}", "option \"attempts\": 1001 is not" },
    { "x", "@a{sv} {}", "{'idempotencyKey': <''>}", "option \"idempotencyKey\": \"\" is not" },
    { "x", "@a{sv} {}", "{'idempotencyKey': <'123456789012345678901234567890123'>}", "1 to 32" },
    { "x", "@a{sv} {}", "{'idempotencyKey': <'a\\u0007b'>}", "printable ASCII" },
    { "x", "@a{sv} {}", "{'idempotencyKey': <'schlüssel'>}", "printable ASCII" },
    { "x", "@a{sv} {}",
      "{'startAt': <'2026-11-24T18:30:00Z'>, 'deadline': <'2026-11-24T18:30:00Z'>}",
      "the deadline 2026-11-24T18:30:00Z is not after the start" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    check_refused (cases[i].pipeline, cases[i].inputs, cases[i].options, NULL,
                   MEDLEY_ERROR_INVALID_ARGUMENT, cases[i].words);
  check_refused ("x", "@a{sv} {}", "{'parameters': <{'p': <[1, 2]>}>}", NULL,
                 MEDLEY_ERROR_INVALID_PARAMETER, "parameter \"p\"");
  check_refused ("x", "@a{sv} {}", "{'parameters': <{'p': <uint64 18446744073709551615>}>}", NULL,
                 MEDLEY_ERROR_INVALID_PARAMETER, "parameter \"p\"");
}

static void
test_useless_descriptors_are_refused (void)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  int ends[2], folder = open ("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int path = open ("/", O_PATH | O_CLOEXEC);

  g_assert_cmpint (pipe2 (ends, O_CLOEXEC), ==, 0);
  g_unix_fd_list_append (fds, folder, NULL);
  g_unix_fd_list_append (fds, ends[1], NULL);
  g_unix_fd_list_append (fds, path, NULL);
  check_refused ("x", "{'in': <handle 0>}", "@a{sv} {}", fds, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "is a folder");
  check_refused ("x", "{'in': <handle 1>}", "@a{sv} {}", fds, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "is not open for reading");
  check_refused ("x", "{'in': <handle 2>}", "@a{sv} {}", fds, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "input \"in\"");
  check_refused ("x", "{'in': <handle 3>}", "@a{sv} {}", fds, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "descriptor 3 of a message that has 3");
  check_refused ("x", "{'in': <handle -1>}", "@a{sv} {}", fds, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "descriptor -1");
  check_refused ("x", "{'in': <handle 0>}", "@a{sv} {}", NULL, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "of a message that has 0");
  close (folder);
  close (path);
  close (ends[0]);
  close (ends[1]);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/dbus/path/escaped", test_paths_are_escaped);
  g_test_add_func ("/dbus/path/unique", test_no_two_names_share_a_path);
  g_test_add_func ("/dbus/values/refused-by-a-bus", test_what_a_bus_refuses_is_left_out);
  g_test_add_func ("/dbus/values/deep", test_deep_nesting_is_cut);
  g_test_add_func ("/dbus/values/nested", test_nested_dictionaries_keep_the_order_asked_for);
  g_test_add_func ("/dbus/run/good", test_good_arguments_are_taken);
  g_test_add_func ("/dbus/run/bad", test_bad_arguments_are_named);
  g_test_add_func ("/dbus/run/descriptors", test_useless_descriptors_are_refused);
  return g_test_run ();
}
