/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pipeline/plan-scope.h"

#include "base/error.h"
#include "base/nearest.h"
#include "pipeline/template.h"

/* Most steps through sub-pipelines from one stage to another: each level has a stage. */
#define MAX_WAY 20000

typedef struct {
  gboolean is_partial;
  guint n_stages;
  guint max_stages;
  gsize budget;
} Expansion;

void
medley_scope_free (MedleyScope *self)
{
  g_free (self->prefix);
  g_hash_table_unref (self->values);
  g_hash_table_unref (self->subs);
  g_free (self);
}

GVariant *
medley_scope_expand (const MedleyScope *self, const MedleyStageSpec *stage, gsize *budget,
                     GError **error)
{
  GVariantBuilder builder;
  GVariantIter iter;
  const char *name;
  GVariant *value;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_iter_init (&iter, stage->set);
  while (g_variant_iter_next (&iter, "{&sv}", &name, &value)) {
    g_autoptr (GVariant) given = value;
    g_autoptr (GVariant) expanded = NULL;

    if (g_variant_is_of_type (given, G_VARIANT_TYPE_STRING))
      expanded = medley_template_expand (g_variant_get_string (given, NULL), self->values, *budget);
    else
      expanded = g_variant_ref (given);
    if (expanded == NULL && self->is_partial)
      continue;
    if (expanded == NULL || g_variant_get_size (expanded) > *budget) {
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_PARAMETER,
                   "with its parameters, \"%s\" of the stage \"%s%s\" grows too long", name,
                   self->prefix, stage->name);
      g_variant_builder_clear (&builder);
      return NULL;
    }
    *budget -= g_variant_get_size (expanded);
    g_variant_builder_add (&builder, "{sv}", name, expanded);
  }
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

static const char *
find_near_parameter (const MedleySpec *spec, const char *name)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();

  for (guint i = 0; i < spec->parameters->len; i++)
    g_ptr_array_add (names, ((MedleyParameter *) spec->parameters->pdata[i])->name);
  g_ptr_array_add (names, NULL);
  return medley_nearest (name, (const char *const *) names->pdata);
}

static gboolean
refuse_unknown_parameters (const MedleySpec *spec, GVariant *given, GError **error)
{
  GVariantIter iter;
  const char *name;

  g_variant_iter_init (&iter, given);
  while (g_variant_iter_next (&iter, "{&sv}", &name, NULL)) {
    const char *near;

    if (medley_spec_find_parameter (spec, name) != NULL)
      continue;
    near = find_near_parameter (spec, name);
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_PARAMETER,
                 "the pipeline \"%s\" has no parameter \"%.64s\"%s%s%s", spec->name, name,
                 near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
                 near != NULL ? "\"?" : "");
    return FALSE;
  }
  return TRUE;
}

static GHashTable *
fill_parameters (const MedleySpec *spec, GVariant *given, gboolean from_text, gboolean is_partial,
                 GError **error)
{
  g_autoptr (GHashTable) values
      = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) g_variant_unref);

  if (given != NULL && !is_partial && !refuse_unknown_parameters (spec, given, error))
    return NULL;
  for (guint i = 0; i < spec->parameters->len; i++) {
    const MedleyParameter *parameter = spec->parameters->pdata[i];
    g_autoptr (GVariant) value
        = given != NULL ? g_variant_lookup_value (given, parameter->name, NULL) : NULL;
    g_autofree char *reason = NULL;
    GVariant *accepted;

    if (value != NULL)
      accepted = medley_parameter_accept (parameter, value, from_text, &reason);
    else
      accepted = parameter->value != NULL ? g_variant_ref (parameter->value) : NULL;
    if (accepted == NULL && is_partial)
      continue;
    if (accepted == NULL) {
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_PARAMETER,
                   "the parameter \"%s\" of the pipeline \"%s\" %s", parameter->name, spec->name,
                   reason != NULL ? reason : "has no default: give it a value");
      return NULL;
    }
    g_hash_table_insert (values, parameter->name, accepted);
  }
  return g_steal_pointer (&values);
}

static MedleyScope *
scope_new (Expansion *expansion, MedleyPipeline *pipeline, MedleyScope *parent,
           const MedleyStageSpec *stage, GVariant *given, GError **error);

static gboolean
add_sub (Expansion *expansion, MedleyScope *self, MedleyPipeline *pipeline,
         const MedleyStageSpec *stage, GError **error)
{
  /* Not looked up anew: the library may hold another version by now. */
  MedleyPipeline *sub = g_hash_table_lookup (pipeline->subs, stage->name);
  g_autoptr (GVariant) given = NULL;
  MedleyScope *scope = NULL;

  /* Only a pipeline with faults lacks one. */
  if (sub == NULL)
    return expansion->is_partial;
  given = medley_scope_expand (self, stage, &expansion->budget, error);
  if (given != NULL)
    scope = scope_new (expansion, sub, self, stage, given, error);
  if (scope == NULL)
    return FALSE;
  g_hash_table_insert (self->subs, stage->name, scope);
  return TRUE;
}

/* Each level has a stage, so that the limit of stages also bounds the depth. */
static MedleyScope *
scope_new (Expansion *expansion, MedleyPipeline *pipeline, MedleyScope *parent,
           const MedleyStageSpec *stage, GVariant *given, GError **error)
{
  g_autoptr (MedleyScope) self = NULL;
  GHashTable *values
      = fill_parameters (pipeline->spec, given, parent == NULL, expansion->is_partial, error);

  if (values == NULL)
    return NULL;
  self = g_new0 (MedleyScope, 1);
  self->parent = parent;
  self->stage = stage;
  self->spec = pipeline->spec;
  self->prefix
      = parent != NULL ? g_strconcat (parent->prefix, stage->name, "/", NULL) : g_strdup ("");
  self->is_partial = expansion->is_partial;
  self->values = values;
  self->subs
      = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) medley_scope_free);
  for (guint i = 0; i < self->spec->stages->len; i++) {
    const MedleyStageSpec *inner = self->spec->stages->pdata[i];

    if (++expansion->n_stages > expansion->max_stages * 2) {
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_PIPELINE,
                   "with those of its sub-pipelines, \"%s\" has more than %u stages",
                   pipeline->spec->name, expansion->max_stages);
      return NULL;
    }
    if (inner->kind == MEDLEY_STAGE_PIPELINE && !add_sub (expansion, self, pipeline, inner, error))
      return NULL;
  }
  return g_steal_pointer (&self);
}

MedleyScope *
medley_scope_new (MedleyPipeline *pipeline, const MedleyPipelineContext *context,
                  GVariant *parameters, gboolean is_partial, GError **error)
{
  Expansion expansion = { .is_partial = is_partial,
                          .max_stages = context->max_stages > 0 ? context->max_stages : 64,
                          .budget = MEDLEY_PLAN_MAX_BYTES };

  return scope_new (&expansion, pipeline, NULL, NULL, parameters, error);
}

static const MedleyLink *
find_link (const MedleyStageSpec *stage, const MedleyInputSpec *input)
{
  for (guint i = 0; i < stage->links->len; i++) {
    const MedleyLink *link = stage->links->pdata[i];

    /* Without a name, the one source is for the one input. */
    if (*link->pad == '\0' || g_str_equal (link->pad, input->name))
      return link;
  }
  return NULL;
}

/* From a scope of its own: the output of a pipeline within, by which a link goes on inside it. */
static const MedleyLink *
enter (const MedleyScope **scope, const MedleyStageSpec *stage, const char *port)
{
  const MedleyScope *sub = g_hash_table_lookup ((*scope)->subs, stage->name);
  const MedleyOutputSpec *output;

  if (sub == NULL)
    return NULL;
  output = *port != '\0' ? medley_spec_find_output (sub->spec, port) : sub->spec->outputs->pdata[0];
  *scope = sub;
  return output != NULL ? output->links->pdata[0] : NULL;
}

gboolean
medley_scope_resolve (const MedleyScope *self, const MedleyLink *link, MedleySource *source)
{
  const MedleyScope *scope = self;

  /* Only with faults can a way be endless. */
  for (guint i = 0; link != NULL && i < MAX_WAY; i++) {
    const MedleyInputSpec *input = medley_spec_find_input (scope->spec, link->source);
    const MedleyStageSpec *stage;

    if (input != NULL && scope->parent == NULL) {
      *source = (MedleySource){ .input = input, .port = "" };
      return TRUE;
    }
    if (input != NULL) {
      link = find_link (scope->stage, input);
      scope = scope->parent;
      continue;
    }
    stage = medley_spec_find_stage (scope->spec, link->source);
    if (stage == NULL)
      return FALSE;
    if (stage->kind != MEDLEY_STAGE_PIPELINE) {
      *source = (MedleySource){ .scope = scope, .stage = stage, .port = link->port };
      return TRUE;
    }
    link = enter (&scope, stage, link->port);
  }
  return FALSE;
}
