/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/times.h"

#include <medley/medley-error.h>
#include <string.h>

static gboolean
refuse (GError **error, const char *text, const char *expected)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  /* Not cut within a character. */
  g_autofree char *begin = g_utf8_substring (valid, 0, MIN (g_utf8_strlen (valid, -1), 100));

  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT, "\"%s\" is not %s", begin,
               expected);
  return FALSE;
}

/* Whether @text begins as @shape says, where 9 stands for any digit. */
static gboolean
looks_like (const char *text, const char *shape)
{
  for (; *shape != '\0'; shape++, text++) {
    if (*shape == '9' ? !g_ascii_isdigit (*text) : *text != *shape)
      return FALSE;
  }
  return TRUE;
}

/* GLib also reads week dates, dates without signs and times without an offset: none of them is RFC
 * 3339. */
static gboolean
is_rfc_3339 (const char *text)
{
  const char *rest;

  if (!looks_like (text, "9999-99-99") || text[10] == '\0' || strchr ("Tt ", text[10]) == NULL
      || !looks_like (text + 11, "99:99:99"))
    return FALSE;
  rest = text + strlen ("9999-99-99T99:99:99");
  if (*rest == '.') {
    gsize digits = strspn (rest + 1, "0123456789");

    if (digits == 0 || digits > 9)
      return FALSE;
    rest += 1 + digits;
  }
  if (*rest == 'Z' || *rest == 'z')
    return rest[1] == '\0';
  return (*rest == '+' || *rest == '-') && looks_like (rest + 1, "99:99") && rest[6] == '\0';
}

gboolean
medley_time_parse (const char *text, gint64 *time, GError **error)
{
  static const char expected[]
      = "a time from 1970 on as in RFC 3339, such as 2026-11-24T18:30:00+01:00";
  g_autofree char *upper = g_ascii_strup (text, -1);
  g_autoptr (GDateTime) date
      = is_rfc_3339 (text) ? g_date_time_new_from_iso8601 (upper, NULL) : NULL;
  gint64 seconds;

  if (date == NULL)
    return refuse (error, text, expected);
  seconds = g_date_time_to_unix (date);
  if (seconds < 0 || seconds > MEDLEY_TIME_MAX / G_USEC_PER_SEC)
    return refuse (error, text, expected);
  *time = seconds * G_USEC_PER_SEC + g_date_time_get_microsecond (date);
  return TRUE;
}

char *
medley_time_print (gint64 time)
{
  g_autoptr (GDateTime) date = g_date_time_new_from_unix_utc (time / G_USEC_PER_SEC);
  g_autofree char *text = date != NULL ? g_date_time_format (date, "%Y-%m-%dT%H:%M:%S") : NULL;

  if (text == NULL)
    return g_strdup ("?");
  if (time % G_USEC_PER_SEC == 0)
    return g_strconcat (text, "Z", NULL);
  return g_strdup_printf ("%s.%06dZ", text, (int) (time % G_USEC_PER_SEC));
}

gboolean
medley_duration_parse (const char *text, guint64 *seconds, GError **error)
{
  static const struct {
    const char *name;
    guint64 factor;
  } units[] = { { "s", 1 },    { "sec", 1 },   { "min", 60 },  { "m", 60 },
                { "h", 3600 }, { "d", 86400 }, { "w", 604800 } };
  static const char expected[] = "a duration, such as 90s, 10min, 1h30min or 2d";
  const char *rest = text;
  guint64 sum = 0;

  while (*rest != '\0' || rest == text) {
    gsize digits = strspn (rest, "0123456789");
    gsize letters = strspn (rest + digits, "abcdefghijklmnopqrstuvwxyz");
    guint64 factor = digits == strlen (text) ? 1 : 0;
    guint64 value;

    for (guint i = 0; i < G_N_ELEMENTS (units); i++) {
      if (strlen (units[i].name) == letters && strncmp (units[i].name, rest + digits, letters) == 0)
        factor = units[i].factor;
    }
    /* Eleven digits are three thousand years. */
    if (digits == 0 || digits > 11 || factor == 0)
      return refuse (error, text, expected);
    value = g_ascii_strtoull (rest, NULL, 10);
    if (__builtin_mul_overflow (value, factor, &value) || __builtin_add_overflow (sum, value, &sum))
      return refuse (error, text, expected);
    rest += digits + letters;
    rest += strspn (rest, " ");
  }
  *seconds = sum;
  return TRUE;
}
