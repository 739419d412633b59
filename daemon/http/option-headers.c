/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/option-headers.h"

#include <medley/medley-error.h>
#include <string.h>

#include "base/nearest.h"
#include "job/options.h"

#define PREFIX "Medley-"
#define CLIENT PREFIX "Client"

static const struct {
  const char *header;
  const char *option;
} headers[] = {
  { "Medley-Priority", "priority" }, { "Medley-Start-At", "startAt" },
  { "Medley-Deadline", "deadline" }, { "Medley-Run-Time", "runTime" },
  { "Medley-Attempts", "attempts" }, { "Medley-Cache", "cache" },
};

static gboolean
refuse_key (GError **error, const char *why)
{
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT, "Idempotency-Key: %s", why);
  return FALSE;
}

char *
medley_http_parse_idempotency_key (const char *value, GError **error)
{
  g_autofree char *trimmed = g_strstrip (g_strdup (value));
  g_autoptr (GString) key = NULL;
  const char *rest = trimmed + 1;

  if (trimmed[0] != '"') {
    if (strpbrk (trimmed, " \t,;\"\\") != NULL) {
      refuse_key (error, "without quotes, a key has no spaces, commas, semicolons, quotes and "
                         "backslashes; with several such headers it is not clear which counts");
      return NULL;
    }
    return g_steal_pointer (&trimmed);
  }
  key = g_string_new (NULL);
  for (; *rest != '"'; rest++) {
    if (*rest == '\\' && (rest[1] == '"' || rest[1] == '\\'))
      rest++;
    else if (*rest == '\\' || *rest == '\0') {
      refuse_key (error, "the string is not closed, or has a backslash before another character "
                         "than a quote or backslash (RFC 8941, 3.3.3)");
      return NULL;
    }
    g_string_append_c (key, *rest);
  }
  if (rest[1] != '\0') {
    refuse_key (error, "something follows the string; with several such headers it is not clear "
                       "which counts");
    return NULL;
  }
  return g_string_free (g_steal_pointer (&key), FALSE);
}

static gboolean
take_key (const MedleyHttpRequest *request, MedleyJobRequest *wanted, guint max_key, GError **error)
{
  const char *value = medley_http_request_get_header (request, "Idempotency-Key");
  g_autofree char *key = NULL;
  g_autoptr (GVariant) given = NULL;

  if (value == NULL)
    return TRUE;
  if (!g_utf8_validate (value, -1, NULL))
    return refuse_key (error, "a key has printable ASCII characters only");
  key = medley_http_parse_idempotency_key (value, error);
  if (key == NULL)
    return FALSE;
  given = g_variant_ref_sink (g_variant_new_string (key));
  return medley_job_request_set_option (wanted, "idempotencyKey", "Idempotency-Key", given, TRUE,
                                        max_key, error);
}

static gboolean
take_option (MedleyJobRequest *wanted, const char *header, const char *value, GError **error)
{
  const char *names[G_N_ELEMENTS (headers) + 2] = { NULL };
  const char *nearest;

  for (guint i = 0; i < G_N_ELEMENTS (headers); i++) {
    g_autofree char *valid = NULL;
    g_autoptr (GVariant) given = NULL;

    names[i] = headers[i].header;
    if (g_ascii_strcasecmp (header, headers[i].header) != 0)
      continue;
    valid = g_strstrip (g_utf8_make_valid (value, -1));
    given = g_variant_ref_sink (g_variant_new_string (valid));
    return medley_job_request_set_option (wanted, headers[i].option, headers[i].header, given, TRUE,
                                          0, error);
  }
  if (g_ascii_strcasecmp (header, CLIENT) == 0)
    return medley_job_request_set_client_name (wanted, value, error);
  names[G_N_ELEMENTS (headers)] = CLIENT;
  nearest = medley_nearest (header, names);
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT, "there is no header %s%s%s%s",
               header, nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "",
               nearest != NULL ? "?" : "");
  return FALSE;
}

gboolean
medley_http_take_option_headers (const MedleyHttpRequest *request, MedleyJobRequest *wanted,
                                 guint max_key, GError **error)
{
  SoupMessageHeadersIter iter;
  const char *header;
  const char *value;

  soup_message_headers_iter_init (&iter, request->headers);
  while (soup_message_headers_iter_next (&iter, &header, &value)) {
    if (g_ascii_strncasecmp (header, PREFIX, strlen (PREFIX)) == 0
        && !take_option (wanted, header, value, error))
      return FALSE;
  }
  return take_key (request, wanted, max_key, error)
         && medley_job_request_check_options (wanted, error);
}
