/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"

typedef struct {
  const char *name;
  const char *text;
  gssize length; /* -1 for a string */
  guint line;
  guint column;
  const char *message;
} Refused;

/* clang-format off */
static const Refused refused[] = {
  { "empty", "", -1, 1, 1, "empty" },
  { "white-space-only", " \n ", -1, 2, 2, "empty" },
  { "byte-order-mark", "\xef\xbb\xbf{}", -1, 1, 1, "byte order mark" },
  { "nul", "{\n \"a\": 1\0}", 11, 2, 8, "NUL" },
  { "escaped-nul", "[\"a\\u0000\"]", -1, 1, 4, "\\u0000" },
  { "latin-1", "[\"caf\xe9\"]", -1, 1, 6, "0xe9 is not UTF-8" },
  { "overlong-utf8", "[\"\xc0\xaf\"]", -1, 1, 3, "not UTF-8" },
  { "utf8-surrogate", "[\"\xed\xa0\x80\"]", -1, 1, 3, "not UTF-8" },
  { "lone-high-surrogate", "[\"\\ud83d\"]", -1, 1, 3, "without its second" },
  { "high-surrogate-and-letter", "[\"\\ud83d\\u0041\"]", -1, 1, 3, "without its second" },
  { "lone-low-surrogate", "[\"é\\ude00\"]", -1, 1, 4, "without its first" },
  { "short-escape", "[\"\\u12\"]", -1, 1, 3, "four hexadecimal" },
  { "unknown-escape", "[\"\\x41\"]", -1, 1, 3, "backslash" },
  { "raw-line-break", "[\"a\nb\"]", -1, 1, 4, "control character" },
  { "open-string", "[\"abc", -1, 1, 6, "inside a string" },
  { "open-escape", "[\"abc\\", -1, 1, 6, "inside a string" },
  { "leading-zero", "[01]", -1, 1, 2, "leading zero" },
  { "minus-alone", "[-]", -1, 1, 2, "digit" },
  { "plus", "[+1]", -1, 1, 2, "\"+\"" },
  { "no-fraction", "[1.]", -1, 1, 2, "decimal point" },
  { "no-whole-part", "[.5]", -1, 1, 2, "\".\"" },
  { "no-exponent", "[1e]", -1, 1, 2, "exponent" },
  { "hexadecimal", "[0x10]", -1, 1, 3, "\"x\"" },
  { "too-large-number", "[1e999]", -1, 1, 2, "too large" },
  { "too-small-number", "[-1e999]", -1, 1, 2, "too large" },
  { "huge-whole-number", "[9223372036854775808]", -1, 1, 2, "64 bits" },
  { "nan", "[NaN]", -1, 1, 2, "\"N\"" },
  { "infinity", "[Infinity]", -1, 1, 2, "\"I\"" },
  { "capital-true", "[True]", -1, 1, 2, "\"T\"" },
  { "two-values", "{} {}", -1, 1, 4, "follows" },
  { "trailing-comma-in-array", "[1,\n]", -1, 2, 1, "\"]\"" },
  { "trailing-comma-in-object", "{\"a\":1,}", -1, 1, 8, "\"}\"" },
  { "comma-first", "[,1]", -1, 1, 2, "\",\"" },
  { "no-comma", "[1 2]", -1, 1, 4, "comma" },
  { "no-colon", "{\"a\" 1}", -1, 1, 6, "colon" },
  { "no-value", "{\"a\":}", -1, 1, 6, "a value" },
  { "number-as-key", "{1:2}", -1, 1, 2, "a key" },
  { "single-quotes", "{'a':1}", -1, 1, 2, "a key" },
  { "line-comment", "{ // no\n}", -1, 1, 3, "\"/\"" },
  { "block-comment", "[1 /* no */]", -1, 1, 4, "\"/\"" },
  { "wrong-bracket", "[1}", -1, 1, 3, "closing bracket" },
  { "open-array", "[1", -1, 1, 3, "ends" },
  { "open-object", "{\"a\":{", -1, 1, 7, "ends" },
  { "duplicate-key", "{\"a\":1,\n \"b\":2,\n \"a\":3}", -1, 3, 2, "\"a\" stands twice" },
  { "duplicate-key-by-escape", "{\"a\":1, \"\\u0061\":3}", -1, 1, 9, "\"a\" stands twice" },
  { "form-feed", "[1,\f2]", -1, 1, 4, "U+000C" },
  { "no-break-space", "[1,\xc2\xa0""2]", -1, 1, 4, "U+00A0" },
};
/* clang-format on */

static void
assert_refused (const char *text, gsize length, const MedleyJsonLimits *limits, guint line,
                guint column, const char *message)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) located = NULL;
  g_autofree char *place = g_strdup_printf ("line %u, column %u: ", line, column);
  guint found_line = 0;
  guint found_column = 0;

  g_assert_null (medley_json_parse (text, length, limits, NULL, &error));
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_JSON);
  g_assert_cmpstr (strstr (error->message, message), !=, NULL);
  g_assert_true (g_str_has_prefix (error->message, place));
  g_assert_null (
      medley_json_parse_located (text, length, limits, NULL, &found_line, &found_column, &located));
  g_assert_cmpuint (found_line, ==, line);
  g_assert_cmpuint (found_column, ==, column);
}

static void
test_refused (gconstpointer data)
{
  const Refused *sample = data;
  gsize length = sample->length >= 0 ? (gsize) sample->length : strlen (sample->text);

  assert_refused (sample->text, length, NULL, sample->line, sample->column, sample->message);
}

static GVariant *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  GVariant *value = medley_json_parse (text, strlen (text), NULL, NULL, &error);

  g_assert_no_error (error);
  g_assert_nonnull (value);
  g_assert_false (g_variant_is_floating (value));
  return value;
}

static void
test_values (void)
{
  g_autoptr (GVariant) value
      = parse (" {\"z\": [1, -0, 2.0, 1e2, true, null], \"a\": {\"é\": \"\\ud83d\\ude00\\/\\n\"},"
               " \"big\": -9223372036854775808 }\n");
  g_autoptr (GVariant) expected = g_variant_ref_sink (
      g_variant_new_parsed ("{'z': <[<int64 1>, <int64 0>, <2.0>, <100.0>, <true>, <@mv nothing>]>,"
                            " 'a': <{'é': <'😀/\\n'>}>, 'big': <@x -9223372036854775808>}"));

  g_assert_cmpvariant (value, expected);
}

static void
test_scalars_and_empty (void)
{
  static const char *const texts[]
      = { "{}", "[]", "\"\"", "0", "-1", "0.5", "true", "false", "null", "[[],{}]" };
  static const char *const types[] = { "a{sv}", "av", "s", "x", "x", "d", "b", "b", "mv", "av" };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (GVariant) value = parse (texts[i]);

    g_assert_cmpstr (g_variant_get_type_string (value), ==, types[i]);
  }
}

static void
test_text_needs_no_nul (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = g_memdup2 ("[12]3", 5);
  g_autoptr (GVariant) value = medley_json_parse (text, 4, NULL, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (g_variant_n_children (value), ==, 1);
}

static char *
nested (gsize depth, char open, char close)
{
  char *text = g_malloc0 (2 * depth + 1);

  memset (text, open, depth);
  memset (text + depth, close, close != '\0' ? depth : 0);
  return text;
}

static void
test_depth (void)
{
  g_autofree char *just = nested (64, '[', ']');
  g_autofree char *over = nested (65, '[', ']');
  g_autofree char *brackets = nested (80000, '[', '\0');
  g_autoptr (GString) objects = g_string_new (NULL);
  g_autoptr (GVariant) value = parse (just);

  assert_refused (over, strlen (over), NULL, 1, 65, "deeper than 64");
  assert_refused (brackets, 80000, NULL, 1, 65, "deeper than 64");
  for (guint i = 0; i < 80000; i++)
    g_string_append (objects, "{\"a\":");
  assert_refused (objects->str, objects->len, NULL, 1, 64 * 5 + 1, "deeper than 64");
}

static void
test_limits (void)
{
  MedleyJsonLimits limits = { .max_bytes = 20, .max_depth = 2, .max_values = 4 };

  assert_refused ("[1,2,3,      4,5,6]  ", 21, &limits, 1, 1, "longer than 20 bytes");
  assert_refused ("[1,2,3,4]", 9, &limits, 1, 8, "more than 4 values");
  assert_refused ("[[[]]]", 6, &limits, 1, 3, "deeper than 2");
}

/* Keys that all have the same hash in json-glib's table. */
static void
test_colliding_keys (void)
{
  g_autoptr (GString) text = g_string_new ("{");

  for (guint i = 0; i < 30000; i++) {
    g_string_append (text, i > 0 ? ",\"" : "\"");
    for (guint bit = 0; bit < 15; bit++)
      g_string_append (text, i & (1u << bit) ? "Az" : "BY");
    g_string_append (text, "\":0");
  }
  g_string_append_c (text, '}');
  assert_refused (text->str, text->len, &(MedleyJsonLimits){ 2 * 1024 * 1024, 64, 100000 }, 1,
                  1 + 1 + 1024 * 35 + 32, "more than 1024 members");
}

static void
test_map (void)
{
  static const char text[]
      = "{\n  \"a/b\": [10, {\"~\": true}],\n  \"é\": 1, \"x\": {\"y\": [ ]}\n}";
  static const struct {
    const char *pointer;
    gboolean found;
    guint line;
    guint column;
  } places[] = {
    { "", TRUE, 1, 1 },         { "/a~1b", TRUE, 2, 3 },       { "/a~1b/0", TRUE, 2, 11 },
    { "/a~1b/1", TRUE, 2, 15 }, { "/a~1b/1/~0", TRUE, 2, 16 }, { "/é", TRUE, 3, 3 },
    { "/x", TRUE, 3, 11 },      { "/x/y", TRUE, 3, 17 },       { "/x/nothing", FALSE, 3, 11 },
    { "/x/y/0", FALSE, 3, 17 }, { "/a~1b/2", FALSE, 2, 3 },    { "/a~1b/00", FALSE, 2, 3 },
    { "/é/1/2", FALSE, 3, 3 },  { "no", FALSE, 1, 1 },
  };
  g_autoptr (MedleyJsonMap) map = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = medley_json_parse (text, strlen (text), NULL, &map, &error);

  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (places); i++) {
    guint line = 0;
    guint column = 0;

    g_assert_true (medley_json_map_locate (map, places[i].pointer, &line, &column)
                   == places[i].found);
    g_assert_cmpuint (line, ==, places[i].line);
    g_assert_cmpuint (column, ==, places[i].column);
  }
}

static void
test_pointer_append (void)
{
  g_autofree char *pointer = medley_json_pointer_append ("/stages", "a/b~c");

  g_assert_cmpstr (pointer, ==, "/stages/a~1b~0c");
}

/* The first value of a key counts, wherever the others stand and whatever they are. */
static void
test_first_of_duplicates (void)
{
  static const char text[] = "{\"a\": 1, \"b\": [0, {\"c~/\": {\"x\": 1},\n \"c~/\": \"\u00e9, }\" "
                             ", \"d\": 2, \"c~/\": 3}],\n"
                             " \"\\u0061\" : {\"a\": [], \"a\": 4}, \"e\": 5, \"a\":6}";
  static const struct {
    const char *pointer;
    guint line;
    guint column;
  } expected[] = { { "/b/1/c~0~1", 2, 2 },
                   { "/b/1/c~0~1", 2, 26 },
                   { "/a/a", 3, 23 },
                   { "/a", 3, 2 },
                   { "/a", 3, 40 } };
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyJsonMap) map = NULL;
  g_autoptr (GVariant) value = NULL;
  g_autofree char *printed = NULL;
  GPtrArray *duplicates;
  guint line, column;

  value = medley_json_parse_first (text, strlen (text), NULL, &map, &line, &column, &error);
  g_assert_no_error (error);
  printed = medley_json_print (value, FALSE);
  g_assert_cmpstr (printed, ==, "{\"a\":1,\"b\":[0,{\"c~/\":{\"x\":1},\"d\":2}],\"e\":5}");
  duplicates = medley_json_map_get_duplicates (map);
  g_assert_cmpuint (duplicates->len, ==, G_N_ELEMENTS (expected));
  for (guint i = 0; i < duplicates->len; i++) {
    const MedleyJsonDuplicate *found = duplicates->pdata[i];

    g_assert_cmpstr (found->pointer, ==, expected[i].pointer);
    g_assert_cmpuint (found->line, ==, expected[i].line);
    g_assert_cmpuint (found->column, ==, expected[i].column);
  }
  g_assert_null (
      medley_json_parse_located (text, strlen (text), NULL, NULL, &line, &column, &error));
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_JSON);
  g_assert_cmpuint (line, ==, 2);
}

static void
test_print (void)
{
  g_autofree char *text = medley_json_print (
      g_variant_new_parsed (
          "{'s': <'a\"\\\\/\\u0001\\u007fé\\n'>, 'd': <0.1>, 'w': <2.0>, 'nan': <%d>, 'x': <int64 "
          "-5>,"
          " 't': <uint64 18446744073709551615>, 'as': <['a', 'b']>, 'e': <@av []>,"
          " 'o': <@a{sv} {}>, 'n': <@mv nothing>, 'b': <true>, 'tuple': <(1, 'x')>, 'f': <1e300>}",
          NAN),
      FALSE);
  g_autofree char *pretty
      = medley_json_print (g_variant_new_parsed ("{'a': <[1, 2]>, 'b': <@a{sv} {}>}"), TRUE);

  g_assert_cmpstr (
      text, ==,
      "{\"s\":\"a\\\"\\\\/\\u0001\\u007fé\\n\",\"d\":0.1,\"w\":2.0,\"nan\":null,\"x\":-5,"
      "\"t\":1.8446744073709552e+19,\"as\":[\"a\",\"b\"],\"e\":[],\"o\":{},\"n\":null,\"b\":true,"
      "\"tuple\":[1,\"x\"],\"f\":1e+300}");
  g_assert_cmpstr (pretty, ==, "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {}\n}\n");
}

static void
test_round_trip (void)
{
  static const char text[]
      = "{\"a\":[1,2.5,-0.1,1e+30,\"é\\u0001\\\"\",null,true,[],{}],\"b\":{\"c\":{\"d\":[[[0]]]}}}";
  g_autoptr (GVariant) value = parse (text);
  g_autofree char *printed = medley_json_print (value, FALSE);
  g_autofree char *pretty = medley_json_print (value, TRUE);
  g_autoptr (GVariant) again = parse (pretty);

  g_assert_cmpstr (printed, ==, text);
  g_assert_cmpvariant (value, again);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (refused); i++) {
    g_autofree char *path = g_strconcat ("/json/refused/", refused[i].name, NULL);

    g_test_add_data_func (path, &refused[i], test_refused);
  }
  g_test_add_func ("/json/values-keep-type-and-order", test_values);
  g_test_add_func ("/json/scalars-and-empty-containers", test_scalars_and_empty);
  g_test_add_func ("/json/text-needs-no-nul", test_text_needs_no_nul);
  g_test_add_func ("/json/depth-is-bounded", test_depth);
  g_test_add_func ("/json/limits-hold", test_limits);
  g_test_add_func ("/json/colliding-keys-are-refused", test_colliding_keys);
  g_test_add_func ("/json/map-knows-each-place", test_map);
  g_test_add_func ("/json/pointer-is-escaped", test_pointer_append);
  g_test_add_func ("/json/first-of-duplicates-counts", test_first_of_duplicates);
  g_test_add_func ("/json/print", test_print);
  g_test_add_func ("/json/round-trip", test_round_trip);
  return g_test_run ();
}
