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

/* Nothing for the priority that all jobs have. */
static char *
format_priority (GVariant *job)
{
  gint64 priority = medley_reply_integer (job, "priority", 0);

  return priority != 0 ? g_strdup_printf ("%+d", (int) priority) : g_strdup ("");
}

static void
add_job_row (MedleyTable *table, GVariant *job)
{
  g_autofree char *created = medley_format_time (medley_reply_integer (job, "created", 0));
  g_autofree char *progress = format_progress (job);
  g_autofree char *took = format_took (job);
  g_autofree char *priority = format_priority (job);
  g_autoptr (GVariant) error = medley_reply_object (job, "error");
  const char *note = medley_reply_string (error, "message", NULL);
  const char *row[] = { medley_reply_string (job, "id", "?"),
                        medley_reply_string (job, "state", "?"),
                        medley_reply_string (job, "pipeline", ""),
                        progress,
                        priority,
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
      = { "JOB", "STATE", "PIPELINE", "DONE", "PRIO", "CREATED", "TOOK", "NOTE", NULL };
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
print_time (GVariant *job, const char *member, const char *title)
{
  gint64 time = medley_reply_integer (job, member, 0);
  g_autofree char *text = time != 0 ? medley_format_time (time) : NULL;

  print_line (title, text);
}

/* "1  18:30:02, took 0:05, worker-crashed: ..." and what its worker said last. */
static void
print_attempt (GVariant *attempt)
{
  g_autoptr (GVariant) error = medley_reply_object (attempt, "error");
  g_autofree char *started = medley_format_time (medley_reply_integer (attempt, "started", 0));
  g_autofree char *took = format_took (attempt);
  g_autoptr (GString) text = g_string_new (NULL);
  g_auto (GStrv) lines = medley_reply_names (attempt, "log");

  g_string_append_printf (text, "%d  %s", (int) medley_reply_integer (attempt, "number", 0),
                          started);
  if (medley_reply_integer (attempt, "finished", 0) != 0)
    g_string_append_printf (text, ", took %s", took);
  if (error != NULL)
    g_string_append_printf (text, ", %s: %s", medley_reply_string (error, "code", "failed"),
                            medley_reply_string (error, "message", ""));
  print_line ("attempt", text->str);
  for (guint i = 0; lines[i] != NULL; i++) {
    g_autofree char *line = g_strconcat ("   ", lines[i], NULL);

    print_line ("", line);
  }
}

/* What was asked for besides the pipeline, and how often it was tried. */
static void
print_terms (GVariant *job)
{
  g_autoptr (GPtrArray) attempts = medley_reply_list (job, "attempts");
  g_autofree char *priority = format_priority (job);
  gint64 run_time = medley_reply_integer (job, "runTime", 0);
  g_autofree char *longest = run_time > 0 ? medley_format_duration ((double) run_time) : NULL;

  print_line ("priority", priority);
  print_time (job, "startAt", "start at");
  print_time (job, "deadline", "deadline");
  print_line ("run time", longest);
  for (guint i = 0; i < attempts->len; i++)
    print_attempt (g_ptr_array_index (attempts, i));
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
  print_terms (job);
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
