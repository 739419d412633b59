/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "pipeline/reader.h"
#include "pipeline/spec.h"

G_BEGIN_DECLS

/* What the parts of a pipeline file are read with; only the files of spec.h see it. */
typedef struct {
  MedleyFaultSink *sink;
  MedleySpec *spec;
} MedleySpecReading;

/* (transfer full): an empty list of MedleyLink */
GPtrArray *
medley_spec_links_new (void);
/* The sources that the member "from" of @object names, in any form of @types that
 * medley_check_type() knows. (transfer full): of MedleyLink, those without faults */
GPtrArray *
medley_spec_read_from (MedleySpecReading *r, GVariant *object, const char *pointer,
                       const char *types);
/* A MedleyEntryFunc whose @data is a MedleySpecReading: adds the stage @name. */
void
medley_spec_read_stage (const char *name, GVariant *value, const char *pointer, gpointer data);

G_END_DECLS
