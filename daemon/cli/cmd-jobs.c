/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "cli/cli.h"
#include "cli/find-job.h"
#include "cli/follow.h"
#include "cli/format.h"
#include "cli/reply.h"

#define PAGE 200u

/* jobs */

static char *
format_progress (GVariant *job)
{
  const char *state = medley_reply_string (job, "state", "?");
  double progress = medley_reply_number (job, "progress", -1);

  if (g_str_equal (state, "queued") && medley_reply_integer (job, "position", 0) > 0)
    return g_strdup_printf ("#%d", (int) medley_reply_integer (job, "position", 0));
  if (progress < 0)
    return g_strdup ("");
  return g_strdup_printf ("%d%%", (int) (progress * 100));
}

static char *
format_took (GVariant *job)
{
  gint64 started = medley_reply_integer (job, "started", 0);
  gint64 finished = medley_reply_integer (job, "finished", 0);

  if (started == 0)
    return g_strdup ("");
  if (finished == 0)
    finished = g_get_real_time ();
  return medley_format_duration ((double) (finished - started) / G_USEC_PER_SEC);
}

static void
add_job_row (MedleyTable *table, GVariant *job)
{
  g_autofree char *created = medley_format_time (medley_reply_integer (job, "created", 0));
  g_autofree char *progress = format_progress (job);
  g_autofree char *took = format_took (job);
  g_autoptr (GVariant) error = medley_reply_object (job, "error");
  const char *note = medley_reply_string (error, "message", NULL);
  const char *row[] = { medley_reply_string (job, "id", "?"),
                        medley_reply_string (job, "state", "?"),
                        medley_reply_string (job, "pipeline", ""),
                        progress,
                        created,
                        took,
                        note != NULL ? note : medley_reply_string (job, "reason", ""),
                        NULL };

  medley_table_add (table, row);
}

static char *
list_path (MedleyCli *cli, const char *cursor, guint limit)
{
  const char *state = medley_args_get (cli->args, "state");
  const char *pipeline = medley_args_get (cli->args, "pipeline");
  g_autoptr (GString) path = g_string_new (NULL);

  g_string_append_printf (path, "jobs?limit=%u", limit);
  if (state != NULL) {
    g_string_append (path, "&state=");
    g_string_append_uri_escaped (path, state, NULL, FALSE);
  }
  if (pipeline != NULL) {
    g_string_append (path, "&pipeline=");
    g_string_append_uri_escaped (path, pipeline, NULL, FALSE);
  }
  if (cursor != NULL) {
    g_string_append (path, "&cursor=");
    g_string_append_uri_escaped (path, cursor, NULL, FALSE);
  }
  return g_string_free (g_steal_pointer (&path), FALSE);
}

int
medley_cmd_jobs (MedleyCli *cli)
{
  static const char *const headers[]
      = { "JOB", "STATE", "PIPELINE", "DONE", "CREATED", "TOOK", "NOTE", NULL };
  g_autoptr (MedleyTable) table = medley_table_new (headers);
  g_autofree char *cursor = NULL;
  g_autoptr (GError) error = NULL;
  guint left;

  if (!medley_cli_check_words (cli, 0, 0, &error)
      || !medley_args_get_number (cli->args, "limit", 20, &left, &error)
      || !medley_cli_connect (cli, MEDLEY_DAEMON_STANDING, &error))
    return medley_cli_fail (cli, error, NULL, NULL);
  if (medley_args_has (cli->args, "all"))
    left = G_MAXUINT;
  while (left > 0) {
    guint limit = MIN (left, PAGE);
    g_autofree char *path = list_path (cli, cursor, limit);
    g_autoptr (GVariant) problem = NULL;
    g_autoptr (GVariant) reply = medley_cli_get (cli, path, &problem, &error);
    g_autoptr (GPtrArray) jobs = NULL;

    if (reply == NULL)
      return medley_cli_fail (cli, error, problem, NULL);
    jobs = medley_reply_list (reply, "jobs");
    for (guint i = 0; i < jobs->len; i++) {
      if (cli->is_json)
        medley_cli_print_json (g_ptr_array_index (jobs, i));
      else
        add_job_row (table, g_ptr_array_index (jobs, i));
    }
    g_free (cursor);
    cursor = g_strdup (medley_reply_string (reply, "next", NULL));
    left -= MIN (left, MAX (jobs->len, 1));
    if (cursor == NULL)
      break;
  }
  medley_table_print (table);
  return 0;
}

/* show */

static void
print_line (const char *name, const char *value)
{
  if (value != NULL && value[0] != '\0')
    g_print ("%-10s %s\n", name, value);
}

static void
print_streams (GVariant *job, const char *member, const char *title)
{
  g_autoptr (GVariant) streams = medley_reply_object (job, member);
  g_auto (GStrv) names = medley_reply_names (job, member);

  for (guint i = 0; names[i] != NULL; i++) {
    g_autoptr (GVariant) stream = medley_reply_object (streams, names[i]);
    g_autofree char *size
        = medley_format_size ((guint64) MAX (medley_reply_integer (stream, "size", 0), 0));
    const char *state = medley_reply_string (stream, "state", NULL);
    g_autofree char *text
        = g_strdup_printf ("%s  %s, %s%s%s", names[i], medley_reply_string (stream, "type", "?"),
                           size, state != NULL ? ", " : "", state != NULL ? state : "");

    print_line (title, text);
  }
}

static void
print_job (GVariant *job)
{
  g_autoptr (GVariant) parameters = medley_reply_object (job, "parameters");
  g_autoptr (GVariant) error = medley_reply_object (job, "error");
  g_autoptr (GPtrArray) faults = medley_reply_list (error, "faults");
  g_auto (GStrv) names = medley_reply_names (job, "parameters");
  g_autofree char *created = medley_format_time (medley_reply_integer (job, "created", 0));
  g_autofree char *progress = format_progress (job);
  g_autofree char *took = format_took (job);

  print_line ("job", medley_reply_string (job, "id", "?"));
  print_line ("pipeline", medley_reply_string (job, "pipeline", "?"));
  print_line ("state", medley_reply_string (job, "state", "?"));
  print_line ("why", medley_reply_string (job, "reason", NULL));
  print_line ("progress", progress);
  print_line ("created", created);
  print_line ("took", took);
  for (guint i = 0; names[i] != NULL; i++) {
    g_autoptr (GVariant) value = g_variant_lookup_value (parameters, names[i], NULL);
    g_autofree char *text = medley_reply_text (value);
    g_autofree char *line = g_strdup_printf ("%s = %s", names[i], text);

    print_line ("parameter", line);
  }
  print_streams (job, "inputs", "input");
  print_streams (job, "outputs", "output");
  if (error != NULL) {
    g_autofree char *text
        = g_strdup_printf ("%s: %s", medley_reply_string (error, "code", "failed"),
                           medley_reply_string (error, "message", ""));

    print_line ("error", text);
    print_line ("stage", medley_reply_string (error, "stage", NULL));
    print_line ("engine", medley_reply_string (error, "engine", NULL));
    medley_cli_print_faults (faults, NULL);
  }
}

int
medley_cmd_show (MedleyCli *cli)
{
  const char *const *words = medley_args_words (cli->args);
  g_autoptr (GVariant) problem = NULL;
  g_autoptr (GVariant) job = NULL;
  g_autoptr (GError) error = NULL;

  if (!medley_cli_check_words (cli, 1, 1, &error)
      || !medley_cli_connect (cli, MEDLEY_DAEMON_STANDING, &error))
    return medley_cli_fail (cli, error, NULL, NULL);
  job = medley_find_job (cli, words[0], &problem, &error);
  if (job == NULL)
    return medley_cli_fail (cli, error, problem, NULL);
  if (cli->is_json)
    medley_cli_print_json (job);
  else
    print_job (job);
  return 0;
}

/* cancel, pause, resume, rm */

/* An engine may take a moment to let go: then the end is waited for. */
static char *
state_after (MedleyCli *cli, const char *id, GVariant *reply)
{
  const char *state = medley_reply_string (reply, "state", "?");
  char *last = NULL;

  if (g_str_equal (cli->command->name, "cancel") && !medley_follow_is_final (state))
    last = medley_wait_for_end (cli, id);
  return last != NULL ? last : g_strdup (state);
}

int
medley_cmd_change (MedleyCli *cli)
{
  const char *const *words = medley_args_words (cli->args);
  gboolean is_removal = g_str_equal (cli->command->name, "rm");
  g_autoptr (GError) error = NULL;
  int status = 0;

  if (!medley_cli_check_words (cli, 1, G_MAXUINT, &error)
      || !medley_cli_connect (cli, MEDLEY_DAEMON_STANDING, &error))
    return medley_cli_fail (cli, error, NULL, NULL);
  for (guint i = 0; words[i] != NULL; i++) {
    g_autoptr (GVariant) problem = NULL;
    g_autoptr (GError) failure = NULL;
    g_autoptr (GVariant) job = medley_find_job (cli, words[i], &problem, &failure);
    g_autoptr (GVariant) reply = NULL;
    g_autofree char *path = NULL;
    const char *id = "";

    if (job != NULL) {
      id = medley_reply_string (job, "id", "");
      path = is_removal ? medley_client_path ("jobs", id, NULL)
                        : medley_client_path ("jobs", id, cli->command->name, NULL);
      reply = medley_cli_send (cli, is_removal ? "DELETE" : "POST", path, NULL, &problem, &failure);
    }
    if (reply == NULL)
      status = medley_cli_fail (cli, failure, problem, NULL);
    else if (cli->is_json && !is_removal)
      medley_cli_print_json (reply);
    else {
      g_autofree char *state = is_removal ? g_strdup ("removed") : state_after (cli, id, reply);

      if (!cli->is_quiet && !cli->is_json)
        g_print ("%s: %s\n", id, state);
    }
  }
  return status;
}
