/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <medley/medley-error.h>
#include <string.h>

#include "base/json.h"
#include "http/chunked.h"
#include "http/download.h"
#include "http/guard.h"
#include "http/multipart.h"
#include "http/problem.h"
#include "http/request.h"

/* Decodes in pieces of a size, as a slow network would bring it. Returns: what was used, -1 for an
 * error */
static gssize
decode (const char *coded, gsize length, gsize step, char **decoded, gboolean *done)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();
  g_autoptr (GError) error = NULL;
  MedleyHttpChunked chunked;
  gsize used = 0;
  gssize n = 0;

  medley_http_chunked_init (&chunked);
  while (used < length && !medley_http_chunked_is_done (&chunked)) {
    gsize piece = MIN (step, length - used);

    n = medley_http_chunked_feed (&chunked, coded + used, piece, out, &error);
    if (n < 0)
      break;
    used += (gsize) n;
  }
  *done = medley_http_chunked_is_done (&chunked);
  if (n < 0) {
    g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT);
    return -1;
  }
  g_byte_array_append (out, (const guint8 *) "", 1);
  *decoded = (char *) g_byte_array_free (g_steal_pointer (&out), FALSE);
  return (gssize) used;
}

static void
test_chunked_good (void)
{
  static const struct {
    const char *coded;
    const char *decoded;
    gsize rest; /* belongs to the next request */
  } good[] = {
    { "0\r\n\r\n", "", 0 },
    { "5\r\nhello\r\n0\r\n\r\n", "hello", 0 },
    { "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world", 0 },
    { "A\r\n0123456789\r\n0\r\n\r\n", "0123456789", 0 },
    { "00000a\r\n0123456789\r\n000\r\n\r\n", "0123456789", 0 },
    { "5;name=value\r\nhello\r\n0;last\r\n\r\n", "hello", 0 },
    { "5 ; x\r\nhello\r\n0\r\n\r\n", NULL, 0 },
    { "5\r\nhello\r\n0\r\nTrailer: x\r\nOther: y\r\n\r\n", "hello", 0 },
    { "4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n", 0 },
    { "1\r\na\r\n0\r\n\r\nGET / HTTP/1.1", "a", 14 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (good); i++) {
    for (gsize step = 1; step < 9; step++) {
      g_autofree char *decoded = NULL;
      gboolean done;
      gssize used = decode (good[i].coded, strlen (good[i].coded), step, &decoded, &done);

      if (good[i].decoded == NULL) {
        g_assert_cmpint (used, ==, -1);
        continue;
      }
      g_assert_true (done);
      g_assert_cmpint (used, ==, (gssize) (strlen (good[i].coded) - good[i].rest));
      g_assert_cmpstr (decoded, ==, good[i].decoded);
    }
  }
}

static void
test_chunked_bad (void)
{
  static const char *const bad[] = {
    "\r\n",
    "g\r\n",
    "-1\r\n",
    "+5\r\nhello\r\n",
    "0x5\r\nhello\r\n",
    " 5\r\nhello\r\n",
    "5 \r\nhello\r\n",
    "5\nhello\n0\n\n",
    "5\rhello",
    "5\r\nhello0\r\n\r\n",
    "5\r\nhello\n0\r\n\r\n",
    "5\r\nhello\r0\r\n\r\n",
    "5\r\nhello!\r\n0\r\n\r\n",
    "1000000000000000\r\n",
    "ffffffffffffffff\r\n",
    "5;a\nb\r\nhello\r\n",
    "0\r\nTrailer\n\r\n",
    "0\r\n\rX",
    ";ext\r\n",
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    for (gsize step = 1; step < 9; step++) {
      g_autofree char *decoded = NULL;
      gboolean done;

      g_assert_cmpint (decode (bad[i], strlen (bad[i]), step, &decoded, &done), ==, -1);
      g_assert_false (done);
    }
  }
}

static void
test_chunked_limits (void)
{
  g_autoptr (GString) coded = g_string_new ("5;");
  g_autofree char *decoded = NULL;
  gboolean done;

  for (guint i = 0; i < 2000; i++)
    g_string_append_c (coded, 'x');
  g_assert_cmpint (decode (coded->str, coded->len, 64, &decoded, &done), ==, -1);

  g_string_assign (coded, "0\r\n");
  for (guint i = 0; i < 2000; i++)
    g_string_append (coded, "A: b\r\n");
  g_assert_cmpint (decode (coded->str, coded->len, 64, &decoded, &done), ==, -1);

  /* One byte of data for each 900 of framing, for ever. */
  g_string_assign (coded, "");
  for (guint i = 0; i < 200; i++) {
    g_string_append (coded, "1;");
    for (guint j = 0; j < 900; j++)
      g_string_append_c (coded, 'x');
    g_string_append (coded, "\r\na\r\n");
  }
  g_assert_cmpint (decode (coded->str, coded->len, 4096, &decoded, &done), ==, -1);

  /* One byte a chunk is silly, but honest. */
  g_string_assign (coded, "");
  for (guint i = 0; i < 50000; i++)
    g_string_append (coded, "1\r\na\r\n");
  g_string_append (coded, "0\r\n\r\n");
  g_assert_cmpint (decode (coded->str, coded->len, 4096, &decoded, &done), ==, (gssize) coded->len);
  g_assert_cmpuint (strlen (decoded), ==, 50000);
}

static void
test_request_good (void)
{
  static const char head[]
      = "POST /run/scan-to%2Dspeech?voice=de%20x&a=1+2&empty&output=captions HTTP/1.1\r\n"
        "Host: localhost:80\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n"
        "X-Odd:  caf\xc3\xa9 \r\n\r\n";
  g_autoptr (GError) error = NULL;
  guint status;
  g_autoptr (MedleyHttpRequest) request
      = medley_http_request_parse (head, strlen (head), &status, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (request->method, ==, "POST");
  g_assert_cmpstr (request->path, ==, "/run/scan-to-speech");
  g_assert_cmpuint (g_strv_length (request->segments), ==, 2);
  g_assert_cmpstr (medley_http_request_get_query (request, "voice"), ==, "de x");
  g_assert_cmpstr (medley_http_request_get_query (request, "a"), ==, "1 2");
  g_assert_true (medley_http_request_has_flag (request, "empty"));
  g_assert_false (medley_http_request_has_flag (request, "output"));
  g_assert_null (medley_http_request_get_query (request, "none"));
  g_assert_cmpint (request->framing, ==, MEDLEY_HTTP_BODY_CHUNKED);
  g_assert_true (request->expects_continue);
  g_assert_true (request->keep_alive);
  g_assert_cmpstr (medley_http_request_get_header (request, "x-odd"), ==, "caf\xc3\xa9");
}

static void
test_request_bad (void)
{
  static const struct {
    const char *head;
    guint status;
  } bad[] = {
    { "GET / HTTP/1.1\r\n\r\n", 400 }, /* no Host */
    { "GET /\r\nHost: a\r\n\r\n", 400 },
    { "GET\r\nHost: a\r\n\r\n", 400 },
    { "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505 },
    { "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400 },
    { "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400 },
    { "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400 },
    { "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400 },
    { "GET / HTTP/1.1\r\nHost: a\r\n: nameless\r\n\r\n", 400 },
    { "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", 400 },
    { "GET / HTTP/1.1\r\nHost: a\r\nX: a\x01z\r\n\r\n", 400 },
    { "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
      400 },
    { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400 },
    { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", 400 },
    { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n", 400 },
    { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n", 400 },
    { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5a\r\n\r\n", 400 },
    { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 400 },
    { "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501 },
    { "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", 501 },
    { "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
    { "GET /a?b=%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "GET /a?b=%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "GET /a?b=%ff HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;
    guint status = 0;
    g_autoptr (MedleyHttpRequest) request
        = medley_http_request_parse (bad[i].head, strlen (bad[i].head), &status, &error);

    g_test_message ("%s", bad[i].head);
    g_assert_null (request);
    g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT);
    g_assert_cmpuint (status, ==, bad[i].status);
  }
}

static void
test_paths (void)
{
  static const char *const bad[] = {
    "/../etc/passwd", "/a/../b", "/a/./b", "/%2e%2e/etc", "/a/%2E%2e", "/.%2e/x",
    "/a//b",          "//etc",   "/a/",    "/a%2fb",      "/a%5cb",    "/a\\b",
    "/%00",           "/a%0ab",  "/%",     "/%2",         "/%gg",      "/\xc3\xa9",
    "/%c0%ae%c0%ae/", "/%ff",    "/a/..",  "/..",         "/.",        "/a%7f",
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autofree char *head = g_strdup_printf ("GET %s HTTP/1.1\r\nHost: a\r\n\r\n", bad[i]);
    guint status;
    g_autoptr (MedleyHttpRequest) request
        = medley_http_request_parse (head, strlen (head), &status, NULL);

    g_test_message ("%s", bad[i]);
    g_assert_null (request);
  }
}

static void
test_head_length (void)
{
  static const char head[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\nrest";
  gboolean malformed;
  gsize checked = 0;

  for (gsize n = 0; n < strlen (head) - 4; n++)
    g_assert_cmpuint (medley_http_head_length ((const guint8 *) head, n, &checked, &malformed), ==,
                      0);
  g_assert_cmpuint (medley_http_head_length ((const guint8 *) head, strlen (head), &checked,
                                             &malformed),
                    ==, strlen (head) - 4);
  checked = 0;
  medley_http_head_length ((const guint8 *) "GET /\n", 6, &checked, &malformed);
  g_assert_true (malformed);
}

static void
test_hosts (void)
{
  static const char *const allowed[] = { "medley.example", NULL };
  static const struct {
    const char *host;
    gboolean tcp;
    gboolean local;
  } hosts[] = {
    { "localhost", TRUE, TRUE },
    { "LOCALHOST", TRUE, TRUE },
    { "localhost:8490", TRUE, TRUE },
    { "127.0.0.1", TRUE, TRUE },
    { "127.0.0.1:1", TRUE, TRUE },
    { "[::1]", TRUE, TRUE },
    { "[::1]:65535", TRUE, TRUE },
    { "medley.example", TRUE, TRUE },
    { "Medley.Example:443", TRUE, TRUE },
    { "evil.example", FALSE, TRUE },
    { "localhost.evil.example", FALSE, TRUE },
    { "evil-localhost", FALSE, TRUE },
    { "localhost.", FALSE, TRUE },
    { "127.0.0.2", FALSE, TRUE },
    { "127.1", FALSE, TRUE },
    { "0.0.0.0", FALSE, TRUE },
    { "[::]", FALSE, TRUE },
    { "[::ffff:127.0.0.1]", FALSE, TRUE },
    { "x.medley.example", FALSE, TRUE },
    { "", FALSE, FALSE },
    { ":80", FALSE, FALSE },
    { "localhost:", FALSE, FALSE },
    { "localhost:x", FALSE, FALSE },
    { "localhost:99999", FALSE, FALSE },
    { "localhost:80:80", FALSE, FALSE },
    { "localhost, evil.example", FALSE, FALSE },
    { "user@localhost", FALSE, FALSE },
    { "localhost/path", FALSE, FALSE },
    { "localhost evil", FALSE, FALSE },
    { "[::1", FALSE, FALSE },
    { "::1", FALSE, FALSE },
    { "[localhost]", FALSE, FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (hosts); i++) {
    g_autoptr (GError) error = NULL;

    g_test_message ("Host: %s", hosts[i].host);
    g_assert_cmpint (medley_http_guard_host (hosts[i].host, FALSE, allowed, &error), ==,
                     hosts[i].tcp);
    if (!hosts[i].tcp)
      g_assert_error (error, MEDLEY_ERROR,
                      (int) (hosts[i].local ? MEDLEY_ERROR_NOT_ALLOWED
                                            : MEDLEY_ERROR_INVALID_ARGUMENT));
    g_assert_cmpint (medley_http_guard_host (hosts[i].host, TRUE, NULL, NULL), ==, hosts[i].local);
  }
}

static void
test_origins (void)
{
  static const struct {
    const char *origin;
    const char *site;
    const char *host;
    gboolean good;
  } origins[] = {
    { NULL, NULL, "localhost", TRUE },
    { "http://localhost:8490", NULL, "localhost:8490", TRUE },
    { "http://LOCALHOST:8490", "same-origin", "localhost:8490", TRUE },
    { "http://localhost", NULL, "localhost:80", TRUE },
    { "https://medley.example", NULL, "medley.example", TRUE },
    { "http://[::1]:8490", NULL, "[::1]:8490", TRUE },
    { NULL, "none", "localhost", TRUE },
    { NULL, "same-origin", "localhost", TRUE },
    { "http://localhost:3000", NULL, "localhost:8490", FALSE },
    { "http://127.0.0.1:8490", NULL, "localhost:8490", FALSE },
    { "http://evil.example", NULL, "localhost:8490", FALSE },
    { "http://localhost.evil.example:8490", NULL, "localhost:8490", FALSE },
    { "http://evil.example:8490", "same-origin", "localhost:8490", FALSE },
    { "null", NULL, "localhost", FALSE },
    { "", NULL, "localhost", FALSE },
    { "file://localhost", NULL, "localhost", FALSE },
    { "chrome-extension://localhost", NULL, "localhost", FALSE },
    { "http://user@localhost", NULL, "localhost", FALSE },
    { "http://localhost", NULL, NULL, FALSE },
    { NULL, "cross-site", "localhost", FALSE },
    { NULL, "same-site", "localhost", FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (origins); i++) {
    g_autoptr (GError) error = NULL;

    g_test_message ("Origin: %s", origins[i].origin);
    g_assert_cmpint (medley_http_guard_origin (origins[i].origin, origins[i].site, origins[i].host,
                                               FALSE, &error),
                     ==, origins[i].good);
    if (!origins[i].good)
      g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_ALLOWED);
  }
  /* Under TLS, a page that came without it may be anybody's. */
  g_assert_true (medley_http_guard_origin ("https://medley.example:8490", NULL,
                                           "medley.example:8490", TRUE, NULL));
  g_assert_false (medley_http_guard_origin ("http://medley.example:8490", NULL,
                                            "medley.example:8490", TRUE, NULL));
  g_assert_false (
      medley_http_guard_origin ("http://medley.example", NULL, "medley.example", TRUE, NULL));
}

static void
test_tokens (void)
{
  static const char *const bad[] = { NULL,
                                     "",
                                     "Bearer",
                                     "Bearer ",
                                     "Basic secret",
                                     "secret",
                                     "Bearersecret",
                                     "Bearer\tsecret",
                                     "Bearer =",
                                     "Bearer secret ",
                                     "Bearer secret, Bearer secret",
                                     "Bearer sec=ret",
                                     "Bearer s\303\244cret" };
  static const char *const good[] = { "Bearer secret", "bearer secret", "BEARER   secret" };
  g_autofree char *rest = g_strnfill (600, 'x');
  g_autofree char *longest = g_strconcat ("Bearer ", rest, NULL);
  g_autofree char *all = medley_http_guard_bearer ("Bearer aZ09-._~+/==", NULL);

  g_assert_cmpstr (all, ==, "aZ09-._~+/==");
  for (guint i = 0; i < G_N_ELEMENTS (good); i++) {
    g_autofree char *token = medley_http_guard_bearer (good[i], NULL);

    g_assert_cmpstr (token, ==, "secret");
  }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_null (medley_http_guard_bearer (bad[i], &error));
    g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAUTHORIZED);
  }
  g_assert_null (medley_http_guard_bearer (longest, NULL));
}

static void
test_ranges (void)
{
  static const struct {
    const char *text;
    MedleyHttpRange range;
    guint64 first;
    guint64 last;
  } ranges[] = {
    { NULL, MEDLEY_HTTP_RANGE_NONE, 0, 0 },
    { "bytes=0-0", MEDLEY_HTTP_RANGE_PART, 0, 0 },
    { "bytes=0-", MEDLEY_HTTP_RANGE_PART, 0, 99 },
    { "bytes=10-19", MEDLEY_HTTP_RANGE_PART, 10, 19 },
    { "bytes=90-500", MEDLEY_HTTP_RANGE_PART, 90, 99 },
    { "bytes=-10", MEDLEY_HTTP_RANGE_PART, 90, 99 },
    { "bytes=-500", MEDLEY_HTTP_RANGE_PART, 0, 99 },
    { "bytes=99-99", MEDLEY_HTTP_RANGE_PART, 99, 99 },
    { "bytes=100-", MEDLEY_HTTP_RANGE_UNSATISFIABLE, 0, 0 },
    { "bytes=-0", MEDLEY_HTTP_RANGE_UNSATISFIABLE, 0, 0 },
    { "bytes=5-4", MEDLEY_HTTP_RANGE_NONE, 0, 0 },
    { "bytes=-", MEDLEY_HTTP_RANGE_NONE, 0, 0 },
    { "bytes=", MEDLEY_HTTP_RANGE_NONE, 0, 0 },
    { "bytes=a-b", MEDLEY_HTTP_RANGE_NONE, 0, 0 },
    { "bytes=1-2,4-5", MEDLEY_HTTP_RANGE_NONE, 0, 0 },
    { "bytes=+1-2", MEDLEY_HTTP_RANGE_NONE, 0, 0 },
    { "bytes= 1-2", MEDLEY_HTTP_RANGE_NONE, 0, 0 },
    { "bytes=99999999999999999999-", MEDLEY_HTTP_RANGE_NONE, 0, 0 },
    { "lines=0-1", MEDLEY_HTTP_RANGE_NONE, 0, 0 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (ranges); i++) {
    guint64 first = 0;
    guint64 last = 0;

    g_test_message ("Range: %s", ranges[i].text);
    g_assert_cmpint (medley_http_range_parse (ranges[i].text, 100, &first, &last), ==,
                     ranges[i].range);
    if (ranges[i].range == MEDLEY_HTTP_RANGE_PART) {
      g_assert_cmpuint (first, ==, ranges[i].first);
      g_assert_cmpuint (last, ==, ranges[i].last);
    }
  }
}

static void
test_problem (void)
{
  g_autoptr (GError) error = g_error_new_literal (MEDLEY_ERROR, MEDLEY_ERROR_TOO_LARGE,
                                                  "input \"text\" is longer than 64 MiB");
  g_autoptr (GVariant) details
      = g_variant_ref_sink (g_variant_new_parsed ("{'job': <'abc'>, 'status': <'fake'>}"));
  g_autoptr (GVariant) problem = g_variant_ref_sink (medley_http_problem (error, 0, details));
  g_autofree char *text = medley_json_print (problem, FALSE);

  g_assert_cmpstr (
      text, ==,
      "{\"type\":\"urn:medley:error:too-large\",\"title\":\"An input or request is too large\","
      "\"status\":413,\"detail\":\"input \\\"text\\\" is longer than 64 "
      "MiB\",\"code\":\"too-large\","
      "\"job\":\"abc\"}");
}

static gboolean
on_part (const char *name, gpointer data, GError **error)
{
  g_string_append_printf (data, "<%s:", name);
  return TRUE;
}

static gboolean
on_part_data (const guint8 *bytes, gsize length, gpointer data, GError **error)
{
  g_string_append_len (data, (const char *) bytes, (gssize) length);
  return TRUE;
}

static gboolean
on_part_end (gpointer data, GError **error)
{
  g_string_append_c (data, '>');
  return TRUE;
}

/* Returns: what was found, or NULL when it was refused */
static char *
take_apart (const char *type, const char *body, gsize step)
{
  static const MedleyMultipartFuncs funcs = { on_part, on_part_data, on_part_end };
  g_autoptr (GString) found = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyHttpMultipart) parser = medley_http_multipart_new (type, &funcs, found, &error);
  gsize length = strlen (body);
  gboolean good = parser != NULL;

  for (gsize i = 0; good && i < length; i += step)
    good = medley_http_multipart_feed (parser, body + i, MIN (step, length - i), &error);
  if (good && medley_http_multipart_finish (parser, &error))
    return g_string_free (g_steal_pointer (&found), FALSE);
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT);
  return NULL;
}

#define PART(Name) "Content-Disposition: form-data; name=\"" Name "\"\r\n\r\n"

static void
test_multipart (void)
{
  static const struct {
    const char *body;
    const char *found;
  } bodies[] = {
    { "--x\r\n" PART ("a") "hello\r\n--x--\r\n", "<a:hello>" },
    { "--x\r\n" PART ("a") "\r\n--x--", "<a:>" },
    { "preamble\r\n--x\r\n" PART ("a") "1\r\n--x\r\nContent-Type: text/plain\r\n" PART (
          "b") "\r\n--\r\n--xx\r\n--x--epilogue --x",
      NULL },
    { "preamble\r\n--x\r\n" PART ("a") "1\r\n--x\r\nContent-Type: text/plain\r\n" PART (
          "b") "\r\n--\r\n-x\r\r\n\r\n--x--epilogue --x",
      "<a:1><b:\r\n--\r\n-x\r\r\n>" },
    { "--x\r\ncontent-disposition: form-data; filename=\"f.txt\"; name=a\r\n\r\n1\r\n--x--",
      "<a:1>" },
    { "--x--", "" },
    { "", NULL },
    { "--x\r\n" PART ("a") "hello", NULL },
    { "--x\r\n" PART ("a") "hello\r\n--x", NULL },
    { "--x\r\n" PART ("a") "hello\n--x--", NULL },
    { "--x\r\n" PART ("") "hello\r\n--x--", NULL },
    { "--x\r\nContent-Disposition: form-data\r\n\r\nhello\r\n--x--", NULL },
    { "--x\r\nContent-Disposition: attachment; name=a\r\n\r\nhello\r\n--x--", NULL },
    { "--x\r\nContent-Type: text/plain\r\n\r\nhello\r\n--x--", NULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (bodies); i++) {
    for (gsize step = 1; step < 40; step++) {
      g_autofree char *found = take_apart ("multipart/form-data; boundary=x", bodies[i].body, step);

      g_test_message ("%s", bodies[i].body);
      g_assert_cmpstr (found, ==, bodies[i].found);
    }
  }
  g_assert_null (take_apart ("multipart/form-data", "--x--", 5));
  g_assert_null (take_apart ("multipart/form-data; boundary=\"\"", "--x--", 5));
  g_assert_null (take_apart ("multipart/form-data; boundary=\"a\\\r\"", "--x--", 5));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/http/chunked/decodes-in-any-pieces", test_chunked_good);
  g_test_add_func ("/http/chunked/refuses-what-is-malformed", test_chunked_bad);
  g_test_add_func ("/http/chunked/limits-framing", test_chunked_limits);
  g_test_add_func ("/http/request/reads-a-head", test_request_good);
  g_test_add_func ("/http/request/refuses-what-is-ambiguous", test_request_bad);
  g_test_add_func ("/http/request/has-no-way-out-of-a-path", test_paths);
  g_test_add_func ("/http/request/finds-the-end-of-a-head", test_head_length);
  g_test_add_func ("/http/guard/host", test_hosts);
  g_test_add_func ("/http/guard/origin", test_origins);
  g_test_add_func ("/http/guard/token", test_tokens);
  g_test_add_func ("/http/multipart", test_multipart);
  g_test_add_func ("/http/range", test_ranges);
  g_test_add_func ("/http/problem", test_problem);
  return g_test_run ();
}
