/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pipeline/spec.h"

#include <string.h>

#include "base/media.h"
#include "base/nearest.h"
#include "pipeline/serves.h"
#include "pipeline/spec-private.h"
#include "pipeline/template.h"

static const MedleyKey pipeline_keys[] = {
  { "medley", "x", TRUE },       { "name", "s", FALSE },   { "title", "s", FALSE },
  { "description", "s", FALSE }, { "inputs", "o", FALSE }, { "parameters", "o", FALSE },
  { "stages", "o", TRUE },       { "outputs", "o", TRUE }, { "serves", "o", FALSE },
  { "$schema", "s", FALSE },     { NULL, NULL, FALSE },
};
static const MedleyKey input_keys[] = {
  { "type", "s", TRUE },
  { "description", "s", FALSE },
  { "optional", "b", FALSE },
  { NULL, NULL, FALSE },
};
static const MedleyKey output_keys[] = {
  { "from", "sa", TRUE },
  { "type", "s", TRUE },
  { "description", "s", FALSE },
  { NULL, NULL, FALSE },
};

static void
input_free (gpointer data)
{
  MedleyInputSpec *input = data;

  g_free (input->name);
  g_free (input->type);
  g_free (input->description);
  g_free (input->pointer);
  g_free (input);
}

static void
stage_free (gpointer data)
{
  MedleyStageSpec *stage = data;

  g_free (stage->name);
  g_free (stage->target);
  g_clear_pointer (&stage->engines, g_ptr_array_unref);
  g_ptr_array_unref (stage->links);
  g_variant_unref (stage->set);
  g_free (stage->pointer);
  g_free (stage);
}

static void
output_free (gpointer data)
{
  MedleyOutputSpec *output = data;

  g_free (output->name);
  g_free (output->type);
  g_free (output->description);
  g_ptr_array_unref (output->links);
  g_free (output->pointer);
  g_free (output);
}

MedleySpec *
medley_spec_ref (MedleySpec *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
medley_spec_unref (MedleySpec *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_free (self->file);
  g_free (self->name);
  g_free (self->title);
  g_free (self->description);
  g_ptr_array_unref (self->inputs);
  g_ptr_array_unref (self->parameters);
  g_ptr_array_unref (self->stages);
  g_ptr_array_unref (self->outputs);
  g_ptr_array_unref (self->serves);
  g_clear_pointer (&self->map, medley_json_map_free);
  g_ptr_array_unref (self->faults);
  g_free (self);
}

char *
medley_spec_name_of_file (const char *file)
{
  g_autofree char *base = g_path_get_basename (file);

  if (g_str_has_suffix (base, ".json"))
    base[strlen (base) - strlen (".json")] = '\0';
  return g_utf8_make_valid (base, -1);
}

static const char *
find_near_type (const char *type, gboolean for_output)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  guint n_types;
  const MedleyMediaType *types = medley_media_list (&n_types);

  for (guint i = 0; i < n_types; i++) {
    if (types[i].writable || !for_output)
      g_ptr_array_add (names, (gpointer) types[i].name);
  }
  g_ptr_array_add (names, NULL);
  return medley_nearest (type, (const char *const *) names->pdata);
}

static void
read_input (const char *name, GVariant *value, const char *pointer, gpointer data)
{
  MedleySpecReading *r = data;
  MedleyInputSpec *input;
  g_autoptr (GVariant) optional = NULL;
  g_autofree char *type = NULL;
  g_autofree char *place = medley_json_pointer_append (pointer, "type");

  /* Also a faulty one keeps its name, so that those who read it are not faulty as well. */
  input = g_new0 (MedleyInputSpec, 1);
  input->name = g_strdup (name);
  input->pointer = g_strdup (pointer);
  g_ptr_array_add (r->spec->inputs, input);
  if (!medley_read_object (r->sink, value, pointer, "an input", input_keys))
    return;
  input->description = medley_read_string (value, "description");
  optional = medley_read_member (value, "optional", "b");
  input->optional = optional != NULL && g_variant_get_boolean (optional);
  type = medley_read_string (value, "type");
  if (type == NULL)
    return;
  if (medley_media_lookup (type) != NULL)
    input->type = g_strdup (medley_media_lookup (type)->name);
  else if (medley_media_is_wildcard (type))
    input->type = g_steal_pointer (&type);
  else
    medley_fault_add (r->sink, "unsupported-type", place, find_near_type (type, FALSE),
                      "\"%.64s\" is no media type that an input can have", type);
}

static void
read_parameter (const char *name, GVariant *value, const char *pointer, gpointer data)
{
  MedleySpecReading *r = data;

  g_ptr_array_add (r->spec->parameters, medley_parameter_read (r->sink, name, value, pointer));
}

static void
read_output (const char *name, GVariant *value, const char *pointer, gpointer data)
{
  MedleySpecReading *r = data;
  MedleyOutputSpec *output = g_new0 (MedleyOutputSpec, 1);
  g_autofree char *type = NULL;
  g_autofree char *place = medley_json_pointer_append (pointer, "type");
  const MedleyMediaType *known;

  output->name = g_strdup (name);
  output->pointer = g_strdup (pointer);
  g_ptr_array_add (r->spec->outputs, output);
  if (!medley_read_object (r->sink, value, pointer, "an output", output_keys)) {
    output->links = medley_spec_links_new ();
    return;
  }
  output->description = medley_read_string (value, "description");
  output->links = medley_spec_read_from (r, value, pointer, "sa");
  type = medley_read_string (value, "type");
  if (type == NULL)
    return;
  known = medley_media_lookup (type);
  if (known != NULL && known->writable)
    output->type = g_strdup (known->name);
  else
    medley_fault_add (r->sink, "unsupported-type", place, find_near_type (type, TRUE),
                      "\"%.64s\" is no media type that an output can have", type);
}

static void
read_head (MedleySpecReading *r, GVariant *value)
{
  g_autoptr (GVariant) version = medley_read_member (value, "medley", "x");
  g_autofree char *name = medley_read_string (value, "name");

  if (version != NULL && g_variant_get_int64 (version) != 1)
    medley_fault_add (r->sink, "bad-value", "/medley", NULL,
                      "this version of the format is not known; the one known here is 1");
  if (name != NULL && !medley_is_identifier (name)) {
    medley_fault_add (
        r->sink, "bad-value", "/name", NULL,
        "\"%.64s\" is no name for a pipeline: use up to 64 letters, digits, \"-\" and "
        "\"_\", a letter first",
        name);
  } else if (name != NULL) {
    g_free (r->spec->name);
    r->spec->name = g_steal_pointer (&name);
  }
  r->spec->title = medley_read_string (value, "title");
  r->spec->description = medley_read_string (value, "description");
}

static void
read_list (MedleySpecReading *r, GVariant *value, const char *key, const char *what, guint max,
           MedleyEntryFunc func)
{
  g_autoptr (GVariant) list = medley_read_member (value, key, "o");
  g_autofree char *pointer = medley_json_pointer_append ("", key);

  medley_read_entries (r->sink, list, pointer, what, max, func, r);
  if (list != NULL && g_variant_n_children (list) > max)
    r->spec->has_shape = FALSE;
}

/* Without all its names, whatever refers to them would look faulty as well. */
static gboolean
all_lists_are_there (GPtrArray *faults, GVariant *value)
{
  static const char *const lists[] = { "inputs", "parameters", "stages", "outputs", NULL };
  g_autoptr (GVariant) stages = g_variant_lookup_value (value, "stages", NULL);

  for (guint i = 0; i < faults->len; i++) {
    const MedleyFault *fault = faults->pdata[i];

    if ((fault->suggestion != NULL && g_strv_contains (lists, fault->suggestion))
        || (*fault->pointer != '\0' && g_strv_contains (lists, fault->pointer + 1)))
      return FALSE;
  }
  return stages != NULL;
}

static MedleySpec *
spec_new (const char *file)
{
  MedleySpec *self = g_new0 (MedleySpec, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->file = g_strdup (file);
  self->name = file != NULL ? medley_spec_name_of_file (file) : g_strdup ("pipeline");
  self->inputs = g_ptr_array_new_with_free_func (input_free);
  self->parameters = g_ptr_array_new_with_free_func ((GDestroyNotify) medley_parameter_free);
  self->stages = g_ptr_array_new_with_free_func (stage_free);
  self->outputs = g_ptr_array_new_with_free_func (output_free);
  self->serves = medley_serves_list_new ();
  self->faults = medley_faults_new ();
  return self;
}

MedleySpec *
medley_spec_new_broken (const char *file, const char *code, const char *message)
{
  MedleySpec *self = spec_new (file);
  MedleyFaultSink sink = { self->faults, NULL, self->file };

  medley_fault_add_at (&sink, code, "", 0, 0, message);
  return self;
}

static void
add_duplicates (MedleyFaultSink *sink)
{
  GPtrArray *duplicates = medley_json_map_get_duplicates (sink->map);

  for (guint i = 0; i < duplicates->len; i++) {
    const MedleyJsonDuplicate *duplicate = duplicates->pdata[i];

    medley_fault_add_at (sink, "duplicate-key", duplicate->pointer, duplicate->line,
                         duplicate->column, "the key stands twice in one object; the first counts");
  }
}

MedleySpec *
medley_spec_read (const char *text, gsize length, const char *file,
                  const MedleyPipelineContext *context)
{
  MedleySpec *self = spec_new (file);
  MedleyJsonLimits limits = MEDLEY_JSON_LIMITS_DEFAULT;
  MedleyFaultSink sink = { self->faults, NULL, self->file };
  MedleySpecReading r = { &sink, self };
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GVariant) serves = NULL;
  g_autoptr (GError) error = NULL;
  guint line;
  guint column;

  if (context->max_bytes > 0)
    limits.max_bytes = context->max_bytes;
  if (context->max_depth > 0)
    limits.max_depth = context->max_depth;
  value = medley_json_parse_first (text, length, &limits, &self->map, &line, &column, &error);
  if (value == NULL) {
    medley_fault_add_at (&sink, "invalid-json", "", line, column, error->message);
    return self;
  }
  sink.map = self->map;
  add_duplicates (&sink);
  if (!medley_read_object (&sink, value, "", "a pipeline", pipeline_keys))
    return self;
  self->has_shape = all_lists_are_there (self->faults, value);
  read_head (&r, value);
  if (!medley_is_identifier (self->name))
    medley_fault_add (&sink, "bad-value", "", NULL,
                      "the file’s name gives no name for a pipeline: add the key \"name\"");
  read_list (&r, value, "inputs", "an input", MEDLEY_MAX_ENTRIES, read_input);
  read_list (&r, value, "parameters", "a parameter", MEDLEY_MAX_ENTRIES, read_parameter);
  read_list (&r, value, "stages", "a stage", context->max_stages > 0 ? context->max_stages : 64,
             medley_spec_read_stage);
  read_list (&r, value, "outputs", "an output", MEDLEY_MAX_ENTRIES, read_output);
  serves = medley_read_member (value, "serves", "o");
  medley_serves_read (&sink, self, serves);
  if (self->outputs->len == 0) {
    g_autoptr (GVariant) outputs = medley_read_member (value, "outputs", "o");

    if (outputs != NULL && g_variant_n_children (outputs) == 0)
      medley_fault_add (&sink, "missing-key", "/outputs", NULL,
                        "a pipeline needs at least one output");
  }
  return self;
}

#define FIND(Type, list)                                                                           \
  for (guint i = 0; i < (list)->len; i++) {                                                        \
    if (g_str_equal (((Type *) (list)->pdata[i])->name, name))                                     \
      return (list)->pdata[i];                                                                     \
  }                                                                                                \
  return NULL

MedleyInputSpec *
medley_spec_find_input (const MedleySpec *self, const char *name)
{
  FIND (MedleyInputSpec, self->inputs);
}

MedleyStageSpec *
medley_spec_find_stage (const MedleySpec *self, const char *name)
{
  FIND (MedleyStageSpec, self->stages);
}

MedleyOutputSpec *
medley_spec_find_output (const MedleySpec *self, const char *name)
{
  FIND (MedleyOutputSpec, self->outputs);
}

MedleyParameter *
medley_spec_find_parameter (const MedleySpec *self, const char *name)
{
  FIND (MedleyParameter, self->parameters);
}
