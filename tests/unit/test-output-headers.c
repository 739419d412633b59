/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/download.h"
#include "http/output-headers.h"

static void
test_names (void)
{
  static const struct {
    gboolean attachment;
    const char *name;
    const char *field;
  } names[] = {
    { FALSE, "speak-speech.ogg", "inline; filename=\"speak-speech.ogg\"" },
    { TRUE, "my film.mp4", "attachment; filename=\"my film.mp4\"" },
    { TRUE, "Übung.mp4", "attachment; filename=\"_bung.mp4\"; filename*=UTF-8''%C3%9Cbung.mp4" },
    { TRUE, "鳥 1.vtt", "attachment; filename=\"_ 1.vtt\"; filename*=UTF-8''%E9%B3%A5%201.vtt" },
    { TRUE, "100%.ogg", "attachment; filename=\"100_.ogg\"; filename*=UTF-8''100%25.ogg" },
    { TRUE, "a\"b;c=d'e",
      "attachment; filename=\"a_b;c=d'e\"; filename*=UTF-8''a%22b%3Bc%3Dd%27e" },
    { TRUE, "../../etc/passwd", "attachment; filename=\".._.._etc_passwd\"" },
    { TRUE, "a\\b\r\nSet-Cookie: x\x7f", "attachment; filename=\"a_b__Set-Cookie: x_\"" },
    { TRUE, "\xff.ogg", "attachment; filename=\"_.ogg\"; filename*=UTF-8''%EF%BF%BD.ogg" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *field = medley_http_make_disposition (names[i].attachment, names[i].name);

    g_assert_cmpstr (field, ==, names[i].field);
  }
}

static void
test_preconditions (void)
{
  enum {
    NONE = MEDLEY_HTTP_PRECONDITION_NONE,
    SAME = MEDLEY_HTTP_PRECONDITION_NOT_MODIFIED,
    FAILED = MEDLEY_HTTP_PRECONDITION_FAILED,
  };
  static const struct {
    const char *if_match;
    const char *if_none_match;
    const char *etag;
    int result;
  } cases[] = {
    { NULL, NULL, "\"a\"", NONE },
    { NULL, "\"a\"", "\"a\"", SAME },
    { NULL, "W/\"a\"", "\"a\"", SAME },
    { NULL, "\"x\", \"a\"", "\"a\"", SAME },
    { NULL, "\"x,\", \"a,b\"", "\"a,b\"", SAME },
    { NULL, "\"x\"", "\"a\"", NONE },
    { NULL, "a", "\"a\"", NONE },
    { NULL, "*", "\"a\"", SAME },
    { NULL, "\"x\", *", "\"a\"", NONE },
    { NULL, "**", "\"a\"", NONE },
    { NULL, "", "\"a\"", NONE },
    { "\"a\"", NULL, "\"a\"", NONE },
    { "*", NULL, "\"a\"", NONE },
    { "\"x\", \"a\"", NULL, "\"a\"", NONE },
    { "\"x\"", NULL, "\"a\"", FAILED },
    { "W/\"a\"", NULL, "\"a\"", FAILED },
    { "", NULL, "\"a\"", FAILED },
    { "\"a\"", "\"a\"", "\"a\"", SAME },
    { "\"x\"", "\"a\"", "\"a\"", FAILED },
    /* What grows has no tag. */
    { NULL, "\"a\"", NULL, NONE },
    { NULL, "*", NULL, SAME },
    { "\"a\"", NULL, NULL, FAILED },
    { "*", NULL, NULL, NONE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_test_message ("If-Match: %s, If-None-Match: %s, %s", cases[i].if_match,
                    cases[i].if_none_match, cases[i].etag);
    g_assert_cmpint (medley_http_check_preconditions (cases[i].if_match, cases[i].if_none_match,
                                                      cases[i].etag),
                     ==, cases[i].result);
  }
}

static void
test_closed_ranges (void)
{
  static const char *const open[]
      = { NULL,       "",          "bytes=",    "bytes=-",   "bytes=5-",
          "bytes=-5", "bytes=1-0", "bytes=a-b", "lines=0-1", "bytes=0-1,2-3" };
  guint64 first, last;

  for (guint i = 0; i < G_N_ELEMENTS (open); i++)
    g_assert_false (medley_http_range_parse_closed (open[i], &first, &last));
  g_assert_true (medley_http_range_parse_closed ("bytes=10-19", &first, &last));
  g_assert_cmpuint (first, ==, 10);
  g_assert_cmpuint (last, ==, 19);
  g_assert_true (medley_http_range_parse_closed ("bytes=0-9223372036854775807", &first, &last));
  g_assert_cmpuint (last, ==, G_MAXINT64);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/http/output/file-names", test_names);
  g_test_add_func ("/http/output/preconditions", test_preconditions);
  g_test_add_func ("/http/output/closed-ranges", test_closed_ranges);
  return g_test_run ();
}
