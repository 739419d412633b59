/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "pipeline/spec.h"

G_BEGIN_DECLS

/**
 * MedleyServes:
 *
 * How a pipeline answers one route of the OpenAI-compatible interface: which of its inputs,
 * parameters and outputs stand for which fields of a request and which parts of an answer. All
 * names in it exist. Immutable; lives as long as its pipeline.
 */
typedef struct _MedleyServes MedleyServes;

/**
 * medley_pipeline_get_serves:
 * @self: a pipeline
 * @route: a route below /v1 ("audio/speech")
 *
 * Returns: (transfer none) (nullable): how it answers the route, %NULL when it does not
 */
const MedleyServes *
medley_pipeline_get_serves (MedleyPipeline *self, const char *route);

/* (transfer container) (array zero-terminated=1): the routes it serves, in the file's order */
const char **
medley_pipeline_list_serves (MedleyPipeline *self);

/* (transfer none) (nullable): the pipeline's input that a field of a request goes to */
const char *
medley_serves_get_input (const MedleyServes *self, const char *field);
/* (transfer none) (nullable): the pipeline's parameter that a field of a request sets */
const char *
medley_serves_get_parameter (const MedleyServes *self, const char *field);
/* (transfer none) (nullable): the pipeline's output that has a role in the answer: "audio", "text",
 * "captions", "image", "previews", "video", "embedding" */
const char *
medley_serves_get_output (const MedleyServes *self, const char *role);

/**
 * medley_serves_accept:
 * @self: how a route is answered
 * @field: a field that stands for a parameter
 * @value: what the client gave, of any basic type
 * @from_text: whether a string stands for a number or a boolean, as in a form
 * @reason: (out) (transfer full): why the value is refused: "must be ..."
 *
 * Returns: (transfer full) (nullable): what the parameter gets, in its type: the value that the
 * file puts in the place of @value under "values", or @value itself
 */
GVariant *
medley_serves_accept (const MedleyServes *self, const char *field, GVariant *value,
                      gboolean from_text, char **reason);

/**
 * medley_serves_list_values:
 * @self: how a route is answered
 * @field: a field
 *
 * Returns: (transfer full) (array zero-terminated=1): the values of @field that the file puts
 * others in the place of, in its order; empty when there are none
 */
char **
medley_serves_list_values (const MedleyServes *self, const char *field);

/**
 * medley_serves_table:
 *
 * Returns: (transfer floating): `a{sv}`: each route that a pipeline can serve → `a{sv}` with
 * "inputs", "parameters" and "outputs", `as`: the names that may stand there
 */
GVariant *
medley_serves_table (void);

/* For the reader of pipeline files. */

/**
 * medley_serves_read:
 * @sink: where faults go
 * @spec: a file, read but for this; gets a #MedleyServes for each route that it can answer
 * @value: (nullable): its member "serves"
 *
 * Reports unknown routes, fields and names, and what a pipeline lacks to answer a route.
 */
void
medley_serves_read (MedleyFaultSink *sink, MedleySpec *spec, GVariant *value);

/* (transfer full): an empty list of MedleyServes */
GPtrArray *
medley_serves_list_new (void);

/* (transfer floating): `a{sv}`: route → `a{sv}` with "inputs", "parameters" (field → name, a{sv}),
 * "outputs" (role → name) and, where there are any, "values" (field → a{sv}) */
GVariant *
medley_serves_describe (GPtrArray *all);

G_END_DECLS
