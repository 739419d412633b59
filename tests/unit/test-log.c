/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"

#define TIME G_GINT64_CONSTANT (1795540200000000)

static const GLogField fields[] = {
  { "PRIORITY", "5", -1 },
  { "CODE_FILE", "secret.c", -1 },
  { "MESSAGE", "job x\nforged: \x1b[31mline\x7f", -1 },
  { "MEDLEY_JOB", "0hofwic4bf1ueohs", -1 },
  { "MEDLEY_STAGE", "", -1 },
  { "CODE", "bad-input\xff!", 10 },
};

static void
test_text (void)
{
  g_autofree char *line = medley_log_format (MEDLEY_LOG_TEXT, G_LOG_LEVEL_WARNING, fields,
                                             G_N_ELEMENTS (fields), TIME);
  g_autofree char *plain
      = medley_log_format (MEDLEY_LOG_TEXT, G_LOG_LEVEL_MESSAGE, fields + 1, 2, TIME);

  g_assert_cmpstr (line, ==,
                   "test-log: warning: job x\\x0aforged: \\x1b[31mline\\x7f "
                   "[job=0hofwic4bf1ueohs code=bad-input\xef\xbf\xbd]\n");
  g_assert_cmpstr (plain, ==, "test-log: job x\\x0aforged: \\x1b[31mline\\x7f\n");
}

static void
test_lines_of_workers_stay_as_they_are (void)
{
  const GLogField own[] = {
    { "GLIB_DOMAIN", MEDLEY_LOG_WORKER, -1 },
    { "MESSAGE", "medley-worker[12]: ended by a signal", -1 },
    { "MEDLEY_WORKER", "12", -1 },
  };
  g_autofree char *line = medley_log_format (MEDLEY_LOG_TEXT, G_LOG_LEVEL_MESSAGE, own, 3, TIME);

  g_assert_cmpstr (line, ==, "medley-worker[12]: ended by a signal\n");
}

static void
test_json (void)
{
  const MedleyJsonLimits limits = { 10000, 4, 100 };
  g_autofree char *line
      = medley_log_format (MEDLEY_LOG_JSON, G_LOG_LEVEL_INFO, fields, G_N_ELEMENTS (fields), TIME);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) object = NULL;
  const char *text = "";

  g_assert_true (g_str_has_suffix (line, "}\n"));
  g_assert_true (strchr (line, '\n') == line + strlen (line) - 1);
  object = medley_json_parse (line, (gssize) strlen (line), &limits, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_variant_lookup (object, "message", "&s", &text));
  g_assert_cmpstr (text, ==, "job x\nforged: \x1b[31mline\x7f");
  g_assert_true (g_variant_lookup (object, "job", "&s", &text));
  g_assert_cmpstr (text, ==, "0hofwic4bf1ueohs");
  g_assert_true (g_variant_lookup (object, "level", "&s", &text));
  g_assert_cmpstr (text, ==, "info");
  g_assert_true (g_variant_lookup (object, "time", "&s", &text));
  g_assert_cmpstr (text, ==, "2026-11-24T17:10:00Z");
  g_assert_false (g_variant_lookup (object, "stage", "&s", &text));
  g_assert_false (g_variant_lookup (object, "code_file", "&s", &text));
}

/* Of a process of its own, since GLib has one writer. */
static void
write_in_child (void)
{
  static const char *const settings[] = { "log.level=info", "log.format=json", NULL };
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyConfig) config = medley_config_load ("/dev/null", settings, &error);

  g_assert_no_error (error);
  medley_log_start (config);
  g_assert_true (medley_log_is_wanted (config, G_LOG_LEVEL_INFO));
  g_assert_false (medley_log_is_wanted (config, G_LOG_LEVEL_DEBUG));
  g_assert_false (medley_log_is_wanted (config, 0));
  g_debug ("not this one");
  g_message ("one");
  medley_log (G_LOG_LEVEL_INFO, (const char *const[]){ "MEDLEY_JOB", "a", "CODE", "", NULL },
              "two %d", 2);
}

static void
test_levels (void)
{
  if (g_test_subprocess ()) {
    write_in_child ();
    return;
  }
  g_test_trap_subprocess (NULL, 0, 0);
  g_test_trap_assert_passed ();
  g_test_trap_assert_stderr_unmatched ("*not this one*");
  g_test_trap_assert_stderr ("*\"level\":\"message\",\"message\":\"one\"}\n*\"level\":\"info\","
                             "\"message\":\"two 2\",\"job\":\"a\"}\n");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_set_prgname ("test-log");
  g_test_add_func ("/log/text", test_text);
  g_test_add_func ("/log/lines-of-workers-stay-as-they-are",
                   test_lines_of_workers_stay_as_they_are);
  g_test_add_func ("/log/json", test_json);
  g_test_add_func ("/log/levels", test_levels);
  return g_test_run ();
}
