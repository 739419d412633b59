/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/openapi.h"

#include <libsoup/soup.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "http/conditions.h"
#include "http/problem.h"

#define JSON "application/json"
#define PROBLEM "application/problem+json"

static const char description[]
    = "Turns one modality into another by chaining models: pipelines are run as jobs, whose "
      "outputs "
      "can be read while they are made.\n\n"
      "Whatever takes GET answers HEAD, too. An unknown key of a query is refused. Over TCP a "
      "token "
      "is needed, except where no security is asked for; over the Unix socket none. All errors "
      "are problem documents (RFC 9457) with a stable `code`, unless an answer says otherwise; "
      "each answer "
      "lists the codes that come with it.";

static void
add_text (GVariantBuilder *builder, const char *name, const char *text)
{
  g_variant_builder_add (builder, "{sv}", name, g_variant_new_string (text));
}

static void
open_member (GVariantBuilder *builder, const char *name, const char *type)
{
  g_variant_builder_open (builder, G_VARIANT_TYPE ("{sv}"));
  g_variant_builder_add (builder, "s", name);
  g_variant_builder_open (builder, G_VARIANT_TYPE_VARIANT);
  g_variant_builder_open (builder, G_VARIANT_TYPE (type));
}

static void
close_member (GVariantBuilder *builder)
{
  g_variant_builder_close (builder);
  g_variant_builder_close (builder);
  g_variant_builder_close (builder);
}

static void
add_content (GVariantBuilder *content, const char *types, const char *schema)
{
  g_auto (GStrv) list = g_strsplit (types, " ", -1);

  for (guint i = 0; list[i] != NULL; i++) {
    open_member (content, list[i], "a{sv}");
    if (schema != NULL)
      g_variant_builder_add (content, "{sv}", "schema", medley_http_openapi_schema (schema));
    close_member (content);
  }
}

static void
add_body (GVariantBuilder *operation, const MedleyHttpContent *body)
{
  if (body == NULL)
    return;
  open_member (operation, "requestBody", "a{sv}");
  g_variant_builder_add (operation, "{sv}", "required", g_variant_new_boolean (TRUE));
  open_member (operation, "content", "a{sv}");
  for (; body->types != NULL; body++)
    add_content (operation, body->types, body->schema);
  close_member (operation);
  close_member (operation);
}

/* The rows of one status, the first of which is @answer. */
static void
add_answer (GVariantBuilder *responses, const MedleyHttpAnswer *answer)
{
  g_autofree char *status = g_strdup_printf ("%u", answer->status);

  open_member (responses, status, "a{sv}");
  add_text (responses, "description", answer->summary);
  if (answer->types != NULL) {
    guint wanted = answer->status;

    open_member (responses, "content", "a{sv}");
    for (; answer->status != 0; answer++) {
      if (answer->status == wanted)
        add_content (responses, answer->types, answer->schema);
    }
    close_member (responses);
  }
  close_member (responses);
}

/* All errors of a route, as in its row. */
static char **
list_errors (const MedleyHttpRoute *route)
{
  g_autofree char *all = g_strconcat ("invalid-argument not-allowed ",
                                      route->scope != MEDLEY_HTTP_SCOPE_NONE ? "unauthorized " : "",
                                      route->scope > MEDLEY_HTTP_SCOPE_READ ? "forbidden " : "",
                                      route->errors, NULL);

  return g_strsplit (all, " ", -1);
}

static guint
parse_error (const char *text, const MedleyErrorInfo **info)
{
  gsize length = strcspn (text, ":");
  g_autofree char *name = g_strndup (text, length);
  MedleyError code;

  if (!medley_error_code_from_name (name, &code))
    g_error ("the table of routes has an error \"%s\", which does not exist", text);
  *info = medley_error_info_for_code (code);
  return text[length] == ':' ? (guint) atoi (text + length + 1) : (*info)->http_status;
}

/* The errors of one status. Returns: (element-type MedleyErrorInfo) (transfer container) */
static GPtrArray *
collect_errors (char **errors, guint status)
{
  GPtrArray *found = g_ptr_array_new ();

  for (guint i = 0; errors[i] != NULL; i++) {
    const MedleyErrorInfo *info;

    if (*errors[i] != '\0' && parse_error (errors[i], &info) == status
        && !g_ptr_array_find (found, info, NULL))
      g_ptr_array_add (found, (gpointer) info);
  }
  return found;
}

static GVariant *
list_codes (GPtrArray *infos)
{
  g_auto (GVariantBuilder) codes = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_STRING_ARRAY);

  for (guint i = 0; i < infos->len; i++)
    g_variant_builder_add (&codes, "s", ((const MedleyErrorInfo *) infos->pdata[i])->name);
  return g_variant_builder_end (&codes);
}

static void
add_error_headers (GVariantBuilder *response, guint status)
{
  const char *name = NULL;
  const char *summary = NULL;
  const char *type = "string";

  if (status == 429 || status == 503) {
    name = "Retry-After";
    summary = "Seconds after which to ask again";
    type = "integer";
  } else if (status == 401) {
    name = "WWW-Authenticate";
    summary = "That a bearer token is needed";
  }
  if (name == NULL)
    return;
  open_member (response, "headers", "a{sv}");
  open_member (response, name, "a{sv}");
  add_text (response, "description", summary);
  g_variant_builder_add (response, "{sv}", "schema", medley_http_openapi_schema (type));
  close_member (response);
  close_member (response);
}

static void
add_errors (GVariantBuilder *responses, const MedleyHttpRoute *route, guint status,
            GPtrArray *infos)
{
  const char *schema = route->error_schema != NULL ? route->error_schema : "Problem";
  g_autofree char *text = g_strdup_printf ("%u", status);
  g_autoptr (GString) titles = g_string_new (NULL);

  for (guint i = 0; i < infos->len; i++) {
    const MedleyErrorInfo *info = infos->pdata[i];

    g_string_append_printf (titles, "%s`%s`: %s", i > 0 ? "\n\n" : "", info->name, info->title);
  }
  open_member (responses, text, "a{sv}");
  add_text (responses, "description", titles->str);
  add_error_headers (responses, status);
  open_member (responses, "content", "a{sv}");
  add_content (responses, route->error_schema != NULL ? JSON : PROBLEM, schema);
  close_member (responses);
  g_variant_builder_add (responses, "{sv}", "x-medley-codes", list_codes (infos));
  close_member (responses);
}

static void
add_responses (GVariantBuilder *operation, const MedleyHttpRoute *route)
{
  g_auto (GStrv) errors = list_errors (route);

  open_member (operation, "responses", "a{sv}");
  for (const MedleyHttpAnswer *answer = route->answers; answer->status != 0; answer++) {
    if (answer == route->answers || answer[-1].status != answer->status)
      add_answer (operation, answer);
  }
  for (guint status = 400; status < 600; status++) {
    g_autoptr (GPtrArray) infos = collect_errors (errors, status);

    if (infos->len > 0)
      add_errors (operation, route, status, infos);
  }
  open_member (operation, "default", "a{sv}");
  add_text (operation, "description", "Something that may go wrong anywhere, such as `io-error`");
  open_member (operation, "content", "a{sv}");
  add_content (operation, route->error_schema != NULL ? JSON : PROBLEM,
               route->error_schema != NULL ? route->error_schema : "Problem");
  close_member (operation);
  close_member (operation);
  close_member (operation);
}

static GVariant *
describe_security (MedleyHttpScope scope)
{
  static const char *const names[] = { NULL, "read", "run", "admin" };

  if (scope == MEDLEY_HTTP_SCOPE_NONE)
    return g_variant_new_array (G_VARIANT_TYPE_VARDICT, NULL, 0);
  return g_variant_new_parsed ("[{'token': <[%s]>}]", names[scope]);
}

static void
add_operation (GVariantBuilder *path, const char *tag, const MedleyHttpRoute *route)
{
  g_autofree char *method = g_ascii_strdown (route->method, -1);

  open_member (path, method, "a{sv}");
  g_variant_builder_add (path, "{sv}", "tags", g_variant_new_parsed ("[%s]", tag));
  add_text (path, "operationId", route->id);
  add_text (path, "summary", route->summary);
  if (route->details != NULL)
    add_text (path, "description", route->details);
  g_variant_builder_add (path, "{sv}", "security", describe_security (route->scope));
  medley_http_openapi_add_parameters (path, route);
  add_body (path, route->body);
  add_responses (path, route);
  close_member (path);
}

/* All operations of one path, which may stand in several groups. */
static void
add_path (GVariantBuilder *paths, const char *path)
{
  const MedleyHttpRouteGroup *const *groups = medley_http_route_groups ();

  open_member (paths, path, "a{sv}");
  for (; *groups != NULL; groups++) {
    for (guint i = 0; i < (*groups)->n_routes; i++) {
      if (g_str_equal ((*groups)->routes[i].path, path))
        add_operation (paths, (*groups)->tag, &(*groups)->routes[i]);
    }
  }
  close_member (paths);
}

static void
add_paths (GVariantBuilder *document)
{
  const MedleyHttpRouteGroup *const *groups = medley_http_route_groups ();
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  open_member (document, "paths", "a{sv}");
  for (; *groups != NULL; groups++) {
    for (guint i = 0; i < (*groups)->n_routes; i++) {
      if (g_hash_table_add (seen, (gpointer) (*groups)->routes[i].path))
        add_path (document, (*groups)->routes[i].path);
    }
  }
  close_member (document);
}

static void
add_tags (GVariantBuilder *document)
{
  const MedleyHttpRouteGroup *const *groups = medley_http_route_groups ();

  open_member (document, "tags", "aa{sv}");
  for (; *groups != NULL; groups++) {
    g_variant_builder_open (document, G_VARIANT_TYPE_VARDICT);
    add_text (document, "name", (*groups)->tag);
    add_text (document, "description", (*groups)->summary);
    g_variant_builder_close (document);
  }
  close_member (document);
}

static void
add_components (GVariantBuilder *document)
{
  open_member (document, "components", "a{sv}");
  g_variant_builder_add (document, "{sv}", "schemas", medley_http_openapi_schemas ());
  g_variant_builder_add (document, "{sv}", "securitySchemes",
                         g_variant_new_parsed ("{'token': <{'type': <'http'>, 'scheme': <'bearer'>,"
                                               " 'description': <'A token with this scope'>}>}"));
  close_member (document);
}

GVariant *
medley_http_openapi (void)
{
  g_auto (GVariantBuilder) document = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  add_text (&document, "openapi", "3.1.0");
  open_member (&document, "info", "a{sv}");
  add_text (&document, "title", "Medley");
  add_text (&document, "version", MEDLEY_VERSION);
  add_text (&document, "description", description);
  g_variant_builder_add (&document, "{sv}", "license",
                         g_variant_new_parsed ("{'name': <'LGPL 2.1 or later'>,"
                                               " 'identifier': <'LGPL-2.1-or-later'>}"));
  close_member (&document);
  g_variant_builder_add (&document, "{sv}", "servers",
                         g_variant_new_parsed ("[{'url': <'/'>,"
                                               " 'description': <'The daemon that answers'>}]"));
  add_tags (&document);
  add_paths (&document);
  add_components (&document);
  return g_variant_builder_end (&document);
}

/* It is the same as long as the daemon runs, and not made before somebody asks. */
static GBytes *
get_text (MedleyHttp *http)
{
  static const char key[] = "medley-openapi";
  GBytes *bytes = g_object_get_data (G_OBJECT (http), key);
  g_autoptr (GVariant) document = NULL;
  char *text;

  if (bytes != NULL)
    return bytes;
  document = g_variant_ref_sink (medley_http_openapi ());
  text = medley_json_print (document, FALSE);
  bytes = g_bytes_new_take (text, strlen (text));
  g_object_set_data_full (G_OBJECT (http), key, bytes, (GDestroyNotify) g_bytes_unref);
  return bytes;
}

void
medley_http_show_openapi (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params)
{
  GBytes *text = get_text (http);
  g_autofree char *etag = medley_http_make_etag (text);

  if (medley_http_answer_unchanged (exchange, etag))
    return;
  soup_message_headers_replace (medley_http_exchange_get_headers (exchange),
                                "X-Content-Type-Options", "nosniff");
  medley_http_exchange_respond (exchange, 200, JSON, text);
}
