/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <medley/medley-sentencer.h>

#include <string.h>

typedef struct {
  char *text;
  guint64 offset;
} Sentence;

static void
sentence_clear (gpointer data)
{
  g_free (((Sentence *) data)->text);
}

static void
collect (MedleySentencer *sentencer, GArray *into)
{
  Sentence sentence;

  while ((sentence.text = medley_sentencer_next (sentencer, &sentence.offset)) != NULL)
    g_array_append_val (into, sentence);
}

static GArray *
new_list (void)
{
  GArray *list = g_array_new (FALSE, FALSE, sizeof (Sentence));

  g_array_set_clear_func (list, sentence_clear);
  return list;
}

/* Feeds @text in pieces of at most @piece bytes, random ones when it is negative, 0 for all at
 * once. */
static GArray *
cut (const char *locale, const char *text, gssize piece)
{
  g_autoptr (MedleySentencer) sentencer = medley_sentencer_new (locale);
  gsize length = strlen (text), at = 0;
  GArray *list = new_list ();

  while (at < length) {
    gsize n = length - at;

    if (piece > 0)
      n = MIN (n, (gsize) piece);
    else if (piece < 0)
      n = (gsize) g_test_rand_int_range (1, (gint) MIN (n, (gsize) -piece) + 1);
    while (at + n < length && (text[at + n] & 0xc0) == 0x80)
      n++;
    medley_sentencer_feed (sentencer, text + at, n);
    collect (sentencer, list);
    at += n;
  }
  medley_sentencer_drain (sentencer);
  collect (sentencer, list);
  return list;
}

static char *
joined (GArray *list)
{
  GString *string = g_string_new (NULL);

  for (guint i = 0; i < list->len; i++)
    g_string_append_printf (string, "%s%s", i > 0 ? "|" : "",
                            g_array_index (list, Sentence, i).text);
  return g_string_free (string, FALSE);
}

static void
expect (const char *locale, const char *text, const char *wanted)
{
  g_autoptr (GArray) list = cut (locale, text, 0);
  g_autofree char *got = joined (list);

  g_assert_cmpstr (got, ==, wanted);
  for (guint i = 0; i < list->len; i++) {
    Sentence *sentence = &g_array_index (list, Sentence, i);

    g_assert_true (g_str_has_prefix (text + sentence->offset, sentence->text));
  }
}

static void
test_english (void)
{
  expect ("en", "It rains. It pours! Does it? Yes.", "It rains.|It pours!|Does it?|Yes.");
  expect (NULL, "  \n\t Hello.  ", "Hello.");
  expect ("en_GB.UTF-8", "One more. And more", "One more.|And more");
  expect ("en-GB", "", "");
  expect ("nonsense-locale", "One more. And more", "One more.|And more");
}

static void
test_abbreviations_end_nothing (void)
{
  expect ("en", "Mr. Smith met Mrs. Jones. They spoke.", "Mr. Smith met Mrs. Jones.|They spoke.");
  expect ("en-gb", "Dr. Lane went to St. Ives. He stayed.",
          "Dr. Lane went to St. Ives.|He stayed.");
  expect ("en", "Prof. Smith, i.e. the old one, came.", "Prof. Smith, i.e. the old one, came.");
  expect ("en", "Open the app. Then close it.", "Open the app.|Then close it.");
  expect ("en", "Ask Ph.D. Jones or the Dept. Then go.", "Ask Ph.D. Jones or the Dept. Then go.");
  expect ("de", "Das ist z.B. Wasser. Es ist nass.", "Das ist z.B. Wasser.|Es ist nass.");
  expect ("de", "Im Jahr 3 v. Chr. Geburt war es so. Danach nicht.",
          "Im Jahr 3 v. Chr. Geburt war es so.|Danach nicht.");
}

static void
test_decimals_end_nothing (void)
{
  expect ("en", "It costs 3.50 or 1,000.25 euros. Take it.",
          "It costs 3.50 or 1,000.25 euros.|Take it.");
  expect ("en", "See example.com for version 1.2.3 of it. Good.",
          "See example.com for version 1.2.3 of it.|Good.");
}

static void
test_closing_quotes_stay (void)
{
  expect ("en", "\"Come here!\" She came. (He did not.) “Why?” Nobody knew.",
          "\"Come here!\"|She came.|(He did not.)|“Why?”|Nobody knew.");
}

static void
test_line_breaks (void)
{
  expect ("en", "A line that\ngoes on here. And\r\nhere too.",
          "A line that\ngoes on here.|And\r\nhere too.");
  expect ("en", "Dear Mr.\nSmith, hello there.", "Dear Mr.\nSmith, hello there.");
  expect ("en", "A heading\n\nThe text\n \t\nMore\r\n\r\nEnd", "A heading|The text|More|End");
  expect ("en", "Page one\fPage two\xe2\x80\xa9Three", "Page one|Page two|Three");
  expect ("en", "\n\n\n\n\n\n\n", "");
  expect ("en", "a\n\n\n\n\nb\n\n\n", "a|b");
}

static void
test_other_scripts (void)
{
  expect ("ar", "مرحبا بالعالم. كيف حالك؟ أنا بخير.", "مرحبا بالعالم.|كيف حالك؟|أنا بخير.");
  expect ("zh", "你好。今天天气很好！你呢？", "你好。|今天天气很好！|你呢？");
  expect ("ja", "今日は。「元気です。」と言った。", "今日は。|「元気です。」|と言った。");
  expect ("hi", "यह एक है। यह दो है।", "यह एक है।|यह दो है।");
  expect ("el", "Τι κάνεις; Καλά είμαι.", "Τι κάνεις;|Καλά είμαι.");
  expect ("de", "„Komm her!“ Sie kam. »Gut.«", "„Komm her!“|Sie kam.|»Gut.«");
}

static void
test_sentence_is_out_before_the_end (void)
{
  g_autoptr (MedleySentencer) sentencer = medley_sentencer_new ("en");
  g_autofree char *first = NULL, *none = NULL;
  guint64 offset;

  medley_sentencer_feed (sentencer, "The first one.", 14);
  none = medley_sentencer_next (sentencer, NULL);
  g_assert_null (none);
  medley_sentencer_feed (sentencer, " The second", 11);
  first = medley_sentencer_next (sentencer, &offset);
  g_assert_cmpstr (first, ==, "The first one.");
  g_assert_cmpuint (offset, ==, 0);
  none = medley_sentencer_next (sentencer, NULL);
  g_assert_null (none);
}

static char *
after_idle (const char *text)
{
  g_autoptr (MedleySentencer) sentencer = medley_sentencer_new ("en");
  g_autoptr (GArray) list = new_list ();

  medley_sentencer_feed (sentencer, text, strlen (text));
  collect (sentencer, list);
  medley_sentencer_idle (sentencer);
  collect (sentencer, list);
  return joined (list);
}

static void
test_idle_ends_what_looks_complete (void)
{
  static const char *const cases[][2] = {
    { "All is said.", "All is said." },
    { "All is said. \"Really?\"  ", "All is said.|\"Really?\"" },
    { "A line\n", "A line" },
    { "A word", "" },
    { "A comma, ", "" },
    { "Dear Mr. ", "" },
    { "One is done. Mr. ", "One is done." },
    { "One is done. And", "One is done." },
    { "", "" },
    { " \n ", "" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *got = after_idle (cases[i][0]);

    g_assert_cmpstr (got, ==, cases[i][1]);
  }
}

static void
test_goes_on_after_idle_and_drain (void)
{
  g_autoptr (MedleySentencer) sentencer = medley_sentencer_new ("en");
  g_autoptr (GArray) list = new_list ();
  g_autofree char *got = NULL;

  medley_sentencer_feed (sentencer, "One.", 4);
  medley_sentencer_idle (sentencer);
  collect (sentencer, list);
  medley_sentencer_feed (sentencer, " two", 4);
  medley_sentencer_drain (sentencer);
  collect (sentencer, list);
  medley_sentencer_feed (sentencer, "three", 5);
  medley_sentencer_drain (sentencer);
  collect (sentencer, list);
  got = joined (list);
  g_assert_cmpstr (got, ==, "One.|two|three");
  g_assert_cmpuint (g_array_index (list, Sentence, 1).offset, ==, 5);
  g_assert_cmpuint (g_array_index (list, Sentence, 2).offset, ==, 8);

  medley_sentencer_feed (sentencer, "lost", 4);
  medley_sentencer_reset (sentencer);
  medley_sentencer_drain (sentencer);
  g_assert_null (medley_sentencer_next (sentencer, NULL));
}

/* What was fed comes out, but for white space between sentences; no sentence is too long. */
static void
check_nothing_lost (const char *text, GArray *list)
{
  gsize at = 0;

  for (guint i = 0; i < list->len; i++) {
    Sentence *sentence = &g_array_index (list, Sentence, i);
    gsize length = strlen (sentence->text);

    g_assert_cmpuint (length, >, 0);
    g_assert_cmpuint (length, <=, MEDLEY_SENTENCE_MAX_BYTES);
    g_assert_true (g_utf8_validate (sentence->text, -1, NULL));
    g_assert_cmpuint (sentence->offset, >=, at);
    while (at < sentence->offset) {
      g_assert_true (g_unichar_isspace (g_utf8_get_char (text + at))
                     || g_utf8_get_char (text + at) == 0x2029
                     || g_utf8_get_char (text + at) == 0x85);
      at = (gsize) (g_utf8_next_char (text + at) - text);
    }
    g_assert_cmpmem (text + at, length, sentence->text, length);
    at += length;
  }
}

static void
test_long_run_is_cut (void)
{
  g_autoptr (GString) words = g_string_new (NULL), solid = g_string_new (NULL);
  g_autoptr (GString) marks = g_string_new ("e");
  g_autoptr (GArray) cut_words = NULL, cut_solid = NULL, cut_marks = NULL;

  for (guint i = 0; i < 3000; i++) {
    g_string_append_printf (words, "word%u ", i);
    g_string_append (solid, "ਕ");
    g_string_append (marks, "\xcc\x81");
  }
  cut_words = cut ("en", words->str, 0);
  check_nothing_lost (words->str, cut_words);
  g_assert_cmpuint (cut_words->len, >, words->len / MEDLEY_SENTENCE_MAX_BYTES);
  for (guint i = 0; i < cut_words->len; i++)
    g_assert_true (g_str_has_prefix (g_array_index (cut_words, Sentence, i).text, "word"));

  cut_solid = cut ("pa", solid->str, 0);
  check_nothing_lost (solid->str, cut_solid);
  g_assert_cmpuint (cut_solid->len, ==, solid->len / MEDLEY_SENTENCE_MAX_BYTES + 1);

  cut_marks = cut ("en", marks->str, 0);
  check_nothing_lost (marks->str, cut_marks);
}

static const char *const pieces[] = {
  "a",
  "word",
  "Word",
  " ",
  " ",
  "\n",
  "\n\n",
  ". ",
  ".",
  "! ",
  "? ",
  "Mr. ",
  "3.14",
  "U.S. ",
  "z. B. ",
  "\"",
  "(",
  ")",
  "”",
  "“",
  "。",
  "好",
  "؟ ",
  "مرحبا",
  "…",
  "\r\n",
  "\t",
  "1",
  "; ",
  ", ",
  "\xc2\xa0",
  "\xc2\x85",
  "\xe2\x80\xa9",
  "\xe2\x80\xa8",
  "é",
  "e\xcc\x81",
  "😀",
  "v. Chr. ",
  "\f",
  "...",
  ".\" ",
  "A. ",
  "x.y",
  "- ",
};

static char *
random_text (guint n)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < n; i++) {
    /* Now and then a run that is longer than a sentence may be. */
    guint times = g_test_rand_int_range (0, 200) == 0 ? 900 : 1;
    const char *piece = pieces[g_test_rand_int_range (0, G_N_ELEMENTS (pieces))];

    while (times-- > 0)
      g_string_append (text, piece);
  }
  return g_string_free (text, FALSE);
}

static void
assert_same (GArray *a, GArray *b)
{
  g_autofree char *text_a = joined (a), *text_b = joined (b);

  g_assert_cmpstr (text_a, ==, text_b);
  g_assert_cmpuint (a->len, ==, b->len);
  for (guint i = 0; i < a->len; i++)
    g_assert_cmpuint (g_array_index (a, Sentence, i).offset, ==,
                      g_array_index (b, Sentence, i).offset);
}

static void
test_pieces_do_not_matter (void)
{
  static const char *const locales[] = { "en", "de", "zh", "fr" };

  for (guint round = 0; round < 60; round++) {
    const char *locale = locales[round % G_N_ELEMENTS (locales)];
    g_autofree char *text = random_text ((guint) g_test_rand_int_range (1, 600));
    g_autoptr (GArray) whole = cut (locale, text, 0);
    g_autoptr (GArray) bytes = cut (locale, text, 1);
    g_autoptr (GArray) parts = cut (locale, text, -40);
    g_autoptr (GArray) large = cut (locale, text, -5000);

    check_nothing_lost (text, whole);
    assert_same (whole, bytes);
    assert_same (whole, parts);
    assert_same (whole, large);
  }
}

static char *
repeat (const char *unit, gsize bytes)
{
  GString *text = g_string_sized_new (bytes + 64);

  while (text->len < bytes)
    g_string_append (text, unit);
  return g_string_free (text, FALSE);
}

/* With a cost that grows faster than the text these do not end within the test's time. */
static void
test_cost_is_linear (void)
{
  static const char *const units[] = {
    "It is a sentence of ordinary length, as they go. ",
    "1.a.b.2.c",
    "x",
    ". 1",
    "\n",
    "a.\n",
    "Mr. ",
    "\xe2\x80\xa9",
  };
  gsize most = g_test_slow () ? 64 * 1024 * 1024 : 4 * 1024 * 1024;

  for (guint i = 0; i < G_N_ELEMENTS (units); i++) {
    gint64 start = g_get_monotonic_time ();
    g_autofree char *large = repeat (units[i], i == 0 ? 10 * 1024 * 1024 : most);
    g_autofree char *small = repeat (units[i], 200 * 1024);
    g_autoptr (GArray) whole = cut ("en", large, 0);
    g_autoptr (GArray) dripping = cut ("en", small, 1);
    g_autoptr (GArray) once = cut ("en", small, 0);

    check_nothing_lost (large, whole);
    assert_same (once, dripping);
    g_test_message ("\"%s\": %.2f s", units[i],
                    (double) (g_get_monotonic_time () - start) / G_USEC_PER_SEC);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/sentencer/english", test_english);
  g_test_add_func ("/sentencer/abbreviations-end-nothing", test_abbreviations_end_nothing);
  g_test_add_func ("/sentencer/decimals-end-nothing", test_decimals_end_nothing);
  g_test_add_func ("/sentencer/closing-quotes-stay", test_closing_quotes_stay);
  g_test_add_func ("/sentencer/line-breaks", test_line_breaks);
  g_test_add_func ("/sentencer/other-scripts", test_other_scripts);
  g_test_add_func ("/sentencer/is-out-before-the-end", test_sentence_is_out_before_the_end);
  g_test_add_func ("/sentencer/idle-ends-what-looks-complete", test_idle_ends_what_looks_complete);
  g_test_add_func ("/sentencer/goes-on-after-idle-and-drain", test_goes_on_after_idle_and_drain);
  g_test_add_func ("/sentencer/long-run-is-cut", test_long_run_is_cut);
  g_test_add_func ("/sentencer/pieces-do-not-matter", test_pieces_do_not_matter);
  g_test_add_func ("/sentencer/cost-is-linear", test_cost_is_linear);
  return g_test_run ();
}
