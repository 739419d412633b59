/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/graph-properties.h"

#include "runner/fault.h"
#include "runner/properties.h"

/* A name as a token of a JSON Pointer. */
static char *
pointer_token (const char *name)
{
  GString *token = g_string_new (name);

  g_string_replace (token, "~", "~0", 0);
  g_string_replace (token, "/", "~1", 0);
  return g_string_free (token, FALSE);
}

void
medley_graph_set_properties (const MedleyPlanStage *stage, const char *factory, GstElement *element,
                             GPtrArray *faults)
{
  GVariantIter iter;
  const char *name;
  GVariant *json;

  if (stage->set == NULL)
    return;
  g_variant_iter_init (&iter, stage->set);
  while (g_variant_iter_loop (&iter, "{&sv}", &name, &json)) {
    GValue value = G_VALUE_INIT;
    g_autofree char *suggestion = NULL;
    g_autoptr (GError) error = NULL;
    const char *code = NULL;

    if (medley_property_convert (G_OBJECT_GET_CLASS (element), factory, name, json, &value, &code,
                                 &suggestion, &error)) {
      g_object_set_property (G_OBJECT (element), name, &value);
      g_value_unset (&value);
    } else {
      g_autofree char *token = pointer_token (name);
      g_autofree char *below = g_strconcat ("/set/", token, NULL);

      medley_run_faults_add (faults, code, stage->name, stage->file, stage->pointer, below,
                             suggestion, error->message);
    }
  }
}
