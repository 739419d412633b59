/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/run-spec.h"

#include <string.h>

#include <medley/medley-error.h>

#include "base/media.h"
#include "base/nearest.h"
#include "cli/reply.h"

/* A longer text does not fit into a request: it is uploaded like a file. */
#define MAX_INLINE_TEXT (256u * 1024)

#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

static void
input_free (gpointer data)
{
  MedleyRunInput *input = data;

  g_free (input->name);
  g_free (input->value);
  g_free (input);
}

static void
output_free (gpointer data)
{
  MedleyRunOutput *output = data;

  g_free (output->name);
  g_free (output->file);
  g_free (output->type);
  g_free (output->asked_type);
  g_free (output);
}

void
medley_run_spec_free (MedleyRunSpec *self)
{
  g_ptr_array_unref (self->inputs);
  g_ptr_array_unref (self->outputs);
  g_clear_pointer (&self->parameters, g_variant_unref);
  g_free (self);
}

static gboolean
has (char **names, const char *name)
{
  return g_strv_contains ((const char *const *) names, name);
}

/* "NAME=rest" → NAME, or NULL when what stands before the sign cannot be a name. */
static char *
split_name (const char *word, const char **rest)
{
  gsize length = strspn (word, NAME_CHARACTERS);

  if (length == 0 || word[length] != '=')
    return NULL;
  *rest = word + length + 1;
  return g_strndup (word, length);
}

static gboolean
refuse_name (GVariant *pipeline, const char *what, const char *name, char **names, GError **error)
{
  const char *nearest = medley_nearest (name, (const char *const *) names);
  g_autofree char *all = g_strjoinv (", ", names);
  /* The daemon's own code for each. */
  MedleyError code = g_str_equal (what, "parameter") ? MEDLEY_ERROR_INVALID_PARAMETER
                     : g_str_equal (what, "input")   ? MEDLEY_ERROR_UNKNOWN_INPUT
                                                     : MEDLEY_ERROR_UNKNOWN_OUTPUT;
  const char *pipeline_name = medley_reply_string (pipeline, "name", "the pipeline");

  if (nearest != NULL)
    g_set_error (error, MEDLEY_ERROR, code, "%s has no %s \"%s\"; did you mean \"%s\"?",
                 pipeline_name, what, name, nearest);
  else if (names[0] == NULL)
    g_set_error (error, MEDLEY_ERROR, code, "%s has no %ss", pipeline_name, what);
  else
    g_set_error (error, MEDLEY_ERROR, code, "%s has no %s \"%s\"; it has %s", pipeline_name, what,
                 name, all);
  return FALSE;
}

/* The input that a word without a name means: the only one, or the only one that is needed. */
static const char *
only_input (GVariant *pipeline, char **names)
{
  g_autoptr (GVariant) inputs = medley_reply_object (pipeline, "inputs");
  const char *needed = NULL;

  if (names[0] != NULL && names[1] == NULL)
    return names[0];
  for (guint i = 0; names[i] != NULL; i++) {
    g_autoptr (GVariant) input = medley_reply_object (inputs, names[i]);

    if (medley_reply_boolean (input, "optional", FALSE))
      continue;
    if (needed != NULL)
      return NULL;
    needed = names[i];
  }
  return needed;
}

static gboolean
add_input (MedleyRunSpec *self, const char *name, MedleyRunInputKind kind, const char *value,
           GError **error)
{
  MedleyRunInput *input;

  for (guint i = 0; i < self->inputs->len; i++) {
    input = g_ptr_array_index (self->inputs, i);
    if (g_str_equal (input->name, name)) {
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                   "the input \"%s\" is given twice", name);
      return FALSE;
    }
    if (kind == MEDLEY_RUN_STDIN && input->kind == MEDLEY_RUN_STDIN) {
      g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                           "only one input can be read from standard input");
      return FALSE;
    }
  }
  if (kind == MEDLEY_RUN_FILE && !g_file_test (value, G_FILE_TEST_EXISTS)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT, "there is no file \"%s\"",
                 value);
    return FALSE;
  }
  if (kind == MEDLEY_RUN_FILE && g_file_test (value, G_FILE_TEST_IS_DIR)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT, "\"%s\" is a folder", value);
    return FALSE;
  }
  input = g_new0 (MedleyRunInput, 1);
  input->name = g_strdup (name);
  input->kind = kind;
  input->value = g_strdup (value);
  g_ptr_array_add (self->inputs, input);
  return TRUE;
}

static gboolean
add_input_word (MedleyRunSpec *self, GVariant *pipeline, const char *word, GError **error)
{
  g_auto (GStrv) names = medley_reply_names (pipeline, "inputs");
  g_auto (GStrv) parameters = medley_reply_names (pipeline, "parameters");
  gsize length = strspn (word, NAME_CHARACTERS);
  gboolean is_text = g_str_has_prefix (word + length, ":=");
  const char *rest = word;
  g_autofree char *name = NULL;
  const char *only;

  if (is_text && length > 0) {
    name = g_strndup (word, length);
    rest = word + length + 2;
  } else if (is_text) {
    rest = word + 2;
  } else {
    name = split_name (word, &rest);
    /* A file may have "=" in its name. */
    if (name != NULL && !has (names, name) && g_file_test (word, G_FILE_TEST_EXISTS)) {
      g_clear_pointer (&name, g_free);
      rest = word;
    }
  }
  if (name != NULL && !has (names, name) && has (parameters, name)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "\"%s\" is a parameter: write --set %s=%s", name, name, rest);
    return FALSE;
  }
  if (name != NULL && !has (names, name))
    return refuse_name (pipeline, "input", name, names, error);
  only = name != NULL ? name : only_input (pipeline, names);
  if (only == NULL) {
    g_autofree char *all = g_strjoinv ("=FILE ", names);

    if (names[0] == NULL)
      return refuse_name (pipeline, "input", word, names, error);
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "name the input that \"%s\" is for: %s=FILE", word, all);
    return FALSE;
  }
  return add_input (self, only,
                    is_text                   ? MEDLEY_RUN_TEXT
                    : g_str_equal (rest, "-") ? MEDLEY_RUN_STDIN
                                              : MEDLEY_RUN_FILE,
                    rest, error);
}

static gboolean
check_inputs_are_whole (MedleyRunSpec *self, GVariant *pipeline, GError **error)
{
  g_auto (GStrv) names = medley_reply_names (pipeline, "inputs");
  g_autoptr (GVariant) inputs = medley_reply_object (pipeline, "inputs");

  for (guint i = 0; names[i] != NULL; i++) {
    g_autoptr (GVariant) input = medley_reply_object (inputs, names[i]);
    gboolean given = FALSE;

    for (guint j = 0; j < self->inputs->len; j++)
      given = given
              || g_str_equal (((MedleyRunInput *) g_ptr_array_index (self->inputs, j))->name,
                              names[i]);
    if (!given && !medley_reply_boolean (input, "optional", FALSE)) {
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_MISSING_INPUT,
                   "the input \"%s\" (%s) is missing: add %s=FILE, %s=- or %s:=TEXT", names[i],
                   medley_reply_string (input, "type", "?"), names[i], names[i], names[i]);
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean
add_parameters (MedleyRunSpec *self, GVariant *pipeline, const char *const *words, GError **error)
{
  g_auto (GStrv) names = medley_reply_names (pipeline, "parameters");
  g_auto (GStrv) inputs = medley_reply_names (pipeline, "inputs");
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  for (guint i = 0; words[i] != NULL; i++) {
    const char *value = NULL;
    g_autofree char *name = split_name (words[i], &value);
    gboolean ok = FALSE;

    if (name == NULL)
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                   "--set \"%s\": expected PARAMETER=VALUE", words[i]);
    else if (!has (names, name) && has (inputs, name))
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                   "\"%s\" is an input: write %s=FILE or %s:=TEXT without --set", name, name, name);
    else if (!has (names, name))
      refuse_name (pipeline, "parameter", name, names, error);
    else
      ok = TRUE;
    if (!ok) {
      g_variant_dict_clear (&dict);
      return FALSE;
    }
    /* The daemon knows the parameter's type and converts the text. */
    g_variant_dict_insert (&dict, name, "s", value);
  }
  self->parameters = g_variant_ref_sink (g_variant_dict_end (&dict));
  return TRUE;
}

static MedleyRunOutput *
add_output (MedleyRunSpec *self, GVariant *pipeline, const char *name, const char *file)
{
  g_autoptr (GVariant) outputs = medley_reply_object (pipeline, "outputs");
  g_autoptr (GVariant) described = medley_reply_object (outputs, name);
  MedleyRunOutput *output = g_new0 (MedleyRunOutput, 1);
  const MedleyMediaType *by_name
      = file != NULL && !g_str_equal (file, "-") ? medley_media_for_file_name (file) : NULL;

  output->name = g_strdup (name);
  output->file = g_strdup (file);
  output->type = g_strdup (medley_reply_string (described, "type", "application/octet-stream"));
  /* An extension that nothing here writes says nothing about the type. */
  if (by_name != NULL && by_name->writable && by_name != medley_media_lookup (output->type)) {
    output->asked_type = g_strdup (by_name->name);
    g_free (output->type);
    output->type = g_strdup (by_name->name);
  }
  g_ptr_array_add (self->outputs, output);
  return output;
}

static gboolean
add_output_word (MedleyRunSpec *self, GVariant *pipeline, char **names, const char *word,
                 GError **error)
{
  const char *file = word;
  g_autofree char *name = split_name (word, &file);

  if (name != NULL && !has (names, name))
    return refuse_name (pipeline, "output", name, names, error);
  if (name == NULL)
    name = g_strdup (names[0]);
  if (*file == '\0') {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT, "-o \"%s\" names no file",
                 word);
    return FALSE;
  }
  for (guint i = 0; i < self->outputs->len; i++) {
    MedleyRunOutput *other = g_ptr_array_index (self->outputs, i);

    if (g_str_equal (other->name, name) || g_str_equal (other->file, file)) {
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                   g_str_equal (other->name, name)
                       ? "the output \"%s\" is given twice; name another one: -o OUTPUT=FILE"
                       : "two outputs cannot both go to \"%s\"",
                   g_str_equal (other->name, name) ? name : file);
      return FALSE;
    }
  }
  add_output (self, pipeline, name, file)->is_chosen = TRUE;
  return TRUE;
}

/* Without -o: text to standard output, anything else to PIPELINE.EXTENSION. */
static void
name_default_output (MedleyRunOutput *output, GVariant *pipeline, const MedleyRunWords *words)
{
  const MedleyMediaType *type = medley_media_lookup (output->type);
  g_auto (GStrv) extensions = g_strsplit (type != NULL ? type->extensions : "bin", " ", 2);

  if (output->file != NULL || words->is_played || words->is_detached)
    return;
  if (!words->is_stdout_taken && medley_media_modality (output->type) == MEDLEY_MODALITY_TEXT)
    output->file = g_strdup ("-");
  else
    output->file = g_strdup_printf ("%s.%s", medley_reply_string (pipeline, "name", "medley"),
                                    extensions[0]);
}

static gboolean
set_type (MedleyRunSpec *self, GVariant *pipeline, char **names, const char *word, GError **error)
{
  const char *wanted = word;
  g_autofree char *name = split_name (word, &wanted);
  const MedleyMediaType *type = medley_media_lookup (wanted);
  MedleyRunOutput *output = NULL;

  if (name != NULL && !has (names, name))
    return refuse_name (pipeline, "output", name, names, error);
  if (type == NULL || !type->writable) {
    guint n_types;
    const MedleyMediaType *types = medley_media_list (&n_types);
    g_autoptr (GString) all = g_string_new (NULL);

    for (guint i = 0; i < n_types; i++) {
      if (types[i].writable)
        g_string_append_printf (all, "%s%s", all->len > 0 ? ", " : "", types[i].name);
    }
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNSUPPORTED_TYPE,
                 "nothing here writes the type \"%s\"; there are %s", wanted, all->str);
    return FALSE;
  }
  for (guint i = 0; i < self->outputs->len; i++) {
    MedleyRunOutput *candidate = g_ptr_array_index (self->outputs, i);

    if (name == NULL ? i == 0 : g_str_equal (candidate->name, name))
      output = candidate;
  }
  if (output == NULL) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "--type %s: the output is not made; add -o %s=FILE", word, name);
    return FALSE;
  }
  g_free (output->type);
  g_free (output->asked_type);
  output->type = g_strdup (type->name);
  output->asked_type = g_strdup (type->name);
  return TRUE;
}

static gboolean
add_outputs (MedleyRunSpec *self, GVariant *pipeline, const MedleyRunWords *words, GError **error)
{
  g_auto (GStrv) names = medley_reply_names (pipeline, "outputs");
  gboolean has_default = FALSE;

  if (names[0] == NULL)
    return refuse_name (pipeline, "output", "", names, error);
  for (guint i = 0; words->is_detached && names[i] != NULL; i++)
    add_output (self, pipeline, names[i], NULL);
  for (guint i = 0; words->outputs[i] != NULL; i++) {
    if (!add_output_word (self, pipeline, names, words->outputs[i], error))
      return FALSE;
  }
  for (guint i = 0; i < self->outputs->len; i++)
    has_default = has_default
                  || g_str_equal (((MedleyRunOutput *) g_ptr_array_index (self->outputs, i))->name,
                                  names[0]);
  if (self->outputs->len == 0 || (words->is_played && !has_default))
    add_output (self, pipeline, names[0], NULL);
  for (guint i = 0; words->types[i] != NULL; i++) {
    if (!set_type (self, pipeline, names, words->types[i], error))
      return FALSE;
  }
  for (guint i = 0; i < self->outputs->len; i++)
    name_default_output (g_ptr_array_index (self->outputs, i), pipeline, words);
  return TRUE;
}

MedleyRunSpec *
medley_run_spec_new (GVariant *pipeline, const MedleyRunWords *words, GError **error)
{
  g_autoptr (MedleyRunSpec) self = g_new0 (MedleyRunSpec, 1);

  self->inputs = g_ptr_array_new_with_free_func (input_free);
  self->outputs = g_ptr_array_new_with_free_func (output_free);
  for (guint i = 0; words->inputs[i] != NULL; i++) {
    if (!add_input_word (self, pipeline, words->inputs[i], error))
      return NULL;
  }
  if (!add_parameters (self, pipeline, words->parameters, error)
      || !add_outputs (self, pipeline, words, error)
      || !check_inputs_are_whole (self, pipeline, error))
    return NULL;
  return g_steal_pointer (&self);
}

GVariant *
medley_run_spec_to_request (MedleyRunSpec *self, GVariant *pipeline)
{
  GVariantBuilder request;
  GVariantBuilder inputs;
  GVariantBuilder outputs;

  g_variant_builder_init (&inputs, G_VARIANT_TYPE_VARDICT);
  for (guint i = 0; i < self->inputs->len; i++) {
    MedleyRunInput *input = g_ptr_array_index (self->inputs, i);
    GVariantDict source;

    g_variant_dict_init (&source, NULL);
    if (input->kind == MEDLEY_RUN_TEXT && strlen (input->value) <= MAX_INLINE_TEXT)
      g_variant_dict_insert (&source, "text", "s", input->value);
    else
      g_variant_dict_insert (&source, "upload", "b", TRUE);
    g_variant_builder_add (&inputs, "{sv}", input->name, g_variant_dict_end (&source));
  }
  g_variant_builder_init (&outputs, G_VARIANT_TYPE_VARDICT);
  for (guint i = 0; i < self->outputs->len; i++) {
    MedleyRunOutput *output = g_ptr_array_index (self->outputs, i);
    GVariantDict wanted;

    g_variant_dict_init (&wanted, NULL);
    if (output->asked_type != NULL)
      g_variant_dict_insert (&wanted, "type", "s", output->asked_type);
    g_variant_builder_add (&outputs, "{sv}", output->name, g_variant_dict_end (&wanted));
  }
  g_variant_builder_init (&request, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&request, "{sv}", "pipeline", pipeline);
  g_variant_builder_add (&request, "{sv}", "inputs", g_variant_builder_end (&inputs));
  g_variant_builder_add (&request, "{sv}", "parameters", self->parameters);
  g_variant_builder_add (&request, "{sv}", "outputs", g_variant_builder_end (&outputs));
  return g_variant_builder_end (&request);
}
