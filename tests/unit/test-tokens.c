/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/tokens.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <medley/medley-error.h>

#include "base/folders.h"

#define NOW (G_GINT64_CONSTANT (1790000000) * G_USEC_PER_SEC)
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static void
test_a_token_is_found_by_its_text_alone (void)
{
  g_autoptr (MedleyTokens) tokens = medley_tokens_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *first = medley_tokens_add (tokens, "laptop", MEDLEY_SCOPE_ADMIN, NOW, 0, &error);
  g_autofree char *second
      = medley_tokens_add (tokens, "ci", MEDLEY_SCOPE_READ, NOW, NOW + G_USEC_PER_SEC, &error);
  g_autofree char *text = NULL;
  const MedleyToken *found;

  g_assert_no_error (error);
  g_assert_cmpstr (first, !=, second);
  g_assert_true (g_str_has_prefix (first, "medley_"));
  g_assert_cmpuint (strlen (first), ==, strlen ("medley_") + 43);
  found = medley_tokens_find (tokens, first);
  g_assert_nonnull (found);
  g_assert_cmpstr (found->name, ==, "laptop");
  g_assert_cmpint (found->scope, ==, MEDLEY_SCOPE_ADMIN);
  g_assert_cmpint (medley_tokens_find (tokens, second)->expires, ==, NOW + G_USEC_PER_SEC);
  g_assert_null (medley_tokens_find (tokens, ""));
  g_assert_null (medley_tokens_find (tokens, "laptop"));
  g_assert_null (medley_tokens_find (tokens, found->hash));

  /* What is written down is the hash, and nothing that could be shown instead. */
  text = medley_tokens_print (tokens);
  g_assert_nonnull (strstr (text, found->hash));
  g_assert_null (strstr (text, first));
  g_assert_null (strstr (text, first + strlen ("medley_")));

  g_assert_true (medley_tokens_remove (tokens, "laptop", &error));
  g_assert_null (medley_tokens_find (tokens, first));
  g_assert_nonnull (medley_tokens_find (tokens, second));
}

static void
test_what_is_printed_reads_back (void)
{
  g_autoptr (MedleyTokens) tokens = medley_tokens_new ();
  g_autoptr (MedleyTokens) again = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *a = medley_tokens_add (tokens, "b.c-d_E9", MEDLEY_SCOPE_RUN, NOW + 5, 0, &error);
  g_autofree char *b
      = medley_tokens_add (tokens, "a", MEDLEY_SCOPE_READ, NOW, NOW + 7 * G_USEC_PER_SEC, &error);
  g_autofree char *text = medley_tokens_print (tokens);
  g_autofree char *second = NULL;

  again = medley_tokens_parse (text, strlen (text), &error);
  g_assert_no_error (error);
  second = medley_tokens_print (again);
  g_assert_cmpstr (text, ==, second);
  g_assert_cmpuint (medley_tokens_count (again), ==, 2);
  g_assert_cmpstr (medley_tokens_get (again, 0)->name, ==, "a");
  g_assert_cmpint (medley_tokens_find (again, a)->created, ==, NOW);
  g_assert_cmpint (medley_tokens_find (again, b)->expires, ==, NOW + 7 * G_USEC_PER_SEC);
}

static void
test_bad_requests (void)
{
  static const char *const names[] = { "", "a b", "a/b", "../x", "ä", "token:x", "a\n" };
  g_autoptr (MedleyTokens) tokens = medley_tokens_new ();
  g_autofree char *name = g_strnfill (65, 'x');
  g_autofree char *secret = medley_tokens_add (tokens, "laptop", MEDLEY_SCOPE_RUN, NOW, 0, NULL);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_assert_null (medley_tokens_add (tokens, names[i], MEDLEY_SCOPE_RUN, NOW, 0, &error));
    g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT);
    g_clear_error (&error);
  }
  g_assert_null (medley_tokens_add (tokens, name, MEDLEY_SCOPE_RUN, NOW, 0, &error));
  g_clear_error (&error);
  g_assert_null (medley_tokens_add (tokens, "laptop", MEDLEY_SCOPE_RUN, NOW, 0, &error));
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_null (medley_tokens_add (tokens, "past", MEDLEY_SCOPE_RUN, NOW, NOW, &error));
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_false (medley_tokens_remove (tokens, "labtop", &error));
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, "laptop"));
  g_assert_cmpuint (medley_tokens_count (tokens), ==, 1);
}

static void
test_bad_texts (void)
{
#define ONE(Members) "{\"version\":1,\"tokens\":[{" Members "}]}"
  static const char *const texts[] = {
    "",
    "[]",
    "{\"version\":2,\"tokens\":[]}",
    "{\"version\":1}",
    "{\"version\":1,\"tokens\":{}}",
    "{\"version\":1,\"tokens\":[7]}",
    ONE (""),
    ONE ("\"name\":\"a\",\"scope\":\"run\""),
    ONE ("\"name\":\"a\",\"hash\":\"" ZEROS "\""),
    ONE ("\"scope\":\"run\",\"hash\":\"" ZEROS "\""),
    ONE ("\"name\":\"a\",\"scope\":\"none\",\"hash\":\"" ZEROS "\""),
    ONE ("\"name\":\"a\",\"scope\":\"root\",\"hash\":\"" ZEROS "\""),
    ONE ("\"name\":\"a/b\",\"scope\":\"run\",\"hash\":\"" ZEROS "\""),
    ONE ("\"name\":\"a\",\"scope\":\"run\",\"hash\":\"\""),
    ONE ("\"name\":\"a\",\"scope\":\"run\",\"hash\":\"x" ZEROS "\""),
    ONE ("\"name\":\"a\",\"scope\":\"run\",\"hash\":\"" ZEROS "\",\"expires\":0"),
    ONE ("\"name\":\"a\",\"scope\":\"run\",\"hash\":\"" ZEROS "\",\"expires\":\"tomorrow\""),
    ONE ("\"name\":\"a\",\"scope\":\"run\",\"hash\":\"" ZEROS "\",\"only-from\":\"10.0.0.1\""),
    ONE ("\"name\":\"a\",\"scope\":\"run\",\"hash\":\"" ZEROS
         "\"},{\"name\":\"b\",\"scope\":\"run\",\"hash\":\"" ZEROS "\""),
  };
  static const char good[] = ONE ("\"name\":\"a\",\"scope\":\"run\",\"hash\":\"" ZEROS "\"");
  g_autoptr (MedleyTokens) tokens = medley_tokens_parse (good, strlen (good), NULL);

  g_assert_nonnull (tokens);
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (GError) error = NULL;

    g_test_message ("%s", texts[i]);
    g_assert_null (medley_tokens_parse (texts[i], strlen (texts[i]), &error));
    g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG);
  }
}

static void
test_the_file (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("medley-tokens-XXXXXX", &error);
  g_autofree char *path = g_build_filename (folder, "state", "tokens.json", NULL);
  g_autofree char *elsewhere = g_build_filename (folder, "elsewhere", NULL);
  g_autoptr (MedleyTokens) tokens = medley_tokens_load (path, &error);
  g_autoptr (MedleyTokens) again = NULL;
  g_autofree char *secret = NULL;
  struct stat st;
  int lock;

  g_assert_no_error (error);
  g_assert_cmpuint (medley_tokens_count (tokens), ==, 0);
  lock = medley_tokens_lock (path, &error);
  g_assert_no_error (error);
  secret = medley_tokens_add (tokens, "laptop", MEDLEY_SCOPE_RUN, NOW, 0, &error);
  /* A link in its place is replaced, not followed. */
  g_assert_true (g_file_set_contents (elsewhere, "kept", -1, NULL));
  g_assert_cmpint (symlink (elsewhere, path), ==, 0);
  g_assert_true (medley_tokens_save (tokens, path, lock, &error));
  g_assert_no_error (error);
  close (lock);
  g_assert_cmpint (lstat (path, &st), ==, 0);
  g_assert_cmpuint (st.st_mode, ==, S_IFREG | 0600);
  g_assert_cmpint (lstat (elsewhere, &st), ==, 0);
  g_assert_cmpint (st.st_size, ==, 4);

  again = medley_tokens_load (path, &error);
  g_assert_no_error (error);
  g_assert_nonnull (medley_tokens_find (again, secret));
  g_assert_cmpint (chmod (path, 0640), ==, 0);
  g_assert_null (medley_tokens_load (path, &error));
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_ALLOWED);
  g_clear_error (&error);
  g_unlink (path);
  g_assert_true (g_file_set_contents_full (path, "{}", -1, 0, 0600, NULL));
  g_assert_null (medley_tokens_load (path, &error));
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG);
  g_assert_nonnull (strstr (error->message, path));
  g_clear_error (&error);
  g_unlink (path);
  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  g_assert_null (medley_tokens_load (path, &error));
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG);
  medley_folder_remove (folder);
}

static void
test_hashes_are_compared_whole (void)
{
  char a[MEDLEY_TOKEN_HASH_LENGTH + 1];
  char b[MEDLEY_TOKEN_HASH_LENGTH + 1];

  medley_token_hash ("one", a);
  medley_token_hash ("one", b);
  g_assert_true (medley_token_hash_equal (a, b));
  for (guint i = 0; i < MEDLEY_TOKEN_HASH_LENGTH; i++) {
    b[i] ^= 1;
    g_assert_false (medley_token_hash_equal (a, b));
    b[i] ^= 1;
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tokens/found", test_a_token_is_found_by_its_text_alone);
  g_test_add_func ("/tokens/printed", test_what_is_printed_reads_back);
  g_test_add_func ("/tokens/requests", test_bad_requests);
  g_test_add_func ("/tokens/texts", test_bad_texts);
  g_test_add_func ("/tokens/file", test_the_file);
  g_test_add_func ("/tokens/hashes", test_hashes_are_compared_whole);
  return g_test_run ();
}
