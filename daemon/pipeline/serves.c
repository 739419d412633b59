/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pipeline/serves.h"

#include <string.h>

#include "base/media.h"
#include "base/nearest.h"
#include "pipeline/pipeline-private.h"
#include "pipeline/reader.h"

#define MAX_PARTS 4

/* Whether a part has to be there. */
typedef enum {
  OPTIONAL,
  REQUIRED, /* a parameter of its name will do as well */
  ONE_OF,   /* one at least of those that are marked so */
} Need;

/* A field that carries content, or a part of the answer. */
typedef struct {
  const char *name;
  MedleyModality modality;
  Need need;
  gboolean or_data; /* application/json will do as well */
} Part;

typedef struct {
  const char *name;
  Part inputs[MAX_PARTS];
  const char *parameters; /* fields that may set a parameter, separated by spaces */
  Part outputs[MAX_PARTS];
} Route;

#define TEXT MEDLEY_MODALITY_TEXT
#define IMAGE MEDLEY_MODALITY_IMAGE
#define AUDIO MEDLEY_MODALITY_AUDIO
#define VIDEO MEDLEY_MODALITY_VIDEO
#define DATA MEDLEY_MODALITY_DATA
#define PICTURE_FIELDS "size width height quality style background partial_images seed"

/* clang-format off */
static const Route routes[] = {
  { "audio/speech", { { "input", TEXT, REQUIRED } }, "voice speed instructions", { { "audio", AUDIO, REQUIRED } } },
  { "audio/transcriptions", { { "file", AUDIO, REQUIRED } }, "language prompt temperature",
    { { "text", TEXT, REQUIRED }, { "captions", TEXT } } },
  { "audio/translations", { { "file", AUDIO, REQUIRED } }, "prompt temperature",
    { { "text", TEXT, REQUIRED }, { "captions", TEXT } } },
  { "chat/completions", { { "messages", TEXT, ONE_OF, TRUE }, { "image", IMAGE, ONE_OF } },
    "system temperature top_p max_completion_tokens seed stop frequency_penalty presence_penalty reasoning_effort verbosity",
    { { "text", TEXT, REQUIRED } } },
  { "images/generations", { { "prompt", TEXT, REQUIRED } }, PICTURE_FIELDS,
    { { "image", IMAGE, REQUIRED }, { "previews", IMAGE } } },
  { "images/edits", { { "image", IMAGE, REQUIRED }, { "mask", IMAGE }, { "prompt", TEXT, REQUIRED } },
    "prompt " PICTURE_FIELDS, { { "image", IMAGE, REQUIRED }, { "previews", IMAGE } } },
  { "videos", { { "prompt", TEXT, REQUIRED }, { "input_reference", IMAGE } }, "prompt size width height seconds seed",
    { { "video", VIDEO, REQUIRED } } },
  { "embeddings", { { "input", TEXT, REQUIRED, TRUE } }, "dimensions", { { "embedding", DATA, REQUIRED } } },
};
/* clang-format on */

struct _MedleyServes {
  const Route *route;
  const MedleySpec *spec; /* that it is a part of */
  GHashTable *inputs;     /* field → name */
  GHashTable *parameters; /* field → name */
  GHashTable *outputs;    /* role → name */
  GVariant *values;       /* a{sv}: field → a{sv} */
};

typedef struct {
  MedleyFaultSink *sink;
  const MedleySpec *spec;
  MedleyServes *serves;
  const char *pointer; /* of the route in the file */
} Reading;

static void
serves_free (gpointer data)
{
  MedleyServes *self = data;

  g_hash_table_unref (self->inputs);
  g_hash_table_unref (self->parameters);
  g_hash_table_unref (self->outputs);
  g_variant_unref (self->values);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyServes, serves_free)

static MedleyServes *
serves_new (const Route *route, const MedleySpec *spec)
{
  MedleyServes *self = g_new0 (MedleyServes, 1);

  self->route = route;
  self->spec = spec;
  self->inputs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->parameters = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->outputs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->values = g_variant_ref_sink (g_variant_new ("a{sv}", NULL));
  return self;
}

/* Names, to find the nearest */

static char **
part_names (const Part *parts)
{
  GStrvBuilder *builder = g_strv_builder_new ();
  char **names;

  for (guint i = 0; i < MAX_PARTS && parts[i].name != NULL; i++)
    g_strv_builder_add (builder, parts[i].name);
  names = g_strv_builder_end (builder);
  g_strv_builder_unref (builder);
  return names;
}

static char **
entry_names (GPtrArray *entries)
{
  char **names = g_new0 (char *, entries->len + 1);

  /* The name is the first member of inputs, parameters and outputs. */
  for (guint i = 0; i < entries->len; i++)
    names[i] = g_strdup (*(char *const *) entries->pdata[i]);
  return names;
}

static const Route *
find_route (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (routes); i++) {
    if (g_str_equal (routes[i].name, name))
      return &routes[i];
  }
  return NULL;
}

static const char *
nearest_route (const char *name)
{
  const char *names[G_N_ELEMENTS (routes) + 1] = { NULL };

  for (guint i = 0; i < G_N_ELEMENTS (routes); i++)
    names[i] = routes[i].name;
  return medley_nearest (name, names);
}

static const Part *
find_part (const Part *parts, const char *name)
{
  for (guint i = 0; i < MAX_PARTS && parts[i].name != NULL; i++) {
    if (g_str_equal (parts[i].name, name))
      return &parts[i];
  }
  return NULL;
}

/* Reading what the file says */

/* Reads "inputs", "parameters" or "outputs": fields of the route to names of the pipeline.
 * @what: what such a name stands for */
static void
read_map (Reading *r, GVariant *object, const char *key, char **fields, GPtrArray *entries,
          const char *what, GHashTable *map)
{
  g_autoptr (GVariant) member = medley_read_member (object, key, "o");
  g_autofree char *pointer = medley_json_pointer_append (r->pointer, key);
  g_auto (GStrv) names = entry_names (entries);
  GVariantIter iter;
  const char *field;
  GVariant *value;

  if (member == NULL)
    return;
  g_variant_iter_init (&iter, member);
  while (g_variant_iter_loop (&iter, "{&sv}", &field, &value)) {
    g_autofree char *place = medley_json_pointer_append (pointer, field);

    if (!g_strv_contains ((const char *const *) fields, field)) {
      medley_fault_add (r->sink, "unknown-key", place,
                        medley_nearest (field, (const char *const *) fields),
                        "%s has no \"%.64s\" among its %s", r->serves->route->name, field, key);
    } else if (medley_check_type (r->sink, value, place, "s")) {
      const char *name = g_variant_get_string (value, NULL);

      if (g_strv_contains ((const char *const *) names, name))
        g_hash_table_insert (map, g_strdup (field), g_strdup (name));
      else
        medley_fault_add (r->sink, "unknown-name", place,
                          medley_nearest (name, (const char *const *) names),
                          "there is no %s \"%.64s\"", what, name);
    }
  }
}

static gboolean
has_value (GHashTable *map, const char *name)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, map);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    if (g_str_equal (value, name))
      return TRUE;
  }
  return FALSE;
}

/* An article for the modality, for messages. */
static const char *
with_article (MedleyModality modality)
{
  switch (modality) {
  case IMAGE:
    return "an image";
  case VIDEO:
    return "a video";
  default:
    return medley_modality_to_string (modality);
  }
}

static void
report_modality (Reading *r, const char *key, const Part *part, const char *name, const char *type)
{
  g_autofree char *parent = medley_json_pointer_append (r->pointer, key);
  g_autofree char *place = medley_json_pointer_append (parent, part->name);

  medley_fault_add (r->sink, "caps-mismatch", place, NULL, "\"%s\" of %s is %s, and \"%s\" is %s",
                    part->name, r->serves->route->name, with_article (part->modality), name, type);
}

static gboolean
input_fits (const Part *part, const MedleyInputSpec *input)
{
  MedleyModality modality;

  /* A type that is faulty is told elsewhere. */
  if (input->type == NULL)
    return TRUE;
  modality = medley_media_modality (input->type);
  /* A video that is sent has a sound track. */
  return modality == part->modality || (part->modality == AUDIO && modality == VIDEO)
         || (part->or_data && modality == DATA);
}

/* The only input that can stand for a field and stands for no other. */
static const char *
find_only_input (Reading *r, const Part *part)
{
  const char *found = NULL;

  for (guint i = 0; i < r->spec->inputs->len; i++) {
    const MedleyInputSpec *input = r->spec->inputs->pdata[i];

    if (!input_fits (part, input) || has_value (r->serves->inputs, input->name))
      continue;
    if (found != NULL)
      return NULL;
    found = input->name;
  }
  return found;
}

static void
check_one_of (Reading *r)
{
  const Part *parts = r->serves->route->inputs;
  g_autoptr (GString) names = g_string_new (NULL);

  for (guint i = 0; i < MAX_PARTS && parts[i].name != NULL; i++) {
    if (g_hash_table_contains (r->serves->inputs, parts[i].name))
      return;
    if (parts[i].need == ONE_OF)
      g_string_append_printf (names, "%s\"%s\"", names->len > 0 ? " or " : "", parts[i].name);
  }
  if (names->len > 0)
    medley_fault_add (r->sink, "missing-key", r->pointer, NULL,
                      "%s needs an input for %s: name it under \"inputs\"", r->serves->route->name,
                      names->str);
}

static void
complete_inputs (Reading *r)
{
  const Part *parts = r->serves->route->inputs;
  GHashTable *map = r->serves->inputs;

  for (guint i = 0; i < MAX_PARTS && parts[i].name != NULL; i++) {
    const char *name = g_hash_table_lookup (map, parts[i].name);
    const MedleyInputSpec *input
        = medley_spec_find_input (r->spec, name != NULL ? name : parts[i].name);

    if (name != NULL && !input_fits (&parts[i], input))
      report_modality (r, "inputs", &parts[i], name, input->type);
    else if (name == NULL && input != NULL && input_fits (&parts[i], input)
             && !has_value (map, input->name))
      g_hash_table_insert (map, g_strdup (parts[i].name), g_strdup (input->name));
  }
  for (guint i = 0; i < MAX_PARTS && parts[i].name != NULL; i++) {
    const char *only;

    if (g_hash_table_contains (map, parts[i].name))
      continue;
    only = find_only_input (r, &parts[i]);
    if (only != NULL)
      g_hash_table_insert (map, g_strdup (parts[i].name), g_strdup (only));
    else if (parts[i].need == REQUIRED
             && !g_hash_table_contains (r->serves->parameters, parts[i].name))
      medley_fault_add (r->sink, "missing-key", r->pointer, NULL,
                        "%s needs an input for \"%s\", which is %s: name it under \"inputs\"",
                        r->serves->route->name, parts[i].name, with_article (parts[i].modality));
  }
  check_one_of (r);
  for (guint i = 0; i < r->spec->inputs->len; i++) {
    const MedleyInputSpec *input = r->spec->inputs->pdata[i];

    if (!input->optional && !has_value (map, input->name))
      medley_fault_add (r->sink, "missing-key", r->pointer, NULL,
                        "no field of %s gives the input \"%s\", which is needed",
                        r->serves->route->name, input->name);
  }
}

static void
complete_parameters (Reading *r, char **fields)
{
  GHashTable *map = r->serves->parameters;

  for (guint i = 0; fields[i] != NULL; i++) {
    if (!g_hash_table_contains (map, fields[i])
        && medley_spec_find_parameter (r->spec, fields[i]) != NULL)
      g_hash_table_insert (map, g_strdup (fields[i]), g_strdup (fields[i]));
  }
  for (guint i = 0; i < r->spec->parameters->len; i++) {
    const MedleyParameter *parameter = r->spec->parameters->pdata[i];

    if (parameter->value == NULL && parameter->type != 0 && !has_value (map, parameter->name))
      medley_fault_add (r->sink, "missing-key", r->pointer, NULL,
                        "no field of %s sets the parameter \"%s\", which has no default",
                        r->serves->route->name, parameter->name);
  }
}

static gboolean
is_captions (const char *type)
{
  return g_str_equal (type, "text/vtt") || g_str_equal (type, "application/x-ndjson");
}

/* Whether an output is what a role would be given to without being told; previews are only told. */
static gboolean
output_fits (const Part *part, const char *type)
{
  return !g_str_equal (part->name, "previews") && medley_media_modality (type) == part->modality
         && (part->modality != TEXT || is_captions (type) == g_str_equal (part->name, "captions"));
}

static void
complete_outputs (Reading *r)
{
  const Part *parts = r->serves->route->outputs;
  GHashTable *map = r->serves->outputs;
  gboolean has_faulty = FALSE;

  for (guint i = 0; i < r->spec->outputs->len; i++)
    has_faulty = has_faulty || ((MedleyOutputSpec *) r->spec->outputs->pdata[i])->type == NULL;
  for (guint i = 0; i < MAX_PARTS && parts[i].name != NULL; i++) {
    const char *name = g_hash_table_lookup (map, parts[i].name);
    const MedleyOutputSpec *output = name != NULL ? medley_spec_find_output (r->spec, name) : NULL;

    if (output != NULL) {
      if (output->type != NULL && medley_media_modality (output->type) != parts[i].modality)
        report_modality (r, "outputs", &parts[i], name, output->type);
      continue;
    }
    for (guint j = 0; name == NULL && j < r->spec->outputs->len; j++) {
      output = r->spec->outputs->pdata[j];
      if (output->type != NULL && output_fits (&parts[i], output->type))
        name = output->name;
    }
    if (name != NULL)
      g_hash_table_insert (map, g_strdup (parts[i].name), g_strdup (name));
    else if (parts[i].need == REQUIRED && !has_faulty)
      medley_fault_add (r->sink, "missing-key", r->pointer, NULL,
                        "%s needs an output for \"%s\", which is %s; this pipeline has none",
                        r->serves->route->name, parts[i].name, with_article (parts[i].modality));
  }
}

/* Values */

/* @values: of one field. */
static void
read_field_values (Reading *r, const char *field, GVariant *values, const char *pointer,
                   GVariantBuilder *builder)
{
  const char *name = g_hash_table_lookup (r->serves->parameters, field);
  const MedleyParameter *parameter
      = name != NULL ? medley_spec_find_parameter (r->spec, name) : NULL;
  GVariantBuilder taken;
  GVariantIter iter;
  const char *key;
  GVariant *value;

  if (!medley_check_type (r->sink, values, pointer, "o"))
    return;
  if (parameter == NULL) {
    medley_fault_add (r->sink, "unknown-name", pointer, NULL,
                      "\"%.64s\" sets no parameter of this pipeline", field);
    return;
  }
  if (g_variant_n_children (values) > MEDLEY_MAX_ENTRIES) {
    medley_fault_add (r->sink, "too-many", pointer, NULL, "there are at most %d of them",
                      MEDLEY_MAX_ENTRIES);
    return;
  }
  g_variant_builder_init (&taken, G_VARIANT_TYPE_VARDICT);
  g_variant_iter_init (&iter, values);
  while (g_variant_iter_loop (&iter, "{&sv}", &key, &value)) {
    g_autofree char *place = medley_json_pointer_append (pointer, key);
    g_autofree char *reason = NULL;
    g_autoptr (GVariant) accepted = NULL;

    if (!medley_check_type (r->sink, value, place, "sbn") || parameter->type == 0)
      continue;
    accepted = medley_parameter_accept (parameter, value, FALSE, &reason);
    if (accepted != NULL)
      g_variant_builder_add (&taken, "{sv}", key, accepted);
    else
      medley_fault_add (r->sink, "bad-value", place, NULL, "the parameter \"%s\" %s", name, reason);
  }
  g_variant_builder_add (builder, "{sv}", field, g_variant_builder_end (&taken));
}

static void
read_values (Reading *r, GVariant *object)
{
  g_autoptr (GVariant) member = medley_read_member (object, "values", "o");
  g_autofree char *pointer = medley_json_pointer_append (r->pointer, "values");
  GVariantBuilder builder;
  GVariantIter iter;
  const char *field;
  GVariant *value;

  if (member == NULL)
    return;
  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_iter_init (&iter, member);
  while (g_variant_iter_loop (&iter, "{&sv}", &field, &value)) {
    g_autofree char *place = medley_json_pointer_append (pointer, field);

    read_field_values (r, field, value, place, &builder);
  }
  g_variant_unref (r->serves->values);
  r->serves->values = g_variant_ref_sink (g_variant_builder_end (&builder));
}

static void
read_route (MedleyFaultSink *sink, MedleySpec *spec, const Route *route, GVariant *value,
            const char *pointer)
{
  static const MedleyKey keys[] = {
    { "inputs", "o", FALSE }, { "parameters", "o", FALSE }, { "outputs", "o", FALSE },
    { "values", "o", FALSE }, { NULL, NULL, FALSE },
  };
  g_autoptr (MedleyServes) serves = serves_new (route, spec);
  g_auto (GStrv) inputs = part_names (route->inputs);
  g_auto (GStrv) parameters = g_strsplit (route->parameters, " ", -1);
  g_auto (GStrv) outputs = part_names (route->outputs);
  Reading r = { sink, spec, serves, pointer };
  guint before = sink->faults->len;

  if (!medley_check_type (sink, value, pointer, "bo"))
    return;
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN)) {
    if (!g_variant_get_boolean (value)) {
      medley_fault_add (sink, "bad-value", pointer, NULL,
                        "this must be true, or an object; leave out what is not served");
      return;
    }
  } else {
    medley_read_object (sink, value, pointer, route->name, keys);
    read_map (&r, value, "inputs", inputs, spec->inputs, "input", serves->inputs);
    read_map (&r, value, "parameters", parameters, spec->parameters, "parameter",
              serves->parameters);
    read_map (&r, value, "outputs", outputs, spec->outputs, "output", serves->outputs);
  }
  /* What a misspelt name would have given is not missing as well. */
  if (sink->faults->len == before && spec->has_shape) {
    complete_parameters (&r, parameters);
    complete_inputs (&r);
    complete_outputs (&r);
    if (g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT))
      read_values (&r, value);
  }
  if (sink->faults->len == before)
    g_ptr_array_add (spec->serves, g_steal_pointer (&serves));
}

GPtrArray *
medley_serves_list_new (void)
{
  return g_ptr_array_new_with_free_func (serves_free);
}

void
medley_serves_read (MedleyFaultSink *sink, MedleySpec *spec, GVariant *value)
{
  GVariantIter iter;
  const char *name;
  GVariant *member;

  if (value == NULL || !g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT))
    return;
  g_variant_iter_init (&iter, value);
  while (g_variant_iter_loop (&iter, "{&sv}", &name, &member)) {
    const Route *route = find_route (name);
    g_autofree char *pointer = medley_json_pointer_append ("/serves", name);

    if (route != NULL)
      read_route (sink, spec, route, member, pointer);
    else
      medley_fault_add (sink, "unknown-key", pointer, nearest_route (name),
                        "there is no route \"%.64s\" that a pipeline can serve", name);
  }
}

/* Reading it later */

const MedleyServes *
medley_pipeline_get_serves (MedleyPipeline *self, const char *route)
{
  for (guint i = 0; i < self->spec->serves->len; i++) {
    const MedleyServes *serves = self->spec->serves->pdata[i];

    if (g_str_equal (serves->route->name, route))
      return serves;
  }
  return NULL;
}

const char **
medley_pipeline_list_serves (MedleyPipeline *self)
{
  GPtrArray *all = self->spec->serves;
  const char **names = g_new0 (const char *, all->len + 1);

  for (guint i = 0; i < all->len; i++)
    names[i] = ((const MedleyServes *) all->pdata[i])->route->name;
  return names;
}

const char *
medley_serves_get_input (const MedleyServes *self, const char *field)
{
  g_return_val_if_fail (find_part (self->route->inputs, field) != NULL, NULL);
  return g_hash_table_lookup (self->inputs, field);
}

const char *
medley_serves_get_parameter (const MedleyServes *self, const char *field)
{
  return g_hash_table_lookup (self->parameters, field);
}

const char *
medley_serves_get_output (const MedleyServes *self, const char *role)
{
  g_return_val_if_fail (find_part (self->route->outputs, role) != NULL, NULL);
  return g_hash_table_lookup (self->outputs, role);
}

GVariant *
medley_serves_accept (const MedleyServes *self, const char *field, GVariant *value,
                      gboolean from_text, char **reason)
{
  const char *name = g_hash_table_lookup (self->parameters, field);
  g_autoptr (GVariant) values
      = g_variant_lookup_value (self->values, field, G_VARIANT_TYPE_VARDICT);
  GVariant *mapped = NULL;

  g_return_val_if_fail (name != NULL, NULL);
  if (values != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    mapped = g_variant_lookup_value (values, g_variant_get_string (value, NULL), NULL);
  if (mapped != NULL)
    return mapped;
  return medley_parameter_accept (medley_spec_find_parameter (self->spec, name), value, from_text,
                                  reason);
}

char **
medley_serves_list_values (const MedleyServes *self, const char *field)
{
  g_autoptr (GVariant) values
      = g_variant_lookup_value (self->values, field, G_VARIANT_TYPE_VARDICT);
  g_autoptr (GStrvBuilder) list = g_strv_builder_new ();
  GVariantIter iter;
  const char *key;

  if (values != NULL) {
    g_variant_iter_init (&iter, values);
    while (g_variant_iter_next (&iter, "{&sv}", &key, NULL))
      g_strv_builder_add (list, key);
  }
  return g_strv_builder_end (list);
}

/* The names in the order of @fields. */
static GVariant *
describe_map (GHashTable *map, char **fields)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  for (guint i = 0; fields[i] != NULL; i++) {
    const char *name = g_hash_table_lookup (map, fields[i]);

    if (name != NULL)
      g_variant_builder_add (&builder, "{sv}", fields[i], g_variant_new_string (name));
  }
  return g_variant_builder_end (&builder);
}

GVariant *
medley_serves_describe (GPtrArray *all)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  for (guint i = 0; i < all->len; i++) {
    const MedleyServes *serves = all->pdata[i];
    g_auto (GStrv) inputs = part_names (serves->route->inputs);
    g_auto (GStrv) parameters = g_strsplit (serves->route->parameters, " ", -1);
    g_auto (GStrv) outputs = part_names (serves->route->outputs);
    GVariantBuilder one;

    g_variant_builder_init (&one, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add (&one, "{sv}", "inputs", describe_map (serves->inputs, inputs));
    g_variant_builder_add (&one, "{sv}", "parameters",
                           describe_map (serves->parameters, parameters));
    g_variant_builder_add (&one, "{sv}", "outputs", describe_map (serves->outputs, outputs));
    if (g_variant_n_children (serves->values) > 0)
      g_variant_builder_add (&one, "{sv}", "values", serves->values);
    g_variant_builder_add (&builder, "{sv}", serves->route->name, g_variant_builder_end (&one));
  }
  return g_variant_builder_end (&builder);
}

GVariant *
medley_serves_table (void)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  for (guint i = 0; i < G_N_ELEMENTS (routes); i++) {
    g_auto (GStrv) inputs = part_names (routes[i].inputs);
    g_auto (GStrv) parameters = g_strsplit (routes[i].parameters, " ", -1);
    g_auto (GStrv) outputs = part_names (routes[i].outputs);

    g_variant_builder_add (
        &builder, "{sv}", routes[i].name,
        g_variant_new_parsed ("{'inputs': <%^as>, 'parameters': <%^as>, 'outputs': <%^as>}", inputs,
                              parameters, outputs));
  }
  return g_variant_builder_end (&builder);
}
