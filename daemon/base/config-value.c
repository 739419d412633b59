/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/config-value.h"

#include <string.h>

#include <medley/medley-error.h>

#include "base/folders.h"
#include "base/nearest.h"

typedef struct {
  const char *name;
  guint64 factor;
} Unit;

/* How paths are completed. */
typedef struct {
  const char *base;
  const char *runtime;
} Folders;

#define K 1000ull
#define KI 1024ull

static const Unit byte_units[] = {
  { "B", 1 },
  { "kB", K },
  { "KB", K },
  { "MB", K *K },
  { "GB", K *K *K },
  { "TB", K *K *K *K },
  { "KiB", KI },
  { "MiB", KI *KI },
  { "GiB", KI *KI *KI },
  { "TiB", KI *KI *KI *KI },
  { NULL, 0 },
};

static const Unit time_units[] = {
  { "s", 1 }, { "sec", 1 }, { "min", 60 }, { "h", 3600 }, { "d", 24 * 3600 }, { NULL, 0 },
};

static gboolean
refuse (GError **error, const char *written, const char *expected)
{
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG, "bad value \"%s\": expected %s",
               written, expected);
  return FALSE;
}

static char *
format_number (const MedleyConfigKey *key, guint64 number)
{
  const Unit *units = key->kind == MEDLEY_CONFIG_BYTES      ? byte_units
                      : key->kind == MEDLEY_CONFIG_DURATION ? time_units
                                                            : NULL;
  const Unit *best = NULL;

  for (const Unit *unit = units; unit != NULL && unit->name != NULL; unit++) {
    if (number > 0 && number % unit->factor == 0 && (best == NULL || unit->factor > best->factor))
      best = unit;
  }
  if (best == NULL)
    return g_strdup_printf ("%" G_GUINT64_FORMAT, number);
  return g_strdup_printf ("%" G_GUINT64_FORMAT "%s", number / best->factor, best->name);
}

static char *
format_range (const MedleyConfigKey *key)
{
  g_autofree char *low = format_number (key, key->minimum);
  g_autofree char *high = format_number (key, key->maximum);

  if (key->maximum == 0)
    return g_strdup_printf ("%s or more", low);
  return g_strdup_printf ("%s to %s", low, high);
}

char *
medley_config_kind_describe (const MedleyConfigKey *key)
{
  g_autofree char *range = format_range (key);
  g_auto (GStrv) choices = NULL;

  switch (key->kind) {
  case MEDLEY_CONFIG_PATH:
    return g_strdup ("an absolute path");
  case MEDLEY_CONFIG_PATHS:
    return g_strdup ("absolute paths separated by \":\"");
  case MEDLEY_CONFIG_NAMES:
    return g_strdup ("names separated by \";\"");
  case MEDLEY_CONFIG_LIMITS:
    return g_strdup_printf ("name=number separated by \";\", each number %s", range);
  case MEDLEY_CONFIG_BOOLEAN:
    return g_strdup ("true or false");
  case MEDLEY_CONFIG_INTEGER:
    return g_strdup_printf ("a whole number, %s", range);
  case MEDLEY_CONFIG_BYTES:
    return g_strdup_printf ("bytes, or with kB, MB, GB, KiB, MiB, GiB; %s", range);
  case MEDLEY_CONFIG_DURATION:
    return g_strdup_printf ("seconds, or with s, min, h, d; %s", range);
  case MEDLEY_CONFIG_CHOICE:
    choices = g_strsplit (key->choices, " ", -1);
    return g_strjoinv (" or ", choices);
  case MEDLEY_CONFIG_STRING:
  default:
    return g_strdup ("a text");
  }
}

static gboolean
parse_number (const MedleyConfigKey *key, const Unit *units, const char *written, guint64 *number,
              GError **error)
{
  g_autofree char *expected = medley_config_kind_describe (key);
  gsize digits = strspn (written, "0123456789");
  const char *rest = written + digits;
  guint64 value = 0;
  guint64 factor = 1;

  if (digits == 0)
    return refuse (error, written, expected);
  for (gsize i = 0; i < digits; i++) {
    if (__builtin_mul_overflow (value, 10, &value)
        || __builtin_add_overflow (value, (guint64) (written[i] - '0'), &value))
      return refuse (error, written, expected);
  }
  if (*rest != '\0') {
    const Unit *unit = units;

    while (units != NULL && *rest == ' ')
      rest++;
    while (unit != NULL && unit->name != NULL && !g_str_equal (unit->name, rest))
      unit++;
    if (unit == NULL || unit->name == NULL)
      return refuse (error, written, expected);
    factor = unit->factor;
  }
  if (__builtin_mul_overflow (value, factor, &value) || value < key->minimum
      || (key->maximum != 0 && value > key->maximum))
    return refuse (error, written, expected);
  *number = value;
  return TRUE;
}

static gboolean
parse_boolean (const char *written, guint64 *number, GError **error)
{
  static const char *const yes[] = { "true", "yes", "on", "1", NULL };
  static const char *const no[] = { "false", "no", "off", "0", NULL };

  *number = g_strv_contains (yes, written);
  if (*number == 0 && !g_strv_contains (no, written))
    return refuse (error, written, "true or false");
  return TRUE;
}

static gboolean
parse_choice (const MedleyConfigKey *key, const char *written, GError **error)
{
  g_auto (GStrv) choices = g_strsplit (key->choices, " ", -1);
  g_autofree char *expected = medley_config_kind_describe (key);

  if (g_strv_contains ((const char *const *) choices, written))
    return TRUE;
  return refuse (error, written, expected);
}

/* Replaces ${word} by a folder, and a leading ~ by the home folder. */
static char *
expand (const char *written, const Folders *folders, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);
  const char *rest = written;

  if (g_str_has_prefix (written, "~/")) {
    g_string_append (text, g_get_home_dir ());
    rest++;
  }
  while (*rest != '\0') {
    const char *end = strchr (rest, '}');

    if (g_str_has_prefix (rest, "${") && end != NULL) {
      g_autofree char *word = g_strndup (rest + 2, end - rest - 2);
      g_autofree char *folder = folders->runtime != NULL && g_str_equal (word, "runtime")
                                    ? g_strdup (folders->runtime)
                                    : medley_folder_get (word);
      const char *nearest;

      if (folder == NULL) {
        nearest = medley_nearest (word, medley_folder_words ());
        g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG,
                     "bad value \"%s\": there is no folder ${%s}%s%s%s", written, word,
                     nearest != NULL ? "; did you mean ${" : "", nearest != NULL ? nearest : "",
                     nearest != NULL ? "}?" : "");
        return NULL;
      }
      g_string_append (text, folder);
      rest = end + 1;
    } else {
      g_string_append_c (text, *rest++);
    }
  }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static char *
parse_path (const char *written, const Folders *folders, GError **error)
{
  g_autofree char *path = expand (written, folders, error);

  if (path == NULL || path[0] == '\0')
    return g_steal_pointer (&path);
  if (!g_path_is_absolute (path) && folders->base == NULL) {
    refuse (error, written, "an absolute path");
    return NULL;
  }
  return g_canonicalize_filename (path, folders->base);
}

static char **
parse_list (const MedleyConfigKey *key, const char *written, const Folders *folders, GError **error)
{
  gboolean paths = key->kind == MEDLEY_CONFIG_PATHS;
  g_auto (GStrv) parts = g_strsplit (written, paths ? ":" : ";", -1);
  g_autoptr (GStrvBuilder) list = g_strv_builder_new ();

  for (guint i = 0; parts[i] != NULL; i++) {
    g_autofree char *part = NULL;

    g_strstrip (parts[i]);
    if (parts[i][0] == '\0')
      continue;
    part = paths ? parse_path (parts[i], folders, error) : g_strdup (parts[i]);
    if (part == NULL)
      return NULL;
    g_strv_builder_add (list, part);
  }
  return g_strv_builder_end (list);
}

/* "gpu=1; net = 32": whole numbers within the row's range, each name once. */
static char **
parse_limits (const MedleyConfigKey *key, const char *written, GError **error)
{
  static const Folders no_folders;
  g_auto (GStrv) parts = parse_list (key, written, &no_folders, error);
  g_autoptr (GStrvBuilder) list = g_strv_builder_new ();
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; parts[i] != NULL; i++) {
    g_autofree char *expected = medley_config_kind_describe (key);
    g_auto (GStrv) sides = g_strsplit (parts[i], "=", 2);
    g_autofree char *limit = NULL;
    guint64 number;

    for (guint j = 0; sides[j] != NULL; j++)
      g_strstrip (sides[j]);
    if (g_strv_length (sides) != 2 || sides[0][0] == '\0'
        || !parse_number (key, NULL, sides[1], &number, NULL)) {
      refuse (error, parts[i], expected);
      return NULL;
    }
    if (!g_hash_table_add (seen, g_strdup (sides[0]))) {
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG,
                   "bad value \"%s\": \"%s\" is there twice", written, sides[0]);
      return NULL;
    }
    limit = g_strdup_printf ("%s=%" G_GUINT64_FORMAT, sides[0], number);
    g_strv_builder_add (list, limit);
  }
  return g_strv_builder_end (list);
}

MedleyConfigValue *
medley_config_value_parse (const MedleyConfigKey *key, const char *written, const char *base,
                           const char *runtime, GError **error)
{
  const Folders folders = { base, runtime };
  g_autoptr (MedleyConfigValue) value = g_new0 (MedleyConfigValue, 1);
  gboolean ok = TRUE;

  value->written = g_strdup (written);
  switch (key->kind) {
  case MEDLEY_CONFIG_PATH:
    value->text = parse_path (written, &folders, error);
    ok = value->text != NULL;
    break;
  case MEDLEY_CONFIG_PATHS:
  case MEDLEY_CONFIG_NAMES:
    value->list = parse_list (key, written, &folders, error);
    ok = value->list != NULL;
    if (ok)
      value->text = g_strjoinv (key->kind == MEDLEY_CONFIG_PATHS ? ":" : ";", value->list);
    break;
  case MEDLEY_CONFIG_LIMITS:
    value->list = parse_limits (key, written, error);
    ok = value->list != NULL;
    if (ok)
      value->text = g_strjoinv (";", value->list);
    break;
  case MEDLEY_CONFIG_BOOLEAN:
    ok = parse_boolean (written, &value->number, error);
    break;
  case MEDLEY_CONFIG_INTEGER:
    ok = parse_number (key, NULL, written, &value->number, error);
    break;
  case MEDLEY_CONFIG_BYTES:
    ok = parse_number (key, byte_units, written, &value->number, error);
    break;
  case MEDLEY_CONFIG_DURATION:
    ok = parse_number (key, time_units, written, &value->number, error);
    break;
  case MEDLEY_CONFIG_CHOICE:
    ok = parse_choice (key, written, error);
    break;
  case MEDLEY_CONFIG_STRING:
  default:
    break;
  }
  if (!ok)
    return NULL;
  if (value->text == NULL)
    value->text = g_strdup (written);
  return g_steal_pointer (&value);
}

void
medley_config_value_free (MedleyConfigValue *value)
{
  g_free (value->written);
  g_free (value->text);
  g_strfreev (value->list);
  g_free (value);
}
