/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/multipart.h"

#include <libsoup/soup.h>
#include <medley/medley-error.h>
#include <string.h>

#define MAX_BOUNDARY 70 /* RFC 2046, 5.1.1 */
#define MAX_HEAD 8192
#define MAX_PARTS 256

typedef enum { PREAMBLE, AFTER_BOUNDARY, HEAD, CONTENT, EPILOGUE } State;

struct _MedleyHttpMultipart {
  MedleyMultipartFuncs funcs;
  gpointer user_data;
  char *delimiter; /* CRLF, two dashes and the boundary */
  gsize delimiter_length;
  State state;
  GByteArray *pending;
  guint parts;
};

static gboolean
fail (GError **error, const char *what)
{
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT, "the form is malformed: %s",
               what);
  return FALSE;
}

static gboolean
is_boundary (const char *text)
{
  static const char alphabet[]
      = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'()+_,-./:=? ";
  gsize length = strlen (text);

  return length > 0 && length <= MAX_BOUNDARY && strspn (text, alphabet) == length
         && text[length - 1] != ' ';
}

MedleyHttpMultipart *
medley_http_multipart_new (const char *content_type, const MedleyMultipartFuncs *funcs,
                           gpointer user_data, GError **error)
{
  const char *semicolon = strchr (content_type, ';');
  g_autoptr (GHashTable) params = NULL;
  const char *boundary = NULL;
  MedleyHttpMultipart *self;

  if (semicolon != NULL) {
    params = soup_header_parse_semi_param_list (semicolon + 1);
    boundary = g_hash_table_lookup (params, "boundary");
  }
  if (boundary == NULL || !is_boundary (boundary)) {
    fail (error, "its Content-Type has no proper boundary");
    return NULL;
  }
  self = g_new0 (MedleyHttpMultipart, 1);
  self->funcs = *funcs;
  self->user_data = user_data;
  self->delimiter = g_strconcat ("\r\n--", boundary, NULL);
  self->delimiter_length = strlen (self->delimiter);
  /* The first boundary may stand at the very beginning. */
  self->pending = g_byte_array_new ();
  g_byte_array_append (self->pending, (const guint8 *) "\r\n", 2);
  return self;
}

void
medley_http_multipart_free (MedleyHttpMultipart *self)
{
  g_free (self->delimiter);
  g_byte_array_unref (self->pending);
  g_free (self);
}

static char *
find_name (const char *head, gsize length)
{
  SoupMessageHeaders *headers = soup_message_headers_new (SOUP_MESSAGE_HEADERS_MULTIPART);
  g_autoptr (GHashTable) params = NULL;
  g_autofree char *kind = NULL;
  char *name = NULL;

  /* The parser skips a first line: that of a request. */
  g_autofree char *text = g_strdup_printf ("\r\n%.*s", (int) length, head);

  if (soup_headers_parse (text, (int) length + 2, headers)
      && soup_message_headers_get_content_disposition (headers, &kind, &params) && kind != NULL
      && g_ascii_strcasecmp (kind, "form-data") == 0)
    name = g_strdup (g_hash_table_lookup (params, "name"));
  soup_message_headers_unref (headers);
  return name;
}

static gboolean
take_head (MedleyHttpMultipart *self, gboolean *more, GError **error)
{
  GByteArray *pending = self->pending;
  const guint8 *end = memmem (pending->data, pending->len, "\r\n\r\n", 4);
  g_autofree char *name = NULL;
  gsize length;

  if (end == NULL) {
    *more = FALSE;
    return pending->len <= MAX_HEAD || fail (error, "the head of a part is too long");
  }
  length = (gsize) (end - pending->data) + 2;
  if (memchr (pending->data, '\0', length) != NULL)
    return fail (error, "the head of a part has a NUL");
  name = find_name ((const char *) pending->data, length);
  if (name == NULL || *name == '\0' || !g_utf8_validate (name, -1, NULL))
    return fail (error, "a part has no name");
  if (++self->parts > MAX_PARTS)
    return fail (error, "it has too many parts");
  if (!self->funcs.begin (name, self->user_data, error))
    return FALSE;
  g_byte_array_remove_range (pending, 0, (guint) length + 2);
  self->state = CONTENT;
  return TRUE;
}

/* Content, or what is before the first boundary: up to the next boundary. */
static gboolean
take_content (MedleyHttpMultipart *self, gboolean *more, GError **error)
{
  GByteArray *pending = self->pending;
  const guint8 *end = memmem (pending->data, pending->len, self->delimiter, self->delimiter_length);
  gsize length;

  if (end != NULL)
    length = (gsize) (end - pending->data);
  else
    length = pending->len >= self->delimiter_length ? pending->len - self->delimiter_length + 1 : 0;
  if (self->state == CONTENT && length > 0
      && !self->funcs.data (pending->data, length, self->user_data, error))
    return FALSE;
  if (end == NULL) {
    g_byte_array_remove_range (pending, 0, (guint) length);
    *more = FALSE;
    return TRUE;
  }
  if (self->state == CONTENT && !self->funcs.end (self->user_data, error))
    return FALSE;
  g_byte_array_remove_range (pending, 0, (guint) (length + self->delimiter_length));
  self->state = AFTER_BOUNDARY;
  return TRUE;
}

static gboolean
take_boundary_end (MedleyHttpMultipart *self, gboolean *more, GError **error)
{
  GByteArray *pending = self->pending;

  if (pending->len < 2) {
    *more = FALSE;
    return TRUE;
  }
  if (memcmp (pending->data, "--", 2) == 0)
    self->state = EPILOGUE;
  else if (memcmp (pending->data, "\r\n", 2) == 0)
    self->state = HEAD;
  else
    return fail (error, "a boundary is followed by something else");
  g_byte_array_remove_range (pending, 0, 2);
  return TRUE;
}

gboolean
medley_http_multipart_feed (MedleyHttpMultipart *self, const void *data, gsize length,
                            GError **error)
{
  gboolean more = TRUE;

  if (self->state == EPILOGUE)
    return TRUE;
  g_byte_array_append (self->pending, data, (guint) length);
  while (more) {
    gboolean good = TRUE;

    switch (self->state) {
    case PREAMBLE:
    case CONTENT:
      good = take_content (self, &more, error);
      break;
    case AFTER_BOUNDARY:
      good = take_boundary_end (self, &more, error);
      break;
    case HEAD:
      good = take_head (self, &more, error);
      break;
    case EPILOGUE:
      more = FALSE;
      break;
    }
    if (!good)
      return FALSE;
  }
  return TRUE;
}

gboolean
medley_http_multipart_finish (MedleyHttpMultipart *self, GError **error)
{
  return self->state == EPILOGUE || fail (error, "it ends before its last boundary");
}
