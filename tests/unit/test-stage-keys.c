/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whatever a result depends on is in its key, and nothing else is; and of a plan is left what is
 * not there yet. */
#include <string.h>

#include "job/stage-keys.h"

#define STAGE(NAME, ENGINES, SET, FROM)                                                            \
  "{'name': <'" NAME "'>, 'task': <'a-to-b'>, 'engines': <[" ENGINES "]>, 'set': <@a{sv} {" SET    \
  "}>, 'from': <@a(sss) [" FROM "]>, 'pointer': <'/stages/" NAME "'>, 'file': <''>}"

#define INPUTS "{'name': <'page'>, 'type': <'image/*'>}, {'name': <'note'>, 'type': <'text/plain'>}"
#define OCR STAGE ("ocr", "'reader'", "'language': <'eng'>, 'mode': <int64 3>", "('', 'page', '')")
#define CLEAN STAGE ("clean", "'cleaner'", "", "('', 'ocr', '')")
#define SPEECH STAGE ("speech", "'speaker', 'other'", "", "('', 'clean', '')")
#define OUTPUTS                                                                                    \
  "{'name': <'speech'>, 'type': <'audio/ogg'>, 'from': <[('speech', '')]>}, "                      \
  "{'name': <'text'>, 'type': <'text/plain'>, 'from': <[('ocr', '')]>}, "                          \
  "{'name': <'layout'>, 'type': <'application/json'>, 'from': <[('ocr', 'layout')]>}"
#define LIMITS "'text-bytes': <uint64 100>, 'image-pixels': <uint64 1000>"

static GVariant *
parse (const char *inputs, const char *stages, const char *outputs, const char *limits)
{
  g_autofree char *text
      = g_strdup_printf ("{'pipeline': <'x'>, 'inputs': <@aa{sv} [%s]>, 'stages': <@aa{sv} [%s]>, "
                         "'outputs': <@aa{sv} [%s]>, 'limits': <@a{sv} {%s}>}",
                         inputs, stages, outputs, limits);
  g_autoptr (GError) error = NULL;
  GVariant *plan = g_variant_parse (G_VARIANT_TYPE_VARDICT, text, NULL, NULL, &error);

  g_assert_no_error (error);
  return g_variant_ref_sink (plan);
}

static GHashTable *
make_table (const char *const *pairs)
{
  GHashTable *table = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; pairs[i] != NULL; i += 2)
    g_hash_table_insert (table, (char *) pairs[i], (char *) pairs[i + 1]);
  return table;
}

#define TABLE(...) make_table ((const char *[]){ __VA_ARGS__, NULL })

static char *
key_of (const char *stages, const char *limits, const char *build, const char *page,
        const char *stage)
{
  g_autoptr (GVariant) plan = parse (INPUTS, stages, "", limits);
  g_autoptr (GHashTable) builds = TABLE ("reader", build, "cleaner", "1");
  g_autoptr (GHashTable) inputs = page != NULL ? TABLE ("page", page) : TABLE (NULL);
  g_autoptr (GHashTable) keys = medley_stage_keys_compute (plan, builds, inputs);

  return g_strdup (g_hash_table_lookup (keys, stage));
}

static void
test_depends (void)
{
  g_autofree char *first = key_of (OCR ", " CLEAN, LIMITS, "1", "abc image/png", "ocr");
  g_autofree char *behind = key_of (OCR ", " CLEAN, LIMITS, "1", "abc image/png", "clean");
  static const struct {
    const char *what;
    const char *stage;
    const char *limits;
    const char *build;
    const char *page;
    gboolean same;
  } cases[] = {
    { "nothing", OCR, LIMITS, "1", "abc image/png", TRUE },
    { "another build", OCR, LIMITS, "2", "abc image/png", FALSE },
    { "other content", OCR, LIMITS, "1", "abd image/png", FALSE },
    { "another type", OCR, LIMITS, "1", "abc image/jpeg", FALSE },
    { "another limit", OCR, "'text-bytes': <uint64 100>, 'image-pixels': <uint64 999>", "1",
      "abc image/png", FALSE },
    { "a limit of outputs", OCR, LIMITS ", 'output-bytes': <uint64 5>", "1", "abc image/png",
      TRUE },
    { "properties in another order",
      STAGE ("ocr", "'reader'", "'mode': <int64 3>, 'language': <'eng'>", "('', 'page', '')"),
      LIMITS, "1", "abc image/png", TRUE },
    { "another value",
      STAGE ("ocr", "'reader'", "'language': <'deu'>, 'mode': <int64 3>", "('', 'page', '')"),
      LIMITS, "1", "abc image/png", FALSE },
    { "a value of another type",
      STAGE ("ocr", "'reader'", "'language': <'eng'>, 'mode': <3.0>", "('', 'page', '')"), LIMITS,
      "1", "abc image/png", FALSE },
    { "one property less", STAGE ("ocr", "'reader'", "'language': <'eng'>", "('', 'page', '')"),
      LIMITS, "1", "abc image/png", FALSE },
    { "two that look like one",
      STAGE ("ocr", "'reader'", "'language': <\"eng', mode=int64 3\">", "('', 'page', '')"), LIMITS,
      "1", "abc image/png", FALSE },
    { "another pad",
      STAGE ("ocr", "'reader'", "'language': <'eng'>, 'mode': <int64 3>", "('in', 'page', '')"),
      LIMITS, "1", "abc image/png", FALSE },
    { "another engine",
      STAGE ("ocr", "'cleaner'", "'language': <'eng'>, 'mode': <int64 3>", "('', 'page', '')"),
      LIMITS, "1", "abc image/png", FALSE },
    { "a second engine in the list",
      STAGE ("ocr", "'reader', 'x'", "'language': <'eng'>, 'mode': <int64 3>", "('', 'page', '')"),
      LIMITS, "1", "abc image/png", TRUE },
  };

  g_assert_cmpuint (strlen (first), ==, 64);
  g_assert_cmpstr (first, !=, behind);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *stages = g_strconcat (cases[i].stage, ", " CLEAN, NULL);
    g_autofree char *key = key_of (stages, cases[i].limits, cases[i].build, cases[i].page, "ocr");
    g_autofree char *next
        = key_of (stages, cases[i].limits, cases[i].build, cases[i].page, "clean");

    g_test_message ("%s", cases[i].what);
    g_assert_nonnull (key);
    g_assert_cmpint (g_str_equal (key, first), ==, cases[i].same);
    /* And with it all that comes after. */
    g_assert_cmpint (g_str_equal (next, behind), ==, cases[i].same);
  }
}

/* The name of a stage is the pipeline's business. */
static void
test_another_pipeline (void)
{
  g_autoptr (GVariant) plan
      = parse ("{'name': <'scan'>, 'type': <'image/*'>}",
               STAGE ("read", "'reader'", "'language': <'eng'>, 'mode': <int64 3>",
                      "('', 'scan', '')"),
               "", LIMITS);
  g_autoptr (GHashTable) builds = TABLE ("reader", "1");
  g_autoptr (GHashTable) inputs = TABLE ("scan", "abc image/png");
  g_autoptr (GHashTable) keys = medley_stage_keys_compute (plan, builds, inputs);
  g_autofree char *key = key_of (OCR ", " CLEAN, LIMITS, "1", "abc image/png", "ocr");

  g_assert_cmpstr (g_hash_table_lookup (keys, "read"), ==, key);
}

static void
test_without_key (void)
{
  g_autoptr (GVariant) plan
      = parse (INPUTS,
               OCR ", " CLEAN ", " SPEECH ", "
                   "{'name': <'echo'>, 'element': <'audioecho'>, 'set': <@a{sv} {}>, "
                   "'from': <[('', 'clean', '')]>}, " STAGE ("last", "'cleaner'", "",
                                                             "('', 'echo', '')"),
               "", LIMITS);
  g_autoptr (GHashTable) builds = TABLE ("reader", "1", "cleaner", "1");
  g_autoptr (GHashTable) nothing = TABLE (NULL);
  g_autoptr (GHashTable) keys = medley_stage_keys_compute (plan, builds, nothing);
  g_autoptr (GHashTable) inputs = medley_stage_keys_list_inputs (plan, builds);

  /* They may be kept, as soon as the page is known. */
  g_assert_cmpstr (g_hash_table_lookup (keys, "ocr"), ==, "");
  g_assert_cmpstr (g_hash_table_lookup (keys, "clean"), ==, "");
  g_assert_false (g_hash_table_contains (keys, "speech"));
  g_assert_false (g_hash_table_contains (keys, "echo"));
  g_assert_false (g_hash_table_contains (keys, "last"));
  g_assert_true (g_hash_table_contains (inputs, "page"));
  g_assert_false (g_hash_table_contains (inputs, "note"));
}

/* `data` names the stages that are there, separated by spaces; a port after a colon is not. */
static gboolean
look_up (const char *stage, const char *key, const char *const *ports, gpointer data)
{
  g_auto (GStrv) words = g_strsplit (data, " ", -1);

  g_assert_cmpuint (strlen (key), ==, 64);
  for (guint i = 0; words[i] != NULL; i++) {
    if (g_str_has_prefix (words[i], stage) && words[i][strlen (stage)] == ':'
        && g_strv_contains (ports, words[i] + strlen (stage) + 1))
      return FALSE;
  }
  return g_strv_contains ((const char *const *) words, stage);
}

/* One letter per stage: R(un), r(ecord), p(layed), s(pared), and its ports. */
static char *
print_work (GPtrArray *work)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < work->len; i++) {
    const MedleyStageWork *one = work->pdata[i];
    g_autofree char *ports = g_strjoinv (",", one->ports);

    g_string_append_printf (text, "%s%s=%c[%s]", i > 0 ? " " : "", one->name, "Rrps"[one->fate],
                            ports);
  }
  return g_string_free (text, FALSE);
}

static char *
print_names (GVariant *plan, const char *what)
{
  g_autoptr (GVariant) list = g_variant_lookup_value (plan, what, G_VARIANT_TYPE ("aa{sv}"));
  GString *text = g_string_new (NULL);

  for (gsize i = 0; i < g_variant_n_children (list); i++) {
    g_autoptr (GVariant) one = g_variant_get_child_value (list, i);
    g_autoptr (GVariant) from = g_variant_lookup_value (one, "from", NULL);
    const char *name;

    g_assert_true (g_variant_lookup (one, "name", "&s", &name));
    g_string_append_printf (text, "%s%s", i > 0 ? " " : "", name);
    if (from != NULL && g_variant_n_children (from) == 0)
      g_string_append_c (text, '!');
  }
  return g_string_free (text, FALSE);
}

static void
test_divide (void)
{
  static const struct {
    const char *there;
    const char *outputs;
    const char *work;
    const char *stages;
    const char *inputs;
  } cases[] = {
    { "", OUTPUTS, "ocr=r[,layout] clean=r[] speech=R[]", "ocr clean speech", "page" },
    { "ocr", OUTPUTS, "ocr=p[,layout] clean=r[] speech=R[]", "ocr! clean speech", "" },
    { "ocr clean", OUTPUTS, "ocr=p[,layout] clean=p[] speech=R[]", "ocr! clean! speech", "" },
    { "ocr clean ocr:layout", OUTPUTS, "ocr=r[,layout] clean=p[] speech=R[]", "ocr clean! speech",
      "page" },
    { "clean", "{'name': <'speech'>, 'type': <'audio/ogg'>, 'from': <[('speech', '')]>}",
      "ocr=s[] clean=p[] speech=R[]", "clean! speech", "" },
    { "ocr", "{'name': <'text'>, 'type': <'text/plain'>, 'from': <[('ocr', '')]>}",
      "ocr=p[] clean=s[] speech=s[]", "ocr!", "" },
    { "", "{'name': <'note'>, 'type': <'text/plain'>, 'from': <[('note', '')]>}",
      "ocr=s[] clean=s[] speech=s[]", "", "note" },
  };
  g_autoptr (GHashTable) builds = TABLE ("reader", "1", "cleaner", "1");
  g_autoptr (GHashTable) inputs = TABLE ("page", "abc image/png");

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GVariant) plan
        = parse (INPUTS, OCR ", " CLEAN ", " SPEECH, cases[i].outputs, LIMITS);
    g_autoptr (GHashTable) keys = medley_stage_keys_compute (plan, builds, inputs);
    g_autoptr (GPtrArray) work
        = medley_stage_keys_divide (plan, keys, look_up, (gpointer) cases[i].there);
    g_autoptr (GVariant) left = medley_stage_keys_rewrite (plan, work);
    g_autofree char *text = print_work (work);
    g_autofree char *stages = print_names (left, "stages");
    g_autofree char *read = print_names (left, "inputs");

    g_assert_cmpstr (text, ==, cases[i].work);
    g_assert_cmpstr (stages, ==, cases[i].stages);
    g_assert_cmpstr (read, ==, cases[i].inputs);
    g_assert_false (g_variant_is_floating (left));
  }
}

static void
test_ports (void)
{
  g_autofree char *usual = medley_stage_keys_port ("abc", "");
  g_autofree char *words = medley_stage_keys_port ("abc", "words");
  g_autofree char *other = medley_stage_keys_port ("abcw", "ords");

  g_assert_cmpuint (strlen (usual), ==, 64);
  g_assert_cmpstr (usual, !=, words);
  g_assert_cmpstr (other, !=, words);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/stage-keys/depends", test_depends);
  g_test_add_func ("/stage-keys/another-pipeline", test_another_pipeline);
  g_test_add_func ("/stage-keys/without-key", test_without_key);
  g_test_add_func ("/stage-keys/divide", test_divide);
  g_test_add_func ("/stage-keys/ports", test_ports);
  return g_test_run ();
}
