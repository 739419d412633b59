/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/json.h"
#include "pipeline/pipeline.h"

G_BEGIN_DECLS

/* More faults than this are not listed: a hostile file has tens of thousands. */
#define MEDLEY_MAX_FAULTS 200

/**
 * MedleyFaultSink:
 * @faults: (element-type MedleyFault): where faults are collected
 * @map: (nullable): where each value of the file stands
 * @file: (nullable): the file
 *
 * Where the checks of one file report to.
 */
typedef struct {
  GPtrArray *faults;
  MedleyJsonMap *map;
  const char *file;
} MedleyFaultSink;

/**
 * medley_fault_add:
 * @sink: where to
 * @code: what kind of fault; see #MedleyFault
 * @pointer: JSON Pointer of the place
 * @suggestion: (nullable): the nearest valid name; the message is extended by it
 * @format: the message; names from the file are printed with a precision ("%.64s"), and what would
 * disturb a terminal is escaped
 * @...: its arguments
 *
 * Reports an error.
 */
void
medley_fault_add (MedleyFaultSink *sink, const char *code, const char *pointer,
                  const char *suggestion, const char *format, ...) G_GNUC_PRINTF (5, 6);

/* Likewise, but it does not keep the pipeline from running. */
void
medley_fault_warn (MedleyFaultSink *sink, const char *code, const char *pointer,
                   const char *suggestion, const char *format, ...) G_GNUC_PRINTF (5, 6);

/* Whether nothing more is listed, so that costly suggestions can be spared. */
gboolean
medley_fault_sink_is_full (const MedleyFaultSink *sink);

/* An error at a place that no map knows, of what stands at @pointer. */
void
medley_fault_add_at (MedleyFaultSink *sink, const char *code, const char *pointer, guint line,
                     guint column, const char *message);

/* (transfer full) (element-type MedleyFault): an empty list */
GPtrArray *
medley_faults_new (void);

MedleyFault *
medley_fault_copy (const MedleyFault *fault);

/* Sorts by place, faults of one place in the order in which they were found. */
void
medley_faults_sort (GPtrArray *faults);

G_END_DECLS
