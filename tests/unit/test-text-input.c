/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "text-input.h"

#include <string.h>

#include "medley/medley-error.h"

/* Pushes @data in pieces of @step bytes; returns the text that came out, or NULL with an error. */
static char *
run (const char *data, gsize size, gsize step, GError **error)
{
  g_autoptr (GString) out = g_string_new (NULL);
  TextInput input;

  text_input_reset (&input);
  for (gsize at = 0; at < size; at += step) {
    /* A copy of the right size, so that a sanitizer sees a read past the end. */
    gsize n = MIN (step, size - at);
    g_autofree guint8 *piece = g_memdup2 (data + at, n);
    TextPiece result;

    if (!text_input_push (&input, piece, n, &result, error))
      return NULL;
    g_string_append_len (out, result.head, (gssize) result.n_head);
    g_assert_cmpuint (result.start + result.length, <=, n);
    g_string_append_len (out, (const char *) piece + result.start, (gssize) result.length);
    g_assert_true (g_utf8_validate (out->str, (gssize) out->len, NULL));
  }
  g_assert_cmpuint (input.offset, ==, size);
  if (!text_input_finish (&input, error))
    return NULL;
  g_assert_cmpuint (input.delivered, ==, out->len);
  return g_strdup (out->str);
}

static void
expect_text (const char *data, const char *wanted)
{
  for (gsize step = 1; step <= strlen (data) + 1; step++) {
    g_autoptr (GError) error = NULL;
    g_autofree char *got = run (data, strlen (data), step, &error);

    g_assert_no_error (error);
    g_assert_cmpstr (got, ==, wanted);
  }
}

static void
expect_refused (const char *data, gsize size, MedleyError code, guint64 byte)
{
  g_autofree char *place = g_strdup_printf ("byte %" G_GUINT64_FORMAT, byte);

  for (gsize step = 1; step <= size; step++) {
    g_autoptr (GError) error = NULL;
    g_autofree char *got = run (data, size, step, &error);

    g_assert_error (error, MEDLEY_ERROR, (gint) code);
    g_assert_null (got);
    g_assert_nonnull (strstr (error->message, place));
  }
}

static void
test_characters_cut_by_pieces (void)
{
  expect_text ("plain", "plain");
  expect_text ("naïve €5 😀 مرحبا 你好", "naïve €5 😀 مرحبا 你好");
  expect_text ("", "");
}

static void
test_byte_order_mark_is_stripped_once (void)
{
  expect_text ("\xef\xbb\xbfhello", "hello");
  expect_text ("\xef\xbb\xbf", "");
  expect_text ("\xef\xbb\xbf\xef\xbb\xbfx", "\xef\xbb\xbfx");
  expect_text ("x\xef\xbb\xbfy", "x\xef\xbb\xbfy");
}

static void
test_nul_is_refused (void)
{
  expect_refused ("ab\0c", 4, MEDLEY_ERROR_NUL_IN_TEXT, 2);
  expect_refused ("\0", 1, MEDLEY_ERROR_NUL_IN_TEXT, 0);
  expect_refused ("\xc3\xa9\0", 3, MEDLEY_ERROR_NUL_IN_TEXT, 2);
}

static void
test_other_encodings_are_refused (void)
{
  expect_refused ("caf\xe9 noir", 9, MEDLEY_ERROR_BAD_ENCODING, 3);
  expect_refused ("\x80", 1, MEDLEY_ERROR_BAD_ENCODING, 0);
  expect_refused ("ab\xe2\0cdef", 8, MEDLEY_ERROR_BAD_ENCODING, 2);
  /* Overlong, surrogate, beyond Unicode. */
  expect_refused ("a\xc0\xaf", 3, MEDLEY_ERROR_BAD_ENCODING, 1);
  expect_refused ("a\xed\xa0\x80", 4, MEDLEY_ERROR_BAD_ENCODING, 1);
  expect_refused ("a\xf4\x90\x80\x80", 5, MEDLEY_ERROR_BAD_ENCODING, 1);
  expect_refused ("\xff\xfeh", 3, MEDLEY_ERROR_BAD_ENCODING, 0);
}

static void
test_utf16_is_named (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *got = run ("\xff\xfeh\0", 4, 4, &error);

  g_assert_null (got);
  g_assert_nonnull (strstr (error->message, "UTF-16"));
}

static void
test_cut_off_end_is_refused (void)
{
  expect_refused ("ab\xe2\x82", 4, MEDLEY_ERROR_BAD_ENCODING, 2);
  expect_refused ("\xf0\x9f\x98", 3, MEDLEY_ERROR_BAD_ENCODING, 0);
}

/* Whatever the bytes and the pieces: the outcome is that of the whole, and as GLib judges it. */
static void
test_random_bytes (void)
{
  for (guint round = 0; round < 3000; round++) {
    gsize size = (gsize) g_test_rand_int_range (1, 24);
    g_autofree char *data = g_malloc (size);
    g_autoptr (GError) error_a = NULL, error_b = NULL;
    g_autofree char *whole = NULL, *parts = NULL;

    for (gsize i = 0; i < size; i++)
      data[i] = "aé\xe2\x82\xac\xf0\x9f\x98\x80\xef\xbb\xbf\xff "[g_test_rand_int_range (0, 16)];
    whole = run (data, size, size, &error_a);
    parts = run (data, size, (gsize) g_test_rand_int_range (1, 5), &error_b);
    g_assert_cmpstr (whole, ==, parts);
    g_assert_cmpint (whole != NULL, ==, g_utf8_validate_len (data, size, NULL));
    if (whole == NULL)
      g_assert_cmpint (error_a->code, ==, error_b->code);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/text-input/characters-cut-by-pieces", test_characters_cut_by_pieces);
  g_test_add_func ("/text-input/byte-order-mark-is-stripped-once",
                   test_byte_order_mark_is_stripped_once);
  g_test_add_func ("/text-input/nul-is-refused", test_nul_is_refused);
  g_test_add_func ("/text-input/other-encodings-are-refused", test_other_encodings_are_refused);
  g_test_add_func ("/text-input/utf16-is-named", test_utf16_is_named);
  g_test_add_func ("/text-input/cut-off-end-is-refused", test_cut_off_end_is_refused);
  g_test_add_func ("/text-input/random-bytes", test_random_bytes);
  return g_test_run ();
}
