/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "http/openapi.h"

/* What stands for a {name} of a path. */
static const struct {
  const char *path; /* that it begins with */
  const char *name;
  const char *summary;
} path_parameters[] = {
  { "/api/v1/jobs/", "id", "The job's id" },
  { "/api/v1/jobs/{id}/inputs/", "name", "Name of an input of the job's pipeline" },
  { "/api/v1/jobs/{id}/outputs/", "name", "Name of an output of the job" },
  { "/api/v1/jobs/{id}/outputs/{name}/hls/", "segment", "Number of a segment, from 0" },
  { "/api/v1/jobs/{id}/outputs/{name}/hls/", "captions",
    "Name of an output of the job of the type text/vtt" },
  { "/api/v1/pipelines/", "name", "Name of a pipeline" },
  { "/api/v1/engines/", "name", "Name of an engine" },
  { "/v1/models/", "model", "Name of a pipeline that serves a route" },
  { "/v1/videos/", "video", "A video's id" },
  { "/run/", "pipeline", "Name of a pipeline" },
};

static void
add_text (GVariantBuilder *builder, const char *name, const char *text)
{
  g_variant_builder_add (builder, "{sv}", name, g_variant_new_string (text));
}

GVariant *
medley_http_openapi_schema (const char *type)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_autofree char *reference = g_strconcat ("#/components/schemas/", type, NULL);

  if (g_str_has_suffix (type, "[]")) {
    g_autofree char *item = g_strndup (type, strlen (type) - 2);

    add_text (&builder, "type", "array");
    g_variant_builder_add (&builder, "{sv}", "items", medley_http_openapi_schema (item));
  } else if (g_ascii_isupper (type[0])) {
    add_text (&builder, "$ref", reference);
  } else {
    add_text (&builder, "type", type);
  }
  return g_variant_builder_end (&builder);
}

/* The longest beginning counts. */
static const char *
describe_name (const char *path, const char *name, gsize length)
{
  const char *summary = NULL;
  gsize longest = 0;

  for (guint i = 0; i < G_N_ELEMENTS (path_parameters); i++) {
    gsize n = strlen (path_parameters[i].path);

    if (n > longest && strlen (path_parameters[i].name) == length
        && strncmp (path_parameters[i].name, name, length) == 0
        && g_str_has_prefix (path, path_parameters[i].path)) {
      longest = n;
      summary = path_parameters[i].summary;
    }
  }
  return summary != NULL ? summary : "";
}

static void
add_path (GVariantBuilder *list, const char *path)
{
  for (const char *begin = path; (begin = strchr (begin, '{')) != NULL; begin++) {
    gsize length = strcspn (begin + 1, "}");
    g_autofree char *name = g_strndup (begin + 1, length);

    g_variant_builder_open (list, G_VARIANT_TYPE_VARDICT);
    add_text (list, "name", name);
    add_text (list, "in", "path");
    add_text (list, "description", describe_name (path, name, length));
    g_variant_builder_add (list, "{sv}", "required", g_variant_new_boolean (TRUE));
    g_variant_builder_add (list, "{sv}", "schema", medley_http_openapi_schema ("Name"));
    g_variant_builder_close (list);
  }
}

/* Keys of any name are members of one parameter, spread out. */
static void
add_any (GVariantBuilder *list, const MedleyHttpParameter *row)
{
  g_auto (GVariantBuilder) schema = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  add_text (&schema, "type", "object");
  g_variant_builder_add (&schema, "{sv}", "additionalProperties",
                         medley_http_openapi_schema (row->type));
  g_variant_builder_open (list, G_VARIANT_TYPE_VARDICT);
  add_text (list, "name", "any");
  add_text (list, "in", "query");
  add_text (list, "description", row->summary);
  add_text (list, "style", "form");
  g_variant_builder_add (list, "{sv}", "explode", g_variant_new_boolean (TRUE));
  g_variant_builder_add (list, "{sv}", "schema", g_variant_builder_end (&schema));
  g_variant_builder_close (list);
}

static void
add_rows (GVariantBuilder *list, const char *place, const MedleyHttpParameter *row)
{
  for (; row != NULL && row->name != NULL; row++) {
    if (g_str_equal (row->name, "*")) {
      add_any (list, row);
      continue;
    }
    g_variant_builder_open (list, G_VARIANT_TYPE_VARDICT);
    add_text (list, "name", row->name);
    add_text (list, "in", place);
    add_text (list, "description", row->summary);
    g_variant_builder_add (list, "{sv}", "schema", medley_http_openapi_schema (row->type));
    g_variant_builder_close (list);
  }
}

void
medley_http_openapi_add_parameters (GVariantBuilder *operation, const MedleyHttpRoute *route)
{
  g_auto (GVariantBuilder) list = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("aa{sv}"));

  add_path (&list, route->path);
  add_rows (&list, "query", route->query);
  add_rows (&list, "header", route->headers);
  g_variant_builder_add (operation, "{sv}", "parameters", g_variant_builder_end (&list));
}
