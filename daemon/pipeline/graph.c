/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pipeline/graph.h"

#include <string.h>

#include "pipeline/pipeline-private.h"

/* Longer ones make a graph that nobody can read. */
#define MAX_LINE 80

/* Between quotes a backslash begins an escape, and in a label "&" an entity. */
static void
append_escaped (GString *dot, const char *text)
{
  glong length = 0;

  for (const char *p = text; *p != '\0'; p = g_utf8_next_char (p)) {
    gunichar c = g_utf8_get_char (p);

    if (++length > MAX_LINE) {
      g_string_append (dot, "…");
      return;
    }
    if (c == '"' || c == '\\')
      g_string_append_printf (dot, "\\%c", (char) c);
    else if (c == '&')
      g_string_append (dot, "&amp;");
    else if (g_unichar_isprint (c))
      g_string_append_unichar (dot, c);
    else
      g_string_append_c (dot, ' ');
  }
}

/* "KIND NAME", so that an input and an output of one name are two nodes. */
static void
append_id (GString *dot, const char *kind, const char *name)
{
  g_string_append_printf (dot, "\"%s ", kind);
  append_escaped (dot, name);
  g_string_append_c (dot, '"');
}

static void
append_line (GString *dot, const char *prefix, const char *text)
{
  if (text == NULL || *text == '\0')
    return;
  g_string_append_printf (dot, "\\n%s", prefix);
  append_escaped (dot, text);
}

static void
begin_node (GString *dot, const char *kind, const char *name)
{
  g_string_append (dot, "  ");
  append_id (dot, kind, name);
  g_string_append (dot, " [label=\"");
  append_escaped (dot, name);
}

static void
append_stage (GString *dot, const MedleyStageSpec *stage)
{
  static const char *const words[] = {
    [MEDLEY_STAGE_NONE] = "",
    [MEDLEY_STAGE_TASK] = "",
    [MEDLEY_STAGE_ELEMENT] = "element ",
    [MEDLEY_STAGE_PIPELINE] = "pipeline ",
  };
  g_autoptr (GString) engines = g_string_new (NULL);

  for (guint i = 0; stage->engines != NULL && i < stage->engines->len; i++)
    g_string_append_printf (engines, "%s%s", i > 0 ? ", else " : "",
                            (const char *) stage->engines->pdata[i]);
  begin_node (dot, "stage", stage->name);
  append_line (dot, words[stage->kind], stage->target);
  append_line (dot, "by ", engines->str);
  g_string_append_printf (dot, "\"%s];\n",
                          stage->kind == MEDLEY_STAGE_PIPELINE ? ", peripheries=2" : "");
}

static const char *
find_source (const MedleySpec *spec, const char *source)
{
  if (medley_spec_find_stage (spec, source) != NULL)
    return "stage";
  return medley_spec_find_input (spec, source) != NULL ? "input" : "missing";
}

/* Several lists of attributes may follow each other. */
static void
append_attribute (GString *dot, const char *name, const char *value)
{
  if (*value == '\0')
    return;
  g_string_append_printf (dot, " [%s=\"", name);
  append_escaped (dot, value);
  g_string_append (dot, "\"]");
}

static void
append_links (GString *dot, const MedleySpec *spec, GPtrArray *links, const char *kind,
              const char *name)
{
  for (guint i = 0; links != NULL && i < links->len; i++) {
    const MedleyLink *link = links->pdata[i];
    const char *source = find_source (spec, link->source);

    if (g_str_equal (source, "missing")) {
      begin_node (dot, source, link->source);
      g_string_append (dot, "\", style=dashed];\n");
    }
    g_string_append (dot, "  ");
    append_id (dot, source, link->source);
    g_string_append (dot, " -> ");
    append_id (dot, kind, name);
    append_attribute (dot, "taillabel", link->port);
    append_attribute (dot, "headlabel", link->pad);
    g_string_append (dot, ";\n");
  }
}

char *
medley_pipeline_to_dot (MedleyPipeline *self)
{
  const MedleySpec *spec = self->spec;
  GString *dot = g_string_new ("digraph pipeline {\n"
                               "  rankdir=LR;\n"
                               "  graph [fontname=\"sans-serif\", labelloc=t, label=\"");

  append_escaped (dot, spec->title != NULL && *spec->title != '\0' ? spec->title : spec->name);
  g_string_append (dot, "\"];\n"
                        "  node [fontname=\"sans-serif\", fontsize=11, shape=box, style=rounded];\n"
                        "  edge [fontname=\"sans-serif\", fontsize=9];\n");
  for (guint i = 0; i < spec->inputs->len; i++) {
    const MedleyInputSpec *input = spec->inputs->pdata[i];

    begin_node (dot, "input", input->name);
    append_line (dot, "", input->type);
    g_string_append_printf (dot, "\", shape=cds, style=%s];\n",
                            input->optional ? "dotted" : "solid");
  }
  for (guint i = 0; i < spec->stages->len; i++)
    append_stage (dot, spec->stages->pdata[i]);
  for (guint i = 0; i < spec->outputs->len; i++) {
    const MedleyOutputSpec *output = spec->outputs->pdata[i];

    begin_node (dot, "output", output->name);
    append_line (dot, "", output->type);
    g_string_append (dot, "\", shape=note, style=solid];\n");
  }
  for (guint i = 0; i < spec->stages->len; i++) {
    const MedleyStageSpec *stage = spec->stages->pdata[i];

    append_links (dot, spec, stage->links, "stage", stage->name);
  }
  for (guint i = 0; i < spec->outputs->len; i++) {
    const MedleyOutputSpec *output = spec->outputs->pdata[i];

    append_links (dot, spec, output->links, "output", output->name);
  }
  g_string_append (dot, "}\n");
  return g_string_free (dot, FALSE);
}
