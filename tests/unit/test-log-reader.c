/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "workers/log-reader.h"

static void
test_crash_lines (void)
{
  static const struct {
    const char *line, *stage, *engine;
  } good[] = {
    { "medley-worker[12]: crash signal=11 stage=speech engine=espeak", "speech", "espeak" },
    { "medley-worker[12]: crash signal=0 stage=sub/speech engine=", "sub/speech", "" },
    { "medley-worker[12]: crash signal=12 stage= engine=", "", "" },
    { "medley-worker[12]: crash signal=12 stage= engine=espeak", "", "espeak" },
  };
  static const char *const bad[] = {
    "",
    "medley-worker[12]: something else",
    "medley-worker[x]: crash signal=11 stage=a engine=b",
    "medley-worker[12]: crash signal= stage=a engine=b",
    "medley-worker[12]: crash signal=11",
    "medley-worker[12]: crash signal=11 stage=a",
    "says medley-worker[12]: crash signal=11 stage=a engine=b",
  };

  for (guint i = 0; i < G_N_ELEMENTS (good); i++) {
    g_autofree char *stage = NULL;
    g_autofree char *engine = NULL;
    int pid = 0;

    g_assert_true (medley_log_parse_crash (good[i].line, &pid, &stage, &engine));
    g_assert_cmpint (pid, ==, 12);
    g_assert_cmpstr (stage, ==, good[i].stage);
    g_assert_cmpstr (engine, ==, good[i].engine);
  }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autofree char *stage = NULL;
    g_autofree char *engine = NULL;
    int pid = 0;

    g_assert_false (medley_log_parse_crash (bad[i], &pid, &stage, &engine));
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/log-reader/crash-lines", test_crash_lines);
  return g_test_run ();
}
