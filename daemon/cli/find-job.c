/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/find-job.h"

#include <medley/medley-error.h>

#include "cli/follow.h"
#include "cli/progress.h"
#include "cli/reply.h"

/* How many jobs are looked through for one that begins like a word. */
#define RECENT "500"

static GVariant *
find_by_beginning (MedleyCli *cli, const char *word, GError **error)
{
  g_autoptr (GVariant) reply = medley_cli_get (cli, "jobs?limit=" RECENT, NULL, NULL);
  g_autoptr (GPtrArray) jobs = medley_reply_list (reply, "jobs");
  GVariant *found = NULL;

  for (guint i = 0; i < jobs->len; i++) {
    GVariant *job = g_ptr_array_index (jobs, i);

    if (!g_str_has_prefix (medley_reply_string (job, "id", ""), word))
      continue;
    if (found != NULL) {
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_FOUND,
                   "several jobs begin with \"%s\"; write more of the id", word);
      return NULL;
    }
    found = job;
  }
  if (found == NULL) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_FOUND,
                 "there is no job \"%s\"; \"medley jobs\" lists them", word);
    return NULL;
  }
  return g_variant_ref (found);
}

static GVariant *
find_last (MedleyCli *cli, GVariant **problem, GError **error)
{
  g_autoptr (GVariant) reply = medley_cli_get (cli, "jobs?limit=1", problem, error);
  g_autoptr (GPtrArray) jobs = NULL;

  if (reply == NULL)
    return NULL;
  jobs = medley_reply_list (reply, "jobs");
  if (jobs->len == 0) {
    g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_FOUND, "there are no jobs");
    return NULL;
  }
  return g_variant_ref (g_ptr_array_index (jobs, 0));
}

GVariant *
medley_find_job (MedleyCli *cli, const char *word, GVariant **problem, GError **error)
{
  g_autofree char *path = medley_client_path ("jobs", word, NULL);
  g_autoptr (GError) failure = NULL;
  GVariant *job;

  if (g_str_equal (word, "last"))
    return find_last (cli, problem, error);
  if (word[0] == '\0') {
    medley_cli_set_usage_error (error, "the id of a job is not empty");
    return NULL;
  }
  job = medley_cli_get (cli, path, problem, &failure);
  if (job != NULL)
    return job;
  if (!g_error_matches (failure, MEDLEY_ERROR, MEDLEY_ERROR_NOT_FOUND)) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return NULL;
  }
  g_clear_pointer (problem, g_variant_unref);
  return find_by_beginning (cli, word, error);
}

static void
on_event (GVariant *event, gpointer data)
{
  medley_progress_event (data, event);
}

static void
on_result (GObject *source, GAsyncResult *result, gpointer data)
{
  *(GAsyncResult **) data = g_object_ref (result);
}

char *
medley_wait_for_end (MedleyCli *cli, const char *id)
{
  static const MedleyFollowFuncs funcs = { on_event, NULL };
  g_autoptr (MedleyProgress) progress = medley_progress_new (id);
  g_autoptr (GAsyncResult) result = NULL;

  medley_follow_async (cli->client, id, &funcs, progress, cli->cancellable, on_result, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  return medley_follow_finish (result, NULL);
}
