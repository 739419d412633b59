/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "pipeline/fault.h"
#include "pipeline/parameter.h"

G_BEGIN_DECLS

/* A pipeline file as it is written, before anything in it is held against the world. Immutable. */

/* One edge: from an input or a stage (and a port of it, "" for the default) to a pad of the reader
 * ("" for the only one). */
typedef struct {
  char *pad;
  char *source;
  char *port;
  char *pointer;
} MedleyLink;

typedef struct {
  char *name;
  char *type; /* a media type or wildcard that is known; NULL when the file gives none */
  char *description;
  gboolean optional;
  char *pointer;
} MedleyInputSpec;

typedef enum {
  MEDLEY_STAGE_NONE, /* the file does not say, which is a fault */
  MEDLEY_STAGE_TASK,
  MEDLEY_STAGE_ELEMENT,
  MEDLEY_STAGE_PIPELINE,
} MedleyStageKind;

typedef struct {
  char *name;
  MedleyStageKind kind;
  char *target; /* the task, the element factory or the pipeline; NULL with MEDLEY_STAGE_NONE */
  GPtrArray *engines; /* names; NULL when the file gives none */
  gboolean engine_is_list;
  GPtrArray *links;  /* of MedleyLink */
  gboolean has_from; /* also when what it says is a fault */
  GVariant *set;     /* a{sv} of basic types */
  guint stall;       /* seconds, 0 when the file gives none */
  char *pointer;
} MedleyStageSpec;

typedef struct {
  char *name;
  char *type; /* a media type that may be written; NULL when the file gives none */
  char *description;
  GPtrArray *links; /* of MedleyLink */
  char *pointer;
} MedleyOutputSpec;

typedef struct {
  gatomicrefcount ref_count;
  char *file;
  char *name;
  char *title;
  char *description;
  GPtrArray *inputs;     /* of MedleyInputSpec */
  GPtrArray *parameters; /* of MedleyParameter */
  GPtrArray *stages;     /* of MedleyStageSpec */
  GPtrArray *outputs;    /* of MedleyOutputSpec */
  GPtrArray *serves;     /* of MedleyServes: the routes it can answer */
  MedleyJsonMap *map;    /* NULL when the text is no JSON */
  GPtrArray *faults;     /* of MedleyFault: what is wrong with the file for itself */
  gboolean has_shape;    /* whether names may be looked up: all lists could be read */
} MedleySpec;

/* Reads a file; see medley_pipeline_parse(). (transfer full) */
MedleySpec *
medley_spec_read (const char *text, gsize length, const char *file,
                  const MedleyPipelineContext *context);
/* A file that could not even be read. (transfer full) */
MedleySpec *
medley_spec_new_broken (const char *file, const char *code, const char *message);
MedleySpec *
medley_spec_ref (MedleySpec *self);
void
medley_spec_unref (MedleySpec *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleySpec, medley_spec_unref)

/* (nullable) */
MedleyInputSpec *
medley_spec_find_input (const MedleySpec *self, const char *name);
MedleyStageSpec *
medley_spec_find_stage (const MedleySpec *self, const char *name);
MedleyOutputSpec *
medley_spec_find_output (const MedleySpec *self, const char *name);
MedleyParameter *
medley_spec_find_parameter (const MedleySpec *self, const char *name);

/* (transfer full): a pipeline's name from that of its file */
char *
medley_spec_name_of_file (const char *file);

G_END_DECLS
