/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/run-plan.h"

#include <medley/medley-error.h>

static void
link_free (MedleyPlanLink *link)
{
  g_free (link->sink_pad);
  g_free (link->source);
  g_free (link->port);
  g_free (link);
}

static void
input_free (MedleyPlanInput *input)
{
  g_free (input->name);
  g_free (input->type);
  g_free (input);
}

static void
stage_free (MedleyPlanStage *stage)
{
  g_free (stage->name);
  g_free (stage->task);
  g_strfreev (stage->candidates);
  g_clear_pointer (&stage->set, g_variant_unref);
  g_ptr_array_unref (stage->from);
  g_free (stage->pointer);
  g_free (stage->file);
  g_free (stage);
}

static void
output_free (MedleyPlanOutput *output)
{
  g_free (output->name);
  g_free (output->type);
  g_ptr_array_unref (output->from);
  g_free (output->pointer);
  g_free (output);
}

void
medley_run_plan_free (MedleyRunPlan *plan)
{
  g_free (plan->pipeline);
  g_free (plan->traceparent);
  g_free (plan->tracestate);
  g_ptr_array_unref (plan->inputs);
  g_ptr_array_unref (plan->stages);
  g_ptr_array_unref (plan->outputs);
  g_free (plan);
}

const MedleyPlanInput *
medley_run_plan_find_input (const MedleyRunPlan *plan, const char *name)
{
  for (guint i = 0; i < plan->inputs->len; i++) {
    const MedleyPlanInput *input = g_ptr_array_index (plan->inputs, i);

    if (g_str_equal (input->name, name))
      return input;
  }
  return NULL;
}

static char *
lookup_string (GVariant *dict, const char *key)
{
  char *value = NULL;

  g_variant_lookup (dict, key, "s", &value);
  return value;
}

static char *
lookup_string_or_empty (GVariant *dict, const char *key)
{
  char *value = lookup_string (dict, key);

  return value != NULL ? value : g_strdup ("");
}

static GPtrArray *
read_links (GVariant *dict, const char *type)
{
  GPtrArray *links = g_ptr_array_new_with_free_func ((GDestroyNotify) link_free);
  g_autoptr (GVariant) from = g_variant_lookup_value (dict, "from", G_VARIANT_TYPE (type));

  for (gsize i = 0; from != NULL && i < g_variant_n_children (from); i++) {
    g_autoptr (GVariant) item = g_variant_get_child_value (from, i);
    MedleyPlanLink *link = g_new0 (MedleyPlanLink, 1);

    if (g_variant_is_of_type (item, G_VARIANT_TYPE ("(sss)")))
      g_variant_get (item, "(sss)", &link->sink_pad, &link->source, &link->port);
    else
      g_variant_get (item, "(ss)", &link->source, &link->port);
    g_ptr_array_add (links, link);
  }
  return links;
}

static gpointer
read_input (GVariant *dict)
{
  MedleyPlanInput *input = g_new0 (MedleyPlanInput, 1);

  input->name = lookup_string (dict, "name");
  input->type = lookup_string_or_empty (dict, "type");
  return input;
}

static gpointer
read_stage (GVariant *dict)
{
  MedleyPlanStage *stage = g_new0 (MedleyPlanStage, 1);
  g_autofree char *element = lookup_string (dict, "element");

  stage->name = lookup_string (dict, "name");
  stage->task = lookup_string (dict, "task");
  if (element != NULL) {
    g_clear_pointer (&stage->task, g_free);
    stage->candidates = g_new0 (char *, 2);
    stage->candidates[0] = g_steal_pointer (&element);
  } else if (!g_variant_lookup (dict, "engines", "^as", &stage->candidates)) {
    stage->candidates = g_new0 (char *, 1);
  }
  stage->set = g_variant_lookup_value (dict, "set", G_VARIANT_TYPE_VARDICT);
  stage->from = read_links (dict, "a(sss)");
  stage->pointer = lookup_string_or_empty (dict, "pointer");
  stage->file = lookup_string_or_empty (dict, "file");
  return stage;
}

static gpointer
read_output (GVariant *dict)
{
  MedleyPlanOutput *output = g_new0 (MedleyPlanOutput, 1);

  output->name = lookup_string (dict, "name");
  output->type = lookup_string_or_empty (dict, "type");
  output->from = read_links (dict, "a(ss)");
  output->pointer = lookup_string_or_empty (dict, "pointer");
  return output;
}

static GPtrArray *
read_list (GVariant *plan, const char *key, gpointer (*read) (GVariant *), GDestroyNotify destroy)
{
  GPtrArray *list = g_ptr_array_new_with_free_func (destroy);
  g_autoptr (GVariant) items = g_variant_lookup_value (plan, key, G_VARIANT_TYPE ("aa{sv}"));

  for (gsize i = 0; items != NULL && i < g_variant_n_children (items); i++) {
    g_autoptr (GVariant) item = g_variant_get_child_value (items, i);

    g_ptr_array_add (list, read (item));
  }
  return list;
}

static gboolean
find_source (const MedleyRunPlan *plan, guint n_stages, const char *name)
{
  if (medley_run_plan_find_input (plan, name) != NULL)
    return TRUE;
  for (guint i = 0; i < n_stages; i++) {
    const MedleyPlanStage *stage = g_ptr_array_index (plan->stages, i);

    if (g_str_equal (stage->name, name))
      return TRUE;
  }
  return FALSE;
}

static gboolean
check_links (const MedleyRunPlan *plan, guint n_stages, const char *place, GPtrArray *links,
             GError **error)
{
  for (guint i = 0; i < links->len; i++) {
    const MedleyPlanLink *link = g_ptr_array_index (links, i);

    if (!find_source (plan, n_stages, link->source)) {
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                   "the plan's \"%s\" reads from \"%s\", which does not come before it", place,
                   link->source);
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean
check (const MedleyRunPlan *plan, GError **error)
{
  for (guint i = 0; i < plan->inputs->len; i++) {
    const MedleyPlanInput *input = g_ptr_array_index (plan->inputs, i);

    if (input->name == NULL)
      goto unnamed;
  }
  for (guint i = 0; i < plan->stages->len; i++) {
    const MedleyPlanStage *stage = g_ptr_array_index (plan->stages, i);

    if (stage->name == NULL)
      goto unnamed;
    if (!check_links (plan, i, stage->name, stage->from, error))
      return FALSE;
  }
  for (guint i = 0; i < plan->outputs->len; i++) {
    const MedleyPlanOutput *output = g_ptr_array_index (plan->outputs, i);

    if (output->name == NULL)
      goto unnamed;
    if (!check_links (plan, plan->stages->len, output->name, output->from, error))
      return FALSE;
  }
  return TRUE;

unnamed:
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
               "the plan has an input, stage or output without a name");
  return FALSE;
}

MedleyRunPlan *
medley_run_plan_new (GVariant *value, GError **error)
{
  g_autoptr (MedleyRunPlan) plan = g_new0 (MedleyRunPlan, 1);
  g_autoptr (GVariant) limits = g_variant_lookup_value (value, "limits", G_VARIANT_TYPE_VARDICT);
  g_autoptr (GVariant) trace = g_variant_lookup_value (value, "trace", G_VARIANT_TYPE_VARDICT);

  plan->pipeline = lookup_string_or_empty (value, "pipeline");
  plan->inputs = read_list (value, "inputs", read_input, (GDestroyNotify) input_free);
  plan->stages = read_list (value, "stages", read_stage, (GDestroyNotify) stage_free);
  plan->outputs = read_list (value, "outputs", read_output, (GDestroyNotify) output_free);
  if (limits != NULL) {
    g_variant_lookup (limits, "text-bytes", "t", &plan->text_bytes);
    g_variant_lookup (limits, "input-bytes", "t", &plan->input_bytes);
    g_variant_lookup (limits, "image-pixels", "t", &plan->image_pixels);
    g_variant_lookup (limits, "output-bytes", "t", &plan->output_bytes);
  }
  if (trace != NULL) {
    plan->traceparent = lookup_string (trace, "traceparent");
    plan->tracestate = lookup_string (trace, "tracestate");
  }
  return check (plan, error) ? g_steal_pointer (&plan) : NULL;
}
