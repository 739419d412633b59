/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "catalog/catalog.h"

static GVariant *
engines (const char *text)
{
  g_autoptr (GError) error = NULL;
  GVariant *value = g_variant_parse (G_VARIANT_TYPE ("aa{sv}"), text, NULL, NULL, &error);

  g_assert_no_error (error);
  return value;
}

#define ENGINES                                                                                    \
  "[{'name': <'espeak'>, 'title': <'eSpeak'>, 'description': <'Speaks'>, 'tasks': "                \
  "<['text-to-audio/speech']>,"                                                                    \
  "  'cost': <uint32 50>, 'flags': <['deterministic', 'no-fork']>, 'class': <'cpu'>},"             \
  " {'name': <'openai'>, 'tasks': <['text-to-audio/speech', 'text-to-text']>, 'cost': <uint32 "    \
  "500>,"                                                                                          \
  "  'flags': <['network']>, 'class': <'net'>, 'outputs': <['src:audio/x-raw']>},"                 \
  " {'name': <'bells'>, 'tasks': <['text-to-audio/bells']>, 'cost': <uint32 50>},"                 \
  " {'title': <'no name'>}, {'name': <'plain'>}]"

static void
count (MedleyCatalog *catalog, gpointer data)
{
  (*(guint *) data)++;
}

static void
test_engines (void)
{
  g_autoptr (MedleyCatalog) catalog = medley_catalog_new ();
  g_autoptr (GPtrArray) all = NULL;
  const MedleyEngine *espeak;
  const MedleyEngine *openai;
  guint changes = 0;

  g_signal_connect (catalog, "changed", G_CALLBACK (count), &changes);
  g_assert_cmpstr (medley_catalog_get_registry (catalog), ==, "");
  medley_catalog_set (catalog, engines (ENGINES), "1");
  g_assert_cmpstr (medley_catalog_get_registry (catalog), ==, "1");
  g_assert_cmpuint (changes, ==, 1);
  medley_catalog_set (catalog, engines (ENGINES), "1");
  g_assert_cmpuint (changes, ==, 1);

  espeak = medley_catalog_get (catalog, "espeak");
  g_assert_cmpstr (espeak->title, ==, "eSpeak");
  g_assert_cmpuint (espeak->cost, ==, 50);
  g_assert_true (espeak->deterministic && espeak->no_fork && !espeak->network);
  openai = medley_catalog_get (catalog, "openai");
  g_assert_true (openai->network && !openai->no_fork);
  g_assert_cmpstr (openai->title, ==, "openai");
  g_assert_cmpstr (openai->concurrency_class, ==, "net");
  g_assert_true (g_variant_lookup (openai->details, "outputs", "as", NULL));
  g_assert_cmpuint (medley_catalog_get (catalog, "plain")->cost, ==, 100);
  g_assert_null (medley_catalog_get (catalog, "kokoro"));

  all = medley_catalog_list (catalog);
  g_assert_cmpuint (all->len, ==, 4);
  g_assert_cmpstr (((MedleyEngine *) all->pdata[0])->name, ==, "bells");
  g_assert_cmpstr (((MedleyEngine *) all->pdata[3])->name, ==, "plain");

  medley_catalog_set (catalog, engines ("[]"), "2");
  g_assert_cmpuint (changes, ==, 2);
  g_assert_null (medley_catalog_get (catalog, "espeak"));
}

static void
assert_found (MedleyCatalog *catalog, const char *task, const char *expected)
{
  g_autoptr (GPtrArray) found = medley_catalog_find (catalog, task);
  g_autoptr (GString) names = g_string_new (NULL);

  for (guint i = 0; i < found->len; i++)
    g_string_append_printf (names, "%s ", ((MedleyEngine *) found->pdata[i])->name);
  g_assert_cmpstr (names->str, ==, expected);
}

static void
test_find (void)
{
  g_autoptr (MedleyCatalog) catalog = medley_catalog_new ();

  medley_catalog_set (catalog, engines (ENGINES), "1");
  assert_found (catalog, "text-to-audio/speech", "espeak openai ");
  assert_found (catalog, "text-to-audio", "bells espeak openai ");
  assert_found (catalog, "text-to-aud", "");
  assert_found (catalog, "text-to-text", "openai ");
  assert_found (catalog, "text-to-text/translate", "");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/catalog/holds-what-a-worker-described", test_engines);
  g_test_add_func ("/catalog/finds-the-cheapest-first", test_find);
  return g_test_run ();
}
