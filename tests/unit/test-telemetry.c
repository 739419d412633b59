/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>
#include <medley/medley-error.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "telemetry/headers.h"
#include "telemetry/span.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"
#define PARENT "1111111111111111"
#define TIME G_GINT64_CONSTANT (1795540200123456)

static GVariant *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  GVariant *value = medley_json_parse (text, strlen (text), NULL, NULL, &error);

  g_assert_no_error (error);
  return value;
}

static void
assert_string (GVariant *dict, const char *key, const char *expected)
{
  const char *text = NULL;

  g_variant_lookup (dict, key, "&s", &text);
  g_assert_cmpstr (text, ==, expected);
}

static MedleySpan *
make_span (gint64 start, gint64 end)
{
  MedleyTrace trace;

  g_assert_true (medley_trace_parse ("00-" TRACE "-" SPAN "-01", &trace));
  return medley_span_new ("a \"name\"", MEDLEY_SPAN_SERVER, &trace, PARENT, start, end);
}

static void
test_a_span_in_json (void)
{
  g_autoptr (MedleySpan) span = make_span (TIME, TIME + 5);
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GVariant) list = NULL;
  g_autoptr (GVariant) status = NULL;
  g_autofree char *text = NULL;
  gint64 kind = 0;

  medley_span_set_string (span, "s", "t\n\xff");
  medley_span_set_string (span, "left out", NULL);
  medley_span_set_integer (span, "i", G_MAXINT64);
  medley_span_set_tracestate (span, "a=1");
  medley_span_add_event (span, "first-output", TIME + 2);
  medley_span_set_error (span, "bad-input", "it is bad");
  text = medley_span_print (span);
  value = parse (text);
  assert_string (value, "traceId", TRACE);
  assert_string (value, "spanId", SPAN);
  assert_string (value, "parentSpanId", PARENT);
  assert_string (value, "traceState", "a=1");
  assert_string (value, "name", "a \"name\"");
  assert_string (value, "startTimeUnixNano", "1795540200123456000");
  assert_string (value, "endTimeUnixNano", "1795540200123461000");
  g_assert_true (g_variant_lookup (value, "kind", "x", &kind));
  g_assert_cmpint (kind, ==, 2);
  g_assert_nonnull (
      strstr (text, "{\"key\":\"s\",\"value\":{\"stringValue\":\"t\\n\xef\xbf\xbd\"}}"));
  g_assert_nonnull (
      strstr (text, "{\"key\":\"i\",\"value\":{\"intValue\":\"9223372036854775807\"}}"));
  g_assert_nonnull (
      strstr (text, "{\"key\":\"error.type\",\"value\":{\"stringValue\":\"bad-input\"}}"));
  g_assert_null (strstr (text, "left out"));
  list = g_variant_lookup_value (value, "events", NULL);
  g_assert_cmpuint (g_variant_n_children (list), ==, 1);
  g_assert_nonnull (
      strstr (text, "{\"timeUnixNano\":\"1795540200123458000\",\"name\":\"first-output\"}"));
  status = g_variant_lookup_value (value, "status", G_VARIANT_TYPE_VARDICT);
  g_assert_nonnull (status);
  assert_string (status, "message", "it is bad");
}

static void
test_clocks_that_are_set (void)
{
  g_autoptr (MedleySpan) span = make_span (TIME, TIME - 1000);
  g_autofree char *text = medley_span_print (span);

  g_assert_nonnull (strstr (text, "\"endTimeUnixNano\":\"1795540200123456000\""));
}

static void
test_long_values_are_cut (void)
{
  g_autoptr (MedleySpan) span = make_span (TIME, TIME);
  g_autofree char *value = g_strnfill (100000, 'x');
  g_autofree char *text = NULL;

  medley_span_set_string (span, "s", value);
  medley_span_set_error (span, "failed", value);
  text = medley_span_print (span);
  g_assert_cmpuint (strlen (text), <, 4000);
}

static void
test_a_batch (void)
{
  g_autoptr (MedleySpan) span = make_span (TIME, TIME);
  g_autofree char *one = medley_span_print (span);
  char *const spans[] = { one, one, one };
  g_autofree char *text = medley_otlp_print ("a \"service\"", "1.2.3", spans, 3);
  g_autofree char *none = medley_otlp_print ("s", "1", spans, 0);
  g_autoptr (GVariant) value = parse (text);
  g_autoptr (GVariant) empty = parse (none);
  guint n = 0;

  for (const char *at = text; (at = strstr (at, "\"traceId\"")) != NULL; at++)
    n++;
  g_assert_cmpuint (n, ==, 3);
  g_assert_nonnull (
      strstr (text,
              "{\"key\":\"service.name\",\"value\":{\"stringValue\":\"a \\\"service\\\"\"}}"));
  g_assert_true (g_str_has_prefix (text, "{\"resourceSpans\":[{\"resource\":{\"attributes\":["));
}

static GPtrArray *
read_headers (const char *text, gssize length, GError **error)
{
  g_autofree char *path = NULL;
  GPtrArray *headers;
  int fd = g_file_open_tmp ("medley-headers-XXXXXX", &path, NULL);

  g_assert_cmpint (fd, >=, 0);
  g_assert_true (
      g_file_set_contents_full (path, text, length, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
  headers = medley_otlp_headers_read (path, error);
  g_unlink (path);
  g_close (fd, NULL);
  return headers;
}

static void
test_headers (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) headers
      = read_headers ("# a comment\n\nAuthorization: Bearer a:b c\r\nX-Scope-OrgID:7\nX-Empty:\n",
                      -1, &error);
  static const char *const expected[]
      = { "Authorization", "Bearer a:b c", "X-Scope-OrgID", "7", "X-Empty", "" };

  g_assert_no_error (error);
  g_assert_cmpuint (headers->len, ==, G_N_ELEMENTS (expected));
  for (guint i = 0; i < headers->len; i++)
    g_assert_cmpstr (headers->pdata[i], ==, expected[i]);
}

static void
test_bad_headers (void)
{
  static const char *const rows[] = {
    "SECRET",          ": SECRET",     "a b: SECRET",
    "X: SECRET\001",   "Host: SECRET", "content-length: SECRET",
    "X: SECR\xc3\x9c",
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *text = g_strconcat ("Good: one\n", rows[i], "\n", NULL);
    g_autoptr (GError) error = NULL;

    g_assert_null (read_headers (text, -1, &error));
    g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG);
    g_assert_nonnull (strstr (error->message, ":2: "));
    g_assert_null (strstr (error->message, "SECR"));
  }
}

static void
test_files_that_are_none (void)
{
  g_autofree char *large = g_strnfill (70000, '#');
  g_autoptr (GError) missing = NULL, nul = NULL, long_one = NULL;
  g_autoptr (GPtrArray) none = NULL;

  g_assert_null (medley_otlp_headers_read ("/nowhere/at/all", &missing));
  g_assert_error (missing, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG);
  g_assert_null (read_headers ("A: b\0c", 6, &nul));
  g_assert_error (nul, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG);
  g_assert_null (read_headers (large, -1, &long_one));
  g_assert_error (long_one, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG);
  none = medley_otlp_headers_read ("", NULL);
  g_assert_cmpuint (none->len, ==, 0);
}

/* Nobody writes into the FIFO: reading it would last for ever. */
static void
test_files_that_are_not_taken (void)
{
  static const struct {
    mode_t mode;
    int code; /* 0 for none */
  } rows[] = { { 0600, 0 },
               { 0440, 0 },
               { 0644, MEDLEY_ERROR_NOT_ALLOWED },
               { 0604, MEDLEY_ERROR_NOT_ALLOWED },
               { 0620, MEDLEY_ERROR_NOT_ALLOWED } };
  g_autofree char *folder = g_dir_make_tmp ("medley-headers-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "headers", NULL);
  g_autoptr (GError) fifo = NULL, directory = NULL;

  g_assert_true (g_file_set_contents (path, "Key: SECRET\n", -1, NULL));
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (GPtrArray) headers = NULL;

    g_assert_cmpint (g_chmod (path, (int) rows[i].mode), ==, 0);
    headers = medley_otlp_headers_read (path, &error);
    if (rows[i].code == 0) {
      g_assert_no_error (error);
      g_assert_cmpuint (headers->len, ==, 2);
    } else {
      g_assert_error (error, MEDLEY_ERROR, rows[i].code);
      g_assert_nonnull (strstr (error->message, "chmod 600"));
    }
  }
  g_unlink (path);
  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  g_assert_null (medley_otlp_headers_read (path, &fifo));
  g_assert_error (fifo, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG);
  g_unlink (path);
  g_assert_null (medley_otlp_headers_read (folder, &directory));
  g_assert_error (directory, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG);
  g_rmdir (folder);
}

int
main (int argc, char **argv)
{
  g_unsetenv ("CREDENTIALS_DIRECTORY");
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/telemetry/a-span-in-json", test_a_span_in_json);
  g_test_add_func ("/telemetry/clocks-that-are-set", test_clocks_that_are_set);
  g_test_add_func ("/telemetry/long-values-are-cut", test_long_values_are_cut);
  g_test_add_func ("/telemetry/a-batch", test_a_batch);
  g_test_add_func ("/telemetry/headers", test_headers);
  g_test_add_func ("/telemetry/bad-headers", test_bad_headers);
  g_test_add_func ("/telemetry/files-that-are-none", test_files_that_are_none);
  g_test_add_func ("/telemetry/files-that-are-not-taken", test_files_that_are_not_taken);
  return g_test_run ();
}
