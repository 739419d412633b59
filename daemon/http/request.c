/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/request.h"

#include <medley/medley-error.h>
#include <string.h>

#define MAX_QUERY_PAIRS 256

static gboolean
fail (GError **error, const char *what)
{
  g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT, what);
  return FALSE;
}

gsize
medley_http_head_length (const guint8 *data, gsize length, gsize *checked, gboolean *malformed)
{
  *malformed = FALSE;
  for (gsize i = *checked; i < length; i++) {
    if (data[i] == '\0') {
      *malformed = TRUE;
      return 0;
    }
    if (data[i] != '\n')
      continue;
    if (i == 0 || data[i - 1] != '\r') {
      *malformed = TRUE;
      return 0;
    }
    if (i >= 3 && data[i - 2] == '\n')
      return i + 1;
  }
  *checked = length;
  return 0;
}

static gboolean
is_token_char (char c)
{
  return g_ascii_isalnum (c) || (c != '\0' && strchr ("!#$%&'*+-.^_`|~", c) != NULL);
}

/* libsoup skips header lines that it does not understand; another reader might understand them. */
static gboolean
check_header_lines (const char *head, gsize length, GError **error)
{
  const char *end = head + length;
  const char *line = memchr (head, '\n', length);

  for (line = line + 1; line < end && *line != '\r';) {
    const char *next = memchr (line, '\n', (gsize) (end - line));
    const char *p = line;

    while (is_token_char (*p))
      p++;
    if (p == line || *p != ':')
      return fail (error, "a header line has no proper name");
    for (p++; p < next - 1; p++) {
      if (((guchar) *p < ' ' && *p != '\t') || *p == 127)
        return fail (error, "a header value has a control character");
    }
    line = next + 1;
  }
  return TRUE;
}

static gboolean
decode (GString *out, const char *text, gsize length, gboolean plus_is_space)
{
  for (gsize i = 0; i < length; i++) {
    int value = (guchar) text[i];

    if (value == '%') {
      if (i + 2 >= length || !g_ascii_isxdigit (text[i + 1]) || !g_ascii_isxdigit (text[i + 2]))
        return FALSE;
      value = g_ascii_xdigit_value (text[i + 1]) * 16 + g_ascii_xdigit_value (text[i + 2]);
      i += 2;
    } else if (value == '+' && plus_is_space) {
      value = ' ';
    } else if (value <= ' ' || value >= 127) {
      return FALSE;
    }
    if (value == 0)
      return FALSE;
    g_string_append_c (out, (char) value);
  }
  return g_utf8_validate (out->str, (gssize) out->len, NULL);
}

/* "/a/b" → "a", "b". Decoded once; what a file system would treat as special has no place in any of
 * our paths. */
static gboolean
split_path (MedleyHttpRequest *self, const char *path, gsize length, GError **error)
{
  g_autoptr (GPtrArray) segments = g_ptr_array_new_with_free_func (g_free);
  g_auto (GStrv) raw = NULL;
  g_autofree char *copy = g_strndup (path, length);
  g_autofree char *joined = NULL;

  if (copy[0] != '/')
    return fail (error, "the request target is no path");
  raw = g_strsplit (copy + 1, "/", -1);
  for (guint i = 0; raw[i] != NULL && !(i == 0 && raw[0][0] == '\0' && raw[1] == NULL); i++) {
    g_autoptr (GString) segment = g_string_new (NULL);

    if (!decode (segment, raw[i], strlen (raw[i]), FALSE))
      return fail (error, "the path is not properly percent-encoded UTF-8");
    if (segment->len == 0 || strpbrk (segment->str, "/\\") != NULL
        || g_str_equal (segment->str, ".") || g_str_equal (segment->str, ".."))
      return fail (error, "the path has an empty segment, a dot segment or an encoded slash");
    for (const char *p = segment->str; *p != '\0'; p++) {
      if ((guchar) *p < ' ' || *p == 127)
        return fail (error, "the path has a control character");
    }
    g_ptr_array_add (segments, g_string_free (g_steal_pointer (&segment), FALSE));
  }
  g_ptr_array_add (segments, NULL);
  self->segments = (char **) g_ptr_array_free (g_steal_pointer (&segments), FALSE);
  joined = g_strjoinv ("/", self->segments);
  self->path = g_strconcat ("/", joined, NULL);
  return TRUE;
}

static gboolean
split_query (MedleyHttpRequest *self, const char *query, GError **error)
{
  while (query != NULL && *query != '\0') {
    const char *end = strchrnul (query, '&');
    const char *equals = memchr (query, '=', (gsize) (end - query));
    const char *key_end = equals != NULL ? equals : end;

    if (end > query) {
      g_autoptr (GString) key = g_string_new (NULL);
      g_autoptr (GString) value = g_string_new (NULL);

      if (!decode (key, query, (gsize) (key_end - query), TRUE)
          || (equals != NULL && !decode (value, equals + 1, (gsize) (end - equals - 1), TRUE)))
        return fail (error, "the query is not properly percent-encoded UTF-8");
      if (self->query->len >= 2 * MAX_QUERY_PAIRS)
        return fail (error, "the query has too many keys");
      g_ptr_array_add (self->query, g_string_free (g_steal_pointer (&key), FALSE));
      g_ptr_array_add (self->query, g_string_free (g_steal_pointer (&value), FALSE));
    }
    query = *end == '&' ? end + 1 : NULL;
  }
  return TRUE;
}

static gboolean
split_target (MedleyHttpRequest *self, const char *target, GError **error)
{
  const char *query;
  gsize length;

  /* The absolute form, as for a proxy: its authority stands for Host. */
  if (g_ascii_strncasecmp (target, "http://", 7) == 0
      || g_ascii_strncasecmp (target, "https://", 8) == 0) {
    const char *authority = strstr (target, "://") + 3;
    const char *path = authority + strcspn (authority, "/?");
    g_autofree char *host = g_strndup (authority, (gsize) (path - authority));

    soup_message_headers_replace (self->headers, "Host", host);
    target = *path == '/' ? path : "/";
  }
  if (g_str_equal (target, "*") && g_str_equal (self->method, "OPTIONS"))
    target = "/";
  if (strchr (target, '#') != NULL)
    return fail (error, "the request target has a fragment");
  query = strchr (target, '?');
  length = query != NULL ? (gsize) (query - target) : strlen (target);
  return split_path (self, target, length, error)
         && split_query (self, query != NULL ? query + 1 : NULL, error);
}

static gboolean
parse_length (const char *text, guint64 *length)
{
  if (*text == '\0' || strlen (text) > 18 || strspn (text, "0123456789") != strlen (text))
    return FALSE;
  *length = g_ascii_strtoull (text, NULL, 10);
  return TRUE;
}

static gboolean
find_framing (MedleyHttpRequest *self, guint *status, GError **error)
{
  const char *length = soup_message_headers_get_list (self->headers, "Content-Length");
  const char *coding = soup_message_headers_get_list (self->headers, "Transfer-Encoding");

  if (coding != NULL) {
    if (length != NULL)
      return fail (error, "a request has either Content-Length or Transfer-Encoding, not both");
    if (self->is_http_1_0)
      return fail (error, "HTTP/1.0 has no Transfer-Encoding");
    if (g_ascii_strcasecmp (coding, "chunked") != 0) {
      *status = 501;
      return fail (error, "no transfer coding but chunked is understood");
    }
    self->framing = MEDLEY_HTTP_BODY_CHUNKED;
  } else if (length != NULL) {
    if (!parse_length (length, &self->length))
      return fail (error, "Content-Length is not one number");
    if (self->length > 0)
      self->framing = MEDLEY_HTTP_BODY_LENGTH;
  }
  return TRUE;
}

static gboolean
find_connection_options (MedleyHttpRequest *self, GError **error)
{
  const char *connection = soup_message_headers_get_list (self->headers, "Connection");
  const char *expect = soup_message_headers_get_list (self->headers, "Expect");

  self->keep_alive = !self->is_http_1_0;
  if (connection != NULL && soup_header_contains (connection, "close"))
    self->keep_alive = FALSE;
  else if (connection != NULL && soup_header_contains (connection, "keep-alive"))
    self->keep_alive = TRUE;
  self->expects_continue
      = !self->is_http_1_0 && expect != NULL && g_ascii_strcasecmp (expect, "100-continue") == 0;
  if (!self->is_http_1_0 && soup_message_headers_get_list (self->headers, "Host") == NULL)
    return fail (error, "the header Host is missing");
  return TRUE;
}

MedleyHttpRequest *
medley_http_request_parse (const char *head, gsize length, guint *status, GError **error)
{
  g_autoptr (MedleyHttpRequest) self = g_new0 (MedleyHttpRequest, 1);
  g_autofree char *target = NULL;
  SoupHTTPVersion version;

  self->query = g_ptr_array_new_with_free_func (g_free);
  self->headers = soup_message_headers_new (SOUP_MESSAGE_HEADERS_REQUEST);
  *status = 400;
  if (length < 4 || memchr (head, '\0', length) != NULL
      || memcmp (head + length - 4, "\r\n\r\n", 4) != 0) {
    fail (error, "the request has no whole head");
    return NULL;
  }
  if (!check_header_lines (head, length, error))
    return NULL;
  /* The parser wants the head without its empty line. */
  *status = soup_headers_parse_request (head, (int) length - 2, self->headers, &self->method,
                                        &target, &version);
  if (*status != SOUP_STATUS_OK) {
    fail (error, *status == 505 ? "only HTTP/1.0 and HTTP/1.1 are spoken here"
                                : "the request line is malformed");
    return NULL;
  }
  if (version > SOUP_HTTP_1_1) {
    *status = 505;
    fail (error, "only HTTP/1.0 and HTTP/1.1 are spoken here");
    return NULL;
  }
  *status = 400;
  self->is_http_1_0 = version == SOUP_HTTP_1_0;
  for (const char *p = self->method; *p != '\0'; p++) {
    if (!is_token_char (*p)) {
      fail (error, "the method is malformed");
      return NULL;
    }
  }
  if (!split_target (self, target, error) || !find_framing (self, status, error)
      || !find_connection_options (self, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
medley_http_request_free (MedleyHttpRequest *self)
{
  g_free (self->method);
  g_free (self->path);
  g_strfreev (self->segments);
  g_ptr_array_unref (self->query);
  soup_message_headers_unref (self->headers);
  g_free (self);
}

const char *
medley_http_request_get_query (const MedleyHttpRequest *self, const char *key)
{
  for (guint i = 0; i < self->query->len; i += 2) {
    if (g_str_equal (g_ptr_array_index (self->query, i), key))
      return g_ptr_array_index (self->query, i + 1);
  }
  return NULL;
}

gboolean
medley_http_request_has_flag (const MedleyHttpRequest *self, const char *key)
{
  static const char *const yes[] = { "", "true", "1", "yes", NULL };
  const char *value = medley_http_request_get_query (self, key);

  return value != NULL && g_strv_contains (yes, value);
}

const char *
medley_http_request_get_header (const MedleyHttpRequest *self, const char *name)
{
  return soup_message_headers_get_list (self->headers, name);
}
