/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/output-headers.h"

#include <medley/medley-error.h>
#include <string.h>

#include "base/media.h"

char *
medley_http_output_make_etag (MedleyJob *job, const char *output, guint64 size)
{
  return g_strdup_printf ("\"%s.%s.%" G_GINT64_MODIFIER "x\"", medley_job_get_id (job), output,
                          size);
}

/* In a quoted string (RFC 9110, 5.6.4) of what every client reads the same way. */
static char *
make_ascii (const char *name)
{
  GString *text = g_string_new (NULL);

  for (const char *p = name; *p != '\0'; p = g_utf8_next_char (p)) {
    gboolean is_plain = *p >= ' ' && *p < 0x7f && strchr ("\"\\/%", *p) == NULL;

    g_string_append_c (text, is_plain ? *p : '_');
  }
  return g_string_free (text, FALSE);
}

char *
medley_http_make_disposition (gboolean attachment, const char *name)
{
  const char *kind = attachment ? "attachment" : "inline";
  g_autofree char *clean = g_utf8_make_valid (name, -1);
  g_autofree char *ascii = NULL;
  g_autofree char *coded = NULL;

  for (char *p = clean; *p != '\0'; p++)
    if ((guchar) *p < ' ' || *p == 0x7f || *p == '/' || *p == '\\')
      *p = '_';
  ascii = make_ascii (clean);
  if (g_str_equal (ascii, clean))
    return g_strdup_printf ("%s; filename=\"%s\"", kind, ascii);
  coded = g_uri_escape_string (clean, "!#$&+^`|", FALSE);
  return g_strdup_printf ("%s; filename=\"%s\"; filename*=UTF-8''%s", kind, ascii, coded);
}

static char *
make_name (MedleyJob *job, const char *output)
{
  const MedleyMediaType *media = medley_media_lookup (medley_job_get_output_type (job, output));
  gsize first = media != NULL ? strcspn (media->extensions, " ") : 0;

  return g_strdup_printf ("%s-%s%s%.*s", medley_job_get_pipeline (job), output,
                          first > 0 ? "." : "", (int) first, first > 0 ? media->extensions : "");
}

static void
set_disposition (MedleyHttpExchange *exchange, gboolean attachment, const char *name)
{
  g_autofree char *field = medley_http_make_disposition (attachment, name);

  soup_message_headers_replace (medley_http_exchange_get_headers (exchange), "Content-Disposition",
                                field);
}

gboolean
medley_http_output_take_name (MedleyHttpExchange *exchange, MedleyJob *job, const char *output,
                              GError **error)
{
  const MedleyHttpRequest *request = medley_http_exchange_get_request (exchange);
  const char *wanted = medley_http_request_get_query (request, "download");
  g_autofree char *own = make_name (job, output);

  if (wanted == NULL)
    return TRUE;
  if (strlen (wanted) > MEDLEY_HTTP_FILE_NAME_BYTES) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "the file name in \"download\" is longer than %d bytes",
                 MEDLEY_HTTP_FILE_NAME_BYTES);
    return FALSE;
  }
  set_disposition (exchange, TRUE,
                   medley_http_request_has_flag (request, "download") ? own : wanted);
  return TRUE;
}

void
medley_http_output_set_headers (MedleyHttpExchange *exchange, MedleyJob *job, const char *output,
                                MedleyOutputReader *reader, gboolean is_final)
{
  SoupMessageHeaders *headers = medley_http_exchange_get_headers (exchange);
  const char *type = medley_output_reader_get_media_type (reader);
  g_autofree char *name = make_name (job, output);
  g_autofree char *full = NULL;
  guint64 size;

  if (g_str_has_prefix (type, "text/"))
    full = g_strconcat (type, "; charset=utf-8", NULL);
  soup_message_headers_replace (headers, "Content-Type", full != NULL ? full : type);
  if (soup_message_headers_get_one (headers, "Content-Disposition") == NULL)
    set_disposition (exchange, FALSE, name);
  soup_message_headers_replace (headers, "X-Content-Type-Options", "nosniff");
  soup_message_headers_replace (headers, "Medley-Job", medley_job_get_id (job));
  if (is_final) {
    g_autofree char *etag = NULL;

    medley_output_reader_is_final (reader, &size);
    etag = medley_http_output_make_etag (job, output, size);
    soup_message_headers_replace (headers, "Medley-Output-State", "complete");
    soup_message_headers_replace (headers, "ETag", etag);
    soup_message_headers_replace (headers, "Accept-Ranges", "bytes");
    soup_message_headers_replace (headers, "Cache-Control", "private, no-cache");
  } else {
    soup_message_headers_replace (headers, "Medley-Output-State", "growing");
    soup_message_headers_replace (headers, "Cache-Control", "no-store");
  }
}

/* @weakly: whether a weak tag stands for the strong one, too */
static gboolean
lists_etag (const char *field, const char *etag, gboolean weakly)
{
  GSList *tags;
  gboolean found = FALSE;

  /* Any tag: there is something. */
  if (strspn (field, " \t*") == strlen (field) && strchr (field, '*') == strrchr (field, '*')
      && strchr (field, '*') != NULL)
    return TRUE;
  if (etag == NULL)
    return FALSE;
  tags = soup_header_parse_list (field);
  for (GSList *l = tags; l != NULL && !found; l = l->next) {
    const char *tag = l->data;

    found = g_str_equal (tag, etag)
            || (weakly && g_str_has_prefix (tag, "W/") && g_str_equal (tag + 2, etag));
  }
  soup_header_free_list (tags);
  return found;
}

MedleyHttpPrecondition
medley_http_check_preconditions (const char *if_match, const char *if_none_match, const char *etag)
{
  if (if_match != NULL && !lists_etag (if_match, etag, FALSE))
    return MEDLEY_HTTP_PRECONDITION_FAILED;
  if (if_none_match != NULL && lists_etag (if_none_match, etag, TRUE))
    return MEDLEY_HTTP_PRECONDITION_NOT_MODIFIED;
  return MEDLEY_HTTP_PRECONDITION_NONE;
}
