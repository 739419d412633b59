/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "speakable-core.h"

static void
take_all (Speakable *speakable, GString *out)
{
  const char *piece;
  gsize length;

  while ((piece = speakable_take (speakable, &length)) != NULL) {
    g_assert_cmpuint (length, >, 0);
    g_assert_cmpuint (length, <=, SPEAKABLE_PIECE_BYTES);
    g_assert_true (g_utf8_validate (piece, (gssize) length, NULL));
    g_string_append_len (out, piece, (gssize) length);
  }
}

static void
feed (Speakable *speakable, const char *text)
{
  speakable_feed (speakable, text, strlen (text));
}

static char *
convert (const char *text)
{
  g_autoptr (Speakable) speakable = speakable_new ();
  GString *out = g_string_new (NULL);

  feed (speakable, text);
  speakable_drain (speakable);
  take_all (speakable, out);
  return g_string_free (out, FALSE);
}

typedef struct {
  const char *name;
  const char *cases[48]; /* text, what is made of it */
} Rule;

/* clang-format off */
static const Rule rules[] = {
  { "lines", {
    "One line\nand the next.", "One line and the next.",
    "  One   line \t\n   and\tthe next.  ", "One line and the next.",
    "One\r\ntwo\rthree\342\200\250four\302\205five\vsix", "One two three four five six",
    "No\302\240break\343\200\200space", "No break space",
    "stays", "stays",
  } },
  { "end-of-text", {
    "One.\n", "One.\n",
    "One.\n\n\n", "One.\n",
    "One.\f", "One.\n",
    "One.  ", "One.",
    "One.\n  ", "One.\n",
    "exam-", "exam-",
    "exam-\n", "exam-\n",
    "exam\302\255", "exam",
    "1", "1",
    "-", "-",
    "", "",
    " \n\t\f\n ", "",
  } },
  { "paragraphs", {
    "Heading\n\nText.", "Heading\n\nText.",
    "One\n \t \n\n\nTwo", "One\n\nTwo",
    "One\r\n\r\nTwo\r\rThree", "One\n\nTwo\n\nThree",
    "Page one.\n\fPage two.", "Page one.\n\nPage two.",
    "Page one.\fPage two.\342\200\251Three", "Page one.\n\nPage two.\n\nThree",
    "\n\n\fOne", "One",
    "exam-\n\nple", "exam-\n\nple",
    "exam\302\255\n\nple", "exam\n\nple",
  } },
  { "divided-words", {
    "an exam-\nple.", "an example.",
    "an exam-  \n  ple.", "an example.",
    "an exam\342\200\220\nple.", "an example.",
    "(exam-\nple)", "(example)",
    "\342\200\234exam-\nple", "\342\200\234example",
    "l'exem-\nple", "l'exemple",
    "\303\234ber-\nm\303\274dung", "\303\234berm\303\274dung",
    "\320\277\321\200\320\270-\n\320\274\320\265\321\200", "\320\277\321\200\320\270\320\274\320\265\321\200",
    "exam\302\255ple and exam\302\255\nple", "example and example",
    "e\302\255xam\302\255\nPle", "examPle",
    "schrei-\nen", "schreien",
    "one-\ntwo-\nthree", "onetwothree",
    "demon-\nstra\302\255\ntion", "demonstration",
  } },
  { "real-hyphens", {
    "well-known", "well-known",
    "Jean-\nPaul", "Jean-Paul",
    "COVID-\n19", "COVID-19",
    "pages 10-\n20", "pages 10-20",
    "a 20-\nyear loan", "a 20-year loan",
    "mother-in-\nlaw", "mother-in-law",
    "state-\nof-the-art", "state-of-the-art",
    "Bundes-\nfinanz- und", "Bundesfinanz- und",
    "an x-\nray", "an x-ray",
    "https://exam-\nple.org", "https://exam-ple.org",
    "Vor-\nund Nachteile", "Vor- und Nachteile",
    "pre-\nand post-war", "pre- and post-war",
    "pre-\nandrous", "preandrous",
    "socio-\ny amigo", "socio- y amigo",
    "a dash -\nsay", "a dash - say",
    "a dash --\nsay", "a dash -- say",
    "a dash \342\200\224\nsay", "a dash \342\200\224 say",
    "so-\n\"called\"", "so- \"called\"",
    "soft\302\255\n(next)", "soft (next)",
    "ends-\n1. item", "ends-\n\n1. item",
  } },
  { "scripts", {
    "\344\270\255\346\226\207\n\346\226\207\345\255\227\343\200\202\n\344\275\240", "\344\270\255\346\226\207\346\226\207\345\255\227\343\200\202\344\275\240",
    "\343\201\223\343\202\214\n\343\203\206\343\202\271\343\203\210\n\343\201\247\343\201\231", "\343\201\223\343\202\214\343\203\206\343\202\271\343\203\210\343\201\247\343\201\231",
    "\345\234\250\n2024\n\345\271\264", "\345\234\2502024\345\271\264",
    "\344\270\255\346\226\207\nMedley", "\344\270\255\346\226\207 Medley",
    "in 2024\n2025", "in 2024 2025",
    "\355\225\234\352\265\255\n\354\226\264", "\355\225\234\352\265\255 \354\226\264",
    "\340\270\240\340\270\262\340\270\251\340\270\262\n\340\271\204\340\270\227\340\270\242", "\340\270\240\340\270\262\340\270\251\340\270\262\340\271\204\340\270\227\340\270\242",
  } },
  { "lists", {
    "To buy\n- milk\n* rye\n  bread\n\342\200\242salt", "To buy\n\nmilk\n\nrye bread\n\nsalt",
    "To do\n1. rest\n2. sleep\n   well\n10) wake", "To do\n\n1. rest\n\n2. sleep well\n\n10) wake",
    "Choose:\na) one\n(b) two", "Choose:\n\na) one\n\n(b) two",
    "It was in\n12. Or not", "It was in 12. Or not",
    "It was in\n1984. Then", "It was in 1984. Then",
    "It was.\n12. Then", "It was.\n\n12. Then",
    "It costs\n1.5 million", "It costs 1.5 million",
    "see\n(3) there", "see (3) there",
    "He said\n\342\200\224 or so", "He said \342\200\224 or so",
    "He said:\n\342\200\224 No.\n\342\200\224 Yes.", "He said:\n\n\342\200\224 No.\n\n\342\200\224 Yes.",
    "minus\n-5 degrees", "minus -5 degrees",
    "* - deep", "deep",
    "1.\nMilk", "1. Milk",
    "A\nI am", "A I am",
  } },
  { "rules", {
    "One\n* * *\nTwo", "One\n\nTwo",
    "One\n-----\nTwo\n=====\n", "One\n\nTwo\n",
    "One\n\342\200\242\nTwo", "One\n\nTwo",
    "----\nOne", "One",
    "-----", "",
    "One\n-- two", "One -- two",
    "One\n# two", "One # two",
  } },
};
/* clang-format on */

static void
test_rule (gconstpointer data)
{
  const Rule *rule = data;

  for (guint i = 0; rule->cases[i] != NULL; i += 2) {
    g_autofree char *out = convert (rule->cases[i]);

    g_assert_cmpstr (out, ==, rule->cases[i + 1]);
  }
}

/* All that the rules look at, so that a random text is full of corner cases. */
static char *
random_text (GRand *rand, gboolean with_marks)
{
  static const char *const words[]
      = { "exam",        "ple",  "Vor",          "und",          "or",   "a",
          "I",           "x",    "Paul",         "2024",         "1",    "12",
          "mother",      "in",   "\344\270\255", "\346\226\207", "law.", "End:",
          "\303\234ber", "(see", "\"so\"" };
  static const char *const joints[]
      = { " ",    "  ", "\n",    "\r\n",           "-\n", "-",   "- \n", "\302\255\n", "\302\255",
          "\n\n", "\f", "\n \n", "\342\200\220\n", " \n", "\n  " };
  static const char *const marks[]
      = { "\n- ",      "\n1. ",     "\n2) ", "\n(a) ", "\n\342\200\242",
          "\n* * *\n", "\n-----\n", "--\n",  " -\n",   "\n\342\200\224 ",
          "\r",        "*",         "-",     "\n-",    "\n.",
          "1." };
  GString *text = g_string_new (NULL);
  gint n = g_rand_int_range (rand, 1, 40);

  for (gint i = 0; i < n; i++) {
    g_string_append (text, words[g_rand_int_range (rand, 0, G_N_ELEMENTS (words))]);
    if (with_marks && g_rand_int_range (rand, 0, 3) == 0)
      g_string_append (text, marks[g_rand_int_range (rand, 0, G_N_ELEMENTS (marks))]);
    else
      g_string_append (text, joints[g_rand_int_range (rand, 0, G_N_ELEMENTS (joints))]);
  }
  return g_string_free (text, FALSE);
}

static void
test_pieces (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (20240511);
  g_autoptr (Speakable) speakable = speakable_new ();

  for (guint i = 0; i < 5000; i++) {
    g_autofree char *text = random_text (rand, TRUE);
    g_autofree char *whole = convert (text);
    g_autoptr (GString) pieces = g_string_new (NULL);
    const char *at = text;

    while (*at != '\0') {
      glong left = g_utf8_strlen (at, -1);
      const char *next
          = g_utf8_offset_to_pointer (at, g_rand_int_range (rand, 1, (gint) MIN (left, 9) + 1));

      speakable_feed (speakable, at, (gsize) (next - at));
      if (g_rand_boolean (rand))
        take_all (speakable, pieces);
      at = next;
    }
    speakable_drain (speakable);
    take_all (speakable, pieces);
    g_assert_cmpstr (pieces->str, ==, whole);
    speakable_reset (speakable);
  }
}

/* What was made speakable stays as it is, and has no white space to collapse. */
static void
test_twice (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);

  for (guint i = 0; i < 5000; i++) {
    g_autofree char *text = random_text (rand, FALSE);
    g_autofree char *once = convert (text);
    g_autofree char *twice = convert (once);

    g_assert_cmpstr (twice, ==, once);
    g_assert_null (strstr (once, "  "));
    g_assert_null (strstr (once, " \n"));
    g_assert_null (strstr (once, "\n\n\n"));
    g_assert_null (strpbrk (once, "\r\f\t"));
    g_assert_null (strstr (once, "\302\255"));
  }
}

/* Letters are neither lost nor changed, whatever else is. */
static void
test_letters (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (3);

  for (guint i = 0; i < 2000; i++) {
    g_autofree char *text = random_text (rand, TRUE);
    g_autofree char *out = convert (text);
    const char *a = text, *b = out;

    for (;;) {
      while (*a != '\0' && !g_unichar_isalnum (g_utf8_get_char (a)))
        a = g_utf8_next_char (a);
      while (*b != '\0' && !g_unichar_isalnum (g_utf8_get_char (b)))
        b = g_utf8_next_char (b);
      g_assert_cmpuint (g_utf8_get_char (a), ==, g_utf8_get_char (b));
      if (*a == '\0')
        break;
      a = g_utf8_next_char (a);
      b = g_utf8_next_char (b);
    }
  }
}

static void
assert_taken (Speakable *speakable, const char *expected)
{
  g_autoptr (GString) out = g_string_new (NULL);

  take_all (speakable, out);
  g_assert_cmpstr (out->str, ==, expected);
}

static void
test_early (void)
{
  g_autoptr (Speakable) speakable = speakable_new ();

  feed (speakable, "Hello there. And");
  assert_taken (speakable, "Hello there. And");
  feed (speakable, " more-");
  assert_taken (speakable, " more");
  feed (speakable, "\n");
  assert_taken (speakable, "");
  feed (speakable, "over");
  assert_taken (speakable, "");
  feed (speakable, ".\n\n");
  assert_taken (speakable, "over.");
  feed (speakable, "Next");
  assert_taken (speakable, "\n\nNext");
}

static void
test_idle (void)
{
  g_autoptr (Speakable) speakable = speakable_new ();

  speakable_idle (speakable);
  assert_taken (speakable, "");
  feed (speakable, "A line\n");
  speakable_idle (speakable);
  speakable_idle (speakable);
  assert_taken (speakable, "A line\n");
  feed (speakable, "goes on");
  assert_taken (speakable, "goes on");
  speakable_idle (speakable);
  assert_taken (speakable, "");
  feed (speakable, "ce more.\n");
  speakable_idle (speakable);
  assert_taken (speakable, "ce more.\n");
  feed (speakable, "\n\nNew\n\n");
  assert_taken (speakable, "\nNew");
  speakable_idle (speakable);
  assert_taken (speakable, "\n");
  feed (speakable, "- item\n");
  assert_taken (speakable, "\nitem");
  /* A divided word waits for its other part. */
  feed (speakable, "exam-\n");
  speakable_idle (speakable);
  assert_taken (speakable, " exam");
  feed (speakable, "ple\n");
  speakable_idle (speakable);
  assert_taken (speakable, "ple\n");
  speakable_drain (speakable);
  assert_taken (speakable, "");
}

/* Each complete paragraph is a piece of its own. */
static void
test_paragraph_pieces (void)
{
  g_autoptr (Speakable) speakable = speakable_new ();
  static const char *const expected[] = { "Heading\n\n", "Some text.\n\n", "1. item\n" };
  const char *piece;
  gsize length;

  feed (speakable, "Heading\n\nSome\ntext.\n1. item\n");
  speakable_drain (speakable);
  for (guint i = 0; i < G_N_ELEMENTS (expected); i++) {
    piece = speakable_take (speakable, &length);
    g_assert_nonnull (piece);
    g_autofree char *copy = g_strndup (piece, length);
    g_assert_cmpstr (copy, ==, expected[i]);
  }
  g_assert_null (speakable_take (speakable, &length));
}

/* No blank line, no line break, not even a space: pieces stay within the bound and lose nothing. */
static void
test_long_paragraph (gconstpointer data)
{
  const char *unit = data;
  g_autoptr (Speakable) speakable = speakable_new ();
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GString) out = g_string_new (NULL);
  guint64 total = 0;

  while (text->len < 128 * 1024)
    g_string_append (text, unit);
  for (guint i = 0; i < 16; i++) {
    speakable_feed (speakable, text->str, text->len);
    g_string_truncate (out, 0);
    take_all (speakable, out);
    g_assert_cmpuint (out->len, >=, text->len - 400);
    total += out->len;
  }
  speakable_drain (speakable);
  take_all (speakable, out);
  g_assert_cmpuint (total, >=, 16 * text->len - 400);
  g_assert_null (strstr (out->str, "\n"));
}

static void
test_long_rule (void)
{
  g_autoptr (GString) text = g_string_new ("One\n");

  for (guint i = 0; i < 100001; i++)
    g_string_append (text, i % 2 ? "=" : "- ");
  g_string_append (text, "\nTwo");
  g_autofree char *out = convert (text->str);
  g_assert_cmpstr (out, ==, "One\n\nTwo");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (rules); i++) {
    g_autofree char *path = g_strdup_printf ("/speakable/rules/%s", rules[i].name);
    g_test_add_data_func (path, &rules[i], test_rule);
  }
  g_test_add_func ("/speakable/pieces-equal-the-whole", test_pieces);
  g_test_add_func ("/speakable/twice-changes-nothing", test_twice);
  g_test_add_func ("/speakable/letters-stay", test_letters);
  g_test_add_func ("/speakable/out-as-soon-as-certain", test_early);
  g_test_add_func ("/speakable/idle", test_idle);
  g_test_add_func ("/speakable/paragraph-is-a-piece", test_paragraph_pieces);
  g_test_add_data_func ("/speakable/long/words", "word and more ", test_long_paragraph);
  g_test_add_data_func ("/speakable/long/one-word", "\303\244\344\270\255", test_long_paragraph);
  g_test_add_data_func ("/speakable/long/hyphens", "a-", test_long_paragraph);
  g_test_add_func ("/speakable/long/rule", test_long_rule);
  return g_test_run ();
}
