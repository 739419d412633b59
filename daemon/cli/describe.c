/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/describe.h"

#include "base/media.h"
#include "cli/format.h"
#include "cli/reply.h"

static void
print_heading (const char *text)
{
  g_print ("\n%s%s%s\n", medley_style_start (1, MEDLEY_STYLE_BOLD), text, medley_style_end (1));
}

static char *
member_text (GVariant *object, const char *name)
{
  g_autoptr (GVariant) value = object != NULL ? g_variant_lookup_value (object, name, NULL) : NULL;

  return value != NULL ? medley_reply_text (value) : NULL;
}

/* "integer, 16 to 7680", "one of: dark, light" */
static char *
describe_range (GVariant *rules)
{
  g_autofree char *minimum = member_text (rules, "minimum");
  g_autofree char *maximum = member_text (rules, "maximum");
  g_autofree char *pattern = member_text (rules, "pattern");
  g_auto (GStrv) values = medley_reply_names (rules, "enum");
  g_autoptr (GString) text = g_string_new (medley_reply_string (rules, "type", "string"));

  if (values[0] != NULL) {
    g_autofree char *all = g_strjoinv (", ", values);

    g_string_append_printf (text, ", one of: %s", all);
  }
  if (minimum != NULL && maximum != NULL)
    g_string_append_printf (text, ", %s to %s", minimum, maximum);
  else if (minimum != NULL)
    g_string_append_printf (text, ", %s or more", minimum);
  else if (maximum != NULL)
    g_string_append_printf (text, ", up to %s", maximum);
  if (pattern != NULL)
    g_string_append_printf (text, ", like /%s/", pattern);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
print_ports (GVariant *pipeline, const char *member, const char *title)
{
  static const char *const headers[] = { "NAME", "TYPE", "DESCRIPTION", NULL };
  g_autoptr (GVariant) ports = medley_reply_object (pipeline, member);
  g_auto (GStrv) names = medley_reply_names (pipeline, member);
  g_autoptr (MedleyTable) table = medley_table_new (headers);

  for (guint i = 0; names[i] != NULL; i++) {
    g_autoptr (GVariant) port = medley_reply_object (ports, names[i]);
    gboolean optional = medley_reply_boolean (port, "optional", FALSE);
    g_autofree char *text
        = g_strdup_printf ("%s%s%s", medley_reply_string (port, "description", ""),
                           optional ? " (may be left out)" : "",
                           i == 0 && g_str_equal (member, "outputs") && names[1] != NULL
                               ? " (the default)"
                               : "");
    const char *row[]
        = { names[i], medley_reply_string (port, "type", "?"), g_strstrip (text), NULL };

    medley_table_add (table, row);
  }
  if (names[0] == NULL)
    return;
  print_heading (title);
  medley_table_print (table);
}

static void
print_parameters (GVariant *pipeline)
{
  static const char *const headers[] = { "NAME", "DEFAULT", "VALUES", "DESCRIPTION", NULL };
  g_autoptr (GVariant) parameters = medley_reply_object (pipeline, "parameters");
  g_auto (GStrv) names = medley_reply_names (pipeline, "parameters");
  g_autoptr (MedleyTable) table = medley_table_new (headers);

  if (names[0] == NULL)
    return;
  for (guint i = 0; names[i] != NULL; i++) {
    g_autoptr (GVariant) rules = medley_reply_object (parameters, names[i]);
    g_autofree char *fallback = member_text (rules, "default");
    g_autofree char *range = describe_range (rules);
    const char *row[] = { names[i], fallback != NULL ? fallback : "-", range,
                          medley_reply_string (rules, "description", ""), NULL };

    medley_table_add (table, row);
  }
  print_heading ("Parameters (--set NAME=VALUE)");
  medley_table_print (table);
}

/* What it is a model for. */
static void
print_serves (GVariant *pipeline)
{
  g_auto (GStrv) routes = medley_reply_names (pipeline, "serves");

  if (routes[0] == NULL)
    return;
  print_heading ("Serves, to clients of OpenAI's interface");
  for (guint i = 0; routes[i] != NULL; i++)
    g_print ("/v1/%s\n", routes[i]);
}

static void
print_example (GVariant *pipeline, const char *word)
{
  g_autoptr (GVariant) outputs = medley_reply_object (pipeline, "outputs");
  g_auto (GStrv) inputs = medley_reply_names (pipeline, "inputs");
  g_auto (GStrv) names = medley_reply_names (pipeline, "outputs");
  g_autoptr (GVariant) output = names[0] != NULL ? medley_reply_object (outputs, names[0]) : NULL;
  const MedleyMediaType *type
      = medley_media_lookup (medley_reply_string (output, "type", "application/octet-stream"));
  g_auto (GStrv) extensions = g_strsplit (type != NULL ? type->extensions : "bin", " ", 2);
  g_autoptr (GString) line = g_string_new (NULL);

  g_string_append_printf (line, "medley run %s", word);
  for (guint i = 0; inputs[i] != NULL; i++)
    g_string_append_printf (line, " %s=FILE", inputs[i]);
  g_string_append_printf (line, " -o result.%s", extensions[0]);
  print_heading ("Example");
  g_print ("%s\n", line->str);
}

void
medley_describe_pipeline (MedleyCli *cli, GVariant *pipeline, const char *word)
{
  g_autoptr (GPtrArray) faults = medley_reply_list (pipeline, "faults");
  const char *file = medley_reply_string (pipeline, "file", NULL);
  const char *description = medley_reply_string (pipeline, "description", "");

  if (cli->is_json) {
    medley_cli_print_json (pipeline);
    return;
  }
  g_print ("%s%s%s", medley_style_start (1, MEDLEY_STYLE_BOLD),
           medley_reply_string (pipeline, "name", word), medley_style_end (1));
  g_print (": %s\n", medley_reply_string (pipeline, "title", "a pipeline"));
  if (description[0] != '\0')
    g_print ("%s\n", description);
  if (file != NULL && file[0] != '\0')
    g_print ("%s(%s)%s\n", medley_style_start (1, MEDLEY_STYLE_DIM), file, medley_style_end (1));
  print_ports (pipeline, "inputs", "Inputs");
  print_parameters (pipeline);
  print_ports (pipeline, "outputs", "Outputs (-o NAME=FILE)");
  print_serves (pipeline);
  print_example (pipeline, word);
  if (faults->len > 0) {
    print_heading ("Faults");
    medley_cli_print_faults (faults, file);
  }
}

void
medley_describe_engine (MedleyCli *cli, GVariant *engine)
{
  static const char *const headers[]
      = { "PROPERTY", "TYPE", "DEFAULT", "RANGE", "DESCRIPTION", NULL };
  g_autoptr (GPtrArray) properties = medley_reply_list (engine, "properties");
  g_autoptr (GPtrArray) voices = medley_reply_list (engine, "voices");
  g_auto (GStrv) tasks = medley_reply_names (engine, "tasks");
  g_autofree char *all_tasks = g_strjoinv (", ", tasks);
  g_autoptr (MedleyTable) table = medley_table_new (headers);

  if (cli->is_json) {
    medley_cli_print_json (engine);
    return;
  }
  g_print ("%s%s%s: %s\n", medley_style_start (1, MEDLEY_STYLE_BOLD),
           medley_reply_string (engine, "name", "?"), medley_style_end (1),
           medley_reply_string (engine, "title", ""));
  g_print ("%s\n\n", medley_reply_string (engine, "description", ""));
  g_print ("Tasks:    %s\n", all_tasks);
  g_print ("Plugin:   %s %s, %s\n", medley_reply_string (engine, "plugin", "?"),
           medley_reply_string (engine, "version", ""),
           medley_reply_string (engine, "license", "?"));
  g_print ("Cost:     %d (%s)\n", (int) medley_reply_integer (engine, "cost", 0),
           medley_reply_string (engine, "class", "cpu"));
  if (medley_reply_boolean (engine, "suspended", FALSE))
    g_print ("State:    %s\n", medley_reply_string (engine, "suspension", "suspended"));
  if (voices->len > 0)
    g_print ("Voices:   %u; \"medley voices %s\" lists them\n", voices->len,
             medley_reply_string (engine, "name", "?"));
  for (guint i = 0; i < properties->len; i++) {
    GVariant *property = g_ptr_array_index (properties, i);
    g_autofree char *fallback = member_text (property, "default");
    g_autofree char *minimum = member_text (property, "minimum");
    g_autofree char *maximum = member_text (property, "maximum");
    g_auto (GStrv) values = medley_reply_names (property, "values");
    g_autofree char *range = values[0] != NULL ? g_strjoinv (", ", values)
                             : minimum != NULL && maximum != NULL
                                 ? g_strdup_printf ("%s to %s", minimum, maximum)
                                 : g_strdup ("");
    const char *row[] = { medley_reply_string (property, "name", "?"),
                          medley_reply_string (property, "type", "?"),
                          fallback != NULL ? fallback : "",
                          range,
                          medley_reply_string (property, "description", ""),
                          NULL };

    medley_table_add (table, row);
  }
  print_heading ("Properties (\"set\" of a stage)");
  medley_table_print (table);
}

char *
medley_describe_cache (GVariant *cache)
{
  const char *off = medley_reply_string (cache, "off", NULL);
  g_autofree char *size
      = medley_format_size ((guint64) MAX (medley_reply_integer (cache, "bytes", 0), 0));
  g_autofree char *most
      = medley_format_size ((guint64) MAX (medley_reply_integer (cache, "maximum", 0), 0));

  if (off != NULL)
    return g_strdup_printf ("results of stages are not kept: %s", off);
  return g_strdup_printf ("%" G_GINT64_FORMAT " results in %s, %s of %s",
                          medley_reply_integer (cache, "entries", 0),
                          medley_reply_string (cache, "folder", "?"), size, most);
}
