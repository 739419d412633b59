/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/error.h"
#include "base/nearest.h"
#include "cli/cli.h"
#include "cli/format.h"

/* clang-format off */
const MedleyArgOption medley_cli_global_options[] = {
  { "host", 0, MEDLEY_ARG_VALUE, "URL", "talk to this daemon instead of the local one (MEDLEY_HOST)" },
  { "token", 0, MEDLEY_ARG_VALUE, "TOKEN", "token for --host (MEDLEY_TOKEN)" },
  { "ca", 0, MEDLEY_ARG_VALUE, "FILE", "certificates to trust with an https --host (SSL_CERT_FILE, else the system's)" },
  { "private", 0, MEDLEY_ARG_FLAG, NULL, "start a daemon for this command alone" },
  { "config", 0, MEDLEY_ARG_VALUE, "FILE", "configuration instead of the system's and the user's" },
  { "conf", 'c', MEDLEY_ARG_LIST, "GROUP.KEY=VALUE", "set one value of the configuration" },
  { "json", 0, MEDLEY_ARG_FLAG, NULL, "print JSON, one value a line" },
  { "quiet", 'q', MEDLEY_ARG_FLAG, NULL, "print errors and results only" },
  { "help", 'h', MEDLEY_ARG_FLAG, NULL, "show help" },
  { NULL }
};

static const MedleyArgOption run_options[] = {
  { "set", 's', MEDLEY_ARG_LIST, "PARAMETER=VALUE", "set a parameter of the pipeline" },
  { "output", 'o', MEDLEY_ARG_LIST, "[OUTPUT=]FILE", "where an output goes; - is standard output" },
  { "type", 't', MEDLEY_ARG_LIST, "[OUTPUT=]TYPE", "media type of an output, else it follows from FILE" },
  { "play", 'p', MEDLEY_ARG_FLAG, NULL, "play the default output while it is being made" },
  { "detach", 'd', MEDLEY_ARG_FLAG, NULL, "print the job's id and leave" },
  { "force", 'f', MEDLEY_ARG_FLAG, NULL, "overwrite a file that was not named; write anything to a terminal" },
  { "priority", 0, MEDLEY_ARG_VALUE, "N", "from -100 to 100; of the jobs that wait, higher ones start first (0)" },
  { "start-at", 0, MEDLEY_ARG_VALUE, "TIME", "do not start before: +10min, 18:30, \"2026-11-24 18:30\", or as in RFC 3339" },
  { "deadline", 0, MEDLEY_ARG_VALUE, "TIME", "the job fails unless it is done by then; TIME as for --start-at" },
  { "run-time", 0, MEDLEY_ARG_VALUE, "DURATION", "longest run: 90s, 10min, 1h30min (limits.run-time)" },
  { "attempts", 0, MEDLEY_ARG_VALUE, "N", "most starts when the worker or daemon dies, or an error may pass (jobs.attempts)" },
  { "no-cache", 0, MEDLEY_ARG_FLAG, NULL, "take no results of stages from the cache, and keep none" },
  { "idempotency-key", 0, MEDLEY_ARG_VALUE, "KEY", "name this request: repeated with the same KEY, it is the same job" },
  { NULL }
};

static const MedleyArgOption graph_options[] = {
  { "output", 'o', MEDLEY_ARG_VALUE, "FILE", "where to write it (standard output)" },
  { "format", 0, MEDLEY_ARG_VALUE, "FORMAT", "dot or svg, else it follows from FILE (dot)" },
  { NULL }
};

static const MedleyArgOption engines_options[] = {
  { "task", 0, MEDLEY_ARG_VALUE, "TASK", "only engines for this task" },
  { NULL }
};

static const MedleyArgOption voices_options[] = {
  { "language", 'l', MEDLEY_ARG_VALUE, "LANGUAGE", "only voices of this language (de, en-gb)" },
  { NULL }
};

static const MedleyArgOption jobs_options[] = {
  { "state", 0, MEDLEY_ARG_VALUE, "STATE", "only jobs in this state" },
  { "pipeline", 0, MEDLEY_ARG_VALUE, "PIPELINE", "only jobs of this pipeline" },
  { "limit", 'n', MEDLEY_ARG_VALUE, "N", "at most so many (20)" },
  { "all", 'a', MEDLEY_ARG_FLAG, NULL, "all of them" },
  { NULL }
};

#define ALL_OPTIONS                                                                                                   \
  { "all", 'a', MEDLEY_ARG_FLAG, NULL, "all jobs that can be" },                                                     \
  { "pipeline", 0, MEDLEY_ARG_VALUE, "PIPELINE", "with --all: only jobs of this pipeline" }

static const MedleyArgOption change_options[] = { ALL_OPTIONS, { NULL } };

static const MedleyArgOption rm_options[] = {
  ALL_OPTIONS,
  { "state", 0, MEDLEY_ARG_VALUE, "STATE", "with --all: only jobs that are done, failed or cancelled" },
  { "older", 0, MEDLEY_ARG_VALUE, "DURATION", "with --all: only jobs that ended so long ago (12h, 7d)" },
  { NULL }
};

static const MedleyArgOption output_options[] = {
  { "output", 'o', MEDLEY_ARG_VALUE, "FILE", "where to write it (standard output)" },
  { "force", 'f', MEDLEY_ARG_FLAG, NULL, "write anything to a terminal" },
  { NULL }
};

static const MedleyArgOption logs_options[] = {
  { "follow", 'f', MEDLEY_ARG_FLAG, NULL, "go on until the job ends" },
  { NULL }
};

static const MedleyArgOption doctor_options[] = {
  { "verbose", 'v', MEDLEY_ARG_FLAG, NULL, "also what is as built in" },
  { NULL }
};

static const MedleyArgOption token_options[] = {
  { "scope", 0, MEDLEY_ARG_VALUE, "SCOPE", "with add: read, run or admin (run); each may do what stands before it" },
  { "expires", 0, MEDLEY_ARG_VALUE, "TIME", "with add: until when it is valid: +30d, or as in RFC 3339 (for ever)" },
  { NULL }
};

static const MedleyArgOption config_options[] = {
  { "changed", 0, MEDLEY_ARG_FLAG, NULL, "only what is not as built in" },
  { NULL }
};

#define JOB "JOB is an id, the beginning of one, or \"last\"."

static const MedleyCommand commands[] = {
  { "run", "PIPELINE [[INPUT=]FILE | [INPUT=]- | [INPUT]:=TEXT]... [-o [OUTPUT=]FILE]...",
    "run a pipeline",
    "PIPELINE is a name, or a file (with a / in it, or ending in .json). Where a pipeline has one input or one\n"
    "output, its name may be left out. Only the outputs that are asked for are made; without -o it is the first,\n"
    "as text on standard output or else as a file PIPELINE.EXTENSION. The file's extension chooses the media\n"
    "type. A file appears when it is complete; \"-o -\" streams to standard output while the job runs.\n"
    "\"medley run PIPELINE --help\" shows what a pipeline takes. Ctrl-C cancels the job, a second one leaves at\n"
    "once. When no daemon runs, one is started for the length of the command. A daemon that goes away meanwhile\n"
    "is waited for, a minute at most; what was streamed before has to be how the output begins afterwards, else\n"
    "the command fails and \"medley output\" fetches the output anew.",
    run_options,
    "  medley run speak article.txt -o article.ogg\n"
    "  medley run speak :='Good morning' -o - | opusdec - hello.wav\n"
    "  medley run scan-to-speech page=page.png -o page.ogg --set voice=en-gb\n"
    "  medley run narrated-video article.txt -o video=article.mp4 -o captions=article.vtt\n"
    "  medley run ./my-pipeline.json --set width=640",
    medley_cmd_run },
  { "graph", "PIPELINE", "draw a pipeline",
    "Writes it in Graphviz' language, or as the picture that Graphviz makes of it, where that is installed.",
    graph_options, "  medley graph narrated-video -o video.svg\n  medley graph speak | dot -Tpng > speak.png",
    medley_cmd_graph },
  { "validate", "FILE...", "check pipeline files",
    "Prints every fault as FILE:LINE:COLUMN: error: ... and exits with 4 when there is any. An installed pipeline\n"
    "is checked by its name, standard input with -.",
    NULL, "  medley validate my-pipeline.json\n  medley validate pipelines/*.json", medley_cmd_validate },
  { "pipelines", "[PIPELINE]", "list pipelines, or show one", NULL, NULL,
    "  medley pipelines\n  medley pipelines narrated-video", medley_cmd_pipelines },
  { "engines", "[ENGINE]", "list engines, or show one", NULL, engines_options,
    "  medley engines --task text-to-audio\n  medley engines espeak", medley_cmd_engines },
  { "voices", "[ENGINE]", "list voices", NULL, voices_options,
    "  medley voices --language de", medley_cmd_voices },
  { "jobs", "", "list jobs, the newest first", NULL, jobs_options,
    "  medley jobs --state failed\n  medley jobs --all --json | jq .id", medley_cmd_jobs },
  { "show", "JOB", "show a job", JOB, NULL, "  medley show last", medley_cmd_show },
  { "watch", "[JOB]", "follow a job until it ends",
    JOB " Without it the newest is followed. The exit status is the job's. A daemon that goes away\n"
    "meanwhile is waited for, a minute at most.", NULL,
    "  medley watch $(medley run --detach speak article.txt)", medley_cmd_watch },
  { "cancel", "JOB... | --all", "cancel jobs", JOB " Waits until they have let go.", change_options,
    "  medley cancel last\n  medley cancel --all --pipeline speak", medley_cmd_change },
  { "pause", "JOB... | --all", "pause running jobs", JOB, change_options, "  medley pause last", medley_cmd_change },
  { "resume", "JOB... | --all", "let paused jobs go on", JOB, change_options,
    "  medley resume last", medley_cmd_change },
  { "retry", "JOB... | --all", "queue failed jobs again",
    JOB " Stages whose results are in the cache are not run again.", change_options,
    "  medley retry last\n  medley retry --all --pipeline narrated-video", medley_cmd_change },
  { "rm", "JOB... | --all", "remove ended jobs and their files", JOB, rm_options,
    "  medley rm last\n  medley rm --all --state failed\n  medley rm --all --older 7d", medley_cmd_change },
  { "output", "[JOB [OUTPUT]]", "fetch an output of a job",
    JOB " An output that is still growing streams to standard output as it grows; a file is written when it is\n"
    "whole.", output_options,
    "  medley output last -o page.ogg\n  medley output last text", medley_cmd_output },
  { "logs", "[JOB]", "show the events of a job", JOB, logs_options,
    "  medley logs last --follow", medley_cmd_logs },
  { "cache", "[clear]", "show or clear the kept results of stages",
    "What deterministic stages made is kept and given again to later jobs, as far as cache.bytes goes.", NULL,
    "  medley cache\n  medley cache clear", medley_cmd_cache },
  { "token", "[list | add NAME | revoke NAME]", "make, list or revoke tokens for HTTP over TCP",
    "A token lets a program use the HTTP interface of this machine's daemon over TCP. It is shown once, when it is made:\n"
    "only its hash is kept, in the file http.tokens. A daemon that runs takes changes at once; none has to run. Jobs and\n"
    "idempotency keys of a token belong to its name.", token_options,
    "  medley token add dashboard --scope read\n  medley token add ci --expires +30d\n  medley token list\n"
    "  medley token revoke ci", medley_cmd_token },
  { "doctor", "", "say what is in force, what is missing, and what helps",
    "Exits with 1 when something cannot work.", doctor_options, "  medley doctor --verbose", medley_cmd_doctor },
  { "config", "[template | check [FILE]]", "show the configuration",
    "Without a word: every value in force and where it comes from. \"template\" prints a commented file with all\n"
    "keys, \"check\" only checks.", config_options,
    "  medley config template > ~/.config/medley/medley.conf\n  medley config check my.conf", medley_cmd_config },
  { "help", "[COMMAND]", "show help", NULL, NULL, "  medley help run", medley_cmd_help },
  { "version", "", "show the version", NULL, NULL, "  medley version", medley_cmd_version },
};
/* clang-format on */

const MedleyCommand *
medley_cli_commands (guint *n_commands)
{
  *n_commands = G_N_ELEMENTS (commands);
  return commands;
}

const MedleyCommand *
medley_cli_find_command (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++) {
    if (g_str_equal (commands[i].name, name))
      return &commands[i];
  }
  return NULL;
}

static void
print_options (const char *title, const MedleyArgOption *options)
{
  g_print ("\n%s%s%s\n", medley_style_start (1, MEDLEY_STYLE_BOLD), title, medley_style_end (1));
  for (; options->name != NULL; options++) {
    g_autofree char *letter
        = options->letter != 0 ? g_strdup_printf ("-%c, ", options->letter) : g_strdup ("    ");
    g_autofree char *full
        = g_strdup_printf ("%s--%s%s%s", letter, options->name,
                           options->value_name != NULL ? " " : "",
                           options->value_name != NULL ? options->value_name : "");

    g_print ("  %-34s %s\n", full, options->help);
  }
}

void
medley_cli_print_usage (void)
{
  g_print ("Usage: medley COMMAND [ARGUMENT...]\n\n"
           "Turns one modality into another by chaining models: a scanned page into speech, an "
           "article into a\n"
           "narrated and captioned video.\n\n%sCommands%s\n",
           medley_style_start (1, MEDLEY_STYLE_BOLD), medley_style_end (1));
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    g_print ("  %-11s %s\n", commands[i].name, commands[i].summary);
  print_options ("Options of all commands", medley_cli_global_options);
  g_print ("\n\"medley COMMAND --help\" shows more, \"medley run PIPELINE --help\" what a pipeline "
           "takes.\n");
}

void
medley_cli_print_command_help (const MedleyCommand *command)
{
  g_print ("Usage: medley %s %s\n\n%c%s.\n", command->name, command->synopsis,
           g_ascii_toupper (command->summary[0]), command->summary + 1);
  if (command->description != NULL)
    g_print ("%s\n", command->description);
  if (command->options != NULL)
    print_options ("Options", command->options);
  print_options ("Options of all commands", medley_cli_global_options);
  if (command->examples != NULL)
    g_print ("\n%sExamples%s\n%s\n", medley_style_start (1, MEDLEY_STYLE_BOLD),
             medley_style_end (1), command->examples);
}

static gboolean
refuse_command (const char *name, GError **error)
{
  const char *names[G_N_ELEMENTS (commands) + 1] = { NULL };
  const char *nearest;

  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    names[i] = commands[i].name;
  nearest = medley_nearest (name, names);
  if (nearest != NULL)
    return medley_cli_set_usage_error (error, "there is no command \"%s\"; did you mean \"%s\"?",
                                       name, nearest);
  return medley_cli_set_usage_error (error,
                                     "there is no command \"%s\"; \"medley help\" lists them",
                                     name);
}

int
medley_cmd_help (MedleyCli *cli)
{
  const char *const *words = medley_args_words (cli->args);
  const MedleyCommand *command = words[0] != NULL ? medley_cli_find_command (words[0]) : NULL;
  g_autoptr (GError) error = NULL;

  if (words[0] != NULL && command == NULL) {
    refuse_command (words[0], &error);
    return medley_cli_fail (cli, error, NULL, NULL);
  }
  if (command != NULL)
    medley_cli_print_command_help (command);
  else
    medley_cli_print_usage ();
  return 0;
}

int
medley_cmd_version (MedleyCli *cli)
{
  if (cli->is_json)
    g_print ("{\"version\":\"%s\"}\n", MEDLEY_VERSION);
  else
    g_print ("medley %s\n", MEDLEY_VERSION);
  return 0;
}

/* Finds the command and takes the arguments apart. */
static gboolean
parse (MedleyCli *cli, char **argv, GError **error)
{
  static const MedleyArgOption no_options[] = { { NULL } };
  const MedleyArgOption *const global[] = { medley_cli_global_options, NULL };
  g_autoptr (MedleyArgs) before = NULL;
  const char *name;
  guint n_used = 0;

  if (argv[0] != NULL && g_str_equal (argv[0], "--version"))
    name = "version";
  else {
    before = medley_args_parse (global, argv, TRUE, &n_used, error);
    if (before == NULL)
      return FALSE;
    name = argv[n_used] != NULL ? argv[n_used] : "help";
    if (argv[n_used] == NULL && !medley_args_has (before, "help"))
      return medley_cli_set_usage_error (error, "name a command; \"medley help\" lists them");
  }
  cli->command = medley_cli_find_command (name);
  if (cli->command == NULL)
    return refuse_command (name, error);
  {
    const MedleyArgOption *const tables[]
        = { medley_cli_global_options,
            cli->command->options != NULL ? cli->command->options : no_options, NULL };
    g_autoptr (GPtrArray) rest = g_ptr_array_new ();

    for (guint i = 0; before != NULL && argv[i] != NULL; i++) {
      if (i != n_used)
        g_ptr_array_add (rest, argv[i]);
    }
    g_ptr_array_add (rest, NULL);
    cli->args = medley_args_parse (tables, (char **) rest->pdata, FALSE, NULL, error);
  }
  return cli->args != NULL;
}

int
medley_cli_main (MedleyCli *cli, char **argv)
{
  g_autoptr (GError) error = NULL;
  gboolean shows_pipeline;

  if (argv[0] == NULL) {
    medley_cli_print_usage ();
    return MEDLEY_EXIT_USAGE;
  }
  if (!parse (cli, argv, &error))
    return medley_cli_fail (cli, error, NULL, NULL);
  cli->is_json = medley_args_has (cli->args, "json");
  cli->is_quiet = medley_args_has (cli->args, "quiet");
  /* "medley run PIPELINE --help" is about the pipeline. */
  shows_pipeline
      = g_str_equal (cli->command->name, "run") && medley_args_words (cli->args)[0] != NULL;
  if (medley_args_has (cli->args, "help") && !g_str_equal (cli->command->name, "help")
      && !shows_pipeline) {
    medley_cli_print_command_help (cli->command);
    return 0;
  }
  return cli->command->run (cli);
}
