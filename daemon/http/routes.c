/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/routes.h"

#include <medley/medley-error.h>
#include <string.h>

#include "base/nearest.h"

#define MAX_NAME 128

static const MedleyHttpRouteGroup *const groups[] = {
  &medley_http_run_routes,  &medley_http_job_routes,      &medley_http_output_routes,
  &medley_openai_routes,    &medley_http_pipeline_routes, &medley_http_engine_routes,
  &medley_http_info_routes, &medley_http_session_routes,  NULL,
};

const MedleyHttpRouteGroup *const *
medley_http_route_groups (void)
{
  return groups;
}

/* Length of the name that the text begins with. */
static gsize
name_length (const char *text, gsize length)
{
  gsize n = 0;

  while (n < length && (g_ascii_isalnum (text[n]) || text[n] == '_' || text[n] == '-'))
    n++;
  return n <= MAX_NAME ? n : 0;
}

/* @pattern: a segment of a path as in the table, of @length bytes
 * @name: (out) (nullable): what stands for its {name} */
static gboolean
match_segment (const char *pattern, gsize length, const char *segment, char **name)
{
  gsize segment_length = strlen (segment);
  const char *rest;
  gsize n;

  *name = NULL;
  if (length == 0 || pattern[0] != '{')
    return segment_length == length && strncmp (segment, pattern, length) == 0;
  rest = memchr (pattern, '}', length);
  g_assert (rest != NULL);
  rest++;
  length -= (gsize) (rest - pattern);
  if (segment_length <= length || strncmp (segment + segment_length - length, rest, length) != 0)
    return FALSE;
  n = segment_length - length;
  if (name_length (segment, n) != n)
    return FALSE;
  *name = g_strndup (segment, n);
  return TRUE;
}

static gboolean
match (const char *path, char **segments, GPtrArray *params)
{
  g_ptr_array_set_size (params, 0);
  for (guint i = 0; *path == '/'; i++) {
    gsize length = strcspn (++path, "/");
    char *name;

    if (segments[i] == NULL || !match_segment (path, length, segments[i], &name))
      return FALSE;
    if (name != NULL)
      g_ptr_array_add (params, name);
    path += length;
    if (*path == '\0')
      return segments[i + 1] == NULL;
  }
  return FALSE;
}

static void
add_method (GString *methods, const char *method)
{
  g_string_append_printf (methods, "%s%s%s", methods->len > 0 ? ", " : "", method,
                          g_str_equal (method, "GET") ? ", HEAD" : "");
}

const MedleyHttpRoute *
medley_http_route_find (const char *method, char **segments, char ***params, char **allow)
{
  g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GString) methods = g_string_new (NULL);
  const char *wanted = g_str_equal (method, "HEAD") ? "GET" : method;

  *params = NULL;
  *allow = NULL;
  for (guint g = 0; groups[g] != NULL; g++) {
    for (guint i = 0; i < groups[g]->n_routes; i++) {
      const MedleyHttpRoute *route = &groups[g]->routes[i];

      if (!match (route->path, segments, found))
        continue;
      if (g_str_equal (wanted, route->method)) {
        g_ptr_array_add (found, NULL);
        *params = (char **) g_ptr_array_steal (found, NULL);
        return route;
      }
      add_method (methods, route->method);
    }
  }
  if (methods->len > 0) {
    g_string_append (methods, ", OPTIONS");
    *allow = g_string_free (g_steal_pointer (&methods), FALSE);
  }
  return NULL;
}

gboolean
medley_http_route_check_query (const MedleyHttpRoute *route, const MedleyHttpRequest *request,
                               GError **error)
{
  g_autoptr (GPtrArray) known = g_ptr_array_new ();
  const char *near;

  for (const MedleyHttpParameter *row = route->query; row != NULL && row->name != NULL; row++) {
    if (g_str_equal (row->name, "*"))
      return TRUE;
    g_ptr_array_add (known, (gpointer) row->name);
  }
  g_ptr_array_add (known, NULL);
  for (guint i = 0; i < request->query->len; i += 2) {
    const char *key = g_ptr_array_index (request->query, i);

    if (g_strv_contains ((const char *const *) known->pdata, key))
      continue;
    near = medley_nearest (key, (const char *const *) known->pdata);
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "\"%s\" is no key of this query%s%s%s", key,
                 near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
                 near != NULL ? "\"?" : "");
    return FALSE;
  }
  return TRUE;
}
