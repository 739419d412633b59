/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "http/routes.h"

static const MedleyHttpRoute *
find (const char *method, const char *path, const char ***params, char **allow)
{
  g_auto (GStrv) segments = g_strsplit (path + 1, "/", -1);
  const MedleyHttpRoute *route;

  route = medley_http_route_find (method, segments, params, allow);
  /* The names point into the segments, which are gone after this. */
  for (guint i = 0; *params != NULL && (*params)[i] != NULL; i++)
    g_test_message ("%s", (*params)[i]);
  return route;
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
    g_autofree const char **params = NULL;
    g_autofree char *allow = NULL;
    const MedleyHttpRoute *route = find (cases[i].method, cases[i].path, &params, &allow);

    g_test_message ("%s %s", cases[i].method, cases[i].path);
    g_assert_cmpstr (route != NULL ? route->path : NULL, ==, cases[i].route);
    g_assert_cmpstr (allow, ==, cases[i].allow);
  }
}

static void
test_documented (void)
{
  g_autofree char *text = NULL;
  guint n_routes;
  const MedleyHttpRoute *routes = medley_http_routes (&n_routes);
  guint rows = 0;

  g_assert_true (
      g_file_get_contents (g_test_get_filename (G_TEST_DIST, "http.md", NULL), &text, NULL, NULL));
  for (guint i = 0; i < n_routes; i++) {
    g_autofree char *row = g_strdup_printf ("\n| `%s %s` | ", routes[i].method, routes[i].path);

    g_test_message ("%s", row);
    g_assert_nonnull (strstr (text, row));
    g_assert_cmpstr (routes[i].summary, !=, "");
    for (guint j = 0; j < i; j++)
      g_assert_false (g_str_equal (routes[i].method, routes[j].method)
                      && g_str_equal (routes[i].path, routes[j].path));
  }
  for (const char *p = text; (p = strstr (p, "` | ")) != NULL; p++) {
    const char *line = g_strrstr_len (text, p - text, "\n");

    rows += g_regex_match_simple ("^\\n\\| `[A-Z]+ /", line, 0, 0);
  }
  g_assert_cmpuint (rows, ==, n_routes);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/http/routes/find", test_find);
  g_test_add_func ("/http/routes/are-documented", test_documented);
  return g_test_run ();
}
