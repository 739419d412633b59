/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/job-options.h"

#include <string.h>

#include <medley/medley-error.h>

#include "base/times.h"

#define EXPECTED                                                                                   \
  "a time: +10min, 18:30, \"2026-11-24 18:30\", or as in RFC 3339 (2026-11-24T18:30:00+01:00)"

static gboolean
refuse (GError **error, const char *text, const char *expected)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);

  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT, "\"%.100s\" is not %s", valid,
               expected);
  return FALSE;
}

static gboolean
take_number (const char **rest, guint digits, int minimum, int maximum, int *number)
{
  *number = 0;
  for (guint i = 0; i < digits; i++) {
    if (!g_ascii_isdigit ((*rest)[i]))
      return FALSE;
    *number = *number * 10 + ((*rest)[i] - '0');
  }
  *rest += digits;
  return *number >= minimum && *number <= maximum;
}

/* "HH:MM" or "HH:MM:SS", to the end. */
static gboolean
take_clock (const char *rest, int *hour, int *minute, int *second)
{
  *second = 0;
  if (!take_number (&rest, 2, 0, 23, hour) || *rest++ != ':'
      || !take_number (&rest, 2, 0, 59, minute))
    return FALSE;
  return *rest == '\0'
         || (*rest++ == ':' && take_number (&rest, 2, 0, 59, second) && *rest == '\0');
}

static gboolean
take_date (const char **rest, int *year, int *month, int *day)
{
  return take_number (rest, 4, 1970, 9999, year) && *(*rest)++ == '-'
         && take_number (rest, 2, 1, 12, month) && *(*rest)++ == '-'
         && take_number (rest, 2, 1, 31, day);
}

static GDateTime *
parse_local (const char *text, GDateTime *now)
{
  GTimeZone *zone = g_date_time_get_timezone (now);
  const char *rest = text;
  int year, month, day, hour, minute, second;
  g_autoptr (GDateTime) today = NULL;

  if (take_clock (text, &hour, &minute, &second)) {
    g_date_time_get_ymd (now, &year, &month, &day);
    today = g_date_time_new (zone, year, month, day, hour, minute, second);
    if (today == NULL || g_date_time_compare (today, now) > 0)
      return g_steal_pointer (&today);
    /* Not a day of 24 hours later: the clock may be changed in the night. */
    g_clear_pointer (&today, g_date_time_unref);
    today = g_date_time_add_days (now, 1);
    g_date_time_get_ymd (today, &year, &month, &day);
    return g_date_time_new (zone, year, month, day, hour, minute, second);
  }
  if (take_date (&rest, &year, &month, &day) && (*rest == ' ' || *rest == 'T')
      && take_clock (rest + 1, &hour, &minute, &second))
    return g_date_time_new (zone, year, month, day, hour, minute, second);
  return NULL;
}

gboolean
medley_when_parse (const char *text, GDateTime *now, gint64 *time, GError **error)
{
  gint64 now_us = g_date_time_to_unix (now) * G_USEC_PER_SEC + g_date_time_get_microsecond (now);
  g_autoptr (GDateTime) local = NULL;
  guint64 seconds;

  if (text[0] == '+') {
    if (!medley_duration_parse (text + 1, &seconds, NULL)
        || seconds > (guint64) (MEDLEY_TIME_MAX - now_us) / G_USEC_PER_SEC)
      return refuse (error, text, EXPECTED);
    *time = now_us + (gint64) seconds * G_USEC_PER_SEC;
    return TRUE;
  }
  local = parse_local (text, now);
  if (local != NULL) {
    *time = g_date_time_to_unix (local) * G_USEC_PER_SEC;
    return TRUE;
  }
  return medley_time_parse (text, time, NULL) || refuse (error, text, EXPECTED);
}

static gboolean
add_number (GVariantDict *dict, MedleyArgs *args, const char *option, const char *name,
            gint64 minimum, gint64 maximum, GError **error)
{
  const char *text = medley_args_get (args, option);
  gint64 number;

  if (text == NULL)
    return TRUE;
  /* A sign that asks for nothing is no reason to refuse. */
  if (text[0] == '+' && g_ascii_isdigit (text[1]))
    text++;
  if (!g_ascii_string_to_signed (text, 10, minimum, maximum, &number, NULL)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "--%s \"%s\": expected a whole number from %d to %d", option, text, (int) minimum,
                 (int) maximum);
    return FALSE;
  }
  g_variant_dict_insert (dict, name, "x", number);
  return TRUE;
}

static gboolean
add_time (GVariantDict *dict, MedleyArgs *args, const char *option, const char *name,
          GDateTime *now, GError **error)
{
  const char *text = medley_args_get (args, option);
  gint64 time;

  if (text == NULL)
    return TRUE;
  if (!medley_when_parse (text, now, &time, error)) {
    g_prefix_error (error, "--%s: ", option);
    return FALSE;
  }
  g_variant_dict_insert (dict, name, "x", time);
  return TRUE;
}

static gboolean
add_run_time (GVariantDict *dict, MedleyArgs *args, GError **error)
{
  const char *text = medley_args_get (args, "run-time");
  guint64 seconds;

  if (text == NULL)
    return TRUE;
  if (!medley_duration_parse (text, &seconds, error)) {
    g_prefix_error (error, "--run-time: ");
    return FALSE;
  }
  if (seconds == 0) {
    g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                         "--run-time: no job is done in no time");
    return FALSE;
  }
  g_variant_dict_insert (dict, "runTime", "x", (gint64) MIN (seconds, (guint64) G_MAXINT64));
  return TRUE;
}

GVariant *
medley_job_options_read (MedleyArgs *args, GDateTime *now, GError **error)
{
  const char *key = medley_args_get (args, "idempotency-key");
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);

  if (!add_number (&dict, args, "priority", "priority", -100, 100, error)
      || !add_number (&dict, args, "attempts", "attempts", 1, 1000, error)
      || !add_time (&dict, args, "start-at", "startAt", now, error)
      || !add_time (&dict, args, "deadline", "deadline", now, error)
      || !add_run_time (&dict, args, error))
    return NULL;
  if (medley_args_has (args, "no-cache"))
    g_variant_dict_insert (&dict, "cache", "b", FALSE);
  if (key != NULL && (key[0] == '\0' || !g_str_is_ascii (key))) {
    refuse (error, key, "a key: it has printable ASCII characters, at least one");
    g_prefix_error (error, "--idempotency-key: ");
    return NULL;
  }
  if (key != NULL)
    g_variant_dict_insert (&dict, "idempotencyKey", "s", key);
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}
