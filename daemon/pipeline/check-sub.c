/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pipeline/checks.h"

#include "base/nearest.h"

typedef struct {
  const MedleyPipelineContext *context;
  const MedleySpec *wanted;
  GHashTable *seen; /* of MedleySpec */
  GString *path;
} SelfSearch;

/* Whether a pipeline leads back to the wanted one through its own sub-pipelines. */
static gboolean
leads_back (SelfSearch *search, const MedleySpec *spec)
{
  gsize length = search->path->len;

  if (search->path->len < 500)
    g_string_append_printf (search->path, " → %s", spec->name);
  if (spec == search->wanted)
    return TRUE;
  if (g_hash_table_add (search->seen, (gpointer) spec)) {
    for (guint i = 0; i < spec->stages->len; i++) {
      const MedleyStageSpec *stage = spec->stages->pdata[i];
      MedleyPipeline *sub = NULL;

      if (stage->kind == MEDLEY_STAGE_PIPELINE)
        sub = search->context->lookup (stage->target, search->context->lookup_data);
      if (sub != NULL && leads_back (search, sub->spec))
        return TRUE;
    }
  }
  g_string_truncate (search->path, length);
  return FALSE;
}

static void
report_unknown (MedleyCheck *self, const MedleyStageSpec *stage, const char *pointer)
{
  g_autoptr (GPtrArray) names = self->context->names != NULL
                                    ? self->context->names (self->context->lookup_data)
                                    : g_ptr_array_new ();

  g_ptr_array_add (names, NULL);
  medley_fault_add (&self->sink, "unknown-pipeline", pointer,
                    medley_nearest (stage->target, (const char *const *) names->pdata),
                    "there is no pipeline \"%.64s\"", stage->target);
}

void
medley_check_sub (MedleyCheck *self, guint index)
{
  const MedleyStageSpec *stage = medley_check_get_stage (self, index);
  g_autofree char *pointer = medley_json_pointer_append (stage->pointer, "pipeline");
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
  g_autoptr (GString) path = g_string_new (NULL);
  SelfSearch search = { self->context, self->spec, seen, path };
  MedleyPipeline *sub = NULL;

  if (stage->kind != MEDLEY_STAGE_PIPELINE)
    return;
  if (self->context->lookup != NULL)
    sub = self->context->lookup (stage->target, self->context->lookup_data);
  if (sub == NULL) {
    report_unknown (self, stage, pointer);
    return;
  }
  g_string_append (path, self->spec->name);
  if (leads_back (&search, sub->spec)) {
    medley_fault_add (&self->sink, "cycle", pointer, NULL, "the pipeline contains itself: %s",
                      path->str);
    return;
  }
  if (!medley_pipeline_is_valid (sub)) {
    medley_fault_add (&self->sink, "invalid-pipeline", pointer, NULL,
                      "the pipeline \"%s\" has faults of its own", stage->target);
    return;
  }
  self->subs[index] = sub;
  g_hash_table_insert (self->pipeline->subs, stage->name, medley_pipeline_ref (sub));
}

static gboolean
is_linked (const MedleyStageSpec *stage, const char *pad)
{
  for (guint i = 0; i < stage->links->len; i++) {
    if (g_str_equal (((MedleyLink *) stage->links->pdata[i])->pad, pad))
      return TRUE;
  }
  return FALSE;
}

static void
check_inputs (MedleyCheck *self, const MedleyStageSpec *stage, const MedleySpec *sub)
{
  g_autofree char *place = stage->has_from ? medley_json_pointer_append (stage->pointer, "from")
                                           : g_strdup (stage->pointer);
  g_autoptr (GPtrArray) names = g_ptr_array_new ();

  for (guint i = 0; i < sub->inputs->len; i++)
    g_ptr_array_add (names, ((MedleyInputSpec *) sub->inputs->pdata[i])->name);
  g_ptr_array_add (names, NULL);
  if (is_linked (stage, "")) {
    if (sub->inputs->len != 1)
      medley_fault_add (
          &self->sink, "bad-value", place, NULL,
          "the pipeline \"%s\" has %u inputs: write an object with the source of each",
          stage->target, sub->inputs->len);
    return;
  }
  for (guint i = 0; i < stage->links->len; i++) {
    const MedleyLink *link = stage->links->pdata[i];

    if (medley_spec_find_input (sub, link->pad) == NULL)
      medley_fault_add (&self->sink, "unknown-name", link->pointer,
                        medley_nearest (link->pad, (const char *const *) names->pdata),
                        "the pipeline \"%s\" has no input \"%s\"", stage->target, link->pad);
  }
  for (guint i = 0; i < sub->inputs->len; i++) {
    const MedleyInputSpec *input = sub->inputs->pdata[i];

    if (!input->optional && !is_linked (stage, input->name))
      medley_fault_add (&self->sink, "missing-key", place, NULL,
                        "the pipeline \"%s\" needs a source for its input \"%s\"", stage->target,
                        input->name);
  }
}

static void
check_value (MedleyCheck *self, const MedleyParameter *parameter, GVariant *value,
             const char *pointer)
{
  g_autoptr (GVariant) accepted = NULL;
  g_autofree char *reason = NULL;
  gboolean is_template = FALSE;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING)) {
    MedleyFaultSink silent = self->sink;
    const MedleyParameter *given;

    /* The stage's own check has reported what is wrong with the template itself. */
    self->sink.faults = medley_faults_new ();
    given = medley_check_template (self, g_variant_get_string (value, NULL), pointer, &is_template);
    g_ptr_array_unref (self->sink.faults);
    self->sink = silent;
    if (given != NULL && given->type != 0 && given->type != parameter->type
        && !(given->type == 'x' && parameter->type == 'd'))
      medley_fault_add (&self->sink, "wrong-type", pointer, NULL,
                        "\"%s\" is %s, where \"%s\" is %s", given->name,
                        medley_parameter_type_name (given->type), parameter->name,
                        medley_parameter_type_name (parameter->type));
    else if (is_template && given == NULL && parameter->type != 's')
      medley_fault_add (&self->sink, "wrong-type", pointer, NULL,
                        "this makes a string, where \"%s\" is %s", parameter->name,
                        medley_parameter_type_name (parameter->type));
  }
  if (is_template)
    return;
  accepted = medley_parameter_accept (parameter, value, FALSE, &reason);
  if (accepted == NULL)
    medley_fault_add (&self->sink, "bad-value", pointer, NULL, "the parameter \"%s\" %s",
                      parameter->name, reason);
}

static void
check_parameters (MedleyCheck *self, const MedleyStageSpec *stage, const MedleySpec *sub)
{
  g_autofree char *place = medley_json_pointer_append (stage->pointer, "set");
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  GVariantIter iter;
  const char *name;
  GVariant *value;

  for (guint i = 0; i < sub->parameters->len; i++)
    g_ptr_array_add (names, ((MedleyParameter *) sub->parameters->pdata[i])->name);
  g_ptr_array_add (names, NULL);
  g_variant_iter_init (&iter, stage->set);
  while (g_variant_iter_loop (&iter, "{&sv}", &name, &value)) {
    const MedleyParameter *parameter = medley_spec_find_parameter (sub, name);
    g_autofree char *pointer = medley_json_pointer_append (place, name);

    if (parameter == NULL)
      medley_fault_add (&self->sink, "unknown-name", pointer,
                        medley_nearest (name, (const char *const *) names->pdata),
                        "the pipeline \"%s\" has no parameter \"%.64s\"", stage->target, name);
    else
      check_value (self, parameter, value, pointer);
  }
  for (guint i = 0; i < sub->parameters->len; i++) {
    const MedleyParameter *parameter = sub->parameters->pdata[i];
    g_autoptr (GVariant) given = g_variant_lookup_value (stage->set, parameter->name, NULL);

    if (parameter->value == NULL && given == NULL)
      medley_fault_add (&self->sink, "missing-key", stage->pointer, NULL,
                        "the pipeline \"%s\" needs a value for its parameter \"%s\", under \"set\"",
                        stage->target, parameter->name);
  }
}

void
medley_check_sub_links (MedleyCheck *self, guint index)
{
  if (self->subs[index] == NULL)
    return;
  check_inputs (self, medley_check_get_stage (self, index), self->subs[index]->spec);
  check_parameters (self, medley_check_get_stage (self, index), self->subs[index]->spec);
}
