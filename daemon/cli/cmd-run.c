/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include <medley/medley-error.h>

#include "base/error.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/describe.h"
#include "cli/job-options.h"
#include "cli/reply.h"
#include "cli/run-job.h"
#include "cli/validate.h"

/* What is to be run: a pipeline by name, or one that is sent along. */
typedef struct {
  GVariant *described; /* a{sv} */
  GVariant *sent;      /* its name, or itself */
  char *title;
} Subject;

static void
subject_clear (Subject *subject)
{
  g_clear_pointer (&subject->described, g_variant_unref);
  g_clear_pointer (&subject->sent, g_variant_unref);
  g_free (subject->title);
}

static gboolean
is_file (const char *word)
{
  return strchr (word, '/') != NULL || g_str_has_suffix (word, ".json");
}

static int
find_by_name (MedleyCli *cli, const char *name, Subject *subject)
{
  g_autofree char *path = medley_client_path ("pipelines", name, NULL);
  g_autoptr (GVariant) problem = NULL;
  g_autoptr (GError) error = NULL;

  subject->described = medley_cli_get (cli, path, &problem, &error);
  if (subject->described == NULL) {
    int status = medley_cli_fail (cli, error, problem, NULL);

    if (g_file_test (name, G_FILE_TEST_IS_REGULAR))
      g_printerr ("  hint: to run the file, write ./%s\n", name);
    return status;
  }
  subject->sent = g_variant_ref_sink (g_variant_new_string (name));
  subject->title = g_strdup (name);
  return 0;
}

/* The daemon checks the text itself, so that faults have the lines of the file. */
static int
read_file (MedleyCli *cli, const char *file, Subject *subject)
{
  g_autoptr (GBytes) text = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *base = g_path_get_basename (file);
  const char *bytes;
  gsize length;
  int status = medley_validate_file (cli, file, &text);

  if (status != 0)
    return status;
  bytes = g_bytes_get_data (text, &length);
  subject->sent = medley_json_parse (bytes, length, NULL, NULL, &error);
  if (subject->sent == NULL)
    return medley_cli_fail (cli, error, NULL, file);
  g_variant_get_data (subject->sent);
  if (g_str_has_suffix (base, ".json"))
    base[strlen (base) - 5] = '\0';
  subject->title = g_strdup (medley_reply_string (subject->sent, "name", base));
  if (medley_reply_string (subject->sent, "name", NULL) != NULL) {
    subject->described = g_variant_ref (subject->sent);
  } else {
    GVariantDict dict;

    g_variant_dict_init (&dict, subject->sent);
    g_variant_dict_insert (&dict, "name", "s", subject->title);
    subject->described = g_variant_ref_sink (g_variant_dict_end (&dict));
    g_variant_get_data (subject->described);
  }
  return 0;
}

static gboolean
check_options (MedleyCli *cli, GError **error)
{
  const char *const *outputs = medley_args_list (cli->args, "output");

  if (medley_args_has (cli->args, "detach") && outputs[0] != NULL)
    return medley_cli_set_usage_error (
        error,
        "--detach leaves before there is an output; fetch it later with \"medley output JOB\"");
  if (medley_args_has (cli->args, "detach") && medley_args_has (cli->args, "play"))
    return medley_cli_set_usage_error (error, "--detach and --play exclude each other");
  for (guint i = 0; outputs[i] != NULL; i++) {
    if (cli->is_json && (g_str_equal (outputs[i], "-") || g_str_has_suffix (outputs[i], "=-")))
      return medley_cli_set_usage_error (error, "--json and -o - cannot both have standard output");
  }
  return TRUE;
}

static int
run (MedleyCli *cli, Subject *subject, GVariant *job_options)
{
  const MedleyRunOptions options = {
    medley_args_has (cli->args, "detach"),
    medley_args_has (cli->args, "play"),
    medley_args_has (cli->args, "force"),
    job_options,
  };
  const MedleyRunWords words = {
    medley_args_words (cli->args) + 1,
    medley_args_list (cli->args, "set"),
    medley_args_list (cli->args, "output"),
    medley_args_list (cli->args, "type"),
    options.is_played,
    options.is_detached,
    cli->is_json,
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyRunSpec) spec = medley_run_spec_new (subject->described, &words, &error);

  if (spec == NULL)
    return medley_cli_fail (cli, error, NULL, NULL);
  if (options.is_detached && cli->private_daemon != NULL) {
    medley_cli_set_usage_error (
        &error, "--detach needs a daemon that goes on: no daemon runs; start one with \"medleyd\"");
    return medley_cli_fail (cli, error, NULL, NULL);
  }
  return medley_run_job (cli, subject->sent, subject->title, spec, &options);
}

int
medley_cmd_run (MedleyCli *cli)
{
  const char *const *words = medley_args_words (cli->args);
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();
  g_autoptr (GVariant) job_options = NULL;
  g_autoptr (GError) error = NULL;
  Subject subject = { NULL, NULL, NULL };
  int status;

  if (words[0] == NULL) {
    medley_cli_set_usage_error (&error,
                                "name a pipeline; \"medley pipelines\" lists what there is");
    return medley_cli_fail (cli, error, NULL, NULL);
  }
  job_options = medley_job_options_read (cli->args, now, &error);
  if (job_options == NULL || !check_options (cli, &error)
      || !medley_cli_connect (cli, MEDLEY_DAEMON_ANY, &error))
    return medley_cli_fail (cli, error, NULL, NULL);
  status = is_file (words[0]) ? read_file (cli, words[0], &subject)
                              : find_by_name (cli, words[0], &subject);
  if (status == 0 && medley_args_has (cli->args, "help"))
    medley_describe_pipeline (cli, subject.described, words[0]);
  else if (status == 0)
    status = run (cli, &subject, job_options);
  subject_clear (&subject);
  return status;
}
