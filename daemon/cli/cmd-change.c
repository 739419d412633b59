/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* cancel, pause, resume, retry, rm */

#include <medley/medley-error.h>

#include "base/times.h"
#include "cli/cli.h"
#include "cli/find-job.h"
#include "cli/follow.h"
#include "cli/reply.h"

#define PAGE "500"

typedef struct {
  const char *command;
  const char *states; /* in which --all finds jobs for it */
  const char *method;
} Verb;

static const Verb verbs[] = {
  { "cancel", "queued starting running paused waiting", "POST" },
  { "pause", "running", "POST" },
  { "resume", "paused", "POST" },
  { "retry", "failed", "POST" },
  { "rm", "done failed cancelled", "DELETE" },
};

static const Verb *
find_verb (const char *command)
{
  guint i = 0;

  while (!g_str_equal (verbs[i].command, command))
    i++;
  return &verbs[i];
}

typedef struct {
  MedleyCli *cli;
  const Verb *verb;
  gboolean is_all;
  gint64 ended_before; /* µs since 1970 */
  GPtrArray *words;    /* ids, and whatever else names a job */
  int status;
} Change;

/* Which jobs */

static gboolean
add_page (Change *change, const char *state, char **cursor, GVariant **problem, GError **error)
{
  const char *pipeline = medley_args_get (change->cli->args, "pipeline");
  g_autoptr (GString) path = g_string_new ("jobs?limit=" PAGE "&state=");
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GPtrArray) jobs = NULL;

  g_string_append (path, state);
  if (pipeline != NULL) {
    g_string_append (path, "&pipeline=");
    g_string_append_uri_escaped (path, pipeline, NULL, FALSE);
  }
  if (*cursor != NULL)
    g_string_append_printf (path, "&cursor=%s", *cursor);
  reply = medley_cli_get (change->cli, path->str, problem, error);
  if (reply == NULL)
    return FALSE;
  jobs = medley_reply_list (reply, "jobs");
  for (guint i = 0; i < jobs->len; i++) {
    GVariant *job = g_ptr_array_index (jobs, i);

    if (medley_reply_integer (job, "finished", 0) <= change->ended_before)
      g_ptr_array_add (change->words, g_strdup (medley_reply_string (job, "id", "")));
  }
  g_free (*cursor);
  *cursor = g_strdup (medley_reply_string (reply, "next", NULL));
  return TRUE;
}

static gboolean
find_all (Change *change, GVariant **problem, GError **error)
{
  const char *only = medley_args_get (change->cli->args, "state");
  g_auto (GStrv) states = g_strsplit (change->verb->states, " ", -1);

  if (only != NULL && !g_strv_contains ((const char *const *) states, only)) {
    g_autofree char *all = g_strjoinv (", ", states);

    return medley_cli_set_usage_error (error, "--state \"%s\": expected one of %s", only, all);
  }
  for (guint i = 0; states[i] != NULL; i++) {
    g_autofree char *cursor = NULL;

    if (only != NULL && !g_str_equal (only, states[i]))
      continue;
    do {
      if (!add_page (change, states[i], &cursor, problem, error))
        return FALSE;
    } while (cursor != NULL);
  }
  return TRUE;
}

static gboolean
read_older (Change *change, GError **error)
{
  const char *text = medley_args_get (change->cli->args, "older");
  guint64 seconds;

  change->ended_before = G_MAXINT64;
  if (text == NULL)
    return TRUE;
  if (!medley_duration_parse (text, &seconds, error)) {
    g_prefix_error (error, "--older: ");
    return FALSE;
  }
  change->ended_before = g_get_real_time () / G_USEC_PER_SEC;
  change->ended_before -= (gint64) MIN (seconds, (guint64) change->ended_before);
  change->ended_before *= G_USEC_PER_SEC;
  return TRUE;
}

static gboolean
check_words (Change *change, GError **error)
{
  static const char *const narrowing[] = { "pipeline", "state", "older" };
  MedleyCli *cli = change->cli;
  const char *const *words = medley_args_words (cli->args);

  for (guint i = 0; !change->is_all && i < G_N_ELEMENTS (narrowing); i++) {
    if (medley_args_has (cli->args, narrowing[i]))
      return medley_cli_set_usage_error (error, "--%s goes with --all", narrowing[i]);
  }
  if (change->is_all && words[0] != NULL)
    return medley_cli_set_usage_error (error, "\"%s\" and --all exclude each other", words[0]);
  if (!change->is_all && words[0] == NULL)
    return medley_cli_set_usage_error (error, "name jobs, or write --all: medley %s %s",
                                       cli->command->name, cli->command->synopsis);
  for (guint i = 0; words[i] != NULL; i++)
    g_ptr_array_add (change->words, g_strdup (words[i]));
  return read_older (change, error);
}

/* What becomes of them */

static void
tell (Change *change, const char *id, const char *state)
{
  if (change->cli->is_json) {
    g_autoptr (GVariant) line = NULL;
    GVariantDict dict;

    g_variant_dict_init (&dict, NULL);
    g_variant_dict_insert (&dict, "id", "s", id);
    g_variant_dict_insert (&dict, "state", "s", state);
    line = g_variant_ref_sink (g_variant_dict_end (&dict));
    medley_cli_print_json (line);
  } else if (!change->cli->is_quiet) {
    g_print ("%s: %s\n", id, state);
  }
}

/* An engine may take a moment to let go of a job that is cancelled: then its end is waited for. */
static void
tell_reply (Change *change, const char *id, GVariant *reply)
{
  const char *state = medley_reply_string (reply, "state", "?");
  g_autofree char *path = medley_client_path ("jobs", id, NULL);
  g_autofree char *last = NULL;
  g_autoptr (GVariant) job = NULL;

  if (g_str_equal (change->verb->command, "cancel") && !medley_follow_is_final (state))
    last = medley_wait_for_end (change->cli, id);
  if (!change->cli->is_json) {
    tell (change, id, last != NULL ? last : state);
    return;
  }
  if (last != NULL)
    job = medley_cli_get (change->cli, path, NULL, NULL);
  medley_cli_print_json (job != NULL ? job : reply);
}

static GVariant *
send_order (Change *change, const char *word, char **id)
{
  MedleyCli *cli = change->cli;
  gboolean is_removal = g_str_equal (change->verb->method, "DELETE");
  g_autoptr (GVariant) problem = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) job = NULL;
  g_autofree char *path = NULL;
  GVariant *reply = NULL;

  if (change->is_all)
    *id = g_strdup (word);
  else if ((job = medley_find_job (cli, word, &problem, &error)) != NULL)
    *id = g_strdup (medley_reply_string (job, "id", ""));
  if (*id != NULL) {
    path = medley_client_path ("jobs", *id, is_removal ? NULL : change->verb->command, NULL);
    reply = medley_cli_send (cli, change->verb->method, path, NULL, &problem, &error);
  }
  /* Of all jobs, some may meanwhile be where nothing is to be done. */
  if (reply == NULL
      && !(change->is_all
           && (g_error_matches (error, MEDLEY_ERROR, MEDLEY_ERROR_WRONG_STATE)
               || g_error_matches (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_FOUND))))
    change->status = medley_cli_fail (cli, error, problem, NULL);
  return reply;
}

/* All are told before the first is waited for. */
static void
change_all (Change *change)
{
  g_autoptr (GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) replies = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);

  for (guint i = 0; i < change->words->len; i++) {
    char *id = NULL;
    GVariant *reply = send_order (change, g_ptr_array_index (change->words, i), &id);

    if (reply == NULL) {
      g_free (id);
    } else if (g_str_equal (change->verb->command, "cancel")) {
      g_ptr_array_add (ids, id);
      g_ptr_array_add (replies, reply);
    } else {
      if (g_str_equal (change->verb->method, "DELETE"))
        tell (change, id, "removed");
      else
        tell_reply (change, id, reply);
      g_variant_unref (reply);
      g_free (id);
    }
  }
  for (guint i = 0; i < ids->len; i++)
    tell_reply (change, g_ptr_array_index (ids, i), g_ptr_array_index (replies, i));
}

int
medley_cmd_change (MedleyCli *cli)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new_with_free_func (g_free);
  Change change = {
    .cli = cli,
    .verb = find_verb (cli->command->name),
    .is_all = medley_args_has (cli->args, "all"),
    .words = words,
  };
  g_autoptr (GVariant) problem = NULL;
  g_autoptr (GError) error = NULL;

  if (!check_words (&change, &error) || !medley_cli_connect (cli, MEDLEY_DAEMON_STANDING, &error)
      || (change.is_all && !find_all (&change, &problem, &error)))
    return medley_cli_fail (cli, error, problem, NULL);
  change_all (&change);
  return change.status;
}
