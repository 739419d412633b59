/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gio/gunixoutputstream.h>
#include <string.h>
#include <unistd.h>

#include <medley/medley-error.h>

#include "base/error.h"
#include "base/media.h"
#include "cli/cli.h"
#include "cli/event-text.h"
#include "cli/find-job.h"
#include "cli/follow.h"
#include "cli/format.h"
#include "cli/output-file.h"
#include "cli/progress.h"
#include "cli/pump.h"
#include "cli/reply.h"
#include "cli/waiting.h"

/* A job that waits for longer than this is worth a word. */
#define WAIT_SECONDS 0.5

/* watch and logs */

typedef struct {
  MedleyCli *cli;
  MedleyProgress *progress; /* NULL prints every event */
  MedleyWaiting *waiting;   /* NULL when it is not of interest */
  gboolean was_away;
  GAsyncResult *result;
} Watch;

static void
print_event (GVariant *event)
{
  g_autofree char *time = medley_format_time (medley_reply_integer (event, "time", 0));
  g_autofree char *text = medley_event_text (event);

  g_print ("%s%s%s  %s\n", medley_style_start (1, MEDLEY_STYLE_DIM), time, medley_style_end (1),
           text);
}

static void
on_event (GVariant *event, gpointer data)
{
  Watch *watch = data;
  const char *kind = medley_reply_string (event, "kind", "");

  if (watch->waiting != NULL)
    medley_waiting_event (watch->waiting, event);
  if (watch->cli->is_json) {
    medley_cli_print_json (event);
  } else if (watch->progress == NULL) {
    print_event (event);
  } else {
    medley_progress_event (watch->progress, event);
    if (!g_str_equal (kind, "progress") && !watch->cli->is_quiet) {
      g_autofree char *text = medley_event_text (event);

      medley_progress_note (watch->progress, text);
    }
  }
}

static void
say (Watch *watch, const char *text)
{
  if (watch->progress != NULL)
    medley_progress_note (watch->progress, text);
  else
    g_printerr ("%s\n", text);
}

static void
on_connection (MedleyConnection connection, gpointer data)
{
  Watch *watch = data;

  if (connection == MEDLEY_CONNECTION_AWAY && !watch->cli->is_quiet)
    say (watch, "the daemon is away; waiting for it to come back");
  else if (connection == MEDLEY_CONNECTION_BACK && watch->was_away && !watch->cli->is_quiet)
    say (watch, "the daemon is back");
  watch->was_away = connection == MEDLEY_CONNECTION_AWAY;
}

static void
on_waiting (const char *text, gpointer data)
{
  Watch *watch = data;

  if (watch->progress != NULL)
    medley_progress_set_waiting (watch->progress, text);
  else if (text != NULL)
    g_print ("          %s\n", text);
}

static void
on_result (GObject *source, GAsyncResult *result, gpointer data)
{
  *(GAsyncResult **) data = g_object_ref (result);
}

static int
tell_state (MedleyCli *cli, const char *id, const char *state)
{
  g_autofree char *path = medley_client_path ("jobs", id, NULL);
  g_autoptr (GVariant) job = NULL;
  g_autoptr (GVariant) details = NULL;
  g_autoptr (GError) error = NULL;

  if (g_str_equal (state, "done"))
    return 0;
  job = medley_cli_get (cli, path, NULL, NULL);
  details = medley_reply_object (job, "error");
  if (details != NULL)
    error = medley_error_from_variant (details);
  else
    error = g_error_new (MEDLEY_ERROR,
                         g_str_equal (state, "cancelled") ? MEDLEY_ERROR_CANCELLED
                                                          : MEDLEY_ERROR_FAILED,
                         "the job was %s",
                         g_str_equal (state, "cancelled") ? "cancelled" : "not done");
  return medley_cli_fail (cli, error, details, NULL);
}

static int
follow (MedleyCli *cli, const char *id, MedleyProgress *progress, gboolean tell)
{
  static const MedleyFollowFuncs funcs = { on_event, on_connection };
  Watch watch = { .cli = cli, .progress = progress };
  g_autoptr (GError) error = NULL;
  g_autofree char *state = NULL;

  if (!cli->is_json && !cli->is_quiet)
    watch.waiting = medley_waiting_new (cli->client, id, WAIT_SECONDS, on_waiting, &watch);
  medley_follow_async (cli->client, id, &funcs, &watch, cli->cancellable, on_result, &watch.result);
  while (watch.result == NULL)
    g_main_context_iteration (NULL, TRUE);
  state = medley_follow_finish (watch.result, &error);
  g_object_unref (watch.result);
  g_clear_pointer (&watch.waiting, medley_waiting_free);
  g_clear_pointer (&progress, medley_progress_free);
  if (state == NULL)
    return medley_cli_fail (cli, error, NULL, NULL);
  return tell ? tell_state (cli, id, state) : 0;
}

static GVariant *
connect_and_find (MedleyCli *cli, guint most_words, int *status)
{
  const char *const *words = medley_args_words (cli->args);
  g_autoptr (GVariant) problem = NULL;
  g_autoptr (GError) error = NULL;
  GVariant *job = NULL;

  if (medley_cli_check_words (cli, 0, most_words, &error)
      && medley_cli_connect (cli, MEDLEY_DAEMON_STANDING, &error))
    job = medley_find_job (cli, words[0] != NULL ? words[0] : "last", &problem, &error);
  if (job == NULL)
    *status = medley_cli_fail (cli, error, problem, NULL);
  return job;
}

int
medley_cmd_watch (MedleyCli *cli)
{
  int status = 0;
  g_autoptr (GVariant) job = connect_and_find (cli, 1, &status);
  MedleyProgress *progress;

  if (job == NULL)
    return status;
  progress = medley_terminal_width (STDERR_FILENO) > 0 && !cli->is_json
                 ? medley_progress_new (medley_reply_string (job, "pipeline", "job"))
                 : NULL;
  return follow (cli, medley_reply_string (job, "id", ""), progress, TRUE);
}

int
medley_cmd_logs (MedleyCli *cli)
{
  int status = 0;
  g_autoptr (GVariant) job = connect_and_find (cli, 1, &status);
  g_autoptr (GVariant) problem = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) events = NULL;
  Watch watch = { .cli = cli };
  const char *id;

  if (job == NULL)
    return status;
  id = medley_reply_string (job, "id", "");
  if (medley_args_has (cli->args, "follow"))
    return follow (cli, id, NULL, FALSE);
  {
    g_autofree char *path = medley_client_path ("jobs", id, "events", NULL);

    reply = medley_cli_get (cli, path, &problem, &error);
  }
  if (reply == NULL)
    return medley_cli_fail (cli, error, problem, NULL);
  events = medley_reply_list (reply, "events");
  for (guint i = 0; i < events->len; i++)
    on_event (g_ptr_array_index (events, i), &watch);
  return 0;
}

/* output */

static GInputStream *
open_output (MedleyCli *cli, const char *id, const char *output, GVariant **problem, GError **error)
{
  g_autofree char *path = medley_client_path ("jobs", id, "outputs", output, NULL);
  g_autoptr (GAsyncResult) result = NULL;

  medley_client_open_async (cli->client, path, NULL, NULL, cli->cancellable, on_result, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  return medley_client_open_finish (cli->client, result, problem, error);
}

static gboolean
copy (MedleyCli *cli, GInputStream *from, GOutputStream *to, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  gboolean is_write;

  medley_pump_async (from, to, NULL, cli->cancellable, on_result, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  return medley_pump_finish (result, &is_write, error) >= 0;
}

/* A stream that breaks off between two pieces looks like one that ends: the job knows better. */
static gboolean
check_is_complete (MedleyCli *cli, const char *id, const char *output, GVariant **problem,
                   GError **error)
{
  g_autofree char *path = medley_client_path ("jobs", id, NULL);
  g_autoptr (GVariant) job = medley_cli_get (cli, path, problem, error);
  g_autoptr (GVariant) outputs = medley_reply_object (job, "outputs");
  g_autoptr (GVariant) described = medley_reply_object (outputs, output);
  g_autoptr (GVariant) details = medley_reply_object (job, "error");

  if (job == NULL)
    return FALSE;
  if (g_str_equal (medley_reply_string (described, "state", "?"), "complete"))
    return TRUE;
  if (details != NULL) {
    g_propagate_error (error, medley_error_from_variant (details));
    *problem = g_steal_pointer (&details);
  } else {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_FAILED,
                 "the output \"%s\" is not whole: the job is %s", output,
                 medley_reply_string (job, "state", "?"));
  }
  return FALSE;
}

/* Headers of many formats are rewritten at the end, so a file is fetched only then. */
static gboolean
save (MedleyCli *cli, const char *id, const char *output, const char *type, const char *file,
      GVariant **problem, GError **error)
{
  gboolean to_stdout = file == NULL || g_str_equal (file, "-");
  g_autoptr (MedleyOutputFile) target = NULL;
  g_autoptr (GOutputStream) stream = NULL;
  g_autoptr (GInputStream) source = NULL;

  if (to_stdout && isatty (STDOUT_FILENO) && medley_media_modality (type) != MEDLEY_MODALITY_TEXT
      && !g_str_equal (type, "application/json") && !medley_args_has (cli->args, "force"))
    return medley_cli_set_usage_error (
        error, "will not write %s to a terminal; use -o FILE, a pipe, or --force", type);
  if (!to_stdout)
    target = medley_output_file_open (file, TRUE, error);
  if (!to_stdout && target == NULL)
    return FALSE;
  source = open_output (cli, id, output, problem, error);
  if (source == NULL)
    return FALSE;
  stream = to_stdout ? g_unix_output_stream_new (STDOUT_FILENO, FALSE)
                     : g_object_ref (medley_output_file_get_stream (target));
  return copy (cli, source, stream, error) && check_is_complete (cli, id, output, problem, error)
         && (target == NULL || medley_output_file_commit (target, error));
}

int
medley_cmd_output (MedleyCli *cli)
{
  int status = 0;
  g_autoptr (GVariant) job = connect_and_find (cli, 2, &status);
  g_autoptr (GVariant) outputs = medley_reply_object (job, "outputs");
  g_autoptr (GVariant) described = NULL;
  g_autoptr (GVariant) problem = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) names = NULL;
  const char *file = medley_args_get (cli->args, "output");
  const char *output;
  const char *id;

  if (job == NULL)
    return status;
  names = medley_reply_names (job, "outputNames");
  output = medley_args_words (cli->args)[0] != NULL ? medley_args_words (cli->args)[1] : NULL;
  if (output == NULL)
    output = names[0];
  if (output == NULL) {
    g_set_error_literal (&error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_FOUND, "the job has no outputs");
    return medley_cli_fail (cli, error, NULL, NULL);
  }
  id = medley_reply_string (job, "id", "");
  if (file != NULL && !g_str_equal (file, "-")
      && !medley_follow_is_final (medley_reply_string (job, "state", "")))
    g_free (medley_wait_for_end (cli, id));
  described = medley_reply_object (outputs, output);
  if (save (cli, id, output, medley_reply_string (described, "type", "application/octet-stream"),
            file, &problem, &error))
    return 0;
  return medley_cli_fail (cli, error, problem, NULL);
}
