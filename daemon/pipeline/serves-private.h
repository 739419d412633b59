/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/media.h"
#include "pipeline/serves.h"
#include "pipeline/spec.h"

G_BEGIN_DECLS

/* What serves.c (the routes, and what a pipeline serves) and serves-read.c (what its file says of
 * that) share. */

#define MEDLEY_SERVES_PARTS 4

/* Whether a part has to be there. */
typedef enum {
  MEDLEY_SERVES_OPTIONAL,
  MEDLEY_SERVES_REQUIRED, /* a parameter of its name will do as well */
  MEDLEY_SERVES_ONE_OF,   /* one at least of those that are marked so */
} MedleyServesNeed;

/* A field that carries content, or a part of the answer. */
typedef struct {
  const char *name;
  MedleyModality modality;
  MedleyServesNeed need;
  gboolean or_data; /* application/json will do as well */
} MedleyServesPart;

typedef struct {
  const char *name;
  MedleyServesPart inputs[MEDLEY_SERVES_PARTS];
  const char *parameters; /* fields that may set a parameter, separated by spaces */
  MedleyServesPart outputs[MEDLEY_SERVES_PARTS];
} MedleyServesRoute;

struct _MedleyServes {
  const MedleyServesRoute *route;
  const MedleySpec *spec; /* that it is a part of */
  GHashTable *inputs;     /* field → name */
  GHashTable *parameters; /* field → name */
  GHashTable *outputs;    /* role → name */
  GVariant *values;       /* a{sv}: field → a{sv} */
};

MedleyServes *
medley_serves_new (const MedleyServesRoute *route, const MedleySpec *spec);
void
medley_serves_free (MedleyServes *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyServes, medley_serves_free)

/* (nullable), as the next two */
const MedleyServesRoute *
medley_serves_find_route (const char *name);
const char *
medley_serves_nearest_route (const char *name);
const MedleyServesPart *
medley_serves_find_part (const MedleyServesPart *parts, const char *name);
/* (transfer full) (array zero-terminated=1) */
char **
medley_serves_part_names (const MedleyServesPart *parts);

G_END_DECLS
