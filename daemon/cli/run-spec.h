/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What the words of `medley run` mean for one pipeline. Pure but for looking whether files exist.
 */

typedef enum {
  MEDLEY_RUN_FILE,
  MEDLEY_RUN_STDIN,
  MEDLEY_RUN_TEXT,
} MedleyRunInputKind;

/**
 * MedleyRunInput:
 * @name: name of the input
 * @kind: where its content comes from
 * @value: the file or the text
 */
typedef struct {
  char *name;
  MedleyRunInputKind kind;
  char *value;
} MedleyRunInput;

/**
 * MedleyRunOutput:
 * @name: name of the output
 * @file: (nullable): where it goes, "-" for standard output, %NULL when it is only played
 * @type: its media type
 * @asked_type: (nullable): the media type to ask for where it is not the pipeline's own
 * @is_chosen: whether the user named the file, and so may overwrite it
 */
typedef struct {
  char *name;
  char *file;
  char *type;
  char *asked_type;
  gboolean is_chosen;
} MedleyRunOutput;

typedef struct {
  GPtrArray *inputs;    /* of MedleyRunInput */
  GPtrArray *outputs;   /* of MedleyRunOutput */
  GVariant *parameters; /* a{sv} */
} MedleyRunSpec;

/**
 * MedleyRunWords:
 * @inputs: (array zero-terminated=1): "FILE", "-", ":=TEXT", "INPUT=FILE", "INPUT=-", "INPUT:=TEXT"
 * @parameters: (array zero-terminated=1): "PARAMETER=VALUE"
 * @outputs: (array zero-terminated=1): "FILE", "-", "OUTPUT=FILE", "OUTPUT=-"
 * @types: (array zero-terminated=1): "TYPE", "OUTPUT=TYPE"
 * @is_played: whether the default output is played; then it needs no file
 * @is_detached: nothing is fetched: all outputs are made, none has a file
 * @is_stdout_taken: whether a default output must not go to standard output
 */
typedef struct {
  const char *const *inputs;
  const char *const *parameters;
  const char *const *outputs;
  const char *const *types;
  gboolean is_played;
  gboolean is_detached;
  gboolean is_stdout_taken;
} MedleyRunWords;

/**
 * medley_run_spec_new:
 * @pipeline: `a{sv}` with "name", "inputs", "parameters" and "outputs": as the daemon describes it
 * or as a file has it
 * @words: the command line
 * @error: %MEDLEY_ERROR_INVALID_ARGUMENT, %MEDLEY_ERROR_UNKNOWN_INPUT and
 * %MEDLEY_ERROR_UNKNOWN_OUTPUT (with the nearest name), %MEDLEY_ERROR_UNSUPPORTED_TYPE
 *
 * Returns: (transfer full) (nullable): what to run
 */
MedleyRunSpec *
medley_run_spec_new (GVariant *pipeline, const MedleyRunWords *words, GError **error);
void
medley_run_spec_free (MedleyRunSpec *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyRunSpec, medley_run_spec_free)

/**
 * medley_run_spec_to_request:
 * @self: what to run
 * @pipeline: (transfer none): name of the pipeline (`s`) or the pipeline itself (`a{sv}`)
 *
 * Returns: (transfer floating): the body of a request that creates the job
 */
GVariant *
medley_run_spec_to_request (MedleyRunSpec *self, GVariant *pipeline);

G_END_DECLS
