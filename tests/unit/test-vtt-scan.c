/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <medley/medley-error.h>
#include <string.h>

#include "http/vtt-scan.h"

static const char captions[] = "WEBVTT\n"
                               "\n"
                               "00:00.000 --> 00:02.500\n"
                               "The first.\n"
                               "\n"
                               "NOTE nothing\n"
                               "\n"
                               "2\r\n"
                               "00:00:02.500 --> 00:00:07.250 align:start\r\n"
                               "The second, --> with an arrow.\r\n"
                               "\r\n"
                               "00:00:13.000 --> 00:00:20.000\n"
                               "The third.\n";

static void
check (MedleyVttScan *self, guint n, const char *const *there, const char *absent)
{
  g_autoptr (GBytes) bytes = medley_vtt_scan_make_segment (self, n);
  g_autofree char *text = g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));

  g_assert_true (g_str_has_prefix (text, "WEBVTT\n\n"));
  for (; *there != NULL; there++)
    g_assert_nonnull (strstr (text, *there));
  g_assert_null (strstr (text, absent));
}

static void
test_divides (void)
{
  g_autoptr (MedleyVttScan) self = medley_vtt_scan_new ();
  g_autoptr (GError) error = NULL;
  static const char *const first[] = { "The first.", "align:start", "with an arrow.", NULL };
  static const char *const second[] = { "with an arrow.", NULL };
  static const char *const third[] = { "The third.", NULL };

  for (gsize i = 0; i < strlen (captions); i++) {
    g_assert_true (medley_vtt_scan_feed (self, captions + i, 1, &error));
    g_assert_cmpuint (medley_vtt_scan_get_offset (self), ==, i + 1);
    g_assert_cmpuint (medley_vtt_scan_get_n_segments (self), ==, 0);
  }
  /* Not before it is known that nothing more comes into it. */
  g_assert_true (medley_vtt_scan_feed (self, "\n", 1, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (medley_vtt_scan_get_n_segments (self), ==, 2);
  g_assert_cmpuint (medley_vtt_scan_get_duration (self, 1), ==, 6000000);
  check (self, 0, first, "The third");
  check (self, 1, second, "The first");
  medley_vtt_scan_finish (self);
  g_assert_cmpuint (medley_vtt_scan_get_n_segments (self), ==, 4);
  check (self, 2, third, "The second");
  check (self, 3, third, "The second");
  g_assert_cmpuint (medley_vtt_scan_get_duration (self, 2), ==, 6000000);
  g_assert_cmpuint (medley_vtt_scan_get_duration (self, 3), ==, 2000000);
}

static void
test_without_cues (void)
{
  g_autoptr (MedleyVttScan) self = medley_vtt_scan_new ();

  g_assert_true (medley_vtt_scan_feed (self, "WEBVTT\n", 7, NULL));
  medley_vtt_scan_finish (self);
  g_assert_cmpuint (medley_vtt_scan_get_n_segments (self), ==, 1);
  g_assert_cmpuint (medley_vtt_scan_get_duration (self, 0), ==, 6000000);
}

static void
test_refused (void)
{
  static const char *const bad[] = {
    "1\n00:00:01,000 --> 00:00:02,000\nSubRip\n\n",
    "WEBVTT\n\n00:01 --> 00:02\nx\n\n",
    "WEBVTT\n\n00:02.000 --> 00:01.000\nx\n\n",
    "WEBVTT\n\n00:02.000 -> 00:01.000 --> \nx\n\n",
    "WEBVTT\n\n--> 00:01.000\nx\n\n",
    "WEBVTT\n\n00:00:00:02.000 --> 00:03.000\nx\n\n",
    "WEBVTT\n\n999999:00:00.000 --> 999999:00:01.000\nx\n\n",
    "WEBVTT\n\n9999999999999999999999:00.000 --> 1:00:01.000\nx\n\n",
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (MedleyVttScan) self = medley_vtt_scan_new ();
    g_autoptr (GError) error = NULL;

    g_test_message ("%s", bad[i]);
    g_assert_false (medley_vtt_scan_feed (self, bad[i], strlen (bad[i]), &error));
    g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNSUPPORTED_TYPE);
  }
}

static void
test_limit (void)
{
  g_autoptr (MedleyVttScan) self = medley_vtt_scan_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *much = g_strnfill (1024 * 1024, 'x');

  g_assert_true (medley_vtt_scan_feed (self, "WEBVTT\n", 7, &error));
  g_assert_true (medley_vtt_scan_feed (self, much, 1024 * 1024, &error));
  g_assert_false (medley_vtt_scan_feed (self, much, 1024 * 1024, &error));
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNSUPPORTED_TYPE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/vtt-scan/divides", test_divides);
  g_test_add_func ("/vtt-scan/without-cues", test_without_cues);
  g_test_add_func ("/vtt-scan/refused", test_refused);
  g_test_add_func ("/vtt-scan/limit", test_limit);
  return g_test_run ();
}
