/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Times, durations, and what a request may say besides its pipeline. */
#include <medley/medley-error.h>
#include <string.h>

#include "base/json.h"
#include "base/times.h"
#include "http/job-request.h"
#include "http/option-headers.h"
#include "job/options.h"
#include "job/request.h"

#define MAX_KEY 32

static void
test_times (void)
{
  static const struct {
    const char *text;
    gint64 time;
  } good[] = {
    { "1970-01-01T00:00:00Z", 0 },
    { "2026-11-24T18:30:00Z", 1795545000000000 },
    { "2026-11-24t18:30:00z", 1795545000000000 },
    { "2026-11-24 18:30:00Z", 1795545000000000 },
    { "2026-11-24T19:30:00+01:00", 1795545000000000 },
    { "2026-11-24T13:00:00-05:30", 1795545000000000 },
    { "2026-11-24T18:30:00.25Z", 1795545000250000 },
    { "9999-12-31T23:59:59Z", MEDLEY_TIME_MAX - 999999 },
  };
  static const char *const bad[] = {
    "",
    "now",
    "18:30",
    "2026-11-24",
    "2026-11-24T18:30Z",
    "2026-11-24T18:30:00",
    "2026-11-24T18:30:00 Z",
    "2026-11-24T18:30:00+0100",
    "2026-11-24T18:30:00+01",
    "2026-11-24T18:30:00Zulu",
    "2026-11-24T18:30:00.Z",
    "2026-11-24T18:30:00.1234567890Z",
    "2026-13-24T18:30:00Z",
    "2026-02-30T18:30:00Z",
    "2026-11-24T25:30:00Z",
    "2026-W48-2T18:30:00Z",
    "20261124T183000Z",
    "1969-12-31T23:59:59Z",
    "2026-11-24T18:30:0\xc3\xa9",
    "\xff\xfe",
    "+10min",
  };

  for (guint i = 0; i < G_N_ELEMENTS (good); i++) {
    g_autoptr (GError) error = NULL;
    gint64 time = -1;

    g_assert_true (medley_time_parse (good[i].text, &time, &error));
    g_assert_cmpint (time, ==, good[i].time);
  }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;
    gint64 time = -1;

    g_autofree char *shown = g_strescape (bad[i], NULL);
    g_assert_false (medley_time_parse (bad[i], &time, &error));
    g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT);
    g_assert_true (g_utf8_validate (error->message, -1, NULL));
    g_assert_nonnull (strstr (error->message, "RFC 3339"));
  }
}

static void
test_times_are_printed_as_they_are_read (void)
{
  static const gint64 times[] = { 0, 1, 1795545000000000, 1795545000000001, MEDLEY_TIME_MAX };

  for (guint i = 0; i < G_N_ELEMENTS (times); i++) {
    g_autofree char *text = medley_time_print (times[i]);
    gint64 time = -1;

    g_assert_true (medley_time_parse (text, &time, NULL));
    g_assert_cmpint (time, ==, times[i]);
  }
}

static void
test_durations (void)
{
  static const struct {
    const char *text;
    guint64 seconds;
  } good[] = {
    { "0", 0 },           { "90", 90 },     { "90s", 90 },
    { "10min", 600 },     { "10m", 600 },   { "1h30min", 5400 },
    { "1h 30min", 5400 }, { "2d", 172800 }, { "1w1d1h1min1s", 694861 },
  };
  static const char *const bad[] = { "",
                                     " ",
                                     "s",
                                     "-5",
                                     "+5",
                                     "1.5h",
                                     "5 min x",
                                     "5parsecs",
                                     "1h 30",
                                     "1e3",
                                     " 10s",
                                     "10S",
                                     "0x10",
                                     "ten",
                                     "\xff",
                                     "10\xc3\xa9",
                                     "9999999999999999999999d",
                                     "99999999999w99999999999w1x" };

  for (guint i = 0; i < G_N_ELEMENTS (good); i++) {
    guint64 seconds = 1;

    g_test_message ("%s", good[i].text);
    g_assert_true (medley_duration_parse (good[i].text, &seconds, NULL));
    g_assert_cmpuint (seconds, ==, good[i].seconds);
  }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;
    guint64 seconds = 1;

    g_autofree char *shown = g_strescape (bad[i], NULL);
    g_assert_false (medley_duration_parse (bad[i], &seconds, &error));
    g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT);
  }
}

/* As the body of a request; NULL with @error when it is refused. */
static MedleyJobRequest *
read_body (const char *members, GError **error)
{
  g_autofree char *text = g_strdup_printf ("{\"pipeline\": \"speak\"%s}", members);
  g_autoptr (GVariant) value = medley_json_parse (text, strlen (text), NULL, NULL, NULL);

  g_assert_nonnull (value);
  return medley_http_job_request_from_json (value, "uid:1", MAX_KEY, error);
}

static void
test_options_of_a_body (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyJobRequest) request
      = read_body (", \"priority\": -100, \"startAt\": \"2026-11-24T18:30:00Z\", "
                   "\"deadline\": 1795545000000001, \"runTime\": 90, \"attempts\": 1000, "
                   "\"cache\": false, \"idempotencyKey\": \"a \\\"b\\\" ~\"",
                   &error);

  g_assert_no_error (error);
  g_assert_cmpint (request->priority, ==, -100);
  g_assert_cmpint (request->start_at, ==, 1795545000000000);
  g_assert_cmpint (request->deadline, ==, 1795545000000001);
  g_assert_cmpuint (request->run_time, ==, 90);
  g_assert_cmpuint (request->attempts, ==, 1000);
  g_assert_true (request->no_cache);
  g_assert_cmpstr (request->idempotency_key, ==, "a \"b\" ~");
}

static void
test_bad_options_of_a_body (void)
{
  static const struct {
    const char *members;
    const char *words;
  } bad[] = {
    { "\"priority\": 101", "/priority: 101 is not a whole number from -100 to 100" },
    { "\"priority\": -101", "/priority: -101 is not" },
    { "\"priority\": 1.5", "/priority: 1.5 is not" },
    { "\"priority\": \"5\"", "/priority: \"5\" is not" },
    { "\"priority\": true", "/priority: true is not" },
    { "\"priority\": null", "/priority: " },
    { "\"priority\": {}", "/priority: " },
    { "\"priority\": 1e300", "/priority: " },
    { "\"startAt\": 1795545000", "microseconds since 1970" },
    { "\"startAt\": 1795545000000", "microseconds since 1970" },
    { "\"startAt\": -1", "/startAt: -1 is not a time" },
    { "\"startAt\": 9223372036854775807", "/startAt: 9223372036854775807 is not a time" },
    { "\"startAt\": \"18:30\"", "/startAt: \"18:30\" is not a time" },
    { "\"startAt\": [1]", "/startAt: " },
    { "\"deadline\": \"2026-11-24T18:30:00\"", "/deadline: \"2026-11-24T18:30:00\" is not" },
    { "\"deadline\": false", "/deadline: false is not" },
    { "\"runTime\": -1", "/runTime: -1 is not a whole number of seconds" },
    { "\"runTime\": \"10min\"", "/runTime: \"10min\" is not" },
    { "\"attempts\": 1001", "/attempts: 1001 is not a whole number from 0 to 1000" },
    { "\"cache\": \"false\"", "/cache: \"false\" is not true or false" },
    { "\"cache\": 0", "/cache: 0 is not true or false" },
    { "\"idempotencyKey\": 5", "/idempotencyKey: 5 is not a key" },
    { "\"idempotencyKey\": \"\"", "/idempotencyKey: \"\" is not a key: 1 to 32" },
    { "\"idempotencyKey\": \"123456789012345678901234567890123\"", "is not a key: 1 to 32" },
    { "\"idempotencyKey\": \"a\\tb\"", "is not a key" },
    { "\"idempotencyKey\": \"a\\u007f\"", "is not a key" },
    { "\"idempotencyKey\": \"schl\xc3\xbcssel\"", "is not a key" },
    { "\"idempotencykey\": \"a\"", "did you mean \"idempotencyKey\"?" },
    { "\"startat\": 1", "did you mean \"startAt\"?" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autofree char *members = g_strconcat (", ", bad[i].members, NULL);
    g_autoptr (GError) error = NULL;
    g_autoptr (MedleyJobRequest) request = read_body (members, &error);

    g_assert_null (request);
    g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT);
    if (strstr (error->message, bad[i].words) == NULL)
      g_error ("%s: \"%s\" does not say \"%s\"", bad[i].members, error->message, bad[i].words);
  }
}

/* @lines: header lines, each with its CRLF */
static gboolean
take_headers (const char *lines, MedleyJobRequest *wanted, GError **error)
{
  g_autofree char *head
      = g_strconcat ("POST /run/speak HTTP/1.1\r\nHost: a\r\n", lines, "\r\n", NULL);
  guint status = 0;
  g_autoptr (MedleyHttpRequest) request
      = medley_http_request_parse (head, strlen (head), &status, NULL);

  g_assert_nonnull (request);
  return medley_http_take_option_headers (request, wanted, MAX_KEY, error);
}

static void
test_options_of_a_head (void)
{
  g_autoptr (MedleyJobRequest) wanted = medley_job_request_new ("uid:1");
  g_autoptr (GError) error = NULL;

  medley_job_request_set_priority (wanted, 7);
  medley_job_request_set_idempotency_key (wanted, "of the body");
  g_assert_true (take_headers ("Medley-Start-At:  2026-11-24T18:30:00Z \r\n"
                               "medley-deadline: 1795545000000001\r\n"
                               "MEDLEY-RUN-TIME: 90\r\nMedley-Attempts: 2\r\nMedley-Cache: no\r\n"
                               "Idempotency-Key: \"say \\\"yes\\\" \\\\ once\"\r\n",
                               wanted, &error));
  g_assert_no_error (error);
  g_assert_cmpint (wanted->priority, ==, 7);
  g_assert_cmpint (wanted->start_at, ==, 1795545000000000);
  g_assert_cmpint (wanted->deadline, ==, 1795545000000001);
  g_assert_cmpuint (wanted->run_time, ==, 90);
  g_assert_cmpuint (wanted->attempts, ==, 2);
  g_assert_true (wanted->no_cache);
  g_assert_cmpstr (wanted->idempotency_key, ==, "say \"yes\" \\ once");
  g_assert_true (take_headers ("Medley-Priority: -3\r\n"
                               "Idempotency-Key: 8e03978e-40d5-43e8-bc93-6894\r\n",
                               wanted, &error));
  g_assert_cmpint (wanted->priority, ==, -3);
  g_assert_cmpstr (wanted->idempotency_key, ==, "8e03978e-40d5-43e8-bc93-6894");
}

static void
test_bad_options_of_a_head (void)
{
  static const char *const bad[][2] = {
    { "Medley-Priority: high\r\n", "Medley-Priority: \"high\" is not" },
    { "Medley-Priority: 1\r\nMedley-Priority: 101\r\n", "Medley-Priority: \"101\" is not" },
    { "Medley-Priority:\r\n", "Medley-Priority: \"\" is not" },
    { "Medley-Priority: 0x5\r\n", "Medley-Priority: \"0x5\" is not" },
    { "Medley-Priority: 99999999999999999999\r\n", "Medley-Priority: " },
    { "Medley-Priority: \xff\r\n", "Medley-Priority: " },
    { "Medley-Prioritty: 5\r\n", "did you mean Medley-Priority?" },
    { "Medley-Cache: maybe\r\n", "Medley-Cache: \"maybe\" is not true or false" },
    { "Medley-Deadline: 18:30\r\n", "Medley-Deadline: \"18:30\" is not" },
    { "Medley-Start-At: 2026-11-24T18:30:00Z\r\nMedley-Deadline: 2026-11-24T18:29:59Z\r\n",
      "the deadline 2026-11-24T18:29:59Z is not after the start at 2026-11-24T18:30:00Z" },
    { "Idempotency-Key:\r\n", "Idempotency-Key: \"\" is not a key" },
    { "Idempotency-Key: \"\"\r\n", "Idempotency-Key: \"\" is not a key" },
    { "Idempotency-Key: \"a\r\n", "the string is not closed" },
    { "Idempotency-Key: \"a\\\r\n", "the string is not closed" },
    { "Idempotency-Key: \"a\\n\"\r\n", "backslash" },
    { "Idempotency-Key: \"a\";b=1\r\n", "something follows" },
    { "Idempotency-Key: \"a\"\r\nIdempotency-Key: \"b\"\r\n", "something follows" },
    { "Idempotency-Key: a\r\nIdempotency-Key: b\r\n", "without quotes" },
    { "Idempotency-Key: a b\r\n", "without quotes" },
    { "Idempotency-Key: schl\xc3\xbcssel\r\n", "Idempotency-Key: " },
    { "Idempotency-Key: schl\xfcssel\r\n", "printable ASCII" },
    { "Idempotency-Key: 123456789012345678901234567890123\r\n", "1 to 32" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (MedleyJobRequest) wanted = medley_job_request_new ("uid:1");
    g_autoptr (GError) error = NULL;

    g_autofree char *shown = g_strescape (bad[i][0], NULL);
    g_test_message ("%s", shown);
    g_assert_false (take_headers (bad[i][0], wanted, &error));
    g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT);
    if (strstr (error->message, bad[i][1]) == NULL)
      g_error ("\"%s\" does not say \"%s\"", error->message, bad[i][1]);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/times/rfc-3339", test_times);
  g_test_add_func ("/times/printed", test_times_are_printed_as_they_are_read);
  g_test_add_func ("/times/durations", test_durations);
  g_test_add_func ("/options/body", test_options_of_a_body);
  g_test_add_func ("/options/bad-body", test_bad_options_of_a_body);
  g_test_add_func ("/options/head", test_options_of_a_head);
  g_test_add_func ("/options/bad-head", test_bad_options_of_a_head);
  return g_test_run ();
}
