/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/media.h"
#include "base/nearest.h"
#include "pipeline/reader.h"
#include "pipeline/serves-private.h"

typedef struct {
  MedleyFaultSink *sink;
  const MedleySpec *spec;
  MedleyServes *serves;
  const char *pointer; /* of the route in the file */
} Reading;

static char **
entry_names (GPtrArray *entries)
{
  char **names = g_new0 (char *, entries->len + 1);

  /* The name is the first member of inputs, parameters and outputs. */
  for (guint i = 0; i < entries->len; i++)
    names[i] = g_strdup (*(char *const *) entries->pdata[i]);
  return names;
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
  case MEDLEY_MODALITY_IMAGE:
    return "an image";
  case MEDLEY_MODALITY_VIDEO:
    return "a video";
  default:
    return medley_modality_to_string (modality);
  }
}

static void
report_modality (Reading *r, const char *key, const MedleyServesPart *part, const char *name,
                 const char *type)
{
  g_autofree char *parent = medley_json_pointer_append (r->pointer, key);
  g_autofree char *place = medley_json_pointer_append (parent, part->name);

  medley_fault_add (r->sink, "caps-mismatch", place, NULL, "\"%s\" of %s is %s, and \"%s\" is %s",
                    part->name, r->serves->route->name, with_article (part->modality), name, type);
}

static gboolean
input_fits (const MedleyServesPart *part, const MedleyInputSpec *input)
{
  MedleyModality modality;

  /* A type that is faulty is told elsewhere. */
  if (input->type == NULL)
    return TRUE;
  modality = medley_media_modality (input->type);
  /* A video that is sent has a sound track. */
  return modality == part->modality
         || (part->modality == MEDLEY_MODALITY_AUDIO && modality == MEDLEY_MODALITY_VIDEO)
         || (part->or_data && modality == MEDLEY_MODALITY_DATA);
}

/* The only input that can stand for a field and stands for no other. */
static const char *
find_only_input (Reading *r, const MedleyServesPart *part)
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
  const MedleyServesPart *parts = r->serves->route->inputs;
  g_autoptr (GString) names = g_string_new (NULL);

  for (guint i = 0; i < MEDLEY_SERVES_PARTS && parts[i].name != NULL; i++) {
    if (g_hash_table_contains (r->serves->inputs, parts[i].name))
      return;
    if (parts[i].need == MEDLEY_SERVES_ONE_OF)
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
  const MedleyServesPart *parts = r->serves->route->inputs;
  GHashTable *map = r->serves->inputs;

  for (guint i = 0; i < MEDLEY_SERVES_PARTS && parts[i].name != NULL; i++) {
    const char *name = g_hash_table_lookup (map, parts[i].name);
    const MedleyInputSpec *input
        = medley_spec_find_input (r->spec, name != NULL ? name : parts[i].name);

    if (name != NULL && !input_fits (&parts[i], input))
      report_modality (r, "inputs", &parts[i], name, input->type);
    else if (name == NULL && input != NULL && input_fits (&parts[i], input)
             && !has_value (map, input->name))
      g_hash_table_insert (map, g_strdup (parts[i].name), g_strdup (input->name));
  }
  for (guint i = 0; i < MEDLEY_SERVES_PARTS && parts[i].name != NULL; i++) {
    const char *only;

    if (g_hash_table_contains (map, parts[i].name))
      continue;
    only = find_only_input (r, &parts[i]);
    if (only != NULL)
      g_hash_table_insert (map, g_strdup (parts[i].name), g_strdup (only));
    else if (parts[i].need == MEDLEY_SERVES_REQUIRED
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
output_fits (const MedleyServesPart *part, const char *type)
{
  return !g_str_equal (part->name, "previews") && medley_media_modality (type) == part->modality
         && (part->modality != MEDLEY_MODALITY_TEXT
             || is_captions (type) == g_str_equal (part->name, "captions"));
}

static void
complete_outputs (Reading *r)
{
  const MedleyServesPart *parts = r->serves->route->outputs;
  GHashTable *map = r->serves->outputs;
  gboolean has_faulty = FALSE;

  for (guint i = 0; i < r->spec->outputs->len; i++)
    has_faulty = has_faulty || ((MedleyOutputSpec *) r->spec->outputs->pdata[i])->type == NULL;
  for (guint i = 0; i < MEDLEY_SERVES_PARTS && parts[i].name != NULL; i++) {
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
    else if (parts[i].need == MEDLEY_SERVES_REQUIRED && !has_faulty)
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
read_route (MedleyFaultSink *sink, MedleySpec *spec, const MedleyServesRoute *route,
            GVariant *value, const char *pointer)
{
  static const MedleyKey keys[] = {
    { "inputs", "o", FALSE }, { "parameters", "o", FALSE }, { "outputs", "o", FALSE },
    { "values", "o", FALSE }, { NULL, NULL, FALSE },
  };
  g_autoptr (MedleyServes) serves = medley_serves_new (route, spec);
  g_auto (GStrv) inputs = medley_serves_part_names (route->inputs);
  g_auto (GStrv) parameters = g_strsplit (route->parameters, " ", -1);
  g_auto (GStrv) outputs = medley_serves_part_names (route->outputs);
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
    const MedleyServesRoute *route = medley_serves_find_route (name);
    g_autofree char *pointer = medley_json_pointer_append ("/serves", name);

    if (route != NULL)
      read_route (sink, spec, route, member, pointer);
    else
      medley_fault_add (sink, "unknown-key", pointer, medley_serves_nearest_route (name),
                        "there is no route \"%.64s\" that a pipeline can serve", name);
  }
}
