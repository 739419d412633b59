/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gio/gunixoutputstream.h>
#include <string.h>
#include <unistd.h>

#include <medley/medley-error.h>

#include "cli/cli.h"
#include "cli/output-file.h"

#define DOT "text/vnd.graphviz"
#define SVG "image/svg+xml"

/* Returns: the media type; NULL with an error */
static const char *
choose_type (const char *format, const char *file, GError **error)
{
  static const struct {
    const char *format;
    const char *ending;
    const char *type;
  } formats[] = { { "dot", ".dot", DOT }, { "svg", ".svg", SVG }, { "dot", ".gv", DOT } };

  if (format == NULL && (file == NULL || strrchr (file, '.') == NULL))
    return DOT;
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++) {
    if (format != NULL ? g_str_equal (format, formats[i].format)
                       : g_str_has_suffix (file, formats[i].ending))
      return formats[i].type;
  }
  if (format != NULL)
    medley_cli_set_usage_error (error, "--format %s: the formats are dot and svg", format);
  else
    medley_cli_set_usage_error (error,
                                "%s: its format is not known, only .dot, .gv and .svg are; "
                                "--format says which",
                                file);
  return NULL;
}

static gboolean
write_all (MedleyCli *cli, const char *file, GBytes *graph, GError **error)
{
  gboolean is_file = file != NULL && !g_str_equal (file, "-");
  g_autoptr (MedleyOutputFile) output
      = is_file ? medley_output_file_open (file, TRUE, error) : NULL;
  g_autoptr (GOutputStream) standard = NULL;
  g_autoptr (GError) failure = NULL;
  gsize length;
  const void *data = g_bytes_get_data (graph, &length);

  if (is_file && output == NULL)
    return FALSE;
  if (!is_file)
    standard = g_unix_output_stream_new (STDOUT_FILENO, FALSE);
  if (!g_output_stream_write_all (is_file ? medley_output_file_get_stream (output) : standard, data,
                                  length, NULL, cli->cancellable, &failure)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_IO, "cannot write %s: %s",
                 is_file ? file : "standard output", failure->message);
    return FALSE;
  }
  return !is_file || medley_output_file_commit (output, error);
}

int
medley_cmd_graph (MedleyCli *cli)
{
  const char *const *words = medley_args_words (cli->args);
  const char *file = medley_args_get (cli->args, "output");
  g_autoptr (GVariant) problem = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) graph = NULL;
  g_autofree char *path = NULL;
  const char *type;

  if (!medley_cli_check_words (cli, 1, 1, &error)
      || (type = choose_type (medley_args_get (cli->args, "format"), file, &error)) == NULL
      || !medley_cli_connect (cli, MEDLEY_DAEMON_ANY, &error))
    return medley_cli_fail (cli, error, NULL, NULL);
  path = medley_client_path ("pipelines", words[0], "graph", NULL);
  graph = medley_client_fetch (cli->client, path, type, &problem, cli->cancellable, &error);
  if (graph == NULL || !write_all (cli, file, graph, &error))
    return medley_cli_fail (cli, error, problem, NULL);
  return 0;
}
