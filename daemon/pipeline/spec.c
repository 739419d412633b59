/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pipeline/spec.h"

#include <string.h>

#include "base/media.h"
#include "base/nearest.h"
#include "pipeline/reader.h"
#include "pipeline/template.h"

#define MAX_ENGINES 16
#define MAX_SOURCES 16
#define MAX_STALL 86400

static const MedleyKey pipeline_keys[] = {
  { "medley", "x", TRUE },       { "name", "s", FALSE },   { "title", "s", FALSE },
  { "description", "s", FALSE }, { "inputs", "o", FALSE }, { "parameters", "o", FALSE },
  { "stages", "o", TRUE },       { "outputs", "o", TRUE }, { "$schema", "s", FALSE },
  { NULL, NULL, FALSE },
};
static const MedleyKey input_keys[] = {
  { "type", "s", TRUE },
  { "description", "s", FALSE },
  { "optional", "b", FALSE },
  { NULL, NULL, FALSE },
};
static const MedleyKey stage_keys[] = {
  { "task", "s", FALSE },     { "engine", "sa", FALSE }, { "element", "s", FALSE },
  { "pipeline", "s", FALSE }, { "from", "so", FALSE },   { "set", "o", FALSE },
  { "stall", "x", FALSE },    { NULL, NULL, FALSE },
};
static const MedleyKey output_keys[] = {
  { "from", "sa", TRUE },
  { "type", "s", TRUE },
  { "description", "s", FALSE },
  { NULL, NULL, FALSE },
};

typedef struct {
  MedleyFaultSink *sink;
  MedleySpec *spec;
} Reading;

static void
link_free (gpointer data)
{
  MedleyLink *link = data;

  g_free (link->pad);
  g_free (link->source);
  g_free (link->port);
  g_free (link->pointer);
  g_free (link);
}

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

static void
read_source (Reading *r, GPtrArray *links, const char *pad, const char *text, const char *pointer)
{
  g_auto (GStrv) parts = g_strsplit (text, ".", 3);
  guint n = g_strv_length (parts);
  MedleyLink *link;

  if (n < 1 || n > 2 || !medley_is_identifier (parts[0])
      || (n == 2 && !medley_is_identifier (parts[1]))) {
    medley_fault_add (
        r->sink, "bad-value", pointer, NULL,
        "\"%.64s\" is no source: write the name of an input or a stage, or STAGE.PORT", text);
    return;
  }
  link = g_new0 (MedleyLink, 1);
  link->pad = g_strdup (pad);
  link->source = g_strdup (parts[0]);
  link->port = g_strdup (n == 2 ? parts[1] : "");
  link->pointer = g_strdup (pointer);
  g_ptr_array_add (links, link);
}

typedef struct {
  Reading *reading;
  GPtrArray *links;
} ReadingLinks;

static void
read_source_of_pad (const char *name, GVariant *value, const char *pointer, gpointer data)
{
  ReadingLinks *reading = data;

  if (medley_check_type (reading->reading->sink, value, pointer, "s"))
    read_source (reading->reading, reading->links, name, g_variant_get_string (value, NULL),
                 pointer);
}

static void
read_source_list (Reading *r, GPtrArray *links, GVariant *list, const char *pointer)
{
  gsize n = g_variant_n_children (list);

  if (n == 0 || n > MAX_SOURCES) {
    medley_fault_add (r->sink, n == 0 ? "bad-value" : "too-many", pointer, NULL,
                      "this must list 1 to %d sources", MAX_SOURCES);
    return;
  }
  for (gsize i = 0; i < n; i++) {
    g_autoptr (GVariant) boxed = g_variant_get_child_value (list, i);
    g_autoptr (GVariant) item = g_variant_get_variant (boxed);
    g_autofree char *place = g_strdup_printf ("%s/%" G_GSIZE_FORMAT, pointer, i);

    if (medley_check_type (r->sink, item, place, "s"))
      read_source (r, links, "", g_variant_get_string (item, NULL), place);
  }
}

static GPtrArray *
read_from (Reading *r, GVariant *object, const char *pointer, const char *types)
{
  GPtrArray *links = g_ptr_array_new_with_free_func (link_free);
  g_autoptr (GVariant) from = medley_read_member (object, "from", types);
  g_autofree char *place = medley_json_pointer_append (pointer, "from");
  ReadingLinks reading = { r, links };

  if (from == NULL)
    return links;
  if (g_variant_is_of_type (from, G_VARIANT_TYPE_STRING)) {
    read_source (r, links, "", g_variant_get_string (from, NULL), place);
  } else if (g_variant_is_of_type (from, G_VARIANT_TYPE_VARDICT)) {
    if (g_variant_n_children (from) == 0)
      medley_fault_add (r->sink, "bad-value", place, NULL, "this names no source");
    medley_read_entries (r->sink, from, place, "a port", MAX_SOURCES, read_source_of_pad, &reading);
  } else {
    read_source_list (r, links, from, place);
  }
  return links;
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
  Reading *r = data;
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
  Reading *r = data;

  g_ptr_array_add (r->spec->parameters, medley_parameter_read (r->sink, name, value, pointer));
}

static void
read_kind (Reading *r, MedleyStageSpec *stage, GVariant *value)
{
  static const char *const kinds[] = { "task", "element", "pipeline" };
  guint n_kinds = 0;

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    g_autoptr (GVariant) target = g_variant_lookup_value (value, kinds[i], NULL);

    if (target == NULL)
      continue;
    if (n_kinds++ > 0) {
      g_autofree char *place = medley_json_pointer_append (stage->pointer, kinds[i]);

      medley_fault_add (r->sink, "bad-value", place, NULL,
                        "a stage is one of \"task\", \"element\" and \"pipeline\", not several");
    } else if (g_variant_is_of_type (target, G_VARIANT_TYPE_STRING)) {
      stage->kind = (MedleyStageKind) (MEDLEY_STAGE_TASK + i);
      stage->target = g_variant_dup_string (target, NULL);
    }
  }
  if (n_kinds == 0) {
    GVariantIter iter;
    const char *key;
    gboolean misspelt = FALSE;

    /* A misspelt key is one fault, not two. */
    g_variant_iter_init (&iter, value);
    while (g_variant_iter_next (&iter, "{&sv}", &key, NULL))
      misspelt
          = misspelt
            || medley_nearest (key, (const char *const[]){ "task", "element", "pipeline", NULL })
                   != NULL;
    if (!misspelt)
      medley_fault_add (r->sink, "missing-key", stage->pointer, NULL,
                        "a stage needs one of the keys \"task\", \"element\" and \"pipeline\"");
  }
}

static void
read_engines (Reading *r, MedleyStageSpec *stage, GVariant *value)
{
  g_autoptr (GVariant) engine = medley_read_member (value, "engine", "sa");
  g_autofree char *place = medley_json_pointer_append (stage->pointer, "engine");
  gsize n;

  if (engine == NULL)
    return;
  if (stage->kind == MEDLEY_STAGE_ELEMENT || stage->kind == MEDLEY_STAGE_PIPELINE) {
    medley_fault_add (r->sink, "unknown-key", place, NULL,
                      "only a stage with a task has an engine");
    return;
  }
  stage->engines = g_ptr_array_new_with_free_func (g_free);
  if (g_variant_is_of_type (engine, G_VARIANT_TYPE_STRING)) {
    g_ptr_array_add (stage->engines, g_variant_dup_string (engine, NULL));
    return;
  }
  stage->engine_is_list = TRUE;
  n = g_variant_n_children (engine);
  if (n == 0 || n > MAX_ENGINES)
    medley_fault_add (r->sink, n == 0 ? "bad-value" : "too-many", place, NULL,
                      "this must list 1 to %d engines", MAX_ENGINES);
  for (gsize i = 0; i < MIN (n, MAX_ENGINES); i++) {
    g_autoptr (GVariant) boxed = g_variant_get_child_value (engine, i);
    g_autoptr (GVariant) item = g_variant_get_variant (boxed);
    g_autofree char *at = g_strdup_printf ("%s/%" G_GSIZE_FORMAT, place, i);

    if (medley_check_type (r->sink, item, at, "s"))
      g_ptr_array_add (stage->engines, g_variant_dup_string (item, NULL));
    else
      g_ptr_array_add (stage->engines, NULL);
  }
}

static void
read_stall (Reading *r, MedleyStageSpec *stage, GVariant *value)
{
  g_autoptr (GVariant) stall = medley_read_member (value, "stall", "x");
  g_autofree char *place = medley_json_pointer_append (stage->pointer, "stall");

  if (stall == NULL)
    return;
  if (stage->kind == MEDLEY_STAGE_PIPELINE)
    medley_fault_add (r->sink, "unknown-key", place, NULL,
                      "only a stage with a task or an element can stall; say it in that pipeline");
  else if (g_variant_get_int64 (stall) < 1 || g_variant_get_int64 (stall) > MAX_STALL)
    medley_fault_add (r->sink, "bad-value", place, NULL, "this must be 1 to %d seconds", MAX_STALL);
  else
    stage->stall = (guint) g_variant_get_int64 (stall);
}

static GVariant *
read_set (Reading *r, MedleyStageSpec *stage, GVariant *value)
{
  g_autoptr (GVariant) set = medley_read_member (value, "set", "o");
  g_autofree char *place = medley_json_pointer_append (stage->pointer, "set");
  GVariantBuilder builder;
  GVariantIter iter;
  const char *name;
  GVariant *item;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  if (set != NULL && g_variant_n_children (set) > MEDLEY_MAX_ENTRIES) {
    medley_fault_add (r->sink, "too-many", place, NULL, "a stage sets at most %d properties",
                      MEDLEY_MAX_ENTRIES);
  } else if (set != NULL) {
    g_variant_iter_init (&iter, set);
    while (g_variant_iter_loop (&iter, "{&sv}", &name, &item)) {
      g_autofree char *at = medley_json_pointer_append (place, name);

      if (*name == '\0')
        medley_fault_add (r->sink, "bad-value", at, NULL, "a property has a name");
      else if (medley_check_type (r->sink, item, at, "sbn"))
        g_variant_builder_add (&builder, "{sv}", name, item);
    }
  }
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

static void
read_stage (const char *name, GVariant *value, const char *pointer, gpointer data)
{
  Reading *r = data;
  MedleyStageSpec *stage = g_new0 (MedleyStageSpec, 1);
  g_autoptr (GVariant) from = NULL;

  stage->name = g_strdup (name);
  stage->pointer = g_strdup (pointer);
  g_ptr_array_add (r->spec->stages, stage);
  if (medley_spec_find_input (r->spec, name) != NULL)
    medley_fault_add (r->sink, "duplicate-name", pointer, NULL,
                      "\"%s\" is an input already; a stage needs a name of its own", name);
  if (!medley_read_object (r->sink, value, pointer, "a stage", stage_keys)) {
    stage->links = g_ptr_array_new_with_free_func (link_free);
    stage->set = g_variant_ref_sink (g_variant_new ("a{sv}", NULL));
    return;
  }
  read_kind (r, stage, value);
  read_engines (r, stage, value);
  read_stall (r, stage, value);
  from = g_variant_lookup_value (value, "from", NULL);
  stage->has_from = from != NULL;
  stage->links = read_from (r, value, pointer, "so");
  stage->set = read_set (r, stage, value);
}

static void
read_output (const char *name, GVariant *value, const char *pointer, gpointer data)
{
  Reading *r = data;
  MedleyOutputSpec *output = g_new0 (MedleyOutputSpec, 1);
  g_autofree char *type = NULL;
  g_autofree char *place = medley_json_pointer_append (pointer, "type");
  const MedleyMediaType *known;

  output->name = g_strdup (name);
  output->pointer = g_strdup (pointer);
  g_ptr_array_add (r->spec->outputs, output);
  if (!medley_read_object (r->sink, value, pointer, "an output", output_keys)) {
    output->links = g_ptr_array_new_with_free_func (link_free);
    return;
  }
  output->description = medley_read_string (value, "description");
  output->links = read_from (r, value, pointer, "sa");
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
read_head (Reading *r, GVariant *value)
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
read_list (Reading *r, GVariant *value, const char *key, const char *what, guint max,
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
  Reading r = { &sink, self };
  g_autoptr (GVariant) value = NULL;
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
             read_stage);
  read_list (&r, value, "outputs", "an output", MEDLEY_MAX_ENTRIES, read_output);
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
