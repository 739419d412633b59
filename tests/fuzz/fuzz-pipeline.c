/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Feeds bytes to the pipeline reader as a client sends them, and holds what comes out against what
 * must be true of any input. Linked with libFuzzer, or with replay.c for a normal test. */

#include <string.h>

#include "base/json.h"
#include "fuzz.h"
#include "pipeline/pipeline.h"
#include "pipeline/plan.h"

static const char engines[]
    = "[{'name': <'espeak'>, 'tasks': <['text-to-audio/speech']>, 'cost': <uint32 50>,"
      "  'outputs': <['src:audio/x-raw', 'captions:text/x-raw']>},"
      " {'name': <'tesseract'>, 'tasks': <['image-to-text/ocr']>, 'outputs': <['src:text/x-raw', "
      "'layout:application/json']>},"
      " {'name': <'storyboard'>, 'tasks': <['text-to-video']>, 'outputs': <['src:video/x-raw', "
      "'more_%u:video/x-raw']>}]";

static const char inner[]
    = "{\"medley\":1,\"inputs\":{\"a\":{\"type\":\"text/plain\"},\"b\":{\"type\":\"image/"
      "*\",\"optional\":true}},"
      "\"parameters\":{\"p\":{\"type\":\"integer\",\"default\":1,\"minimum\":0,\"maximum\":9}},"
      "\"stages\":{\"s\":{\"task\":\"text-to-audio/"
      "speech\",\"from\":\"a\",\"set\":{\"x\":\"${p}\"}},"
      "\"t\":{\"element\":\"identity\",\"from\":\"b\"}},"
      "\"outputs\":{\"o\":{\"from\":\"s\",\"type\":\"audio/"
      "ogg\"},\"c\":{\"from\":\"s.captions\",\"type\":\"text/vtt\"},"
      "\"t\":{\"from\":\"t\",\"type\":\"image/png\"}}}";

typedef struct {
  MedleyPipelineContext context;
  MedleyPipeline *inner;
} World;

static MedleyPipeline *
lookup (const char *name, gpointer data)
{
  return g_str_equal (name, "inner") ? ((World *) data)->inner : NULL;
}

static GPtrArray *
list_names (gpointer data)
{
  GPtrArray *names = g_ptr_array_new ();

  g_ptr_array_add (names, (gpointer) "inner");
  return names;
}

static void
check_json (const char *text, gsize length)
{
  g_autoptr (MedleyJsonMap) map = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = medley_json_parse (text, length, NULL, &map, &error);
  g_autoptr (GVariant) again = NULL;
  g_autofree char *printed = NULL;

  g_assert_true ((value == NULL) == (error != NULL));
  if (value == NULL) {
    g_assert_true (g_str_has_prefix (error->message, "line "));
    g_assert_null (strstr (error->message, "the JSON library refuses"));
    return;
  }
  g_assert_true (medley_json_map_locate (map, "", NULL, NULL));
  printed = medley_json_print (value, FALSE);
  /* Escapes and deep nesting may make it longer than the limit of the text that came in. */
  again = medley_json_parse (printed, strlen (printed), &(MedleyJsonLimits){ 1 << 30, 64, 100000 },
                             NULL, &error);
  g_assert_no_error (error);
  g_autofree char *twice = medley_json_print (again, FALSE);
  g_assert_cmpstr (twice, ==, printed);
}

static void
check_faults (MedleyPipeline *pipeline)
{
  GPtrArray *faults = medley_pipeline_get_faults (pipeline);
  g_autofree char *formatted = medley_faults_format (faults);
  g_autoptr (GVariant) variant = g_variant_ref_sink (medley_faults_to_variant (faults));

  g_assert_cmpuint (faults->len, <=, 201);
  g_assert_true (g_utf8_validate (formatted, -1, NULL));
  g_assert_cmpuint (g_variant_n_children (variant), ==, faults->len);
  for (guint i = 0; i < faults->len; i++) {
    const MedleyFault *fault = faults->pdata[i];

    g_assert_nonnull (fault->code);
    g_assert_nonnull (fault->message);
    g_assert_null (strpbrk (fault->message, "\n\r\x1b"));
    g_assert_true (*fault->pointer == '\0' || *fault->pointer == '/');
    g_assert_cmpuint (strlen (fault->pointer), <=, 1024);
  }
}

/* Each stage reads what stands before it, inputs or stages. */
static void
check_plan (GVariant *plan, gboolean is_partial)
{
  g_autoptr (GVariant) inputs = g_variant_lookup_value (plan, "inputs", G_VARIANT_TYPE ("aa{sv}"));
  g_autoptr (GVariant) stages = g_variant_lookup_value (plan, "stages", G_VARIANT_TYPE ("aa{sv}"));
  g_autoptr (GVariant) outputs
      = g_variant_lookup_value (plan, "outputs", G_VARIANT_TYPE ("aa{sv}"));
  g_autoptr (GHashTable) known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  const char *name;
  const char *source;

  for (gsize i = 0; i < g_variant_n_children (inputs); i++) {
    g_autoptr (GVariant) input = g_variant_get_child_value (inputs, i);

    g_assert_true (g_variant_lookup (input, "name", "&s", &name));
    g_assert_true (g_hash_table_add (known, g_strdup (name)));
  }
  for (gsize i = 0; i < g_variant_n_children (stages); i++) {
    g_autoptr (GVariant) stage = g_variant_get_child_value (stages, i);
    g_autoptr (GVariant) from = g_variant_lookup_value (stage, "from", G_VARIANT_TYPE ("a(sss)"));

    for (gsize j = 0; j < g_variant_n_children (from); j++) {
      g_variant_get_child (from, j, "(&s&s&s)", NULL, &source, NULL);
      g_assert_true (g_hash_table_contains (known, source));
    }
    g_assert_true (g_variant_lookup (stage, "name", "&s", &name));
    g_assert_true (g_hash_table_add (known, g_strdup (name)));
  }
  g_assert_cmpuint (g_variant_n_children (stages), <=, 64);
  if (!is_partial)
    g_assert_cmpuint (g_variant_n_children (outputs), >, 0);
  for (gsize i = 0; i < g_variant_n_children (outputs); i++) {
    g_autoptr (GVariant) output = g_variant_get_child_value (outputs, i);
    g_autoptr (GVariant) from = g_variant_lookup_value (output, "from", G_VARIANT_TYPE ("a(ss)"));

    g_assert_cmpuint (g_variant_n_children (from), >, 0);
    for (gsize j = 0; j < g_variant_n_children (from); j++) {
      g_variant_get_child (from, j, "(&s&s)", &source, NULL);
      g_assert_true (g_hash_table_contains (known, source));
    }
  }
}

static void
check_pipeline (World *world, const char *text, gsize length)
{
  g_autoptr (MedleyPipeline) pipeline
      = medley_pipeline_parse (text, length, "sent.json", &world->context);
  g_autoptr (GVariant) description = g_variant_ref_sink (medley_pipeline_describe (pipeline));
  static const char *const none[] = { NULL };
  g_autoptr (GVariant) partial = NULL;

  g_autofree char *described = medley_json_print (description, TRUE);

  check_faults (pipeline);
  g_assert_true (g_utf8_validate (described, -1, NULL));
  g_assert_nonnull (medley_pipeline_get_name (pipeline));
  for (guint i = 0; i < 2; i++) {
    g_autoptr (GError) error = NULL;
    /* Once with all inputs and once with none. */
    g_autoptr (GVariant) plan
        = medley_plan_make (pipeline, &world->context, NULL, NULL, i == 0 ? NULL : none, &error);

    g_assert_true ((plan == NULL) == (error != NULL));
    if (!medley_pipeline_is_valid (pipeline))
      g_assert_null (plan);
    if (plan != NULL)
      check_plan (plan, FALSE);
  }
  partial = medley_plan_make_partial (pipeline, &world->context);
  if (partial != NULL)
    check_plan (partial, TRUE);
  g_assert_true (partial != NULL || !medley_pipeline_is_valid (pipeline));
}

/* Made once: a reader of pipelines does not change what it reads against. */
static World *
get_world (void)
{
  static World world;

  if (world.inner != NULL)
    return &world;
  world.context = (MedleyPipelineContext){
    .catalog = medley_catalog_new (), .lookup = lookup, .lookup_data = &world, .names = list_names
  };
  medley_catalog_set (world.context.catalog,
                      g_variant_parse (G_VARIANT_TYPE ("aa{sv}"), engines, NULL, NULL, NULL), "1");
  world.inner = medley_pipeline_parse (inner, strlen (inner), "inner.json", &world.context);
  g_assert_true (medley_pipeline_is_valid (world.inner));
  return &world;
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  static const char *const allowed[] = { "identity", "audioecho", NULL };
  World *world = get_world ();

  check_json ((const char *) data, size);
  world->context.allowed_elements = NULL;
  check_pipeline (world, (const char *) data, size);
  world->context.allowed_elements = allowed;
  check_pipeline (world, (const char *) data, size);
  return 0;
}
