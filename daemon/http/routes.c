/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/routes.h"

#include <string.h>

#define API "/api/v1"
#define NONE MEDLEY_HTTP_SCOPE_NONE
#define READ MEDLEY_HTTP_SCOPE_READ
#define RUN MEDLEY_HTTP_SCOPE_RUN
#define MAX_NAME 128

/* clang-format off */
static const MedleyHttpRoute table[] = {
  { "GET", "/healthz", NONE, NULL, medley_http_show_health, "Whether the daemon is alive" },
  { "GET", "/readyz", NONE, NULL, medley_http_show_readiness, "Whether the daemon can run jobs" },
  { "GET", API, READ, NULL, medley_http_show_status, "Version, workers, jobs by state, configuration in force" },

  { "DELETE", API "/cache", RUN, NULL, medley_http_clear_cache, "Removes all kept results of stages" },

  { "POST", API "/jobs", RUN, NULL, medley_http_create_job, "Creates a job" },
  { "GET", API "/jobs", READ, "state pipeline cursor limit", medley_http_list_jobs, "Lists jobs, the newest first" },
  { "GET", API "/jobs/{id}", READ, NULL, medley_http_show_job, "Shows a job" },
  { "DELETE", API "/jobs/{id}", RUN, NULL, medley_http_remove_job, "Removes an ended job and its files" },
  { "POST", API "/jobs/{id}/cancel", RUN, NULL, medley_http_cancel_job, "Cancels a job" },
  { "POST", API "/jobs/{id}/pause", RUN, NULL, medley_http_pause_job, "Pauses a running job" },
  { "POST", API "/jobs/{id}/resume", RUN, NULL, medley_http_resume_job, "Resumes a paused job" },
  { "POST", API "/jobs/{id}/retry", RUN, NULL, medley_http_retry_job, "Queues a failed job again" },
  { "PUT", API "/jobs/{id}/inputs/{name}", RUN, NULL, medley_http_put_input, "Uploads an input; the job reads it as it arrives" },
  { "GET", API "/jobs/{id}/outputs/{name}", READ, NULL, medley_http_get_output, "Downloads an output, also while it grows" },
  { "GET", API "/jobs/{id}/events", READ, "after", medley_http_follow_events, "Follows a job's events, or lists them as JSON" },

  { "GET", API "/pipelines", READ, NULL, medley_http_list_pipelines, "Lists pipelines" },
  { "GET", API "/pipelines/{name}", READ, NULL, medley_http_show_pipeline, "Shows a pipeline" },
  { "POST", API "/pipelines:validate", READ, NULL, medley_http_validate_pipeline, "Checks a pipeline without running it" },
  { "GET", API "/engines", READ, NULL, medley_http_list_engines, "Lists engines" },
  { "GET", API "/engines/{name}", READ, NULL, medley_http_show_engine, "Shows an engine with its properties and voices" },
  { "GET", API "/engines/{name}/voices", READ, NULL, medley_http_list_voices, "Lists an engine's voices" },

  { "POST", "/run/{pipeline}", RUN, "*", medley_http_run, "Runs a pipeline: request body in, media out while it is made" },
};
/* clang-format on */

const MedleyHttpRoute *
medley_http_routes (guint *n_routes)
{
  *n_routes = G_N_ELEMENTS (table);
  return table;
}

static gboolean
is_name (const char *text)
{
  gsize length = strspn (text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

  return length > 0 && length <= MAX_NAME && text[length] == '\0';
}

static gboolean
match (const char *path, char **segments, GPtrArray *params)
{
  g_ptr_array_set_size (params, 0);
  for (guint i = 0; *path == '/'; i++) {
    gsize length = strcspn (++path, "/");

    if (segments[i] == NULL)
      return FALSE;
    if (*path == '{') {
      if (!is_name (segments[i]))
        return FALSE;
      g_ptr_array_add (params, segments[i]);
    } else if (strlen (segments[i]) != length || strncmp (segments[i], path, length) != 0) {
      return FALSE;
    }
    path += length;
    if (*path == '\0')
      return segments[i + 1] == NULL;
  }
  return FALSE;
}

const MedleyHttpRoute *
medley_http_route_find (const char *method, char **segments, const char ***params, char **allow)
{
  g_autoptr (GPtrArray) found = g_ptr_array_new ();
  g_autoptr (GString) methods = g_string_new (NULL);

  *params = NULL;
  *allow = NULL;
  for (guint i = 0; i < G_N_ELEMENTS (table); i++) {
    gboolean is_get = g_str_equal (table[i].method, "GET");

    if (!match (table[i].path, segments, found))
      continue;
    if (g_str_equal (method, table[i].method) || (is_get && g_str_equal (method, "HEAD"))) {
      g_ptr_array_add (found, NULL);
      *params = (const char **) g_ptr_array_free (g_steal_pointer (&found), FALSE);
      return &table[i];
    }
    g_string_append_printf (methods, "%s%s%s", methods->len > 0 ? ", " : "", table[i].method,
                            is_get ? ", HEAD" : "");
  }
  if (methods->len > 0) {
    g_string_append (methods, ", OPTIONS");
    *allow = g_string_free (g_steal_pointer (&methods), FALSE);
  }
  return NULL;
}
