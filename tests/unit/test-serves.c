/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/json.h"
#include "pipeline-fixture.h"
#include "pipeline/serves.h"

/* Two inputs of one modality, two outputs of another: names have to say which is meant. */
static const char several[]
    = "{'medley': 1,"
      " 'inputs': {'a': {'type': 'text/plain'}, 'b': {'type': 'text/plain', 'optional': true}},"
      " 'parameters': {'tone': {'type': 'string', 'default': 'low'},"
      "                'speed': {'type': 'number', 'default': 1, 'minimum': 0.25}},"
      " 'stages': {'one': {'task': 'text-to-audio/speech', 'engine': 'espeak', 'from': 'a',"
      "                    'set': {'voice': '${tone}', 'rate': '${speed}'}},"
      "            'two': {'task': 'text-to-audio/speech', 'engine': 'espeak', 'from': 'b'}},"
      " 'outputs': {'captions': {'from': 'one.captions', 'type': 'text/vtt'},"
      "             'first': {'from': 'one', 'type': 'audio/ogg'},"
      "             'second': {'from': 'two', 'type': 'audio/flac'}},"
      " 'serves': {'audio/speech': %s}}";

static char *
all_faults (MedleyPipeline *pipeline)
{
  return medley_faults_format (medley_pipeline_get_faults (pipeline));
}

static void
test_names_speak_for_themselves (void)
{
  Fixture fixture;
  MedleyPipeline *pipeline;
  const MedleyServes *serves;
  g_autofree const char **routes = NULL;
  g_autofree char *faults = NULL;

  fixture_init (&fixture);
  pipeline = fixture_add (
      &fixture, "film",
      "{'medley': 1,"
      " 'inputs': {'article': {'type': 'text/plain'}},"
      " 'parameters': {'width': {'type': 'integer', 'default': 640}, 'hue': {'type': 'string', "
      "'default': ''}},"
      " 'stages': {'speech': {'task': 'text-to-audio/speech', 'engine': 'espeak', 'from': "
      "'article', 'set': {'hue': '${hue}'}},"
      "  'video': {'task': 'text-to-video', 'from': 'speech.captions', 'set': {'width': "
      "'${width}'}}},"
      " 'outputs': {'captions': {'from': 'speech.captions', 'type': 'text/vtt'},"
      "  'film': {'from': ['video', 'speech'], 'type': 'video/mp4'}},"
      " 'serves': {'videos': true}}");
  faults = all_faults (pipeline);
  g_assert_cmpstr (faults, ==, "");
  routes = medley_pipeline_list_serves (pipeline);
  g_assert_cmpstr (routes[0], ==, "videos");
  g_assert_null (routes[1]);
  g_assert_null (medley_pipeline_get_serves (pipeline, "audio/speech"));
  serves = medley_pipeline_get_serves (pipeline, "videos");
  g_assert_nonnull (serves);
  g_assert_cmpstr (medley_serves_get_input (serves, "prompt"), ==, "article");
  g_assert_null (medley_serves_get_input (serves, "input_reference"));
  g_assert_cmpstr (medley_serves_get_parameter (serves, "width"), ==, "width");
  g_assert_null (medley_serves_get_parameter (serves, "height"));
  g_assert_null (medley_serves_get_parameter (serves, "hue"));
  g_assert_cmpstr (medley_serves_get_output (serves, "video"), ==, "film");
  fixture_clear (&fixture);
}

static void
test_named_ones_win (void)
{
  Fixture fixture;
  g_autofree char *text = NULL;
  g_autofree char *faults = NULL;
  g_autofree char *shown = NULL;
  g_autofree char *reason = NULL;
  g_autoptr (GVariant) description = NULL;
  g_autoptr (GVariant) described = NULL;
  g_autoptr (GVariant) alloy = g_variant_ref_sink (g_variant_new_string ("alloy"));
  g_autoptr (GVariant) other = g_variant_ref_sink (g_variant_new_string ("high"));
  g_autoptr (GVariant) slow = g_variant_ref_sink (g_variant_new_double (0.2));
  g_autoptr (GVariant) mapped = NULL;
  g_autoptr (GVariant) unmapped = NULL;
  g_auto (GStrv) values = NULL;
  g_auto (GStrv) none = NULL;
  MedleyPipeline *pipeline;
  const MedleyServes *serves;

  text = g_strdup_printf (several, "{'inputs': {'input': 'a'}, 'parameters': {'voice': 'tone'},"
                                   " 'outputs': {'audio': 'second'},"
                                   " 'values': {'voice': {'alloy': 'low', 'nova': 'mid'}}}");
  fixture_init (&fixture);
  pipeline = fixture_add (&fixture, "several", text);
  faults = all_faults (pipeline);
  g_assert_cmpstr (faults, ==, "");
  serves = medley_pipeline_get_serves (pipeline, "audio/speech");
  g_assert_cmpstr (medley_serves_get_input (serves, "input"), ==, "a");
  g_assert_cmpstr (medley_serves_get_parameter (serves, "voice"), ==, "tone");
  g_assert_cmpstr (medley_serves_get_parameter (serves, "speed"), ==, "speed");
  g_assert_null (medley_serves_get_parameter (serves, "instructions"));
  g_assert_cmpstr (medley_serves_get_output (serves, "audio"), ==, "second");
  mapped = medley_serves_accept (serves, "voice", alloy, FALSE, &reason);
  g_assert_cmpstr (g_variant_get_string (mapped, NULL), ==, "low");
  unmapped = medley_serves_accept (serves, "voice", other, FALSE, &reason);
  g_assert_cmpstr (g_variant_get_string (unmapped, NULL), ==, "high");
  g_assert_null (medley_serves_accept (serves, "speed", slow, FALSE, &reason));
  g_assert_cmpstr (reason, ==, "must be at least 0.25");
  values = medley_serves_list_values (serves, "voice");
  g_assert_cmpstrv (values, ((const char *const[]){ "alloy", "nova", NULL }));
  none = medley_serves_list_values (serves, "speed");
  g_assert_cmpuint (g_strv_length (none), ==, 0);

  description = g_variant_ref_sink (medley_pipeline_describe (pipeline));
  described = g_variant_lookup_value (description, "serves", NULL);
  shown = medley_json_print (described, FALSE);
  g_assert_cmpstr (shown, ==,
                   "{\"audio/speech\":{\"inputs\":{\"input\":\"a\"},\"parameters\":{\"voice\":"
                   "\"tone\",\"speed\":\"speed\"},\"outputs\":{\"audio\":\"second\"},\"values\":{"
                   "\"voice\":{\"alloy\":\"low\",\"nova\":\"mid\"}}}}");
  fixture_clear (&fixture);
}

/* Which of two inputs is meant nobody can know; the first output of a kind is the default. */
static void
test_two_inputs_are_not_guessed (void)
{
  Fixture fixture;
  g_autofree char *text = g_strdup_printf (several, "true");
  g_autofree char *faults = NULL;
  MedleyPipeline *pipeline;

  fixture_init (&fixture);
  pipeline = fixture_add (&fixture, "several", text);
  faults = all_faults (pipeline);
  g_assert_nonnull (strstr (faults, "audio/speech needs an input for \"input\", which is text"));
  g_assert_nonnull (strstr (faults, "no field of audio/speech gives the input \"a\""));
  g_assert_null (medley_pipeline_get_serves (pipeline, "audio/speech"));
  fixture_clear (&fixture);
}

static void
test_first_output_of_a_kind (void)
{
  Fixture fixture;
  g_autofree char *text = g_strdup_printf (several, "{'inputs': {'input': 'a'}}");
  MedleyPipeline *pipeline;
  const MedleyServes *serves;

  fixture_init (&fixture);
  pipeline = fixture_add (&fixture, "several", text);
  serves = medley_pipeline_get_serves (pipeline, "audio/speech");
  g_assert_nonnull (serves);
  g_assert_cmpstr (medley_serves_get_output (serves, "audio"), ==, "first");
  fixture_clear (&fixture);
}

/* Nothing that a route needs may be missing from a file whose lists cannot even be read. */
static void
test_a_broken_file_has_no_further_faults (void)
{
  static const char text[] = "{\"medley\": 1, \"stages\": {}, \"outputs\": 7,"
                             " \"serves\": {\"audio/speech\": true}}";
  Fixture fixture;
  g_autoptr (MedleyPipeline) pipeline = NULL;
  g_autofree char *faults = NULL;

  fixture_init (&fixture);
  pipeline = medley_pipeline_parse (text, sizeof text - 1, "x.json", &fixture.context);
  faults = all_faults (pipeline);
  g_assert_null (strstr (faults, "audio/speech"));
  g_assert_nonnull (strstr (faults, "this must be an object"));
  fixture_clear (&fixture);
}

/* What is content for one pipeline is a setting for another, or comes as JSON. */
static void
test_other_shapes (void)
{
  static const struct {
    const char *inputs, *from, *parameters, *serves, *fault;
  } cases[] = {
    { "{'page': {'type': 'image/*'}}", "page", "{}", "{'chat/completions': true}", NULL },
    { "{'talk': {'type': 'application/json'}}", "talk", "{}", "{'chat/completions': true}", NULL },
    { "{'talk': {'type': 'audio/*'}}", "talk", "{}", "{'chat/completions': true}",
      "needs an input for \"messages\" or \"image\"" },
    { "{'texts': {'type': 'application/json'}}", "texts", "{}", "{'embeddings': true}",
      "needs an output for \"embedding\"" },
    { "{'talk': {'type': 'application/json'}}", "talk", "{}", "{'audio/speech': true}",
      "needs an input for \"input\"" },
    { "{'picture': {'type': 'image/*'}}", "picture",
      "{'prompt': {'type': 'string', 'default': ''}}", "{'images/edits': true}",
      "needs an output for \"image\"" },
    { "{'picture': {'type': 'image/*'}}", "picture", "{}", "{'images/edits': true}",
      "needs an input for \"prompt\"" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *text = g_strdup_printf (
        "{'medley': 1, 'inputs': %s, 'parameters': %s,"
        " 'stages': {'ocr': {'task': 'image-to-text/ocr', 'from': '%s'}},"
        " 'outputs': {'text': {'from': 'ocr', 'type': 'text/plain'}}, 'serves': %s}",
        cases[i].inputs, cases[i].parameters, cases[i].from, cases[i].serves);
    g_autofree char *faults = NULL;
    Fixture fixture;

    fixture_init (&fixture);
    faults = all_faults (fixture_add (&fixture, "one", text));
    if (cases[i].fault == NULL)
      g_assert_null (strstr (faults, "/serves"));
    else
      g_assert_nonnull (strstr (faults, cases[i].fault));
    if (cases[i].fault != NULL && g_str_has_prefix (cases[i].fault, "needs an output"))
      g_assert_null (strstr (faults, "needs an input"));
    fixture_clear (&fixture);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/serves/names-speak-for-themselves", test_names_speak_for_themselves);
  g_test_add_func ("/serves/named-ones-win", test_named_ones_win);
  g_test_add_func ("/serves/two-inputs-are-not-guessed", test_two_inputs_are_not_guessed);
  g_test_add_func ("/serves/first-output-of-a-kind", test_first_output_of_a_kind);
  g_test_add_func ("/serves/a-broken-file-has-no-further-faults",
                   test_a_broken_file_has_no_further_faults);
  g_test_add_func ("/serves/other-shapes", test_other_shapes);
  return g_test_run ();
}
