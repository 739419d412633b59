/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/guard.h"

#include <medley/medley-error.h>
#include <string.h>

#define MAX_TOKEN 512

/* Splits "name", "name:port", "[v6]" or "[v6]:port". Returns: length of the name, 0 when it is
 * malformed */
static gsize
split_host (const char *host, const char **port)
{
  gsize length;

  if (host[0] == '[') {
    length = 1 + strspn (host + 1, "0123456789abcdefABCDEF:.");
    if (length < 3 || host[length++] != ']')
      return 0;
  } else {
    length = strspn (host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._");
  }
  *port = "";
  if (host[length] == '\0')
    return length;
  if (host[length] != ':')
    return 0;
  *port = host + length + 1;
  if (**port == '\0' || strlen (*port) > 5 || strspn (*port, "0123456789") != strlen (*port)
      || g_ascii_strtoull (*port, NULL, 10) > 65535)
    return 0;
  return length;
}

static gboolean
is_name (const char *host, gsize length, const char *name)
{
  return strlen (name) == length && g_ascii_strncasecmp (host, name, length) == 0;
}

gboolean
medley_http_guard_host (const char *host, gboolean is_local, const char *const *allowed,
                        GError **error)
{
  static const char *const ours[] = { "localhost", "127.0.0.1", "[::1]" };
  const char *port;
  gsize length;

  /* Only HTTP/1.0 may leave it out, and no browser speaks that. */
  if (host == NULL)
    return TRUE;
  length = split_host (host, &port);
  if (length == 0) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "the header Host is no name with an optional port");
    return FALSE;
  }
  if (is_local)
    return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (ours); i++) {
    if (is_name (host, length, ours[i]))
      return TRUE;
  }
  for (guint i = 0; allowed != NULL && allowed[i] != NULL; i++) {
    if (is_name (host, length, allowed[i]))
      return TRUE;
  }
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_ALLOWED,
               "Host \"%s\" is no name of this server; http.allowed-hosts lists further ones",
               host);
  return FALSE;
}

static gboolean
is_same_origin (const char *origin, const char *host, gboolean is_encrypted)
{
  const char *authority;
  const char *standard_port;
  const char *origin_port;
  const char *host_port;
  gsize origin_length;
  gsize host_length;

  if (g_ascii_strncasecmp (origin, "http://", 7) == 0 && !is_encrypted) {
    authority = origin + 7;
    standard_port = "80";
  } else if (g_ascii_strncasecmp (origin, "https://", 8) == 0) {
    authority = origin + 8;
    standard_port = "443";
  } else {
    return FALSE;
  }
  origin_length = split_host (authority, &origin_port);
  host_length = split_host (host, &host_port);
  if (origin_length == 0 || origin_length != host_length
      || g_ascii_strncasecmp (authority, host, host_length) != 0)
    return FALSE;
  return g_str_equal (*origin_port != '\0' ? origin_port : standard_port,
                      *host_port != '\0' ? host_port : standard_port);
}

gboolean
medley_http_guard_origin (const char *origin, const char *fetch_site, const char *host,
                          gboolean is_encrypted, GError **error)
{
  gboolean is_foreign = FALSE;

  if (origin != NULL)
    is_foreign = host == NULL || !is_same_origin (origin, host, is_encrypted);
  else if (fetch_site != NULL)
    is_foreign = !g_str_equal (fetch_site, "same-origin") && !g_str_equal (fetch_site, "none");
  if (is_foreign)
    g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_ALLOWED,
                         "a page of another site may not change anything here");
  return !is_foreign;
}

char *
medley_http_guard_bearer (const char *authorization, GError **error)
{
  const char *token = NULL;
  gsize length = 0;

  if (authorization != NULL && g_ascii_strncasecmp (authorization, "Bearer ", 7) == 0) {
    token = authorization + 7 + strspn (authorization + 7, " ");
    length = strspn (token, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-._~+/");
    if (length > 0)
      length += strspn (token + length, "=");
  }
  if (length > 0 && length <= MAX_TOKEN && token[length] == '\0')
    return g_strndup (token, length);
  g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAUTHORIZED,
                       authorization == NULL
                           ? "a token is required: \"Authorization: Bearer TOKEN\", with one that "
                             "\"medley token add\" made, or the text of the file \"token\" in the "
                             "runtime folder"
                           : "the header Authorization is not \"Bearer TOKEN\"");
  return NULL;
}
