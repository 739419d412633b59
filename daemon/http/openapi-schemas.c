/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "http/openapi.h"
#include "job/state.h"
#include "medley-http-schemas.h"

#define FOLDER "/org/medley/http/schemas"

static GVariant *
make_enum (const char *summary, GVariant *values)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  g_variant_builder_add (&builder, "{sv}", "type", g_variant_new_string ("string"));
  g_variant_builder_add (&builder, "{sv}", "description", g_variant_new_string (summary));
  g_variant_builder_add (&builder, "{sv}", "enum", values);
  return g_variant_builder_end (&builder);
}

static GVariant *
list_states (void)
{
  g_auto (GVariantBuilder) names = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_STRING_ARRAY);

  for (guint i = 0; i < MEDLEY_JOB_N_STATES; i++)
    g_variant_builder_add (&names, "s", medley_job_state_to_string ((MedleyJobState) i));
  return g_variant_builder_end (&names);
}

static GVariant *
list_codes (void)
{
  g_auto (GVariantBuilder) names = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_STRING_ARRAY);

  for (guint i = 0; i <= MEDLEY_ERROR_LAST; i++)
    g_variant_builder_add (&names, "s", medley_error_info_for_code ((MedleyError) i)->name);
  return g_variant_builder_end (&names);
}

static GVariant *
read_schema (const char *file)
{
  g_autofree char *path = g_strconcat (FOLDER "/", file, NULL);
  g_autoptr (GBytes) text = g_resource_lookup_data (medley_http_schemas_get_resource (), path,
                                                    G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  g_autoptr (GError) error = NULL;
  GVariant *schema;

  schema = medley_json_parse (g_bytes_get_data (text, NULL), g_bytes_get_size (text), NULL, NULL,
                              &error);
  /* It was built in. */
  if (schema == NULL)
    g_error ("%s: %s", path, error->message);
  return schema;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

GVariant *
medley_http_openapi_schemas (void)
{
  g_auto (GVariantBuilder) all = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_auto (GStrv) files = g_resource_enumerate_children (medley_http_schemas_get_resource (), FOLDER,
                                                        G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  g_autoptr (GPtrArray) sorted = g_ptr_array_new ();

  for (guint i = 0; files != NULL && files[i] != NULL; i++)
    g_ptr_array_add (sorted, files[i]);
  g_ptr_array_sort (sorted, compare_names);
  for (guint i = 0; i < sorted->len; i++) {
    const char *file = g_ptr_array_index (sorted, i);
    g_autofree char *name = g_strndup (file, strcspn (file, "."));
    g_autoptr (GVariant) schema = read_schema (file);

    g_variant_builder_add (&all, "{sv}", name, schema);
  }
  g_variant_builder_add (&all, "{sv}", "JobState", make_enum ("State of a job", list_states ()));
  g_variant_builder_add (&all, "{sv}", "ErrorCode",
                         make_enum ("Stable name of an error, the same on all faces",
                                    list_codes ()));
  return g_variant_builder_end (&all);
}
