/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <medley/medley-error.h>
#include <string.h>

#include "http/body.h"
#include "http/conditions.h"
#include "http/drawing.h"
#include "http/problem.h"
#include "http/routes.h"
#include "pipeline/graph.h"

#define DOT "text/vnd.graphviz"
#define SVG "image/svg+xml"
/* Each picture is a process, for as long as it is drawn. */
#define MAX_DRAWINGS 4

typedef enum { FORMAT_NONE, FORMAT_DOT, FORMAT_SVG } Format;

typedef struct {
  MedleyHttp *http;
  MedleyHttpExchange *exchange;
} Drawing;

/* ?format= counts, else Accept: what is liked best of what there is. */
static Format
choose (const MedleyHttpRequest *request, GError **error)
{
  const char *format = medley_http_request_get_query (request, "format");
  const char *accept = medley_http_request_get_header (request, "Accept");
  Format chosen = FORMAT_NONE;
  GSList *types;

  if (format != NULL) {
    if (g_str_equal (format, "dot") || g_str_equal (format, "svg"))
      return format[0] == 'd' ? FORMAT_DOT : FORMAT_SVG;
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "format: \"%s\" is neither dot nor svg", format);
    return FORMAT_NONE;
  }
  if (accept == NULL)
    return FORMAT_DOT;
  types = soup_header_parse_quality_list (accept, NULL);
  for (GSList *l = types; l != NULL && chosen == FORMAT_NONE; l = l->next) {
    if (g_ascii_strcasecmp (l->data, SVG) == 0 || g_str_equal (l->data, "image/*"))
      chosen = FORMAT_SVG;
    else if (g_ascii_strcasecmp (l->data, DOT) == 0 || g_str_equal (l->data, "text/*")
             || g_str_equal (l->data, "*/*"))
      chosen = FORMAT_DOT;
  }
  soup_header_free_list (types);
  if (chosen == FORMAT_NONE)
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNSUPPORTED_TYPE,
                 "a graph is " DOT " or " SVG ", not %s", accept);
  return chosen;
}

static void
respond (MedleyHttpExchange *exchange, const char *type, GBytes *body)
{
  SoupMessageHeaders *headers = medley_http_exchange_get_headers (exchange);

  soup_message_headers_replace (headers, "Vary", "Accept");
  soup_message_headers_replace (headers, "X-Content-Type-Options", "nosniff");
  /* Nothing in a picture may run or be fetched, whatever a file says. */
  soup_message_headers_replace (headers, "Content-Security-Policy",
                                "default-src 'none'; style-src 'unsafe-inline'; sandbox");
  medley_http_exchange_respond (exchange, 200, type, body);
}

static guint
count_drawings (MedleyHttp *http, int difference)
{
  static const char key[] = "medley-drawings";
  guint n = GPOINTER_TO_UINT (g_object_get_data (G_OBJECT (http), key)) + (guint) difference;

  g_object_set_data (G_OBJECT (http), key, GUINT_TO_POINTER (n));
  return n;
}

static void
on_drawn (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autofree Drawing *self = data;
  g_autoptr (MedleyHttp) http = self->http;
  g_autoptr (MedleyHttpExchange) exchange = self->exchange;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) picture = medley_http_draw_finish (result, &error);

  count_drawings (http, -1);
  if (picture != NULL)
    respond (exchange, SVG, picture);
  else
    medley_http_respond_problem (
        exchange, error,
        g_error_matches (error, MEDLEY_ERROR, MEDLEY_ERROR_UNSUPPORTED_TYPE) ? 501 : 0, NULL);
}

static void
draw (MedleyHttp *http, MedleyHttpExchange *exchange, const char *dot)
{
  g_autoptr (GError) error = NULL;
  Drawing *drawing;

  if (count_drawings (http, 0) >= MAX_DRAWINGS) {
    g_set_error (&error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
                 "%d pictures are being drawn already; ask again soon", MAX_DRAWINGS);
    medley_http_respond_problem (exchange, error, 0, NULL);
    return;
  }
  count_drawings (http, 1);
  drawing = g_new0 (Drawing, 1);
  drawing->http = g_object_ref (http);
  drawing->exchange = medley_http_exchange_ref (exchange);
  medley_http_draw_async (medley_http_get_config (http), dot, on_drawn, drawing);
}

static char *
make_tag (const char *dot, Format format)
{
  g_autofree char *all = g_strconcat (format == FORMAT_SVG ? "svg\n" : "dot\n", dot, NULL);
  g_autoptr (GBytes) bytes = g_bytes_new (all, strlen (all));

  return medley_http_make_etag (bytes);
}

void
medley_http_show_graph (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params)
{
  g_autoptr (GError) error = NULL;
  Format format = choose (medley_http_exchange_get_request (exchange), &error);
  MedleyPipeline *pipeline
      = format != FORMAT_NONE ? medley_http_find_pipeline (http, params[0], &error) : NULL;
  g_autofree char *dot = NULL;
  g_autofree char *etag = NULL;
  g_autoptr (GBytes) body = NULL;

  if (pipeline == NULL) {
    medley_http_respond_problem (
        exchange, error,
        g_error_matches (error, MEDLEY_ERROR, MEDLEY_ERROR_UNSUPPORTED_TYPE) ? 406 : 0, NULL);
    return;
  }
  dot = medley_pipeline_to_dot (pipeline);
  etag = make_tag (dot, format);
  if (medley_http_answer_unchanged (exchange, etag))
    return;
  if (format == FORMAT_SVG) {
    draw (http, exchange, dot);
    return;
  }
  body = g_bytes_new (dot, strlen (dot));
  respond (exchange, DOT "; charset=utf-8", body);
}
