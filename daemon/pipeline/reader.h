/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "pipeline/fault.h"

G_BEGIN_DECLS

/* Most entries of one list or map of a file (inputs, parameters, outputs, choices ...). */
#define MEDLEY_MAX_ENTRIES 256

/**
 * MedleyKey:
 * @name: a key
 * @types: letters of the types that its value may have: s string, b boolean, x whole number, n any
 * number, a array, o object, v anything
 * @required: whether it must be there
 *
 * What an object of a file may hold. A list of keys ends with one without a name.
 */
typedef struct {
  const char *name;
  const char *types;
  gboolean required;
} MedleyKey;

/**
 * medley_read_object:
 * @sink: where faults go
 * @value: a value of the file
 * @pointer: where it stands
 * @what: what it is, for messages ("a stage")
 * @keys: what it may hold
 *
 * Reports unknown and missing keys and wrong types.
 *
 * Returns: whether it is an object at all
 */
gboolean
medley_read_object (MedleyFaultSink *sink, GVariant *value, const char *pointer, const char *what,
                    const MedleyKey *keys);

/* (transfer full) (nullable): a member when it is there and has one of the types; reports nothing
 */
GVariant *
medley_read_member (GVariant *object, const char *key, const char *types);

/* (transfer full) (nullable): likewise */
char *
medley_read_string (GVariant *object, const char *key);

/* Reports a wrong type. */
gboolean
medley_check_type (MedleyFaultSink *sink, GVariant *value, const char *pointer, const char *types);

/* @pointer, "" or a member of @object */
typedef void (*MedleyEntryFunc) (const char *name, GVariant *value, const char *pointer,
                                 gpointer data);

/**
 * medley_read_entries:
 * @sink: where faults go
 * @object: (nullable): an object whose keys are names of the file's own
 * @pointer: where it stands
 * @what: what an entry is called ("stage")
 * @max: most entries; past them it is a fault and nothing is read
 * @func: called for each entry with a valid name
 * @data: for @func
 */
void
medley_read_entries (MedleyFaultSink *sink, GVariant *object, const char *pointer, const char *what,
                     guint max, MedleyEntryFunc func, gpointer data);

G_END_DECLS
