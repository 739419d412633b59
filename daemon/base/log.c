/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/log.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/times.h"

#define SHOWN_PREFIX "MEDLEY_"
#define MAX_FIELDS 16

typedef struct {
  GLogLevelFlags levels; /* those that are written */
  GLogLevelFlags fatal;  /* those that end the process (G_DEBUG) */
  MedleyLogFormat format;
  gboolean journal;
} Writer;

static const struct {
  const char *name;
  GLogLevelFlags level;
} levels[] = {
  { "error", G_LOG_LEVEL_ERROR },     { "critical", G_LOG_LEVEL_CRITICAL },
  { "warning", G_LOG_LEVEL_WARNING }, { "message", G_LOG_LEVEL_MESSAGE },
  { "info", G_LOG_LEVEL_INFO },       { "debug", G_LOG_LEVEL_DEBUG },
};

static const char *
name_level (GLogLevelFlags level)
{
  for (guint i = 0; i < G_N_ELEMENTS (levels); i++) {
    if (level & levels[i].level)
      return levels[i].name;
  }
  return "message";
}

/* (transfer full) (nullable): a field's value as proper UTF-8 */
static char *
dup_value (const GLogField *field)
{
  if (field->value == NULL)
    return NULL;
  return g_utf8_make_valid (field->value, field->length);
}

static char *
dup_field (const GLogField *fields, gsize n_fields, const char *key)
{
  for (gsize i = 0; i < n_fields; i++) {
    if (g_str_equal (fields[i].key, key))
      return dup_value (&fields[i]);
  }
  return NULL;
}

static gboolean
is_shown (const char *key)
{
  return g_str_has_prefix (key, SHOWN_PREFIX) || g_str_equal (key, "CODE");
}

/* "MEDLEY_JOB" → "job" */
static char *
dup_short_name (const char *key)
{
  return g_ascii_strdown (g_str_has_prefix (key, SHOWN_PREFIX) ? key + strlen (SHOWN_PREFIX) : key,
                          -1);
}

static void
append_escaped (GString *line, const char *text)
{
  for (; *text != '\0'; text++) {
    if ((guchar) *text < ' ' || *text == 0x7f)
      g_string_append_printf (line, "\\x%02x", (guint) (guchar) *text);
    else
      g_string_append_c (line, *text);
  }
}

static char *
format_text (GLogLevelFlags level, const GLogField *fields, gsize n_fields)
{
  g_autofree char *domain = dup_field (fields, n_fields, "GLIB_DOMAIN");
  g_autofree char *message = dup_field (fields, n_fields, "MESSAGE");
  GString *line = g_string_new (NULL);
  const char *separator = " [";

  if (g_strcmp0 (domain, MEDLEY_LOG_WORKER) == 0) {
    append_escaped (line, message != NULL ? message : "");
    g_string_append_c (line, '\n');
    return g_string_free (line, FALSE);
  }
  g_string_append_printf (line, "%s: ", g_get_prgname () != NULL ? g_get_prgname () : "medleyd");
  if (!(level & G_LOG_LEVEL_MESSAGE))
    g_string_append_printf (line, "%s: ", name_level (level));
  if (domain != NULL)
    g_string_append_printf (line, "%s: ", domain);
  append_escaped (line, message != NULL ? message : "");
  for (gsize i = 0; i < n_fields; i++) {
    g_autofree char *value = is_shown (fields[i].key) ? dup_value (&fields[i]) : NULL;
    g_autofree char *name = dup_short_name (fields[i].key);

    if (value == NULL || *value == '\0')
      continue;
    g_string_append_printf (line, "%s%s=", separator, name);
    append_escaped (line, value);
    separator = " ";
  }
  g_string_append (line, *separator == ' ' && separator[1] == '[' ? "\n" : "]\n");
  return g_string_free (line, FALSE);
}

static char *
format_json (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gint64 time)
{
  g_autofree char *when = medley_time_print (time);
  g_autofree char *domain = dup_field (fields, n_fields, "GLIB_DOMAIN");
  g_autofree char *message = dup_field (fields, n_fields, "MESSAGE");
  g_autoptr (GVariant) object = NULL;
  g_autofree char *text = NULL;
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", "time", g_variant_new_string (when));
  g_variant_builder_add (&builder, "{sv}", "level", g_variant_new_string (name_level (level)));
  if (domain != NULL)
    g_variant_builder_add (&builder, "{sv}", "domain", g_variant_new_string (domain));
  g_variant_builder_add (&builder, "{sv}", "message",
                         g_variant_new_string (message != NULL ? message : ""));
  for (gsize i = 0; i < n_fields; i++) {
    g_autofree char *value = is_shown (fields[i].key) ? dup_value (&fields[i]) : NULL;
    g_autofree char *name = dup_short_name (fields[i].key);

    if (value != NULL && *value != '\0')
      g_variant_builder_add (&builder, "{sv}", name, g_variant_new_string (value));
  }
  object = g_variant_ref_sink (g_variant_builder_end (&builder));
  text = medley_json_print (object, FALSE);
  return g_strconcat (text, "\n", NULL);
}

char *
medley_log_format (MedleyLogFormat format, GLogLevelFlags level, const GLogField *fields,
                   gsize n_fields, gint64 time)
{
  return format == MEDLEY_LOG_JSON ? format_json (level, fields, n_fields, time)
                                   : format_text (level, fields, n_fields);
}

static GLogWriterOutput
write_message (const Writer *self, GLogLevelFlags level, const GLogField *fields, gsize n_fields)
{
  g_autofree char *line = NULL;

  if (self->journal
      && g_log_writer_journald (level, fields, n_fields, NULL) == G_LOG_WRITER_HANDLED)
    return G_LOG_WRITER_HANDLED;
  line = medley_log_format (self->format, level, fields, n_fields, g_get_real_time ());
  /* One write, so that lines of several processes do not mix. */
  return write (STDERR_FILENO, line, strlen (line)) >= 0 ? G_LOG_WRITER_HANDLED
                                                         : G_LOG_WRITER_UNHANDLED;
}

static GLogWriterOutput
take_message (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer data)
{
  const Writer *self = data;
  GLogWriterOutput output = G_LOG_WRITER_HANDLED;

  if (level & self->levels)
    output = write_message (self, level, fields, n_fields);
  if (level & (self->fatal | G_LOG_FLAG_FATAL))
    abort ();
  return output;
}

void
medley_log (GLogLevelFlags level, const char *const *fields, const char *format, ...)
{
  static const char *const priorities[] = { "3", "4", "4", "5", "6", "7" };
  GLogField all[MAX_FIELDS + 2];
  g_autofree char *message = NULL;
  gsize n = 0;
  va_list arguments;

  va_start (arguments, format);
  message = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  all[n++] = (GLogField){ "MESSAGE", message, -1 };
  for (guint i = 0; i < G_N_ELEMENTS (levels); i++) {
    if (level == levels[i].level)
      all[n++] = (GLogField){ "PRIORITY", priorities[i], -1 };
  }
  for (; fields != NULL && fields[0] != NULL && n < G_N_ELEMENTS (all); fields += 2) {
    if (fields[1] != NULL && fields[1][0] != '\0')
      all[n++] = (GLogField){ fields[0], fields[1], -1 };
  }
  g_log_structured_array (level, all, n);
}

/* From "error" to the one that is named. */
static GLogLevelFlags
get_levels (MedleyConfig *config)
{
  const char *least = medley_config_get_string (config, "log.level");
  GLogLevelFlags wanted = G_LOG_LEVEL_CRITICAL;

  for (guint i = 0; i < G_N_ELEMENTS (levels); i++) {
    wanted |= levels[i].level;
    if (g_str_equal (levels[i].name, least))
      break;
  }
  return wanted;
}

gboolean
medley_log_is_wanted (MedleyConfig *config, GLogLevelFlags level)
{
  return (get_levels (config) & level) != 0;
}

void
medley_log_start (MedleyConfig *config)
{
  const char *format = medley_config_get_string (config, "log.format");
  Writer *self = g_new0 (Writer, 1);

  self->levels = get_levels (config);
  self->format = g_str_equal (format, "json") ? MEDLEY_LOG_JSON : MEDLEY_LOG_TEXT;
  self->journal = g_str_equal (format, "auto") && g_log_writer_is_journald (STDERR_FILENO);
  self->fatal = g_log_set_always_fatal (G_LOG_FATAL_MASK);
  g_log_set_always_fatal (self->fatal);
  g_log_set_writer_func (take_message, self, g_free);
}
