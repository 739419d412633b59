/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Options of `medley run` that tell a job when and how it may run, and what events of such jobs
 * look like. */
#include <string.h>

#include <medley/medley-error.h>

#include "base/json.h"
#include "cli/args.h"
#include "cli/event-text.h"
#include "cli/job-options.h"
#include "cli/reply.h"

static const MedleyArgOption job_options[] = {
  { "priority", 0, MEDLEY_ARG_VALUE, "N", "" },
  { "attempts", 0, MEDLEY_ARG_VALUE, "N", "" },
  { "start-at", 0, MEDLEY_ARG_VALUE, "TIME", "" },
  { "deadline", 0, MEDLEY_ARG_VALUE, "TIME", "" },
  { "run-time", 0, MEDLEY_ARG_VALUE, "DURATION", "" },
  { "no-cache", 0, MEDLEY_ARG_FLAG, NULL, "" },
  { "idempotency-key", 0, MEDLEY_ARG_VALUE, "KEY", "" },
  { NULL },
};

/* The 24th of November 2026, 18:00:00.5, one hour east of Greenwich. */
static GDateTime *
make_now (void)
{
  g_autoptr (GTimeZone) zone = g_time_zone_new_offset (3600);

  return g_date_time_new (zone, 2026, 11, 24, 18, 0, 0.5);
}

static void
test_times_are_understood (void)
{
  static const struct {
    const char *text;
    gint64 time;
  } good[] = {
    { "+0", 1795539600500000 },
    { "+90", 1795539690500000 },
    { "+10min", 1795540200500000 },
    { "+1h30min", 1795545000500000 },
    { "18:30", 1795541400000000 },
    { "18:00:01", 1795539601000000 },
    { "18:00", 1795539600000000 + 86400000000 },
    { "00:00", 1795561200000000 },
    { "2026-11-24 18:30", 1795541400000000 },
    { "2026-11-24T18:30:15", 1795541415000000 },
    { "2026-11-24T18:30:00Z", 1795545000000000 },
    { "2026-11-24T18:30:00-05:00", 1795563000000000 },
  };
  static const char *const bad[] = { "",
                                     "now",
                                     "+",
                                     "+ten",
                                     "-5min",
                                     "24:00",
                                     "18:60",
                                     "8:30",
                                     "18:30:",
                                     "18:30 today",
                                     "2026-11-24",
                                     "2026-11-24 18",
                                     "2026-02-30 12:00",
                                     "2026-11-24  18:30",
                                     "+99999999999w",
                                     "\xff" };
  g_autoptr (GDateTime) now = make_now ();

  for (guint i = 0; i < G_N_ELEMENTS (good); i++) {
    g_autoptr (GError) error = NULL;
    gint64 time = 0;

    g_test_message ("%s", good[i].text);
    g_assert_true (medley_when_parse (good[i].text, now, &time, &error));
    g_assert_cmpint (time, ==, good[i].time);
  }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;
    g_autofree char *shown = g_strescape (bad[i], NULL);
    gint64 time = 0;

    g_test_message ("%s", shown);
    g_assert_false (medley_when_parse (bad[i], now, &time, &error));
    g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT);
    g_assert_nonnull (strstr (error->message, "+10min, 18:30"));
  }
}

/* In the night of the change, tomorrow at noon is 25 hours after today at noon. */
static void
test_tomorrow_is_a_day_of_the_calendar (void)
{
  g_autoptr (GTimeZone) zone = g_time_zone_new_identifier ("Europe/Berlin");
  g_autoptr (GDateTime) now = NULL;
  gint64 time = 0;

  if (zone == NULL) {
    g_test_skip ("no data of time zones");
    return;
  }
  now = g_date_time_new (zone, 2026, 10, 24, 12, 0, 0);
  g_assert_true (medley_when_parse ("12:00", now, &time, NULL));
  g_assert_cmpint (time, ==, (g_date_time_to_unix (now) + 25 * 3600) * G_USEC_PER_SEC);
}

static void
test_options_of_a_job (void)
{
  static const MedleyArgOption *const its_tables[] = { job_options, NULL };
  static const char *const bad[][3] = {
    { "--priority", "101", "--priority \"101\": expected a whole number from -100 to 100" },
    { "--priority", "", "--priority \"\"" },
    { "--priority", "1.5", "--priority \"1.5\"" },
    { "--attempts", "0", "--attempts \"0\": expected a whole number from 1 to 1000" },
    { "--start-at", "later", "--start-at: \"later\" is not a time" },
    { "--deadline", "25:00", "--deadline: \"25:00\" is not a time" },
    { "--run-time", "soon", "--run-time: \"soon\" is not a duration" },
    { "--run-time", "0", "--run-time: no job" },
    { "--idempotency-key", "", "--idempotency-key: \"\" is not a key" },
    { "--idempotency-key", "schl\xc3\xbcssel", "--idempotency-key: " },
    { "--idempotency-key", "schl\xfcssel", "--idempotency-key: " },
  };
  static const char *const good[]
      = { "--priority", "-7",    "--attempts", "2",  "--start-at",        "+10min",
          "--deadline", "20:00", "--run-time", "1h", "--idempotency-key", "a b",
          "--no-cache", NULL };
  g_autoptr (GDateTime) now = make_now ();
  g_autoptr (MedleyArgs) args = medley_args_parse (its_tables, (char **) good, FALSE, NULL, NULL);
  g_autoptr (GVariant) options = medley_job_options_read (args, now, NULL);

  g_assert_cmpint (medley_reply_integer (options, "priority", 0), ==, -7);
  g_assert_cmpint (medley_reply_integer (options, "attempts", 0), ==, 2);
  g_assert_cmpint (medley_reply_integer (options, "startAt", 0), ==, 1795540200500000);
  g_assert_cmpint (medley_reply_integer (options, "deadline", 0), ==, 1795546800000000);
  g_assert_cmpint (medley_reply_integer (options, "runTime", 0), ==, 3600);
  g_assert_false (medley_reply_boolean (options, "cache", TRUE));
  g_assert_cmpstr (medley_reply_string (options, "idempotencyKey", ""), ==, "a b");
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    const char *const argv[] = { bad[i][0], bad[i][1], NULL };
    g_autoptr (MedleyArgs) its = medley_args_parse (its_tables, (char **) argv, FALSE, NULL, NULL);
    g_autoptr (GError) error = NULL;

    g_assert_null (medley_job_options_read (its, now, &error));
    g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT);
    if (strstr (error->message, bad[i][2]) == NULL)
      g_error ("\"%s\" does not say \"%s\"", error->message, bad[i][2]);
  }
}

static void
test_events_in_words (void)
{
  static const struct {
    const char *event;
    const char *text;
    gboolean is_notable;
  } cases[] = {
    { "{\"kind\":\"interrupted\",\"attempt\":1}", "interrupted in attempt 1", TRUE },
    { "{\"kind\":\"interrupted\",\"message\":\"the daemon stopped\"}",
      "interrupted: the daemon stopped", TRUE },
    { "{\"kind\":\"retry\",\"attempt\":1,\"delay\":4.0,"
      "\"error\":{\"code\":\"worker-crashed\",\"message\":\"signal 11\"}}",
      "tries again after attempt 1, in 0:04: worker-crashed: signal 11", TRUE },
    { "{\"kind\":\"stage-reused\",\"stage\":\"ocr\",\"engine\":\"tesseract\",\"bytes\":2000}",
      "taken from the cache: ocr (tesseract), 2.0 kB", TRUE },
    { "{\"kind\":\"stage-recorded\",\"stage\":\"ocr\",\"engine\":\"tesseract\"}",
      "kept in the cache: ocr (tesseract)", FALSE },
    { "{\"kind\":\"warning\",\"message\":\"slow\"}", "warning: slow", TRUE },
    { "{\"kind\":\"stage-started\",\"stage\":\"ocr\"}", "stage-started ocr", FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GVariant) event
        = medley_json_parse (cases[i].event, strlen (cases[i].event), NULL, NULL, NULL);
    g_autofree char *text = NULL;

    g_variant_get_data (event);
    text = medley_event_text (event);
    g_assert_cmpstr (text, ==, cases[i].text);
    g_assert_cmpint (medley_event_is_notable (event), ==, cases[i].is_notable);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cli/when/times", test_times_are_understood);
  g_test_add_func ("/cli/when/tomorrow", test_tomorrow_is_a_day_of_the_calendar);
  g_test_add_func ("/cli/options/of-a-job", test_options_of_a_job);
  g_test_add_func ("/cli/events/in-words", test_events_in_words);
  return g_test_run ();
}
