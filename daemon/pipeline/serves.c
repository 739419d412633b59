/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/nearest.h"
#include "pipeline/pipeline-private.h"
#include "pipeline/serves-private.h"

#define TEXT MEDLEY_MODALITY_TEXT
#define IMAGE MEDLEY_MODALITY_IMAGE
#define AUDIO MEDLEY_MODALITY_AUDIO
#define VIDEO MEDLEY_MODALITY_VIDEO
#define DATA MEDLEY_MODALITY_DATA
#define REQUIRED MEDLEY_SERVES_REQUIRED
#define ONE_OF MEDLEY_SERVES_ONE_OF
#define PICTURE_FIELDS "size width height quality style background partial_images seed"

/* clang-format off */
static const MedleyServesRoute routes[] = {
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

void
medley_serves_free (MedleyServes *self)
{
  g_hash_table_unref (self->inputs);
  g_hash_table_unref (self->parameters);
  g_hash_table_unref (self->outputs);
  g_variant_unref (self->values);
  g_free (self);
}

MedleyServes *
medley_serves_new (const MedleyServesRoute *route, const MedleySpec *spec)
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

char **
medley_serves_part_names (const MedleyServesPart *parts)
{
  GStrvBuilder *builder = g_strv_builder_new ();
  char **names;

  for (guint i = 0; i < MEDLEY_SERVES_PARTS && parts[i].name != NULL; i++)
    g_strv_builder_add (builder, parts[i].name);
  names = g_strv_builder_end (builder);
  g_strv_builder_unref (builder);
  return names;
}

const MedleyServesRoute *
medley_serves_find_route (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (routes); i++) {
    if (g_str_equal (routes[i].name, name))
      return &routes[i];
  }
  return NULL;
}

const char *
medley_serves_nearest_route (const char *name)
{
  const char *names[G_N_ELEMENTS (routes) + 1] = { NULL };

  for (guint i = 0; i < G_N_ELEMENTS (routes); i++)
    names[i] = routes[i].name;
  return medley_nearest (name, names);
}

const MedleyServesPart *
medley_serves_find_part (const MedleyServesPart *parts, const char *name)
{
  for (guint i = 0; i < MEDLEY_SERVES_PARTS && parts[i].name != NULL; i++) {
    if (g_str_equal (parts[i].name, name))
      return &parts[i];
  }
  return NULL;
}

GPtrArray *
medley_serves_list_new (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) medley_serves_free);
}

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
  g_return_val_if_fail (medley_serves_find_part (self->route->inputs, field) != NULL, NULL);
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
  g_return_val_if_fail (medley_serves_find_part (self->route->outputs, role) != NULL, NULL);
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
    g_auto (GStrv) inputs = medley_serves_part_names (serves->route->inputs);
    g_auto (GStrv) parameters = g_strsplit (serves->route->parameters, " ", -1);
    g_auto (GStrv) outputs = medley_serves_part_names (serves->route->outputs);
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
    g_auto (GStrv) inputs = medley_serves_part_names (routes[i].inputs);
    g_auto (GStrv) parameters = g_strsplit (routes[i].parameters, " ", -1);
    g_auto (GStrv) outputs = medley_serves_part_names (routes[i].outputs);

    g_variant_builder_add (
        &builder, "{sv}", routes[i].name,
        g_variant_new_parsed ("{'inputs': <%^as>, 'parameters': <%^as>, 'outputs': <%^as>}", inputs,
                              parameters, outputs));
  }
  return g_variant_builder_end (&builder);
}
