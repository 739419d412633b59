/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pipeline/pipeline.h"

#include <string.h>

#include "pipeline/pipeline-private.h"
#include "pipeline/serves.h"

static char **
copy_names (GPtrArray *entries)
{
  char **names = g_new0 (char *, entries->len + 1);

  /* The name is the first member of all kinds of entries. */
  for (guint i = 0; i < entries->len; i++)
    names[i] = g_strdup (*(char *const *) entries->pdata[i]);
  return names;
}

G_STATIC_ASSERT (G_STRUCT_OFFSET (MedleyInputSpec, name) == 0);
G_STATIC_ASSERT (G_STRUCT_OFFSET (MedleyOutputSpec, name) == 0);

MedleyPipeline *
medley_pipeline_new (MedleySpec *spec, const MedleyPipelineContext *context)
{
  MedleyPipeline *self = g_new0 (MedleyPipeline, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->spec = medley_spec_ref (spec);
  self->subs = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
                                      (GDestroyNotify) medley_pipeline_unref);
  self->input_names = copy_names (spec->inputs);
  self->output_names = copy_names (spec->outputs);
  self->n_stages = spec->stages->len;
  self->faults = medley_faults_new ();
  for (guint i = 0; i < spec->faults->len; i++)
    g_ptr_array_add (self->faults, medley_fault_copy (spec->faults->pdata[i]));
  if (context != NULL && spec->has_shape)
    medley_pipeline_check (self, context);
  medley_faults_sort (self->faults);
  return self;
}

MedleyPipeline *
medley_pipeline_parse (const char *text, gsize length, const char *file,
                       const MedleyPipelineContext *context)
{
  g_autoptr (MedleySpec) spec = medley_spec_read (text, length, file, context);

  return medley_pipeline_new (spec, context);
}

MedleyPipeline *
medley_pipeline_ref (MedleyPipeline *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
medley_pipeline_unref (MedleyPipeline *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_ptr_array_unref (self->faults);
  g_hash_table_unref (self->subs);
  medley_spec_unref (self->spec);
  g_strfreev (self->input_names);
  g_strfreev (self->output_names);
  g_free (self);
}

const char *
medley_pipeline_get_name (MedleyPipeline *self)
{
  return self->spec->name;
}

const char *
medley_pipeline_get_file (MedleyPipeline *self)
{
  return self->spec->file;
}

GPtrArray *
medley_pipeline_get_faults (MedleyPipeline *self)
{
  return self->faults;
}

gboolean
medley_pipeline_is_valid (MedleyPipeline *self)
{
  return !medley_faults_have_errors (self->faults);
}

const char *const *
medley_pipeline_get_inputs (MedleyPipeline *self)
{
  return (const char *const *) self->input_names;
}

const char *const *
medley_pipeline_get_outputs (MedleyPipeline *self)
{
  return (const char *const *) self->output_names;
}

const char *
medley_pipeline_get_input_type (MedleyPipeline *self, const char *name)
{
  const MedleyInputSpec *input = medley_spec_find_input (self->spec, name);

  return input != NULL ? input->type : NULL;
}

const char *
medley_pipeline_get_output_type (MedleyPipeline *self, const char *name)
{
  const MedleyOutputSpec *output = medley_spec_find_output (self->spec, name);

  return output != NULL ? output->type : NULL;
}

/* The spec that was read from a file: this one's, or that of a pipeline within. */
static MedleySpec *
find_spec (MedleyPipeline *self, const char *file)
{
  GHashTableIter iter;
  gpointer sub;

  if (g_strcmp0 (self->spec->file, file) == 0)
    return self->spec;
  g_hash_table_iter_init (&iter, self->subs);
  while (g_hash_table_iter_next (&iter, NULL, &sub)) {
    MedleySpec *spec = find_spec (sub, file);

    if (spec != NULL)
      return spec;
  }
  return NULL;
}

static gboolean
is_within (const char *pointer, const char *ancestor)
{
  gsize length = strlen (ancestor);

  return g_str_has_prefix (pointer, ancestor)
         && (pointer[length] == '/' || pointer[length] == '\0');
}

/* Of a place that has a fault already, a worker can only tell what follows from it. */
static gboolean
is_known_to_be_faulty (MedleyPipeline *self, const char *file, const char *pointer)
{
  for (guint i = 0; i < self->faults->len; i++) {
    const MedleyFault *fault = self->faults->pdata[i];

    /* Of a key that stands twice, the first value is checked like any other. */
    if (!fault->is_warning && !g_str_equal (fault->code, "duplicate-key") && *fault->pointer != '\0'
        && g_strcmp0 (fault->file, file) == 0
        && (is_within (fault->pointer, pointer) || is_within (pointer, fault->pointer)))
      return TRUE;
  }
  return FALSE;
}

static void
add_worker_fault (MedleyPipeline *self, GVariant *dict, GPtrArray *all)
{
  const char *code = "failed";
  const char *pointer = "";
  const char *message = "";
  const char *suggestion = "";
  const char *severity = "error";
  const char *file = "";
  MedleySpec *spec;

  g_variant_lookup (dict, "code", "&s", &code);
  g_variant_lookup (dict, "pointer", "&s", &pointer);
  g_variant_lookup (dict, "message", "&s", &message);
  g_variant_lookup (dict, "suggestion", "&s", &suggestion);
  g_variant_lookup (dict, "severity", "&s", &severity);
  g_variant_lookup (dict, "file", "&s", &file);
  spec = *file == '\0' ? self->spec : find_spec (self, file);

  MedleyFaultSink sink = { all, spec != NULL ? spec->map : NULL, spec != NULL ? spec->file : file };
  guint before = all->len;

  if (is_known_to_be_faulty (self, sink.file, pointer))
    return;
  if (g_str_equal (severity, "warning"))
    medley_fault_warn (&sink, code, pointer, NULL, "%s", message);
  else
    medley_fault_add (&sink, code, pointer, NULL, "%s", message);
  /* The worker's message names the suggestion itself. */
  if (*suggestion != '\0' && all->len == before + 1)
    ((MedleyFault *) all->pdata[before])->suggestion = g_strdup (suggestion);
}

GPtrArray *
medley_pipeline_add_worker_faults (MedleyPipeline *self, GVariant *faults)
{
  GPtrArray *all = medley_faults_new ();
  GVariantIter iter;
  GVariant *dict;

  for (guint i = 0; i < self->faults->len; i++)
    g_ptr_array_add (all, medley_fault_copy (self->faults->pdata[i]));
  g_variant_iter_init (&iter, faults);
  while (g_variant_iter_loop (&iter, "@a{sv}", &dict))
    add_worker_fault (self, dict, all);
  medley_faults_sort (all);
  return all;
}

static void
add_string (GVariantBuilder *builder, const char *key, const char *value)
{
  g_variant_builder_add (builder, "{sv}", key, g_variant_new_string (value != NULL ? value : ""));
}

static GVariant *
describe_inputs (const MedleySpec *spec)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  for (guint i = 0; i < spec->inputs->len; i++) {
    const MedleyInputSpec *input = spec->inputs->pdata[i];
    GVariantBuilder entry;

    g_variant_builder_init (&entry, G_VARIANT_TYPE_VARDICT);
    add_string (&entry, "type", input->type);
    add_string (&entry, "description", input->description);
    g_variant_builder_add (&entry, "{sv}", "optional", g_variant_new_boolean (input->optional));
    g_variant_builder_add (&builder, "{sv}", input->name, g_variant_builder_end (&entry));
  }
  return g_variant_builder_end (&builder);
}

static GVariant *
describe_outputs (const MedleySpec *spec)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  for (guint i = 0; i < spec->outputs->len; i++) {
    const MedleyOutputSpec *output = spec->outputs->pdata[i];
    GVariantBuilder entry;

    g_variant_builder_init (&entry, G_VARIANT_TYPE_VARDICT);
    add_string (&entry, "type", output->type);
    add_string (&entry, "description", output->description);
    g_variant_builder_add (&builder, "{sv}", output->name, g_variant_builder_end (&entry));
  }
  return g_variant_builder_end (&builder);
}

static GVariant *
describe_parameters (const MedleySpec *spec)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  for (guint i = 0; i < spec->parameters->len; i++) {
    const MedleyParameter *parameter = spec->parameters->pdata[i];

    g_variant_builder_add (&builder, "{sv}", parameter->name,
                           medley_parameter_describe (parameter));
  }
  return g_variant_builder_end (&builder);
}

GVariant *
medley_pipeline_describe (MedleyPipeline *self)
{
  const MedleySpec *spec = self->spec;
  g_auto (GStrv) stages = copy_names (spec->stages);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  add_string (&builder, "name", spec->name);
  add_string (&builder, "title", spec->title);
  add_string (&builder, "description", spec->description);
  add_string (&builder, "file", spec->file);
  g_variant_builder_add (&builder, "{sv}", "valid",
                         g_variant_new_boolean (medley_pipeline_is_valid (self)));
  g_variant_builder_add (&builder, "{sv}", "inputs", describe_inputs (spec));
  g_variant_builder_add (&builder, "{sv}", "parameters", describe_parameters (spec));
  g_variant_builder_add (&builder, "{sv}", "stages",
                         g_variant_new_strv ((const char *const *) stages, -1));
  g_variant_builder_add (&builder, "{sv}", "outputs", describe_outputs (spec));
  g_variant_builder_add (&builder, "{sv}", "serves", medley_serves_describe (spec->serves));
  g_variant_builder_add (&builder, "{sv}", "faults", medley_faults_to_variant (self->faults));
  return g_variant_builder_end (&builder);
}
