/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "http/routes.h"

static const MedleyHttpRoute *
find (const char *method, const char *path, char ***params, char **allow)
{
  g_auto (GStrv) segments = g_strsplit (path + 1, "/", -1);

  return medley_http_route_find (method, segments, params, allow);
}

static void
test_find (void)
{
  static const struct {
    const char *method;
    const char *path;
    const char *route;
    const char *allow;
  } cases[] = {
    { "GET", "/healthz", "/healthz", NULL },
    { "HEAD", "/healthz", "/healthz", NULL },
    { "POST", "/healthz", NULL, "GET, HEAD, OPTIONS" },
    { "OPTIONS", "/api/v1/jobs", NULL, "POST, GET, HEAD, OPTIONS" },
    { "GET", "/api/v1/jobs/abc", "/api/v1/jobs/{id}", NULL },
    { "get", "/api/v1/jobs/abc", NULL, "GET, HEAD, DELETE, OPTIONS" },
    { "GET", "/api/v1/jobs/a.b", NULL, NULL },
    { "GET", "/api/v1/jobs/a b", NULL, NULL },
    { "GET", "/api/v1/jobs/abc/", NULL, NULL },
    { "GET", "/api/v1/jobs/abc/outputs", NULL, NULL },
    { "GET", "/api/v1/jobs/abc/outputs/video", "/api/v1/jobs/{id}/outputs/{name}", NULL },
    { "POST", "/api/v1/pipelines:validate", "/api/v1/pipelines:validate", NULL },
    { "POST", "/run/scan-to-speech", "/run/{pipeline}", NULL },
    { "GET", "/run/speak", NULL, "POST, OPTIONS" },
    { "GET", "/", NULL, NULL },
    { "GET", "/api", NULL, NULL },
    { "GET", "/api/v1/job", NULL, NULL },
    { "GET", "/api/v1/jobsx", NULL, NULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_auto (GStrv) params = NULL;
    g_autofree char *allow = NULL;
    const MedleyHttpRoute *route = find (cases[i].method, cases[i].path, &params, &allow);

    g_test_message ("%s %s", cases[i].method, cases[i].path);
    g_assert_cmpstr (route != NULL ? route->path : NULL, ==, cases[i].route);
    g_assert_cmpstr (allow, ==, cases[i].allow);
  }
}

/* Larger faces have files of their own beside http.md. */
static char *
read_docs (void)
{
  const char *folder = g_test_get_dir (G_TEST_DIST);
  GString *all = g_string_new (NULL);
  GDir *dir = g_dir_open (folder, 0, NULL);
  const char *name;

  g_assert_nonnull (dir);
  while ((name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (folder, name, NULL);
    g_autofree char *text = NULL;

    if (!g_str_has_suffix (name, ".md"))
      continue;
    g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
    g_string_append (all, text);
  }
  g_dir_close (dir);
  return g_string_free (all, FALSE);
}

static void
check_documented (const char *text, const MedleyHttpRoute *route)
{
  g_autofree char *row = g_strdup_printf ("\n| `%s %s` | ", route->method, route->path);

  g_test_message ("%s", row);
  g_assert_nonnull (strstr (text, row));
}

static void
test_documented (void)
{
  const MedleyHttpRouteGroup *const *groups = medley_http_route_groups ();
  g_autofree char *text = read_docs ();
  guint n_routes = 0;
  guint rows = 0;

  for (; *groups != NULL; groups++) {
    for (guint i = 0; i < (*groups)->n_routes; i++)
      check_documented (text, &(*groups)->routes[i]);
    n_routes += (*groups)->n_routes;
  }
  for (const char *p = text; (p = strstr (p, "` | ")) != NULL; p++) {
    const char *line = g_strrstr_len (text, p - text, "\n");

    rows += g_regex_match_simple ("^\\n\\| `[A-Z]+ /", line, 0, 0);
  }
  g_assert_cmpuint (rows, ==, n_routes);
}

static void
check_errors (const MedleyHttpRoute *route)
{
  g_auto (GStrv) errors = g_strsplit (route->errors, " ", -1);

  for (guint i = 0; errors[i] != NULL; i++) {
    g_auto (GStrv) parts = g_strsplit (errors[i], ":", 2);
    MedleyError code;

    g_test_message ("%s: %s", route->id, errors[i]);
    g_assert_true (medley_error_code_from_name (parts[0], &code));
    if (parts[1] != NULL)
      g_assert_cmpuint (strtoul (parts[1], NULL, 10), !=,
                        medley_error_info_for_code (code)->http_status);
  }
}

/* What the rows leave out would be missing in /openapi.json. */
static void
test_whole (void)
{
  const MedleyHttpRouteGroup *const *groups = medley_http_route_groups ();
  g_autoptr (GHashTable) ids = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GHashTable) places = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (; *groups != NULL; groups++) {
    g_assert_cmpstr ((*groups)->tag, !=, "");
    for (guint i = 0; i < (*groups)->n_routes; i++) {
      const MedleyHttpRoute *route = &(*groups)->routes[i];

      g_assert_nonnull (route->handler);
      g_assert_true (g_regex_match_simple ("^[a-z][A-Za-z0-9]+$", route->id, 0, 0));
      g_assert_true (g_hash_table_add (ids, (gpointer) route->id));
      g_assert_true (
          g_hash_table_add (places, g_strconcat (route->method, " ", route->path, NULL)));
      g_assert_false (*route->summary == '\0' || g_str_has_suffix (route->summary, "."));
      g_assert_cmpuint (route->answers[0].status, >=, 100);
      check_errors (route);
    }
  }
}

static void
test_names (void)
{
  g_auto (GStrv) segments = g_strsplit ("api/v1/jobs/j1/outputs/video", "/", -1);
  g_auto (GStrv) params = NULL;
  g_autofree char *allow = NULL;

  g_assert_nonnull (medley_http_route_find ("GET", segments, &params, &allow));
  g_assert_cmpstr (params[0], ==, "j1");
  g_assert_cmpstr (params[1], ==, "video");
  g_assert_null (params[2]);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/http/routes/find", test_find);
  g_test_add_func ("/http/routes/names", test_names);
  g_test_add_func ("/http/routes/are-documented", test_documented);
  g_test_add_func ("/http/routes/are-whole", test_whole);
  return g_test_run ();
}
