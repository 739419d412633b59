/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/json-scan.h"

G_BEGIN_DECLS

/* Where each value of a text stands: json-scan.c fills it, json-map.c reads it. */

/* A value, or a member of an object: then the place is that of its key. Index 0 is the whole text.
 */
typedef struct {
  char *key; /* NULL for items of an array and for the whole text; owned by the map's chunk */
  guint first_child;
  guint last_child;
  guint next;
  guint n_children;
  gboolean is_object;
  MedleyJsonPlace place;
  /* Of a member that is not an object's first: bytes from the comma before it to behind its value.
   */
  gsize begin;
  gsize end;
} MedleyJsonNode;

typedef struct {
  MedleyJsonDuplicate told;
  gsize begin;
  gsize end;
} MedleyJsonKept;

G_STATIC_ASSERT (G_STRUCT_OFFSET (MedleyJsonKept, told) == 0);

struct _MedleyJsonMap {
  GArray *nodes;
  GStringChunk *keys;
  GPtrArray *duplicates; /* MedleyJsonKept */
};

#define MEDLEY_JSON_NODE(map, i) (&g_array_index ((map)->nodes, MedleyJsonNode, i))

MedleyJsonMap *
medley_json_map_new (void);

G_END_DECLS
