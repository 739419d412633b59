/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Header fields with a syntax of their own, one on each line: Host, Origin, Authorization,
 * Idempotency-Key, Range, Sec-Fetch-Site; traceparent and tracestate alone. */

#include <glib.h>
#include <string.h>

#include "base/trace.h"
#include "fuzz.h"
#include "http/download.h"
#include "http/guard.h"
#include "http/option-headers.h"

#define SIZE 1000

/* Whatever is let in is a name of ours, whole. */
static void
fuzz_host (const char *host)
{
  static const char *const ours[] = { "localhost", "127.0.0.1", "[::1]", "medley.example" };
  static const char *const allowed[] = { "medley.example", NULL };
  gboolean is_ours = FALSE;

  if (!medley_http_guard_host (host, FALSE, allowed, NULL))
    return;
  for (guint i = 0; i < G_N_ELEMENTS (ours); i++) {
    gsize length = strlen (ours[i]);

    is_ours = is_ours
              || (g_ascii_strncasecmp (host, ours[i], length) == 0
                  && (host[length] == '\0' || host[length] == ':'));
  }
  g_assert_true (is_ours);
  g_assert_true (medley_http_guard_host (host, TRUE, NULL, NULL));
}

/* A page that may change something has the address that it asks. */
static void
fuzz_origin (const char *origin, const char *host, const char *site)
{
  const char *authority = strstr (origin, "://");

  if (!medley_http_guard_host (host, FALSE, NULL, NULL))
    return;
  if (medley_http_guard_origin (origin, site, host, TRUE, NULL))
    g_assert_true (medley_http_guard_origin (origin, site, host, FALSE, NULL));
  if (medley_http_guard_origin (origin, site, host, FALSE, NULL)) {
    g_assert_nonnull (authority);
    g_assert_cmpint (g_ascii_strncasecmp (authority + 3, host, strcspn (host, ":")), ==, 0);
  }
}

static void
fuzz_bearer (const char *authorization)
{
  g_autofree char *token = medley_http_guard_bearer (authorization, NULL);

  if (token == NULL)
    return;
  g_assert_true (g_str_is_ascii (token) && token[0] != '\0');
  g_assert_null (strpbrk (token, " \t\r\n,;\""));
  g_assert_true (g_str_has_suffix (authorization, token));
}

static void
fuzz_range (const char *range)
{
  guint64 first;
  guint64 last;

  if (medley_http_range_parse (range, SIZE, &first, &last) == MEDLEY_HTTP_RANGE_PART)
    g_assert_true (first <= last && last < SIZE);
  g_assert_cmpint (medley_http_range_parse (range, 0, &first, &last), !=, MEDLEY_HTTP_RANGE_PART);
}

static void
fuzz_trace (const char *text)
{
  char printed[MEDLEY_TRACEPARENT_SIZE];
  MedleyTrace trace;
  MedleyTrace again;

  medley_tracestate_is_valid (text);
  if (!medley_trace_parse (text, &trace))
    return;
  medley_trace_print (&trace, printed);
  g_assert_true (medley_trace_parse (printed, &again));
  g_assert_cmpstr (again.trace_id, ==, trace.trace_id);
  g_assert_cmpstr (again.span_id, ==, trace.span_id);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autofree char *text = g_strndup ((const char *) data, size);
  g_auto (GStrv) lines = g_strsplit (text, "\n", 6);
  guint n = g_strv_length (lines);
  g_autofree char *key = NULL;

  fuzz_host (text);
  fuzz_bearer (text);
  fuzz_range (text);
  fuzz_trace (text);
  if (n < 5)
    return 0;
  fuzz_host (lines[0]);
  fuzz_origin (lines[1], lines[0], n > 5 ? lines[5] : NULL);
  fuzz_bearer (lines[2]);
  key = medley_http_parse_idempotency_key (lines[3], NULL);
  fuzz_range (lines[4]);
  return 0;
}
