/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job/options.h"

#include <medley/medley-error.h>
#include <string.h>

#include "base/times.h"
#include "job/request.h"

#define MAX_PRIORITY 100
#define MAX_ATTEMPTS 1000
/* In 1973. A smaller number of microseconds was meant as seconds or milliseconds. */
#define MIN_TIME G_GINT64_CONSTANT (100000000000000)

static const char *const names[]
    = { "priority", "startAt", "deadline", "runTime", "attempts", "cache", "idempotencyKey", NULL };

const char *const *
medley_job_option_names (void)
{
  return names;
}

/* Characters of a value that an error shows. */
#define MAX_SHOWN 100

typedef struct {
  const char *label;
  GVariant *value;
  const char *text; /* NULL for what is no string */
  gboolean is_text;
} Given;

static gboolean
refuse (const Given *given, const char *expected, GError **error)
{
  g_autofree char *valid = given->text != NULL ? g_utf8_make_valid (given->text, -1) : NULL;
  g_autofree char *printed = valid == NULL ? g_variant_print (given->value, FALSE) : NULL;
  const char *whole = valid != NULL ? valid : printed;
  g_autofree char *begin = g_utf8_substring (whole, 0, MIN (g_utf8_strlen (whole, -1), MAX_SHOWN));
  const char *quote = valid != NULL ? "\"" : "";

  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT, "%s: %s%s%s is not %s",
               given->label, quote, begin, quote, expected);
  return FALSE;
}

static gboolean
get_integer (const Given *given, gint64 *number)
{
  GVariant *value = given->value;

  switch (g_variant_classify (value)) {
  case G_VARIANT_CLASS_INT32:
    *number = g_variant_get_int32 (value);
    return TRUE;
  case G_VARIANT_CLASS_UINT32:
    *number = g_variant_get_uint32 (value);
    return TRUE;
  case G_VARIANT_CLASS_INT64:
    *number = g_variant_get_int64 (value);
    return TRUE;
  case G_VARIANT_CLASS_UINT64:
    *number = (gint64) MIN (g_variant_get_uint64 (value), (guint64) G_MAXINT64);
    return TRUE;
  default:
    return given->text != NULL && given->is_text
           && g_ascii_string_to_signed (given->text, 10, G_MININT64, G_MAXINT64, number, NULL);
  }
}

static gboolean
take_integer (const Given *given, gint64 minimum, gint64 maximum, const char *expected,
              gint64 *number, GError **error)
{
  return (get_integer (given, number) && *number >= minimum && *number <= maximum)
         || refuse (given, expected, error);
}

static gboolean
take_time (const Given *given, gint64 *time, GError **error)
{
  if (get_integer (given, time)) {
    if (*time == 0 || (*time >= MIN_TIME && *time <= MEDLEY_TIME_MAX))
      return TRUE;
    return refuse (given,
                   *time > 0 && *time < MIN_TIME
                       ? "a time since 1973: a number is taken for microseconds since 1970"
                       : "a time: microseconds since 1970, or text as in RFC 3339",
                   error);
  }
  if (given->text == NULL)
    return refuse (given, "a time: text as in RFC 3339, or microseconds since 1970", error);
  if (medley_time_parse (given->text, time, error))
    return TRUE;
  g_prefix_error (error, "%s: ", given->label);
  return FALSE;
}

static gboolean
take_boolean (const Given *given, gboolean *flag, GError **error)
{
  static const char *const yes[] = { "true", "yes", "on", "1", NULL };
  static const char *const no[] = { "false", "no", "off", "0", NULL };

  if (g_variant_is_of_type (given->value, G_VARIANT_TYPE_BOOLEAN)) {
    *flag = g_variant_get_boolean (given->value);
    return TRUE;
  }
  if (!given->is_text || given->text == NULL)
    return refuse (given, "true or false", error);
  *flag = g_strv_contains (yes, given->text);
  return *flag || g_strv_contains (no, given->text) || refuse (given, "true or false", error);
}

static gboolean
take_key (const Given *given, guint max_key, GError **error)
{
  g_autofree char *expected
      = g_strdup_printf ("a key: 1 to %u printable ASCII characters (limits.request-key)", max_key);
  gsize length = given->text != NULL ? strlen (given->text) : 0;

  if (length == 0 || length > max_key)
    return refuse (given, expected, error);
  for (gsize i = 0; i < length; i++) {
    if (!g_ascii_isprint (given->text[i]))
      return refuse (given, expected, error);
  }
  return TRUE;
}

gboolean
medley_job_request_set_option (MedleyJobRequest *self, const char *name, const char *label,
                               GVariant *value, gboolean is_text, guint max_key, GError **error)
{
  const Given given = {
    label,
    value,
    g_variant_is_of_type (value, G_VARIANT_TYPE_STRING) ? g_variant_get_string (value, NULL) : NULL,
    is_text,
  };
  gint64 number = 0;
  gboolean flag = TRUE;

  if (g_str_equal (name, "priority")) {
    if (!take_integer (&given, -MAX_PRIORITY, MAX_PRIORITY, "a whole number from -100 to 100",
                       &number, error))
      return FALSE;
    medley_job_request_set_priority (self, (gint32) number);
  } else if (g_str_equal (name, "startAt")) {
    if (!take_time (&given, &number, error))
      return FALSE;
    medley_job_request_set_start_at (self, number);
  } else if (g_str_equal (name, "deadline")) {
    if (!take_time (&given, &number, error))
      return FALSE;
    medley_job_request_set_deadline (self, number);
  } else if (g_str_equal (name, "runTime")) {
    if (!take_integer (&given, 0, G_MAXINT64, "a whole number of seconds", &number, error))
      return FALSE;
    medley_job_request_set_run_time (self, (guint64) number);
  } else if (g_str_equal (name, "attempts")) {
    if (!take_integer (&given, 0, MAX_ATTEMPTS, "a whole number from 0 to 1000", &number, error))
      return FALSE;
    medley_job_request_set_attempts (self, (guint) number);
  } else if (g_str_equal (name, "cache")) {
    if (!take_boolean (&given, &flag, error))
      return FALSE;
    medley_job_request_set_use_cache (self, flag);
  } else {
    g_return_val_if_fail (g_str_equal (name, "idempotencyKey"), FALSE);
    if (!take_key (&given, max_key, error))
      return FALSE;
    medley_job_request_set_idempotency_key (self, given.text);
  }
  return TRUE;
}

gboolean
medley_job_request_check_options (MedleyJobRequest *self, GError **error)
{
  g_autofree char *start = NULL;
  g_autofree char *end = NULL;

  if (self->deadline == 0 || self->start_at < self->deadline)
    return TRUE;
  start = medley_time_print (self->start_at);
  end = medley_time_print (self->deadline);
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
               "the deadline %s is not after the start at %s", end, start);
  return FALSE;
}
