/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <gio/gunixinputstream.h>
#include <string.h>
#include <unistd.h>

#include <medley/medley-error.h>

#include "base/error.h"
#include "cli/cli.h"
#include "cli/reply.h"
#include "cli/validate.h"

/* Nobody writes a longer one; the daemon's own limit is lower. */
#define MAX_FILE (16u * 1024 * 1024)

static GBytes *
read_all (MedleyCli *cli, const char *file, GError **error)
{
  g_autoptr (GFile) path = g_file_new_for_commandline_arg (file);
  g_autoptr (GInputStream) stream = NULL;
  g_autoptr (GError) failure = NULL;
  g_autofree char *buffer = g_malloc (MAX_FILE + 1);
  gsize length = 0;

  if (g_str_equal (file, "-"))
    stream = g_unix_input_stream_new (STDIN_FILENO, FALSE);
  else
    stream = G_INPUT_STREAM (g_file_read (path, cli->cancellable, &failure));
  if (stream == NULL
      || !g_input_stream_read_all (stream, buffer, MAX_FILE + 1, &length, cli->cancellable,
                                   &failure)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT, "cannot read %s: %s", file,
                 failure->message);
    return NULL;
  }
  if (length > MAX_FILE) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_TOO_LARGE, "%s is larger than a pipeline can be",
                 file);
    return NULL;
  }
  return g_bytes_new (buffer, length);
}

static int
report (MedleyCli *cli, const char *file, GVariant *reply)
{
  g_autoptr (GPtrArray) faults = medley_reply_list (reply, "faults");
  guint n_errors
      = medley_cli_print_faults (faults, g_str_equal (file, "-") ? "standard input" : file);

  return n_errors > 0 ? MEDLEY_EXIT_BAD_PIPELINE : 0;
}

static GVariant *
check_text (MedleyCli *cli, GBytes *text, GVariant **problem, GError **error)
{
  return medley_client_call (cli->client, "POST", "pipelines:validate", "application/json", text,
                             problem, cli->cancellable, error);
}

int
medley_validate_file (MedleyCli *cli, const char *file, GBytes **text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) problem = NULL;
  g_autoptr (GBytes) bytes = read_all (cli, file, &error);
  g_autoptr (GVariant) reply = bytes != NULL ? check_text (cli, bytes, &problem, &error) : NULL;

  if (reply == NULL)
    return medley_cli_fail (cli, error, problem, file);
  if (text != NULL)
    *text = g_steal_pointer (&bytes);
  return report (cli, file, reply);
}

/* A word that can be no file is the name of an installed pipeline. */
static gboolean
is_name (const char *word)
{
  return strchr (word, '/') == NULL && !g_str_has_suffix (word, ".json") && !g_str_equal (word, "-")
         && !g_file_test (word, G_FILE_TEST_EXISTS);
}

static GVariant *
check_word (MedleyCli *cli, const char *word, GVariant **problem, GError **error)
{
  g_autoptr (GBytes) text = NULL;

  if (is_name (word)) {
    g_autofree char *path = medley_client_path ("pipelines", word, NULL);

    return medley_cli_get (cli, path, problem, error);
  }
  text = read_all (cli, word, error);
  return text != NULL ? check_text (cli, text, problem, error) : NULL;
}

int
medley_cmd_validate (MedleyCli *cli)
{
  const char *const *words = medley_args_words (cli->args);
  g_autoptr (GError) error = NULL;
  int status = 0;

  if (!medley_cli_check_words (cli, 1, G_MAXUINT, &error)
      || !medley_cli_connect (cli, MEDLEY_DAEMON_ANY, &error))
    return medley_cli_fail (cli, error, NULL, NULL);
  for (guint i = 0; words[i] != NULL; i++) {
    g_autoptr (GVariant) problem = NULL;
    g_autoptr (GError) failure = NULL;
    g_autoptr (GVariant) reply = check_word (cli, words[i], &problem, &failure);
    int its_status;

    if (reply == NULL) {
      status = medley_cli_fail (cli, failure, problem, words[i]);
      continue;
    }
    its_status = report (cli, words[i], reply);
    status = MAX (status, its_status);
    if (cli->is_json) {
      g_autoptr (GVariant) list = g_variant_lookup_value (reply, "faults", NULL);
      g_autoptr (GVariant) line = NULL;
      GVariantBuilder builder;

      g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
      g_variant_builder_add (&builder, "{sv}", "file", g_variant_new_string (words[i]));
      g_variant_builder_add (&builder, "{sv}", "valid", g_variant_new_boolean (its_status == 0));
      if (list != NULL)
        g_variant_builder_add (&builder, "{sv}", "faults", list);
      line = g_variant_ref_sink (g_variant_builder_end (&builder));
      medley_cli_print_json (line);
    } else if (its_status == 0 && !cli->is_quiet) {
      g_print ("%s: valid\n", words[i]);
    }
  }
  return status;
}
