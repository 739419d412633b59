/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/json.h"
#include "pipeline-fixture.h"

#define MIX                                                                                        \
  "{'medley': 1, 'inputs': {'text': {'type': 'text/plain'},"                                       \
  " 'page': {'type': 'image/*', 'optional': true}, 'again': {'type': 'text/plain'}},"              \
  " 'parameters': {'title': {'type': 'string'}, 'rate': {'type': 'integer', 'default': 100}},"     \
  " 'stages': {'a': {'task': 'text-to-audio/speech', 'from': 'text', 'set': {'rate': '${rate}'}}," \
  " 'b': {'task': 'text-to-video', 'from': 'a.captions', 'set': {'title': '${title}'}},"           \
  " 'c': {'element': 'fake', 'from': {'x': 'page', 'y': 'again'}}},"                               \
  " 'outputs': {'sound': {'from': 'a', 'type': 'audio/ogg'},"                                      \
  " 'both': {'from': ['b', 'a'], 'type': 'video/webm'}, 'c': {'from': 'c', 'type': "               \
  "'text/plain'}}}"

/* JSON with single quotes is easier on the eye in C. */
static char *
requote (const char *text)
{
  return g_strdelimit (g_strdup (text), "'", '"');
}

static void
set_up (Fixture *fixture)
{
  fixture_init (fixture);
  fixture_add (fixture, "mix", MIX);
  fixture_add (fixture, "broken", "{}");
  g_assert_true (medley_pipeline_is_valid (g_hash_table_lookup (fixture->pipelines, "mix")));
  g_assert_true (medley_pipeline_is_valid (g_hash_table_lookup (fixture->pipelines, "speak")));
}

/* The faults as "LINE:COLUMN SEVERITY CODE POINTER [SUGGESTION]", each with its message in the next
 * line. */
static char *
print_faults (MedleyPipeline *pipeline)
{
  GPtrArray *faults = medley_pipeline_get_faults (pipeline);
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < faults->len; i++) {
    const MedleyFault *fault = faults->pdata[i];

    g_string_append_printf (text, "%u:%u %s %s \"%s\"%s%s\n    %s\n", fault->line, fault->column,
                            fault->is_warning ? "warning" : "error", fault->code, fault->pointer,
                            fault->suggestion != NULL ? " → " : "",
                            fault->suggestion != NULL ? fault->suggestion : "", fault->message);
  }
  return g_string_free (text, FALSE);
}

static MedleyPipeline *
parse_sample (Fixture *fixture, const char *name)
{
  static const char *const allowed[] = { "audioecho", "audioconvert", NULL };
  g_autofree char *file = g_strconcat (name, ".json", NULL);
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "faulty", file, NULL);
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;

  g_file_get_contents (path, &text, &length, &error);
  g_assert_no_error (error);
  if (g_str_has_prefix (name, "client-"))
    fixture->context.allowed_elements = allowed;
  return medley_pipeline_parse (text, length, file, &fixture->context);
}

static void
test_sample (gconstpointer data)
{
  const char *name = data;
  g_autofree char *expected_name = g_strconcat (name, ".faults", NULL);
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "faulty", expected_name, NULL);
  g_autofree char *expected = NULL;
  g_autofree char *found = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyPipeline) pipeline = NULL;
  Fixture fixture;

  set_up (&fixture);
  pipeline = parse_sample (&fixture, name);
  found = print_faults (pipeline);
  g_file_get_contents (path, &expected, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (found, ==, expected);
  fixture_clear (&fixture);
}

static GPtrArray *
list_samples (void)
{
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "faulty", NULL);
  GDir *dir = g_dir_open (path, 0, NULL);
  const char *name;

  g_assert_nonnull (dir);
  while ((name = g_dir_read_name (dir)) != NULL) {
    if (g_str_has_suffix (name, ".json"))
      g_ptr_array_add (names, g_strndup (name, strlen (name) - strlen (".json")));
  }
  g_dir_close (dir);
  return names;
}

static void
test_every_code_has_a_sample (void)
{
  static const char *const codes[] = {
    "unknown-key",      "wrong-type",       "missing-key",   "unknown-name",     "cycle",
    "unknown-engine",   "bad-value",        "caps-mismatch", "too-many",         "not-allowed",
    "duplicate-name",   "unused",           "invalid-json",  "unsupported-type", "unknown-task",
    "unknown-pipeline", "invalid-pipeline", "duplicate-key",
  };
  g_autoptr (GPtrArray) samples = list_samples ();
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < samples->len; i++) {
    g_autoptr (MedleyPipeline) pipeline = NULL;
    GPtrArray *faults;
    Fixture fixture;

    set_up (&fixture);
    pipeline = parse_sample (&fixture, samples->pdata[i]);
    faults = medley_pipeline_get_faults (pipeline);
    g_assert_cmpuint (faults->len, >, 0);
    for (guint j = 0; j < faults->len; j++)
      g_hash_table_add (seen, g_strdup (((MedleyFault *) faults->pdata[j])->code));
    fixture_clear (&fixture);
  }
  for (guint i = 0; i < G_N_ELEMENTS (codes); i++) {
    if (!g_hash_table_contains (seen, codes[i]))
      g_error ("no sample has the fault %s", codes[i]);
  }
  g_assert_cmpuint (g_hash_table_size (seen), ==, G_N_ELEMENTS (codes));
}

static void
test_hostile_json (void)
{
  g_autofree char *brackets = g_strnfill (80000, '[');
  g_autoptr (GString) many = g_string_new ("{\"medley\": 1, \"stages\": {}");
  Fixture fixture;
  g_autoptr (MedleyPipeline) deep = NULL;
  g_autoptr (MedleyPipeline) wide = NULL;
  const MedleyFault *fault;

  set_up (&fixture);
  deep = medley_pipeline_parse (brackets, 80000, NULL, &fixture.context);
  fault = medley_pipeline_get_faults (deep)->pdata[0];
  g_assert_cmpstr (fault->code, ==, "invalid-json");
  g_assert_cmpuint (fault->column, ==, 65);
  g_assert_cmpstr (medley_pipeline_get_name (deep), ==, "pipeline");

  /* More faults than anyone reads: the list ends, and says so. */
  for (guint i = 0; i < 1000; i++)
    g_string_append_printf (many, ", \"unknown%u\x01\": 0", i);
  g_string_replace (many, "\x01", "\\u001b[31m", 0);
  g_string_append_c (many, '}');
  wide = medley_pipeline_parse (many->str, many->len, NULL, &fixture.context);
  g_assert_cmpuint (medley_pipeline_get_faults (wide)->len, ==, 201);
  fault = medley_pipeline_get_faults (wide)->pdata[200];
  g_assert_cmpstr (fault->code, ==, "too-many");
  fault = medley_pipeline_get_faults (wide)->pdata[0];
  g_assert_nonnull (strstr (fault->message, "unknown0\\u001b[31m"));
  g_assert_null (strchr (fault->message, '\x1b'));
  fixture_clear (&fixture);
}

/* A megabyte of faults: the work must not grow with the square of them. */
static void
test_many_faults_in_many_stages (void)
{
  g_autoptr (GString) text = g_string_new ("{\"medley\": 1, \"stages\": {");
  Fixture fixture;
  g_autoptr (MedleyPipeline) pipeline = NULL;

  set_up (&fixture);
  for (guint i = 0; i < 64; i++) {
    g_string_append_printf (text, "%s\"s%u\": {", i > 0 ? ", " : "", i);
    for (guint j = 0; j < 1000; j++)
      g_string_append_printf (text, "%s\"taks%u\":0", j > 0 ? "," : "", j);
    g_string_append_c (text, '}');
  }
  g_string_append (text, "}}");
  g_assert_cmpuint (text->len, <, 1024 * 1024);
  pipeline = medley_pipeline_parse (text->str, text->len, NULL, &fixture.context);
  g_assert_cmpuint (medley_pipeline_get_faults (pipeline)->len, ==, 201);
  fixture_clear (&fixture);
}

static void
test_limits_of_the_context (void)
{
  g_autofree char *mix = requote (MIX);
  Fixture fixture;

  set_up (&fixture);
  fixture.context.max_bytes = 10;
  g_autoptr (MedleyPipeline) large
      = medley_pipeline_parse (mix, strlen (mix), NULL, &fixture.context);
  g_assert_cmpstr (((MedleyFault *) medley_pipeline_get_faults (large)->pdata[0])->code, ==,
                   "invalid-json");
  fixture.context.max_bytes = 0;
  fixture.context.max_stages = 2;
  g_autoptr (MedleyPipeline) staged
      = medley_pipeline_parse (mix, strlen (mix), NULL, &fixture.context);
  g_assert_cmpstr (((MedleyFault *) medley_pipeline_get_faults (staged)->pdata[0])->code, ==,
                   "too-many");
  fixture.context.max_stages = 0;
  fixture.context.max_fan_out = 1;
  g_autoptr (MedleyPipeline) fanned
      = medley_pipeline_parse (mix, strlen (mix), NULL, &fixture.context);
  g_assert_cmpstr (((MedleyFault *) medley_pipeline_get_faults (fanned)->pdata[0])->code, ==,
                   "too-many");
  fixture_clear (&fixture);
}

static void
test_stages_of_sub_pipelines_count (void)
{
  g_autofree char *text = requote (
      "{'medley': 1, 'inputs': {'t': {'type': 'text/plain'}}, 'stages': {"
      "'a': {'pipeline': 'mix', 'from': {'text': 't', 'again': 't'}, 'set': {'title': ''}},"
      "'b': {'pipeline': 'mix', 'from': {'text': 't', 'again': 't'}, 'set': {'title': ''}}},"
      "'outputs': {'o': {'from': ['a', 'b.c'], 'type': 'video/webm'}}}");
  Fixture fixture;

  set_up (&fixture);
  fixture.context.max_stages = 5;
  g_autoptr (MedleyPipeline) over
      = medley_pipeline_parse (text, strlen (text), NULL, &fixture.context);
  g_autofree char *faults = print_faults (over);
  g_assert_nonnull (strstr (faults, "there are 6 stages, where 5 are the most"));
  fixture_clear (&fixture);
}

static void
test_unknown_engines_before_the_first_worker (void)
{
  g_autofree char *text
      = requote ("{'medley': 1, 'inputs': {'t': {'type': 'text/plain'}}, 'stages': {"
                 "'a': {'task': 'text-to-audio/speech', 'engine': 'nobody', 'from': 't'}},"
                 "'outputs': {'o': {'from': 'a', 'type': 'audio/ogg'}}}");
  g_autoptr (MedleyCatalog) empty = medley_catalog_new ();
  MedleyPipelineContext context = { .catalog = empty };
  g_autoptr (MedleyPipeline) pipeline = medley_pipeline_parse (text, strlen (text), NULL, &context);

  g_assert_true (medley_pipeline_is_valid (pipeline));
  medley_catalog_set (empty, g_variant_new_parsed ("@aa{sv} []"), "1");
  g_autoptr (MedleyPipeline) checked = medley_pipeline_parse (text, strlen (text), NULL, &context);
  g_assert_false (medley_pipeline_is_valid (checked));
}

static void
test_describe (void)
{
  Fixture fixture;
  g_autoptr (GVariant) description = NULL;
  g_autofree char *text = NULL;
  MedleyPipeline *mix;

  set_up (&fixture);
  mix = g_hash_table_lookup (fixture.pipelines, "mix");
  description = g_variant_ref_sink (medley_pipeline_describe (mix));
  text = medley_json_print (description, FALSE);
  g_assert_cmpstr (
      text, ==,
      "{\"name\":\"mix\",\"title\":\"\",\"description\":\"\",\"file\":\"mix.json\",\"valid\":true,"
      "\"inputs\":{\"text\":{\"type\":\"text/plain\",\"description\":\"\",\"optional\":false},"
      "\"page\":{\"type\":\"image/*\",\"description\":\"\",\"optional\":true},"
      "\"again\":{\"type\":\"text/plain\",\"description\":\"\",\"optional\":false}},"
      "\"parameters\":{\"title\":{\"type\":\"string\"},\"rate\":{\"type\":\"integer\",\"default\":"
      "100}},"
      "\"stages\":[\"a\",\"b\",\"c\"],\"outputs\":{\"sound\":{\"type\":\"audio/"
      "ogg\",\"description\":\"\"},"
      "\"both\":{\"type\":\"video/webm\",\"description\":\"\"},\"c\":{\"type\":\"text/plain\","
      "\"description\":\"\"}},\"serves\":{},\"faults\":[]}");
  g_assert_cmpstr (medley_pipeline_get_inputs (mix)[1], ==, "page");
  g_assert_null (medley_pipeline_get_inputs (mix)[3]);
  g_assert_cmpstr (medley_pipeline_get_outputs (mix)[0], ==, "sound");
  g_assert_cmpstr (medley_pipeline_get_input_type (mix, "page"), ==, "image/*");
  g_assert_cmpstr (medley_pipeline_get_output_type (mix, "both"), ==, "video/webm");
  g_assert_null (medley_pipeline_get_output_type (mix, "page"));
  fixture_clear (&fixture);
}

static void
test_worker_faults_get_lines (void)
{
  static const char text[]
      = "{\n \"medley\": 1,\n \"inputs\": {\"t\": {\"type\": \"text/plain\"}},\n \"stages\": {\n"
        "  \"s\": {\"pipeline\": \"inner\", \"from\": \"t\"},\n"
        "  \"v\": {\"element\": \"volume\", \"from\": \"s\",\n    \"set\": {\"volum\": 1}}},\n"
        " \"outputs\": {\"o\": {\"from\": \"v\", \"type\": \"audio/ogg\"}}}\n";
  static const char inner[]
      = "{\"medley\": 1, \"inputs\": {\"t\": {\"type\": \"text/plain\"}},\n\"stages\": {\n"
        "\"e\": {\"task\": \"text-to-audio/speech\", \"from\": \"t\",\n\"set\": {\"rate\": 1}}},"
        "\"outputs\": {\"o\": {\"from\": \"e\", \"type\": \"audio/ogg\"}}}";
  g_autoptr (GVariant) found = g_variant_ref_sink (
      g_variant_new_parsed ("[{'code': <'unknown-property'>, 'pointer': <'/stages/v/set/volum'>, "
                            "'message': <'no property \"volum\"; did you mean \"volume\"?'>,"
                            "  'suggestion': <'volume'>},"
                            " {'code': <'bad-value'>, 'pointer': <'/stages/e/set/rate'>, 'file': "
                            "<'inner.json'>, 'message': <'too low'>,"
                            "  'suggestion': <''>},"
                            " {'code': <'unknown-element'>, 'pointer': <'/stages/x'>, 'file': "
                            "<'elsewhere.json'>, 'message': <'gone'>}]"));
  g_autoptr (GPtrArray) faults = NULL;
  g_autoptr (MedleyPipeline) pipeline = NULL;
  g_autofree char *formatted = NULL;
  Fixture fixture;

  set_up (&fixture);
  fixture_add (&fixture, "inner", inner);
  pipeline = medley_pipeline_parse (text, strlen (text), "outer.json", &fixture.context);
  g_assert_cmpuint (medley_pipeline_get_faults (pipeline)->len, ==, 0);
  faults = medley_pipeline_add_worker_faults (pipeline, found);
  formatted = medley_faults_format (faults);
  g_assert_cmpstr (formatted, ==,
                   "elsewhere.json: error: gone [/stages/x]\n"
                   "inner.json:4:9: error: too low [/stages/e/set/rate]\n"
                   "outer.json:7:13: error: no property \"volum\"; did you mean \"volume\"? "
                   "[/stages/v/set/volum]\n");
  g_assert_true (medley_faults_have_errors (faults));
  g_autoptr (GVariant) variant = g_variant_ref_sink (medley_faults_to_variant (faults));
  g_assert_cmpuint (g_variant_n_children (variant), ==, 3);
  fixture_clear (&fixture);
}

/* What a worker says of a place that is faulty anyway only follows from that. */
static void
test_worker_faults_that_follow_are_left_out (void)
{
  g_autofree char *text
      = requote ("{'medley': 1, 'stages': {'a': {'element': 'x', 'set': {'p': '${q}', 'r': 1}}},"
                 "'outputs': {'o': {'from': 'a', 'type': 'audio/ogg'}}}");
  g_autoptr (GVariant) found = g_variant_ref_sink (g_variant_new_parsed (
      "[{'code': <'bad-value'>, 'pointer': <'/stages/a/set/p'>, 'message': <'follows'>},"
      " {'code': <'bad-value'>, 'pointer': <'/stages/a/set/p/x'>, 'message': <'follows'>},"
      " {'code': <'bad-value'>, 'pointer': <'/stages/a'>, 'message': <'follows'>},"
      " {'code': <'bad-value'>, 'pointer': <'/stages/a/set/p2'>, 'message': <'new'>},"
      " {'code': <'bad-value'>, 'pointer': <'/stages/a/set/r'>, 'message': <'new'>, 'severity': "
      "<'warning'>}]"));
  g_autoptr (GPtrArray) faults = NULL;
  Fixture fixture;

  set_up (&fixture);
  g_autoptr (MedleyPipeline) pipeline
      = medley_pipeline_parse (text, strlen (text), NULL, &fixture.context);
  faults = medley_pipeline_add_worker_faults (pipeline, found);
  g_autofree char *formatted = medley_faults_format (faults);
  g_assert_null (strstr (formatted, "follows"));
  g_assert_nonnull (strstr (formatted, "error: new [/stages/a/set/p2]"));
  g_assert_nonnull (strstr (formatted, "warning: new [/stages/a/set/r]"));
  g_assert_cmpuint (faults->len, ==, 3);
  fixture_clear (&fixture);
}

int
main (int argc, char **argv)
{
  g_autoptr (GPtrArray) samples = NULL;

  g_test_init (&argc, &argv, NULL);
  samples = list_samples ();
  if (argc == 2 && g_str_equal (argv[1], "--print")) {
    /* Writes what is found, to be read by whoever adds a sample. */
    for (guint i = 0; i < samples->len; i++) {
      Fixture fixture;

      set_up (&fixture);
      g_autoptr (MedleyPipeline) pipeline = parse_sample (&fixture, samples->pdata[i]);
      g_autofree char *faults = print_faults (pipeline);
      g_autofree char *name = g_strconcat (samples->pdata[i], ".faults", NULL);
      g_file_set_contents (name, faults, -1, NULL);
      fixture_clear (&fixture);
    }
    return 0;
  }
  for (guint i = 0; i < samples->len; i++) {
    g_autofree char *path = g_strconcat ("/pipeline/faulty/", samples->pdata[i], NULL);

    g_test_add_data_func_full (path, g_strdup (samples->pdata[i]), (GTestDataFunc) test_sample,
                               g_free);
  }
  g_test_add_func ("/pipeline/every-code-has-a-sample", test_every_code_has_a_sample);
  g_test_add_func ("/pipeline/hostile-json", test_hostile_json);
  g_test_add_func ("/pipeline/many-faults-in-many-stages", test_many_faults_in_many_stages);
  g_test_add_func ("/pipeline/limits-of-the-context", test_limits_of_the_context);
  g_test_add_func ("/pipeline/stages-of-sub-pipelines-count", test_stages_of_sub_pipelines_count);
  g_test_add_func ("/pipeline/engines-are-unknown-before-a-worker",
                   test_unknown_engines_before_the_first_worker);
  g_test_add_func ("/pipeline/describe", test_describe);
  g_test_add_func ("/pipeline/worker-faults-get-lines", test_worker_faults_get_lines);
  g_test_add_func ("/pipeline/worker-faults-that-follow-are-left-out",
                   test_worker_faults_that_follow_are_left_out);
  return g_test_run ();
}
