/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pipeline/plan.h"

#include "base/error.h"
#include "base/media.h"
#include "base/nearest.h"
#include "pipeline/plan-scope.h"

/* A stage of the plan: one that a wanted output needs. */
typedef struct {
  char *name;
  const MedleyScope *scope;
  const MedleyStageSpec *stage;
  guint position; /* in the order */
  gboolean
      is_alive; /* FALSE when all it would read comes from optional inputs that are not given */
} Step;

typedef struct {
  const MedleyPipelineContext *context;
  const MedleyScope *top;
  gboolean is_partial;
  const char *const *given;  /* NULL: all inputs */
  GHashTable *steps;         /* name → Step, owned; also those that are not alive */
  GPtrArray *order;          /* of Step */
  GHashTable *needed_inputs; /* names */
  GHashTable *readers;       /* "name\nport" → count */
  gsize budget;
} Plan;

static void
step_free (gpointer data)
{
  Step *step = data;

  g_free (step->name);
  g_free (step);
}

/* With the names of what there is, and the nearest. */
static void
set_unknown (GError **error, MedleyError code, const char *what, const char *name, GPtrArray *names,
             const char *pipeline)
{
  g_autoptr (GString) message = g_string_new (NULL);
  const char *near = medley_nearest (name, (const char *const *) names->pdata);

  g_string_printf (message, "the pipeline \"%s\" has no %s \"%.64s\"", pipeline, what, name);
  if (near != NULL)
    g_string_append_printf (message, "; did you mean \"%s\"?", near);
  else
    for (guint i = 0; names->pdata[i] != NULL && i < 10; i++)
      g_string_append_printf (message, "%s%s", i > 0 ? ", " : "; it has ",
                              (const char *) names->pdata[i]);
  g_set_error_literal (error, MEDLEY_ERROR, (int) code, message->str);
}

static gboolean
is_given (Plan *plan, const MedleyInputSpec *input)
{
  return plan->given == NULL || g_strv_contains (plan->given, input->name);
}

static gboolean
check_given_inputs (Plan *plan, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();

  for (guint i = 0; i < plan->top->spec->inputs->len; i++)
    g_ptr_array_add (names, ((MedleyInputSpec *) plan->top->spec->inputs->pdata[i])->name);
  g_ptr_array_add (names, NULL);
  for (guint i = 0; plan->given != NULL && plan->given[i] != NULL; i++) {
    if (medley_spec_find_input (plan->top->spec, plan->given[i]) == NULL) {
      set_unknown (error, MEDLEY_ERROR_UNKNOWN_INPUT, "input", plan->given[i], names,
                   plan->top->spec->name);
      return FALSE;
    }
  }
  return TRUE;
}

/* The engines of a stage that are there, in the order in which they are tried. (transfer container)
 * (element-type utf8) */
static GPtrArray *
find_engines (Plan *plan, const MedleyStageSpec *stage)
{
  MedleyCatalog *catalog = plan->context->catalog;
  gboolean is_known = catalog != NULL && *medley_catalog_get_registry (catalog) != '\0';
  GPtrArray *names = g_ptr_array_new ();

  for (guint i = 0; stage->engines != NULL && i < stage->engines->len; i++) {
    const char *name = stage->engines->pdata[i];
    const MedleyEngine *engine
        = is_known && name != NULL ? medley_catalog_get (catalog, name) : NULL;

    /* One that does another task is in a pipeline with faults only. */
    if (name != NULL
        && (!is_known || (engine != NULL && medley_engine_has_task (engine, stage->target))))
      g_ptr_array_add (names, (gpointer) name);
  }
  if (stage->engines == NULL && catalog != NULL) {
    g_autoptr (GPtrArray) engines = medley_catalog_find (catalog, stage->target);

    /* Only the cheapest: falling back to one that nobody named might send the input to a model
     * server. */
    if (engines->len > 0)
      g_ptr_array_add (names, ((MedleyEngine *) engines->pdata[0])->name);
  }
  return names;
}

/* Whether a stage of a faulty pipeline can be built at all, and may be. */
static gboolean
is_usable (Plan *plan, const MedleyScope *scope, const MedleyStageSpec *stage)
{
  const char *const *allowed = plan->context->allowed_elements;
  g_autoptr (GPtrArray) engines = NULL;

  if (medley_spec_find_input (scope->spec, stage->name) != NULL)
    return FALSE;
  /* Those of an installed pipeline within are its own affair. */
  if (stage->kind == MEDLEY_STAGE_ELEMENT)
    return allowed == NULL || scope->parent != NULL || g_strv_contains (allowed, stage->target);
  if (stage->kind != MEDLEY_STAGE_TASK)
    return FALSE;
  engines = find_engines (plan, stage);
  return engines->len > 0;
}

static Step *
visit (Plan *plan, const MedleyScope *scope, const MedleyStageSpec *stage);

/* Whether there is anything at the other end of a link; notes what it needs. */
static gboolean
follow (Plan *plan, const MedleyScope *scope, const MedleyLink *link, MedleySource *source)
{
  if (!medley_scope_resolve (scope, link, source))
    return FALSE;
  if (source->input == NULL)
    return visit (plan, source->scope, source->stage)->is_alive;
  if (source->input->type == NULL)
    return FALSE;
  if (source->input->optional && !is_given (plan, source->input))
    return FALSE;
  g_hash_table_add (plan->needed_inputs, source->input->name);
  return TRUE;
}

/* Sources come first; as deep as there are stages, which is limited. */
static Step *
visit (Plan *plan, const MedleyScope *scope, const MedleyStageSpec *stage)
{
  g_autofree char *name = g_strconcat (scope->prefix, stage->name, NULL);
  Step *step = g_hash_table_lookup (plan->steps, name);
  gboolean any = stage->links->len == 0;

  if (step != NULL)
    return step;
  step = g_new0 (Step, 1);
  step->name = g_steal_pointer (&name);
  step->scope = scope;
  step->stage = stage;
  g_hash_table_insert (plan->steps, step->name, step);
  if (plan->is_partial && !is_usable (plan, scope, stage))
    return step;
  for (guint i = 0; i < stage->links->len; i++) {
    MedleySource source;

    any = follow (plan, scope, stage->links->pdata[i], &source) || any;
  }
  /* Not before: in a circle, where there are faults, the last link then leads nowhere. */
  step->is_alive = any || plan->is_partial;
  step->position = plan->order->len;
  if (step->is_alive)
    g_ptr_array_add (plan->order, step);
  return step;
}

static char *
source_name (const MedleySource *source)
{
  return source->input != NULL ? g_strdup (source->input->name)
                               : g_strconcat (source->scope->prefix, source->stage->name, NULL);
}

static gboolean
count_reader (Plan *plan, const MedleySource *source, GError **error)
{
  guint max = plan->context->max_fan_out > 0 ? plan->context->max_fan_out : 32;
  g_autofree char *name = source_name (source);
  g_autofree char *key = g_strconcat (name, "\n", source->port, NULL);
  guint n = GPOINTER_TO_UINT (g_hash_table_lookup (plan->readers, key)) + 1;

  g_hash_table_insert (plan->readers, g_steal_pointer (&key), GUINT_TO_POINTER (n));
  if (n <= max)
    return TRUE;
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_PIPELINE,
               "with those in sub-pipelines, more than %u read from \"%s\"", max, name);
  return FALSE;
}

/* (transfer floating) (nullable): `as` */
static GVariant *
choose_engines (Plan *plan, const Step *step, GError **error)
{
  g_autoptr (GPtrArray) names = find_engines (plan, step->stage);

  if (names->len > 0)
    return g_variant_new_strv ((const char *const *) names->pdata, (gssize) names->len);
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNKNOWN_ENGINE,
               step->stage->engines != NULL
                   ? "none of the engines of the stage \"%s\" is installed (task %s)"
                   : "no engine is installed that does what the stage \"%s\" needs (task %s)",
               step->name, step->stage->target);
  return NULL;
}

/* A circle of stages, which is a fault, is cut where it closes. */
static gboolean
comes_before (Plan *plan, const MedleySource *source, const Step *step)
{
  return source->input != NULL
         || visit (plan, source->scope, source->stage)->position < step->position;
}

static gboolean
add_links (Plan *plan, const Step *step, GVariantBuilder *builder, GError **error)
{
  GVariantBuilder links;

  g_variant_builder_init (&links, G_VARIANT_TYPE ("a(sss)"));
  for (guint i = 0; i < step->stage->links->len; i++) {
    const MedleyLink *link = step->stage->links->pdata[i];
    g_autofree char *name = NULL;
    MedleySource source;

    if (!follow (plan, step->scope, link, &source) || !comes_before (plan, &source, step))
      continue;
    if (!count_reader (plan, &source, plan->is_partial ? NULL : error)) {
      if (plan->is_partial)
        continue;
      g_variant_builder_clear (&links);
      return FALSE;
    }
    name = source_name (&source);
    g_variant_builder_add (&links, "(sss)", link->pad, name, source.port);
  }
  g_variant_builder_add (builder, "{sv}", "from", g_variant_builder_end (&links));
  return TRUE;
}

static gboolean
add_step (Plan *plan, const Step *step, GVariantBuilder *builder, GError **error)
{
  const char *file = step->scope->spec->file;
  g_autoptr (GVariant) set = NULL;
  GVariant *engines;

  g_variant_builder_add (builder, "{sv}", "name", g_variant_new_string (step->name));
  if (step->stage->kind == MEDLEY_STAGE_TASK) {
    engines = choose_engines (plan, step, error);
    if (engines == NULL)
      return FALSE;
    g_variant_builder_add (builder, "{sv}", "task", g_variant_new_string (step->stage->target));
    g_variant_builder_add (builder, "{sv}", "engines", engines);
  } else {
    g_variant_builder_add (builder, "{sv}", "element", g_variant_new_string (step->stage->target));
  }
  set = medley_scope_expand (step->scope, step->stage, &plan->budget, error);
  if (set == NULL || !add_links (plan, step, builder, error))
    return FALSE;
  g_variant_builder_add (builder, "{sv}", "set", set);
  if (step->stage->stall > 0)
    g_variant_builder_add (builder, "{sv}", "stall", g_variant_new_uint32 (step->stage->stall));
  g_variant_builder_add (builder, "{sv}", "pointer", g_variant_new_string (step->stage->pointer));
  g_variant_builder_add (builder, "{sv}", "file", g_variant_new_string (file != NULL ? file : ""));
  return TRUE;
}

/* (transfer floating) (nullable): `aa{sv}` */
static GVariant *
build_stages (Plan *plan, GError **error)
{
  guint max = plan->context->max_stages > 0 ? plan->context->max_stages : 64;
  GVariantBuilder builder;

  if (plan->order->len > max) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_PIPELINE,
                 "with those of its sub-pipelines, \"%s\" has more than %u stages",
                 plan->top->spec->name, max);
    return NULL;
  }
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < plan->order->len; i++) {
    g_variant_builder_open (&builder, G_VARIANT_TYPE_VARDICT);
    if (!add_step (plan, plan->order->pdata[i], &builder, error)) {
      g_variant_builder_clear (&builder);
      return NULL;
    }
    g_variant_builder_close (&builder);
  }
  return g_variant_builder_end (&builder);
}

/* (transfer floating) (nullable): `aa{sv}`: the inputs that are needed, all of which must be given
 */
static GVariant *
build_inputs (Plan *plan, GError **error)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < plan->top->spec->inputs->len; i++) {
    const MedleyInputSpec *input = plan->top->spec->inputs->pdata[i];

    if (!g_hash_table_contains (plan->needed_inputs, input->name))
      continue;
    if (!is_given (plan, input)) {
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_MISSING_INPUT,
                   "the pipeline \"%s\" needs the input \"%s\" (%s)", plan->top->spec->name,
                   input->name, input->type);
      g_variant_builder_clear (&builder);
      return NULL;
    }
    g_variant_builder_open (&builder, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add (&builder, "{sv}", "name", g_variant_new_string (input->name));
    g_variant_builder_add (&builder, "{sv}", "type", g_variant_new_string (input->type));
    g_variant_builder_close (&builder);
  }
  return g_variant_builder_end (&builder);
}

/* The media type of an output: the pipeline's own or the one that is asked for. */
static char *
choose_type (const MedleyOutputSpec *output, const char *wanted, GError **error)
{
  const MedleyMediaType *own = medley_media_lookup (output->type);
  g_autofree char *name = medley_media_normalize (*wanted != '\0' ? wanted : output->type, error);
  const MedleyMediaType *type = name != NULL ? medley_media_lookup (name) : NULL;

  if (type == NULL) {
    g_prefix_error (error, "the output \"%s\" cannot be written so: ", output->name);
    return NULL;
  }
  if (type->modality != own->modality) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNSUPPORTED_TYPE,
                 "the output \"%s\" is %s (%s), which %s cannot hold", output->name,
                 medley_modality_to_string (own->modality), own->name, type->name);
    return NULL;
  }
  return g_steal_pointer (&name);
}

/* @present: whether any of its sources is there. */
static gboolean
add_output (Plan *plan, const MedleyOutputSpec *output, const char *wanted,
            GVariantBuilder *builder, gboolean *present, GError **error)
{
  g_autofree char *type = choose_type (output, wanted, error);
  GVariantBuilder sources;
  guint n = 0;

  if (type == NULL)
    return FALSE;
  g_variant_builder_init (&sources, G_VARIANT_TYPE ("a(ss)"));
  for (guint i = 0; i < output->links->len; i++) {
    g_autofree char *name = NULL;
    MedleySource source;

    if (!follow (plan, plan->top, output->links->pdata[i], &source))
      continue;
    if (!count_reader (plan, &source, plan->is_partial ? NULL : error)) {
      if (plan->is_partial)
        continue;
      g_variant_builder_clear (&sources);
      return FALSE;
    }
    name = source_name (&source);
    g_variant_builder_add (&sources, "(ss)", name, source.port);
    n++;
  }
  *present = n > 0;
  if (n == 0) {
    g_variant_builder_clear (&sources);
    return TRUE;
  }
  g_variant_builder_open (builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (builder, "{sv}", "name", g_variant_new_string (output->name));
  g_variant_builder_add (builder, "{sv}", "type", g_variant_new_string (type));
  g_variant_builder_add (builder, "{sv}", "from", g_variant_builder_end (&sources));
  g_variant_builder_add (builder, "{sv}", "pointer", g_variant_new_string (output->pointer));
  g_variant_builder_close (builder);
  return TRUE;
}

static gboolean
check_wanted (const MedleySpec *spec, GVariant *wanted, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  GVariantIter iter;
  const char *name;

  for (guint i = 0; i < spec->outputs->len; i++)
    g_ptr_array_add (names, ((MedleyOutputSpec *) spec->outputs->pdata[i])->name);
  g_ptr_array_add (names, NULL);
  g_variant_iter_init (&iter, wanted);
  while (g_variant_iter_next (&iter, "{&s&s}", &name, NULL)) {
    if (medley_spec_find_output (spec, name) == NULL) {
      set_unknown (error, MEDLEY_ERROR_UNKNOWN_OUTPUT, "output", name, names, spec->name);
      return FALSE;
    }
  }
  return TRUE;
}

/* (transfer floating) (nullable): `aa{sv}` */
static GVariant *
build_outputs (Plan *plan, GVariant *wanted, GError **error)
{
  const MedleySpec *spec = plan->top->spec;
  gboolean all = wanted == NULL || g_variant_n_children (wanted) == 0;
  GVariantBuilder builder;
  guint n = 0;

  if (!all && !check_wanted (spec, wanted, error))
    return NULL;
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < spec->outputs->len; i++) {
    const MedleyOutputSpec *output = spec->outputs->pdata[i];
    const char *type = "";
    gboolean present = FALSE;

    if (!all && !g_variant_lookup (wanted, output->name, "&s", &type))
      continue;
    if (output->type == NULL)
      continue;
    if (!add_output (plan, output, type, &builder, &present, error)) {
      g_variant_builder_clear (&builder);
      return NULL;
    }
    if (!present && !all) {
      g_set_error (
          error, MEDLEY_ERROR, MEDLEY_ERROR_MISSING_INPUT,
          "the output \"%s\" of the pipeline \"%s\" needs an optional input that is not given",
          output->name, spec->name);
      g_variant_builder_clear (&builder);
      return NULL;
    }
    n += present;
  }
  if (n > 0 || plan->is_partial)
    return g_variant_builder_end (&builder);
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_MISSING_INPUT,
               "without any of its optional inputs, the pipeline \"%s\" has no output", spec->name);
  g_variant_builder_clear (&builder);
  return NULL;
}

static GVariant *
build (Plan *plan, GVariant *outputs, GError **error)
{
  g_autoptr (GVariant) output_list = build_outputs (plan, outputs, error);
  g_autoptr (GVariant) input_list = NULL;
  g_autoptr (GVariant) stage_list = NULL;
  GVariant *limits = plan->context->limits;

  if (output_list == NULL)
    return NULL;
  g_variant_ref_sink (output_list);
  input_list = build_inputs (plan, error);
  if (input_list == NULL)
    return NULL;
  g_variant_ref_sink (input_list);
  stage_list = build_stages (plan, error);
  if (stage_list == NULL)
    return NULL;
  g_variant_ref_sink (stage_list);
  return g_variant_ref_sink (
      g_variant_new_parsed ("{'pipeline': <%s>, 'inputs': <%@aa{sv}>, 'stages': <%@aa{sv}>, "
                            "'outputs': <%@aa{sv}>, 'limits': <%@a{sv}>}",
                            plan->top->spec->name, input_list, stage_list, output_list,
                            limits != NULL ? limits : g_variant_new ("a{sv}", NULL)));
}

/* @inputs: %NULL for all */
static void
plan_init (Plan *plan, const MedleyPipelineContext *context, const char *const *inputs)
{
  *plan = (Plan){
    .context = context,
    .given = inputs,
    .steps = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, step_free),
    .order = g_ptr_array_new (),
    .needed_inputs = g_hash_table_new (g_str_hash, g_str_equal),
    .readers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL),
    .budget = MEDLEY_PLAN_MAX_BYTES,
  };
}

static void
plan_clear (Plan *plan)
{
  g_hash_table_unref (plan->steps);
  g_ptr_array_unref (plan->order);
  g_hash_table_unref (plan->needed_inputs);
  g_hash_table_unref (plan->readers);
}

GVariant *
medley_plan_make (MedleyPipeline *pipeline, const MedleyPipelineContext *context,
                  GVariant *parameters, GVariant *outputs, const char *const *inputs,
                  GError **error)
{
  g_autoptr (MedleyScope) top = NULL;
  GVariant *result = NULL;
  Plan plan;

  if (!medley_pipeline_is_valid (pipeline)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_PIPELINE,
                 "the pipeline \"%s\" has faults", medley_pipeline_get_name (pipeline));
    return NULL;
  }
  top = medley_scope_new (pipeline, context, parameters, FALSE, error);
  if (top == NULL)
    return NULL;
  plan_init (&plan, context, inputs);
  plan.top = top;
  if (check_given_inputs (&plan, error))
    result = build (&plan, outputs, error);
  plan_clear (&plan);
  return result;
}

static void
visit_all (Plan *plan, const MedleyScope *scope)
{
  GHashTableIter iter;
  gpointer sub;

  for (guint i = 0; i < scope->spec->stages->len; i++)
    visit (plan, scope, scope->spec->stages->pdata[i]);
  g_hash_table_iter_init (&iter, scope->subs);
  while (g_hash_table_iter_next (&iter, NULL, &sub))
    visit_all (plan, sub);
}

GVariant *
medley_plan_make_partial (MedleyPipeline *pipeline, const MedleyPipelineContext *context)
{
  g_autoptr (MedleyScope) top = NULL;
  GVariant *result = NULL;
  Plan plan;

  if (!pipeline->spec->has_shape)
    return NULL;
  top = medley_scope_new (pipeline, context, NULL, TRUE, NULL);
  if (top == NULL)
    return NULL;
  plan_init (&plan, context, NULL);
  plan.top = top;
  plan.is_partial = TRUE;
  visit_all (&plan, top);
  if (plan.order->len > 0 || medley_pipeline_is_valid (pipeline))
    result = build (&plan, NULL, NULL);
  plan_clear (&plan);
  return result;
}
