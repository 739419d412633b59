/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the shell makes of its words, without a daemon. */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <medley/medley-error.h>

#include "base/json.h"
#include "cli/args.h"
#include "cli/event-text.h"
#include "cli/format.h"
#include "cli/output-file.h"
#include "cli/progress.h"
#include "cli/reply.h"
#include "cli/run-spec.h"
#include "cli/sse.h"

/* Options */

static const MedleyArgOption options[] = {
  { "output", 'o', MEDLEY_ARG_LIST, "FILE", "" }, { "host", 0, MEDLEY_ARG_VALUE, "URL", "" },
  { "limit", 'n', MEDLEY_ARG_VALUE, "N", "" },    { "quiet", 'q', MEDLEY_ARG_FLAG, NULL, "" },
  { "force", 'f', MEDLEY_ARG_FLAG, NULL, "" },    { NULL },
};
static const MedleyArgOption *const tables[] = { options, NULL };

static MedleyArgs *
parse (const char *line, GError **error)
{
  g_auto (GStrv) argv = g_strsplit (line, " ", -1);

  return medley_args_parse (tables, argv, FALSE, NULL, error);
}

static void
test_options_and_words_mix (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyArgs) args
      = parse ("a -o x --output=y -oz b - -qf --host h1 --host h2 -- -o --help", &error);
  g_autofree char *words = NULL;
  g_autofree char *outputs = NULL;

  g_assert_no_error (error);
  words = g_strjoinv ("|", (char **) medley_args_words (args));
  outputs = g_strjoinv ("|", (char **) medley_args_list (args, "output"));
  g_assert_cmpstr (words, ==, "a|b|-|-o|--help");
  g_assert_cmpstr (outputs, ==, "x|y|z");
  g_assert_cmpstr (medley_args_get (args, "host"), ==, "h2");
  g_assert_true (medley_args_has (args, "quiet"));
  g_assert_true (medley_args_has (args, "force"));
  g_assert_false (medley_args_has (args, "limit"));
  g_assert_null (medley_args_list (args, "limit")[0]);
}

static void
test_bad_options_are_named (void)
{
  static const char *const bad[][2] = {
    { "--quite", "did you mean --quiet?" },
    { "--zzzzz", "unknown option --zzzzz" },
    { "-x", "unknown option -x" },
    { "-qx", "unknown option -x" },
    { "--host", "--host needs a value" },
    { "a -o", "--output needs a value" },
    { "--quiet=yes", "--quiet takes no value" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (MedleyArgs) args = parse (bad[i][0], &error);

    g_assert_null (args);
    g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT);
    g_assert_nonnull (strstr (error->message, bad[i][1]));
  }
}

static void
test_numbers_are_checked (void)
{
  g_autoptr (MedleyArgs) none = parse ("a", NULL);
  g_autoptr (MedleyArgs) good = parse ("-n 12", NULL);
  g_autoptr (MedleyArgs) bad = parse ("-n 12x", NULL);
  g_autoptr (GError) error = NULL;
  guint number;

  g_assert_true (medley_args_get_number (none, "limit", 7, &number, NULL));
  g_assert_cmpuint (number, ==, 7);
  g_assert_true (medley_args_get_number (good, "limit", 7, &number, NULL));
  g_assert_cmpuint (number, ==, 12);
  g_assert_false (medley_args_get_number (bad, "limit", 7, &number, &error));
  g_assert_nonnull (strstr (error->message, "12x"));
}

static void
test_parsing_stops_at_the_command (void)
{
  g_auto (GStrv) argv = g_strsplit ("-q --host h run --force", " ", -1);
  guint n_used;
  g_autoptr (MedleyArgs) args = medley_args_parse (tables, argv, TRUE, &n_used, NULL);

  g_assert_cmpuint (n_used, ==, 3);
  g_assert_false (medley_args_has (args, "force"));
}

/* The words of run */

static GVariant *
json (const char *text)
{
  g_autoptr (GError) error = NULL;
  GVariant *value = medley_json_parse (text, strlen (text), NULL, NULL, &error);

  g_assert_no_error (error);
  g_variant_get_data (value);
  return value;
}

#define SPEAK                                                                                      \
  "{\"name\":\"speak\",\"inputs\":{\"text\":{\"type\":\"text/plain\"}},"                           \
  "\"parameters\":{\"voice\":{\"type\":\"string\"},\"rate\":{\"type\":\"integer\"}},"              \
  "\"outputs\":{\"speech\":{\"type\":\"audio/ogg\"},\"captions\":{\"type\":\"text/vtt\"}}}"
#define READ                                                                                       \
  "{\"name\":\"read\",\"inputs\":{\"page\":{\"type\":\"image/*\"},"                                \
  "\"hints\":{\"type\":\"text/plain\",\"optional\":true}},"                                        \
  "\"outputs\":{\"text\":{\"type\":\"text/plain\"}}}"
#define TWO                                                                                        \
  "{\"name\":\"two\",\"inputs\":{\"a\":{\"type\":\"text/plain\"},\"b\":{\"type\":\"text/"          \
  "plain\"}},"                                                                                     \
  "\"outputs\":{\"text\":{\"type\":\"text/plain\"}}}"

typedef struct {
  const char *inputs;
  const char *parameters;
  const char *outputs;
  const char *types;
  gboolean is_played;
  gboolean is_detached;
  gboolean is_stdout_taken;
} Words;

static char **
split (const char *text)
{
  return text != NULL ? g_strsplit (text, "|", -1) : g_new0 (char *, 1);
}

static MedleyRunSpec *
make (const char *pipeline, Words words, GError **error)
{
  g_autoptr (GVariant) described = json (pipeline);
  g_auto (GStrv) inputs = split (words.inputs);
  g_auto (GStrv) parameters = split (words.parameters);
  g_auto (GStrv) outputs = split (words.outputs);
  g_auto (GStrv) types = split (words.types);
  const MedleyRunWords run_words = { (const char *const *) inputs,
                                     (const char *const *) parameters,
                                     (const char *const *) outputs,
                                     (const char *const *) types,
                                     words.is_played,
                                     words.is_detached,
                                     words.is_stdout_taken };

  return medley_run_spec_new (described, &run_words, error);
}

static char *
describe (const char *pipeline, Words words)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyRunSpec) spec = make (pipeline, words, &error);
  g_autoptr (GString) text = g_string_new (NULL);

  g_assert_no_error (error);
  for (guint i = 0; i < spec->inputs->len; i++) {
    MedleyRunInput *input = g_ptr_array_index (spec->inputs, i);

    g_string_append_printf (text, "%s%s%s ", input->name,
                            input->kind == MEDLEY_RUN_TEXT ? ":=" : "=", input->value);
  }
  for (guint i = 0; i < spec->outputs->len; i++) {
    MedleyRunOutput *output = g_ptr_array_index (spec->outputs, i);

    g_string_append_printf (text, "%s>%s(%s%s%s) ", output->name,
                            output->file != NULL ? output->file : "nowhere", output->type,
                            output->asked_type != NULL ? ",asked" : "",
                            output->is_chosen ? ",chosen" : "");
  }
  return g_strchomp (g_string_free (g_steal_pointer (&text), FALSE));
}

static void
assert_describes (const char *pipeline, Words words, const char *expected)
{
  g_autofree char *text = describe (pipeline, words);

  g_assert_cmpstr (text, ==, expected);
}

static void
test_names_may_be_left_out (void)
{
  assert_describes (SPEAK, (Words){ "/dev/null", NULL, "a.ogg" },
                    "text=/dev/null speech>a.ogg(audio/ogg,chosen)");
  assert_describes (SPEAK, (Words){ "-", NULL, "-" }, "text=- speech>-(audio/ogg,chosen)");
  assert_describes (SPEAK, (Words){ ":=a=b", NULL, "speech=-" },
                    "text:=a=b speech>-(audio/ogg,chosen)");
  assert_describes (
      SPEAK, (Words){ "text:=Hi", NULL, "captions=c.vtt|s.flac" },
      "text:=Hi captions>c.vtt(text/vtt,chosen) speech>s.flac(audio/flac,asked,chosen)");
  assert_describes (READ, (Words){ "/dev/null" }, "page=/dev/null text>-(text/plain)");
  assert_describes (READ, (Words){ "hints:=x|page=-", NULL, "x.txt" },
                    "hints:=x page=- text>x.txt(text/plain,chosen)");
}

static void
test_an_output_without_a_name_goes_to_a_file_or_as_text_to_standard_output (void)
{
  assert_describes (SPEAK, (Words){ "-" }, "text=- speech>speak.ogg(audio/ogg)");
  assert_describes (SPEAK, (Words){ "-", NULL, NULL, "audio/wav" },
                    "text=- speech>speak.wav(audio/wav,asked)");
  assert_describes (READ, (Words){ "-", .is_stdout_taken = TRUE },
                    "page=- text>read.txt(text/plain)");
  assert_describes (SPEAK, (Words){ "-", .is_played = TRUE }, "text=- speech>nowhere(audio/ogg)");
  assert_describes (SPEAK, (Words){ "-", NULL, "captions=c.vtt", .is_played = TRUE },
                    "text=- captions>c.vtt(text/vtt,chosen) speech>nowhere(audio/ogg)");
  assert_describes (SPEAK, (Words){ "-", .is_detached = TRUE },
                    "text=- speech>nowhere(audio/ogg) captions>nowhere(text/vtt)");
}

static void
test_the_extension_chooses_the_type_unless_it_says_nothing (void)
{
  assert_describes (SPEAK, (Words){ "-", NULL, "a.MP3" },
                    "text=- speech>a.MP3(audio/mpeg,asked,chosen)");
  assert_describes (SPEAK, (Words){ "-", NULL, "a.xyz" }, "text=- speech>a.xyz(audio/ogg,chosen)");
  assert_describes (SPEAK, (Words){ "-", NULL, "a.tiff" },
                    "text=- speech>a.tiff(audio/ogg,chosen)");
  assert_describes (SPEAK, (Words){ "-", NULL, "./captions=a" },
                    "text=- speech>./captions=a(audio/ogg,chosen)");
  assert_describes (SPEAK, (Words){ "-", NULL, "a.mp3", "speech=audio/wav" },
                    "text=- speech>a.mp3(audio/wav,asked,chosen)");
}

typedef struct {
  const char *pipeline;
  Words words;
  const char *says;
} Refused;

static void
test_bad_words_say_what_would_be_right (void)
{
  static const Refused refused[] = {
    { SPEAK, { NULL }, "the input \"text\" (text/plain) is missing" },
    { SPEAK, { "no-such-file.txt" }, "there is no file \"no-such-file.txt\"" },
    { SPEAK, { "/" }, "is a folder" },
    { SPEAK, { "texd=-" }, "did you mean \"text\"?" },
    { SPEAK, { "voice=de" }, "write --set voice=de" },
    { SPEAK, { "-|:=x" }, "\"text\" is given twice" },
    { TWO, { "-" }, "name the input that \"-\" is for" },
    { TWO, { "a=-|b=-" }, "only one input can be read from standard input" },
    { TWO, { "a:=x" }, "the input \"b\"" },
    { SPEAK, { "-", "voise=de" }, "did you mean \"voice\"?" },
    { SPEAK, { "-", "voice" }, "expected PARAMETER=VALUE" },
    { SPEAK, { "-", "text=x" }, "\"text\" is an input" },
    { READ, { "-", "voice=x" }, "read has no parameters" },
    { SPEAK, { "-", NULL, "caption=x.vtt" }, "did you mean \"captions\"?" },
    { SPEAK, { "-", NULL, "a.ogg|b.ogg" }, "\"speech\" is given twice" },
    { SPEAK, { "-", NULL, "speech=x|captions=x" }, "cannot both go to \"x\"" },
    { SPEAK, { "-", NULL, "captions=" }, "names no file" },
    { SPEAK, { "-", NULL, NULL, "audio/foo" }, "nothing here writes the type \"audio/foo\"" },
    { SPEAK, { "-", NULL, NULL, "captions=text/vtt" }, "the output is not made" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (refused); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (MedleyRunSpec) spec = make (refused[i].pipeline, refused[i].words, &error);

    g_test_message ("case %u: %s", i, error != NULL ? error->message : "no error");
    g_assert_null (spec);
    g_assert_nonnull (strstr (error->message, refused[i].says));
  }
}

static void
test_the_request_has_what_the_daemon_needs (void)
{
  g_autofree char *long_text = g_strnfill (300 * 1024, 'x');
  g_autofree char *word = g_strconcat ("b:=", long_text, NULL);
  g_autofree char *inputs = g_strconcat ("a:=short|", word, NULL);
  g_autoptr (MedleyRunSpec) spec
      = make (SPEAK, (Words){ "text:=Hi", "voice=de|rate=3", "captions=c|speech=s.wav" }, NULL);
  g_autoptr (MedleyRunSpec) big = make (TWO, (Words){ inputs }, NULL);
  g_autoptr (GVariant) request
      = g_variant_ref_sink (medley_run_spec_to_request (spec, g_variant_new_string ("speak")));
  g_autoptr (GVariant) big_request
      = g_variant_ref_sink (medley_run_spec_to_request (big, g_variant_new_string ("two")));
  g_autofree char *text = medley_json_print (request, FALSE);
  g_autofree char *big_text = medley_json_print (big_request, FALSE);
  g_autoptr (GVariant) parsed = json (text);
  g_autoptr (GVariant) parameters = medley_reply_object (parsed, "parameters");

  g_assert_nonnull (strstr (text, "\"pipeline\":\"speak\""));
  g_assert_nonnull (strstr (text, "\"inputs\":{\"text\":{\"text\":\"Hi\"}}"));
  g_assert_nonnull (
      strstr (text, "\"outputs\":{\"captions\":{},\"speech\":{\"type\":\"audio/wav\"}}"));
  g_assert_cmpstr (medley_reply_string (parameters, "voice", NULL), ==, "de");
  g_assert_cmpstr (medley_reply_string (parameters, "rate", NULL), ==, "3");
  g_assert_nonnull (strstr (big_text, "\"b\":{\"upload\":true}"));
}

/* Server-sent events */

static void
note_event (const char *id, const char *type, const char *data, gpointer user_data)
{
  g_string_append_printf (user_data, "[%s %s %s]", id != NULL ? id : "", type, data);
}

static void
test_events_are_cut_alike_whatever_the_pieces (void)
{
  static const char stream[] = ":\n\nid: 1\nevent: state\ndata: {\"a\":1}\n\n"
                               "data:x\ndata: y\n\n\r\nid: 3\r\ndata: z\r\n\r\nevent: lost\n";

  for (gsize piece = 1; piece <= sizeof stream; piece++) {
    g_autoptr (GString) seen = g_string_new (NULL);
    g_autoptr (MedleySse) sse = medley_sse_new (note_event, seen);

    for (gsize at = 0; at < sizeof stream - 1; at += piece)
      g_assert_true (medley_sse_feed (sse, stream + at, MIN (piece, sizeof stream - 1 - at)));
    g_assert_cmpstr (seen->str, ==, "[1 state {\"a\":1}][ message x\ny][3 message z]");
  }
}

static void
test_an_endless_line_is_refused (void)
{
  g_autofree char *megabyte = g_strnfill (1024 * 1024, 'x');
  g_autoptr (GString) seen = g_string_new (NULL);
  g_autoptr (MedleySse) sse = medley_sse_new (note_event, seen);
  gboolean ok = TRUE;

  for (guint i = 0; ok && i < 20; i++)
    ok = medley_sse_feed (sse, megabyte, 1024 * 1024);
  g_assert_false (ok);
}

/* What is shown */

static void
test_the_progress_line_fits_its_terminal (void)
{
  g_autofree char *wide = medley_progress_format ("speak", "speech", 0.42, 75, 100, 100);
  g_autofree char *unknown = medley_progress_format ("speak", "running", -1, 3, -1, 80);

  g_assert_nonnull (strstr (wide, "[############------------------]"));
  g_assert_nonnull (strstr (wide, " 42%  1:15, 1:40 left"));
  g_assert_cmpstr (unknown, ==, "speak  running  0:03");
  for (guint columns = 1; columns < 120; columns++) {
    g_autofree char *line
        = medley_progress_format ("ein längerer Name 語", "stage", 0.5, 10, 10, columns);

    g_assert_cmpuint (medley_format_width (line), <=, columns);
  }
}

static void
test_durations_and_widths (void)
{
  static const struct {
    double seconds;
    const char *text;
  } cases[] = { { 0, "0:00" },    { 7.4, "0:07" },     { 59.6, "1:00" },
                { 754, "12:34" }, { 3723, "1:02:03" }, { -5, "0:00" } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *text = medley_format_duration (cases[i].seconds);

    g_assert_cmpstr (text, ==, cases[i].text);
  }
  {
    g_autofree char *size = medley_format_size (1234567);

    g_assert_cmpstr (size, ==, "1.2 MB");
  }
  g_assert_cmpuint (medley_format_width ("語言"), ==, 4);
  g_assert_cmpuint (medley_format_width ("e\xcc\x81"), ==, 1);
}

static void
test_events_become_lines (void)
{
  g_autoptr (GVariant) finished = json ("{\"kind\":\"stage-finished\",\"stage\":\"speech\","
                                        "\"engine\":\"espeak\",\"duration\":7000000000}");
  g_autoptr (GVariant) warning = json ("{\"kind\":\"warning\",\"message\":\"slow\"}");
  g_autoptr (GVariant) state = json ("{\"kind\":\"state\",\"state\":\"done\"}");
  g_autofree char *first = medley_event_text (finished);
  g_autofree char *second = medley_event_text (warning);
  g_autofree char *third = medley_event_text (state);

  g_assert_cmpstr (first, ==, "stage-finished speech (espeak), 0:07 of media");
  g_assert_cmpstr (second, ==, "warning: slow");
  g_assert_cmpstr (third, ==, "done");
}

/* Output files */

static void
write_text (MedleyOutputFile *file, const char *text)
{
  g_autoptr (GError) error = NULL;

  g_output_stream_write_all (medley_output_file_get_stream (file), text, strlen (text), NULL, NULL,
                             &error);
  g_assert_no_error (error);
}

static guint
count_files (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  guint n_files = 0;

  while (g_dir_read_name (dir) != NULL)
    n_files++;
  return n_files;
}

static void
test_a_file_has_its_name_only_once_it_is_whole (void)
{
  g_autofree char *folder = g_dir_make_tmp ("medley-output-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "a.ogg", NULL);
  g_autofree char *content = NULL;
  g_autoptr (GError) error = NULL;
  MedleyOutputFile *file = medley_output_file_open (path, TRUE, &error);
  struct stat st;

  g_assert_no_error (error);
  g_assert_false (medley_output_file_is_special (file));
  write_text (file, "half");
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
  medley_output_file_free (file);
  g_assert_cmpuint (count_files (folder), ==, 0);

  file = medley_output_file_open (path, TRUE, &error);
  write_text (file, "whole");
  g_assert_true (medley_output_file_commit (file, &error));
  medley_output_file_free (file);
  g_assert_cmpuint (count_files (folder), ==, 1);
  g_file_get_contents (path, &content, NULL, NULL);
  g_assert_cmpstr (content, ==, "whole");

  g_assert_cmpint (g_chmod (path, 0640), ==, 0);
  g_assert_null (medley_output_file_open (path, FALSE, &error));
  g_assert_nonnull (strstr (error->message, "--force"));
  g_clear_error (&error);
  file = medley_output_file_open (path, TRUE, &error);
  g_assert_true (medley_output_file_commit (file, &error));
  medley_output_file_free (file);
  g_assert_cmpint (g_stat (path, &st), ==, 0);
  g_assert_cmpuint (st.st_mode & 0777, ==, 0640);

  g_assert_null (medley_output_file_open (folder, TRUE, &error));
  g_assert_nonnull (strstr (error->message, "is a folder"));
  g_clear_error (&error);
  g_unlink (path);
  g_rmdir (folder);
  g_assert_null (medley_output_file_open (path, TRUE, &error));
  g_assert_nonnull (strstr (error->message, "cannot write"));
}

static void
test_a_device_is_written_as_it_is (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyOutputFile) file = medley_output_file_open ("/dev/null", TRUE, &error);

  g_assert_no_error (error);
  g_assert_true (medley_output_file_is_special (file));
  write_text (file, "x");
  g_assert_true (medley_output_file_commit (file, &error));
  g_assert_false (g_file_test ("/dev/null", G_FILE_TEST_IS_REGULAR));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cli/args/options-and-words-mix", test_options_and_words_mix);
  g_test_add_func ("/cli/args/bad-options-are-named", test_bad_options_are_named);
  g_test_add_func ("/cli/args/numbers-are-checked", test_numbers_are_checked);
  g_test_add_func ("/cli/args/parsing-stops-at-the-command", test_parsing_stops_at_the_command);
  g_test_add_func ("/cli/run/names-may-be-left-out", test_names_may_be_left_out);
  g_test_add_func ("/cli/run/default-output",
                   test_an_output_without_a_name_goes_to_a_file_or_as_text_to_standard_output);
  g_test_add_func ("/cli/run/the-extension-chooses-the-type",
                   test_the_extension_chooses_the_type_unless_it_says_nothing);
  g_test_add_func ("/cli/run/bad-words-say-what-would-be-right",
                   test_bad_words_say_what_would_be_right);
  g_test_add_func ("/cli/run/the-request-has-what-the-daemon-needs",
                   test_the_request_has_what_the_daemon_needs);
  g_test_add_func ("/cli/sse/events-are-cut-alike-whatever-the-pieces",
                   test_events_are_cut_alike_whatever_the_pieces);
  g_test_add_func ("/cli/sse/an-endless-line-is-refused", test_an_endless_line_is_refused);
  g_test_add_func ("/cli/progress/the-line-fits-its-terminal",
                   test_the_progress_line_fits_its_terminal);
  g_test_add_func ("/cli/format/durations-and-widths", test_durations_and_widths);
  g_test_add_func ("/cli/format/events-become-lines", test_events_become_lines);
  g_test_add_func ("/cli/output/a-file-has-its-name-only-once-it-is-whole",
                   test_a_file_has_its_name_only_once_it_is_whole);
  g_test_add_func ("/cli/output/a-device-is-written-as-it-is", test_a_device_is_written_as_it_is);
  return g_test_run ();
}
