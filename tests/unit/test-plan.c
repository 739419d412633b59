/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "pipeline-fixture.h"

#define NARRATED                                                                                   \
  "{'medley': 1, 'inputs': {'article': {'type': 'text/plain'}, 'picture': {'type': 'image/*', "    \
  "'optional': true}},"                                                                            \
  " 'parameters': {"                                                                               \
  "  'voice': {'type': 'string', 'default': 'en-gb', 'pattern': '^[a-z-]+$', 'maxLength': 8},"     \
  "  'rate': {'type': 'integer', 'default': 175, 'minimum': 80, 'maximum': 450},"                  \
  "  'gain': {'type': 'number', 'default': 1.5},"                                                  \
  "  'loud': {'type': 'boolean', 'default': false},"                                               \
  "  'theme': {'type': 'string', 'default': 'dark', 'enum': ['dark', 'light']}},"                  \
  " 'stages': {"                                                                                   \
  "  'video': {'task': 'text-to-video', 'from': {'sink': 'speech.captions', 'picture': "           \
  "'picture'},"                                                                                    \
  "            'set': {'theme': '${theme}', 'title': 'In ${voice} at ${rate} $${x} ${gain} "       \
  "${loud}'}},"                                                                                    \
  "  'speech': {'task': 'text-to-audio/speech', 'engine': ['kokoro', 'espeak', 'cloud'], 'from': " \
  "'article',"                                                                                     \
  "             'set': {'voice': '${voice}', 'rate': '${rate}', 'gain': '${gain}', 'loud': "       \
  "'${loud}', 'x': 5}},"                                                                           \
  "  'echo': {'element': 'audioecho', 'from': 'speech', 'set': {'delay': 20000000}},"              \
  "  'image': {'element': 'imagefreeze', 'from': 'picture'}},"                                     \
  " 'outputs': {"                                                                                  \
  "  'video': {'from': ['video', 'echo'], 'type': 'video/webm'},"                                  \
  "  'captions': {'from': 'speech.captions', 'type': 'text/vtt'},"                                 \
  "  'copy': {'from': 'article', 'type': 'text/plain'},"                                           \
  "  'still': {'from': 'image', 'type': 'video/mp4'}}}"

typedef struct {
  Fixture world;
  MedleyPipeline *pipeline;
} Test;

static void
set_up (Test *test, gconstpointer data)
{
  g_autofree char *faults = NULL;

  fixture_init (&test->world);
  test->pipeline = fixture_add (&test->world, "narrated", NARRATED);
  faults = medley_faults_format (medley_pipeline_get_faults (test->pipeline));
  g_assert_cmpstr (
      faults, ==,
      "narrated.json:1:726: warning: the engine \"kokoro\" is not installed; the others "
      "of the list are"
      " used [/stages/speech/engine/0]\n");
}

static void
tear_down (Test *test, gconstpointer data)
{
  fixture_clear (&test->world);
}

/* All arguments as GVariant text; inputs separated by spaces. */
static GVariant *
make (Test *test, MedleyPipeline *pipeline, const char *parameters, const char *outputs,
      const char *inputs, GError **error)
{
  g_autoptr (GVariant) values
      = parameters != NULL ? g_variant_parse (G_VARIANT_TYPE_VARDICT, parameters, NULL, NULL, NULL)
                           : NULL;
  g_autoptr (GVariant) wanted
      = outputs != NULL ? g_variant_parse (G_VARIANT_TYPE ("a{ss}"), outputs, NULL, NULL, NULL)
                        : NULL;
  g_auto (GStrv) given = inputs != NULL ? g_strsplit (inputs, " ", -1) : NULL;

  g_assert_true ((parameters == NULL) == (values == NULL) && (outputs == NULL) == (wanted == NULL));
  return medley_plan_make (pipeline, &test->world.context, values, wanted,
                           (const char *const *) given, error);
}

static void
assert_plan (Test *test, MedleyPipeline *pipeline, const char *parameters, const char *outputs,
             const char *inputs, const char *key, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) plan = make (test, pipeline, parameters, outputs, inputs, &error);
  g_autoptr (GVariant) part = NULL;
  g_autofree char *text = NULL;
  g_autofree char *wanted = g_strdelimit (g_strdup (expected), "'", '"');

  g_assert_no_error (error);
  g_assert_true (g_variant_is_of_type (plan, G_VARIANT_TYPE_VARDICT));
  g_assert_false (g_variant_is_floating (plan));
  part = g_variant_lookup_value (plan, key, NULL);
  text = medley_json_print (part, FALSE);
  g_assert_cmpstr (text, ==, wanted);
}

static void
assert_refused (Test *test, const char *parameters, const char *outputs, const char *inputs,
                MedleyError code, const char *message)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (make (test, test->pipeline, parameters, outputs, inputs, &error));
  g_assert_error (error, MEDLEY_ERROR, (int) code);
  if (strstr (error->message, message) == NULL)
    g_error ("\"%s\" is not in \"%s\"", message, error->message);
}

#define SPEECH(set)                                                                                \
  "{'name':'speech','task':'text-to-audio/"                                                        \
  "speech','engines':['espeak','cloud'],'from':[['','article','']],"                               \
  "'set':{" set "},'pointer':'/stages/speech','file':'narrated.json'}"

static void
test_whole (Test *test, gconstpointer data)
{
  assert_plan (
      test, test->pipeline, NULL, NULL, NULL, "stages",
      "[" SPEECH (
          "'voice':'en-gb','rate':175,'gain':1.5,'loud':false,'x':5") ","
                                                                      "{'name':'video','task':'"
                                                                      "text-to-video','engines':['"
                                                                      "storyboard'],"
                                                                      "'from':[['sink','speech','"
                                                                      "captions'],['picture','"
                                                                      "picture','']],"
                                                                      "'set':{'theme':'dark','"
                                                                      "title':'In en-gb at 175 "
                                                                      "${x} 1.5 false'},"
                                                                      "'pointer':'/stages/"
                                                                      "video','file':'narrated."
                                                                      "json'},"
                                                                      "{'name':'echo','element':'"
                                                                      "audioecho','from':[['','"
                                                                      "speech','']],'set':{'delay':"
                                                                      "20000000},"
                                                                      "'pointer':'/stages/"
                                                                      "echo','file':'narrated.json'"
                                                                      "},"
                                                                      "{'name':'image','element':'"
                                                                      "imagefreeze','from':[['','"
                                                                      "picture','']],'set':{},"
                                                                      "'pointer':'/stages/"
                                                                      "image','file':'narrated."
                                                                      "json'}]");
  assert_plan (test, test->pipeline, NULL, NULL, NULL, "inputs",
               "[{'name':'article','type':'text/plain'},{'name':'picture','type':'image/*'}]");
  assert_plan (
      test, test->pipeline, NULL, NULL, NULL, "outputs",
      "[{'name':'video','type':'video/webm','from':[['video',''],['echo','']],'pointer':'/outputs/"
      "video'},"
      "{'name':'captions','type':'text/vtt','from':[['speech','captions']],'pointer':'/outputs/"
      "captions'},"
      "{'name':'copy','type':'text/plain','from':[['article','']],'pointer':'/outputs/copy'},"
      "{'name':'still','type':'video/mp4','from':[['image','']],'pointer':'/outputs/still'}]");
  assert_plan (test, test->pipeline, NULL, NULL, NULL, "pipeline", "'narrated'");
  test->world.context.limits
      = g_variant_ref_sink (g_variant_new_parsed ("{'text-bytes': <uint64 5>}"));
  assert_plan (test, test->pipeline, NULL, NULL, NULL, "limits", "{'text-bytes':5}");
  g_variant_unref (test->world.context.limits);
}

static void
test_pruning (Test *test, gconstpointer data)
{
  assert_plan (test, test->pipeline, NULL, "{'captions': ''}", "article", "stages",
               "[" SPEECH ("'voice':'en-gb','rate':175,'gain':1.5,'loud':false,'x':5") "]");
  assert_plan (test, test->pipeline, NULL, "{'copy': ''}", "article picture", "stages", "[]");
  assert_plan (test, test->pipeline, NULL, "{'copy': ''}", "article picture", "inputs",
               "[{'name':'article','type':'text/plain'}]");
  assert_plan (test, test->pipeline, NULL, "{'still': ''}", "picture", "inputs",
               "[{'name':'picture','type':'image/*'}]");
}

static void
test_optional_inputs (Test *test, gconstpointer data)
{
  /* Without the picture, the stage that has nothing else to read is gone, and so is its output. */
  assert_plan (
      test, test->pipeline, NULL, NULL, "article", "outputs",
      "[{'name':'video','type':'video/webm','from':[['video',''],['echo','']],'pointer':'/outputs/"
      "video'},"
      "{'name':'captions','type':'text/vtt','from':[['speech','captions']],'pointer':'/outputs/"
      "captions'},"
      "{'name':'copy','type':'text/plain','from':[['article','']],'pointer':'/outputs/copy'}]");
  assert_plan (
      test, test->pipeline, NULL, "{'video': ''}", "article", "stages",
      "[" SPEECH (
          "'voice':'en-gb','rate':175,'gain':1.5,'loud':false,'x':5") ","
                                                                      "{'name':'video','task':'"
                                                                      "text-to-video','engines':['"
                                                                      "storyboard'],'from':[['sink'"
                                                                      ",'speech','captions']],"
                                                                      "'set':{'theme':'dark','"
                                                                      "title':'In en-gb at 175 "
                                                                      "${x} 1.5 false'},"
                                                                      "'pointer':'/stages/"
                                                                      "video','file':'narrated."
                                                                      "json'},"
                                                                      "{'name':'echo','element':'"
                                                                      "audioecho','from':[['','"
                                                                      "speech','']],'set':{'delay':"
                                                                      "20000000},"
                                                                      "'pointer':'/stages/"
                                                                      "echo','file':'narrated.json'"
                                                                      "}]");
  assert_refused (test, NULL, "{'still': ''}", "article", MEDLEY_ERROR_MISSING_INPUT,
                  "optional input");
}

static void
test_inputs_are_checked (Test *test, gconstpointer data)
{
  assert_refused (test, NULL, NULL, "picture", MEDLEY_ERROR_MISSING_INPUT,
                  "needs the input \"article\" (text/plain)");
  assert_refused (test, NULL, NULL, "articel", MEDLEY_ERROR_UNKNOWN_INPUT,
                  "did you mean \"article\"?");
  assert_refused (test, NULL, NULL, "x", MEDLEY_ERROR_UNKNOWN_INPUT, "it has article, picture");
}

static void
test_outputs_are_checked (Test *test, gconstpointer data)
{
  assert_refused (test, NULL, "{'caption': ''}", NULL, MEDLEY_ERROR_UNKNOWN_OUTPUT,
                  "did you mean \"captions\"?");
  assert_refused (test, NULL, "{'video': 'audio/ogg'}", NULL, MEDLEY_ERROR_UNSUPPORTED_TYPE,
                  "cannot hold");
  assert_refused (test, NULL, "{'video': 'image/gif'}", NULL, MEDLEY_ERROR_UNSUPPORTED_TYPE,
                  "image/gif");
  assert_refused (test, NULL, "{'video': 'video/x-nothing'}", NULL, MEDLEY_ERROR_UNSUPPORTED_TYPE,
                  "x-nothing");
  assert_plan (test, test->pipeline, NULL, "{'video': 'video/MP4'}", NULL, "outputs",
               "[{'name':'video','type':'video/mp4','from':[['video',''],['echo','']],'pointer':'/"
               "outputs/video'}]");
}

static void
test_parameters (Test *test, gconstpointer data)
{
  assert_plan (test, test->pipeline,
               "{'voice': <'de'>, 'rate': <uint16 80>, 'gain': <2>, 'loud': <true>}",
               "{'captions': ''}", NULL, "stages",
               "[" SPEECH ("'voice':'de','rate':80,'gain':2.0,'loud':true,'x':5") "]");
  /* As a command line or a query gives them. */
  assert_plan (test, test->pipeline,
               "{'voice': <'de'>, 'rate': <'80'>, 'gain': <'-2e1'>, 'loud': <'true'>}",
               "{'captions': ''}", NULL, "stages",
               "[" SPEECH ("'voice':'de','rate':80,'gain':-20.0,'loud':true,'x':5") "]");
  assert_plan (test, test->pipeline, "{'rate': <80.0>}", "{'captions': ''}", NULL, "stages",
               "[" SPEECH ("'voice':'en-gb','rate':80,'gain':1.5,'loud':false,'x':5") "]");
}

static void
test_parameters_are_checked (Test *test, gconstpointer data)
{
  static const struct {
    const char *parameters;
    const char *message;
  } refused[] = {
    { "{'rat': <5>}", "no parameter \"rat\"; did you mean \"rate\"?" },
    { "{'zzzzzz': <5>}", "no parameter \"zzzzzz\"" },
    { "{'rate': <79>}", "\"rate\" of the pipeline \"narrated\" must be at least 80" },
    { "{'rate': <451>}", "must be at most 450" },
    { "{'rate': <' 80'>}", "must be a whole number" },
    { "{'rate': <'80x'>}", "must be a whole number" },
    { "{'rate': <80.5>}", "must be a whole number" },
    { "{'rate': <uint64 18446744073709551615>}", "must be a whole number" },
    { "{'rate': <[80]>}", "must be a whole number" },
    { "{'rate': <true>}", "must be a whole number" },
    { "{'gain': <'nan'>}", "must be a number" },
    { "{'gain': <'1e999'>}", "must be a number" },
    { "{'gain': <''>}", "must be a number" },
    { "{'loud': <'yes'>}", "must be true or false" },
    { "{'loud': <1>}", "must be true or false" },
    { "{'voice': <5>}", "must be a string" },
    { "{'voice': <'EN'>}", "must match the pattern ^[a-z-]+$" },
    { "{'voice': <'en\\n'>}", "must match the pattern ^[a-z-]+$" },
    { "{'voice': <'aaaaaaaaa'>}", "must not be longer than 8 characters" },
    { "{'theme': <'blue'>}", "must be one of \"dark\", \"light\"" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (refused); i++)
    assert_refused (test, refused[i].parameters, NULL, NULL, MEDLEY_ERROR_INVALID_PARAMETER,
                    refused[i].message);
}

static void
test_parameter_without_default (Test *test, gconstpointer data)
{
  test->pipeline = fixture_add (&test->world, "asks",
                                "{'medley': 1, 'parameters': {'p': {'type': 'string'}},"
                                " 'stages': {'a': {'element': 'x', 'set': {'p': '${p}'}}},"
                                " 'outputs': {'o': {'from': 'a', 'type': 'text/plain'}}}");
  assert_refused (test, NULL, NULL, NULL, MEDLEY_ERROR_INVALID_PARAMETER, "has no default");
  assert_plan (test, test->pipeline, "{'p': <''>}", NULL, NULL, "stages",
               "[{'name':'a','element':'x','from':[],'set':{'p':''},'pointer':'/stages/"
               "a','file':'asks.json'}]");
}

/* A megabyte that stands a thousand times in the file must not become a gigabyte. */
static void
test_parameters_cannot_explode (Test *test, gconstpointer data)
{
  g_autoptr (GString) text
      = g_string_new ("{'medley': 1, 'parameters': {'p': {'type': 'string', 'default': ''}},"
                      " 'stages': {'a': {'element': 'x', 'set': {");
  g_autofree char *large = g_strnfill (1000000, 'x');
  g_autofree char *larger = g_strnfill (1100000, 'x');
  g_autofree char *parameters = g_strdup_printf ("{'p': <'%s'>}", large);
  g_autofree char *too_large = g_strdup_printf ("{'p': <'%s'>}", larger);

  for (guint i = 0; i < 200; i++)
    g_string_append_printf (text, "%s'p%u': '${p}${p}'", i > 0 ? "," : "", i);
  g_string_append (text, "}}}, 'outputs': {'o': {'from': 'a', 'type': 'text/plain'}}}");
  test->pipeline = fixture_add (&test->world, "explodes", text->str);
  assert_refused (test, parameters, NULL, NULL, MEDLEY_ERROR_INVALID_PARAMETER, "grows too long");
  assert_refused (test, too_large, NULL, NULL, MEDLEY_ERROR_INVALID_PARAMETER,
                  "must not be longer");
}

static void
test_hostile_pattern_ends (Test *test, gconstpointer data)
{
  test->pipeline
      = fixture_add (&test->world, "slow",
                     "{'medley': 1, 'parameters': {'p': {'type': 'string', 'pattern': '^(a+)+$'}},"
                     " 'stages': {'a': {'element': 'x', 'set': {'p': '${p}'}}},"
                     " 'outputs': {'o': {'from': 'a', 'type': 'text/plain'}}}");
  assert_refused (
      test,
      "{'p': <'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'>}",
      NULL, NULL, MEDLEY_ERROR_INVALID_PARAMETER, "must match");
}

static void
test_engines (Test *test, gconstpointer data)
{
  MedleyPipeline *pipeline
      = fixture_add (&test->world, "any",
                     "{'medley': 1, 'inputs': {'t': {'type': 'text/plain'}},"
                     " 'stages': {'a': {'task': 'text-to-audio', 'from': 't'}},"
                     " 'outputs': {'o': {'from': 'a', 'type': 'audio/ogg'}}}");

  /* The cheapest, and no other to fall back to: that might be a model server. */
  assert_plan (
      test, pipeline, NULL, NULL, NULL, "stages",
      "[{'name':'a','task':'text-to-audio','engines':['espeak'],'from':[['','t','']],'set':{},"
      "'pointer':'/stages/a','file':'any.json'}]");
  medley_catalog_set (test->world.catalog, g_variant_new_parsed ("@aa{sv} []"), "2");
  assert_refused (
      test, NULL, NULL, NULL, MEDLEY_ERROR_UNKNOWN_ENGINE,
      "none of the engines of the stage \"speech\" is installed (task text-to-audio/speech)");
}

static void
test_faulty_pipeline (Test *test, gconstpointer data)
{
  test->pipeline = fixture_add (&test->world, "faulty", "{}");
  assert_refused (test, NULL, NULL, NULL, MEDLEY_ERROR_INVALID_PIPELINE, "\"faulty\" has faults");
}

#define MIDDLE                                                                                     \
  "{'medley': 1, 'inputs': {'words': {'type': 'text/plain'}, 'more': {'type': 'text/plain', "      \
  "'optional': true}},"                                                                            \
  " 'parameters': {'speed': {'type': 'integer', 'default': 100}},"                                 \
  " 'stages': {'talk': {'pipeline': 'speak', 'from': 'words', 'set': {'rate': '${speed}'}},"       \
  "            'other': {'element': 'join', 'from': {'a': 'more', 'b': 'talk.captions'}}},"        \
  " 'outputs': {'sound': {'from': 'talk', 'type': 'audio/ogg'}, 'text': {'from': 'other', "        \
  "'type': 'text/plain'},"                                                                         \
  "             'words': {'from': 'words', 'type': 'text/plain'}}}"

static void
test_sub_pipelines (Test *test, gconstpointer data)
{
  MedleyPipeline *outer;

  fixture_add (&test->world, "middle", MIDDLE);
  outer = fixture_add (
      &test->world, "outer",
      "{'medley': 1, 'inputs': {'t': {'type': 'text/plain'}}, 'stages': {"
      "  'last': {'element': 'volume', 'from': 'sub'},"
      "  'sub': {'pipeline': 'middle', 'from': {'words': 't'}, 'set': {'speed': 200}},"
      "  'again': {'pipeline': 'speak', 'from': 'sub.words'}},"
      " 'outputs': {'o': {'from': 'last', 'type': 'audio/ogg'},"
      "  'p': {'from': 'sub.text', 'type': 'text/plain'}, 'q': {'from': 'again', 'type': "
      "'audio/flac'}}}");
  assert_plan (
      test, outer, NULL, NULL, NULL, "stages",
      "[{'name':'sub/talk/speech','task':'text-to-audio/"
      "speech','engines':['espeak'],'from':[['','t','']],"
      "'set':{'rate':200},'pointer':'/stages/speech','file':'speak.json'},"
      "{'name':'last','element':'volume','from':[['','sub/talk/speech','']],'set':{},"
      "'pointer':'/stages/last','file':'outer.json'},"
      "{'name':'sub/other','element':'join','from':[['b','sub/talk/speech','captions']],'set':{},"
      "'pointer':'/stages/other','file':'middle.json'},"
      "{'name':'again/speech','task':'text-to-audio/"
      "speech','engines':['espeak'],'from':[['','t','']],"
      "'set':{'rate':175},'pointer':'/stages/speech','file':'speak.json'}]");
  assert_plan (test, outer, NULL, "{'q': ''}", NULL, "stages",
               "[{'name':'again/speech','task':'text-to-audio/"
               "speech','engines':['espeak'],'from':[['','t','']],"
               "'set':{'rate':175},'pointer':'/stages/speech','file':'speak.json'}]");

  /* What was checked is what is planned, also when the library has another version by now. */
  g_hash_table_remove (test->world.pipelines, "middle");
  assert_plan (
      test, outer, NULL, "{'q': ''}", NULL, "outputs",
      "[{'name':'q','type':'audio/flac','from':[['again/speech','']],'pointer':'/outputs/q'}]");
}

static void
test_sub_pipeline_refuses_a_parameter (Test *test, gconstpointer data)
{
  fixture_add (&test->world, "middle", MIDDLE);
  test->pipeline = fixture_add (
      &test->world, "outer",
      "{'medley': 1, 'inputs': {'t': {'type': 'text/plain'}},"
      " 'parameters': {'v': {'type': 'integer', 'default': 100}}, 'stages': {"
      "  'sub': {'pipeline': 'middle', 'from': {'words': 't'}, 'set': {'speed': '${v}'}}},"
      " 'outputs': {'o': {'from': 'sub', 'type': 'audio/ogg'}}}");
  assert_refused (test, "{'v': <9999>}", NULL, NULL, MEDLEY_ERROR_INVALID_PARAMETER,
                  "\"rate\" of the pipeline \"speak\" must be at most 450");
}

static void
test_fan_out_across_sub_pipelines (Test *test, gconstpointer data)
{
  g_autoptr (GString) text
      = g_string_new ("{'medley': 1, 'inputs': {'t': {'type': 'text/plain'}}, 'stages': {");

  test->world.context.max_fan_out = 3;
  fixture_add (&test->world, "wide",
               "{'medley': 1, 'inputs': {'t': {'type': 'text/plain'}}, 'stages': {'a': {'element': "
               "'x', 'from': 't'},"
               " 'b': {'element': 'y', 'from': {'p': 't', 'q': 'a'}}},"
               " 'outputs': {'o': {'from': 'b', 'type': 'text/plain'}}}");
  g_string_append (
      text, "'a': {'pipeline': 'wide', 'from': 't'}, 'b': {'pipeline': 'wide', 'from': 't'}},"
            "'outputs': {'o': {'from': 'a', 'type': 'text/plain'}, 'p': {'from': 'b', 'type': "
            "'text/plain'}}}");
  test->pipeline = fixture_add (&test->world, "outer", text->str);
  assert_refused (test, NULL, NULL, NULL, MEDLEY_ERROR_INVALID_PIPELINE,
                  "more than 3 read from \"t\"");
}

static void
test_stall (Test *test, gconstpointer data)
{
  static const char *const stages[]
      = { "{'task': 'text-to-audio/speech', 'from': 't', 'stall': 30}",
          "{'task': 'text-to-audio/speech', 'from': 't'}" };

  for (guint i = 0; i < G_N_ELEMENTS (stages); i++) {
    g_autofree char *text = g_strdup_printf (
        "{'medley': 1, 'inputs': {'t': {'type': 'text/plain'}}, 'stages': {'s': %s},"
        " 'outputs': {'o': {'from': 's', 'type': 'audio/ogg'}}}",
        stages[i]);
    MedleyPipeline *pipeline = fixture_add (&test->world, i == 0 ? "with" : "without", text);
    g_autoptr (GError) error = NULL;
    g_autoptr (GVariant) plan = make (test, pipeline, NULL, NULL, NULL, &error);
    g_autoptr (GVariant) list = NULL;
    g_autoptr (GVariant) stage = NULL;
    guint stall = 0;

    g_assert_no_error (error);
    list = g_variant_lookup_value (plan, "stages", G_VARIANT_TYPE ("aa{sv}"));
    stage = g_variant_get_child_value (list, 0);
    g_assert_cmpint (g_variant_lookup (stage, "stall", "u", &stall), ==, i == 0);
    g_assert_cmpuint (stall, ==, i == 0 ? 30 : 0);
  }
}

/* What a worker can look at in spite of the faults: so that all are told at once. */
static void
test_partial (Test *test, gconstpointer data)
{
  static const char *const allowed[] = { "volume", NULL };
  MedleyPipeline *pipeline = fixture_add (
      &test->world, "faulty",
      "{'medley': 1, 'inputs': {'t': {'type': 'text/plain'}, 'bad': {'type': 'text/nothing'}},"
      " 'parameters': {'p': {'type': 'string'}, 'r': {'type': 'integer', 'default': 5}},"
      " 'stages': {"
      "  'speech': {'task': 'text-to-audio/speech', 'engine': ['nobody', 'tesseract', 'espeak'],"
      "             'from': 't', 'set': {'a': '${p}', 'b': '${q}', 'c': '${', 'd': '${r}'}},"
      "  'gone': {'task': 'text-to-audio/speech', 'engine': 'nobody', 'from': 't'},"
      "  'loud': {'element': 'volume', 'from': {'a': 'speech', 'b': 'gone', 'c': 'nothing', 'd': "
      "'bad'}},"
      "  'file': {'element': 'filesrc'},"
      "  'x': {'element': 'volume', 'from': 'y'}, 'y': {'element': 'volume', 'from': 'x'},"
      "  'sub': {'pipeline': 'speak', 'from': 't', 'set': {'rate': 'fast', 'none': 1}},"
      "  't': {'element': 'volume'}, 'what': {}, 'mine': {'pipeline': 'missing'}},"
      " 'outputs': {'o': {'from': 'loud', 'type': 'audio/ogg'}, 'n': {'from': 'nothing', 'type': "
      "'audio/ogg'},"
      "  'm': {'from': 'loud', 'type': 'no/type'}}}");
  g_autoptr (GVariant) plan = NULL;
  g_autoptr (GVariant) stages = NULL;
  g_autoptr (GVariant) outputs = NULL;
  g_autofree char *stage_text = NULL;
  g_autofree char *output_text = NULL;

  g_assert_false (medley_pipeline_is_valid (pipeline));
  test->world.context.allowed_elements = allowed;
  plan = medley_plan_make_partial (pipeline, &test->world.context);
  stages = g_variant_lookup_value (plan, "stages", NULL);
  outputs = g_variant_lookup_value (plan, "outputs", NULL);
  stage_text = g_strdelimit (medley_json_print (stages, FALSE), "\"", '\'');
  output_text = g_strdelimit (medley_json_print (outputs, FALSE), "\"", '\'');
  g_assert_cmpstr (
      stage_text, ==,
      "[{'name':'speech','task':'text-to-audio/speech','engines':['espeak'],'from':[['','t','']],"
      "'set':{'c':'','d':5},'pointer':'/stages/speech','file':'faulty.json'},"
      "{'name':'loud','element':'volume','from':[['a','speech','']],'set':{},"
      "'pointer':'/stages/loud','file':'faulty.json'},"
      "{'name':'y','element':'volume','from':[],'set':{},'pointer':'/stages/"
      "y','file':'faulty.json'},"
      "{'name':'x','element':'volume','from':[['','y','']],'set':{},'pointer':'/stages/x',"
      "'file':'faulty.json'},"
      "{'name':'sub/speech','task':'text-to-audio/"
      "speech','engines':['espeak'],'from':[['','t','']],"
      "'set':{},'pointer':'/stages/speech','file':'speak.json'}]");
  g_assert_cmpstr (output_text, ==,
                   "[{'name':'o','type':'audio/ogg','from':[['loud','']],'pointer':'/outputs/o'}]");
}

static void
test_partial_of_what_has_no_shape (Test *test, gconstpointer data)
{
  MedleyPipeline *pipeline = fixture_add (&test->world, "shapeless", "{'medley': 1, 'stages': 5}");

  g_assert_null (medley_plan_make_partial (pipeline, &test->world.context));
  /* And of a whole one it is whole, parameters without a default left out. */
  g_autoptr (GVariant) plan = medley_plan_make_partial (test->pipeline, &test->world.context);
  g_autoptr (GVariant) stages = g_variant_lookup_value (plan, "stages", NULL);
  g_assert_cmpuint (g_variant_n_children (stages), ==, 4);
}

#define ADD(path, function) g_test_add (path, Test, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/plan/whole", test_whole);
  ADD ("/plan/stages-that-feed-nothing-wanted-are-pruned", test_pruning);
  ADD ("/plan/optional-inputs", test_optional_inputs);
  ADD ("/plan/inputs-are-checked", test_inputs_are_checked);
  ADD ("/plan/outputs-and-their-types-are-checked", test_outputs_are_checked);
  ADD ("/plan/parameters-keep-or-get-their-type", test_parameters);
  ADD ("/plan/parameters-are-checked", test_parameters_are_checked);
  ADD ("/plan/parameter-without-default-is-needed", test_parameter_without_default);
  ADD ("/plan/parameters-cannot-explode", test_parameters_cannot_explode);
  ADD ("/plan/hostile-pattern-ends", test_hostile_pattern_ends);
  ADD ("/plan/engines-are-chosen", test_engines);
  ADD ("/plan/faulty-pipeline-is-refused", test_faulty_pipeline);
  ADD ("/plan/sub-pipelines-are-expanded", test_sub_pipelines);
  ADD ("/plan/sub-pipeline-refuses-a-parameter", test_sub_pipeline_refuses_a_parameter);
  ADD ("/plan/fan-out-across-sub-pipelines", test_fan_out_across_sub_pipelines);
  ADD ("/plan/stall-of-a-stage", test_stall);
  ADD ("/plan/partial-in-spite-of-faults", test_partial);
  ADD ("/plan/partial-of-what-has-no-shape", test_partial_of_what_has_no_shape);
  return g_test_run ();
}
