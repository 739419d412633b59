/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Which results of a plan's stages may be kept, under which names, and what is left to be done when
 * some of them are there already. Pure: no files, no threads; any thread.
 *
 * A stage's key is the SHA-256 of whatever its result depends on: the format of recordings, the
 * engine and its build, the properties that are set, and for each sink pad the key of what it
 * reads: of a stage its key and the port, of an input its content, its media type and the limits
 * that it is decoded under. A stage that is not deterministic has no key, and so has none after it.
 * Of a list of engines the first is meant.
 */

/**
 * medley_stage_keys_compute:
 * @plan: `a{sv}`, see pipeline/plan.h
 * @builds: (element-type utf8 utf8): deterministic engines, and what changes when their code does
 * @inputs: (element-type utf8 utf8): inputs whose content is known, and its SHA-256 and media type
 * as one string
 *
 * Returns: (transfer full) (element-type utf8 utf8): stages that may be kept, and their keys; "" as
 * long as the content of an input is not known that it depends on
 */
GHashTable *
medley_stage_keys_compute (GVariant *plan, GHashTable *builds, GHashTable *inputs);

/* (transfer full) (element-type utf8 utf8): inputs that results depend on which may be kept; a set
 */
GHashTable *
medley_stage_keys_list_inputs (GVariant *plan, GHashTable *builds);

/* (transfer full): the name of what a port of a stage gives, 64 hexadecimal digits */
char *
medley_stage_keys_port (const char *stage_key, const char *port);

typedef enum {
  MEDLEY_STAGE_RUN,    /* has to be done, and cannot be kept */
  MEDLEY_STAGE_RECORD, /* has to be done, and may be kept */
  MEDLEY_STAGE_REPLAY, /* is there */
  MEDLEY_STAGE_SPARED, /* is not needed, since what was made of it is there */
} MedleyStageFate;

/**
 * MedleyStageWork:
 * @name: the stage
 * @engine: the first engine of its list, "" for an element
 * @fate: what becomes of it
 * @key: its key, "" when unknown
 * @ports: (array zero-terminated=1): its ports that are read
 */
typedef struct {
  char *name;
  char *engine;
  MedleyStageFate fate;
  char *key;
  char **ports;
} MedleyStageWork;

void
medley_stage_work_free (MedleyStageWork *self);

/* Whether all ports of a stage are there. Asked once for a stage that has a key and is needed. */
typedef gboolean (*MedleyStageLookup) (const char *stage, const char *key, const char *const *ports,
                                       gpointer data);

/**
 * medley_stage_keys_divide:
 * @plan: `a{sv}`
 * @keys: as medley_stage_keys_compute() gave them
 * @lookup: tells what is there
 * @data: for @lookup
 *
 * Walks from the outputs to the inputs, as far as nothing is there.
 *
 * Returns: (transfer full) (element-type MedleyStageWork): all stages, in the plan's order
 */
GPtrArray *
medley_stage_keys_divide (GVariant *plan, GHashTable *keys, MedleyStageLookup lookup,
                          gpointer data);

/**
 * medley_stage_keys_rewrite:
 * @plan: `a{sv}`
 * @work: (element-type MedleyStageWork): of this plan
 *
 * Returns: (transfer full): the plan with what is left: replayed stages read nothing, stages that
 * are not needed and inputs that nobody reads are gone. Not floating
 */
GVariant *
medley_stage_keys_rewrite (GVariant *plan, GPtrArray *work);

G_END_DECLS
