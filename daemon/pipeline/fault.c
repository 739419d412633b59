/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pipeline/fault.h"

#include <string.h>

#define MAX_POINTER 1024

void
medley_fault_free (MedleyFault *fault)
{
  g_free (fault->code);
  g_free (fault->file);
  g_free (fault->pointer);
  g_free (fault->message);
  g_free (fault->suggestion);
  g_free (fault);
}

MedleyFault *
medley_fault_copy (const MedleyFault *fault)
{
  MedleyFault *copy = g_memdup2 (fault, sizeof *fault);

  copy->code = g_strdup (fault->code);
  copy->file = g_strdup (fault->file);
  copy->pointer = g_strdup (fault->pointer);
  copy->message = g_strdup (fault->message);
  copy->suggestion = g_strdup (fault->suggestion);
  return copy;
}

GPtrArray *
medley_faults_new (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) medley_fault_free);
}

/* A name from a hostile file may be cut inside a character, or hold a terminal's control sequences.
 */
static char *
make_harmless (const char *message)
{
  g_autofree char *valid = g_utf8_make_valid (message, -1);
  GString *harmless = g_string_new (NULL);

  for (const char *at = valid; *at != '\0'; at = g_utf8_next_char (at)) {
    gunichar c = g_utf8_get_char (at);

    if (g_unichar_iscntrl (c) || g_unichar_type (c) == G_UNICODE_FORMAT)
      g_string_append_printf (harmless, "\\u%04x", c);
    else
      g_string_append_unichar (harmless, c);
  }
  return g_string_free (harmless, FALSE);
}

static char *
shorten_pointer (const char *pointer)
{
  g_autofree char *cut = NULL;
  char *slash;

  if (strlen (pointer) <= MAX_POINTER)
    return g_strdup (pointer);
  cut = g_strndup (pointer, MAX_POINTER);
  slash = strrchr (cut, '/');
  return g_strndup (cut, slash != NULL ? (gsize) (slash - cut) : 0);
}

gboolean
medley_fault_sink_is_full (const MedleyFaultSink *sink)
{
  return sink->faults->len > MEDLEY_MAX_FAULTS;
}

static MedleyFault *
append (MedleyFaultSink *sink, const char *code, const char *message)
{
  MedleyFault *fault;

  if (medley_fault_sink_is_full (sink))
    return NULL;
  fault = g_new0 (MedleyFault, 1);
  fault->file = g_strdup (sink->file);
  g_ptr_array_add (sink->faults, fault);
  if (medley_fault_sink_is_full (sink)) {
    fault->code = g_strdup ("too-many");
    fault->pointer = g_strdup ("");
    fault->message = g_strdup_printf ("there are more than %d faults; the others are not listed",
                                      MEDLEY_MAX_FAULTS);
    /* Last, wherever the others stand. */
    fault->line = G_MAXUINT;
    return NULL;
  }
  fault->code = g_strdup (code);
  fault->message = make_harmless (message);
  return fault;
}

G_GNUC_PRINTF (6, 0)
static void
append_at_pointer (MedleyFaultSink *sink, gboolean is_warning, const char *code,
                   const char *pointer, const char *suggestion, const char *format, va_list args)
{
  g_autofree char *message = g_strdup_vprintf (format, args);
  MedleyFault *fault;

  if (suggestion != NULL) {
    g_autofree char *plain = g_steal_pointer (&message);

    message = g_strdup_printf ("%s; did you mean \"%.64s\"?", plain, suggestion);
  }
  fault = append (sink, code, message);
  if (fault == NULL)
    return;
  fault->is_warning = is_warning;
  fault->pointer = shorten_pointer (pointer);
  fault->suggestion = g_strdup (suggestion);
  if (sink->map != NULL)
    medley_json_map_locate (sink->map, pointer, &fault->line, &fault->column);
}

void
medley_fault_add (MedleyFaultSink *sink, const char *code, const char *pointer,
                  const char *suggestion, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  append_at_pointer (sink, FALSE, code, pointer, suggestion, format, args);
  va_end (args);
}

void
medley_fault_warn (MedleyFaultSink *sink, const char *code, const char *pointer,
                   const char *suggestion, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  append_at_pointer (sink, TRUE, code, pointer, suggestion, format, args);
  va_end (args);
}

void
medley_fault_add_at (MedleyFaultSink *sink, const char *code, const char *pointer, guint line,
                     guint column, const char *message)
{
  MedleyFault *fault = append (sink, code, message);

  if (fault == NULL)
    return;
  fault->pointer = shorten_pointer (pointer);
  fault->line = line;
  fault->column = column;
}

static int
compare_places (gconstpointer a, gconstpointer b)
{
  const MedleyFault *first = *(const MedleyFault *const *) a;
  const MedleyFault *second = *(const MedleyFault *const *) b;

  if (first->line != second->line)
    return first->line < second->line ? -1 : 1;
  if (first->column != second->column)
    return first->column < second->column ? -1 : 1;
  return 0;
}

void
medley_faults_sort (GPtrArray *faults)
{
  /* g_ptr_array_sort() is stable. */
  g_ptr_array_sort (faults, compare_places);
  if (faults->len > 0 && ((MedleyFault *) faults->pdata[faults->len - 1])->line == G_MAXUINT)
    ((MedleyFault *) faults->pdata[faults->len - 1])->line = 0;
}

static void
add_string (GVariantBuilder *builder, const char *key, const char *value)
{
  if (value != NULL)
    g_variant_builder_add (builder, "{sv}", key, g_variant_new_string (value));
}

GVariant *
medley_faults_to_variant (GPtrArray *faults)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < faults->len; i++) {
    const MedleyFault *fault = faults->pdata[i];

    g_variant_builder_open (&builder, G_VARIANT_TYPE_VARDICT);
    add_string (&builder, "code", fault->code);
    add_string (&builder, "severity", fault->is_warning ? "warning" : "error");
    add_string (&builder, "file", fault->file);
    if (fault->line > 0) {
      g_variant_builder_add (&builder, "{sv}", "line", g_variant_new_uint32 (fault->line));
      g_variant_builder_add (&builder, "{sv}", "column", g_variant_new_uint32 (fault->column));
    }
    add_string (&builder, "pointer", fault->pointer);
    add_string (&builder, "message", fault->message);
    add_string (&builder, "suggestion", fault->suggestion);
    g_variant_builder_close (&builder);
  }
  return g_variant_builder_end (&builder);
}

char *
medley_faults_format (GPtrArray *faults)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < faults->len; i++) {
    const MedleyFault *fault = faults->pdata[i];

    g_string_append (text, fault->file != NULL ? fault->file : "pipeline");
    if (fault->line > 0)
      g_string_append_printf (text, ":%u:%u", fault->line, fault->column);
    g_string_append_printf (text, ": %s: %s", fault->is_warning ? "warning" : "error",
                            fault->message);
    if (*fault->pointer != '\0')
      g_string_append_printf (text, " [%s]", fault->pointer);
    g_string_append_c (text, '\n');
  }
  return g_string_free (text, FALSE);
}

gboolean
medley_faults_have_errors (GPtrArray *faults)
{
  for (guint i = 0; i < faults->len; i++) {
    if (!((const MedleyFault *) faults->pdata[i])->is_warning)
      return TRUE;
  }
  return FALSE;
}
