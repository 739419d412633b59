/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/fault.h"

#include <medley/medley-error.h>

typedef struct {
  char *code;
  char *stage;
  char *file;
  char *pointer;
  char *suggestion;
  char *message;
} Fault;

static void
fault_free (Fault *fault)
{
  g_free (fault->code);
  g_free (fault->stage);
  g_free (fault->file);
  g_free (fault->pointer);
  g_free (fault->suggestion);
  g_free (fault->message);
  g_free (fault);
}

GPtrArray *
medley_run_faults_new (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) fault_free);
}

void
medley_run_faults_add (GPtrArray *faults, const char *code, const char *stage, const char *file,
                       const char *pointer, const char *below, const char *suggestion,
                       const char *message)
{
  Fault *fault = g_new0 (Fault, 1);

  fault->code = g_strdup (code);
  fault->stage = g_strdup (stage != NULL ? stage : "");
  fault->file = g_strdup (file != NULL ? file : "");
  fault->pointer = g_strconcat (pointer, below, NULL);
  fault->suggestion = g_strdup (suggestion != NULL ? suggestion : "");
  fault->message = g_strdup (message);
  g_ptr_array_add (faults, fault);
}

GVariant *
medley_run_faults_to_variant (GPtrArray *faults)
{
  GVariantBuilder list;

  g_variant_builder_init (&list, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < faults->len; i++) {
    const Fault *fault = g_ptr_array_index (faults, i);

    g_variant_builder_add_parsed (
        &list,
        "{'code': <%s>, 'pointer': <%s>, 'message': <%s>, 'suggestion': <%s>, "
        "'stage': <%s>, 'file': <%s>}",
        fault->code, fault->pointer, fault->message, fault->suggestion, fault->stage, fault->file);
  }
  return g_variant_builder_end (&list);
}

static MedleyError
code_of (const Fault *fault)
{
  static const struct {
    const char *fault;
    MedleyError code;
  } table[] = {
    { "unknown-engine", MEDLEY_ERROR_UNKNOWN_ENGINE },
    { "unknown-property", MEDLEY_ERROR_INVALID_PROPERTY },
    { "bad-value", MEDLEY_ERROR_INVALID_PROPERTY },
    { "unsupported-type", MEDLEY_ERROR_UNSUPPORTED_TYPE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (table); i++)
    if (g_str_equal (table[i].fault, fault->code))
      return table[i].code;
  return MEDLEY_ERROR_INVALID_PIPELINE;
}

GError *
medley_run_faults_to_error (GPtrArray *faults)
{
  const Fault *first = g_ptr_array_index (faults, 0);
  MedleyError code = code_of (first);

  for (guint i = 1; i < faults->len; i++)
    if (code_of (g_ptr_array_index (faults, i)) != code)
      code = MEDLEY_ERROR_INVALID_PIPELINE;
  if (faults->len == 1)
    return g_error_new (MEDLEY_ERROR, code, "%s", first->message);
  return g_error_new (MEDLEY_ERROR, code, "%s, and %u more fault%s", first->message,
                      faults->len - 1, faults->len > 2 ? "s" : "");
}

const char *
medley_run_faults_get_stage (GPtrArray *faults)
{
  for (guint i = 0; i < faults->len; i++) {
    const Fault *fault = g_ptr_array_index (faults, i);

    if (*fault->stage != '\0')
      return fault->stage;
  }
  return NULL;
}
